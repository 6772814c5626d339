//! The payloads that were received already.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many keys are stored; the oldest are dropped first. Slack sends at most 30,000 events an hour and repeats each within six
/// minutes, so that this is enough for every repetition.
const HEARD_MAX: usize = 10_000;

/// A bounded set of the newest keys.
#[derive(Default)]
pub(super) struct SeenKeys {
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl SeenKeys {
    /// Stores the key. `false` if it was stored already.
    pub(super) fn first(&self, key: String) -> bool {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.known.insert(key.clone()) {
            return false;
        }
        memory.order.push_back(key);
        if HEARD_MAX < memory.order.len()
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded() {
        let heard = SeenKeys::default();
        assert!(heard.first("a".to_owned()));
        assert!(!heard.first("a".to_owned()));
        for number in 0..HEARD_MAX {
            assert!(heard.first(number.to_string()));
        }
        assert!(heard.first("a".to_owned()), "the oldest was forgotten");
        let memory = heard.memory.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((memory.known.len(), memory.order.len()), (HEARD_MAX, HEARD_MAX));
    }
}
