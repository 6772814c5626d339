//! `users.*`, `bots.info`, `team.info`.

use std::sync::Arc;

use redraft_model::id::UserId;
use redraft_model::workspace::User;

use crate::addresses::team_url;
use crate::call::Call;
use crate::cursor::{write, written_page};
use crate::objects;
use crate::render;
use crate::reply::{Error, Reply};

/// People on one page at most.
const USERS_PER_PAGE_MAX: usize = 1000;

/// `users.list`: everyone, bots and deactivated people too. Without a limit a page is as long as it may be.
pub(super) async fn users(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    let after = call.cursor("user")?.and_then(|place| u32::try_from(place).ok()).unwrap_or(0);
    let limit = match call.args.number("limit").map_err(|_| Error::arguments("limit must be a number"))? {
        None | Some(0) => USERS_PER_PAGE_MAX,
        Some(_) => call.limit(USERS_PER_PAGE_MAX, USERS_PER_PAGE_MAX)?,
    };
    let everyone = call.directory.users_after(UserId(after));
    let (members, next) = written_page(
        call,
        everyone,
        limit,
        |user| objects::user(call, user).to_string(),
        |user| write("user", user.id.0.into()),
    );
    let mut reply = Reply::new().raw("members", &members).with("cache_ts", &call.now().seconds());
    reply.next_cursor = Some(next);
    Ok(reply)
}

/// `users.info`: one of them.
pub(super) async fn user(call: &Call<'_>) -> Result<Reply, Error> {
    call.args.required("user")?;
    Ok(Reply::new().raw("user", &objects::user(call, &*asked_or_self(call)?).to_string()))
}

/// `users.getPresence`: whether somebody is there.
pub(super) async fn presence(call: &Call<'_>) -> Result<Reply, Error> {
    let user = asked_or_self(call)?;
    let away = user.away || user.deactivated;
    let reply = Reply::new().text("presence", if away { "away" } else { "active" });
    if user.id != call.user.id {
        return Ok(reply);
    }
    Ok(reply
        .with("online", &!away)
        .with("auto_away", &false)
        .with("manual_away", &away)
        .with("connection_count", &u8::from(!away))
        .with("last_activity", &call.now().seconds()))
}

/// `users.profile.get`: somebody's profile.
pub(super) async fn profile(call: &Call<'_>) -> Result<Reply, Error> {
    call.args.flag("include_labels")?;
    let user = asked_or_self(call)?;
    Ok(Reply::new().raw("profile", &objects::profile(call, &user).to_string()))
}

/// The user that `user` names, by default the token's.
pub(super) fn asked_or_self(call: &Call<'_>) -> Result<Arc<User>, Error> {
    let Some(id) = call.args.filled("user") else { return Ok(Arc::clone(&call.user)) };
    let found = call.directory.user_named(id).filter(|user| user.slack_id == id).cloned();
    found.ok_or_else(|| Error::new("user_not_found").because(format!("no user here has the id {id}")))
}

/// `users.lookupByEmail`: one of them, by mail address.
pub(super) async fn by_email(call: &Call<'_>) -> Result<Reply, Error> {
    let email = call.args.required("email")?;
    let user = call.directory.user_named(&format!("mailto:{}", email.to_lowercase()));
    let user = user.filter(|user| !user.deactivated);
    let user = user.ok_or_else(|| Error::new("users_not_found").because("nobody here has this address"))?;
    Ok(Reply::new().raw("user", &objects::user(call, user).to_string()))
}

/// `bots.info`: the bot of an app.
pub(super) async fn bot(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    let missing = || Error::new("missing_argument").because("missing required field: bot");
    let id = call.args.filled("bot").ok_or_else(missing)?;
    let app = call.directory.app_named(id).filter(|app| app.bot_id == id);
    let app =
        app.ok_or_else(|| Error::new("bot_not_found").because(format!("no bot here has the id {id}")))?;
    let icons = render::icons(&call.service.public_url);
    let bot = redraft_wire::slack::objects::Bot {
        id: &app.bot_id,
        deleted: app.uninstalled,
        name: &app.name,
        updated: app.updated_at.seconds(),
        app_id: &app.slack_id,
        user_id: call.directory.user(app.bot_user).map(|user| user.slack_id.as_str()),
        icons: redraft_wire::slack::objects::BotIcons {
            image_36: &icons[0],
            image_48: &icons[1],
            image_72: &icons[2],
        },
    };
    Ok(Reply::new().with("bot", &bot))
}

/// `team.info`: the token's own workspace; others are not found.
pub(super) async fn team(call: &Call<'_>) -> Result<Reply, Error> {
    let workspace = &call.directory.workspace;
    let other_id = call.args.filled("team").is_some_and(|id| id != workspace.team_id);
    let other_domain = call.args.filled("domain").is_some_and(|domain| domain != workspace.domain);
    if other_id || other_domain {
        return Err(Error::new("team_not_found").because("a token sees its own workspace only"));
    }
    let url = team_url(call.service, &workspace.team_id);
    let team = redraft_wire::slack::objects::Team {
        id: &workspace.team_id,
        name: &workspace.name,
        url: &url,
        domain: &workspace.domain,
        icon: redraft_wire::slack::objects::TeamIcon { image_default: true, ..Default::default() },
        ..Default::default()
    };
    Ok(Reply::new().with("team", &team))
}

/// `team_id` is for tokens of many workspaces; here it can only repeat the token's own.
pub(super) fn same_team(call: &Call<'_>) -> Result<(), Error> {
    match call.args.filled("team_id") {
        Some(id) if id != call.directory.workspace.team_id => {
            Err(Error::new("team_not_found").because("a token sees its own workspace only"))
        }
        _ => Ok(()),
    }
}
