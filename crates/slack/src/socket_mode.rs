//! Socket Mode: an app opens connections to the server, and hears through them what others hear over HTTP.
//!
//! Source: the public pages on Socket Mode and on `apps.connections.open`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use redraft_model::directory::Directory;
use redraft_model::id::TokenHash;
use redraft_service::throttle::count_refused_login;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::{info, warn};

use crate::call::Call;
use crate::connection::{self, HOST, Pace, Reason};
use crate::reply::{Error, Reply};
use crate::sockets::{CONNECTIONS_MAX, Holder, Key, QUEUE_MAX};
use crate::state::Slack;

/// `apps.connections.open`: an address at which one connection can be opened, soon.
pub(super) async fn open(call: &Call<'_>) -> Result<Reply, Error> {
    if !call.posted {
        return Err(Error::new("insecure_request").because("this method has to be called by POST"));
    }
    let not_found = || Error::new("invalid_auth").because("the token's app is gone");
    let bot = call.directory.app(call.token.app).ok_or_else(not_found)?;
    let key = (call.directory.workspace.id, bot.id);
    let ticket = call.slack.sockets.ticket(key, call.token.hash, call.now());
    // `http` becomes `ws`, and `https` `wss`.
    let host = call.service.public_url.strip_prefix("http").unwrap_or(&call.service.public_url);
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
pub(crate) fn link(slack: &Arc<Slack>, mut parts: Parts) -> Response<Body> {
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let request = Request::from_parts(parts, ());
    let answer = create_response_with_body(&request, Body::empty);
    let (Some(upgrade), Ok(answer)) = (upgrade, answer) else {
        return refused(StatusCode::BAD_REQUEST, "A WebSocket's handshake is expected here.\n");
    };
    let query = request.uri().query().unwrap_or_default();
    let argument = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name);
    let ticket = argument("ticket").map(|(_, value)| value).unwrap_or_default();
    let Some(holder) = slack.sockets.redeem(&slack.service, &ticket) else {
        count_refused_login("socket");
        info!("a socket's ticket is unknown, used or too old");
        return refused(StatusCode::FORBIDDEN, "The ticket is unknown, used or too old.\n");
    };
    let pace = Pace::new(argument("debug_reconnects").is_some_and(|(_, value)| value == "true"));
    let slack = Arc::clone(slack);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let limits = Some(connection::limits());
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, limits).await;
            connect(&slack, holder, socket, &pace).await;
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
async fn connect(slack: &Slack, holder: Holder, socket: WebSocketStream<TokioIo<Upgraded>>, pace: &Pace) {
    let stopping = slack.sockets.stopping.subscribe();
    if let Some(reason) = over(slack, holder) {
        return connection::refuse(socket, reason, pace).await;
    }
    let (queue, envelopes) = mpsc::channel(QUEUE_MAX);
    let Some(count) = slack.sockets.enlist(holder.key, queue) else {
        warn!(app = holder.key.1.0, "an app wants more than {CONNECTIONS_MAX} connections");
        return connection::refuse(socket, Reason::TooManyWebsockets, pace).await;
    };
    let hello = hello(slack, holder.key, count, pace);
    let ended = ended(slack, holder, stopping.clone());
    connection::run(socket, hello, envelopes, ended, pace).await;
    drop(stopping);
}

fn hello(slack: &Slack, (workspace, bot): Key, count: usize, pace: &Pace) -> String {
    let bot = slack.service.workspace(workspace).and_then(|directory| directory.app(bot).cloned());
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
async fn ended(slack: &Slack, holder: Holder, mut stopping: watch::Receiver<bool>) -> Reason {
    let (workspace, bot) = holder.key;
    let mut changes = slack.service.store.published().app_bell(workspace, bot);
    loop {
        changes.mark_unchanged();
        if let Some(reason) = over(slack, holder) {
            return reason;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Reason::RefreshRequested },
            _ = stopping.wait_for(|stopping| *stopping) => return Reason::RefreshRequested,
        }
    }
}

/// Why a connection may not go on. In a workspace that was reset the token is good for another one.
fn over(slack: &Slack, holder: Holder) -> Option<Reason> {
    let Some(directory) = slack.service.workspace_of(&holder.token) else {
        return Some(Reason::LinkDisabled);
    };
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
