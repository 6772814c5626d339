//! Where the reader of a log hands events to the workers of its apps, and how far each of them is.
//!
//! A worker that has read the log by itself as far as the reader has takes a seat; from there on the reader puts into its
//! queue what concerns it. Both happen under one lock, together with the reader's position, so no event is between them.
//! Who does not keep up loses the seat: the worker reads on by itself from where its queue ended, and comes back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redraft_model::id::AppId;
use tokio::sync::{Notify, watch};

use super::lanes::Attempt;
use super::reading::Found;

/// Attempts that wait for an app's worker to take them. With more the app reads the log by itself.
pub(super) const QUEUE_ATTEMPTS_MAX: usize = 1000;

/// See the module.
#[derive(Default)]
pub(super) struct Feed {
    state: Mutex<State>,
    /// Rings when the reader begins, and when it has ended.
    phase: watch::Sender<Phase>,
    /// Rings when it has something to write down.
    unwritten: Notify,
}

/// What the reader does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    /// It looks where to begin.
    #[default]
    Starting,
    Reading,
    Ended,
}

#[derive(Default)]
struct State {
    /// The reader has handed out all events up to this position.
    read_to: u64,
    seats: HashMap<AppId, Seat>,
}

/// An app whose worker lets the reader read for it.
struct Seat {
    /// The worker has read up to here by itself.
    from: u64,
    /// Where the part of the log begins that is delivered to the app, by which its endpoints are told apart.
    hears_from: u64,
    queue: VecDeque<Attempt>,
    /// The seat is lost, and the worker reads on by itself from here.
    lost_at: Option<u64>,
    /// Everything that was put into the queue has arrived or is written down.
    idle: bool,
    /// The position that is on disk for this app.
    written: u64,
    bell: Arc<Notify>,
}

/// A worker that wants a seat.
pub(super) struct Joining<'a> {
    /// Where the part of the log begins that is delivered to its app.
    pub hears_from: u64,
    /// It has read up to here by itself.
    pub read_to: u64,
    /// The position that is on disk for its app.
    pub written: u64,
    /// Rings when there is something in the seat.
    pub bell: &'a Arc<Notify>,
}

/// What a worker gets from its seat.
pub(super) struct Taken {
    pub attempts: Vec<Attempt>,
    /// Everything up to here was read for the app, and is among the attempts if it concerns it.
    pub read_to: u64,
    /// The worker has a seat.
    pub seated: bool,
}

