//! What is delivered to one app: its lanes, its attempts, and how far it is in its workspace's log.
//!
//! A worker begins by reading the log by itself, from where the app was. When it has come to where the workspace's reader is
//! it takes a seat in the [`Feed`], and sleeps until the reader has something for it. While the app does not keep up the
//! log waits, not memory: a worker with too much to do loses its seat and later reads on by itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redraft_model::directory::Directory;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::{Cause, Delivery, Logged, Part, READ_ROWS_MAX, Settlement, StoreError};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::sleep;
use tracing::{info, warn};

use super::audience::Topics;
use super::feed::{Feed, Joining};
use super::hour::Hour;
use super::lanes::{Attempt, Lanes, Turns};
use super::reading::{Found, Reading, first_attempts};
use super::{Asked, Backlog, Dialects, Failure, Key, Schedule, Told, dialect};
use crate::service::Service;

/// Parts of events of one app whose first attempt is not over. No more are taken from the seat or read from the log while
/// there are so many. After a crash they are told again, also those that had arrived behind the oldest of them.
const OUTSTANDING_MAX: usize = 1000;

/// Events that a worker without a seat reads at once.
const EVENTS_MAX: usize = 100;

/// Deliveries of one app that wait for another attempt; the oldest is given up when there are more.
const WAITING_MAX: usize = 10_000;

/// Attempts at different conversations of one app at the same time.
const LANES_MAX: usize = 32;

/// Attempts in a row that timed out, after which an endpoint counts as down: what has not begun by then, and what comes
/// later, goes straight to its next attempt.
const TIMEOUTS_MAX: u32 = 5;

/// What was told is written down so long after it was: one commit for many events, and few events twice after a crash.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// Changes to the list of deliveries that are written down at once; with so many the pause is over.
const SETTLED_MAX: usize = 1000;

/// How long to wait when the store could not be read or written.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// While something waits for its time: the longest sleep, after which the clock is looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    app: Arc<Service>,
    dialects: Arc<dyn Dialects>,
    workspace: WorkspaceId,
    id: AppId,
    /// Where the endpoint's part of the log began when this worker did; another endpoint's worker begins anew.
    hears_from: Option<u64>,
    /// The last position that was read from the log.
    read_to: u64,
    /// What the first attempt is not over of.
    outstanding: BTreeSet<Part>,
    /// Deliveries that wait for another attempt or are on their way again.
    waiting: BTreeMap<Part, Delivery>,
    /// Of `waiting`, those that wait, by when they are due.
    due: BTreeSet<(Micros, Part)>,
    lanes: Lanes,
    turns: Arc<Turns>,
    running: JoinSet<Result<Told, Failure>>,
    on_their_way: HashMap<task::Id, Attempt>,
    /// Attempts in a row that timed out.
    timeouts: u32,
    hour: Hour,
    /// What is not written down yet, since when, and the position that was written down last.
    settlement: Settlement,
    unsettled_since: Option<Instant>,
    settled_to: u64,
    feed: Arc<Feed>,
    /// Whether the reader of the log reads for this app.
    seated: bool,
    /// Rings when there is something in the seat, or a turn has ended.
    bell: Arc<Notify>,
    /// Reads the log for this app alone.
    reading: Reading,
    asked: mpsc::Receiver<Asked>,
    backlog: Arc<Backlog>,
}

