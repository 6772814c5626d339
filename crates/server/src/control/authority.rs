//! The keys that sign the Connector's tokens: shown, and replaced step by step.

use axum::http::StatusCode;
use redraft_model::control::ServerAct;
use redraft_store::StoreError;
use serde::Deserialize;

use super::answer::{Answer, Error, ok};
use super::server;
use crate::app::App;
use redraft_connector::authority::{NotTurned, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    step: Step,
}

pub(super) async fn shown(app: &App) -> Answer {
    ok(app.connector.authority.shown(&*app.service.store).await.map_err(failed)?)
}

pub(super) async fn rotate(app: &App, body: &[u8]) -> Answer {
    let asked: Asked = super::answer::read(body)?;
    let turned =
        app.connector.authority.turn(&*app.service.store, asked.step).await.map_err(|not_turned| {
            match not_turned {
                NotTurned::Step(why) => Error(StatusCode::CONFLICT, "wrong_step", why.into()),
                NotTurned::Store(why) => failed(why),
            }
        })?;
    server::record(app, ServerAct::TurnSigningKeys).await;
    ok(turned)
}

fn failed(why: StoreError) -> Error {
    Error(StatusCode::INTERNAL_SERVER_ERROR, "failed", why.to_string())
}
