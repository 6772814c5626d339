//! Socket Mode: an app opens connections to the server, and hears through them what others hear over HTTP.
//!
//! Source: the public pages on Socket Mode and on `apps.connections.open`. Connections are the process's own and are
//! stored nowhere; neither are the tickets for them, which a client uses at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, TokenHash, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::Cause;
use redraft_wire::slack::json::push_string;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::{info, warn};

use super::Call;
use super::connection::{self, Acknowledgement, Envelope, HOST, Pace, Reason};
use super::reply::{Error, Reply};
use super::transport::{ParcelKind, Retry};
use crate::app::App;
use crate::delivery::{Answered, Unanswered};
use crate::front::count_refused_login;
use crate::mint;

/// Connections that an app may have at a time.
const CONNECTIONS_MAX: usize = 10;

/// How long an app may take to acknowledge an envelope.
const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(3);

/// How long a ticket is good, by the workspace's clock. The platform says no more than that they are used at once.
const TICKET_MICROS: i64 = 30_000_000;

/// Unused tickets of an app; the oldest is void when there are more.
const TICKETS_MAX: usize = 100;

/// Envelopes that wait to be written to one connection.
const QUEUE_MAX: usize = 100;

/// How long a stopping server waits for its connections to end.
const STOP_MAX: Duration = Duration::from_secs(10);

/// An app, and the workspace that it is installed in.
type Key = (WorkspaceId, AppId);

/// The connections of all apps, and the tickets for more.
#[derive(Default)]
pub struct Sockets {
    apps: Mutex<HashMap<Key, Links>>,
    /// True when the server stops. Each connection keeps a receiver until it has ended.
    stopping: watch::Sender<bool>,
}

/// What there is of one app.
#[derive(Default)]
struct Links {
    tickets: VecDeque<Ticket>,
    /// The way into each connection. It is closed when the connection ends.
    queues: VecDeque<mpsc::Sender<Envelope>>,
}

struct Ticket {
    secret_hash: [u8; 32],
    /// The app-level token that it was got with.
    token: TokenHash,
    until: Micros,
}

/// Who a connection belongs to.
#[derive(Clone, Copy)]
struct Holder {
    key: Key,
    token: TokenHash,
}

/// `apps.connections.open`: an address at which one connection can be opened, soon.
pub(super) async fn open(call: &Call<'_>) -> Result<Reply, Error> {
    if !call.posted {
        return Err(Error::new("insecure_request").because("this method has to be called by POST"));
    }
    let not_found = || Error::new("invalid_auth").because("the token's app is gone");
    let bot = call.directory.app(call.token.app).ok_or_else(not_found)?;
    let key = (call.directory.workspace.id, bot.id);
    let ticket = call.app.sockets.ticket(key, call.token.hash, call.now());
    // `http` becomes `ws`, and `https` `wss`.
    let host = call.app.public_url.strip_prefix("http").unwrap_or(&call.app.public_url);
    let mut reply =
        Reply::new().text("url", &format!("ws{host}/link/?ticket={ticket}&app_id={}", bot.slack_id));
    if !uses_sockets(bot) {
        reply.messages.push(SWITCHED_OFF.into());
    }
    Ok(reply)
}

const SWITCHED_OFF: &str = "Socket Mode is switched off for this app; its connections end with link_disabled";

fn uses_sockets(bot: &redraft_model::workspace::App) -> bool {
    bot.slack.as_ref().is_some_and(|slack| slack.socket_mode)
}

/// Answers the handshake of a WebSocket, whose ticket is used up by that.
pub(crate) fn link(app: &Arc<App>, mut parts: Parts) -> Response<Body> {
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let request = Request::from_parts(parts, ());
    let answer = create_response_with_body(&request, Body::empty);
    let (Some(upgrade), Ok(answer)) = (upgrade, answer) else {
        return refused(StatusCode::BAD_REQUEST, "A WebSocket's handshake is expected here.\n");
    };
    let query = request.uri().query().unwrap_or_default();
    let argument = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name);
    let ticket = argument("ticket").map(|(_, value)| value).unwrap_or_default();
    let Some(holder) = app.sockets.redeem(app, &ticket) else {
        count_refused_login("socket");
        info!("a socket's ticket is unknown, used or too old");
        return refused(StatusCode::FORBIDDEN, "The ticket is unknown, used or too old.\n");
    };
    let pace = Pace::new(argument("debug_reconnects").is_some_and(|(_, value)| value == "true"));
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let limits = Some(connection::limits());
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, limits).await;
            connect(&app, holder, socket, &pace).await;
        }
    });
    answer
}

