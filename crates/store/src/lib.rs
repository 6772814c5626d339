//! The durable store: commands in, answers out after the disk has them, and reads on the side.
//!
//! [`SqliteStore`] commits in groups: one writer decides a batch of commands inside one transaction and answers
//! everyone once it is flushed. [`MemoryStore`] does the same one by one on maps; it is the oracle that the other is
//! tested against, and the store of throw-away servers.

// A new kind of change, event or key must not compile until somebody has decided what becomes of it.
#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redraft_model::command::Command;
use redraft_model::content::Content;
use redraft_model::decision::{Outcome, Refusal};
use redraft_model::directory::{Directories, DirectoryChange};
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Gone, Message, PersonalView, Reaction, Revision};
use redraft_model::quota::Usage;
use redraft_model::time::{Micros, Ts};
use tokio::sync::watch;

mod clock;
mod committer;
pub mod contract;
#[allow(unsafe_code, reason = "a SQLite VFS can only be written against its C interface")]
pub mod fault;
mod health;
mod memory;
mod record;
mod size;
mod sqlite;
mod tail;

pub use clock::{Clock, STEP_LASTS, STEP_MICROS_MAX, machine_clock, steady};
pub use memory::MemoryStore;
pub(crate) use size::{content_bytes, revised_bytes};
pub use sqlite::{
    Examined, Migrated, OpenError, Options, Repaired, SqliteStore, backup, examine, migrate, repair, restore,
};
pub use tail::Logged;

use tail::Tail;

/// Commands that may wait for the writer; one more is refused with [`StoreError::Busy`].
pub const QUEUE_COMMANDS_MAX: usize = 4096;

/// Commands and other writes in one transaction.
pub const BATCH_JOBS_MAX: usize = 512;

/// Bytes of files in one transaction: once there are so many, no more writes are added to it.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// After so long no more commands are decided in one transaction, so that those that were are answered. A full batch takes
/// some ten milliseconds; only commands that cost far more than others come near this.
pub const BATCH_TIME_MAX: Duration = Duration::from_millis(500);

/// Messages, revisions or events that one read returns at most.
pub const READ_ROWS_MAX: usize = 1001;

/// Bytes of content, reactions included, that one read of messages or revisions returns at most, unless its first row alone
/// has more. Twice what one message may have.
pub const READ_BYTES_MAX: usize = 2 << 20;

/// A boxed future, so that the trait can be used as an object.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer to a command: what came of it, or why it was refused.
pub type Answer = Result<Outcome, Box<Refusal>>;

/// Why the store itself failed. Says nothing of SQL, paths or hosts; the whole story is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue is full. Nothing happened; trying again later is safe.
    #[error("the server is busy")]
    Busy,
    /// The command could not be written. Nothing happened.
    #[error("the message store failed")]
    Failed,
    /// What is stored of a message that this needs is damaged. Nothing happened, and the rest can be used.
    #[error("a stored message that this request needs is damaged; `redraft doctor` names it")]
    Damaged,
    /// The flush failed. It may or may not have happened.
    #[error("the message store failed; the request may or may not have been carried out")]
    Unknown,
    /// The server is stopping. Nothing happened.
    #[error("the server is stopping")]
    Stopping,
}

/// Messages between two times, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The oldest ts that belongs to the window.
    pub from: Ts,
    /// The newest ts that belongs to the window.
    pub to: Ts,
}

impl Window {
    /// The window of everything.
    pub const ALL: Self = Self { from: Ts(0), to: Ts(i64::MAX) };
}

/// A message with its content, as readers see it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Everything but the words.
    pub message: Arc<Message>,
    /// The words; of a tombstone, none.
    pub content: Arc<Content>,
    /// In the channel line: the root of a broadcast reply.
    pub root: Option<Box<Stored>>,
    /// Its reactions, in their order.
    pub reactions: Vec<Reaction>,
}

/// What one read of messages or revisions found.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// In the read's order.
    pub rows: Vec<T>,
    /// There were more within the limit, and [`READ_BYTES_MAX`] was reached. Whoever wants them reads on after the last row.
    pub cut: bool,
    /// Messages that would be among the rows and cannot be read; `redraft doctor` says what of them is damaged.
    pub damaged: Vec<Ts>,
    bytes: usize,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), cut: false, damaged: Vec::new(), bytes: 0 }
    }
}

