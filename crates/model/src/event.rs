//! What happened, in the workspace's log: names only, never a message's words.

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
    /// The workspace's clock.
    pub at: Micros,
    /// Who did it; `None` for the control API and the server itself.
    pub by: Option<UserId>,
    /// Through which app.
    pub app: Option<AppId>,
    /// What happened.
    pub kind: EventKind,
}

/// What was done, beside who did it ([`Event::by`], [`Event::app`]; neither of the control API itself). Holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// A word for it, such as `member_added`.
    pub act: String,
    /// To what: spelled ids, the thing's own first.
    pub on: Vec<String>,
    /// By which way.
    pub via: Via,
    /// [`crate::command::Source::from`].
    pub from: String,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// The content of a message for one reader was replaced. Nobody else is to hear of it.
    TargetedUpdated {
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
    /// A message for one reader is gone. Nobody else is to hear of it.
    TargetedDeleted {
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
    /// A user reacted to a message.
    ReactionAdded {
        /// Where.
        conversation: ConversationId,
        /// To which message.
        message: Ts,
        /// Slack's short name of the emoji.
        name: Arc<str>,
    },
    /// A user took a reaction back.
    ReactionRemoved {
        /// Where.
        conversation: ConversationId,
        /// To which message.
        message: Ts,
        /// Slack's short name of the emoji.
        name: Arc<str>,
    },
    /// A message was pinned to its conversation.
    MessagePinned {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
    },
    /// A message is no longer pinned.
    MessageUnpinned {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
    },
    /// A message waits for its time; what it will say lies at this event's position until then.
    MessageScheduled {
        /// Where it will be posted.
        conversation: ConversationId,
    },
    /// A message waits no longer: it is posted next, was taken back, or something forbids it by now.
    ScheduledRemoved {
        /// Where it was to be posted.
        conversation: ConversationId,
        /// Where what it would say lay.
        content_at: u64,
    },
    /// A person pressed a button of a card that posts nothing; what they sent lies at this event's position.
    CardSubmitted {
        /// Where.
        conversation: ConversationId,
        /// The message with the card.
        message: Ts,
        /// The app that posted it.
        to: AppId,
    },
    /// A card was replaced for one person, until the message changes; what they see lies at this event's position.
    ViewShown {
        /// Where.
        conversation: ConversationId,
        /// The message with the card.
        message: Ts,
        /// The person.
        user: UserId,
    },
    /// A message began whose text streams in; its `ts` is the event's.
    StreamStarted {
        /// Where.
        conversation: ConversationId,
        /// The thread it is a reply in.
        root: Option<Ts>,
    },
    /// Its text so far was replaced; the newest lies where the message says.
    StreamAdvanced {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
    },
    /// A person stopped it.
    StreamStopped {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
    },
    /// The text is whole, and the message is one like any other.
    StreamEnded {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
    },
    /// A file is whole.
    FileCreated(Arc<str>),
    /// A file was deleted.
    FileDeleted(Arc<str>),
    /// A message shares a file.
    FileShared {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        message: Ts,
        /// The file's spelled id.
        file: Arc<str>,
    },
    /// A message shares a file no more.
    FileUnshared {
        /// Where.
        conversation: ConversationId,
        /// Which message.
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
    /// Something was done that whoever keeps the workspace wants to know of. No app hears of it.
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
        /// Of which app.
        app: AppId,
        /// Whom it acted as.
        user: UserId,
    },
    /// A conversation came into being.
    ConversationCreated(ConversationId),
    /// Its open state changed for somebody.
    ConversationChanged(ConversationId),
    /// It has another name.
    ConversationRenamed(ConversationId),
    /// Nothing is posted to it any more.
    ConversationArchived(ConversationId),
    /// It is in use again.
    ConversationUnarchived(ConversationId),
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
