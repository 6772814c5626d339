//! Acting in a person's name, and seeing what they see.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::id::UserId;
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::Conversation;
use redraft_wire::connector::invoke::{CardAnswer, TaskAnswer, TaskInfo};
use redraft_wire::connector::press::Opinion;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, Error, Scope, channels, created, ok, people, refused, store_error};
use crate::acts::{self, Dialog, Hindered, Person, Pressed, Seen};
use crate::app::NotDone;

/// Messages that a person is shown at most.
const SEEN_MAX: u64 = 200;

fn person<'a>(scope: &'a Scope<'_>, name: &str) -> Result<Person<'a>, Error> {
    let id = people::named(scope, name)?.id;
    let user = scope.directory.user(id).filter(|user| user.bot_of.is_none()).cloned();
    let user = user.ok_or_else(|| Error::not_found("person"))?;
    Ok(Person { app: scope.app, directory: Arc::clone(&scope.directory), user })
}

fn time(given: &str) -> Result<Ts, Error> {
    let ts = Ts::from_dotted(given).or_else(|| Ts::from_digits(given));
    ts.ok_or_else(|| Error::bad(format!("{given} is not a message's id")))
}

impl From<Hindered> for Error {
    fn from(hindered: Hindered) -> Self {
        match hindered {
            Hindered::NotDone(not_done) => not_done.into(),
            Hindered::Impossible(why) => Self(StatusCode::UNPROCESSABLE_ENTITY, "impossible", why),
            Hindered::Unanswered(why) => Self(StatusCode::BAD_GATEWAY, "bot_failed", why),
        }
    }
}

impl From<NotDone> for Error {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused(refusal) => refused(&refusal.why),
            NotDone::Store(failed) => store_error(failed),
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
    let person = person(scope, name)?;
    let conversation = match (&said.channel, &said.to) {
        (Some(channel), None) => channels::named(scope, channel)?.id,
        (None, Some(to)) if !to.is_empty() => {
            let others: Vec<UserId> =
                to.iter().map(|it| people::named(scope, it).map(|it| it.id)).collect::<Result<_, _>>()?;
            person.chat_with(others).await?
        }
        _ => return Err(Error::bad("say where to: either channel, or to with at least one name")),
    };
    let root = said.thread_ts.as_deref().map(time).transpose()?;
    let posted = person.post(conversation, &said.text, root).await?;
    created(message(scope, posted)?)
}

fn message(scope: &Scope<'_>, posted: redraft_model::decision::Posted) -> Result<Value, Error> {
    let stored = redraft_store::Stored { message: posted.message, content: posted.content, root: None };
    Ok(channels::message(&*scope.now()?, &stored))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    text: String,
    if_revision: Option<u32>,
}

pub(super) async fn edit(scope: &Scope<'_>, name: &str, channel: &str, ts: &str) -> Answer {
    let edited: Edited = scope.json()?;
    let person = person(scope, name)?;
    let conversation = channels::named(scope, channel)?.id;
    let posted = person.edit(conversation, time(ts)?, &edited.text, edited.if_revision).await?;
    ok(message(scope, posted)?)
}

