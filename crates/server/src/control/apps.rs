//! Apps: registered, changed, uninstalled, listed; their webhooks.

use std::collections::BTreeSet;

use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::patch::{AppPatch, SlackPatch};
use redraft_model::workspace::{App, SlackApp, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, done, ok};
use super::scope::{Scope, key, listed};
use super::{channels, people};
use crate::seed::{
    Place, SeedApp, SeedCommand, SeedError, SeedShortcut, check_commands, check_url, new_app, new_webhook,
};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::SecretKind;

/// An app as the API shows it: everything but its secrets.
fn shown(scope: &Scope<'_>, app: &App) -> Value {
    let user = |id| scope.directory.user(id).map(|user| user.slack_id.clone());
    let mut shown = json!({
        "kind": if app.dialect == Dialect::Slack { "slack" } else { "teams" },
        "name": app.name,
        "id": app.slack_id,
        "bot_id": app.bot_id,
        "bot_user_id": user(app.bot_user),
        "app_id": app.app_id,
        "installed_by": app.installed_by.and_then(user),
        "uninstalled": app.uninstalled,
        "endpoint": app.endpoint,
        "read_all": app.reads_all,
        "expect_replies": app.expects_replies,
        "issuer": app.issuer,
        "anonymous": app.anonymous,
        "old_secrets": old_secrets(app, scope.app.service.now(scope.id())),
    });
    if let (Some(slack), Some(members)) = (&app.slack, shown.as_object_mut())
        && let Value::Object(more) = shown_slack(scope, slack)
    {
        members.extend(more);
    }
    shown
}

fn shown_slack(scope: &Scope<'_>, slack: &SlackApp) -> Value {
    let channel = |id| scope.directory.conversation(id).map(|channel| channel.slack_id.clone());
    let webhooks = slack.webhooks.iter();
    let webhooks: Vec<Value> =
        webhooks.map(|it| json!({ "id": it.service_id, "channel": channel(it.conversation) })).collect();
    json!({
        "client_id": slack.client_id,
        "redirect_urls": slack.redirect_urls,
        "scopes": slack.bot_scopes,
        "user_scopes": slack.user_scopes,
        "bot_events": slack.bot_events,
        "user_events": slack.user_events,
        "metadata_events": slack.metadata_events,
        "events_off": slack.events_off,
        "socket_mode": slack.socket_mode,
        "interactivity_url": slack.interactivity_url,
        "options_url": slack.options_url,
        "commands": slack.commands.iter().map(SeedCommand::of).collect::<Vec<_>>(),
        "shortcuts": slack.shortcuts.iter().map(SeedShortcut::of).collect::<Vec<_>>(),
        "webhooks": webhooks,
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    listed(scope, "apps", scope.directory.apps(), |app| key(app.id.0), |app| shown(scope, app))
}

/// Where an app of this workspace is put.
fn place<'a>(
    scope: &'a Scope<'_>,
    installer: Option<&'a User>,
    channel: &'a dyn Fn(&str) -> Option<redraft_model::id::ConversationId>,
) -> Place<'a> {
    let (team_id, public_url) = (&*scope.directory.workspace.team_id, &*scope.app.service.public_url);
    Place { team_id, public_url, installer, channel }
}

fn wrong(failed: &SeedError) -> Error {
    Error::bad(failed.to_string())
}

/// Registers an app as a declaration has it, and answers with its secrets, this once.
pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let asked: SeedApp = scope.json()?;
    if asked.name.is_empty() {
        return Err(Error::bad("an app needs a name"));
    }
    let installer = match &asked.installed_by {
        Some(name) => Some(people::named(scope, name)?),
        None => scope.directory.users().find(|user| !user.admin && user.bot_of.is_none()).map(|user| &**user),
    };
    let names = asked.channels.clone().unwrap_or_else(|| vec!["general".into()]);
    let member_of: BTreeSet<_> =
        names.iter().map(|name| channels::named(scope, name).map(|it| it.id)).collect::<Result<_, _>>()?;
    let channel = |name: &str| channels::named(scope, name).ok().map(|it| it.id);
    let now = scope.app.service.now(scope.id());
    let made = new_app(&asked, &place(scope, installer, &channel), now).map_err(|failed| wrong(&failed))?;
    let (app, bot, tokens) = (made.app, made.bot, made.tokens);
    let control = Control::AddApp { app, bot, tokens, member_of: member_of.into_iter().collect() };
    let Outcome::App(_) = scope.submit(control).await? else { return Err(Error::not_found("app")) };
    created(serde_json::to_value(&made.ready).map_err(|failed| Error::unwritten(&failed))?)
}

/// An app by any spelling of its id, or by name.
pub(super) fn named<'a>(scope: &'a Scope<'_>, id: &str) -> Result<&'a App, Error> {
    let found = scope.directory.app_named(id).or_else(|| scope.directory.apps().find(|app| app.name == id));
    found.map(|app| &**app).ok_or_else(|| Error::not_found("app"))
}

