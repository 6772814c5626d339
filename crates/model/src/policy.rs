//! Who may change or delete what: one policy for both dialects, and a table that it prints itself.
//!
//! Sources: Slack's guide "Modifying messages" (its caveats for user, admin and bot tokens), Teams' rule that a bot
//! changes only its own, and what developers observed where the two are silent. Whether the caller sees the
//! conversation at all is checked before any of this.

use crate::content::Dialect;
use crate::directory::Directory;
use crate::id::{AppId, ConversationId, UserId, WorkspaceId};
use crate::item::File;
use crate::message::{Audience, Gone, Kind, Message};
use crate::time::Micros;
use crate::workspace::{App, Conversation, ConversationKind, Retention, Settings, Token, TokenKind, User};

/// Who asks, as found when deciding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The workspace that its token belongs to.
    pub workspace: WorkspaceId,
    /// The dialect that it speaks.
    pub dialect: Dialect,
    /// The app of the token; `None` of a person in their own client.
    pub app: Option<AppId>,
    /// The person, or the app's bot user.
    pub user: UserId,
    /// Which of the two.
    pub kind: TokenKind,
    /// An administrator's user token.
    pub admin: bool,
    /// The user token of the person who installed the app.
    pub installer: bool,
}

impl Actor {
    /// Whom a token acts as; `app` and `user` are the token's.
    #[must_use]
    pub fn of_token(workspace: WorkspaceId, token: &Token, app: &App, user: &User) -> Self {
        let person = token.kind == TokenKind::User;
        Self {
            workspace,
            dialect: Dialect::Slack,
            app: Some(token.app),
            user: token.user,
            kind: token.kind,
            admin: user.admin && person,
            installer: app.installed_by == Some(token.user) && person,
        }
    }
}

/// What came of looking something up for somebody. Only this type tells the four apart, and whoever asks for anything but
/// [`Found::visible`] says what each of them means; so "hidden" never passes for "deleted", nor for "there is none".
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Found<T> {
    /// It is there, and for whoever asks to see.
    Visible(T),
    /// It is there or was, for others only. To be answered exactly as [`Found::Missing`].
    Hidden,
    /// It was for whoever asks to see and is deleted.
    Deleted,
    /// It never was, or nothing is known of it any more.
    Missing,
}

impl<T> Found<T> {
    /// What may be seen. All else is one answer: it is not there.
    #[must_use]
    pub fn visible(self) -> Option<T> {
        match self {
            Self::Visible(found) => Some(found),
            Self::Hidden | Self::Deleted | Self::Missing => None,
        }
    }
}

/// For whom a message is looked up, and so who reaches one that is for a single reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// Whoever calls an API to read: messages for one reader are in no answer, not even that reader's.
    Api,
    /// A person in their own client, until a message for one reader expires.
    Client(UserId),
    /// Whoever would change or delete it: a message for one reader finds who made it, and that reader through the same app,
    /// who is refused because it cannot be changed.
    Writer(UserId, Option<AppId>),
}

impl Reader {
    /// Whether a living message, or one as it was when it lived, is for this reader to see.
    #[must_use]
    pub fn sees(self, message: &Message, now: Micros, retention: Retention) -> bool {
        let Audience::Only(only) = message.audience else { return true };
        let theirs = match self {
            Self::Api => false,
            Self::Client(user) => only == user,
            Self::Writer(user, app) => {
                message.app == app && (message.author == user || (app.is_some() && only == user))
            }
        };
        theirs && !message.expired(now, retention)
    }

    /// A message as this reader finds it. `gone` is what is known of it if there is no `message`; without it a deleted
    /// message is as one that never was.
    pub fn finds<T: AsRef<Message>>(
        self,
        message: Option<T>,
        gone: Option<&Gone>,
        now: Micros,
        retention: Retention,
    ) -> Found<T> {
        match (message, gone) {
            (Some(message), _) if self.sees(message.as_ref(), now, retention) => Found::Visible(message),
            (None, Some(gone)) if self.sees(&gone.last, now, retention) => Found::Deleted,
            (Some(_), _) | (None, Some(_)) => Found::Hidden,
            (None, None) => Found::Missing,
        }
    }
}

/// A file as this user finds it: their own, and those shared in a conversation that they see. One that was not completed is
/// not there yet.
pub fn finds_file(user: UserId, file: Option<File>, directory: &Directory) -> Found<File> {
    let Some(file) = file.filter(|file| file.complete) else { return Found::Missing };
    let shared =
        |id: ConversationId| directory.conversation(id).is_some_and(|conversation| sees(user, conversation));
    let theirs = file.user == user || file.shares.iter().any(|(conversation, _)| shared(*conversation));
    match (theirs, file.deleted) {
        (false, _) => Found::Hidden,
        (true, true) => Found::Deleted,
        (true, false) => Found::Visible(file),
    }
}

