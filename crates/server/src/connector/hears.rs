//! What a Teams bot hears of the log, and how it is asked something.
//!
//! Source: the public pages on conversation events, and the Bot Framework's activity specification (a channel does not send
//! a bot the echo of its own changes). In channels and group chats a bot hears what mentions it, or everything if its
//! registration says so.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use redraft_model::command::{Caller, Command, Idempotency, Post, Target, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::message::Kind;
use redraft_model::time::Ts;
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, User};
use redraft_store::{Cause, Later, Part, StoreError};
use redraft_wire::connector::activity::{for_send, parse};
use redraft_wire::connector::id::split_conversation;
use redraft_wire::connector::inbound::{
    Account, ChannelChange, Envelope, Happening, Installation, Message, Person, Place, Team, activity,
};
use redraft_wire::translate::activity_to_slack_text;
use serde_json::{Map, Value};

use super::activities::fault;
use super::attachments::named_attachments;
use super::authority::ISSUER;
use super::words::words;
use crate::app::{App, NotDone};
use crate::delivery::{self, Answered, Connection, Deliver, Failure, Request, Schedule, Told, Unanswered};
use crate::mint;
use crate::names::NamesFor;

/// Language and time zone of every person here.
const LOCALE: &str = "en-US";
const TIMEZONE: &str = "Etc/UTC";

/// Activities that a bot may put into one answer.
const REPLIES_MAX: usize = 50;

/// Delivery as the Connector's channel does it: an event is one part, numbered 0.
pub(crate) struct Activities(pub Arc<App>);

impl Deliver for Activities {
    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event) -> Vec<u8> {
        if may_hear(directory, bot, event) { vec![0] } else { Vec::new() }
    }

    /// No attempt differs from the one before.
    fn tell(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        (position, _): Part,
        _before: Option<(u32, Cause)>,
    ) -> Later<'_, Result<Told, Failure>> {
        Box::pin(tell(&self.0, workspace, app, position))
    }

    fn schedule(&self) -> &'static Schedule {
        &SCHEDULE
    }
}

/// Whether an app may have to be told of an event: everything that can be said without looking at words.
fn may_hear(directory: &Directory, bot: &Bot, event: &Event) -> bool {
    use EventKind as K;
    if let K::AppUninstalled(gone) = event.kind {
        return gone == bot.id;
    }
    if bot.uninstalled {
        return false;
    }
    let own = event.app == Some(bot.id);
    // What was said before the bot came is none of its business, however late the log is read.
    let inside = |id: ConversationId| {
        let since = directory.conversation(id).and_then(|it| it.members.get(&bot.bot_user));
        since.is_some_and(|since| *since <= event.at)
    };
    let in_team = || directory.general().is_some_and(|general| general.has(bot.bot_user));
    let is_channel = |id: ConversationId| directory.conversation(id).is_some_and(|it| it.is_channel());
    match &event.kind {
        K::MessagePosted { conversation, only: None, .. }
        | K::MessageUpdated { conversation, .. }
        | K::MessageDeleted { conversation, .. }
        | K::MessageTombstoned { conversation, .. }
        | K::ReactionAdded { conversation, .. }
        | K::ReactionRemoved { conversation, .. } => !own && inside(*conversation),
        K::CardSubmitted { conversation, to, .. } => *to == bot.id && inside(*conversation),
        K::ConversationCreated(id) if is_channel(*id) => {
            in_team() && directory.conversation(*id).is_some_and(|it| visible(it, bot.bot_user))
        }
        K::ConversationCreated(id) => !own && inside(*id),
        K::ConversationRenamed(id) | K::ConversationArchived(id) | K::ConversationUnarchived(id) => {
            is_channel(*id)
                && (inside(*id)
                    || directory.conversation(*id).is_some_and(|it| in_team() && visible(it, bot.bot_user)))
        }
        K::MemberJoined { conversation, .. } => inside(*conversation),
        K::MemberLeft { conversation, user } => inside(*conversation) || *user == bot.bot_user,
        K::AppInstalled(id) => *id == bot.id,
        K::WorkspaceCreated | K::WorkspaceRenamed => in_team(),
        K::MessagePosted { only: Some(_), .. }
        | K::TargetedUpdated { .. }
        | K::TargetedDeleted { .. }
        | K::BroadcastChanged { .. }
        | K::TombstoneRemoved { .. }
        | K::ViewShown { .. }
        | K::FileCreated(_)
        | K::FileDeleted(_)
        | K::FileShared { .. }
        | K::FileUnshared { .. }
        | K::StreamStarted { .. }
        | K::StreamAdvanced { .. }
        | K::StreamStopped { .. }
        | K::StreamEnded { .. }
        | K::WorkspaceChanged
        | K::UserChanged(_)
        | K::AppChanged(_)
        | K::AppUninstalled(_)
        | K::TokenMinted(_)
        | K::TokenRevoked { .. }
        | K::MessagePinned { .. }
        | K::MessageUnpinned { .. }
        | K::MessageScheduled { .. }
        | K::ScheduledRemoved { .. }
        | K::Audited(_)
        | K::UserGroupChanged(_)
        | K::ConversationChanged(_) => false,
    }
}

