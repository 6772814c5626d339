//! Updating: new content for a message that keeps its key, author and thread.
//!
//! Each update writes one revision that names the one before; superseded content is retained as the workspace says. This module
//! must never rewrite a revision.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::attachments;
use crate::command::Update;
use crate::content::{Content, ContentFault};
use crate::decide::{Context, Draft, refused};
use crate::decision::{Change, Decision, Halt, Outcome};
use crate::event::EventKind;
use crate::files::{self, Resharing};
use crate::id::MessageKey;
use crate::limits::OLD_REPLY_MICROS;
use crate::message::{Audience, Edited, Message, Revision, State};
use crate::policy::{self, Rule};
use crate::reach::{self, Reach, ReachTargeted};
use crate::replace_stream;
use crate::time::Micros;
use crate::view::Looked;

/// Why an update was refused, highest precedence first: if two apply, the caller gets the one listed first. After all of
/// these comes what keeps a file from being shared ([`files::FileRefusal`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpdateRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// The conversation is archived.
    Archived,
    /// No message of this conversation has this time; it may be in another one, and it may have been deleted.
    MessageNotFound,
    /// It is for one reader only. The app that made it gets this refusal; for others the message is missing.
    Ephemeral,
    /// A message for one reader was meant, and the caller named another reader than its own.
    OtherReader,
    /// It was deleted and only its thread is left.
    Tombstone,
    /// The rule by which the message is not the caller's to change.
    NotAuthor(Rule),
    /// Its text is still streaming in.
    StillStreaming,
    /// People may edit their messages for some time only.
    EditWindowClosed,
    /// The caller expected another revision than this current one.
    StaleRevision(NonZeroU32),
    /// Nothing would be left to show, or nothing was asked for.
    NoContent,
    /// The dialect's own limits.
    Content(ContentFault),
    /// Only a reply can be shown in the channel as well.
    NotAReply,
    /// An old reply can't be brought to the channel and changed at once.
    BroadcastWithContent,
}

use UpdateRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::NoLongerMember;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

impl ReachTargeted for R {
    const EPHEMERAL: Self = Self::Ephemeral;
    const OTHER_READER: Self = Self::OtherReader;
}

/// Decides an update: everything that can refuse it first, then one new revision.
pub(crate) fn decide(update: &Update, context: &Context) -> Result<Decision, Halt> {
    let conversation = context.reach::<R>(update.conversation)?;
    if conversation.archived {
        return Err(R::Archived.into());
    }
    let message = context.own_message::<R>(update.conversation, update.ts)?;
    let refuse = |refusal: R| Err(refused(crate::decision::Why::Update(refusal), &message));
    reach::as_meant::<R>(&message, update.targeted)?;
    // Whose a tombstone was is forgotten, so its state is told before anything about its author.
    let Some(revision) = message.revision() else { return refuse(R::Tombstone) };
    if let Err(rule) = policy::may_update(&context.actor, &message) {
        return refuse(R::NotAuthor(rule));
    }
    if streaming(&message, context) {
        return refuse(R::StillStreaming);
    }
    let settings = &context.directory.workspace.settings;
    if policy::edit_window_over(&context.actor, &message, settings, context.moment.at) {
        return refuse(R::EditWindowClosed);
    }
    if update.if_revision.is_some_and(|expected| expected != revision.get()) {
        return refuse(R::StaleRevision(revision));
    }
    if !update.patch.given && update.fault.is_none() && !update.broadcast {
        return refuse(R::NoContent);
    }
    let old = old_content(update, &message, context)?;
    let content = if update.patch.given { update.patch.apply(&old) } else { Content::clone(&old) };
    if update.fault.is_none() && content.is_empty() {
        return refuse(R::NoContent);
    }
    if let Some(fault) = &update.fault {
        return refuse(R::Content(fault.clone()));
    }
    let shows = update.broadcast && !message.broadcast;
    if update.broadcast && message.root.is_none() {
        return refuse(R::NotAReply);
    }
    if shows && update.patch.given && old_reply(&message, context.moment.at) {
        return refuse(R::BroadcastWithContent);
    }
    if !shows && !update.patch.given {
        return refuse(R::NoContent);
    }

    let resharing = resharing(update, &message, &content, context)?;

    // Past this line the update succeeds.
    Ok(write(update, &message, content, shows, resharing, context)?)
}

