//! A disk that fails: whatever was acknowledged is there, whatever was not has left nothing behind, and the store goes
//! on when the disk does. An oracle in memory hears the acknowledged commands only.

use std::sync::Arc;

use redraft_model::command::Command;
use redraft_model::time::Micros;
use redraft_store::contract::{self, HandClock, events, picture, post};
use redraft_store::fault::Faults;
use redraft_store::{MemoryStore, Options, QUEUE_COMMANDS_MAX, SqliteStore, Store, StoreError, Sweep};

use crate::folder::Folder;
use crate::histories::same;
use crate::steps::{Step, Teller};

/// A bit of everything: threads, tombstones, keys, members, a reset.
fn script() -> Vec<Step> {
    let post = |reply, broadcast, key| Step::Post { who: 0, place: 0, reply, broadcast, only: false, key };
    let update =
        |which| Step::Update { who: 0, which, empty: false, broadcast: false, expected: None, key: None };
    let delete = |which| Step::Delete { who: 0, which, only_broadcast: false, expected: None, key: None };
    vec![
        post(None, false, Some((0, 0))),
        post(Some(0), true, None),
        update(0),
        Step::Tick(1),
        post(None, false, Some((0, 0))),
        Step::Control { what: 20, place: 3, whom: 1 },
        delete(1),
        Step::Sweep,
        delete(0),
        Step::Post { who: 0, place: 0, reply: None, broadcast: false, only: true, key: None },
        Step::Update { who: 0, which: 5, empty: true, broadcast: false, expected: None, key: None },
        Step::Tick(25 * 3_600_000_000),
        Step::Sweep,
        Step::Control { what: 37, place: 0, whom: 0 },
        post(None, false, None),
        Step::Sweep,
    ]
}

/// A store on a failing disk, and what it should hold.
struct Trial {
    folder: Folder,
    faults: &'static Faults,
    clock: HandClock,
    oracle: MemoryStore,
    teller: Teller,
    /// A command of which the store could not say whether it had happened, and when it was asked.
    doubtful: Option<(Command, Micros)>,
}

impl Trial {
    fn new() -> Self {
        let clock = HandClock::default();
        let oracle = MemoryStore::new(clock.clock());
        let (folder, faults) = (Folder::new(), Faults::register());
        Self { folder, faults, clock, oracle, teller: Teller::default(), doubtful: None }
    }

    /// Opening may fail too, and can be tried again.
    fn open(&self) -> Option<SqliteStore> {
        let vfs = Some(self.faults.vfs_name().to_owned());
        SqliteStore::open(&self.folder, Options { clock: self.clock.clock(), vfs, ..Options::default() }).ok()
    }

    async fn submit(&mut self, store: &SqliteStore, command: Command) -> Result<(), StoreError> {
        match store.submit(command.clone()).await {
            Ok(answer) => {
                let expected = self.oracle.submit(command.clone()).await.unwrap();
                assert_eq!(format!("{answer:?}"), format!("{expected:?}"), "to {command:?}");
                self.teller.heard(&answer);
                Ok(())
            }
            Err(failed) => {
                if failed == StoreError::Unknown {
                    assert!(self.doubtful.replace((command, self.clock.now())).is_none());
                }
                Err(failed)
            }
        }
    }

    /// Once the disk works: a command in doubt has happened as a whole, or not at all.
    async fn settle(&mut self, store: &SqliteStore) {
        let Some((command, at)) = self.doubtful.take() else { return };
        let now = self.clock.now();
        let expected = picture(&self.oracle).await;
        // The first command after a failed flush opens the file again; this one is refused and changes nothing.
        let nothing = self.teller.command(&Step::Post {
            who: 0,
            place: 6,
            reply: None,
            broadcast: false,
            only: false,
            key: None,
        });
        assert!(store.submit(nothing).await.unwrap().is_err());
        if picture(store).await != expected {
            self.clock.set(at);
            let answer = self.oracle.submit(command).await.unwrap();
            self.teller.heard(&answer);
            self.clock.set(now);
        }
        same(&picture(store).await, &picture(&self.oracle).await);
    }

