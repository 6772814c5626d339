//! Messages that are added to piece by piece, as Slack's streams are: a start in a thread, pieces, an end.
//!
//! Pieces are stored beside the message until it ends, so that adding one costs the same however long the text is. Now
//! and then an event is written for readers. Source: the public pages of `chat.startStream`, `chat.appendStream` and `chat.stopStream`; how
//! long a stream lasts, and what a person's stop does, is what developers observed.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::command::{Post, Target};
use crate::content::{Content, ContentFault, Piece};
use crate::decide::{Context, Draft, refused};
use crate::decision::{Change, Decision, Halt, Outcome, Posted, Why};
use crate::event::EventKind;
use crate::id::ConversationId;
use crate::limits::{STREAM_BYTES_MAX, STREAM_PIECES_MAX, STREAM_TOLD_MICROS};
use crate::message::{Appended, Message, State};
use crate::policy::{self, Rule};
use crate::post::{self, PostRefusal};
use crate::reach::Reach;
use crate::replace_stream;
use crate::time::{Micros, Ts};
use crate::view::Method;

/// One step of a Slack stream.
#[derive(Clone, Debug)]
pub enum AppendStream {
    /// The message begins, in a thread.
    Begin {
        /// Where, and with which custom name. Its content says nothing yet.
        post: Box<Post>,
        /// First words, if there are some.
        piece: Piece,
    },
    /// There is more of it.
    Add {
        /// The conversation that the caller names.
        conversation: ConversationId,
        /// The ts of the message that streams in.
        ts: Ts,
        /// The text and chunks that are added at the end.
        piece: Piece,
        /// What the dialect found wrong with it.
        fault: Option<ContentFault>,
    },
    /// The message is complete.
    Finish {
        /// The conversation that the caller names.
        conversation: ConversationId,
        /// The ts of the message that streams in.
        ts: Ts,
        /// What is added last.
        piece: Piece,
        /// [`Content::metadata`].
        metadata: Option<Arc<str>>,
        /// What the dialect found wrong with it.
        fault: Option<ContentFault>,
    },
    /// An event for readers is written if some pieces have none yet and the pause has passed. Only the server asks for it.
    Tell {
        /// The conversation that the caller names.
        conversation: ConversationId,
        /// The ts of the message that streams in.
        ts: Ts,
    },
}

impl AppendStream {
    /// The conversation that it names.
    pub(crate) fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Begin { post, .. } => match post.target {
                Target::Conversation(id) => Some(id),
                Target::Person(..) => None,
            },
            Self::Add { conversation, .. }
            | Self::Finish { conversation, .. }
            | Self::Tell { conversation, .. } => Some(*conversation),
        }
    }

    /// The method whose idempotency keys it uses.
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::Begin { .. } => Method::BeginStream,
            Self::Add { .. } | Self::Tell { .. } => Method::AddToStream,
            Self::Finish { .. } => Method::FinishStream,
        }
    }
}

/// Why a step was refused, highest precedence first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppendStreamRefusal {
    /// Of a start, what refuses any post.
    Post(PostRefusal),
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The conversation is archived.
    Archived,
    /// There is no such message.
    MessageNotFound,
    /// Another app, or another user, posted it.
    NotAuthor(Rule),
    /// A person stopped it.
    Stopped,
    /// It never streamed, it has ended, or the time that a stream may take has passed.
    NotStreaming,
    /// A stream is a reply, and the message to reply to is not there.
    ThreadNotFound,
    /// The dialect's own limits.
    Content(ContentFault),
    /// There is nothing to add, or nothing to show at the end.
    NoContent,
    /// It has as many bytes or pieces as it may have.
    TooLong,
}

use AppendStreamRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::ConversationNotFound;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

/// Decides a step. Adding a piece costs the same however long the text is.
pub(crate) fn decide(append: &AppendStream, context: &Context) -> Result<Decision, Halt> {
    match append {
        AppendStream::Begin { post, piece } => begin(post, piece, context),
        AppendStream::Add { conversation, ts, piece, fault } => {
            let message = running(*conversation, *ts, R::Stopped, context)?;
            add(&message, piece, fault.as_ref(), context)
        }
        AppendStream::Finish { conversation, ts, piece, metadata, fault } => {
            // There is nothing left to stop for the app.
            let message = running(*conversation, *ts, R::NotStreaming, context)?;
            finish(&message, piece, metadata.as_ref(), fault.as_ref(), context)
        }
        AppendStream::Tell { conversation, ts } => {
            tell(&running(*conversation, *ts, R::Stopped, context)?, context)
        }
    }
}

fn begin(post: &Post, piece: &Piece, context: &Context) -> Result<Decision, Halt> {
    let destination = post::allowed(post, context).map_err(|halt| match halt {
        Halt::Refused(refusal) => {
            let why = refusal.why;
            if let Why::Post(why) = why { R::Post(why).into() } else { why.into() }
        }
        Halt::NotLoaded => Halt::NotLoaded,
    })?;
    let (_, is_missing) = post::thread(post, destination.conversation(), context)?;
    if is_missing {
        return Err(R::ThreadNotFound.into());
    }
    if let Some(fault) = &post.fault {
        return Err(R::Content(fault.clone()).into());
    }
    let appended = Appended { bytes: 0, told_at: context.moment.at, untold: false };
    let state =
        State::Streaming { sequence: 0, informative: false, stopped: false, appended: Some(appended) };
    let grown = grown(state, piece)?;

    // Past this line the step succeeds.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let begun = post::place(post, grown, destination, context, &mut draft)?;
    if !piece.is_empty() {
        draft.change(Change::PutPiece(begun.message.key, 1, piece.clone()));
    }
    Ok(draft.done(Outcome::Posted(begun)))
}

