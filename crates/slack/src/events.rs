//! What happened, as the inner object of a Slack event.
//!
//! The words are read for each attempt. A message is shown as it was after the event, as far as the log and the revisions
//! know: its thread's counters, for one, are those of now.

use std::num::NonZeroU32;
use std::sync::Arc;

use redraft_model::content::Content;
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Edited, Message, State};
use redraft_model::policy::sees;
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, Token};
use redraft_store::{Logged, Revised, StoreError, Stored};
use serde_json::{Map, Value, json};

use crate::file_objects;
use crate::render::View;
use crate::subscriptions::Thing;
use crate::{objects, scopes};
use redraft_service::Service;
use redraft_service::delivery::mentions::Mentions;

/// Members of a message that a mention has as well.
const OF_MENTION: [&str; 15] = [
    "user",
    "bot_id",
    "app_id",
    "bot_profile",
    "username",
    "icons",
    "text",
    "ts",
    "team",
    "blocks",
    "attachments",
    "files",
    "client_msg_id",
    "thread_ts",
    "parent_user_id",
];

/// An event and the app that hears of it.
pub(super) struct Scene<'a> {
    pub service: &'a Service,
    pub directory: &'a Arc<Directory>,
    pub bot: &'a Arc<Bot>,
    /// As whom it hears of it.
    pub hearer: UserId,
    pub event: &'a Event,
    /// The same, with what is at hand of it.
    pub logged: &'a Logged,
}

/// A message with its words.
#[derive(Clone)]
struct Shown {
    message: Message,
    content: Arc<Content>,
}