/// The rule of rights that a refusal rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A bot token changes and deletes what its own app posted.
    NotPostedByThisApp,
    /// A user token changes and deletes its own user's messages.
    NotPostedByThisUser,
    /// Of the people, only the one who installed an app changes and deletes what was posted as that app.
    NotTheInstaller,
    /// An administrator does not delete others' direct messages.
    OthersDirectMessage,
    /// The workspace lets only administrators delete.
    OnlyAdministratorsDelete,
    /// The workspace's delete window is over.
    DeleteWindowOver,
    /// Nobody changes what the platform itself wrote, and of the people only administrators delete it.
    WrittenByThePlatform,
}

impl Rule {
    /// The rule in words, for the one who was refused.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotPostedByThisApp => "a bot changes and deletes only what its own app posted",
            Self::NotPostedByThisUser => "a user token changes and deletes only its own user's messages",
            Self::NotTheInstaller => {
                "of people's tokens, only the installer's reaches what was posted as the app"
            }
            Self::OthersDirectMessage => "an administrator does not delete others' direct messages",
            Self::OnlyAdministratorsDelete => "this workspace lets only administrators delete messages",
            Self::DeleteWindowOver => "this workspace's delete window for people is over",
            Self::WrittenByThePlatform => {
                "nobody changes what the platform itself wrote, and only administrators delete it"
            }
        }
    }
}

/// Whether a user sees a conversation.
#[must_use]
pub fn sees(user: UserId, conversation: &Conversation) -> bool {
    conversation.kind == ConversationKind::Public || conversation.has(user)
}

/// Whether the actor may replace the content of a living message.
///
/// # Errors
/// The rule that forbids it.
pub fn may_update(actor: &Actor, message: &Message) -> Result<(), Rule> {
    owns(actor, message)
}

/// Whether the actor may read what a living message said before: who may change it, and administrators. Of a deleted one
/// that is for administrators alone.
#[must_use]
pub fn may_read_revisions(actor: &Actor, message: &Message) -> bool {
    actor.admin || owns(actor, message).is_ok()
}

/// Whether the actor may delete a living message that everyone in the conversation sees.
///
/// # Errors
/// The rule that forbids it.
pub fn may_delete(
    actor: &Actor,
    message: &Message,
    conversation: &Conversation,
    settings: &Settings,
    now: Micros,
) -> Result<(), Rule> {
    let administers = actor.kind == TokenKind::User && actor.admin;
    match owns(actor, message) {
        Ok(()) if message.as_app || administers => Ok(()),
        Ok(()) => people_may_delete(message, settings, now),
        Err(_) if administers && conversation.is_channel() => Ok(()),
        Err(_) if administers => Err(Rule::OthersDirectMessage),
        Err(rule) => Err(rule),
    }
}

/// Whether the edit window that the workspace gives to people is over for this message. Apps have none.
#[must_use]
pub fn edit_window_over(actor: &Actor, message: &Message, settings: &Settings, now: Micros) -> bool {
    let person = actor.kind == TokenKind::User && !message.as_app;
    person && settings.edit_window_micros.is_some_and(|window| posted_at(message).plus(window) <= now)
}

fn people_may_delete(message: &Message, settings: &Settings, now: Micros) -> Result<(), Rule> {
    if settings.only_admins_delete {
        return Err(Rule::OnlyAdministratorsDelete);
    }
    if settings.delete_window_micros.is_some_and(|window| posted_at(message).plus(window) <= now) {
        return Err(Rule::DeleteWindowOver);
    }
    Ok(())
}

fn posted_at(message: &Message) -> Micros {
    Micros(message.key.ts.0)
}

fn owns(actor: &Actor, message: &Message) -> Result<(), Rule> {
    if message.kind.is_notice() {
        return Err(Rule::WrittenByThePlatform);
    }
    if actor.kind == TokenKind::User && !message.as_app {
        return if message.author == actor.user { Ok(()) } else { Err(Rule::NotPostedByThisUser) };
    }
    if !message.as_app || actor.app.is_none() || message.app != actor.app {
        return Err(Rule::NotPostedByThisApp);
    }
    if actor.kind == TokenKind::Bot || posted_as_app(actor) { Ok(()) } else { Err(Rule::NotTheInstaller) }
}

/// The guide gives a user token also messages "posted as the app", while ordinary members were seen to be refused. Both
/// hold if it is the installer's token that reaches them.
fn posted_as_app(actor: &Actor) -> bool {
    actor.installer
}

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
