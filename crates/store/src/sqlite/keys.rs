//! The keys of rows, packed into one integer each, which SQLite compares and stores best.
//!
//! ```text
//! ConversationKey   workspace: 32 bits │ conversation: 32 bits      column `place`
//! LogKey            workspace: 24 bits │ position: 40 bits          column `spot`
//! Timeline          0 channel │ -1 one reader │ a root's ts thread  column `line`
//! ```
//!
//! The layouts are stored: none of them may change without a migration.

use redraft_model::id::{ConversationId, MessageKey, WorkspaceId};
use redraft_model::message::{Audience, Message};
use redraft_model::time::Ts;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

/// A workspace and a conversation. With a message's ts it is the key of the message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ConversationKey(i64);

impl ConversationKey {
    pub fn new(workspace: WorkspaceId, conversation: ConversationId) -> Self {
        Self(i64::from(workspace.0) << 32 | i64::from(conversation.0))
    }

    /// The conversation of a message.
    pub fn of(key: MessageKey) -> Self {
        Self::new(key.workspace, key.conversation)
    }

    /// Below all conversations of a workspace and above those of the workspaces before it. As the end of a range it takes
    /// the workspace after.
    pub fn first(workspace: WorkspaceId) -> Self {
        Self::new(workspace, ConversationId(0))
    }

    /// The key of the message with this ts.
    pub fn message(self, ts: Ts) -> MessageKey {
        let half = |half: i64| u32::try_from(half & i64::from(u32::MAX)).unwrap_or(0);
        let (workspace, conversation) = (WorkspaceId(half(self.0 >> 32)), ConversationId(half(self.0)));
        MessageKey { workspace, conversation, ts }
    }

    /// The integer that is stored.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// A workspace and a position of its log: the key of an event, and of the content that it wrote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct LogKey(i64);

impl LogKey {
    /// The last position of a workspace's log.
    pub const POSITION_MAX: i64 = (1 << 40) - 1;

    /// A reader may ask for any number: one past the last position means the last.
    pub fn new(workspace: WorkspaceId, position: u64) -> Self {
        let position = i64::try_from(position).unwrap_or(Self::POSITION_MAX).min(Self::POSITION_MAX);
        Self(i64::from(workspace.0) << 40 | position)
    }

    /// Below all of a workspace's log, as no event has position 0. As the end of a range it takes the workspace after.
    pub fn first(workspace: WorkspaceId) -> Self {
        Self::new(workspace, 0)
    }

    pub fn position(self) -> i64 {
        self.0 & Self::POSITION_MAX
    }

    /// The workspace's number.
    pub fn workspace(self) -> i64 {
        self.0 >> 40
    }

    /// The integer that is stored.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The order that a row of `message` is read in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timeline {
    /// What the channel shows.
    Channel,
    /// The replies of one thread, by the ts of its root.
    Thread(Ts),
    /// Messages for one reader, which no history shows.
    Ephemeral,
}

impl Timeline {
    /// Where a message's row is.
    pub fn of(message: &Message) -> Self {
        match (message.audience, message.root) {
            (Audience::Only(_), _) => Self::Ephemeral,
            (Audience::Everyone, Some(root)) => Self::Thread(root),
            (Audience::Everyone, None) => Self::Channel,
        }
    }

    /// The integer that is stored.
    pub fn number(self) -> i64 {
        match self {
            Self::Channel => 0,
            Self::Ephemeral => -1,
            Self::Thread(root) => root.0,
        }
    }

    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Channel,
            -1 => Self::Ephemeral,
            root => Self::Thread(Ts(root)),
        }
    }
}

macro_rules! integers {
    ($($key:ty: $of:expr),* $(,)?) => {$(
        impl ToSql for $key {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.number().into())
            }
        }

        impl FromSql for $key {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map($of)
            }
        }
    )*};
}

integers! {
    ConversationKey: ConversationKey,
    LogKey: LogKey,
    Timeline: Timeline::from_number,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These numbers are in every folder.
    #[test]
    fn the_layouts_are_what_is_stored() {
        let (workspace, conversation, ts) = (WorkspaceId(3), ConversationId(7), Ts(1_700_000_000_000_100));
        let key = MessageKey { workspace, conversation, ts };
        assert_eq!(ConversationKey::of(key).number(), 0x3_0000_0007);
        assert_eq!(ConversationKey::of(key).message(ts), key);
        let event = LogKey::new(workspace, 300);
        assert_eq!((event.number(), event.position(), event.workspace()), (3 << 40 | 300, 300, 3));
        assert_eq!(LogKey::new(workspace, u64::MAX).position(), LogKey::POSITION_MAX);
        for (timeline, number) in
            [(Timeline::Channel, 0), (Timeline::Ephemeral, -1), (Timeline::Thread(ts), ts.0)]
        {
            assert_eq!((timeline.number(), Timeline::from_number(number)), (number, timeline));
        }
    }
}
