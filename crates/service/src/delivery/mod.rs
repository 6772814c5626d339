//! What apps hear: every workspace's log is read in order, once for all apps that have an endpoint, and what an app's
//! dialect makes of an event is sent to it.
//!
//! At least once. Of one conversation the next first attempt starts when the turn of the last one has ended, which the
//! app's dialect decides: when it was answered or timed out, or when a socket has it. A failed one is tried again later without holding back those behind it. How far an app has been told is written down, so that
//! a restart goes on from there. No lock is held while something is on its way: bots call back before they answer.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redraft_model::id::{AppId, WorkspaceId};
use redraft_store::{Cause, Part, Published};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::service::Service;

mod address;
pub mod audience;
mod client;
mod dialect;
mod feed;
mod hour;
pub mod index;
mod lanes;
pub mod mentions;
mod reader;
mod reading;
mod worker;

use client::Client;
pub use client::{Answered, Connection, Request, Unanswered};
pub use dialect::{Deliver, Dialects};
use feed::Feed;
pub use lanes::{Attempt, Turn};
use reader::Reader;
use worker::Worker;

/// What waits to be answered by an app's worker; whoever asks for more waits.
const ASKED_MAX: usize = 16;

/// What an app's worker is asked for.
enum Asked {
    /// These dead letters are tried again.
    Replay(Vec<Part>),
    /// It is written down how far the app was told.
    Settle(oneshot::Sender<()>),
}

/// Apps that the metrics show by themselves.
const SHOWN_APPS_MAX: usize = 100;

/// An app, and the workspace that it is installed in.
type Key = (WorkspaceId, AppId);

/// The way to the apps.
pub struct Outbox {
    client: Client,
    workers: Mutex<HashMap<Key, Running>>,
    readers: Mutex<HashMap<WorkspaceId, RunningReader>>,
}

/// A reader, as others know it.
struct RunningReader {
    asked: mpsc::Sender<reader::Asked>,
    feed: Arc<Feed>,
}

/// A worker, as others know it.
struct Running {
    /// Where it is asked for something.
    asked: mpsc::Sender<Asked>,
    backlog: Arc<Backlog>,
    feed: Arc<Feed>,
}

/// What one app has still to be told of.
#[derive(Default)]
pub struct Backlog {
    /// The last position that the worker knows to be read; of one with a seat, the feed knows better.
    read_to: AtomicU64,
    /// Deliveries whose first attempt is not over.
    outstanding: AtomicUsize,
    /// Deliveries that wait for another attempt.
    waiting: AtomicUsize,
    /// Since when the oldest of both is the oldest.
    oldest: Mutex<Option<(Part, Instant)>>,
}

impl Backlog {
    fn note(&self, read_to: u64, outstanding: usize, waiting: usize, oldest: Option<Part>) {
        self.read_to.store(read_to, Ordering::Relaxed);
        self.outstanding.store(outstanding, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Relaxed);
        let mut known = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if known.map(|(part, _)| part) != oldest {
            *known = oldest.map(|part| (part, Instant::now()));
        }
    }
}

impl Outbox {
    /// Waits so long for an app's whole answer, and reaches private addresses only if that is allowed.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read; in words.
    pub fn new(timeout: Duration, private_allowed: bool) -> Result<Self, String> {
        let client = Client::new(timeout, private_allowed).map_err(|failed| failed.to_string())?;
        Ok(Self { client, workers: Mutex::default(), readers: Mutex::default() })
    }

    /// These dead letters are tried again by the app's worker.
    pub async fn replay(&self, workspace: WorkspaceId, app: AppId, parts: Vec<Part>) {
        let worker = self.workers().get(&(workspace, app)).map(|worker| worker.asked.clone());
        if let Some(worker) = worker {
            // One that has ended has lost its endpoint; the letters stay where they are.
            let _ = worker.send(Asked::Replay(parts)).await;
        }
    }

    /// It is written down of every app how far it was told of what is in the log by now.
    pub async fn settle(&self) {
        // What an app has nothing outstanding of is written down by the readers, the rest by the workers.
        self.read_and_write().await;
        let workers: Vec<mpsc::Sender<Asked>> =
            self.workers().values().map(|worker| worker.asked.clone()).collect();
        for worker in workers {
            let (done, settled) = oneshot::channel();
            // One that has ended has written it down.
            if worker.send(Asked::Settle(done)).await.is_ok() {
                let _ = settled.await;
            }
        }
        self.read_and_write().await;
    }

    async fn read_and_write(&self) {
        let readers: Vec<_> = self.readers().values().map(|reader| reader.asked.clone()).collect();
        for reader in readers {
            let (done, written) = oneshot::channel();
            if reader.send(done).await.is_ok() {
                let _ = written.await;
            }
        }
    }