fn refused(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Lives through one connection.
async fn connect(app: &App, holder: Holder, socket: WebSocketStream<TokioIo<Upgraded>>, pace: &Pace) {
    let stopping = app.sockets.stopping.subscribe();
    if let Some(reason) = over(app, holder) {
        return connection::refuse(socket, reason, pace).await;
    }
    let (queue, envelopes) = mpsc::channel(QUEUE_MAX);
    let Some(count) = app.sockets.enlist(holder.key, queue) else {
        warn!(app = holder.key.1.0, "an app wants more than {CONNECTIONS_MAX} connections");
        return connection::refuse(socket, Reason::TooManyWebsockets, pace).await;
    };
    let hello = hello(app, holder.key, count, pace);
    let ended = ended(app, holder, stopping.clone());
    connection::run(socket, hello, envelopes, ended, pace).await;
    drop(stopping);
}

fn hello(app: &App, (workspace, bot): Key, count: usize, pace: &Pace) -> String {
    let bot = app.workspace(workspace).and_then(|directory| directory.app(bot).cloned());
    let app_id = bot.map(|bot| bot.slack_id.clone()).unwrap_or_default();
    serde_json::json!({
        "type": "hello",
        "num_connections": count,
        "connection_info": { "app_id": app_id },
        "debug_info": {
            "host": HOST,
            "build_number": 1,
            "approximate_connection_time": pace.lifetime.as_secs(),
        },
    })
    .to_string()
}

/// Waits until there is a reason to end a connection.
async fn ended(app: &App, holder: Holder, mut stopping: watch::Receiver<bool>) -> Reason {
    let (workspace, bot) = holder.key;
    let mut changes = app.store.published().app_bell(workspace, bot);
    loop {
        changes.mark_unchanged();
        if let Some(reason) = over(app, holder) {
            return reason;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Reason::RefreshRequested },
            _ = stopping.wait_for(|stopping| *stopping) => return Reason::RefreshRequested,
        }
    }
}

/// Why a connection may not go on. In a workspace that was reset the token is good for another one.
fn over(app: &App, holder: Holder) -> Option<Reason> {
    let Some(directory) = app.workspace_of(&holder.token) else { return Some(Reason::LinkDisabled) };
    if !may_connect(&directory, &holder.token) {
        return Some(Reason::LinkDisabled);
    }
    (directory.workspace.id != holder.key.0).then_some(Reason::RefreshRequested)
}

fn may_connect(directory: &Directory, token: &TokenHash) -> bool {
    directory.token(token).is_some_and(|token| {
        let bot = directory.app(token.app);
        !token.revoked && bot.is_some_and(|bot| !bot.uninstalled && uses_sockets(bot))
    })
}

/// Sends something to an app over one of its connections, any of them, and waits until it is acknowledged. What it is
/// acknowledged with is the answer's body.
///
/// # Errors
/// When no connection takes it, when the one that took it ends, or when it is not acknowledged in time.
pub(crate) async fn send(
    app: &App,
    key: Key,
    kind: ParcelKind,
    payload: String,
    retry: Option<Retry>,
) -> Result<Answered, Unanswered> {
    let id = mint::guid();
    let frame = frame(&id, kind, &payload, retry);
    let (acknowledged, acknowledgement) = oneshot::channel();
    app.sockets.hand_over(key, Envelope { id, frame, acknowledged }).map_err(unconnected)?;
    match timeout(ACKNOWLEDGE_MAX, acknowledgement).await {
        Ok(Ok(payload)) => Ok(answered(payload.as_deref())),
        Ok(Err(_)) => Err(unconnected("the connection ended before the envelope was acknowledged")),
        Err(_) => {
            let reason = format!("not acknowledged within {} ms", ACKNOWLEDGE_MAX.as_millis());
            Err(Unanswered { reason, cause: Cause::TimedOut })
        }
    }
}

fn unconnected(reason: &str) -> Unanswered {
    Unanswered { reason: reason.into(), cause: Cause::Connection }
}

fn frame(id: &str, kind: ParcelKind, payload: &str, retry: Option<Retry>) -> String {
    let (word, accepts_payload) = match kind {
        ParcelKind::Events => ("events_api", false),
        ParcelKind::Interactive | ParcelKind::Options => ("interactive", true),
        ParcelKind::SlashCommand => ("slash_commands", true),
    };
    let mut frame = format!(
        "{{\"envelope_id\":\"{id}\",\"payload\":{payload},\"type\":\"{word}\",\"accepts_response_payload\":{accepts_payload}"
    );
    if kind == ParcelKind::Events {
        let (attempt, reason) = retry.map_or((0, ""), |retry| (retry.attempt, retry.reason));
        let reason = reason.strip_prefix("http_").unwrap_or(reason);
        frame.push_str(&format!(",\"retry_attempt\":{attempt},\"retry_reason\":"));
        push_string(&mut frame, reason);
    }
    frame.push('}');
    frame
}

