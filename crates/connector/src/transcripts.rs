//! Transcripts: a conversation's past, handed in by a bot.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::command::{Post, Target, Verb};
use redraft_model::message::Kind;
use redraft_model::time::Ts;
use redraft_wire::connector::activity::{self, ActivityFault, Verb as Asked};
use redraft_wire::connector::attachment::transcript;
use redraft_wire::connector::errors::BAD_SYNTAX;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::content::{content, message};
use crate::refusal::fault;
use crate::reply::{Error, Reply};

/// Posts the messages of a transcript, in order and as the bot's; answers with the last one's id. What is no message
/// for everybody is left out. One message that could not be sent, and nothing is posted.
pub(super) async fn upload(call: &Call<'_>, conversation: &str) -> Result<Reply, Error> {
    let (conversation, root) = call.conversation_named(conversation)?;
    let unreadable = |found: ActivityFault| fault(found.code, found.message);
    let activities = transcript(&call.body).map_err(unreadable)?;
    let mut messages = Vec::with_capacity(activities.len());
    for (place, activity) in activities.iter().enumerate() {
        let is_message = is_message(activity)
            .map_err(|found| fault(found.code, format!("Activity {place}: {}.", found.message)))?;
        if is_message {
            messages.push(activity);
        }
    }
    let mut last = None;
    for (place, activity) in messages.into_iter().enumerate() {
        let post = Post {
            target: Target::Conversation(conversation.id),
            content: Arc::new(content(call, activity.get().into())),
            fault: None,
            kind: Kind::Plain,
            reply_to: root.and_then(Ts::from_digits).into(),
            broadcast: false,
            only: None,
            unjoined: false,
        };
        // Each message has a key of its own, so that a repeated call goes on where the first one ended.
        let key = call.idempotency_key(None).map(|key| format!("{place}/{key}"));
        last = Some(message(call.submit_keyed(Verb::Post(post), key).await?)?.0);
    }
    match last {
        Some(last) => Ok(Reply::of_activity(StatusCode::CREATED, last, 1)),
        None => Err(fault(BAD_SYNTAX, "No valid activities: the transcript has no message.")),
    }
}

/// Whether an activity of a transcript is a message for everybody, which then has to be one that can be posted.
fn is_message(activity: &RawValue) -> Result<bool, ActivityFault> {
    let view = activity::parse(activity.get().as_bytes())?;
    if view.is_targeted || !(view.kind.is_empty() || view.kind.eq_ignore_ascii_case("message")) {
        return Ok(false);
    }
    activity::for_send(&view).map(|verb| verb == Asked::Message)
}
