//! Group commit: one thread takes what waits, decides it in one transaction, flushes once, and then answers everyone.
//!
//! The thread lives as long as the store and is the only writer. It must answer nobody before the flush, and everybody after it:
//! a waiter that is dropped gets [`StoreError::Unknown`].

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use redraft_model::command::{Command, Verb};
use redraft_model::control::numbered_in;
use redraft_model::decide;
use redraft_model::decision::{Change, Decision, Halt, Moment};
use redraft_model::directory::Directories;
use redraft_model::files::FileCommand;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::time::{Micros, Ts};
use redraft_model::view::View;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use crate::health::Health;

use crate::{
    Answer, BATCH_BYTES_MAX, BATCH_JOBS_MAX, BATCH_TIME_MAX, Clock, Concern, Logged, Published,
    QUEUE_COMMANDS_MAX, Settlement, StoreError, Sweep, Swept,
};

/// What a database has to do for the committer. Between `begin` and `commit` it answers as a [`View`] that sees what
/// was applied before.
pub(crate) trait Engine: Send + 'static {
    /// The view of the open transaction over these directories.
    fn view<'a>(&'a self, directories: &'a Directories) -> Box<dyn View + 'a>;
    /// Opens the transaction of a batch. Nothing is visible to readers before [`Engine::commit`].
    fn begin(&mut self) -> Result<(), Broken>;
    /// Writes one decision into it.
    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) -> Result<(), Broken>;
    /// The last time and log position used in a workspace.
    fn head(&mut self, workspace: WorkspaceId) -> Result<Head, Broken>;
    /// Writes that down of the workspaces in which something happened, and with it whatever the open transaction has counted.
    /// Called last before `commit`.
    fn put_heads(&mut self, heads: &[(WorkspaceId, Head)]) -> Result<(), Broken>;
    /// Flushes. After this returned `Ok`, a power cut loses nothing of it.
    fn commit(&mut self) -> Result<Committed, NotCommitted>;
    /// Forgets the open transaction and everything remembered in memory.
    fn rollback(&mut self);
    /// Opens the database again after a failed flush, and reads what it really holds.
    fn reopen(&mut self) -> Result<Directories, Broken>;
    /// Keeps a value if there is none of that name; returns what is kept.
    fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, Broken>;
    /// Writes down what is no command.
    fn note(&mut self, note: &Note) -> Result<(), Broken>;
    /// One step of clearing away, within the open transaction.
    fn sweep(&mut self, sweep: Sweep, now: Micros, directories: &Directories) -> Result<Swept, Broken>;
    /// Whatever is due between two batches.
    fn rest(&mut self);
    /// Whether a decision has asked for a row that is damaged since this was last asked.
    fn met_damage(&self) -> bool;
    /// Whether something failed outside the transactions, so that the database has to be opened again.
    fn is_in_doubt(&self) -> bool;
}

/// The database failed; it has said so in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

/// What a commit has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Committed {
    /// Something was written and flushed.
    Written,
    /// There was nothing to write.
    Nothing,
}

/// A transaction was not committed; the database has said so in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotCommitted {
    /// There was no room to write it. It did not happen, and everything is as before.
    Full,
    /// It may be on the disk or not.
    Unknown,
}

/// The numbers that a workspace has used.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Head {
    pub ts: Ts,
    pub position: u64,
}

