//! Group commit: one thread takes what waits, decides it in one transaction, flushes once, and then answers everyone.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use redraft_model::command::Command;
use redraft_model::control::numbered_in;
use redraft_model::decide;
use redraft_model::decision::{Change, Decision, Halt, Moment};
use redraft_model::directory::{Directories, DirectoryChange};
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::time::Ts;
use redraft_model::view::View;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use crate::{Answer, BATCH_COMMANDS_MAX, Clock, Published, QUEUE_COMMANDS_MAX, Settlement, StoreError};

/// What a database has to do for the committer. Between `begin` and `commit` it answers as a [`View`] that sees what
/// was applied before.
pub(crate) trait Engine: Send + 'static {
    /// The view of the open transaction over these directories.
    fn view<'a>(&'a self, directories: &'a Directories) -> Box<dyn View + 'a>;
    /// Opens the transaction.
    fn begin(&mut self) -> Result<(), Broken>;
    /// Writes one decision into it.
    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) -> Result<(), Broken>;
    /// The last time and log position used in a workspace.
    fn head(&mut self, workspace: WorkspaceId) -> Result<Head, Broken>;
    /// Writes that down.
    fn put_head(&mut self, workspace: WorkspaceId, head: Head) -> Result<(), Broken>;
    /// Flushes. After this returned `Ok`, a power cut loses nothing of it.
    fn commit(&mut self) -> Result<(), NotCommitted>;
    /// Forgets the open transaction and everything remembered in memory.
    fn rollback(&mut self);
    /// Opens the database again after a failed flush, and reads what it really holds.
    fn reopen(&mut self) -> Result<Directories, Broken>;
    /// Keeps a value if there is none of that name; returns what is kept.
    fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, Broken>;
    /// Writes down what is no command.
    fn note(&mut self, note: &Note) -> Result<(), Broken>;
    /// One step of clearing away, within the open transaction; true if there is more.
    fn sweep(&mut self, now: redraft_model::time::Micros) -> Result<bool, Broken>;
    /// Whatever is due between two batches.
    fn rest(&mut self);
}

/// The database failed; it has said so in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

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

/// Something for the committer to do.
pub(crate) enum Job {
    Command(Box<Command>, oneshot::Sender<Result<Answer, StoreError>>),
    Keep(&'static str, Vec<u8>, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    Sweep(oneshot::Sender<Result<bool, StoreError>>),
    Note(Box<Note>, oneshot::Sender<Result<(), StoreError>>),
}

/// Something to write down that no rule has to decide.
pub(crate) enum Note {
    Settle(WorkspaceId, AppId, Settlement),
    /// A kept value, in place of the one of that name.
    Value(&'static str, Vec<u8>),
}

type Waiting = (Box<Command>, oneshot::Sender<Result<Answer, StoreError>>);

/// The queue's end that submits.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    runtime: Arc<OnceLock<Handle>>,
}

impl Queue {
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

/// Starts the committer's thread. It ends when all queues are gone and everything in them is answered.
pub(crate) fn start<E: Engine>(
    engine: E,
    published: Arc<Published>,
    clock: Clock,
) -> std::io::Result<(Queue, std::thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let working = published.directories().clone();
    let runtime = Arc::new(OnceLock::new());
    let committer = Committer {
        runtime: Arc::clone(&runtime),
        engine,
        published,
        clock,
        working,
        heads: HashMap::new(),
        pending: Vec::new(),
        ends: Vec::new(),
        lost: false,
    };
    let thread = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run(jobs))?;
    Ok((Queue { jobs: sender, runtime }, thread))
}

/// The answers of a batch. They are handed out when this is dropped, wherever that is.
struct Answers {
    waiting: Vec<oneshot::Sender<Result<Answer, StoreError>>>,
    answers: Vec<Result<Answer, StoreError>>,
}

impl Answers {
    /// Wakes those that wait from a thread of their runtime: waking somebody up from outside costs several times as much,
    /// and so it happens once for the batch.
    fn hand_out(self, runtime: &OnceLock<Handle>) {
        if let Some(runtime) = runtime.get() {
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (waiting, answer) in self.waiting.drain(..).zip(self.answers.drain(..)) {
            drop(waiting.send(answer));
        }
    }
}

struct Committer<E> {
    /// Where answers are handed out.
    runtime: Arc<OnceLock<Handle>>,
    engine: E,
    published: Arc<Published>,
    clock: Clock,
    /// The directories as the open transaction has them.
    working: Directories,
    heads: HashMap<WorkspaceId, Head>,
    /// Directory changes of the open transaction, published after the flush.
    pending: Vec<DirectoryChange>,
    /// Where logs end by the open transaction, published with them.
    ends: Vec<(WorkspaceId, u64)>,
    /// A flush failed and the database was not opened again yet: nothing is taken until it is.
    lost: bool,
}

impl<E: Engine> Committer<E> {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH_COMMANDS_MAX);
        while let Some(job) = jobs.blocking_recv() {
            let mut next = Some(job);
            while let Some(job) = next.take() {
                match job {
                    Job::Command(command, answer) => batch.push((command, answer)),
                    Job::Keep(name, value, answer) => drop(answer.send(self.keep(name, &value))),
                    Job::Sweep(answer) => drop(answer.send(self.sweep())),
                    Job::Note(note, answer) => {
                        let _ = answer.send(self.alone(|engine| engine.note(&note)));
                    }
                }
                if batch.len() < BATCH_COMMANDS_MAX {
                    next = jobs.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.commit(&mut batch);
            }
            self.engine.rest();
        }
    }