/// The message, if it is the caller's and still streams in.
fn running(
    conversation: ConversationId,
    ts: Ts,
    stopped: R,
    context: &Context,
) -> Result<Arc<Message>, Halt> {
    let found = context.reach::<R>(conversation)?;
    if found.archived {
        return Err(R::Archived.into());
    }
    let message = context.own_message::<R>(conversation, ts)?;
    let refuse = |refusal: R| Err(refused(Why::AppendStream(refusal), &message));
    if message.revision().is_none() {
        return refuse(R::MessageNotFound);
    }
    if let Err(rule) = policy::may_update(&context.actor, &message) {
        return refuse(R::NotAuthor(rule));
    }
    match message.state {
        State::Streaming { stopped: true, appended: Some(_), .. } => refuse(stopped),
        State::Streaming { appended: Some(_), .. } if !message.stream_over(context.moment.at) => Ok(message),
        State::Streaming { .. } | State::Live { .. } | State::Tombstone { .. } => refuse(R::NotStreaming),
    }
}

/// The state of a stream with one more piece; one that says nothing changes nothing.
fn grown(state: State, piece: &Piece) -> Result<State, R> {
    let State::Streaming { sequence, informative, stopped, appended: Some(appended) } = state else {
        return Err(R::NotStreaming);
    };
    if piece.is_empty() {
        return Ok(state);
    }
    let bytes = u32::try_from(piece.bytes()).unwrap_or(u32::MAX).saturating_add(appended.bytes);
    if STREAM_BYTES_MAX < bytes || STREAM_PIECES_MAX <= sequence {
        return Err(R::TooLong);
    }
    let appended = Some(Appended { bytes, ..appended });
    Ok(State::Streaming { sequence: sequence + 1, informative, stopped, appended })
}

fn add(
    message: &Arc<Message>,
    piece: &Piece,
    fault: Option<&ContentFault>,
    context: &Context,
) -> Result<Decision, Halt> {
    let refuse = |refusal: R| Err(refused(Why::AppendStream(refusal), message));
    if let Some(fault) = fault {
        return refuse(R::Content(fault.clone()));
    }
    if piece.is_empty() {
        return refuse(R::NoContent);
    }
    let state = match grown(message.state, piece) {
        Ok(state) => state,
        Err(refusal) => return refuse(refusal),
    };
    let State::Streaming { sequence, .. } = state else { return refuse(R::NotStreaming) };

    // Past this line the step succeeds.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    draft.change(Change::PutPiece(message.key, sequence, piece.clone()));
    let due = is_due(state, context.moment.at);
    let state = told(state, due, context.moment.at);
    draft.put(Message { state, ..Message::clone(message) });
    if due {
        announce(message, &mut draft);
    }
    Ok(draft.done(Outcome::Added { key: message.key, untold: !due }))
}

/// Whether the pause since the last event for readers has passed.
fn is_due(state: State, now: Micros) -> bool {
    let State::Streaming { appended: Some(appended), .. } = state else { return false };
    appended.told_at.plus(STREAM_TOLD_MICROS) <= now
}

/// The state after an event for readers covered all pieces, or did not cover this one.
fn told(state: State, now_told: bool, at: Micros) -> State {
    let State::Streaming { sequence, informative, stopped, appended: Some(appended) } = state else {
        return state;
    };
    let told_at = if now_told { at } else { appended.told_at };
    let appended = Some(Appended { told_at, untold: !now_told, ..appended });
    State::Streaming { sequence, informative, stopped, appended }
}

fn announce(message: &Message, draft: &mut Draft) {
    let (conversation, message) = (message.key.conversation, message.key.ts);
    draft.event(EventKind::StreamAdvanced { conversation, message });
}

fn tell(message: &Arc<Message>, context: &Context) -> Result<Decision, Halt> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let untold = matches!(message.state, State::Streaming { appended: Some(it), .. } if it.untold);
    let due = is_due(message.state, context.moment.at);
    if untold && due {
        let state = told(message.state, true, context.moment.at);
        draft.put(Message { state, ..Message::clone(message) });
        announce(message, &mut draft);
    }
    Ok(draft.done(Outcome::Added { key: message.key, untold: untold && !due }))
}

fn finish(
    message: &Arc<Message>,
    piece: &Piece,
    metadata: Option<&Arc<str>>,
    fault: Option<&ContentFault>,
    context: &Context,
) -> Result<Decision, Halt> {
    let refuse = |refusal: R| Err(refused(Why::AppendStream(refusal), message));
    let more = (!piece.is_empty()).then_some(piece);
    let Some(shown) = context.view.assembled(message, more)? else { return refuse(R::MessageNotFound) };
    if let Some(fault) = fault {
        return refuse(R::Content(fault.clone()));
    }
    if shown.is_empty() {
        return refuse(R::NoContent);
    }
    if let Err(refusal) = grown(message.state, piece) {
        return refuse(refusal);
    }
    let content = Arc::new(Content { metadata: metadata.cloned(), ..Content::clone(&shown) });

    // Past this line the step succeeds.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    draft.change(Change::ClearPieces(message.key));
    let state = State::Live { revision: NonZeroU32::MIN, edited: None };
    let whole = replace_stream::replace(message, state, &content, context, &mut draft)?;
    let (conversation, ts) = (message.key.conversation, message.key.ts);
    draft.event(EventKind::StreamEnded { conversation, message: ts });
    let posted: Posted = context.posted(whole, content, false)?;
    Ok(draft.done(Outcome::Updated(posted)))
}
