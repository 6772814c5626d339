//! The tables, and how rows of them are read. Used by the committer inside its transaction and by readers on snapshots.

use std::sync::Arc;

use redraft_model::content::{Assemble, Content, Piece};
use redraft_model::directory::{Directories, Directory};
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Appended, Audience, Gone, Message, PersonalView, Reaction, State};
use redraft_model::quota::Usage;
use redraft_model::time::Ts;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Params, params};
use tracing::error;

use super::keys::{ConversationKey, LogKey, Timeline};
use super::packed::{self, Row};
use super::seal::{self, unseal};
use crate::record::{Entry, Field, RevisionRow, decode, directory, is_file, item_key, item_key_of};
use crate::{Delivery, Page, Part, READ_ROWS_MAX, Revised, Stored, Viewed, Window, revised_bytes};

/// `blob.digest` is the key that one item names; in schema 3 it was the digest of the bytes.
///
/// Every key begins with the workspace. Three columns hold packed integers ([`super::keys`] draws their bits): `place` is a
/// [`ConversationKey`](super::keys::ConversationKey), `workspace << 32 | conversation`; `spot` is a
/// [`LogKey`](super::keys::LogKey), `workspace << 40 | position`; `line` is a [`Timeline`](super::keys::Timeline), 0 for the
/// channel, a root's ts for its thread, -1 for what only one reader sees.
///
/// `message` is clustered by `(place, line, ts)`, so the two reading orders are ranges of one tree, and posting a root
/// writes one row. A broadcast reply has a second, small row in the channel's timeline that names its root. `placed` says
/// in which timeline a message is that is not in the channel's. `revision` and `log` grow at their end only.
///
/// `head` counts messages, bytes of revisions and files, once for a transaction ([`super::engine::Counted`]); a broadcast
/// reply's second row is no message.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (workspace INTEGER PRIMARY KEY, ts INTEGER NOT NULL, position INTEGER NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0, content_bytes INTEGER NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS directory (workspace INTEGER NOT NULL, origin INTEGER NOT NULL, key BLOB NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (workspace, origin, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (place INTEGER NOT NULL, line INTEGER NOT NULL, ts INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (place, line, ts)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed (place INTEGER NOT NULL, ts INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (place, ts)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replier (place INTEGER NOT NULL, root INTEGER NOT NULL, user INTEGER NOT NULL,
    since INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (place, root, user)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replier_since ON replier (place, root, since);
