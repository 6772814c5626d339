//! Deleting: a message goes, or leaves a tombstone if it has replies.
//!
//! The record of a deleted message ([`Gone`]) names its last content, which the sweeper erases when its retention ends. This
//! module must not erase content itself: apps may still have to be sent the event.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::attachments;
use crate::command::Delete;
use crate::decide::{Context, Draft, refused};
use crate::decision::{Change, Decision, Halt, Outcome, Why};
use crate::event::EventKind;
use crate::files;
use crate::id::MessageKey;
use crate::message::{Audience, Gone, Message, State};
use crate::pin::unpin;
use crate::policy::{self, Rule};
use crate::post::uncount_reply;
use crate::reach::{self, Reach, ReachTargeted};
use crate::replace_stream;
use crate::time::Ts;
use crate::update::streaming;
use crate::view::Looked;

/// Why a deletion was refused, highest precedence first: if two apply, the caller gets the one listed first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeleteRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// No message of this conversation has this time; it may be in another one, and it may have been deleted.
    MessageNotFound,
    /// It is for one reader only. The app that made it gets this refusal; for others the message is missing.
    Ephemeral,
    /// A message for one reader was meant, and the caller named another reader than its own.
    OtherReader,
    /// The conversation is archived.
    Archived,
    /// It was deleted before and only its thread is left.
    Tombstone,
    /// Not the caller's to delete.
    NotAllowed(Rule),
    /// Its text is still streaming in.
    StillStreaming,
    /// The caller expected another revision than this current one.
    StaleRevision(NonZeroU32),
    /// It is not shown in the channel, so it can't be taken out of it.
    NotBroadcast,
}

use DeleteRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::NoLongerMember;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

impl ReachTargeted for R {
    const EPHEMERAL: Self = Self::Ephemeral;
    const OTHER_READER: Self = Self::OtherReader;
}

/// Decides a deletion: everything that can refuse it first, then what remains of the message.
pub(crate) fn decide(delete: &Delete, context: &Context) -> Result<Decision, Halt> {
    let conversation = context.reach::<R>(delete.conversation)?;
    let message = context.own_message::<R>(delete.conversation, delete.ts)?;
    let refuse = |refusal: R| Err(refused(Why::Delete(refusal), &message));
    reach::as_meant::<R>(&message, delete.targeted)?;
    if conversation.archived {
        return refuse(R::Archived);
    }
    let Some(revision) = message.revision() else { return refuse(R::Tombstone) };
    let settings = &context.directory.workspace.settings;
    if let Err(rule) = policy::may_delete(&context.actor, &message, conversation, settings, context.moment.at)
    {
        return refuse(R::NotAllowed(rule));
    }
    if streaming(&message, context) {
        return refuse(R::StillStreaming);
    }
    if delete.if_revision.is_some_and(|expected| expected != revision.get()) {
        return refuse(R::StaleRevision(revision));
    }
    if delete.only_broadcast && !message.broadcast {
        return refuse(R::NotBroadcast);
    }

    // Past this line the deletion succeeds.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    if delete.only_broadcast {
        remove_from_channel(&message, &mut draft);
    } else {
        remove_or_leave_tombstone(&message, context, &mut draft)?;
    }
    Ok(draft.done(Outcome::Deleted(message.key)))
}

/// Ends a message, whoever may do so.
pub(crate) fn remove_or_leave_tombstone(
    message: &Arc<Message>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    release_files_and_stream(message, context, draft)?;
    match message.root {
        Some(root) if message.audience == Audience::Everyone => {
            remove_reply(message, root, context, draft)?;
        }
        Some(_) => remove_and_record(message, context, draft),
        None if message.thread.is_some() => leave_tombstone(message, context, draft),
        None => remove_and_record(message, context, draft),
    }
    Ok(())
}

fn remove_from_channel(message: &Message, draft: &mut Draft) {
    draft.put(Message { broadcast: false, ..message.clone() });
    draft.event(EventKind::BroadcastChanged {
        conversation: message.key.conversation,
        message: message.key.ts,
        shown: false,
    });
}

fn leave_tombstone(message: &Message, context: &Context, draft: &mut Draft) {
    unpin(message.key, context, draft);
    let deleted_at = draft.next().at;
    clear_marks(message, draft);
    draft.put(Message { state: State::Tombstone { deleted_at }, marked: false, ..message.clone() });
    draft.event(EventKind::MessageTombstoned {
        conversation: message.key.conversation,
        message: message.key.ts,
        content_at: message.content_at,
    });
}

fn clear_marks(message: &Message, draft: &mut Draft) {
    if message.marked {
        draft.change(Change::ClearMarks(message.key));
    }
}

/// Gives back what a message has beside its row, before it ends.
pub(crate) fn release_files_and_stream(
    message: &Message,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    replace_stream::settle(message, context, draft)?;
    if message.parts.files {
        let content = context.view.content(message.key, message.content_at)?;
        let shared = content.as_ref().and_then(|content| content.files.as_deref());
        files::unshare_all(message.key, shared, context, draft)?;
        attachments::rename(message.key, shared, None, context, draft)?;
    }
    Ok(())
}

/// Takes a message away and leaves its thread as it is.
pub(crate) fn remove_and_record(message: &Arc<Message>, context: &Context, draft: &mut Draft) {
    unpin(message.key, context, draft);
    let at = draft.next().at;
    clear_marks(message, draft);
    draft.change(Change::RemoveMessage(Arc::clone(message)));
    draft.change(Change::PutGone(Gone { last: Arc::clone(message), by: context.actor.user, at }));
    let MessageKey { conversation, ts, .. } = message.key;
    let content_at = message.content_at;
    draft.event(match message.audience {
        Audience::Everyone => EventKind::MessageDeleted { conversation, message: ts, content_at },
        Audience::Only(_) => EventKind::TargetedDeleted { conversation, message: ts, content_at },
    });
}

fn remove_reply(message: &Arc<Message>, root: Ts, context: &Context, draft: &mut Draft) -> Looked<()> {
    let root = context.view.message(message.key.at(root))?;
    remove_and_record(message, context, draft);
    let Some(root) = root else { return Ok(()) };
    let thread = uncount_reply(&root, message.author, message.key.ts, context, draft)?;
    let orphaned = thread.is_none() && root.revision().is_none();
    if !orphaned {
        draft.put(Message { thread, ..Message::clone(&root) });
        return Ok(());
    }
    let key = root.key;
    let gone = Gone { last: Arc::clone(&root), by: context.actor.user, at: context.moment.at };
    draft.change(Change::RemoveMessage(root));
    draft.change(Change::PutGone(gone));
    draft.event(EventKind::TombstoneRemoved { conversation: key.conversation, message: key.ts });
    Ok(())
}