fn visible(conversation: &Conversation, user: UserId) -> bool {
    conversation.kind == ConversationKind::Public || conversation.has(user)
}

/// How long until each further attempt. Teams' own schedule is not public; this is the reference's guess: once more
/// after a short pause.
const SCHEDULE: Schedule =
    Schedule { pauses_micros: &[5_000_000], down_micros: 5_000_000, switches_off: false };

/// Tells a bot of the event at this position: one attempt.
async fn tell(app: &App, workspace: WorkspaceId, id: AppId, position: u64) -> Result<Told, Failure> {
    let unread =
        |failed: StoreError| Failure { reason: failed.to_string(), cause: Cause::Other, again: true };
    let Some((directory, bot)) = registration(app, workspace, id) else {
        let reason = "the app has no endpoint any more".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    };
    let events = app.store.events(workspace, position.saturating_sub(1), 1).await.map_err(unread)?;
    let Some(event) = events.first().filter(|event| event.position == position) else {
        return Ok(Told::Nothing);
    };
    if !may_hear(&directory, &bot, event) {
        let reason = "the bot is not where it happened any more, or not any more as it was".into();
        return Err(Failure { reason, cause: Cause::Other, again: false });
    }
    let Some(scene) = Scene::new(app, directory, bot) else { return Ok(Told::Nothing) };
    let mut told = Told::Nothing;
    for (activity, replies_to) in scene.activities(event).await.map_err(unread)? {
        let answered = scene.send(&activity, Connection::Pooled).await.map_err(|unanswered| Failure {
            reason: unanswered.reason,
            cause: unanswered.cause,
            again: true,
        })?;
        check(&answered)?;
        if let Some(conversation) = replies_to {
            scene.post_replies(conversation, position, &answered.body).await?;
        }
        told = Told::Arrived;
    }
    Ok(told)
}

fn registration(app: &App, workspace: WorkspaceId, id: AppId) -> Option<(Arc<Directory>, Arc<Bot>)> {
    let directory = app.workspace(workspace)?;
    let bot = directory.app(id).filter(|bot| bot.endpoint.is_some()).cloned()?;
    Some((directory, bot))
}

fn check(answered: &Answered) -> Result<(), Failure> {
    if answered.status.is_success() {
        return Ok(());
    }
    let reason = match answered.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!(
                "the bot answered {}: it does not trust the token it was called with",
                answered.status.as_u16()
            )
        }
        status => format!("the bot answered {}", status.as_u16()),
    };
    Err(Failure { reason, cause: Cause::Status, again: answered.status.is_server_error() })
}

/// Asks a bot something and waits for the answer: an `invoke`. Called once, never again.
///
/// # Errors
/// When the bot has no endpoint or no answer came in time.
pub(crate) async fn ask(
    app: &App,
    directory: &Arc<Directory>,
    bot: &Arc<Bot>,
    asked: &Asked<'_>,
) -> Result<Answered, Unanswered> {
    let nothing = || Unanswered::unsent("the bot has no endpoint");
    let scene = Scene::new(app, Arc::clone(directory), Arc::clone(bot)).ok_or_else(nothing)?;
    let conversation = directory.conversation(asked.conversation).ok_or_else(nothing)?;
    let person = directory.user(asked.by).ok_or_else(nothing)?;
    let id = format!("f:{}", mint::guid());
    let reply_to = asked.message.map(Ts::digits);
    let happening = match asked.question {
        Question::Invoke { name, value } => {
            Happening::Invoke { name, value, reply_to_id: reply_to.as_deref() }
        }
        Question::Typing => Happening::Typing,
    };
    let place = Where { conversation, root: asked.root.or(asked.message) };
    let at = app.now(directory.workspace.id).0;
    let activity = scene.render(&id, at, person, &place, &happening, Map::new());
    scene.send(&activity, Connection::Fresh).await
}

