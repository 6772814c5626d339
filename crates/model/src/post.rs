//! Posting: a message, a reply in a thread, or a message for one reader.
//!
//! Every message comes into being here, those of webhooks, schedules and streams included. A message must never get a ts that
//! was used before.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::attachments;
use crate::command::{Post, ReplyTo, Target};
use crate::content::{ContentFault, Dialect};
use crate::conversations::Destination;
use crate::decide::{Context, Draft, Unseen};
use crate::decision::{Change, Decision, Halt, Outcome, Posted};
use crate::event::EventKind;
use crate::id::{MessageKey, UserId};
use crate::limits::REPLY_USERS_MAX;
use crate::message::{Audience, Message, Replier, Revision, State, Thread};
use crate::policy::Actor;
use crate::time::Ts;
use crate::view::Looked;
use crate::workspace::{Conversation, ConversationKind, TokenKind};
use crate::{conversations, delete};

/// Why a post was refused, highest precedence first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PostRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// The conversation is archived.
    Archived,
    /// The caller is not in the channel.
    NotMember,
    /// The one reader is not in the conversation.
    ReaderNotMember,
    /// There is nothing to say.
    NoContent,
    /// The dialect's own limits.
    Content(ContentFault),
}

/// Decides a post: where it goes and who may post there, then the content, then the thread.
pub(crate) fn decide(post: &Post, context: &Context) -> Result<Decision, Halt> {
    let destination = admit(post, context)?;

    // Past this line the post succeeds.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let posted = place(post, LIVE, destination, context, &mut draft)?;
    Ok(draft.done(Outcome::Posted(posted)))
}

/// Where a post goes, unless something forbids it.
pub(crate) fn admit(post: &Post, context: &Context) -> Result<Destination, Halt> {
    use PostRefusal as R;
    let destination = allowed(post, context)?;
    if post.fault.is_none() && post.content.is_empty() {
        return Err(R::NoContent.into());
    }
    if let Some(fault) = &post.fault {
        return Err(R::Content(fault.clone()).into());
    }
    Ok(destination)
}

/// The state of a message that is whole from the start.
pub(crate) const LIVE: State = State::Live { revision: NonZeroU32::MIN, edited: None };

/// Where a post goes, if the caller may post there, whatever it says.
pub(crate) fn allowed(post: &Post, context: &Context) -> Result<Destination, Halt> {
    use PostRefusal as R;
    let destination = target(post, context)?;
    let conversation = destination.conversation();
    if conversation.archived {
        return Err(R::Archived.into());
    }
    let open_to_all = conversation.kind == ConversationKind::Public && post.unjoined;
    if !conversation.has(context.actor.user) && !open_to_all {
        return Err(R::NotMember.into());
    }
    if post.only.is_some_and(|reader| !conversation.has(reader)) {
        return Err(R::ReaderNotMember.into());
    }
    Ok(destination)
}

