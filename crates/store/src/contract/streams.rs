//! Messages that stream in: text that is replaced, and pieces that are added.

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Post, ReplyTo, Verb};
use redraft_model::content::Piece;
use redraft_model::decision::Outcome;
use redraft_model::id::MessageKey;
use redraft_model::interaction::Act;
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::time::Ts;

use super::commands::{added, interaction, live, post, react, stream, streaming, text, update};
use super::world::World;
use super::{ALPHA_BOT, DIRECT, MIA_HERSELF};
use crate::Window;

pub(super) async fn content_lies_where_its_event_is(world: World) {
    let away = world.beside(2).await;
    let message = world.say("posted").await;
    let second = world.updated(ALPHA_BOT, update(&message, "updated")).await.message.content_at;
    world
        .done(MIA_HERSELF, interaction(&message, Act::Submit { content: text("pressed"), shown: None }))
        .await;
    world.done(MIA_HERSELF, react(&message, "eyes")).await;
    world.deleted(ALPHA_BOT, &message).await;
    let found = [1, message.content_at, second, second + 1, second + 2, second + 3, second + 4];
    let expected = [None, Some("posted"), Some("updated"), Some("pressed"), None, None, None];
    for (position, expected) in found.into_iter().zip(expected) {
        assert_eq!(world.content(position).await.as_deref(), expected, "at {position}");
        assert_eq!(away.content(position).await, None, "each log has its own");
    }
    for position in [0, 1 << 40, (1 << 40) + message.content_at, u64::MAX] {
        assert_eq!(world.content(position).await, None, "at {position}");
    }
}

pub(super) async fn of_a_stream_the_newest_text_is_kept(world: World) {
    let start = Step::Start { content: text("looking it up"), informative: true };
    let Outcome::Posted(begun) = world.done(ALPHA_BOT, stream(start)).await else { panic!("not begun") };
    let message = begun.message;
    let ts = message.key.ts;
    let advance = |sequence, words| Step::Advance { ts, sequence, content: text(words), informative: false };
    let mut before = message.content_at;
    for (caller, step, words, state) in [
        (ALPHA_BOT, advance(2, "It"), "It", Some((2, false, false))),
        (ALPHA_BOT, advance(2, "ignored"), "It", Some((2, false, false))),
        (ALPHA_BOT, advance(u32::MAX, "It is"), "It is", Some((u32::MAX, false, false))),
        (ALPHA_BOT, Step::End { ts, content: text("It is so.") }, "It is so.", None),
    ] {
        world.done(caller, stream(step)).await;
        let found = world.message(&message).await.expect("there");
        assert_eq!(found.content.text, words);
        assert_eq!(found.message.state, state.map_or(live(), streaming));
        assert_eq!(world.texts(message.key, u32::MAX, 10).await, [words]);
        assert_eq!(world.line(DIRECT).await, [ts]);
        if found.message.content_at != before {
            assert_eq!(world.content(before).await, None, "nothing is kept of earlier texts");
            before = found.message.content_at;
        }
    }
    world.updated(ALPHA_BOT, update(&message, "changed")).await;
    assert_eq!(world.texts(message.key, u32::MAX, 10).await, ["changed", "It is so."]);

    let start = Step::Start { content: text("stopped"), informative: true };
    let Outcome::Posted(begun) = world.done(ALPHA_BOT, stream(start)).await else { panic!("not begun") };
    let ts = begun.message.key.ts;
    assert_eq!(
        world.message(&begun.message).await.expect("there").message.state,
        streaming((1, true, false))
    );
    world.done(MIA_HERSELF, stream(Step::Stop { ts })).await;
    assert_eq!(world.message(&begun.message).await.expect("there").message.state, streaming((1, true, true)));
    world.deleted(ALPHA_BOT, &begun.message).await;
    assert_eq!(world.line(DIRECT).await, [message.key.ts]);
    assert_eq!(world.texts(begun.message.key, u32::MAX, 10).await, ["stopped"]);
}

pub(super) async fn pieces_lie_beside_their_message(world: World) {
    let away = world.beside(2).await;
    let root = world.say("root").await;
    let begin = |words: &str| {
        let post = Post { reply_to: ReplyTo::message(root.key.ts), ..post(root.key.conversation, "begun: ") };
        let piece = Piece { text: words.into(), chunks: None };
        Verb::AppendStream(AppendStream::Begin { post: Box::new(post), piece })
    };
    let mut begun = Vec::new();
    for words in ["a", "b", ""] {
        let Outcome::Posted(posted) = world.done(ALPHA_BOT, begin(words)).await else { panic!("not begun") };
        begun.push(posted.message);
    }
    for (which, words) in [(0, "c"), (1, "d"), (0, "e"), (2, "f")] {
        world.done(ALPHA_BOT, added(&begun[which], words)).await;
    }
    world.sweep().await;
    for (message, words) in begun.iter().zip(["begun: ace", "begun: bd", "begun: f"]) {
        assert_eq!(world.message(message).await.expect("there").content.text, words);
    }
    let line = world.store.thread_line(root.key, Window::ALL, 10).await.expect("readable");
    let texts: Vec<&str> = line.iter().map(|stored| stored.content.text.as_str()).collect();
    assert_eq!(texts, ["begun: ace", "begun: bd", "begun: f"]);
    let MessageKey { conversation, ts, .. } = begun[0].key;
    let piece = Piece { text: "!".into(), chunks: None };
    let finish = AppendStream::Finish { conversation, ts, piece, metadata: None, fault: None };
    world.done(ALPHA_BOT, Verb::AppendStream(finish)).await;
    assert_eq!(world.texts(begun[0].key, u32::MAX, 10).await, ["begun: ace!"]);
    let over = Step::Stop { ts: begun[1].key.ts };
    world
        .done(MIA_HERSELF, Verb::ReplaceStream(ReplaceStream { conversation, fault: None, step: over }))
        .await;
    world.deleted(ALPHA_BOT, &begun[1]).await;
    assert_eq!(world.texts(begun[1].key, u32::MAX, 10).await, ["begun: bd"]);
    assert_eq!(world.message(&begun[2]).await.expect("there").content.text, "begun: f");
    assert!(away.store.message(begun[2].key.at(Ts(1))).await.expect("readable").is_none());
}
