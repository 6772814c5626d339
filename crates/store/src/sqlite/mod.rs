//! The embedded default: SQLite with a write-ahead log, one writer in groups, readers on snapshots.
//!
//! The folder's lock lives as long as the store. Reads must not wait for the writer, and a flush that failed must never be taken
//! for one that succeeded.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redraft_model::command::Command;
use redraft_model::content::{Assemble, Content, Dialect, joined};
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Gone, Reaction};
use redraft_model::quota::Usage;
use redraft_model::time::Ts;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::error;

use crate::committer::{self, Job, Note, Queue, Waiter};
use crate::fault::Sabotage;
use crate::health::{Health, Known};
use crate::{
    Answer, Awaited, Clock, Delivery, Later, Page, Part, Published, READ_ROWS_MAX, Revised, Settlement,
    Store, StoreError, Stored, Sweep, Swept, Viewed, Window, machine_clock,
};

mod backup;
mod blobs;
mod copy;
mod engine;
mod erase;
mod examine;
mod folder;
mod keys;
mod look;
mod migrate;
mod packed;
mod recent;
mod rows;
mod scrub;
mod seal;
mod wal;

pub use backup::{Repaired, backup, repair, restore};
pub use examine::{Examined, examine};
pub use migrate::{Migrated, migrate};

/// Connections that read at the same time.
const READERS_MAX: usize = 4;

/// Of these, so many may read pages, which take long. One is always left for what takes a moment.
const PAGE_READERS_MAX: usize = READERS_MAX - 1;

/// Frames that the checkpointer lets gather before it takes a step: 32 MiB. A page that changed several times meanwhile is
/// brought over once.
const CHECKPOINT_FRAMES: u64 = 8192;

/// Frames that the writer itself brings over at the end, when the log is long enough to begin anew: a pause of a few
/// milliseconds. The checkpointer takes smaller steps then, so that no more are left.
const LAST_FRAMES: u64 = 768;

/// How long one connection waits for another.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How often somebody who wants the log emptied tries to have that done.
const EMPTYING_ATTEMPTS: usize = 10;

/// How often the checkpointer looks.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(10);

/// How a database file is opened.
#[derive(Clone)]
pub struct Options {
    /// The clock that the committer reads.
    pub clock: Clock,
    /// The SQLite file system to use, for fault injection; `None` is the machine's.
    pub vfs: Option<String>,
    /// How the pieces of a message that streams in become what it shows.
    pub assemble: Assemble,
    /// A promise to break, for tests that have to notice it.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl Default for Options {
    fn default() -> Self {
        Self { clock: machine_clock(), vfs: None, assemble: joined, sabotage: None }
    }
}

/// A store in one folder. The folder has one owner at a time.
pub struct SqliteStore {
    queue: Mutex<Option<Queue>>,
    published: Arc<Published>,
    health: Arc<Health>,
    readers: Arc<Readers>,
    assemble: Assemble,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    wal: Weak<engine::Wal>,
    scrubbing: Mutex<Scrubbing>,
    /// Outlives every connection: see [`wal::Beside::open`].
    _file: Arc<wal::Beside>,
    _folder: folder::Owned,
}

