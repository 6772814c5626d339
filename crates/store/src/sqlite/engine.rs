//! The committer's side of SQLite: one connection that writes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redraft_model::content::{Assemble, Content, Piece};
use redraft_model::decision::{Change, Decision};
use redraft_model::directory::{Directories, Directory, DirectoryChange};
use redraft_model::event::Event;
use redraft_model::id::{AppId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Audience, Gone, Message, PersonalView, Reaction, Replier, Revision};
use redraft_model::quota::Usage;
use redraft_model::shared::SharedMap;
use redraft_model::time::{Micros, Ts};
use redraft_model::view::{Identity, Looked, NotLoaded, Remembered, View};
use redraft_model::workspace::{Conversation, Retention};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, params};
use tracing::{error, warn};

use super::copy::{flush_folder_of, new_file, partial};
use super::packed;
use super::recent::Recent;
use super::rows::{self, CHANNEL_LINE, EPHEMERAL_LINE, place_of, spot};
use super::seal::{Row, seal};
use super::wal::{self, Beside, Flushed, LogFile};
use super::{Checkpointed, OpenError};
use crate::committer::{Broken, Committed, Engine, Head, NotCommitted, Note};
use crate::fault::Sabotage;
use crate::fault::sabotage::Sabotaged;
use crate::record::{
    Entry, MemberRow, RevisionRow, conversation_entries, encode, entries, is_file, item_key, member_key,
    token_key,
};
use crate::{Settlement, Sweep, Swept};

/// Frames that the write-ahead log may hold before the writer itself finishes the checkpoint, so that the next commit
/// starts the log anew: 64 MiB.
pub(super) const WAL_FRAMES_MAX: u64 = 16 * 1024;

/// How long what was overwritten or erased may be found in the log: it is emptied this often. An empty log grows anew,
/// and each flush of one that grows costs the file system more.
const LOG_AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// How long emptying waits for those who read the log.
const EMPTYING_WAIT: Duration = Duration::from_millis(200);

/// How the writer and the checkpointer talk.
#[derive(Default)]
pub(super) struct Wal {
    /// Frames in the log after the last commit.
    pub frames: AtomicU64,
    /// Frames that the checkpointer has found and brought to the database file.
    pub done: AtomicU64,
    /// A checkpoint failed, so that what it and earlier ones brought to the database file may never reach the disk. No
    /// other begins until the writer has seen to it: SQLite would go on behind what is lost, and drop the log.
    pub in_doubt: Arc<AtomicBool>,
    /// Held by whoever brings the log over.
    pub checkpointing: Mutex<()>,
    /// The log is to be emptied: the checkpointer takes small steps, so that the writer has little left to do.
    pub empties: AtomicBool,
    /// Somebody wants it emptied now, whatever that costs.
    pub at_once: AtomicBool,
    /// How often it was emptied.
    pub emptied: AtomicU64,
}

pub(super) struct SqliteEngine {
    path: PathBuf,
    vfs: Option<String>,
    pub(super) db: Connection,
    recent: Recent,
    wal: Arc<Wal>,
    assemble: Assemble,
    /// The database as a file, open as long as any connection is: see [`Beside::open`].
    file: Arc<Beside>,
    log: LogFile,
    /// How far the log was flushed when the last commit was.
    flushed: Option<Flushed>,
    heals: bool,
    /// Rows that were changed before the open transaction.
    changes_before: u64,
    /// What the open transaction adds to the counters of workspaces.
    counted: RefCell<BTreeMap<WorkspaceId, Counted>>,
    /// A decision asked for a row that is damaged.
    met_damage: Cell<bool>,
    /// Where the sweeper is.
    pub(super) sweeping: super::erase::Place,
    /// When the log was emptied last; `None` if it may hold what another process wrote.
    emptied_at: Option<Instant>,
}

/// What a transaction adds to the counters in a workspace's head, or takes away. It is written once, at its end: whoever
/// writes a row of `message` or `revision`, or a file, counts it here.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    pub messages: i64,
    pub content_bytes: i64,
    pub files: i64,
}

impl SqliteEngine {
    pub fn open(
        path: PathBuf,
        vfs: Option<String>,
        wal: Arc<Wal>,
        assemble: Assemble,
        sabotage: Option<Sabotage>,
    ) -> Result<Self, OpenError> {
        let heals = sabotage != Some(Sabotage::TrustTheCache);
        let left = wal::path_of(&path).metadata().is_ok_and(|log| 0 < log.len());
        let (file, mut db) = open_file(&path, vfs.as_deref(), heals)?;
        super::check_version(&db)?;
        super::migrate::bring_up_to_date(&mut db, &path)?;
        let db = prepare(db, &wal)?;
        // What the process before has left, and what a migration has written.
        let mut log = LogFile::default();
        let flushed = log.flushed(&path, wal::examine(&wal::path_of(&path))?.frames)?;
        let recent = Recent::default();
        Ok(Self {
            path,
            vfs,
            db,
            recent,
            wal,
            assemble,
            file: Arc::new(file),
            log,
            flushed,
            heals,
            changes_before: 0,
            counted: RefCell::default(),
            met_damage: Cell::new(false),
            sweeping: super::erase::Place::default(),
            emptied_at: if left { None } else { Some(Instant::now()) },
        })
    }