/// What a bot is asked.
pub(crate) struct Asked<'a> {
    pub conversation: ConversationId,
    pub by: UserId,
    /// The message whose card it is about.
    pub message: Option<Ts>,
    /// The root of that message's thread.
    pub root: Option<Ts>,
    pub question: Question<'a>,
}

/// A question, or what is told once and not again.
pub(crate) enum Question<'a> {
    /// By its name, which buttons of old cards may lack.
    Invoke { name: Option<&'a str>, value: &'a Value },
    /// A person is typing.
    Typing,
}

/// A bot and its surroundings.
struct Scene<'a> {
    app: &'a App,
    directory: Arc<Directory>,
    bot: Arc<Bot>,
    /// The user that the bot is.
    user: Arc<User>,
}

struct Where<'a> {
    conversation: &'a Conversation,
    /// Of the message that it is about: its thread's root, or itself.
    root: Option<Ts>,
}

/// An activity, and where the replies in its answer go.
type Outgoing = (Value, Option<ConversationId>);

impl<'a> Scene<'a> {
    fn new(app: &'a App, directory: Arc<Directory>, bot: Arc<Bot>) -> Option<Self> {
        let user = directory.user(bot.bot_user).cloned()?;
        Some(Self { app, directory, bot, user })
    }

    async fn send(&self, activity: &Value, connection: Connection) -> Result<Answered, Unanswered> {
        let service_url = self.app.service_url(&self.directory.workspace.tenant_id);
        let issuer = self.bot.issuer.as_deref().unwrap_or(ISSUER);
        let prepared = self.app.authority.prepare(&*self.app.store).await;
        prepared.map_err(|_| Unanswered::unsent("the signing key cannot be read"))?;
        let token = self.app.authority.for_bot(issuer, &self.bot.app_id, &service_url);
        let token = token.ok_or_else(|| Unanswered::unsent("no token could be signed"))?;
        let url = self.bot.endpoint.clone().ok_or_else(|| Unanswered::unsent("the bot has no endpoint"))?;
        let tenant_id = self.directory.workspace.tenant_id.clone();
        let headers = vec![
            ("authorization", format!("Bearer {token}")),
            ("x-ms-conversation-id", activity["conversation"]["id"].as_str().unwrap_or_default().to_owned()),
            ("x-ms-tenant-id", tenant_id),
        ];
        let request = Request {
            url,
            content_type: "application/json; charset=utf-8",
            body: activity.to_string(),
            headers,
            timeout_max: Duration::MAX,
            redirects_max: 0,
            connection,
        };
        delivery::call(self.app, request).await
    }

    /// What the event is to this bot: nothing, one activity or two.
    async fn activities(&self, event: &Event) -> Result<Vec<Outgoing>, StoreError> {
        use EventKind as K;
        Ok(match &event.kind {
            K::MessagePosted { conversation, root, .. } => self.posted(event, *conversation, *root).await?,
            K::MessageUpdated { conversation, message, revision } => {
                self.edited(event, *conversation, *message, *revision).await?
            }
            K::MessageDeleted { conversation, message, content_at }
            | K::MessageTombstoned { conversation, message, content_at } => {
                self.deleted(event, *conversation, *message, *content_at).await?
            }
            K::ReactionAdded { conversation, message, name } => {
                let name = redraft_wire::reaction::teams_type(name);
                self.reacted(event, *conversation, *message, &[&name], &[]).await?
            }
            K::ReactionRemoved { conversation, message, name } => {
                let name = redraft_wire::reaction::teams_type(name);
                self.reacted(event, *conversation, *message, &[], &[&name]).await?
            }
            K::CardSubmitted { conversation, message, .. } => {
                self.submitted(event, *conversation, *message).await?
            }
            _ => self.changed(event),
        })
    }

    async fn posted(
        &self,
        event: &Event,
        conversation: ConversationId,
        root: Option<Ts>,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let Some(content) = self.content(event.position).await? else { return Ok(vec![]) };
        let Some(conversation) = self.directory.conversation(conversation) else { return Ok(vec![]) };
        if !self.concerns(conversation, &[&content]) {
            return Ok(vec![]);
        }
        let root_id = root.map(Ts::digits);
        let happening = Happening::Message(Message { reply_to_id: root_id.as_deref(), ..Message::default() });
        let place = Where { conversation, root: root.or(Some(event.ts)) };
        let said = words(&self.directory, &content, self.user.id);
        let id = event.ts.digits();
        let told = self.render(&id, event.at.0, self.author(event), &place, &happening, said);
        Ok(vec![(told, self.bot.expects_replies.then_some(conversation.id))])
    }

