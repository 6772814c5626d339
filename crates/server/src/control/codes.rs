//! Codes with which people install apps (OAuth), as the platform's page would make them.

use redraft_model::control::Control;
use redraft_model::item::Code;
use redraft_model::limits::CODE_MICROS;
use redraft_model::time::Micros;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Error, created};
use super::scope::Scope;
use super::{apps, people};
use redraft_service::mint;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Who installs it; by default who installed it before.
    user: Option<String>,
    redirect_uri: Option<String>,
}

/// Makes a code. What it is worth is asked when it is exchanged.
pub(super) async fn add(scope: &Scope<'_>, id: &str) -> Answer {
    let asked: Asked = scope.json()?;
    let app = apps::named(scope, id)?;
    let slack =
        app.slack.as_deref().ok_or_else(|| Error::bad("only a Slack app is installed with a code"))?;
    let user = match &asked.user {
        Some(name) => people::named(scope, name)?.id,
        None => app.installed_by.ok_or_else(|| Error::bad("say who installs the app"))?,
    };
    let code = mint::secret();
    let redirect_uri = asked.redirect_uri.clone();
    let granted = Code { app: app.id, user, redirect_uri, made_at: Micros(0), used: false };
    scope.submit(Control::AddCode(mint::sha256(code.as_bytes()), granted)).await?;
    created(json!({
        "code": code,
        "client_id": slack.client_id,
        "redirect_uri": asked.redirect_uri,
        "expires_in_seconds": CODE_MICROS / 1_000_000,
    }))
}
