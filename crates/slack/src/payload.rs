//! What apps are told of what people do: complete payloads.
//!
//! Source: the public pages on interaction payloads and the sample payloads of the official SDKs.

use redraft_model::content::Content;
use redraft_model::directory::Directory;
use redraft_model::item::Views;
use redraft_model::message::Audience;
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, User};
use redraft_store::{StoreError, Stored};
use redraft_wire::slack::view::{Placed, shown};
use serde_json::{Map, Value, json};

use crate::file_objects;
use crate::render::View;
use crate::scene::{OnMessage, Scene};

/// Members that all payloads have.
pub(super) fn common(scene: &Scene<'_>, kind: &str) -> Value {
    let workspace = &scene.directory.workspace;
    json!({
        "type": kind,
        "token": scene.bot.slack.as_ref().map_or("", |slack| &slack.verification_token),
        "api_app_id": scene.bot.slack_id,
        "team": { "id": workspace.team_id, "domain": workspace.domain },
        "enterprise": null,
        "is_enterprise_install": false,
        "user": user(scene),
    })
}

fn user(scene: &Scene<'_>) -> Value {
    let User { slack_id, name, .. } = &**scene.user;
    json!({ "id": slack_id, "username": name, "name": name, "team_id": scene.directory.workspace.team_id })
}

/// A payload with further members.
pub(super) fn with(mut payload: Value, members: Value) -> Value {
    if let (Value::Object(payload), Value::Object(members)) = (&mut payload, members) {
        payload.extend(members);
    }
    payload
}

/// The conversation as payloads name it: what is not public goes by its kind.
pub(super) fn channel(conversation: &Conversation) -> Value {
    json!({ "id": conversation.slack_id, "name": channel_name(conversation) })
}

/// The name of a conversation in payloads and commands.
pub(super) fn channel_name(conversation: &Conversation) -> &str {
    match conversation.kind {
        ConversationKind::Public => &conversation.name,
        ConversationKind::Private | ConversationKind::Group => "privategroup",
        ConversationKind::Direct => "directmessage",
    }
}

/// Where an element stands that was used: on a message, or in an attachment of it.
pub(super) fn container(on: &OnMessage<'_>, attachment: Option<u64>) -> Value {
    let message = &on.stored.message;
    let mut container = json!({
        "type": "message",
        "message_ts": message.key.ts.dotted(),
        "channel_id": on.conversation.slack_id,
        "is_ephemeral": message.audience != Audience::Everyone,
    });
    if let Some(attachment) = attachment {
        container["type"] = "message_attachment".into();
        container["attachment_id"] = attachment.into();
        container["is_app_unfurl"] = false.into();
    }
    if let Some(root) = message.root {
        container["thread_ts"] = root.dotted().into();
    }
    container
}

/// The message as it is now; `None` of one for a single reader, which payloads do not show.
pub(super) async fn message(scene: &Scene<'_>, stored: &Stored) -> Result<Option<Value>, StoreError> {
    let message = &stored.message;
    if message.audience != Audience::Everyone {
        return Ok(None);
    }
    let root = match message.root {
        Some(root) => scene.slack.service.store.message(message.key.at(root)).await?,
        None => None,
    };
    let author = |root: &Stored| root.message.revision().map(|_| root.message.author);
    let root_author = root.as_ref().and_then(author);
    let contents: Vec<&Content> = root.iter().map(|root| &*root.content).chain([&*stored.content]).collect();
    let files = file_objects::shared_by(&scene.slack.service, message.key.workspace, &contents).await;
    let view = View {
        files: &files.map_err(|_| StoreError::Failed)?,
        directory: scene.directory,
        public_url: &scene.slack.service.public_url,
        ts: true,
        all_metadata: true,
        root_author,
    };
    let root = root.filter(|_| message.broadcast).map(Box::new);
    let mut json = String::new();
    view.stored(&Stored { root, ..stored.clone() }, &mut json);
    Ok(serde_json::from_str(&json).ok())
}

/// A modal of a stack as its app sees it, with what the person put in.
pub fn view(directory: &Directory, views: &Views, place: usize, values: Map<String, Value>) -> Value {
    let Some(modal) = views.stack.get(place) else { return Value::Null };
    let app = directory.app(views.app);
    let below = place.checked_sub(1).and_then(|below| views.stack.get(below));
    let placed = Placed {
        id: &modal.id,
        hash: &modal.hash,
        team_id: &directory.workspace.team_id,
        app_id: app.map_or("", |app: &std::sync::Arc<Bot>| &app.slack_id),
        bot_id: app.map_or("", |app| &app.bot_id),
        root_view_id: views.stack.first().map_or("", |root| &root.id),
        previous_view_id: below.map(|below| below.id.as_str()),
    };
    shown(&modal.json, &placed, values)
}

/// When something was done, as payloads write it.
pub(super) fn action_ts(at: Micros) -> String {
    Ts(at.0).dotted()
}

/// A part of a content that is a JSON list.
pub fn list(part: &Option<std::sync::Arc<str>>) -> Vec<Value> {
    part.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The blocks of a message and those of its attachments, each with the attachment that it stands in.
pub fn blocks(content: &Content) -> Vec<(Option<u64>, Vec<Value>)> {
    let mut all = vec![(None, list(&content.blocks))];
    for attachment in list(&content.attachments) {
        if let Some(Value::Array(blocks)) = attachment.get("blocks") {
            all.push((attachment.get("id").and_then(Value::as_u64), blocks.clone()));
        }
    }
    all
}
