//! Deleted, superseded and submitted content is erased when its retention has ended and no delivery needs it any more.

use redraft_model::command::{Post, Targeted, Update, Verb};
use redraft_model::control::Control;
use redraft_model::event::EventKind;
use redraft_model::id::AppId;
use redraft_model::interaction::Act;
use redraft_model::limits::{DELETED_CONTENT_MICROS, ERASED_AT_LATEST_MICROS};
use redraft_model::message::Message;
use redraft_model::patch::{AppPatch, SettingsPatch, WorkspacePatch};
use redraft_model::workspace::Retention;

use super::{
    ALPHA_BOT, GAMMA_BOT, MIA, MIA_HERSELF, PUBLIC, World, delivery, interaction, post, settlement, text,
    update,
};
use crate::{Awaited, Delivery, Settlement, Sweep};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const GAMMA_APP: AppId = AppId(2);

impl World {
    async fn keep(&self, retention: Retention) {
        let settings = SettingsPatch {
            deleted_micros: Some(retention.deleted_micros),
            superseded_micros: Some(retention.superseded_micros),
            dead_letters_micros: Some(retention.dead_letters_micros),
            ephemeral_micros: Some(retention.ephemeral_micros),
            ..SettingsPatch::default()
        };
        self.control(Control::PatchWorkspace(WorkspacePatch { name: None, settings: Some(settings) })).await;
    }

    /// The Teams app has an endpoint from now on.
    async fn told(&self) {
        let endpoint = Some(Some("http://127.0.0.1:9/".into()));
        self.control(Control::PatchApp(GAMMA_APP, Box::new(AppPatch { endpoint, ..AppPatch::default() })))
            .await;
    }

    async fn end(&self) -> u64 {
        self.events().await.last().map_or(0, |event| event.position)
    }

    /// What is left of a message's revisions, newest first.
    async fn left(&self, message: &Message) -> Vec<Option<String>> {
        let found = self.store.revisions(message.key, u32::MAX, 1000).await.expect("readable");
        found.into_iter().map(|(_, content)| content.map(|content| content.text.clone())).collect()
    }

