//! User groups: added, changed, listed.

use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::id::{UserGroupId, UserId};
use redraft_model::patch::UserGroupPatch;
use redraft_model::workspace::UserGroup;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, done, ok};
use super::people;
use super::scope::{Scope, key, listed};
use redraft_service::mint;

fn shown(directory: &Directory, group: &UserGroup) -> Value {
    let users = group.users.iter().filter_map(|user| directory.user(*user));
    json!({
        "id": group.slack_id,
        "handle": group.handle,
        "name": group.name,
        "description": group.description,
        "members": users.map(|user| &user.slack_id).collect::<Vec<_>>(),
        "disabled": group.disabled,
    })
}

pub(super) fn list(scope: &Scope<'_>) -> Answer {
    let groups = scope.directory.user_groups();
    listed(scope, "user_groups", groups, |group| key(group.id.0), |group| shown(&scope.directory, group))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    handle: String,
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    members: Vec<String>,
}

pub(super) async fn add(scope: &Scope<'_>) -> Answer {
    let new: New = scope.json()?;
    if new.handle.is_empty() {
        return Err(Error::bad("a group needs a handle"));
    }
    let users = users(scope, &new.members)?;
    let now = scope.app.service.now(scope.id());
    let group = UserGroup {
        id: UserGroupId(0),
        slack_id: new.id.unwrap_or_else(|| mint::slack_id('S')),
        name: new.name.unwrap_or_else(|| new.handle.clone()),
        handle: new.handle,
        description: new.description,
        creator: users.first().copied().unwrap_or(UserId(1)),
        users,
        created_at: now,
        updated_at: now,
        disabled: false,
    };
    answer(scope, scope.submit(Control::AddUserGroup(group)).await?).and_then(created)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    handle: Option<String>,
    name: Option<String>,
    description: Option<String>,
    members: Option<Vec<String>>,
    disabled: Option<bool>,
}

pub(super) async fn change(scope: &Scope<'_>, id: &str) -> Answer {
    let changed: Changed = scope.json()?;
    let directory = &scope.directory;
    let found = directory.user_group_named(id).or_else(|| directory.user_group_named(&format!("@{id}")));
    let group = found.ok_or_else(|| Error::not_found("user group"))?.id;
    if changed.handle.as_deref() == Some("") {
        return Err(Error::bad("a group needs a handle"));
    }
    let users = changed.members.as_deref().map(|names| users(scope, names)).transpose()?;
    let Changed { handle, name, description, disabled, .. } = changed;
    let patch = UserGroupPatch { handle, name, description, users, disabled };
    answer(scope, scope.submit(Control::PatchUserGroup(group, patch)).await?).and_then(ok)
}

fn users(scope: &Scope<'_>, names: &[String]) -> Result<Vec<UserId>, Error> {
    names.iter().map(|name| people::named(scope, name).map(|user| user.id)).collect()
}

fn answer(scope: &Scope<'_>, outcome: Outcome) -> Result<Value, Error> {
    let Outcome::UserGroup(id) = outcome else { return Err(Error::not_found("user group")) };
    let directory = scope.now();
    Ok(done(directory.user_group(id).map(|it| shown(&directory, it))))
}