    /// Events that apps have not received yet, as lines of the metrics: the `SHOWN_APPS_MAX` with most. Apps are named by their
    /// numbers, since names come from outside.
    pub fn metrics(&self, published: &Published) -> String {
        let mut apps: Vec<_> = self
            .workers()
            .iter()
            .map(|((workspace, app), worker)| {
                let backlog = &worker.backlog;
                let read_to = worker.feed.read_to(*app);
                let read_to = read_to.unwrap_or_else(|| backlog.read_to.load(Ordering::Relaxed));
                let unread = published.log_end(*workspace).map_or(0, |end| end.saturating_sub(read_to));
                let outstanding = backlog.outstanding.load(Ordering::Relaxed) as u64;
                let waiting = backlog.waiting.load(Ordering::Relaxed) as u64;
                let oldest = *backlog.oldest.lock().unwrap_or_else(PoisonError::into_inner);
                let seconds = oldest.map_or(0.0, |(_, since)| since.elapsed().as_secs_f64());
                (unread + outstanding + waiting, workspace.0, app.0, [unread, outstanding, waiting], seconds)
            })
            .collect();
        apps.sort_unstable_by_key(|app| std::cmp::Reverse(app.0));
        apps.truncate(SHOWN_APPS_MAX);
        let mut lines = String::new();
        let _ = writeln!(lines, "# TYPE redraft_delivery_backlog gauge");
        for (_, workspace, app, counts, _) in &apps {
            for (state, count) in ["unread", "first_attempt", "waiting"].into_iter().zip(counts) {
                let labels = format!("workspace=\"{workspace}\",app=\"{app}\",state=\"{state}\"");
                let _ = writeln!(lines, "redraft_delivery_backlog{{{labels}}} {count}");
            }
        }
        let _ = writeln!(lines, "# TYPE redraft_delivery_oldest_seconds gauge");
        for (_, workspace, app, _, seconds) in &apps {
            let labels = format!("workspace=\"{workspace}\",app=\"{app}\"");
            let _ = writeln!(lines, "redraft_delivery_oldest_seconds{{{labels}}} {seconds:.3}");
        }
        lines
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<Key, Running>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<WorkspaceId, RunningReader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// The app has it.
    Arrived,
    /// There was nothing to tell this app.
    Nothing,
}

/// Why an attempt failed.
pub struct Failure {
    /// In words.
    pub reason: String,
    /// What kept the attempt from succeeding, as the dialect tells the app of it.
    pub cause: Cause,
    /// Another attempt makes sense.
    pub again: bool,
}

/// When what failed is tried again, by the platform's rules.
pub struct Schedule {
    /// How long until the next attempt, by the number of those before.
    pub pauses_micros: &'static [i64],
    /// How long until the first one of what came while the endpoint was down.
    pub down_micros: i64,
    /// An endpoint that keeps failing is told nothing more.
    pub switches_off: bool,
}

/// Keeps one worker for each app that has an endpoint, and one reader for each workspace of such an app, until
/// the other side of `stop` is dropped and all of them have written down how far they are.
pub async fn run(app: Arc<Service>, dialects: Arc<dyn Dialects>, mut stop: watch::Receiver<()>) {
    let mut running = JoinSet::new();
    let mut changes = app.store.published().apps_bell();
    loop {
        changes.mark_unchanged();
        start_missing(&app, &dialects, &mut running, &stop);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            // Its app may have a new endpoint already.
            Some(_) = running.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    while running.join_next().await.is_some() {}
}

fn start_missing(
    app: &Arc<Service>,
    dialects: &Arc<dyn Dialects>,
    running: &mut JoinSet<()>,
    stop: &watch::Receiver<()>,
) {
    let mut keys = Vec::new();
    for directory in app.store.published().directories().all() {
        let told = directory.apps().filter(|app| app.is_told());
        keys.extend(told.map(|app| (directory.workspace.id, app.id)));
    }
    let mut readers = app.outbox.readers();
    readers.retain(|_, reader| !reader.feed.has_ended());
    let mut workers = app.outbox.workers();
    workers.retain(|_, worker| !worker.asked.is_closed());
    for key in keys {
        workers.entry(key).or_insert_with(|| {
            let reader = readers.entry(key.0).or_insert_with(|| {
                let (sender, asked) = mpsc::channel(ASKED_MAX);
                let feed = Arc::<Feed>::default();
                let reader = Reader::new(app, dialects, key.0, &feed, asked);
                running.spawn(reader.run(stop.clone()));
                RunningReader { asked: sender, feed }
            });
            let feed = Arc::clone(&reader.feed);
            let (sender, asked) = mpsc::channel(ASKED_MAX);
            let backlog = Arc::<Backlog>::default();
            let worker = Worker::new(app, dialects, key, &feed, asked, Arc::clone(&backlog));
            running.spawn(worker.run(stop.clone()));
            Running { asked: sender, backlog, feed }
        });
    }
}

/// Calls an app and waits for its answer: for what is a question and not an event. One attempt.
pub async fn call(app: &Service, request: Request) -> Result<Answered, Unanswered> {
    app.outbox.client.send(request).await
}