    /// Runs one step. What fails is tried once more where the disk `recovers` by itself.
    async fn run(&mut self, store: &SqliteStore, step: &Step, recovers: bool) {
        match step {
            Step::Tick(micros) => self.clock.advance(*micros),
            Step::Sweep => {
                let swept = sweep(store).await;
                if swept.is_err() && recovers {
                    sweep(store).await.unwrap();
                }
                if swept.is_ok() || recovers {
                    sweep(&self.oracle).await.unwrap();
                }
            }
            _ => {
                let command = self.teller.command(step);
                if self.submit(store, command.clone()).await.is_err() && recovers {
                    self.settle(store).await;
                    self.submit(store, command).await.unwrap();
                }
            }
        }
    }

    /// With the disk well again: the same as the oracle, now and after opening anew, and still at work.
    async fn check(mut self, store: SqliteStore) {
        self.faults.heal();
        self.settle(&store).await;
        same(&picture(&store).await, &picture(&self.oracle).await);
        drop(store);
        let store = self.open().unwrap();
        same(&picture(&store).await, &picture(&self.oracle).await);
        let more = self.teller.command(&script()[0]);
        self.submit(&store, more).await.unwrap();
        same(&picture(&store).await, &picture(&self.oracle).await);
    }
}

async fn sweep(store: &dyn Store) -> Result<(), StoreError> {
    while store.sweep(Sweep::Routine).await?.more {}
    Ok(())
}

/// Runs the script with the `n`-th operation failing; returns whether the script has so many.
async fn fail_at(n: u64) -> bool {
    let mut trial = Trial::new();
    trial.faults.fail_operation(n);
    let store = match trial.open() {
        Some(store) => store,
        None => trial.open().unwrap(),
    };
    let create = trial.teller.create(1);
    if trial.submit(&store, create.clone()).await.is_err() {
        trial.settle(&store).await;
        trial.submit(&store, create).await.unwrap();
    }
    for step in script() {
        trial.run(&store, &step, true).await;
        // A reader's connection may be what fails.
        let read = events_or_failure(&store).await;
        assert!(read.is_ok() || events_or_failure(&store).await.is_ok());
    }
    let reached = trial.faults.has_failed();
    trial.check(store).await;
    reached
}

async fn events_or_failure(store: &SqliteStore) -> Result<usize, StoreError> {
    store.events(redraft_model::id::WorkspaceId(1), 0, 1000).await.map(|events| events.len())
}

#[tokio::test]
async fn whichever_operation_fails() {
    let mut n = 1;
    while fail_at(n).await {
        n += 1;
    }
    assert!(150 < n, "the script has only {n} operations");
}

/// Every fault of a disk that lasts for some steps of the script.
async fn fail_during(broken: fn(&Faults), from: usize, steps: usize) {
    let mut trial = Trial::new();
    let store = trial.open().unwrap();
    let create = trial.teller.create(1);
    trial.submit(&store, create).await.unwrap();
    for (number, step) in script().iter().enumerate() {
        if number == from {
            broken(trial.faults);
        }
        if number == from + steps {
            trial.faults.heal();
            trial.settle(&store).await;
        }
        let well = !(from..from + steps).contains(&number);
        trial.run(&store, step, well).await;
    }
    trial.check(store).await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    for from in 0..script().len() {
        fail_during(|faults| faults.disk_full(true), from, 3).await;
    }
}

#[tokio::test]
async fn a_dead_disk_loses_nothing() {
    for from in 0..script().len() {
        fail_during(|faults| faults.fail_from(1), from, 2).await;
        fail_during(|faults| faults.fail_from(9), from, 3).await;
    }
}

/// A full disk refuses, and what is there can still be read.
#[tokio::test]
async fn a_full_disk_can_be_read() {
    let mut trial = Trial::new();
    let store = trial.open().unwrap();
    let create = trial.teller.create(1);
    trial.submit(&store, create).await.unwrap();
    trial.run(&store, &script()[0], true).await;
    trial.faults.disk_full(true);
    for _ in 0..3 {
        let command = trial.teller.command(&script()[1]);
        let refused = store.submit(command).await.unwrap_err();
        assert_eq!(refused, StoreError::Failed, "what found no room did not happen");
        same(&picture(&store).await, &picture(&trial.oracle).await);
    }
    trial.check(store).await;
}

