//! What happened, in the workspace's log: names only, never a message's words.

use crate::id::{AppId, ConversationId, UserId};
use crate::time::{Micros, Ts};

/// One entry of a workspace's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// From 1, without gaps. Also the key of the content that the event wrote, if it wrote one.
    pub position: u64,
    /// The event's own time; of a post it is the message's `ts`.
    pub ts: Ts,
    /// The workspace's clock.
    pub at: Micros,
    /// Who did it; `None` for the control API and the server itself.
    pub by: Option<UserId>,
    /// Through which app.
    pub app: Option<AppId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// A message came into being; its `ts` is the event's.
    MessagePosted {
        /// Where.
        conversation: ConversationId,
        /// The thread it is a reply in.
        root: Option<Ts>,
        /// The only person who sees it.
        only: Option<UserId>,
    },
    /// A message's content was replaced.
    MessageUpdated {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
        /// The new revision.
        revision: u32,
    },
    /// A reply came into, or went from, the channel it is a reply in; its content stayed.
    BroadcastChanged {
        /// Where.
        conversation: ConversationId,
        /// The reply.
        message: Ts,
        /// Whether the channel shows it now.
        shown: bool,
    },
    /// A message is gone.
    MessageDeleted {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
        /// Where its last content lies until it is erased.
        content_at: u64,
    },
    /// A message with replies was deleted and its place is kept.
    MessageTombstoned {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
        /// Where its last content lies until it is erased.
        content_at: u64,
    },
    /// A tombstone lost its last reply and is gone as well.
    TombstoneRemoved {
        /// Where.
        conversation: ConversationId,
        /// Which tombstone.
        message: Ts,
    },
    /// The workspace came into being.
    WorkspaceCreated,
    /// Name, settings or clock of the workspace changed.
    WorkspaceChanged,
    /// A person or bot user is new or changed.
    UserChanged(UserId),
    /// An app is new or changed.
    AppChanged(AppId),
    /// A token of this app was made or rotated.
    TokenMinted(AppId),
    /// A token of this app was revoked.
    TokenRevoked(AppId),
    /// A conversation came into being.
    ConversationCreated(ConversationId),
    /// Its name, archived or open state changed.
    ConversationChanged(ConversationId),
    /// Somebody joined.
    MemberJoined {
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Somebody left or was removed.
    MemberLeft {
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
}

impl EventKind {
    /// The conversation it happened in.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        use EventKind as K;
        match *self {
            K::MessagePosted { conversation, .. }
            | K::MessageUpdated { conversation, .. }
            | K::BroadcastChanged { conversation, .. }
            | K::MessageDeleted { conversation, .. }
            | K::MessageTombstoned { conversation, .. }
            | K::TombstoneRemoved { conversation, .. }
            | K::ConversationCreated(conversation)
            | K::ConversationChanged(conversation)
            | K::MemberJoined { conversation, .. }
            | K::MemberLeft { conversation, .. } => Some(conversation),
            K::WorkspaceCreated
            | K::WorkspaceChanged
            | K::UserChanged(_)
            | K::AppChanged(_)
            | K::TokenMinted(_)
            | K::TokenRevoked(_) => None,
        }
    }
}
