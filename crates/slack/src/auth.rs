//! `api.test`, `auth.test`, `auth.revoke`.

use std::collections::BTreeMap;

use redraft_model::command::{Revocation, Verb};
use redraft_model::decision::Outcome;
use redraft_model::workspace::TokenKind;

use crate::addresses::team_url;
use crate::args::Args;
use crate::call::Call;
use crate::reply::{Error, Reply};

/// `api.test`: echoes its arguments, and fails with `error` if that is given.
pub(super) fn api_test(args: &Args) -> Result<Reply, Error> {
    let all: BTreeMap<&str, &str> = args.all().collect();
    match args.filled("error") {
        Some(error) => Err(Error::new(error.to_owned()).with("args", &all)),
        None => Ok(Reply::new().with("args", &all)),
    }
}

/// `auth.test`: whom the token acts as.
pub(super) async fn test(call: &Call<'_>) -> Result<Reply, Error> {
    let workspace = &call.directory.workspace;
    let app = call.directory.app(call.token.app).ok_or_else(|| Error::new("invalid_auth"))?;
    let mut reply = Reply::new()
        .text("url", &team_url(call.service, &workspace.team_id))
        .text("team", &workspace.name)
        .text("user", &call.user.name)
        .text("team_id", &workspace.team_id)
        .text("user_id", &call.user.slack_id);
    match call.token.kind {
        TokenKind::Bot => reply = reply.text("bot_id", &app.bot_id),
        TokenKind::App => reply = reply.text("app_id", &app.slack_id).text("app_name", &app.name),
        TokenKind::User => {}
    }
    if let Some(end) = call.token.expires_at {
        reply = reply.with("expires_in", &(end.seconds() - call.now().seconds()).max(0));
    }
    Ok(reply.with("is_enterprise_install", &false))
}

/// `auth.revoke`: the end of the token that asks for it.
pub(super) async fn revoke(call: &Call<'_>) -> Result<Reply, Error> {
    let test = call.args.flag("test")?.unwrap_or(false);
    let revocation = if test { Revocation::Tested } else { Revocation::Revoked };
    match call.submit(Verb::RevokeToken(revocation)).await? {
        Outcome::Revoked(done) => Ok(Reply::new().with("revoked", &(done == Revocation::Revoked))),
        _ => Err(Error::new("internal_error")),
    }
}
