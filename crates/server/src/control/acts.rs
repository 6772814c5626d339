//! Acting in a person's name, and seeing what they see.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::decision::{CallerRefusal, Posted};
use redraft_model::id::UserId;
use redraft_model::message::by_emoji;
use redraft_model::policy;
use redraft_model::time::Micros;
use redraft_model::workspace::Conversation;
use redraft_wire::connector::invoke::{CardAnswer, TaskAnswer, TaskInfo};
use redraft_wire::connector::press::Opinion;
use redraft_wire::slack::elements::Name;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::time;
use super::answer::{Answer, Error, created, ok};
use super::scope::Scope;
use super::{channels, people, refusal};
use crate::acts::{self, Dialog, Hindered, Person, Pressed, Seen, Use};
use redraft_service::NotDone;
use redraft_service::bounds::heavy;

/// Characters of an emoji's short name.
const EMOJI_CHARS_MAX: usize = 100;

/// Messages that a person is shown at most.
const SEEN_MAX: u64 = 200;

/// Somebody in whose name something is done.
pub(super) struct Acting<'a> {
    scope: &'a Scope<'a>,
    pub(super) person: Person,
}

pub(super) fn person<'a>(scope: &'a Scope<'_>, name: &str) -> Result<Acting<'a>, Error> {
    let id = people::named(scope, name)?.id;
    let user = scope.directory.user(id).filter(|user| user.bot_of.is_none()).cloned();
    let user = user.ok_or_else(|| Error::not_found("person"))?;
    if user.deactivated {
        return Err(refusal::caller(CallerRefusal::Inactive, &user.name));
    }
    let person = Person { app: Arc::clone(scope.app), directory: Arc::clone(&scope.directory), user };
    Ok(Acting { scope, person })
}

