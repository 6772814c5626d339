//! The commands that tests of stores submit.

use std::sync::Arc;

use redraft_model::append_stream::AppendStream;
use redraft_model::attachments::{Attach, Bytes};
use redraft_model::command::{Command, Delete, Idempotency, Post, ReplyTo, Target, Update, Verb};
use redraft_model::content::{Change, Content, Dialect, Patch, Piece};
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::message::{Kind, Message, State};
use redraft_model::replace_stream::{ReplaceStream, Step};

use super::{DIRECT, PUBLIC, START};
use crate::{Cause, Delivery, Settlement};

/// More of a message that streams in.
#[must_use]
pub fn added(message: &Message, words: &str) -> Verb {
    let MessageKey { conversation, ts, .. } = message.key;
    let piece = Piece { text: words.into(), chunks: None };
    Verb::AppendStream(AppendStream::Add { conversation, ts, piece, fault: None })
}

pub(super) fn streaming((sequence, informative, stopped): (u32, bool, bool)) -> State {
    State::Streaming { sequence, informative, stopped, appended: None }
}

pub(super) fn live() -> State {
    State::Live { revision: std::num::NonZeroU32::MIN, edited: None }
}

/// The same command under a key, with this digest of what was asked.
#[must_use]
pub fn with_key(command: Command, key: &str, digest: u8) -> Command {
    Command { idempotency: Some(Idempotency { key: key.into(), digest: [digest; 32] }), ..command }
}

/// A plain post.
#[must_use]
pub fn post(conversation: ConversationId, text: &str) -> Post {
    Post {
        target: Target::Conversation(conversation),
        content: Arc::new(Content::text(Dialect::Slack, text)),
        fault: None,
        kind: Kind::Plain,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: false,
    }
}

/// A plain update.
#[must_use]
pub fn update(message: &Message, text: &str) -> Update {
    Update {
        conversation: message.key.conversation,
        ts: message.key.ts,
        patch: Patch { text: Change::Set(text.into()), given: true, ..Patch::keep_all(Dialect::Slack) },
        fault: None,
        broadcast: false,
        targeted: None,
        if_revision: None,
    }
}

/// A plain deletion.
#[must_use]
pub fn delete(message: &Message) -> Delete {
    let MessageKey { conversation, ts, .. } = message.key;
    Delete { conversation, ts, only_broadcast: false, targeted: None, if_revision: None }
}

/// An attachment with this number, handed in to #public.
#[must_use]
pub fn attach(n: u8, bytes: &[u8]) -> Verb {
    let original = Bytes { blob: [n; 32], bytes: bytes.into() };
    Verb::Attach(Box::new(Attach {
        conversation: PUBLIC,
        id: attachment_id(n),
        name: None,
        kind: "image/png".into(),
        original,
        thumbnail: None,
    }))
}

pub(super) fn attachment_id(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

/// Content of plain text, as Slack's dialect stores it.
#[must_use]
pub fn text(text: &str) -> Arc<Content> {
    Arc::new(Content::text(Dialect::Slack, text))
}

/// A step of a stream in the direct message.
#[must_use]
pub fn stream(step: Step) -> Verb {
    Verb::ReplaceStream(ReplaceStream { conversation: DIRECT, fault: None, step })
}

/// An act on a message.
#[must_use]
pub fn interaction(message: &Message, act: Act) -> Verb {
    let MessageKey { conversation, ts, .. } = message.key;
    Verb::Interaction(Interaction { conversation, ts, act })
}

pub(super) fn react(message: &Message, name: &str) -> Verb {
    interaction(message, Act::React(name.into()))
}

pub(super) fn unreact(message: &Message, name: &str) -> Verb {
    interaction(message, Act::Unreact(name.into()))
}

pub(super) fn show(message: &Message, user: UserId, words: &str) -> Verb {
    interaction(message, Act::Show(user, text(words)))
}

/// A delivery that is to be tried again.
#[must_use]
pub fn delivery(position: u64) -> Delivery {
    let due_at = Some(START.plus(i64::try_from(position).unwrap_or(i64::MAX)));
    let conversation = Some(PUBLIC);
    let reason = format!("attempt at {position}");
    Delivery { position, part: 0, conversation, attempts: 1, due_at, cause: Some(Cause::TimedOut), reason }
}

/// A settlement: how far events are delivered, which deliveries are new, and which have ended.
#[must_use]
pub fn settlement(delivered_up_to: u64, put: &[u64], removed: &[u64]) -> Settlement {
    Settlement {
        delivered_up_to,
        put: put.iter().map(|position| delivery(*position)).collect(),
        removed: removed.iter().map(|position| (*position, 0)).collect(),
    }
}
