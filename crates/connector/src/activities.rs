//! Sending, updating and deleting activities.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::command::{Delete, Post, ReplyTo, Target, Update, Verb};
use redraft_model::content::{Change, Dialect, Patch};
use redraft_model::message::Kind;
use redraft_model::time::Ts;
use redraft_wire::connector::activity::{self, ActivityView, Verb as Asked};

use crate::call::Call;
use crate::content::{content, fault, message};
use crate::reply::{Error, Reply};
use crate::{streams, targeted};

/// Sends an activity to a conversation, or as a reply to `reply_to` in a channel.
pub(super) async fn send(
    call: &Call<'_>,
    conversation: &str,
    reply_to: Option<&str>,
) -> Result<Reply, Error> {
    let (conversation, root) = call.conversation_named(conversation)?;
    let parsed = activity::parse(&call.body);
    let verb = parsed.as_ref().map_err(Clone::clone).and_then(activity::for_send);
    let mut view = parsed.unwrap_or_default();
    let only = targeted::reader(call, &conversation, &view)?;
    if let Some(step) = view.stream.take() {
        let step = step.and_then(|step| verb.map(|_| step));
        return streams::take(call, &conversation, step, &view).await;
    }
    if let Ok(not_kept @ (Asked::Typing | Asked::Trace)) = verb {
        if not_kept == Asked::Typing {
            let workspace = call.directory.workspace.id;
            call.connector
                .typing
                .note((workspace, conversation.id, call.bot.bot_user), call.service.now(workspace));
        }
        return Ok(Reply::empty(StatusCode::ACCEPTED));
    }
    let named = reply_to.or(view.reply_to_id.as_deref()).and_then(Ts::from_digits);
    let post = Post {
        target: Target::Conversation(conversation.id),
        content: Arc::new(content(call, String::from_utf8_lossy(&call.body))),
        fault: verb.err().map(fault),
        kind: Kind::Plain,
        reply_to: ReplyTo { message: named, conversation_root: root.and_then(Ts::from_digits) },
        broadcast: false,
        only,
        unjoined: false,
    };
    let (ts, revision) = message(call.submit(Verb::Post(post), &view).await?)?;
    Ok(Reply::of_activity(StatusCode::CREATED, ts, revision))
}

/// Replaces an activity that the bot sent, whole. Where it is and what id it has says the address alone.
pub(super) async fn update(call: &Call<'_>, conversation: &str, id: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let parsed = activity::parse(&call.body);
    let checked = parsed.as_ref().map_err(Clone::clone).and_then(activity::for_update);
    let view = parsed.unwrap_or_default();
    let new = content(call, String::from_utf8_lossy(&call.body));
    let update = Update {
        conversation: conversation.id,
        ts: Ts::from_digits(id).unwrap_or(Ts::OF_NO_MESSAGE),
        patch: Patch {
            dialect: Dialect::Connector,
            text: Change::Set(new.text),
            blocks: Change::Clear,
            attachments: Change::Clear,
            metadata: Change::Clear,
            activity: new.activity.map_or(Change::Clear, Change::Set),
            files: new.files.map_or(Change::Clear, Change::Set),
            given: true,
        },
        fault: checked.err().map(fault),
        broadcast: false,
        targeted: targeted::meant(call, view.recipient_id.as_deref()),
        if_revision: call.if_match().or(view.if_revision),
    };
    let (ts, revision) = message(call.submit(Verb::Update(update), &view).await?)?;
    Ok(Reply::of_activity(StatusCode::OK, ts, revision))
}

/// Deletes an activity that the bot sent.
pub(super) async fn delete(call: &Call<'_>, conversation: &str, id: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let delete = Delete {
        conversation: conversation.id,
        ts: Ts::from_digits(id).unwrap_or(Ts::OF_NO_MESSAGE),
        only_broadcast: false,
        targeted: targeted::meant(call, None),
        if_revision: call.if_match(),
    };
    call.submit(Verb::Delete(delete), &ActivityView::default()).await?;
    Ok(Reply::empty(StatusCode::OK))
}
