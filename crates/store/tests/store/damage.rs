//! Flipped bytes, everywhere in the files of a folder: what is served is what was written or an error, and what cannot
//! be read is named.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Post, ReplyTo, Update, Verb};
use redraft_model::content::{Dialect, Patch, Piece};
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind;
use redraft_model::id::{AppId, MessageKey, WorkspaceId};
use redraft_model::message::Gone;
use redraft_store::contract::{ALPHA_BOT, HandClock, PUBLIC, World, added, events, post, settlement, update};
use redraft_store::fault::Faults;
use redraft_store::{Options, SqliteStore, Store, StoreError, examine};

use crate::folder::Folder;
use crate::steps::{Step, Teller};

fn open(folder: &Path) -> Result<SqliteStore, redraft_store::OpenError> {
    SqliteStore::open(folder, Options { clock: HandClock::default().clock(), ..Options::default() })
}

/// Some messages, replies, changes, deletions and reactions.
async fn lived_in(folder: &Folder) -> World {
    let clock = HandClock::default();
    let world = World::over(Arc::new(open(folder).unwrap()), clock).await;
    let mut teller = Teller::default();
    for number in 0..60 {
        let reply = (number % 3 == 0).then_some(number % 2);
        let post = Step::Post {
            who: 0,
            place: number % 2,
            reply,
            broadcast: number % 9 == 0,
            only: false,
            key: None,
        };
        let update =
            Step::Update { who: 0, which: 1, empty: false, broadcast: false, expected: None, key: None };
        let delete = Step::Delete { who: 0, which: 4, only_broadcast: false, expected: None, key: None };
        let react = Step::Act { who: 5, which: 0, what: 0, whom: 1 };
        for step in [post, update, react].into_iter().chain((number % 10 == 9).then_some(delete)) {
            let answer = world.submit(teller.command(&step)).await;
            teller.heard(&answer);
        }
    }
    world
}

/// What each key is answered with, in lines.
type Read = BTreeMap<String, Result<Vec<String>, ()>>;

fn note<T: std::fmt::Debug>(read: &mut Read, key: String, answer: Result<Vec<T>, StoreError>) {
    let lines = |answer: Vec<T>| answer.iter().map(|line| format!("{line:?}")).collect();
    read.insert(key, answer.map(lines).map_err(drop));
}

/// The messages of a log.
async fn keys(store: &dyn Store) -> Vec<MessageKey> {
    let workspace = WorkspaceId(1);
    let posted = events(store, workspace).await.into_iter().filter_map(|event| match event.kind {
        EventKind::MessagePosted { conversation, .. } => {
            Some(MessageKey { workspace, conversation, ts: event.ts })
        }
        _ => None,
    });
    posted.collect()
}

async fn read(store: &dyn Store, keys: &[MessageKey]) -> Read {
    let mut read = Read::new();
    for key in keys {
        let ts = key.ts.0;
        let message = store.message(*key).await;
        let message = message.map(|found| found.into_iter().map(|it| (it.message, it.content)).collect());
        note::<(_, _)>(&mut read, format!("message {ts}"), message);
        let gone = store.gone(*key).await.map(|gone| gone.into_iter().collect());
        note::<Gone>(&mut read, format!("gone {ts}"), gone);
        note(
            &mut read,
            format!("revisions {ts}"),
            store.revisions(*key, u32::MAX, 100).await.map(|page| page.rows),
        );
        note(&mut read, format!("reactions {ts}"), store.reactions(*key).await);
    }
    for position in 1..300 {
        let event = store.events(WorkspaceId(1), position - 1, 1).await;
        note(&mut read, format!("event {position}"), event);
        let content = store.content(WorkspaceId(1), position).await;
        note(
            &mut read,
            format!("content {position}"),
            content.map(|found| found.into_iter().collect::<Vec<_>>()),
        );
    }
    read
}

fn flip(file: &Path, at: u64, by: u8) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ by], at).unwrap();
}

/// Whether an answer holds nothing but what was written there, or is an error. Of a list something may be missing, which the
/// doctor names; where an event is missing, the next one is found under its own position.
fn is_honest(whole: &Read, key: &str, now: &Result<Vec<String>, ()>) -> bool {
    let Ok(now) = now else { return true };
    let written = |line: &String| {
        let there = |lines: &Result<Vec<String>, ()>| lines.as_ref().unwrap().contains(line);
        there(&whole[key]) || (key.starts_with("event") && whole.values().any(there))
    };
    now.iter().all(written)
        && (!key.starts_with("revisions") || *now == *whole[key].as_ref().unwrap() || now.is_empty())
}

