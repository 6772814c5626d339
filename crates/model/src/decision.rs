//! What comes of a command: changes, events and an answer, or a refusal.
//!
//! A decision lives from `decide` to the commit. A refusal must leave nothing behind: no row, no event, no number.

use std::sync::Arc;

use crate::append_stream::AppendStreamRefusal;
use crate::attachments::AttachRefusal;
use crate::command::Revocation;
use crate::content::{Content, Piece};
use crate::control::ControlRefusal;
use crate::conversations::ConversationRefusal;
use crate::delete::DeleteRefusal;
use crate::directory::DirectoryChange;
use crate::event::Event;
use crate::files::FileRefusal;
use crate::grant::GrantRefusal;
use crate::id::{AppId, ConversationId, MessageKey, UserGroupId, UserId, WorkspaceId};
use crate::install::{InstallRefusal, Installed};
use crate::interaction::InteractionRefusal;
use crate::item::{BlobKey, File, Item, ItemKey, ModalView, Views};
use crate::message::{Gone, Message, PersonalView, Reaction, Replier, Revision};
use crate::modal::ModalRefusal;
use crate::name::Named;
use crate::pin::PinRefusal;
use crate::policy::Actor;
use crate::post::PostRefusal;
use crate::quota::QuotaRefusal;
use crate::replace_stream::ReplaceStreamRefusal;
use crate::respond::RespondRefusal;
use crate::schedule::ScheduleRefusal;
use crate::time::{Micros, Ts};
use crate::update::UpdateRefusal;
use crate::view::{Identity, NotLoaded, Remembered};

/// When a command is decided, and which numbers are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The time by the workspace's clock.
    pub at: Micros,
    /// The time of the first event; above all earlier ones.
    pub ts: Ts,
    /// The log position of the first event.
    pub position: u64,
}

/// What a command changes, which events it leaves in the log, and what its caller is answered.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Rows to change, in order.
    pub changes: Vec<Change>,
    /// Log entries with consecutive positions and times.
    pub events: Vec<Event>,
    /// What the caller is answered.
    pub outcome: Outcome,
}

/// One row to change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new or changed message.
    PutMessage(Arc<Message>),
    /// A message is removed. This is its last state, to find its row by.
    RemoveMessage(Arc<Message>),
    /// A new revision and its content.
    PutRevision(Revision, Arc<Content>),
    /// Content to which nothing refers any more is removed.
    RemoveRevision(MessageKey, u64),
    /// A piece of a message that streams in, under its number.
    PutPiece(MessageKey, u32, Piece),
    /// All pieces of a message.
    ClearPieces(MessageKey),
    /// A new reaction.
    PutReaction(MessageKey, Reaction),
    /// A reaction that was taken back.
    RemoveReaction(MessageKey, Reaction),
    /// Reactions and own views, all of them.
    ClearMarks(MessageKey),
    /// One person's own view of a card.
    PutView(MessageKey, UserId, PersonalView),
    /// One user's replies under a root; `None` when none is left.
    PutReplier(MessageKey, UserId, Option<Replier>),
    /// The record of a deleted message: who deleted it, when, and where its content is.
    PutGone(Gone),
    /// A used idempotency key.
    Remember(Identity, String, Remembered),
    /// An item of the command's workspace is stored; `None` removes it.
    PutItem(ItemKey, Option<Item>),
    /// Bytes that an item owns.
    PutBlob(BlobKey, Arc<[u8]>),
    /// So many bytes that no item owns any more: read by nobody from now on, counted no more, and soon erased.
    RemoveBlob(BlobKey, u64),
    /// Something of a workspace's directory.
    Directory(DirectoryChange),
}

/// The answer to an accepted command.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The message as it is now.
    Posted(Posted),
    /// The message as it is now.
    Updated(Posted),
    /// The message was deleted, or is a tombstone now.
    Deleted(MessageKey),
    /// The same was asked before: what it led to then. The message is there if it still is.
    Repeated(Remembered, Option<(Arc<Message>, Arc<Content>)>),
    /// The conversation, and whether anything had to be done.
    Conversation(ConversationId, bool),
    /// Per-user refusals of an invitation that went ahead for others.
    Invited(ConversationId, Vec<(UserId, ConversationRefusal)>),
    /// A step of a stream was decided.
    Streamed {
        /// The message that streams in.
        key: MessageKey,
        /// Whether the step changed it.
        step: StreamStep,
    },
    /// A piece was added to a stream.
    Added {
        /// The message that streams in.
        key: MessageKey,
        /// Whether an event for readers is still due: they get one every [`crate::limits::STREAM_TOLD_MICROS`] at
        /// most.
        untold: bool,
    },
    /// The caller's token, or the one that the control API names, was revoked or tested.
    Revoked(Revocation),
    /// The workspace was made or reset.
    Workspace(WorkspaceId),
    /// The user was made or changed.
    User(UserId),
    /// The app was made or changed.
    App(AppId),
    /// The user group was made or changed.
    UserGroup(UserGroupId),
    /// A reaction, and whether anything had to be done.
    Reacted(bool),
    /// What an app gets with an interaction is granted since then.
    Granted(Micros),
    /// The modal as it is now.
    Modal(Box<Opened>),
    /// The message is scheduled under this key.
    Scheduled(ItemKey),
    /// A scheduled message could not be posted, for this reason, and was dropped.
    Dropped(Why),
    /// The files are whole, as they are now.
    Files(Vec<File>),
    /// The app is installed, with new tokens.
    Installed(Installed),
    /// Done, with nothing to say.
    Done,
}