impl Scene<'_> {
    /// The event as this thing; `None` if it turns out to be none.
    pub async fn event(&self, thing: Thing) -> Result<Option<Value>, StoreError> {
        use Thing as T;
        let conversation = self.event.kind.conversation().and_then(|id| self.directory.conversation(id));
        let Some(mut event) = (match thing {
            T::Message => self.message().await?,
            T::AppMention => self.mention().await?,
            T::MetadataPosted | T::MetadataUpdated | T::MetadataDeleted => self.metadata(thing).await?,
            T::ReactionAdded | T::ReactionRemoved => self.reaction().await?,
            T::PinAdded | T::PinRemoved => self.pin().await?,
            T::FileDeleted => self.file_deleted().await?,
            _ => self.change(thing, conversation.map(|it| &**it)),
        }) else {
            return Ok(None);
        };
        if thing != T::Message {
            event.insert("type".into(), thing.name(conversation.map(|it| &**it)).into());
        }
        event.insert("event_ts".into(), self.event.ts.dotted().into());
        Ok(Some(Value::Object(event)))
    }

    /// A `message` of whatever subtype.
    async fn message(&self) -> Result<Option<Map<String, Value>>, StoreError> {
        use EventKind as K;
        match self.event.kind {
            K::MessagePosted { conversation, .. } | K::StreamStarted { conversation, .. } => {
                let Some(posted) = self.posted(conversation).await? else { return Ok(None) };
                Ok(Some(self.placed(self.render(&posted).await?, conversation)))
            }
            K::MessageUpdated { conversation, message, revision } => {
                let Some((now, before)) = self.updated(conversation, message, revision).await? else {
                    return Ok(None);
                };
                let (now, before) = (self.changed(self.render(&now).await?), self.render(&before).await?);
                Ok(Some(self.hidden(
                    "message_changed",
                    conversation,
                    [("message", now), ("previous_message", before)],
                )))
            }
            K::StreamAdvanced { conversation, message } | K::StreamEnded { conversation, message } => {
                let Some(now) = self.known(self.key(conversation, message)).await? else { return Ok(None) };
                let before =
                    Shown { content: Arc::new(Content::text(now.content.dialect, "")), ..now.clone() };
                let (now, before) = (self.changed(self.render(&now).await?), self.render(&before).await?);
                Ok(Some(self.hidden(
                    "message_changed",
                    conversation,
                    [("message", now), ("previous_message", before)],
                )))
            }
            K::BroadcastChanged { conversation, message, shown } => {
                let Some(found) = self.known(self.key(conversation, message)).await? else { return Ok(None) };
                let with = |broadcast| Shown {
                    message: Message { broadcast, ..found.message.clone() },
                    ..found.clone()
                };
                let (now, before) = (with(shown), with(!shown));
                let (now, before) = (self.changed(self.render(&now).await?), self.render(&before).await?);
                Ok(Some(self.hidden(
                    "message_changed",
                    conversation,
                    [("message", now), ("previous_message", before)],
                )))
            }
            K::MessageDeleted { conversation, message, content_at } => {
                let Some(last) = self.last(conversation, message, content_at).await? else { return Ok(None) };
                let mut event = self.hidden(
                    "message_deleted",
                    conversation,
                    [("previous_message", self.render(&last).await?)],
                );
                event.insert("deleted_ts".into(), message.dotted().into());
                Ok(Some(event))
            }
            K::MessageTombstoned { conversation, message, content_at } => {
                let Some(last) = self.last(conversation, message, content_at).await? else { return Ok(None) };
                let state = State::Tombstone { deleted_at: self.event.at };
                let left = Shown { message: Message { state, ..last.message.clone() }, ..last.clone() };
                let (now, before) = (self.render(&left).await?, self.render(&last).await?);
                Ok(Some(self.hidden(
                    "message_changed",
                    conversation,
                    [("message", now), ("previous_message", before)],
                )))
            }
            K::TombstoneRemoved { conversation, message } => {
                let mut event = self.hidden(
                    "message_deleted",
                    conversation,
                    [("previous_message", empty_tombstone(message))],
                );
                event.insert("deleted_ts".into(), message.dotted().into());
                Ok(Some(event))
            }
            _ => Ok(None),
        }
    }

    /// A message that mentions the app's bot, also when it was edited.
    async fn mention(&self) -> Result<Option<Map<String, Value>>, StoreError> {
        let Some((now, _)) = self.now_and_before().await? else { return Ok(None) };
        let Some(bot) = self.directory.user(self.bot.bot_user) else { return Ok(None) };
        if !Mentions::of(&now.content).has_slack(&bot.slack_id) {
            return Ok(None);
        }
        let mut event = self.render(&now).await?;
        event.retain(|name, _| OF_MENTION.contains(&name.as_str()) || name == "edited");
        event.insert("channel".into(), self.slack_id(now.message.key.conversation).into());
        Ok(Some(event))
    }

    /// Metadata that came, changed or went, if the app wants to know of its type.
    async fn metadata(&self, thing: Thing) -> Result<Option<Map<String, Value>>, StoreError> {
        let Some((now, before)) = self.now_and_before().await? else { return Ok(None) };
        let deleted =
            matches!(self.event.kind, EventKind::MessageDeleted { .. } | EventKind::MessageTombstoned { .. });
        let of = |shown: &Shown| {
            shown.content.metadata.as_deref().and_then(|it| serde_json::from_str::<Value>(it).ok())
        };
        let new = of(&now).filter(|_| !deleted);
        let old = if deleted { of(&now) } else { before.as_ref().and_then(of) };
        let happened = match (&old, &new) {
            (None, Some(_)) => Thing::MetadataPosted,
            (Some(old), Some(new)) if old != new => Thing::MetadataUpdated,
            (Some(_), None) => Thing::MetadataDeleted,
            _ => return Ok(None),
        };
        let wanted = |metadata: &Value| {
            let slack = self.bot.slack.as_deref();
            slack.is_some_and(|slack| {
                slack.metadata_events.iter().any(|it| metadata["event_type"] == it.as_str())
            })
        };
        if happened != thing || !new.as_ref().or(old.as_ref()).is_some_and(wanted) {
            return Ok(None);
        }
        let message = &now.message;
        let app = message.app.filter(|_| message.as_app).and_then(|app| self.directory.app(app));
        let mut event = Map::new();
        if let Some(app) = app {
            event.insert("app_id".into(), app.slack_id.as_str().into());
            event.insert("bot_id".into(), app.bot_id.as_str().into());
        }
        event.insert("user_id".into(), self.user(message.author).into());
        event.insert("team_id".into(), self.directory.workspace.team_id.as_str().into());
        event.insert("channel_id".into(), self.slack_id(message.key.conversation).into());
        event.insert("message_ts".into(), message.key.ts.dotted().into());
        if deleted {
            event.insert("deleted_ts".into(), message.key.ts.dotted().into());
        }
        event.extend(new.map(|new| ("metadata".into(), new)));
        event.extend(old.map(|old| ("previous_metadata".into(), old)));
        Ok(Some(event))
    }

    async fn reaction(&self) -> Result<Option<Map<String, Value>>, StoreError> {
        let (EventKind::ReactionAdded { conversation, message, name }
        | EventKind::ReactionRemoved { conversation, message, name }) = &self.event.kind
        else {
            return Ok(None);
        };
        let row = self.row(self.key(*conversation, *message)).await?;
        let channel = self.slack_id(*conversation);
        let mut event = object(json!({
            "user": self.actor(),
            "reaction": &**name,
            "item": {"type": "message", "channel": channel, "ts": message.dotted()},
        }));
        event.extend(row.map(|row| ("item_user".into(), self.user(row.author).into())));
        Ok(Some(event))
    }

    /// A pin with its message as it is now; who pinned it and when is known while it is pinned.
    async fn pin(&self) -> Result<Option<Map<String, Value>>, StoreError> {
        let (EventKind::MessagePinned { conversation, message: ts }
        | EventKind::MessageUnpinned { conversation, message: ts }) = self.event.kind
        else {
            return Ok(None);
        };
        let Some(found) = self.directory.conversation(conversation) else { return Ok(None) };
        let message = self.known(self.key(conversation, ts)).await?;
        let author = message.as_ref().map(|it| self.user(it.message.author).to_owned());
        let mut item = json!({"type": "message", "channel": found.slack_id});
        if let Some(message) = message {
            item["message"] = self.render(&message).await?.into();
        }
        let adds = matches!(self.event.kind, EventKind::MessagePinned { .. });
        let pin = found.pin(ts).filter(|_| adds);
        item["created"] = pin.map_or(self.event.at, |pin| pin.at).seconds().into();
        item["created_by"] = pin.map_or_else(|| self.actor(), |pin| self.user(pin.by)).into();
        let mut event = object(json!({
            "user": self.actor(),
            "channel_id": found.slack_id,
            "item": item,
            "pin_count": found.pins.len(),
        }));
        event.extend(author.map(|author| ("item_user".into(), author.into())));
        if !adds {
            event.insert("has_pins".into(), (!found.pins.is_empty()).into());
        }
        Ok(Some(event))
    }

    /// A file that was shared where the app can look.
    async fn file_deleted(&self) -> Result<Option<Map<String, Value>>, StoreError> {
        let EventKind::FileDeleted(id) = &self.event.kind else { return Ok(None) };
        let key = ItemKey::File(String::from(&**id));
        let item = self.service.store.item(self.directory.workspace.id, key).await?;
        let Some(Item::File(file)) = item else { return Ok(None) };
        let places = file.shares.iter().filter_map(|(id, _)| self.directory.conversation(*id));
        let places: Vec<&str> =
            places.filter(|it| sees(self.hearer, it)).map(|it| it.slack_id.as_str()).collect();
        if places.is_empty() && file.user != self.hearer {
            return Ok(None);
        }
        Ok(Some(object(json!({"file_id": file.id, "user_id": self.actor(), "channel_ids": places}))))
    }

    /// Channels, members, people, the team, the installation.
    fn change(&self, thing: Thing, conversation: Option<&Conversation>) -> Option<Map<String, Value>> {
        use EventKind as K;
        let team_id = &self.directory.workspace.team_id;
        let event = match (&self.event.kind, thing) {
            (K::MemberJoined { user, .. }, _) => {
                let inviter = self.event.by.filter(|by| by != user).map(|by| self.user(by));
                let mut event = self.membership(*user, conversation?);
                if let Some(inviter) = inviter {
                    event["inviter"] = inviter.into();
                }
                event
            }
            (K::MemberLeft { .. }, Thing::ChannelLeft) => {
                json!({"channel": conversation?.slack_id, "actor_id": self.actor()})
            }
            (K::MemberLeft { user, .. }, _) => self.membership(*user, conversation?),
            (K::ConversationCreated(_), _) => {
                let it = conversation?;
                let mut channel = channel(it);
                channel["creator"] = self.user(it.creator).into();
                channel["is_shared"] = false.into();
                channel["is_org_shared"] = false.into();
                channel["context_team_id"] = team_id.as_str().into();
                json!({"channel": channel})
            }
            (K::ConversationRenamed(_), _) => json!({"channel": channel(conversation?)}),
            (K::ConversationArchived(_), _) => {
                json!({"channel": conversation?.slack_id, "user": self.actor(), "is_moved": 0})
            }
            (K::ConversationUnarchived(_), _) => {
                json!({"channel": conversation?.slack_id, "user": self.actor()})
            }
            (K::UserChanged(id), _) => {
                let sees_mail = |token: &Arc<Token>| !token.revoked && scopes::has(token, "users:read.email");
                let email = self.directory.tokens_of(self.bot.id).any(sees_mail);
                let user = objects::described(self.directory, self.directory.user(*id)?, email, None);
                json!({"user": user, "cache_ts": self.event.at.seconds()})
            }
            (K::WorkspaceRenamed, _) => json!({"name": self.directory.workspace.name, "team_id": team_id}),
            (K::TokenRevoked { user, .. }, _) => {
                let bot = *user == self.bot.bot_user;
                let revoked = |of_bot| if bot == of_bot { vec![self.user(*user)] } else { vec![] };
                json!({"tokens": {"oauth": revoked(false), "bot": revoked(true)}})
            }
            (K::FileCreated(file), _) => self.file(file, None),
            (K::FileShared { file, .. } | K::FileUnshared { file, .. }, _) => self.file(file, conversation),
            (K::AppUninstalled(_), _) => json!({}),
            _ => return None,
        };
        Some(object(event))
    }

    fn file(&self, id: &str, conversation: Option<&Conversation>) -> Value {
        let mut event = json!({"file_id": id, "user_id": self.actor(), "file": {"id": id}});
        if let Some(conversation) = conversation {
            event["channel_id"] = conversation.slack_id.as_str().into();
        }
        event
    }

    fn membership(&self, user: UserId, conversation: &Conversation) -> Value {
        json!({
            "user": self.user(user),
            "channel": conversation.slack_id,
            "channel_type": if conversation.kind == ConversationKind::Public { "C" } else { "G" },
            "team": self.directory.workspace.team_id,
        })
    }

    /// A message as it was posted.
    async fn posted(&self, conversation: ConversationId) -> Result<Option<Shown>, StoreError> {
        let key = self.key(conversation, self.event.ts);
        let Some(row) = self.row(key).await? else { return Ok(None) };
        if matches!(self.event.kind, EventKind::StreamStarted { .. }) {
            // What it began with is not kept: readers are told of what there is by now.
            let known = self.known(key).await?;
            return Ok(
                known.map(|known| Shown { message: Message { thread: None, ..known.message }, ..known })
            );
        }
        let content = self.content(self.event.position).await?;
        Ok(content.map(|content| {
            let state = State::Live { revision: NonZeroU32::MIN, edited: None };
            Shown { message: Message { state, thread: None, ..row }, content }
        }))
    }

    /// A message as an update left it, and as it was before.
    async fn updated(
        &self,
        conversation: ConversationId,
        ts: Ts,
        revision: u32,
    ) -> Result<Option<(Shown, Shown)>, StoreError> {
        let key = self.key(conversation, ts);
        let Some(message) = self.row(key).await? else { return Ok(None) };
        let shown = |(revision, content): Revised| {
            let state = state(revision.number, revision.by, revision.at);
            Some(Shown { message: Message { state, ..message.clone() }, content: content? })
        };
        let store = &self.service.store;
        if let (Some(message), Some(content)) = (&self.logged.message, &self.logged.content) {
            let now = Shown { message: Message::clone(message), content: Arc::clone(content) };
            let before = store.revisions(key, revision, 1).await?.into_iter().next();
            return Ok(before.and_then(shown).map(|before| (now, before)));
        }
        let mut revisions = store.revisions(key, revision.saturating_add(1), 2).await?.into_iter();
        let (now, before) = (revisions.next().and_then(shown), revisions.next().and_then(shown));
        Ok(now.zip(before))
    }

    /// A message that is gone or a tombstone, as it was last.
    async fn last(
        &self,
        conversation: ConversationId,
        ts: Ts,
        content_at: u64,
    ) -> Result<Option<Shown>, StoreError> {
        let key = self.key(conversation, ts);
        let Some(message) = self.row(key).await? else { return Ok(None) };
        let Some(content) = self.content(content_at).await? else { return Ok(None) };
        let revisions = self.service.store.revisions(key, u32::MAX, 1).await?;
        let state = match revisions.first() {
            Some((revision, _)) => state(revision.number, revision.by, revision.at),
            None => State::Live { revision: NonZeroU32::MIN, edited: None },
        };
        Ok(Some(Shown { message: Message { state, ..message }, content }))
    }

    /// A message as it is now, with the words that it has or had last.
    async fn known(&self, key: MessageKey) -> Result<Option<Shown>, StoreError> {
        if let Some(stored) = self.service.store.message(key).await? {
            return Ok(Some(Shown { message: Message::clone(&stored.message), content: stored.content }));
        }
        let Some(message) = self.row(key).await? else { return Ok(None) };
        let content = self.content(message.content_at).await?;
        Ok(content.map(|content| Shown { message, content }))
    }

    /// Of a message's event: the message after it, or at its end, and before it.
    async fn now_and_before(&self) -> Result<Option<(Shown, Option<Shown>)>, StoreError> {
        use EventKind as K;
        Ok(match self.event.kind {
            K::MessagePosted { conversation, .. } => self.posted(conversation).await?.map(|now| (now, None)),
            K::StreamEnded { conversation, message } => {
                self.known(self.key(conversation, message)).await?.map(|now| (now, None))
            }
            K::MessageUpdated { conversation, message, revision } => {
                self.updated(conversation, message, revision).await?.map(|(now, before)| (now, Some(before)))
            }
            K::MessageDeleted { conversation, message, content_at }
            | K::MessageTombstoned { conversation, message, content_at } => {
                self.last(conversation, message, content_at).await?.map(|last| (last, None))
            }
            _ => None,
        })
    }

    async fn content(&self, position: u64) -> Result<Option<Arc<Content>>, StoreError> {
        if let Some(content) = self.logged.content.as_ref().filter(|_| position == self.event.position) {
            return Ok(Some(Arc::clone(content)));
        }
        self.service.store.content(self.directory.workspace.id, position).await
    }

    /// Everything of a message but its words, also of one that is gone.
    async fn row(&self, key: MessageKey) -> Result<Option<Message>, StoreError> {
        if let Some(message) = self.logged.message.as_ref().filter(|message| message.key == key) {
            return Ok(Some(Message::clone(message)));
        }
        if let Some(stored) = self.service.store.message(key).await? {
            return Ok(Some(Message::clone(&stored.message)));
        }
        Ok(self.service.store.gone(key).await?.map(|gone| Message::clone(&gone.last)))
    }

    /// A message as events have it, with its root if the channel shows it as well.
    async fn render(&self, shown: &Shown) -> Result<Map<String, Value>, StoreError> {
        let Shown { message, content } = shown;
        let message = &Message { parts: content.parts(), ..message.clone() };
        let root = match message.root {
            Some(root) => self.service.store.message(message.key.at(root)).await?,
            None => None,
        };
        let author = |root: &Stored| root.message.revision().map(|_| root.message.author);
        let contents: Vec<&Content> = root.iter().map(|root| &*root.content).chain([&**content]).collect();
        let workspace = self.directory.workspace.id;
        let files = file_objects::shared_by(self.service, workspace, &contents)
            .await
            .map_err(|_| StoreError::Failed)?;
        let view = View {
            files: &files,
            directory: self.directory,
            public_url: &self.service.public_url,
            ts: true,
            all_metadata: true,
            root_author: root.as_ref().and_then(author),
        };
        let root = root.filter(|_| message.broadcast).map(|root| {
            let mut json = String::new();
            view.message(&root.message, &root.content, None, &mut json);
            json
        });
        let mut json = String::new();
        view.message(message, content, root.as_deref(), &mut json);
        let mut rendered: Map<String, Value> =
            serde_json::from_str(&json).map_err(|_| StoreError::Damaged)?;
        rendered.remove("subscribed");
        if let Some(root) = rendered.get_mut("root").and_then(Value::as_object_mut) {
            root.remove("subscribed");
        }
        if matches!(message.state, State::Tombstone { .. }) {
            rendered.remove("parent_user_id");
        }
        Ok(rendered)
    }

    /// An inner message that was changed says whose team it is of.
    fn changed(&self, mut message: Map<String, Value>) -> Map<String, Value> {
        for name in ["source_team", "user_team"] {
            message.insert(name.into(), self.directory.workspace.team_id.as_str().into());
        }
        message
    }

    fn placed(&self, mut event: Map<String, Value>, conversation: ConversationId) -> Map<String, Value> {
        event.insert("channel".into(), self.slack_id(conversation).into());
        let kind = self.directory.conversation(conversation).map(|it| it.kind);
        let kind = match kind {
            Some(ConversationKind::Private) => "group",
            Some(ConversationKind::Direct) => "im",
            Some(ConversationKind::Group) => "mpim",
            Some(ConversationKind::Public) | None => "channel",
        };
        event.insert("channel_type".into(), kind.into());
        event
    }

    /// What happened to a message later, which clients show no line of.
    fn hidden<const N: usize>(
        &self,
        subtype: &str,
        conversation: ConversationId,
        messages: [(&str, Map<String, Value>); N],
    ) -> Map<String, Value> {
        let ts = self.event.ts.dotted();
        let event = object(json!({"type": "message", "subtype": subtype, "hidden": true, "ts": ts}));
        let mut event = self.placed(event, conversation);
        event.extend(messages.map(|(name, message)| (name.to_owned(), Value::Object(message))));
        event
    }

    fn key(&self, conversation: ConversationId, ts: Ts) -> MessageKey {
        MessageKey { workspace: self.directory.workspace.id, conversation, ts }
    }

    fn user(&self, id: UserId) -> &str {
        self.directory.user(id).map_or("U00000000", |user| &user.slack_id)
    }

    /// Who did it. What the control API does is an administrator's doing.
    fn actor(&self) -> &str {
        let administrator = || self.directory.administrator().map(|it| it.id);
        self.event.by.or_else(administrator).map_or("USLACKBOT", |id| self.user(id))
    }

    fn slack_id(&self, conversation: ConversationId) -> &str {
        self.directory.conversation(conversation).map_or("", |it| &it.slack_id)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A message's state at a revision.
fn state(revision: NonZeroU32, by: UserId, at: Micros) -> State {
    let edited = (NonZeroU32::MIN < revision).then_some(Edited { by, at });
    State::Live { revision, edited }
}

/// What was left of a tombstone when its last reply had gone.
fn empty_tombstone(ts: Ts) -> Map<String, Value> {
    let ts = ts.dotted();
    object(json!({
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": true,
        "thread_ts": ts,
        "reply_count": 0,
        "reply_users_count": 0,
        "latest_reply": "0000000000.000000",
        "reply_users": [],
        "is_locked": false,
        "ts": ts,
    }))
}

/// A channel, as short as events have it.
fn channel(it: &Conversation) -> Value {
    json!({
        "id": it.slack_id,
        "name": it.name,
        "name_normalized": it.name,
        "created": it.created_at.seconds(),
        "is_channel": true,
        "is_mpim": false,
    })
}
