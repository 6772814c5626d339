//! What each dialect says to delivery: what an app hears, how it is told, and when that is tried again.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::WorkspaceId;
use redraft_model::workspace::App as Bot;
use redraft_store::Cause;
use tracing::warn;

use super::lanes::Attempt;
use super::{Failure, Key, Schedule, Told};
use crate::app::App;
use crate::{connector, slack};

/// The parts of an event that an app may have to be told of.
pub(super) fn may_hear(directory: &Directory, bot: &Bot, event: &Event) -> Vec<u8> {
    match bot.dialect {
        Dialect::Slack => slack::hears::may_hear(directory, bot, event),
        Dialect::Connector if connector::hears::may_hear(directory, bot, event) => vec![0],
        Dialect::Connector => Vec::new(),
    }
}

/// One attempt.
pub(super) async fn tell(app: Arc<App>, (workspace, id): Key, attempt: Attempt) -> Result<Told, Failure> {
    let Attempt { part, attempts, cause, .. } = attempt;
    let dialect = app.workspace(workspace).and_then(|directory| directory.app(id).map(|bot| bot.dialect));
    let told = match dialect {
        Some(Dialect::Slack) => {
            let before = cause.filter(|_| 0 < attempts).map(|cause| (attempts, cause));
            slack::hears::tell(&app, workspace, id, part, before).await
        }
        Some(Dialect::Connector) | None => connector::hears::tell(&app, workspace, id, part.0).await,
    };
    match told {
        Ok(Told::Nothing) if is_erased(&app, workspace, part.0).await => {
            Err(Failure { reason: ERASED.into(), cause: Cause::Other, again: false })
        }
        told => told,
    }
}

/// Why an app is not told of something that it may have had to hear.
const ERASED: &str = "erased: what the event is about was deleted, and waited too long to be told";

/// Whether the words are gone that an event would have been told with.
async fn is_erased(app: &App, workspace: WorkspaceId, position: u64) -> bool {
    let event =
        app.store.events(workspace, position.saturating_sub(1), 1).await.ok().and_then(|mut it| it.pop());
    let words = match event.map(|event| event.kind) {
        Some(
            EventKind::MessagePosted { .. }
            | EventKind::MessageUpdated { .. }
            | EventKind::TargetedUpdated { .. }
            | EventKind::CardSubmitted { .. },
        ) => position,
        Some(
            EventKind::MessageDeleted { content_at, .. }
            | EventKind::MessageTombstoned { content_at, .. }
            | EventKind::TargetedDeleted { content_at, .. },
        ) => content_at,
        _ => return false,
    };
    app.store.is_erased(workspace, words).await.unwrap_or(false)
}

pub(super) fn schedule(dialect: Dialect) -> &'static Schedule {
    match dialect {
        Dialect::Slack => &slack::hears::SCHEDULE,
        Dialect::Connector => &connector::hears::SCHEDULE,
    }
}

/// The app is told nothing more until somebody switches its events on again.
pub(super) async fn switch_off(app: &App, (workspace, id): Key) {
    let directory = app.workspace(workspace);
    let endpoint = directory.and_then(|directory| directory.app(id).and_then(|bot| bot.endpoint.clone()));
    let verb = Verb::Control(Box::new(Control::SwitchEventsOff { app: id, endpoint }));
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    match app.submit(command).await {
        Ok(_) => warn!(
            app = id.0,
            "hardly any event reached the app in the last hour: its events are switched off"
        ),
        Err(_) => warn!(app = id.0, "the events of an app that keeps failing could not be switched off"),
    }
}
