//! What did not reach an app at once: what waits for another attempt, and what was given up and can be replayed.

use axum::http::StatusCode;
use redraft_store::Delivery;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Error, Scope, apps, ok, store_error};

/// Deliveries that one call returns at most.
const DELIVERIES_MAX: u64 = 1000;

pub(super) async fn list(scope: &Scope<'_>, app: &str) -> Answer {
    let app = apps::named(scope, app)?;
    let limit = usize::try_from(scope.number("limit", 100)?.min(DELIVERIES_MAX)).unwrap_or(100);
    let after = scope.number("after", 0)?;
    let store = &scope.app.store;
    let listed = store.deliveries(scope.id(), app.id, after, limit).await.map_err(store_error)?;
    let heard = store.heard(scope.id(), app.id).await.map_err(store_error)?;
    ok(json!({
        "heard": heard.max(app.hears_from),
        "deliveries": listed.iter().map(|it| shown(scope, it)).collect::<Vec<_>>(),
    }))
}

fn shown(scope: &Scope<'_>, delivery: &Delivery) -> Value {
    let channel = delivery.conversation.and_then(|id| scope.directory.conversation(id));
    json!({
        "position": delivery.position,
        "channel": channel.map(|it| &it.slack_id),
        "attempts": delivery.attempts,
        "dead": delivery.due_at.is_none(),
        "due_at": delivery.due_at.map(|at| redraft_model::time::Ts(at.0).dotted()),
        "reason": delivery.reason,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// One; all dead letters of the app without it.
    position: Option<u64>,
}

/// Dead letters are tried again at once. They stay in the list until they arrive.
pub(super) async fn replay(scope: &Scope<'_>, app: &str) -> Answer {
    let which: Which = scope.json()?;
    let app = apps::named(scope, app)?;
    if app.endpoint.is_none() {
        return Err(Error(StatusCode::CONFLICT, "no_endpoint", "the app has no endpoint".into()));
    }
    let after = which.position.map_or(0, |position| position.saturating_sub(1));
    let limit = if which.position.is_some() { 1 } else { usize::try_from(DELIVERIES_MAX).unwrap_or(1) };
    let listed = scope.app.store.deliveries(scope.id(), app.id, after, limit).await.map_err(store_error)?;
    let dead = listed.iter().filter(|it| it.due_at.is_none());
    let dead: Vec<u64> =
        dead.map(|it| it.position).filter(|it| which.position.is_none_or(|one| one == *it)).collect();
    for position in &dead {
        scope.app.outbox.replay(scope.id(), app.id, *position);
    }
    ok(json!({ "replayed": dead }))
}
