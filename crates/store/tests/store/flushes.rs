//! The injected delay, and what a batch saves of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redraft_model::command::Verb;
use redraft_store::contract::{ALPHA_BOT, HandClock, PUBLIC, World, post};
use redraft_store::fault::Faults;
use redraft_store::{Options, SqliteStore};

use crate::folder::Folder;

const DELAY: Duration = Duration::from_millis(5);

async fn slow(folder: &Folder) -> (World, &'static Faults) {
    let (faults, clock) = (Faults::register(), HandClock::default());
    let vfs = Some(faults.vfs_name().to_owned());
    let options = Options { clock: clock.clock(), vfs, ..Options::default() };
    let world = World::over(Arc::new(SqliteStore::open(folder, options).unwrap()), clock).await;
    faults.delay_flush(DELAY);
    (world, faults)
}

#[tokio::test]
async fn every_commit_waits_for_its_flush() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    let (begun, before) = (Instant::now(), faults.operations());
    for _ in 0..10 {
        world.say("hello").await;
    }
    assert!(DELAY * 10 <= begun.elapsed());
    assert!(before + 20 <= faults.operations());
    faults.heal();
}

/// A hundred at once need two flushes: one for the first, one for those who came meanwhile.
#[tokio::test]
async fn a_batch_waits_once() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    let mut commits = world.store.published().commits();
    let before = *commits.borrow_and_update();
    faults.hold_flushes(true);
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    let first = say();
    faults.wait_until_held();
    let others: Vec<_> = (0..99).map(|_| say()).collect();
    faults.hold_flushes(false);
    for answer in std::iter::once(first).chain(others) {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(*commits.borrow(), before + 2);
}