/// What becomes of the message's files, unless one that comes cannot be shared.
fn resharing(
    update: &Update,
    message: &Message,
    content: &Content,
    context: &Context,
) -> Result<Resharing, Halt> {
    if !update.patch.given || !(message.parts.files || content.files.is_some()) {
        return Ok(Resharing::default());
    }
    files::resharing(shared_now(message, context)?, content.files.as_deref(), context)
}

/// What the message names now of files and attachments.
fn shared_now(message: &Message, context: &Context) -> Looked<Option<Arc<str>>> {
    if !message.parts.files {
        return Ok(None);
    }
    let content = context.view.content(message.key, message.content_at)?;
    Ok(content.and_then(|content| content.files.clone()))
}

/// Whether its text still streams in. A stream that was stopped or whose time is over can be changed and deleted, which
/// ends it.
pub(crate) fn streaming(message: &Message, context: &Context) -> bool {
    matches!(message.state, State::Streaming { stopped: false, .. })
        && !message.stream_over(context.moment.at)
}

fn old_content(update: &Update, message: &Message, context: &Context) -> Result<Arc<Content>, Halt> {
    let nothing = || Arc::new(Content::text(update.patch.dialect, ""));
    if update.patch.given && !update.patch.keeps_any_of(message.parts) {
        return Ok(nothing());
    }
    let old = if message.in_pieces() {
        context.view.assembled(message, None)?
    } else {
        context.view.content(message.key, message.content_at)?
    };
    Ok(old.unwrap_or_else(nothing))
}

fn old_reply(message: &Message, now: Micros) -> bool {
    Micros(message.key.ts.0).plus(OLD_REPLY_MICROS) <= now
}

fn write(
    update: &Update,
    message: &Arc<Message>,
    content: Content,
    shows: bool,
    resharing: Resharing,
    context: &Context,
) -> Looked<Decision> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let content = Arc::new(content);
    let mut changed = Arc::clone(message);
    if update.patch.given {
        changed = revise(message, &content, resharing, context, &mut draft)?;
    }
    if shows {
        changed = draft.put(Message { broadcast: true, ..Message::clone(&changed) });
        draft.event(EventKind::BroadcastChanged {
            conversation: message.key.conversation,
            message: message.key.ts,
            shown: true,
        });
    }
    let posted = context.posted(changed, content, false)?;
    Ok(draft.done(Outcome::Updated(posted)))
}

/// Gives a message one more revision with this content, which shares no files.
pub(crate) fn revise_without_files(
    message: &Message,
    content: &Arc<Content>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Arc<Message>> {
    let before = shared_now(message, context)?;
    let go = files::ids(before.as_deref()).into_iter().map(str::to_owned).collect();
    let resharing = Resharing { come: Vec::new(), go, before };
    revise(message, content, resharing, context, draft)
}

fn revise(
    message: &Message,
    content: &Arc<Content>,
    resharing: Resharing,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Arc<Message>> {
    replace_stream::settle(message, context, draft)?;
    let before = resharing.before.clone();
    files::reshare(message.key, resharing, context, draft)?;
    attachments::rename(message.key, before.as_deref(), content.files.as_deref(), context, draft)?;
    let (at, by) = (draft.next(), context.actor.user);
    let before = message.revision().unwrap_or(NonZeroU32::MIN);
    let number = before.checked_add(1).unwrap_or(before);
    let previous = Some(message.content_at);
    let written = Revision { key: message.key, position: at.position, number, previous, by, at: at.at };
    draft.change(Change::PutRevision(written, Arc::clone(content)));
    let MessageKey { conversation, ts, .. } = message.key;
    let revision = number.get();
    draft.event(match message.audience {
        Audience::Everyone => EventKind::MessageUpdated { conversation, message: ts, revision },
        Audience::Only(_) => EventKind::TargetedUpdated { conversation, message: ts, revision },
    });
    Ok(draft.put(Message {
        state: State::Live { revision: number, edited: Some(Edited { by, at: at.at }) },
        content_at: at.position,
        parts: content.parts(),
        ..message.clone()
    }))
}