/// How far the pages were looked through for what deleted rows have left.
#[derive(Default)]
struct Scrubbing {
    /// The page to go on with; `None` between two times.
    next: Option<u32>,
    /// How often the log had been emptied then.
    emptied: Option<u64>,
}

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns the folder.
    #[error("the data folder is in use by another process")]
    InUse,
    /// Others may read or change what is in the folder, and that cannot be mended here; in words.
    #[error("the data folder is not private: {0}")]
    NotPrivate(String),
    /// The folder or a file in it cannot be made or read.
    #[error("the data folder cannot be used: {0}")]
    Io(std::io::Error),
    /// The database cannot be read.
    #[error("the database cannot be opened: {0}")]
    Database(rusqlite::Error),
    /// There is no room for what has to be written first.
    #[error("the disk is full; nothing was changed")]
    Full,
    /// What has to be written first cannot be.
    #[error(
        "the disk does not take what has to be written; is there a limit on files or room? nothing was changed"
    )]
    NotWritten,
    /// There was a database and there is none now.
    #[error("{0}; restore the missing file or a backup, or use another data folder")]
    Lost(&'static str),
    /// What is to be copied is not whole.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The folder to copy to has something in it.
    #[error("the target folder is not empty; name a new one")]
    NotEmpty,
    /// A copy was written and does not read as what was copied.
    #[error("the copy of the database does not read back as it was written; nothing was changed")]
    BadCopy,
    /// The database was written by a later version.
    #[error("the database was written by a later version of Redraft")]
    TooNew,
    /// The database was written before the first release, in rows that are read no more.
    #[error(
        "the database was written by a development version before this one; move it away, or name another data folder"
    )]
    TooOld,
}

impl From<std::io::Error> for OpenError {
    fn from(failed: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let full = matches!(failed.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        if full { Self::Full } else { Self::Io(failed) }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(failed: rusqlite::Error) -> Self {
        match failed.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_FULL) => Self::Full,
            Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_TRUNCATE) => {
                Self::NotWritten
            }
            _ => Self::Database(failed),
        }
    }
}

impl SqliteStore {
    /// Opens a folder and makes it if it is not there. A database of an earlier schema is migrated, and the old one kept
    /// beside it ([`migrate`]).
    ///
    /// # Errors
    /// When another process owns it, or it cannot be read.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        let folder = folder::own(folder)?;
        let path = folder.path.join(FILE_NAME);
        let wal = Arc::new(engine::Wal::default());
        let engine = engine::SqliteEngine::open(
            path.clone(),
            options.vfs.clone(),
            Arc::clone(&wal),
            options.assemble,
            options.sabotage,
        )?;
        folder::close_files(&folder.path)?;
        let file = engine.file();
        let published = Arc::new(Published::new(engine.directories()?, Arc::clone(&options.clock)));
        let health = Arc::new(Health::new());
        let (queue, thread) = match options.sabotage {
            None => committer::start(engine, Arc::clone(&published), options.clock, Arc::clone(&health))?,
            Some(sabotage) => {
                let engine = engine.sabotaged(sabotage)?;
                committer::start(engine, Arc::clone(&published), options.clock, Arc::clone(&health))?
            }
        };
        let checkpointer = start_checkpointer(path.clone(), options.vfs.clone(), &wal)?;
        let wal = Arc::downgrade(&wal);
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            published,
            health,
            readers: Arc::new(Readers::new(path, options.vfs)),
            assemble: options.assemble,
            threads: Mutex::new(vec![thread, checkpointer]),
            wal,
            scrubbing: Mutex::default(),
            _file: file,
            _folder: folder,
        })
    }

    /// Does with the queue what takes a moment.
    fn with_queue<T>(&self, act: impl FnOnce(&Queue) -> T) -> Result<T, StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map(act).ok_or(StoreError::Stopping)
    }

    fn ask<T: Send + 'static>(&self, job: impl FnOnce(Waiter<T>) -> Job) -> Later<'_, Result<T, StoreError>> {
        let (sender, answer) = oneshot::channel();
        let queued = self.with_queue(|queue| queue.put(job(Waiter::new(sender)))).flatten();
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or(Err(StoreError::Unknown))
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<'_, Result<T, StoreError>> {
        let readers = Arc::clone(&self.readers);
        Box::pin(async move { readers.read(None, read).await })
    }

    /// The same for what may take long.
    fn read_page<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Later<'_, Result<T, StoreError>> {
        let readers = Arc::clone(&self.readers);
        Box::pin(async move {
            let page = Arc::clone(&readers.page_permits).acquire_owned().await;
            readers.read(Some(page.map_err(|_| StoreError::Stopping)?), read).await
        })
    }
}

