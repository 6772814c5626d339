//! Socket Mode: Slack calls the bot over a connection that the bot opens.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::adapter::{Reply, SLACK_ANSWER_MS_MAX, SlackAdapter};
use super::client::SlackToken;
use super::events::Payload;
use crate::bot::Bot;
use crate::error::{Error, Refusal};
use crate::http::HttpClient;

/// How long opening a connection may take, in milliseconds, until Slack says hello.
const OPEN_MS_MAX: u64 = 15_000;
/// The first pause after a failure, and the longest, in milliseconds. Each is twice the one before, and up to half of it longer
/// at random, so that many bots do not come back at once.
const PAUSE_MS_MIN: u64 = 500;
const PAUSE_MS_MAX: u64 = 30_000;
/// How often the bot pings, in milliseconds.
const PING_MS: u64 = 10_000;
/// After how long a silence the connection counts as broken, in milliseconds. Slack answers pings and sends its own.
const SILENCE_MS_MAX: u64 = 30_000;
/// How long a replaced connection is still served, in milliseconds, unless Slack closes it first: its warning comes some ten
/// seconds before, and what it sends meanwhile over this connection must not be lost.
const RETIRE_MS_MAX: u64 = 15_000;
/// How long a connection that the bot closes waits for the answers of its turns, in milliseconds: one answer's time and some
/// more.
const CLOSE_MS_MAX: u64 = 5_000;
/// The longest frame that is read, in bytes.
const FRAME_BYTES_MAX: usize = 4 << 20;
/// How many turns of one connection may be unanswered; beyond it no more is read.
const UNANSWERED_MAX: usize = 1_000;

/// The state that a connection reports to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Slack is about to close it, or has asked for another.
    Ending,
    /// It is closed.
    Closed,
    /// Socket Mode was switched off.
    Disabled,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
type Socket = WebSocketStream<Box<dyn Io>>;

/// One connection, which a task of the bot serves.
struct Connection {
    state: watch::Receiver<State>,
    /// Dropped or set, it has the connection close after a while.
    retire: watch::Sender<bool>,
}

/// Keeps a connection until the bot stops.
///
/// # Errors
/// What no repetition mends: a wrong token, or Socket Mode switched off.
pub(super) async fn run(adapter: Arc<SlackAdapter>, bot: Bot, token: SlackToken) -> Result<(), Error> {
    let mut current: Option<Connection> = None;
    loop {
        let opened = tokio::select! {
            opened = persist(|| open(&adapter, &bot, &token)) => opened?,
            () = bot.stopped() => return Ok(()),
        };
        // Only now that the next one is there does the one before go.
        if let Some(old) = current.replace(opened) {
            old.retire.send_replace(true);
        }
        let Some(connection) = current.as_mut() else { continue };
        let ended = tokio::select! {
            ended = connection.state.wait_for(|state| *state != State::Open) => ended.map_or(State::Closed, |it| *it),
            () = bot.stopped() => return Ok(()),
        };
        tracing::info!(?ended, "Slack's connection is replaced");
        if ended == State::Disabled {
            let refusal = Refusal {
                method: "Socket Mode".to_owned(),
                status: 200,
                code: "link_disabled".to_owned(),
                message: "Socket Mode was switched off for this app".to_owned(),
                ..Refusal::default()
            };
            return Err(Error::Refused(refusal));
        }
    }
}

/// Tries until it succeeds, with growing pauses. Ends with an error that repetition does not mend.
async fn persist<T, F: Future<Output = Result<T, Error>>>(attempt: impl Fn() -> F) -> Result<T, Error> {
    let mut pause_ms = PAUSE_MS_MIN;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => error,
        };
        let pause = Duration::from_millis(pause_ms + random_below(pause_ms / 2));
        let pause = error.retry_after().map_or(pause, |asked| asked.max(pause));
        tracing::warn!(%error, pause_ms = pause.as_millis(), "no connection to Slack");
        tokio::time::sleep(pause).await;
        pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
    }
}

fn random_below(limit: u64) -> u64 {
    getrandom::u64().map_or(0, |number| number % limit.max(1))
}

/// Whether asking again is of no use.
fn is_final(error: &Error) -> bool {
    let codes = [
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "missing_scope",
        "user_removed_from_team",
        "team_disabled",
        "forbidden_team",
        "unknown_method",
    ];
    match error {
        Error::Refused(refusal) => codes.contains(&refusal.code.as_str()),
        Error::Misconfigured(_) => true,
        Error::RateLimited(_)
        | Error::Unanswered { .. }
        | Error::UntrustedService { .. }
        | Error::Unsupported { .. }
        | Error::Partly { .. }
        | Error::Own(_) => false,
    }
}

fn broken(reason: impl std::fmt::Display) -> Error {
    let (method, reason) = ("Socket Mode".to_owned(), reason.to_string());
    Error::Unanswered { method, reason, repeat: crate::error::Repeat::Safe }
}

