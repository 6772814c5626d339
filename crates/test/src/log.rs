//! What the server says on standard error: the last of it, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most bytes of the server's log that are retained, the newest.
const LOG_BYTES_MAX: usize = 1 << 20;

/// Lines of it that an error shows.
const LINES_SHOWN_MAX: usize = 12;

/// The last lines of a server's log.
#[derive(Default)]
pub(crate) struct Log(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    kept: VecDeque<String>,
    bytes: usize,
    /// How many bytes were dropped before the first retained one.
    dropped: usize,
    ended: bool,
}

impl Log {
    pub(crate) fn push(&self, line: String) {
        let mut lines = self.lines();
        lines.bytes += line.len();
        lines.kept.push_back(line);
        while LOG_BYTES_MAX < lines.bytes {
            let Some(oldest) = lines.kept.pop_front() else { break };
            lines.bytes -= oldest.len();
            lines.dropped += 1;
        }
    }

    /// No more comes: the server has ended.
    pub(crate) fn end(&self) {
        self.lines().ended = true;
    }

    /// The retained part.
    pub(crate) fn all(&self) -> String {
        self.lines().kept.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The last lines, for an error.
    pub(crate) fn tail(&self) -> String {
        let lines = self.lines();
        let skipped = lines.kept.len().saturating_sub(LINES_SHOWN_MAX);
        lines.kept.iter().skip(skipped).map(|line| format!("{line}\n")).collect()
    }

    /// The retained part if the server has ended, else nothing.
    pub(crate) fn last_words(&self) -> String {
        if self.lines().ended { self.tail() } else { String::new() }
    }

    /// How many lines there have been.
    pub(crate) fn count(&self) -> usize {
        let lines = self.lines();
        lines.dropped + lines.kept.len()
    }

    /// The last refusals after so many lines.
    pub(crate) fn refusals_after(&self, count: usize) -> Vec<String> {
        let lines = self.lines();
        let later = lines.kept.iter().skip(count.saturating_sub(lines.dropped));
        let refusals: Vec<&String> = later.filter(|line| line.contains("refused")).collect();
        let skipped = refusals.len().saturating_sub(LINES_SHOWN_MAX);
        refusals.into_iter().skip(skipped).cloned().collect()
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept() {
        let log = Log::default();
        log.push("refused first".into());
        let before = log.count();
        for number in 0..3000 {
            log.push(format!("{number} refused {}", "x".repeat(1000)));
        }
        assert!(log.all().len() <= LOG_BYTES_MAX + 3000);
        assert_eq!(log.count(), 3001);
        let refusals = log.refusals_after(before);
        assert_eq!(refusals.len(), LINES_SHOWN_MAX);
        assert!(refusals.last().is_some_and(|line| line.starts_with("2999")));
        assert_eq!(log.refusals_after(log.count()), Vec::<String>::new());
        assert_eq!(log.last_words(), "");
        log.end();
        assert!(log.last_words().contains("2999"));
    }
}
