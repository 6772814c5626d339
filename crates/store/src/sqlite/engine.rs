//! The committer's side of SQLite: one connection that writes.
//!
//! It owns the open transaction, the counters that are written once for each of them, and the write-ahead log's length. Only the
//! committer's thread calls it; it must never flush on its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redraft_model::content::Assemble;
use redraft_model::decision::Decision;
use redraft_model::directory::Directories;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::time::{Micros, Ts};
use redraft_model::view::{Identity, View};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, params};
use tracing::error;

use super::recent::Recent;
use super::seal::{Row, seal};
use super::wal::{Beside, Flushed, LogFile};
use super::{Checkpointed, OpenError, rows, wal};
use crate::committer::{Broken, Committed, Engine, Head, NotCommitted, Note};
use crate::fault::Sabotage;
use crate::fault::sabotage::Sabotaged;
use crate::record::encode;
use crate::{Settlement, Sweep, Swept};
use open::prepare;
use view::Snapshot;

mod changes;
mod open;
mod view;

pub(super) use open::open_file;

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

    pub(super) fn count(&self, workspace: WorkspaceId, count: impl FnOnce(&mut Counted)) {
        count(self.counted.borrow_mut().entry(workspace).or_default());
    }

    fn put_note(&self, note: &Note) -> rusqlite::Result<()> {
        match note {
            Note::Settle(workspace, ..) | Note::SettleIdle(workspace, ..)
                if !self.is_there(*workspace)? =>
            {
                Ok(())
            }
            Note::Settle(workspace, app, settlement) => self.settle(*workspace, *app, settlement),
            Note::SettleIdle(workspace, apps, delivered_up_to) => {
                apps.iter().try_for_each(|app| self.settle_idle(*workspace, *app, *delivered_up_to))
            }
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
        self.write(HEARD, params![workspace.0, app.0, position(settlement.delivered_up_to)])?;
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

    fn settle_idle(&self, workspace: WorkspaceId, app: AppId, delivered_up_to: u64) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO heard (workspace, app, position) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET position = max(position, excluded.position)";
        let position = i64::try_from(delivered_up_to).unwrap_or(i64::MAX);
        self.write(SQL, params![workspace.0, app.0, position]).map(drop)
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
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The key of an idempotency record: workspace, app (0 of a person in their own client), user, each four bytes, big-endian;
/// then the method.
fn identity_bytes(identity: &Identity) -> [u8; 13] {
    let mut bytes = [0; 13];
    bytes[..4].copy_from_slice(&identity.workspace.0.to_be_bytes());
    bytes[4..8].copy_from_slice(&identity.app.map_or(0, |app| app.0).to_be_bytes());
    bytes[8..12].copy_from_slice(&identity.user.0.to_be_bytes());
    bytes[12] = identity.method as u8;
    bytes
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
            let full = failed.sqlite_error_code() == Some(ErrorCode::DiskFull);
            if full { NotCommitted::Full } else { NotCommitted::Unknown }
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
