//! The machine's clock, as far as it is believed.
//!
//! A `ts` is never used twice and never goes back, so a time that was wrong once would stay: after a clock that shows ten years
//! too many for a second every later `ts` would be ten years ahead. Therefore a step ahead that no clock makes by itself is not
//! followed at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redraft_model::time::Micros;
use tracing::warn;

/// Tells the time in microseconds since 1970; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// Steps ahead that are followed at once: a day. A machine that slept over night, or whose clock was set by the network, is
/// right away on time, and a clock that was wrong for a moment leaves `ts` a day ahead at most.
pub const STEP_MICROS_MAX: i64 = 24 * 60 * 60 * 1_000_000;

/// How long a greater step has to last until it is believed: five minutes. Until then time goes on from before the step.
pub const STEP_LASTS: Duration = Duration::from_secs(5 * 60);

/// The machine's clock, steadied ([`steady`]).
#[must_use]
pub fn machine_clock() -> Clock {
    let wall = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    };
    let start = Instant::now();
    steady(Arc::new(wall), move || start.elapsed())
}

/// A clock that follows `wall`, whichever way it is set, but for a step ahead of more than [`STEP_MICROS_MAX`]: that one is
/// followed when it has lasted for [`STEP_LASTS`], as `elapsed` tells, which nobody can set. What was shown before is no
/// step: a clock that returns from the past is followed at once. The first time is believed, since a folder may have been
/// put away for years.
pub fn steady(wall: Clock, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Clock {
    let state = Mutex::new(None);
    Arc::new(move || {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, elapsed) = (wall(), elapsed());
        state.get_or_insert_with(|| Steady::new(wall, elapsed)).follow(wall, elapsed)
    })
}

/// What is known of the time.
struct Steady {
    /// The time that was given last, and when that was.
    told: (Micros, Duration),
    /// The latest time that was believed, and when that was.
    latest: (Micros, Duration),
    /// Since when the clock is further ahead than is believed.
    ahead_since: Option<Duration>,
}

impl Steady {
    fn new(wall: Micros, elapsed: Duration) -> Self {
        Self { told: (wall, elapsed), latest: (wall, elapsed), ahead_since: None }
    }

    fn follow(&mut self, wall: Micros, elapsed: Duration) -> Micros {
        let latest = later(self.latest, elapsed);
        if latest.plus(STEP_MICROS_MAX) < wall {
            let since = *self.ahead_since.get_or_insert(elapsed);
            if since == elapsed {
                let seconds = wall.seconds() - latest.seconds();
                warn!(seconds, "the machine's clock jumped ahead: it is followed if that lasts");
            }
            if elapsed.saturating_sub(since) < STEP_LASTS {
                return later(self.told, elapsed);
            }
            warn!("the machine's clock stayed ahead and is followed");
        } else if self.ahead_since.is_some() {
            warn!("the machine's clock is back from its jump, and is followed");
        }
        self.ahead_since = None;
        self.told = (wall, elapsed);
        self.latest = (latest.max(wall), elapsed);
        wall
    }
}

/// A time as it is when so much has elapsed.
fn later((time, then): (Micros, Duration), elapsed: Duration) -> Micros {
    let micros = elapsed.saturating_sub(then).as_micros();
    time.plus(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000_000;
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    const YEARS: i64 = 3650 * DAY;

    /// Seconds since the start, what the wall shows then, what is given; times in microseconds after the start.
    fn check(rows: &[(u64, i64, i64)]) {
        let now = Arc::new(Mutex::new((0, 0)));
        let (wall, elapsed) = (Arc::clone(&now), Arc::clone(&now));
        let clock = steady(
            Arc::new(move || Micros(START + wall.lock().expect("no test panicked with it").1)),
            move || Duration::from_secs(elapsed.lock().expect("no test panicked with it").0),
        );
        for (seconds, shown, told) in rows {
            *now.lock().expect("no test panicked with it") = (*seconds, *shown);
            assert_eq!(clock().0 - START, *told, "after {seconds} s the wall shows {shown}");
        }
    }

    #[test]
    fn an_ordinary_clock_is_followed() {
        check(&[
            (0, 0, 0),
            (1, SECOND, SECOND),
            (2, 2 * SECOND + 7, 2 * SECOND + 7),
            (3, 5 * SECOND, 5 * SECOND),
        ]);
    }

    #[test]
    fn it_may_be_set_back_and_forth() {
        let night = 9 * 3600 * SECOND;
        check(&[
            (0, 0, 0),
            (1, -night, -night),
            (2, 0, 0),
            (3, night, night),
            (4, DAY + night, DAY + night),
            (5, 0, 0),
        ]);
    }

    #[test]
    fn a_clock_that_returns_from_the_past_is_followed() {
        check(&[(0, 0, 0), (1, -YEARS, -YEARS), (2, 2 * SECOND, 2 * SECOND)]);
    }

    #[test]
    fn a_jump_is_not_followed_while_it_is_young() {
        check(&[
            (0, 0, 0),
            (1, YEARS, SECOND),
            (2, YEARS + SECOND, 2 * SECOND),
            (3, 3 * SECOND, 3 * SECOND),
            (4, YEARS, 4 * SECOND),
            // One jump after another is one each time.
            (303, YEARS, 303 * SECOND),
            (304, 304 * SECOND, 304 * SECOND),
            (305, YEARS, 305 * SECOND),
        ]);
    }

    #[test]
    fn one_that_lasts_is_followed() {
        check(&[
            (0, 0, 0),
            (10, YEARS, 10 * SECOND),
            (309, YEARS + 299 * SECOND, 309 * SECOND),
            (310, YEARS + 300 * SECOND, YEARS + 300 * SECOND),
            (311, YEARS + 301 * SECOND, YEARS + 301 * SECOND),
            (312, 312 * SECOND, 312 * SECOND),
        ]);
    }

    #[test]
    fn nothing_overflows() {
        let clock = steady(Arc::new(|| Micros(i64::MAX)), || Duration::MAX);
        assert_eq!((clock(), clock()), (Micros(i64::MAX), Micros(i64::MAX)));
    }
}
