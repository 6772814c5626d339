//! Messages that stream in: who may stream, which steps count, for how long, and what is left of them.

use std::num::NonZeroU32;

use redraft_model::command::{Caller, Update, Verb};
use redraft_model::content::Parts;
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind as K;
use redraft_model::id::ConversationId;
use redraft_model::message::{Audience, Edited, Kind, Message, Revision, State};
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::Settings;

use crate::world::*;

const TWO_MINUTES: i64 = 120 * SECOND;

/// A world two minutes on, with one message of gamma's for each state.
struct Stage {
    world: World,
    tombstone: Ts,
    plain: Ts,
    stopped: Ts,
    over: Ts,
    running: Ts,
}

fn stage() -> Stage {
    let mut world = World::new();
    let plain = world.say(GAMMA_BOT, PERSONAL);
    let tombstone = world.say(GAMMA_BOT, PERSONAL);
    world.reply(MIA_HERSELF, PERSONAL, tombstone);
    assert_eq!(world.tell(GAMMA_BOT, erase(PERSONAL, tombstone)), "deleted");
    let stopped = world.stream(GAMMA_BOT, PERSONAL);
    assert_eq!(world.tell(MIA_HERSELF, stop(PERSONAL, stopped)), "streamed");
    let over = world.stream(GAMMA_BOT, PERSONAL);
    world.now = Micros(over.0).plus(TWO_MINUTES);
    let running = world.stream(GAMMA_BOT, PERSONAL);
    Stage { world, tombstone, plain, stopped, over, running }
}

fn out(refusal: &str) -> String {
    format!("ReplaceStream({refusal})")
}

fn steps(ts: Ts) -> [Step; 2] {
    [
        Step::Advance { ts, sequence: 2, content: text("more"), informative: false },
        Step::End { ts, content: text("all") },
    ]
}

#[test]
fn refusals_in_order_of_precedence() {
    let content = "Content(ContentFault { code: \"msg_too_long\", reasons: [] })";
    let Stage { tombstone, plain, stopped, over, running, .. } = stage();
    let whisper = stage().world.whisper(GAMMA_BOT, PERSONAL, MIA);
    // Each row repairs one fault of the row above.
    for (caller, conversation, faulty, ts, expect) in [
        (GAMMA_BOT, NOWHERE, true, NEVER, "ConversationNotFound"),
        (SAM_HIMSELF, PRIVATE, true, NEVER, "ConversationNotFound"),
        (DELTA_BOT, PRIVATE, true, NEVER, "NoLongerMember"),
        (GAMMA_BOT, PRIVATE, true, NEVER, "NotHere"),
        (GAMMA_BOT, PUBLIC, true, NEVER, "NotHere"),
        (GAMMA_BOT, GROUP, true, NEVER, "NotHere"),
        (GAMMA_BOT, PERSONAL, true, NEVER, content),
        (GAMMA_BOT, PERSONAL, false, NEVER, "MessageNotFound"),
        (MIA_HERSELF, PERSONAL, false, whisper, "MessageNotFound"),
        (MIA_HERSELF, PERSONAL, false, tombstone, "MessageNotFound"),
        (GAMMA_BOT, PERSONAL, false, tombstone, "MessageNotFound"),
        (MIA_HERSELF, PERSONAL, false, plain, "NotAuthor(NotPostedByThisApp)"),
        (MIA_HERSELF, PERSONAL, false, stopped, "NotAuthor(NotPostedByThisApp)"),
        (GAMMA_BOT, PERSONAL, false, whisper, "Completed"),
        (GAMMA_BOT, PERSONAL, false, plain, "Completed"),
        (GAMMA_BOT, PERSONAL, false, stopped, "Stopped"),
        (GAMMA_BOT, PERSONAL, false, over, "TimeOver"),
    ] {
        for step in steps(ts) {
            let mut world = stage().world;
            assert_eq!(world.whisper(GAMMA_BOT, PERSONAL, MIA), whisper);
            let asked = ReplaceStream { conversation, fault: if faulty { fault() } else { None }, step };
            assert_eq!(world.tell(caller, Verb::ReplaceStream(asked)), out(expect), "{caller:?} {ts:?}");
        }
    }
    for step in steps(running) {
        assert_eq!(stage().world.tell(GAMMA_BOT, self::step(PERSONAL, step)), "streamed");
    }
}

