//! The workspace's log: what happened, in the order of the commits.
//!
//! An event is written once and never changed; it goes with its workspace only. It names things and must never hold a message's
//! content or a secret.

use std::sync::Arc;

use crate::command::Via;
use crate::id::{AppId, ConversationId, UserGroupId, UserId};
use crate::time::{Micros, Ts};

/// One entry of a workspace's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// From 1, without gaps. Also the key of the content that the event wrote, if it wrote one.
    pub position: u64,
    /// The event's own time; of a post it is the message's `ts`.
    pub ts: Ts,
    /// When it happened, by the workspace's clock.
    pub at: Micros,
    /// Who did it; `None` for the control API and the server itself.
    pub by: Option<UserId>,
    /// The app whose token or bot was used; `None` of people and of the platform.
    pub app: Option<AppId>,
    /// What changed, and which things it changed.
    pub kind: EventKind,
}

/// What was done, beside who did it ([`Event::by`], [`Event::app`]; neither of the control API itself). Holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// A word for it, such as `member_added`.
    pub act: String,
    /// To what: spelled ids, the thing's own first.
    pub on: Vec<String>,
    /// The way in that the request took.
    pub via: Via,
    /// [`crate::command::Source::from`].
    pub from: String,
}

/// What changed. An event names things and never copies their words: a reader loads what it may see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// A message came into being; its `ts` is the event's.
    MessagePosted {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The thread it is a reply in.
        root: Option<Ts>,
        /// The only person who sees it.
        only: Option<UserId>,
    },
    /// A message's content was replaced.
    MessageUpdated {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The number of the revision that this event wrote; 2 is the first update.
        revision: u32,
    },
    /// The content of a message for one reader was replaced. It is delivered to nobody else.
    TargetedUpdated {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The number of the revision that this event wrote; 2 is the first update.
        revision: u32,
    },
    /// A reply came into, or went from, the channel it is a reply in; its content stayed.
    BroadcastChanged {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the reply.
        message: Ts,
        /// Whether the channel shows it now.
        shown: bool,
    },
    /// A message was deleted and left no tombstone.
    MessageDeleted {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The position of the event that wrote its last content, which is retained for a while.
        content_at: u64,
    },
    /// A message for one reader was deleted. It is delivered to nobody else.
    TargetedDeleted {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The position of the event that wrote its last content, which is retained for a while.
        content_at: u64,
    },
    /// A message with replies was deleted; a tombstone stays at the head of its thread.
    MessageTombstoned {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The position of the event that wrote its last content, which is retained for a while.
        content_at: u64,
    },
    /// The last reply under a tombstone was deleted, and the tombstone with it.
    TombstoneRemoved {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the tombstone.
        message: Ts,
    },
    /// A user reacted to a message.
    ReactionAdded {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message that the reaction is on.
        message: Ts,
        /// Slack's short name of the emoji.
        name: Arc<str>,
    },
    /// A user took a reaction back.
    ReactionRemoved {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message that the reaction is on.
        message: Ts,
        /// Slack's short name of the emoji.
        name: Arc<str>,
    },
    /// A message was pinned to its conversation.
    MessagePinned {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
    },
    /// A message is no longer pinned.
    MessageUnpinned {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
    },
    /// A message was scheduled. Its content is stored at this event's position until it is posted.
    MessageScheduled {
        /// The conversation that it will be posted to.
        conversation: ConversationId,
    },
    /// A message is no longer scheduled: it is posted next, was cancelled, or may not be posted any more.
    ScheduledRemoved {
        /// The conversation that it was scheduled for.
        conversation: ConversationId,
        /// The position of the event that wrote its content.
        content_at: u64,
    },
    /// A person submitted a card. What they sent is stored at this event's position and delivered to the card's app
    /// only.
    CardSubmitted {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The message with the card.
        message: Ts,
        /// The app that posted it.
        to: AppId,
    },
    /// A card was replaced for one person, until the message changes. What they see is stored at this event's
    /// position.
    ViewShown {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The message with the card.
        message: Ts,
        /// The person who sees the other card.
        user: UserId,
    },
    /// A message began whose text streams in; its `ts` is the event's.
    StreamStarted {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The thread it is a reply in.
        root: Option<Ts>,
    },
    /// The text of a streaming message grew. Only the newest text is stored; the message names its position.
    StreamAdvanced {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
    },
    /// A person stopped a streaming message. It still says what had arrived.
    StreamStopped {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
    },
    /// A streaming message is complete. From here on it is updated and deleted as any other.
    StreamEnded {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
    },
    /// A file was uploaded completely. Its id is the spelled one.
    FileCreated(Arc<str>),
    /// A file was deleted everywhere. Its id is the spelled one.
    FileDeleted(Arc<str>),
    /// A message shares a file.
    FileShared {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The file's spelled id.
        file: Arc<str>,
    },
    /// A message no longer shares a file.
    FileUnshared {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The ts of the message.
        message: Ts,
        /// The file's spelled id.
        file: Arc<str>,
    },
    /// The workspace came into being.
    WorkspaceCreated,
    /// Settings or clock of the workspace changed.
    WorkspaceChanged,
    /// The workspace, and so its team, has another name.
    WorkspaceRenamed,
    /// A person or bot user is new or changed.
    UserChanged(UserId),
    /// An act that operators audit. It is never delivered to an app.
    Audited(Box<Audit>),
    /// A user group is new or changed.
    UserGroupChanged(UserGroupId),
    /// An app is changed.
    AppChanged(AppId),
    /// An app is new.
    AppInstalled(AppId),
    /// An app is uninstalled.
    AppUninstalled(AppId),
    /// A token of this app was made or rotated.
    TokenMinted(AppId),
    /// A token was revoked.
    TokenRevoked {
        /// The app that the token belonged to.
        app: AppId,
        /// The user as whom its holder acted.
        user: UserId,
    },
    /// A conversation came into being.
    ConversationCreated(ConversationId),
    /// Somebody opened or closed a direct message in their client.
    ConversationChanged(ConversationId),
    /// A channel was renamed.
    ConversationRenamed(ConversationId),
    /// A conversation was archived: nothing is posted to it until it is unarchived.
    ConversationArchived(ConversationId),
    /// A conversation was unarchived.
    ConversationUnarchived(ConversationId),
    /// A user became a member, by themselves or by an invitation.
    MemberJoined {
        /// The conversation whose members changed.
        conversation: ConversationId,
        /// The user who came or went.
        user: UserId,
    },
    /// Somebody left or was removed.
    MemberLeft {
        /// The conversation whose members changed.
        conversation: ConversationId,
        /// The user who came or went.
        user: UserId,
    },
}

