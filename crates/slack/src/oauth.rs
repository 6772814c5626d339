//! `oauth.v2.access`: a code becomes the tokens of an installation. The page on which people agree is not here; codes come
//! from the control API and the command line.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redraft_model::command::{Caller, Command, Verb};
use redraft_model::decision::{Outcome, Why};
use redraft_model::directory::Directory;
use redraft_model::install::{Exchange, InstallRefusal, Installed, NewToken};
use redraft_model::workspace::{App as Installable, SlackApp};
use serde_json::{Value, json};

use crate::args::Args;
use crate::refusal;
use crate::refusal::unavailable;
use crate::reply::{Error, Reply};
use crate::state::Slack;
use redraft_service::mint;
use redraft_service::throttle::{Attempt, Door, Throttled};
use redraft_service::{NotDone, Service};

/// Answers without a token: the client secret is the right.
pub(super) async fn access(
    slack: &Slack,
    headers: &HeaderMap,
    args: &Args,
    address: Option<IpAddr>,
) -> Result<Reply, Error> {
    let (client_id, secret) = client(headers, args);
    let found = registered(&slack.service, &client_id);
    let name = if found.is_ok() { client_id.as_str() } else { "" };
    let attempt = Attempt { door: Door::OAuth, address, name, secret: &secret };
    slack.service.throttle.admit(&attempt).map_err(too_many)?;
    // A call without id or secret guesses nothing.
    let guesses = !client_id.is_empty() && !secret.is_empty();
    if found.is_err() && guesses {
        slack.service.throttle.note(&attempt, false);
    }
    let (directory, installable) = found?;
    slack.rates.admit_app(&slack.service, &directory, installable.id, "oauth.v2.access")?;
    grant_type(args)?;
    let code = args
        .filled("code")
        .ok_or_else(|| Error::new("invalid_code").because("missing required field: code"))?;
    let (bot_token, user_token) = (mint::token("xoxb"), mint::token("xoxp"));
    let exchange = Exchange {
        app: installable.id,
        secret: mint::sha256(secret.as_bytes()),
        code: mint::sha256(code.as_bytes()),
        redirect_uri: args.filled("redirect_uri").map(str::to_owned),
        bot_token: new(&bot_token),
        user_token: new(&user_token),
    };
    let workspace = directory.workspace.id;
    let verb = Verb::Install(exchange);
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    let done = slack.service.submit(command).await;
    match &done {
        Ok(_) => slack.service.throttle.note(&attempt, true),
        Err(NotDone::Refused(refusal)) if guesses => {
            slack.service.throttle.note(&attempt, refusal.why != Why::Install(InstallRefusal::BadSecret));
        }
        Err(NotDone::Refused(_) | NotDone::Store(_)) => {}
    }
    match done {
        Ok(Outcome::Installed(installed)) => {
            // What the app asks for is as it was decided; only if it was dropped since, as it was when the call came.
            let now = slack.service.workspace(workspace).unwrap_or(directory);
            let installable = now.app(installed.app).unwrap_or(&installable);
            Ok(shown(&now, installable, &installed, &bot_token, &user_token))
        }
        Ok(_) => Err(Error::new("internal_error")),
        Err(NotDone::Refused(refusal)) => Err(refusal::error(&refusal, &directory, "oauth.v2.access")),
        Err(NotDone::Store(failed)) => Err(unavailable(failed)),
    }
}

fn too_many(throttled: Throttled) -> Error {
    let seconds = u32::try_from(throttled.seconds).unwrap_or(u32::MAX);
    Error::new("ratelimited")
        .because(format!("too many wrong client secrets; try again in {seconds} s"))
        .with_status(StatusCode::TOO_MANY_REQUESTS, seconds)
}

fn new(token: &str) -> NewToken {
    NewToken { hash: mint::hash(token), hint: mint::hint(token) }
}

/// Client id and secret, from HTTP Basic or the arguments.
fn client(headers: &HeaderMap, args: &Args) -> (String, String) {
    let basic = || {
        let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = given.trim().split_once(' ')?;
        let decoded =
            scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
        let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    };
    let given = |name| args.filled(name).unwrap_or_default().to_owned();
    let (id, secret) = (given("client_id"), given("client_secret"));
    if id.is_empty() { basic().unwrap_or((id, secret)) } else { (id, secret) }
}

fn registered(service: &Service, client_id: &str) -> Result<(Arc<Directory>, Arc<Installable>), Error> {
    let unknown = || Error::new("invalid_client_id").because("no app here has this client id");
    let directory = service.workspace_named(client_id).ok_or_else(unknown)?;
    let found = directory.app_named(client_id).filter(|found| {
        found.slack.as_ref().is_some_and(|slack| !client_id.is_empty() && slack.client_id == client_id)
    });
    let found = found.cloned().ok_or_else(unknown)?;
    Ok((directory, found))
}

/// Tokens do not rotate here, and no code is made with a challenge.
fn grant_type(args: &Args) -> Result<(), Error> {
    match args.filled("grant_type") {
        None | Some("authorization_code") => {}
        Some(other) => {
            let reason = format!("grant_type {other} is not here: tokens do not rotate");
            return Err(Error::new("invalid_grant_type").because(reason));
        }
    }
    if args.filled("refresh_token").is_some() {
        return Err(Error::new("invalid_refresh_token").because("tokens do not rotate here"));
    }
    if args.filled("code_verifier").is_some() {
        return Err(Error::new("pkce_not_allowed").because("codes are made without a challenge here"));
    }
    Ok(())
}

fn shown(
    directory: &Directory,
    app: &Installable,
    installed: &Installed,
    bot_token: &str,
    user_token: &str,
) -> Reply {
    let scopes = |scopes: fn(&SlackApp) -> &Vec<String>| {
        app.slack.as_deref().map_or_else(String::new, |slack| scopes(slack).join(","))
    };
    let user_id = |id| directory.user(id).map_or("", |user| user.slack_id.as_str());
    let mut person = json!({ "id": user_id(installed.user) });
    if installed.person {
        person["scope"] = scopes(|slack| &slack.user_scopes).into();
        person["access_token"] = user_token.into();
        person["token_type"] = "user".into();
    }
    let workspace = &directory.workspace;
    let mut reply = Reply::new();
    if installed.bot {
        reply = reply
            .text("access_token", bot_token)
            .text("token_type", "bot")
            .text("scope", &scopes(|slack| &slack.bot_scopes))
            .text("bot_user_id", user_id(app.bot_user));
    }
    reply
        .text("app_id", &app.slack_id)
        .with("team", &json!({ "id": workspace.team_id, "name": workspace.name }))
        .with("enterprise", &Value::Null)
        .with("is_enterprise_install", &false)
        .with("authed_user", &person)
}
