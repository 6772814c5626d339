//! Socket Mode: an app opens connections to the server, and hears through them what others hear over HTTP.
//!
//! Source: the public pages on Socket Mode and on `apps.connections.open`. Connections are the process's own and are
//! stored nowhere; neither are the tickets for them, which a client uses at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use redraft_model::id::{AppId, TokenHash, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::Cause;
use redraft_wire::slack::json::push_string;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::warn;

use crate::connection::{Acknowledgement, Envelope};
use crate::parcel::{ParcelKind, Retry};
use redraft_service::Service;
use redraft_service::delivery::{Answered, Turn, Unanswered};
use redraft_service::mint;

/// Connections that an app may have at a time.
pub(crate) const CONNECTIONS_MAX: usize = 10;

/// How long an app may take to acknowledge an envelope.
const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(3);

/// How long a ticket is good, by the workspace's clock. The platform says no more than that they are used at once.
const TICKET_MICROS: i64 = 30_000_000;

/// Unused tickets of an app; the oldest is void when there are more.
const TICKETS_MAX: usize = 100;

/// Envelopes that wait to be written to one connection.
pub(crate) const QUEUE_MAX: usize = 100;

/// How long a stopping server waits for its connections to end.
const STOP_MAX: Duration = Duration::from_secs(10);

/// An app, and the workspace that it is installed in.
pub(crate) type Key = (WorkspaceId, AppId);

/// The connections of all apps, and the tickets for more.
#[derive(Default)]
pub struct Sockets {
    apps: Mutex<HashMap<Key, Links>>,
    /// True when the server stops. Each connection keeps a receiver until it has ended.
    pub(crate) stopping: watch::Sender<bool>,
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
pub(crate) struct Holder {
    pub key: Key,
    pub token: TokenHash,
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

/// Reads what an app says over its socket, as `send` does: the body that its answer would have over HTTP.
#[must_use]
pub fn body_of(text: &str) -> Option<Vec<u8>> {
    Acknowledgement::read(text).map(|said| answered(said.payload.as_deref()).body)
}

impl Sockets {
    /// Sends something to an app over one of its connections, any of them, and waits until it is acknowledged. What it is
    /// acknowledged with is the answer's body.
    ///
    /// # Errors
    /// When no connection takes it, when the one that took it ends, or when it is not acknowledged in time.
    pub(crate) async fn send(
        &self,
        key: Key,
        kind: ParcelKind,
        payload: String,
        retry: Option<Retry>,
        turn: Option<Turn>,
    ) -> Result<Answered, Unanswered> {
        let id = mint::guid();
        let frame = frame(&id, kind, &payload, retry);
        let (acknowledged, acknowledgement) = oneshot::channel();
        self.hand_over(key, Envelope { id, frame, acknowledged }).map_err(unconnected)?;
        // A connection keeps the order, and does not wait for acknowledgements.
        drop(turn);
        match timeout(ACKNOWLEDGE_MAX, acknowledgement).await {
            Ok(Ok(payload)) => Ok(answered(payload.as_deref())),
            Ok(Err(_)) => Err(unconnected("the connection ended before the envelope was acknowledged")),
            Err(_) => {
                let reason = format!("not acknowledged within {} ms", ACKNOWLEDGE_MAX.as_millis());
                Err(Unanswered { reason, cause: Cause::TimedOut })
            }
        }
    }

    /// Ends all connections, and waits until they have ended.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        if timeout(STOP_MAX, self.stopping.closed()).await.is_err() {
            warn!("some sockets were still open at the end of the wait");
        }
    }

    /// Shows in the metrics how many connections there are.
    pub fn measure(&self) {
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
    pub(crate) fn ticket(&self, key: Key, token: TokenHash, now: Micros) -> String {
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
    pub(crate) fn redeem(&self, service: &Service, ticket: &str) -> Option<Holder> {
        let mut parts = ticket.splitn(3, '-');
        let mut number = || parts.next()?.parse().ok();
        let key = (WorkspaceId(number()?), AppId(number()?));
        let hash = mint::sha256(parts.next()?.as_bytes());
        let now = service.now(key.0);
        self.links(key, |links| {
            links.tickets.retain(|ticket| now < ticket.until);
            let place = links.tickets.iter().position(|ticket| ticket.secret_hash == hash)?;
            let ticket = links.tickets.remove(place)?;
            Some(Holder { key, token: ticket.token })
        })
    }

    /// Adds a connection, whose turn it is next, and gives back how many there are; none if there are enough.
    pub(crate) fn enlist(&self, key: Key, queue: mpsc::Sender<Envelope>) -> Option<usize> {
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
