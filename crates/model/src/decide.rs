//! From a command to a decision: who asks, was it asked before, then the verb's own rules.

use std::sync::Arc;

use crate::append_stream::AppendStream;
use crate::command::{Caller, Command, Delete, Post, Revocation, Target, Update, Verb};
use crate::content::{Content, Dialect};
use crate::decision::{
    CallerRefusal, Change, Decision, Halt, Moment, Outcome, Posted, Refusal, StreamStep, Why,
};
use crate::directory::{Directory, DirectoryChange};
use crate::event::{Event, EventKind};
use crate::id::{ConversationId, MessageKey, UserId};
use crate::limits::IDEMPOTENCY_MICROS;
use crate::message::{Message, State};
use crate::policy::{Actor, Found, Reader, sees};
use crate::replace_stream::ReplaceStream;
use crate::time::Ts;
use crate::view::{Identity, Looked, Method, Remembered, View};
use crate::workspace::{Conversation, Token, TokenKind};
use crate::{
    append_stream, attachments, audit, control, conversations, delete, files, grant, install, interaction,
    modal, name, pin, post, quota, replace_stream, respond, schedule, update,
};

/// Decides one command. Pure: the same view and moment give the same decision.
///
/// # Errors
/// [`Halt::Refused`] changes nothing; [`Halt::NotLoaded`] asks the store to load and to decide again.
pub fn decide(command: &Command, view: &dyn View, moment: Moment) -> Result<Decision, Halt> {
    let mut decision = decide_verb(command, view, moment)?;
    name::check(command, &decision, view.directories())?;
    quota::check(command, &decision, view)?;
    audit::append(command, view.directories(), moment, &mut decision);
    Ok(decision)
}

fn decide_verb(command: &Command, view: &dyn View, moment: Moment) -> Result<Decision, Halt> {
    drafted::forget();
    let decided = by_verb(command, view, moment);
    debug_assert!(
        !(drafted::anything() && matches!(decided, Err(Halt::Refused(_)))),
        "refused after the first change was drafted: {command:?}"
    );
    decided
}

/// Whether this thread has drafted anything since it began to decide. Debug builds hold with it that refusals come first.
mod drafted {
    #[cfg(debug_assertions)]
    use std::cell::Cell;

    #[cfg(debug_assertions)]
    thread_local!(static DRAFTED: Cell<bool> = const { Cell::new(false) });

    pub fn forget() {
        #[cfg(debug_assertions)]
        DRAFTED.set(false);
    }

    pub fn note() {
        #[cfg(debug_assertions)]
        DRAFTED.set(true);
    }

    pub fn anything() -> bool {
        #[cfg(debug_assertions)]
        return DRAFTED.get();
        #[cfg(not(debug_assertions))]
        false
    }
}

/// What is decided of a verb that needs an actor. The token is there if the caller has one.
type Acting<'a> = dyn Fn(&Context, Option<&Arc<Token>>) -> Result<Decision, Halt> + 'a;

fn by_verb(command: &Command, view: &dyn View, moment: Moment) -> Result<Decision, Halt> {
    let workspace = command.workspace;
    let directory = || view.directories().get(workspace).ok_or(CallerRefusal::Unknown);
    let acting = |decide: &Acting| {
        let directory = directory()?;
        let (actor, token) = actor(command, directory, moment)?;
        let context = Context { view, directory, actor, moment };
        decide(&context, token).map_err(|halt| with_actor(halt, actor))
    };
    match &command.verb {
        Verb::Control(control) => control::decide(control, workspace, view, moment),
        Verb::PostDue(key) => schedule::post_due(key, workspace, view, moment),
        Verb::Install(asked) => install::decide(asked, workspace, view, moment),
        Verb::Respond(asked) => respond::decide(asked, directory()?, view, moment),
        Verb::File(asked) if command.caller == Caller::Control => {
            directory()?;
            files::receive(asked, workspace, view, moment)
        }
        Verb::RevokeToken(revocation) => acting(&|context, token| context.revoke(token, *revocation)),
        Verb::Conversation(asked) => acting(&|context, _| conversations::decide(asked, context)),
        Verb::File(asked) => acting(&|context, _| files::decide(asked, context)),
        Verb::Attach(asked) => acting(&|context, _| attachments::decide(asked, context)),
        Verb::Interaction(asked) => acting(&|context, _| interaction::decide(asked, context)),
        Verb::GrantAnswers(asked) => acting(&|context, _| grant::decide(asked, context)),
        Verb::Modal(asked) => acting(&|context, _| modal::decide(asked, context)),
        Verb::Pin(asked) => acting(&|context, _| pin::decide(asked, context)),
        Verb::Schedule(asked) => acting(&|context, _| schedule::decide(asked, context)),
        Verb::Post(post) => acting(&|context, _| context.repeatable(command, Repeatable::Post(post))),
        Verb::Update(update) => acting(&|context, _| context.repeatable(command, Repeatable::Update(update))),
        Verb::Delete(delete) => acting(&|context, _| context.repeatable(command, Repeatable::Delete(delete))),
        Verb::ReplaceStream(step) => {
            acting(&|context, _| context.repeatable(command, Repeatable::ReplaceStream(step)))
        }
        Verb::AppendStream(step) => {
            acting(&|context, _| context.repeatable(command, Repeatable::AppendStream(step)))
        }
    }
}

