//! What delivery asks of a dialect: what an app may hear, one attempt at telling it, and when to try again.
//!
//! Delivery names no dialect. Each implements [`Deliver`], and whoever assembles the server hands them in as [`Dialects`].

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::workspace::{App as Bot, ConversationKind};
use redraft_store::{Cause, Later};
use tracing::warn;

use super::audience::{Audience, Interest, Topics};
use super::lanes::{Attempt, Turn};
use super::{Failure, Key, Schedule, Told};
use crate::service::Service;

/// A dialect's side of delivery.
pub trait Deliver: Send + Sync {
    /// Whom an event may concern, of this dialect's apps: at least all that [`Deliver::may_hear`] lets through.
    fn audience(&self, directory: &Directory, event: &Event) -> Audience;

    /// What an app subscribes to in a kind of conversation, or where there is none. It is read again when an app or a token
    /// of the workspace has changed, and must follow from nothing else of the directory.
    fn interests(&self, directory: &Directory, bot: &Bot, kind: Option<ConversationKind>) -> Vec<Interest>;

    /// The parts of an event that an app may have to be told of, of these topics, by everything that can be said without
    /// looking at words. An app too many costs an attempt that finds nothing to tell; one too few never hears of the event.
    /// The numbers are the dialect's own and are stored with what waits for another attempt.
    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event, topics: Topics) -> Vec<u8>;

    /// One attempt at telling an app of one part of an event. Rights are looked at again: the app may not know of it any
    /// more. The next attempt in the same conversation begins when `turn` is dropped.
    fn tell(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        attempt: Attempt,
        turn: Turn,
    ) -> Later<'_, Result<Told, Failure>>;

    /// When an attempt that failed is made again.
    fn schedule(&self) -> &'static Schedule;
}

/// The dialects of a running server.
pub trait Dialects: Send + Sync {
    /// The side of delivery of the dialect that an app speaks.
    fn of(&self, dialect: Dialect) -> &dyn Deliver;
}

/// One attempt.
pub(super) async fn tell(
    app: Arc<Service>,
    dialects: Arc<dyn Dialects>,
    (workspace, id): Key,
    attempt: Attempt,
    turn: Turn,
) -> Result<Told, Failure> {
    let position = attempt.part.0;
    let dialect = app.workspace(workspace).and_then(|directory| directory.app(id).map(|bot| bot.dialect));
    let Some(dialect) = dialect else {
        let reason = "the app has no endpoint any more".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    };
    match dialects.of(dialect).tell(workspace, id, attempt, turn).await {
        Ok(Told::Nothing) if is_erased(&app, workspace, position).await => {
            Err(Failure { reason: ERASED.into(), cause: Cause::Other, again: false })
        }
        told => told,
    }
}

/// Why an app is not told of something that it may have had to hear.
const ERASED: &str = "erased: what the event is about was deleted, and waited too long to be told";

/// Whether the words are gone that an event would have been told with.
async fn is_erased(app: &Service, workspace: WorkspaceId, position: u64) -> bool {
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

/// The app is told nothing more until somebody switches its events on again.
pub(super) async fn switch_off(app: &Service, (workspace, id): Key) {
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
