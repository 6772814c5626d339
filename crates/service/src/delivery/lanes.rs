//! Whose turn it is: of each conversation one attempt at a time, in order; conversations take turns.

use std::collections::{HashMap, VecDeque};

use redraft_model::id::ConversationId;
use redraft_store::{Cause, Part};

/// One attempt at telling an app of one part of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attempt {
    /// The event's place in the log, and which part of it.
    pub part: Part,
    pub conversation: Option<ConversationId>,
    /// Those before this one.
    pub attempts: u32,
    /// What the last of them met.
    pub cause: Option<Cause>,
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

    /// What was on its way in this conversation is over.
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
        Attempt { part: (position, 0), conversation, attempts: 0, cause: None }
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
        assert_eq!(lanes.drain(), [attempt(4, 1)]);
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
