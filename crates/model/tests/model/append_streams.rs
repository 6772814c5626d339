//! Messages that are added to piece by piece.

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Caller, Post, ReplyTo, Verb};
use redraft_model::content::Piece;
use redraft_model::event::EventKind;
use redraft_model::id::ConversationId;
use redraft_model::limits::{
    APPENDED_STREAM_MICROS, STREAM_BYTES_MAX, STREAM_PIECES_MAX, STREAM_TOLD_MICROS,
};
use redraft_model::message::{Appended, Message, State};
use redraft_model::time::Ts;

use crate::world::*;

fn piece(text: &str) -> Piece {
    Piece { text: text.into(), chunks: None }
}

fn begin(conversation: ConversationId, root: Ts, words: &str) -> Verb {
    let post = Post { content: text(""), reply_to: ReplyTo::message(root), ..post(conversation) };
    Verb::AppendStream(AppendStream::Begin { post: Box::new(post), piece: piece(words) })
}

fn add(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    Verb::AppendStream(AppendStream::Add { conversation, ts, piece: piece(words), fault: None })
}

fn finish(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    let metadata = Some("{}".into());
    Verb::AppendStream(AppendStream::Finish { conversation, ts, piece: piece(words), metadata, fault: None })
}

fn tell(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::AppendStream(AppendStream::Tell { conversation, ts })
}

/// A thread in the private channel in which alpha's answer begins with "a".
fn stage() -> (World, Ts, Ts) {
    let mut world = World::new();
    let root = world.say(ALPHA_MIA, PRIVATE);
    assert_eq!(world.tell(ALPHA_BOT, begin(PRIVATE, root, "a")), "replied");
    let ts = world.messages.keys().last().unwrap().ts;
    (world, root, ts)
}

fn pieces(world: &World) -> Vec<&str> {
    world.pieces.values().map(|piece| piece.text.as_str()).collect()
}

#[test]
fn from_start_to_end() {
    let (mut world, root, ts) = stage();
    assert_eq!(world.events(1), [EventKind::StreamStarted { conversation: PRIVATE, root: Some(root) }]);
    assert_eq!(world.message(PRIVATE, root).unwrap().thread.as_ref().unwrap().replies, 1);
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "b")), "added, untold");
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "c")), "added, untold");
    assert_eq!(pieces(&world), ["a", "b", "c"]);
    assert_eq!(world.content_of(PRIVATE, ts).text, "", "adding writes beside the content");
    assert_eq!(world.tell(ALPHA_BOT, finish(PRIVATE, ts, "d")), "revision 1");
    let content = world.content_of(PRIVATE, ts);
    assert_eq!((content.text.as_str(), content.metadata.as_deref()), ("abcd", Some("{}")));
    assert!(world.pieces.is_empty());
    assert_eq!(world.contents(PRIVATE, ts), ["abcd"]);
    let message = world.message(PRIVATE, ts).unwrap();
    assert!(matches!(message.state, State::Live { edited: None, .. }), "{message:?}");
    assert_eq!(world.events(1), [EventKind::StreamEnded { conversation: PRIVATE, message: ts }]);
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "e")), "AppendStream(NotStreaming)");
}

/// Adding asks for the same however much was added before: pieces are read at the end only.
#[test]
fn adding_reads_nothing_that_grows() {
    let (mut world, _, ts) = stage();
    let rounds = |world: &World, verb: Verb| InRounds::decide(world, &command(ALPHA_BOT, verb)).1;
    let first = rounds(&world, add(PRIVATE, ts, "x"));
    for _ in 0..100 {
        world.tell(ALPHA_BOT, add(PRIVATE, ts, "x"));
    }
    assert_eq!(rounds(&world, add(PRIVATE, ts, "x")), first);
    assert_eq!(rounds(&world, finish(PRIVATE, ts, "x")), first + 2, "its pieces, and the thread's root");
}

/// Readers are told at most once in a while, of everything that came meanwhile; the rest is told on demand.
#[test]
fn readers_are_told_now_and_then() {
    let (mut world, _, ts) = stage();
    let advanced = EventKind::StreamAdvanced { conversation: PRIVATE, message: ts };
    let told = |world: &World| world.logs[&HOME].iter().filter(|event| event.kind == advanced).count();
    let start = world.now;
    for step in 1..=2000 {
        world.now = start.plus(step * 5_000);
        world.tell(ALPHA_BOT, add(PRIVATE, ts, "x"));
    }
    let limit = usize::try_from(2000 * 5_000 / STREAM_TOLD_MICROS).unwrap();
    assert_eq!(told(&world), limit);
    assert_eq!(world.tell(ALPHA_BOT, tell(PRIVATE, ts)), "added");
    assert_eq!(told(&world), limit, "the last piece was told");
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "x")), "added, untold");
    assert_eq!(world.tell(ALPHA_BOT, tell(PRIVATE, ts)), "added, untold");
    assert_eq!(told(&world), limit, "not so soon");
    world.now = world.now.plus(STREAM_TOLD_MICROS);
    assert_eq!(world.tell(ALPHA_BOT, tell(PRIVATE, ts)), "added");
    assert_eq!(told(&world), limit + 1);
    assert_eq!(world.tell(ALPHA_BOT, tell(PRIVATE, ts)), "added");
    assert_eq!(told(&world), limit + 1);
}