/// Only a chat with one person has streams.
#[test]
fn where_a_stream_begins() {
    for (caller, conversation, expect) in [
        (GAMMA_BOT, PERSONAL, "posted"),
        (ALPHA_BOT, DIRECT, "posted"),
        (GAMMA_BOT, GROUP, &*out("NotHere")),
        (GAMMA_BOT, PRIVATE, &*out("NotHere")),
        (GAMMA_BOT, PUBLIC, &*out("NotHere")),
        (GAMMA_BOT, DIRECT, &*out("ConversationNotFound")),
        (DELTA_BOT, PRIVATE, &*out("NoLongerMember")),
    ] {
        assert_eq!(
            World::new().tell(caller, start(conversation, "x")),
            expect,
            "{caller:?} {conversation:?}"
        );
    }
}

#[test]
fn what_a_start_writes() {
    for (caller, author, app, conversation, as_app, informative) in [
        (GAMMA_BOT, GAMMA, GAMMA_APP, PERSONAL, true, true),
        (ALPHA_BOT, ALPHA, ALPHA_APP, DIRECT, true, false),
        (ALPHA_MIA, MIA, ALPHA_APP, DIRECT, false, false),
    ] {
        let mut world = World::new();
        let moment = world.moment(HOME);
        let content = text("looking it up");
        let asked = step(conversation, Step::Start { content: content.clone(), informative });
        let decision = world.run(&command(caller, asked)).unwrap();
        let expected = Message {
            key: key(conversation, moment.ts),
            root: None,
            broadcast: false,
            audience: Audience::Everyone,
            author,
            app: Some(app),
            as_app,
            kind: Kind::Plain,
            state: State::Streaming { sequence: 1, informative, stopped: false, appended: None },
            content_at: moment.position,
            parts: Parts::default(),
            thread: None,
            marked: false,
        };
        assert_eq!(**world.message(conversation, moment.ts).unwrap(), expected);
        let Outcome::Posted(posted) = decision.outcome else { panic!("not begun") };
        assert_eq!((&*posted.message, &posted.content), (&expected, &content));
        assert_eq!((posted.root_author, posted.thread_ignored), (None, false));
        assert_eq!(world.events(1), [K::StreamStarted { conversation, root: None }]);
        check_only_row(&world, &expected, "looking it up");
    }
}

/// Of a stream one row is kept, of its newest text, whatever came before; and it is the first revision.
fn check_only_row(world: &World, message: &Message, words: &str) {
    let key = message.key;
    assert_eq!(world.contents(key.conversation, key.ts), [words]);
    let (row, _) = &world.revisions[&(HOME, message.content_at)];
    let written = world.logs[&HOME].iter().find(|event| event.position == message.content_at).unwrap();
    let expected = Revision {
        key,
        position: message.content_at,
        number: NonZeroU32::MIN,
        previous: None,
        by: message.author,
        at: written.at,
    };
    assert_eq!(*row, expected);
    assert_eq!(message.revision(), Some(NonZeroU32::MIN));
}