#[tokio::test]
async fn a_flipped_byte_of_the_database_serves_nothing_wrong_and_is_named() {
    let folder = Folder::new();
    drop(lived_in(&folder).await);
    let store = open(&folder).unwrap();
    let keys = keys(&store).await;
    let whole = read(&store, &keys).await;
    drop(store);
    let length = folder.database().metadata().unwrap().len();
    let (mut served, mut changed, mut refused) = (0, 0, 0);
    let step = length / 250;
    for at in (0..length).step_by(usize::try_from(step).unwrap()) {
        let flipped = Folder::new();
        std::fs::copy(folder.database(), flipped.database()).unwrap();
        flip(&flipped.database(), at, 1 << (at % 8));
        let found = examine(&flipped);
        let Ok(store) = open(&flipped) else {
            assert!(found.is_err() || !found.unwrap().problems.is_empty(), "byte {at}");
            refused += 1;
            continue;
        };
        let now = read(&store, &keys).await;
        for (key, now) in &now {
            assert!(is_honest(&whole, key, now), "byte {at}: {key} is {now:?} for {:?}", whole[key]);
            served += 1;
        }
        if now != whole {
            let found = found.map(|found| found.problems).unwrap_or_else(|failed| vec![failed.to_string()]);
            assert!(!found.is_empty(), "byte {at} is not found");
            changed += 1;
        }
    }
    assert!(20 < changed, "{served} answers; {changed} flips were felt, {refused} kept the folder shut");
}

/// What is left after `kill -9`: nobody brought the log over.
#[tokio::test]
async fn a_flipped_byte_of_the_log_serves_nothing_wrong_and_is_named() {
    let folder = Folder::new();
    let world = lived_in(&folder).await;
    let keys = keys(&*world.store).await;
    let whole = read(&*world.store, &keys).await;
    let killed = Folder::new();
    for name in ["redraft.db", "redraft.db-wal"] {
        std::fs::copy(folder.join(name), killed.join(name)).unwrap();
    }
    drop(world);
    assert_eq!(examine(&killed).unwrap().doubts, [""; 0]);
    let length = killed.join("redraft.db-wal").metadata().unwrap().len();
    const FRAME: u64 = 24 + 4096;
    let (mut lost, mut named) = (0, 0);
    for at in (0..length).step_by(usize::try_from(length / 150).unwrap()) {
        let flipped = Folder::new();
        for name in ["redraft.db", "redraft.db-wal"] {
            std::fs::copy(killed.join(name), flipped.join(name)).unwrap();
        }
        flip(&flipped.join("redraft.db-wal"), at, 1 << (at % 8));
        // The doctor sees it first, and leaves it as it is.
        let log = std::fs::read(flipped.join("redraft.db-wal")).unwrap();
        let found = examine(&flipped).unwrap();
        assert_eq!(std::fs::read(flipped.join("redraft.db-wal")).unwrap(), log, "byte {at}");
        let store = open(&flipped).unwrap();
        let now = read(&store, &keys).await;
        let differs = now != whole;
        // Nothing stands behind the last frame, so it is as if it had never been written whole.
        if differs && at + FRAME < length {
            assert!(!found.doubts.is_empty(), "byte {at} is not found");
            assert!(found.doubts[0].contains("cannot be told apart"), "{}", found.doubts[0]);
            named += 1;
        }
        lost += usize::from(differs);
        assert_eq!(found.problems, [""; 0], "what is left is whole");
    }
    assert!(50 < named, "{lost} flips lost something, {named} were named");
}

/// A message whose content is damaged says so when it is asked for; the others of its batch and channel are as they were.
#[tokio::test]
async fn a_damaged_row_costs_what_it_holds() {
    let folder = Folder::new();
    let clock = HandClock::default();
    let world = World::over(Arc::new(open(&folder).unwrap()), clock).await;
    let (one, two) = (world.say("one").await, world.say("two").await);
    drop(world);
    let db = rusqlite::Connection::open(folder.database()).unwrap();
    let spot = (1_i64 << 40) | i64::try_from(one.content_at).unwrap();
    let sql =
        "UPDATE revision SET body = replace(body, CAST('one' AS BLOB), CAST('two' AS BLOB)) WHERE spot = ?1";
    assert_eq!(db.execute(sql, [spot]).unwrap(), 1);
    drop(db);
    let found = examine(&folder).unwrap();
    assert!(found.problems.iter().any(|problem| problem.contains("position")), "{found:?}");
    let store = open(&folder).unwrap();
    assert_eq!(store.message(one.key).await.unwrap_err(), StoreError::Damaged);
    assert!(store.content(WorkspaceId(1), one.content_at).await.is_err());
    assert_eq!(store.message(two.key).await.unwrap().unwrap().content.text, "two");
    let world = World { store: Arc::new(store), workspace: WorkspaceId(1), clock: HandClock::default() };
    world.say("three").await;
    let patch = Patch { given: true, ..Patch::keep_all(Dialect::Slack) };
    let verb = Verb::Update(Update { patch, ..update(&one, "") });
    let needs_it = world.store.submit(world.command(ALPHA_BOT, verb)).await;
    assert_eq!(needs_it.unwrap_err(), StoreError::Damaged);
    let verb = Verb::Update(update(&two, "changed"));
    world.submit(world.command(ALPHA_BOT, verb)).await.unwrap();
    assert_eq!(two.key.conversation, PUBLIC);
}