    /// The database as a file; to be dropped after every connection.
    pub fn file(&self) -> Arc<Beside> {
        Arc::clone(&self.file)
    }

    /// After a flush that failed, on whichever connection: makes durable what was acknowledged, and takes back what was not,
    /// before anything is committed behind it.
    fn heal(&self) -> Result<(), OpenError> {
        wal::harden_up_to(&self.path, self.vfs.as_deref(), self.flushed)?;
        if self.is_in_doubt() {
            self.bring_over_again()?;
            self.wal.in_doubt.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Brings all of the log to the database, and then writes all its pages there once more: SQLite does not write again
    /// what an earlier checkpoint wrote.
    fn bring_over_again(&self) -> Result<(), OpenError> {
        let db = super::connection(&self.path, self.vfs.as_deref(), false)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let _alone = self.wal.checkpointing.lock().unwrap_or_else(PoisonError::into_inner);
        let all = super::checkpoint(&db)?.filter(|checkpointed| checkpointed.done == checkpointed.frames);
        let Some(checkpointed) = all else {
            return Err(std::io::Error::other("a reader is in the way of a checkpoint").into());
        };
        // A reader that needs nothing of the log keeps every checkpoint out.
        let reading = db.unchecked_transaction()?;
        rows::version(&reading)?;
        wal::write_pages_again(&self.path, &self.file)?;
        drop(reading);
        self.wal.done.store(checkpointed.done, Ordering::Relaxed);
        Ok(())
    }

    pub fn directories(&self) -> rusqlite::Result<Directories> {
        rows::directories(&self.db)
    }

    /// The engine with a promise broken.
    pub fn sabotaged(self, sabotage: Sabotage) -> rusqlite::Result<Sabotaged<Self>> {
        if sabotage == Sabotage::SynchronousOff {
            self.db.pragma_update(None, "synchronous", "OFF")?;
        }
        Ok(Sabotaged::new(self, sabotage))
    }

    pub(super) fn write(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.db.prepare_cached(sql)?.execute(params)
    }

    fn change(&self, workspace: WorkspaceId, change: &Change, first: Ts) -> rusqlite::Result<()> {
        match change {
            Change::PutMessage(message) => self.put_message(message, first),
            Change::RemoveMessage(message) => self.remove_message(message),
            Change::RemoveRevision(key, position) => self.remove_revision(key.workspace, *position),
            Change::PutPiece(key, number, piece) => {
                const SQL: &str = "INSERT INTO piece (place, ts, number, body) VALUES (?1, ?2, ?3, ?4)";
                let (place, ts) = (place_of(*key), key.ts.0);
                let body = seal(Row::Piece(place, ts, i64::from(*number)), encode(piece));
                self.write(SQL, params![place, ts, number, body]).map(drop)
            }
            Change::ClearPieces(key) => {
                const SQL: &str = "DELETE FROM piece WHERE place = ?1 AND ts = ?2";
                self.write(SQL, params![place_of(*key), key.ts.0]).map(drop)
            }
            Change::PutReaction(key, reaction) => self.put_reaction(*key, reaction),
            Change::RemoveReaction(key, reaction) => self.remove_reaction(*key, reaction),
            Change::PutView(key, user, view) => self.put_view(*key, *user, *view),
            Change::ClearMarks(key) => self.clear_marks(*key),
            Change::PutRevision(revision, content) => self.put_revision(revision, content),
            Change::PutReplier(root, user, replier) => self.put_replier(*root, *user, replier.as_ref()),
            Change::PutGone(gone) => self.put_gone(gone),
            Change::Remember(identity, key, remembered) => self.remember(identity, key, remembered),
            Change::PutItem(key, item) => self.put_item(workspace, key, item.as_ref()),
            Change::PutBlob(key, bytes) => self.put_blob(workspace, key, bytes),
            Change::RemoveBlob(key, size) => self.remove_blob(workspace, key, *size),
            Change::Directory(change) => self.put_directory(workspace, change),
        }
    }

    fn put_message(&self, message: &Arc<Message>, first: Ts) -> rusqlite::Result<()> {
        let key = message.key;
        let line = line_of(message);
        let body = seal(Row::Message(place_of(key), line, key.ts.0), packed::message(message));
        // A message's time is that of the event that made it.
        let is_new = first <= key.ts;
        if is_new {
            const SQL: &str = "INSERT INTO message (place, line, ts, body) VALUES (?1, ?2, ?3, ?4)";
            self.write(SQL, params![place_of(key), line, key.ts.0, body])?;
            self.count(key.workspace, |counted| counted.messages += 1);
        } else {
            const SQL: &str = "UPDATE message SET body = ?4 WHERE place = ?1 AND line = ?2 AND ts = ?3";
            self.write(SQL, params![place_of(key), line, key.ts.0, body])?;
        }
        if line != CHANNEL_LINE {
            self.put_elsewhere(message, line, is_new)?;
        }
        self.recent.put_message(Arc::clone(message));
        Ok(())
    }

    /// What a message outside the channel line needs besides its row.
    fn put_elsewhere(&self, message: &Message, line: i64, is_new: bool) -> rusqlite::Result<()> {
        let (place, ts) = (place_of(message.key), message.key.ts.0);
        if is_new {
            self.write("INSERT INTO placed (place, ts, line) VALUES (?1, ?2, ?3)", params![place, ts, line])?;
        }
        if line == EPHEMERAL_LINE {
            // The end that it has by default; the sweeper knows what its workspace says.
            let expires_at = message.expires_at(Retention::default()).map_or(i64::MAX, |end| end.0);
            let spot = spot(message.key.workspace, message.content_at);
            const SQL: &str =
                "INSERT OR REPLACE INTO ephemeral (expires_at, place, ts, spot) VALUES (?1, ?2, ?3, ?4)";
            self.write(SQL, params![expires_at, place, ts, spot])?;
        } else if message.broadcast {
            const SQL: &str = "INSERT OR REPLACE INTO message (place, line, ts, body) VALUES (?1, 0, ?2, ?3)";
            let body = seal(Row::Message(place, CHANNEL_LINE, ts), packed::broadcast(Ts(line)));
            self.write(SQL, params![place, ts, body])?;
        } else if !is_new {
            self.write("DELETE FROM message WHERE place = ?1 AND line = 0 AND ts = ?2", params![place, ts])?;
        }
        Ok(())
    }

    pub(super) fn remove_message(&self, message: &Message) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM message WHERE place = ?1 AND line = ?2 AND ts = ?3";
        let (place, ts, line) = (place_of(message.key), message.key.ts.0, line_of(message));
        let removed = self.write(SQL, params![place, line, ts])?;
        self.count(message.key.workspace, |counted| counted.messages -= number(removed));
        if line != CHANNEL_LINE {
            self.write("DELETE FROM placed WHERE place = ?1 AND ts = ?2", params![place, ts])?;
        }
        if message.broadcast {
            self.write(SQL, params![place, CHANNEL_LINE, ts])?;
        }
        self.recent.remove_message(message.key);
        Ok(())
    }

    pub(super) fn remove_revision(&self, workspace: WorkspaceId, position: u64) -> rusqlite::Result<()> {
        let spot = spot(workspace, position);
        let bytes = self.revision_bytes(spot)?;
        self.write("DELETE FROM revision WHERE spot = ?1", [spot])?;
        self.count(workspace, |counted| counted.content_bytes -= bytes);
        self.recent.remove_content(workspace, position);
        Ok(())
    }

    /// Puts another row in the place of a revision's.
    pub(super) fn replace_revision(&self, position: u64, row: &RevisionRow) -> rusqlite::Result<()> {
        let workspace = row.revision.key.workspace;
        let spot = spot(workspace, position);
        let body = seal(Row::Revision(spot), encode(row));
        let more = number(body.len()) - self.revision_bytes(spot)?;
        self.write("UPDATE revision SET body = ?2 WHERE spot = ?1", params![spot, body])?;
        self.count(workspace, |counted| counted.content_bytes += more);
        self.recent.remove_content(workspace, position);
        Ok(())
    }

    /// How many bytes a revision takes, 0 if there is none.
    fn revision_bytes(&self, spot: i64) -> rusqlite::Result<i64> {
        let mut statement = self.db.prepare_cached("SELECT length(body) FROM revision WHERE spot = ?1")?;
        let bytes = statement.query_row([spot], |row| row.get(0)).optional()?;
        Ok(bytes.unwrap_or(0))
    }

    pub(super) fn count(&self, workspace: WorkspaceId, count: impl FnOnce(&mut Counted)) {
        count(self.counted.borrow_mut().entry(workspace).or_default());
    }

    fn put_reaction(&self, key: MessageKey, reaction: &Reaction) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO reaction (place, ts, since, name, user) VALUES (?1, ?2, ?3, ?4, ?5)";
        let Reaction { since, name, user } = reaction;
        let (place, ts) = (place_of(key), key.ts.0);
        let row = Row::Reaction(place, ts, since.0, i64::from(user.0));
        let name = seal(row, name.as_bytes().to_vec());
        self.write(SQL, params![place, ts, since.0, name, user.0]).map(drop)
    }

