//! Faults on purpose: a file system for SQLite that delays, fails, fills up and loses power, and stores that break
//! their promises so that tests can show that they would notice.
//!
//! [`Faults`] passes everything to the machine's file system. What it adds is kept here in safe code; `fault/vfs.rs`
//! is the C interface.

use std::collections::VecDeque;
use std::io;
use std::os::raw::c_int;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::ffi;

pub(crate) mod sabotage;
mod vfs;

pub use sabotage::Sabotage;

/// A file system for SQLite under a name of its own. It lives as long as the process, since SQLite may hold on to it.
///
/// Opening, writing, truncating, flushing and deleting a database, its log or its journal are *operations*; they are
/// counted. Reading, locks and shared memory are left alone.
pub struct Faults {
    name: String,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    operations: u64,
    fail_once: Option<u64>,
    fail_from: Option<u64>,
    fail_flushed: bool,
    cut_at: Option<u64>,
    full: bool,
    delay: Duration,
    holding: bool,
    held: usize,
    tracking: bool,
    cut: bool,
    files: Vec<(PathBuf, Image)>,
}

impl Faults {
    /// A new one, for [`crate::Options::vfs`].
    ///
    /// # Panics
    /// When SQLite has no file system at all.
    #[must_use]
    pub fn register() -> &'static Self {
        let number = vfs::next_number();
        let faults =
            Self { name: format!("faults-{number}"), state: Mutex::default(), moved: Condvar::new() };
        vfs::register(Box::leak(Box::new(faults)))
    }

    /// The name that SQLite knows it by.
    #[must_use]
    pub fn vfs_name(&self) -> &str {
        &self.name
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes every flush of the log take this much longer.
    pub fn delay_flush(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Fails the `n`-th operation from now, counted from 1, and only that one. A flush that fails loses what it was to
    /// flush for good, as operating systems do.
    pub fn fail_operation(&self, n: u64) {
        let state = &mut *self.state();
        state.fail_once = Some(state.operations + n);
    }

    /// The next flush of the log does its work and fails all the same.
    pub fn fail_after_flush(&self) {
        self.state().fail_flushed = true;
    }

    /// Fails the `n`-th operation from now, counted from 1, and all after it.
    pub fn fail_from(&self, n: u64) {
        let state = &mut *self.state();
        state.fail_from = Some(state.operations + n);
    }

    /// A full disk: writes that would make a file longer fail, others work.
    pub fn disk_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Whether the failure that [`Faults::fail_operation`] asked for has come about.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.fail_once.is_some_and(|at| at <= state.operations)
    }

    /// Ends failing, fullness, delay and holding. A power cut does not heal.
    pub fn heal(&self) {
        let state = &mut *self.state();
        (state.fail_once, state.fail_from, state.cut_at) = (None, None, None);
        (state.fail_flushed, state.full, state.holding) = (false, false, false);
        state.delay = Duration::ZERO;
        self.moved.notify_all();
    }

    /// Stops flushes of the log before they do anything, or lets them go on.
    pub fn hold_flushes(&self, holding: bool) {
        self.state().holding = holding;
        self.moved.notify_all();
    }

    /// Returns once a flush of the log is being held.
    ///
    /// # Panics
    /// When none comes for a long time.
    pub fn wait_until_held(&self) {
        let long = Duration::from_secs(20);
        let waited = self.moved.wait_timeout_while(self.state(), long, |state| state.held == 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(0 < state.held, "the log is not flushed");
    }

    /// Begins to keep, in memory, what a power cut would leave of each file, taking what is there now for flushed; or
    /// stops it.
    pub fn track_durable(&self, on: bool) {
        let state = &mut *self.state();
        state.tracking = on;
        for (path, image) in &mut state.files {
            *image = if on { Image::of(path) } else { Image::default() };
        }
    }

    /// The power goes at the `n`-th operation from now, counted from 1: it and all after it fail and reach nothing.
    pub fn cut_at(&self, n: u64) {
        let state = &mut *self.state();
        state.cut_at = Some(state.operations + n);
    }

    /// The power goes now, if it has not gone yet. Writes to `into` what the disk holds: of each file, what was flushed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn power_cut(&self, into: &Path) -> io::Result<()> {
        self.power_cut_keeping(into, || false)
    }

    /// As [`Faults::power_cut`], but the disk was lucky with some of the writes that were not flushed: those that `kept`
    /// says yes to, in whatever order, have reached it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn power_cut_keeping(&self, into: &Path, mut kept: impl FnMut() -> bool) -> io::Result<()> {
        let state = &mut *self.state();
        state.cut = true;
        self.moved.notify_all();
        std::fs::create_dir_all(into)?;
        for (path, mut image) in state.files.drain(..).filter(|(_, image)| image.exists) {
            image.volatile.retain(|_| kept());
            image.flush(u64::MAX);
            std::fs::write(into.join(path.file_name().unwrap_or_default()), &image.durable)?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an operation before it is done; fails if it is to fail.
    fn step(&self, operation: Operation) -> Result<(), c_int> {
        self.state().step(operation)
    }

    /// A file is being opened; returns its number.
    fn open(&self, path: PathBuf) -> Result<usize, c_int> {
        let state = &mut *self.state();
        state.step(Operation::Open)?;
        let number = state.files.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            state.files.push((path.clone(), Image::default()));
            state.files.len() - 1
        });
        let image = &mut state.files[number].1;
        if state.tracking && !image.exists {
            *image = Image::of(&path);
        }
        Ok(number)
    }

    fn deleted(&self, path: &Path) {
        let state = &mut *self.state();
        if let Some((_, image)) = state.files.iter_mut().find(|(known, _)| known == path) {
            *image = Image::default();
        }
    }

    fn is_full(&self) -> bool {
        self.state().full
    }

    /// A change was made to a file; it is lost unless it is flushed.
    fn changed(&self, file: usize, change: impl FnOnce() -> Pending) {
        let state = &mut *self.state();
        if state.tracking && !state.cut {
            state.files[file].1.push(change());
        }
    }

    /// A flush begins; it is good for the changes below the number returned.
    fn flush(&self, file: usize, is_log: bool) -> Result<u64, c_int> {
        let mut state = self.state();
        if is_log {
            state = self.delayed(state);
        }
        match state.step(Operation::Flush) {
            Ok(()) => Ok(state.image(file).map_or(0, |image| image.pushed)),
            Err(failure) => {
                state.image(file).into_iter().for_each(|image| image.volatile.clear());
                Err(failure)
            }
        }
    }

    fn delayed<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if !state.delay.is_zero() {
            let delay = state.delay;
            drop(state);
            std::thread::sleep(delay);
            state = self.state();
        }
        while state.holding && !state.cut {
            state.held += 1;
            self.moved.notify_all();
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.held -= 1;
        }
        state
    }

    /// A flush has ended well, unless the power went meanwhile.
    fn flushed(&self, file: usize, is_log: bool, below: u64) -> Result<(), c_int> {
        let state = &mut *self.state();
        state.image(file).into_iter().for_each(|image| image.flush(below));
        let fails = state.cut || (is_log && std::mem::take(&mut state.fail_flushed));
        if fails { Err(Operation::Flush.failure()) } else { Ok(()) }
    }
}

