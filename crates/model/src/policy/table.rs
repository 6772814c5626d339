//! The table of rights, computed from the rules: who asks, whose message it is, and whether an update and a deletion are
//! accepted.
//!
//! `docs/RIGHTS.txt` is this table, printed; a test compares. Nothing here may decide: it asks the rules.

use super::{Actor, may_delete, may_update};
use crate::content::Dialect;
use crate::id::{AppId, ConversationId, UserId, WorkspaceId};
use crate::message::{Audience, Kind, Message};
use crate::time::Micros;
use crate::workspace::{Conversation, ConversationKind, Settings, TokenKind};

/// What stands in a row of the table of rights: who asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Asker {
    /// The app's bot token.
    Bot,
    /// The user token of the person who installed the app.
    Installer,
    /// The user token of a member.
    Member,
    /// The user token of an administrator.
    Administrator,
    /// The bot token of another app.
    OtherBot,
    /// A user token of another app.
    OtherApp,
    /// A token of another workspace.
    OtherWorkspace,
}

impl Asker {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Bot,
        Self::Installer,
        Self::Member,
        Self::Administrator,
        Self::OtherBot,
        Self::OtherApp,
        Self::OtherWorkspace,
    ];

    /// How `docs/RIGHTS.txt` titles the row.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Bot => "bot token",
            Self::Installer => "installer's user token",
            Self::Member => "other member's user token",
            Self::Administrator => "admin's user token",
            Self::OtherBot => "other app's bot token",
            Self::OtherApp => "other app's user token",
            Self::OtherWorkspace => "other workspace's token",
        }
    }

    /// The actor that such a token makes; `None` of one that makes none here.
    fn actor(self) -> Option<Actor> {
        let (app, user, kind) = match self {
            Self::Bot => (HOME, BOT, TokenKind::Bot),
            Self::Installer => (HOME, INSTALLER, TokenKind::User),
            Self::Member => (HOME, MEMBER, TokenKind::User),
            Self::Administrator => (HOME, ADMIN, TokenKind::User),
            Self::OtherBot => (AppId(2), OTHER_BOT, TokenKind::Bot),
            Self::OtherApp => (AppId(2), INSTALLER, TokenKind::User),
            Self::OtherWorkspace => return None,
        };
        Some(Actor {
            workspace: WorkspaceId(1),
            dialect: Dialect::Slack,
            app: Some(app),
            user,
            kind,
            admin: user == ADMIN,
            installer: user == INSTALLER && app == HOME,
        })
    }
}

/// What stands in a column of the table of rights: whose message it is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// The caller posted it.
    Own,
    /// Posted by the app's bot user.
    AppsBot,
    /// Posted by the app under a custom name.
    AsTheApp,
    /// A person who is a member posted it.
    OtherMember,
    /// Another app's bot posted it.
    OtherApp,
    /// In a direct message that the caller is in, of somebody else.
    OthersDirect,
    /// Written by the platform about the caller.
    Platforms,
    /// Deleted while it had replies.
    Tombstone,
    /// An ephemeral message.
    Ephemeral,
}

impl Subject {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Own,
        Self::AppsBot,
        Self::AsTheApp,
        Self::OtherMember,
        Self::OtherApp,
        Self::OthersDirect,
        Self::Platforms,
        Self::Tombstone,
        Self::Ephemeral,
    ];

    /// How `docs/RIGHTS.txt` titles the column.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::AppsBot => "app's bot",
            Self::AsTheApp => "as the app",
            Self::OtherMember => "other member",
            Self::OtherApp => "other app",
            Self::OthersDirect => "others' DM",
            Self::Platforms => "platform's",
            Self::Tombstone => "tombstone",
            Self::Ephemeral => "ephemeral",
        }
    }

    /// Such a message and its conversation; `None` of one that is refused by its state, before rights: see `update` and
    /// `delete`.
    fn message(self, actor: &Actor) -> Option<(Message, Conversation)> {
        let (author, app, as_app) = match self {
            Self::Own => (actor.user, actor.app, actor.kind == TokenKind::Bot),
            Self::Platforms => (actor.user, None, false),
            Self::OtherApp => (UserId(7), Some(AppId(3)), true),
            Self::OtherMember | Self::OthersDirect => (STRANGER, Some(HOME), false),
            Self::AppsBot | Self::AsTheApp => (BOT, Some(HOME), true),
            Self::Tombstone | Self::Ephemeral => return None,
        };
        let kind = if self == Self::Platforms { Kind::Join } else { Kind::Plain };
        let of = if self == Self::OthersDirect { ConversationKind::Group } else { ConversationKind::Public };
        Some((Message { kind, ..example(author, app, as_app) }, conversation(of)))
    }
}

