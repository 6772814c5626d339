//! Commands: parsed requests.
//!
//! A command lives until it is decided and is never stored. It carries every id and secret that it may mint, so that deciding
//! stays pure; it must not carry anything that was looked up, since rights are read again in the decision.

use std::sync::Arc;

use crate::append_stream::AppendStream;
use crate::attachments::Attach;
use crate::content::{Content, ContentFault, Patch};
use crate::control::Control;
use crate::conversations::ConversationCommand;
use crate::files::FileCommand;
use crate::grant::GrantAnswers;
use crate::id::{AppId, ConversationId, TokenHash, UserId, WorkspaceId};
use crate::install::Exchange;
use crate::interaction::Interaction;
use crate::item::ItemKey;
use crate::message::Kind;
use crate::modal::Modal;
use crate::pin::Pinning;
use crate::replace_stream::ReplaceStream;
use crate::respond::Respond;
use crate::schedule::ScheduleCommand;
use crate::time::Ts;

/// One request to change something.
#[derive(Clone, Debug)]
pub struct Command {
    /// The workspace that it is for. Creating one ignores it.
    pub workspace: WorkspaceId,
    /// Who asks. Rights are looked up when the command is decided, never before.
    pub caller: Caller,
    /// A key under which the request can be repeated without effect. Only posts, updates, deletions and steps of a
    /// stream use it.
    pub idempotency: Option<Idempotency>,
    /// What is asked for.
    pub verb: Verb,
    /// Where the request came from, if what comes of it is to be audited; `None` of what the server does by itself.
    pub source: Option<Source>,
}

/// Where a request came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The way in that the request took.
    pub via: Via,
    /// The client's address, or `command line`; at most [`crate::limits::SOURCE_BYTES_MAX`] bytes.
    pub from: String,
}

/// The ways into the server, as the audit log names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The control API, with its token.
    Control,
    /// The command line on the machine of the data folder.
    CommandLine,
    /// The Slack Web API.
    Slack,
    /// The Bot Connector.
    Connector,
}

/// Who asks. What the caller may do is looked up when deciding, not before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// The holder of a Slack token.
    Token(TokenHash),
    /// A Teams bot whose JWT was verified.
    Bot(AppId),
    /// A person in their own client, in whose name the control API or the page acts.
    Person(UserId),
    /// The control API or the server itself.
    Control,
}

/// The caller's own name for this request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    /// The caller's name for the request. Keys of different callers and methods never meet.
    pub key: String,
    /// SHA-256 of everything that was asked.
    pub digest: [u8; 32],
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Verb {
    /// A new message.
    Post(Post),
    /// New content for a message.
    Update(Update),
    /// A deletion.
    Delete(Delete),
    /// A step of a Teams stream: each step replaces the text before.
    ReplaceStream(ReplaceStream),
    /// A step of a Slack stream: each step appends to the text before.
    AppendStream(AppendStream),
    /// A reaction, a pressed button, a card for one person.
    Interaction(Interaction),
    /// A post through a response URL or an incoming webhook. The secret in the URL says who the caller is.
    Respond(Box<Respond>),
    /// A person's act that an app must answer: a click, a slash command, a shortcut. What is stored are grants.
    GrantAnswers(GrantAnswers),
    /// A modal is opened, changed or closed.
    Modal(Box<Modal>),
    /// A step in the life of a file.
    File(FileCommand),
    /// An attachment is handed in.
    Attach(Box<Attach>),
    /// A message is pinned or unpinned.
    Pin(Pinning),
    /// A message is scheduled, or a scheduled one is cancelled.
    Schedule(ScheduleCommand),
    /// A scheduled message is posted if its time has come. Only the server asks for it.
    PostDue(ItemKey),
    /// A code becomes the tokens of an installation. Whoever has the client secret asks for it.
    Install(Exchange),
    /// Joining, leaving, making and archiving conversations.
    Conversation(ConversationCommand),
    /// The caller's own token is revoked, or that is tested.
    RevokeToken(Revocation),
    /// What the control API and the command line do.
    Control(Box<Control>),
}

