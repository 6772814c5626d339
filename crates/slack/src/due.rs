//! Posts messages whose time has come.
//!
//! They wait in the store, so a restart loses none; the decision takes one away and posts it in one, so none is posted
//! twice. Their time is the workspace's clock, which tests advance.

use std::sync::Arc;
use std::time::Duration;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::decision::Outcome;
use redraft_model::id::WorkspaceId;
use redraft_model::item::ItemKey;
use redraft_service::{NotDone, Service};
use redraft_store::StoreError;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::state::Slack;

/// The longest sleep: a clock that was set is noticed after this time.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The pause after the store failed, or went by another time.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Runs as long as the server does. Wakes when the first message is due, when one is scheduled and when a clock is
/// advanced.
pub async fn run(slack: Arc<Slack>) {
    let mut changes = slack.service.store.published().workspaces_bell();
    loop {
        changes.borrow_and_update();
        let pause = post_due(&slack.service).await.unwrap_or_else(|failed| {
            warn!(error = %failed, "messages whose time has come could not be posted yet");
            RETRY_PAUSE
        });
        tokio::select! {
            () = sleep(pause.min(PAUSE_MAX)) => {}
            () = slack.scheduled.notified() => {}
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Posts what is due, and says how long to wait for the next.
async fn post_due(service: &Service) -> Result<Duration, StoreError> {
    loop {
        let mut posted = false;
        let mut pause = PAUSE_MAX;
        for (workspace, key) in service.store.due().await? {
            let ItemKey::Scheduled { post_at, .. } = key else { continue };
            if service.workspace(workspace).is_none() {
                continue;
            }
            let left = post_at.0 - service.now(workspace).0;
            if 0 < left {
                pause = pause.min(Duration::from_micros(left.unsigned_abs()));
                continue;
            }
            posted |= post(service, workspace, key).await?;
            pause = pause.min(RETRY_PAUSE);
        }
        if !posted {
            return Ok(pause);
        }
    }
}

/// Whether it waits no longer.
async fn post(service: &Service, workspace: WorkspaceId, key: ItemKey) -> Result<bool, StoreError> {
    let verb = Verb::PostDue(key);
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    match service.submit(command).await {
        Ok(Outcome::Dropped(why)) => {
            info!(workspace = workspace.0, why = ?why, "a scheduled message was not posted and is gone");
            Ok(true)
        }
        Ok(Outcome::Posted(_)) => Ok(true),
        Ok(_) | Err(NotDone::Refused(_)) => Ok(false),
        Err(NotDone::Store(failed)) => Err(failed),
    }
}
