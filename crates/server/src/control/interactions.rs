//! What people do with Slack apps: shortcuts, commands, modals, external selects.

use std::time::Duration;

use redraft_wire::slack::answers::Submitted;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::acts::{element, person};
use super::answer::time;
use super::answer::{Answer, Error, ok};
use super::scope::Scope;
use crate::acts::Use;

/// How long somebody may wait for a modal.
const WAIT_MS_MAX: u64 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ran {
    callback_id: String,
    /// An app by name or id, if several have such a shortcut.
    app: Option<String>,
    /// With `ts`, the message that it is run on.
    channel: Option<String>,
    ts: Option<String>,
}

pub(super) async fn shortcut(scope: &Scope<'_>, name: &str) -> Answer {
    let ran: Ran = scope.json()?;
    let acting = person(scope, name)?;
    let bot = match &ran.app {
        None => None,
        Some(name) => Some(super::apps::named(scope, name)?.id),
    };
    let on = match (&ran.channel, &ran.ts) {
        (None, None) => None,
        (Some(channel), Some(ts)) => Some((acting.channel(channel)?, time(ts)?)),
        _ => return Err(Error::bad("give both channel and ts of the message, or neither")),
    };
    let run = acting.person.run_shortcut(bot, &ran.callback_id, on).await;
    run.map_err(|it| acting.hindered(it))?;
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    channel: String,
    /// With its slash and all that follows it.
    command: String,
}

pub(super) async fn command(scope: &Scope<'_>, name: &str) -> Answer {
    let typed: Typed = scope.json()?;
    let acting = person(scope, name)?;
    let channel = acting.channel(&typed.channel)?;
    let answered = acting.person.run_command(channel, &typed.command).await;
    ok(json!({ "answered": answered.map_err(|it| acting.hindered(it))? }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The message with the select.
    channel: Option<String>,
    ts: Option<String>,
    /// Instead: the modal with it.
    view: Option<String>,
    action: Option<Value>,
    block_id: Option<String>,
    action_id: Option<String>,
    /// What the person has typed.
    #[serde(default)]
    query: String,
}

pub(super) async fn suggestions(scope: &Scope<'_>, name: &str) -> Answer {
    let asked: Asked = scope.json()?;
    let acting = person(scope, name)?;
    let named = element(asked.action.as_ref(), asked.block_id.as_deref(), asked.action_id.as_deref());
    let offered = match (&asked.channel, &asked.ts, &asked.view) {
        (Some(channel), Some(ts), None) => {
            let channel = acting.channel(channel)?;
            acting.person.suggestions_on(channel, time(ts)?, &named, &asked.query).await
        }
        (None, None, Some(view)) => acting.person.suggestions_in(view, &named, &asked.query).await,
        _ => return Err(Error::bad("give either channel and ts of the message, or the view")),
    };
    ok(offered.map_err(|it| acting.hindered(it))?)
}

/// The person's open modals, the lowest first.
pub(super) async fn views(scope: &Scope<'_>, name: &str) -> Answer {
    let acting = person(scope, name)?;
    let wait_ms = scope.number("wait_ms", 0)?.min(WAIT_MS_MAX);
    let end = Instant::now() + Duration::from_millis(wait_ms);
    let mut commits = scope.app.service.store.published().log_bell(scope.id());
    loop {
        commits.mark_unchanged();
        let open = acting.person.open_views().await.map_err(|it| acting.hindered(it))?;
        if let Some(open) = open {
            let shown = (0..open.views.stack.len()).map(|place| open.shown(&acting.person, place));
            return ok(json!({ "app": open.bot.slack_id, "views": shown.collect::<Vec<_>>() }));
        }
        if !scope.app.gate.changed_before(end, commits.changed()).await {
            return ok(json!({ "app": null, "views": [] }));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    action: Option<Value>,
    block_id: Option<String>,
    action_id: Option<String>,
    value: Option<Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) async fn act(scope: &Scope<'_>, name: &str, view: &str) -> Answer {
    let act: Act = scope.json()?;
    let acting = person(scope, name)?;
    let named = element(act.action.as_ref(), act.block_id.as_deref(), act.action_id.as_deref());
    let used = Use { name: named, value: act.value.as_ref(), inputs: &act.inputs };
    acting.person.use_in_view(view, used).await.map_err(|it| acting.hindered(it))?;
    ok(json!({ "kind": "told" }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandedIn {
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) async fn submit(scope: &Scope<'_>, name: &str, view: &str) -> Answer {
    let handed_in: HandedIn = scope.json()?;
    let acting = person(scope, name)?;
    let submitted = acting.person.submit_view(view, &handed_in.inputs).await;
    ok(match submitted.map_err(|it| acting.hindered(it))? {
        Submitted::Close => json!({ "kind": "close" }),
        Submitted::Errors(errors) => {
            let errors: Map<String, Value> =
                errors.into_iter().map(|(block, words)| (block, words.into())).collect();
            json!({ "kind": "errors", "errors": errors })
        }
        Submitted::Update(_) => json!({ "kind": "update" }),
        Submitted::Push(_) => json!({ "kind": "push" }),
        Submitted::Clear => json!({ "kind": "clear" }),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    /// Also those below.
    #[serde(default)]
    all: bool,
}

pub(super) async fn close(scope: &Scope<'_>, name: &str, view: &str) -> Answer {
    let closed: Closed = scope.json()?;
    let acting = person(scope, name)?;
    acting.person.close_view(view, closed.all).await.map_err(|it| acting.hindered(it))?;
    ok(json!({}))
}
