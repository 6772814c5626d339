//! What a server is told when it starts.

use std::net::IpAddr;
use std::path::PathBuf;

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
    /// Answers over TLS as well.
    pub tls: Option<TlsConfig>,
    /// How long an app may take to answer what it is told.
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

/// What connections and requests may cost. No option sets these; tests use smaller ones.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all, without the reserved ones; fewer if fewer files may be open.
    pub connections_max: usize,
    /// Connections beyond these, which are for health, metrics and the control API only.
    pub connections_reserved: usize,
    /// Connections of one address, or requests of it at a time that a trusted proxy passes on. This machine's addresses and
    /// trusted proxies are not counted.
    pub connections_of_address_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_ms: u64,
    /// How long the head of a request may take, and how long a new connection may wait with it.
    pub head_ms: u64,
    /// How long a connection may be idle between two requests.
    pub idle_ms: u64,
    /// In this time a body that is awaited, or an answer that is written, has to advance by `progress_bytes`.
    pub progress_ms: u64,
    /// See `progress_ms`. 16 KiB in 20 seconds is less than the slowest mobile network gives.
    pub progress_bytes: u64,
    /// How long a stopping server waits for the rest of a body.
    pub stop_body_ms: u64,
    /// Bytes of request bodies in memory at a time, without those of the control API.
    pub bodies_bytes_max: usize,
    /// The same of the control API.
    pub control_bodies_bytes_max: usize,
    /// Bytes of answers above 64 KiB that are not yet written.
    pub answers_bytes_max: usize,
    /// How long a request waits for room for its body before it is refused.
    pub bodies_wait_ms: u64,
    /// Requests of one token that are under way at a time.
    pub requests_of_token_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_reserved: 16,
            connections_of_address_max: 512,
            handshake_ms: 10_000,
            head_ms: 20_000,
            idle_ms: 300_000,
            progress_ms: 20_000,
            progress_bytes: 16 << 10,
            stop_body_ms: 2_000,
            bodies_bytes_max: 128 << 20,
            control_bodies_bytes_max: 16 << 20,
            answers_bytes_max: 128 << 20,
            bodies_wait_ms: 2_000,
            requests_of_token_max: 256,
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

/// How long Teams waits for a bot.
pub const BOT_TIMEOUT_MS: u64 = 15_000;

/// The biggest request body that is read.
pub const BODY_BYTES_MAX: usize = 2 << 20;

/// Of a body that is too big, so much is read and thrown away, so that the client hears the answer.
pub const DRAIN_BYTES_MAX: usize = 16 << 20;

/// How long a stopping server waits for requests under way.
pub const STOP_SECONDS_MAX: u64 = 30;