    async fn edited(
        &self,
        event: &Event,
        conversation: ConversationId,
        ts: Ts,
        revision: u32,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let Some(content) = self.content(event.position).await? else { return Ok(vec![]) };
        let Some(conversation) = self.directory.conversation(conversation) else { return Ok(vec![]) };
        let key = self.key(conversation.id, ts);
        let before = self.app.store.revisions(key, revision, 1).await?;
        let mut both = vec![&*content];
        both.extend(before.first().and_then(|(_, content)| content.as_deref()));
        if !self.concerns(conversation, &both) {
            return Ok(vec![]);
        }
        let root = self.root(key).await?;
        let root_id = root.map(Ts::digits);
        let message = Message { reply_to_id: root_id.as_deref(), ..Message::default() };
        let place = Where { conversation, root: root.or(Some(ts)) };
        let happening = Happening::MessageEdited(message);
        let said = words(&self.directory, &content, self.user.id);
        let told = self.render(&ts.digits(), event.at.0, self.author(event), &place, &happening, said);
        Ok(vec![(told, None)])
    }

    async fn deleted(
        &self,
        event: &Event,
        conversation: ConversationId,
        ts: Ts,
        content_at: u64,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let Some(conversation) = self.directory.conversation(conversation) else { return Ok(vec![]) };
        let content = self.content(content_at).await?;
        if !content.is_some_and(|content| self.concerns(conversation, &[&content])) {
            return Ok(vec![]);
        }
        let root = self.root(self.key(conversation.id, ts)).await?;
        let place = Where { conversation, root: root.or(Some(ts)) };
        let happening = Happening::MessageDeleted;
        let nothing = Map::new();
        let told = self.render(&ts.digits(), event.at.0, self.author(event), &place, &happening, nothing);
        Ok(vec![(told, None)])
    }

    /// Only reactions to the bot's own messages.
    async fn reacted(
        &self,
        event: &Event,
        conversation: ConversationId,
        ts: Ts,
        added: &[&str],
        removed: &[&str],
    ) -> Result<Vec<Outgoing>, StoreError> {
        let Some(conversation) = self.directory.conversation(conversation) else { return Ok(vec![]) };
        let Some(stored) = self.app.store.message(self.key(conversation.id, ts)).await? else {
            return Ok(vec![]);
        };
        if stored.message.app != Some(self.bot.id) {
            return Ok(vec![]);
        }
        let place = Where { conversation, root: stored.message.root.or(Some(ts)) };
        let id = format!("f:{}", event.ts.digits());
        let message_id = ts.digits();
        let happening = Happening::Reactions { message_id: &message_id, added, removed };
        let told = self.render(&id, event.at.0, self.author(event), &place, &happening, Map::new());
        Ok(vec![(told, None)])
    }

    async fn submitted(
        &self,
        event: &Event,
        conversation: ConversationId,
        ts: Ts,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let Some(content) = self.content(event.position).await? else { return Ok(vec![]) };
        let Some(conversation) = self.directory.conversation(conversation) else { return Ok(vec![]) };
        let sent: Value =
            content.activity.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        let root = self.root(self.key(conversation.id, ts)).await?;
        let reply_to = ts.digits();
        let message = Message {
            text: sent["text"].as_str(),
            value: sent.get("value").filter(|value| !value.is_null()),
            reply_to_id: Some(&reply_to),
            ..Message::default()
        };
        let place = Where { conversation, root: root.or(Some(ts)) };
        let id = format!("f:{}", event.ts.digits());
        let happening = Happening::Message(message);
        let told = self.render(&id, event.at.0, self.author(event), &place, &happening, Map::new());
        Ok(vec![(told, self.bot.expects_replies.then_some(conversation.id))])
    }

