//! What apps hear: every workspace's log is read in order for each app that has an endpoint, and what the app's dialect
//! makes of an event is sent to it.
//!
//! At least once. Of one conversation the next first attempt starts when the last one was answered or timed out; a failed
//! one is tried again later without holding back those behind it. How far an app has been told is written down, so that
//! a restart goes on from there. No lock is held while something is on its way: bots call back before they answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::{Delivery, Settlement, StoreError};
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::app::App;
use crate::connector;

mod client;

use client::Client;
pub(crate) use client::{Answered, Request, Unanswered};

/// Events of one app that may be on their way or waiting for their first attempt.
const OUTSTANDING_MAX: usize = 256;

/// Events that are read at once.
const EVENTS_MAX: usize = 100;

/// Deliveries of one app that wait for another attempt; the oldest are given up when there are more.
const WAITING_MAX: usize = 10_000;

/// Attempts at different conversations of one app at the same time.
const LANES_MAX: usize = 32;

/// Attempts in a row that timed out, after which an endpoint counts as down: what comes then goes straight to its next
/// attempt.
const TIMEOUTS_MAX: u32 = 5;

/// How long until the next attempt, by the number of those before. Teams' own schedule is not public; this is the
/// reference's guess: once more after a short pause.
const PAUSES_MICROS: [i64; 1] = [5_000_000];

/// Events that an app does not hear, after which it is written down all the same how far the log was read.
const UNHEARD_MAX: u64 = 1000;

/// Requests for replay that wait.
const REPLAYS_MAX: usize = 1024;

/// The way to the apps.
pub struct Outbox {
    client: Client,
    replays: broadcast::Sender<Replay>,
}

impl Outbox {
    /// Waits so long for an app's whole answer, and reaches private addresses only if that is allowed.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read; in words.
    pub fn new(timeout: Duration, private_allowed: bool) -> Result<Self, String> {
        let client = Client::new(timeout, private_allowed).map_err(|failed| failed.to_string())?;
        Ok(Self { client, replays: broadcast::Sender::new(REPLAYS_MAX) })
    }

    /// A dead letter is tried again by the app's worker.
    pub(crate) fn replay(&self, workspace: WorkspaceId, app: AppId, position: u64) {
        // Without a receiver there is no worker, and so no endpoint.
        let _ = self.replays.send(Replay { workspace, app, position });
    }
}

/// A dead letter that is to be tried again.
#[derive(Clone, Copy)]
struct Replay {
    workspace: WorkspaceId,
    app: AppId,
    position: u64,
}

