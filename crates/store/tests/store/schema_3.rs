//! A folder that the last version with schema 3 wrote, with a row of every kind, opens in this one and reads the same.
//!
//! `schema-3/redraft.sql` is the database and `schema-3/read.txt` what its readers saw, both written by
//! `schema-3/make.rs` inside these tests at the last commit that had schema 3. They are never made again.

use std::fmt::Debug;
use std::path::Path;

use redraft_model::content::Content;
use redraft_model::directory::Directory;
use redraft_model::event::EventKind;
use redraft_model::id::{MessageKey, UserId, WorkspaceId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Message, Revision};
use redraft_store::contract::{HandClock, events, items};
use redraft_store::fault::Faults;
use redraft_store::{
    Delivery, Migrated, OpenError, Options, READ_ROWS_MAX, SqliteStore, Store, Stored, Window, examine,
    migrate,
};
use rusqlite::Connection;

use crate::folder::Folder;

/// The folder as it was left.
fn written() -> Folder {
    let folder = Folder::new();
    let db = Connection::open(folder.database()).unwrap();
    db.execute_batch(include_str!("schema-3/redraft.sql")).unwrap();
    folder
}

fn version(database: &Path) -> i32 {
    let db = Connection::open(database).unwrap();
    db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Every row of a database as text, but for its schema.
fn rows(database: &Path) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut rows = Vec::new();
    for table in tables {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|column| row.get_ref(column).unwrap()).collect();
            rows.push(format!("{table} {values:?}"));
        }
    }
    rows
}

fn on(faults: &Faults) -> Options {
    Options {
        clock: HandClock::default().clock(),
        vfs: Some(faults.vfs_name().to_owned()),
        ..Options::default()
    }
}

#[tokio::test]
async fn it_opens_and_reads_the_same() {
    let folder = written();
    let before = rows(&folder.database());
    let examined = examine(&folder).unwrap();
    assert_eq!((examined.schema, examined.is_of_earlier_version, examined.problems.len()), (3, true, 0));
    let options = Options { clock: HandClock::default().clock(), ..Options::default() };
    let store = SqliteStore::open(&folder, options).unwrap();
    let expected: Vec<&str> = include_str!("schema-3/read.txt").lines().collect();
    for (found, expected) in read(&store).await.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(read(&store).await.len(), expected.len());
    drop(store);
    assert_eq!(examine(&folder).unwrap().problems, [""; 0]);
    let kept = folder.join("redraft.schema-3.db");
    assert_eq!((version(&kept), version(&folder.database())), (3, 4));
    assert_eq!(rows(&kept), before, "the copy is the database as it was");
    assert_eq!(migrate(&folder).unwrap(), None);
}

/// Blobs lay under their digests then. Files that shared one have their own now, an attachment is an item, and one that
/// names the bytes of a file is none.
#[tokio::test]
async fn bytes_get_owners() {
    let folder = written();
    let attachment = |digest: &str| {
        format!(
            r#"{{"name":"a.png","kind":"image/png","original":{{"digest":"{digest}","size":5}},"thumbnail":null}}"#
        )
    };
    let (own, of_file) = ("07".repeat(32), "01".repeat(32));
    let db = Connection::open(folder.database()).unwrap();
    let put = |id: u8, bytes: &[u8]| {
        db.execute("INSERT INTO blob VALUES (1, ?1, ?2)", rusqlite::params![[id; 32], bytes]).unwrap();
    };
    put(7, b"image");
    put(8, attachment(&own).as_bytes());
    put(9, attachment(&of_file).as_bytes());
    put(10, b"named by nothing");
    drop(db);
    let store = SqliteStore::open(&folder, Options::default()).unwrap();
    let workspace = WorkspaceId(1);
    let found = items::items(&store, workspace).await;
    let known: Vec<_> = found.into_iter().filter(|(key, _)| matches!(key, ItemKey::Attachment(_))).collect();
    let [(key, Item::Attachment(known))] = &known[..] else { panic!("{known:?}") };
    assert_eq!(*key, ItemKey::Attachment("08".repeat(32)));
    assert_eq!((known.name.as_deref(), &*known.kind, known.original.size), (Some("a.png"), "image/png", 5));
    let bytes = store.blob(workspace, known.original.blob).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"image"[..]));
    for digest in [1, 7, 8, 9, 10] {
        assert_eq!(store.blob(workspace, [digest; 32]).await.unwrap(), None, "{digest}");
    }
    drop(store);
    let db = Connection::open(folder.database()).unwrap();
    let sum = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(sum("SELECT sum(bytes) FROM blob_sum"), 15);
    // Behind each stands its checksum.
    assert_eq!(sum("SELECT sum(length(bytes) - 4) FROM blob"), 15);
}

