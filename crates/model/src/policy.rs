//! Who may change or delete what: one policy for both dialects, and a table that it prints itself.
//!
//! Sources: Slack's guide "Modifying messages" (its caveats for user, admin and bot tokens), Teams' rule that a bot
//! changes only its own, and what developers observed where the two are silent. Whether the caller sees the
//! conversation at all is checked before any of this.

use crate::content::Dialect;
use crate::directory::Directory;
use crate::id::{AppId, ConversationId, UserId, WorkspaceId};
use crate::item::File;
use crate::message::{Audience, Gone, Message};
use crate::time::Micros;
use crate::workspace::{App, Conversation, ConversationKind, Retention, Settings, Token, TokenKind, User};

mod table;

pub use table::{Asker, Right, Subject, rights, table};

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
            Self::NotPostedByThisUser => "a user token may change and delete only its own user's messages",
            Self::NotTheInstaller => "of user tokens, only the installer's may change what the app posted",
            Self::OthersDirectMessage => "an administrator may not delete other people's direct messages",
            Self::OnlyAdministratorsDelete => "only administrators may delete messages in this workspace",
            Self::DeleteWindowOver => {
                "the time in which people may delete their messages in this workspace has passed"
            }
            Self::WrittenByThePlatform => {
                "messages that the platform wrote cannot be changed, and only administrators may delete them"
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