/// How long to wait when the store could not be read.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// The longest sleep, after which the clock is looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Keeps one worker for each app that has an endpoint, for as long as the server runs.
pub(crate) async fn run(app: Arc<App>) {
    let mut workers: HashMap<(WorkspaceId, AppId), JoinHandle<()>> = HashMap::new();
    let mut changes = app.store.published().changes();
    loop {
        changes.mark_unchanged();
        workers.retain(|_, worker| !worker.is_finished());
        for key in with_endpoints(&app) {
            workers.entry(key).or_insert_with(|| tokio::spawn(Worker::new(Arc::clone(&app), key).run()));
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn with_endpoints(app: &App) -> Vec<(WorkspaceId, AppId)> {
    let directories = app.store.published().directories();
    let of = |directory: &Arc<Directory>| {
        let id = directory.workspace.id;
        let told = directory.apps().filter(|app| app.endpoint.is_some());
        told.map(|app| (id, app.id)).collect::<Vec<_>>()
    };
    directories.all().flat_map(of).collect()
}

/// Calls an app and waits for its answer: for what is a question and not an event. One attempt.
pub(crate) async fn call(app: &App, request: Request) -> Result<Answered, Unanswered> {
    app.outbox.client.send(request).await
}

/// One attempt at one event.
struct Attempt {
    position: u64,
    lane: Option<ConversationId>,
    /// Those before this one.
    attempts: u32,
}

/// What came of it.
struct Outcome {
    attempt: Attempt,
    told: Result<(), Failure>,
}

/// Why an attempt failed.
pub(crate) struct Failure {
    /// In words.
    pub reason: String,
    /// The app did not answer in time.
    pub timed_out: bool,
    /// Another attempt makes sense.
    pub again: bool,
}

/// What waits for one conversation. Its first attempts go one after the other.
#[derive(Default)]
struct Lane {
    queue: VecDeque<Attempt>,
    busy: bool,
}

struct Worker {
    app: Arc<App>,
    workspace: WorkspaceId,
    id: AppId,
    /// The last position that was read from the log.
    read_to: u64,
    /// Positions whose first attempt is not over.
    outstanding: BTreeSet<u64>,
    waiting: BTreeMap<u64, Delivery>,
    /// Of `waiting`, those that are on their way again.
    under_way: BTreeSet<u64>,
    lanes: HashMap<Option<ConversationId>, Lane>,
    running: JoinSet<Outcome>,
    timeouts: u32,
    /// A first attempt has ended since the last settlement.
    settled: bool,
    settlement: Settlement,
    replays: broadcast::Receiver<Replay>,
}

impl Worker {
    fn new(app: Arc<App>, (workspace, id): (WorkspaceId, AppId)) -> Self {
        Self {
            replays: app.outbox.replays.subscribe(),
            settled: false,
            app,
            workspace,
            id,
            read_to: 0,
            outstanding: BTreeSet::new(),
            waiting: BTreeMap::new(),
            under_way: BTreeSet::new(),
            lanes: HashMap::new(),
            running: JoinSet::new(),
            timeouts: 0,
            settlement: Settlement::default(),
        }
    }

    async fn run(mut self) {
        let mut commits = self.app.store.published().commits();
        while let Err(failed) = self.load().await {
            warn!(error = %failed, "what an app was told of cannot be read");
            sleep(STORE_PAUSE).await;
        }
        loop {
            commits.mark_unchanged();
            if self.endpoint().is_none() {
                return;
            }
            if let Err(failed) = self.step().await {
                warn!(error = %failed, "the log cannot be read for an app");
                sleep(STORE_PAUSE).await;
            }
            let pause = self.pause();
            tokio::select! {
                ended = self.running.join_next(), if !self.running.is_empty() => self.ended(ended),
                _ = commits.changed() => {}
                Ok(replay) = self.replays.recv() => self.replay(replay).await,
                () = sleep(pause) => {}
            }
            while let Some(ended) = self.running.try_join_next() {
                self.ended(Some(ended));
            }
        }
    }

    fn directory(&self) -> Option<Arc<Directory>> {
        self.app.workspace(self.workspace)
    }

    fn endpoint(&self) -> Option<String> {
        self.directory()?.app(self.id)?.endpoint.clone()
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        let from = self.directory().and_then(|directory| Some(directory.app(self.id)?.hears_from));
        let store = &self.app.store;
        let heard = store.heard(self.workspace, self.id).await?;
        self.read_to = heard.max(from.unwrap_or(0));
        self.settlement.heard = self.read_to;
        let mut after = 0;
        loop {
            let page = store.deliveries(self.workspace, self.id, after, EVENTS_MAX).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            let waiting = page.into_iter().filter(|delivery| delivery.due_at.is_some());
            self.waiting.extend(waiting.map(|delivery| (delivery.position, delivery)));
        }
    }

    /// Reads on, starts what can be started, and writes down what is settled.
    async fn step(&mut self) -> Result<(), StoreError> {
        while self.outstanding.len() < OUTSTANDING_MAX {
            let events = self.app.store.events(self.workspace, self.read_to, EVENTS_MAX).await?;
            if events.is_empty() {
                break;
            }
            for event in events {
                self.read_to = event.position;
                self.take(&event);
            }
        }
        self.due();
        self.start();
        self.settle().await
    }

    /// A new event.
    fn take(&mut self, event: &Event) {
        let hears = self.directory().is_some_and(|directory| {
            directory.app(self.id).is_some_and(|bot| connector::hears::may_hear(&directory, bot, event))
        });
        if !hears {
            return;
        }
        let lane = event.kind.conversation();
        let first = Attempt { position: event.position, lane, attempts: 0 };
        if TIMEOUTS_MAX <= self.timeouts {
            let down = "the endpoint is down: it timed out several times in a row";
            self.wait(&first, down.into(), PAUSES_MICROS[0]);
            return;
        }
        self.outstanding.insert(event.position);
        self.lanes.entry(lane).or_default().queue.push_back(first);
    }

    fn now(&self) -> Micros {
        self.app.now(self.workspace)
    }

    fn wait(&mut self, attempt: &Attempt, reason: String, pause_micros: i64) {
        let due_at = Some(self.now().plus(pause_micros));
        let Attempt { position, lane, attempts } = *attempt;
        self.put(Delivery { position, conversation: lane, attempts, due_at, reason });
    }

    fn put(&mut self, delivery: Delivery) {
        self.settlement.put.push(delivery.clone());
        self.waiting.remove(&delivery.position);
        if delivery.due_at.is_some() {
            self.waiting.insert(delivery.position, delivery);
        }
        if WAITING_MAX < self.waiting.len()
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            let reason = format!("{}; too many others wait as well", oldest.reason);
            self.settlement.put.push(Delivery { due_at: None, reason, ..oldest });
        }
    }

    /// What is due goes into its lane again.
    fn due(&mut self) {
        let now = self.now();
        let is_due = |delivery: &&Delivery| delivery.due_at.is_some_and(|due_at| due_at <= now);
        let due = self.waiting.values().filter(is_due).filter(|it| !self.under_way.contains(&it.position));
        let due: Vec<Attempt> = due
            .take(OUTSTANDING_MAX.saturating_sub(self.under_way.len()))
            .map(|it| Attempt { position: it.position, lane: it.conversation, attempts: it.attempts })
            .collect();
        for attempt in due {
            self.under_way.insert(attempt.position);
            self.lanes.entry(attempt.lane).or_default().queue.push_back(attempt);
        }
    }

    fn start(&mut self) {
        for waiting in self.lanes.values_mut() {
            if LANES_MAX <= self.running.len() {
                return;
            }
            if !waiting.busy
                && let Some(attempt) = waiting.queue.pop_front()
            {
                waiting.busy = true;
                self.running.spawn(tell(Arc::clone(&self.app), self.workspace, self.id, attempt));
            }
        }
        self.lanes.retain(|_, lane| lane.busy || !lane.queue.is_empty());
    }

    fn ended(&mut self, ended: Option<Result<Outcome, tokio::task::JoinError>>) {
        let Some(ended) = ended else { return };
        let Ok(Outcome { attempt: Attempt { position, lane, attempts }, told }) = ended else {
            warn!("an attempt to tell an app of an event panicked");
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.busy = false;
        }
        self.settled |= self.outstanding.remove(&position);
        self.under_way.remove(&position);
        let timed_out = told.as_ref().err().is_some_and(|failure| failure.timed_out);
        self.timeouts = if timed_out { self.timeouts.saturating_add(1) } else { 0 };
        match told {
            Ok(()) => {
                if self.waiting.remove(&position).is_some() {
                    self.settlement.removed.push(position);
                }
            }
            Err(Failure { reason, again, .. }) => {
                let made = attempts + 1;
                let pause = usize::try_from(attempts).ok().and_then(|made| PAUSES_MICROS.get(made));
                match pause.filter(|_| again) {
                    Some(pause) => {
                        self.wait(&Attempt { position, lane, attempts: made }, reason, *pause);
                    }
                    None => {
                        info!(app = self.id.0, position, reason, "an event was given up");
                        let given_up =
                            Delivery { position, conversation: lane, attempts: made, due_at: None, reason };
                        self.put(given_up);
                    }
                }
            }
        }
    }

    /// A dead letter is due at once, with all its attempts before it.
    async fn replay(&mut self, replay: Replay) {
        if (replay.workspace, replay.app) != (self.workspace, self.id) {
            return;
        }
        let before = replay.position.saturating_sub(1);
        match self.app.store.deliveries(self.workspace, self.id, before, 1).await.as_deref() {
            Ok([dead]) if dead.position == replay.position && dead.due_at.is_none() => {
                let due_at = Some(self.now());
                self.timeouts = 0;
                self.put(Delivery { attempts: 0, due_at, ..dead.clone() });
            }
            Ok(_) => {}
            Err(failed) => warn!(error = %failed, "a dead letter cannot be read"),
        }
    }

    async fn settle(&mut self) -> Result<(), StoreError> {
        let heard = self.outstanding.first().map_or(self.read_to, |first| first - 1);
        let settlement = &self.settlement;
        let nothing = !self.settled && settlement.put.is_empty() && settlement.removed.is_empty();
        if nothing && heard < settlement.heard + UNHEARD_MAX {
            return Ok(());
        }
        let settlement = Settlement { heard, ..settlement.clone() };
        self.app.store.settle(self.workspace, self.id, settlement).await?;
        self.settlement = Settlement { heard, ..Settlement::default() };
        self.settled = false;
        Ok(())
    }

    /// Until the next attempt is due by the workspace's clock, which goes as fast as the machine's unless it is advanced.
    fn pause(&self) -> Duration {
        let waiting = self.waiting.values().filter(|it| !self.under_way.contains(&it.position));
        let next = waiting.filter_map(|delivery| delivery.due_at).min();
        let Some(next) = next else { return SLEEP_MAX };
        let micros = u64::try_from(next.0.saturating_sub(self.now().0)).unwrap_or(0);
        Duration::from_micros(micros).min(SLEEP_MAX)
    }
}

/// Reads the event again, makes of it what the app hears, and sends that.
async fn tell(app: Arc<App>, workspace: WorkspaceId, id: AppId, attempt: Attempt) -> Outcome {
    let told = connector::hears::tell(&app, workspace, id, attempt.position).await;
    Outcome { attempt, told }
}