impl<T> std::ops::Deref for Page<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.rows
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<T> Page<T> {
    /// About how much memory its rows take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row of this size, if there is room for it. The first one always fits. Nothing is taken after one that did not.
    pub(crate) fn take(&mut self, row: T, bytes: usize) -> bool {
        self.cut |= !self.rows.is_empty() && READ_BYTES_MAX < self.bytes + bytes;
        if !self.cut {
            self.bytes += bytes;
            self.rows.push(row);
        }
        !self.cut
    }
}

/// Bytes that are assumed for a reaction.
const REACTION_BYTES: usize = 64;

impl Stored {
    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let root = self.root.as_ref().map_or(0, |root| root.bytes());
        content_bytes(&self.content) + self.reactions.len() * REACTION_BYTES + root
    }
}

impl AsRef<Message> for Stored {
    fn as_ref(&self) -> &Message {
        &self.message
    }
}

/// One revision of a message, with what it says; `None` if that was erased.
pub type Revised = (Revision, Option<Arc<Content>>);

/// What clearing away is to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sweep {
    /// What is past its time.
    Routine,
    /// That, and content of what was deleted however long the workspace would keep it.
    Purge,
}

/// Content of one workspace that is erased as soon as no delivery needs it any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Awaited {
    /// The workspace whose content is retained.
    pub workspace: WorkspaceId,
    /// Deletions and updates that ended it.
    pub endings: u64,
    /// The log position of the last of them.
    pub last: u64,
}

/// What one step of clearing away has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// There may be more to clear away now.
    pub more: bool,
    /// Revisions and blobs that were erased.
    pub erased: usize,
}

/// One person's own view of a card, with what it shows.
pub type Viewed = (PersonalView, Arc<Content>);

/// Which part of which event: its log position, and a number that the app's dialect gives what it makes of the event.
pub type Part = (u64, u8);

/// Something of an event whose first attempt at reaching an app failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The event's log position.
    pub position: u64,
    /// Which of the things that the event is to the app; 0 where it is one only.
    pub part: u8,
    /// The conversation that it happened in.
    pub conversation: Option<ConversationId>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it is tried again, by the workspace's clock; `None` was given up: a dead letter.
    pub due_at: Option<Micros>,
    /// What the last attempt met; `None` if there was none.
    pub cause: Option<Cause>,
    /// The same in words.
    pub reason: String,
}

impl Delivery {
    /// Its key among the deliveries of its app.
    #[must_use]
    pub fn key(&self) -> Part {
        (self.position, self.part)
    }
}

/// What kept an attempt from succeeding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// No answer in time.
    TimedOut,
    /// An answer that is none of success.
    Status,
    /// No connection, or one that broke.
    Connection,
    /// No connection that both sides trust.
    Tls,
    /// Sent on too often.
    Redirects,
    /// Any other cause; `reason` says it in words.
    Other,
}

/// How far the events of a workspace are delivered to an app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settlement {
    /// Every event up to this log position has arrived, needed no delivery or is listed as a [`Delivery`].
    pub delivered_up_to: u64,
    /// Deliveries that are new or changed.
    pub put: Vec<Delivery>,
    /// Deliveries that are over.
    pub removed: Vec<Part>,
}

/// A durable store of workspaces. Object-safe; the same rules and the same events behind every implementation.
pub trait Store: Send + Sync {
    /// Loads, decides and writes in one transaction, and returns once it is on disk. A refusal changes nothing and
    /// uses up no number.
    fn submit(&self, command: Command) -> Later<'_, Result<Answer, StoreError>>;

    /// What readers share: directories and bells.
    fn published(&self) -> &Published;

    /// How many commands wait for the writer, of [`QUEUE_COMMANDS_MAX`].
    fn waiting(&self) -> usize {
        0
    }

    /// One message, whatever its audience; `None` if there is none or it was deleted.
    fn message(&self, key: MessageKey) -> Later<'_, Result<Option<Stored>, StoreError>>;

