//! What a script needs to use a workspace that was made.

use std::sync::Arc;

use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::workspace::{App, Conversation, ConversationKind, User};
use serde::Serialize;

/// What a script needs to use a workspace. Secrets are there only when they were made just now, since they are stored
/// hashed.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The workspace.
    pub workspace: ReadyWorkspace,
    /// People.
    pub people: Vec<ReadyPerson>,
    /// Channels.
    pub channels: Vec<ReadyChannel>,
    /// Apps.
    pub apps: Vec<ReadyApp>,
    /// Further tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<String>,
}

/// Ids of a workspace.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyWorkspace {
    /// `T…`.
    pub id: String,
    /// The tenant.
    pub tenant_id: String,
}

/// A person with their token.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyPerson {
    /// Short name.
    pub name: String,
    /// `U…`.
    pub id: String,
    /// `29:…`.
    pub member_id: String,
    /// Administrator.
    pub admin: bool,
    /// Their user token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The app that the token is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
}

/// A channel's ids.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyChannel {
    /// Name without `#`.
    pub name: String,
    /// `C…`.
    pub id: String,
    /// `19:…`.
    pub conversation_id: String,
    /// Seen by members only.
    pub private: bool,
}

/// An app with its secrets.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "a workspace has few apps, and nothing of this is kept")]
pub enum ReadyApp {
    /// A Slack app.
    Slack {
        /// Shown name.
        name: String,
        /// `A…`.
        id: String,
        /// `U…` of the person who installed it.
        installed_by: String,
        /// `B…`.
        bot_id: String,
        /// The bot's `U…`.
        bot_user_id: String,
        /// The bot token.
        #[serde(skip_serializing_if = "Option::is_none")]
        bot_token: Option<String>,
        /// The app-level token.
        #[serde(skip_serializing_if = "Option::is_none")]
        app_token: Option<String>,
        /// A token of the person who installed it.
        #[serde(skip_serializing_if = "Option::is_none")]
        user_token: Option<String>,
        /// Signs what is sent to the app.
        #[serde(skip_serializing_if = "Option::is_none")]
        signing_secret: Option<String>,
        /// Names the app when it is installed.
        client_id: String,
        /// Proves the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String>,
        /// The old `token` of what is sent to the app.
        #[serde(skip_serializing_if = "Option::is_none")]
        verification_token: Option<String>,
        /// Its incoming webhooks.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        webhooks: Vec<ReadyWebhook>,
    },
    /// A Teams bot.
    Teams {
        /// Shown name.
        name: String,
        /// `A…`.
        id: String,
        /// The app id, a guid.
        app_id: String,
        /// The password.
        #[serde(skip_serializing_if = "Option::is_none")]
        app_password: Option<String>,
    },
}

/// An incoming webhook.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyWebhook {
    /// `B…`.
    pub id: String,
    /// Name of the channel that it posts to.
    pub channel: String,
    /// Its address, which is its secret.
    pub url: String,
}

/// What a script needs, of a workspace whose secrets were made at another time.
#[must_use]
pub fn ready_again(directory: &Directory) -> Ready {
    let slack_id = |user: UserId| directory.user(user).map(|user| user.slack_id.clone()).unwrap_or_default();
    let person = |user: &Arc<User>| ReadyPerson {
        name: user.name.clone(),
        id: user.slack_id.clone(),
        member_id: user.member_id.clone(),
        admin: user.admin,
        token: None,
        app_id: None,
    };
    let channel = |channel: &Arc<Conversation>| ReadyChannel {
        name: channel.name.clone(),
        id: channel.slack_id.clone(),
        conversation_id: channel.connector_id.clone(),
        private: channel.kind == ConversationKind::Private,
    };
    let app = |app: &Arc<App>| match app.dialect {
        Dialect::Slack => ReadyApp::Slack {
            name: app.name.clone(),
            id: app.slack_id.clone(),
            installed_by: app.installed_by.map(slack_id).unwrap_or_default(),
            bot_id: app.bot_id.clone(),
            bot_user_id: slack_id(app.bot_user),
            bot_token: None,
            app_token: None,
            user_token: None,
            signing_secret: None,
            client_id: app.slack.as_ref().map(|slack| slack.client_id.clone()).unwrap_or_default(),
            client_secret: None,
            verification_token: None,
            webhooks: Vec::new(),
        },
        Dialect::Connector => ReadyApp::Teams {
            name: app.name.clone(),
            id: app.slack_id.clone(),
            app_id: app.app_id.clone(),
            app_password: None,
        },
    };
    Ready {
        workspace: ReadyWorkspace {
            id: directory.workspace.team_id.clone(),
            tenant_id: directory.workspace.tenant_id.clone(),
        },
        people: directory.users().filter(|user| user.bot_of.is_none()).map(person).collect(),
        channels: directory.conversations().filter(|it| it.is_channel()).map(channel).collect(),
        apps: directory.apps().map(app).collect(),
        tokens: Vec::new(),
    }
}