    fn remove_reaction(&self, key: MessageKey, reaction: &Reaction) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM reaction WHERE place = ?1 AND ts = ?2 AND since = ?3";
        self.write(SQL, params![place_of(key), key.ts.0, reaction.since.0]).map(drop)
    }

    fn put_view(&self, key: MessageKey, user: UserId, view: PersonalView) -> rusqlite::Result<()> {
        if let Some(before) = rows::view_of(&self.db, key, user)? {
            self.remove_revision(key.workspace, before.content_at)?;
        }
        const SQL: &str = "INSERT OR REPLACE INTO view (place, ts, user, body) VALUES (?1, ?2, ?3, ?4)";
        let (place, ts) = (place_of(key), key.ts.0);
        let body = seal(Row::View(place, ts, i64::from(user.0)), encode(&view));
        self.write(SQL, params![place, ts, user.0, body]).map(drop)
    }

    pub(super) fn clear_marks(&self, key: MessageKey) -> rusqlite::Result<()> {
        let (place, ts) = (place_of(key), key.ts.0);
        self.write("DELETE FROM reaction WHERE place = ?1 AND ts = ?2", [place, ts])?;
        for view in rows::views(&self.db, key)? {
            self.remove_revision(key.workspace, view.content_at)?;
        }
        self.write("DELETE FROM view WHERE place = ?1 AND ts = ?2", [place, ts]).map(drop)
    }

    fn put_note(&self, note: &Note) -> rusqlite::Result<()> {
        match note {
            Note::Settle(workspace, ..) if !self.is_there(*workspace)? => Ok(()),
            Note::Settle(workspace, app, settlement) => self.settle(*workspace, *app, settlement),
            Note::Scrub(pages) => self.scrub(pages),
            Note::Value(name, value) => {
                const SQL: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
                self.write(SQL, params![name, seal(Row::Meta(name), value.clone())]).map(drop)
            }
        }
    }

    /// Whether a workspace was made and not dropped.
    fn is_there(&self, workspace: WorkspaceId) -> rusqlite::Result<bool> {
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM directory WHERE workspace = ?1 AND origin = 0 AND key = x'01')",
            )?
            .query_row([workspace.0], |row| row.get(0))
    }

    fn settle(&self, workspace: WorkspaceId, app: AppId, settlement: &Settlement) -> rusqlite::Result<()> {
        const HEARD: &str = "INSERT OR REPLACE INTO heard (workspace, app, position) VALUES (?1, ?2, ?3)";
        let position = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
        self.write(HEARD, params![workspace.0, app.0, position(settlement.heard)])?;
        for delivery in &settlement.put {
            const SQL: &str = "INSERT OR REPLACE INTO delivery (workspace, app, position, part, body)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let (at, part) = (position(delivery.position), delivery.part);
            let row = Row::Delivery(i64::from(workspace.0), i64::from(app.0), at, i64::from(part));
            self.write(SQL, params![workspace.0, app.0, at, part, seal(row, encode(delivery))])?;
        }
        for (over, part) in &settlement.removed {
            const SQL: &str =
                "DELETE FROM delivery WHERE workspace = ?1 AND app = ?2 AND position = ?3 AND part = ?4";
            self.write(SQL, params![workspace.0, app.0, position(*over), part])?;
        }
        Ok(())
    }

    fn put_revision(&self, revision: &Revision, content: &Arc<Content>) -> rusqlite::Result<()> {
        let workspace = revision.key.workspace;
        let row = RevisionRow { revision: revision.clone(), content: Some(Arc::clone(content)) };
        const SQL: &str = "INSERT INTO revision (spot, body) VALUES (?1, ?2)";
        let spot = spot(workspace, revision.position);
        let body = seal(Row::Revision(spot), encode(&row));
        self.write(SQL, params![spot, body])?;
        self.count(workspace, |counted| counted.content_bytes += number(body.len()));
        self.recent.put_content(workspace, revision.position, Arc::clone(content));
        Ok(())
    }

    fn put_replier(&self, root: MessageKey, user: UserId, replier: Option<&Replier>) -> rusqlite::Result<()> {
        let (place, root) = (place_of(root), root.ts.0);
        match replier {
            Some(replier) => {
                const SQL: &str = "INSERT OR REPLACE INTO replier (place, root, user, since, body) VALUES (?1, ?2, ?3, ?4, ?5)";
                let body = seal(Row::Replier(place, root, i64::from(user.0)), encode(replier));
                self.write(SQL, params![place, root, user.0, replier.since.0, body])?;
            }
            None => {
                const SQL: &str = "DELETE FROM replier WHERE place = ?1 AND root = ?2 AND user = ?3";
                self.write(SQL, params![place, root, user.0])?;
            }
        }
        Ok(())
    }

    fn put_gone(&self, gone: &Gone) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO gone (place, ts, body) VALUES (?1, ?2, ?3)";
        let key = gone.last.key;
        let (place, ts) = (place_of(key), key.ts.0);
        self.write(SQL, params![place, ts, seal(Row::Gone(place, ts), packed::gone(gone))])?;
        Ok(())
    }

    fn remember(&self, identity: &Identity, key: &str, remembered: &Remembered) -> rusqlite::Result<()> {
        const SQL: &str =
            "INSERT OR REPLACE INTO remembered (identity, key, expires_at, body) VALUES (?1, ?2, ?3, ?4)";
        let identity = identity_bytes(identity);
        let body = seal(Row::Remembered(&identity, key), encode(remembered));
        self.write(SQL, params![identity, key, remembered.expires_at.0, body])?;
        Ok(())
    }

    fn put_item(&self, workspace: WorkspaceId, key: &ItemKey, item: Option<&Item>) -> rusqlite::Result<()> {
        if let ItemKey::File(_) = key {
            let was = rows::item(&self.db, workspace, key)?.is_some_and(|item| is_file(&item));
            let more = i64::from(item.is_some_and(is_file)) - i64::from(was);
            self.count(workspace, |counted| counted.files += more);
        }
        let Some(item) = item else {
            const SQL: &str = "DELETE FROM item WHERE workspace = ?1 AND key = ?2";
            return self.write(SQL, params![workspace.0, item_key(key)]).map(drop);
        };
        let due_at = match key {
            ItemKey::Scheduled { post_at, .. } => Some(post_at.0),
            _ => None,
        };
        const SQL: &str = "INSERT OR REPLACE INTO item (workspace, key, due_at, kept_until, body)
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let kept_until = item.kept_until().map(|end| end.0);
        let key = item_key(key);
        let body = seal(Row::Item(i64::from(workspace.0), &key), encode(item));
        self.write(SQL, params![workspace.0, key, due_at, kept_until, body]).map(drop)
    }

    fn put_directory(&self, workspace: WorkspaceId, change: &DirectoryChange) -> rusqlite::Result<()> {
        let (id, entry) = match change {
            DirectoryChange::Create(directory) => return self.create(directory),
            DirectoryChange::Drop(id) => return self.drop_workspace(*id),
            DirectoryChange::Workspace(it) => (it.id, Entry::Workspace(it.clone())),
            DirectoryChange::Quotas(id, it) => (*id, Entry::Quotas(*it)),
            DirectoryChange::User(id, it) => (*id, Entry::User(it.clone())),
            DirectoryChange::App(id, it) => (*id, Entry::App(it.clone())),
            DirectoryChange::NewConversation(id, it) => {
                return conversation_entries(it).try_for_each(|entry| self.put_entry(*id, false, &entry));
            }
            DirectoryChange::Conversation(id, it) => {
                let (members, former) = (SharedMap::new(), SharedMap::new());
                (*id, Entry::Conversation(Conversation { members, former, ..it.clone() }))
            }
            DirectoryChange::Member(id, conversation, user, Some(membership)) => {
                let (conversation, user, membership) = (*conversation, *user, *membership);
                (*id, Entry::Member(MemberRow { conversation, user, membership }))
            }
            DirectoryChange::Member(id, conversation, user, None) => {
                return self.remove_entry(*id, &member_key(*conversation, *user));
            }
            DirectoryChange::RemoveToken(id, hash) => return self.remove_entry(*id, &token_key(hash)),
            DirectoryChange::Token(id, it) => (*id, Entry::Token(it.clone())),
            DirectoryChange::UserGroup(id, it) => (*id, Entry::UserGroup(it.clone())),
        };
        debug_assert_eq!(id, workspace, "a command changes its own workspace only");
        self.put_entry(id, false, &entry)
    }

    fn remove_entry(&self, workspace: WorkspaceId, key: &[u8]) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM directory WHERE workspace = ?1 AND origin = 0 AND key = ?2";
        self.write(SQL, params![workspace.0, key]).map(drop)
    }

    fn put_entry(&self, workspace: WorkspaceId, origin: bool, entry: &Entry) -> rusqlite::Result<()> {
        const SQL: &str =
            "INSERT OR REPLACE INTO directory (workspace, origin, key, body) VALUES (?1, ?2, ?3, ?4)";
        let key = entry.key();
        let body = seal(Row::Directory(i64::from(workspace.0), origin, &key), encode(entry));
        self.write(SQL, params![workspace.0, origin, key, body])?;
        Ok(())
    }

    fn create(&self, directory: &Directory) -> rusqlite::Result<()> {
        let id = directory.workspace.id;
        for entry in entries(directory) {
            self.put_entry(id, false, &entry)?;
            self.put_entry(id, true, &entry)?;
        }
        const SQL: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
        let next = (id.0 + 1).to_be_bytes().to_vec();
        self.write(SQL, params![rows::NEXT_WORKSPACE, seal(Row::Meta(rows::NEXT_WORKSPACE), next)])?;
        Ok(())
    }

    /// The workspace is gone at once; its rows are swept in small steps.
    fn drop_workspace(&self, id: WorkspaceId) -> rusqlite::Result<()> {
        // Without its first entry a workspace is none; the others may be many.
        self.write("DELETE FROM directory WHERE workspace = ?1 AND key = x'01'", [id.0])?;
        self.write("DELETE FROM head WHERE workspace = ?1", [id.0])?;
        self.write("INSERT INTO dropped (workspace) VALUES (?1)", [id.0])?;
        Ok(())
    }

    fn is_log_old(&self, frames: u64) -> bool {
        let old = self.emptied_at.is_none_or(|at| LOG_AGE_MAX <= at.elapsed()) && 0 < frames;
        old || self.wal.at_once.load(Ordering::Relaxed)
    }

    /// Brings what is left of the log over and cuts the file off, so that nothing is found in it any more. Waits for the
    /// checkpointer to do most of it, and never long for readers; what does not succeed is tried again.
    fn empty_log(&mut self, frames: u64) {
        let wal = &self.wal;
        wal.empties.store(true, Ordering::Relaxed);
        let at_once = wal.at_once.load(Ordering::Relaxed);
        if !at_once && wal.done.load(Ordering::Relaxed) + super::LAST_FRAMES < frames {
            return;
        }
        let alone = wal.checkpointing.lock().unwrap_or_else(PoisonError::into_inner);
        let emptied = super::empty(&self.db, EMPTYING_WAIT);
        drop(alone);
        match emptied {
            Ok(true) => {
                wal.frames.store(0, Ordering::Relaxed);
                wal.done.store(0, Ordering::Relaxed);
                wal.empties.store(false, Ordering::Relaxed);
                wal.at_once.store(false, Ordering::Relaxed);
                wal.emptied.fetch_add(1, Ordering::Relaxed);
                self.emptied_at = Some(Instant::now());
            }
            Ok(false) => {}
            Err(failed) => {
                error!(error = %failed, "the log could not be emptied");
                wal.in_doubt.store(true, Ordering::Relaxed);
            }
        }
    }

    fn put_event(&self, workspace: WorkspaceId, event: &Event) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO log (spot, body) VALUES (?1, ?2)";
        let spot = spot(workspace, event.position);
        self.write(SQL, params![spot, seal(Row::Log(spot), encode(event))])?;
        Ok(())
    }
}

