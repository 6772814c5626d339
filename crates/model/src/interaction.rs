//! What people and bots do to a message besides changing it: reactions, submitted cards, a card for one person.
//!
//! Reactions live as long as their message, a person's own card until the message changes. None of these may make a revision:
//! the message is still what its author wrote.

use std::sync::Arc;

use crate::command::Post;
use crate::content::Content;
use crate::decide::{Context, Draft, refused};
use crate::decision::{Change, Decision, Halt, Outcome, Why};
use crate::event::EventKind;
use crate::id::{AppId, ConversationId, UserId};
use crate::limits::{REACTION_EMOJI_MAX, REACTIONS_MAX, REACTIONS_OF_ONE_MAX};
use crate::message::{Message, PersonalView, Reaction, Revision, State, by_emoji};
use crate::policy::Actor;
use crate::post;
use crate::reach::{Reach, ReachMember};
use crate::time::Ts;
use crate::workspace::TokenKind;

/// An act on a message.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// The conversation that the caller says it is in.
    pub conversation: ConversationId,
    /// The ts of the message.
    pub ts: Ts,
    /// What the caller does to it.
    pub act: Act,
}

/// What somebody can do to a message besides changing it.
#[derive(Clone, Debug)]
pub enum Act {
    /// The caller reacts with the emoji of this short name. Doing so again changes nothing.
    React(Arc<str>),
    /// The caller takes the reaction back. Doing so again changes nothing.
    Unreact(Arc<str>),
    /// A person pressed a button of the card that sends something to the card's app.
    Submit {
        /// The submitted values. Only the card's app gets them.
        content: Arc<Content>,
        /// A post in the person's name (`messageBack`, `imBack`). Everyone sees it, and it is not delivered to the
        /// app.
        shown: Option<Box<Post>>,
    },
    /// The card's app shows this to one person in the card's place, until the message changes.
    Show(UserId, Arc<Content>),
}

/// Why an act was refused, highest precedence first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InteractionRefusal {
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
    /// It was deleted and only its thread is left.
    Tombstone,
    /// Only the app that posted a card shows it to somebody differently.
    NotAuthor,
    /// The app that posted the card is uninstalled, so the submit could not be delivered.
    NoApp,
    /// The message has reactions with as many different emoji as it may have.
    TooManyEmoji,
    /// The caller reacted to the message as often as one may.
    TooManyOfOne,
    /// The message has as many reactions as it may have.
    TooManyReactions,
}

use InteractionRefusal as R;

impl Reach for R {
    const CONVERSATION_NOT_FOUND: Self = Self::ConversationNotFound;
    const NO_LONGER_MEMBER: Self = Self::NoLongerMember;
    const MESSAGE_NOT_FOUND: Self = Self::MessageNotFound;
}

impl ReachMember for R {
    const ARCHIVED: Self = Self::Archived;
    const NOT_MEMBER: Self = Self::NotMember;
}

/// Decides an act on a message.
pub(crate) fn decide(asked: &Interaction, context: &Context) -> Result<Decision, Halt> {
    context.reach_as_member::<R>(asked.conversation)?;
    let message = found(asked, context)?;
    let refuse = |refusal: R| Err(refused(Why::Interaction(refusal), &message));
    if matches!(message.state, State::Tombstone { .. }) {
        return refuse(R::Tombstone);
    }
    match &asked.act {
        Act::React(name) => react(&message, name, context),
        Act::Unreact(name) => unreact(&message, name, context),
        Act::Submit { content, shown } => match hearer(&message, context) {
            None => refuse(R::NoApp),
            Some(to) => submit(&message, to, content, shown.as_deref(), context),
        },
        Act::Show(user, content) => {
            if context.actor.kind != TokenKind::Bot || message.app != context.actor.app {
                return refuse(R::NotAuthor);
            }
            Ok(show(&message, *user, content, context))
        }
    }
}

/// The app that posted the card, unless it is uninstalled.
fn hearer(message: &Message, context: &Context) -> Option<AppId> {
    let app = context.directory.app(message.app.filter(|_| message.as_app)?)?;
    (!app.uninstalled).then_some(app.id)
}

