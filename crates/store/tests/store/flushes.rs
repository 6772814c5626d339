//! The injected delay, and what a batch saves of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redraft_model::command::Verb;
use redraft_model::control::Control;
use redraft_model::id::AppId;
use redraft_model::quota::QuotasPatch;
use redraft_store::contract::{ALPHA_BOT, GAMMA_BOT, HandClock, PUBLIC, World, attach, post, settlement};
use redraft_store::fault::Faults;
use redraft_store::{BATCH_BYTES_MAX, BATCH_TIME_MAX, Options, SqliteStore, StoreError, Sweep};

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
    let commits = || world.store.published().commits();
    let before = commits();
    faults.hold_flushes(true);
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    let first = say();
    faults.wait_until_held();
    let others: Vec<_> = (0..99).map(|_| say()).collect();
    faults.hold_flushes(false);
    for answer in std::iter::once(first).chain(others) {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(commits(), before + 2);
}

/// Commands of one batch count what those before them wrote: of three that find room for one, one is accepted.
#[tokio::test]
async fn a_quota_counts_what_its_batch_has_written() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    faults.heal();
    let messages = world.store.usage(world.workspace).await.unwrap().messages;
    let quotas = QuotasPatch { messages: Some(Some(messages + 2)), ..QuotasPatch::default() };
    world.control(Control::PatchQuotas(quotas)).await;
    faults.hold_flushes(true);
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    let first = say();
    faults.wait_until_held();
    let others: Vec<_> = (0..3).map(|_| say()).collect();
    faults.hold_flushes(false);
    assert!(first.await.unwrap().is_ok());
    let mut accepted = 0;
    for answer in others {
        accepted += usize::from(answer.await.unwrap().is_ok());
    }
    assert_eq!(accepted, 1);
    assert_eq!(world.store.usage(world.workspace).await.unwrap().messages, messages + 2);
}

/// Everything that the committer can be asked for, at once.
async fn all_at_once(world: &World, faults: &'static Faults) -> Vec<Result<(), StoreError>> {
    let (store, workspace) = (&world.store, world.workspace);
    let say = |text: &str| store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text))));
    faults.hold_flushes(true);
    let first = say("first");
    faults.wait_until_held();
    let said: Vec<_> = (0..5).map(|_| say("hello")).collect();
    let settled: Vec<_> =
        (1..4).map(|heard| store.settle(workspace, AppId(2), settlement(heard, &[heard], &[]))).collect();
    let files: Vec<_> = (0..3).map(|n| store.submit(world.command(GAMMA_BOT, attach(n, &[1; 9])))).collect();
    let kept = (store.keep("one", vec![1]), store.replace("two", vec![2]));
    let swept = (store.sweep(Sweep::Routine), store.sweep(Sweep::Routine));
    faults.hold_flushes(false);
    let mut answers = vec![first.await.map(drop)];
    for answer in said.into_iter().chain(files) {
        answers.push(answer.await.map(drop));
    }
    for answer in settled {
        answers.push(answer.await);
    }
    answers.extend([kept.0.await.map(drop), kept.1.await, swept.0.await.map(drop), swept.1.await.map(drop)]);
    answers
}

/// Commands, settlements, files, kept values and sweeping wait for one flush together.
#[tokio::test]
async fn everything_is_written_in_one_batch() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    faults.heal();
    let before = faults.flushes();
    assert!(all_at_once(&world, faults).await.iter().all(Result::is_ok));
    assert_eq!(faults.flushes() - before, 2, "one for the first, one for those who came meanwhile");
    let deliveries = world.store.deliveries(world.workspace, AppId(2), (0, 0), 9).await.unwrap();
    assert_eq!(deliveries.len(), 3);
    assert_eq!(world.store.blob(world.workspace, [2; 32]).await.unwrap(), Some(vec![1; 9]));
}

/// When the flush of a batch fails, everyone in it hears that the outcome is unknown, and nobody waits for ever.
#[tokio::test]
async fn a_flush_that_fails_is_heard_of_by_everyone() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    faults.heal();
    faults.fail_flush_of_the_log(2);
    let answers = all_at_once(&world, faults).await;
    assert_eq!(answers[0], Ok(()));
    assert_eq!(answers[1..], vec![Err(StoreError::Unknown); answers.len() - 1]);
    world.say("and on it goes").await;
    assert_eq!(world.store.blob(world.workspace, [2; 32]).await.unwrap(), None);
    assert!(all_at_once(&world, faults).await.iter().all(Result::is_ok));
}

/// A batch ends when it has many bytes, so that what came first is answered first.
#[tokio::test]
async fn a_batch_is_bounded_in_bytes() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    faults.heal();
    let before = faults.flushes();
    faults.hold_flushes(true);
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    let first = say();
    faults.wait_until_held();
    let part = BATCH_BYTES_MAX / 4;
    let file = |n| world.store.submit(world.command(GAMMA_BOT, attach(n, &vec![1; part])));
    let files: Vec<_> = (0..10).map(file).collect();
    faults.hold_flushes(false);
    first.await.unwrap().unwrap();
    for file in files {
        file.await.unwrap().unwrap();
    }
    assert!(4 <= faults.flushes() - before, "the first, and ten quarters of a batch");
}

/// A batch ends when it has taken long, so that what came first is answered first. The clock is read once for each
/// transaction; here it takes as long as a batch may.
#[tokio::test]
async fn a_batch_is_bounded_in_time() {
    let folder = Folder::new();
    let (faults, clock) = (Faults::register(), HandClock::default());
    let (is_slow, hand) = (Arc::new(AtomicBool::new(false)), clock.clone());
    let takes_long = Arc::clone(&is_slow);
    let slow_clock = Arc::new(move || {
        let begun = Instant::now();
        while takes_long.load(Ordering::Relaxed) && begun.elapsed() <= BATCH_TIME_MAX {
            std::thread::park_timeout(BATCH_TIME_MAX);
        }
        hand.now()
    });
    let vfs = Some(faults.vfs_name().to_owned());
    let options = Options { clock: slow_clock, vfs, ..Options::default() };
    let world = World::over(Arc::new(SqliteStore::open(&folder, options).unwrap()), clock).await;
    let before = faults.flushes();
    faults.hold_flushes(true);
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    let first = say();
    faults.wait_until_held();
    let others: Vec<_> = (0..3).map(|_| say()).collect();
    is_slow.store(true, Ordering::Relaxed);
    faults.hold_flushes(false);
    first.await.unwrap().unwrap();
    for answer in others {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(faults.flushes() - before, 4, "each of the others was a batch of its own");
}

/// While nothing can be written the store says so, and while it can, one small write answers many who ask.
#[tokio::test]
async fn whether_it_can_be_written_is_found_out_by_one_write() {
    let folder = Folder::new();
    let (world, faults) = slow(&folder).await;
    faults.heal();
    assert_eq!(world.store.writable().await, Ok(()), "the workspace was made just now");
    faults.fail_from(1);
    let failed = world.store.replace("one", vec![1]).await;
    assert!(failed.is_err());
    for _ in 0..50 {
        assert_eq!(world.store.writable().await, Err(StoreError::Failed));
    }
    faults.heal();
    // After a while a write is made to find out.
    while world.store.writable().await.is_err() {
        tokio::task::yield_now().await;
    }
    // Nothing is written for a while, and then many ask at once.
    let before = faults.flushes();
    while faults.flushes() == before {
        world.store.writable().await.unwrap();
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        world.store.writable().await.unwrap();
    }
    assert_eq!(faults.flushes(), before + 1);
}
