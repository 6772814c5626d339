//! Reactions, pressed buttons and cards shown to one person: who may, what is kept, and what goes with the message.

use std::sync::Arc;

use redraft_model::command::{Post, ReplyTo};
use redraft_model::control::Control;
use redraft_model::decision::Change;
use redraft_model::event::EventKind as K;
use redraft_model::id::{AppId, UserId};
use redraft_model::interaction::Act;
use redraft_model::limits::{REACTION_EMOJI_MAX, REACTIONS_MAX, REACTIONS_OF_ONE_MAX};
use redraft_model::message::{Message, PersonalView, Reaction, Revision, State};
use redraft_model::time::Ts;

use crate::world::*;

fn out(refusal: &str) -> String {
    format!("Interaction({refusal})")
}

fn acts() -> [Act; 4] {
    [
        Act::React("eyes".into()),
        Act::Unreact("eyes".into()),
        Act::Submit { content: text("pressed"), shown: None },
        Act::Show(MIA, text("yours")),
    ]
}

/// Whatever the act.
#[test]
fn refusals_in_order_of_precedence() {
    let stage = || {
        let mut world = World::new();
        let tombstone = world.tombstone(ALPHA_BOT, PUBLIC).0;
        let of_beta = world.whisper(BETA_BOT, GENERAL, MIA);
        let old = world.whisper(ALPHA_BOT, GENERAL, MIA);
        world.now = world.now.plus(DAY + SECOND);
        let to_ivo = world.whisper(BETA_BOT, GENERAL, IVO);
        (world, tombstone, of_beta, old, to_ivo)
    };
    let (_, tombstone, of_beta, old, to_ivo) = stage();
    // Each row repairs one fault of the row above, or has another of its rank.
    for (caller, conversation, ts, archive, expect) in [
        (SAM_HIMSELF, NOWHERE, NEVER, true, "ConversationNotFound"),
        (SAM_HIMSELF, PRIVATE, NEVER, true, "ConversationNotFound"),
        (DELTA_BOT, PUBLIC, NEVER, true, "ConversationNotFound"),
        (DELTA_BOT, PRIVATE, NEVER, true, "NoLongerMember"),
        (SAM_HIMSELF, PUBLIC, NEVER, true, "Archived"),
        (SAM_HIMSELF, PUBLIC, tombstone, false, "NotMember"),
        (MIA_HERSELF, PUBLIC, NEVER, false, "MessageNotFound"),
        (MIA_HERSELF, GENERAL, to_ivo, false, "MessageNotFound"),
        (ALPHA_BOT, GENERAL, to_ivo, false, "MessageNotFound"),
        (MIA_HERSELF, GENERAL, of_beta, false, "MessageNotFound"),
        (ALPHA_BOT, GENERAL, old, false, "MessageNotFound"),
        (ALPHA_BOT, PUBLIC, tombstone, false, "Tombstone"),
        (MIA_HERSELF, PUBLIC, tombstone, false, "Tombstone"),
    ] {
        for asked in acts() {
            let mut world = stage().0;
            world.control(set_archived(PUBLIC, archive));
            let asked = act(conversation, ts, asked);
            assert_eq!(world.tell(caller, asked), out(expect), "{caller:?} {conversation:?} {ts:?}");
        }
    }
}

#[test]
fn reacting_twice_is_reacting_once() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let added = |name: &str| K::ReactionAdded { conversation: PUBLIC, message: ts, name: name.into() };
    let removed = |name: &str| K::ReactionRemoved { conversation: PUBLIC, message: ts, name: name.into() };
    for (caller, asked, told, event) in [
        (MIA_HERSELF, unreact(PUBLIC, ts, "eyes"), "no change", None),
        (MIA_HERSELF, react(PUBLIC, ts, "eyes"), "reacted", Some(added("eyes"))),
        (MIA_HERSELF, react(PUBLIC, ts, "eyes"), "no change", None),
        (ALPHA_MIA, react(PUBLIC, ts, "eyes"), "no change", None),
        (IVO_HIMSELF, react(PUBLIC, ts, "eyes"), "reacted", Some(added("eyes"))),
        (GAMMA_BOT, react(PUBLIC, ts, "eyes"), "reacted", Some(added("eyes"))),
        (MIA_HERSELF, react(PUBLIC, ts, "tada"), "reacted", Some(added("tada"))),
        (ALPHA_BOT, unreact(PUBLIC, ts, "eyes"), "no change", None),
        (MIA_HERSELF, unreact(PUBLIC, ts, "eyes"), "reacted", Some(removed("eyes"))),
        (MIA_HERSELF, unreact(PUBLIC, ts, "eyes"), "no change", None),
        (MIA_HERSELF, react(PUBLIC, ts, "eyes"), "reacted", Some(added("eyes"))),
    ] {
        let before = world.logs[&HOME].len();
        assert_eq!(world.tell(caller, asked.clone()), told, "{caller:?} {asked:?}");
        let events: Vec<K> = world.logs[&HOME][before..].iter().map(|event| event.kind.clone()).collect();
        assert_eq!(events, event.as_slice(), "{caller:?} {asked:?}");
    }
    // The last one came anew, so it is the last.
    assert_eq!(names(&world, ts), [("eyes", IVO), ("eyes", GAMMA), ("tada", MIA), ("eyes", MIA)]);
}

