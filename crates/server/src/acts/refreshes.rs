//! Which cards were refreshed for whom.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use redraft_model::id::{MessageKey, UserId};

/// Questions that are remembered. When there are more all are forgotten, so that some may be asked again.
const ASKED_MAX: usize = 100_000;

/// A card as one person saw it first.
type Showing = (MessageKey, u32, UserId);

/// Which cards were refreshed for whom. In memory: clients that start anew ask anew as well.
#[derive(Default)]
pub struct Refreshes(Mutex<HashSet<Showing>>);

impl Refreshes {
    /// Whether this is the first time.
    pub(super) fn begins(&self, showing: Showing) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ASKED_MAX <= asked.len() {
            asked.clear();
        }
        asked.insert(showing)
    }
}