#[tokio::test]
async fn it_is_migrated_when_asked() {
    let folder = written();
    let kept = folder.join("redraft.schema-3.db");
    assert_eq!(migrate(&folder).unwrap(), Some(Migrated { from: 3, to: 4, kept: kept.clone() }));
    assert_eq!(migrate(&folder).unwrap(), None);
    // Somebody puts the old one back, uses it and comes again.
    std::fs::rename(&kept, folder.database()).unwrap();
    assert!(migrate(&folder).unwrap().is_some());
    assert!(matches!(migrate(&Folder::new()), Err(OpenError::Io(_))), "no database is made");
}

/// Whichever operation the disk fails at, and all after it: the folder has the old database, or the new one, and no copy
/// that is not whole. The next attempt gets through.
#[tokio::test]
async fn a_migration_is_all_or_nothing() {
    let (mut n, template) = (1, written());
    let before = rows(&template.database());
    loop {
        let (folder, faults) = (Folder::new(), Faults::register());
        std::fs::copy(template.database(), folder.database()).unwrap();
        faults.fail_from(n);
        let opened = SqliteStore::open(&folder, on(faults)).map(drop);
        faults.heal();
        let kept = folder.join("redraft.schema-3.db");
        if kept.exists() {
            assert_eq!(rows(&kept), before, "after {n} operations");
        }
        if version(&folder.database()) == 3 {
            assert_eq!(rows(&folder.database()), before, "after {n} operations");
        } else {
            assert!(kept.exists());
        }
        let store = SqliteStore::open(&folder, on(faults)).unwrap();
        assert_eq!(read(&store).await.len(), include_str!("schema-3/read.txt").lines().count());
        if opened.is_ok() {
            break;
        }
        // A copy has many writes that are much the same.
        n += 1 + n / 16;
    }
    assert!(20 < n, "a migration has only {n} operations");
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    let (folder, faults) = (written(), Faults::register());
    let before = rows(&folder.database());
    faults.disk_full(true);
    let failed = SqliteStore::open(&folder, on(faults)).map(drop).unwrap_err();
    assert!(matches!(failed, OpenError::Full), "{failed}");
    assert_eq!(failed.to_string(), "the disk is full; nothing was changed");
    assert_eq!(rows(&folder.database()), before);
    let files: Vec<_> = std::fs::read_dir(&*folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    let copies = files.iter().filter(|name| name.to_string_lossy().contains("schema")).count();
    assert_eq!(copies, 0, "{files:?}");
}

/// Everything that readers see, a line for each thing. Fields are named one by one, so that a field which a later
/// version adds changes nothing here.
async fn read(store: &dyn Store) -> Vec<String> {
    let directories = store.published().directories().clone();
    let mut lines = vec![format!("next workspace {}", directories.next_workspace.0)];
    for directory in directories.all() {
        lines.extend(people_and_places(directory));
        let workspace = directory.workspace.id;
        for app in directory.apps() {
            let up_to = store.delivered_up_to(workspace, app.id).await.unwrap();
            let waiting = store.deliveries(workspace, app.id, (0, 0), READ_ROWS_MAX).await.unwrap();
            lines.push(format!("app {} was told up to {up_to}", app.id.0));
            lines.extend(waiting.iter().map(delivery));
        }
        let users: Vec<UserId> = directory.users().map(|user| user.id).collect();
        for conversation in directory.conversations() {
            let line = store.channel_line(workspace, conversation.id, Window::ALL, READ_ROWS_MAX).await;
            let line: Vec<i64> = line.unwrap().iter().map(|found| found.message.key.ts.0).collect();
            lines.push(format!("in conversation {}: {line:?}", conversation.id.0));
            for user in &users {
                let told = store.targeted(workspace, conversation.id, *user, READ_ROWS_MAX).await.unwrap();
                let told: Vec<i64> = told.iter().map(|found| found.message.key.ts.0).collect();
                lines.extend((!told.is_empty()).then(|| format!("only for user {}: {told:?}", user.0)));
            }
        }
        for (key, item) in items::items(store, workspace).await {
            lines.extend(blob(store, workspace, &item).await);
            lines.push(beside(&key, &item));
        }
        for event in events(store, workspace).await {
            lines.push(format!(
                "event {} {} {} {:?} {:?} {:?}",
                event.position, event.ts.0, event.at.0, event.by, event.app, event.kind
            ));
            if let Some(content) = store.content(workspace, event.position).await.unwrap() {
                lines.push(format!("  {}", words(&content)));
            }
            if let EventKind::MessagePosted { conversation, .. }
            | EventKind::StreamStarted { conversation, .. } = event.kind
            {
                let key = MessageKey { workspace, conversation, ts: event.ts };
                lines.extend(history(store, key, &users).await);
            }
        }
        for user in &users {
            let reacted = store.reacted(workspace, *user, redraft_model::time::Ts(i64::MAX), READ_ROWS_MAX);
            let reacted: Vec<_> = reacted.await.unwrap().into_iter().map(|(key, _)| key.ts.0).collect();
            lines.push(format!("user {} reacted to {reacted:?}", user.0));
        }
    }
    for name in NAMES {
        lines.push(format!("{name} {:?}", store.kept(name).await.unwrap()));
    }
    lines.push(format!("due {:?}", store.due().await.unwrap()));
    lines.iter().map(|line| short(line)).collect()
}

/// The names of types take half of the text.
fn short(line: &str) -> String {
    let shorter = line.replace("ConversationId(", "c(").replace("UserId(", "u(").replace("AppId(", "a(");
    shorter.replace("Some(", "(").replace("conversation: c(", "c(")
}

/// Values that are kept beside the workspaces.
const NAMES: [&str; 3] = ["one", "two", "none"];

fn people_and_places(directory: &Directory) -> Vec<String> {
    let it = &directory.workspace;
    let settings = &it.settings;
    let mut lines = vec![format!(
        "workspace {} {:?} clock {} windows {:?} {:?} {}",
        it.id.0,
        [&it.team_id, &it.tenant_id, &it.name, &it.domain],
        it.clock_offset_micros,
        settings.edit_window_micros,
        settings.delete_window_micros,
        settings.only_admins_delete
    )];
    for user in directory.users() {
        let (id, names) = (user.id.0, [&user.slack_id, &user.member_id, &user.name, &user.real_name]);
        let (email, bot) = (&user.email, user.bot_of);
        lines.push(format!("user {id} {names:?} {email:?} {bot:?} {} {}", user.admin, user.deactivated));
    }
    for app in directory.apps() {
        let (id, names) = (app.id.0, [&app.slack_id, &app.bot_id, &app.app_id, &app.name]);
        let (secret, end) = (&app.signing_secret, &app.endpoint);
        let hooks = app.slack.as_ref().map_or(0, |slack| slack.webhooks.len());
        lines.push(format!("app {id} {names:?} {:?} {secret:?} {end:?} {hooks}", app.dialect));
    }
    for it in directory.conversations() {
        let (id, names) = (it.id.0, [&it.slack_id, &it.connector_id, &it.name]);
        let members: Vec<u32> = it.members.keys().map(|user| user.0).collect();
        let pins: Vec<i64> = it.pins.iter().map(|pin| pin.ts.0).collect();
        lines.push(format!("conversation {id} {names:?} {:?} {} {members:?} {pins:?}", it.kind, it.archived));
    }
    for it in directory.tokens() {
        let (hash, scopes) = (&it.hash.0[..3], &it.scopes);
        lines.push(format!("token {hash:?} {:?} {:?} {scopes:?} {}", it.app, it.user, it.revoked));
    }
    for it in directory.user_groups() {
        let (id, handle, users) = (it.id, &it.handle, &it.users);
        lines.push(format!("group {id:?} {handle:?} {users:?} {}", it.disabled));
    }
    lines
}

fn delivery(it: &Delivery) -> String {
    let (key, when) = (it.key(), it.due_at);
    format!("delivery {key:?} {:?} {} {when:?} {:?} {:?}", it.conversation, it.attempts, it.cause, it.reason)
}

async fn blob(store: &dyn Store, workspace: WorkspaceId, item: &Item) -> Option<String> {
    let Item::File(file) = item else { return None };
    let bytes = store.blob(workspace, file.blob?).await.unwrap();
    Some(format!("bytes of {}: {bytes:?}", file.id))
}

fn beside(key: &ItemKey, item: &Item) -> String {
    match item {
        Item::File(it) => {
            let (id, names) = (&it.id, [&it.name, &it.title]);
            let (alt, shares) = (&it.alt_text, &it.shares);
            let state = [it.complete, it.deleted];
            format!("file {id} {:?} {names:?} {alt:?} {} {state:?} {shares:?}", it.user, it.size)
        }
        Item::Scheduled(it) => {
            let (reply_to, at) = (it.reply_to, it.content_at);
            format!("{key:?} {:?} {:?} {at} {reply_to:?} {:?}", it.app, it.user, it.made_at)
        }
        Item::Views(it) => format!("{key:?} {:?} {:?}", it.app, it.stack),
        Item::Grant(it) => format!("{key:?} {it:?}"),
        Item::ViewOf(it) => format!("{key:?} {it:?}"),
        Item::Read(it) => format!("{key:?} {it:?}"),
        Item::Attachment(it) => format!("{key:?} {it:?}"),
    }
}

fn words(it: &Content) -> String {
    let parts: [&dyn Debug; 7] =
        [&it.blocks, &it.attachments, &it.metadata, &it.identity, &it.activity, &it.files, &it.notice];
    format!("{:?} {:?} {parts:?} {}", it.dialect, it.text, it.markup)
}

/// All that can be read of one message that was ever posted.
async fn history(store: &dyn Store, key: MessageKey, users: &[UserId]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(found) = store.message(key).await.unwrap() {
        lines.push(format!("  is {}", stored(&found)));
    }
    if let Some(gone) = store.gone(key).await.unwrap() {
        lines.push(format!("  gone {:?} {:?} {}", gone.by, gone.at, message(&gone.last)));
    }
    for (revision, content) in store.revisions(key, u32::MAX, READ_ROWS_MAX).await.unwrap() {
        let Revision { position, number, previous, by, at, .. } = revision;
        lines.push(format!(
            "  revision {number} {position} {previous:?} {by:?} {at:?} {}",
            content.unwrap().text
        ));
    }
    let thread = store.thread_line(key, Window::ALL, READ_ROWS_MAX).await.unwrap();
    let thread: Vec<i64> = thread.iter().map(|reply| reply.message.key.ts.0).collect();
    lines.extend((!thread.is_empty()).then(|| format!("  thread {thread:?}")));
    for reaction in store.reactions(key).await.unwrap() {
        lines.push(format!("  reaction {:?} {} {:?}", reaction.since, reaction.name, reaction.user));
    }
    for user in users {
        if let Some((view, content)) = store.view(key, *user).await.unwrap() {
            lines.push(format!("  view of {user:?} {} {}", view.revision, content.text));
        }
    }
    lines
}

fn stored(found: &Stored) -> String {
    let root = found.root.as_ref().map(|root| root.message.key.ts);
    format!("{} {root:?} {} {}", message(&found.message), found.reactions.len(), words(&found.content))
}

fn message(it: &Message) -> String {
    let (key, root, thread) = (it.key.ts.0, it.root, &it.thread);
    let flags = [it.broadcast, it.as_app, it.marked];
    let (by, to, state) = (it.author, it.audience, it.state);
    format!("{key} {root:?} {by:?} {:?} {to:?} {flags:?} {:?} {state:?} {thread:?}", it.app, it.kind)
}