/// A message's reactions, in their order.
fn names(world: &World, ts: Ts) -> Vec<(&str, UserId)> {
    let of_it = world.reactions.iter().filter(|(of, _)| of.ts == ts);
    of_it.map(|(_, reaction)| (&*reaction.name, reaction.user)).collect()
}

/// The message is marked, so that others need not look for reactions, and nothing else of it changes.
#[test]
fn what_a_reaction_writes() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let before = Message::clone(world.message(PUBLIC, ts).unwrap());
    let moment = world.moment(HOME);
    world.tell(MIA_HERSELF, react(PUBLIC, ts, "eyes"));
    let reaction = Reaction { since: moment.ts, name: "eyes".into(), user: MIA };
    assert_eq!(world.reactions, [(before.key, reaction)].into());
    assert_eq!(**world.message(PUBLIC, ts).unwrap(), Message { marked: true, ..before });
    let again = world.run(&command(IVO_HIMSELF, react(PUBLIC, ts, "eyes"))).unwrap();
    assert!(again.changes.iter().all(|change| !matches!(change, Change::PutMessage(_))), "marked once");
}

#[test]
fn a_message_has_a_thousand_reactions_at_most() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    world.tell(MIA_HERSELF, react(PUBLIC, ts, "eyes"));
    for number in 2..REACTIONS_MAX {
        let since = Ts(ts.0 - i64::try_from(number).unwrap());
        let user = UserId(u32::try_from(number).unwrap() + 1000);
        let reaction = Reaction { since, name: format!("custom-{}", number % 40).into(), user };
        world.reactions.insert((key(PUBLIC, ts), reaction));
    }
    assert_eq!(world.tell(IVO_HIMSELF, react(PUBLIC, ts, "eyes")), "reacted");
    assert_eq!(names(&world, ts).len(), 1_000);
    assert_eq!(world.tell(IVO_HIMSELF, react(PUBLIC, ts, "tada")), out("TooManyReactions"));
    assert_eq!(world.tell(MIA_HERSELF, react(PUBLIC, ts, "eyes")), "no change");
    assert_eq!(world.tell(MIA_HERSELF, unreact(PUBLIC, ts, "eyes")), "reacted");
    assert_eq!(world.tell(IVO_HIMSELF, react(PUBLIC, ts, "tada")), "reacted");
}

#[test]
fn fifty_emoji_and_twenty_three_of_one() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    for number in 0..REACTIONS_OF_ONE_MAX {
        for caller in [MIA_HERSELF, IVO_HIMSELF] {
            let name = format!("{caller:?}-{number}");
            assert_eq!(world.tell(caller, react(PUBLIC, ts, &name)), "reacted", "{number}");
        }
    }
    assert_eq!(world.tell(MIA_HERSELF, react(PUBLIC, ts, "one-more")), out("TooManyOfOne"));
    for number in 2 * REACTIONS_OF_ONE_MAX..REACTION_EMOJI_MAX {
        let name = format!("ada-{number}");
        assert_eq!(world.tell(ADA_HERSELF, react(PUBLIC, ts, &name)), "reacted");
    }
    assert_eq!(world.tell(ADA_HERSELF, react(PUBLIC, ts, "one-more")), out("TooManyEmoji"));
    assert_eq!(world.tell(ADA_HERSELF, react(PUBLIC, ts, "ada-46")), "no change");
    assert_eq!(world.tell(GAMMA_BOT, react(PUBLIC, ts, "ada-46")), "reacted", "an emoji that is there");
    assert_eq!(world.tell(ADA_HERSELF, unreact(PUBLIC, ts, "ada-47")), "reacted");
    assert_eq!(world.tell(ADA_HERSELF, react(PUBLIC, ts, "one-more")), "reacted");
}

