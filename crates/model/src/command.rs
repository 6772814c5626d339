//! Parsed requests. They carry every id and secret that they may mint, so that deciding stays pure.

use std::sync::Arc;

use crate::append::Append;
use crate::attachments::Attach;
use crate::content::{Content, ContentFault, Patch};
use crate::control::Control;
use crate::conversations::ConversationCommand;
use crate::files::FileCommand;
use crate::id::{AppId, ConversationId, TokenHash, UserId, WorkspaceId};
use crate::install::Exchange;
use crate::interact::Interact;
use crate::interaction::Interaction;
use crate::item::ItemKey;
use crate::message::Kind;
use crate::modal::Modal;
use crate::pin::Pinning;
use crate::respond::Respond;
use crate::schedule::ScheduleCommand;
use crate::stream::Stream;
use crate::time::Ts;

/// One request to change something.
#[derive(Clone, Debug)]
pub struct Command {
    /// Where. The control API's `Create` ignores it.
    pub workspace: WorkspaceId,
    /// Who asks.
    pub caller: Caller,
    /// Makes the request repeatable; only for posts, updates, deletions and steps of a stream.
    pub idempotency: Option<Idempotency>,
    /// What for.
    pub verb: Verb,
    /// Where the request came from, if what comes of it is to be audited; `None` of what the server does by itself.
    pub source: Option<Source>,
}

/// Where a request came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// By which way.
    pub via: Via,
    /// The client's address, or `command line`; at most [`crate::limits::SOURCE_BYTES_MAX`] bytes.
    pub from: String,
}

/// The ways in.
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
    /// The name.
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
    /// The end of a message.
    Delete(Delete),
    /// A step of a message that streams in.
    Stream(Stream),
    /// A step of a message that is added to, piece by piece.
    Append(Append),
    /// A reaction, a pressed button, a card for one person.
    Interaction(Interaction),
    /// What whoever knows a secret address says in an app's name; the caller is looked up by the secret.
    Respond(Box<Respond>),
    /// Something that an app is told of.
    Interact(Interact),
    /// A modal is opened, changed or closed.
    Modal(Box<Modal>),
    /// A step in the life of a file.
    File(FileCommand),
    /// An attachment is handed in.
    Attach(Box<Attach>),
    /// A pin, or the end of one.
    Pin(Pinning),
    /// A message that waits for its time, or the end of one.
    Schedule(ScheduleCommand),
    /// A message that waited is posted, if its time has come. The server itself asks for it.
    PostDue(ItemKey),
    /// A code becomes the tokens of an installation. Whoever has the client secret asks for it.
    Install(Exchange),
    /// Joining, leaving, making and archiving conversations.
    Conversation(ConversationCommand),
    /// The end of the caller's own token.
    RevokeToken(Revocation),
    /// What the control API and the command line do.
    Control(Box<Control>),
}

/// A new message.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to.
    pub target: Target,
    /// What to say.
    pub content: Arc<Content>,
    /// What the dialect found wrong with it.
    pub fault: Option<ContentFault>,
    /// Ordinary or `/me`.
    pub kind: Kind,
    /// The thread that it joins, if there is one.
    pub reply_to: ReplyTo,
    /// Whether the channel should show a reply as well.
    pub broadcast: bool,
    /// The only one who is to see it.
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
    /// The message.
    pub ts: Ts,
    /// What to change.
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

/// The end of a message.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The conversation that the caller says it is in.
    pub conversation: ConversationId,
    /// The message.
    pub ts: Ts,
    /// Only take a broadcast reply out of the channel.
    pub only_broadcast: bool,
    /// A message for one reader is meant; without this such a message is out of reach.
    pub targeted: Option<Targeted>,
    /// Refuse unless this is the current revision.
    pub if_revision: Option<u32>,
}