/// Each step after a start with a line of progress: late and equal numbers are ignored, and so is a line of progress
/// after first words.
#[test]
fn which_steps_count() {
    let mut world = World::new();
    let begin = Step::Start { content: text("looking"), informative: true };
    world.tell(GAMMA_BOT, step(PERSONAL, begin));
    let ts = world.logs[&HOME].last().unwrap().ts;
    for (sequence, informative, words, told, shown) in [
        (0, false, "zero", "too late", ("looking", 1, true)),
        (1, false, "again", "too late", ("looking", 1, true)),
        (2, true, "still looking", "streamed", ("still looking", 2, true)),
        (4, false, "It", "streamed", ("It", 4, false)),
        (3, false, "I", "too late", ("It", 4, false)),
        (4, false, "It is", "too late", ("It", 4, false)),
        (5, true, "looking again", "too late", ("It", 4, false)),
        (5, false, "It is", "streamed", ("It is", 5, false)),
        (u32::MAX, false, "It is so", "streamed", ("It is so", u32::MAX, false)),
        (u32::MAX, false, "more", "too late", ("It is so", u32::MAX, false)),
    ] {
        world.now = world.now.plus(SECOND);
        let (events, before) = (world.logs[&HOME].len(), world.message(PERSONAL, ts).cloned().unwrap());
        let asked = Step::Advance { ts, sequence, content: text(words), informative };
        assert_eq!(world.tell(GAMMA_BOT, step(PERSONAL, asked)), told, "{sequence} {words}");
        let (words, sequence, informative) = shown;
        let message = Message::clone(world.message(PERSONAL, ts).unwrap());
        let state = State::Streaming { sequence, informative, stopped: false, appended: None };
        assert_eq!(message, Message { state, content_at: message.content_at, ..Message::clone(&before) });
        assert_eq!(message.content_at != before.content_at, told == "streamed");
        check_only_row(&world, &message, words);
        let told_of = &world.logs[&HOME][events..];
        let expected = K::StreamAdvanced { conversation: PERSONAL, message: ts };
        assert_eq!(told_of.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(), {
            if told == "streamed" { vec![expected] } else { vec![] }
        });
    }
}

#[test]
fn after_its_end_it_is_a_message_like_any_other() {
    let mut world = World::new();
    let ts = world.stream(GAMMA_BOT, PERSONAL);
    world.tell(GAMMA_BOT, advance(PERSONAL, ts, 2, "more"));
    world.now = world.now.plus(SECOND);
    let position = world.moment(HOME).position;
    let mut asked = redraft_model::content::Content::clone(&text("all"));
    asked.attachments = Some("[1]".into());
    let last = Step::End { ts, content: asked.into() };
    assert_eq!(world.tell(GAMMA_BOT, step(PERSONAL, last)), "streamed");
    let message = Message::clone(world.message(PERSONAL, ts).unwrap());
    assert_eq!(message.state, State::Live { revision: NonZeroU32::MIN, edited: None });
    assert_eq!(message.content_at, position);
    assert_eq!(message.parts, Parts { attachments: true, ..Parts::default() });
    assert_eq!(world.events(1), [K::StreamEnded { conversation: PERSONAL, message: ts }]);
    check_only_row(&world, &message, "all");

    assert_eq!(world.tell(GAMMA_BOT, advance(PERSONAL, ts, 9, "late")), out("Completed"));
    assert_eq!(world.tell(GAMMA_BOT, end(PERSONAL, ts, "again")), out("Completed"));
    assert_eq!(world.tell(MIA_HERSELF, stop(PERSONAL, ts)), out("Completed"));
    assert_eq!(world.tell(GAMMA_BOT, edit(PERSONAL, ts)), "revision 2");
    assert_eq!(world.contents(PERSONAL, ts), ["all", "new"]);
    assert_eq!(world.tell(GAMMA_BOT, erase(PERSONAL, ts)), "deleted");
}

/// By the workspace's clock, to the microsecond, whatever steps came meanwhile.
#[test]
fn a_stream_lasts_two_minutes() {
    let every = |ts| [advance(PERSONAL, ts, 3, "more"), end(PERSONAL, ts, "all"), stop(PERSONAL, ts)];
    for (age, expect) in
        [(TWO_MINUTES - 1, "streamed"), (TWO_MINUTES, &*out("TimeOver")), (DAY, &*out("TimeOver"))]
    {
        for place in 0..3 {
            let mut world = World::new();
            let ts = world.stream(GAMMA_BOT, PERSONAL);
            world.now = Micros(ts.0).plus(SECOND);
            assert_eq!(world.tell(GAMMA_BOT, advance(PERSONAL, ts, 2, "second")), "streamed");
            world.now = Micros(ts.0).plus(age);
            let asked = every(ts)[place].clone();
            let caller = if place == 2 { MIA_HERSELF } else { GAMMA_BOT };
            assert_eq!(world.tell(caller, asked), expect, "{place} {age}");
        }
    }
}

