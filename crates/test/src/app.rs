//! An app: its secrets, where it listens, what did not reach it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, given, list, named, segment, text};
use crate::error::Error;
use crate::redraft::Later;

/// A Slack app or a Teams bot of the workspace. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use redraft_test::{Error, Redraft};
///
/// let redraft = Redraft::start().await?;
/// let pollbot = redraft.app("pollbot");
/// assert!(pollbot.bot_token()?.starts_with("xoxb-"));
/// assert!(matches!(pollbot.app_password(), Err(Error::Lacks { .. })));
/// for (name, value) in pollbot.env()? {
///     // std::process::Command::new("my-bot").env(name, value)
///     assert!(name.starts_with("SLACK_") && !value.is_empty());
/// }
/// pollbot.listen_at("http://127.0.0.1:3999/slack/events").await?;
/// # redraft.stop().await
/// # }
/// ```
#[derive(Clone)]
pub struct App {
    api: Arc<Api>,
    pub(crate) name: String,
}

impl fmt::Debug for App {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "App({})", self.name)
    }
}

impl App {
    pub(crate) fn named(api: &Arc<Api>, name: &str) -> Self {
        Self { api: Arc::clone(api), name: name.into() }
    }

    fn known(&self) -> Result<&Value, Error> {
        named(self.api.known.apps(), "app", &self.name)
    }

    fn member(&self, what: &'static str) -> Result<&str, Error> {
        let known = self.known()?;
        known[what].as_str().ok_or_else(|| Error::Lacks {
            app: self.name.clone(),
            what,
            kind: text(known, "kind").to_owned(),
        })
    }

    fn is_slack(&self) -> Result<bool, Error> {
        Ok(self.known()?["kind"] == "slack")
    }

    /// Its id in the workspace, `A…`.
    ///
    /// # Errors
    /// When the declared workspace has no such app; so with everything below.
    pub fn id(&self) -> Result<&str, Error> {
        self.member("id")
    }

    /// The `U…` of its bot, the author of what it posts.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn bot_user_id(&self) -> Result<&str, Error> {
        self.member("bot_user_id")
    }

    /// Slack: the bot's `B…`.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Teams bot; so with everything of Slack below.
    pub fn bot_id(&self) -> Result<&str, Error> {
        self.member("bot_id")
    }

    /// Slack: the bot token, `xoxb-…`.
    ///
    /// # Errors
    /// [`Error::Lacks`] also of an app without scopes of a bot.
    pub fn bot_token(&self) -> Result<&str, Error> {
        self.member("bot_token")
    }

    /// Slack: the app-level token for Socket Mode, `xapp-…`.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Teams bot.
    pub fn app_token(&self) -> Result<&str, Error> {
        self.member("app_token")
    }

    /// Slack: the token of the person who installed it, `xoxp-…`.
    ///
    /// # Errors
    /// [`Error::Lacks`] also of an app without scopes of people.
    pub fn user_token(&self) -> Result<&str, Error> {
        self.member("user_token")
    }

    /// Slack: signs what is sent to the app.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Teams bot.
    pub fn signing_secret(&self) -> Result<&str, Error> {
        self.member("signing_secret")
    }

    /// Slack: the client id of OAuth.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Teams bot.
    pub fn client_id(&self) -> Result<&str, Error> {
        self.member("client_id")
    }

    /// Slack: the client secret of OAuth.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Teams bot.
    pub fn client_secret(&self) -> Result<&str, Error> {
        self.member("client_secret")
    }

    /// Teams: the app id, a guid.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Slack app.
    pub fn app_id(&self) -> Result<&str, Error> {
        self.member("app_id")
    }

    /// Teams: the password, also called client secret.
    ///
    /// # Errors
    /// [`Error::Lacks`] of a Slack app.
    pub fn app_password(&self) -> Result<&str, Error> {
        self.member("app_password")
    }

    /// The environment of a process with this bot, under the names that the platforms' SDKs look for.
    ///
    /// Slack: `SLACK_API_URL` and `SLACK_BOT_TOKEN`, `SLACK_APP_TOKEN`, `SLACK_USER_TOKEN`, `SLACK_SIGNING_SECRET` as far as it
    /// has them. Teams: `MicrosoftAppId`, `MicrosoftAppPassword`, `MicrosoftAppTenantId`, and `CLIENT_ID`, `CLIENT_SECRET`,
    /// `TENANT_ID`, `SERVICE_URL`, `BotOpenIdMetadata`, and `CLOUD` with the server's address, by which `redraft-bot` finds all
    /// else. Where a bot of Teams gets its tokens is a setting of its own in other SDKs:
    /// [`Redraft::token_url`](crate::Redraft::token_url).
    ///
    /// # Errors
    /// When there is no such app.
    pub fn env(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let (app, server) = (self.known()?, &self.api.known);
        let own = |names: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
            let value = |member: &str| app[member].as_str().map(str::to_owned);
            names.iter().filter_map(|(name, member)| Some((*name, value(member)?))).collect()
        };
        if self.is_slack()? {
            let mut env = vec![("SLACK_API_URL", format!("{}/api/", server.url()))];
            env.extend(own(&[
                ("SLACK_BOT_TOKEN", "bot_token"),
                ("SLACK_APP_TOKEN", "app_token"),
                ("SLACK_USER_TOKEN", "user_token"),
                ("SLACK_SIGNING_SECRET", "signing_secret"),
            ]));
            return Ok(env);
        }
        let mut env = own(&[
            ("MicrosoftAppId", "app_id"),
            ("MicrosoftAppPassword", "app_password"),
            ("CLIENT_ID", "app_id"),
            ("CLIENT_SECRET", "app_password"),
        ]);
        env.push(("MicrosoftAppTenantId", server.tenant().to_owned()));
        env.push(("TENANT_ID", server.tenant().to_owned()));
        env.push(("SERVICE_URL", server.service_url().to_owned()));
        env.push(("CLOUD", server.url().to_owned()));
        env.push(("BotOpenIdMetadata", format!("{}/v1/.well-known/openidconfiguration", server.url())));
        Ok(env)
    }

    /// Where the app listens from now on: a Slack app for events, clicks, menus' options and its commands, a Teams bot for
    /// activities. It gets what happens after this. A Slack app that used Socket Mode no longer does.
    ///
    /// # Errors
    /// When this is no address.
    pub async fn listen_at(&self, url: &str) -> Result<(), Error> {
        if !self.is_slack()? {
            return self.change(json!({ "endpoint": url })).await;
        }
        let id = self.id()?;
        let apps = self.api.get("/apps").await?;
        let shown = list(&apps["apps"]).iter().find(|app| app["id"] == id);
        let mut commands = shown.map_or(Value::Null, |app| app["commands"].clone());
        for command in commands.as_array_mut().into_iter().flatten() {
            command["url"] = url.into();
        }
        let changed = json!({
            "endpoint": url, "interactivity_url": url, "options_url": url, "socket_mode": false, "commands": commands,
        });
        self.change(changed).await
    }

    /// Changes its registration, as `PATCH /apps/{app}` of the control API does: `bot_events`, `scopes`, `commands`,
    /// `shortcuts`, `socket_mode`, `read_all` and so on. Members that are null are left as they are.
    ///
    /// # Errors
    /// When the app cannot be so.
    pub async fn change(&self, changed: Value) -> Result<(), Error> {
        let path = format!("/apps/{}", segment(self.id()?));
        self.api.call(Method::PATCH, &path, Some(given(changed))).await.map(drop)
    }

    /// What did not reach it at once: what waits for another attempt, and what was given up. At most 1000, the oldest first.
    ///
    /// # Errors
    /// When there is no such app.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>, Error> {
        let path = format!("/apps/{}/deliveries?limit=1000", segment(self.id()?));
        let answer = self.api.get(&path).await?;
        Ok(list(&answer["deliveries"]).iter().map(Delivery::of).collect())
    }

    /// Tries again what was given up.
    ///
    /// # Errors
    /// When it listens nowhere.
    pub async fn replay(&self) -> Result<(), Error> {
        let path = format!("/apps/{}/deliveries/replay", segment(self.id()?));
        self.api.post(&path, json!({})).await.map(drop)
    }

    /// Slack: its next call is answered with 429. Say more and await it.
    #[must_use = "it is forced when it is awaited"]
    pub fn force_rate_limit(&self) -> ForcedRateLimit {
        ForcedRateLimit { app: self.clone(), method: None, calls: 1, retry_after: Duration::from_secs(1) }
    }
}

