//! Which bot a call is of.

use std::sync::Arc;

use axum::http::HeaderMap;
use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::workspace::App as Bot;
use redraft_service::Service;

use crate::authority::{AUDIENCE, CLOCK_SECONDS_OFF, Claims, issuer, now};
use crate::reply::Error;
use crate::state::Connector;

/// The bot behind a call to an address of this tenant. A call without a token of ours is the tenant's anonymous bot's, if
/// it has one and only this machine reaches the server: SDKs without credentials send none, `null`, or whatever they have.
/// A token of ours that is refused stays refused, since its bot is another one.
pub(super) fn authenticate(
    connector: &Connector,
    headers: &HeaderMap,
    tenant: Option<&str>,
) -> Result<(Arc<Directory>, Arc<Bot>), Error> {
    let denied = |why: &str| Error::unauthorized(format!("Authorization has been denied: {why}."));
    match bearer(headers).and_then(|token| connector.authority.claims(token)) {
        Ok(claims) => bot_of(&connector.service, &claims).map_err(denied),
        Err(why) => anonymous(connector, tenant).ok_or_else(|| denied(&why)),
    }
}

fn anonymous(connector: &Connector, tenant: Option<&str>) -> Option<(Arc<Directory>, Arc<Bot>)> {
    let directory = connector.service.workspace_named(tenant?).filter(|_| connector.service.loopback)?;
    let named = |bot: &&Arc<Bot>| bot.dialect == Dialect::Connector && !bot.uninstalled;
    let bot = directory.anonymous().find(named).cloned()?;
    Some((directory, bot))
}

fn bearer(headers: &HeaderMap) -> Result<&str, String> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match given.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err("no bearer token was given".into()),
    }
}

/// The bot that a token of ours speaks for, on this call.
fn bot_of(service: &Service, claims: &Claims) -> Result<(Arc<Directory>, Arc<Bot>), &'static str> {
    let now = now();
    if claims.aud != AUDIENCE {
        return Err("the token's audience is not https://api.botframework.com");
    }
    if claims.exp <= now {
        return Err("the token is expired; get a new one");
    }
    if now + CLOCK_SECONDS_OFF < claims.nbf {
        return Err("the token is not valid yet");
    }
    let directory = service.workspace_named(&claims.tid).ok_or("the token's tenant is not here")?;
    if claims.iss != issuer(&directory.workspace.tenant_id) {
        return Err("the token's issuer is not its tenant's");
    }
    let bot = directory.app_named(&claims.appid).filter(|bot| bot.app_id == claims.appid && !bot.uninstalled);
    let bot = bot.cloned().ok_or("no bot of this tenant has the token's app id")?;
    Ok((directory, bot))
}
