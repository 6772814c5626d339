//! Whole requests: to a server in this process, with a store that keeps nothing. None may end in a failure of ours, and
//! every answer in JSON has to be JSON.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use redraft_server::config::Config;
use redraft_server::serve::Server;
use serde_json::Value;

/// Requests that one server answers before another takes its place, so that what they leave behind does not add up.
const REQUESTS_MAX: u32 = 5000;

struct World {
    runtime: tokio::runtime::Runtime,
    server: Server,
    requests: u32,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seed.yaml");
        let server = Server::start(Config { seed: Some(seed), ..Config::default() });
        let server = runtime.block_on(server).unwrap();
        runtime.block_on(server.app.connector.authority.prepare(&*server.app.service.store)).unwrap();
        Self { runtime, server, requests: 0 }
    }
}

/// Sends a request. Nothing is called from here: no app of this world has an address.
fn send(verb: &str, path: &str, headers: &[(header::HeaderName, &[u8])], body: &[u8]) -> Value {
    static WORLD: Mutex<Option<World>> = Mutex::new(None);
    let mut request = Request::builder().method(verb).uri(path).header(header::HOST, "127.0.0.1");
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_bytes(value) else { return Value::Null };
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return Value::Null };
    let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let known = world.take().filter(|world| world.requests < REQUESTS_MAX);
    let mut known = known.unwrap_or_else(World::new);
    known.requests += 1;
    let (status, kind, body) = known.runtime.block_on(async {
        let (parts, body) = known.server.answer(request).await.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
        (parts.status, kind, to_bytes(body, usize::MAX).await.unwrap())
    });
    *world = Some(known);
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&body));
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json || body.is_empty() {
        return Value::Null;
    }
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert!(!["internal_error", "fatal_error"].iter().any(|it| answer["error"] == *it), "{answer}");
    answer
}

const BOT: (header::HeaderName, &[u8]) = (header::AUTHORIZATION, b"Bearer xoxb-deploy");

fn typed(kind: &'static str) -> (header::HeaderName, &'static [u8]) {
    (header::CONTENT_TYPE, kind.as_bytes())
}

/// A form with the arguments of a method.
pub fn form(bytes: &[u8]) {
    let headers = [BOT, typed("application/x-www-form-urlencoded")];
    for method in ["chat.postMessage", "chat.update", "conversations.history"] {
        send("POST", &format!("/api/{method}"), &headers, bytes);
    }
}

/// The same as a JSON object.
pub fn arguments(bytes: &[u8]) {
    let headers = [BOT, typed("application/json; charset=utf-8")];
    for method in ["chat.postMessage", "chat.postEphemeral", "conversations.create"] {
        send("POST", &format!("/api/{method}"), &headers, bytes);
    }
}

/// The same in several parts, whose boundary is `x`.
pub fn multipart(bytes: &[u8]) {
    let headers = [BOT, typed("multipart/form-data; boundary=x")];
    send("POST", "/api/chat.postMessage", &headers, bytes);
}

/// A method with its arguments in the address, and the kind of its body: `METHOD?QUERY`, a line break, a content type,
/// a line break, the body.
pub fn calls(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (call, kind, body) = (line(), line(), line());
    let Ok(call) = std::str::from_utf8(call) else { return };
    let verb = if body.is_empty() { "GET" } else { "POST" };
    send(verb, &format!("/api/{call}"), &[BOT, (header::CONTENT_TYPE, kind)], body);
}

/// An activity that a Teams bot sends and then puts in the place of itself, as the anonymous bot.
pub fn connector(bytes: &[u8]) {
    const PATH: &str = "/teams/11111111-1111-4111-8111-111111111111/v3/conversations";
    const GENERAL: &str = "19:general@thread.tacv2";
    let headers = [typed("application/json")];
    let sent = send("POST", &format!("{PATH}/{GENERAL}/activities"), &headers, bytes);
    if let Some(id) = sent["id"].as_str() {
        send("PUT", &format!("{PATH}/{GENERAL}/activities/{id}"), &headers, bytes);
        send("GET", "/api/conversations.history?channel=C01GENERAL&limit=1", &[BOT], b"");
    }
    send("POST", PATH, &headers, bytes);
}

/// What stands in the place of a token.
pub fn tokens(bytes: &[u8]) {
    const TEAMS: &str = "/teams/11111111-1111-4111-8111-111111111111/v3/conversations";
    for path in ["/api/auth.test", TEAMS, "/control/workspaces"] {
        send("GET", path, &[(header::AUTHORIZATION, bytes)], b"");
        send("GET", path, &[(header::AUTHORIZATION, &[b"Bearer ", bytes].concat())], b"");
    }
    send("POST", "/botframework.com/oauth2/v2.0/token", &[typed("application/x-www-form-urlencoded")], bytes);
}

/// What is sent to an incoming webhook, as JSON and as a form.
pub fn webhook(bytes: &[u8]) {
    const HOOK: &str = "/hooks/services/T01ACME/B01HOOK/hook-secret";
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        send("POST", HOOK, &[typed(kind)], bytes);
    }
}
