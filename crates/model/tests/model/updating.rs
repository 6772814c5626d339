//! Updates: refusals in order of precedence, and what an accepted one writes.

use redraft_model::command::{Caller, Update, Verb};
use redraft_model::content::{Change as Part, Content, Dialect, Patch};
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind;
use redraft_model::id::ConversationId;
use redraft_model::message::{Edited, State};
use redraft_model::time::Ts;
use redraft_model::workspace::Settings;

use crate::world::*;

/// A world two days on, with one message for each rule.
struct Stage {
    world: World,
    ephemeral: Ts,
    tombstone: Ts,
    of_ivo: Ts,
    old: Ts,
    old_reply: Ts,
    young: Ts,
}

fn stage() -> Stage {
    let mut world = World::new();
    let old = world.say(ALPHA_MIA, PRIVATE);
    world.now = time_of(old).plus(DAY);
    let old_reply = world.reply(ALPHA_MIA, PRIVATE, old);
    world.now = time_of(old_reply).plus(DAY);
    let ephemeral = world.whisper(ALPHA_BOT, PRIVATE, MIA);
    let (tombstone, _) = world.tombstone(ALPHA_IVO, PRIVATE);
    let of_ivo = world.say(ALPHA_IVO, PRIVATE);
    let young = world.say(ALPHA_MIA, PRIVATE);
    world.settings(Settings { edit_window_micros: Some(2 * DAY), ..Settings::default() });
    Stage { world, ephemeral, tombstone, of_ivo, old, old_reply, young }
}

fn time_of(ts: Ts) -> redraft_model::time::Micros {
    redraft_model::time::Micros(ts.0)
}

fn nothing() -> Patch {
    Patch::keep_all(Dialect::Slack)
}

fn emptied() -> Patch {
    Patch { text: Part::Clear, given: true, ..nothing() }
}

#[test]
fn refusals_in_order_of_precedence() {
    let Stage { mut world, ephemeral, tombstone, of_ivo, old, old_reply, young } = stage();
    let mut check =
        |caller, conversation: ConversationId, ts, if_revision, patch: Patch, faulty, broadcast, expect| {
            let fault = if faulty { fault() } else { None };
            let asked = Update { conversation, ts, patch, fault, broadcast, targeted: None, if_revision };
            assert_eq!(world.tell(caller, Verb::Update(asked)), expect);
        };
    let content = "Update(Content(ContentFault { code: \"msg_too_long\", reasons: [] }))";
    let two = Some(2);
    let one = Some(1);
    // Each row repairs one fault of the row above.
    check(ALPHA_SAM, ARCHIVED, NEVER, two, nothing(), false, false, "Update(ConversationNotFound)");
    check(DELTA_BOT, ARCHIVED, NEVER, two, nothing(), false, false, "Update(NoLongerMember)");
    check(ALPHA_MIA, ARCHIVED, NEVER, two, nothing(), false, false, "Update(Archived)");
    check(ALPHA_MIA, PRIVATE, NEVER, two, nothing(), false, false, "Update(MessageNotFound)");
    check(ALPHA_MIA, PRIVATE, ephemeral, two, nothing(), false, false, "Update(Ephemeral)");
    check(ALPHA_MIA, PRIVATE, tombstone, two, nothing(), false, false, "Update(Tombstone)");
    check(ALPHA_MIA, PRIVATE, of_ivo, two, nothing(), false, false, "Update(NotAuthor(NotPostedByThisUser))");
    check(ALPHA_MIA, PRIVATE, old, two, nothing(), false, false, "Update(EditWindowClosed)");
    check(ALPHA_MIA, PRIVATE, young, two, nothing(), false, false, "Update(StaleRevision(1))");
    check(ALPHA_MIA, PRIVATE, young, one, nothing(), false, false, "Update(NoContent)");
    check(ALPHA_MIA, PRIVATE, young, one, emptied(), false, true, "Update(NoContent)");
    check(ALPHA_MIA, PRIVATE, young, one, emptied(), true, true, content);
    check(ALPHA_MIA, PRIVATE, young, one, nothing(), true, false, content);
    check(ALPHA_MIA, PRIVATE, young, one, new_text("x"), false, true, "Update(NotAReply)");
    check(ALPHA_MIA, PRIVATE, young, one, nothing(), false, true, "Update(NotAReply)");
    check(ALPHA_MIA, PRIVATE, old_reply, one, new_text("x"), false, true, "Update(BroadcastWithContent)");
    check(ALPHA_MIA, PRIVATE, old_reply, one, nothing(), false, true, "revision 1");
    check(ALPHA_MIA, PRIVATE, old_reply, one, nothing(), false, true, "Update(NoContent)");
    check(ALPHA_MIA, PRIVATE, old_reply, one, new_text("x"), false, true, "revision 2");
    check(ALPHA_MIA, PRIVATE, old_reply, one, new_text("y"), false, false, "Update(StaleRevision(2))");
    check(ALPHA_MIA, PRIVATE, old_reply, two, new_text("y"), false, false, "revision 3");
    check(ALPHA_MIA, PRIVATE, young, None, new_text("x"), false, false, "revision 2");
}