    /// Members, channels, the team and the installation.
    fn changed(&self, event: &Event) -> Vec<Outgoing> {
        use EventKind as K;
        let directory = &self.directory;
        let general = directory.general();
        let of = |id: ConversationId| directory.conversation(id);
        match &event.kind {
            K::MemberJoined { conversation, user } => {
                self.members(event, of(*conversation), directory.user(*user), true)
            }
            K::MemberLeft { conversation, user } => {
                self.members(event, of(*conversation), directory.user(*user), false)
            }
            K::ConversationCreated(id) => match of(*id) {
                Some(it) if it.is_channel() => {
                    self.one(event, Some(it), &Happening::Channel(ChannelChange::Created))
                }
                Some(it) => {
                    let members: Vec<Account> = it
                        .members
                        .keys()
                        .filter_map(|user| directory.user(*user))
                        .map(|user| listed(user))
                        .collect();
                    let mut told = self.one(event, Some(it), &Happening::MembersAdded(&members));
                    told.extend(self.one(event, Some(it), &Happening::Installation(Installation::Added)));
                    told
                }
                None => vec![],
            },
            K::ConversationRenamed(id) => {
                self.one(event, of(*id), &Happening::Channel(ChannelChange::Renamed))
            }
            K::ConversationArchived(id) => {
                self.one(event, of(*id), &Happening::Channel(ChannelChange::Deleted))
            }
            K::ConversationUnarchived(id) => {
                self.one(event, of(*id), &Happening::Channel(ChannelChange::Restored))
            }
            K::WorkspaceRenamed => self.one(event, general, &Happening::TeamRenamed),
            K::WorkspaceCreated => {
                let mut told = self.members(event, general, Some(&self.user), true);
                told.extend(self.one(event, general, &Happening::Installation(Installation::Added)));
                told
            }
            K::AppInstalled(_) => self.one(event, general, &Happening::Installation(Installation::Added)),
            K::AppUninstalled(_) => self.one(event, general, &Happening::Installation(Installation::Removed)),
            _ => vec![],
        }
    }

    /// The team's members are those of its general channel; other channels have their own.
    fn members(
        &self,
        event: &Event,
        conversation: Option<&Arc<Conversation>>,
        user: Option<&Arc<User>>,
        joined: bool,
    ) -> Vec<Outgoing> {
        let (Some(conversation), Some(user)) = (conversation, user) else { return vec![] };
        let members = [listed(user)];
        let whole_team = conversation.general || !conversation.is_channel();
        let happening = match (whole_team, joined) {
            (true, true) => Happening::MembersAdded(&members),
            (true, false) => Happening::MembersRemoved(&members),
            (false, true) => Happening::ChannelMembersAdded(&members),
            (false, false) => Happening::ChannelMembersRemoved(&members),
        };
        self.one(event, Some(conversation), &happening)
    }

    fn one(
        &self,
        event: &Event,
        conversation: Option<&Arc<Conversation>>,
        happening: &Happening<'_>,
    ) -> Vec<Outgoing> {
        let Some(conversation) = conversation else { return vec![] };
        // Two activities of one event are told apart by their ids.
        let mark = if matches!(happening, Happening::Installation(_)) { "-installation" } else { "" };
        let id = format!("f:{}{mark}", event.ts.digits());
        let place = Where { conversation, root: None };
        vec![(self.render(&id, event.at.0, self.author(event), &place, happening, Map::new()), None)]
    }

    fn render(
        &self,
        id: &str,
        at_micros: i64,
        from: &User,
        place: &Where<'_>,
        happening: &Happening<'_>,
        said: Map<String, Value>,
    ) -> Value {
        let workspace = &self.directory.workspace;
        let service_url = self.app.service_url(&workspace.tenant_id);
        let group_id = super::teams::group_id(&self.directory);
        let root = place.root.map(Ts::digits);
        let conversation = place.conversation;
        let general = self.directory.general();
        let team = Team {
            id: general.map_or("", |general| &general.connector_id),
            name: Some(&workspace.name),
            aad_group_id: Some(&group_id),
        };
        let place = match conversation.kind {
            ConversationKind::Direct => Place::Personal { id: &conversation.connector_id },
            ConversationKind::Group => Place::GroupChat { id: &conversation.connector_id },
            ConversationKind::Public | ConversationKind::Private => Place::Channel {
                id: &conversation.connector_id,
                name: (!conversation.general).then_some(&conversation.name),
                team,
                root: root.as_deref(),
            },
        };
        let bot = Account { id: &self.user.member_id, name: Some(&self.bot.name), aad_object_id: None };
        let envelope = Envelope {
            id,
            at_micros,
            service_url: &service_url,
            tenant_id: &workspace.tenant_id,
            bot,
            from: Person {
                account: account(from),
                locale: LOCALE,
                timezone: TIMEZONE,
                utc_offset_seconds: 0,
            },
            place,
            expect_replies: self.bot.expects_replies && matches!(happening, Happening::Message(_)),
        };
        with_words(serde_json::to_value(activity(&envelope, happening)).unwrap_or_default(), said)
    }

