//! Messages whose text streams in, as Teams has them: a start, cumulative steps, an end.
//!
//! Source: the public page on streaming bot messages. A stream lasts two minutes at most and lives in a chat with one
//! person. What was refused or came late leaves the message as it was.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::attachments;
use crate::content::{Content, ContentFault};
use crate::decide::{Context, Draft, refused};
use crate::decision::{Change, Decision, Halt, Outcome, Posted, StreamStep, Why};
use crate::event::EventKind;
use crate::id::{ConversationId, MessageKey};
use crate::message::{Audience, Kind, Message, Revision, State};
use crate::policy::{self, Rule};
use crate::reach::Reach;
use crate::time::{Micros, Ts};
use crate::view::Looked;
use crate::workspace::{Conversation, ConversationKind, TokenKind};

/// One step of a Teams stream.
#[derive(Clone, Debug)]
pub struct ReplaceStream {
    /// The conversation that the caller names; a chat with one person.
    pub conversation: ConversationId,
    /// What the dialect found wrong with it.
    pub fault: Option<ContentFault>,
    /// What the step does.
    pub step: Step,
}

/// What a step does. The Connector numbers steps; a number that is not above the last one comes too late.
#[derive(Clone, Debug)]
pub enum Step {
    /// The message begins, with a line of progress or with first words.
    Start {
        /// All of the text so far, not only what is new.
        content: Arc<Content>,
        /// Whether that is a line of progress.
        informative: bool,
    },
    /// All of the text so far.
    Advance {
        /// The ts of the message that streams in.
        ts: Ts,
        /// Above that of the steps before.
        sequence: u32,
        /// All of the text so far, not only what is new.
        content: Arc<Content>,
        /// Whether that is a line of progress.
        informative: bool,
    },
    /// The text is complete; the message becomes an ordinary one.
    End {
        /// The ts of the message that streams in.
        ts: Ts,
        /// All of the text so far, not only what is new.
        content: Arc<Content>,
    },
    /// A person stops it. Stopping it again changes nothing.
    Stop {
        /// The ts of the message that streams in.
        ts: Ts,
    },
}

/// Why a step was refused, highest precedence first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplaceStreamRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// Only in a chat with one person.
    NotHere,
    /// The dialect's own limits, or a missing text.
    Content(ContentFault),
    /// There is no such message.
    MessageNotFound,
    /// Another bot posted it.
    NotAuthor(Rule),
    /// It has ended, so it is updated as any other message.
    Completed,
    /// A person stopped it.
    Stopped,
    /// It has streamed for as long as it may ([`crate::limits::STREAM_MICROS`]).
    TimeOver,
}

use ReplaceStreamRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::NoLongerMember;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

/// Decides a step of a stream.
pub(crate) fn decide(stream: &ReplaceStream, context: &Context) -> Result<Decision, Halt> {
    let conversation = context.reach::<R>(stream.conversation)?;
    let here =
        conversation.kind == ConversationKind::Direct || stops_one_in_pieces(stream, conversation, context)?;
    if !here {
        return Err(R::NotHere.into());
    }
    if let Some(fault) = &stream.fault {
        return Err(R::Content(fault.clone()).into());
    }
    match &stream.step {
        Step::Start { content, informative } => {
            Ok(start(stream.conversation, content, *informative, context))
        }
        Step::Advance { ts, sequence, content, informative } => {
            let message = running(stream.conversation, *ts, context)?;
            Ok(advance(&message, *sequence, content, *informative, context)?)
        }
        Step::End { ts, content } => {
            let message = running(stream.conversation, *ts, context)?;
            Ok(end(&message, content, context)?)
        }
        Step::Stop { ts } => stop(stream.conversation, *ts, context),
    }
}

/// A Slack stream goes on anywhere, and any member may stop it.
fn stops_one_in_pieces(
    stream: &ReplaceStream,
    conversation: &Conversation,
    context: &Context,
) -> Result<bool, Halt> {
    let Step::Stop { ts } = stream.step else { return Ok(false) };
    let message = context.made_message(stream.conversation, ts)?.visible();
    Ok(conversation.has(context.actor.user) && message.is_some_and(|message| message.in_pieces()))
}

fn start(
    conversation: ConversationId,
    content: &Arc<Content>,
    informative: bool,
    context: &Context,
) -> Decision {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let at = draft.next();
    let message = draft.put(Message {
        key: context.key(conversation, at.ts),
        root: None,
        broadcast: false,
        audience: Audience::Everyone,
        author: context.actor.user,
        app: context.actor.app,
        as_app: context.actor.kind == TokenKind::Bot,
        kind: Kind::Plain,
        state: State::Streaming { sequence: 1, informative, stopped: false, appended: None },
        content_at: at.position,
        parts: content.parts(),
        thread: None,
        marked: false,
    });
    write(&message, content, context, &mut draft);
    draft.event(EventKind::StreamStarted { conversation, root: None });
    let content = Arc::clone(content);
    draft.done(Outcome::Posted(Posted { message, content, root_author: None, thread_ignored: false }))
}