#[test]
fn who_stops_a_stream() {
    let refused = |name| out(name);
    let Stage { tombstone, plain, stopped, over, running, .. } = stage();
    // Each row repairs one fault of the row above.
    for (caller, conversation, ts, expect) in [
        (SAM_HIMSELF, PERSONAL, NEVER, refused("ConversationNotFound")),
        (MIA_HERSELF, PRIVATE, NEVER, refused("NotHere")),
        (MIA_HERSELF, PERSONAL, NEVER, refused("MessageNotFound")),
        (MIA_HERSELF, PERSONAL, tombstone, refused("MessageNotFound")),
        (MIA_HERSELF, PERSONAL, plain, refused("Completed")),
        (MIA_HERSELF, PERSONAL, over, refused("TimeOver")),
        (MIA_HERSELF, PERSONAL, stopped, "too late".into()),
        (MIA_HERSELF, PERSONAL, running, "streamed".into()),
    ] {
        assert_eq!(stage().world.tell(caller, stop(conversation, ts)), expect, "{caller:?} {ts:?}");
    }
    let mut world = stage().world;
    let whisper = world.whisper(GAMMA_BOT, PERSONAL, MIA);
    assert_eq!(world.tell(MIA_HERSELF, stop(PERSONAL, whisper)), refused("MessageNotFound"));
}

/// What was said so far stays; a second stop tells nobody anything.
#[test]
fn stopping() {
    let mut world = World::new();
    let ts = world.stream(GAMMA_BOT, PERSONAL);
    world.tell(GAMMA_BOT, advance(PERSONAL, ts, 7, "so far"));
    let before = Message::clone(world.message(PERSONAL, ts).unwrap());
    assert_eq!(world.tell(MIA_HERSELF, stop(PERSONAL, ts)), "streamed");
    let state = State::Streaming { sequence: 7, informative: false, stopped: true, appended: None };
    let stopped = Message { state, ..before };
    assert_eq!(**world.message(PERSONAL, ts).unwrap(), stopped);
    check_only_row(&world, &stopped, "so far");
    let last = world.logs[&HOME].last().unwrap().clone();
    assert_eq!(last.kind, K::StreamStopped { conversation: PERSONAL, message: ts });
    assert_eq!((last.by, last.app), (Some(MIA), None));
    assert_eq!(world.tell(MIA_HERSELF, stop(PERSONAL, ts)), "too late");
    assert_eq!(world.logs[&HOME].last(), Some(&last));
    assert_eq!(world.tell(GAMMA_BOT, advance(PERSONAL, ts, 8, "more")), out("Stopped"));
    world.now = world.now.plus(TWO_MINUTES);
    assert_eq!(world.tell(GAMMA_BOT, end(PERSONAL, ts, "all")), out("Stopped"));
}

/// A running one can't be changed or deleted but by its own steps; one that was stopped or whose time is over can.
#[test]
fn updates_and_deletions_meanwhile() {
    let update = "Update(NotAuthor(NotPostedByThisApp))";
    let delete = "Delete(NotAllowed(NotPostedByThisApp))";
    let Stage { plain, stopped, over, running, .. } = stage();
    for (caller, ts, updated, deleted) in [
        (MIA_HERSELF, running, update, delete),
        (GAMMA_BOT, running, "Update(StillStreaming)", "Delete(StillStreaming)"),
        (GAMMA_BOT, stopped, "revision 2", "deleted"),
        (GAMMA_BOT, over, "revision 2", "deleted"),
        (GAMMA_BOT, plain, "revision 2", "deleted"),
    ] {
        assert_eq!(stage().world.tell(caller, edit(PERSONAL, ts)), updated, "{caller:?} {ts:?}");
        assert_eq!(stage().world.tell(caller, erase(PERSONAL, ts)), deleted, "{caller:?} {ts:?}");
    }
}

