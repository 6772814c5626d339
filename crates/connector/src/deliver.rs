//! Telling a Teams bot of an event: one attempt.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::workspace::App as Bot;
use redraft_service::Service;
use redraft_service::delivery::{Answered, Connection, Deliver, Failure, Schedule, Told};
use redraft_store::{Cause, Later, Part, StoreError};

use crate::audience::may_hear;
use crate::scene::Scene;
use crate::state::Connector;

/// Delivery as the Connector's channel does it: an event is one part, numbered 0.
impl Deliver for Connector {
    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event) -> Vec<u8> {
        if may_hear(directory, bot, event) { vec![0] } else { Vec::new() }
    }

    /// No attempt differs from the one before.
    fn tell(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        (position, _): Part,
        _before: Option<(u32, Cause)>,
    ) -> Later<'_, Result<Told, Failure>> {
        Box::pin(tell(self, workspace, app, position))
    }

    fn schedule(&self) -> &'static Schedule {
        &SCHEDULE
    }
}

/// How long until each further attempt. Teams' own schedule is not public; this is the reference's guess: once more
/// after a short pause.
const SCHEDULE: Schedule =
    Schedule { pauses_micros: &[5_000_000], down_micros: 5_000_000, switches_off: false };

/// Tells a bot of the event at this position: one attempt.
async fn tell(
    connector: &Connector,
    workspace: WorkspaceId,
    id: AppId,
    position: u64,
) -> Result<Told, Failure> {
    let unread =
        |failed: StoreError| Failure { reason: failed.to_string(), cause: Cause::Other, again: true };
    let Some((directory, bot)) = registration(&connector.service, workspace, id) else {
        let reason = "the app has no endpoint any more".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    };
    let events =
        connector.service.store.events(workspace, position.saturating_sub(1), 1).await.map_err(unread)?;
    let Some(event) = events.first().filter(|event| event.position == position) else {
        return Ok(Told::Nothing);
    };
    if !may_hear(&directory, &bot, event) {
        let reason = "the bot is not where it happened any more, or not any more as it was".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    }
    let Some(scene) = Scene::new(connector, directory, bot) else { return Ok(Told::Nothing) };
    let mut told = Told::Nothing;
    for (activity, replies_to) in scene.activities(event).await.map_err(unread)? {
        let answered = scene.send(&activity, Connection::Pooled).await.map_err(|unanswered| Failure {
            reason: unanswered.reason,
            cause: unanswered.cause,
            again: true,
        })?;
        check(&answered)?;
        if let Some(conversation) = replies_to {
            scene.post_replies(conversation, position, &answered.body).await?;
        }
        told = Told::Arrived;
    }
    Ok(told)
}

fn registration(service: &Service, workspace: WorkspaceId, id: AppId) -> Option<(Arc<Directory>, Arc<Bot>)> {
    let directory = service.workspace(workspace)?;
    let bot = directory.app(id).filter(|bot| bot.endpoint.is_some()).cloned()?;
    Some((directory, bot))
}

fn check(answered: &Answered) -> Result<(), Failure> {
    if answered.status.is_success() {
        return Ok(());
    }
    let reason = match answered.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!(
                "the bot answered {}: it does not trust the token it was called with",
                answered.status.as_u16()
            )
        }
        status => format!("the bot answered {}", status.as_u16()),
    };
    Err(Failure { reason, cause: Cause::Status, again: answered.status.is_server_error() })
}
