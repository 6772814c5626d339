//! What `redraft doctor` looks at: every row's checksum, every chain of revisions, every log.
//!
//! It reads a snapshot and must not change the folder. Problems are listed by kind, with names that an operator can look for.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;

use rusqlite::Connection;

use redraft_model::directory::Directories;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{ConversationId, MessageKey, WorkspaceId};
use redraft_model::message::Message;
use redraft_model::time::Ts;

use super::keys::{ConversationKey, LogKey};
use super::look::Look;
use super::packed::Row;
use super::seal::{self, Table};
use super::{FILE_NAME, OpenError, rows};
use crate::record::decode;

/// Problems of one kind that are listed one by one; of more, only the number is.
const PROBLEMS_MAX: u64 = 20;

/// What was found in a data folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Examined {
    /// The number of its schema, from `PRAGMA user_version`.
    pub schema: i32,
    /// Whether that is an earlier one than the present. Of such only the structure is examined.
    pub is_of_earlier_version: bool,
    /// Workspaces, by name.
    pub workspaces: Vec<String>,
    /// Rows that readers and the committer use, by table.
    pub rows: Vec<(&'static str, i64)>,
    /// Bytes of the database and its log.
    pub bytes: u64,
    /// One sentence for each thing that is wrong; empty if all is well.
    pub problems: Vec<String>,
    /// What may be damage and may be nothing, in words; empty if all is well.
    pub doubts: Vec<String>,
}

/// Reads a data folder through and checks that it is whole. Changes nothing, and needs nobody to stop: beside a running
/// server it sees one moment, and the server's log begins anew only afterwards.
///
/// # Errors
/// When the database cannot be opened at all.
pub fn examine(folder: &Path) -> Result<Examined, OpenError> {
    let look = Look::at(folder)?;
    let mut found = Examined { bytes: bytes(folder), ..Examined::default() };
    found.doubts.extend(look.doubt);
    let db = look.db.unchecked_transaction()?;
    examine_database(&db, &mut found)?;
    Ok(found)
}

fn bytes(folder: &Path) -> u64 {
    let files = [FILE_NAME, "redraft.db-wal"];
    files.iter().filter_map(|name| folder.join(name).metadata().ok()).map(|file| file.len()).sum()
}

/// Everything that can be said of a database without its folder.
pub(super) fn examine_database(db: &Connection, found: &mut Examined) -> rusqlite::Result<()> {
    found.schema = rows::version(db)?;
    found.is_of_earlier_version = found.schema < rows::SCHEMA_VERSION;
    let mut check =
        Check { db, directories: Directories::default(), told: BTreeMap::new(), problems: Vec::new() };
    check.structure();
    if found.schema == rows::SCHEMA_VERSION {
        match rows::directories(db) {
            Ok(directories) => check.directories = directories,
            Err(_) => check.problem("directory", || "a workspace's directory cannot be read".into()),
        }
        let names = check.directories.all().map(|directory| directory.workspace.name.clone());
        found.workspaces = names.collect();
        check.guarded("rows", Check::rows);
        check.guarded("messages", Check::messages);
        check.guarded("logs", Check::logs);
        check.guarded("counters", Check::counters);
    }
    for table in ["message", "revision", "log", "gone", "remembered"] {
        let count = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
        found.rows.push((table, count.unwrap_or(-1)));
    }
    found.problems.extend(check.done());
    Ok(())
}

