//! Items: what a workspace stores under keys, beside messages and directory.

use redraft_model::command::{Caller, Verb};
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::files::FileCommand;
use redraft_model::id::WorkspaceId;
use redraft_model::item::{File, Item, ItemKey};
use redraft_model::schedule::ScheduleCommand;
use redraft_model::time::Micros;

use super::{ADA, ALPHA_BOT, PRIVATE, PUBLIC, START, World, post};
use crate::{READ_ROWS_MAX, Store};

/// A step that announces a file, with this digest of its secret.
#[must_use]
pub fn begin(id: &str, upload: u8) -> Verb {
    let file = File {
        id: id.into(),
        user: ADA,
        app: None,
        name: "notes.txt".into(),
        title: "Notes".into(),
        alt_text: Some("what was said".into()),
        snippet_type: None,
        size: 5,
        blob: None,
        made_at: Micros(0),
        complete: false,
        deleted: false,
        shares: Vec::new(),
    };
    Verb::File(FileCommand::Begin { upload: [upload; 32], file: Box::new(file) })
}

/// All items of a workspace, in their order.
///
/// # Panics
/// When they cannot be read.
pub async fn items(store: &dyn Store, workspace: WorkspaceId) -> Vec<(ItemKey, Item)> {
    let (first, last) = (ItemKey::Grant([0; 32]), ItemKey::Attachment("~".into()));
    store.items(workspace, first, last, READ_ROWS_MAX).await.expect("readable")
}

pub(super) async fn what_lies_under_a_key_is_found(world: World) {
    let keys = || async {
        let all = items(&*world.store, world.workspace).await;
        all.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let (grant, other) = (ItemKey::Grant([7; 32]), ItemKey::Grant([8; 32]));
    let file = |id: &str| ItemKey::File(id.into());
    world.done(ALPHA_BOT, begin("F2", 7)).await;
    world.done(ALPHA_BOT, begin("F1", 8)).await;
    assert_eq!(keys().await, [grant.clone(), other.clone(), file("F1"), file("F2")]);
    let some = |from: ItemKey, to: ItemKey, limit| {
        let found = world.store.items(world.workspace, from, to, limit);
        async move { found.await.expect("readable").into_iter().map(|(key, _)| key).collect::<Vec<_>>() }
    };
    assert_eq!(
        some(other.clone(), file("F1"), 9).await,
        [other.clone(), file("F1")],
        "both ends are included"
    );
    assert_eq!(some(other.clone(), file("F2"), 1).await, std::slice::from_ref(&other));
    assert_eq!(some(file("F2"), file("F1"), 9).await, []);

    let receive = FileCommand::Receive { upload: [7; 32], blob: [1; 32], bytes: b"bytes"[..].into() };
    world.done(Caller::Control, Verb::File(receive)).await;
    let found = world.store.item(world.workspace, file("F2")).await.expect("readable");
    let Some(Item::File(found)) = found else { panic!("{found:?}") };
    assert_eq!((found.blob, found.name.as_str()), (Some([1; 32]), "notes.txt"));
    assert_eq!(world.blob(1).await.as_deref(), Some(&b"bytes"[..]));
    assert_eq!(world.store.item(world.workspace, grant).await, Ok(None), "used up");
    assert_eq!(world.store.item(WorkspaceId(9), file("F2")).await, Ok(None));
}

pub(super) async fn grants_are_swept_some_time_after_their_end(world: World) {
    const HOUR: i64 = 3_600_000_000;
    world.done(ALPHA_BOT, begin("F1", 8)).await;
    let held = || world.store.item(world.workspace, ItemKey::Grant([8; 32]));
    world.clock.advance(25 * HOUR - 1);
    world.sweep().await;
    assert!(held().await.expect("readable").is_some());
    world.clock.advance(1);
    world.sweep().await;
    assert_eq!(held().await, Ok(None));
    let file = world.store.item(world.workspace, ItemKey::File("F1".into())).await;
    assert_eq!(file, Ok(None), "and with it a file that never came");
}

pub(super) async fn items_go_with_their_workspace(world: World) {
    let other = world.beside(2).await;
    world.done(ALPHA_BOT, begin("F1", 8)).await;
    assert_eq!(items(&*world.store, other.workspace).await, []);
    world.control(Control::DropWorkspace).await;
    world.sweep().await;
    assert_eq!(items(&*world.store, world.workspace).await, []);
}

pub(super) async fn the_first_message_that_waits_is_known(world: World) {
    let add = |place, seconds: i64| {
        let post = Box::new(post(place, "later"));
        Verb::Schedule(ScheduleCommand::Add { post, post_at: START.plus(seconds * 1_000_000) })
    };
    let due = || async { world.store.due().await.expect("readable") };
    assert!(due().await.is_empty());
    let mut keys = Vec::new();
    for (place, seconds) in [(PUBLIC, 300), (PRIVATE, 100), (PUBLIC, 200)] {
        let Outcome::Scheduled(key) = world.done(ALPHA_BOT, add(place, seconds)).await else {
            panic!("it waits");
        };
        keys.push(key);
    }
    for (first, then) in [(1, Some(2)), (2, Some(0)), (0, None)] {
        assert_eq!(due().await, [(world.workspace, keys[first].clone())]);
        world.clock.advance(300_000_000);
        world.done(Caller::Control, Verb::PostDue(keys[first].clone())).await;
        let left: Vec<_> =
            then.map(|then: usize| (world.workspace, keys[then].clone())).into_iter().collect();
        assert_eq!(due().await, left);
    }
    let texts =
        |line: Vec<crate::Stored>| line.into_iter().map(|it| it.content.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(world.window(PUBLIC, crate::Window::ALL, 10).await), ["later", "later"]);
}