/// The verbs whose requests can be repeated under an idempotency key.
#[derive(Clone, Copy)]
enum Repeatable<'a> {
    Post(&'a Post),
    Update(&'a Update),
    Delete(&'a Delete),
    ReplaceStream(&'a ReplaceStream),
    AppendStream(&'a AppendStream),
}

impl Repeatable<'_> {
    fn method(self) -> Method {
        match self {
            Self::Post(post) if post.only.is_some() => Method::PostEphemeral,
            Self::Post(_) => Method::Post,
            Self::Update(_) => Method::Update,
            Self::Delete(_) => Method::Delete,
            Self::ReplaceStream(_) => Method::Stream,
            Self::AppendStream(step) => step.method(),
        }
    }

    /// The conversation that it names.
    fn conversation(self) -> Option<ConversationId> {
        match self {
            Self::Post(post) => match post.target {
                Target::Conversation(id) => Some(id),
                Target::Person(..) => None,
            },
            Self::Update(update) => Some(update.conversation),
            Self::Delete(delete) => Some(delete.conversation),
            Self::ReplaceStream(step) => Some(step.conversation),
            Self::AppendStream(step) => step.conversation(),
        }
    }

    fn decide(self, context: &Context) -> Result<Decision, Halt> {
        match self {
            Self::Post(post) => post::decide(post, context),
            Self::Update(update) => update::decide(update, context),
            Self::Delete(delete) => delete::decide(delete, context),
            Self::ReplaceStream(step) => replace_stream::decide(step, context),
            Self::AppendStream(step) => append_stream::decide(step, context),
        }
    }
}

/// Everything that the rules of a verb look at.
pub(crate) struct Context<'a> {
    pub view: &'a dyn View,
    pub directory: &'a Arc<Directory>,
    pub actor: Actor,
    pub moment: Moment,
}

fn actor<'a>(
    command: &Command,
    directory: &'a Directory,
    moment: Moment,
) -> Result<(Actor, Option<&'a Arc<Token>>), Halt> {
    match command.caller {
        Caller::Token(hash) => {
            let token = directory.token(&hash).ok_or(CallerRefusal::Unknown)?;
            Ok((token_actor(directory, token, moment)?, Some(token)))
        }
        Caller::Bot(id) => {
            let app = directory.app(id).filter(|app| !app.uninstalled).ok_or(CallerRefusal::Unknown)?;
            let actor = Actor {
                workspace: directory.workspace.id,
                dialect: Dialect::Connector,
                app: Some(id),
                user: app.bot_user,
                kind: TokenKind::Bot,
                admin: false,
                installer: false,
            };
            Ok((actor, None))
        }
        Caller::Person(user) => Ok((person(directory, user)?, None)),
        Caller::Control => Err(CallerRefusal::Unknown.into()),
    }
}

fn person(directory: &Directory, id: UserId) -> Result<Actor, CallerRefusal> {
    let user = directory.user(id).ok_or(CallerRefusal::Unknown)?;
    if user.bot_of.is_some() {
        return Err(CallerRefusal::WrongKind);
    }
    if user.deactivated {
        return Err(CallerRefusal::Inactive);
    }
    Ok(Actor {
        workspace: directory.workspace.id,
        dialect: Dialect::Slack,
        app: None,
        user: id,
        kind: TokenKind::User,
        admin: user.admin,
        installer: false,
    })
}

fn token_actor(directory: &Directory, token: &Token, moment: Moment) -> Result<Actor, CallerRefusal> {
    if token.revoked {
        return Err(CallerRefusal::Revoked);
    }
    if token.expires_at.is_some_and(|end| end <= moment.at) {
        return Err(CallerRefusal::Expired);
    }
    if token.kind == TokenKind::App {
        return Err(CallerRefusal::WrongKind);
    }
    let user = directory.user(token.user).filter(|user| !user.deactivated).ok_or(CallerRefusal::Inactive)?;
    let app = directory.app(token.app).filter(|app| !app.uninstalled).ok_or(CallerRefusal::Revoked)?;
    Ok(Actor::of_token(directory.workspace.id, token, app, user))
}

fn with_actor(halt: Halt, actor: Actor) -> Halt {
    match halt {
        Halt::Refused(refusal) => Halt::Refused(Box::new(Refusal { actor: Some(actor), ..*refusal })),
        Halt::NotLoaded => Halt::NotLoaded,
    }
}

impl Context<'_> {
    /// Decides a verb, unless the same was asked before under its idempotency key.
    fn repeatable(&self, command: &Command, verb: Repeatable) -> Result<Decision, Halt> {
        let Actor { workspace, app, user, .. } = self.actor;
        let identity = Identity { workspace, app, user, method: verb.method() };
        if let Some(repeated) = self.repeated(command, verb, &identity)? {
            return Ok(repeated);
        }
        let mut decision = verb.decide(self)?;
        self.remember(command, identity, &mut decision);
        Ok(decision)
    }

    fn repeated(
        &self,
        command: &Command,
        verb: Repeatable,
        identity: &Identity,
    ) -> Result<Option<Decision>, Halt> {
        let Some(asked) = &command.idempotency else { return Ok(None) };
        let Some(before) = self.view.remembered(identity, &asked.key)? else { return Ok(None) };
        if before.expires_at <= self.moment.at {
            return Ok(None);
        }
        if before.digest != asked.digest {
            let other_conversation = verb.conversation().is_some_and(|id| id != before.key.conversation);
            return Err(Why::KeyReused { other_conversation }.into());
        }
        let message = self.view.message(before.key)?;
        let content = match before.content_at {
            Some(position) => self.view.content(before.key, position)?,
            None => None,
        };
        let stored = message.zip(content);
        Ok(Some(Decision { changes: vec![], events: vec![], outcome: Outcome::Repeated(before, stored) }))
    }

    fn remember(&self, command: &Command, identity: Identity, decision: &mut Decision) {
        let Some(asked) = &command.idempotency else { return };
        let (key, content_at, revision) = match &decision.outcome {
            Outcome::Posted(posted) | Outcome::Updated(posted) => {
                let message = &posted.message;
                (message.key, Some(message.content_at), message.revision())
            }
            Outcome::Deleted(key)
            | Outcome::Streamed { key, step: StreamStep::Taken }
            | Outcome::Added { key, .. } => (*key, None, None),
            // A step that came too late changed nothing, and the others are no answers to what can be repeated.
            Outcome::Streamed { step: StreamStep::TooLate, .. }
            | Outcome::Repeated(..)
            | Outcome::Conversation(..)
            | Outcome::Invited(..)
            | Outcome::Revoked(_)
            | Outcome::Workspace(_)
            | Outcome::User(_)
            | Outcome::App(_)
            | Outcome::UserGroup(_)
            | Outcome::Reacted(_)
            | Outcome::Granted(_)
            | Outcome::Modal(_)
            | Outcome::Scheduled(_)
            | Outcome::Dropped(_)
            | Outcome::Files(_)
            | Outcome::Installed(_)
            | Outcome::Done => return,
        };
        let expires_at = self.moment.at.plus(IDEMPOTENCY_MICROS);
        let remembered = Remembered { digest: asked.digest, key, content_at, revision, expires_at };
        decision.changes.push(Change::Remember(identity, asked.key.clone(), remembered));
    }

    fn revoke(&self, token: Option<&Arc<Token>>, revocation: Revocation) -> Result<Decision, Halt> {
        let token = token.ok_or(CallerRefusal::WrongKind)?;
        let mut draft = Draft::new(self.moment, Some(self.actor));
        if revocation == Revocation::Revoked {
            let revoked = token.revoked(self.moment.at);
            draft.directory(DirectoryChange::Token(self.actor.workspace, revoked));
            draft.event(EventKind::TokenRevoked { app: token.app, user: token.user });
        }
        Ok(draft.done(Outcome::Revoked(revocation)))
    }

    /// The conversation, if the caller may know that it exists.
    pub fn conversation(&self, id: ConversationId) -> Result<&Arc<Conversation>, Unseen> {
        let conversation = self.directory.conversation(id).ok_or(Unseen::Missing)?;
        let inside = conversation.has(self.actor.user);
        let seen = match self.actor.dialect {
            Dialect::Slack => sees(self.actor.user, conversation),
            Dialect::Connector => inside,
        };
        if seen {
            return Ok(conversation);
        }
        let was_member =
            self.actor.dialect == Dialect::Connector && conversation.former.contains(&self.actor.user);
        Err(if was_member { Unseen::Left } else { Unseen::Missing })
    }

    /// The message as the caller finds it to change or delete it: see [`Reader::Writer`].
    pub fn made_message(&self, conversation: ConversationId, ts: Ts) -> Looked<Found<Arc<Message>>> {
        self.found(Reader::Writer(self.actor.user, self.actor.app), conversation, ts)
    }

    /// The message as the caller finds it to act upon it: one for a single reader finds that reader, in their own client.
    pub fn read_message(&self, conversation: ConversationId, ts: Ts) -> Looked<Found<Arc<Message>>> {
        let reader = if self.actor.app.is_none() { Reader::Client(self.actor.user) } else { Reader::Api };
        self.found(reader, conversation, ts)
    }

    fn found(&self, reader: Reader, conversation: ConversationId, ts: Ts) -> Looked<Found<Arc<Message>>> {
        let message = self.view.message(self.key(conversation, ts))?;
        let retention = self.directory.workspace.settings.retention;
        Ok(reader.finds(message, None, self.moment.at, retention))
    }

    /// Whether it is an ephemeral message past its time.
    pub fn expired(&self, message: &Message) -> bool {
        message.expired(self.moment.at, self.directory.workspace.settings.retention)
    }

    pub fn key(&self, conversation: ConversationId, ts: Ts) -> MessageKey {
        MessageKey { workspace: self.actor.workspace, conversation, ts }
    }

    /// A message with its content, for the answer.
    pub fn posted(&self, message: Arc<Message>, content: Arc<Content>, ignored: bool) -> Looked<Posted> {
        let root_author = match message.root {
            Some(root) => self.view.message(message.key.at(root))?.and_then(|root| living_author(&root)),
            None => None,
        };
        Ok(Posted { message, content, root_author, thread_ignored: ignored })
    }
}

