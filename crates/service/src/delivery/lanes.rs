//! Whose turn it is: of each conversation one attempt at a time, in order; conversations take turns.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redraft_model::id::{ConversationId, WorkspaceId};
use redraft_store::{Cause, Logged, Part, Store, StoreError};
use tokio::sync::Notify;

/// One attempt at telling an app of one part of an event.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The event's place in the log, and which part of it.
    pub part: Part,
    /// Where it happened; attempts of one conversation take turns.
    pub conversation: Option<ConversationId>,
    /// Those before this one.
    pub attempts: u32,
    /// What the last of them met.
    pub cause: Option<Cause>,
    /// The event, if it is at hand. It is for one attempt: what waits for another names its position.
    pub logged: Option<Arc<Logged>>,
}

impl Attempt {
    /// How many attempts failed already, and what the last of them met.
    #[must_use]
    pub fn before(&self) -> Option<(u32, Cause)> {
        self.cause.filter(|_| 0 < self.attempts).map(|cause| (self.attempts, cause))
    }

    /// The event, from the log if it is not at hand; `None` if it cannot be found there.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn logged(
        &self,
        store: &dyn Store,
        workspace: WorkspaceId,
    ) -> Result<Option<Arc<Logged>>, StoreError> {
        if let Some(logged) = &self.logged {
            return Ok(Some(Arc::clone(logged)));
        }
        let position = self.part.0;
        let events = store.events(workspace, position.saturating_sub(1), 1).await?;
        let event = events.into_iter().next().filter(|event| event.position == position);
        Ok(event.map(|event| Arc::new(Logged::from(event))))
    }
}

/// A conversation's turn, from the beginning of an attempt on. The next attempt in that conversation begins when this is
/// dropped: when the attempt has ended, or before, where the dialect says so.
pub struct Turn {
    conversation: Option<ConversationId>,
    turns: Arc<Turns>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.ended().push(self.conversation);
        self.turns.bell.notify_one();
    }
}

/// Turns that have ended, for the worker to know. There are no more than attempts that it has begun.
pub(super) struct Turns {
    ended: Mutex<Vec<Option<ConversationId>>>,
    /// Rings when one has ended.
    bell: Arc<Notify>,
}

impl Turns {
    pub fn new(bell: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { ended: Mutex::default(), bell })
    }

    pub fn begin(self: &Arc<Self>, conversation: Option<ConversationId>) -> Turn {
        Turn { conversation, turns: Arc::clone(self) }
    }

    pub fn take(&self) -> Vec<Option<ConversationId>> {
        std::mem::take(&mut *self.ended())
    }

    fn ended(&self) -> MutexGuard<'_, Vec<Option<ConversationId>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Attempts that wait for their turn.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<Option<ConversationId>, Lane>,
    /// Conversations with something to begin and nothing on its way, the longest waiting first.
    ready: VecDeque<Option<ConversationId>>,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Attempt>,
    busy: bool,
}

impl Lanes {
    /// Behind everything that waits in its conversation.
    pub fn push(&mut self, attempt: Attempt) {
        let lane = self.lanes.entry(attempt.conversation).or_default();
        if !lane.busy && lane.queue.is_empty() {
            self.ready.push_back(attempt.conversation);
        }
        lane.queue.push_back(attempt);
    }

    /// The next attempt to begin. Its conversation waits until [`Lanes::ended`].
    pub fn next(&mut self) -> Option<Attempt> {
        let lane = self.lanes.get_mut(&self.ready.pop_front()?)?;
        lane.busy = true;
        lane.queue.pop_front()
    }

    /// This conversation's turn has ended.
    pub fn ended(&mut self, conversation: Option<ConversationId>) {
        let Some(lane) = self.lanes.get_mut(&conversation) else { return };
        lane.busy = false;
        if lane.queue.is_empty() {
            self.lanes.remove(&conversation);
        } else {
            self.ready.push_back(conversation);
        }
    }

    /// Takes out everything that has not begun, in the log's order.
    pub fn drain(&mut self) -> Vec<Attempt> {
        self.ready.clear();
        let mut queued: Vec<Attempt> =
            self.lanes.values_mut().flat_map(|lane| lane.queue.drain(..)).collect();
        self.lanes.retain(|_, lane| lane.busy);
        queued.sort_by_key(|attempt| attempt.part);
        queued
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(position: u64, conversation: u32) -> Attempt {
        let conversation = Some(ConversationId(conversation));
        Attempt { part: (position, 0), conversation, attempts: 0, cause: None, logged: None }
    }

    /// What may begin now, one after the other.
    fn begun(lanes: &mut Lanes) -> String {
        let begun = std::iter::from_fn(|| lanes.next()).map(|attempt| attempt.part.0.to_string());
        begun.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_of_each_conversation_in_order() {
        let mut lanes = Lanes::default();
        for (position, conversation) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 3)] {
            lanes.push(attempt(position, conversation));
        }
        assert_eq!(begun(&mut lanes), "1 3 5");
        lanes.ended(Some(ConversationId(2)));
        assert_eq!(begun(&mut lanes), "");
        lanes.ended(Some(ConversationId(1)));
        assert_eq!(begun(&mut lanes), "2");
        lanes.push(attempt(6, 2));
        assert_eq!(begun(&mut lanes), "6");
        assert_eq!(lanes.drain().iter().map(|left| left.part.0).collect::<Vec<_>>(), [4]);
        lanes.push(attempt(7, 1));
        assert_eq!(begun(&mut lanes), "", "the first conversation is still busy");
        lanes.ended(Some(ConversationId(1)));
        assert_eq!(begun(&mut lanes), "7");
    }

    #[test]
    fn conversations_take_turns() {
        let mut lanes = Lanes::default();
        (1..=6).for_each(|position| lanes.push(attempt(position, u32::try_from(position % 3).unwrap())));
        let turns: Vec<u64> = (0..6)
            .filter_map(|_| {
                let next = lanes.next()?;
                lanes.ended(next.conversation);
                Some(next.part.0)
            })
            .collect();
        assert_eq!(turns, [1, 2, 3, 4, 5, 6]);
    }
}