/// The line that a message's row is in.
fn line_of(message: &Message) -> i64 {
    match (message.audience, message.root) {
        (Audience::Only(_), _) => EPHEMERAL_LINE,
        (_, Some(root)) => root.0,
        (_, None) => CHANNEL_LINE,
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn identity_bytes(identity: &Identity) -> [u8; 13] {
    let mut bytes = [0; 13];
    bytes[..4].copy_from_slice(&identity.workspace.0.to_be_bytes());
    bytes[4..8].copy_from_slice(&identity.app.0.to_be_bytes());
    bytes[8..12].copy_from_slice(&identity.user.0.to_be_bytes());
    bytes[12] = identity.method;
    bytes
}

/// Opens a database whose folder this process owns. Its log is hardened first: a process that has ended may have left in
/// memory what a failed flush kept from the disk. The file is to be dropped after the connection.
pub(super) fn open_file(
    path: &Path,
    vfs: Option<&str>,
    heals: bool,
) -> Result<(Beside, Connection), OpenError> {
    super::look::refuse_traces(path)?;
    if !path.exists() {
        make_new(path, vfs)?;
    }
    let log = wal::examine(&wal::path_of(path))?;
    if let Some(doubt) = log.doubt() {
        warn!(doubt, "the log of the process before");
    }
    if heals {
        wal::harden(path, vfs, &log)?;
    }
    let db = super::connection(path, vfs, false)?;
    let file = Beside::open(path, vfs)?;
    Ok((file, db))
}

/// Makes an empty database under another name, which becomes its own when it is whole: a crash leaves none, or one that
/// opens.
fn make_new(path: &Path, vfs: Option<&str>) -> Result<(), OpenError> {
    let partial = partial(path);
    let file = new_file(&partial)?;
    let mut db = super::plain_connection(&partial, vfs, false)?;
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    let transaction = db.transaction()?;
    transaction.execute_batch(rows::SCHEMA)?;
    transaction.pragma_update(None, "user_version", rows::SCHEMA_VERSION)?;
    transaction.commit()?;
    drop(db);
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    Ok(flush_folder_of(path)?)
}

fn prepare(mut db: Connection, wal: &Arc<Wal>) -> rusqlite::Result<Connection> {
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -40 * 1024)?;
    db.set_prepared_statement_cache_capacity(64);
    let wal = Arc::clone(wal);
    db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, frames: i32| {
        wal.frames.store(u64::try_from(frames).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(db)
}

fn broken(failed: &rusqlite::Error) -> Broken {
    error!(error = %failed, "the database failed");
    Broken
}

impl Drop for SqliteEngine {
    /// The last connection to close brings the log over and drops it. It must not while what was brought over before is
    /// in doubt: the next start brings all of it over again.
    fn drop(&mut self) {
        if self.wal.in_doubt.load(Ordering::Relaxed) {
            super::keep_log_on_close(&self.db);
        }
    }
}

impl Engine for SqliteEngine {
    fn view<'a>(&'a self, directories: &'a Directories) -> Box<dyn View + 'a> {
        Box::new(Snapshot { engine: self, directories })
    }

    fn begin(&mut self) -> Result<(), Broken> {
        self.changes_before = self.db.total_changes();
        self.write("BEGIN IMMEDIATE", []).map(drop).map_err(|failed| broken(&failed))
    }

    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) -> Result<(), Broken> {
        let first = decision.events.first().map_or(Ts(i64::MAX), |event| event.ts);
        let changes = decision.changes.iter().try_for_each(|change| self.change(workspace, change, first));
        changes
            .and_then(|()| decision.events.iter().try_for_each(|event| self.put_event(workspace, event)))
            .map_err(|failed| broken(&failed))
    }

    fn head(&mut self, workspace: WorkspaceId) -> Result<Head, Broken> {
        let read = || {
            self.db
                .prepare_cached("SELECT ts, position FROM head WHERE workspace = ?1")?
                .query_row([workspace.0], |row| {
                    let position: i64 = row.get(1)?;
                    Ok(Head { ts: Ts(row.get(0)?), position: u64::try_from(position).unwrap_or(0) })
                })
                .optional()
        };
        read().map(Option::unwrap_or_default).map_err(|failed| broken(&failed))
    }

    fn put_heads(&mut self, heads: &[(WorkspaceId, Head)]) -> Result<(), Broken> {
        let put = |(workspace, head): &(WorkspaceId, Head)| {
            const SQL: &str = "INSERT INTO head (workspace, ts, position) VALUES (?1, ?2, ?3)
                ON CONFLICT (workspace) DO UPDATE SET ts = excluded.ts, position = excluded.position";
            let position = i64::try_from(head.position).unwrap_or(i64::MAX);
            self.write(SQL, params![workspace.0, head.ts.0, position]).map(drop)
        };
        let add = |(workspace, counted): (WorkspaceId, Counted)| {
            const SQL: &str = "UPDATE head SET messages = messages + ?2, content_bytes = content_bytes + ?3,
                files = files + ?4 WHERE workspace = ?1";
            let Counted { messages, content_bytes, files } = counted;
            self.write(SQL, params![workspace.0, messages, content_bytes, files]).map(drop)
        };
        let counted = self.counted.take();
        heads
            .iter()
            .try_for_each(put)
            .and_then(|()| counted.into_iter().try_for_each(add))
            .map_err(|failed| broken(&failed))
    }

    /// What marks a transaction in the log as committed is written last, so one that found no room is not.
    fn commit(&mut self) -> Result<Committed, NotCommitted> {
        let committed = self.write("COMMIT", []).map_err(|failed| {
            error!(error = %failed, "a transaction could not be committed");
            match failed.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => NotCommitted::Full,
                _ => NotCommitted::Unknown,
            }
        });
        committed?;
        if self.db.total_changes() == self.changes_before {
            return Ok(Committed::Nothing);
        }
        let frames = self.wal.frames.load(Ordering::Relaxed);
        // Of a commit whose log cannot be told from others nothing could be said after the next failure.
        let flushed = self.log.flushed(&self.path, frames).map_err(|failed| {
            error!(error = %failed, "the log could not be read");
            NotCommitted::Unknown
        });
        self.flushed = flushed?;
        Ok(Committed::Written)
    }

    fn rollback(&mut self) {
        self.recent.clear();
        self.counted.take();
        if !self.db.is_autocommit()
            && let Err(failed) = self.write("ROLLBACK", [])
        {
            error!(error = %failed, "the transaction could not be taken back");
        }
    }

    fn reopen(&mut self) -> Result<Directories, Broken> {
        if !self.heals {
            self.wal.in_doubt.store(false, Ordering::Relaxed);
        } else if let Err(failed) = self.heal() {
            error!(error = %failed, "after a failed flush the log could not be made durable yet");
            return Err(Broken);
        }
        let again = super::connection(&self.path, self.vfs.as_deref(), false);
        self.db = again.and_then(|db| prepare(db, &self.wal)).map_err(|failed| broken(&failed))?;
        self.directories().map_err(|failed| broken(&failed))
    }

    fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, Broken> {
        let kept = || {
            let sealed = seal(Row::Meta(name), value.to_vec());
            self.write("INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)", params![name, sealed])?;
            Ok(rows::kept(&self.db, name)?.unwrap_or_default())
        };
        kept().map_err(|failed| broken(&failed))
    }

    fn note(&mut self, note: &Note) -> Result<(), Broken> {
        self.put_note(note).map_err(|failed| broken(&failed))
    }

    fn sweep(&mut self, sweep: Sweep, now: Micros, directories: &Directories) -> Result<Swept, Broken> {
        self.clear_away(sweep, now, directories).map_err(|failed| broken(&failed))
    }

    /// Empties the log when it is old or somebody wants it, and otherwise finishes the checkpoint when it has grown long and only a little is left of it. Nothing is written
    /// meanwhile, so it completes, and the next commit writes the log from its beginning again.
    fn rest(&mut self) {
        if self.is_in_doubt() {
            return;
        }
        let frames = self.wal.frames.load(Ordering::Relaxed);
        if self.is_log_old(frames) {
            return self.empty_log(frames);
        }
        if frames < WAL_FRAMES_MAX || self.wal.done.load(Ordering::Relaxed) + super::LAST_FRAMES < frames {
            return;
        }
        let _alone = self.wal.checkpointing.lock().unwrap_or_else(PoisonError::into_inner);
        match super::checkpoint(&self.db) {
            Ok(None) => {}
            Ok(Some(Checkpointed { done, .. })) => {
                self.wal.done.store(if done == frames { 0 } else { done }, Ordering::Relaxed);
            }
            Err(failed) => {
                error!(error = %failed, "a checkpoint failed");
                self.wal.in_doubt.store(true, Ordering::Relaxed);
            }
        }
    }

    fn met_damage(&self) -> bool {
        self.met_damage.take()
    }

    fn is_in_doubt(&self) -> bool {
        self.wal.in_doubt.load(Ordering::Relaxed)
    }
}

struct Snapshot<'a> {
    engine: &'a SqliteEngine,
    directories: &'a Directories,
}

