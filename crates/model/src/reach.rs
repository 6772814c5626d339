//! How a verb reaches the message that it is about: the steps that verbs share, each with the verb's own refusals.
//!
//! What is hidden from the caller must answer as what is missing. So no verb looks a conversation or a message up by
//! itself; it names its refusals here and asks [`Context`].

use std::sync::Arc;

use crate::command::Targeted;
use crate::decide::{Context, Unseen, refused};
use crate::decision::{Halt, Why};
use crate::id::ConversationId;
use crate::message::{Audience, Message};
use crate::time::Ts;
use crate::workspace::Conversation;

/// A verb's refusals on the way to a message.
pub(crate) trait Reach: Into<Halt> {
    /// There is no such conversation, or none that the caller may know of.
    const CONVERSATION_NOT_FOUND: Self;
    /// The bot was a member and no longer is; the Connector says so to such a bot.
    const NO_LONGER_MEMBER: Self;
    /// There is no such message, or none that the caller may know of.
    const MESSAGE_NOT_FOUND: Self;
}

/// A verb's refusals if only members of a conversation in use may do it.
pub(crate) trait ReachMember: Reach {
    /// The conversation is archived.
    const ARCHIVED: Self;
    /// The caller is not in the conversation.
    const NOT_MEMBER: Self;
}

/// A verb's refusals about messages for one reader.
pub(crate) trait ReachTargeted: Reach + Into<Why> {
    /// It is for one reader, and the caller did not say that such a message is meant.
    const EPHEMERAL: Self;
    /// It is for another reader than the one that the caller named.
    const OTHER_READER: Self;
}

impl Context<'_> {
    /// The conversation, if the caller may know of it.
    pub fn reach<R: Reach>(&self, id: ConversationId) -> Result<&Arc<Conversation>, Halt> {
        self.conversation(id).map_err(|unseen| match unseen {
            Unseen::Missing => R::CONVERSATION_NOT_FOUND.into(),
            Unseen::Left => R::NO_LONGER_MEMBER.into(),
        })
    }

    /// The conversation, if the caller is in it and it is not archived.
    pub fn reach_as_member<R: ReachMember>(&self, id: ConversationId) -> Result<&Arc<Conversation>, Halt> {
        let conversation = self.reach::<R>(id)?;
        if conversation.archived {
            return Err(R::ARCHIVED.into());
        }
        if !conversation.has(self.actor.user) {
            return Err(R::NOT_MEMBER.into());
        }
        Ok(conversation)
    }

    /// The message as the caller finds it to change or delete it; whether they may is decided later.
    pub fn own_message<R: Reach>(&self, conversation: ConversationId, ts: Ts) -> Result<Arc<Message>, Halt> {
        self.made_message(conversation, ts)?.visible().ok_or_else(|| R::MESSAGE_NOT_FOUND.into())
    }
}

/// Refuses a message for one reader unless such a message is meant, and the other way round.
pub(crate) fn as_meant<R: ReachTargeted>(
    message: &Arc<Message>,
    targeted: Option<Targeted>,
) -> Result<(), Halt> {
    match (message.audience, targeted) {
        (Audience::Everyone, None) => Ok(()),
        (Audience::Everyone, Some(_)) => Err(R::MESSAGE_NOT_FOUND.into()),
        (Audience::Only(_), None) => Err(refused(R::EPHEMERAL.into(), message)),
        (Audience::Only(reader), Some(meant)) => match meant.reader {
            Some(named) if named != reader => Err(refused(R::OTHER_READER.into(), message)),
            Some(_) | None => Ok(()),
        },
    }
}