/// The content that an event ended, and that is erased some time after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndedContent {
    /// A message was deleted: the content that this event wrote, and all revisions before it.
    Deleted {
        /// The log position of the event that wrote the last content.
        content_at: u64,
    },
    /// What was submitted to an app, at the event's own position. It was never a part of a message.
    Submitted,
    /// The revision before the one that the event wrote.
    Superseded,
}

impl EventKind {
    /// The content that it ended; `None` if all content stays.
    #[must_use]
    pub fn ended_content(&self) -> Option<EndedContent> {
        use EventKind as K;
        match *self {
            K::MessageDeleted { content_at, .. }
            | K::MessageTombstoned { content_at, .. }
            | K::TargetedDeleted { content_at, .. } => Some(EndedContent::Deleted { content_at }),
            K::CardSubmitted { .. } => Some(EndedContent::Submitted),
            K::MessageUpdated { .. } | K::TargetedUpdated { .. } => Some(EndedContent::Superseded),
            K::MessagePosted { .. }
            | K::BroadcastChanged { .. }
            | K::TombstoneRemoved { .. }
            | K::ReactionAdded { .. }
            | K::ReactionRemoved { .. }
            | K::MessagePinned { .. }
            | K::MessageUnpinned { .. }
            | K::MessageScheduled { .. }
            | K::ScheduledRemoved { .. }
            | K::ViewShown { .. }
            | K::StreamStarted { .. }
            | K::StreamAdvanced { .. }
            | K::StreamStopped { .. }
            | K::StreamEnded { .. }
            | K::FileCreated(_)
            | K::FileDeleted(_)
            | K::FileShared { .. }
            | K::FileUnshared { .. }
            | K::WorkspaceCreated
            | K::WorkspaceChanged
            | K::WorkspaceRenamed
            | K::UserChanged(_)
            | K::Audited(_)
            | K::UserGroupChanged(_)
            | K::AppChanged(_)
            | K::AppInstalled(_)
            | K::AppUninstalled(_)
            | K::TokenMinted(_)
            | K::TokenRevoked { .. }
            | K::ConversationCreated(_)
            | K::ConversationChanged(_)
            | K::ConversationRenamed(_)
            | K::ConversationArchived(_)
            | K::ConversationUnarchived(_)
            | K::MemberJoined { .. }
            | K::MemberLeft { .. } => None,
        }
    }

    /// The conversation it happened in.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        use EventKind as K;
        match *self {
            K::MessagePosted { conversation, .. }
            | K::MessageUpdated { conversation, .. }
            | K::TargetedUpdated { conversation, .. }
            | K::TargetedDeleted { conversation, .. }
            | K::BroadcastChanged { conversation, .. }
            | K::MessageDeleted { conversation, .. }
            | K::MessageTombstoned { conversation, .. }
            | K::TombstoneRemoved { conversation, .. }
            | K::ReactionAdded { conversation, .. }
            | K::ReactionRemoved { conversation, .. }
            | K::MessagePinned { conversation, .. }
            | K::MessageUnpinned { conversation, .. }
            | K::MessageScheduled { conversation }
            | K::ScheduledRemoved { conversation, .. }
            | K::CardSubmitted { conversation, .. }
            | K::ViewShown { conversation, .. }
            | K::FileShared { conversation, .. }
            | K::FileUnshared { conversation, .. }
            | K::StreamStarted { conversation, .. }
            | K::StreamAdvanced { conversation, .. }
            | K::StreamStopped { conversation, .. }
            | K::StreamEnded { conversation, .. }
            | K::ConversationCreated(conversation)
            | K::ConversationRenamed(conversation)
            | K::ConversationArchived(conversation)
            | K::ConversationUnarchived(conversation)
            | K::ConversationChanged(conversation)
            | K::MemberJoined { conversation, .. }
            | K::MemberLeft { conversation, .. } => Some(conversation),
            K::FileCreated(_)
            | K::FileDeleted(_)
            | K::WorkspaceCreated
            | K::WorkspaceChanged
            | K::WorkspaceRenamed
            | K::UserChanged(_)
            | K::Audited(_)
            | K::UserGroupChanged(_)
            | K::AppChanged(_)
            | K::AppInstalled(_)
            | K::AppUninstalled(_)
            | K::TokenMinted(_)
            | K::TokenRevoked { .. } => None,
        }
    }
}
