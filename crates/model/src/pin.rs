//! Pinning messages to a conversation.
//!
//! A pin lives until it is removed or its message is deleted. It must not change the message: a pin is the conversation's.

use std::sync::Arc;

use crate::decide::{Context, Draft, refused};
use crate::decision::{Decision, Halt, Outcome, Why};
use crate::directory::DirectoryChange;
use crate::event::EventKind;
use crate::id::{ConversationId, MessageKey};
use crate::limits::PINS_MAX;
use crate::message::{Audience, Message};
use crate::reach::{Reach, ReachMember};
use crate::time::Ts;
use crate::workspace::{Conversation, Pin};

/// A message to pin, or to take the pin from.
#[derive(Clone, Debug)]
pub struct Pinning {
    /// The conversation that the caller says it is in.
    pub conversation: ConversationId,
    /// The ts of the message.
    pub ts: Ts,
    /// Whether it is pinned or no longer.
    pub pins: bool,
}

/// Why it was refused, highest precedence first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PinRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// The conversation is archived.
    Archived,
    /// The caller is not in the conversation.
    NotMember,
    /// There is no such message, or none that the caller may know of.
    MessageNotFound,
    /// For one reader only, deleted with replies left, or written by the platform itself.
    NotPinnable,
    /// It is pinned already.
    AlreadyPinned,
    /// It is not pinned.
    NotPinned,
    /// The conversation has as many pins as it may have.
    TooMany,
}

use PinRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::NoLongerMember;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

impl ReachMember for R {
    const ARCHIVED: Self = Self::Archived;
    const NOT_MEMBER: Self = Self::NotMember;
}

/// Decides about a pin.
pub(crate) fn decide(asked: &Pinning, context: &Context) -> Result<Decision, Halt> {
    let conversation = context.reach_as_member::<R>(asked.conversation)?;
    let message = context.own_message::<R>(asked.conversation, asked.ts)?;
    let refuse = |refusal: R| Err(refused(Why::Pin(refusal), &message));
    if !pinnable(&message) {
        return refuse(R::NotPinnable);
    }
    let pinned = conversation.pin(asked.ts).is_some();
    if pinned == asked.pins {
        return refuse(if pinned { R::AlreadyPinned } else { R::NotPinned });
    }
    if asked.pins && PINS_MAX <= conversation.pins.len() {
        return refuse(R::TooMany);
    }
    let mut draft = Draft::new(context.moment, Some(context.actor));
    if asked.pins {
        pin(conversation, asked.ts, context, &mut draft);
    } else {
        unpin(message.key, context, &mut draft);
    }
    Ok(draft.done(Outcome::Done))
}

fn pinnable(message: &Message) -> bool {
    message.audience == Audience::Everyone && message.revision().is_some() && !message.kind.is_notice()
}

fn pin(conversation: &Arc<Conversation>, ts: Ts, context: &Context, draft: &mut Draft) {
    let mut changed = Conversation::clone(conversation);
    changed.pins.push(Pin { ts, by: context.actor.user, at: context.moment.at });
    draft.directory(DirectoryChange::Conversation(context.actor.workspace, changed));
    draft.event(EventKind::MessagePinned { conversation: conversation.id, message: ts });
}

/// Takes the pin of a message away, if it has one.
pub(crate) fn unpin(message: MessageKey, context: &Context, draft: &mut Draft) {
    let MessageKey { conversation, ts, .. } = message;
    let Some(found) = context.directory.conversation(conversation).filter(|it| it.pin(ts).is_some()) else {
        return;
    };
    let mut changed = Conversation::clone(found);
    changed.pins.retain(|pin| pin.ts != ts);
    draft.directory(DirectoryChange::Conversation(message.workspace, changed));
    draft.event(EventKind::MessageUnpinned { conversation, message: ts });
}