impl Feed {
    /// Waits until the reader knows where it begins.
    pub async fn started(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Starting).await;
    }

    pub fn begin(&self, read_to: u64) {
        self.state().read_to = read_to;
        self.phase.send_replace(Phase::Reading);
    }

    /// The reader has ended. Its apps need another one.
    pub fn end(&self) {
        self.phase.send_replace(Phase::Ended);
        self.state().seats.values().for_each(|seat| seat.bell.notify_one());
    }

    pub fn has_ended(&self) -> bool {
        *self.phase.borrow() == Phase::Ended
    }

    /// A worker that has read up to a position takes a seat. If the reader is ahead of it there is none, and the reader's
    /// position comes back.
    pub fn join(&self, app: AppId, worker: Joining<'_>) -> Result<(), u64> {
        let mut state = self.state();
        let Joining { hears_from, read_to, written, bell } = worker;
        if read_to < state.read_to {
            return Err(state.read_to);
        }
        let (queue, bell) = (VecDeque::new(), Arc::clone(bell));
        let seat = Seat { from: read_to, hears_from, queue, lost_at: None, idle: false, written, bell };
        state.seats.insert(app, seat);
        Ok(())
    }

    /// Takes at most so many attempts; `None` without a seat. A lost seat is given up with its last attempt.
    pub fn take(&self, app: AppId, limit: usize) -> Option<Taken> {
        let mut state = self.state();
        let reader_at = state.read_to;
        let seat = state.seats.get_mut(&app)?;
        let count = limit.min(seat.queue.len());
        let attempts: Vec<Attempt> = seat.queue.drain(..count).collect();
        if let Some(next) = seat.queue.front() {
            return Some(Taken { attempts, read_to: next.part.0 - 1, seated: true });
        }
        let read_to = seat.lost_at.unwrap_or(reader_at.max(seat.from));
        let seated = seat.lost_at.is_none();
        if !seated {
            state.seats.remove(&app);
        }
        Some(Taken { attempts, read_to, seated })
    }

    /// The app has nothing outstanding, and this position is on disk: from now on the reader writes down how far it is.
    pub fn rest(&self, app: AppId, written: u64) {
        let mut state = self.state();
        let read_to = state.read_to;
        if let Some(seat) = state.seats.get_mut(&app)
            && seat.queue.is_empty()
            && seat.lost_at.is_none()
        {
            seat.idle = true;
            seat.written = written.max(seat.written);
            if seat.written < read_to.max(seat.from) {
                self.unwritten.notify_one();
            }
        }
    }

    /// Gives up the seat; what is in the queue is read again by whoever comes next. Returns how far the worker has got.
    pub fn leave(&self, app: AppId) -> Option<u64> {
        let read_to = self.take(app, 0)?.read_to;
        self.state().seats.remove(&app);
        Some(read_to)
    }

    /// Up to where the log was read for an app with a seat.
    pub fn read_to(&self, app: AppId) -> Option<u64> {
        let state = self.state();
        let seat = state.seats.get(&app)?;
        let next = seat.queue.front().map(|attempt| attempt.part.0 - 1);
        Some(next.or(seat.lost_at).unwrap_or(state.read_to.max(seat.from)))
    }

    /// Takes their seats from apps that the reader no longer reads for as when they sat down: what was read since then may
    /// lack something of theirs.
    pub fn dismiss(&self, hears_from: impl Fn(AppId) -> Option<u64>) {
        let mut state = self.state();
        let read_to = state.read_to;
        for (app, seat) in &mut state.seats {
            if hears_from(*app) != Some(seat.hears_from) {
                seat.lose(read_to.max(seat.from));
            }
        }
    }

    /// Puts what was found into the queues. Everything up to `read_to` has been read.
    pub fn hand_out(&self, found: Vec<Found>, read_to: u64) {
        let mut state = self.state();
        for Found { app, attempt } in found {
            let position = attempt.part.0;
            let Some(seat) = state.seats.get_mut(&app) else { continue };
            if seat.lost_at.is_some() || position <= seat.from {
                continue;
            }
            if seat.queue.len() < QUEUE_ATTEMPTS_MAX {
                seat.queue.push_back(attempt);
                seat.idle = false;
                seat.bell.notify_one();
            } else {
                seat.lose(position - 1);
            }
        }
        state.read_to = read_to.max(state.read_to);
    }

    /// Apps that have nothing outstanding and of which the reader's position is not on disk yet, with that position.
    pub fn unwritten(&self) -> (u64, Vec<AppId>) {
        let state = self.state();
        let behind = |seat: &Seat| seat.idle && seat.lost_at.is_none() && seat.written < state.read_to;
        let behind = state.seats.iter().filter(|(_, seat)| behind(seat));
        // One that was ahead of the reader is written down when the reader is there.
        (state.read_to, behind.filter(|(_, seat)| seat.from <= state.read_to).map(|(app, _)| *app).collect())
    }

    /// The position is on disk for these apps.
    pub fn wrote(&self, position: u64, apps: &[AppId]) {
        let mut state = self.state();
        for app in apps {
            if let Some(seat) = state.seats.get_mut(app) {
                seat.written = position.max(seat.written);
            }
        }
    }

    /// Waits until an app rests whose position is not on disk.
    pub async fn until_unwritten(&self) {
        self.unwritten.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Nothing behind this position stays in the queue: it will be read again.
    fn lose(&mut self, at: u64) {
        if self.lost_at.is_none() {
            self.queue.retain(|attempt| attempt.part.0 <= at);
            self.lost_at = Some(at);
            self.bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: AppId = AppId(1);

    /// What happens next, in whatever order.
    #[derive(Clone, Debug)]
    enum Step {
        /// The reader reads so many events.
        Reader(u64),
        /// The worker takes at most so many attempts from its seat, or reads so many events by itself and wants a seat.
        Worker(usize),
        /// The app is not as it was.
        Dismiss,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (1..400_u64).prop_map(Step::Reader),
            6 => (0..300_usize).prop_map(Step::Worker),
            1 => Just(Step::Dismiss),
        ]
    }

    /// Two of three events concern the app, every sixth in two parts.
    fn found(positions: impl Iterator<Item = u64>) -> Vec<Found> {
        let parts = |position: u64| match position % 6 {
            0 => vec![(position, 0), (position, 1)],
            1 | 4 => vec![],
            _ => vec![(position, 0)],
        };
        let attempt = |part| Attempt { part, conversation: None, attempts: 0, cause: None, logged: None };
        positions.flat_map(parts).map(|part| Found { app: APP, attempt: attempt(part) }).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// However reader and worker take turns, the worker gets everything once and in order, and never counts as further
        /// than what it got.
        #[test]
        fn nothing_is_between_reader_and_worker(start in 0..50_u64, steps in prop::collection::vec(step(), 1..80)) {
            let (feed, bell) = (Feed::default(), Arc::<Notify>::default());
            feed.begin(start);
            let (mut reader_at, mut read_to, mut seated) = (start, 0, false);
            let mut got = Vec::new();
            for step in steps {
                match step {
                    Step::Reader(count) => {
                        feed.hand_out(found(reader_at + 1..=reader_at + count), reader_at + count);
                        reader_at += count;
                    }
                    Step::Dismiss => feed.dismiss(|_| None),
                    Step::Worker(count) if seated => {
                        let taken = feed.take(APP, count).unwrap();
                        got.extend(taken.attempts.iter().map(|attempt| attempt.part));
                        (read_to, seated) = (taken.read_to, taken.seated);
                    }
                    Step::Worker(count) => {
                        let joining = Joining { hears_from: 0, read_to, written: 0, bell: &bell };
                        match feed.join(APP, joining) {
                            Ok(()) => seated = true,
                            Err(ahead) => {
                                let end = ahead.min(read_to + count as u64);
                                got.extend(found(read_to + 1..=end).iter().map(|it| it.attempt.part));
                                read_to = end;
                            }
                        }
                    }
                }
                // Of an event in two parts one may be taken before the other.
                let behind = got.iter().rev().take_while(|part| read_to < part.0).count();
                prop_assert!(behind <= 1, "{behind} attempts behind {read_to}");
            }
            let whole: Vec<_> = found(1..=read_to).iter().map(|it| it.attempt.part).collect();
            let next: Vec<_> = found(1..=read_to + 1).iter().map(|it| it.attempt.part).collect();
            prop_assert!(got.starts_with(&whole) && next.starts_with(&got), "read to {read_to}: {got:?}");
        }
    }

    /// Only of an app that rests is it written down how far the reader is, and of none that is ahead of the reader.
    #[test]
    fn the_reader_writes_for_apps_that_rest() {
        let (feed, bell) = (Feed::default(), Arc::<Notify>::default());
        feed.begin(10);
        let join = |read_to, written| {
            feed.join(APP, Joining { hears_from: 0, read_to, written, bell: &bell }).unwrap();
        };
        join(12, 9);
        assert_eq!(feed.unwritten(), (10, vec![]), "it does not rest");
        feed.rest(APP, 9);
        assert_eq!(feed.unwritten(), (10, vec![]), "the reader is behind it");
        feed.hand_out(vec![], 13);
        assert_eq!(feed.unwritten(), (13, vec![APP]));
        feed.wrote(13, &[APP]);
        assert_eq!(feed.unwritten(), (13, vec![]));
        feed.hand_out(found(14..=15), 15);
        assert_eq!(feed.unwritten(), (15, vec![]), "something is in its queue");
        feed.rest(APP, 13);
        assert_eq!(feed.unwritten(), (15, vec![]), "and still is");
        feed.take(APP, 10).unwrap();
        feed.rest(APP, 13);
        assert_eq!(feed.unwritten(), (15, vec![APP]));
        feed.dismiss(|_| None);
        assert_eq!(feed.unwritten(), (15, vec![]), "it has lost its seat");
    }
}