impl State {
    fn step(&mut self, operation: Operation) -> Result<(), c_int> {
        self.operations += 1;
        let now = self.operations;
        self.cut |= self.cut_at == Some(now);
        let fails = self.cut || self.fail_once == Some(now) || self.fail_from.is_some_and(|from| from <= now);
        if fails { Err(operation.failure()) } else { Ok(()) }
    }

    /// What is kept of a file while durable images are; after a power cut, nothing.
    fn image(&mut self, file: usize) -> Option<&mut Image> {
        let kept = self.tracking && !self.cut;
        self.files.get_mut(file).filter(|_| kept).map(|(_, image)| image)
    }
}

/// What is counted and can fail.
#[derive(Clone, Copy)]
enum Operation {
    Open,
    Write,
    Truncate,
    Flush,
    Delete,
}

impl Operation {
    fn failure(self) -> c_int {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Flush => ffi::SQLITE_IOERR_FSYNC,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

/// A file as a power cut would leave it, and what was done to it since its last flush.
#[derive(Default)]
struct Image {
    exists: bool,
    durable: Vec<u8>,
    volatile: VecDeque<Pending>,
    /// Changes ever made; the last of them are in `volatile`.
    pushed: u64,
}

/// A change that was not flushed yet.
enum Pending {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Image {
    fn of(path: &Path) -> Self {
        Self { exists: true, durable: std::fs::read(path).unwrap_or_default(), ..Self::default() }
    }

    fn push(&mut self, change: Pending) {
        self.pushed += 1;
        self.volatile.push_back(change);
    }

    fn flush(&mut self, below: u64) {
        while let Some(change) = self.volatile.front()
            && self.pushed - (self.volatile.len() as u64) < below
        {
            change.apply(&mut self.durable);
            self.volatile.pop_front();
        }
    }
}

impl Pending {
    fn apply(&self, durable: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                durable.resize(durable.len().max(end), 0);
                durable[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate(size) => durable.resize(*size, 0),
        }
    }
}
