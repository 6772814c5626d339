//! The workspace's log, and waiting until a message is as it should be.

use std::time::Duration;

use axum::http::StatusCode;
use redraft_model::command::Via;
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::MessageKey;
use redraft_model::time::Ts;
use redraft_store::{StoreError, Stored, Window};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{Answer, Error, ok};
use super::channels::{self, message};
use super::scope::Scope;
use redraft_service::bounds::heavy;

/// Events that one call returns at most.
const EVENTS_MAX: u64 = 1000;

/// The longest wait of one call.
const WAIT_MS_MAX: u64 = 60_000;

/// Of a channel or a thread, so many of the newest messages are looked at while waiting.
const WAIT_MESSAGES_MAX: usize = 200;

fn failed(failed: StoreError) -> Error {
    Error(StatusCode::INTERNAL_SERVER_ERROR, "failed", failed.to_string())
}

/// Events after a position, without the audit's or those alone; waits for one if there is none and the caller wants to wait.
pub(super) async fn read(scope: &Scope<'_>) -> Answer {
    let mut after = scope.number("after", 0)?;
    let audit = match scope.parameter("audit").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Error::bad("audit must be true or false")),
    };
    let limit = usize::try_from(scope.number("limit", 100)?.clamp(1, EVENTS_MAX)).unwrap_or(100);
    let end = Instant::now() + Duration::from_millis(scope.number("wait_ms", 0)?.min(WAIT_MS_MAX));
    let mut commits = scope.app.service.store.published().log_bell(scope.id());
    loop {
        commits.mark_unchanged();
        let page = scope.app.service.bounds.control_page().await;
        let events = scope.app.service.store.events(scope.id(), after, limit).await.map_err(failed)?;
        drop(page);
        let next = events.last().map_or(after, |event| event.position);
        let wanted = |event: &&Event| matches!(event.kind, EventKind::Audited(_)) == audit;
        let found: Vec<&Event> = events.iter().filter(wanted).collect();
        let more = next != after;
        if found.is_empty() && more {
            after = next;
            continue;
        }
        if !found.is_empty() || !scope.app.gate.changed_before(end, commits.changed()).await {
            let directory = scope.still()?;
            let shown: Vec<Value> = found.iter().map(|event| self::event(&directory, event)).collect();
            return ok(json!({ "events": shown, "next": next }));
        }
    }
}