/// What changes of an app. Addresses and the issuer are taken away by null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    name: Option<String>,
    #[serde(default, deserialize_with = "super::answer::given")]
    endpoint: Option<Option<String>>,
    read_all: Option<bool>,
    expect_replies: Option<bool>,
    #[serde(default, deserialize_with = "super::answer::given")]
    issuer: Option<Option<String>>,
    anonymous: Option<bool>,
    scopes: Option<Vec<String>>,
    user_scopes: Option<Vec<String>>,
    redirect_urls: Option<Vec<String>>,
    bot_events: Option<Vec<String>>,
    user_events: Option<Vec<String>>,
    metadata_events: Option<Vec<String>>,
    events_off: Option<bool>,
    socket_mode: Option<bool>,
    #[serde(default, deserialize_with = "super::answer::given")]
    interactivity_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    options_url: Option<Option<String>>,
    commands: Option<Vec<SeedCommand>>,
    shortcuts: Option<Vec<SeedShortcut>>,
}

impl Changed {
    fn check(&self) -> Result<(), SeedError> {
        let urls =
            [&self.endpoint, &self.interactivity_url, &self.options_url].into_iter().flatten().flatten();
        let commands = self.commands.as_deref().unwrap_or_default();
        let urls = urls.chain(self.redirect_urls.iter().flatten());
        urls.chain(commands.iter().filter_map(|it| it.url.as_ref())).try_for_each(|url| check_url(url))?;
        check_commands(commands)
    }

    fn patch(self) -> AppPatch {
        let sorted = |scopes: Vec<String>| scopes.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        AppPatch {
            name: self.name,
            endpoint: self.endpoint,
            reads_all: self.read_all,
            expects_replies: self.expect_replies,
            issuer: self.issuer,
            anonymous: self.anonymous,
            slack: SlackPatch {
                redirect_urls: self.redirect_urls,
                bot_scopes: self.scopes.map(sorted),
                user_scopes: self.user_scopes.map(sorted),
                bot_events: self.bot_events,
                user_events: self.user_events,
                metadata_events: self.metadata_events,
                events_off: self.events_off,
                socket_mode: self.socket_mode,
                interactivity_url: self.interactivity_url,
                options_url: self.options_url,
                commands: self.commands.map(|it| it.iter().map(SeedCommand::command).collect()),
                shortcuts: self.shortcuts.map(|it| it.iter().map(SeedShortcut::shortcut).collect()),
            },
        }
    }
}

pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let changed: Changed = scope.json()?;
    let app = named(scope, id)?;
    changed.check().map_err(|failed| wrong(&failed))?;
    if changed.name.as_deref() == Some("") {
        return Err(Error::bad("an app needs a name"));
    }
    let patch = changed.patch();
    if !patch.slack.is_empty() && app.slack.is_none() {
        return Err(Error::bad(format!("{} is a Teams bot, and some of this is for Slack apps", app.name)));
    }
    let id = app.id;
    scope.submit(Control::PatchApp(id, Box::new(patch))).await?;
    let directory = scope.now();
    ok(done(directory.app(id).map(|changed| shown(scope, changed))))
}

pub(super) async fn uninstall(scope: &Scope<'_>, id: &str) -> Answer {
    let app = named(scope, id)?.id;
    scope.submit(Control::UninstallApp(app)).await?;
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    channel: String,
    /// By default who installed the app.
    installed_by: Option<String>,
}

/// Makes a webhook and answers with its address, this once.
pub(super) async fn add_webhook(scope: &Scope<'_>, id: &str) -> Answer {
    let new: NewWebhook = scope.json()?;
    let app = named(scope, id)?;
    let channel_id = channels::named(scope, &new.channel)?.id;
    let installer = match &new.installed_by {
        Some(name) => Some(people::named(scope, name)?),
        None => app.installed_by.and_then(|user| scope.directory.user(user)).map(|user| &**user),
    };
    let channel = |_: &str| Some(channel_id);
    let made = new_webhook(&new.channel, &place(scope, installer, &channel));
    let (webhook, ready) = made.map_err(|failed| wrong(&failed))?;
    scope.submit(Control::AddWebhook(app.id, webhook)).await?;
    created(serde_json::to_value(&ready).map_err(|failed| Error::unwritten(&failed))?)
}

pub(super) async fn remove_webhook(scope: &Scope<'_>, id: &str, webhook: &str) -> Answer {
    let app = named(scope, id)?.id;
    scope.submit(Control::RemoveWebhook(app, webhook.to_owned())).await?;
    ok(json!({}))
}

/// What callers name the kinds.
pub(super) const KINDS: [(&str, SecretKind); 3] = [
    ("password", SecretKind::Password),
    ("client_secret", SecretKind::ClientSecret),
    ("signing_secret", SecretKind::SigningSecret),
];

/// Replaced secrets that are still good, by kind and with their end.
fn old_secrets(app: &App, now: Micros) -> Value {
    let old = KINDS.iter().filter_map(|(name, kind)| Some((name, app.old_secret(*kind, now)?)));
    old.map(|(name, old)| json!({ "kind": name, "until": Ts(old.until.0).dotted() })).collect()
}
