//! Faults on purpose: a file system for SQLite that delays, fails, fills up and loses power, and stores that break
//! their promises so that tests can show that they would notice.
//!
//! [`Faults`] passes everything to the machine's file system. What it adds is kept here in safe code; `fault/vfs.rs`
//! is the C interface.

use std::collections::VecDeque;
use std::io;
use std::os::raw::c_int;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
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

/// All that were made, for those who know one by its name.
static REGISTERED: Mutex<Vec<&'static Faults>> = Mutex::new(Vec::new());

#[derive(Default)]
struct State {
    operations: u64,
    fail_once: Option<u64>,
    fail_from: Option<u64>,
    fail_flushed: bool,
    fail_database_flush: bool,
    flushes: u64,
    fail_flush: Option<u64>,
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
        let faults = vfs::register(Box::leak(Box::new(faults)));
        REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).push(faults);
        faults
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

    /// Fails the `n`-th operation from now, counted from 1, and only that one.
    ///
    /// A flush that fails is as on Linux since 4.13: all that was written to the file and not flushed yet never reaches the
    /// disk, though reads go on showing it, until it is written again. Every other descriptor of the file that is open
    /// gets the error at its next flush, once; one that is opened later does not.
    pub fn fail_operation(&self, n: u64) {
        let state = &mut *self.state();
        state.fail_once = Some(state.operations + n);
    }

    /// The operating system fails to write back what was written to any file so far, and nobody has asked for a flush: as
    /// a flush that fails, and every descriptor gets the error, also one that is opened before any other has.
    pub fn fail_write_back(&self) {
        self.state().files.iter_mut().for_each(|(_, image)| {
            image.lose();
            image.heard = false;
        });
    }

    /// The next flush of the log does its work and fails all the same.
    pub fn fail_after_flush(&self) {
        self.state().fail_flushed = true;
    }

    /// How many flushes of the log there were.
    pub fn flushes(&self) -> u64 {
        self.state().flushes
    }

    /// Fails the `n`-th flush of the log from now, counted from 1, with what that loses.
    pub fn fail_flush_of_the_log(&self, n: u64) {
        let state = &mut *self.state();
        state.fail_flush = Some(state.flushes + n);
    }

    /// Fails the next flush of the database itself, with what that loses.
    pub fn fail_database_flush(&self) {
        self.state().fail_database_flush = true;
    }

    /// Whether the flush that [`Faults::fail_database_flush`] asked to fail has not come yet.
    pub fn database_flush_will_fail(&self) -> bool {
        self.state().fail_database_flush
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
        state.fail_database_flush = false;
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

    /// The power fails now, if it has not failed yet. Writes to `into` what the disk holds: of each file, what was flushed.
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
        for (path, image) in state.files.iter_mut().filter(|(_, image)| image.exists) {
            let mut image = std::mem::take(image);
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

    /// A file is being opened.
    fn open(&'static self, path: PathBuf) -> Result<Descriptor, c_int> {
        let state = &mut *self.state();
        state.step(Operation::Open)?;
        let file = state.files.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            state.files.push((path.clone(), Image::default()));
            state.files.len() - 1
        });
        let image = &mut state.files[file].1;
        if state.tracking && !image.exists {
            let (losses, heard) = (image.losses, image.heard);
            *image = Image { losses, heard, ..Image::of(&path) };
        }
        let heard = if image.heard { image.losses } else { 0 };
        Ok(Descriptor { faults: self, file, heard: AtomicU64::new(heard) })
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
}

/// An open file, and which errors of it were reported through this descriptor.
pub(crate) struct Descriptor {
    faults: &'static Faults,
    file: usize,
    /// How many of the file's losses this descriptor has reported.
    heard: AtomicU64,
}

impl Descriptor {
    /// Opens a file beside SQLite, on the file system of this name; `None` if it is none of ours.
    ///
    /// # Errors
    /// When opening is to fail.
    pub(crate) fn open(vfs: &str, path: &Path) -> io::Result<Option<Self>> {
        let known = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(faults) = known.iter().find(|faults| faults.name == vfs).copied() else { return Ok(None) };
        drop(known);
        faults.open(path.to_owned()).map(Some).map_err(failed)
    }

    /// Notes a write that was done beside SQLite.
    ///
    /// # Errors
    /// When it is to fail.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.faults.step(Operation::Write).map_err(failed)?;
        let offset = usize::try_from(offset).unwrap_or_default();
        self.changed(|| Pending::Write(offset, bytes.to_vec()));
        Ok(())
    }

    /// Flushes with `flush` what was written.
    ///
    /// # Errors
    /// When that fails or is to fail.
    pub(crate) fn flush(&self, flush: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let below = self.begin_flush(false).map_err(failed)?;
        flush()?;
        self.flushed(false, below).map_err(failed)
    }

    /// A change was made to the file; it is lost unless it is flushed.
    fn changed(&self, change: impl FnOnce() -> Pending) {
        let state = &mut *self.faults.state();
        if state.tracking && !state.cut {
            state.files[self.file].1.push(change());
        }
    }

    /// A flush begins; it is good for the changes below the number returned.
    fn begin_flush(&self, is_log: bool) -> Result<u64, c_int> {
        let mut state = self.faults.state();
        if is_log {
            state = self.faults.delayed(state);
        }
        let mut done = state.step(Operation::Flush);
        state.flushes += u64::from(is_log);
        if is_log && state.fail_flush == Some(state.flushes) {
            done = Err(Operation::Flush.failure());
        }
        let is_database = state.files[self.file].0.extension().is_some_and(|extension| extension == "db");
        if is_database && std::mem::take(&mut state.fail_database_flush) {
            done = Err(Operation::Flush.failure());
        }
        let cut = state.cut;
        let image = &mut state.files[self.file].1;
        if done.is_err() && !cut {
            image.lose();
            self.hear(image);
        }
        done.map(|()| image.pushed)
    }

    /// A flush has ended well, unless the power went meanwhile, or something was lost that this descriptor has not reported
    /// of yet.
    fn flushed(&self, is_log: bool, below: u64) -> Result<(), c_int> {
        let state = &mut *self.faults.state();
        let image = &mut state.files[self.file].1;
        if !state.cut {
            image.flush(below);
        }
        let fails = state.cut | self.hear(image) | (is_log && std::mem::take(&mut state.fail_flushed));
        if fails { Err(Operation::Flush.failure()) } else { Ok(()) }
    }

    /// Whether there is an error that this descriptor has not reported yet.
    fn hear(&self, image: &mut Image) -> bool {
        image.heard = true;
        self.heard.swap(image.losses, Ordering::Relaxed) < image.losses
    }
}

fn failed(_: c_int) -> io::Error {
    io::Error::other("a fault that was asked for")
}

impl State {
    fn step(&mut self, operation: Operation) -> Result<(), c_int> {
        self.operations += 1;
        let now = self.operations;
        self.cut |= self.cut_at == Some(now);
        let fails = self.cut || self.fail_once == Some(now) || self.fail_from.is_some_and(|from| from <= now);
        if fails { Err(operation.failure()) } else { Ok(()) }
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
    /// How often what was in `volatile` was lost while the file system went on.
    losses: u64,
    /// Whether any descriptor has reported the last loss.
    heard: bool,
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

    /// What was not flushed never will be, unless it is written again.
    fn lose(&mut self) {
        self.volatile.clear();
        self.losses += 1;
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