fn event(directory: &Directory, event: &Event) -> Value {
    let conversation = event.kind.conversation().and_then(|id| directory.conversation(id));
    let user = |id| directory.user(id).map(|user| user.slack_id.clone());
    let app = |id| directory.app(id).map(|app| app.slack_id.clone());
    let mut shown = json!({
        "position": event.position,
        "ts": event.ts.dotted(),
        "by": event.by.and_then(user),
        "app": event.app.and_then(app),
    });
    if let Some(conversation) = conversation {
        shown["channel"] = conversation.slack_id.clone().into();
    }
    let message = |ts: &Ts| json!({ "message": ts.dotted() });
    let (name, detail) = match &event.kind {
        EventKind::MessagePosted { root, only, .. } => (
            "message_posted",
            json!({ "message": event.ts.dotted(), "thread_ts": root.map(Ts::dotted), "only": only.and_then(&user) }),
        ),
        EventKind::MessageUpdated { message, revision, .. } => {
            ("message_updated", json!({ "message": message.dotted(), "revision": revision }))
        }
        EventKind::TargetedUpdated { message: at, revision, .. } => {
            ("targeted_updated", json!({ "message": at.dotted(), "revision": revision }))
        }
        EventKind::TargetedDeleted { message: at, .. } => ("targeted_deleted", message(at)),
        EventKind::BroadcastChanged { message, shown, .. } => {
            ("broadcast_changed", json!({ "message": message.dotted(), "shown": shown }))
        }
        EventKind::MessageDeleted { message, .. } => {
            ("message_deleted", json!({ "message": message.dotted() }))
        }
        EventKind::MessageTombstoned { message, .. } => {
            ("message_tombstoned", json!({ "message": message.dotted() }))
        }
        EventKind::TombstoneRemoved { message, .. } => {
            ("tombstone_removed", json!({ "message": message.dotted() }))
        }
        EventKind::ReactionAdded { message: at, name, .. } => {
            ("reaction_added", json!({ "message": at.dotted(), "name": &**name }))
        }
        EventKind::ReactionRemoved { message: at, name, .. } => {
            ("reaction_removed", json!({ "message": at.dotted(), "name": &**name }))
        }
        EventKind::MessagePinned { message: at, .. } => ("message_pinned", message(at)),
        EventKind::MessageUnpinned { message: at, .. } => ("message_unpinned", message(at)),
        EventKind::MessageScheduled { .. } => ("message_scheduled", json!({})),
        EventKind::ScheduledRemoved { .. } => ("scheduled_removed", json!({})),
        EventKind::Audited(audit) => (
            "audited",
            json!({ "act": audit.act, "on": audit.on, "via": via(audit.via), "from": audit.from }),
        ),
        EventKind::UserGroupChanged(id) => (
            "user_group_changed",
            json!({ "user_group": directory.user_group(*id).map(|group| &group.slack_id) }),
        ),
        EventKind::CardSubmitted { message: at, to, .. } => {
            ("card_submitted", json!({ "message": at.dotted(), "to": app(*to) }))
        }
        EventKind::ViewShown { message: at, user: id, .. } => {
            ("view_shown", json!({ "message": at.dotted(), "user": user(*id) }))
        }
        EventKind::StreamStarted { .. } => ("stream_started", message(&event.ts)),
        EventKind::StreamAdvanced { message: at, .. } => ("stream_advanced", message(at)),
        EventKind::StreamStopped { message: at, .. } => ("stream_stopped", message(at)),
        EventKind::StreamEnded { message: at, .. } => ("stream_ended", message(at)),
        EventKind::FileCreated(file) => ("file_created", json!({ "file": &**file })),
        EventKind::FileDeleted(file) => ("file_deleted", json!({ "file": &**file })),
        EventKind::FileShared { message: at, file, .. } => {
            ("file_shared", json!({ "message": at.dotted(), "file": &**file }))
        }
        EventKind::FileUnshared { message: at, file, .. } => {
            ("file_unshared", json!({ "message": at.dotted(), "file": &**file }))
        }
        EventKind::WorkspaceCreated => ("workspace_created", json!({})),
        EventKind::WorkspaceRenamed => ("workspace_renamed", json!({})),
        EventKind::AppInstalled(id) => ("app_installed", json!({ "changed_app": app(*id) })),
        EventKind::AppUninstalled(id) => ("app_uninstalled", json!({ "changed_app": app(*id) })),
        EventKind::ConversationRenamed(_) => ("channel_renamed", json!({})),
        EventKind::ConversationArchived(_) => ("channel_archived", json!({})),
        EventKind::ConversationUnarchived(_) => ("channel_unarchived", json!({})),
        EventKind::WorkspaceChanged => ("workspace_changed", json!({})),
        EventKind::UserChanged(id) => ("user_changed", json!({ "user": user(*id) })),
        EventKind::AppChanged(id) => ("app_changed", json!({ "changed_app": app(*id) })),
        EventKind::TokenMinted(id) => ("token_minted", json!({ "of_app": app(*id) })),
        EventKind::TokenRevoked { app: id, user: whose } => {
            ("token_revoked", json!({ "of_app": app(*id), "of_user": user(*whose) }))
        }
        EventKind::ConversationCreated(_) => ("channel_created", json!({})),
        EventKind::ConversationChanged(_) => ("channel_changed", json!({})),
        EventKind::MemberJoined { user: id, .. } => ("member_joined", json!({ "user": user(*id) })),
        EventKind::MemberLeft { user: id, .. } => ("member_left", json!({ "user": user(*id) })),
    };
    shown["type"] = name.into();
    if let (Value::Object(shown), Value::Object(detail)) = (&mut shown, detail) {
        shown.extend(detail);
    }
    shown
}

