//! Rate windows: what the platforms' limits have in common. What counts together, and how often, is theirs.
//!
//! A window begins with the first call that counts and ends when its time has passed on the workspace's clock. No platform
//! says how its windows lie.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use redraft_model::id::WorkspaceId;
use redraft_model::time::Micros;

/// Windows of so many subjects are remembered. When there are more, those that have ended are forgotten, and if most are
/// not, all are: then some calls pass that the platform would refuse.
pub const SUBJECTS_MAX: usize = 65_536;

/// So many calls in so many seconds.
pub type Limit = (u32, i64);

/// The most limits that one subject has.
const LIMITS: usize = 4;

/// Microseconds of a second.
pub const SECOND_MICROS: i64 = 1_000_000;

/// What is counted together.
pub trait Subject: Copy + Eq + Hash {
    /// Whose clock its windows run on.
    fn workspace(&self) -> WorkspaceId;
    /// At most four.
    fn limits(&self) -> &'static [Limit];
}

/// One window: when it began, and how many calls were in it.
#[derive(Clone, Copy, Default)]
struct Window {
    start: Micros,
    calls: u32,
}

impl Window {
    /// Microseconds until it ends, if it has not ended. A clock that went back ends it.
    fn left(&self, limit: Limit, now: Micros) -> Option<i64> {
        let age = now.0 - self.start.0;
        let length = limit.1 * SECOND_MICROS;
        (0 < self.calls && (0..length).contains(&age)).then_some(length - age)
    }
}

/// The windows of a running server.
pub struct Windows<S> {
    subjects: Mutex<HashMap<S, [Window; LIMITS]>>,
}

impl<S> Default for Windows<S> {
    fn default() -> Self {
        Self { subjects: Mutex::default() }
    }
}

impl<S: Subject> Windows<S> {
    /// Counts one call of all these subjects, or counts nothing and says in how many seconds there will be room for one
    /// of each.
    pub fn take(&self, asked: &[S], clock: impl Fn(WorkspaceId) -> Micros) -> Result<(), u32> {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = 0;
        for subject in asked {
            let Some(windows) = subjects.get(subject) else { continue };
            for (window, limit) in windows.iter().zip(subject.limits()) {
                let full = limit.0 <= window.calls;
                let left = window.left(*limit, clock(subject.workspace())).filter(|_| full);
                wait = wait.max(left.unwrap_or(0));
            }
        }
        if 0 < wait {
            return Err(u32::try_from((wait + SECOND_MICROS - 1) / SECOND_MICROS).unwrap_or(u32::MAX));
        }
        if SUBJECTS_MAX < subjects.len() + asked.len() {
            forget(&mut subjects, &clock);
        }
        for subject in asked {
            let now = clock(subject.workspace());
            let windows = subjects.entry(*subject).or_default();
            for (window, limit) in windows.iter_mut().zip(subject.limits()) {
                if window.left(*limit, now).is_none() {
                    *window = Window { start: now, calls: 0 };
                }
                window.calls += 1;
            }
        }
        Ok(())
    }

    /// Subjects whose windows are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Makes room.
fn forget<S: Subject>(subjects: &mut HashMap<S, [Window; LIMITS]>, clock: &impl Fn(WorkspaceId) -> Micros) {
    subjects.retain(|subject, windows| {
        let now = clock(subject.workspace());
        windows.iter().zip(subject.limits()).any(|(window, limit)| window.left(*limit, now).is_some())
    });
    if SUBJECTS_MAX / 2 < subjects.len() {
        subjects.clear();
    }
}
