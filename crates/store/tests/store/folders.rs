//! The folder itself: one owner, nothing left of what is over, and a doctor who can tell sick from healthy.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use redraft_model::command::{Caller, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::Outcome;
use redraft_model::id::{AppId, UserId, WorkspaceId};
use redraft_model::time::Ts;
use redraft_model::workspace::Membership;
use redraft_store::contract::{
    ALPHA_BOT, HandClock, MIA, PUBLIC, START, World, directory, hash, items, picture,
};
use redraft_store::{OpenError, Options, SqliteStore, Store, Window, examine};
use rusqlite::Connection;

use crate::folder::Folder;
use crate::steps::{Step, Teller};

fn open(folder: &Folder, clock: &HandClock) -> Arc<SqliteStore> {
    let options = Options { clock: clock.clock(), ..Options::default() };
    Arc::new(SqliteStore::open(folder, options).unwrap())
}

/// A closed folder with something of every kind in it.
async fn lived_in(folder: &Folder) -> World {
    let clock = HandClock::default();
    let world = World::over(open(folder, &clock), clock).await;
    let mut teller = Teller::default();
    for number in 0..300 {
        let post = Step::Post {
            who: number % 4,
            place: number % 5,
            reply: (number % 3 == 0).then_some(number % 2),
            broadcast: number % 9 == 0,
            only: number % 7 == 0,
            key: Some((u8::try_from(number % 200).unwrap(), 0)),
        };
        let update =
            Step::Update { who: 0, which: 1, empty: false, broadcast: false, expected: None, key: None };
        let delete = Step::Delete { who: 0, which: 2, only_broadcast: false, expected: None, key: None };
        for step in [post, update, delete] {
            let answer = world.submit(teller.command(&step)).await;
            teller.heard(&answer);
        }
    }
    for number in 0..200 {
        let (which, whom) = (number % 7, u32::try_from(number % 3 + 1).unwrap());
        let act = Step::Act { who: number % 7, which, what: number % 8, whom };
        let sequence = u32::try_from(number % 20).unwrap();
        let stream = Step::Stream { what: number % 20, sequence, informative: false };
        let append = Step::Append { which, what: if number % 50 == 0 { 0 } else { 5 } };
        for step in [act, stream, append] {
            let answer = world.submit(teller.command(&step)).await;
            teller.heard(&answer);
        }
    }
    world.settle(AppId(2), Teller::settlement(40, 30, 10)).await;
    world.attach(1, b"picture").await;
    let begun = world.submit(world.command(ALPHA_BOT, items::begin("F1", 8))).await;
    assert!(begun.is_ok(), "{begun:?}");
    world
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let (folder, clock) = (Folder::new(), HandClock::default());
    let store = open(&folder, &clock);
    let second = SqliteStore::open(&folder, Options::default());
    assert!(matches!(second, Err(OpenError::InUse)));
    assert_eq!(examine(&folder).unwrap().problems, [""; 0], "a doctor needs nobody to stop");
    drop(store);
    open(&folder, &clock);
}

/// Development builds of schema 4 counted by triggers, which would count everything once more.
#[tokio::test]
async fn triggers_that_counted_go_when_a_folder_is_opened() {
    let folder = Folder::new();
    let workspace = lived_in(&folder).await.workspace;
    let db = Connection::open(folder.database()).unwrap();
    for (name, of) in [
        ("message_made", "INSERT ON message"),
        ("message_removed", "DELETE ON message"),
        ("revision_made", "INSERT ON revision"),
        ("revision_changed", "UPDATE ON revision"),
        ("revision_removed", "DELETE ON revision"),
    ] {
        let counts = "BEGIN UPDATE head SET messages = messages + 1; END";
        db.execute_batch(&format!("CREATE TRIGGER {name} AFTER {of} {counts}")).unwrap();
    }
    drop(db);
    let clock = HandClock::default();
    let world = World { store: open(&folder, &clock), clock, workspace };
    world.say("counted once").await;
    drop(world);
    assert_eq!(examine(&folder).unwrap().problems, [""; 0]);
}

