//! Whom an event may concern: words that each dialect describes its events and its apps in, so that one index finds the
//! apps of an event without asking all of them.

use redraft_model::id::{AppId, UserId};

/// Kinds of events of one dialect, as bits. Each dialect numbers its own, from 0 to 31.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Topics(u32);

impl Topics {
    /// All there are.
    pub const ALL: Self = Self(u32::MAX);

    /// The one with this number.
    #[must_use]
    pub const fn one(number: u8) -> Self {
        Self(1 << (number % 32))
    }

    /// Those that are in either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Whom an event of the log may concern, of one dialect's apps. More than it does is harmless, less loses events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Audience {
    /// What it is to those who are in its conversation.
    pub members: Topics,
    /// What it is to everyone in the workspace.
    pub team: Topics,
    /// What it is to one user.
    pub user: Option<(UserId, Topics)>,
    /// An app that it is about; whatever this app subscribes to.
    pub app: Option<AppId>,
}

/// What an app subscribes to in the name of one user, in one kind of conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest {
    /// Its bot, or a person who authorised it.
    pub user: UserId,
    /// Topics of which it receives everything.
    pub all: Topics,
    /// Topics of which it receives only messages that mention its bot.
    pub mentioning: Topics,
}