impl Acting<'_> {
    /// A channel or direct message that the person sees, by name or id.
    pub(super) fn channel(&self, name: &str) -> Result<&Conversation, Error> {
        let user = &self.person.user;
        let found = channels::find(self.scope, name).filter(|channel| policy::sees(user.id, channel));
        found.ok_or_else(|| refusal::no_conversation(&user.name))
    }

    fn not_done(&self, not_done: NotDone) -> Error {
        refusal::error(self.scope.app, self.scope.id(), &self.person.user.name, &not_done)
    }

    pub(super) fn hindered(&self, hindered: Hindered) -> Error {
        match hindered {
            Hindered::NotDone(not_done) => self.not_done(not_done),
            Hindered::Impossible(why) => Error(StatusCode::UNPROCESSABLE_ENTITY, "impossible", why),
            Hindered::Unanswered(why) => Error(StatusCode::BAD_GATEWAY, "bot_failed", why),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// A channel by name or id, or a direct message by id.
    channel: Option<String>,
    /// Instead: the people and bots of a chat, by name or id.
    to: Option<Vec<String>>,
    text: String,
    thread_ts: Option<String>,
}

pub(super) async fn post(scope: &Scope<'_>, name: &str) -> Answer {
    let said: Said = scope.json()?;
    let acting = person(scope, name)?;
    let conversation = match (&said.channel, &said.to) {
        (Some(channel), None) => acting.channel(channel)?.id,
        (None, Some(to)) if !to.is_empty() => {
            let others: Vec<UserId> =
                to.iter().map(|it| people::named(scope, it).map(|it| it.id)).collect::<Result<_, _>>()?;
            acting.person.chat_with(others).await.map_err(|it| acting.not_done(it))?
        }
        _ => return Err(Error::bad("say where to: either channel, or to with at least one name")),
    };
    let root = said.thread_ts.as_deref().map(time).transpose()?;
    let posted = acting.person.post(conversation, &said.text, root).await;
    created(message(scope, posted.map_err(|it| acting.not_done(it))?))
}

fn message(scope: &Scope<'_>, posted: Posted) -> Value {
    let stored = redraft_store::Stored {
        message: posted.message,
        content: posted.content,
        root: None,
        reactions: vec![],
    };
    channels::message(&scope.now(), &stored)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    text: String,
    if_revision: Option<u32>,
}

pub(super) async fn edit(scope: &Scope<'_>, name: &str, channel: &str, ts: &str) -> Answer {
    let edited: Edited = scope.json()?;
    let acting = person(scope, name)?;
    let conversation = acting.channel(channel)?.id;
    let posted = acting.person.edit(conversation, time(ts)?, &edited.text, edited.if_revision).await;
    ok(message(scope, posted.map_err(|it| acting.not_done(it))?))
}

pub(super) async fn delete(scope: &Scope<'_>, name: &str, channel: &str, ts: &str) -> Answer {
    let acting = person(scope, name)?;
    let conversation = acting.channel(channel)?.id;
    acting.person.delete(conversation, time(ts)?).await.map_err(|it| acting.not_done(it))?;
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reacted {
    channel: String,
    ts: String,
    name: String,
}

pub(super) async fn react(scope: &Scope<'_>, name: &str, adds: bool) -> Answer {
    let reacted: Reacted = scope.json()?;
    let acting = person(scope, name)?;
    let conversation = acting.channel(&reacted.channel)?.id;
    let emoji = reacted.name.trim_matches(':');
    let of_emoji = |letter: char| letter.is_alphanumeric() || "_-+':".contains(letter);
    if !(1..=EMOJI_CHARS_MAX).contains(&emoji.chars().count()) || !emoji.chars().all(of_emoji) {
        return Err(Error::bad("name is an emoji's short name, such as eyes"));
    }
    let changed = acting.person.react(conversation, time(&reacted.ts)?, emoji, adds).await;
    ok(json!({ "changed": changed.map_err(|it| acting.not_done(it))? }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    channel: String,
}

pub(super) async fn type_in(scope: &Scope<'_>, name: &str) -> Answer {
    let typed: Typed = scope.json()?;
    let acting = person(scope, name)?;
    let channel = acting.channel(&typed.channel)?;
    acting.person.type_in(channel);
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stopped {
    channel: String,
    ts: String,
}

pub(super) async fn stop(scope: &Scope<'_>, name: &str) -> Answer {
    let stopped: Stopped = scope.json()?;
    let acting = person(scope, name)?;
    let conversation = acting.channel(&stopped.channel)?.id;
    acting.person.stop(conversation, time(&stopped.ts)?).await.map_err(|it| acting.not_done(it))?;
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    channel: String,
    ts: String,
    /// Id, title or verb, or the place among all actions of the message; may be left out if there is one only.
    action: Option<Value>,
    /// Of a Slack message: to tell elements apart.
    block_id: Option<String>,
    action_id: Option<String>,
    /// What is chosen with an element of a Slack message.
    value: Option<Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) async fn press(scope: &Scope<'_>, name: &str) -> Answer {
    let act: Act = scope.json()?;
    let acting = person(scope, name)?;
    let channel = acting.channel(&act.channel)?;
    let name = element(act.action.as_ref(), act.block_id.as_deref(), act.action_id.as_deref());
    let used = Use { name, value: act.value.as_ref(), inputs: &act.inputs };
    let pressed = acting.person.press(channel, time(&act.ts)?, act.action.as_ref(), used).await;
    ok(came_of(channel, pressed.map_err(|it| acting.hindered(it))?))
}

/// An element by its text, its `action_id`, value or place; ids make it unique.
pub(super) fn element<'a>(
    action: Option<&'a Value>,
    block_id: Option<&'a str>,
    action_id: Option<&'a str>,
) -> Name<'a> {
    let index = action.and_then(Value::as_u64).map(|index| usize::try_from(index).unwrap_or(usize::MAX));
    Name { block_id, action_id, text: action.and_then(Value::as_str), index }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    channel: String,
    /// The message from which the dialog was opened.
    ts: String,
    /// The dialog's card, as the bot answered it; then `action` and `inputs` are as for a message's card.
    card: Option<Map<String, Value>>,
    action: Option<Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
    /// The card is a bot's own feedback form; true for a thumb up.
    like: Option<bool>,
    /// Instead of a card: what the dialog's page hands in.
    data: Option<Value>,
}

fn opinion(like: bool) -> Opinion {
    if like { Opinion::Like } else { Opinion::Dislike }
}

pub(super) async fn hand_in(scope: &Scope<'_>, name: &str) -> Answer {
    let task: Task = scope.json()?;
    let acting = person(scope, name)?;
    let channel = acting.channel(&task.channel)?;
    let (action, inputs) = (task.action.as_ref(), &task.inputs);
    let dialog = match (&task.card, &task.data, task.like) {
        (Some(card), None, None) => Dialog::Card { card, action, inputs },
        (Some(card), None, Some(like)) => Dialog::Form { opinion: opinion(like), card, action, inputs },
        (None, Some(data), None) => Dialog::Page(data),
        _ => return Err(Error::bad("hand in either the dialog's card with an action, or data")),
    };
    let handed_in = acting.person.hand_in(channel, time(&task.ts)?, dialog).await;
    ok(came_of(channel, handed_in.map_err(|it| acting.hindered(it))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Feedback {
    channel: String,
    ts: String,
    /// True for a thumb up.
    like: bool,
    #[serde(default)]
    text: String,
}

pub(super) async fn feedback(scope: &Scope<'_>, name: &str) -> Answer {
    let given: Feedback = scope.json()?;
    let acting = person(scope, name)?;
    let channel = acting.channel(&given.channel)?;
    let pressed = acting.person.give_feedback(channel, time(&given.ts)?, opinion(given.like), &given.text);
    ok(came_of(channel, pressed.await.map_err(|it| acting.hindered(it))?))
}

fn came_of(channel: &Conversation, pressed: Pressed) -> Value {
    match pressed {
        Pressed::Submitted { display_text } => json!({ "kind": "submit", "display_text": display_text }),
        Pressed::Posted(ts) => {
            json!({ "kind": "post", "channel": channel.slack_id, "ts": ts.dotted() })
        }
        Pressed::Told => json!({ "kind": "told" }),
        Pressed::Local { url: Some(url) } => json!({ "kind": "open", "url": url }),
        Pressed::Local { url: None } => json!({ "kind": "none" }),
        Pressed::Answered(acts::Answer::Done) => json!({ "kind": "invoke" }),
        Pressed::Answered(acts::Answer::Card(answer)) => {
            json!({ "kind": "execute", "answer": card_answer(answer) })
        }
        Pressed::Answered(acts::Answer::Task(answer)) => {
            json!({ "kind": "task", "answer": task_answer(answer) })
        }
    }
}

fn card_answer(answer: CardAnswer) -> Value {
    match answer {
        CardAnswer::Card(card) => json!({ "type": "card", "card": card }),
        CardAnswer::Message(text) => json!({ "type": "message", "text": text }),
        CardAnswer::LoginRequest(card) => json!({ "type": "login_request", "card": card }),
        CardAnswer::IncorrectAuthCode => json!({ "type": "incorrect_auth_code" }),
        CardAnswer::PreconditionFailed(failure) => {
            json!({ "type": "precondition_failed", "code": failure.code, "message": failure.message })
        }
        CardAnswer::Error { status_code, failure } => json!({
            "type": "error", "status": status_code, "code": failure.code, "message": failure.message,
        }),
    }
}

fn task_answer(answer: TaskAnswer) -> Value {
    let shown = |info: TaskInfo, name: &str, what: Value| {
        let mut shown = json!({
            "type": "continue", "title": info.title, "height": info.height, "width": info.width,
            "fallback_url": info.fallback_url,
        });
        shown[name] = what;
        shown
    };
    match answer {
        TaskAnswer::Card { info, card } => shown(info, "card", Value::Object(card)),
        TaskAnswer::Url { info, url } => shown(info, "url", url.into()),
        TaskAnswer::Message(text) => json!({ "type": "message", "text": text }),
        TaskAnswer::Closed => json!({ "type": "closed" }),
    }
}

/// The conversation or a thread of it as the person sees it, oldest message first: their own views of cards in the
/// cards' place, and what only they see.
pub(super) async fn see(scope: &Scope<'_>, name: &str, channel: &str) -> Answer {
    let acting = person(scope, name)?;
    let channel = acting.channel(channel)?;
    let thread = scope.parameter("thread_ts").map(|given| time(&given)).transpose()?;
    let limit = usize::try_from(scope.number("limit", 50)?.min(SEEN_MAX)).unwrap_or(50);
    let _page = scope.app.service.bounds.control_page().await;
    let seen = acting.person.see(channel, thread, limit).await.map_err(refusal::store)?;
    let directory = scope.now();
    let typing = typing(scope, channel, &seen);
    let shown = |seen: Seen| {
        let user = |id: UserId| directory.user(id).map(|user| user.slack_id.clone());
        let mut shown = channels::message(&directory, &seen.stored);
        let view = seen.view.and_then(|view| serde_json::from_str::<Value>(view.activity.as_deref()?).ok());
        shown["own_view"] = view.is_some().into();
        if let Some(view) = view {
            shown["activity"] = view;
        }
        shown["reactions"] = by_emoji(&seen.stored.reactions)
            .into_iter()
            .map(|(name, users)| {
                json!({ "name": name, "users": users.into_iter().filter_map(user).collect::<Vec<_>>() })
            })
            .collect();
        shown
    };
    let bytes = seen.iter().map(|it| it.stored.bytes()).sum();
    heavy(bytes, || {
        ok(json!({ "messages": seen.into_iter().map(shown).collect::<Vec<_>>(), "typing": typing }))
    })
}

/// Names of the bots that are typing: what a bot posts ends it.
fn typing(scope: &Scope<'_>, channel: &Conversation, seen: &[Seen]) -> Vec<String> {
    let typing = scope.app.connector.typing.who(scope.id(), channel.id, scope.app.service.now(scope.id()));
    let done = |bot: UserId, since: Micros| {
        seen.iter().any(|it| it.stored.message.author == bot && since.0 <= it.stored.message.key.ts.0)
    };
    let still = typing.into_iter().filter(|(bot, since)| !done(*bot, *since));
    still.filter_map(|(bot, _)| Some(scope.directory.user(bot)?.name.clone())).collect()
}