/// So that a copy of the one file is a copy of all there is.
#[tokio::test]
async fn a_closed_folder_has_no_log() {
    let folder = Folder::new();
    let world = lived_in(&folder).await;
    let read = picture(&*world.store).await;
    drop(world);
    assert!(!folder.join("redraft.db-wal").exists());
    assert_eq!(picture(&*open(&folder, &HandClock::default())).await, read);
}

/// However much is written, the log begins anew when it has grown long.
#[tokio::test]
async fn the_log_does_not_grow_for_ever() {
    let folder = Folder::new();
    let clock = HandClock::default();
    let world = World::over(open(&folder, &clock), clock).await;
    let text = "long ".repeat(200_000);
    // The log's header counts how often it has begun.
    let begun = || {
        let log = std::fs::File::open(folder.join("redraft.db-wal")).unwrap();
        let mut count = [0; 4];
        log.read_exact_at(&mut count, 12).unwrap();
        count
    };
    let first = begun();
    let mut posted = 0;
    while begun() == first {
        world.say(&text).await;
        posted += 1;
        assert!(posted < 500, "the log has 500 MB");
    }
    assert!(50 < posted, "the log begins anew too often");
    world.say("short").await;
    let log = folder.join("redraft.db-wal").metadata().unwrap().len();
    assert!(log < 400 << 20, "{log} bytes");
    drop(world);
    let store = open(&folder, &HandClock::default());
    let (mut line, mut window) = (Vec::new(), Window::ALL);
    loop {
        let page = store.channel_line(WorkspaceId(1), PUBLIC, window, 1000).await.unwrap();
        let cut = page.cut;
        line.extend(page);
        if !cut {
            break;
        }
        window.to = Ts(line.last().unwrap().message.key.ts.0 - 1);
    }
    assert_eq!(line.len(), posted + 1);
    assert!(line[1..].iter().all(|found| found.content.text == text));
}

#[tokio::test]
async fn another_versions_folder_is_not_touched() {
    let (folder, clock) = (Folder::new(), HandClock::default());
    drop(open(&folder, &clock));
    let version = |to: Option<i32>| {
        let db = Connection::open(folder.database()).unwrap();
        to.into_iter().for_each(|to| db.pragma_update(None, "user_version", to).unwrap());
        db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0)).unwrap()
    };
    let now = version(None);
    for (written, expect) in
        [(99, "later"), (now + 1, "later"), (now, "opened"), (2, "earlier"), (1, "earlier")]
    {
        version(Some(written));
        let opened = SqliteStore::open(&folder, Options::default()).map(drop);
        for found in [opened, examine(&folder).map(drop)] {
            let found = match found {
                Ok(()) => "opened",
                Err(OpenError::TooNew) => "later",
                Err(OpenError::TooOld) => "earlier",
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, expect, "{written}");
        }
        assert_eq!(version(None), written);
    }
    assert!(OpenError::TooOld.to_string().contains("was written by a development version before this one; "));
}

fn tables_with_rows(folder: &Folder) -> Vec<String> {
    let db = Connection::open(folder.database()).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let mut tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(tables.len(), 23);
    tables.retain(|table| {
        let sql = format!("SELECT count(*) FROM {table}");
        db.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() != 0
    });
    tables
}

#[tokio::test]
async fn of_a_dropped_workspace_no_row_is_left() {
    let folder = Folder::new();
    let world = lived_in(&folder).await;
    world.control(Control::DropWorkspace).await;
    // Keys and whispers have their own time.
    world.clock.advance(26 * 3_600_000_000);
    world.sweep().await;
    drop(world);
    assert_eq!(tables_with_rows(&folder), ["meta"]);
    let clock = HandClock::default();
    let anew = World::over(open(&folder, &clock), clock).await;
    assert_eq!(anew.workspace, WorkspaceId(2), "a workspace's number is never used again");
}

#[tokio::test]
async fn a_healthy_folder_is_found_healthy() {
    let folder = Folder::new();
    drop(lived_in(&folder).await);
    let examined = examine(&folder).unwrap();
    assert_eq!(examined.problems, [""; 0]);
    assert_eq!(examined.workspaces, ["Workspace 1"]);
    assert!(examined.rows.iter().all(|(_, rows)| 0 < *rows), "{:?}", examined.rows);
    assert!(0 < examined.bytes);
}

