//! A store outlives the runtimes that it is asked from.

use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_store::contract::{ALPHA_BOT, HandClock, PUBLIC, World, post};
use redraft_store::{MemoryStore, Options, SqliteStore, Sweep};
use tokio::runtime::{Builder, Runtime};

use crate::folder::Folder;

fn several_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Makes the world in the first runtime and goes on in the second, with the first one ended or standing still.
fn first_one_then_the_other(first: Runtime, second: &Runtime, ends: bool) {
    let (folder, clock) = (Folder::new(), HandClock::default());
    let options = Options { clock: clock.clock(), ..Options::default() };
    let store = Arc::new(SqliteStore::open(&folder, options).unwrap());
    let world = first.block_on(World::over(store, clock));
    let standing = if ends { None } else { Some(first) };
    second.block_on(async {
        let commands = (0..50).map(|_| world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
        assert!(world.at_once(commands).await.iter().all(Result::is_ok));
        assert!(!world.store.sweep(Sweep::Routine).await.unwrap().more);
    });
    drop(standing);
}

#[test]
fn another_runtime_gets_its_answers() {
    for ends in [false, true] {
        first_one_then_the_other(several_threads(), &several_threads(), ends);
        first_one_then_the_other(several_threads(), &one_thread(), ends);
        first_one_then_the_other(one_thread(), &several_threads(), ends);
        first_one_then_the_other(one_thread(), &one_thread(), ends);
    }
}

#[test]
fn a_command_may_be_asked_for_outside_of_any_runtime() {
    let (folder, clock) = (Folder::new(), HandClock::default());
    let options = Options { clock: clock.clock(), ..Options::default() };
    let store = Arc::new(SqliteStore::open(&folder, options).unwrap());
    let world = several_threads().block_on(World::over(store, clock));
    let answer = world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello"))));
    one_thread().block_on(answer).unwrap().unwrap();
}

/// The suite once more, where answers come to many threads.
#[test]
fn the_contract_on_several_threads() {
    several_threads().block_on(async {
        redraft_store::contract::run(|clock| Arc::new(MemoryStore::new(clock))).await;
        let folders = std::sync::Mutex::new(Vec::new());
        redraft_store::contract::run(|clock| {
            let folder = Folder::new();
            let options = Options { clock, ..Options::default() };
            let store = SqliteStore::open(&folder, options).unwrap();
            folders.lock().unwrap().push(folder);
            Arc::new(store)
        })
        .await;
    });
}
