//! Declared apps.

use redraft_model::workspace::{Shortcut, SlashCommand};
use serde::{Deserialize, Serialize};

/// Which platform's app it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum AppKind {
    /// A Slack app.
    #[default]
    Slack,
    /// A Teams bot.
    Teams,
}

/// An app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedApp {
    /// Its platform.
    pub kind: AppKind,
    /// Shown name; the bot's short name is made from it.
    pub name: String,
    /// `A…`.
    pub id: Option<String>,
    /// `B…`.
    pub bot_id: Option<String>,
    /// The bot's `U…`.
    pub bot_user_id: Option<String>,
    /// Slack: the bot's name, where it is another than the app's.
    pub bot_name: Option<String>,
    /// Slack: the bot token.
    pub bot_token: Option<String>,
    /// Slack: the app-level token.
    pub app_token: Option<String>,
    /// Slack: a token of the person who installed it.
    pub user_token: Option<String>,
    /// Slack: signs what is sent to the app.
    pub signing_secret: Option<String>,
    /// Slack: names the app when it is installed (OAuth).
    pub client_id: Option<String>,
    /// Slack: proves the same.
    pub client_secret: Option<String>,
    /// Slack: the old `token` of what is sent to the app.
    pub verification_token: Option<String>,
    /// Slack: what the bot token may do; everything by default. Without any there is no bot token.
    pub scopes: Option<Vec<String>>,
    /// Slack: what the token of the person who installs it may do. With any, and an `installed_by`, there is such a token.
    pub user_scopes: Vec<String>,
    /// Slack: where people may be sent back to when they installed it.
    pub redirect_urls: Vec<String>,
    /// Slack: events that it receives from the conversations of its bot, such as `message.channels`.
    pub bot_events: Vec<String>,
    /// Slack: events that it receives from the conversations of the people who authorised it.
    pub user_events: Vec<String>,
    /// Slack: types of message metadata that it subscribes to.
    pub metadata_events: Vec<String>,
    /// Slack: whether it uses Socket Mode and receives everything through connections that it opens.
    pub socket_mode: bool,
    /// Slack: the request URL for interactions.
    pub interactivity_url: Option<String>,
    /// Slack: where it is asked for the options of a select.
    pub options_url: Option<String>,
    /// Slack: its slash commands.
    pub commands: Vec<SeedCommand>,
    /// Slack: its shortcuts.
    pub shortcuts: Vec<SeedShortcut>,
    /// Slack: its incoming webhooks.
    pub webhooks: Vec<SeedWebhook>,
    /// Name of the person who installed it; by default the first who is not an administrator.
    pub installed_by: Option<String>,
    /// Teams: the app id, a guid.
    pub app_id: Option<String>,
    /// Teams: the password.
    pub app_password: Option<String>,
    /// Where the bot receives events: a Teams bot's messaging endpoint, a Slack app's request URL for events.
    pub endpoint: Option<String>,
    /// Teams: whether it receives every message of its channels and group chats, not only those that mention it.
    pub read_all: bool,
    /// Teams: puts what it has to say into its answers (`deliveryMode: expectReplies`).
    pub expect_replies: bool,
    /// Teams: the issuer of the tokens that the bot is called with; by default the Bot Connector's own.
    pub issuer: Option<String>,
    /// Teams: calls without a valid token are this bot's. At most one of a workspace, and only on a server that listens on
    /// loopback.
    pub anonymous: bool,
    /// Names of the channels that the bot is in; `general` by default.
    pub channels: Option<Vec<String>>,
}

/// A slash command of a Slack app.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SeedCommand {
    /// With its slash.
    pub command: String,
    /// Where it goes; not needed with sockets.
    pub url: Option<String>,
    /// What it does, for people.
    pub description: String,
    /// What may follow it, for people.
    pub usage_hint: String,
    /// Mentions in what follows it are sent as ids.
    pub should_escape: bool,
}

/// Where a shortcut is offered.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ShortcutKind {
    /// Everywhere.
    #[default]
    Global,
    /// At a message.
    Message,
}

/// A shortcut of a Slack app.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SeedShortcut {
    /// Where it is offered.
    #[serde(rename = "type")]
    pub kind: ShortcutKind,
    /// Shown name.
    pub name: String,
    /// By which the app knows it.
    pub callback_id: String,
    /// What it does, for people.
    pub description: String,
}

/// An incoming webhook of a Slack app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedWebhook {
    /// Name of the channel that it posts to.
    pub channel: String,
    /// `B…`.
    pub id: Option<String>,
    /// The last part of its address.
    pub secret: Option<String>,
}

impl SeedCommand {
    /// As the model has it.
    #[must_use]
    pub fn command(&self) -> SlashCommand {
        SlashCommand {
            command: self.command.clone(),
            url: self.url.clone(),
            description: self.description.clone(),
            usage_hint: self.usage_hint.clone(),
            escapes: self.should_escape,
        }
    }

    /// As it is declared.
    #[must_use]
    pub fn of(command: &SlashCommand) -> Self {
        Self {
            command: command.command.clone(),
            url: command.url.clone(),
            description: command.description.clone(),
            usage_hint: command.usage_hint.clone(),
            should_escape: command.escapes,
        }
    }
}

impl SeedShortcut {
    /// As the model has it.
    #[must_use]
    pub fn shortcut(&self) -> Shortcut {
        Shortcut {
            callback_id: self.callback_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            of_message: self.kind == ShortcutKind::Message,
        }
    }

    /// As it is declared.
    #[must_use]
    pub fn of(shortcut: &Shortcut) -> Self {
        Self {
            kind: if shortcut.of_message { ShortcutKind::Message } else { ShortcutKind::Global },
            name: shortcut.name.clone(),
            callback_id: shortcut.callback_id.clone(),
            description: shortcut.description.clone(),
        }
    }
}
