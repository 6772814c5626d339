//! A person clicks, types a slash command or starts a shortcut, and an app is asked to answer. Before it is asked, what it
//! may answer with is granted: a trigger that opens a modal once, and response URLs.
//!
//! Grants are stored as the SHA-256 of their secrets and expire by the workspace's clock. This module must not store what
//! the person did: a person's act is a call to the app and not an event.

use crate::decide::{Context, Draft, refused};
use crate::decision::{CallerRefusal, Change, Decision, Halt, Outcome, Why};
use crate::id::{AppId, ConversationId};
use crate::item::{Grant, Item, ItemKey, Origin, ResponseUrl, Trigger, Views};
use crate::message::{Audience, State};
use crate::time::Ts;
use crate::workspace::{Conversation, TokenKind};

/// What a person does, and the secrets that the app gets with it, by their SHA-256.
#[derive(Clone, Debug)]
pub struct GrantAnswers {
    /// The app that will be asked.
    pub app: AppId,
    /// Where it is done.
    pub place: Place,
    /// Opens a modal for the person.
    pub trigger: Option<[u8; 32]>,
    /// Response URLs to grant, one for each conversation.
    pub answers: Vec<AnswerUrl>,
}

/// Where it is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nowhere in particular: a global shortcut.
    Anywhere,
    /// In a conversation: a slash command.
    Conversation(ConversationId),
    /// An act on a message: a button, a menu, a message shortcut.
    Message {
        /// The conversation that the caller says it is in.
        conversation: ConversationId,
        /// The ts of the message.
        ts: Ts,
        /// By a shortcut, which is for messages of everyone; otherwise by an element, which is its app's own.
        shortcut: bool,
    },
    /// In an open modal of theirs, by its id.
    View(String),
}

/// A `response_url` to be granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerUrl {
    /// SHA-256 of its secret.
    pub secret: [u8; 32],
    /// The conversation that a post through the URL goes to.
    pub conversation: ConversationId,
    /// What the person did.
    pub origin: Origin,
}

/// Why nothing is granted, highest precedence first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GrantRefusal {
    /// There is no such conversation, or none that the person may know of.
    ConversationNotFound,
    /// The conversation is archived.
    Archived,
    /// The person is not in the conversation.
    NotMember,
    /// There is no such message, or none that the person may know of.
    MessageNotFound,
    /// It was deleted and only its thread is left.
    Tombstone,
    /// Shortcuts are not run on messages for one reader.
    ForOneReader,
    /// The person has no such modal open.
    ViewNotFound,
    /// The app is not there any more.
    NoApp,
    /// Another app posted the message, or nobody's app.
    OtherApp,
}

use GrantRefusal as R;

/// Decides what a person does. Only people in their own clients do.
pub(crate) fn decide(asked: &GrantAnswers, context: &Context) -> Result<Decision, Halt> {
    if context.actor.kind != TokenKind::User || context.actor.app.is_some() {
        return Err(CallerRefusal::WrongKind.into());
    }
    let (original, view) = match &asked.place {
        Place::Anywhere => (None, None),
        Place::Conversation(id) => {
            inside(*id, context)?;
            (None, None)
        }
        Place::Message { conversation, ts, shortcut } => {
            inside(*conversation, context)?;
            on_message(asked.app, *conversation, *ts, *shortcut, context)?;
            (Some(*ts).filter(|_| !shortcut), None)
        }
        Place::View(id) => {
            open_view(asked.app, id, context)?;
            (None, Some(id.clone()))
        }
    };
    for answer in &asked.answers {
        context.conversation(answer.conversation).map_err(|_| R::ConversationNotFound)?;
    }
    if !is_there(asked.app, context) {
        return Err(R::NoApp.into());
    }

    // Past this line the app is told.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let (app, user, made_at) = (asked.app, context.actor.user, context.moment.at);
    let mut grant =
        |secret, grant| draft.change(Change::PutItem(ItemKey::Grant(secret), Some(Item::Grant(grant))));
    if let Some(secret) = asked.trigger {
        grant(secret, Grant::Trigger(Trigger { app, user, view, made_at, used: false }));
    }
    for answer in &asked.answers {
        let AnswerUrl { secret, conversation, origin } = *answer;
        let url =
            ResponseUrl { app, user, conversation, origin, original, made_at, uses: 0, last_used_at: None };
        grant(secret, Grant::ResponseUrl(url));
    }
    Ok(draft.done(Outcome::Granted(made_at)))
}

/// The conversation is in use and the person is in it.
fn inside(id: ConversationId, context: &Context) -> Result<(), Halt> {
    let conversation: &Conversation = context.conversation(id).map_err(|_| R::ConversationNotFound)?;
    if conversation.archived {
        return Err(R::Archived.into());
    }
    if !conversation.has(context.actor.user) {
        return Err(R::NotMember.into());
    }
    Ok(())
}

fn on_message(
    app: AppId,
    conversation: ConversationId,
    ts: Ts,
    shortcut: bool,
    context: &Context,
) -> Result<(), Halt> {
    let message = context.read_message(conversation, ts)?.visible().ok_or(R::MessageNotFound)?;
    let refuse = |refusal: R| Err(refused(Why::GrantAnswers(refusal), &message));
    if matches!(message.state, State::Tombstone { .. }) {
        return refuse(R::Tombstone);
    }
    if shortcut {
        return if message.audience == Audience::Everyone { Ok(()) } else { refuse(R::ForOneReader) };
    }
    if !is_there(app, context) {
        return refuse(R::NoApp);
    }
    if message.app != Some(app) || !message.as_app {
        return refuse(R::OtherApp);
    }
    Ok(())
}

fn open_view(app: AppId, id: &str, context: &Context) -> Result<(), Halt> {
    let views = stack(context)?.filter(|views| views.app == app);
    let open = views.is_some_and(|views| views.stack.iter().any(|view| view.id == id));
    if open { Ok(()) } else { Err(R::ViewNotFound.into()) }
}

/// The person's open modals.
fn stack(context: &Context) -> Result<Option<Views>, Halt> {
    let key = ItemKey::Views(context.actor.user);
    let Some(Item::Views(views)) = context.view.item(context.actor.workspace, &key)? else { return Ok(None) };
    Ok(Some(views))
}

fn is_there(app: AppId, context: &Context) -> bool {
    context.directory.app(app).is_some_and(|app| app.slack.is_some() && !app.uninstalled)
}
