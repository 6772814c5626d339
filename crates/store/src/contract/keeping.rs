//! What is kept for how long: idempotency records, attachments, and values of the store itself.

use std::sync::Arc;

use redraft_model::command::{Post, ReplyTo};
use redraft_model::content::{Content, Dialect};
use redraft_model::limits::{EPHEMERAL_MICROS, UNNAMED_ATTACHMENT_MICROS};

use super::commands::{attachment_id, post};
use super::world::World;
use super::{ALPHA_BOT, GAMMA_BOT, MIA, PUBLIC};

pub(super) async fn what_is_over_is_swept(world: World) {
    let root = world.say("root").await;
    let whisper = Post { only: Some(MIA), reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "psst") };
    let old = world.posted(ALPHA_BOT, whisper.clone()).await;
    world.clock.advance(EPHEMERAL_MICROS / 2);
    let young = world.posted(ALPHA_BOT, whisper).await;
    world.sweep().await;
    assert!(world.message(&old).await.is_some());
    world.clock.advance(EPHEMERAL_MICROS / 2 + 10);
    world.sweep().await;
    assert!(world.message(&old).await.is_none());
    assert!(world.texts(old.key, u32::MAX, 10).await.is_empty());
    assert_eq!(world.message(&young).await.expect("not over yet").content.text, "psst");
    assert_eq!(world.message(&root).await.expect("never over").content.text, "root");
    assert_eq!(world.events().await.len(), 4);
}

pub(super) async fn bytes_belong_to_what_names_them(world: World) {
    let away = world.beside(2).await;
    assert_eq!(world.blob(1).await, None);
    let long = vec![7; 1 << 20];
    world.attach(1, &long).await;
    world.attach(2, b"").await;
    world.attach(3, b"never named").await;
    away.attach(1, b"away").await;
    world.attach(1, &long).await;
    assert_eq!(world.blob(1).await, Some(long));
    assert_eq!(world.blob(2).await, Some(vec![]));
    assert_eq!((away.blob(1).await, away.blob(2).await), (Some(b"away".to_vec()), None));

    let naming = |numbers: &[u8]| {
        let files = numbers.iter().map(|n| attachment_id(*n)).collect::<Vec<_>>().join(" ");
        let content = Content { files: Some(files.into()), ..Content::text(Dialect::Connector, "a picture") };
        Post { content: Arc::new(content), ..post(PUBLIC, "") }
    };
    let both = world.posted(GAMMA_BOT, naming(&[1, 2])).await;
    let one = world.posted(GAMMA_BOT, naming(&[1])).await;
    let left = |world: &World| {
        let (store, workspace) = (Arc::clone(&world.store), world.workspace);
        async move {
            let mut left = Vec::new();
            for n in 1..=3 {
                let found = store.blob(workspace, [n; 32]).await.expect("readable");
                left.extend(found.map(|_| n));
            }
            left
        }
    };
    for (act, expected) in [(None, vec![1, 2]), (Some(&both), vec![1]), (Some(&one), vec![])] {
        if let Some(message) = act {
            world.deleted(GAMMA_BOT, message).await;
        }
        world.clock.advance(UNNAMED_ATTACHMENT_MICROS - 1);
        world.sweep().await;
        assert!(act.is_none() || expected.len() < left(&world).await.len(), "too early");
        world.clock.advance(1);
        world.sweep().await;
        assert_eq!(left(&world).await, expected);
    }
}

pub(super) async fn a_value_is_kept_once(world: World) {
    assert_eq!(world.store.kept("key").await, Ok(None));
    assert_eq!(world.store.keep("key", vec![1, 2]).await, Ok(vec![1, 2]));
    assert_eq!(world.store.keep("key", vec![3]).await, Ok(vec![1, 2]));
    assert_eq!(world.store.keep("other", vec![]).await, Ok(vec![]));
    assert_eq!(world.store.kept("key").await, Ok(Some(vec![1, 2])));
    assert_eq!(world.store.kept("other").await, Ok(Some(vec![])));
}

pub(super) async fn a_value_is_replaced(world: World) {
    assert_eq!(world.store.replace("key", vec![1, 2]).await, Ok(()));
    assert_eq!(world.store.keep("other", vec![3]).await, Ok(vec![3]));
    assert_eq!(world.store.replace("key", vec![4]).await, Ok(()));
    assert_eq!(world.store.kept("key").await, Ok(Some(vec![4])));
    assert_eq!(world.store.keep("key", vec![5]).await, Ok(vec![4]));
    assert_eq!(world.store.kept("other").await, Ok(Some(vec![3])));
}