/// Adds a post to its conversation, whoever may post there.
pub(crate) fn place(
    post: &Post,
    state: State,
    destination: Destination,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Posted> {
    let (root, ignored) = thread(post, destination.conversation(), context)?;
    let conversation = destination.written(context, draft);
    let message = write(post, state, &conversation, root.as_deref(), context, draft)?;
    if let Some(root) = &root
        && post.only.is_none()
    {
        count_reply(root, &message, context, draft)?;
    }
    announce(&message, draft);
    let root_author = root.filter(|root| root.revision().is_some()).map(|root| root.author);
    let content = Arc::clone(&post.content);
    Ok(Posted { message, content, root_author, thread_ignored: ignored })
}

/// Deletes a message and adds a post of the same author, in this order. The view still has the message as it was, so a
/// thread that loses one reply and gets another keeps its counts.
pub(crate) fn place_instead(
    post: &Post,
    gone: &Arc<Message>,
    conversation: &Conversation,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    let (root, _) = thread(post, conversation, context)?;
    // What is deleted is no place for a reply any more.
    let named = post.reply_to.candidates().any(|ts| ts == gone.key.ts);
    let root = root.filter(|root| !named && root.key != gone.key);
    let counted = |message: &Message| message.audience == Audience::Everyone;
    let same =
        root.as_ref().filter(|root| Some(root.key.ts) == gone.root && counted(gone) && post.only.is_none());
    match same {
        Some(_) => {
            delete::release_files_and_stream(gone, context, draft)?;
            delete::remove_and_record(gone, context, draft);
        }
        None => delete::remove_or_leave_tombstone(gone, context, draft)?,
    }
    let message = write(post, LIVE, conversation, root.as_deref(), context, draft)?;
    match (&root, same) {
        (_, Some(root)) => {
            let thread = root.thread.clone().map(|thread| Thread { latest: message.key.ts, ..thread });
            draft.put(Message { thread, ..Message::clone(root) });
        }
        (Some(root), None) if counted(&message) => count_reply(root, &message, context, draft)?,
        (Some(_) | None, None) => {}
    }
    announce(&message, draft);
    Ok(())
}

fn announce(message: &Message, draft: &mut Draft) {
    let (conversation, root) = (message.key.conversation, message.root);
    draft.event(match (message.state, message.audience) {
        (State::Streaming { .. }, _) => EventKind::StreamStarted { conversation, root },
        (_, Audience::Everyone) => EventKind::MessagePosted { conversation, root, only: None },
        (_, Audience::Only(reader)) => EventKind::MessagePosted { conversation, root, only: Some(reader) },
    });
}

fn target(post: &Post, context: &Context) -> Result<Destination, Halt> {
    match &post.target {
        Target::Conversation(id) => match context.conversation(*id) {
            Ok(conversation) => Ok(Destination::Known(Arc::clone(conversation))),
            Err(Unseen::Missing) => Err(PostRefusal::ConversationNotFound.into()),
            Err(Unseen::Left) => Err(PostRefusal::NoLongerMember.into()),
        },
        Target::Person(user, ids) => conversations::direct(&[*user], ids, context)
            .map_err(|_| PostRefusal::ConversationNotFound.into()),
    }
}

/// The root of the thread that the post joins, and whether one was asked for in vain. In personal and group chats of
/// the Connector there are no threads.
pub(crate) fn thread(
    post: &Post,
    conversation: &Conversation,
    context: &Context,
) -> Looked<(Option<Arc<Message>>, bool)> {
    if context.actor.dialect == Dialect::Connector && !conversation.is_channel() {
        return Ok((None, false));
    }
    for ts in post.reply_to.candidates() {
        let key = context.key(conversation.id, ts);
        let Some(named) = context.view.message(key)? else { continue };
        if named.audience != Audience::Everyone {
            continue;
        }
        let root = match named.root {
            Some(root) => context.view.message(key.at(root))?,
            None => Some(named),
        };
        return Ok((root, false));
    }
    Ok((None, post.reply_to != ReplyTo::NONE))
}

fn write(
    post: &Post,
    state: State,
    conversation: &Conversation,
    root: Option<&Message>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Arc<Message>> {
    let at = draft.next();
    let Actor { app, user, kind, .. } = context.actor;
    let key = context.key(conversation.id, at.ts);
    let message = draft.put(Message {
        key,
        root: root.map(|root| root.key.ts),
        broadcast: post.broadcast && root.is_some() && post.only.is_none(),
        audience: post.only.map_or(Audience::Everyone, Audience::Only),
        author: user,
        app,
        as_app: kind == TokenKind::Bot,
        kind: post.kind,
        state,
        content_at: at.position,
        parts: post.content.parts(),
        thread: None,
        marked: false,
    });
    let revision =
        Revision { key, position: at.position, number: NonZeroU32::MIN, previous: None, by: user, at: at.at };
    draft.change(Change::PutRevision(revision, Arc::clone(&post.content)));
    attachments::rename(key, None, post.content.files.as_deref(), context, draft)?;
    Ok(message)
}

fn count_reply(root: &Message, reply: &Message, context: &Context, draft: &mut Draft) -> Looked<()> {
    let (user, ts) = (reply.author, reply.key.ts);
    let before = context.view.replier(root.key, user)?;
    let replier = Replier {
        count: before.map_or(0, |replier| replier.count) + 1,
        since: before.map_or(ts, |replier| replier.since),
    };
    let mut thread =
        root.thread.clone().unwrap_or(Thread { replies: 0, repliers: 0, latest: ts, users: vec![] });
    thread.replies += 1;
    thread.latest = ts;
    if before.is_none() {
        thread.repliers += 1;
        if thread.users.len() < REPLY_USERS_MAX {
            thread.users.push(user);
        }
    }
    draft.put(Message { thread: Some(thread), ..root.clone() });
    draft.change(Change::PutReplier(root.key, user, Some(replier)));
    Ok(())
}

/// The thread of a root after one reply of `user` at `ts` went; `None` when none is left.
pub(crate) fn uncount_reply(
    root: &Message,
    user: UserId,
    ts: Ts,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Option<Thread>> {
    let Some(mut thread) = root.thread.clone() else { return Ok(None) };
    thread.replies = thread.replies.saturating_sub(1);
    let left = context
        .view
        .replier(root.key, user)?
        .filter(|replier| 1 < replier.count)
        .map(|replier| Replier { count: replier.count - 1, ..replier });
    draft.change(Change::PutReplier(root.key, user, left));
    if left.is_none() {
        thread.repliers = thread.repliers.saturating_sub(1);
        if thread.users.contains(&user) {
            thread.users = remaining_users(root.key, user, context)?;
        }
    }
    if thread.latest == ts {
        match context.view.latest_reply_but(root.key, ts)? {
            Some(latest) => thread.latest = latest,
            None => return Ok(None),
        }
    }
    Ok((0 < thread.replies).then_some(thread))
}

fn remaining_users(root: MessageKey, gone: UserId, context: &Context) -> Looked<Vec<UserId>> {
    let mut users = context.view.repliers(root, REPLY_USERS_MAX + 1)?;
    users.retain(|user| *user != gone);
    users.truncate(REPLY_USERS_MAX);
    Ok(users)
}
