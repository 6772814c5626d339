//! What a decision may look at: the rows of a store at one moment.
//!
//! A view lives for one decision and must show the changes of earlier commands of the same batch.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::content::{Content, Piece};
use crate::directory::{Directories, Directory};
use crate::id::{AppId, MessageKey, UserId, WorkspaceId};
use crate::item::{Item, ItemKey};
use crate::message::{Gone, Message, Reaction, Replier};
use crate::quota::Usage;
use crate::time::{Micros, Ts};

/// The store could not answer. The decision is abandoned and, where the store fetches and asks again, repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotLoaded;

/// An answer of a [`View`].
pub type Looked<T> = Result<T, NotLoaded>;

/// What the store holds at the moment of a decision, earlier commands of the same batch included.
///
/// A store that reads synchronously answers at once. One that fetches in rounds answers [`NotLoaded`], notes what was
/// asked for, and decides again: so a decision and the list of what it needs cannot drift apart.
pub trait View {
    /// People, apps, conversations and tokens of all workspaces.
    fn directories(&self) -> &Directories;
    /// The message, whatever its audience; `None` if it never was or was deleted.
    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>>;
    /// The content that the event at `position` of the key's workspace wrote; `None` if it was erased.
    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>>;
    /// What a message shows whose pieces lie beside it, with one more of them; `None` if it was erased.
    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>>;
    /// One user's replies under a root.
    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>>;
    /// The first `limit` repliers under a root, in the order they joined the thread.
    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>>;
    /// The newest reply under a root but this one.
    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>>;
    /// What an idempotency key of this identity was used for, if that is not over.
    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>>;
    /// The workspace as it was created.
    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>>;
    /// A message's reactions, in their order.
    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>>;
    /// The item under a key.
    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>>;
    /// Items from one key to another, both included, in the order of their keys; at most `limit`.
    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>>;
    /// Bytes of everything that items of a workspace own.
    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64>;
    /// How much a workspace holds.
    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage>;
    /// The record of a deleted message; `None` if it never was, or is forgotten by now.
    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>>;
}

/// Whose idempotency keys they are: one token's identity, and one method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// The workspace of the caller.
    pub workspace: WorkspaceId,
    /// The app of the token; `None` of a person in their own client.
    pub app: Option<AppId>,
    /// The user that it acts as.
    pub user: UserId,
    /// The method that they repeat.
    pub method: Method,
}

/// The methods whose requests an idempotency key can repeat. The numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Method {
    /// A post that everyone sees.
    Post = 1,
    /// New content for a message.
    Update = 2,
    /// A deletion.
    Delete = 3,
    /// A post for one reader.
    PostEphemeral = 4,
    /// A step of a Teams stream.
    Stream = 5,
    /// The start of a Slack stream.
    BeginStream = 6,
    /// More of a Slack stream.
    AddToStream = 7,
    /// The end of a Slack stream.
    FinishStream = 8,
}

/// What the request under an idempotency key did. It names the content and never copies it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// SHA-256 of the arguments.
    pub digest: [u8; 32],
    /// The message that the request made or changed.
    pub key: MessageKey,
    /// The log position of the content that the request wrote; `None` of a deletion.
    pub content_at: Option<u64>,
    /// The revision that the call made; `None` of a deletion and of a step of a stream.
    pub revision: Option<NonZeroU32>,
    /// When the key expires. From then on the same key is a new request.
    pub expires_at: Micros,
}
