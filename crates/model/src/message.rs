//! A message, its revisions and its thread. The words themselves are in [`crate::content`].

use std::num::NonZeroU32;

use crate::content::Parts;
use crate::id::{AppId, MessageKey, UserId};
use crate::time::{Micros, Ts};

/// Everything about a message but its words: narrow, so that changing it writes little.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Conversation and time.
    pub key: MessageKey,
    /// The root of the thread that this is a reply in.
    pub root: Option<Ts>,
    /// A reply that the channel shows as well.
    pub broadcast: bool,
    /// Who can see it.
    pub audience: Audience,
    /// Who posted it: a person, or an app's bot user.
    pub author: UserId,
    /// The app whose token posted it.
    pub app: Option<AppId>,
    /// Posted as the app itself, by its bot token or another of its ways; false for a person's own post, even one that
    /// an app made with the person's token.
    pub as_app: bool,
    /// Whether it is an ordinary message or a `/me` one.
    pub kind: Kind,
    /// Live or deleted with replies left.
    pub state: State,
    /// Where its current content is: the log position of the event that wrote it.
    pub content_at: u64,
    /// What its current content is made of.
    pub parts: Parts,
    /// Of a root that has replies.
    pub thread: Option<Thread>,
}

/// Who can see a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Everyone who sees the conversation.
    Everyone,
    /// One member only (Slack's ephemeral, Teams' targeted message): in no history, out of reach of update and delete.
    Only(UserId),
}

/// The kinds of message that a caller can post.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An ordinary message.
    Plain,
    /// `chat.meMessage`.
    Me,
}

/// Whether the words are still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Can be read, changed and deleted.
    Live {
        /// 1 when posted; one more for each accepted update.
        revision: NonZeroU32,
        /// Who changed it last, and when.
        edited: Option<Edited>,
    },
    /// Deleted while it had replies: the words are gone, the thread stays.
    Tombstone {
        /// When it was deleted.
        deleted_at: Micros,
    },
}

/// The last change of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edited {
    /// The user, or the bot user, that changed it.
    pub by: UserId,
    /// The workspace's clock then.
    pub at: Micros,
}

/// What a root knows of its replies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    /// Living replies.
    pub replies: u32,
    /// Different people and bots among them.
    pub repliers: u32,
    /// The newest reply.
    pub latest: Ts,
    /// At most [`crate::limits::REPLY_USERS_MAX`] of the repliers, in the order of their first reply.
    pub users: Vec<UserId>,
}

impl Message {
    /// The revision that readers see; `None` of a tombstone.
    #[must_use]
    pub fn revision(&self) -> Option<NonZeroU32> {
        match self.state {
            State::Live { revision, .. } => Some(revision),
            State::Tombstone { .. } => None,
        }
    }

    /// The root of the thread it belongs to or would start.
    #[must_use]
    pub fn thread_root(&self) -> Ts {
        self.root.unwrap_or(self.key.ts)
    }

    /// Whether an ephemeral message is past its time. Others never are.
    #[must_use]
    pub fn expired(&self, now: Micros) -> bool {
        let Audience::Only(_) = self.audience else { return false };
        let changed_at = match self.state {
            State::Live { edited: Some(edited), .. } => edited.at,
            _ => Micros(self.key.ts.0),
        };
        changed_at.plus(crate::limits::EPHEMERAL_MICROS) <= now
    }
}

/// How often one user replied in one thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replier {
    /// Living replies of this user.
    pub count: u32,
    /// The first of them when they joined the thread; orders the repliers.
    pub since: Ts,
}

/// A revision's place in the history of its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// The message.
    pub key: MessageKey,
    /// The log position of the event that wrote it, and so its own key.
    pub position: u64,
    /// From 1.
    pub number: NonZeroU32,
    /// Where the revision before it is.
    pub previous: Option<u64>,
    /// Who wrote it.
    pub by: UserId,
    /// The workspace's clock then.
    pub at: Micros,
}

/// What stays known of a message that is gone, for administrators who look at its revisions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    /// The message.
    pub key: MessageKey,
    /// Who deleted it.
    pub by: UserId,
    /// When.
    pub at: Micros,
    /// Its last content, if it was deleted while it had one.
    pub content_at: u64,
}
