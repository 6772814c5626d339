//! Secrets of apps: a new one in the place of an old one, without registering the app again.

use redraft_model::control::Control;
use redraft_model::limits::SECRET_OVERLAP_MICROS_MAX;
use redraft_model::time::Ts;
use redraft_model::workspace::{Secret, SecretKind};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Error, created, ok};
use super::apps;
use super::apps::KINDS;
use super::scope::Scope;
use redraft_service::mint;

/// How long a replaced secret stays good if nobody says otherwise.
pub(super) const DAY_SECONDS: u32 = 86_400;

/// Bytes of a secret that somebody brings along.
const SECRET_BYTES_MAX: usize = 255;

fn kind(name: &str) -> Result<SecretKind, Error> {
    let found = KINDS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, kind)| *kind)
        .ok_or_else(|| Error::bad("a secret is a password, client_secret or signing_secret"))
}

/// An overlap in microseconds.
pub(super) fn overlap_micros(seconds: u32) -> Result<i64, Error> {
    let micros = i64::from(seconds) * 1_000_000;
    if SECRET_OVERLAP_MICROS_MAX < micros {
        let most = SECRET_OVERLAP_MICROS_MAX / 1_000_000;
        return Err(Error::bad(format!("old_valid_seconds is at most {most}")));
    }
    Ok(micros)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    kind: String,
    /// By default one is made.
    secret: Option<String>,
    /// How long the old one stays good, by the workspace's clock.
    #[serde(default = "day")]
    old_valid_seconds: u32,
}

fn day() -> u32 {
    DAY_SECONDS
}

/// Changes a secret and shows the new one, this once.
pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let new: New = scope.json()?;
    let (app, kind) = (apps::named(scope, id)?.id, kind(&new.kind)?);
    let overlap_micros = overlap_micros(new.old_valid_seconds)?;
    let text = new.secret.unwrap_or_else(mint::secret);
    if text.is_empty() || SECRET_BYTES_MAX < text.len() {
        return Err(Error::bad(format!("a secret has 1 to {SECRET_BYTES_MAX} bytes")));
    }
    let secret = match kind {
        SecretKind::Password => Secret::Password(mint::sha256(text.as_bytes())),
        SecretKind::ClientSecret => Secret::ClientSecret(mint::sha256(text.as_bytes())),
        SecretKind::SigningSecret => Secret::SigningSecret(text.clone()),
    };
    scope.submit(Control::ChangeSecret { app, secret, overlap_micros }).await?;
    let (directory, now) = (scope.now(), scope.app.service.now(scope.id()));
    let old = directory.app(app).and_then(|app| app.old_secret(kind, now));
    let until = old.map(|old| Ts(old.until.0).dotted());
    created(json!({ "kind": new.kind, "secret": text, "old_until": until }))
}

/// Ends a replaced secret before its time.
pub(super) async fn withdraw(scope: &Scope<'_>, id: &str, name: &str) -> Answer {
    let (app, kind) = (apps::named(scope, id)?.id, kind(name)?);
    scope.submit(Control::WithdrawSecret(app, kind)).await?;
    ok(json!({}))
}