    /// Who did it. What the control API does is an administrator's doing.
    fn author(&self, event: &Event) -> &User {
        let directory = &self.directory;
        let administrator = || directory.administrator();
        let by = event.by.and_then(|user| directory.user(user)).or_else(administrator);
        by.unwrap_or(&self.user)
    }

    /// Whether the bot hears of words in a conversation: all in personal chats, else what mentions it.
    fn concerns(&self, conversation: &Conversation, contents: &[&Content]) -> bool {
        // Teams has events of its own for what the platform writes.
        if contents.iter().any(|content| content.notice.is_some()) {
            return false;
        }
        let alone = conversation.kind == ConversationKind::Direct;
        alone
            || self.bot.reads_all
            || contents.iter().any(|content| super::words::mentions(content, &self.user))
    }

    fn key(&self, conversation: ConversationId, ts: Ts) -> MessageKey {
        MessageKey { workspace: self.directory.workspace.id, conversation, ts }
    }

    async fn content(&self, position: u64) -> Result<Option<Arc<Content>>, StoreError> {
        self.app.store.content(self.directory.workspace.id, position).await
    }

    /// The root of a message's thread, also of a message that is gone by now: its first revision says where it was posted.
    async fn root(&self, key: MessageKey) -> Result<Option<Ts>, StoreError> {
        if let Some(stored) = self.app.store.message(key).await? {
            return Ok(stored.message.root);
        }
        let first = self.app.store.revisions(key, 2, 1).await?;
        let Some(before) = first.first().map(|(revision, _)| revision.position - 1) else { return Ok(None) };
        let posted = self.app.store.events(key.workspace, before, 1).await?;
        Ok(posted.first().and_then(|event| match event.kind {
            EventKind::MessagePosted { root, .. } => root,
            _ => None,
        }))
    }

    /// What the bot put into its answer is posted as if it had called. The event's position makes that repeatable.
    async fn post_replies(
        &self,
        conversation: ConversationId,
        position: u64,
        body: &[u8],
    ) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let replies = answer["activities"].as_array().into_iter().flatten().take(REPLIES_MAX);
        let names = NamesFor { directory: &self.directory, reader: Some(self.user.id) };
        for (number, reply) in replies.enumerate().filter(|(_, reply)| reply["type"] == "message") {
            let text = reply.to_string();
            let fault = parse(text.as_bytes()).and_then(|view| for_send(&view)).err().map(fault);
            let place = reply["conversation"]["id"].as_str().and_then(|id| split_conversation(id).1);
            let idempotency = Some(Idempotency {
                key: format!("reply {position} {number}"),
                // If the bot is told again it may say it in other words; what it said first stands.
                digest: [0; 32],
            });
            let named = reply["replyToId"].as_str().and_then(Ts::from_digits);
            let post = Post {
                target: Target::Conversation(conversation),
                content: Arc::new(Content {
                    activity: Some(text.as_str().into()),
                    files: named_attachments(&text),
                    ..Content::text(Dialect::Connector, activity_to_slack_text(text.as_bytes(), &names))
                }),
                fault,
                kind: Kind::Plain,
                reply_to: [named, place.and_then(Ts::from_digits)],
                broadcast: false,
                only: None,
                unjoined: false,
            };
            let (workspace, caller) = (self.directory.workspace.id, Caller::Bot(self.bot.id));
            let command = Command { workspace, caller, idempotency, verb: Verb::Post(post), source: None };
            if let Err(not_done) = self.app.submit(command).await {
                let again = matches!(not_done, NotDone::Store(_));
                let reason = "a reply in the bot's answer could not be posted".into();
                return Err(Failure { reason, cause: Cause::Other, again });
            }
        }
        Ok(())
    }
}

/// Lays what a message says into its activity; who is mentioned comes before what is known of the client.
fn with_words(mut activity: Value, said: Map<String, Value>) -> Value {
    for (name, value) in said {
        match (&mut activity[&name], value) {
            (Value::Array(there), Value::Array(mut new)) if name == "entities" => {
                new.append(there);
                *there = new;
            }
            (there, value) => *there = value,
        }
    }
    activity
}

fn account(user: &User) -> Account<'_> {
    let person = user.bot_of.is_none();
    Account {
        id: &user.member_id,
        name: Some(&user.real_name),
        aad_object_id: person.then_some(&user.directory_id),
    }
}

/// As lists of members have it: without a name.
fn listed(user: &User) -> Account<'_> {
    Account { name: None, ..account(user) }
}