#[test]
fn a_refusal_names_the_actor_and_a_message_that_it_may_know_of() {
    let Stage { mut world, of_ivo, ephemeral, .. } = stage();
    let mut told = |caller: Caller, conversation, ts| {
        let refusal = world.run(&command(caller, edit(conversation, ts))).unwrap_err();
        (refusal.actor.map(|actor| actor.user), refusal.message.map(|message| message.key.ts))
    };
    assert_eq!(told(ALPHA_MIA, PRIVATE, of_ivo), (Some(MIA), Some(of_ivo)));
    assert_eq!(told(ALPHA_MIA, PRIVATE, ephemeral), (Some(MIA), Some(ephemeral)));
    assert_eq!(told(ALPHA_IVO, PRIVATE, ephemeral), (Some(IVO), None), "the app's, and for another");
    assert_eq!(told(BETA_MIA, PRIVATE, ephemeral), (Some(MIA), None));
    assert_eq!(told(ALPHA_SAM, PRIVATE, of_ivo), (Some(SAM), None));
    assert_eq!(told(GAMMA_BOT, PUBLIC, NEVER), (Some(GAMMA), None));
    assert_eq!(told(Caller::Token(hash(1, 99)), PRIVATE, of_ivo), (None, None));
}

#[test]
fn an_update_adds_a_revision_and_moves_nothing() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let ts = world.reply(ALPHA_BOT, PUBLIC, root);
    let before = world.message(PUBLIC, ts).unwrap().clone();
    world.now = START.plus(HOUR);
    let decision = world.run(&command(ALPHA_BOT, edit(PUBLIC, ts))).unwrap();

    let after = world.message(PUBLIC, ts).unwrap();
    let position = decision.events[0].position;
    let mut expected = (*before).clone();
    let edited = Some(Edited { by: ALPHA, at: world.now });
    expected.state = State::Live { revision: 2.try_into().unwrap(), edited };
    expected.content_at = position;
    assert_eq!(**after, expected);

    let (revision, content) = &world.revisions[&(HOME, position)];
    assert_eq!((revision.number.get(), revision.previous, revision.by), (2, Some(before.content_at), ALPHA));
    assert_eq!((revision.at, revision.key, content.text.as_str()), (world.now, after.key, "new"));
    assert_eq!(
        world.events(1),
        [EventKind::MessageUpdated { conversation: PUBLIC, message: ts, revision: 2 }]
    );
    assert_eq!((decision.events[0].by, decision.events[0].app), (Some(ALPHA), Some(ALPHA_APP)));
    let Outcome::Updated(posted) = decision.outcome else { panic!("not updated") };
    assert_eq!((posted.root_author, posted.thread_ignored), (Some(ALPHA), false));
    assert_eq!(*posted.content, Content::text(Dialect::Slack, "new"));
}

#[test]
fn the_author_of_a_root_is_told_while_it_lives() {
    let mut world = World::new();
    let (_, reply) = world.tombstone(ALPHA_BOT, PUBLIC);
    let root = world.say(ALPHA_IVO, PUBLIC);
    let mut author = |ts| match world.run(&command(ALPHA_MIA, edit(PUBLIC, ts))).unwrap().outcome {
        Outcome::Updated(posted) => posted.root_author,
        _ => panic!("not updated"),
    };
    assert_eq!(author(reply), None);
    let under = world.reply(ALPHA_MIA, PUBLIC, root);
    let mut author = |ts| match world.run(&command(ALPHA_MIA, edit(PUBLIC, ts))).unwrap().outcome {
        Outcome::Updated(posted) => posted.root_author,
        _ => panic!("not updated"),
    };
    assert_eq!(author(under), Some(IVO));
}