/// Something for the committer to do, and who waits for it.
pub(crate) enum Job {
    Command(Box<Command>, Waiter<Answer>),
    Keep(&'static str, Vec<u8>, Waiter<Vec<u8>>),
    Sweep(Sweep, Waiter<Swept>),
    Note(Box<Note>, Waiter<()>),
}

/// Something to write down that no rule has to decide.
pub(crate) enum Note {
    Settle(WorkspaceId, AppId, Settlement),
    /// Apps that have nothing outstanding, and how far the log was read for them.
    SettleIdle(WorkspaceId, Vec<AppId>, u64),
    /// A kept value, in place of the one of that name.
    Value(&'static str, Vec<u8>),
    /// Nothing is to be left of deleted rows in these pages.
    Scrub(Vec<u32>),
}

/// Somebody who waits for the answer to a job. They hear it when this is dropped, wherever that is, so nobody can be
/// forgotten: who was not answered gets [`StoreError::Unknown`], and nobody is answered before the flush.
pub(crate) struct Waiter<T> {
    to: Option<oneshot::Sender<Result<T, StoreError>>>,
    /// What they hear once it is on the disk.
    decided: Option<T>,
    /// What they hear now.
    answer: Result<(), StoreError>,
}

impl<T> Waiter<T> {
    pub fn new(to: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { to: Some(to), decided: None, answer: Err(StoreError::Unknown) }
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        let answer = self.answer.and_then(|()| self.decided.take().ok_or(StoreError::Unknown));
        if let Some(to) = self.to.take() {
            drop(to.send(answer));
        }
    }
}

impl Job {
    /// About how much it writes.
    fn bytes(&self) -> usize {
        match self {
            Self::Command(command, _) => command_bytes(&command.verb),
            Self::Sweep(..) => 0,
            Self::Keep(_, value, _) => value.len(),
            Self::Note(note, _) => match &**note {
                Note::Value(_, value) => value.len(),
                Note::Settle(..) | Note::SettleIdle(..) | Note::Scrub(_) => 0,
            },
        }
    }

    /// What was decided is on the disk, or is not.
    fn answer(&mut self, flushed: Result<(), StoreError>) {
        match self {
            Self::Command(_, waiter) => waiter.answer = flushed,
            Self::Keep(_, _, waiter) => waiter.answer = flushed,
            Self::Sweep(_, waiter) => waiter.answer = flushed,
            Self::Note(_, waiter) => waiter.answer = flushed,
        }
    }
}

/// The bytes of files in a command. What else it holds is small beside them.
fn command_bytes(verb: &Verb) -> usize {
    match verb {
        Verb::Attach(attach) => {
            attach.original.bytes.len() + attach.thumbnail.as_ref().map_or(0, |view| view.bytes.len())
        }
        Verb::File(FileCommand::Receive { bytes, .. }) => bytes.len(),
        Verb::File(_)
        | Verb::Post(_)
        | Verb::Update(_)
        | Verb::Delete(_)
        | Verb::ReplaceStream(_)
        | Verb::AppendStream(_)
        | Verb::Interaction(_)
        | Verb::Respond(_)
        | Verb::GrantAnswers(_)
        | Verb::Modal(_)
        | Verb::Pin(_)
        | Verb::Schedule(_)
        | Verb::PostDue(_)
        | Verb::Install(_)
        | Verb::Conversation(_)
        | Verb::RevokeToken(_)
        | Verb::Control(_) => 0,
    }
}

/// The queue's end that submits.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    runtime: Arc<OnceLock<Handle>>,
}

impl Queue {
    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Puts a job in; a full queue refuses at once.
    pub fn put(&self, job: Job) -> Result<(), StoreError> {
        if self.runtime.get().is_none()
            && let Ok(runtime) = Handle::try_current()
            // One of a single thread runs nothing while nobody waits in it.
            && runtime.runtime_flavor() == RuntimeFlavor::MultiThread
        {
            let _ = self.runtime.set(runtime);
        }
        self.jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopping,
        })
    }
}

/// Starts the committer's thread. It ends when all queues are dropped and everything in them is answered.
pub(crate) fn start<E: Engine>(
    engine: E,
    published: Arc<Published>,
    clock: Clock,
    health: Arc<Health>,
) -> std::io::Result<(Queue, std::thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let working = published.directories().clone();
    let runtime = Arc::new(OnceLock::new());
    let committer = Committer {
        runtime: Arc::clone(&runtime),
        engine,
        published,
        clock,
        health,
        working,
        heads: HashMap::new(),
        pending: Vec::new(),
        ends: Vec::new(),
        logged: Vec::new(),
        lost: false,
    };
    let thread = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run(jobs))?;
    Ok((Queue { jobs: sender, runtime }, thread))
}

