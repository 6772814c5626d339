//! Stores that break their promises: a test that cannot find these at fault proves nothing about the real one.

use redraft_model::decision::Decision;
use redraft_model::directory::Directories;
use redraft_model::id::WorkspaceId;
use redraft_model::time::Micros;
use redraft_model::view::View;

use crate::committer::{Broken, Committed, Engine, Head, NotCommitted, Note};
use crate::{Sweep, Swept};

/// How a store is to break its promise that what is acknowledged is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// `PRAGMA synchronous=OFF`: a commit flushes nothing.
    SynchronousOff,
    /// Everyone is answered first, and only then is the transaction committed.
    AnswerBeforeCommit,
    /// What can be read after a failed flush is taken to be on the disk.
    TrustTheCache,
}

/// An engine that may say that it has committed before it has.
pub(crate) struct Sabotaged<E> {
    engine: E,
    answers_early: bool,
    owes_commit: bool,
}

impl<E: Engine> Sabotaged<E> {
    pub fn new(engine: E, sabotage: Sabotage) -> Self {
        Self { engine, answers_early: sabotage == Sabotage::AnswerBeforeCommit, owes_commit: false }
    }

    fn pay(&mut self) -> Result<(), NotCommitted> {
        if std::mem::take(&mut self.owes_commit) { self.engine.commit().map(drop) } else { Ok(()) }
    }
}

impl<E: Engine> Engine for Sabotaged<E> {
    fn view<'a>(&'a self, directories: &'a Directories) -> Box<dyn View + 'a> {
        self.engine.view(directories)
    }

    fn begin(&mut self) -> Result<(), Broken> {
        self.pay().map_err(|_| Broken)?;
        self.engine.begin()
    }

    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) -> Result<(), Broken> {
        self.engine.apply(workspace, decision)
    }

    fn head(&mut self, workspace: WorkspaceId) -> Result<Head, Broken> {
        self.engine.head(workspace)
    }

    fn put_heads(&mut self, heads: &[(WorkspaceId, Head)]) -> Result<(), Broken> {
        self.engine.put_heads(heads)
    }

    fn commit(&mut self) -> Result<Committed, NotCommitted> {
        self.owes_commit = self.answers_early;
        if self.owes_commit { Ok(Committed::Written) } else { self.engine.commit() }
    }

    fn rollback(&mut self) {
        self.owes_commit = false;
        self.engine.rollback();
    }

    fn reopen(&mut self) -> Result<Directories, Broken> {
        self.engine.reopen()
    }

    fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<Vec<u8>, Broken> {
        self.engine.keep(name, value)
    }

    fn note(&mut self, note: &Note) -> Result<(), Broken> {
        self.engine.note(note)
    }

    fn sweep(&mut self, sweep: Sweep, now: Micros, directories: &Directories) -> Result<Swept, Broken> {
        self.engine.sweep(sweep, now, directories)
    }

    /// The committer rests once everyone is answered. A failure is the caller's loss, and that is the point.
    fn rest(&mut self) {
        if self.pay().is_err() {
            self.engine.rollback();
        }
        self.engine.rest();
    }

    fn met_damage(&self) -> bool {
        self.engine.met_damage()
    }

    fn is_in_doubt(&self) -> bool {
        self.engine.is_in_doubt()
    }
}