/// A post that the button makes in the person's name counts as made through the app, so it is not delivered to it.
fn submit(
    message: &Message,
    to: AppId,
    content: &Arc<Content>,
    shown: Option<&Post>,
    context: &Context,
) -> Result<Decision, Halt> {
    let through = Context { actor: Actor { app: Some(to), ..context.actor }, ..*context };
    let shown = match shown {
        Some(shown) => Some((shown, post::admit(shown, &through)?)),
        None => None,
    };

    // Past this line the press succeeds.
    let mut draft = Draft::new(context.moment, Some(through.actor));
    if let Some((shown, destination)) = shown {
        post::place(shown, post::LIVE, destination, &through, &mut draft)?;
    }
    let (conversation, ts) = (message.key.conversation, message.key.ts);
    write(message, content, context, &mut draft);
    draft.event(EventKind::CardSubmitted { conversation, message: ts, to });
    Ok(draft.done(Outcome::Done))
}

/// The message, if the caller may know of it. One for a single reader can be acted upon by that reader, and shown
/// differently by the app that made it.
fn found(asked: &Interaction, context: &Context) -> Result<Arc<Message>, Halt> {
    match asked.act {
        Act::React(_) | Act::Unreact(_) | Act::Submit { .. } => {
            let found = context.read_message(asked.conversation, asked.ts)?;
            Ok(found.visible().ok_or(R::MessageNotFound)?)
        }
        Act::Show(..) => context.own_message::<R>(asked.conversation, asked.ts),
    }
}

fn react(message: &Arc<Message>, name: &Arc<str>, context: &Context) -> Result<Decision, Halt> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let (user, since) = (context.actor.user, draft.next().ts);
    let before = if message.marked { context.view.reactions(message.key)? } else { Vec::new() };
    if before.iter().any(|reaction| reaction.user == user && reaction.name == *name) {
        return Ok(draft.done(Outcome::Reacted(false)));
    }
    let groups = by_emoji(&before);
    if REACTION_EMOJI_MAX <= groups.len() && !groups.iter().any(|(known, _)| *known == &**name) {
        return Err(refused(Why::Interaction(R::TooManyEmoji), message));
    }
    if REACTIONS_OF_ONE_MAX <= before.iter().filter(|reaction| reaction.user == user).count() {
        return Err(refused(Why::Interaction(R::TooManyOfOne), message));
    }
    if REACTIONS_MAX <= before.len() {
        return Err(refused(Why::Interaction(R::TooManyReactions), message));
    }
    draft.change(Change::PutReaction(message.key, Reaction { since, name: Arc::clone(name), user }));
    mark(message, &mut draft);
    let (conversation, name) = (message.key.conversation, Arc::clone(name));
    draft.event(EventKind::ReactionAdded { conversation, message: message.key.ts, name });
    Ok(draft.done(Outcome::Reacted(true)))
}

fn unreact(message: &Arc<Message>, name: &Arc<str>, context: &Context) -> Result<Decision, Halt> {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let before = if message.marked { context.view.reactions(message.key)? } else { Vec::new() };
    let user = context.actor.user;
    let own = before.into_iter().find(|reaction| reaction.user == user && reaction.name == *name);
    let Some(own) = own else { return Ok(draft.done(Outcome::Reacted(false))) };
    draft.change(Change::RemoveReaction(message.key, own));
    let (conversation, name) = (message.key.conversation, Arc::clone(name));
    draft.event(EventKind::ReactionRemoved { conversation, message: message.key.ts, name });
    Ok(draft.done(Outcome::Reacted(true)))
}

fn show(message: &Arc<Message>, user: UserId, content: &Arc<Content>, context: &Context) -> Decision {
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let content_at = draft.next().position;
    write(message, content, context, &mut draft);
    let revision = message.revision().unwrap_or(std::num::NonZeroU32::MIN);
    draft.change(Change::PutView(message.key, user, PersonalView { revision, content_at }));
    mark(message, &mut draft);
    let conversation = message.key.conversation;
    draft.event(EventKind::ViewShown { conversation, message: message.key.ts, user });
    draft.done(Outcome::Done)
}

fn mark(message: &Arc<Message>, draft: &mut Draft) {
    if !message.marked {
        draft.put(Message { marked: true, ..Message::clone(message) });
    }
}

/// Content that belongs to the event that comes next, and is no revision of the message.
fn write(message: &Message, content: &Arc<Content>, context: &Context, draft: &mut Draft) {
    let at = draft.next();
    let number = message.revision().unwrap_or(std::num::NonZeroU32::MIN);
    let by = context.actor.user;
    let row = Revision { key: message.key, position: at.position, number, previous: None, by, at: at.at };
    draft.change(Change::PutRevision(row, Arc::clone(content)));
}
