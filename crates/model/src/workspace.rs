//! What a workspace holds besides messages: people, apps, tokens, conversations, settings.
//!
//! Each thing carries the spellings of its id in both dialects, which are minted with it and never change. Nothing here is
//! removed but tokens: people are deactivated, apps uninstalled, conversations archived.

use std::collections::BTreeSet;

use crate::content::Dialect;
use crate::id::{AppId, ConversationId, TokenHash, UserGroupId, UserId, WorkspaceId};
use crate::limits::{DEAD_LETTER_MICROS, DELETED_CONTENT_MICROS, EPHEMERAL_MICROS};
use crate::shared::{SharedMap, SharedSet};
use crate::time::{Micros, Ts};

/// One tenant with one team.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// Its number inside the server. A reset workspace gets a new one.
    pub id: WorkspaceId,
    /// Slack's `T…`.
    pub team_id: String,
    /// Teams' tenant, a guid.
    pub tenant_id: String,
    /// The name that people read.
    pub name: String,
    /// Slack's domain, the first label of a real workspace's host.
    pub domain: String,
    /// When it was made.
    pub created_at: Micros,
    /// What its administrators decided.
    pub settings: Settings,
    /// What the workspace's clock is ahead of the machine's. Only grows.
    pub clock_offset_micros: i64,
}

/// What a workspace's administrators decide. Apps are free of what is said about people's messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// How long people may edit their messages; `None` is for ever.
    pub edit_window_micros: Option<i64>,
    /// How long people may delete their messages; `None` is for ever.
    pub delete_window_micros: Option<i64>,
    /// Whether only administrators delete people's messages.
    pub only_admins_delete: bool,
    /// How long what is over is kept. This is of apps' messages as well.
    pub retention: Retention,
}

/// How long a workspace keeps what is over, each at most [`crate::limits::RETENTION_MICROS_MAX`] by the workspace's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Content of deleted messages, from the deletion on, and what people submitted, from then on.
    pub deleted_micros: i64,
    /// Superseded revisions, from the update on; `None` is as long as their message.
    pub superseded_micros: Option<i64>,
    /// Dead letters, from their event on.
    pub dead_letters_micros: i64,
    /// Ephemeral messages, from their last change on.
    pub ephemeral_micros: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            deleted_micros: DELETED_CONTENT_MICROS,
            superseded_micros: None,
            dead_letters_micros: DEAD_LETTER_MICROS,
            ephemeral_micros: EPHEMERAL_MICROS,
        }
    }
}

/// A person, or the user that an app's bot is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Their number inside the workspace.
    pub id: UserId,
    /// Slack's `U…`.
    pub slack_id: String,
    /// Teams' `29:…`, or `28:` and the app id for a bot.
    pub member_id: String,
    /// Teams' directory id, a guid.
    pub directory_id: String,
    /// Short name, unique in the workspace.
    pub name: String,
    /// The full name that people read (`real_name`).
    pub real_name: String,
    /// Mail address, unique in the workspace; bots have none.
    pub email: Option<String>,
    /// Administrator of the workspace.
    pub admin: bool,
    /// The app whose bot this is.
    pub bot_of: Option<AppId>,
    /// Whether clients show them as away (`users.getPresence`).
    pub away: bool,
    /// Deactivated people keep their messages and lose their tokens.
    pub deactivated: bool,
    /// When it was last changed.
    pub updated_at: Micros,
}

impl User {
    /// The mail address as a name: without regard to case.
    #[must_use]
    pub fn mail_name(&self) -> Option<String> {
        self.email.as_ref().map(|email| format!("mailto:{}", email.to_lowercase()))
    }
}

/// A registered bot, of exactly one dialect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct App {
    /// Its number inside the workspace.
    pub id: AppId,
    /// The API that its code speaks.
    pub dialect: Dialect,
    /// Slack's `A…`.
    pub slack_id: String,
    /// Slack's `B…`.
    pub bot_id: String,
    /// Teams' app id, a guid. One on the whole server.
    pub app_id: String,
    /// The name that people read.
    pub name: String,
    /// The user that posts as this app.
    pub bot_user: UserId,
    /// The person who installed it.
    pub installed_by: Option<UserId>,
    /// Signs what Slack sends to the app; has to be read back for that.
    pub signing_secret: Option<String>,
    /// SHA-256 of the Teams app's password.
    pub password_hash: Option<[u8; 32]>,
    /// Uninstalled: the tokens are revoked, the messages stay.
    pub uninstalled: bool,
    /// The messaging endpoint that events are delivered to, an `http` or `https` address.
    pub endpoint: Option<String>,
    /// Events before this log position are not delivered. It is set with the endpoint, and when the endpoint is removed.
    pub hears_from: u64,
    /// Hears every message of its channels and group chats, not only those that mention it (Teams' resource-specific
    /// consent to read all).
    pub reads_all: bool,
    /// Puts what it has to say into its answer instead of calling back (`deliveryMode: expectReplies`).
    pub expects_replies: bool,
    /// The issuer of the tokens that this bot is called with; `None` is the Bot Connector's own.
    pub issuer: Option<String>,
    /// Calls without a valid token are this bot's. At most one of a workspace.
    pub anonymous: bool,
    /// What only a Slack app has; of a Teams bot, nothing.
    pub slack: Option<Box<SlackApp>>,
    /// When it was last changed.
    pub updated_at: Micros,
    /// Secrets that were replaced and are still good, at most one of each kind.
    pub old_secrets: Vec<OldSecret>,
}

