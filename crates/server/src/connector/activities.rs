//! Sending, updating and deleting activities.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::command::{Caller, Command, Delete, Idempotency, Post, Target, Update, Verb};
use redraft_model::content::{Change, Content, ContentFault, Dialect, Patch};
use redraft_model::decision::Outcome;
use redraft_model::message::{Kind, Message};
use redraft_model::policy::sees;
use redraft_model::time::Ts;
use redraft_model::workspace::Conversation;
use redraft_wire::connector::activity::{self, ActivityFault, ActivityView, Verb as Asked};
use redraft_wire::connector::id::split_conversation;
use redraft_wire::translate::activity_to_slack_text;

use super::attachments::named_attachments;
use super::refusal::{self, no_conversation, not_in_roster};
use super::reply::{Error, Reply};
use super::{Call, streams, targeted};
use crate::mint;
use crate::names::NamesFor;

/// Of a longer idempotency key only the beginning counts.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// Sends an activity to a conversation, or as a reply to `reply_to` in a channel.
pub(super) async fn send(
    call: &Call<'_>,
    conversation: &str,
    reply_to: Option<&str>,
) -> Result<Reply, Error> {
    let (conversation, root) = conversation_named(call, conversation)?;
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
            call.app.typing.note((workspace, conversation.id, call.bot.bot_user), call.app.now(workspace));
        }
        return Ok(Reply::empty(StatusCode::ACCEPTED));
    }
    let named = reply_to.or(view.reply_to_id.as_deref()).and_then(Ts::from_digits);
    let post = Post {
        target: Target::Conversation(conversation.id),
        content: Arc::new(content(call, String::from_utf8_lossy(&call.body))),
        fault: verb.err().map(fault),
        kind: Kind::Plain,
        reply_to: [named, root.and_then(Ts::from_digits)],
        broadcast: false,
        only,
        unjoined: false,
    };
    let (ts, revision) = message(call.submit(Verb::Post(post), &view).await?)?;
    Ok(Reply::of_activity(StatusCode::CREATED, ts, revision))
}

/// Replaces an activity that the bot sent, whole. Where it is and what id it has says the address alone.
pub(super) async fn update(call: &Call<'_>, conversation: &str, id: &str) -> Result<Reply, Error> {
    let (conversation, _) = conversation_named(call, conversation)?;
    let parsed = activity::parse(&call.body);
    let checked = parsed.as_ref().map_err(Clone::clone).and_then(activity::for_update);
    let view = parsed.unwrap_or_default();
    let new = content(call, String::from_utf8_lossy(&call.body));
    let update = Update {
        conversation: conversation.id,
        ts: Ts::from_digits(id).unwrap_or(Ts(0)),
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
    let (conversation, _) = conversation_named(call, conversation)?;
    let delete = Delete {
        conversation: conversation.id,
        ts: Ts::from_digits(id).unwrap_or(Ts(0)),
        only_broadcast: false,
        targeted: targeted::meant(call, None),
        if_revision: call.if_match(),
    };
    call.submit(Verb::Delete(delete), &ActivityView::default()).await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// The conversation that an id names, with or without the root of a thread behind it. A bot that was a member hears so;
/// to others a conversation they are not in is not there.
pub(super) fn conversation_named<'a>(
    call: &Call<'_>,
    id: &'a str,
) -> Result<(Arc<Conversation>, Option<&'a str>), Error> {
    let (id, root) = split_conversation(id);
    let found = call.directory.conversation_named(id).filter(|found| found.connector_id == id);
    let found = found.ok_or_else(no_conversation)?;
    let user = call.bot.bot_user;
    if found.has(user) {
        debug_assert!(sees(user, found));
        return Ok((Arc::clone(found), root));
    }
    Err(if found.former.contains(&user) { not_in_roster() } else { no_conversation() })
}

/// An activity as it is stored: as it came, and its text for the other dialect.
pub(super) fn content(call: &Call<'_>, activity: Cow<'_, str>) -> Content {
    let names = NamesFor { directory: &call.directory, reader: Some(call.bot.bot_user) };
    let text = activity_to_slack_text(activity.as_bytes(), &names);
    let files = named_attachments(&activity);
    Content { activity: Some(activity.into()), files, ..Content::text(Dialect::Connector, text) }
}

pub(super) fn fault(found: ActivityFault) -> ContentFault {
    ContentFault { code: found.code, reasons: vec![found.message] }
}

/// The id and the revision of the message that came of it.
pub(super) fn message(outcome: Outcome) -> Result<(Ts, u32), Error> {
    let revision = |message: &Message| message.revision().map_or(0, std::num::NonZeroU32::get);
    match outcome {
        Outcome::Posted(posted) | Outcome::Updated(posted) => {
            Ok((posted.message.key.ts, revision(&posted.message)))
        }
        Outcome::Repeated(before, _) => Ok((before.key.ts, before.revision)),
        Outcome::Streamed(key, _) => Ok((key.ts, 1)),
        _ => Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceError", "The server failed.")),
    }
}

impl Call<'_> {
    /// Carries out a command; the refusal becomes the Connector's status and code with a reason.
    pub(super) async fn submit(&self, verb: Verb, view: &ActivityView) -> Result<Outcome, Error> {
        self.submit_keyed(verb, self.idempotency_key(view.idempotency_key.as_deref())).await
    }

    /// The caller's own name for this request, from the header or else from the body.
    pub(super) fn idempotency_key(&self, in_body: Option<&str>) -> Option<String> {
        let key = self.header("idempotency-key").or(in_body)?;
        Some(key.chars().take(IDEMPOTENCY_KEY_CHARS_MAX).collect())
    }

    /// The same with this key.
    pub(super) async fn submit_keyed(&self, verb: Verb, key: Option<String>) -> Result<Outcome, Error> {
        let idempotency = key
            .filter(|_| !matches!(verb, Verb::Conversation(_)))
            .map(|key| Idempotency { key, digest: self.digest(&verb) });
        let workspace = self.directory.workspace.id;
        let command =
            Command { workspace, caller: Caller::Bot(self.bot.id), idempotency, verb, source: None };
        self.app.submit(command).await.map_err(|not_done| refusal::error(&not_done, &self.directory))
    }

    /// Of the body and of what the address names.
    fn digest(&self, verb: &Verb) -> [u8; 32] {
        let address = match verb {
            Verb::Post(post) => format!("{:?} {:?}", post.target, post.reply_to),
            Verb::Update(update) => {
                format!("{:?} {:?} {:?}", update.conversation, update.ts, update.targeted)
            }
            Verb::Delete(delete) => {
                format!("{:?} {:?} {:?}", delete.conversation, delete.ts, delete.targeted)
            }
            Verb::Stream(stream) => format!("{:?}", stream.conversation),
            _ => String::new(),
        };
        mint::sha256(&[address.as_bytes(), &self.body].concat())
    }
}
