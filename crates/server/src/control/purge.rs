//! Erasing now what may be erased now.

use std::time::Duration;

use redraft_model::control::ServerAct;
use redraft_model::directory::Directory;
use redraft_store::{Awaited, StoreError, Sweep};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::answer::{Answer, Error, ok};
use super::{refusal, server};
use crate::app::App;

/// How long to wait before the log is tried to be emptied again, for those who read it.
const READERS_PAUSE: Duration = Duration::from_millis(200);

/// How often that is tried.
const ATTEMPTS_MAX: usize = 5;

/// Erases deleted content now, whatever the retention, unless an app has not acknowledged the deletion yet;
/// sweeps what else has expired, and empties the write-ahead log.
pub(super) async fn purge(app: &App) -> Answer {
    app.service.outbox.settle().await;
    // The first time may begin in the middle of what waits.
    let mut erased = 0;
    for _ in 0..2 {
        erased += clear_away(app).await.map_err(refusal::store)?;
    }
    // What was written last comes to the pages with the log.
    empty_log(app).await?;
    while app.service.store.scrub().await.map_err(refusal::store)? {}
    let emptied = empty_log(app).await?;
    server::record(app, ServerAct::Purge).await;
    let mut waiting = Vec::new();
    for awaited in app.service.store.awaited().await.map_err(refusal::store)? {
        if let Some(directory) = app.service.workspace(awaited.workspace) {
            waiting.push(shown(app, &directory, awaited).await.map_err(refusal::store)?);
        }
    }
    ok(json!({ "erased": erased, "log_emptied": emptied, "waiting": waiting }))
}

async fn empty_log(app: &App) -> Result<bool, Error> {
    for attempt in 0..ATTEMPTS_MAX {
        if 0 < attempt {
            sleep(READERS_PAUSE).await;
        }
        if app.service.store.empty_log().await.map_err(refusal::store)? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn clear_away(app: &App) -> Result<usize, StoreError> {
    let mut erased = 0;
    loop {
        let swept = app.service.store.sweep(Sweep::Purge).await?;
        erased += swept.erased;
        if !swept.more {
            return Ok(erased);
        }
    }
}

/// What of a workspace waits, and for which apps.
async fn shown(app: &App, directory: &Directory, awaited: Awaited) -> Result<Value, StoreError> {
    let id = directory.workspace.id;
    let mut apps = Vec::new();
    for bot in directory.apps() {
        let heard = app.service.store.delivered_up_to(id, bot.id).await?.max(bot.hears_from);
        let unread = bot.is_told() && heard < awaited.last;
        let late = !app.service.store.deliveries(id, bot.id, (0, 0), 1).await?.is_empty();
        let why = match (unread, late) {
            (true, _) => "it has not received every event yet",
            (false, true) => "it has deliveries that wait or were given up",
            (false, false) => continue,
        };
        apps.push(json!({ "app": bot.slack_id, "name": bot.name, "why": why }));
    }
    Ok(json!({ "workspace": directory.workspace.team_id, "deletions": awaited.endings, "apps": apps }))
}