impl Snapshot<'_> {
    fn looked<T>(&self, read: rusqlite::Result<T>) -> Looked<T> {
        read.map_err(|failed| {
            error!(error = %failed, "the database could not be read");
            if rows::is_damage(&failed) {
                self.engine.met_damage.set(true);
            }
            NotLoaded
        })
    }
}

impl View for Snapshot<'_> {
    fn directories(&self) -> &Directories {
        self.directories
    }

    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>> {
        if let Some(known) = self.engine.recent.message(key) {
            return Ok(Some(known));
        }
        let found = self.looked(rows::message(&self.engine.db, key))?.map(Arc::new);
        found.iter().for_each(|message| self.engine.recent.put_message(Arc::clone(message)));
        Ok(found)
    }

    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>> {
        if let Some(known) = self.engine.recent.content(key.workspace, position) {
            return Ok(Some(known));
        }
        self.looked(rows::content(&self.engine.db, key.workspace, position))
    }

    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>> {
        let Some(begun) = self.content(message.key, message.content_at)? else { return Ok(None) };
        let mut pieces = self.looked(rows::pieces(&self.engine.db, message))?;
        pieces.extend(more.cloned());
        Ok(Some(Arc::new((self.engine.assemble)(&begun, &pieces))))
    }

    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>> {
        const SQL: &str = "SELECT body FROM replier WHERE place = ?1 AND root = ?2 AND user = ?3";
        let (place, root, user) = (place_of(root), root.ts.0, i64::from(user.0));
        let row = Row::Replier(place, root, user);
        self.looked(rows::one(&self.engine.db, row, SQL, params![place, root, user]))
    }

    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>> {
        let read = || {
            let mut statement = self.engine.db.prepare_cached(
                "SELECT user FROM replier WHERE place = ?1 AND root = ?2 ORDER BY since LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let users = statement
                .query_map(params![place_of(root), root.ts.0, limit], |row| row.get(0).map(UserId))?;
            users.collect()
        };
        self.looked(read())
    }

    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>> {
        let read = || {
            self.engine
                .db
                .prepare_cached(
                    "SELECT ts FROM message WHERE place = ?1 AND line = ?2 AND ts <> ?3 ORDER BY ts DESC LIMIT 1",
                )?
                .query_row([place_of(root), root.ts.0, but.0], |row| row.get(0).map(Ts))
                .optional()
        };
        self.looked(read())
    }

    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>> {
        const SQL: &str = "SELECT body FROM remembered WHERE identity = ?1 AND key = ?2";
        let identity = identity_bytes(identity);
        let row = Row::Remembered(&identity, key);
        self.looked(rows::one(&self.engine.db, row, SQL, params![identity, key]))
    }

    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>> {
        Ok(self.looked(rows::one_directory(&self.engine.db, workspace, true))?.map(Arc::new))
    }

    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>> {
        self.looked(rows::reactions(&self.engine.db, key))
    }

    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>> {
        self.looked(rows::item(&self.engine.db, workspace, key))
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>> {
        self.looked(rows::items(&self.engine.db, workspace, from, to, limit))
    }

    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64> {
        self.looked(rows::blob_bytes(&self.engine.db, workspace))
    }

    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage> {
        let before = self.looked(rows::usage(&self.engine.db, workspace))?;
        let counted = self.engine.counted.borrow().get(&workspace).copied().unwrap_or_default();
        Ok(Usage {
            messages: before.messages.saturating_add_signed(counted.messages),
            content_bytes: before.content_bytes.saturating_add_signed(counted.content_bytes),
            files: before.files.saturating_add_signed(counted.files),
            ..before
        })
    }

    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>> {
        self.looked(rows::gone(&self.engine.db, key))
    }
}
