//! What apps hear: every workspace's log is read in order for each app that has an endpoint, and what the app's dialect
//! makes of an event is sent to it.
//!
//! At least once. Of one conversation the next first attempt starts when the last one was answered or timed out; a failed
//! one is tried again later without holding back those behind it. How far an app has been told is written down, so that
//! a restart goes on from there. No lock is held while something is on its way: bots call back before they answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redraft_model::id::{AppId, WorkspaceId};
use redraft_store::{Cause, Part};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::app::App;

mod address;
mod client;
mod dialect;
mod hour;
mod lanes;
mod worker;

use client::Client;
pub(crate) use client::{Answered, Connection, Request, Unanswered};
use worker::Worker;

/// Requests for replay that wait for an app's worker; whoever makes one more waits.
const REPLAYS_MAX: usize = 16;

/// An app, and the workspace that it is installed in.
type Key = (WorkspaceId, AppId);

/// The way to the apps.
pub struct Outbox {
    client: Client,
    /// The apps' workers, by where they hear of dead letters that are to be tried again.
    workers: Mutex<HashMap<Key, mpsc::Sender<Vec<Part>>>>,
}

impl Outbox {
    /// Waits so long for an app's whole answer, and reaches private addresses only if that is allowed.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read; in words.
    pub fn new(timeout: Duration, private_allowed: bool) -> Result<Self, String> {
        let client = Client::new(timeout, private_allowed).map_err(|failed| failed.to_string())?;
        Ok(Self { client, workers: Mutex::default() })
    }

    /// These dead letters are tried again by the app's worker.
    pub(crate) async fn replay(&self, workspace: WorkspaceId, app: AppId, parts: Vec<Part>) {
        let worker = self.workers().get(&(workspace, app)).cloned();
        if let Some(worker) = worker {
            // One that has ended has lost its endpoint; the letters stay where they are.
            let _ = worker.send(parts).await;
        }
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<Key, mpsc::Sender<Vec<Part>>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// The app has it.
    Arrived,
    /// There was nothing to tell this app.
    Nothing,
}

/// Why an attempt failed.
pub(crate) struct Failure {
    /// In words.
    pub reason: String,
    pub cause: Cause,
    /// Another attempt makes sense.
    pub again: bool,
}

/// When what failed is tried again, by the platform's rules.
pub(crate) struct Schedule {
    /// How long until the next attempt, by the number of those before.
    pub pauses_micros: &'static [i64],
    /// How long until the first one of what came while the endpoint was down.
    pub down_micros: i64,
    /// An endpoint that keeps failing is told nothing more.
    pub switches_off: bool,
}

/// Keeps one worker for each app that has an endpoint, until the other side of `stop` is dropped and all of them have
/// written down how far they are.
pub(crate) async fn run(app: Arc<App>, mut stop: watch::Receiver<()>) {
    let mut running = JoinSet::new();
    let mut changes = app.store.published().apps_bell();
    loop {
        changes.mark_unchanged();
        start_workers(&app, &mut running, &stop);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            // Its app may have a new endpoint already.
            Some(_) = running.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    while running.join_next().await.is_some() {}
}

fn start_workers(app: &Arc<App>, running: &mut JoinSet<()>, stop: &watch::Receiver<()>) {
    let mut keys = Vec::new();
    for directory in app.store.published().directories().all() {
        let told = directory.apps().filter(|app| app.is_told());
        keys.extend(told.map(|app| (directory.workspace.id, app.id)));
    }
    let mut workers = app.outbox.workers();
    workers.retain(|_, worker| !worker.is_closed());
    for key in keys {
        workers.entry(key).or_insert_with(|| {
            let (sender, replays) = mpsc::channel(REPLAYS_MAX);
            running.spawn(Worker::new(Arc::clone(app), key, replays).run(stop.clone()));
            sender
        });
    }
}

/// Calls an app and waits for its answer: for what is a question and not an event. One attempt.
pub(crate) async fn call(app: &App, request: Request) -> Result<Answered, Unanswered> {
    app.outbox.client.send(request).await
}
