//! Messages, their revisions, their threads, and what remains of them when they are deleted.

use std::sync::Arc;

use redraft_model::command::{Delete, Post, ReplyTo, Update, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::decision::Why;
use redraft_model::event::EventKind;
use redraft_model::message::{Kind, State};
use redraft_model::time::Ts;
use redraft_model::update::UpdateRefusal;

use super::commands::{delete, post, update};
use super::world::{World, tss};
use super::{ALPHA, ALPHA_BOT, ALPHA_MIA, MIA, PUBLIC};
use crate::Window;

pub(super) async fn what_is_posted_is_read_back_at_once(world: World) {
    let content = Arc::new(Content {
        blocks: Some("[1]".into()),
        attachments: Some("[2]".into()),
        metadata: Some("{}".into()),
        identity: Some("{\"username\":\"x\"}".into()),
        activity: Some("{\"type\":\"message\"}".into()),
        markup: false,
        ..Content::text(Dialect::Connector, "hello \u{1F600}")
    });
    let post = Post { content: Arc::clone(&content), kind: Kind::Me, ..post(PUBLIC, "") };
    let posted = world.posted(ALPHA_BOT, post).await;
    let found = world.message(&posted).await.expect("it was acknowledged");
    assert_eq!((&found.message, &found.content), (&posted, &content));
    assert_eq!(world.line(PUBLIC).await, [posted.key.ts]);
    let revisions = world.store.revisions(posted.key, u32::MAX, 10).await.expect("readable");
    assert_eq!(revisions.len(), 1);
    assert_eq!((revisions[0].1.as_ref(), revisions[0].0.position), (Some(&content), posted.content_at));
    assert!(world.store.gone(posted.key).await.expect("readable").is_none());
    assert!(world.message_at(posted.key.at(Ts(1))).await.is_none());
}

pub(super) async fn an_update_appends_a_revision(world: World) {
    let first = world.say("one").await;
    let second = world.updated(ALPHA_BOT, update(&first, "two")).await;
    let third = world.updated(ALPHA_BOT, update(&first, "three")).await;
    assert_eq!(third.message.revision().map(u32::from), Some(3));
    assert_eq!(
        (third.message.key, third.message.author, third.message.root),
        (first.key, first.author, None)
    );
    assert_eq!(world.message(&first).await.expect("there").content.text, "three");
    assert_eq!(world.texts(first.key, u32::MAX, 10).await, ["three", "two", "one"]);
    assert_eq!(world.texts(first.key, 3, 1).await, ["two"]);
    assert_eq!(world.texts(first.key, 1, 10).await, [""; 0]);
    assert_eq!(world.texts(first.key, u32::MAX, 0).await, [""; 0]);
    let last = world.events().await.pop().expect("there are events");
    assert_eq!((last.position, last.by), (third.message.content_at, Some(ALPHA)));
    assert!(second.message.content_at < third.message.content_at);
    assert_eq!(world.line(PUBLIC).await, [first.key.ts]);
}

pub(super) async fn what_is_deleted_is_gone_but_for_its_revisions(world: World) {
    let message = world.say("one").await;
    world.updated(ALPHA_BOT, update(&message, "two")).await;
    world.deleted(ALPHA_BOT, &message).await;
    assert!(world.message(&message).await.is_none());
    assert!(world.line(PUBLIC).await.is_empty());
    let gone = world.store.gone(message.key).await.expect("readable").expect("it is known to be gone");
    assert_eq!((gone.last.key, gone.by), (message.key, ALPHA));
    assert_eq!(gone.last.revision().map(std::num::NonZeroU32::get), Some(2));
    let (root, reply) = (world.say("root").await, world.say("another").await);
    let reply = Post {
        reply_to: ReplyTo::message(root.key.ts),
        broadcast: true,
        ..post(PUBLIC, &reply.key.ts.dotted())
    };
    let reply = world.posted(ALPHA_BOT, reply).await;
    world.deleted(ALPHA_BOT, &reply).await;
    let gone = world.store.gone(reply.key).await.expect("readable").expect("it is known to be gone");
    assert_eq!(gone.last, reply);
    assert_eq!(world.texts(message.key, u32::MAX, 10).await, ["two", "one"]);
    let again = world.why(ALPHA_BOT, Verb::Delete(delete(&message))).await;
    assert_eq!(again, Why::Delete(redraft_model::delete::DeleteRefusal::MessageNotFound));
}

pub(super) async fn a_root_with_replies_leaves_a_tombstone(world: World) {
    let root = world.say("root").await;
    let first = world.reply(&root, ALPHA_MIA, "first").await;
    let second = world.reply(&root, ALPHA_BOT, "second").await;
    assert_eq!(world.thread(&root).await, [first.key.ts, second.key.ts]);
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    let thread = world.message(&root).await.and_then(|root| root.message.thread.clone()).expect("a thread");
    assert_eq!((thread.replies, thread.users, thread.latest), (2, vec![MIA, ALPHA], second.key.ts));

    world.deleted(ALPHA_BOT, &root).await;
    let tombstone = world.message(&root).await.expect("its place is kept");
    assert!(matches!(tombstone.message.state, State::Tombstone { .. }));
    assert!(tombstone.content.is_empty());
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    let refused = world.why(ALPHA_BOT, Verb::Update(update(&root, "again"))).await;
    assert_eq!(refused, Why::Update(UpdateRefusal::Tombstone));

    world.deleted(ALPHA_MIA, &first).await;
    assert_eq!(world.thread(&root).await, [second.key.ts]);
    world.deleted(ALPHA_BOT, &second).await;
    assert!(world.message(&root).await.is_none());
    assert!(world.line(PUBLIC).await.is_empty());
    assert!(world.thread(&root).await.is_empty());
    let last: Vec<EventKind> =
        world.events().await.iter().rev().take(2).map(|event| event.kind.clone()).collect();
    assert!(matches!(last[0], EventKind::TombstoneRemoved { message, .. } if message == root.key.ts));
    assert!(matches!(last[1], EventKind::MessageDeleted { message, .. } if message == second.key.ts));
    assert_eq!(world.texts(root.key, u32::MAX, 10).await, ["root"]);
}

pub(super) async fn a_broadcast_reply_stands_in_both_lines(world: World) {
    let root = world.say("root").await;
    let shown = Post { broadcast: true, reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "shown") };
    let shown = world.posted(ALPHA_BOT, shown).await;
    let quiet = world.reply(&root, ALPHA_BOT, "quiet").await;
    assert_eq!(world.line(PUBLIC).await, [shown.key.ts, root.key.ts]);
    assert_eq!(world.thread(&root).await, [shown.key.ts, quiet.key.ts]);
    let line = world.window(PUBLIC, Window::ALL, 1).await;
    let beside = line[0].root.as_ref().expect("a broadcast reply comes with its root");
    assert_eq!((beside.message.key, &*beside.content.text), (root.key, "root"));

    let withdraw = Delete { only_broadcast: true, ..delete(&shown) };
    world.done(ALPHA_BOT, Verb::Delete(withdraw)).await;
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    world.updated(ALPHA_BOT, Update { broadcast: true, ..update(&quiet, "loud") }).await;
    assert_eq!(world.line(PUBLIC).await, [quiet.key.ts, root.key.ts]);
    assert_eq!(world.window(PUBLIC, Window::ALL, 1).await[0].content.text, "loud");
    world.deleted(ALPHA_BOT, &quiet).await;
    assert_eq!(tss(&world.window(PUBLIC, Window::ALL, 1).await), [root.key.ts]);
    assert_eq!(world.thread(&root).await, [shown.key.ts]);
}
