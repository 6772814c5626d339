//! The way of a request to the operation that it names.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use redraft_service::bounds::{Sent, Unread};
use redraft_service::source;
use redraft_service::throttle::{Attempt, Door, count_refused_login};
use serde_json::Value;
use tracing::info;

use super::answer::{Answer, Error, written};
use super::scope::Scope;
use super::{
    acts, apps, authority, channels, codes, deliveries, groups, interactions, log, openapi, people, purge,
    rates, secrets, token, tokens, workspaces,
};
use crate::app::App;

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
        return written(StatusCode::OK, &openapi::document(&app.service.public_url));
    }
    let attempt = Attempt { door: Door::Control, address: body.address, name: "", secret: given };
    if let Err(throttled) = app.service.throttle.admit(&attempt) {
        let why =
            format!("too many wrong tokens came from this address; try again in {} s", throttled.seconds);
        let (status, answer) = Error(StatusCode::TOO_MANY_REQUESTS, "throttled", why).shown();
        return written(status, &answer);
    }
    let knows = app.control_tokens.accept(given, app.service.store.published().machine_now());
    // Without a token nothing is guessed: a web page that calls this holds up nobody.
    if knows || !given.is_empty() {
        app.service.throttle.note(&attempt, knows);
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
            let directory = app.service.workspace_named(team).ok_or_else(|| Error::not_found("workspace"))?;
            let scope = Scope { app, directory, query, body };
            route_in(&scope, verb, rest).await
        }
        _ => Err(Error::not_found("path")),
    }
}

/// What is asked of one workspace.
async fn route_in(scope: &Scope<'_>, verb: &str, rest: &[&str]) -> Answer {
    match (verb, rest) {
        ("GET", []) => workspaces::one(scope.app, &scope.directory).await,
        ("PATCH", []) => workspaces::change(scope).await,
        ("DELETE", []) => workspaces::remove(scope).await,
        ("POST", ["reset"]) => workspaces::reset(scope).await,
        ("POST", ["clock"]) => workspaces::advance(scope).await,
        ("GET", ["people"]) => people::list(scope),
        ("POST", ["people"]) => people::add(scope).await,
        ("PATCH", ["people", person]) => people::change(scope, person).await,
        ("POST", ["people", person, "messages"]) => acts::post(scope, person).await,
        ("PATCH", ["people", person, "messages", channel, ts]) => {
            acts::edit(scope, person, channel, ts).await
        }
        ("DELETE", ["people", person, "messages", channel, ts]) => {
            acts::delete(scope, person, channel, ts).await
        }
        ("POST", ["people", person, "reactions"]) => acts::react(scope, person, true).await,
        ("DELETE", ["people", person, "reactions"]) => acts::react(scope, person, false).await,
        ("POST", ["people", person, "typing"]) => acts::type_in(scope, person).await,
        ("POST", ["people", person, "stop"]) => acts::stop(scope, person).await,
        ("POST", ["people", person, "actions"]) => acts::press(scope, person).await,
        ("POST", ["people", person, "tasks"]) => acts::hand_in(scope, person).await,
        ("POST", ["people", person, "feedback"]) => acts::feedback(scope, person).await,
        ("POST", ["people", person, "shortcuts"]) => interactions::shortcut(scope, person).await,
        ("POST", ["people", person, "commands"]) => interactions::command(scope, person).await,
        ("POST", ["people", person, "suggestions"]) => interactions::suggestions(scope, person).await,
        ("GET", ["people", person, "views"]) => interactions::views(scope, person).await,
        ("POST", ["people", person, "views", view, "actions"]) => {
            interactions::act(scope, person, view).await
        }
        ("POST", ["people", person, "views", view, "submit"]) => {
            interactions::submit(scope, person, view).await
        }
        ("POST", ["people", person, "views", view, "close"]) => {
            interactions::close(scope, person, view).await
        }
        ("GET", ["people", person, "channels", channel, "messages"]) => {
            acts::see(scope, person, channel).await
        }
        ("GET", ["channels"]) => channels::list(scope),
        ("POST", ["channels"]) => channels::add(scope).await,
        ("PATCH", ["channels", channel]) => channels::change(scope, channel).await,
        ("GET", ["channels", channel, "messages"]) => channels::messages(scope, channel).await,
        ("PUT", ["channels", channel, "members", member]) => {
            channels::member(scope, channel, member, true).await
        }
        ("DELETE", ["channels", channel, "members", member]) => {
            channels::member(scope, channel, member, false).await
        }
        ("GET", ["apps"]) => apps::list(scope),
        ("POST", ["apps"]) => apps::add(scope).await,
        ("PATCH", ["apps", id]) => apps::change(scope, id).await,
        ("DELETE", ["apps", id]) => apps::uninstall(scope, id).await,
        ("POST", ["apps", id, "webhooks"]) => apps::add_webhook(scope, id).await,
        ("DELETE", ["apps", id, "webhooks", webhook]) => apps::remove_webhook(scope, id, webhook).await,
        ("GET", ["apps", id, "deliveries"]) => deliveries::list(scope, id).await,
        ("POST", ["apps", id, "deliveries", "replay"]) => deliveries::replay(scope, id).await,
        ("POST", ["apps", id, "verify"]) => deliveries::verify(scope, id).await,
        ("POST", ["apps", id, "codes"]) => codes::add(scope, id).await,
        ("POST", ["apps", id, "secrets"]) => secrets::change(scope, id).await,
        ("DELETE", ["apps", id, "secrets", kind]) => secrets::withdraw(scope, id, kind).await,
        ("GET", ["user-groups"]) => groups::list(scope),
        ("POST", ["user-groups"]) => groups::add(scope).await,
        ("PATCH", ["user-groups", group]) => groups::change(scope, group).await,
        ("POST", ["apps", id, "rate-limits"]) => rates::force(scope, id).await,
        ("GET", ["tokens"]) => tokens::list(scope),
        ("POST", ["tokens"]) => tokens::add(scope).await,
        ("DELETE", ["tokens", token]) => tokens::revoke(scope, token).await,
        ("POST", ["tokens", token, "rotate"]) => tokens::rotate(scope, token).await,
        ("GET", ["log"]) => log::read(scope).await,
        ("POST", ["wait"]) => log::wait(scope).await,
        _ => Err(Error::not_found("path, or the verb is not for it")),
    }
}