/// Calls of a Slack app that are about to be refused for their rate. Await it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use std::time::Duration;
///
/// let redraft = redraft_test::Redraft::start().await?;
/// let pollbot = redraft.app("pollbot");
/// pollbot.force_rate_limit().method("chat.update").calls(2).retry_after(Duration::from_secs(7)).await?;
/// # redraft.stop().await
/// # }
/// ```
#[must_use = "it is forced when it is awaited"]
#[derive(Clone, Debug)]
pub struct ForcedRateLimit {
    app: App,
    method: Option<String>,
    calls: u32,
    retry_after: Duration,
}

impl ForcedRateLimit {
    /// Only calls of this method; any otherwise.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// How many calls; 0 takes back what is left. One otherwise.
    pub fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// What `Retry-After` says, in whole seconds from one to a day. One second otherwise.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = wait;
        self
    }

    async fn run(self) -> Result<(), Error> {
        let path = format!("/apps/{}/rate-limits", segment(self.app.id()?));
        let seconds = self.retry_after.as_secs();
        let forced = json!({ "method": self.method, "calls": self.calls, "retry_after_seconds": seconds });
        self.app.api.post(&path, given(forced)).await.map(drop)
    }
}

impl IntoFuture for ForcedRateLimit {
    type Output = Result<(), Error>;
    type IntoFuture = Later<()>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Something that did not reach an app at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Where its event is in the workspace's log.
    pub position: u64,
    /// How often it was tried.
    pub attempts: u64,
    /// Whether it was given up; otherwise it is tried again.
    pub is_dead: bool,
    /// Why the last attempt failed.
    pub reason: String,
}

impl Delivery {
    fn of(shown: &Value) -> Self {
        Self {
            position: shown["position"].as_u64().unwrap_or_default(),
            attempts: shown["attempts"].as_u64().unwrap_or_default(),
            is_dead: shown["dead"] == true,
            reason: text(shown, "reason").to_owned(),
        }
    }
}