impl Drop for SqliteStore {
    /// Answers what is queued, then closes the file.
    fn drop(&mut self) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // The last connection to close finishes the log, and one for reading cannot.
        self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                error!("a thread of the store panicked");
            }
        }
    }
}

impl Store for SqliteStore {
    fn submit(&self, command: Command) -> Later<'_, Result<Answer, StoreError>> {
        self.ask(|answer| Job::Command(Box::new(command), answer))
    }

    fn published(&self) -> &Published {
        &self.published
    }

    fn waiting(&self) -> usize {
        self.with_queue(Queue::waiting).unwrap_or(0)
    }

    fn message(&self, key: MessageKey) -> Later<'_, Result<Option<Stored>, StoreError>> {
        let assemble = self.assemble;
        self.read(move |db| {
            let found = rows::stored(db, key)?;
            found.map(|stored| rows::assembled(db, assemble, stored)).transpose()
        })
    }

    fn channel_line(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        let assemble = self.assemble;
        self.read_page(move |db| rows::channel_line(db, assemble, workspace, conversation, window, limit))
    }

    fn thread_line(
        &self,
        root: MessageKey,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        let assemble = self.assemble;
        self.read_page(move |db| rows::thread_line(db, assemble, root, window, limit))
    }

    fn revisions(
        &self,
        key: MessageKey,
        below: u32,
        limit: usize,
    ) -> Later<'_, Result<Page<Revised>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        self.read_page(move |db| rows::revisions(db, key, below, limit))
    }

    fn gone(&self, key: MessageKey) -> Later<'_, Result<Option<Gone>, StoreError>> {
        self.read(move |db| rows::gone(db, key))
    }

    fn events(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: usize,
    ) -> Later<'_, Result<Vec<Event>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        self.read_page(move |db| rows::events(db, workspace, after, limit))
    }

    fn content(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> Later<'_, Result<Option<Arc<Content>>, StoreError>> {
        self.read(move |db| rows::content(db, workspace, position))
    }

    fn reactions(&self, key: MessageKey) -> Later<'_, Result<Vec<Reaction>, StoreError>> {
        self.read(move |db| rows::reactions(db, key))
    }

    fn reacted(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        before: Ts,
        limit: usize,
    ) -> Later<'_, Result<Vec<(MessageKey, Reaction)>, StoreError>> {
        self.read_page(move |db| rows::reacted(db, workspace, user, before, limit.min(READ_ROWS_MAX)))
    }

    fn view(&self, key: MessageKey, user: UserId) -> Later<'_, Result<Option<Viewed>, StoreError>> {
        self.read(move |db| rows::view(db, key, user))
    }

    fn targeted(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        reader: UserId,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        let assemble = self.assemble;
        self.read_page(move |db| rows::targeted(db, assemble, workspace, conversation, reader, limit))
    }

    fn settle(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        settlement: Settlement,
    ) -> Later<'_, Result<(), StoreError>> {
        self.ask(|answer| Job::Note(Box::new(Note::Settle(workspace, app, settlement)), answer))
    }

    fn settle_idle(
        &self,
        workspace: WorkspaceId,
        apps: Vec<AppId>,
        delivered_up_to: u64,
    ) -> Later<'_, Result<(), StoreError>> {
        self.ask(|answer| Job::Note(Box::new(Note::SettleIdle(workspace, apps, delivered_up_to)), answer))
    }

    fn delivered_up_to(&self, workspace: WorkspaceId, app: AppId) -> Later<'_, Result<u64, StoreError>> {
        self.read(move |db| rows::delivered_up_to(db, workspace, app))
    }

    fn deliveries(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        after: Part,
        limit: usize,
    ) -> Later<'_, Result<Vec<Delivery>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        self.read_page(move |db| rows::deliveries(db, workspace, app, after, limit))
    }

    fn item(&self, workspace: WorkspaceId, key: ItemKey) -> Later<'_, Result<Option<Item>, StoreError>> {
        self.read(move |db| rows::item(db, workspace, &key))
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: ItemKey,
        to: ItemKey,
        limit: usize,
    ) -> Later<'_, Result<Vec<(ItemKey, Item)>, StoreError>> {
        let limit = limit.min(READ_ROWS_MAX);
        self.read_page(move |db| rows::items(db, workspace, &from, &to, limit))
    }

    fn due(&self) -> Later<'_, Result<Vec<(WorkspaceId, ItemKey)>, StoreError>> {
        self.read(rows::due)
    }

    fn blob(&self, workspace: WorkspaceId, key: BlobKey) -> Later<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.read_page(move |db| rows::blob(db, workspace, &key))
    }

    fn keep(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<Vec<u8>, StoreError>> {
        self.ask(|answer| Job::Keep(name, value, answer))
    }

    fn replace(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<(), StoreError>> {
        self.ask(|answer| Job::Note(Box::new(Note::Value(name, value)), answer))
    }

    fn kept(&self, name: &'static str) -> Later<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.read(move |db| rows::kept(db, name))
    }

    fn writable(&self) -> Later<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut noted = self.health.noted();
            loop {
                match self.health.ask() {
                    Known::Lately(true) => return Ok(()),
                    Known::Lately(false) => return Err(StoreError::Failed),
                    Known::Soon => {}
                    // Whoever asked may go away meanwhile; the write is made and noted all the same.
                    Known::Probe => {
                        if let Err(refused) = self.with_queue(|queue| queue.put(probe())).flatten() {
                            self.health.wrote(false);
                            return Err(refused);
                        }
                    }
                }
                noted.changed().await.map_err(|_| StoreError::Stopping)?;
            }
        })
    }

    fn usage(&self, workspace: WorkspaceId) -> Later<'_, Result<Usage, StoreError>> {
        self.read(move |db| rows::usage(db, workspace))
    }

    fn sweep(&self, sweep: Sweep) -> Later<'_, Result<Swept, StoreError>> {
        self.ask(|answer| Job::Sweep(sweep, answer))
    }

    fn empty_log(&self) -> Later<'_, Result<bool, StoreError>> {
        let count = || self.wal.upgrade().map(|wal| wal.emptied.load(Ordering::Relaxed));
        let before = count();
        Box::pin(async move {
            for _ in 0..EMPTYING_ATTEMPTS {
                if let Some(wal) = self.wal.upgrade() {
                    wal.at_once.store(true, Ordering::Relaxed);
                }
                // The writer rests behind a job, and this one hears of it with the next.
                for _ in 0..2 {
                    self.sweep(Sweep::Routine).await?;
                }
                if before < count() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn scrub(&self) -> Later<'_, Result<bool, StoreError>> {
        let emptied = self.wal.upgrade().map(|wal| wal.emptied.load(Ordering::Relaxed));
        let scrubbing = || self.scrubbing.lock().unwrap_or_else(PoisonError::into_inner);
        let from = {
            let mut scrubbing = scrubbing();
            // Nothing was written since the last time.
            if scrubbing.next.is_none() && scrubbing.emptied == emptied {
                return Box::pin(std::future::ready(Ok(false)));
            }
            scrubbing.emptied = emptied;
            scrubbing.next.unwrap_or(1)
        };
        Box::pin(async move {
            let (left, next) = self.read(move |db| scrub::look(db, from)).await?;
            if !left.is_empty() {
                self.ask(|answer| Job::Note(Box::new(Note::Scrub(left)), answer)).await?;
            }
            scrubbing().next = next;
            Ok(next.is_some())
        })
    }

    fn awaited(&self) -> Later<'_, Result<Vec<Awaited>, StoreError>> {
        self.read(erase::awaited)
    }

    fn is_erased(&self, workspace: WorkspaceId, position: u64) -> Later<'_, Result<bool, StoreError>> {
        self.read(move |db| erase::is_erased(db, workspace, position))
    }
}