/// Its one reader acts on a message as on any other, while it lasts.
#[test]
fn the_reader_of_a_message_for_one_acts_on_it() {
    for (asked, told) in [
        (Act::React("eyes".into()), "reacted"),
        (Act::Unreact("eyes".into()), "no change"),
        (Act::Submit { content: text("pressed"), shown: None }, "done"),
    ] {
        let mut world = World::new();
        let ts = world.whisper(GAMMA_BOT, GROUP, MIA);
        let asked = act(GROUP, ts, asked);
        world.now = redraft_model::time::Micros(ts.0 + DAY - 1);
        assert_eq!(world.tell(SAM_HIMSELF, asked.clone()), out("MessageNotFound"));
        assert_eq!(world.tell(MIA_HERSELF, asked.clone()), told);
        world.now = world.now.plus(1);
        assert_eq!(world.tell(MIA_HERSELF, asked.clone()), out("MessageNotFound"));
        assert_eq!(world.tell(GAMMA_BOT, asked), out("MessageNotFound"));
    }
    let mut world = World::new();
    let ts = world.whisper(GAMMA_BOT, GROUP, MIA);
    assert_eq!(world.tell(GAMMA_BOT, show(GROUP, ts, MIA, "yours")), "done");
}

/// What was pressed lies where its event is, and the message knows nothing of it.
#[test]
fn what_a_pressed_button_writes() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    world.tell(ALPHA_BOT, edit(PUBLIC, ts));
    let before = Arc::clone(world.message(PUBLIC, ts).unwrap());
    let moment = world.moment(HOME);
    assert_eq!(world.tell(MIA_HERSELF, submit(PUBLIC, ts, "pressed")), "done");
    assert_eq!(world.message(PUBLIC, ts), Some(&before));
    assert_eq!(world.events(1), [K::CardSubmitted { conversation: PUBLIC, message: ts, to: ALPHA_APP }]);
    let expected = Revision {
        key: before.key,
        position: moment.position,
        number: 2.try_into().unwrap(),
        previous: None,
        by: MIA,
        at: moment.at,
    };
    assert_eq!(world.revisions[&(HOME, moment.position)], (expected, text("pressed")));
    assert_eq!(world.tell(MIA_HERSELF, submit(PUBLIC, ts, "pressed")), "done");
    assert_eq!(world.contents(PUBLIC, ts), ["old", "new", "pressed", "pressed"]);
}

/// What a button makes a person say is theirs, came through the app, and goes with the press or not at all.
#[test]
fn what_a_pressed_button_says() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let moment = world.moment(HOME);
    let said = Post { reply_to: ReplyTo::message(ts), ..post(PUBLIC) };
    let pressed =
        |said: Post| act(PUBLIC, ts, Act::Submit { content: text("pressed"), shown: Some(Box::new(said)) });
    let wrong = Post { fault: fault(), ..said.clone() };
    let refused = world.tell(MIA_HERSELF, pressed(wrong));
    assert!(refused.starts_with("Post(Content"), "{refused}");
    assert_eq!(world.moment(HOME), moment);
    assert_eq!(world.tell(MIA_HERSELF, pressed(said)), "done");
    let shown = world.message(PUBLIC, moment.ts).unwrap();
    assert_eq!((shown.author, shown.app, shown.as_app, shown.root), (MIA, Some(ALPHA_APP), false, Some(ts)));
    assert_eq!(world.message(PUBLIC, ts).unwrap().thread.as_ref().map(|thread| thread.replies), Some(1));
    assert_eq!(
        world.events(2),
        [
            K::MessagePosted { conversation: PUBLIC, root: Some(ts), only: None },
            K::CardSubmitted { conversation: PUBLIC, message: ts, to: ALPHA_APP },
        ]
    );
    assert!(world.logs[&HOME].iter().rev().take(2).all(|event| event.app == Some(ALPHA_APP)));
}

/// Only where an app hears of it.
#[test]
fn whose_buttons_can_be_pressed() {
    for (author, told) in
        [(ALPHA_BOT, "done"), (GAMMA_BOT, "done"), (ALPHA_IVO, &*out("NoApp")), (IVO_HIMSELF, &*out("NoApp"))]
    {
        let mut world = World::new();
        let ts = world.say(author, PUBLIC);
        assert_eq!(world.tell(MIA_HERSELF, submit(PUBLIC, ts, "pressed")), told, "{author:?}");
        world.control(Control::UninstallApp(ALPHA_APP));
        world.control(Control::UninstallApp(GAMMA_APP));
        assert_eq!(world.tell(MIA_HERSELF, submit(PUBLIC, ts, "pressed")), out("NoApp"), "{author:?}");
    }
}

#[test]
fn only_the_cards_app_shows_it_differently() {
    let mut world = World::new();
    let (of_bot, of_person) = (world.say(ALPHA_BOT, GENERAL), world.say(MIA_HERSELF, GENERAL));
    let through_app = world.say(ALPHA_MIA, GENERAL);
    for (caller, ts, told) in [
        (ALPHA_BOT, of_bot, "done"),
        (ALPHA_BOT, through_app, "done"),
        (BETA_BOT, of_bot, &*out("NotAuthor")),
        (GAMMA_BOT, of_bot, &*out("NotAuthor")),
        (ALPHA_IVO, of_bot, &*out("NotAuthor")),
        (MIA_HERSELF, of_bot, &*out("NotAuthor")),
        (ALPHA_BOT, of_person, &*out("NotAuthor")),
        (MIA_HERSELF, of_person, &*out("NotAuthor")),
    ] {
        assert_eq!(world.tell(caller, show(GENERAL, ts, MIA, "yours")), told, "{caller:?} {ts:?}");
    }
}