/// A batch in which one command meets damage is taken back, and each command done again alone: what was posted is counted once.
#[tokio::test]
async fn what_was_taken_back_is_not_counted() {
    let folder = Folder::new();
    let world = World::over(Arc::new(open(&folder).unwrap()), HandClock::default()).await;
    let one = world.say("one").await;
    drop(world);
    let db = rusqlite::Connection::open(folder.database()).unwrap();
    let spot = (1_i64 << 40) | i64::try_from(one.content_at).unwrap();
    assert_eq!(db.execute("UPDATE revision SET body = x'00' WHERE spot = ?1", [spot]).unwrap(), 1);
    drop(db);
    let (faults, clock) = (Faults::register(), HandClock::default());
    let vfs = Some(faults.vfs_name().to_owned());
    let store =
        SqliteStore::open(&folder, Options { clock: clock.clock(), vfs, ..Options::default() }).unwrap();
    let world = World { store: Arc::new(store), workspace: WorkspaceId(1), clock };
    let before = world.store.usage(world.workspace).await.unwrap().messages;
    let submit = |verb| world.store.submit(world.command(ALPHA_BOT, verb));
    let say = || submit(Verb::Post(post(PUBLIC, "hello")));
    faults.hold_flushes(true);
    let first = say();
    faults.wait_until_held();
    let patch = Patch { given: true, ..Patch::keep_all(Dialect::Slack) };
    let (second, needs_it) = (say(), submit(Verb::Update(Update { patch, ..update(&one, "") })));
    faults.hold_flushes(false);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(needs_it.await.unwrap_err(), StoreError::Damaged);
    assert_eq!(world.store.usage(world.workspace).await.unwrap().messages, before + 2);
}

/// One row of a list costs no other: neither an event, which would stop every app for ever, nor a delivery.
#[tokio::test]
async fn lists_go_on_without_a_damaged_row() {
    let folder = Folder::new();
    let world = World::over(Arc::new(open(&folder).unwrap()), HandClock::default()).await;
    for text in ["one", "two", "three"] {
        world.say(text).await;
    }
    world.settle(AppId(2), settlement(1, &[2, 3, 4], &[])).await;
    drop(world);
    let db = rusqlite::Connection::open(folder.database()).unwrap();
    let sql = "UPDATE log SET body = x'00' WHERE spot = ?1";
    assert_eq!(db.execute(sql, [(1_i64 << 40) | 3]).unwrap(), 1);
    assert_eq!(db.execute("UPDATE delivery SET body = x'00' WHERE position = 3", []).unwrap(), 1);
    drop(db);
    let store = open(&folder).unwrap();
    let positions = async |after, limit| {
        let events = store.events(WorkspaceId(1), after, limit).await.unwrap();
        events.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!(positions(0, 10).await, [1, 2, 4]);
    assert_eq!(positions(2, 1).await, [4], "whoever goes on behind the one before is not stopped");
    let waiting = store.deliveries(WorkspaceId(1), AppId(2), (0, 0), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), [2, 4]);
}

/// What a stream shows is put together of all its pieces, or it is damaged.
#[tokio::test]
async fn a_stream_lacks_no_piece() {
    let folder = Folder::new();
    let world = World::over(Arc::new(open(&folder).unwrap()), HandClock::default()).await;
    let root = world.say("a root").await;
    let begin = Post { reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "") };
    let piece = |words: &str| Piece { text: words.into(), chunks: None };
    let begin = Verb::AppendStream(AppendStream::Begin { post: Box::new(begin), piece: piece("one ") });
    let begun = world.submit(world.command(ALPHA_BOT, begin)).await.unwrap();
    let Outcome::Posted(begun) = begun else { panic!("{begun:?}") };
    for words in ["two ", "three"] {
        world.submit(world.command(ALPHA_BOT, added(&begun.message, words))).await.unwrap();
    }
    let key = begun.message.key;
    assert_eq!(world.store.message(key).await.unwrap().unwrap().content.text, "one two three");
    drop(world);
    let db = rusqlite::Connection::open(folder.database()).unwrap();
    assert_eq!(db.execute("DELETE FROM piece WHERE number = 2", []).unwrap(), 1);
    drop(db);
    let found = examine(&folder).unwrap().problems;
    assert!(found.iter().any(|problem| problem.starts_with("pieces of message ")), "{found:?}");
    let store = open(&folder).unwrap();
    assert_eq!(store.message(key).await.unwrap_err(), StoreError::Damaged);
    assert!(store.message(root.key).await.is_ok());
}
