//! The newest events of a log in memory, for the one who follows it.

use std::sync::Arc;

use redraft_model::content::Content;
use redraft_model::decision::{Change, Decision};
use redraft_model::event::{Event, EventKind};
use redraft_model::message::Message;

/// Events that are kept for who follows a log. With more, all are dropped and read from the store.
const TAIL_EVENTS_MAX: usize = 1024;

/// Bytes of content that are kept with them; what is over is read from the store.
const TAIL_BYTES_MAX: usize = 1 << 20;

/// An event, with what it wrote as far as that is at hand; the rest has to be read from the store.
#[derive(Clone, Debug)]
pub struct Logged {
    /// What happened.
    pub event: Event,
    /// The content that it wrote.
    pub content: Option<Arc<Content>>,
    /// The message that it made or updated, as it was then.
    pub message: Option<Arc<Message>>,
}

impl From<Event> for Logged {
    fn from(event: Event) -> Self {
        Self { event, content: None, message: None }
    }
}

impl Logged {
    /// The events of a decision.
    pub(crate) fn of(decision: &mut Decision) -> impl Iterator<Item = Self> {
        let events = std::mem::take(&mut decision.events);
        let changes = &decision.changes;
        events.into_iter().map(move |event| {
            let written = changes.iter().find_map(|change| {
                let Change::PutRevision(revision, content) = change else { return None };
                (revision.position == event.position).then_some(content)
            });
            // Only events of these two kinds are rendered with their message; for the others it is read if it is needed.
            let message = if let EventKind::MessagePosted { .. } = event.kind {
                Some(event.ts)
            } else if let EventKind::MessageUpdated { message, .. } = event.kind {
                Some(message)
            } else {
                None
            };
            let message = message.and_then(|ts| {
                changes.iter().find_map(|change| {
                    let Change::PutMessage(message) = change else { return None };
                    (message.key.ts == ts).then_some(message)
                })
            });
            Self { content: written.cloned(), message: message.cloned(), event }
        })
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Tail {
    events: Vec<Logged>,
    bytes: usize,
}

impl Tail {
    /// Adds an event whose content takes so many bytes.
    pub fn push(&mut self, mut logged: Logged, bytes: usize) {
        if TAIL_EVENTS_MAX <= self.events.len() {
            self.events.clear();
            self.bytes = 0;
        }
        if TAIL_BYTES_MAX < self.bytes + bytes {
            logged.content = None;
        } else {
            self.bytes += bytes;
        }
        self.events.push(logged);
    }

    pub fn take(&mut self) -> Vec<Logged> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use redraft_model::content::Dialect;
    use redraft_model::time::{Micros, Ts};

    use super::*;

    fn logged(position: u64, bytes: usize) -> Logged {
        let kind = EventKind::WorkspaceChanged;
        let event = Event { position, ts: Ts(0), at: Micros(0), by: None, app: None, kind };
        let content = Content::text(Dialect::Slack, "x".repeat(bytes));
        Logged { content: (0 < bytes).then(|| Arc::new(content)), ..Logged::from(event) }
    }

    #[test]
    fn memory_is_bounded_by_events_and_by_bytes() {
        let mut tail = Tail::default();
        (1..=TAIL_EVENTS_MAX as u64 + 2).for_each(|position| tail.push(logged(position, 0), 0));
        let positions: Vec<u64> = tail.take().iter().map(|logged| logged.event.position).collect();
        assert_eq!(positions, [TAIL_EVENTS_MAX as u64 + 1, TAIL_EVENTS_MAX as u64 + 2]);
        for _ in 0..2 {
            let bytes = TAIL_BYTES_MAX * 2 / 3;
            (1..=3).for_each(|position| tail.push(logged(position, bytes), bytes));
            let kept: Vec<bool> = tail.take().iter().map(|logged| logged.content.is_some()).collect();
            assert_eq!(kept, [true, false, false]);
        }
        assert!(tail.take().is_empty());
    }
}