/// Each row repairs one fault of the row above.
#[test]
fn refusals_in_order_of_precedence() {
    let stage = || {
        let (mut world, root, ts) = stage();
        let plain = world.say(ALPHA_BOT, PRIVATE);
        let (tombstone, _) = world.tombstone(ALPHA_BOT, PRIVATE);
        world.tell(ALPHA_BOT, begin(PRIVATE, root, "stopped"));
        let stopped = world.messages.keys().last().unwrap().ts;
        assert_eq!(world.tell(MIA_HERSELF, stop(PRIVATE, stopped)), "streamed");
        (world, [ts, plain, tombstone, stopped])
    };
    let (_, [ts, plain, tombstone, stopped]) = stage();
    let other = "NotAuthor(NotPostedByThisApp)";
    for (caller, conversation, ts, adds, ends) in [
        (ALPHA_BOT, NOWHERE, NEVER, "ConversationNotFound", "ConversationNotFound"),
        (BETA_BOT, PRIVATE, ts, "ConversationNotFound", "ConversationNotFound"),
        (ALPHA_BOT, ARCHIVED, NEVER, "Archived", "Archived"),
        (ALPHA_BOT, PRIVATE, NEVER, "MessageNotFound", "MessageNotFound"),
        (ALPHA_BOT, PRIVATE, tombstone, "MessageNotFound", "MessageNotFound"),
        (GAMMA_BOT, PRIVATE, stopped, other, other),
        (ALPHA_BOT, PRIVATE, stopped, "Stopped", "NotStreaming"),
        (ALPHA_BOT, PRIVATE, plain, "NotStreaming", "NotStreaming"),
    ] {
        let (mut world, _) = stage();
        let refused = |why: &str| format!("AppendStream({why})");
        assert_eq!(world.tell(caller, add(conversation, ts, "")), refused(adds), "{caller:?} {ts:?}");
        assert_eq!(world.tell(caller, finish(conversation, ts, "")), refused(ends), "{caller:?} {ts:?}");
    }
    let (mut world, _) = stage();
    let content = format!("AppendStream(Content({:?}))", fault().unwrap());
    let faulty = AppendStream::Add { conversation: PRIVATE, ts, piece: piece(""), fault: fault() };
    assert_eq!(world.tell(ALPHA_BOT, Verb::AppendStream(faulty)), content);
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "")), "AppendStream(NoContent)");
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "x")), "added, untold");
}

#[test]
fn where_one_begins() {
    for (caller, conversation, root, expect) in [
        (ALPHA_BOT, NOWHERE, NEVER, "AppendStream(Post(ConversationNotFound))"),
        (ALPHA_BOT, ARCHIVED, NEVER, "AppendStream(Post(Archived))"),
        (BETA_BOT, PUBLIC, NEVER, "AppendStream(Post(NotMember))"),
        (ALPHA_BOT, PUBLIC, NEVER, "AppendStream(ThreadNotFound)"),
    ] {
        let mut world = World::new();
        assert_eq!(world.tell(caller, begin(conversation, root, "x")), expect, "{caller:?}");
    }
    let mut world = World::new();
    let root = world.say(ALPHA_MIA, DIRECT);
    assert_eq!(world.tell(ALPHA_BOT, begin(DIRECT, root, "")), "replied");
    let ts = world.messages.keys().last().unwrap().ts;
    assert_eq!(world.tell(ALPHA_BOT, finish(DIRECT, ts, "")), "AppendStream(NoContent)");
    assert_eq!(world.tell(ALPHA_BOT, finish(DIRECT, ts, "x")), "revision 1");
}

