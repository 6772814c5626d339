//! Apps: registered, uninstalled, listed.

use std::collections::BTreeSet;

use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::workspace::App;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Answer, Error, Scope, channels, created, ok, people};
use crate::seed::{SeedApp, new_app};

fn shown(scope: &Scope<'_>, app: &App) -> Value {
    let user = |id| scope.directory.user(id).map(|user| user.slack_id.clone());
    json!({
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
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    ok(json!({ "apps": scope.directory.apps().map(|app| shown(scope, app)).collect::<Vec<_>>() }))
}

/// Registers an app as a declaration has it, and answers with its secrets, this once.
pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let asked: SeedApp = scope.json()?;
    if asked.name.is_empty() {
        return Err(Error::bad("an app needs a name"));
    }
    check_endpoint(asked.endpoint.as_deref())?;
    let installer = match &asked.installed_by {
        Some(name) => Some(people::named(scope, name)?),
        None => scope
            .directory
            .users_after(redraft_model::id::UserId(0))
            .find(|user| !user.admin && user.bot_of.is_none())
            .map(|user| &**user),
    };
    let names = asked.channels.clone().unwrap_or_else(|| vec!["general".into()]);
    let places: BTreeSet<_> =
        names.iter().map(|name| channels::named(scope, name).map(|it| it.id)).collect::<Result<_, _>>()?;
    let mut made = new_app(&asked, scope.app.now(scope.id()));
    made.app.installed_by = installer.map(|user| user.id);
    let control = Control::AddApp {
        app: made.app.clone(),
        bot: made.bot.clone(),
        tokens: made.tokens.clone(),
        member_of: places.into_iter().collect(),
    };
    let Outcome::App(_) = scope.submit(control).await? else { return Err(Error::not_found("app")) };
    let ready = made.ready(&made.app, installer.map(|user| user.slack_id.clone()).unwrap_or_default());
    created(serde_json::to_value(&ready).unwrap_or_default())
}

/// An app by any spelling of its id, or by name.
pub(super) fn named<'a>(scope: &'a Scope<'_>, id: &str) -> Result<&'a App, Error> {
    let found = scope.directory.app_named(id).or_else(|| scope.directory.apps().find(|app| app.name == id));
    found.map(|app| &**app).ok_or_else(|| Error::not_found("app"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    /// Null takes it away.
    #[serde(default, deserialize_with = "given")]
    endpoint: Option<Option<String>>,
    read_all: Option<bool>,
    expect_replies: Option<bool>,
    /// Null is the Bot Connector's own.
    #[serde(default, deserialize_with = "given")]
    issuer: Option<Option<String>>,
    anonymous: Option<bool>,
}

/// Tells what is null from what is not there.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

fn check_endpoint(endpoint: Option<&str>) -> Result<(), Error> {
    match endpoint {
        Some(given) if !(given.starts_with("http://") || given.starts_with("https://")) => {
            Err(Error::bad("an endpoint begins with http:// or https://"))
        }
        _ => Ok(()),
    }
}

pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let changed: Changed = scope.json()?;
    let app = named(scope, id)?;
    check_endpoint(changed.endpoint.as_ref().and_then(Option::as_deref))?;
    let app = App {
        endpoint: changed.endpoint.unwrap_or_else(|| app.endpoint.clone()),
        reads_all: changed.read_all.unwrap_or(app.reads_all),
        expects_replies: changed.expect_replies.unwrap_or(app.expects_replies),
        issuer: changed.issuer.unwrap_or_else(|| app.issuer.clone()),
        anonymous: changed.anonymous.unwrap_or(app.anonymous),
        ..App::clone(app)
    };
    let id = app.id;
    scope.submit(Control::ChangeApp(app)).await?;
    let directory = scope.now()?;
    let changed = directory.app(id).ok_or_else(|| Error::not_found("app"))?;
    ok(shown(scope, changed))
}

pub(super) async fn uninstall(scope: &Scope<'_>, id: &str) -> Answer {
    let app = named(scope, id)?.id;
    scope.submit(Control::UninstallApp(app)).await?;
    ok(json!({}))
}