/// Opens a connection, waits for Slack's hello, and has the bot serve it.
async fn open(adapter: &Arc<SlackAdapter>, bot: &Bot, token: &SlackToken) -> Result<Connection, Error> {
    let opening = async {
        let opened = adapter.client().call_as(token, "apps.connections.open", &Value::Null, None).await?;
        let url = opened.get("url").and_then(Value::as_str).unwrap_or_default();
        let mut socket = dial(adapter.client().http(), adapter.client().api_url(), url).await?;
        loop {
            let frame = socket.next().await.ok_or_else(|| broken("closed before hello"))?.map_err(broken)?;
            let Message::Text(text) = frame else { continue };
            let hello: Value = serde_json::from_str(&text).map_err(broken)?;
            match hello.get("type").and_then(Value::as_str) {
                Some("hello") => return Ok(socket),
                _ => return Err(broken("the connection did not begin with hello")),
            }
        }
    };
    let opened = timeout(Duration::from_millis(OPEN_MS_MAX), opening).await;
    let socket = opened.map_err(|_| broken("no hello in time"))??;
    tracing::info!("connected to Slack");
    let (say, state) = watch::channel(State::Open);
    let (retire, retired) = watch::channel(false);
    let (adapter, served_bot) = (Arc::clone(adapter), bot.clone());
    bot.spawn(async move {
        let ended = Served { adapter, bot: served_bot, socket, unanswered: 0 }.serve(&say, retired).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "Slack's connection broke");
        }
        say.send_if_modified(|state| {
            let closes = *state != State::Disabled;
            *state = if closes { State::Closed } else { *state };
            closes
        });
    });
    Ok(Connection { state, retire })
}

/// Connects to the address that Slack's API gave out. The address is a secret, so that errors do not name it.
async fn dial(http: &HttpClient, api_url: &str, url: &str) -> Result<Socket, Error> {
    let parsed = reqwest::Url::parse(url).map_err(|_| broken("Slack gave no address"))?;
    let (host, port) =
        (parsed.host_str().unwrap_or_default(), parsed.port_or_known_default().unwrap_or_default());
    let tls = match parsed.scheme() {
        "wss" => true,
        // A server on this machine, or one that the bot was pointed at without TLS.
        "ws" if api_url.starts_with("http://") => false,
        _ => return Err(broken("Slack gave an address without TLS")),
    };
    // Brackets of an IPv6 address belong to the URL.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    let stream: Box<dyn Io> = if tls {
        let name = ServerName::try_from(host.to_owned()).map_err(broken)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(http.tls()));
        Box::new(connector.connect(name, stream).await.map_err(broken)?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config))
        .await
        .map_err(|error| broken(format!("the handshake failed: {error}")))?;
    Ok(socket)
}

/// A connection that is served.
struct Served {
    adapter: Arc<SlackAdapter>,
    bot: Bot,
    socket: Socket,
    /// Turns whose envelope is not acknowledged yet.
    unanswered: usize,
}

impl Served {
    async fn serve(
        &mut self,
        say: &watch::Sender<State>,
        mut retired: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let (answers, mut answered) = mpsc::unbounded_channel::<Option<String>>();
        let mut ping = tokio::time::interval(Duration::from_millis(PING_MS));
        let mut heard_at = Instant::now();
        let bot = self.bot.clone();
        let ends = async move {
            // Its owner has another connection, or was dropped.
            let _ = retired.wait_for(|retired| *retired).await;
            tokio::time::sleep(Duration::from_millis(RETIRE_MS_MAX)).await;
        };
        let (mut ends, mut stopped) = (pin!(ends), pin!(bot.stopped()));
        loop {
            tokio::select! {
                frame = self.socket.next(), if self.unanswered < UNANSWERED_MAX => {
                    heard_at = Instant::now();
                    match frame {
                        None => return Ok(()),
                        Some(frame) => self.frame(frame.map_err(broken)?, say, &answers).await?,
                    }
                }
                Some(answer) = answered.recv() => self.acknowledge(answer).await?,
                _ = ping.tick() => {
                    if Duration::from_millis(SILENCE_MS_MAX) < heard_at.elapsed() && self.unanswered < UNANSWERED_MAX {
                        return Err(broken("Slack has gone silent"));
                    }
                    self.socket.send(Message::Ping(Vec::new().into())).await.map_err(broken)?;
                }
                () = ends.as_mut() => break,
                () = stopped.as_mut() => break,
            }
        }
        // Nothing more is read: what comes now is not acknowledged, and sent again over the next connection.
        let rest = async {
            while 0 < self.unanswered
                && let Some(answer) = answered.recv().await
            {
                self.acknowledge(answer).await?;
            }
            self.socket.close(None).await.map_err(broken)?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok(())
        };
        timeout(Duration::from_millis(CLOSE_MS_MAX), rest).await.unwrap_or(Ok(()))
    }