/// Wakes those that wait from a thread of their runtime: waking somebody up from outside costs several times as much, and
/// so it happens once for the batch. A runtime that has ended drops the task, which wakes them as well.
fn hand_out(answered: Vec<Job>, runtime: &OnceLock<Handle>) {
    if let Some(runtime) = runtime.get() {
        runtime.spawn(async move { drop(answered) });
    }
}

struct Committer<E> {
    /// Where answers are handed out.
    runtime: Arc<OnceLock<Handle>>,
    engine: E,
    published: Arc<Published>,
    clock: Clock,
    health: Arc<Health>,
    /// The directories as the open transaction has them.
    working: Directories,
    heads: HashMap<WorkspaceId, Head>,
    /// Whom the changes of directories in the open transaction concern; they are woken after the flush.
    pending: Vec<Concern>,
    /// Where logs end by the open transaction, published with them.
    ends: Vec<(WorkspaceId, u64)>,
    /// The events of the open transaction, published with them.
    logged: Vec<(WorkspaceId, Logged)>,
    /// A flush failed and the database was not opened again yet: nothing is taken until it is.
    lost: bool,
}

impl<E: Engine> Committer<E> {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            let mut bytes = job.bytes();
            let mut batch = vec![job];
            while batch.len() < BATCH_JOBS_MAX
                && bytes < BATCH_BYTES_MAX
                && let Ok(job) = jobs.try_recv()
            {
                bytes += job.bytes();
                batch.push(job);
            }
            let jobs_in_batch = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            metrics::histogram!("redraft_batch_jobs").record(jobs_in_batch);
            while !batch.is_empty() {
                let done = self.commit(&mut batch);
                let rest = batch.split_off(done);
                hand_out(std::mem::replace(&mut batch, rest), &self.runtime);
                self.engine.rest();
            }
        }
    }

    /// Does the first jobs of a batch in one transaction, as many as there is time for, and answers them; returns how
    /// many. If one fails in storage, all is taken back and every job runs alone, so that only the failing one is
    /// answered with the failure.
    fn commit(&mut self, batch: &mut [Job]) -> usize {
        match self.transaction(batch) {
            Ok(done) => done,
            Err(Broken) if 1 < batch.len() => {
                for job in batch.iter_mut() {
                    self.engine.met_damage();
                    if self.transaction(std::slice::from_mut(job)).is_err() {
                        self.failed(job);
                    }
                }
                batch.len()
            }
            Err(Broken) => {
                batch.iter_mut().for_each(|job| self.failed(job));
                batch.len()
            }
        }
    }

    /// A command may need a row that is damaged; what reads nothing failed to be written.
    fn failed(&self, job: &mut Job) {
        match job {
            Job::Command(..) | Job::Sweep(..) => {}
            Job::Keep(..) | Job::Note(..) => self.health.wrote(false),
        }
        let damaged = self.engine.met_damage();
        job.answer(Err(if damaged { StoreError::Damaged } else { StoreError::Failed }));
    }

    /// Decides, writes, flushes and answers; or takes all back, and nobody is answered yet.
    fn transaction(&mut self, batch: &mut [Job]) -> Result<usize, Broken> {
        let attempted = self.attempt(batch);
        if attempted.is_err() {
            self.forget();
        }
        let done = attempted?;
        let flushed = self.flush();
        batch[..done].iter_mut().for_each(|job| job.answer(flushed));
        Ok(done)
    }

    fn attempt(&mut self, batch: &mut [Job]) -> Result<usize, Broken> {
        let begun = self.begin();
        if begun.is_err() {
            self.health.wrote(false);
        }
        begun?;
        let (started, now) = (Instant::now(), (self.clock)());
        let mut touched = Vec::new();
        let mut done = 0;
        for job in batch {
            match job {
                Job::Command(command, waiter) => {
                    waiter.decided = Some(self.decide(command, now, &mut touched)?);
                }
                Job::Keep(name, value, waiter) => waiter.decided = Some(self.engine.keep(name, value)?),
                Job::Sweep(sweep, waiter) => {
                    waiter.decided = Some(self.engine.sweep(*sweep, now, &self.working)?);
                }
                Job::Note(note, waiter) => waiter.decided = Some(self.engine.note(note)?),
            }
            done += 1;
            if BATCH_TIME_MAX < started.elapsed() {
                break;
            }
        }
        let heads = touched.iter().filter_map(|id| Some((*id, *self.heads.get(id)?)));
        let heads: Vec<(WorkspaceId, Head)> = heads.collect();
        self.engine.put_heads(&heads)?;
        self.ends.extend(heads.iter().map(|(id, head)| (*id, head.position)));
        Ok(done)
    }

    fn decide(
        &mut self,
        command: &Command,
        now: Micros,
        touched: &mut Vec<WorkspaceId>,
    ) -> Result<Answer, Broken> {
        let workspace = numbered_in(command, &self.working);
        let head = self.head(workspace)?;
        let offset =
            self.working.get(workspace).map_or(0, |directory| directory.workspace.clock_offset_micros);
        let at = now.plus(offset);
        let moment =
            Moment { at, ts: Ts(at.0.max(head.ts.0.saturating_add(1))), position: head.position + 1 };
        let decided = decide(command, &*self.engine.view(&self.working), moment);
        match decided {
            Ok(mut decision) => {
                self.apply(workspace, &decision)?;
                self.logged.extend(Logged::of(&mut decision).map(|logged| (workspace, logged)));
                if !touched.contains(&workspace) {
                    touched.push(workspace);
                }
                Ok(Ok(decision.outcome))
            }
            Err(Halt::Refused(refusal)) => Ok(Err(refusal)),
            Err(Halt::NotLoaded) => Err(Broken),
        }
    }

    fn head(&mut self, workspace: WorkspaceId) -> Result<Head, Broken> {
        if let Some(head) = self.heads.get(&workspace) {
            return Ok(*head);
        }
        let head = self.engine.head(workspace)?;
        self.heads.insert(workspace, head);
        Ok(head)
    }

    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) -> Result<(), Broken> {
        self.engine.apply(workspace, decision)?;
        for change in &decision.changes {
            if let Change::Directory(change) = change {
                self.working.apply(change);
                self.pending.push(Concern::of(change));
            }
        }
        if let Some(last) = decision.events.last() {
            self.heads.insert(workspace, Head { ts: last.ts, position: last.position });
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let begin = Instant::now();
        let committed = self.engine.commit();
        metrics::histogram!("redraft_flush_seconds").record(begin.elapsed());
        match committed {
            Ok(Committed::Written) => self.health.wrote(true),
            Ok(Committed::Nothing) => {}
            Err(NotCommitted::Full) => {
                self.health.wrote(false);
                self.forget();
                return Err(StoreError::Failed);
            }
            Err(NotCommitted::Unknown) => {
                // Nothing in memory can be trusted: begin from the file again.
                self.health.wrote(false);
                self.forget();
                self.lost = true;
                return Err(StoreError::Unknown);
            }
        }
        self.published.publish(&self.working, &self.pending, &self.ends, self.logged.drain(..));
        self.pending.clear();
        self.ends.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Broken> {
        if self.lost || self.engine.is_in_doubt() {
            let found = self.engine.reopen()?;
            self.published.replace(found.clone());
            self.working = found;
            self.lost = false;
            info!("the database was opened again after a failed flush");
        }
        self.engine.begin()
    }

    fn forget(&mut self) {
        self.engine.rollback();
        self.heads.clear();
        self.pending.clear();
        self.ends.clear();
        self.logged.clear();
        self.working = self.published.directories().clone();
    }
}
