//! The one suite on every store.

use std::sync::{Arc, Mutex};

use redraft_store::contract;
use redraft_store::{MemoryStore, Options, SqliteStore};

use crate::folder::Folder;

#[tokio::test]
async fn the_contract_in_memory() {
    contract::run(|clock| Arc::new(MemoryStore::new(clock))).await;
}

#[tokio::test]
async fn the_contract_on_sqlite() {
    let folders = Mutex::new(Vec::new());
    contract::run(|clock| {
        let folder = Folder::new();
        let store = SqliteStore::open(&folder, Options { clock, ..Options::default() }).unwrap();
        folders.lock().unwrap().push(folder);
        Arc::new(store)
    })
    .await;
}