    async fn acknowledge(&mut self, answer: Option<String>) -> Result<(), Error> {
        self.unanswered -= 1;
        match answer {
            Some(answer) => self.socket.send(Message::text(answer)).await.map_err(broken),
            None => Ok(()),
        }
    }

    async fn frame(
        &mut self,
        frame: Message,
        say: &watch::Sender<State>,
        answers: &mpsc::UnboundedSender<Option<String>>,
    ) -> Result<(), Error> {
        let text = match frame {
            Message::Text(text) => text,
            // The answer is queued already.
            Message::Ping(_) => return self.socket.flush().await.map_err(broken),
            Message::Pong(_) | Message::Binary(_) | Message::Close(_) | Message::Frame(_) => return Ok(()),
        };
        let Ok(mut envelope) = serde_json::from_str::<Value>(&text) else {
            tracing::warn!("an envelope is no JSON");
            return Ok(());
        };
        let kind = envelope.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind == "disconnect" {
            let disabled = envelope.get("reason").and_then(Value::as_str) == Some("link_disabled");
            say.send_replace(if disabled { State::Disabled } else { State::Ending });
            return Ok(());
        }
        let Some(id) = envelope.get("envelope_id").and_then(Value::as_str).map(str::to_owned) else {
            return Ok(());
        };
        let payload = envelope.get_mut("payload").map(Value::take).unwrap_or_default();
        self.unanswered += 1;
        let Some(payload) = Payload::of_envelope(&kind, payload) else {
            tracing::warn!(kind, "an envelope of an unknown kind is acknowledged");
            return self.acknowledge(Some(json!({"envelope_id": id}).to_string())).await;
        };
        let answered = self.adapter.begin(&self.bot, payload);
        let answers = answers.clone();
        self.bot.spawn(async move {
            let reply = match timeout(Duration::from_millis(SLACK_ANSWER_MS_MAX), answered).await {
                Ok(Ok(reply)) => Some(reply).filter(Reply::is_success),
                // The turn broke: Slack shows the person that it failed, or sends the event again, which is known by then.
                Ok(Err(_)) => None,
                Err(_) => Some(Reply::EMPTY),
            };
            let acknowledgement = reply.map(|reply| match reply.body {
                Some(body) => json!({"envelope_id": id, "payload": body}),
                None => json!({"envelope_id": id}),
            });
            // The connection may be closed. Slack then sends events again.
            let _ = answers.send(acknowledgement.map(|it| it.to_string()));
        });
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use rustls::RootCertStore;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::net::TcpListener;

    use super::*;

    const API: &str = "https://slack.com/api/";

    /// An authority, and a socket with a certificate of it.
    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        roots: RootCertStore,
    }

    impl Authority {
        fn new() -> Self {
            let mut own = CertificateParams::new(Vec::new()).unwrap();
            own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(own.self_signed(&key).unwrap().der().clone()).unwrap();
            Self { issuer: Issuer::new(own, key), roots }
        }

        fn client(&self) -> HttpClient {
            HttpClient::trusting(self.roots.clone())
        }

        /// The address of a socket whose certificate is for this name, until the end of this year.
        async fn socket(&self, name: &str, year: i32) -> String {
            let mut certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
            certificate.not_before = date_time_ymd(2020, 1, 1);
            certificate.not_after = date_time_ymd(year, 12, 31);
            let key = KeyPair::generate().unwrap();
            let certificate = certificate.signed_by(&key, &self.issuer).unwrap().der().clone();
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("wss://127.0.0.1:{}/link", listener.local_addr().unwrap().port());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let Ok(stream) = acceptor.accept(stream).await else { continue };
                    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                    socket.send(Message::text("hello")).await.unwrap();
                }
            });
            url
        }
    }

    #[tokio::test]
    async fn a_socket_is_opened_to_whom_its_certificate_names() {
        let (ours, another) = (Authority::new(), Authority::new());
        let good = ours.socket("127.0.0.1", 2100).await;
        let mut socket = dial(&ours.client(), API, &good).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));

        for (client, url, words) in [
            (&another, good.clone(), "invalid peer certificate"),
            (&ours, ours.socket("slack.com", 2100).await, "not valid for name"),
            (&ours, ours.socket("127.0.0.1", 2021).await, "expired"),
            (&ours, good.replace("wss://", "ws://"), "without TLS"),
            (&ours, good.replace("wss://", "http://"), "without TLS"),
            (&ours, "not an address".to_owned(), "no address"),
        ] {
            let error = dial(&client.client(), API, &url).await.err().unwrap();
            assert!(error.to_string().contains(words), "{url}: {error}");
            assert!(!error.to_string().contains("/link"), "the address is a secret: {error}");
        }
    }
}