/// A new message.
#[derive(Clone, Debug)]
pub struct Post {
    /// The conversation, or the person whose direct message it is.
    pub target: Target,
    /// What the message says, in the dialect's stored form.
    pub content: Arc<Content>,
    /// What the dialect found wrong with it.
    pub fault: Option<ContentFault>,
    /// Whether it is an ordinary message or a `/me` one. Callers never post the platform's own kinds.
    pub kind: Kind,
    /// The thread that it joins, if there is one.
    pub reply_to: ReplyTo,
    /// Whether the channel shows this reply as well (`reply_broadcast`).
    pub broadcast: bool,
    /// The one reader of an ephemeral or targeted message; `None` for everyone in the conversation.
    pub only: Option<UserId>,
    /// Whether the caller may post to a public channel without being in it.
    pub unjoined: bool,
}

/// The thread that a post joins. It is no error if neither message exists: the post goes to the conversation then, and
/// the answer says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplyTo {
    /// The message that the caller answers, a root or a reply. If it exists, it decides.
    pub message: Option<Ts>,
    /// The root that is part of a Teams conversation id (`19:…@thread.tacv2;messageid=1700000000000100`).
    pub conversation_root: Option<Ts>,
}

impl ReplyTo {
    /// No thread.
    pub const NONE: Self = Self { message: None, conversation_root: None };

    /// The thread of this message.
    #[must_use]
    pub const fn message(ts: Ts) -> Self {
        Self { message: Some(ts), ..Self::NONE }
    }

    /// The messages that may decide, the one that counts more first.
    pub fn candidates(self) -> impl Iterator<Item = Ts> {
        [self.message, self.conversation_root].into_iter().flatten()
    }
}

impl From<Option<Ts>> for ReplyTo {
    fn from(message: Option<Ts>) -> Self {
        Self { message, ..Self::NONE }
    }
}

/// What becomes of a token that its holder revokes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revocation {
    /// It is good no longer.
    Revoked,
    /// Nothing: the caller asked whether it could be revoked (`test=true`).
    Tested,
}

/// Where a message goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A conversation that exists.
    Conversation(ConversationId),
    /// The direct message with this person, which is opened if need be, with these spelled ids.
    Person(UserId, NewDirect),
}

/// The spelled ids of a direct message that may have to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDirect {
    /// `D…`, or `G…` for more than two.
    pub slack_id: String,
    /// `a:1…` or `19:…@thread.v2`.
    pub connector_id: String,
}

/// New content for a message.
#[derive(Clone, Debug)]
pub struct Update {
    /// The conversation that the caller says it is in.
    pub conversation: ConversationId,
    /// The ts of the message.
    pub ts: Ts,
    /// The parts of the content that change; the others stay as they are.
    pub patch: Patch,
    /// What the dialect found wrong with it.
    pub fault: Option<ContentFault>,
    /// Also show this reply in the channel.
    pub broadcast: bool,
    /// A message for one reader is meant; without this such a message is out of reach.
    pub targeted: Option<Targeted>,
    /// Refuse unless this is the current revision.
    pub if_revision: Option<u32>,
}

/// A message for one reader, as a Teams bot reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Targeted {
    /// The reader that the caller names; it has to be the message's.
    pub reader: Option<UserId>,
}

/// A deletion: the message goes, or becomes a tombstone if it has replies.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The conversation that the caller says it is in.
    pub conversation: ConversationId,
    /// The ts of the message.
    pub ts: Ts,
    /// Only take a broadcast reply out of the channel.
    pub only_broadcast: bool,
    /// A message for one reader is meant; without this such a message is out of reach.
    pub targeted: Option<Targeted>,
    /// Refuse unless this is the current revision.
    pub if_revision: Option<u32>,
}