/// A write that is there to be written.
fn probe() -> Job {
    let (nobody, _) = oneshot::channel();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let value = now.as_nanos().to_le_bytes().to_vec();
    Job::Note(Box::new(Note::Value("probe", value)), Waiter::new(nobody))
}

const FILE_NAME: &str = "redraft.db";

fn connection(path: &Path, vfs: Option<&str>, reader: bool) -> rusqlite::Result<Connection> {
    let db = plain_connection(path, vfs, reader)?;
    if !reader {
        db.pragma_update(None, "journal_mode", "WAL")?;
    }
    Ok(db)
}

fn plain_connection(path: &Path, vfs: Option<&str>, reader: bool) -> rusqlite::Result<Connection> {
    let mode = if reader {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    db.busy_timeout(BUSY_WAIT)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // Zeros are written over what is deleted, and over pages that become free.
    db.pragma_update(None, "secure_delete", "ON")?;
    Ok(db)
}

/// Refuses a database that no migration starts from. A new file has version 0.
fn check_version(db: &Connection) -> Result<(), OpenError> {
    match rows::version(db)? {
        0 | migrate::FIRST_VERSION..=rows::SCHEMA_VERSION => Ok(()),
        version if version < rows::SCHEMA_VERSION => Err(OpenError::TooOld),
        _ => Err(OpenError::TooNew),
    }
}

/// Connections for reading, made when first needed. Each read is one snapshot.
struct Readers {
    path: PathBuf,
    vfs: Option<String>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    page_permits: Arc<Semaphore>,
}

impl Readers {
    fn new(path: PathBuf, vfs: Option<String>) -> Self {
        Self {
            path,
            vfs,
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
            page_permits: Arc::new(Semaphore::new(PAGE_READERS_MAX)),
        }
    }

    async fn read<T: Send + 'static>(
        self: Arc<Self>,
        page_permit: Option<OwnedSemaphorePermit>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The permit goes with the read: whoever asked may be gone long before the read has ended.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Stopping)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permits = (permit, page_permit);
            self.read_now(read)
        });
        done.await.map_err(|_| StoreError::Failed)?.map_err(|failed| {
            error!(error = %failed, "the database could not be read");
            if rows::is_damage(&failed) { StoreError::Damaged } else { StoreError::Failed }
        })
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let db = match idle {
            Some(db) => db,
            None => self.connect()?,
        };
        let snapshot = db.unchecked_transaction()?;
        let answer = read(&db)?;
        drop(snapshot);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        Ok(answer)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let db = connection(&self.path, self.vfs.as_deref(), true)?;
        db.pragma_update(None, "cache_size", -2 * 1024)?;
        Ok(db)
    }
}

