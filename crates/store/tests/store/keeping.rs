//! Backups, the way back, repair; and folders that have lost their database.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_store::contract::{ALPHA_BOT, HandClock, PUBLIC, World, picture, post};
use redraft_store::{OpenError, Options, SqliteStore, Window, backup, examine, repair, restore};
use rusqlite::Connection;

use crate::folder::Folder;

fn open(folder: &Folder) -> Result<Arc<SqliteStore>, OpenError> {
    let options = Options { clock: HandClock::default().clock(), ..Options::default() };
    SqliteStore::open(folder, options).map(Arc::new)
}

async fn world(folder: &Folder) -> World {
    World::over(open(folder).unwrap(), HandClock::default()).await
}

/// Beside a running store, and after it has ended.
#[tokio::test]
async fn a_backup_opens_as_the_folder_was() {
    let (folder, first, second, restored) = (Folder::new(), Folder::new(), Folder::new(), Folder::new());
    let world = world(&folder).await;
    for number in 0..20 {
        world.say(&format!("message {number}")).await;
    }
    std::fs::write(folder.join("ca.pem"), "a certificate").unwrap();
    std::fs::write(folder.join("ca-key.pem"), "its key").unwrap();
    let whole = picture(&*world.store).await;
    let found = backup(&folder, &first).unwrap();
    assert_eq!((found.problems, found.doubts), (vec![], vec![]));
    world.say("later").await;
    assert!(folder.join("redraft.db-wal").exists(), "the log is left to its owner");
    drop(world);
    backup(&folder, &second).unwrap();
    restore(&first, &restored).unwrap();
    for (folder, messages) in [(&first, 20), (&second, 21), (&restored, 20)] {
        for name in ["redraft.db", "ca.pem", "ca-key.pem"] {
            let mode = folder.join(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(std::fs::read_to_string(folder.join("ca-key.pem")).unwrap(), "its key");
        let store = open(folder).unwrap();
        let read = picture(&*store).await;
        assert_eq!(read == whole, messages == 20);
        let line = store_line(&store).await;
        assert_eq!(line, messages);
    }
    for target in [&first, &folder] {
        let failed = restore(&second, target).unwrap_err();
        assert!(matches!(failed, OpenError::NotEmpty), "{failed}");
    }
}

async fn store_line(store: &SqliteStore) -> usize {
    use redraft_store::Store;
    store.channel_line(redraft_model::id::WorkspaceId(1), PUBLIC, Window::ALL, 1000).await.unwrap().len()
}

/// The writer goes on while a backup reads, and the backup is of one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_does_not_hold_up_the_writer() {
    let (folder, into) = (Folder::new(), Folder::new());
    let world = world(&folder).await;
    let mut acknowledged = 0;
    for _ in 0..50 {
        world.say(&"long ".repeat(2000)).await;
        acknowledged += 1;
    }
    let begun = acknowledged;
    let (from, to) = (folder.to_path_buf(), into.to_path_buf());
    let copying = tokio::task::spawn_blocking(move || backup(&from, &to).map(drop));
    while !copying.is_finished() {
        world.say("meanwhile").await;
        acknowledged += 1;
    }
    copying.await.unwrap().unwrap();
    let copied = store_line(&open(&into).unwrap()).await;
    assert!((begun..=acknowledged).contains(&copied), "{begun} {copied} {acknowledged}");
    assert_eq!(examine(&into).unwrap().problems, [""; 0]);
}

/// A copy of the files of a running store, as `kill -9` leaves them: its log is read, and left.
#[tokio::test]
async fn a_killed_stores_folder_is_backed_up_with_its_log() {
    let (folder, killed, into) = (Folder::new(), Folder::new(), Folder::new());
    let world = world(&folder).await;
    world.say("only in the log").await;
    for name in ["redraft.db", "redraft.db-wal"] {
        std::fs::copy(folder.join(name), killed.join(name)).unwrap();
    }
    drop(world);
    let log = std::fs::read(killed.join("redraft.db-wal")).unwrap();
    backup(&killed, &into).unwrap();
    assert_eq!(std::fs::read(killed.join("redraft.db-wal")).unwrap(), log);
    assert_eq!(store_line(&open(&into).unwrap()).await, 1);
}

#[tokio::test]
async fn a_damaged_folder_is_not_backed_up_but_repaired() {
    let (folder, into, repaired, again) = (Folder::new(), Folder::new(), Folder::new(), Folder::new());
    let world = world(&folder).await;
    let mut said = Vec::new();
    for number in 0..10 {
        said.push(world.say(&format!("message {number}")).await);
    }
    drop(world);
    let db = Connection::open(folder.database()).unwrap();
    let spot = |at: u64| (1_i64 << 40) | i64::try_from(at).unwrap();
    db.execute("UPDATE revision SET body = x'00' WHERE spot = ?1", [spot(said[3].content_at)]).unwrap();
    db.execute("DELETE FROM message WHERE ts = ?1", [said[5].key.ts.0]).unwrap();
    db.execute("DELETE FROM log WHERE spot = ?1", [spot(said[7].content_at)]).unwrap();
    db.execute("DELETE FROM revision WHERE spot = ?1", [spot(said[8].content_at)]).unwrap();
    drop(db);
    let found = examine(&folder).unwrap().problems;
    for (number, words) in [(3, "cannot be read"), (5, "is missing"), (8, "is missing")] {
        let ts = said[number].key.ts.0;
        let named = format!("{}.{:06}", ts / 1_000_000, ts % 1_000_000);
        let is_named = |problem: &String| problem.contains(&named) && problem.contains(words);
        assert!(found.iter().any(is_named), "{named} {words}: {found:?}");
    }
    assert!(found.iter().any(|problem| problem.contains("lacks positions")), "{found:?}");
    let failed = backup(&folder, &into).unwrap_err();
    assert!(matches!(failed, OpenError::Damaged(_)), "{failed}");
    assert!(!into.join("redraft.db").exists(), "nothing looks whole");
    let done = repair(&folder, &repaired).unwrap();
    assert_eq!(done.found.problems, found);
    assert!(!done.left.problems.is_empty());
    let store = open(&repaired).unwrap();
    use redraft_store::Store;
    for (number, message) in said.iter().enumerate() {
        let found = store.message(message.key).await;
        match number {
            3 | 8 => assert!(found.is_err(), "{number}: {found:?}"),
            5 => assert!(found.unwrap().is_none()),
            _ => assert_eq!(found.unwrap().unwrap().content.text, format!("message {number}")),
        }
    }
    drop(store);
    assert!(matches!(repair(&folder, &repaired), Err(OpenError::NotEmpty)));
    // Of a page that is gone its rows are lost, and all others are there.
    let db = Connection::open(repaired.database()).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(db);
    assert!(repair(&repaired, &again).is_ok());
}

#[tokio::test]
async fn a_folder_that_lost_its_database_is_no_new_one() {
    let folder = Folder::new();
    drop(world(&folder).await);
    std::fs::write(folder.database(), "").unwrap();
    for failed in
        [open(&folder).map(drop), examine(&folder).map(drop), backup(&folder, &Folder::new()).map(drop)]
    {
        let failed = failed.unwrap_err();
        assert!(failed.to_string().starts_with("the database is empty; "), "{failed}");
    }
    std::fs::remove_file(folder.database()).unwrap();
    for name in ["redraft.db-wal", "redraft.schema-3.db"] {
        std::fs::write(folder.join(name), "x").unwrap();
        let failed = open(&folder).map(drop).unwrap_err();
        assert!(matches!(failed, OpenError::Lost(_)), "{failed}");
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    assert!(!folder.database().exists());
    let made = world(&folder).await;
    assert_eq!(made.workspace, redraft_model::id::WorkspaceId(1));
    let refused = made.store.submit(made.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "hello")))).await;
    assert!(refused.unwrap().is_ok());
}