CREATE TABLE IF NOT EXISTS revision (spot INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS log (spot INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gone (place INTEGER NOT NULL, ts INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (place, ts)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS remembered (identity BLOB NOT NULL, key TEXT NOT NULL, expires_at INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (identity, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS remembered_end ON remembered (substr(identity, 1, 4), expires_at);
CREATE TABLE IF NOT EXISTS ephemeral (expires_at INTEGER NOT NULL, place INTEGER NOT NULL, ts INTEGER NOT NULL,
    spot INTEGER NOT NULL, PRIMARY KEY (expires_at, place, ts)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ephemeral_end ON ephemeral (place >> 32, expires_at);
CREATE TABLE IF NOT EXISTS piece (place INTEGER NOT NULL, ts INTEGER NOT NULL, number INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (place, ts, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reaction (place INTEGER NOT NULL, ts INTEGER NOT NULL, since INTEGER NOT NULL,
    name BLOB NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (place, ts, since)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reaction_user ON reaction (place >> 32, user, since);
CREATE TABLE IF NOT EXISTS view (place INTEGER NOT NULL, ts INTEGER NOT NULL, user INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (place, ts, user)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (workspace INTEGER NOT NULL, app INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (workspace, app)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (workspace INTEGER NOT NULL, app INTEGER NOT NULL, position INTEGER NOT NULL,
    part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (workspace, app, position, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob (workspace INTEGER NOT NULL, digest BLOB NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (workspace, digest));
CREATE TABLE IF NOT EXISTS blob_sum (workspace INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS unnamed_blob (workspace INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (workspace, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (workspace INTEGER NOT NULL, key BLOB NOT NULL, due_at INTEGER,
    kept_until INTEGER, body BLOB NOT NULL, PRIMARY KEY (workspace, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_due ON item (workspace, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS item_end ON item (workspace, kept_until) WHERE kept_until IS NOT NULL;
CREATE TABLE IF NOT EXISTS dropped (workspace INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS erased (workspace INTEGER NOT NULL, what INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (workspace, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasing (workspace INTEGER NOT NULL, position INTEGER NOT NULL, since INTEGER NOT NULL,
    next INTEGER NOT NULL, after INTEGER NOT NULL, reach INTEGER NOT NULL,
    PRIMARY KEY (workspace, position)) WITHOUT ROWID;
";

/// The number of this schema, in `PRAGMA user_version`.
pub(super) const SCHEMA_VERSION: i32 = 4;

/// The schema of a database; 0 of one that is new.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The kept value that is the number of the next workspace.
pub(super) const NEXT_WORKSPACE: &str = "next_workspace";

/// Messages for single readers that are looked at for one of them, of one conversation.
const TARGETED_ROWS_MAX: usize = 10_000;

/// Whether a read failed at what is stored, and not at the machine.
pub(super) fn is_damage(failed: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match failed.sqlite_error_code() {
        Some(code) => matches!(code, DatabaseCorrupt | NotADatabase),
        // A value of another type or size than its column has.
        None => true,
    }
}

/// A row that is not what was written: the file is damaged.
fn damaged() -> rusqlite::Error {
    rusqlite::Error::InvalidQuery
}

/// The record in a row; of a damaged one, nothing.
fn read<T: Field>(row: seal::Row, sealed: &[u8]) -> rusqlite::Result<T> {
    unseal(row, sealed).and_then(decode).ok_or_else(damaged)
}

/// The record in one row, if the row is there. The statement's first column is the body.
pub(super) fn one<T: Field>(
    db: &Connection,
    row: seal::Row,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<Option<T>> {
    db.prepare_cached(sql)?.query_row(params, |found| read(row, found.get_ref(0)?.as_blob()?)).optional()
}

/// The records in several rows. The statement's first column is the body; `row` makes the row's name of the others.
fn many<T: Field>(
    db: &Connection,
    row: impl Fn(&rusqlite::Row) -> rusqlite::Result<seal::Row<'static>>,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |found| read(row(found)?, found.get_ref(0)?.as_blob()?))?;
    rows.collect()
}

/// The records in the first rows that are whole, so many at most. A damaged one does not stop those who go through a list:
/// it is logged and left out.
fn whole<T: Field>(
    db: &Connection,
    row: impl Fn(&rusqlite::Row) -> rusqlite::Result<seal::Row<'static>>,
    sql: &str,
    params: impl Params,
    limit: usize,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while records.len() < limit
        && let Some(found) = rows.next()?
    {
        match read(row(found)?, found.get_ref(0)?.as_blob()?) {
            Ok(record) => records.push(record),
            Err(failed) if is_damage(&failed) => {
                error!(sql, "a damaged row is left out; `redraft doctor` names it")
            }
            Err(failed) => return Err(failed),
        }
    }
    Ok(records)
}

/// A row of `message` from its bytes.
pub(super) fn unpacked(sealed: &[u8], key: MessageKey, timeline: Timeline) -> rusqlite::Result<Row> {
    let body = unseal(seal::Row::Message(ConversationKey::of(key), timeline, key.ts.0), sealed);
    body.and_then(|body| packed::row(body, key, timeline)).ok_or_else(damaged)
}

fn row(db: &Connection, key: MessageKey, timeline: Timeline) -> rusqlite::Result<Option<Row>> {
    const SQL: &str = "SELECT body FROM message WHERE place = ?1 AND line = ?2 AND ts = ?3";
    let params = params![ConversationKey::of(key), timeline, key.ts.0];
    let mut statement = db.prepare_cached(SQL)?;
    statement.query_row(params, |row| unpacked(row.get_ref(0)?.as_blob()?, key, timeline)).optional()
}

pub(super) fn message(db: &Connection, key: MessageKey) -> rusqlite::Result<Option<Message>> {
    let timeline = match row(db, key, Timeline::Channel)? {
        Some(Row::Message(message)) => return Ok(Some(message)),
        Some(Row::Broadcast(root)) => Some(Timeline::Thread(root)),
        None => timeline_of(db, key)?,
    };
    let Some(timeline) = timeline else { return Ok(None) };
    match row(db, key, timeline)? {
        Some(Row::Message(message)) => Ok(Some(message)),
        Some(Row::Broadcast(_)) | None => Ok(None),
    }
}

fn timeline_of(db: &Connection, key: MessageKey) -> rusqlite::Result<Option<Timeline>> {
    db.prepare_cached("SELECT line FROM placed WHERE place = ?1 AND ts = ?2")?
        .query_row(params![ConversationKey::of(key), key.ts.0], |row| row.get(0))
        .optional()
}

pub(super) fn revision_at(
    db: &Connection,
    workspace: WorkspaceId,
    position: u64,
) -> rusqlite::Result<Option<RevisionRow>> {
    let log_key = LogKey::new(workspace, position);
    one(db, seal::Row::Revision(log_key), "SELECT body FROM revision WHERE spot = ?1", [log_key])
}

pub(super) fn content(
    db: &Connection,
    workspace: WorkspaceId,
    position: u64,
) -> rusqlite::Result<Option<Arc<Content>>> {
    Ok(revision_at(db, workspace, position)?.and_then(|row| row.content))
}

/// The pieces of a message that streams in, in their order: all of them, or it is damaged.
pub(super) fn pieces(db: &Connection, message: &Message) -> rusqlite::Result<Vec<Piece>> {
    const SQL: &str = "SELECT body, number FROM piece WHERE place = ?1 AND ts = ?2 ORDER BY number";
    let (conversation, ts) = (ConversationKey::of(message.key), message.key.ts.0);
    let row = |found: &rusqlite::Row| Ok(seal::Row::Piece(conversation, ts, found.get(1)?));
    let pieces: Vec<Piece> = many(db, row, SQL, params![conversation, ts])?;
    let bytes: usize = pieces.iter().map(Piece::bytes).sum();
    let expected = match message.state {
        State::Streaming { appended: Some(Appended { bytes, .. }), .. } => usize::try_from(bytes).ok(),
        State::Streaming { appended: None, .. } | State::Live { .. } | State::Tombstone { .. } => None,
    };
    if expected.is_none_or(|expected| expected == bytes) { Ok(pieces) } else { Err(damaged()) }
}

/// A message, or the root that it shows, as it is with its pieces.
pub(super) fn assembled(db: &Connection, assemble: Assemble, mut stored: Stored) -> rusqlite::Result<Stored> {
    if let Some(root) = stored.root {
        stored.root = Some(Box::new(assembled(db, assemble, *root)?));
    }
    if stored.message.in_pieces() {
        let pieces = pieces(db, &stored.message)?;
        stored.content = Arc::new(assemble(&stored.content, &pieces));
    }
    Ok(stored)
}

/// The emoji of a reaction.
fn emoji(row: seal::Row, sealed: ValueRef) -> rusqlite::Result<Arc<str>> {
    let name = unseal(row, sealed.as_blob()?).and_then(|name| std::str::from_utf8(name).ok());
    name.map(Arc::from).ok_or_else(damaged)
}

/// A message's reactions, in their order.
pub(super) fn reactions(db: &Connection, key: MessageKey) -> rusqlite::Result<Vec<Reaction>> {
    const SQL: &str = "SELECT since, name, user FROM reaction WHERE place = ?1 AND ts = ?2 ORDER BY since";
    let mut statement = db.prepare_cached(SQL)?;
    let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
    let reactions = statement.query_map(params![conversation, ts], |row| {
        let (since, user): (i64, u32) = (row.get(0)?, row.get(2)?);
        let name = emoji(seal::Row::Reaction(conversation, ts, since, i64::from(user)), row.get_ref(1)?)?;
        Ok(Reaction { since: Ts(since), name, user: UserId(user) })
    })?;
    reactions.collect()
}

/// A user's reactions before a time, newest first.
pub(super) fn reacted(
    db: &Connection,
    workspace: WorkspaceId,
    user: UserId,
    before: Ts,
    limit: usize,
) -> rusqlite::Result<Vec<(MessageKey, Reaction)>> {
    const SQL: &str = "SELECT place, ts, since, name FROM reaction
        WHERE place >> 32 = ?1 AND user = ?2 AND since < ?3 ORDER BY since DESC LIMIT ?4";
    let mut statement = db.prepare_cached(SQL)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map(params![workspace.0, user.0, before.0, limit], |row| {
        let (conversation, ts, since): (ConversationKey, _, _) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let name = emoji(seal::Row::Reaction(conversation, ts, since, i64::from(user.0)), row.get_ref(3)?)?;
        Ok((conversation.message(Ts(ts)), Reaction { since: Ts(since), name, user }))
    })?;
    found.collect()
}

pub(super) fn view_of(
    db: &Connection,
    key: MessageKey,
    user: UserId,
) -> rusqlite::Result<Option<PersonalView>> {
    const SQL: &str = "SELECT body FROM view WHERE place = ?1 AND ts = ?2 AND user = ?3";
    let (conversation, ts, user) = (ConversationKey::of(key), key.ts.0, i64::from(user.0));
    one(db, seal::Row::View(conversation, ts, user), SQL, params![conversation, ts, user])
}

pub(super) fn views(db: &Connection, key: MessageKey) -> rusqlite::Result<Vec<PersonalView>> {
    const SQL: &str = "SELECT body, user FROM view WHERE place = ?1 AND ts = ?2";
    let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
    many(db, |found| Ok(seal::Row::View(conversation, ts, found.get(1)?)), SQL, params![conversation, ts])
}

/// One person's own view with its content.
pub(super) fn view(db: &Connection, key: MessageKey, user: UserId) -> rusqlite::Result<Option<Viewed>> {
    let Some(view) = view_of(db, key, user)? else { return Ok(None) };
    Ok(content(db, key.workspace, view.content_at)?.map(|content| (view, content)))
}

/// Adds a message to a page, with the pieces of one that streams in. One that cannot be read is named there instead, and
/// costs no other. Returns whether there may be room for another one.
fn add(
    db: &Connection,
    assemble: Assemble,
    page: &mut Page<Stored>,
    ts: Ts,
    found: rusqlite::Result<Option<Stored>>,
) -> rusqlite::Result<bool> {
    match found.and_then(|found| found.map(|found| assembled(db, assemble, found)).transpose()) {
        Ok(Some(stored)) => {
            let bytes = stored.bytes();
            Ok(page.take(stored, bytes))
        }
        Ok(None) => Ok(true),
        Err(failed) if is_damage(&failed) => {
            error!(ts = ts.0, error = %failed, "a damaged message is left out; `redraft doctor` names it");
            page.damaged.push(ts);
            Ok(page.damaged.len() < READ_ROWS_MAX)
        }
        Err(failed) => Err(failed),
    }
}

pub(super) fn targeted(
    db: &Connection,
    assemble: Assemble,
    workspace: WorkspaceId,
    conversation: ConversationId,
    reader: UserId,
    limit: usize,
) -> rusqlite::Result<Page<Stored>> {
    let mut statement = db.prepare_cached(
        "SELECT body, ts FROM message WHERE place = ?1 AND line = -1 ORDER BY ts DESC LIMIT ?2",
    )?;
    let looked_at = i64::try_from(TARGETED_ROWS_MAX).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![ConversationKey::new(workspace, conversation), looked_at])?;
    let mut found = Page::default();
    while let Some(row) = rows.next()?
        && found.len() < limit
    {
        let key = MessageKey { workspace, conversation, ts: Ts(row.get(1)?) };
        let whisper = match unpacked(row.get_ref(0)?.as_blob()?, key, Timeline::Ephemeral) {
            Ok(Row::Message(message)) if message.audience == Audience::Only(reader) => {
                with_content(db, message).map(Some)
            }
            Ok(Row::Message(_) | Row::Broadcast(_)) => Ok(None),
            // Whose it is cannot be read either, so nobody hears of it.
            Err(failed) if is_damage(&failed) => Ok(None),
            Err(failed) => Err(failed),
        };
        if !add(db, assemble, &mut found, key.ts, whisper)? {
            break;
        }
    }
    found.rows.reverse();
    Ok(found)
}

pub(super) fn delivered_up_to(db: &Connection, workspace: WorkspaceId, app: AppId) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT position FROM heard WHERE workspace = ?1 AND app = ?2";
    let position: Option<i64> =
        db.prepare_cached(SQL)?.query_row([workspace.0, app.0], |row| row.get(0)).optional()?;
    Ok(position.and_then(|position| u64::try_from(position).ok()).unwrap_or(0))
}

pub(super) fn deliveries(
    db: &Connection,
    workspace: WorkspaceId,
    app: AppId,
    (after, part): Part,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    const SQL: &str =
        "SELECT body, position, part FROM delivery WHERE workspace = ?1 AND app = ?2 AND (position, part) > (?3, ?4)
        ORDER BY position, part";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let (workspace, app) = (i64::from(workspace.0), i64::from(app.0));
    let row = |found: &rusqlite::Row| Ok(seal::Row::Delivery(workspace, app, found.get(1)?, found.get(2)?));
    whole(db, row, SQL, params![workspace, app, after, part], limit)
}

pub(super) fn item(db: &Connection, workspace: WorkspaceId, key: &ItemKey) -> rusqlite::Result<Option<Item>> {
    const SQL: &str = "SELECT body FROM item WHERE workspace = ?1 AND key = ?2";
    let key = item_key(key);
    one(db, seal::Row::Item(i64::from(workspace.0), &key), SQL, params![workspace.0, key])
}

pub(super) fn items(
    db: &Connection,
    workspace: WorkspaceId,
    from: &ItemKey,
    to: &ItemKey,
    limit: usize,
) -> rusqlite::Result<Vec<(ItemKey, Item)>> {
    const SQL: &str = "SELECT key, body FROM item WHERE workspace = ?1 AND key >= ?2 AND key <= ?3
        ORDER BY key LIMIT ?4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(SQL)?;
    let rows = statement.query_map(params![workspace.0, item_key(from), item_key(to), limit], |row| {
        let key = row.get_ref(0)?.as_blob()?;
        let item = read(seal::Row::Item(i64::from(workspace.0), key), row.get_ref(1)?.as_blob()?)?;
        Ok((item_key_of(key).ok_or_else(damaged)?, item))
    })?;
    rows.collect()
}

/// When the first message of each workspace that waits for its time is to be posted.
/// SQLite takes a bare column from the row that has the minimum.
pub(super) fn due(db: &Connection) -> rusqlite::Result<Vec<(WorkspaceId, ItemKey)>> {
    const SQL: &str =
        "SELECT workspace, key, min(due_at) FROM item WHERE due_at IS NOT NULL GROUP BY workspace";
    let mut statement = db.prepare_cached(SQL)?;
    let rows = statement
        .query_map([], |row| Ok((WorkspaceId(row.get(0)?), item_key_of(row.get_ref(1)?.as_blob()?))))?;
    rows.map(|row| row.and_then(|(workspace, key)| Ok((workspace, key.ok_or_else(damaged)?)))).collect()
}

pub(super) fn blob(
    db: &Connection,
    workspace: WorkspaceId,
    key: &BlobKey,
) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT bytes FROM blob WHERE workspace = ?1 AND digest = ?2")?
        .query_row(params![workspace.0, key], |row| {
            let name = seal::Row::Blob(i64::from(workspace.0), key);
            unseal(name, row.get_ref(0)?.as_blob()?).map(<[u8]>::to_vec).ok_or_else(damaged)
        })
        .optional()
}

/// A value kept beside the workspaces.
pub(super) fn kept(db: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| {
            let value = row.get_ref(0)?.as_blob()?;
            unseal(seal::Row::Meta(name), value).map(<[u8]>::to_vec).ok_or_else(damaged)
        })
        .optional()
}

/// How much a workspace holds, as it was counted.
pub(super) fn usage(db: &Connection, workspace: WorkspaceId) -> rusqlite::Result<Usage> {
    const SQL: &str = "SELECT messages, content_bytes, files FROM head WHERE workspace = ?1";
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let counted = db
        .prepare_cached(SQL)?
        .query_row([workspace.0], |row| {
            let [messages, content_bytes, files] = [0, 1, 2].map(|at| row.get(at).map(number));
            Ok(Usage { messages: messages?, content_bytes: content_bytes?, blob_bytes: 0, files: files? })
        })
        .optional()?;
    Ok(Usage { blob_bytes: blob_bytes(db, workspace)?, ..counted.unwrap_or_default() })
}

/// The same, counted anew.
pub(super) fn recount(db: &Connection, workspace: WorkspaceId) -> rusqlite::Result<Usage> {
    let after = WorkspaceId(workspace.0 + 1);
    let number = |sql: &str, [from, to]: [i64; 2]| -> rusqlite::Result<u64> {
        let counted: i64 = db.query_row(sql, [from, to], |row| row.get(0))?;
        Ok(u64::try_from(counted).unwrap_or(0))
    };
    let conversations = [workspace, after].map(|of| ConversationKey::first(of).number());
    let events = [workspace, after].map(|of| LogKey::first(of).number());
    let messages =
        "SELECT count(*) FROM message WHERE place >= ?1 AND place < ?2 AND substr(body, 1, 1) = x'01'";
    let bytes = "SELECT ifnull(sum(length(body)), 0) FROM revision WHERE spot >= ?1 AND spot < ?2";
    let blobs = "SELECT ifnull(sum(length(bytes) - 4), 0) FROM blob WHERE workspace >= ?1 AND workspace < ?2
        AND NOT EXISTS (SELECT 1 FROM unnamed_blob AS it WHERE it.workspace = blob.workspace AND it.digest = blob.digest)";
    let mut files = 0;
    let mut statement =
        db.prepare("SELECT key, body FROM item WHERE workspace = ?1 AND key >= x'05' AND key < x'06'")?;
    let mut found = statement.query([workspace.0])?;
    while let Some(row) = found.next()? {
        let (key, body) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let item = unseal(seal::Row::Item(i64::from(workspace.0), key), body).and_then(decode::<Item>);
        files += u64::from(item.is_some_and(|item| is_file(&item)));
    }
    Ok(Usage {
        messages: number(messages, conversations)?,
        content_bytes: number(bytes, events)?,
        blob_bytes: number(blobs, [workspace, after].map(|of| i64::from(of.0)))?,
        files,
    })
}

/// Sets every workspace's counters right.
pub(super) fn count_again(db: &Connection) -> rusqlite::Result<()> {
    let mut statement = db.prepare("SELECT workspace FROM head")?;
    let workspaces: Vec<u32> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in workspaces {
        let Usage { messages, content_bytes, files, .. } = recount(db, WorkspaceId(id))?;
        const SQL: &str =
            "UPDATE head SET messages = ?2, content_bytes = ?3, files = ?4 WHERE workspace = ?1";
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        db.prepare_cached(SQL)?.execute(params![
            id,
            number(messages),
            number(content_bytes),
            number(files)
        ])?;
    }
    Ok(())
}

/// Bytes of all blobs of a workspace that an item owns.
pub(super) fn blob_bytes(db: &Connection, workspace: WorkspaceId) -> rusqlite::Result<u64> {
    let mut statement = db.prepare_cached("SELECT bytes FROM blob_sum WHERE workspace = ?1")?;
    let bytes: Option<i64> = statement.query_row([workspace.0], |row| row.get(0)).optional()?;
    Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
}

pub(super) fn gone(db: &Connection, key: MessageKey) -> rusqlite::Result<Option<Gone>> {
    let mut statement = db.prepare_cached("SELECT body FROM gone WHERE place = ?1 AND ts = ?2")?;
    let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
    statement
        .query_row(params![conversation, ts], |row| {
            let body = unseal(seal::Row::Gone(conversation, ts), row.get_ref(0)?.as_blob()?);
            body.and_then(|body| packed::gone_row(body, key)).ok_or_else(damaged)
        })
        .optional()
}

pub(super) fn stored(db: &Connection, key: MessageKey) -> rusqlite::Result<Option<Stored>> {
    message(db, key)?.map(|message| with_content(db, message)).transpose()
}

fn with_content(db: &Connection, message: Message) -> rusqlite::Result<Stored> {
    let content = match message.revision() {
        // What is there and has no content has lost it.
        Some(_) => content(db, message.key.workspace, message.content_at)?.ok_or_else(damaged)?,
        None => crate::sqlite::nothing(),
    };
    let reactions = if message.marked { reactions(db, message.key)? } else { Vec::new() };
    Ok(Stored { message: Arc::new(message), content, root: None, reactions })
}

pub(super) fn channel_line(
    db: &Connection,
    assemble: Assemble,
    workspace: WorkspaceId,
    conversation: ConversationId,
    window: Window,
    limit: usize,
) -> rusqlite::Result<Page<Stored>> {
    let mut statement = db.prepare_cached(
        "SELECT body, ts FROM message WHERE place = ?1 AND line = 0 AND ts BETWEEN ?2 AND ?3 ORDER BY ts DESC",
    )?;
    let conversation_key = ConversationKey::new(workspace, conversation);
    let mut rows = statement.query(params![conversation_key, window.from.0, window.to.0])?;
    let mut line = Page::default();
    while line.len() < limit
        && let Some(row) = rows.next()?
    {
        let key = MessageKey { workspace, conversation, ts: Ts(row.get(1)?) };
        let sealed = row.get_ref(0)?.as_blob().unwrap_or_default();
        let found = unpacked(sealed, key, Timeline::Channel).and_then(|unpacked| match unpacked {
            Row::Message(message) => with_content(db, message).map(Some),
            Row::Broadcast(root) => broadcast(db, key, root),
        });
        if !add(db, assemble, &mut line, key.ts, found)? {
            break;
        }
    }
    Ok(line)
}

fn broadcast(db: &Connection, key: MessageKey, root: Ts) -> rusqlite::Result<Option<Stored>> {
    let Some(Row::Message(message)) = row(db, key, Timeline::Thread(root))? else { return Ok(None) };
    let root = stored(db, key.at(root))?.map(Box::new);
    Ok(Some(Stored { root, ..with_content(db, message)? }))
}

pub(super) fn thread_line(
    db: &Connection,
    assemble: Assemble,
    root: MessageKey,
    window: Window,
    limit: usize,
) -> rusqlite::Result<Page<Stored>> {
    if root.ts.0 <= 0 {
        // Not a time of a message, and the number of a timeline that is no thread.
        return Ok(Page::default());
    }
    let mut statement = db.prepare_cached(
        "SELECT body, ts FROM message WHERE place = ?1 AND line = ?2 AND ts BETWEEN ?3 AND ?4 ORDER BY ts",
    )?;
    let mut rows =
        statement.query(params![ConversationKey::of(root), root.ts.0, window.from.0, window.to.0])?;
    let mut line = Page::default();
    while line.len() < limit
        && let Some(found) = rows.next()?
    {
        let key = root.at(Ts(found.get(1)?));
        let sealed = found.get_ref(0)?.as_blob().unwrap_or_default();
        let found = unpacked(sealed, key, Timeline::Thread(root.ts)).and_then(|unpacked| match unpacked {
            Row::Message(message) => with_content(db, message).map(Some),
            Row::Broadcast(_) => Ok(None),
        });
        if !add(db, assemble, &mut line, key.ts, found)? {
            break;
        }
    }
    Ok(line)
}

/// Follows the chain of revisions from the newest one back.
pub(super) fn revisions(
    db: &Connection,
    key: MessageKey,
    below: u32,
    limit: usize,
) -> rusqlite::Result<Page<Revised>> {
    let newest = match message(db, key)? {
        Some(message) => Some(message.content_at),
        None => gone(db, key)?.map(|gone| gone.last.content_at),
    };
    let mut next = newest;
    let mut found = Page::default();
    while let Some(position) = next
        && found.len() < limit
    {
        let row = revision_at(db, key.workspace, position)?;
        // An erased one leaves its row, so one without is lost.
        let RevisionRow { revision, content } = row.ok_or_else(damaged)?;
        next = revision.previous;
        let bytes = revised_bytes(content.as_ref());
        if revision.number.get() < below && !found.take((revision, content), bytes) {
            break;
        }
    }
    Ok(found)
}

pub(super) fn events(
    db: &Connection,
    workspace: WorkspaceId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Event>> {
    let (from, to) =
        (LogKey::new(workspace, after.saturating_add(1)), LogKey::first(WorkspaceId(workspace.0 + 1)));
    whole(
        db,
        |found| Ok(seal::Row::Log(found.get(1)?)),
        "SELECT body, spot FROM log WHERE spot >= ?1 AND spot < ?2 ORDER BY spot",
        params![from, to],
        limit,
    )
}

/// The directory of one workspace, as it is or as it was created.
pub(super) fn one_directory(
    db: &Connection,
    workspace: WorkspaceId,
    origin: bool,
) -> rusqlite::Result<Option<Directory>> {
    const SQL: &str = "SELECT body, key FROM directory WHERE workspace = ?1 AND origin = ?2 ORDER BY key";
    let mut statement = db.prepare_cached(SQL)?;
    let entries = statement.query_map(params![workspace.0, origin], |found| {
        let row = seal::Row::Directory(i64::from(workspace.0), origin, found.get_ref(1)?.as_blob()?);
        read(row, found.get_ref(0)?.as_blob()?)
    })?;
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    if entries.is_empty() {
        return Ok(None);
    }
    directory(entries).map(Some).ok_or_else(damaged)
}

/// All directories, for the start.
pub(super) fn directories(db: &Connection) -> rusqlite::Result<Directories> {
    use redraft_model::directory::DirectoryChange;
    let mut all = Directories::default();
    let mut statement =
        db.prepare("SELECT workspace FROM directory WHERE origin = 0 AND key = x'01' ORDER BY workspace")?;
    let workspaces: Vec<u32> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in workspaces {
        let directory = one_directory(db, WorkspaceId(id), false)?.ok_or_else(damaged)?;
        all.apply(&DirectoryChange::Create(Arc::new(directory)));
    }
    let used: Option<u32> = db.query_row("SELECT max(workspace) FROM head", [], |row| row.get(0))?;
    let dropped: Option<u32> = db.query_row("SELECT max(workspace) FROM dropped", [], |row| row.get(0))?;
    let highest = kept(db, NEXT_WORKSPACE)?;
    let kept = highest.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    let next = used.unwrap_or(0).max(dropped.unwrap_or(0)) + 1;
    all.next_workspace = all.next_workspace.max(WorkspaceId(next)).max(WorkspaceId(kept));
    Ok(all)
}
