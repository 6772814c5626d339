//! A server of a test's own, and how it is started.

use std::ffi::OsStr;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::app::App;
use crate::channel::Channel;
use crate::error::Error;
use crate::log::Log;
use crate::person::Person;
use crate::process::{Folder, Places, Process, Source};

/// The future of this crate's builders.
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// The default time limit of a wait. A bot answers in milliseconds; a busy machine takes seconds.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// A Redraft server with one declared workspace, for one test.
///
/// It answers on a free port of this machine and stores nothing. It ends when this value is dropped or this process ends, however
/// that ends. [`stop`](Self::stop) ends it and reports whether it ended without an error. Calls of its handles ([`Channel`],
/// [`Person`], [`App`]) fail from then on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use redraft_test::Redraft;
///
/// let redraft = Redraft::start().await?;
/// let general = redraft.channel("general");
/// let ben = redraft.person("ben");
///
/// ben.post(&general, "lunch?").await?;
/// let message = general.message().containing("lunch").by(&ben).await?;
/// assert_eq!(message.text(), "lunch?");
/// # redraft.stop().await
/// # }
/// ```
pub struct Redraft {
    api: Arc<Api>,
    // The server ends before its folder goes: fields are dropped in this order.
    server: Server,
    _folder: Folder,
}

enum Server {
    Process(Process),
    #[cfg(feature = "embedded")]
    Embedded(crate::embedded::Embedded),
}

impl fmt::Debug for Redraft {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Redraft").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// A platform whose API Redraft offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Platform {
    /// Slack.
    Slack,
    /// Microsoft Teams.
    Teams,
}

impl Redraft {
    /// Starts a server. Set options on the returned value and await it.
    ///
    /// Without a declaration the workspace has people `ada` (an administrator), `ben` and `cleo`, channels `general`,
    /// `random` and the private `leads`, Slack apps `deploybot` and `pollbot`, Teams bots `helpdesk` and `planner`.
    ///
    /// The server is the executable at a [path given here](Start::executable), at the path in `REDRAFT_BIN`, or the first
    /// `redraft` on the `PATH`. With the feature `embedded` it runs inside this process unless one of the first two is given.
    pub fn start() -> Start {
        Start { seed: None, executable: None, rate_limits: Vec::new(), time_limit: TIME_LIMIT }
    }

    /// The URL of the server, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.api.known.url()
    }

    /// The URL of the Slack Web API, with a slash at its end, as the SDKs expect it.
    #[must_use]
    pub fn slack_api_url(&self) -> String {
        format!("{}/api/", self.url())
    }

    /// The URL of the Bot Connector (`serviceUrl`).
    #[must_use]
    pub fn service_url(&self) -> &str {
        self.api.known.service_url()
    }

    /// The tenant of the workspace.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        self.api.known.tenant()
    }

    /// The URL at which Teams bots get tokens for their calls.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.url(), self.tenant_id())
    }

    /// The URL of the OpenID metadata, which name the keys that sign calls to Teams bots.
    #[must_use]
    pub fn openid_metadata_url(&self) -> String {
        format!("{}/v1/.well-known/openidconfiguration", self.url())
    }

    /// A channel of the declared workspace by name. An unknown name is an error at its first use.
    #[must_use]
    pub fn channel(&self, name: &str) -> Channel {
        Channel::named(&self.api, name.trim_start_matches('#'))
    }

    /// A person of the declared workspace by name. An unknown name is an error at its first use.
    #[must_use]
    pub fn person(&self, name: &str) -> Person {
        Person::named(&self.api, name.trim_start_matches('@'))
    }

    /// An app of the declared workspace by name. An unknown name is an error at its first use.
    #[must_use]
    pub fn app(&self, name: &str) -> App {
        App::named(&self.api, name)
    }

    /// The workspace's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock { api: Arc::clone(&self.api) }
    }

    /// Resets the workspace to its declaration: the same ids and tokens, no messages, the machine's time. Waits that are
    /// running may last until their time limit.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn reset(&self) -> Result<(), Error> {
        self.api.reset().await
    }

    /// Calls the control API of the workspace, for what has no method here. `GET /control/openapi.json` of the server
    /// lists the calls.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), redraft_test::Error> {
    /// use serde_json::{Value, json};
    ///
    /// let redraft = redraft_test::Redraft::start().await?;
    /// redraft.control("POST", "/channels", json!({"name": "ops"})).await?;
    /// let channels = redraft.control("GET", "/channels", Value::Null).await?;
    /// assert_eq!(channels["channels"][3]["name"], "ops");
    /// # redraft.stop().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Result<Value, Error> {
        let verb = Method::from_bytes(method.as_bytes()).map_err(|_| Error::Refused {
            call: format!("{method} {path}"),
            status: 405,
            code: "bad_request".into(),
            reason: format!("{method} is not a method of HTTP"),
        })?;
        self.api.call(verb, path, (!body.is_null()).then_some(body)).await
    }

    /// The newest megabyte of the server's log; each refused call is a line with its reason. Empty with the feature
    /// `embedded`, whose server logs where this process does (crate `tracing`).
    #[must_use]
    pub fn log(&self) -> String {
        self.api.log.all()
    }

    /// Ends the server, which first finishes running calls, and removes its folder.
    ///
    /// # Errors
    /// When the server does not end, or reports a failure; it has ended in any case.
    pub async fn stop(self) -> Result<(), Error> {
        match self.server {
            Server::Process(process) => process.stop().await,
            #[cfg(feature = "embedded")]
            Server::Embedded(embedded) => embedded.stop().await,
        }
    }
}