/// Each person has one view of a card at most, and of the one before nothing is kept.
#[test]
fn what_a_view_writes() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let before = Message::clone(world.message(PUBLIC, ts).unwrap());
    let of_it = before.key;
    for (user, words, kept) in [
        (MIA, "for Mia", &["old", "for Mia"][..]),
        (IVO, "for Ivo", &["old", "for Mia", "for Ivo"]),
        (MIA, "for her again", &["old", "for Ivo", "for her again"]),
    ] {
        let moment = world.moment(HOME);
        assert_eq!(world.tell(ALPHA_BOT, show(PUBLIC, ts, user, words)), "done");
        assert_eq!(world.contents(PUBLIC, ts), kept);
        let view = PersonalView { revision: 1.try_into().unwrap(), content_at: moment.position };
        assert_eq!(world.views.get(&(of_it, user)), Some(&view));
        assert_eq!(world.events(1), [K::ViewShown { conversation: PUBLIC, message: ts, user }]);
        assert_eq!(world.revisions[&(HOME, moment.position)].0.previous, None);
        assert_eq!(**world.message(PUBLIC, ts).unwrap(), Message { marked: true, ..before.clone() });
    }
    assert_eq!(world.views.len(), 2);
}

/// A view names the revision that it stands for, so a later one is shown to everybody again.
#[test]
fn a_view_is_of_one_revision() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    world.tell(ALPHA_BOT, show(PUBLIC, ts, MIA, "first"));
    assert_eq!(world.tell(ALPHA_BOT, edit(PUBLIC, ts)), "revision 2");
    let shown = |world: &World| world.views[&(key(PUBLIC, ts), MIA)].revision;
    let current = |world: &World| world.message(PUBLIC, ts).unwrap().revision().unwrap();
    assert!(shown(&world) < current(&world), "it is over");
    world.tell(ALPHA_BOT, show(PUBLIC, ts, MIA, "second"));
    assert_eq!(shown(&world), current(&world));
    assert_eq!(world.contents(PUBLIC, ts), ["old", "new", "second"]);
    assert!(world.message(PUBLIC, ts).unwrap().marked, "an update takes no reaction away");
}

/// With the message go its reactions and the views of its card, also where a tombstone stays.
#[test]
fn deleting_clears_what_hangs_on_a_message() {
    for (replies, broadcast_reply) in [(false, false), (true, false), (false, true)] {
        let mut world = World::new();
        let other = world.say(ALPHA_BOT, PUBLIC);
        let ts = match broadcast_reply {
            true => world.reply(ALPHA_BOT, PUBLIC, other),
            false => world.say(ALPHA_BOT, PUBLIC),
        };
        if replies {
            world.reply(ALPHA_MIA, PUBLIC, ts);
        }
        for ts in [other, ts] {
            world.tell(MIA_HERSELF, react(PUBLIC, ts, "eyes"));
            world.tell(IVO_HIMSELF, react(PUBLIC, ts, "eyes"));
            world.tell(ALPHA_BOT, show(PUBLIC, ts, MIA, "hers"));
            world.tell(ALPHA_BOT, show(PUBLIC, ts, IVO, "his"));
        }
        assert_eq!((world.reactions.len(), world.views.len()), (4, 4));
        assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, ts)), "deleted");
        assert_eq!(world.contents(PUBLIC, ts), ["old"], "the last content is for administrators");
        assert!(names(&world, ts).is_empty());
        assert_eq!((world.reactions.len(), world.views.len()), (2, 2), "the other message keeps its own");
        if let Some(tombstone) = world.message(PUBLIC, ts) {
            assert!(replies && matches!(tombstone.state, State::Tombstone { .. }) && !tombstone.marked);
        }
    }
}

/// A deletion writes as little as it can.
#[test]
fn nothing_is_cleared_of_a_message_without_marks() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let decision = world.run(&command(ALPHA_BOT, erase(PUBLIC, ts))).unwrap();
    assert!(decision.changes.iter().all(|change| !matches!(change, Change::ClearMarks(_))));
}

/// An app that is not there posted nothing that could be pressed.
#[test]
fn an_unknown_app_hears_nothing() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let message = Message { app: Some(AppId(99)), ..Message::clone(world.message(PUBLIC, ts).unwrap()) };
    world.messages.insert(message.key, Arc::new(message));
    assert_eq!(world.tell(MIA_HERSELF, submit(PUBLIC, ts, "pressed")), out("NoApp"));
}