fn via(via: Via) -> &'static str {
    match via {
        Via::Control => "control",
        Via::CommandLine => "command_line",
        Via::Slack => "slack",
        Via::Connector => "connector",
    }
}

/// What a message has to be like. Every member that is given has to hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    channel: String,
    /// One message by its id in either spelling; otherwise any of the newest.
    ts: Option<String>,
    /// Any reply in this thread instead of the channel line.
    thread_ts: Option<String>,
    text: Option<String>,
    contains: Option<String>,
    user: Option<String>,
    /// The revision has to be at least this.
    revision: Option<u32>,
    /// True waits until the message that `ts` names is deleted or a tombstone.
    deleted: Option<bool>,
    timeout_ms: Option<u64>,
}

/// Waits until a message matches; 408 if none did in time.
pub(super) async fn wait(scope: &Scope<'_>) -> Answer {
    let wanted: Wanted = scope.json()?;
    let channel = channels::named(scope, &wanted.channel)?.id;
    let time = |given: &Option<String>| match given {
        None => Ok(None),
        Some(text) => {
            let ts = Ts::from_dotted(text).or_else(|| Ts::from_digits(text));
            ts.map(Some).ok_or_else(|| Error::bad(format!("{text} is not a message's id")))
        }
    };
    let (ts, thread) = (time(&wanted.ts)?, time(&wanted.thread_ts)?);
    let end = Instant::now() + Duration::from_millis(wanted.timeout_ms.unwrap_or(5000).min(WAIT_MS_MAX));
    let key = |ts| MessageKey { workspace: scope.id(), conversation: channel, ts };
    let mut commits = scope.app.service.store.published().log_bell(scope.id());
    loop {
        commits.mark_unchanged();
        let store = &scope.app.service.store;
        let page = scope.app.service.bounds.control_page().await;
        let found = match (ts, thread) {
            (Some(ts), _) => store.message(key(ts)).await.map(|found| found.into_iter().collect()),
            (None, Some(root)) => {
                store.thread_line(key(root), Window::ALL, WAIT_MESSAGES_MAX).await.map(|page| page.rows)
            }
            (None, None) => {
                let line = store.channel_line(scope.id(), channel, Window::ALL, WAIT_MESSAGES_MAX);
                line.await.map(|page| page.rows)
            }
        };
        let found: Vec<Stored> = found.map_err(failed)?;
        if ts.is_some() && found.is_empty() && wanted.deleted == Some(true) {
            return ok(json!({ "message": null }));
        }
        let directory = scope.still()?;
        let shown = || found.iter().map(|stored| message(&directory, stored));
        let matching = heavy(found.iter().map(Stored::bytes).sum(), || shown().find(|it| wanted.matches(it)));
        drop(page);
        if let Some(matching) = matching {
            return ok(json!({ "message": matching }));
        }
        if !scope.app.gate.changed_before(end, commits.changed()).await {
            let newest = found.first().map(|stored| message(&directory, stored));
            let seen = newest.map_or("nothing".into(), |it| it["text"].to_string());
            let reason = format!("no message matched in time; the first one looked at says {seen}");
            return Err(Error(StatusCode::REQUEST_TIMEOUT, "timeout", reason));
        }
    }
}

impl Wanted {
    fn matches(&self, message: &Value) -> bool {
        let text = message["text"].as_str().unwrap_or_default();
        self.text.as_ref().is_none_or(|wanted| wanted == text)
            && self.contains.as_ref().is_none_or(|wanted| text.contains(wanted))
            && self.user.as_ref().is_none_or(|wanted| message["user"] == wanted.as_str())
            && self.revision.is_none_or(|wanted| message["revision"].as_u64() >= Some(wanted.into()))
            && self.deleted.is_none_or(|wanted| message["deleted"] == wanted)
    }
}
