//! Telling a Slack app of an event: one attempt, over the Events API or Socket Mode.
//!
//! An event of the log may be several of Slack's: a message that mentions the app is a `message` and an `app_mention`.
//! Each is delivered by itself, once per app, however many of its tokens may know of it.
//!
//! Source: the public pages on the Events API, its event types and their scopes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, WorkspaceId};
use redraft_model::workspace::{App as Bot, ConversationKind, SlackApp};
use redraft_store::{Cause, Later, Part, StoreError};
use serde_json::{Value, json};

use crate::events::Scene;
use crate::parcel::{Parcel, ParcelKind, Retry};
use crate::state::Slack;
use crate::subscriptions::{audience, hearer, interests, may_hear, things};
use crate::transport;
use redraft_service::delivery::audience::{Audience, Interest, Topics};
use redraft_service::delivery::{Answered, Attempt, Deliver, Failure, Schedule, Told, Turn};
use redraft_service::mint;

/// Delivery over the Events API and Socket Mode.
impl Deliver for Slack {
    fn audience(&self, directory: &Directory, event: &Event) -> Audience {
        audience(directory, event)
    }

    fn interests(&self, directory: &Directory, bot: &Bot, kind: Option<ConversationKind>) -> Vec<Interest> {
        interests(directory, bot, kind)
    }

    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event, topics: Topics) -> Vec<u8> {
        may_hear(directory, bot, event, topics)
    }

    fn tell(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        attempt: Attempt,
        turn: Turn,
    ) -> Later<'_, Result<Told, Failure>> {
        Box::pin(tell(self, workspace, app, attempt, turn))
    }

    fn schedule(&self) -> &'static Schedule {
        &SCHEDULE
    }
}

/// Slack tries again at once, after a minute and after five. What came while the endpoint was down waits a minute.
const SCHEDULE: Schedule =
    Schedule { pauses_micros: &[0, 60_000_000, 300_000_000], down_micros: 60_000_000, switches_off: true };

/// Tells an app of one thing that happened: one attempt.
///
/// # Errors
/// When it did not get there.
async fn tell(
    slack: &Slack,
    workspace: WorkspaceId,
    id: AppId,
    attempt: Attempt,
    turn: Turn,
) -> Result<Told, Failure> {
    let part = attempt.part;
    let unread =
        |failed: StoreError| Failure { reason: failed.to_string(), cause: Cause::Other, again: true };
    let never = |reason: &str| Failure { reason: reason.into(), cause: Cause::Other, again: false };
    let directory = slack.service.workspace(workspace).ok_or_else(|| never("the workspace is gone"))?;
    let bot = directory.app(id).filter(|bot| bot.is_told()).cloned();
    let bot =
        bot.ok_or_else(|| never("the app has no request URL any more, or its events are switched off"))?;
    let logged = attempt.logged(&*slack.service.store, workspace).await.map_err(unread)?;
    let Some(logged) = logged else { return Ok(Told::Nothing) };
    let event = &logged.event;
    let things = things(event, &directory);
    let Some((thing, reach)) = things.into_iter().find(|(thing, _)| *thing as u8 == part.1) else {
        return Ok(Told::Nothing);
    };
    let hearer = hearer(&directory, &bot, event, thing, &reach);
    let scene = Scene {
        service: &slack.service,
        directory: &directory,
        bot: &bot,
        hearer: hearer.unwrap_or(bot.bot_user),
        event,
        logged: &logged,
    };
    let Some(inner) = scene.event(thing).await.map_err(unread)? else { return Ok(Told::Nothing) };
    if hearer.is_none() {
        return Err(never(
            "the app may not know of it any more: not a member, or without subscription or scope",
        ));
    }
    let payload = envelope(&scene, part, inner).to_string();
    let retry = attempt.before().map(|(attempt, cause)| Retry { attempt, reason: word(cause) });
    let parcel =
        Parcel { kind: ParcelKind::Events, url: bot.endpoint.as_deref(), payload, retry, turn: Some(turn) };
    let answered = transport::send(slack, workspace, &bot, parcel).await;
    check(&answered.map_err(|failed| Failure { reason: failed.reason, cause: failed.cause, again: true })?)
}

/// Slack's word for what kept an attempt from succeeding.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::TimedOut => "http_timeout",
        Cause::Status => "http_error",
        Cause::Connection => "connection_failed",
        Cause::Tls => "ssl_error",
        Cause::Redirects => "too_many_redirects",
        Cause::Other => "unknown_error",
    }
}

/// Any status but 2xx is a failure that is tried again, unless the app asks not to be.
fn check(answered: &Answered) -> Result<Told, Failure> {
    if answered.status.is_success() {
        return Ok(Told::Arrived);
    }
    let status = answered.status.as_u16();
    let again = answered.headers.get("x-slack-no-retry").is_none_or(|value| value.as_bytes() != b"1");
    let wish = if again { "" } else { ", and that it wants no further attempt" };
    Err(Failure { reason: format!("the app answered {status}{wish}"), cause: Cause::Status, again })
}

/// The outer object of an event. All of it is the same in each attempt.
fn envelope(scene: &Scene<'_>, part: Part, event: Value) -> Value {
    let Scene { directory, bot, event: logged, hearer, .. } = scene;
    let team_id = &directory.workspace.team_id;
    let user = directory.user(*hearer);
    // The time is in it because a workspace that is made anew counts from the start.
    let named = format!("{team_id} {} {} {}", bot.slack_id, part.1, logged.ts.digits());
    let digest = mint::hex(&mint::sha256(named.as_bytes())[..8]).to_uppercase();
    let conversation = logged.kind.conversation().and_then(|id| directory.conversation(id));
    let context = json!({
        "et": event["type"],
        "tid": team_id,
        "aid": bot.slack_id,
        "cid": conversation.map(|it| &it.slack_id),
    });
    json!({
        "token": bot.slack.as_deref().map(|slack: &SlackApp| &slack.verification_token),
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": null,
        "api_app_id": bot.slack_id,
        "event": event,
        "type": "event_callback",
        "event_id": format!("Ev{digest}"),
        "event_time": logged.at.seconds(),
        "authorizations": [{
            "enterprise_id": null,
            "team_id": team_id,
            "user_id": user.map(|user| &user.slack_id),
            "is_bot": user.is_some_and(|user| user.bot_of.is_some()),
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": format!("4-{}", STANDARD_NO_PAD.encode(context.to_string())),
    })
}
