//! The keys that sign the Connector's tokens: shown, and replaced step by step.

use axum::http::StatusCode;
use redraft_model::control::ServerAct;
use redraft_store::StoreError;
use serde::Deserialize;

use super::{Answer, Error, ok, server};
use crate::app::{App, NotTurned, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    step: Step,
}

pub(super) async fn shown(app: &App) -> Answer {
    ok(app.authority.shown(&*app.store).await.map_err(failed)?)
}

pub(super) async fn rotate(app: &App, body: &[u8]) -> Answer {
    let asked: Asked = super::read(body)?;
    let turned =
        app.authority.turn(&*app.store, asked.step).await.map_err(|not_turned| match not_turned {
            NotTurned::Step(why) => Error(StatusCode::CONFLICT, "wrong_step", why.into()),
            NotTurned::Store(why) => failed(why),
        })?;
    server::record(app, ServerAct::TurnSigningKeys).await;
    ok(turned)
}

fn failed(why: StoreError) -> Error {
    Error(StatusCode::INTERNAL_SERVER_ERROR, "failed", why.to_string())
}
