//! A message, its revisions and its thread.
//!
//! The record is narrow and is rewritten with each change; its content is in [`crate::content`] and never copied here. A
//! message's key, author and thread never change.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::content::Parts;
use crate::id::{AppId, MessageKey, UserId};
use crate::time::{Micros, Ts};
use crate::workspace::Retention;

/// Everything about a message but its words: narrow, so that changing it writes little.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it is and when it was posted: its key in both dialects, for good.
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
    /// Whether reactions or somebody's own view of its card may hang on it.
    pub marked: bool,
}

/// Who can see a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Everyone who sees the conversation.
    Everyone,
    /// One member only (Slack's ephemeral, Teams' targeted message): in no history, and changed or deleted only by a
    /// caller who says that such a message is meant.
    Only(UserId),
}

/// The kinds of message: what a caller posts, and what the platform itself writes about a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A message that somebody wrote.
    Plain,
    /// `chat.meMessage`.
    Me,
    /// The platform's own: somebody joined (`channel_join`).
    Join,
    /// The platform's own: somebody left (`channel_leave`).
    Leave,
    /// The platform's own: a new topic (`channel_topic`).
    Topic,
    /// The platform's own: a new purpose (`channel_purpose`).
    Purpose,
    /// The platform's own: a new name (`channel_name`).
    Name,
    /// The platform's own: archived (`channel_archive`).
    Archive,
    /// The platform's own: in use again (`channel_unarchive`).
    Unarchive,
}

impl Kind {
    /// Whether the platform itself writes it.
    #[must_use]
    pub fn is_notice(self) -> bool {
        !matches!(self, Self::Plain | Self::Me)
    }
}

/// Whether the message is complete, still streams in, or is a tombstone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Can be read, changed and deleted.
    Live {
        /// 1 when posted; one more for each accepted update.
        revision: NonZeroU32,
        /// Who changed it last, and when.
        edited: Option<Edited>,
    },
    /// Its text streams in.
    Streaming {
        /// The number of the last step that was taken.
        sequence: u32,
        /// What is shown is a line of progress, which the first words replace.
        informative: bool,
        /// A person stopped it.
        stopped: bool,
        /// Of a stream that pieces are added to, as Slack has them; a step of one of Teams' replaces what was said before.
        appended: Option<Appended>,
    },
    /// Deleted while it had replies: its content is no longer shown, the thread stays.
    Tombstone {
        /// When it was deleted.
        deleted_at: Micros,
    },
}

/// What is known of the pieces of a stream. They lie beside the message, under their numbers from 1, until it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Bytes of all of them.
    pub bytes: u32,
    /// When the last event for readers was written.
    pub told_at: Micros,
    /// Whether some came since.
    pub untold: bool,
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
    /// How many replies there are; deleted ones do not count.
    pub replies: u32,
    /// Different people and bots among them.
    pub repliers: u32,
    /// The ts of the newest reply.
    pub latest: Ts,
    /// At most [`crate::limits::REPLY_USERS_MAX`] of the repliers, in the order of their first reply.
    pub users: Vec<UserId>,
}

impl Message {
    /// The revision that readers see, 1 while it streams in; `None` of a tombstone.
    #[must_use]
    pub fn revision(&self) -> Option<NonZeroU32> {
        match self.state {
            State::Live { revision, .. } => Some(revision),
            State::Streaming { .. } => Some(NonZeroU32::MIN),
            State::Tombstone { .. } => None,
        }
    }

    /// The root of the thread it belongs to or would start.
    #[must_use]
    pub fn thread_root(&self) -> Ts {
        self.root.unwrap_or(self.key.ts)
    }

    /// When an ephemeral message is over: some time after its last change. Others never are.
    #[must_use]
    pub fn expires_at(&self, retention: Retention) -> Option<Micros> {
        let Audience::Only(_) = self.audience else { return None };
        let changed_at = match self.state {
            State::Live { edited: Some(edited), .. } => edited.at,
            State::Live { edited: None, .. } | State::Streaming { .. } | State::Tombstone { .. } => {
                Micros(self.key.ts.0)
            }
        };
        Some(changed_at.plus(retention.ephemeral_micros))
    }

    /// Whether an ephemeral message is past its time.
    #[must_use]
    pub fn expired(&self, now: Micros, retention: Retention) -> bool {
        self.expires_at(retention).is_some_and(|end| end <= now)
    }

    /// Whether pieces of it lie beside it.
    #[must_use]
    pub fn in_pieces(&self) -> bool {
        matches!(self.state, State::Streaming { appended: Some(_), .. })
    }

    /// Whether a stream may go on no longer.
    #[must_use]
    pub fn stream_over(&self, now: Micros) -> bool {
        let lasts = if self.in_pieces() {
            crate::limits::APPENDED_STREAM_MICROS
        } else {
            crate::limits::STREAM_MICROS
        };
        Micros(self.key.ts.0).plus(lasts) <= now
    }
}

/// Somebody's reaction to a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Reaction {
    /// When; orders the reactions.
    pub since: Ts,
    /// Slack's short name of the emoji.
    pub name: Arc<str>,
    /// Who reacted.
    pub user: UserId,
}

/// Reactions by emoji: each with everyone who reacted with it, in the order of the first.
#[must_use]
pub fn by_emoji(reactions: &[Reaction]) -> Vec<(&str, Vec<UserId>)> {
    let mut groups: Vec<(&str, Vec<UserId>)> = Vec::new();
    for reaction in reactions {
        match groups.iter_mut().find(|(name, _)| *name == &*reaction.name) {
            Some((_, users)) => users.push(reaction.user),
            None => groups.push((&reaction.name, vec![reaction.user])),
        }
    }
    groups
}

/// One person's own view of a message's card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PersonalView {
    /// The revision that it replaces; a later one is shown to everybody again.
    pub revision: NonZeroU32,
    /// The log position of the event that wrote its content.
    pub content_at: u64,
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
    /// The message that it is a revision of.
    pub key: MessageKey,
    /// The log position of the event that wrote it, and so its own key.
    pub position: u64,
    /// From 1.
    pub number: NonZeroU32,
    /// Where the revision before it is.
    pub previous: Option<u64>,
    /// Who posted it or updated the message to it.
    pub by: UserId,
    /// The workspace's clock then.
    pub at: Micros,
}

/// What stays known of a message that is gone: for administrators who look at its revisions, and for apps that hear late
/// of what happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    /// The message as it was last; if it left a tombstone, as that.
    pub last: Arc<Message>,
    /// Who deleted it; the platform deletes in the name of whoever caused it.
    pub by: UserId,
    /// When that was, by the workspace's clock.
    pub at: Micros,
}
