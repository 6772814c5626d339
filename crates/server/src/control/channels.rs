//! Channels: added, archived, listed, with their members and messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::message::{Audience, State};
use redraft_model::patch::ConversationPatch;
use redraft_model::shared::SharedSet;
use redraft_model::time::Ts;
use redraft_model::workspace::{Conversation, ConversationKind};
use redraft_store::{Stored, Window};
use redraft_wire::translate::slack_to_markdown;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, done, ok};
use super::people;
use super::scope::{Scope, key, listed};
use redraft_service::bounds::heavy;
use redraft_service::mint;

/// Messages that one call returns at most.
const MESSAGES_MAX: u64 = 1000;

fn shown(directory: &Directory, conversation: &Conversation) -> Value {
    let members = conversation.members.keys().filter_map(|user| directory.user(*user));
    json!({
        "name": conversation.name,
        "id": conversation.slack_id,
        "conversation_id": conversation.connector_id,
        "kind": match conversation.kind {
            ConversationKind::Public => "public",
            ConversationKind::Private => "private",
            ConversationKind::Direct => "direct",
            ConversationKind::Group => "group",
        },
        "private": conversation.kind != ConversationKind::Public,
        "archived": conversation.archived,
        "members": members.map(|user| &user.slack_id).collect::<Vec<_>>(),
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    let all = scope.directory.conversations();
    listed(scope, "channels", all, |it| key(it.id.0), |it| shown(&scope.directory, it))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    id: Option<String>,
    conversation_id: Option<String>,
    #[serde(default)]
    private: bool,
    members: Option<Vec<String>>,
}

pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let new: New = scope.json()?;
    let members: Vec<UserId> = match &new.members {
        None => scope.directory.users().filter(|user| user.bot_of.is_none()).map(|it| it.id).collect(),
        Some(names) => {
            names.iter().map(|name| people::named(scope, name).map(|it| it.id)).collect::<Result<_, _>>()?
        }
    };
    let kind = if new.private { ConversationKind::Private } else { ConversationKind::Public };
    let ids = mint::conversation(kind);
    let now = scope.app.service.now(scope.id());
    let conversation = Conversation {
        id: ConversationId(0),
        slack_id: new.id.unwrap_or(ids.slack_id),
        connector_id: new.conversation_id.unwrap_or(ids.connector_id),
        kind,
        name: named_so(&new.name)?,
        topic: redraft_model::workspace::Note::default(),
        purpose: redraft_model::workspace::Note::default(),
        creator: members.first().copied().unwrap_or(UserId(1)),
        created_at: now,
        general: false,
        archived: false,
        members: members.into_iter().map(|user| (user, now)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: now,
    };
    answer(scope, scope.submit(Control::AddConversation(conversation)).await?).and_then(created)
}

fn named_so(name: &str) -> Result<String, Error> {
    if name.is_empty() { Err(Error::bad("a channel needs a name")) } else { Ok(name.to_owned()) }
}

/// A channel by any spelling of its id, or by name.
pub(super) fn named<'a>(scope: &'a Scope<'_>, id: &str) -> Result<&'a Conversation, Error> {
    find(scope, id).ok_or_else(|| Error::not_found("channel"))
}

pub(super) fn find<'a>(scope: &'a Scope<'_>, id: &str) -> Option<&'a Conversation> {
    let directory = &scope.directory;
    let found = directory.conversation_named(id).or_else(|| directory.channel(id.trim_start_matches('#')));
    found.map(|channel| &**channel)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    name: Option<String>,
    archived: Option<bool>,
}

pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let changed: Changed = scope.json()?;
    let channel = named(scope, id)?.id;
    let name = changed.name.map(|name| named_so(&name)).transpose()?;
    let patch = ConversationPatch { name, archived: changed.archived };
    if patch == ConversationPatch::default() {
        return Err(Error::bad("give a name, archived, or both"));
    }
    answer(scope, scope.submit(Control::PatchConversation(channel, patch)).await?).and_then(ok)
}

pub(super) async fn member(scope: &Scope<'_>, channel: &str, member: &str, joins: bool) -> Answer {
    let (channel, member) = (named(scope, channel)?.id, people::named(scope, member)?.id);
    let control =
        if joins { Control::AddMember(channel, member) } else { Control::RemoveMember(channel, member) };
    answer(scope, scope.submit(control).await?).and_then(ok)
}

fn answer(scope: &Scope<'_>, outcome: Outcome) -> Result<Value, Error> {
    let Outcome::Conversation(id, _) = outcome else { return Err(Error::not_found("channel")) };
    let directory = scope.now();
    Ok(done(directory.conversation(id).map(|it| shown(&directory, it))))
}

/// The newest messages of the channel line, whichever dialect they were posted in, newest first; or the replies of a thread,
/// oldest first.
pub(super) async fn messages(scope: &Scope<'_>, channel: &str) -> Answer {
    let channel = named(scope, channel)?;
    let limit = usize::try_from(scope.number("limit", 100)?.min(MESSAGES_MAX)).unwrap_or(100);
    let before = scope.parameter("before").map(|given| super::answer::time(&given)).transpose()?;
    let window = before.map_or(Window::ALL, |ts| Window { to: Ts(ts.0.saturating_sub(1)), ..Window::ALL });
    let thread = scope.parameter("thread_ts").map(|given| super::answer::time(&given)).transpose()?;
    let _page = scope.app.service.bounds.control_page().await;
    let store = &scope.app.service.store;
    let line = match thread {
        None => store.channel_line(scope.id(), channel.id, window, limit).await,
        Some(root) => {
            let root = MessageKey { workspace: scope.id(), conversation: channel.id, ts: root };
            store.thread_line(root, window, limit).await
        }
    };
    let line = line.map_err(super::refusal::store)?;
    // What `before` goes on with is older than what a thread begins with.
    let next = line.last().filter(|_| line.cut && thread.is_none()).map(|last| last.message.key.ts.dotted());
    heavy(line.bytes(), || {
        let messages: Vec<Value> = line.iter().map(|it| message(&scope.directory, it)).collect();
        let damaged: Vec<String> = line.damaged.iter().map(|ts| ts.dotted()).collect();
        ok(json!({ "messages": messages, "next": next, "damaged": damaged }))
    })
}

/// A message as the control API shows it: both spellings of its id, its text in both dialects, and what it holds besides.
pub(super) fn message(directory: &Directory, stored: &Stored) -> Value {
    let (message, content) = (&stored.message, &stored.content);
    let conversation = directory.conversation(message.key.conversation);
    let user = |id| directory.user(id).map(|user| user.slack_id.clone());
    let part =
        |part: &Option<Arc<str>>| part.as_ref().and_then(|json| serde_json::from_str::<Value>(json).ok());
    let edited = match message.state {
        State::Live { edited, .. } => edited,
        State::Streaming { .. } | State::Tombstone { .. } => None,
    };
    json!({
        "ts": message.key.ts.dotted(),
        "activity_id": message.key.ts.digits(),
        "channel": conversation.map(|it| &it.slack_id),
        "conversation_id": conversation.map(|it| &it.connector_id),
        "thread_ts": message.root.map(Ts::dotted),
        "user": user(message.author),
        "app": message.app.and_then(|app| directory.app(app)).map(|app| &app.slack_id),
        "revision": message.revision().map(std::num::NonZeroU32::get),
        "edited_at": edited.map(|edited| Ts(edited.at.0).dotted()),
        "deleted": message.revision().is_none(),
        "streaming": matches!(message.state, State::Streaming { .. }),
        "targeted_to": match message.audience {
            Audience::Everyone => None,
            Audience::Only(reader) => user(reader),
        },
        "text": content.text,
        "markdown": slack_to_markdown(&content.text),
        "blocks": part(&content.blocks),
        "attachments": part(&content.attachments),
        "metadata": part(&content.metadata),
        "activity": part(&content.activity),
        "reply_count": message.thread.as_ref().map_or(0, |thread| thread.replies),
    })
}