/// The time of a running stream is not over a microsecond too early for an update either.
#[test]
fn an_update_waits_for_the_two_minutes() {
    let mut world = World::new();
    let ts = world.stream(GAMMA_BOT, PERSONAL);
    for (age, expect) in [(TWO_MINUTES - 1, "Update(StillStreaming)"), (TWO_MINUTES, "revision 2")] {
        world.now = Micros(ts.0).plus(age);
        assert_eq!(world.tell(GAMMA_BOT, edit(PERSONAL, ts)), expect);
    }
}

/// The text so far stays as the first revision, and the message is whole.
#[test]
fn an_update_ends_a_stream() {
    let Stage { mut world, stopped, .. } = stage();
    let before = Message::clone(world.message(PERSONAL, stopped).unwrap());
    let moment = world.moment(HOME);
    assert_eq!(world.tell(GAMMA_BOT, edit(PERSONAL, stopped)), "revision 2");
    let edited = Some(Edited { by: GAMMA, at: moment.at });
    let state = State::Live { revision: 2.try_into().unwrap(), edited };
    let expected = Message { state, content_at: moment.position, ..before.clone() };
    assert_eq!(**world.message(PERSONAL, stopped).unwrap(), expected);
    assert_eq!(world.contents(PERSONAL, stopped), ["first", "new"]);
    assert_eq!(world.revisions[&(HOME, moment.position)].0.previous, Some(before.content_at));
    assert_eq!(world.tell(GAMMA_BOT, advance(PERSONAL, stopped, 9, "more")), out("Completed"));
}

/// A running stream is told of before windows and revisions are looked at.
#[test]
fn still_streaming_comes_before_windows_and_revisions() {
    let mut world = World::new();
    let ts = world.stream(ALPHA_MIA, DIRECT);
    let asked = Verb::Update(Update { if_revision: Some(9), ..update(DIRECT, ts) });
    world.now = world.now.plus(SECOND);
    world.settings(Settings { edit_window_micros: Some(0), ..Settings::default() });
    assert_eq!(world.tell(ALPHA_MIA, asked.clone()), "Update(StillStreaming)");
    world.tell(MIA_HERSELF, stop(DIRECT, ts));
    assert_eq!(world.tell(ALPHA_MIA, asked.clone()), "Update(EditWindowClosed)");
    world.settings(Settings::default());
    assert_eq!(world.tell(ALPHA_MIA, asked), "Update(StaleRevision(1))");
}

/// Replies and reactions that came meanwhile are kept.
#[test]
fn a_step_keeps_what_hangs_on_the_message() {
    let mut world = World::new();
    let ts = world.stream(GAMMA_BOT, PERSONAL);
    world.reply(MIA_HERSELF, PERSONAL, ts);
    assert_eq!(world.tell(MIA_HERSELF, react(PERSONAL, ts, "eyes")), "reacted");
    for asked in [advance(PERSONAL, ts, 2, "more"), end(PERSONAL, ts, "all")] {
        assert_eq!(world.tell(GAMMA_BOT, asked), "streamed");
        let message = world.message(PERSONAL, ts).unwrap();
        assert_eq!((message.thread.as_ref().map(|thread| thread.replies), message.marked), (Some(1), true));
        assert_eq!(world.reactions.len(), 1);
    }
}

/// Caller and place are looked at as in any other verb.
#[test]
fn a_stream_is_of_its_own_app() {
    let mut world = World::new();
    let ts = world.stream(ALPHA_BOT, DIRECT);
    let check = |world: &mut World, caller: Caller, conversation: ConversationId, expect: &str| {
        assert_eq!(world.tell(caller, advance(conversation, ts, 2, "more")), expect, "{caller:?}");
    };
    check(&mut world, GAMMA_BOT, PERSONAL, &out("MessageNotFound"));
    check(&mut world, BETA_BOT, DIRECT, &out("ConversationNotFound"));
    check(&mut world, ALPHA_MIA, DIRECT, &out("NotAuthor(NotTheInstaller)"));
    check(&mut world, ALPHA_BOT, DIRECT, "streamed");
}
