//! Log lines that would come too often: one line counts many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often the log has a line about refused connections, with their number.
const REFUSALS_PAUSE: Duration = Duration::from_secs(10);

/// Reports at intervals, with the number of times since the last report.
#[derive(Default)]
pub(crate) struct Seldom {
    next_ms: AtomicU64,
    count: AtomicU64,
}

impl Seldom {
    /// The number of times since the last report, if it is time for the next one.
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