pub(super) async fn delete(scope: &Scope<'_>, name: &str, channel: &str, ts: &str) -> Answer {
    let conversation = channels::named(scope, channel)?.id;
    person(scope, name)?.delete(conversation, time(ts)?).await?;
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
    let conversation = channels::named(scope, &reacted.channel)?.id;
    let person = person(scope, name)?;
    let changed = person.react(conversation, time(&reacted.ts)?, &reacted.name, adds).await?;
    ok(json!({ "changed": changed }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    channel: String,
}

pub(super) async fn type_in(scope: &Scope<'_>, name: &str) -> Answer {
    let typed: Typed = scope.json()?;
    person(scope, name)?.type_in(channels::named(scope, &typed.channel)?).await;
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
    let conversation = channels::named(scope, &stopped.channel)?.id;
    person(scope, name)?.stop(conversation, time(&stopped.ts)?).await?;
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    channel: String,
    ts: String,
    /// Id, title or verb, or the place among all actions of the message; may be left out if there is one only.
    action: Option<Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) async fn press(scope: &Scope<'_>, name: &str) -> Answer {
    let act: Act = scope.json()?;
    let person = person(scope, name)?;
    let channel = channels::named(scope, &act.channel)?;
    let pressed = person.press(channel, time(&act.ts)?, act.action.as_ref(), &act.inputs).await?;
    ok(came_of(channel, pressed))
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
    /// Instead of a card: what the dialog's page hands in.
    data: Option<Value>,
}

pub(super) async fn hand_in(scope: &Scope<'_>, name: &str) -> Answer {
    let task: Task = scope.json()?;
    let person = person(scope, name)?;
    let channel = channels::named(scope, &task.channel)?;
    let dialog = match (&task.card, &task.data) {
        (Some(card), None) => Dialog::Card { card, action: task.action.as_ref(), inputs: &task.inputs },
        (None, Some(data)) => Dialog::Page(data),
        _ => return Err(Error::bad("hand in either the dialog's card with an action, or data")),
    };
    ok(came_of(channel, person.hand_in(channel, time(&task.ts)?, dialog).await?))
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
    let person = person(scope, name)?;
    let channel = channels::named(scope, &given.channel)?;
    let opinion = if given.like { Opinion::Like } else { Opinion::Dislike };
    let pressed = person.give_feedback(channel, time(&given.ts)?, opinion, &given.text).await?;
    ok(came_of(channel, pressed))
}

fn came_of(channel: &Conversation, pressed: Pressed) -> Value {
    match pressed {
        Pressed::Submitted { display_text } => json!({ "kind": "submit", "display_text": display_text }),
        Pressed::Posted(ts) => {
            json!({ "kind": "post", "channel": channel.slack_id, "ts": ts.dotted() })
        }
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

/// The conversation as the person sees it, oldest message first: their own views of cards in the cards' place, and what
/// only they see.
pub(super) async fn see(scope: &Scope<'_>, name: &str, channel: &str) -> Answer {
    let person = person(scope, name)?;
    let channel = channels::named(scope, channel)?;
    if !redraft_model::policy::sees(person.user.id, channel) {
        return Err(Error::not_found("channel that this person sees"));
    }
    let limit = usize::try_from(scope.number("limit", 50)?.min(SEEN_MAX)).unwrap_or(50);
    let seen = person.see(channel, limit).await.map_err(store_error)?;
    let directory = scope.now()?;
    let typing = typing(scope, channel, &seen);
    let shown = |seen: Seen| {
        let user = |id: UserId| directory.user(id).map(|user| user.slack_id.clone());
        let mut shown = channels::message(&directory, &seen.stored);
        let view = seen.view.and_then(|view| serde_json::from_str::<Value>(view.activity.as_deref()?).ok());
        shown["own_view"] = view.is_some().into();
        if let Some(view) = view {
            shown["activity"] = view;
        }
        shown["reactions"] = seen
            .reactions
            .into_iter()
            .map(|(name, users)| {
                json!({ "name": &*name, "users": users.into_iter().filter_map(user).collect::<Vec<_>>() })
            })
            .collect();
        shown
    };
    ok(json!({ "messages": seen.into_iter().map(shown).collect::<Vec<_>>(), "typing": typing }))
}

/// Names of the bots that are typing: what a bot posts ends it.
fn typing(scope: &Scope<'_>, channel: &Conversation, seen: &[Seen]) -> Vec<String> {
    let typing = scope.app.typing.who(scope.id(), channel.id, scope.app.now(scope.id()));
    let done = |bot: UserId, since: Micros| {
        seen.iter().any(|it| it.stored.message.author == bot && since.0 <= it.stored.message.key.ts.0)
    };
    let still = typing.into_iter().filter(|(bot, since)| !done(*bot, *since));
    still.filter_map(|(bot, _)| Some(scope.directory.user(bot)?.name.clone())).collect()
}