/// The message, if it is the caller's and still streams in.
fn running(conversation: ConversationId, ts: Ts, context: &Context) -> Result<Arc<Message>, Halt> {
    let message = context.own_message::<R>(conversation, ts)?;
    let refuse = |refusal: R| Err(refused(Why::ReplaceStream(refusal), &message));
    if message.revision().is_none() {
        return refuse(R::MessageNotFound);
    }
    if let Err(rule) = policy::may_update(&context.actor, &message) {
        return refuse(R::NotAuthor(rule));
    }
    match message.state {
        State::Live { .. } | State::Tombstone { .. } => refuse(R::Completed),
        State::Streaming { stopped: true, .. } => refuse(R::Stopped),
        State::Streaming { .. } if message.stream_over(context.moment.at) => refuse(R::TimeOver),
        State::Streaming { .. } => Ok(message),
    }
}

/// A step that comes after a later one is ignored, and so is a line of progress after the first words.
fn advance(
    message: &Message,
    sequence: u32,
    content: &Arc<Content>,
    informative: bool,
    context: &Context,
) -> Looked<Decision> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let State::Streaming { sequence: last, informative: was_informative, .. } = message.state else {
        return Ok(draft.done(streamed(message.key, StreamStep::TooLate)));
    };
    if sequence <= last || (informative && !was_informative) {
        return Ok(draft.done(streamed(message.key, StreamStep::TooLate)));
    }
    let state = State::Streaming { sequence, informative, stopped: false, appended: None };
    replace(message, state, content, context, &mut draft)?;
    let conversation = message.key.conversation;
    draft.event(EventKind::StreamAdvanced { conversation, message: message.key.ts });
    Ok(draft.done(streamed(message.key, StreamStep::Taken)))
}

fn end(message: &Message, content: &Arc<Content>, context: &Context) -> Looked<Decision> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let state = State::Live { revision: NonZeroU32::MIN, edited: None };
    replace(message, state, content, context, &mut draft)?;
    let conversation = message.key.conversation;
    draft.event(EventKind::StreamEnded { conversation, message: message.key.ts });
    Ok(draft.done(streamed(message.key, StreamStep::Taken)))
}

fn stop(conversation: ConversationId, ts: Ts, context: &Context) -> Result<Decision, Halt> {
    let message = context.own_message::<R>(conversation, ts)?;
    let refuse = |refusal: R| Err(refused(Why::ReplaceStream(refusal), &message));
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let state = match message.state {
        State::Tombstone { .. } => return refuse(R::MessageNotFound),
        State::Live { .. } => return refuse(R::Completed),
        State::Streaming { stopped: true, .. } => {
            return Ok(draft.done(streamed(message.key, StreamStep::TooLate)));
        }
        State::Streaming { .. } if message.stream_over(context.moment.at) => return refuse(R::TimeOver),
        State::Streaming { sequence, informative, appended, .. } => {
            State::Streaming { sequence, informative, stopped: true, appended }
        }
    };
    draft.put(Message { state, ..Message::clone(&message) });
    draft.event(EventKind::StreamStopped { conversation, message: ts });
    Ok(draft.done(streamed(message.key, StreamStep::Taken)))
}

fn streamed(key: MessageKey, step: StreamStep) -> Outcome {
    Outcome::Streamed { key, step }
}

/// The text so far takes the place of the one before, of which nothing is kept.
pub(crate) fn replace(
    message: &Message,
    state: State,
    content: &Arc<Content>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<Arc<Message>> {
    if message.parts.files || content.files.is_some() {
        let old = context.view.content(message.key, message.content_at)?;
        let old = old.as_ref().and_then(|old| old.files.as_deref());
        attachments::rename(message.key, old, content.files.as_deref(), context, draft)?;
    }
    draft.change(Change::RemoveRevision(message.key, message.content_at));
    let content_at = draft.next().position;
    let changed = draft.put(Message { state, content_at, parts: content.parts(), ..message.clone() });
    write(&changed, content, context, draft);
    Ok(changed)
}

/// A stream that pieces were added to ends as it is, since something else happens to the message: the pieces become the
/// content with which it began.
pub(crate) fn settle(message: &Message, context: &Context, draft: &mut Draft) -> Looked<()> {
    if !message.in_pieces() {
        return Ok(());
    }
    let (key, position) = (message.key, message.content_at);
    if let Some(content) = context.view.assembled(message, None)? {
        let (number, by, at) = (NonZeroU32::MIN, message.author, Micros(key.ts.0));
        draft.change(Change::RemoveRevision(key, position));
        draft
            .change(Change::PutRevision(Revision { key, position, number, previous: None, by, at }, content));
    }
    draft.change(Change::ClearPieces(key));
    Ok(())
}

fn write(message: &Message, content: &Arc<Content>, context: &Context, draft: &mut Draft) {
    let at = draft.next();
    let row = Revision {
        key: message.key,
        position: at.position,
        number: NonZeroU32::MIN,
        previous: None,
        by: context.actor.user,
        at: at.at,
    };
    draft.change(Change::PutRevision(row, Arc::clone(content)));
}