#[test]
fn broadcasting_alone_keeps_the_revision_and_the_content() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let ts = world.reply(ALPHA_BOT, PUBLIC, root);
    let show = |patch| Verb::Update(Update { broadcast: true, patch, ..update(PUBLIC, ts) });
    assert_eq!(world.tell(ALPHA_BOT, show(nothing())), "revision 1");
    let shown = EventKind::BroadcastChanged { conversation: PUBLIC, message: ts, shown: true };
    assert_eq!(world.events(1), [shown]);
    assert!(world.message(PUBLIC, ts).unwrap().broadcast);
    assert_eq!(world.content_of(PUBLIC, ts).text, "old");

    let ts = world.reply(ALPHA_BOT, PUBLIC, root);
    let both = Verb::Update(Update { broadcast: true, ..update(PUBLIC, ts) });
    assert_eq!(world.tell(ALPHA_BOT, both), "revision 2");
    let shown = EventKind::BroadcastChanged { conversation: PUBLIC, message: ts, shown: true };
    let updated = EventKind::MessageUpdated { conversation: PUBLIC, message: ts, revision: 2 };
    assert_eq!(world.events(2), [updated, shown]);
}

/// From the first moment of its second day on, a reply is old.
#[test]
fn an_old_reply_is_broadcast_and_changed_in_two_calls() {
    for (age, expect) in [(DAY - 1, "revision 2"), (DAY, "Update(BroadcastWithContent)")] {
        let mut world = World::new();
        let root = world.say(ALPHA_BOT, PUBLIC);
        let ts = world.reply(ALPHA_BOT, PUBLIC, root);
        world.now = time_of(ts).plus(age);
        let both = Verb::Update(Update { broadcast: true, ..update(PUBLIC, ts) });
        assert_eq!(world.tell(ALPHA_BOT, both), expect, "{age}");
    }
}

/// The old content may have been erased, by a retention rule say; a patch that keeps parts of it keeps nothing then.
#[test]
fn a_patch_over_erased_content_stands_alone() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    world.revisions.clear();
    let metadata = Patch { metadata: Part::Set("{}".into()), given: true, ..nothing() };
    let asked = |patch| Verb::Update(Update { patch, ..update(PUBLIC, ts) });
    assert_eq!(world.tell(ALPHA_BOT, asked(metadata)), "Update(NoContent)");
    assert_eq!(world.tell(ALPHA_BOT, asked(new_text("x"))), "revision 2");
}

/// A patch that keeps nothing of what there is doesn't look at the old content; one that does, does.
#[test]
fn the_old_content_is_asked_for_only_where_it_matters() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let whole = Patch {
        dialect: Dialect::Connector,
        text: Part::Set("x".into()),
        blocks: Part::Clear,
        attachments: Part::Clear,
        metadata: Part::Clear,
        activity: Part::Set("{}".into()),
        files: Part::Clear,
        given: true,
    };
    let same_text = Patch { text: Part::Keep, ..new_text("x") };
    // The message is always looked at; the content is the second round. A text message has nothing but text to keep.
    for (patch, rounds) in [(whole, 2), (new_text("x"), 2), (same_text, 3)] {
        let asked = command(ALPHA_BOT, Verb::Update(Update { patch, ..update(PUBLIC, ts) }));
        let (decided, taken) = InRounds::decide(&world, &asked);
        assert_eq!((decided.is_ok(), taken), (true, rounds));
    }
}

#[test]
fn archiving_ends_updates_and_unarchiving_begins_them_again() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    for (archived, expect) in [(true, "Update(Archived)"), (false, "revision 2")] {
        world.control(set_archived(PUBLIC, archived));
        assert_eq!(world.tell(ALPHA_BOT, edit(PUBLIC, ts)), expect);
    }
}

#[test]
fn a_message_is_where_it_was_posted_and_nowhere_else() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    assert_eq!(world.tell(ALPHA_BOT, edit(PRIVATE, ts)), "Update(MessageNotFound)");
    assert_eq!(world.tell(ALPHA_BOT, erase(PRIVATE, ts)), "Delete(MessageNotFound)");
    assert_eq!(world.tell(ALPHA_BOT, edit(NOWHERE, ts)), "Update(ConversationNotFound)");
}
