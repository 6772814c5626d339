//! What a clock that is wrong for a while leaves behind, in both stores.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::id::WorkspaceId;
use redraft_model::patch::{SettingsPatch, WorkspacePatch};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{Settings, Workspace};
use redraft_store::{Clock, MemoryStore, Options, STEP_LASTS, STEP_MICROS_MAX, SqliteStore, Store, steady};

use crate::folder::Folder;

const START: i64 = 1_700_000_000_000_000;
const YEARS: i64 = 10 * 365 * 86_400_000_000;
const HOME: WorkspaceId = WorkspaceId(1);

/// Real time since the start, and what the machine's clock shows beyond it.
#[derive(Clone, Default)]
struct Machine(Arc<Mutex<(Duration, i64)>>);

impl Machine {
    fn clock(&self) -> Clock {
        let (wall, elapsed) = (self.clone(), self.clone());
        let micros = |real: Duration| i64::try_from(real.as_micros()).unwrap();
        let shown = move || {
            let (real, wrong) = *wall.0.lock().unwrap();
            Micros(START + micros(real) + wrong)
        };
        steady(Arc::new(shown), move || elapsed.0.lock().unwrap().0)
    }

    /// Time goes by, and the clock is wrong by so much from now on.
    fn pass(&self, real: Duration, wrong: i64) {
        let mut machine = self.0.lock().unwrap();
        *machine = (machine.0 + real, wrong);
    }

    fn real(&self) -> i64 {
        START + i64::try_from(self.0.lock().unwrap().0.as_micros()).unwrap()
    }
}

fn wait<T>(later: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(later)
}

fn control(store: &dyn Store, control: Control) {
    let verb = Verb::Control(Box::new(control));
    let command = Command { workspace: HOME, caller: Caller::Control, idempotency: None, verb, source: None };
    assert!(wait(store.submit(command)).unwrap().is_ok());
}

fn make(store: &dyn Store) {
    let workspace = Workspace {
        id: HOME,
        team_id: "T1".into(),
        tenant_id: "tenant".into(),
        name: "home".into(),
        domain: "home".into(),
        created_at: Micros(START),
        settings: Settings::default(),
        clock_offset_micros: 0,
    };
    control(store, Control::CreateWorkspace(Arc::new(Directory::new(workspace))));
}

/// One more event; its `ts`.
fn happen(store: &dyn Store) -> i64 {
    let settings = Some(SettingsPatch::default());
    control(store, Control::PatchWorkspace(WorkspacePatch { name: None, settings }));
    all(store).last().unwrap().0
}

fn all(store: &dyn Store) -> Vec<Ts> {
    wait(store.events(HOME, 0, 1000)).unwrap().iter().map(|event| event.ts).collect()
}

fn open(folder: &Path, clock: Clock) -> SqliteStore {
    SqliteStore::open(folder, Options { clock, ..Options::default() }).unwrap()
}

fn never_twice(store: &dyn Store) {
    let all = all(store);
    assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
}

fn a_jump_and_back(store: &dyn Store, machine: &Machine) {
    let second = Duration::from_secs(1);
    make(store);
    for (real, wrong) in
        [(second, 0), (second, YEARS), (second, YEARS), (second, 0), (second, YEARS), (second, 0)]
    {
        machine.pass(real, wrong);
        let ts = happen(store);
        assert_eq!(ts, machine.real(), "wrong by {wrong}");
        assert_eq!(store.published().now(HOME), Micros(machine.real()), "readers have the same clock");
    }
    // What is followed at once leaves `ts` a day ahead at most, and they are on time again when it is over.
    machine.pass(second, STEP_MICROS_MAX);
    assert_eq!(happen(store), machine.real() + STEP_MICROS_MAX);
    machine.pass(second, 0);
    let ahead = happen(store) - machine.real();
    assert!((1..=STEP_MICROS_MAX).contains(&ahead), "{ahead}");
    machine.pass(Duration::from_secs(86_400), 0);
    assert_eq!(happen(store), machine.real());
    // One that lasts is followed, since then it is the clock that was wrong before.
    machine.pass(second, YEARS);
    assert_eq!(happen(store), machine.real());
    machine.pass(STEP_LASTS, YEARS);
    assert_eq!(happen(store), machine.real() + YEARS);
    never_twice(store);
}

#[test]
fn a_jump_and_back_in_memory() {
    let machine = Machine::default();
    a_jump_and_back(&MemoryStore::new(machine.clock()), &machine);
}

#[test]
fn a_jump_and_back_in_a_folder() {
    let (folder, machine) = (Folder::new(), Machine::default());
    a_jump_and_back(&open(&folder, machine.clock()), &machine);
}

/// At its start a store believes the clock. If that was wrong, later times go on from the last one and are on time again when
/// that has passed.
#[test]
fn a_start_with_a_wrong_clock() {
    let (folder, machine) = (Folder::new(), Machine::default());
    let hour = 3_600_000_000;
    machine.pass(Duration::ZERO, hour);
    let store = open(&folder, machine.clock());
    make(&store);
    assert_eq!(happen(&store), START + hour + 1);
    drop(store);
    machine.pass(Duration::from_secs(1), 0);
    let store = open(&folder, machine.clock());
    assert_eq!((happen(&store), happen(&store)), (START + hour + 2, START + hour + 3));
    machine.pass(Duration::from_secs(3600), 0);
    assert_eq!(happen(&store), machine.real());
    never_twice(&store);
}
