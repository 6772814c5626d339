//! Streams whose readers are not yet told of the newest pieces.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use redraft_model::id::MessageKey;

/// Streams whose readers will be told of new pieces soon. Lost with the process: then the next step tells them.
#[derive(Default)]
pub struct Untold(Mutex<HashSet<MessageKey>>);

/// Streams that are remembered so at once.
const UNTOLD_MAX: usize = 10_000;

impl Untold {
    /// Remembers a stream; false if it was, or if there are too many.
    pub(crate) fn put(&self, key: MessageKey) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.len() < UNTOLD_MAX && all.insert(key)
    }

    pub(crate) fn remove(&self, key: &MessageKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