fn living_author(message: &Message) -> Option<UserId> {
    (!matches!(message.state, State::Tombstone { .. })).then_some(message.author)
}

/// Why a caller may not know of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unseen {
    /// It is not there, or must look as if it were not.
    Missing,
    /// A bot that was a member; the Connector tells such a bot so.
    Left,
}

/// Collects changes and numbers events. A verb refuses before it drafts anything: what drafts returns at most
/// [`crate::view::NotLoaded`].
pub(crate) struct Draft {
    next: Moment,
    by: Option<Actor>,
    changes: Vec<Change>,
    events: Vec<Event>,
}

impl Draft {
    pub fn new(moment: Moment, by: Option<Actor>) -> Self {
        Self { next: moment, by, changes: Vec::new(), events: Vec::new() }
    }

    /// The time and position of the event that comes next.
    pub fn next(&self) -> Moment {
        self.next
    }

    pub fn event(&mut self, kind: EventKind) {
        let Moment { at, ts, position } = self.next;
        let (by, app) = (self.by.map(|actor| actor.user), self.by.and_then(|actor| actor.app));
        drafted::note();
        self.events.push(Event { position, ts, at, by, app, kind });
        self.next = Moment { at, ts: Ts(ts.0 + 1), position: position + 1 };
    }

    pub fn change(&mut self, change: Change) {
        drafted::note();
        self.changes.push(change);
    }

    pub fn put(&mut self, message: Message) -> Arc<Message> {
        let message = Arc::new(message);
        self.change(Change::PutMessage(Arc::clone(&message)));
        message
    }

    pub fn directory(&mut self, change: DirectoryChange) {
        self.change(Change::Directory(change));
    }

    pub fn done(self, outcome: Outcome) -> Decision {
        Decision { changes: self.changes, events: self.events, outcome }
    }
}

/// A refusal that is about a message which the caller may know of.
pub(crate) fn refused(why: Why, message: &Arc<Message>) -> Halt {
    Halt::Refused(Box::new(Refusal { why, actor: None, message: Some(Arc::clone(message)) }))
}
