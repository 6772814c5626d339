//! Tokens: made, rotated, revoked, listed. A token is shown once; afterwards it goes by the first digits of its hash.

use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::id::TokenHash;
use redraft_model::workspace::{Token, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, ok};
use super::scope::{Scope, listed};
use super::{apps, people};
use crate::seed::new_token;
use redraft_service::mint;

fn id(hash: &TokenHash) -> String {
    mint::hex(&hash.0[..8])
}

fn shown(directory: &Directory, token: &Token) -> Value {
    json!({
        "id": id(&token.hash),
        "hint": token.hint,
        "kind": match token.kind {
            TokenKind::Bot => "bot",
            TokenKind::User => "user",
            TokenKind::App => "app",
        },
        "app": directory.app(token.app).map(|app| &app.slack_id),
        "user": directory.user(token.user).map(|user| &user.slack_id),
        "scopes": token.scopes,
        "revoked": token.revoked,
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    let shown = |token: &Token| shown(&scope.directory, token);
    listed(scope, "tokens", scope.directory.tokens(), |token| mint::hex(&token.hash.0), shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    app: String,
    user: Option<String>,
    token: Option<String>,
    scopes: Option<Vec<String>>,
    expires_in_seconds: Option<u32>,
}

/// A new token of an app: its bot's, or a person's where one is named.
pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let new: New = scope.json()?;
    let app = apps::named(scope, &new.app)?;
    if app.signing_secret.is_none() {
        return Err(Error::bad("a Teams bot gets its tokens at the token endpoint"));
    }
    let (user, kind) = match &new.user {
        None => (app.bot_user, TokenKind::Bot),
        Some(name) => (people::named(scope, name)?.id, TokenKind::User),
    };
    let prefix = if kind == TokenKind::Bot { "xoxb" } else { "xoxp" };
    let secret = new.token.unwrap_or_else(|| mint::token(prefix));
    let mut token = new_token(&secret, app.id, user, kind, new.scopes.as_ref());
    let now = scope.app.service.now(scope.id());
    token.expires_at = new.expires_in_seconds.map(|seconds| now.plus(i64::from(seconds) * 1_000_000));
    let mut answer = shown(&scope.directory, &token);
    scope.submit(Control::AddToken(token)).await?;
    answer["token"] = secret.into();
    created(answer)
}

/// A token by its id, or by the token itself.
fn named<'a>(scope: &'a Scope<'_>, name: &str) -> Result<&'a Token, Error> {
    let hash = mint::hash(name);
    let found = scope.directory.tokens().find(|token| token.hash == hash || id(&token.hash) == name);
    found.map(|token| &**token).ok_or_else(|| Error::not_found("token"))
}

pub(super) async fn revoke(scope: &Scope<'_>, name: &str) -> Answer {
    let hash = named(scope, name)?.hash;
    scope.submit(Control::RevokeToken(hash)).await?;
    ok(json!({}))
}

pub(super) async fn rotate(scope: &Scope<'_>, name: &str) -> Answer {
    let old = named(scope, name)?;
    let secret = mint::token(match old.kind {
        TokenKind::Bot => "xoxb",
        TokenKind::User => "xoxp",
        TokenKind::App => "xapp",
    });
    let (new, hint) = (mint::hash(&secret), mint::hint(&secret));
    scope.submit(Control::RotateToken { old: old.hash, new, hint }).await?;
    ok(json!({ "id": id(&new), "token": secret }))
}