/// What an app and the platform know of each other, by what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretKind {
    /// With which a Teams bot gets its tokens.
    Password,
    /// With which a Slack app exchanges codes (OAuth).
    ClientSecret,
    /// With which calls to a Slack app are signed.
    SigningSecret,
}

/// A secret as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secret {
    /// SHA-256 of a Teams app's password.
    Password([u8; 32]),
    /// SHA-256 of a Slack app's client secret.
    ClientSecret([u8; 32]),
    /// A signing secret; has to be read back for signing.
    SigningSecret(String),
}

impl Secret {
    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> SecretKind {
        match self {
            Self::Password(_) => SecretKind::Password,
            Self::ClientSecret(_) => SecretKind::ClientSecret,
            Self::SigningSecret(_) => SecretKind::SigningSecret,
        }
    }
}

/// A secret that was replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldSecret {
    /// The secret that was replaced. It is good until `until`.
    pub secret: Secret,
    /// From then on it is worth nothing, by the workspace's clock.
    pub until: Micros,
}

impl App {
    /// The replaced secret of this kind, if it is still good.
    #[must_use]
    pub fn old_secret(&self, kind: SecretKind, now: Micros) -> Option<&OldSecret> {
        self.old_secrets.iter().find(|old| old.secret.kind() == kind && now < old.until)
    }

    /// SHA-256 of the passwords by which the bot is known: the new one and, for a while, the one before it.
    pub fn passwords(&self, now: Micros) -> impl Iterator<Item = [u8; 32]> {
        let old = self.old_secret(SecretKind::Password, now);
        self.password_hash.into_iter().chain(old.and_then(OldSecret::hash))
    }

    /// SHA-256 of the client secrets by which a Slack app is known.
    pub fn client_secrets(&self, now: Micros) -> impl Iterator<Item = [u8; 32]> {
        let new = self.slack.as_ref().and_then(|slack| slack.client_secret_hash);
        let old = self.old_secret(SecretKind::ClientSecret, now);
        new.into_iter().chain(old.and_then(OldSecret::hash))
    }

    /// With which calls to the app are signed: while the replaced secret is good, with that one, since an app checks one
    /// signature and has to learn the new secret first.
    #[must_use]
    pub fn signs_with(&self, now: Micros) -> Option<&str> {
        match self.old_secret(SecretKind::SigningSecret, now).map(|old| &old.secret) {
            Some(Secret::SigningSecret(old)) => Some(old),
            Some(Secret::Password(_) | Secret::ClientSecret(_)) | None => self.signing_secret.as_deref(),
        }
    }

    /// Puts a secret in the place of the one that is there, which comes back; `None` if the app has none of this kind.
    pub(crate) fn replace_secret(&mut self, new: &Secret) -> Option<Secret> {
        match new {
            Secret::Password(new) => {
                let slot = self.password_hash.as_mut()?;
                Some(Secret::Password(std::mem::replace(slot, *new)))
            }
            Secret::ClientSecret(new) => {
                let slot = self.slack.as_mut()?.client_secret_hash.as_mut()?;
                Some(Secret::ClientSecret(std::mem::replace(slot, *new)))
            }
            Secret::SigningSecret(new) => {
                let slot = self.signing_secret.as_mut()?;
                Some(Secret::SigningSecret(std::mem::replace(slot, new.clone())))
            }
        }
    }
    /// Whether events are delivered to it: it has an endpoint, or opens connections of its own, and its events are not switched
    /// off.
    #[must_use]
    pub fn is_told(&self) -> bool {
        let slack = self.slack.as_deref();
        let off = slack.is_some_and(|slack| slack.events_off);
        !off && (self.endpoint.is_some() || slack.is_some_and(|slack| slack.socket_mode))
    }
}

