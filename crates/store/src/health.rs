//! Whether the store can be written to, as the last write showed, for health checks.
//!
//! An observation is good for a short while. Checks must not write each for themselves: one tries, the others wait for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long the outcome of a write says whether the next one will succeed. Later a write is made to find out.
const HOLDS_FOR: Duration = Duration::from_secs(3);

/// How the last write ended. Shared by the committer, which notes it, and those who ask.
pub(crate) struct Health {
    state: Mutex<State>,
    noted: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// When it ended, and whether it succeeded.
    last: Option<(Instant, bool)>,
    /// A write is under way that was made to find out.
    probing: bool,
}

/// What somebody who asks has to do.
pub(crate) enum Known {
    /// The last write is a short time ago, and succeeded or not.
    Lately(bool),
    /// Wait until a write has ended.
    Soon,
    /// Make a write, and wait until it has ended.
    Probe,
}

impl Health {
    pub fn new() -> Self {
        Self { state: Mutex::default(), noted: watch::Sender::new(()) }
    }

    /// A write has ended.
    pub fn wrote(&self, well: bool) {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { last: Some((Instant::now(), well)), probing: false };
        self.noted.send_replace(());
    }

    /// What is known. If nothing is known, one of those who ask has to try a write.
    pub fn ask(&self) -> Known {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.last {
            Some((at, well)) if at.elapsed() < HOLDS_FOR => Known::Lately(well),
            _ if std::mem::replace(&mut state.probing, true) => Known::Soon,
            _ => Known::Probe,
        }
    }

    /// Rings when a write has ended.
    pub fn noted(&self) -> watch::Receiver<()> {
        self.noted.subscribe()
    }
}