struct Check<'a> {
    db: &'a Connection,
    directories: Directories,
    /// How many problems of each kind there were.
    told: BTreeMap<&'static str, u64>,
    problems: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, kind: &'static str, problem: impl FnOnce() -> String) {
        let told = self.told.entry(kind).or_default();
        *told += 1;
        if *told <= PROBLEMS_MAX {
            self.problems.push(problem());
        }
    }

    fn done(mut self) -> Vec<String> {
        for (kind, told) in self.told {
            if let Some(more @ 1..) = told.checked_sub(PROBLEMS_MAX) {
                self.problems.push(format!("and {more} more of {kind}"));
            }
        }
        self.problems
    }

    /// Goes on with the rest when a table cannot be read to its end.
    fn guarded(&mut self, what: &'static str, check: impl FnOnce(&mut Self) -> rusqlite::Result<()>) {
        if let Err(failed) = check(self) {
            self.problem("structure", || format!("the {what} cannot be read to their end: {failed}"));
        }
    }

    fn structure(&mut self) {
        let db = self.db;
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = db.prepare("PRAGMA quick_check(100)")?;
            let found = statement.query_map([], |row| row.get(0))?;
            found.collect()
        };
        match read() {
            Ok(found) => {
                for problem in found.into_iter().filter(|found| found != "ok") {
                    self.problem("structure", || problem);
                }
            }
            Err(failed) => self.problem("structure", || format!("the structure cannot be checked: {failed}")),
        }
    }

    /// Every row is what was written there.
    fn rows(&mut self) -> rusqlite::Result<()> {
        for table in &seal::TABLES {
            self.guarded(table.name, |check| check.table(table));
        }
        Ok(())
    }

    fn table(&mut self, table: &Table) -> rusqlite::Result<()> {
        let Table { number, name, body, key } = table;
        let mut statement = self.db.prepare(&format!("SELECT {body}, {key} FROM {name}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let key: Vec<_> = (1..columns).map(|at| found.get_ref(at)).collect::<Result<_, _>>()?;
            let row = seal::row_of(*number, &key);
            let sealed = found.get_ref(0)?.as_blob().unwrap_or_default();
            let body = row.and_then(|row| seal::unseal(row, sealed).filter(|body| seal::readable(row, body)));
            if body.is_none() {
                let named = row.map_or_else(|| format!("a row of {name}"), |row| self.name(row));
                self.problem("damaged rows", || format!("{named} cannot be read"));
            }
        }
        Ok(())
    }

    /// A row as an operator can look for it.
    fn name(&self, row: seal::Row) -> String {
        let message = |conversation: ConversationKey, ts| self.message(conversation.message(Ts(ts)));
        match row {
            seal::Row::Message(conversation, _, ts) => message(conversation, ts),
            seal::Row::Gone(conversation, ts) => {
                format!("what is known of the deleted {}", message(conversation, ts))
            }
            seal::Row::Piece(conversation, ts, number) => {
                format!("piece {number} of {}", message(conversation, ts))
            }
            seal::Row::View(conversation, ts, user) => {
                format!("the view of user {user} of {}", message(conversation, ts))
            }
            seal::Row::Replier(conversation, root, user) => {
                format!("the count of replies of user {user} to {}", message(conversation, root))
            }
            seal::Row::Revision(log_key) => format!("the content at {}", self.position(log_key)),
            seal::Row::Log(log_key) => format!("the event at {}", self.position(log_key)),
            seal::Row::Remembered(_, key) => format!("the idempotency key {key:?}"),
            seal::Row::Delivery(workspace, app, position, _) => {
                format!("the delivery of position {position} to app {app} in {}", self.workspace(workspace))
            }
            seal::Row::Item(workspace, _) => format!("an item in {}", self.workspace(workspace)),
            seal::Row::Directory(workspace, ..) => {
                format!("an entry of the directory of {}", self.workspace(workspace))
            }
            seal::Row::Blob(workspace, _) => format!("the bytes of a file in {}", self.workspace(workspace)),
            seal::Row::Reaction(conversation, ts, _, user) => {
                format!("the reaction of user {user} to {}", message(conversation, ts))
            }
            seal::Row::Meta(name) => format!("the value {name:?}"),
        }
    }

    fn workspace(&self, number: i64) -> String {
        let known = u32::try_from(number).ok().and_then(|id| self.directories.get(WorkspaceId(id)));
        known.map_or_else(
            || format!("workspace number {number}"),
            |it| format!("workspace {}", it.workspace.team_id),
        )
    }

    fn position(&self, log_key: LogKey) -> String {
        format!("position {} of {}", log_key.position(), self.workspace(log_key.workspace()))
    }

    fn message(&self, key: MessageKey) -> String {
        let directory = self.directories.get(key.workspace);
        let conversation = directory.and_then(|directory| directory.conversation(key.conversation));
        let conversation =
            conversation.map_or_else(|| format!("number {}", key.conversation.0), |it| it.slack_id.clone());
        let (seconds, micros) = (key.ts.0.div_euclid(1_000_000), key.ts.0.rem_euclid(1_000_000));
        let workspace = self.workspace(i64::from(key.workspace.0));
        format!("message {seconds}.{micros:06} in {conversation} of {workspace}")
    }

    /// Every message that is there, or recorded as deleted, has its revisions.
    fn messages(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare("SELECT body, place, line, ts FROM message")?;
        let mut messages = statement.query([])?;
        while let Some(row) = messages.next()? {
            let conversation: ConversationKey = row.get(1)?;
            let key = conversation.message(Ts(row.get(3)?));
            let unpacked = rows::unpacked(row.get_ref(0)?.as_blob().unwrap_or_default(), key, row.get(2)?);
            if let Ok(Row::Message(message)) = unpacked
                && message.revision().is_some()
                && !self.is_dropped(key.workspace)
            {
                self.chain(&message)?;
                self.pieces(&message);
            }
        }
        Ok(())
    }

    fn is_dropped(&self, workspace: WorkspaceId) -> bool {
        self.directories.get(workspace).is_none()
    }

    /// A message that streams in has all that was added to it.
    fn pieces(&mut self, message: &Message) {
        if message.in_pieces() && rows::pieces(self.db, message).is_err() {
            let named = self.message(message.key);
            self.problem("pieces", || format!("pieces of {named} are missing"));
        }
    }

    /// Follows a message's revisions back to its first one. One that was erased says so.
    fn chain(&mut self, message: &Message) -> rusqlite::Result<()> {
        let (mut next, mut expected) = (Some(message.content_at), message.revision());
        while let Some(position) = next {
            let number = expected.map_or(0, NonZeroU32::get);
            match rows::revision_at(self.db, message.key.workspace, position) {
                Ok(Some(row)) if row.revision.key == message.key => next = row.revision.previous,
                Ok(Some(_)) => {
                    let named = self.message(message.key);
                    self.problem("revisions", || {
                        format!("revision {number} of {named} is another message's")
                    });
                    return Ok(());
                }
                Ok(None) => {
                    let named = self.message(message.key);
                    self.problem("revisions", || format!("revision {number} of {named} is missing"));
                    return Ok(());
                }
                // It was told with the damaged rows; here it is told what of.
                Err(_) => {
                    let named = self.message(message.key);
                    self.problem("revisions", || format!("revision {number} of {named} cannot be read"));
                    return Ok(());
                }
            }
            expected = expected.and_then(|number| NonZeroU32::new(number.get() - 1));
        }
        Ok(())
    }

    /// What a workspace holds is as much as was counted.
    fn counters(&mut self) -> rusqlite::Result<()> {
        let workspaces: Vec<_> =
            self.directories.all().map(|it| (it.workspace.id, it.workspace.name.clone())).collect();
        for (id, name) in workspaces {
            let (counted, there) = (rows::usage(self.db, id)?, rows::recount(self.db, id)?);
            for (what, counted, there) in [
                ("messages", counted.messages, there.messages),
                ("bytes of content", counted.content_bytes, there.content_bytes),
                ("bytes of files", counted.blob_bytes, there.blob_bytes),
                ("files", counted.files, there.files),
            ] {
                if counted != there {
                    self.problem("counters", || {
                        format!("workspace {name} has counted {counted} {what}, and there are {there}")
                    });
                }
            }
        }
        Ok(())
    }

    /// Every log has its positions without a gap up to the last one that was used, and every message that was posted and
    /// not deleted is there.
    fn logs(&mut self) -> rusqlite::Result<()> {
        let workspaces: Vec<WorkspaceId> = self.directories.all().map(|it| it.workspace.id).collect();
        for workspace in workspaces {
            let last: Option<i64> = {
                use rusqlite::OptionalExtension;
                let mut head = self.db.prepare_cached("SELECT position FROM head WHERE workspace = ?1")?;
                head.query_row([workspace.0], |row| row.get(0)).optional()?
            };
            self.log(workspace, last.unwrap_or(0))?;
        }
        Ok(())
    }

    fn log(&mut self, workspace: WorkspaceId, last: i64) -> rusqlite::Result<()> {
        let mut statement =
            self.db.prepare("SELECT spot, body FROM log WHERE spot >= ?1 AND spot < ?2 ORDER BY spot")?;
        let (from, to) = (LogKey::first(workspace), LogKey::first(WorkspaceId(workspace.0 + 1)));
        let mut events = statement.query([from, to])?;
        let mut expected = 1;
        let mut there: BTreeSet<(ConversationId, Ts)> = BTreeSet::new();
        while let Some(found) = events.next()? {
            let log_key: LogKey = found.get(0)?;
            let position = log_key.position();
            self.gap(workspace, expected, position - 1);
            expected = position + 1;
            let body = seal::unseal(seal::Row::Log(log_key), found.get_ref(1)?.as_blob().unwrap_or_default());
            if let Some(event) = body.and_then(decode::<Event>) {
                note(&event, &mut there);
            }
        }
        self.gap(workspace, expected, last);
        for (conversation, ts) in there {
            let key = MessageKey { workspace, conversation, ts };
            if matches!(rows::message(self.db, key), Ok(None)) && matches!(rows::gone(self.db, key), Ok(None))
            {
                let named = self.message(key);
                self.problem("messages", || format!("{named} is missing"));
            }
        }
        Ok(())
    }

    fn gap(&mut self, workspace: WorkspaceId, from: i64, to: i64) {
        if from <= to {
            let named = self.workspace(i64::from(workspace.0));
            self.problem("gaps", || format!("the log of {named} lacks positions {from} to {to}"));
        }
    }
}

/// Which messages should be there after an event.
fn note(event: &Event, there: &mut BTreeSet<(ConversationId, Ts)>) {
    if let EventKind::MessagePosted { conversation, only: None, .. }
    | EventKind::StreamStarted { conversation, .. } = event.kind
    {
        there.insert((conversation, event.ts));
    }
    if let EventKind::MessageDeleted { conversation, message, .. }
    | EventKind::TombstoneRemoved { conversation, message } = event.kind
    {
        there.remove(&(conversation, message));
    }
}
