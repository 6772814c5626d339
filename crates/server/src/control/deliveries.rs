//! What did not reach an app at once: what waits for another attempt, and what was given up and can be replayed.

use axum::http::StatusCode;
use redraft_store::{Delivery, READ_ROWS_MAX};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, ok};
use super::scope::Scope;
use super::{apps, refusal};
use redraft_slack::verify;

/// Deliveries that one call returns at most.
const DELIVERIES_MAX: u64 = 1000;

/// Dead letters of which one call asks for more; about so many are tried again at once.
const REPLAYED_MAX: usize = 1000;

pub(super) async fn list(scope: &Scope<'_>, app: &str) -> Answer {
    let app = apps::named(scope, app)?;
    let limit = usize::try_from(scope.number("limit", 100)?.min(DELIVERIES_MAX)).unwrap_or(100);
    // Without a part, all of the position is behind.
    let part = u8::try_from(scope.number("after_part", u64::from(u8::MAX))?).unwrap_or(u8::MAX);
    let after = (scope.number("after", 0)?, part);
    let store = &scope.app.service.store;
    let listed = store.deliveries(scope.id(), app.id, after, limit).await.map_err(refusal::store)?;
    let heard = store.delivered_up_to(scope.id(), app.id).await.map_err(refusal::store)?;
    ok(json!({
        "heard": heard.max(app.hears_from),
        "deliveries": listed.iter().map(|it| shown(scope, it)).collect::<Vec<_>>(),
    }))
}

fn shown(scope: &Scope<'_>, delivery: &Delivery) -> Value {
    let channel = delivery.conversation.and_then(|id| scope.directory.conversation(id));
    json!({
        "position": delivery.position,
        "part": delivery.part,
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
    /// One; the oldest dead letters of the app without it.
    position: Option<u64>,
}

/// Dead letters are tried again at once. They stay in the list until they arrive.
pub(super) async fn replay(scope: &Scope<'_>, app: &str) -> Answer {
    let which: Which = scope.json()?;
    let app = apps::named(scope, app)?;
    if !app.is_told() || app.uninstalled {
        let why = "the app has no endpoint, is uninstalled, or its events are switched off";
        return Err(Error(StatusCode::CONFLICT, "no_endpoint", why.into()));
    }
    let store = &scope.app.service.store;
    let mut dead = Vec::new();
    let (before, end) = which.position.map_or((0, u64::MAX), |one| (one.saturating_sub(1), one));
    let mut after = (before, u8::MAX);
    while after.0 < end && dead.len() < REPLAYED_MAX {
        let page =
            store.deliveries(scope.id(), app.id, after, READ_ROWS_MAX).await.map_err(refusal::store)?;
        let Some(last) = page.last() else { break };
        after = last.key();
        let given_up = page.iter().filter(|it| it.due_at.is_none() && it.position <= end);
        dead.extend(given_up.map(Delivery::key));
    }
    let mut replayed: Vec<u64> = dead.iter().map(|(position, _)| *position).collect();
    replayed.dedup();
    scope.app.service.outbox.replay(scope.id(), app.id, dead).await;
    ok(json!({ "replayed": replayed }))
}

/// Asks a Slack app's request URL for an answer to a challenge.
pub(super) async fn verify(scope: &Scope<'_>, app: &str) -> Answer {
    let app = apps::named(scope, app)?;
    ok(match verify::verify(&scope.app.slack, scope.id(), app).await {
        Ok(()) => json!({ "verified": true }),
        Err(why) => json!({ "verified": false, "reason": why }),
    })
}