/// An acknowledgement as the answer that it would be over HTTP. An empty payload is no body, a text is one.
fn answered(payload: Option<&RawValue>) -> Answered {
    let json = payload.map_or("null", RawValue::get);
    let (kind, body) = match serde_json::from_str(json) {
        Ok(Value::String(text)) => ("text/plain", text),
        Ok(Value::Null) => ("text/plain", String::new()),
        Ok(Value::Object(members)) if members.is_empty() => ("text/plain", String::new()),
        _ => ("application/json", json.to_owned()),
    };
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
    Answered { status: StatusCode::OK, headers, body: body.into_bytes() }
}

/// Reads what an app says over its socket, as [`send`] does: the body that its answer would have over HTTP.
pub(crate) fn body_of(text: &str) -> Option<Vec<u8>> {
    Acknowledgement::read(text).map(|said| answered(said.payload.as_deref()).body)
}

impl Sockets {
    /// Ends all connections, and waits until they have ended.
    pub(crate) async fn stop(&self) {
        self.stopping.send_replace(true);
        if timeout(STOP_MAX, self.stopping.closed()).await.is_err() {
            warn!("some sockets were still open at the end of the wait");
        }
    }

    /// Shows in the metrics how many connections there are.
    pub(crate) fn measure(&self) {
        let apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let open = apps.values().flat_map(|links| &links.queues).filter(|queue| !queue.is_closed()).count();
        drop(apps);
        metrics::gauge!("redraft_sockets").set(u32::try_from(open).unwrap_or(u32::MAX));
    }

    fn links<T>(&self, key: Key, act: impl FnOnce(&mut Links) -> T) -> T {
        let mut apps: MutexGuard<'_, HashMap<Key, Links>> =
            self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let links = apps.entry(key).or_default();
        links.queues.retain(|queue| !queue.is_closed());
        let done = act(links);
        if links.queues.is_empty() && links.tickets.is_empty() {
            apps.remove(&key);
        }
        done
    }

    /// Makes a ticket. It begins with its app's key.
    fn ticket(&self, key: Key, token: TokenHash, now: Micros) -> String {
        let secret = mint::secret();
        let secret_hash = mint::sha256(secret.as_bytes());
        self.links(key, |links| {
            if links.tickets.len() == TICKETS_MAX {
                links.tickets.pop_front();
            }
            links.tickets.push_back(Ticket { secret_hash, token, until: now.plus(TICKET_MICROS) });
        });
        format!("{}-{}-{secret}", key.0.0, key.1.0)
    }

    /// Takes a ticket that is still good, for good.
    fn redeem(&self, app: &App, ticket: &str) -> Option<Holder> {
        let mut parts = ticket.splitn(3, '-');
        let mut number = || parts.next()?.parse().ok();
        let key = (WorkspaceId(number()?), AppId(number()?));
        let hash = mint::sha256(parts.next()?.as_bytes());
        let now = app.now(key.0);
        self.links(key, |links| {
            links.tickets.retain(|ticket| now < ticket.until);
            let place = links.tickets.iter().position(|ticket| ticket.secret_hash == hash)?;
            let ticket = links.tickets.remove(place)?;
            Some(Holder { key, token: ticket.token })
        })
    }

    /// Adds a connection, whose turn it is next, and gives back how many there are; none if there are enough.
    fn enlist(&self, key: Key, queue: mpsc::Sender<Envelope>) -> Option<usize> {
        self.links(key, |links| {
            (links.queues.len() < CONNECTIONS_MAX).then(|| {
                links.queues.push_front(queue);
                links.queues.len()
            })
        })
    }

    /// Puts an envelope into the queue of the connection whose turn it is, or of the next one that takes it.
    fn hand_over(&self, key: Key, mut envelope: Envelope) -> Result<(), &'static str> {
        self.links(key, |links| {
            for _ in 0..links.queues.len() {
                links.queues.rotate_left(1);
                let Some(queue) = links.queues.back() else { break };
                match queue.try_send(envelope) {
                    Ok(()) => return Ok(()),
                    Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                        envelope = back;
                    }
                }
            }
            Err(if links.queues.is_empty() {
                "no socket is connected"
            } else {
                "too much waits at every connection"
            })
        })
    }
}