/// What is said to have failed in doubt may be there after a power cut, as a whole, unless something took its place.
#[tokio::test]
async fn a_failed_flush_may_have_done_its_work() {
    for goes_on in [false, true] {
        let mut trial = Trial::new();
        let store = trial.open().unwrap();
        let create = trial.teller.create(1);
        trial.submit(&store, create).await.unwrap();
        trial.faults.track_durable(true);
        trial.faults.fail_after_flush();
        let doubtful = trial.teller.command(&script()[0]);
        assert_eq!(trial.submit(&store, doubtful.clone()).await, Err(StoreError::Unknown));
        if goes_on {
            trial.settle(&store).await;
            let other = trial.teller.command(&script()[4]);
            trial.submit(&store, other).await.unwrap();
        } else {
            trial.oracle.submit(doubtful).await.unwrap().unwrap();
        }
        let left = Folder::new();
        trial.faults.power_cut(&left).unwrap();
        let options = Options { clock: trial.clock.clock(), ..Options::default() };
        let store = SqliteStore::open(&left, options).unwrap();
        same(&picture(&store).await, &picture(&trial.oracle).await);
    }
}

/// A row that cannot be read fails the command that needs it, and no other of its batch.
#[tokio::test]
async fn a_damaged_row_fails_one_command_of_a_batch() {
    let mut trial = Trial::new();
    let store = trial.open().unwrap();
    let create = trial.teller.create(1);
    trial.submit(&store, create).await.unwrap();
    trial.run(&store, &script()[0], true).await;
    drop(store);
    let db = rusqlite::Connection::open(trial.folder.database()).unwrap();
    assert_eq!(db.execute("UPDATE message SET body = x'01'", []).unwrap(), 1);
    drop(db);

    let store = trial.open().unwrap();
    let say = Step::Post { who: 0, place: 3, reply: None, broadcast: false, only: false, key: None };
    let add_user = Step::Control { what: 8, place: 0, whom: 6 };
    let damaged = &script()[2];
    trial.faults.hold_flushes(true);
    let held = trial.teller.command(&say);
    let mut waiting = vec![(held.clone(), store.submit(held))];
    trial.faults.wait_until_held();
    for step in [&say, &add_user, damaged, &add_user, &say] {
        let command = trial.teller.command(step);
        waiting.push((command.clone(), store.submit(command)));
    }
    trial.faults.hold_flushes(false);
    let mut failed = 0;
    for (command, answer) in waiting {
        match answer.await {
            Ok(answer) => {
                let expected = trial.oracle.submit(command).await.unwrap();
                assert_eq!(format!("{answer:?}"), format!("{expected:?}"));
            }
            Err(error) => {
                assert_eq!((error, failed), (StoreError::Damaged, 0));
                failed += 1;
            }
        }
    }
    assert_eq!(failed, 1);
    let workspace = redraft_model::id::WorkspaceId(1);
    assert_eq!(events(&store, workspace).await, events(&trial.oracle, workspace).await);
}

/// While the disk stands still the queue fills up to its limit and not beyond; then everyone in it is answered.
#[tokio::test]
async fn a_full_queue_is_busy() {
    let trial = Trial::new();
    let store = Arc::new(trial.open().unwrap());
    let world = contract::World::over(Arc::clone(&store) as Arc<dyn Store>, trial.clock.clone()).await;
    trial.faults.hold_flushes(true);
    let say = || {
        let verb = redraft_model::command::Verb::Post(post(contract::PUBLIC, "hello"));
        store.submit(world.command(contract::ALPHA_BOT, verb))
    };
    let first = say();
    trial.faults.wait_until_held();
    let queued: Vec<_> = (0..QUEUE_COMMANDS_MAX).map(|_| say()).collect();
    for _ in 0..100 {
        assert_eq!(say().await.unwrap_err(), StoreError::Busy);
    }
    assert_eq!(store.sweep(Sweep::Routine).await.unwrap_err(), StoreError::Busy);
    trial.faults.hold_flushes(false);
    for answer in std::iter::once(first).chain(queued) {
        answer.await.unwrap().unwrap();
    }
    let events = events(&*store, world.workspace).await;
    assert_eq!(events.len(), 2 + QUEUE_COMMANDS_MAX);
    world.say("and on it goes").await;
}