#[test]
fn bytes_and_pieces_are_bounded() {
    let (mut world, _, ts) = stage();
    let fits = "x".repeat(STREAM_BYTES_MAX as usize - 1);
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, &format!("{fits}y"))), "AppendStream(TooLong)");
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, &fits)), "added, untold");
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "y")), "AppendStream(TooLong)");
    assert_eq!(world.tell(ALPHA_BOT, finish(PRIVATE, ts, "y")), "AppendStream(TooLong)");
    assert_eq!(world.tell(ALPHA_BOT, finish(PRIVATE, ts, "")), "revision 1");
    let (mut world, _, ts) = stage();
    let message = Message::clone(world.message(PRIVATE, ts).unwrap());
    let State::Streaming { appended, .. } = message.state else { panic!("{message:?}") };
    let state = State::Streaming {
        sequence: STREAM_PIECES_MAX,
        informative: false,
        stopped: false,
        appended: appended.map(|appended| Appended { bytes: 1, ..appended }),
    };
    world.messages.insert(message.key, Message { state, ..message }.into());
    assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "y")), "AppendStream(TooLong)");
}

/// Its time is counted from its start, however often it is added to. Then it is like any other message, and what
/// streamed in is its first revision.
#[test]
fn a_stream_that_nobody_ends() {
    let what = |end: fn(&mut World, Ts)| {
        let (mut world, _, ts) = stage();
        world.tell(ALPHA_BOT, add(PRIVATE, ts, "b"));
        end(&mut world, ts);
        (world, ts)
    };
    let over = |world: &mut World, ts: Ts| {
        world.now.0 = ts.0 + APPENDED_STREAM_MICROS - 1;
        assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "c")), "added");
        assert_eq!(world.tell(ALPHA_BOT, edit(PRIVATE, ts)), "Update(StillStreaming)");
        assert_eq!(world.tell(ALPHA_BOT, erase(PRIVATE, ts)), "Delete(StillStreaming)");
        world.now.0 += 1;
        assert_eq!(world.tell(ALPHA_BOT, add(PRIVATE, ts, "d")), "AppendStream(NotStreaming)");
        assert_eq!(world.tell(ALPHA_BOT, finish(PRIVATE, ts, "d")), "AppendStream(NotStreaming)");
    };
    let stopped = |world: &mut World, ts: Ts| {
        world.tell(ALPHA_BOT, add(PRIVATE, ts, "c"));
        assert_eq!(world.tell(MIA_HERSELF, stop(PRIVATE, ts)), "streamed");
        assert_eq!(world.tell(ALPHA_BOT, tell(PRIVATE, ts)), "AppendStream(Stopped)");
    };
    for end in [over, stopped] {
        let (mut world, ts) = what(end);
        assert_eq!(pieces(&world), ["a", "b", "c"]);
        assert_eq!(world.tell(ALPHA_BOT, edit(PRIVATE, ts)), "revision 2");
        assert_eq!(world.contents(PRIVATE, ts)[0], "abc");
        assert!(world.pieces.is_empty());
        let (mut world, ts) = what(end);
        assert_eq!(world.tell(ALPHA_BOT, erase(PRIVATE, ts)), "deleted");
        assert_eq!(world.contents(PRIVATE, ts), ["abc"]);
        assert!(world.pieces.is_empty() && world.message(PRIVATE, ts).is_none());
    }
}

/// An update that keeps the text of a stream that is over keeps all of it.
#[test]
fn an_update_keeps_what_streamed_in() {
    let (mut world, _, ts) = stage();
    world.tell(ALPHA_BOT, add(PRIVATE, ts, "b"));
    world.tell(MIA_HERSELF, stop(PRIVATE, ts));
    let mut kept = update(PRIVATE, ts);
    kept.patch = redraft_model::content::Patch {
        blocks: redraft_model::content::Change::Set("[]".into()),
        given: true,
        ..redraft_model::content::Patch::keep_all(redraft_model::content::Dialect::Slack)
    };
    assert_eq!(world.tell(ALPHA_BOT, Verb::Update(kept)), "revision 2");
    assert_eq!(world.content_of(PRIVATE, ts).text, "ab");
}

/// Who is in the conversation may stop one, in whatever conversation it is.
#[test]
fn who_stops_one() {
    for (caller, expect) in [
        (Caller::Person(SAM), "ReplaceStream(ConversationNotFound)"),
        (MIA_HERSELF, "streamed"),
        (IVO_HIMSELF, "streamed"),
    ] {
        let (mut world, _, ts) = stage();
        assert_eq!(world.tell(caller, stop(PRIVATE, ts)), expect, "{caller:?}");
    }
    let mut world = World::new();
    let root = world.say(ALPHA_MIA, PUBLIC);
    world.tell(ALPHA_BOT, begin(PUBLIC, root, "x"));
    let ts = world.messages.keys().last().unwrap().ts;
    assert_eq!(world.tell(SAM_HIMSELF, stop(PUBLIC, ts)), "ReplaceStream(NotHere)", "no member");
    assert_eq!(world.tell(MIA_HERSELF, stop(PUBLIC, ts)), "streamed");
    assert_eq!(world.tell(MIA_HERSELF, stop(PUBLIC, ts)), "too late");
}