    async fn purge(&self) {
        for _ in 0..10_000 {
            if !self.store.sweep(Sweep::Purge).await.expect("the store works").more {
                return;
            }
        }
        panic!("purging comes to an end");
    }
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

pub(super) async fn deleted_content_goes_and_leaves_its_place(world: World) {
    let living = world.say("living").await;
    world.updated(ALPHA_BOT, update(&living, "still living")).await;
    let (message, root) = (world.say("one").await, world.say("root").await);
    world.reply(&root, MIA_HERSELF, "reply").await;
    for n in 2..=250 {
        world.updated(ALPHA_BOT, update(&message, &n.to_string())).await;
    }
    for gone in [&message, &root] {
        world.deleted(ALPHA_BOT, gone).await;
    }
    world.clock.advance(DELETED_CONTENT_MICROS - SECOND);
    world.sweep().await;
    assert_eq!((world.left(&message).await.len(), world.left(&root).await), (250, some(&["root"])));
    assert!(world.left(&message).await.iter().all(Option::is_some));
    world.clock.advance(SECOND);
    world.sweep().await;
    assert_eq!((world.left(&message).await, world.left(&root).await), (vec![None; 250], vec![None]));
    assert_eq!(world.left(&living).await, some(&["still living", "living"]));
    let found = world.store.is_erased(world.workspace, message.content_at).await;
    assert_eq!(found, Ok(true), "which is not the same as never there");
    assert_eq!(world.store.is_erased(world.workspace, living.content_at).await, Ok(false));
    assert_eq!(world.content(message.content_at).await, None);
    assert_eq!(world.message(&root).await.expect("a tombstone").content.text, "");
    assert_eq!(world.store.awaited().await, Ok(vec![]));
}

pub(super) async fn what_is_to_be_told_stays_until_it_was(world: World) {
    world.told().await;
    let (one, two) = (world.say("one").await, world.say("two").await);
    world.updated(ALPHA_BOT, update(&one, "one, changed")).await;
    for message in [&one, &two] {
        world.deleted(ALPHA_BOT, message).await;
    }
    world.clock.advance(DELETED_CONTENT_MICROS);
    world.sweep().await;
    let both = || async { (world.left(&one).await, world.left(&two).await) };
    assert_eq!(both().await, (some(&["one, changed", "one"]), some(&["two"])), "the log was not read");
    let end = world.end().await;
    assert_eq!(
        world.store.awaited().await,
        Ok(vec![Awaited { workspace: world.workspace, endings: 2, last: end }])
    );

    // The first event of one did not arrive, and is a dead letter by now.
    world.settle(GAMMA_APP, settlement(end, &[one.content_at], &[])).await;
    world.sweep().await;
    assert_eq!(both().await.1, vec![None], "nobody waits for it");
    assert_eq!(both().await.0.last(), Some(&Some("one".to_owned())), "it will be asked for");
    world.settle(GAMMA_APP, settlement(end, &[], &[one.content_at])).await;
    world.sweep().await;
    assert_eq!(both().await.0, vec![None; 2]);
}

/// An app that reads the log no further, and a delivery that nobody settles, delay erasing for a stated time and not longer.
pub(super) async fn nobody_holds_content_up_for_ever(world: World) {
    world.keep(Retention { dead_letters_micros: 300 * 24 * HOUR, ..Retention::default() }).await;
    let message = world.say("deleted").await;
    world.told().await;
    world.deleted(ALPHA_BOT, &message).await;
    world.settle(GAMMA_APP, settlement(1, &[message.content_at], &[])).await;
    world.clock.advance(DELETED_CONTENT_MICROS + ERASED_AT_LATEST_MICROS - SECOND);
    world.sweep().await;
    assert_eq!(world.left(&message).await, some(&["deleted"]));
    world.clock.advance(SECOND);
    world.sweep().await;
    assert_eq!(world.left(&message).await, vec![None]);
    assert_eq!(world.deliveries(GAMMA_APP, 0, 10).await, [message.content_at], "which can tell no more");
}

/// An app without deliveries delays nothing, however far back it is.
pub(super) async fn an_app_that_is_not_told_holds_nothing_up(world: World) {
    world.told().await;
    let message = world.say("deleted").await;
    world.deleted(ALPHA_BOT, &message).await;
    let endpoint = Some(None);
    world.control(Control::PatchApp(GAMMA_APP, Box::new(AppPatch { endpoint, ..AppPatch::default() }))).await;
    world.clock.advance(DELETED_CONTENT_MICROS);
    world.sweep().await;
    assert_eq!((world.delivered_up_to(GAMMA_APP).await, world.left(&message).await), (0, vec![None]));
}

pub(super) async fn superseded_revisions_go_if_they_are_to(world: World) {
    let message = world.say("one").await;
    world.updated(ALPHA_BOT, update(&message, "two")).await;
    world.clock.advance(1000 * HOUR);
    world.sweep().await;
    assert_eq!(world.left(&message).await, some(&["two", "one"]), "as long as the message");
    world.keep(Retention { superseded_micros: Some(HOUR), ..Retention::default() }).await;
    world.updated(ALPHA_BOT, update(&message, "three")).await;
    world.sweep().await;
    assert_eq!(world.left(&message).await, [Some("three".into()), Some("two".into()), None]);
    world.clock.advance(HOUR);
    world.sweep().await;
    assert_eq!(world.left(&message).await, [Some("three".into()), None, None]);
    assert_eq!(world.message(&message).await.expect("it lives").content.text, "three");
    world.deleted(ALPHA_BOT, &message).await;
    world.clock.advance(DELETED_CONTENT_MICROS);
    world.sweep().await;
    assert_eq!(world.left(&message).await, [None, None, None]);
}

pub(super) async fn what_was_submitted_goes(world: World) {
    let message = world.posted(GAMMA_BOT, post(PUBLIC, "a card")).await;
    let pressed = Act::Submit { content: text("submitted"), shown: None };
    world.done(MIA_HERSELF, interaction(&message, pressed)).await;
    let submitted =
        |event: &&redraft_model::event::Event| matches!(event.kind, EventKind::CardSubmitted { .. });
    let at = world.events().await.iter().find(submitted).expect("it is an event").position;
    assert_eq!(world.content(at).await.as_deref(), Some("submitted"));
    world.clock.advance(DELETED_CONTENT_MICROS);
    world.sweep().await;
    assert_eq!(world.content(at).await, None);
    assert_eq!(world.message(&message).await.expect("it lives").content.text, "a card");
}

/// By the workspace's clock, which is ahead; another workspace's things stay.
pub(super) async fn what_is_over_is_so_by_the_workspaces_clock(world: World) {
    let away = world.beside(2).await;
    world
        .keep(Retention { ephemeral_micros: HOUR, dead_letters_micros: 2 * HOUR, ..Retention::default() })
        .await;
    let mut whispers = Vec::new();
    for world in [&world, &away] {
        let caller = if world.workspace == away.workspace { super::world::AWAY_BOT } else { ALPHA_BOT };
        let whisper = world.posted(caller, Post { only: Some(MIA), ..post(PUBLIC, "psst") }).await;
        let dead = Delivery { due_at: None, ..delivery(whisper.content_at) };
        world.settle(GAMMA_APP, Settlement { put: vec![dead], ..settlement(1, &[], &[]) }).await;
        whispers.push(whisper);
    }
    let is_there = |world: &World, message: &Message| {
        let (world, key) = (world.clone(), message.key);
        async move { world.message_at(key).await.is_some() }
    };
    world.control(Control::AdvanceClock(HOUR + SECOND)).await;
    world.sweep().await;
    assert!(!is_there(&world, &whispers[0]).await && is_there(&away, &whispers[1]).await);
    assert_eq!(world.deliveries(GAMMA_APP, 0, 10).await.len(), 1);
    world.control(Control::AdvanceClock(HOUR)).await;
    world.sweep().await;
    let (home, away) = (world.deliveries(GAMMA_APP, 0, 10).await, away.deliveries(GAMMA_APP, 0, 10).await);
    assert_eq!((home.len(), away.len()), (0, 1));
}

pub(super) async fn a_purge_waits_for_no_retention(world: World) {
    let (one, two) = (world.say("one").await, world.say("two").await);
    world.updated(ALPHA_BOT, update(&two, "two, changed")).await;
    let whisper = world.posted(GAMMA_BOT, Post { only: Some(MIA), ..post(PUBLIC, "psst") }).await;
    let meant = Some(Targeted { reader: Some(MIA) });
    world.updated(GAMMA_BOT, Update { targeted: meant, ..update(&whisper, "psst!") }).await;
    world.deleted(ALPHA_BOT, &one).await;
    let deleted = redraft_model::command::Delete { targeted: meant, ..super::delete(&whisper) };
    world.done(GAMMA_BOT, Verb::Delete(deleted)).await;
    world.sweep().await;
    assert_eq!(world.left(&one).await, some(&["one"]));
    world.told().await;
    world.settle(GAMMA_APP, settlement(world.end().await, &[two.content_at, one.content_at], &[])).await;
    world.purge().await;
    assert_eq!(world.left(&one).await, some(&["one"]), "that has still to be told");
    assert_eq!(world.store.awaited().await.expect("readable").len(), 1);
    world.settle(GAMMA_APP, settlement(world.end().await, &[], &[one.content_at])).await;
    world.purge().await;
    assert_eq!((world.left(&one).await, world.left(&whisper).await), (vec![None], vec![None; 2]));
    assert_eq!(world.left(&two).await, some(&["two, changed", "two"]), "which was not deleted");
    assert_eq!(world.store.empty_log().await, Ok(true));
}
