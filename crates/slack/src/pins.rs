//! `pins.*`.

use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_model::content::Content;
use redraft_model::id::MessageKey;
use redraft_model::pin::Pinning;
use redraft_model::policy::Reader;
use redraft_store::{READ_BYTES_MAX, Stored};
use redraft_wire::slack::json::push_string;

use crate::call::Call;
use crate::chat::{link, view};
use crate::file_objects::shared_on;
use crate::reactions::item;
use crate::refusal::unavailable;
use crate::render::View;
use crate::reply::{Error, Reply};
use redraft_service::bounds::heavy;

/// `pins.add`: a message is pinned to its conversation.
pub(super) async fn add(call: &Call<'_>) -> Result<Reply, Error> {
    change(call, true).await
}

/// `pins.remove`: a message is no longer pinned.
pub(super) async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    change(call, false).await
}

async fn change(call: &Call<'_>, pins: bool) -> Result<Reply, Error> {
    let (conversation, ts) = item(call)?;
    call.submit(Verb::Pin(Pinning { conversation: conversation.id, ts, pins })).await?;
    Ok(Reply::new())
}

/// `pins.list`: what is pinned to a conversation, the newest pin first. The platform has no cursor here, so when the messages
/// together have more than [`READ_BYTES_MAX`], the rest of them show their text only.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    let workspace = call.directory.workspace.id;
    let _page = call.service.bounds.page().await;
    let (mut pinned, mut bytes) = (Vec::new(), 0);
    for pin in conversation.pins.iter().rev() {
        let key = MessageKey { workspace, conversation: conversation.id, ts: pin.ts };
        let found = call.service.message_for(Reader::Api, key).await.map_err(unavailable)?;
        if let Some(mut stored) = found.visible() {
            if READ_BYTES_MAX < bytes + stored.bytes() {
                let content = Content::text(stored.content.dialect, stored.content.text.as_str());
                stored = Stored { content: Arc::new(content), reactions: Vec::new(), ..stored };
            }
            bytes += stored.bytes();
            pinned.push((pin, stored));
        }
    }
    let page: Vec<Stored> = pinned.iter().map(|(_, stored)| stored.clone()).collect();
    let files = &shared_on(call, &page).await?;
    let view = View { files, ..view(call) };
    let write_items = |body: &mut String| {
        body.push('[');
        for (place, (pin, stored)) in pinned.iter().enumerate() {
            if 0 < place {
                body.push(',');
            }
            body.push_str("{\"type\":\"message\",\"channel\":");
            push_string(body, &conversation.slack_id);
            body.push_str(&format!(",\"created\":{},\"created_by\":", pin.at.seconds()));
            push_string(body, call.directory.user(pin.by).map_or("", |user| &user.slack_id));
            body.push_str(",\"message\":");
            let link = link(call, &conversation, &stored.message);
            view.linked(stored, Some(&link), body);
            body.push('}');
        }
        body.push(']');
    };
    Ok(heavy(bytes, || Reply::new().written("items", write_items)))
}