/// Brings what was committed from the log to the database file, beside the writer and in small steps. A passive
/// checkpoint holds up neither the writer nor readers. It ends with the writer.
fn start_checkpointer(
    path: PathBuf,
    vfs: Option<String>,
    wal: &Arc<engine::Wal>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let wal = Arc::downgrade(wal);
    std::thread::Builder::new().name("checkpointer".into()).spawn(move || {
        while let Err(failed) = run_checkpointer(&path, vfs.as_deref(), &wal) {
            error!(error = %failed, "the checkpointer stopped and will be started again");
            if wal.strong_count() == 0 {
                return;
            }
            std::thread::sleep(CHECKPOINT_PAUSE);
        }
    })
}

fn run_checkpointer(path: &Path, vfs: Option<&str>, wal: &Weak<engine::Wal>) -> rusqlite::Result<()> {
    let Some(in_doubt) = wal.upgrade().map(|wal| Arc::clone(&wal.in_doubt)) else { return Ok(()) };
    let db = connection(path, vfs, false)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "cache_size", -256)?;
    while let Some(wal) = wal.upgrade() {
        let (frames, done) = (wal.frames.load(Ordering::Relaxed), wal.done.load(Ordering::Relaxed));
        // Fewer frames than are done means that the log has begun anew.
        let waiting = if frames < done { frames } else { frames - done };
        let ends = engine::WAL_FRAMES_MAX <= frames || wal.empties.load(Ordering::Relaxed);
        let step = if ends { LAST_FRAMES / 2 } else { CHECKPOINT_FRAMES };
        if step <= waiting {
            let alone = wal.checkpointing.lock().unwrap_or_else(PoisonError::into_inner);
            if !in_doubt.load(Ordering::Relaxed) {
                match checkpoint(&db) {
                    Ok(Some(Checkpointed { done, .. })) => wal.done.store(done, Ordering::Relaxed),
                    Ok(None) => {}
                    Err(failed) => {
                        error!(error = %failed, "a checkpoint failed");
                        in_doubt.store(true, Ordering::Relaxed);
                    }
                }
            }
            drop(alone);
        }
        drop(wal);
        std::thread::sleep(CHECKPOINT_PAUSE);
    }
    if in_doubt.load(Ordering::Relaxed) {
        keep_log_on_close(&db);
    }
    Ok(())
}

