//! Ids. Inside, everything is a number of its own type, so that two cannot be swapped; the spellings that the dialects
//! know (`C…`, `19:…@thread.tacv2`) are data of the thing itself and are minted with it.

use crate::time::Ts;

/// A workspace (one tenant with one team). Never reused, not even after the workspace was dropped or reset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkspaceId(pub u32);

/// A person or a bot user, counted within its workspace from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserId(pub u32);

/// An app of either dialect, counted within its workspace from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AppId(pub u32);

/// A channel, group chat or direct message, counted within its workspace from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConversationId(pub u32);

/// A user group, counted within its workspace from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserGroupId(pub u32);

/// The one key of a message in both dialects: Slack's `(channel, ts)`, the Connector's `(conversation, activity id)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageKey {
    /// The workspace; no key reaches across it.
    pub workspace: WorkspaceId,
    /// The conversation the message was posted to, for good.
    pub conversation: ConversationId,
    /// Strictly increasing within the workspace and never reused.
    pub ts: Ts,
}

impl MessageKey {
    /// The key of another message of the same conversation.
    #[must_use]
    pub fn at(self, ts: Ts) -> Self {
        Self { ts, ..self }
    }
}

/// SHA-256 of a token. Tokens themselves are not stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}