/// What became of a step of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamStep {
    /// The message says what the step says.
    Taken,
    /// A later step was taken before; this one changed nothing.
    TooLate,
}

/// An open modal among those that are open with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Whose client shows it.
    pub user: UserId,
    /// Its place in the stack, from 0.
    pub place: usize,
    /// All modals of the person, from the bottom of the stack.
    pub views: Views,
}

impl Opened {
    /// The modal that was opened or changed.
    #[must_use]
    pub fn view(&self) -> &ModalView {
        &self.views.stack[self.place]
    }
}

/// A message with its content.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The message as it is now.
    pub message: Arc<Message>,
    /// Its content, as readers see it.
    pub content: Arc<Content>,
    /// Who wrote the root of its thread, if it is a reply; `None` of a tombstone.
    pub root_author: Option<UserId>,
    /// A thread was asked for and is not there, so the message went to the conversation.
    pub thread_ignored: bool,
}

/// Why a command was refused. Nothing was changed and no number used up.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The rule, by verb.
    pub why: Why,
    /// Who asked; `None` if the caller is unknown.
    pub actor: Option<Actor>,
    /// The message that it was about, if there is one that the caller may know of.
    pub message: Option<Arc<Message>>,
}

/// The rule that refused, by verb.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// The caller is not known, or may do nothing any more.
    Caller(CallerRefusal),
    /// The refusal of a post.
    Post(PostRefusal),
    /// The refusal of an update.
    Update(UpdateRefusal),
    /// The refusal of a deletion.
    Delete(DeleteRefusal),
    /// A step of a stream.
    ReplaceStream(ReplaceStreamRefusal),
    /// A step of a stream that is added to.
    AppendStream(AppendStreamRefusal),
    /// A step in the life of a file.
    File(FileRefusal),
    /// The refusal of an attachment.
    Attach(AttachRefusal),
    /// A reaction or an act on a card.
    Interaction(InteractionRefusal),
    /// An answer through a secret address.
    Respond(RespondRefusal),
    /// The refusal to grant an app answers to a person's act.
    GrantAnswers(GrantRefusal),
    /// Something about a modal.
    Modal(ModalRefusal),
    /// The refusal of a pin.
    Pin(PinRefusal),
    /// The refusal to schedule or cancel a message.
    Schedule(ScheduleRefusal),
    /// The refusal of an installation.
    Install(InstallRefusal),
    /// Something about a conversation.
    Conversation(ConversationRefusal),
    /// Something of the control API.
    Control(ControlRefusal),
    /// The idempotency key was used for something else.
    KeyReused {
        /// Whether the other request went to another conversation.
        other_conversation: bool,
    },
    /// The workspace would hold more than its quota.
    Quota(QuotaRefusal),
    /// A name has a character that no name may hold.
    ForbiddenCharacter(Named, char),
}

/// Why a caller is refused whatever it asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallerRefusal {
    /// No such token or bot here.
    Unknown,
    /// The token was revoked.
    Revoked,
    /// The token has expired.
    Expired,
    /// The person, or the workspace, is no longer active.
    Inactive,
    /// A token of this kind can't do this.
    WrongKind,
}

/// Why a decision did not come about.
#[derive(Clone, Debug)]
pub enum Halt {
    /// Something has to be loaded first.
    NotLoaded,
    /// It came to a refusal.
    Refused(Box<Refusal>),
}

impl From<NotLoaded> for Halt {
    fn from(_: NotLoaded) -> Self {
        Self::NotLoaded
    }
}

impl From<Why> for Halt {
    fn from(why: Why) -> Self {
        Self::Refused(Box::new(Refusal { why, actor: None, message: None }))
    }
}

macro_rules! halts {
    ($($refusal:ty => $variant:ident),* $(,)?) => {$(
        impl From<$refusal> for Why {
            fn from(refusal: $refusal) -> Self {
                Self::$variant(refusal)
            }
        }

        impl From<$refusal> for Halt {
            fn from(refusal: $refusal) -> Self {
                Why::from(refusal).into()
            }
        }
    )*};
}

halts! {
    CallerRefusal => Caller,
    PostRefusal => Post,
    QuotaRefusal => Quota,
    UpdateRefusal => Update,
    DeleteRefusal => Delete,
    ReplaceStreamRefusal => ReplaceStream,
    AppendStreamRefusal => AppendStream,
    FileRefusal => File,
    AttachRefusal => Attach,
    InteractionRefusal => Interaction,
    RespondRefusal => Respond,
    GrantRefusal => GrantAnswers,
    ModalRefusal => Modal,
    PinRefusal => Pin,
    ScheduleRefusal => Schedule,
    InstallRefusal => Install,
    ConversationRefusal => Conversation,
    ControlRefusal => Control,
}
