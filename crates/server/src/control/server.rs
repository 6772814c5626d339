//! What is done to the whole server, as each workspace's audit names it.

use futures_util::stream::{self, StreamExt};
use redraft_model::control::{Control, ServerAct};

use super::scope::submit;
use crate::app::App;

/// How many workspaces are written to at once.
const WORKSPACES_AT_ONCE: usize = 100;

/// Writes to every workspace's audit that this was done. It is done already, so a workspace that cannot be written to is
/// reported to the log file only.
pub(super) async fn record(app: &App, act: ServerAct) {
    let workspaces: Vec<_> =
        app.service.store.published().directories().all().map(|directory| directory.workspace.id).collect();
    stream::iter(workspaces)
        .for_each_concurrent(WORKSPACES_AT_ONCE, async |workspace| {
            if let Err(why) = submit(app, workspace, Control::Record(act)).await {
                tracing::error!(workspace = workspace.0, ?act, why = why.2, "the audit misses this");
            }
        })
        .await;
}
