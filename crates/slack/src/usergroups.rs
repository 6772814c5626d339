//! `usergroups.*`, as far as they read.

use redraft_model::workspace::UserGroup;
use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::{Error, Reply};

/// `usergroups.list`: every user group.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    let disabled = call.args.flag("include_disabled")?.unwrap_or(false);
    let users = call.args.flag("include_users")?.unwrap_or(false);
    let count = call.args.flag("include_count")?.unwrap_or(false);
    let groups = call.directory.user_groups().filter(|group| disabled || !group.disabled);
    let groups: Vec<Value> = groups.map(|group| shown(call, group, users, count)).collect();
    Ok(Reply::new().with("usergroups", &groups))
}

/// `usergroups.users.list`: who is in a user group.
pub(super) async fn users(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    let id = call.args.required("usergroup")?;
    let disabled = call.args.flag("include_disabled")?.unwrap_or(false);
    let found = call.directory.user_group_named(id).filter(|group| group.slack_id == id);
    let none = || Error::new("no_such_subteam").because(format!("no user group here has the id {id}"));
    let group = found.filter(|group| disabled || !group.disabled).ok_or_else(none)?;
    Ok(Reply::new().with("users", &members(call, group)))
}

fn members<'a>(call: &'a Call<'_>, group: &UserGroup) -> Vec<&'a str> {
    let users = group.users.iter().filter_map(|user| call.directory.user(*user));
    users.map(|user| user.slack_id.as_str()).collect()
}

fn shown(call: &Call<'_>, group: &UserGroup, users: bool, count: bool) -> Value {
    let creator = call.directory.user(group.creator).map_or("", |user| &user.slack_id);
    let mut shown = json!({
        "id": group.slack_id,
        "team_id": call.directory.workspace.team_id,
        "is_usergroup": true,
        "is_subteam": true,
        "name": group.name,
        "description": group.description,
        "handle": group.handle,
        "is_external": false,
        "date_create": group.created_at.seconds(),
        "date_update": group.updated_at.seconds(),
        "date_delete": if group.disabled { group.updated_at.seconds() } else { 0 },
        "auto_type": null,
        "auto_provision": false,
        "created_by": creator,
        "updated_by": creator,
        "deleted_by": null,
        "prefs": { "channels": [], "groups": [] },
    });
    if users {
        shown["users"] = members(call, group).into();
    }
    if count {
        shown["user_count"] = group.users.len().into();
    }
    shown
}

fn same_team(call: &Call<'_>) -> Result<(), Error> {
    match call.args.filled("team_id") {
        Some(id) if id != call.directory.workspace.team_id => {
            Err(Error::new("invalid_team").because("a token sees its own workspace only"))
        }
        _ => Ok(()),
    }
}
