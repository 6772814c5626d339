//! The control API: makes and changes what workspaces hold, reads their logs, waits until something holds.
//!
//! The command line and test kits use it. It has a token of its own and is described by the OpenAPI document it serves.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use redraft_model::command::{Caller, Command, Verb};
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::id::WorkspaceId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tracing::info;

use crate::app::App;
use crate::bounds::{Sent, Unread};
use crate::front::count_refused_login;
use crate::serve::ANONYMOUS_NEEDS_LOOPBACK;
use crate::source;
use crate::throttle::{Attempt, Door};

mod acts;
mod apps;
mod authority;
mod channels;
mod codes;
mod deliveries;
mod groups;
mod interactions;
mod log;
mod openapi;
mod people;
mod purge;
mod rates;
mod refusal;
mod secrets;
mod server;
mod token;
mod tokens;
mod workspaces;

pub(crate) use token::ControlTokens;

/// A refusal: status, code, and a sentence.
#[derive(Debug)]
struct Error(StatusCode, &'static str, String);

type Answer = Result<(StatusCode, Value), Error>;

/// Answers a call over HTTP: checks the token, then does what [`call`] does.
pub(crate) async fn handle(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Response<Body> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.trim().strip_prefix("Bearer ").unwrap_or_default();
    if path == "/control/openapi.json" {
        return written(StatusCode::OK, &openapi::document(&app.public_url));
    }
    let attempt = Attempt { door: Door::Control, address: body.address, name: "", secret: given };
    if let Err(throttled) = app.throttle.admit(&attempt) {
        let why =
            format!("too many wrong tokens came from this address; try again in {} s", throttled.seconds);
        let (status, answer) = Error(StatusCode::TOO_MANY_REQUESTS, "throttled", why).shown();
        return written(status, &answer);
    }
    let knows = app.control_tokens.accept(given, app.store.published().now(WorkspaceId(0)));
    // Without a token nothing is guessed: a web page that calls this holds up nobody.
    if knows || !given.is_empty() {
        app.throttle.note(&attempt, knows);
    }
    if !knows {
        count_refused_login("control");
        let error =
            Error(StatusCode::UNAUTHORIZED, "unauthorized", "the control API's token is needed".into());
        let (status, answer) = error.shown();
        return written(status, &answer);
    }
    handle_owner(app, method, path, query, body).await
}

/// The same for a caller who is known to be entitled to it.
pub(crate) async fn handle_owner(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: Sent<'_>,
) -> Response<Body> {
    let (status, answer) = match body.read().await {
        Ok(body) => call(app, method, path, query, &body).await,
        Err(Unread::TooBig) => {
            Error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too big".into()).shown()
        }
        Err(Unread::Cut) => Error::bad("the body ended early").shown(),
        Err(Unread::NoRoom) => {
            Error(StatusCode::TOO_MANY_REQUESTS, "busy", "the server is busy".into()).shown()
        }
    };
    written(status, &answer)
}

fn written(status: StatusCode, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// One call of the control API, by whoever is entitled to it: the command line comes in here when it has opened the data
/// folder itself.
pub async fn call(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> (StatusCode, Value) {
    match source::or_command_line(route(app, method, path, query, body)).await {
        Ok(answer) => answer,
        Err(error) => {
            info!(%method, path = loggable(path), code = error.1, reason = error.2, "refused");
            error.shown()
        }
    }
}

/// A path for the log: the words of the routes, and a star for whatever else it names, which may be a token.
fn loggable(path: &str) -> String {
    const WORDS: &[&str] = &[
        "control",
        "workspaces",
        "authority",
        "rotate",
        "reset",
        "clock",
        "people",
        "messages",
        "reactions",
        "typing",
        "stop",
        "actions",
        "tasks",
        "feedback",
        "shortcuts",
        "commands",
        "suggestions",
        "views",
        "submit",
        "close",
        "channels",
        "members",
        "apps",
        "webhooks",
        "deliveries",
        "replay",
        "verify",
        "codes",
        "secrets",
        "token",
        "old",
        "user-groups",
        "rate-limits",
        "tokens",
        "log",
        "wait",
    ];
    let words = path.split('/').map(|word| if word.is_empty() || WORDS.contains(&word) { word } else { "*" });
    words.collect::<Vec<_>>().join("/")
}

impl Error {
    fn not_found(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", why.into())
    }

    fn shown(self) -> (StatusCode, Value) {
        (self.0, json!({ "error": { "code": self.1, "message": self.2 } }))
    }
}

async fn route(app: &Arc<App>, method: &Method, path: &str, query: Option<&str>, body: &[u8]) -> Answer {
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .skip(1)
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let verb = method.as_str();
    match (verb, &segments[..]) {
        ("GET", ["workspaces"]) => workspaces::list(app),
        ("POST", ["purge"]) => purge::purge(app).await,
        ("GET", ["authority"]) => authority::shown(app).await,
        ("POST", ["authority", "rotate"]) => authority::rotate(app, body).await,
        ("POST", ["token", "rotate"]) => token::rotate(app, body).await,
        ("DELETE", ["token", "old"]) => token::withdraw(app).await,
        ("POST", ["workspaces"]) => workspaces::create(app, body).await,
        (_, ["workspaces", team, rest @ ..]) => {
            let directory = app.workspace_named(team).ok_or_else(|| Error::not_found("workspace"))?;
            let scope = Scope { app, directory, query, body };
            scope.route(verb, rest).await
        }
        _ => Err(Error::not_found("path")),
    }
}

/// A call about one workspace.
struct Scope<'a> {
    app: &'a Arc<App>,
    directory: Arc<Directory>,
    query: Option<&'a str>,
    body: &'a [u8],
}

impl Scope<'_> {
    async fn route(&self, verb: &str, rest: &[&str]) -> Answer {
        match (verb, rest) {
            ("GET", []) => workspaces::one(self.app, &self.directory).await,
            ("PATCH", []) => workspaces::change(self).await,
            ("DELETE", []) => workspaces::remove(self).await,
            ("POST", ["reset"]) => workspaces::reset(self).await,
            ("POST", ["clock"]) => workspaces::advance(self).await,
            ("GET", ["people"]) => people::list(self),
            ("POST", ["people"]) => people::add(self).await,
            ("PATCH", ["people", person]) => people::change(self, person).await,
            ("POST", ["people", person, "messages"]) => acts::post(self, person).await,
            ("PATCH", ["people", person, "messages", channel, ts]) => {
                acts::edit(self, person, channel, ts).await
            }
            ("DELETE", ["people", person, "messages", channel, ts]) => {
                acts::delete(self, person, channel, ts).await
            }
            ("POST", ["people", person, "reactions"]) => acts::react(self, person, true).await,
            ("DELETE", ["people", person, "reactions"]) => acts::react(self, person, false).await,
            ("POST", ["people", person, "typing"]) => acts::type_in(self, person).await,
            ("POST", ["people", person, "stop"]) => acts::stop(self, person).await,
            ("POST", ["people", person, "actions"]) => acts::press(self, person).await,
            ("POST", ["people", person, "tasks"]) => acts::hand_in(self, person).await,
            ("POST", ["people", person, "feedback"]) => acts::feedback(self, person).await,
            ("POST", ["people", person, "shortcuts"]) => interactions::shortcut(self, person).await,
            ("POST", ["people", person, "commands"]) => interactions::command(self, person).await,
            ("POST", ["people", person, "suggestions"]) => interactions::suggestions(self, person).await,
            ("GET", ["people", person, "views"]) => interactions::views(self, person).await,
            ("POST", ["people", person, "views", view, "actions"]) => {
                interactions::act(self, person, view).await
            }
            ("POST", ["people", person, "views", view, "submit"]) => {
                interactions::submit(self, person, view).await
            }
            ("POST", ["people", person, "views", view, "close"]) => {
                interactions::close(self, person, view).await
            }
            ("GET", ["people", person, "channels", channel, "messages"]) => {
                acts::see(self, person, channel).await
            }
            ("GET", ["channels"]) => channels::list(self),
            ("POST", ["channels"]) => channels::add(self).await,
            ("PATCH", ["channels", channel]) => channels::change(self, channel).await,
            ("GET", ["channels", channel, "messages"]) => channels::messages(self, channel).await,
            ("PUT", ["channels", channel, "members", member]) => {
                channels::member(self, channel, member, true).await
            }
            ("DELETE", ["channels", channel, "members", member]) => {
                channels::member(self, channel, member, false).await
            }
            ("GET", ["apps"]) => apps::list(self),
            ("POST", ["apps"]) => apps::add(self).await,
            ("PATCH", ["apps", id]) => apps::change(self, id).await,
            ("DELETE", ["apps", id]) => apps::uninstall(self, id).await,
            ("POST", ["apps", id, "webhooks"]) => apps::add_webhook(self, id).await,
            ("DELETE", ["apps", id, "webhooks", webhook]) => apps::remove_webhook(self, id, webhook).await,
            ("GET", ["apps", id, "deliveries"]) => deliveries::list(self, id).await,
            ("POST", ["apps", id, "deliveries", "replay"]) => deliveries::replay(self, id).await,
            ("POST", ["apps", id, "verify"]) => deliveries::verify(self, id).await,
            ("POST", ["apps", id, "codes"]) => codes::add(self, id).await,
            ("POST", ["apps", id, "secrets"]) => secrets::change(self, id).await,
            ("DELETE", ["apps", id, "secrets", kind]) => secrets::withdraw(self, id, kind).await,
            ("GET", ["user-groups"]) => groups::list(self),
            ("POST", ["user-groups"]) => groups::add(self).await,
            ("PATCH", ["user-groups", group]) => groups::change(self, group).await,
            ("POST", ["apps", id, "rate-limits"]) => rates::force(self, id).await,
            ("GET", ["tokens"]) => tokens::list(self),
            ("POST", ["tokens"]) => tokens::add(self).await,
            ("DELETE", ["tokens", token]) => tokens::revoke(self, token).await,
            ("POST", ["tokens", token, "rotate"]) => tokens::rotate(self, token).await,
            ("GET", ["log"]) => log::read(self).await,
            ("POST", ["wait"]) => log::wait(self).await,
            _ => Err(Error::not_found("path, or the verb is not for it")),
        }
    }

    fn id(&self) -> WorkspaceId {
        self.directory.workspace.id
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(self.body)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, Error> {
        match self.parameter(name) {
            None => Ok(default),
            Some(given) => given.parse().map_err(|_| Error::bad(format!("{name} must be a number"))),
        }
    }

    async fn submit(&self, control: Control) -> Result<Outcome, Error> {
        submit(self.app, self.id(), control).await
    }

    /// The workspace as it is, for who reads or waits.
    fn still(&self) -> Result<Arc<Directory>, Error> {
        self.app.workspace(self.id()).ok_or_else(|| Error::not_found("workspace"))
    }

    /// The workspace as the last command left it; if it was dropped since, as it was when the call came. What a command
    /// did is done, so looking for how to show it never fails.
    fn now(&self) -> Arc<Directory> {
        self.app.workspace(self.id()).unwrap_or_else(|| Arc::clone(&self.directory))
    }
}

/// Tells a member that is null from one that is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|failed| Error::bad(format!("the body cannot be read: {failed}")))
}

async fn submit(app: &App, workspace: WorkspaceId, control: Control) -> Result<Outcome, Error> {
    let anonymous = match &control {
        Control::AddApp { app, .. } => app.anonymous,
        Control::PatchApp(_, patch) => patch.anonymous == Some(true),
        Control::CreateWorkspace(directory) => directory.apps().any(|app| app.anonymous),
        _ => false,
    };
    if anonymous && !app.loopback {
        return Err(Error::bad(ANONYMOUS_NEEDS_LOOPBACK));
    }
    let verb = Verb::Control(Box::new(control));
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    app.submit(command).await.map_err(|not_done| refusal::error(app, workspace, "the control API", &not_done))
}

/// How to show what a command made or changed. It is done, so one that is gone by now is shown as nothing.
fn done(shown: Option<Value>) -> Value {
    shown.unwrap_or_else(|| json!({}))
}

/// Entries of a list on one page at most.
const LIST_MAX: usize = 1000;

/// Bytes of JSON of one page of a list, unless its first entry alone has more.
const LIST_BYTES_MAX: usize = 1 << 20;

/// A number as a key that sorts as the number does.
fn key(number: u32) -> String {
    format!("{number:010}")
}

/// A page of a list, in the order of its keys: those behind `after`, `limit` at most. `next` is the key to go on after, if
/// there are more.
fn listed<'a, T: 'a>(
    scope: &Scope<'_>,
    name: &'static str,
    all: impl Iterator<Item = &'a Arc<T>>,
    key: impl Fn(&T) -> String,
    shown: impl Fn(&T) -> Value,
) -> Answer {
    let after = scope.parameter("after").unwrap_or_default();
    let limit = scope.number("limit", LIST_MAX as u64)?.clamp(1, LIST_MAX as u64);
    let mut rest: Vec<(String, &Arc<T>)> = all.map(|it| (key(it), it)).filter(|it| after < it.0).collect();
    rest.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let (mut page, mut bytes, mut next) = (Vec::new(), 0, None);
    for (key, entry) in &rest {
        let entry = shown(entry);
        bytes += entry.to_string().len();
        if limit <= page.len() as u64 || (LIST_BYTES_MAX < bytes && !page.is_empty()) {
            break;
        }
        page.push(entry);
        next = Some(key);
    }
    let next = next.filter(|_| page.len() < rest.len());
    ok(json!({ name: page, "next": next }))
}

fn ok(value: Value) -> Answer {
    Ok((StatusCode::OK, value))
}

fn created(value: Value) -> Answer {
    Ok((StatusCode::CREATED, value))
}