impl Worker {
    pub fn new(
        app: &Arc<Service>,
        dialects: &Arc<dyn Dialects>,
        (workspace, id): Key,
        feed: &Arc<Feed>,
        asked: mpsc::Receiver<Asked>,
        backlog: Arc<Backlog>,
    ) -> Self {
        let bell = Arc::<Notify>::default();
        Self {
            turns: Turns::new(Arc::clone(&bell)),
            bell,
            reading: Reading::new(app, dialects, workspace, Some(id)),
            app: Arc::clone(app),
            dialects: Arc::clone(dialects),
            workspace,
            id,
            hears_from: None,
            read_to: 0,
            outstanding: BTreeSet::new(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            lanes: Lanes::default(),
            running: JoinSet::new(),
            on_their_way: HashMap::new(),
            timeouts: 0,
            hour: Hour::default(),
            settlement: Settlement::default(),
            unsettled_since: None,
            settled_to: 0,
            feed: Arc::clone(feed),
            seated: false,
            asked,
            backlog,
        }
    }

    /// Ends when the workspace or the endpoint is gone, or when the other side of `stop` is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<()>) {
        let mut changes = self.app.store.published().app_bell(self.workspace, self.id);
        let bell = Arc::clone(&self.bell);
        tokio::select! {
            () = self.feed.started() => {}
            _ = stop.changed() => return,
        }
        while let Err(failed) = self.load().await {
            warn!(error = %failed, "what an app was told of cannot be read");
            sleep(STORE_PAUSE).await;
        }
        loop {
            changes.mark_unchanged();
            if !self.is_told() || self.hears_from != self.from() {
                self.give_up_all().await;
                return;
            }
            if self.feed.has_ended() {
                // The next worker of this app finds another reader.
                self.settle_or_warn().await;
                return;
            }
            let more = match self.step().await {
                Ok(more) => more,
                Err(failed) => {
                    warn!(error = %failed, "the log cannot be read, or not be written how far an app is in it");
                    sleep(STORE_PAUSE).await;
                    true
                }
            };
            let oldest = [self.outstanding.first(), self.waiting.keys().next()].into_iter().flatten().min();
            self.backlog.note(self.read_to, self.outstanding.len(), self.waiting.len(), oldest.copied());
            let pause = if more { Some(Duration::ZERO) } else { self.pause() };
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => self.ended(ended),
                () = bell.notified() => {}
                _ = changes.changed() => {}
                Some(asked) = self.asked.recv() => self.answer(asked).await,
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                _ = stop.changed() => {
                    // What is on its way is told again after the restart.
                    self.settle_or_warn().await;
                    return;
                }
            }
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.ended(ended);
            }
        }
    }

    fn directory(&self) -> Option<Arc<Directory>> {
        self.app.workspace(self.workspace)
    }

    fn is_told(&self) -> bool {
        let directory = self.directory();
        directory.is_some_and(|directory| directory.app(self.id).is_some_and(|app| app.is_told()))
    }

    /// Where the part of the log begins that the app's endpoint hears, or where it ended; `None` if the workspace is gone.
    fn from(&self) -> Option<u64> {
        Some(self.directory()?.app(self.id)?.hears_from)
    }

    fn now(&self) -> Micros {
        self.app.now(self.workspace)
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        self.hears_from = self.from();
        self.settled_to = self.app.store.delivered_up_to(self.workspace, self.id).await?;
        self.read_to = self.settled_to.max(self.hears_from.unwrap_or(0));
        let mut after = (0, 0);
        loop {
            let page = self.app.store.deliveries(self.workspace, self.id, after, READ_ROWS_MAX).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.key();
            page.into_iter().for_each(|delivery| self.enlist(delivery));
        }
    }

    /// Reads on, starts what can be started, and writes down what is settled. Returns whether there may be more to read.
    async fn step(&mut self) -> Result<bool, StoreError> {
        let more = self.read_on().await?;
        if self.hour.is_failing() {
            dialect::switch_off(&self.app, (self.workspace, self.id)).await;
        }
        self.start_due();
        for conversation in self.turns.take() {
            self.lanes.ended(conversation);
        }
        while self.running.len() < LANES_MAX
            && let Some(attempt) = self.lanes.next()
        {
            let tell = dialect::tell(
                Arc::clone(&self.app),
                Arc::clone(&self.dialects),
                (self.workspace, self.id),
                attempt.clone(),
                self.turns.begin(attempt.conversation),
            );
            self.on_their_way.insert(self.running.spawn(tell).id(), attempt);
        }
        let changes = self.settlement.put.len() + self.settlement.removed.len();
        if self.unsettled_since.is_some_and(|since| SETTLE_PAUSE <= since.elapsed()) || SETTLED_MAX <= changes
        {
            self.settle().await?;
        }
        if self.rests() {
            self.feed.rest(self.id, self.settled_to);
        }
        Ok(more)
    }

    /// Whether nothing is outstanding or to be written down, and the reader of the log says when there is something again.
    fn rests(&self) -> bool {
        self.seated && self.outstanding.is_empty() && self.unsettled_since.is_none()
    }

    /// Takes what is in the seat, or reads the log on until there is a seat. Returns whether there may be more at once.
    async fn read_on(&mut self) -> Result<bool, StoreError> {
        let room = OUTSTANDING_MAX.saturating_sub(self.outstanding.len());
        if self.seated
            && let Some(taken) = self.feed.take(self.id, room)
        {
            self.seated = taken.seated;
            self.read_to = taken.read_to;
            self.begin(taken.attempts);
            return Ok(!self.seated);
        }
        self.seated = false;
        if room == 0 {
            return Ok(false);
        }
        let joining = Joining {
            hears_from: self.hears_from.unwrap_or(0),
            read_to: self.read_to,
            written: self.settled_to,
            bell: &self.bell,
        };
        let Err(ahead) = self.feed.join(self.id, joining) else {
            self.seated = true;
            return Ok(false);
        };
        let events = self.app.store.events(self.workspace, self.read_to, EVENTS_MAX).await?;
        // Without any, what the reader had in memory cannot be read again.
        let last = events.last().map_or(ahead, |event| event.position);
        let read = self.reading.read(events.into_iter().map(Logged::from).collect()).await;
        // Otherwise another endpoint's part of the log has begun, and this worker is about to end.
        if self.reading.hears_from(self.id) == self.hears_from {
            self.read_to = last;
            self.begin(read.found.into_iter().map(|Found { attempt, .. }| attempt));
        }
        Ok(true)
    }

    /// First attempts at new events.
    fn begin(&mut self, attempts: impl IntoIterator<Item = Attempt>) {
        for attempt in attempts {
            if TIMEOUTS_MAX <= self.timeouts {
                self.wait(attempt, DOWN.into());
            } else {
                self.outstanding.insert(attempt.part);
                self.lanes.push(attempt);
            }
        }
    }

    fn schedule(&self) -> Option<&'static Schedule> {
        Some(self.dialects.of(self.directory()?.app(self.id)?.dialect).schedule())
    }

    /// Waits for its next attempt, or is given up if it had all of them.
    fn wait(&mut self, attempt: Attempt, reason: String) {
        let pause = self.schedule().and_then(|schedule| match attempt.attempts {
            0 => Some(schedule.down_micros),
            attempts => schedule.pauses_micros.get(usize::try_from(attempts - 1).ok()?).copied(),
        });
        match pause {
            Some(pause) => self.put(attempt, Some(self.now().plus(pause)), reason),
            None => self.give_up(attempt, reason),
        }
    }

    fn give_up(&mut self, attempt: Attempt, reason: String) {
        info!(app = self.id.0, position = attempt.part.0, reason, "an event was given up");
        metrics::counter!("redraft_dead_letters_total").increment(1);
        self.put(attempt, None, reason);
    }

    fn put(&mut self, attempt: Attempt, due_at: Option<Micros>, reason: String) {
        let Attempt { part: (position, part), conversation, attempts, cause, .. } = attempt;
        let delivery = Delivery { position, part, conversation, attempts, due_at, cause, reason };
        self.settlement.put.push(delivery.clone());
        self.enlist(delivery);
        self.unsettled();
        if WAITING_MAX < self.waiting.len()
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            oldest.due_at.map(|due_at| self.due.remove(&(due_at, oldest.key())));
            let reason = format!("{}; too many others wait as well", oldest.reason);
            self.settlement.put.push(Delivery { due_at: None, reason, ..oldest });
        }
    }

    /// Remembers when a delivery is due; a dead letter never is.
    fn enlist(&mut self, delivery: Delivery) {
        match delivery.due_at {
            Some(due_at) => {
                self.due.insert((due_at, delivery.key()));
                self.waiting.insert(delivery.key(), delivery);
            }
            None => drop(self.waiting.remove(&delivery.key())),
        }
    }

    fn may_start_due(&self) -> bool {
        self.waiting.len() - self.due.len() < OUTSTANDING_MAX
    }

    /// What is due goes into its lane again.
    fn start_due(&mut self) {
        let now = self.now();
        while self.may_start_due()
            && let Some((due_at, part)) = self.due.first().copied()
            && due_at <= now
        {
            self.due.pop_first();
            if let Some(delivery) = self.waiting.get(&part) {
                let Delivery { conversation, attempts, cause, .. } = *delivery;
                self.lanes.push(Attempt { part, conversation, attempts, cause, logged: None });
            }
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, Result<Told, Failure>), JoinError>) {
        let (id, told) = ended.unwrap_or_else(|panicked| {
            let reason = "the server failed when it told the app of this".into();
            (panicked.id(), Err(Failure { reason, cause: Cause::Other, again: true }))
        });
        let Some(attempt) = self.on_their_way.remove(&id) else { return };
        let Attempt { part, attempts, .. } = attempt;
        self.unsettled();
        let first = self.outstanding.remove(&part);
        if self.schedule().is_some_and(|schedule| schedule.switches_off) {
            match &told {
                Ok(Told::Nothing) => {}
                _ => self.hour.count(self.now(), told.is_ok()),
            }
        }
        match told {
            Ok(what) => {
                if what == Told::Arrived {
                    self.timeouts = 0;
                }
                if !first {
                    self.waiting.remove(&part);
                    self.settlement.removed.push(part);
                }
            }
            Err(Failure { reason, cause, again }) => {
                self.timeouts = if cause == Cause::TimedOut { self.timeouts.saturating_add(1) } else { 0 };
                let attempt = Attempt { attempts: attempts + 1, cause: Some(cause), ..attempt };
                if again {
                    self.wait(attempt, reason);
                } else {
                    self.give_up(attempt, reason);
                }
                if self.timeouts == TIMEOUTS_MAX {
                    self.down();
                }
            }
        }
    }

    /// What has not begun goes straight to its next attempt.
    fn down(&mut self) {
        for attempt in self.lanes.drain() {
            if self.outstanding.remove(&attempt.part) {
                self.wait(attempt, DOWN.into());
            } else {
                self.lanes.push(attempt);
            }
        }
    }

    async fn answer(&mut self, asked: Asked) {
        match asked {
            Asked::Replay(parts) => self.replay(&parts).await,
            Asked::Settle(done) => {
                if let Err(failed) = self.step().await {
                    warn!(error = %failed, "the log cannot be read, or not be written how far an app is in it");
                }
                if !self.rests() {
                    self.unsettled();
                }
                self.settle_or_warn().await;
                let _ = done.send(());
            }
        }
    }

    /// Dead letters are due at once, with all their attempts before them.
    async fn replay(&mut self, parts: &[Part]) {
        self.timeouts = 0;
        if let Err(failed) = self.revive(parts).await {
            warn!(error = %failed, "dead letters cannot be read");
        }
    }

    async fn revive(&mut self, parts: &[Part]) -> Result<(), StoreError> {
        // What is not written down yet may be about them.
        self.settle().await?;
        let wanted: BTreeSet<Part> = parts.iter().copied().collect();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Ok(()) };
        let mut after = (first.0.saturating_sub(1), u8::MAX);
        while after < *last {
            let page = self.app.store.deliveries(self.workspace, self.id, after, READ_ROWS_MAX).await?;
            let Some(end) = page.last() else { return Ok(()) };
            after = end.key();
            for dead in page.into_iter().filter(|it| it.due_at.is_none() && wanted.contains(&it.key())) {
                let Delivery { conversation, cause, .. } = dead;
                let attempt = Attempt { part: dead.key(), conversation, attempts: 0, cause, logged: None };
                self.put(attempt, Some(self.now()), dead.reason);
            }
        }
        Ok(())
    }

    /// The endpoint was taken away: what it was not told of becomes dead letters. What waits for another attempt goes on
    /// waiting, for another endpoint.
    async fn give_up_all(&mut self) {
        if let Some(read_to) = self.feed.leave(self.id).filter(|_| self.seated) {
            self.read_to = read_to;
        }
        // Nothing is left of a workspace that is gone. Another endpoint may be there by now, and hears what came after this.
        let Some(end) = self.from() else { return };
        self.running.abort_all();
        while let Some(ended) = self.running.join_next_with_id().await {
            // One that was cut short was not told.
            if ended.as_ref().is_ok_and(|(_, told)| told.is_ok()) {
                self.ended(ended);
            }
        }
        let unbegun = self.lanes.drain();
        let begun: Vec<Attempt> = self.on_their_way.drain().map(|(_, attempt)| attempt).collect();
        for attempt in begun.into_iter().chain(unbegun) {
            if self.outstanding.remove(&attempt.part) {
                self.give_up(attempt, REMOVED.into());
            }
        }
        while let Err(failed) = self.give_up_unread(end).await {
            warn!(error = %failed, "what an app was not told of cannot be written down");
            sleep(STORE_PAUSE).await;
        }
    }

    async fn give_up_unread(&mut self, end: u64) -> Result<(), StoreError> {
        loop {
            self.settle().await?;
            let events = self.app.store.events(self.workspace, self.read_to, EVENTS_MAX).await?;
            let before = events.iter().take_while(|event| event.position <= end);
            let Some(last) = before.clone().last().map(|event| event.position) else { return Ok(()) };
            self.read_to = last;
            self.unsettled();
            let Some(directory) = self.directory() else { return Ok(()) };
            let Some(bot) = directory.app(self.id) else { return Ok(()) };
            for event in before {
                let logged = Arc::new(Logged::from(event.clone()));
                let dialect = self.dialects.of(bot.dialect);
                for attempt in first_attempts(dialect, &directory, bot, &logged, Topics::ALL) {
                    self.give_up(attempt, REMOVED.into());
                }
            }
        }
    }

    /// Everything up to here has arrived, needed no delivery or is in the list.
    fn heard(&self) -> u64 {
        self.outstanding.first().map_or(self.read_to, |(first, _)| first - 1)
    }

    fn unsettled(&mut self) {
        self.unsettled_since.get_or_insert_with(Instant::now);
    }

    async fn settle(&mut self) -> Result<(), StoreError> {
        if self.unsettled_since.is_none() {
            return Ok(());
        }
        let heard = self.heard();
        let settlement = Settlement { delivered_up_to: heard, ..self.settlement.clone() };
        self.app.store.settle(self.workspace, self.id, settlement).await?;
        self.settlement = Settlement::default();
        self.unsettled_since = None;
        self.settled_to = heard;
        Ok(())
    }

    async fn settle_or_warn(&mut self) {
        if let Err(failed) = self.settle().await {
            warn!(error = %failed, "how far an app was told cannot be written");
        }
    }

    /// Until something is due by the workspace's clock, which goes as fast as the machine's unless it is advanced, or is to
    /// be written down; `None` if there is no such thing.
    fn pause(&self) -> Option<Duration> {
        let due = self.due.first().filter(|_| self.may_start_due());
        let due = due.map(|(due_at, _)| u64::try_from(due_at.0.saturating_sub(self.now().0)).unwrap_or(0));
        let due = due.map(|micros| Duration::from_micros(micros).min(SLEEP_MAX));
        let settle = self.unsettled_since.map(|since| SETTLE_PAUSE.saturating_sub(since.elapsed()));
        due.into_iter().chain(settle).min()
    }
}

/// Why an event waits that nobody tried to tell.
const DOWN: &str = "the endpoint is down: it timed out several times in a row";

/// Why an event is given up that nobody tried to tell, or that was on its way.
const REMOVED: &str = "the endpoint was taken away";
