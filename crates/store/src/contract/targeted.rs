//! Messages that one reader sees: they are in no timeline, and found for their reader.

use redraft_model::command::{Delete, Post, ReplyTo, Targeted, Update, Verb};
use redraft_model::id::ConversationId;
use redraft_model::limits::EPHEMERAL_MICROS;
use redraft_model::message::Message;

use super::commands::{delete, post, react, show, update};
use super::world::World;
use super::{ADA, ALPHA_BOT, GAMMA, GAMMA_BOT, GENERAL, IVO, MIA, MIA_HERSELF, PRIVATE, PUBLIC};

pub(super) async fn a_whisper_is_in_no_line(world: World) {
    let root = world.say("root").await;
    let whisper = Post { only: Some(MIA), ..post(PUBLIC, "psst") };
    let whisper = world.posted(ALPHA_BOT, whisper).await;
    let inside = Post { only: Some(MIA), reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "psst") };
    let inside = world.posted(ALPHA_BOT, inside).await;
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    assert!(world.thread(&root).await.is_empty());
    assert!(world.message(&root).await.expect("there").message.thread.is_none());
    for message in [whisper, inside] {
        assert_eq!(world.message(&message).await.expect("whoever knows it finds it").content.text, "psst");
    }
}

pub(super) async fn what_means_a_whisper_changes_and_deletes_it(world: World) {
    let root = world.say("root").await;
    for reply_to in [ReplyTo::NONE, ReplyTo::message(root.key.ts)] {
        let whisper =
            world.posted(GAMMA_BOT, Post { only: Some(MIA), reply_to, ..post(PUBLIC, "one") }).await;
        let meant = Some(Targeted { reader: None });
        let asked = Update { targeted: meant, ..update(&whisper, "two") };
        let updated = world.updated(GAMMA_BOT, asked).await;
        let found = world.message(&whisper).await.expect("there");
        assert_eq!((&found.message, &*found.content.text), (&updated.message, "two"));
        assert_eq!(world.texts(whisper.key, u32::MAX, 10).await, ["two", "one"]);
        world.done(GAMMA_BOT, Verb::Delete(Delete { targeted: meant, ..delete(&whisper) })).await;
        assert!(world.message(&whisper).await.is_none());
        let gone = world.store.gone(whisper.key).await.expect("readable").expect("it is known to be gone");
        assert_eq!((gone.last.key, gone.by), (whisper.key, GAMMA));
        assert_eq!(world.texts(whisper.key, u32::MAX, 10).await, ["two", "one"]);
        assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
        assert!(world.targeted(PUBLIC, MIA, 10).await.is_empty());
    }
    assert_eq!(world.message(&root).await.expect("there").message, root);
    world.clock.advance(2 * EPHEMERAL_MICROS);
    world.sweep().await;
}

pub(super) async fn what_one_reader_is_told_is_found_for_them(world: World) {
    let root = world.say("for everyone").await;
    let to = |reader, text: &str| Post { only: Some(reader), ..post(PUBLIC, text) };
    let mut told = Vec::new();
    for number in 0..4 {
        told.push(world.posted(ALPHA_BOT, to(MIA, &format!("{number}"))).await);
        world.posted(ALPHA_BOT, to(IVO, "for Ivo")).await;
    }
    let inside = Post { reply_to: ReplyTo::message(root.key.ts), ..to(MIA, "in a thread") };
    told.push(world.posted(ALPHA_BOT, inside).await);
    world.posted(ALPHA_BOT, Post { only: Some(MIA), ..post(GENERAL, "elsewhere") }).await;
    let texts = ["0", "1", "2", "3", "in a thread"];
    for (limit, expected) in [(10, &texts[..]), (5, &texts), (2, &texts[3..]), (0, &[])] {
        assert_eq!(world.targeted(PUBLIC, MIA, limit).await, expected, "at most {limit}");
    }
    assert_eq!(world.targeted(PUBLIC, IVO, 10).await, ["for Ivo"; 4]);
    assert_eq!(world.targeted(GENERAL, MIA, 10).await, ["elsewhere"]);
    assert!(world.targeted(PUBLIC, ADA, 10).await.is_empty());
    assert!(world.targeted(PRIVATE, MIA, 10).await.is_empty());
    assert!(world.targeted(ConversationId(99), MIA, 10).await.is_empty());
    let meant = Some(Targeted { reader: Some(MIA) });
    world.updated(ALPHA_BOT, Update { targeted: meant, ..update(&told[1], "changed") }).await;
    world.done(ALPHA_BOT, Verb::Delete(Delete { targeted: meant, ..delete(&told[2]) })).await;
    assert_eq!(world.targeted(PUBLIC, MIA, 10).await, ["0", "changed", "3", "in a thread"]);
}

/// All its revisions go with it, and what hangs on it; and it lasts a day longer from each change on.
pub(super) async fn a_changed_whisper_is_swept_later_and_whole(world: World) {
    let whisper = || Post { only: Some(MIA), ..post(PUBLIC, "one") };
    let (late, early) = (world.posted(GAMMA_BOT, whisper()).await, world.posted(GAMMA_BOT, whisper()).await);
    let meant = Some(Targeted { reader: Some(MIA) });
    let change = |message: &Message, text: &str| Update { targeted: meant, ..update(message, text) };
    for message in [&early, &late] {
        world.updated(GAMMA_BOT, change(message, "two")).await;
        world.done(MIA_HERSELF, react(message, "eyes")).await;
        world.done(GAMMA_BOT, show(message, MIA, "hers")).await;
    }
    let shown = world.events().await.pop().expect("there are events").position;
    world.clock.advance(EPHEMERAL_MICROS - 1000);
    world.updated(GAMMA_BOT, change(&late, "three")).await;
    world.clock.advance(2000);
    world.sweep().await;
    assert!(world.message(&early).await.is_none());
    assert!(
        world.texts(early.key, u32::MAX, 10).await.is_empty() && world.reactions(&early).await.is_empty()
    );
    assert_eq!(world.content(early.content_at).await, None);
    assert_eq!(world.view(&early, MIA).await, None);
    assert_eq!(world.texts(late.key, u32::MAX, 10).await, ["three", "two", "one"]);
    assert_eq!(world.reactions(&late).await.len(), 1);
    assert_eq!(world.view(&late, MIA).await, Some((2, "hers".into())));
    assert_eq!(world.targeted(PUBLIC, MIA, 10).await, ["three"]);
    world.clock.advance(EPHEMERAL_MICROS - 3000);
    world.sweep().await;
    assert!(world.message(&late).await.is_some());
    world.clock.advance(2000);
    world.sweep().await;
    assert!(world.message(&late).await.is_none() && world.targeted(PUBLIC, MIA, 10).await.is_empty());
    for event in world.events().await {
        assert_eq!(world.content(event.position).await, None, "{event:?}");
    }
    assert_eq!((world.view(&late, MIA).await, world.content(shown).await), (None, None));
    assert!(world.reactions(&late).await.is_empty());
}