impl OldSecret {
    fn hash(&self) -> Option<[u8; 32]> {
        match self.secret {
            Secret::Password(hash) | Secret::ClientSecret(hash) => Some(hash),
            Secret::SigningSecret(_) => None,
        }
    }
}

/// What a Slack app's manifest says, and what was minted with it. Its [`App::endpoint`] is the request URL of the Events
/// API.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlackApp {
    /// The old `token` of payloads, by which nobody should check anything any more.
    pub verification_token: String,
    /// Names the app when it is installed (OAuth).
    pub client_id: String,
    /// SHA-256 of its client secret.
    pub client_secret_hash: Option<[u8; 32]>,
    /// Where people may be sent back to when they installed it.
    pub redirect_urls: Vec<String>,
    /// What its bot token may do once installed, sorted.
    pub bot_scopes: Vec<String>,
    /// What the token of the person who installs it may do, sorted.
    pub user_scopes: Vec<String>,
    /// Events that it subscribes to as its bot, such as `message.channels`.
    pub bot_events: Vec<String>,
    /// Events that it subscribes to in the names of the people who authorised it.
    pub user_events: Vec<String>,
    /// The types of message metadata that it subscribes to.
    pub metadata_events: Vec<String>,
    /// Hears no events, because its endpoint failed too often.
    pub events_off: bool,
    /// Hears everything through connections that it opens itself.
    pub socket_mode: bool,
    /// The URL that interactions are sent to.
    pub interactivity_url: Option<String>,
    /// Where it is asked for the options of a select.
    pub options_url: Option<String>,
    /// The slash commands that people can type; unique within the workspace.
    pub commands: Vec<SlashCommand>,
    /// The shortcuts that people can start, global ones and those of messages.
    pub shortcuts: Vec<Shortcut>,
    /// Its incoming webhooks, at most [`crate::limits::WEBHOOKS_MAX`].
    pub webhooks: Vec<Webhook>,
}

/// A slash command of an app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlashCommand {
    /// The command with its slash, such as `/deploy`.
    pub command: String,
    /// The URL that the command is sent to; without Socket Mode it needs one.
    pub url: Option<String>,
    /// What it does, for people.
    pub description: String,
    /// What can follow it, for people.
    pub usage_hint: String,
    /// Mentions in its text are sent as ids.
    pub escapes: bool,
}

/// A shortcut of an app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shortcut {
    /// The app's name for it.
    pub callback_id: String,
    /// The name that people read in the menu.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// It is run on a message; otherwise from anywhere.
    pub of_message: bool,
}

/// An address at which anyone who knows it posts to one conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// `B…`; heads the secret in the address.
    pub service_id: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// The conversation that its posts go to.
    pub conversation: ConversationId,
    /// The user who created it.
    pub by: UserId,
}

/// People who can be mentioned together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserGroup {
    /// Its number inside the workspace.
    pub id: UserGroupId,
    /// Slack's `S…`.
    pub slack_id: String,
    /// Short name, unique in the workspace, without `@`.
    pub handle: String,
    /// The name that people read.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who is in it.
    pub users: Vec<UserId>,
    /// The user who created it.
    pub creator: UserId,
    /// When that was, by the workspace's clock.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
    /// Whether it is disabled: nobody can mention it, and its members stay as they are.
    pub disabled: bool,
}

/// What a token may be used as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// Acts as the app's bot user.
    Bot,
    /// Acts as the person who authorised the app.
    User,
    /// Acts as the app itself, in no workspace's name; posts nothing.
    App,
}

/// A Slack token: always of an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its hash, and its key.
    pub hash: TokenHash,
    /// A name for people that reveals nothing: the first and last few characters.
    pub hint: String,
    /// The app it belongs to.
    pub app: AppId,
    /// Whom it acts as.
    pub user: UserId,
    /// Bot, user or app.
    pub kind: TokenKind,
    /// What it may do, sorted.
    pub scopes: Vec<String>,
    /// Revoked, by its owner or by uninstalling.
    pub revoked: bool,
    /// When a rotated token ends; of a revoked one, when it was revoked (one that was revoked before this was written
    /// down has nothing).
    pub expires_at: Option<Micros>,
}

/// A token of an app that is only being made, so neither the app nor its bot user has a number yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewToken {
    /// [`Token::hash`].
    pub hash: TokenHash,
    /// [`Token::hint`].
    pub hint: String,
    /// The user as whom it acts; `None` is the bot user that is made with the app.
    pub user: Option<UserId>,
    /// [`Token::kind`].
    pub kind: TokenKind,
    /// [`Token::scopes`].
    pub scopes: Vec<String>,
}

