//! Telling a Teams bot of an event: one attempt.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::workspace::{App as Bot, ConversationKind};
use redraft_service::Service;
use redraft_service::delivery::audience::{Audience, Interest, Topics};
use redraft_service::delivery::{Answered, Attempt, Connection, Deliver, Failure, Schedule, Told, Turn};
use redraft_store::{Cause, Later, StoreError};

use crate::audience::{audience, interests, may_hear};
use crate::scene::Scene;
use crate::state::Connector;

/// Delivery as the Connector's channel does it: an event is one part, numbered 0.
impl Deliver for Connector {
    fn audience(&self, directory: &Directory, event: &Event) -> Audience {
        audience(directory, event)
    }

    fn interests(&self, _: &Directory, bot: &Bot, kind: Option<ConversationKind>) -> Vec<Interest> {
        interests(bot, kind)
    }

    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event, _: Topics) -> Vec<u8> {
        if may_hear(directory, bot, event) { vec![0] } else { Vec::new() }
    }

    /// No attempt differs from the one before.
    fn tell(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        attempt: Attempt,
        turn: Turn,
    ) -> Later<'_, Result<Told, Failure>> {
        Box::pin(async move {
            let told = tell(self, workspace, app, attempt).await;
            // The next activity of the conversation is sent when this one was answered.
            drop(turn);
            told
        })
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
    attempt: Attempt,
) -> Result<Told, Failure> {
    let position = attempt.part.0;
    let unread =
        |failed: StoreError| Failure { reason: failed.to_string(), cause: Cause::Other, again: true };
    let Some((directory, bot)) = registration(&connector.service, workspace, id) else {
        let reason = "the app has no endpoint any more".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    };
    let logged = attempt.logged(&*connector.service.store, workspace).await.map_err(unread)?;
    let Some(logged) = logged else { return Ok(Told::Nothing) };
    if !may_hear(&directory, &bot, &logged.event) {
        let reason = "the bot is not where it happened any more, or not any more as it was".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    }
    let Some(scene) = Scene::new(connector, directory, bot) else { return Ok(Told::Nothing) };
    let mut told = Told::Nothing;
    for (activity, replies_to) in scene.activities(&logged.event).await.map_err(unread)? {
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