/// Rows that SQLite finds nothing wrong with and that say nothing.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_found() {
    let folder = Folder::new();
    drop(lived_in(&folder).await);
    let db = Connection::open(folder.database()).unwrap();
    for table in ["message", "revision", "log", "view", "delivery", "item"] {
        let body: Vec<u8> =
            db.query_row(&format!("SELECT body FROM {table} LIMIT 1"), [], |row| row.get(0)).unwrap();
        let set = format!("UPDATE {table} SET body = ?1 WHERE body = ?2");
        let changed = db.execute(&set, (&b"\xff"[..], &body)).unwrap();
        let found = examine(&folder).unwrap();
        let named = found.problems.iter().filter(|problem| problem.contains("cannot be read")).count();
        assert!(changed <= named, "{table}: {found:?}");
        db.execute(&set, (&body, &b"\xff"[..])).unwrap();
    }
    assert_eq!(examine(&folder).unwrap().problems, [""; 0]);
}

/// Every page in turn, and each time the folder is either refused or found damaged.
#[tokio::test]
async fn a_damaged_folder_is_found_damaged() {
    let folder = Folder::new();
    drop(lived_in(&folder).await);
    let db = Connection::open(folder.database()).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let (page, pages): (u64, u64) = db
        .query_row("SELECT page_size, page_count FROM pragma_page_size, pragma_page_count", [], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
        })
        .unwrap();
    drop(db);
    assert!(20 < pages);
    let healthy = examine(&folder).unwrap();
    assert_eq!(healthy.problems, [""; 0]);
    for number in 0..pages {
        let file = std::fs::File::options().read(true).write(true).open(folder.database()).unwrap();
        let mut bytes = [0; 64];
        file.read_exact_at(&mut bytes, number * page).unwrap();
        file.write_all_at(&bytes.map(|byte| !byte), number * page).unwrap();
        let found = examine(&folder);
        assert!(
            found.is_err() || found.as_ref().is_ok_and(|found| !found.problems.is_empty()),
            "page {number}: {found:?}"
        );
        file.write_all_at(&bytes, number * page).unwrap();
    }
    assert_eq!(examine(&folder).unwrap(), healthy);
}

/// What a join and a leave write is as much with many members as with few: the conversation's row, which has no members,
/// and one for the member.
#[tokio::test]
async fn a_join_writes_no_other_member() {
    let mut sizes = Vec::new();
    for members in [10, 3000] {
        let folder = Folder::new();
        let clock = HandClock::default();
        let mut world = World::over(open(&folder, &clock), clock).await;
        let mut directory = directory(2);
        for user in 100..100 + members {
            directory.put_member(PUBLIC, UserId(user), Some(Membership::Member(START)));
        }
        directory.put_member(PUBLIC, MIA, None);
        let Outcome::Workspace(large) = world.control(Control::CreateWorkspace(Arc::new(directory))).await
        else {
            panic!("no workspace was made")
        };
        world.workspace = large;
        let ask = async |asked| {
            let command = world.command(Caller::Token(hash(2, 2)), Verb::Conversation(asked));
            world.submit(command).await.unwrap();
        };
        let rows = || {
            let db = Connection::open(folder.database()).unwrap();
            let of = format!("FROM directory WHERE origin = 0 AND workspace = {}", large.0);
            let count = format!("SELECT count(*) {of}");
            let room = format!("SELECT length(body) {of} AND key = x'0400000002'");
            let number = |sql: String| db.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap();
            (number(count), number(room))
        };
        let before = rows();
        ask(ConversationCommand::Join(PUBLIC)).await;
        let joined = rows();
        ask(ConversationCommand::Leave(PUBLIC)).await;
        assert_eq!((joined, rows()), ((before.0 + 1, before.1), before));
        sizes.push(before.1);
    }
    assert!(sizes[0] == sizes[1] && sizes[0] < 200, "{sizes:?} bytes");
}