impl NewToken {
    /// The token, once the app and its bot user have their numbers. It is good until somebody ends it.
    #[must_use]
    pub fn of(self, app: AppId, bot_user: UserId) -> Token {
        let Self { hash, hint, user, kind, scopes } = self;
        let user = user.unwrap_or(bot_user);
        Token { hash, hint, app, user, kind, scopes, revoked: false, expires_at: None }
    }
}

impl Token {
    /// When it ends or ended; `None` if it lasts.
    #[must_use]
    pub fn ends_at(&self) -> Option<Micros> {
        if self.revoked { Some(self.expires_at.unwrap_or_default()) } else { self.expires_at }
    }

    /// The same, revoked now.
    #[must_use]
    pub fn revoked(&self, now: Micros) -> Self {
        let ended = self.ends_at().map_or(now, |end| end.min(now));
        Self { revoked: true, expires_at: Some(ended), ..self.clone() }
    }
}

/// The kinds of conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConversationKind {
    /// A channel that everyone in the workspace sees.
    Public,
    /// A channel that only its members see.
    Private,
    /// A direct message between two.
    Direct,
    /// A direct message between several.
    Group,
}

/// A conversation's topic or purpose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Note {
    /// mrkdwn in stored form; empty when it was never set or taken away.
    pub value: String,
    /// Who set it last.
    pub by: Option<UserId>,
    /// When that was, by the workspace's clock.
    pub at: Micros,
}

/// A channel, group or direct message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conversation {
    /// Its number inside the workspace.
    pub id: ConversationId,
    /// Slack's `C…`, `G…` or `D…`.
    pub slack_id: String,
    /// Teams' `19:…` or `a:1…`.
    pub connector_id: String,
    /// Whether it is a channel, a group chat or a direct message.
    pub kind: ConversationKind,
    /// The channel's name, unique among channels; empty for direct messages.
    pub name: String,
    /// What is being talked about.
    pub topic: Note,
    /// What it is for.
    pub purpose: Note,
    /// The user who created it.
    pub creator: UserId,
    /// When that was, by the workspace's clock.
    pub created_at: Micros,
    /// The channel whose id is also the Teams team's id.
    pub general: bool,
    /// Archived: readable, but nothing is posted or changed.
    pub archived: bool,
    /// Who is in it, and since when. Changed by [`Membership`]s only, one at a time.
    pub members: SharedMap<UserId, Micros>,
    /// Bots that were members. They are refused as such, where for others the conversation is missing.
    pub former: SharedSet<UserId>,
    /// Names that it had before, the oldest first.
    pub previous_names: Vec<String>,
    /// Its pinned messages, the oldest pin first; at most [`crate::limits::PINS_MAX`].
    pub pins: Vec<Pin>,
    /// Who has closed this direct message.
    pub closed: BTreeSet<UserId>,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// What a conversation knows of one user. A user of whom it knows nothing has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    /// In it, since then.
    Member(Micros),
    /// A bot that was in it.
    Former,
}

/// A message that is pinned to its conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// The ts of the pinned message.
    pub ts: Ts,
    /// The user who pinned it.
    pub by: UserId,
    /// When that was, by the workspace's clock.
    pub at: Micros,
}

impl Conversation {
    /// Whether it is a channel rather than a direct message.
    #[must_use]
    pub fn is_channel(&self) -> bool {
        matches!(self.kind, ConversationKind::Public | ConversationKind::Private)
    }

    /// The pin of a message, if it has one.
    #[must_use]
    pub fn pin(&self, ts: Ts) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.ts == ts)
    }

    /// Puts a user in, or takes one out.
    pub fn set_membership(&mut self, user: UserId, membership: Option<Membership>) {
        match membership {
            Some(Membership::Member(since)) => {
                self.members.insert(user, since);
                self.former.remove(&user);
            }
            Some(Membership::Former) => {
                self.members.remove(&user);
                self.former.add(user);
            }
            None => {
                self.members.remove(&user);
                self.former.remove(&user);
            }
        }
    }

    /// What it knows of its users, members first.
    pub fn memberships(&self) -> impl Iterator<Item = (UserId, Membership)> {
        let members = self.members.iter().map(|(user, since)| (*user, Membership::Member(*since)));
        members.chain(self.former.keys().map(|user| (*user, Membership::Former)))
    }

    /// Whether this user is in it.
    #[must_use]
    pub fn has(&self, user: UserId) -> bool {
        self.members.contains_key(&user)
    }
}