/// Options of a server. Await it to start the server.
///
/// If the future is dropped, a server that was starting is ended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use redraft_test::Redraft;
///
/// let redraft = Redraft::start()
///     .seed_yaml(
///         "
///         people: [{name: ann}, {name: ben}]
///         apps: [{name: pollbot, bot_token: xoxb-poll, socket_mode: true}]
///         ",
///     )
///     .await?;
/// assert_eq!(redraft.app("pollbot").bot_token()?, "xoxb-poll");
/// # redraft.stop().await
/// # }
/// ```
#[must_use = "it starts when it is awaited"]
#[derive(Clone, Debug)]
pub struct Start {
    seed: Option<Seed>,
    executable: Option<PathBuf>,
    rate_limits: Vec<Platform>,
    time_limit: Duration,
}

#[derive(Clone, Debug)]
enum Seed {
    Text(String),
    File(PathBuf),
}

impl Start {
    /// Declares the workspace in YAML.
    pub fn seed_yaml(self, text: impl Into<String>) -> Self {
        Self { seed: Some(Seed::Text(text.into())), ..self }
    }

    /// Declares the workspace in JSON.
    pub fn seed(self, workspace: &Value) -> Self {
        self.seed_yaml(workspace.to_string())
    }

    /// Declares the workspace in a YAML file.
    pub fn seed_file(self, path: impl Into<PathBuf>) -> Self {
        Self { seed: Some(Seed::File(path.into())), ..self }
    }

    /// Runs this `redraft` executable.
    pub fn executable(self, path: impl Into<PathBuf>) -> Self {
        Self { executable: Some(path.into()), ..self }
    }

    /// Enforces this platform's rate limits. By default there are none.
    pub fn rate_limits(mut self, platform: Platform) -> Self {
        self.rate_limits.push(platform);
        self
    }

    /// Sets the time limit of its waits, instead of [`TIME_LIMIT`].
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: limit, ..self }
    }

    async fn run(self) -> Result<Redraft, Error> {
        let places = Places {
            given: self.executable.as_deref(),
            variable: std::env::var_os("REDRAFT_BIN"),
            path: std::env::var_os("PATH"),
            embedded: cfg!(feature = "embedded"),
        };
        let source = places.find()?;
        let folder = Folder::new()?;
        let seed = match &self.seed {
            None => None,
            Some(Seed::Text(text)) => Some(folder.write("seed.yaml", text)?),
            Some(Seed::File(path)) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        };
        let log = Arc::new(Log::default());
        let (server, ready) = match source {
            Source::Executable(executable) => {
                let mut options: Vec<&OsStr> = Vec::new();
                if let Some(seed) = &seed {
                    options.extend([OsStr::new("--seed"), seed.as_os_str()]);
                }
                for platform in &self.rate_limits {
                    options.extend(["--rate-limits", platform.option()].map(OsStr::new));
                }
                let (process, ready) =
                    Process::start(&executable, &folder, &options, Arc::clone(&log)).await?;
                (Server::Process(process), ready)
            }
            Source::Embedded => self.embedded(seed).await?,
        };
        let api = Api::new(ready, log, self.time_limit).await?;
        Ok(Redraft { api, server, _folder: folder })
    }

    #[cfg(feature = "embedded")]
    async fn embedded(&self, seed: Option<PathBuf>) -> Result<(Server, Value), Error> {
        let options = crate::embedded::Options {
            seed,
            slack_rates: self.rate_limits.contains(&Platform::Slack),
            teams_rates: self.rate_limits.contains(&Platform::Teams),
        };
        let (embedded, ready) = crate::embedded::Embedded::start(options).await?;
        Ok((Server::Embedded(embedded), ready))
    }

    #[cfg(not(feature = "embedded"))]
    #[expect(clippy::unused_async, reason = "as with the feature")]
    async fn embedded(&self, _: Option<PathBuf>) -> Result<(Server, Value), Error> {
        Err(crate::process::not_started("the feature `embedded` is off"))
    }
}

impl Platform {
    /// What `serve` calls it.
    fn option(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }
}

impl IntoFuture for Start {
    type Output = Result<Redraft, Error>;
    type IntoFuture = Later<Redraft>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The workspace's clock. It runs as the machine's does and can be advanced; it never goes back.
///
/// Scheduled messages, `response_url`s, edit windows and repeated deliveries depend on it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use std::time::Duration;
///
/// let redraft = redraft_test::Redraft::start().await?;
/// let ben = redraft.person("ben");
/// let before = ben.post(&redraft.channel("general"), "now").await?;
/// redraft.clock().advance(Duration::from_secs(3600)).await?;
/// let after = ben.post(&redraft.channel("general"), "an hour later").await?;
/// assert!(before.time() + Duration::from_secs(3600) <= after.time());
/// # redraft.stop().await
/// # }
/// ```
#[derive(Clone)]
pub struct Clock {
    api: Arc<Api>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Clock")
    }
}

impl Clock {
    /// Advances the clock, in whole milliseconds.
    ///
    /// # Errors
    /// When all advances together are more than ten years.
    pub async fn advance(&self, by: Duration) -> Result<(), Error> {
        let advance_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.api.post("/clock", json!({ "advance_ms": advance_ms })).await.map(drop)
    }

    /// The time of the clock, since 1970.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn now(&self) -> Result<Duration, Error> {
        let now = self.api.post("/clock", json!({ "advance_ms": 0 })).await?;
        Ok(crate::message::time_of(api::text(&now, "now")))
    }
}