    /// A conversation's channel line: roots, messages without a thread, broadcast replies and tombstones, newest
    /// first, at most `limit` and never more than [`READ_ROWS_MAX`] or [`READ_BYTES_MAX`].
    fn channel_line(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>>;

    /// A thread's replies without its root, oldest first, at most `limit` and never more than [`READ_ROWS_MAX`] or
    /// [`READ_BYTES_MAX`].
    fn thread_line(
        &self,
        root: MessageKey,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>>;

    /// A message's revisions numbered below `below`, newest first, also of a deleted message; at most `limit`
    /// and never more than [`READ_BYTES_MAX`].
    fn revisions(
        &self,
        key: MessageKey,
        below: u32,
        limit: usize,
    ) -> Later<'_, Result<Page<Revised>, StoreError>>;

    /// The record of a deleted message.
    fn gone(&self, key: MessageKey) -> Later<'_, Result<Option<Gone>, StoreError>>;

    /// A workspace's log above position `after`, oldest first, without gaps; at most `limit`.
    fn events(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: usize,
    ) -> Later<'_, Result<Vec<Event>, StoreError>>;

    /// The content that the event at this position wrote; `None` if it wrote none or it was erased.
    fn content(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> Later<'_, Result<Option<Arc<Content>>, StoreError>>;

    /// A message's reactions, in their order.
    fn reactions(&self, key: MessageKey) -> Later<'_, Result<Vec<Reaction>, StoreError>>;

    /// A user's reactions before a time, newest first, each with its message; at most `limit` and never more than
    /// [`READ_ROWS_MAX`].
    fn reacted(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        before: Ts,
        limit: usize,
    ) -> Later<'_, Result<Vec<(MessageKey, Reaction)>, StoreError>>;

    /// One person's own view of a message's card, with its content.
    fn view(&self, key: MessageKey, user: UserId) -> Later<'_, Result<Option<Viewed>, StoreError>>;

    /// The messages of a conversation that only this user sees, also those whose time is over until they are swept,
    /// oldest first; the newest `limit` of them, and of those no more than [`READ_BYTES_MAX`].
    fn targeted(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        reader: UserId,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>>;

    /// Writes down how far events are delivered to an app. Returns once that is on disk. Of a workspace that was dropped, nothing is
    /// written.
    fn settle(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        settlement: Settlement,
    ) -> Later<'_, Result<(), StoreError>>;

    /// Writes down for several apps, of which none has anything outstanding, that every event up to this log position has
    /// arrived or needed no delivery. An app that is further by now stays there. Returns once it is on disk.
    fn settle_idle(
        &self,
        workspace: WorkspaceId,
        apps: Vec<AppId>,
        delivered_up_to: u64,
    ) -> Later<'_, Result<(), StoreError>>;

    /// [`Settlement::delivered_up_to`] as it was last written; 0 if never.
    fn delivered_up_to(&self, workspace: WorkspaceId, app: AppId) -> Later<'_, Result<u64, StoreError>>;

    /// Deliveries of an app behind this one, in the log's order; at most `limit` and never more than [`READ_ROWS_MAX`].
    fn deliveries(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        after: Part,
        limit: usize,
    ) -> Later<'_, Result<Vec<Delivery>, StoreError>>;

    /// The item under a key.
    fn item(&self, workspace: WorkspaceId, key: ItemKey) -> Later<'_, Result<Option<Item>, StoreError>>;

    /// Items from one key to another, both included, in the order of their keys; at most `limit` and never more than
    /// [`READ_ROWS_MAX`].
    fn items(
        &self,
        workspace: WorkspaceId,
        from: ItemKey,
        to: ItemKey,
        limit: usize,
    ) -> Later<'_, Result<Vec<(ItemKey, Item)>, StoreError>>;

    /// Of each workspace, the message that waits for its time whose turn is first.
    fn due(&self) -> Later<'_, Result<Vec<(WorkspaceId, ItemKey)>, StoreError>>;

    /// The bytes that an item owns, by the key that the item names.
    fn blob(&self, workspace: WorkspaceId, key: BlobKey) -> Later<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// A value kept beside the workspaces under a fixed name; `value` is stored if there is none yet.
    fn keep(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<Vec<u8>, StoreError>>;

    /// Puts a value under a fixed name, in place of one that is there. It is on disk when this returns.
    fn replace(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<(), StoreError>>;

    /// A value that [`Store::keep`] or [`Store::replace`] stored.
    fn kept(&self, name: &'static str) -> Later<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// Whether what is asked for now would be written: the last write succeeded, or, if there was none lately, a small one
    /// that is made to find out. At most one is made at a time, whoever asks. Waits for as long as the disk does.
    fn writable(&self) -> Later<'_, Result<(), StoreError>>;

    /// How much a workspace holds, as of the last commit.
    fn usage(&self, workspace: WorkspaceId) -> Later<'_, Result<Usage, StoreError>>;

    /// Takes one small step of removing what is over: idempotency keys, ephemeral messages, dropped workspaces, content of
    /// what was deleted. Content that a delivery still needs is left, until it has waited too long.
    fn sweep(&self, sweep: Sweep) -> Later<'_, Result<Swept, StoreError>>;

    /// Empties the write-ahead log, so that what was erased is not found there either; false if readers are in the way.
    fn empty_log(&self) -> Later<'_, Result<bool, StoreError>>;

    /// Takes one step of looking through the file for what deleted rows have left within pages, and erases that. Returns
    /// whether there is more of it. Once through, it has nothing to do until more was written.
    fn scrub(&self) -> Later<'_, Result<bool, StoreError>>;

    /// Of each workspace that has some, the content that is not erased yet although its retention is over.
    fn awaited(&self) -> Later<'_, Result<Vec<Awaited>, StoreError>>;

    /// Whether content that the event at this position wrote, or replaced, was erased.
    fn is_erased(&self, workspace: WorkspaceId, position: u64) -> Later<'_, Result<bool, StoreError>>;
}

/// What a store shares with its readers after each commit: the directories, where logs end, and bells.
///
/// A bell is somebody's who waits for one thing. It says nothing but that there is something to look at, and it rings for
/// that thing only: what happens in one workspace wakes nobody who waits for another.
pub struct Published {
    directories: RwLock<Directories>,
    bells: Mutex<HashMap<WorkspaceId, Bells>>,
    commits: AtomicU64,
    apps: watch::Sender<()>,
    workspaces: watch::Sender<()>,
    clock: Clock,
}

/// What can be waited for in one workspace.
#[derive(Default)]
struct Bells {
    /// The last position of its log, if something was committed to it since the start.
    log_end: Option<u64>,
    log: watch::Sender<()>,
    apps: HashMap<AppId, watch::Sender<()>>,
    /// The newest events, while somebody follows the log.
    tail: Option<Tail>,
}

/// What a change of a directory is about, for those who wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Concern {
    /// A workspace as a whole.
    Workspace(WorkspaceId),
    /// What an app is, or what it subscribes to.
    App(WorkspaceId, AppId),
    /// What an app may do, but not the app itself.
    Token(WorkspaceId, AppId),
    /// Nothing that is waited for by itself.
    Other,
}

impl Concern {
    pub fn of(change: &DirectoryChange) -> Self {
        match change {
            DirectoryChange::Create(directory) => Self::Workspace(directory.workspace.id),
            DirectoryChange::Drop(id) => Self::Workspace(*id),
            DirectoryChange::Workspace(workspace) => Self::Workspace(workspace.id),
            DirectoryChange::App(id, app) => Self::App(*id, app.id),
            DirectoryChange::Token(id, token) => Self::Token(*id, token.app),
            DirectoryChange::User(..)
            | DirectoryChange::Quotas(..)
            | DirectoryChange::NewConversation(..)
            | DirectoryChange::Conversation(..)
            | DirectoryChange::Member(..)
            | DirectoryChange::RemoveToken(..)
            | DirectoryChange::UserGroup(..) => Self::Other,
        }
    }
}

impl Published {
    pub(crate) fn new(directories: Directories, clock: Clock) -> Self {
        Self {
            directories: RwLock::new(directories),
            bells: Mutex::default(),
            commits: AtomicU64::new(0),
            apps: watch::Sender::default(),
            workspaces: watch::Sender::default(),
            clock,
        }
    }

    /// All workspaces as of the last commit. Hold it briefly and not across an await.
    pub fn directories(&self) -> RwLockReadGuard<'_, Directories> {
        self.directories.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings after every commit to this workspace, also of what is in no log (an item).
    #[must_use]
    pub fn log_bell(&self, workspace: WorkspaceId) -> watch::Receiver<()> {
        self.bells().entry(workspace).or_default().log.subscribe()
    }

    /// Rings when this app, one of its tokens or its workspace changes.
    #[must_use]
    pub fn app_bell(&self, workspace: WorkspaceId, app: AppId) -> watch::Receiver<()> {
        self.bells().entry(workspace).or_default().apps.entry(app).or_default().subscribe()
    }

    /// Rings when any app or workspace changes.
    #[must_use]
    pub fn apps_bell(&self) -> watch::Receiver<()> {
        self.apps.subscribe()
    }

    /// Rings when any workspace itself changes: its settings, its clock, whether it is there.
    #[must_use]
    pub fn workspaces_bell(&self) -> watch::Receiver<()> {
        self.workspaces.subscribe()
    }

    /// From now on the events of this workspace are kept for [`Published::take_tail`], as many as there is room for.
    pub fn follow(&self, workspace: WorkspaceId) {
        self.bells().entry(workspace).or_default().tail.get_or_insert_default();
    }

    /// Nobody follows this workspace's log any more.
    pub fn unfollow(&self, workspace: WorkspaceId) {
        if let Some(of) = self.bells().get_mut(&workspace) {
            of.tail = None;
        }
    }

    /// The events that were committed to a followed workspace since this was last called, oldest first. The one who follows
    /// it need not read them from the store. Some may be missing, and are in the log: there were too many, or the database
    /// was opened again.
    #[must_use]
    pub fn take_tail(&self, workspace: WorkspaceId) -> Vec<Logged> {
        let mut bells = self.bells();
        let tail = bells.get_mut(&workspace).and_then(|of| of.tail.as_mut());
        tail.map(Tail::take).unwrap_or_default()
    }

    /// How many commits there were since the start.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// The last position in a workspace's log; `None` if nothing was committed there since the start.
    #[must_use]
    pub fn log_end(&self, workspace: WorkspaceId) -> Option<u64> {
        self.bells().get(&workspace)?.log_end
    }

    /// The machine's clock, which the server itself goes by.
    #[must_use]
    pub fn machine_now(&self) -> Micros {
        (self.clock)()
    }

    /// A workspace's clock.
    #[must_use]
    pub fn now(&self, workspace: WorkspaceId) -> Micros {
        let offset = self.directories().get(workspace).map_or(0, |found| found.workspace.clock_offset_micros);
        (self.clock)().plus(offset)
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Bells>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, directories: Directories) {
        let mut shown = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *shown, directories);
        drop(shown);
        // The last of an old state may be a lot to free: nobody waits for that.
        drop(before);
    }

    /// After the database was opened again: anything may have changed.
    pub(crate) fn replace(&self, directories: Directories) {
        self.show(directories);
        self.bells().values().for_each(Bells::ring_all);
        self.apps.send_replace(());
        self.workspaces.send_replace(());
    }

    /// What one commit did: the directories if they changed and whom that concerns, the ends of logs, and what was logged.
    pub(crate) fn publish(
        &self,
        directories: &Directories,
        concerns: &[Concern],
        ends: &[(WorkspaceId, u64)],
        events: impl IntoIterator<Item = (WorkspaceId, Logged)>,
    ) {
        if !concerns.is_empty() {
            self.show(directories.clone());
        }
        if ends.is_empty() {
            return;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        let mut bells = self.bells();
        for (workspace, logged) in events {
            if let Some(tail) = bells.get_mut(&workspace).and_then(|of| of.tail.as_mut()) {
                let bytes = logged.content.as_deref().map_or(0, content_bytes);
                tail.push(logged, bytes);
            }
        }
        for (workspace, end) in ends {
            let of = bells.entry(*workspace).or_default();
            of.log_end = Some(*end);
            of.log.send_replace(());
        }
        for concern in concerns {
            self.ring(*concern, &mut bells);
        }
    }

    fn ring(&self, concern: Concern, bells: &mut HashMap<WorkspaceId, Bells>) {
        match concern {
            Concern::Workspace(id) => {
                bells.get(&id).into_iter().for_each(Bells::ring_all);
                self.apps.send_replace(());
                self.workspaces.send_replace(());
                // Those who waited for a workspace that was dropped leave by and by.
                let shown = self.directories();
                bells.retain(|id, of| shown.get(*id).is_some() || of.is_heard());
            }
            Concern::App(workspace, app) | Concern::Token(workspace, app) => {
                let of = bells.get(&workspace).and_then(|of| of.apps.get(&app));
                of.into_iter().for_each(|bell| bell.send_replace(()));
                if concern == Concern::App(workspace, app) {
                    self.apps.send_replace(());
                }
            }
            Concern::Other => {}
        }
    }
}

impl Bells {
    fn ring_all(&self) {
        self.log.send_replace(());
        self.apps.values().for_each(|bell| bell.send_replace(()));
    }

    fn is_heard(&self) -> bool {
        self.apps.values().chain([&self.log]).any(|bell| 0 < bell.receiver_count())
    }
}
