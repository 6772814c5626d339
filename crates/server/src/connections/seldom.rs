//! Log lines that would come too often: one of them stands for many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lines in the log about refused connections: one in this time, with how many it stands for.
const REFUSALS_PAUSE: Duration = Duration::from_secs(10);

/// One thing in a while, with how many it stands for.
#[derive(Default)]
pub(crate) struct Seldom {
    next_ms: AtomicU64,
    count: AtomicU64,
}

impl Seldom {
    /// Whether it is time again, and for how many it stands then.
    pub fn turn(&self, now_ms: u64) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        if now_ms < self.next_ms.load(Ordering::Relaxed) {
            return None;
        }
        let pause_ms = u64::try_from(REFUSALS_PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.next_ms.store(now_ms.saturating_add(pause_ms).max(1), Ordering::Relaxed);
        Some(self.count.swap(0, Ordering::Relaxed))
    }
}
