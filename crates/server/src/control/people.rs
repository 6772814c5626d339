//! People: added, changed, listed.

use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::id::UserId;
use redraft_model::patch::UserPatch;
use redraft_model::workspace::User;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, done, ok};
use super::scope::{Scope, key, listed};
use redraft_service::mint;

pub(super) fn shown(user: &User) -> Value {
    json!({
        "name": user.name,
        "real_name": user.real_name,
        "email": user.email,
        "id": user.slack_id,
        "member_id": user.member_id,
        "directory_id": user.directory_id,
        "admin": user.admin,
        "away": user.away,
        "deactivated": user.deactivated,
        "bot": user.bot_of.is_some(),
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    let people = scope.directory.users().filter(|user| user.bot_of.is_none());
    listed(scope, "people", people, |user| key(user.id.0), shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    real_name: Option<String>,
    email: Option<String>,
    id: Option<String>,
    member_id: Option<String>,
    directory_id: Option<String>,
    #[serde(default)]
    admin: bool,
}

pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let new: New = scope.json()?;
    if new.name.is_empty() {
        return Err(Error::bad("a person needs a name"));
    }
    let user = User {
        id: UserId(0),
        slack_id: new.id.unwrap_or_else(|| mint::slack_id('U')),
        member_id: new.member_id.unwrap_or_else(mint::member_id),
        directory_id: new.directory_id.unwrap_or_else(mint::guid),
        real_name: new.real_name.unwrap_or_else(|| new.name.clone()),
        name: new.name,
        email: new.email,
        admin: new.admin,
        bot_of: None,
        away: false,
        deactivated: false,
        updated_at: scope.app.service.now(scope.id()),
    };
    answer(scope, scope.submit(Control::AddUser(user)).await?).and_then(created)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    name: Option<String>,
    real_name: Option<String>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "super::answer::given")]
    email: Option<Option<String>>,
    admin: Option<bool>,
    away: Option<bool>,
    deactivated: Option<bool>,
}

pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let changed: Changed = scope.json()?;
    let user = named(scope, id)?.id;
    let Changed { name, real_name, email, admin, away, deactivated } = changed;
    let patch = UserPatch { name, real_name, email, admin, away, deactivated };
    answer(scope, scope.submit(Control::PatchUser(user, patch)).await?).and_then(ok)
}

/// A user by any of the spellings of their id, or by `@name`.
pub(super) fn named<'a>(scope: &'a Scope<'_>, id: &str) -> Result<&'a User, Error> {
    let found = scope.directory.user_named(id).or_else(|| scope.directory.user_named(&format!("@{id}")));
    found.map(|user| &**user).ok_or_else(|| Error::not_found("person"))
}

fn answer(scope: &Scope<'_>, outcome: Outcome) -> Result<Value, Error> {
    let Outcome::User(id) = outcome else { return Err(Error::not_found("person")) };
    let directory = scope.now();
    Ok(done(directory.user(id).map(|user| shown(user))))
}
