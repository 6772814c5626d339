//! The settings of a server.

use std::net::IpAddr;
use std::path::PathBuf;

pub use redraft_service::limits::Limits;

/// Options of `redraft serve`, merged from flags, environment and file.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen, such as `127.0.0.1:3000`; port 0 picks a free one.
    pub listen: String,
    /// The folder of the data; `None` keeps nothing.
    pub data: Option<PathBuf>,
    /// Heads every address that is handed out; by default the bound address.
    pub public_url: Option<String>,
    /// A file that declares the workspace of an empty store.
    pub seed: Option<PathBuf>,
    /// Where to write what a script needs, once requests are answered.
    pub ready_file: Option<PathBuf>,
    /// Whether the server listens for TLS as well.
    pub tls: Option<TlsConfig>,
    /// How long an app may take to answer a request.
    pub bot_timeout_ms: u64,
    /// Whether apps at private addresses are called; by default only by a server that only this machine reaches.
    pub private_endpoints: Option<bool>,
    /// Whether bots meet the rate limits of Teams.
    pub teams_rates: bool,
    /// Whether apps meet the rate limits of Slack.
    pub slack_rates: bool,
    /// Proxies whose `X-Forwarded-For` is believed, and whose connections are not counted by address.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where `/metrics` is answered; then nowhere else.
    pub metrics_listen: Option<String>,
    /// What connections and requests may cost.
    pub limits: Limits,
}

/// A server on a free port of this machine that keeps nothing.
impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".into(),
            data: None,
            public_url: None,
            seed: None,
            ready_file: None,
            tls: None,
            bot_timeout_ms: BOT_TIMEOUT_MS,
            private_endpoints: None,
            teams_rates: false,
            slack_rates: false,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            limits: Limits::default(),
        }
    }
}

/// The TLS listener.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: String,
    /// A certificate chain and its key, in PEM; without them the server is its own authority.
    pub files: Option<(PathBuf, PathBuf)>,
}

/// Where a server listens that is not told otherwise.
pub const LISTEN: &str = "127.0.0.1:3000";

/// How long Teams waits for a bot.
pub const BOT_TIMEOUT_MS: u64 = 15_000;

/// How long a stopping server waits for requests under way.
pub const STOP_SECONDS_MAX: u64 = 30;