/// A cell of the table of rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Right {
    /// The row.
    pub asker: Asker,
    /// The column.
    pub subject: Subject,
    /// Whether an update is accepted.
    pub update: bool,
    /// Whether a deletion is accepted.
    pub delete: bool,
}

/// The table of rights, row by row, computed from the rules above.
pub fn rights() -> impl Iterator<Item = Right> {
    let cells = Asker::ALL.into_iter().flat_map(|asker| Subject::ALL.map(|subject| (asker, subject)));
    cells.map(|(asker, subject)| right(asker, subject))
}

fn right(asker: Asker, subject: Subject) -> Right {
    let asked = asker.actor().and_then(|actor| Some((actor, subject.message(&actor)?)));
    let (update, delete) = asked.map_or((false, false), |(actor, (message, conversation))| {
        let deleted = may_delete(&actor, &message, &conversation, &Settings::default(), Micros(2));
        (may_update(&actor, &message).is_ok(), deleted.is_ok())
    });
    Right { asker, subject, update, delete }
}

/// [`rights`] as the text of `docs/RIGHTS.txt`.
#[must_use]
pub fn table() -> String {
    use std::fmt::Write;
    let mut text = String::from("Each cell: update, delete. + accepted, - refused.\n\n");
    let _ = write!(text, "{:28}", "");
    for subject in Subject::ALL {
        let _ = write!(text, "{:>15}", subject.title());
    }
    let sign = |allowed: bool| if allowed { '+' } else { '-' };
    for right in rights() {
        if right.subject == Subject::ALL[0] {
            let _ = write!(text, "\n{:28}", right.asker.title());
        }
        let _ = write!(text, "{:>15}", format!("{} {}", sign(right.update), sign(right.delete)));
    }
    text.push('\n');
    text
}

const HOME: AppId = AppId(1);
const ADMIN: UserId = UserId(1);
const INSTALLER: UserId = UserId(2);
const MEMBER: UserId = UserId(3);
const STRANGER: UserId = UserId(4);
const BOT: UserId = UserId(5);
const OTHER_BOT: UserId = UserId(6);

fn example(author: UserId, app: Option<AppId>, as_app: bool) -> Message {
    use crate::message::State;
    Message {
        key: crate::id::MessageKey {
            workspace: WorkspaceId(1),
            conversation: ConversationId(1),
            ts: crate::time::Ts(1),
        },
        root: None,
        broadcast: false,
        audience: Audience::Everyone,
        author,
        app,
        as_app,
        kind: Kind::Plain,
        state: State::Live { revision: std::num::NonZeroU32::MIN, edited: None },
        content_at: 1,
        parts: crate::content::Parts::default(),
        thread: None,
        marked: false,
    }
}

fn conversation(kind: ConversationKind) -> Conversation {
    Conversation {
        id: ConversationId(1),
        slack_id: String::new(),
        connector_id: String::new(),
        kind,
        name: String::new(),
        topic: crate::workspace::Note::default(),
        purpose: crate::workspace::Note::default(),
        creator: ADMIN,
        created_at: Micros(0),
        general: false,
        archived: false,
        members: crate::shared::SharedMap::new(),
        former: crate::shared::SharedMap::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: std::collections::BTreeSet::new(),
        updated_at: Micros(0),
    }
}
