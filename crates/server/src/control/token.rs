//! Another token in the place of the control API's own, without a restart.

use redraft_model::control::ServerAct;
use redraft_model::time::{Micros, Ts};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Error, created, ok};
use super::secrets::{DAY_SECONDS, overlap_micros};
use super::server;
use crate::app::App;
use redraft_service::mint;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    /// How long the old one still opens the API.
    #[serde(default = "day")]
    old_valid_seconds: u32,
}

fn day() -> u32 {
    DAY_SECONDS
}

fn now(app: &App) -> Micros {
    app.service.store.published().machine_now()
}

/// Makes a token in the old one's place and shows it, this once.
pub(super) async fn rotate(app: &App, body: &[u8]) -> Answer {
    let New { old_valid_seconds } = super::answer::read(body)?;
    let until = now(app).plus(overlap_micros(old_valid_seconds)?);
    let token = format!("redraft-{}", mint::secret());
    app.control_tokens.change(mint::sha256(token.as_bytes()), until);
    tracing::warn!(old_until = %Ts(until.0).dotted(), "the control API has another token");
    server::record(app, ServerAct::ChangeControlToken).await;
    created(json!({ "token": token, "old_until": Ts(until.0).dotted() }))
}

/// Ends the replaced token.
pub(super) async fn withdraw(app: &App) -> Answer {
    if app.control_tokens.withdraw(now(app)) {
        tracing::warn!("the replaced token of the control API has expired");
        server::record(app, ServerAct::WithdrawControlToken).await;
        return ok(json!({}));
    }
    Err(Error::not_found("replaced token that is still good"))
}