    /// One batch: decided and written in one transaction. If a command fails in storage, all is taken back and every
    /// command runs alone, so that only the failing one is answered with the failure.
    fn commit(&mut self, batch: &mut Vec<Waiting>) {
        let answers = match self.transaction(batch) {
            Ok(answers) => answers,
            Err(StoreError::Failed) if 1 < batch.len() => batch
                .chunks(1)
                .map(|alone| {
                    self.transaction(alone).and_then(|mut one| one.pop().ok_or(StoreError::Failed)?)
                })
                .collect(),
            Err(failed) => batch.iter().map(|_| Err(failed)).collect(),
        };
        let waiting = batch.drain(..).map(|(_, waiting)| waiting).collect();
        Answers { waiting, answers }.hand_out(&self.runtime);
    }

    fn transaction(&mut self, batch: &[Waiting]) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
        match self.attempt(batch) {
            Ok(answers) => {
                self.flush()?;
                Ok(answers)
            }
            Err(Broken) => {
                self.forget();
                Err(StoreError::Failed)
            }
        }
    }

    fn attempt(&mut self, batch: &[Waiting]) -> Result<Vec<Result<Answer, StoreError>>, Broken> {
        self.begin()?;
        let now = (self.clock)();
        let mut answers = Vec::with_capacity(batch.len());
        let mut touched = Vec::new();
        for (command, _) in batch {
            let workspace = numbered_in(command, &self.working);
            let head = self.head(workspace)?;
            let offset =
                self.working.get(workspace).map_or(0, |directory| directory.workspace.clock_offset_micros);
            let at = now.plus(offset);
            let moment = Moment { at, ts: Ts(at.0.max(head.ts.0 + 1)), position: head.position + 1 };
            let decided = decide(command, &*self.engine.view(&self.working), moment);
            answers.push(Ok(match decided {
                Ok(decision) => {
                    self.apply(workspace, &decision)?;
                    if !touched.contains(&workspace) {
                        touched.push(workspace);
                    }
                    Ok(decision.outcome)
                }
                Err(Halt::Refused(refusal)) => Err(refusal),
                Err(Halt::NotLoaded) => return Err(Broken),
            }));
        }
        for workspace in touched {
            if let Some(head) = self.heads.get(&workspace) {
                self.engine.put_head(workspace, *head)?;
                self.ends.push((workspace, head.position));
            }
        }
        Ok(answers)
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
                self.pending.push(change.clone());
            }
        }
        if let Some(last) = decision.events.last() {
            self.heads.insert(workspace, Head { ts: last.ts, position: last.position });
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        match self.engine.commit() {
            Ok(()) => {}
            Err(NotCommitted::Full) => {
                self.forget();
                return Err(StoreError::Failed);
            }
            Err(NotCommitted::Unknown) => {
                // Nothing in memory can be trusted: begin from the file again.
                self.forget();
                self.lost = true;
                return Err(StoreError::Unknown);
            }
        }
        self.published.publish(&self.pending, &self.ends);
        self.pending.clear();
        self.ends.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Broken> {
        if self.lost {
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
        self.working = self.published.directories().clone();
    }

    fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.alone(|engine| engine.keep(name, value))
    }

    fn sweep(&mut self) -> Result<bool, StoreError> {
        let now = (self.clock)();
        self.alone(|engine| engine.sweep(now))
    }

    fn alone<T>(&mut self, act: impl FnOnce(&mut E) -> Result<T, Broken>) -> Result<T, StoreError> {
        let done = self.begin().and_then(|()| act(&mut self.engine));
        match done {
            Ok(done) => self.flush().map(|()| done),
            Err(Broken) => {
                self.forget();
                Err(StoreError::Failed)
            }
        }
    }
}
