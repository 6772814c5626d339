//! An event of the log as the activities that a Teams bot gets of it, and the call that takes them there.
//!
//! Source: the public pages on conversation events, and the Bot Framework's activity specification (a channel does not send
//! a bot the echo of its own changes). In channels and group chats a bot receives messages that mention it, or every message if its
//! registration says so.

use std::sync::Arc;
use std::time::Duration;

use redraft_model::command::{Caller, Command, Idempotency, Post, ReplyTo, Target, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{ConversationId, MessageKey};
use redraft_model::message::Kind;
use redraft_model::time::Ts;
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, User};
use redraft_store::{Cause, StoreError};
use redraft_wire::connector::activity::{for_send, parse};
use redraft_wire::connector::id::split_conversation;
use redraft_wire::connector::inbound::{
    Account, ChannelChange, Envelope, Happening, Installation, Message, Person, Place, Team, activity,
};
use redraft_wire::translate::activity_to_slack_text;
use serde_json::{Map, Value};

use crate::addresses::service_url;
use crate::authority::ISSUER;
use crate::content::{fault, named_attachments};
use crate::state::Connector;
use crate::words::words;
use redraft_service::NotDone;
use redraft_service::delivery::{self, Answered, Connection, Failure, Request, Unanswered};
use redraft_service::names::NamesFor;

/// Language and time zone of every person here.
const LOCALE: &str = "en-US";
const TIMEZONE: &str = "Etc/UTC";

/// Activities that a bot may put into one answer.
const REPLIES_MAX: usize = 50;

/// A bot and its surroundings.
pub(crate) struct Scene<'a> {
    connector: &'a Connector,
    directory: Arc<Directory>,
    bot: Arc<Bot>,
    /// The user that the bot is.
    user: Arc<User>,
}

pub(crate) struct Where<'a> {
    pub conversation: &'a Conversation,
    /// Of the message that it is about: its thread's root, or itself.
    pub root: Option<Ts>,
}

/// An activity, and where the replies in its answer go.
type Outgoing = (Value, Option<ConversationId>);

impl<'a> Scene<'a> {
    pub(crate) fn new(connector: &'a Connector, directory: Arc<Directory>, bot: Arc<Bot>) -> Option<Self> {
        let user = directory.user(bot.bot_user).cloned()?;
        Some(Self { connector, directory, bot, user })
    }

    pub(crate) async fn send(
        &self,
        activity: &Value,
        connection: Connection,
    ) -> Result<Answered, Unanswered> {
        let service_url = service_url(&self.connector.service, &self.directory.workspace.tenant_id);
        let issuer = self.bot.issuer.as_deref().unwrap_or(ISSUER);
        let prepared = self.connector.authority.prepare(&*self.connector.service.store).await;
        prepared.map_err(|_| Unanswered::unsent("the signing key cannot be read"))?;
        let token = self.connector.authority.for_bot(issuer, &self.bot.app_id, &service_url);
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
        delivery::call(&self.connector.service, request).await
    }

    /// What the event is to this bot: nothing, one activity or two.
    pub(crate) async fn activities(&self, event: &Event) -> Result<Vec<Outgoing>, StoreError> {
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
        let before = self.connector.service.store.revisions(key, revision, 1).await?;
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
        let Some(stored) = self.connector.service.store.message(self.key(conversation.id, ts)).await? else {
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
        let sent: Value = match content.activity.as_deref() {
            Some(json) => serde_json::from_str(json).map_err(|_| StoreError::Damaged)?,
            None => Value::Null,
        };
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

    pub(crate) fn render(
        &self,
        id: &str,
        at_micros: i64,
        from: &User,
        place: &Where<'_>,
        happening: &Happening<'_>,
        said: Map<String, Value>,
    ) -> Value {
        let workspace = &self.directory.workspace;
        let service_url = service_url(&self.connector.service, &workspace.tenant_id);
        let group_id = crate::teams::group_id(&self.directory);
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

    /// Whether a message in a conversation is delivered to the bot: every one in personal chats, elsewhere those that mention it.
    fn concerns(&self, conversation: &Conversation, contents: &[&Content]) -> bool {
        // Teams has events of its own for what the platform writes.
        if contents.iter().any(|content| content.notice.is_some()) {
            return false;
        }
        let alone = conversation.kind == ConversationKind::Direct;
        alone
            || self.bot.reads_all
            || contents.iter().any(|content| crate::words::mentions(content, &self.user))
    }

    fn key(&self, conversation: ConversationId, ts: Ts) -> MessageKey {
        MessageKey { workspace: self.directory.workspace.id, conversation, ts }
    }

    async fn content(&self, position: u64) -> Result<Option<Arc<Content>>, StoreError> {
        self.connector.service.store.content(self.directory.workspace.id, position).await
    }

    /// The root of a message's thread, also of a deleted message: its first revision says where it was posted.
    async fn root(&self, key: MessageKey) -> Result<Option<Ts>, StoreError> {
        if let Some(stored) = self.connector.service.store.message(key).await? {
            return Ok(stored.message.root);
        }
        let first = self.connector.service.store.revisions(key, 2, 1).await?;
        let Some(before) = first.first().map(|(revision, _)| revision.position - 1) else { return Ok(None) };
        let posted = self.connector.service.store.events(key.workspace, before, 1).await?;
        Ok(posted.first().and_then(|event| match event.kind {
            EventKind::MessagePosted { root, .. } => root,
            _ => None,
        }))
    }

    /// What the bot put into its answer is posted as if it had called. The event's position makes that repeatable.
    pub(crate) async fn post_replies(
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
                // If the bot is asked again it may answer otherwise; its first answer counts.
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
                reply_to: ReplyTo { message: named, conversation_root: place.and_then(Ts::from_digits) },
                broadcast: false,
                only: None,
                unjoined: false,
            };
            let (workspace, caller) = (self.directory.workspace.id, Caller::Bot(self.bot.id));
            let command = Command { workspace, caller, idempotency, verb: Verb::Post(post), source: None };
            if let Err(not_done) = self.connector.service.submit(command).await {
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