/// What a checkpoint has found and done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Checkpointed {
    /// Frames in the log.
    frames: u64,
    /// How many of them are in the database file now.
    done: u64,
}

/// One passive checkpoint; `None` if somebody else is at it.
fn checkpoint(db: &Connection) -> rusqlite::Result<Option<Checkpointed>> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let number = |column| row.get(column).map(|number: i64| u64::try_from(number).ok());
        let (frames, done) = (number(1)?, number(2)?);
        Ok(frames.zip(done).map(|(frames, done)| Checkpointed { frames, done }))
    })
}

/// Makes a connection leave the log as it is when it closes, should it be the last.
fn keep_log_on_close(db: &Connection) {
    if let Err(failed) = db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        error!(error = %failed, "a connection cannot be told to keep the log");
    }
}

/// Checkpoints the whole log and cuts its file off; false if somebody reads it for longer than this.
fn empty(db: &Connection, wait: Duration) -> rusqlite::Result<bool> {
    db.busy_timeout(wait)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    db.busy_timeout(BUSY_WAIT)?;
    Ok(busy? == 0)
}

/// What a tombstone, or an erased revision, says.
fn nothing() -> Arc<Content> {
    Arc::new(Content::text(Dialect::Slack, ""))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Reads that nobody waits for any more still take their places, and pages leave one to what takes a moment.
    #[tokio::test]
    async fn a_place_goes_with_the_read() {
        let folder = std::env::temp_dir().join(format!("redraft-readers-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = SqliteStore::open(&folder, Options::default()).expect("opened");
        let (started, starting) = mpsc::channel();
        let mut ends = Vec::new();
        for _ in 0..=PAGE_READERS_MAX {
            let (end, ended) = mpsc::channel::<()>();
            let started = started.clone();
            let page = store.read_page(move |_| {
                let _ = started.send(());
                let _ = ended.recv();
                Ok(())
            });
            // Begins, and is given up at once.
            let _ = tokio::time::timeout(Duration::ZERO, page).await;
            ends.push(end);
        }
        for _ in 0..PAGE_READERS_MAX {
            starting.recv_timeout(Duration::from_secs(60)).expect("a page is read");
        }
        assert!(starting.try_recv().is_err(), "one more page waits, or is given up");
        assert_eq!(store.readers.page_permits.available_permits(), 0);
        assert_eq!(store.readers.permits.available_permits(), READERS_MAX - PAGE_READERS_MAX);
        store.kept("anything").await.expect("a small read is not held up");
        ends.clear();
        assert!(store.read_page(|_| Ok(())).await.is_ok(), "the places are free again");
        drop(store);
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
