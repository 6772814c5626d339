//! Random histories: the same commands give the same answers, the same events and the same state in memory and on
//! SQLite, asked one at a time or all at once, and again after the file was opened anew.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::FileFailurePersistence;
use redraft_model::command::Command;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_store::contract::{HandClock, picture};
use redraft_store::{MemoryStore, Options, Settlement, SqliteStore, Store, Sweep};

use crate::folder::Folder;
use crate::steps::{Step, Teller, step};

/// What was asked of the first store, with everything in it resolved, so that the others can be asked the same.
enum Asked {
    Command(Box<Command>, String),
    Settle(WorkspaceId, Settlement),
    Tick(i64),
    Sweep,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_store_tells_the_same_story(steps in prop::collection::vec(step(), 80..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(&steps));
    }
}

async fn compare(steps: &[Step]) {
    let clock = HandClock::default();
    let memory = MemoryStore::new(clock.clock());
    let asked = tell(&memory, &clock, steps).await;
    let expected = picture(&memory).await;

    for all_at_once in [false, true] {
        let folder = Folder::new();
        let clock = HandClock::default();
        let open =
            || SqliteStore::open(&folder, Options { clock: clock.clock(), ..Options::default() }).unwrap();
        let store = open();
        if all_at_once {
            repeat_at_once(&store, &clock, &asked).await;
        } else {
            repeat(&store, &clock, &asked).await;
        }
        same(&picture(&store).await, &expected);
        drop(store);
        same(&picture(&open()).await, &expected);
    }
}

async fn tell(store: &MemoryStore, clock: &HandClock, steps: &[Step]) -> Vec<Asked> {
    let mut teller = Teller::default();
    let mut asked = Vec::new();
    let first = teller.create(1);
    let answer = store.submit(first.clone()).await.unwrap();
    teller.heard(&answer);
    asked.push(Asked::Command(Box::new(first), format!("{answer:?}")));
    for step in steps {
        match step {
            Step::Tick(micros) => {
                clock.advance(*micros);
                asked.push(Asked::Tick(*micros));
            }
            Step::Sweep => {
                sweep(store).await;
                asked.push(Asked::Sweep);
            }
            Step::Settle { heard, put, removed } => {
                let settlement = Teller::settlement(*heard, *put, *removed);
                settle(store, teller.workspace, &settlement).await;
                asked.push(Asked::Settle(teller.workspace, settlement));
            }
            _ => {
                let command = teller.command(step);
                let answer = store.submit(command.clone()).await.unwrap();
                teller.heard(&answer);
                asked.push(Asked::Command(Box::new(command), format!("{answer:?}")));
            }
        }
    }
    asked
}

async fn repeat(store: &dyn Store, clock: &HandClock, asked: &[Asked]) {
    for asked in asked {
        match asked {
            Asked::Command(command, expected) => {
                let answer = store.submit(Command::clone(command)).await.unwrap();
                assert_eq!(format!("{answer:?}"), *expected, "to {command:?}");
            }
            Asked::Settle(workspace, settlement) => settle(store, *workspace, settlement).await,
            Asked::Tick(micros) => clock.advance(*micros),
            Asked::Sweep => sweep(store).await,
        }
    }
}

/// Asks for everything between two ticks before it waits for the first answer.
async fn repeat_at_once(store: &dyn Store, clock: &HandClock, asked: &[Asked]) {
    for group in asked.chunk_by(|_, next| matches!(next, Asked::Command(..))) {
        let mut waiting = Vec::new();
        for asked in group {
            match asked {
                Asked::Command(command, expected) => {
                    waiting.push((store.submit(Command::clone(command)), command, expected));
                }
                Asked::Settle(workspace, settlement) => settle(store, *workspace, settlement).await,
                Asked::Tick(micros) => clock.advance(*micros),
                Asked::Sweep => sweep(store).await,
            }
        }
        for (answer, command, expected) in waiting {
            let answer = answer.await.unwrap();
            assert_eq!(format!("{answer:?}"), *expected, "to {command:?}");
        }
    }
}

async fn settle(store: &dyn Store, workspace: WorkspaceId, settlement: &Settlement) {
    store.settle(workspace, AppId(2), settlement.clone()).await.unwrap();
}

async fn sweep(store: &dyn Store) {
    while store.sweep(Sweep::Routine).await.unwrap().more {}
}

pub fn same(found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// Beginnings of answers, and how many there have to be of each.
const KINDS: [(&str, usize); 13] = [
    ("Ok(Posted", 200),
    ("Ok(Updated", 80),
    ("Ok(Deleted", 80),
    ("Ok(Repeated", 20),
    ("Ok(Streamed", 50),
    ("Ok(Added", 30),
    ("Ok(Reacted(true", 30),
    ("Ok(Reacted(false", 10),
    ("Ok(Granted", 30),
    ("Ok(Modal", 5),
    ("Ok(Done", 20),
    ("Ok(", 60),
    ("Err(", 0),
];

/// The histories above are worth something only if much of what they ask for is accepted, of every kind.
#[tokio::test]
async fn histories_are_not_all_refusals() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut accepted = [0; KINDS.len()];
    for _ in 0..30 {
        let steps = prop::collection::vec(step(), 150).new_tree(&mut runner).unwrap().current();
        let clock = HandClock::default();
        for asked in tell(&MemoryStore::new(clock.clock()), &clock, &steps).await {
            if let Asked::Command(_, answer) = asked {
                accepted[KINDS.iter().position(|(kind, _)| answer.starts_with(kind)).unwrap()] += 1;
            }
        }
    }
    for ((kind, least), found) in KINDS.iter().zip(accepted) {
        assert!(*least <= found, "{kind}: {accepted:?}");
    }
}
