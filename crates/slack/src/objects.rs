//! Users and conversations as the Web API shows them to one caller.

use redraft_model::directory::Directory;
use redraft_model::time::Ts;
use redraft_model::workspace::{Conversation, ConversationKind, Note, User};
use redraft_wire::slack::objects as wire;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::scopes;
use redraft_service::mint;

fn raw(value: &impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

/// A user's profile; the mail address only for tokens that may see it.
pub(super) fn profile(call: &Call<'_>, user: &User) -> Box<RawValue> {
    let email = scopes::has(&call.token, "users:read.email");
    raw(&profile_of(&call.directory, user, &avatar(user), email))
}

fn avatar(user: &User) -> String {
    mint::hex(&mint::sha256(user.slack_id.as_bytes())[..6])
}

fn profile_of<'a>(
    directory: &'a Directory,
    user: &'a User,
    avatar: &'a str,
    email: bool,
) -> wire::Profile<'a> {
    let app = user.bot_of.and_then(|app| directory.app(app));
    let (first, last) = user.real_name.split_once(' ').unwrap_or((&user.real_name, ""));
    wire::Profile {
        real_name: &user.real_name,
        real_name_normalized: &user.real_name,
        display_name: &user.name,
        display_name_normalized: &user.name,
        avatar_hash: avatar,
        email: user.email.as_deref().filter(|_| email),
        first_name: Some(first),
        last_name: Some(last),
        team: &directory.workspace.team_id,
        bot_id: app.map(|app| app.bot_id.as_str()),
        api_app_id: app.map(|app| app.slack_id.as_str()),
        ..wire::Profile::default()
    }
}

/// A user.
pub(super) fn user(call: &Call<'_>, user: &User) -> Box<RawValue> {
    described(&call.directory, user, scopes::has(&call.token, "users:read.email"), locale(call))
}

/// A user as whoever may see mail addresses, or may not, sees them.
pub(super) fn described(
    directory: &Directory,
    user: &User,
    email: bool,
    locale: Option<&'static str>,
) -> Box<RawValue> {
    let workspace = &directory.workspace;
    let colour = &mint::hex(&mint::sha256(user.slack_id.as_bytes())[..3]);
    let avatar = avatar(user);
    let profile = profile_of(directory, user, &avatar, email);
    let active = |value: bool| (!user.deactivated).then_some(value);
    raw(&wire::User {
        id: &user.slack_id,
        team_id: Some(&workspace.team_id),
        name: &user.name,
        deleted: user.deactivated,
        color: (!user.deactivated).then_some(colour),
        real_name: (!user.deactivated).then_some(&user.real_name),
        tz: (!user.deactivated).then_some("Etc/UTC"),
        tz_label: (!user.deactivated).then_some("Coordinated Universal Time"),
        tz_offset: (!user.deactivated).then_some(0),
        profile,
        is_admin: active(user.admin),
        is_owner: active(false),
        is_primary_owner: active(false),
        is_restricted: active(false),
        is_ultra_restricted: active(false),
        is_bot: user.bot_of.is_some(),
        is_app_user: false,
        updated: user.updated_at.seconds(),
        is_email_confirmed: active(user.email.is_some()),
        who_can_share_contact_card: (!user.deactivated).then_some("EVERYONE"),
        locale,
    })
}

fn locale(call: &Call<'_>) -> Option<&'static str> {
    call.args.flag("include_locale").ok().flatten().unwrap_or(false).then_some("en-US")
}

/// What of a conversation only some methods show.
#[derive(Clone, Copy, Default)]
pub(super) struct Shown {
    /// How many are in it.
    pub num_members: bool,
    /// Whether the caller is in it.
    pub is_member: bool,
    /// How far the caller has read it.
    pub last_read: Option<Ts>,
}

fn note<'a>(call: &'a Call<'_>, note: &'a Note) -> wire::Note<'a> {
    let by = note.by.and_then(|user| call.directory.user(user));
    let creator = by.map_or("", |user| user.slack_id.as_str());
    wire::Note { value: &note.value, creator, last_set: note.at.seconds() }
}

/// Nothing is the platform's row of noughts.
fn last_read(ts: Ts) -> String {
    if ts == Ts(0) { "0000000000.000000".into() } else { ts.dotted() }
}

/// A conversation.
pub(super) fn conversation(call: &Call<'_>, it: &Conversation, shown: Shown) -> Box<RawValue> {
    if it.kind == ConversationKind::Direct { direct(call, it, shown) } else { channel(call, it, shown) }
}

fn direct(call: &Call<'_>, it: &Conversation, shown: Shown) -> Box<RawValue> {
    let last_read = shown.last_read.map(last_read);
    let other = it.members.keys().find(|user| **user != call.user.id).unwrap_or(&call.user.id);
    let other = call.directory.user(*other);
    raw(&wire::DirectMessage {
        id: &it.slack_id,
        created: it.created_at.seconds(),
        is_archived: it.archived,
        is_im: true,
        context_team_id: &call.directory.workspace.team_id,
        updated: it.updated_at.0 / 1000,
        user: other.map_or("", |user| &user.slack_id),
        is_user_deleted: other.is_some_and(|user| user.deactivated),
        is_open: Some(!it.closed.contains(&call.user.id)),
        last_read: last_read.as_deref(),
        locale: locale(call),
        ..wire::DirectMessage::default()
    })
}

fn channel(call: &Call<'_>, it: &Conversation, shown: Shown) -> Box<RawValue> {
    let creator = call.directory.user(it.creator).map_or("", |user| &user.slack_id);
    let team = [call.directory.workspace.team_id.as_str()];
    let group = it.kind == ConversationKind::Group;
    // Only a group's name is made of its members, of whom it has few; a channel may have many.
    let members = group.then(|| it.members.keys().filter_map(|user| call.directory.user(*user)));
    let names: Vec<&str> = members.into_iter().flatten().map(|user| user.name.as_str()).collect();
    let group_name = format!("mpdm-{}-1", names.join("--"));
    let name = if group { &group_name } else { &it.name };
    let previous_names: Vec<&str> = it.previous_names.iter().map(String::as_str).collect();
    let last_read = shown.last_read.map(last_read);
    raw(&wire::Channel {
        id: &it.slack_id,
        name,
        is_channel: it.kind == ConversationKind::Public || it.kind == ConversationKind::Private,
        is_group: false,
        is_im: false,
        is_mpim: group,
        is_private: it.kind != ConversationKind::Public,
        created: it.created_at.seconds(),
        creator,
        is_archived: it.archived,
        is_general: it.general,
        name_normalized: name,
        is_member: shown.is_member.then(|| it.has(call.user.id)),
        context_team_id: team[0],
        updated: it.updated_at.0 / 1000,
        shared_team_ids: &team,
        topic: note(call, &it.topic),
        purpose: note(call, &it.purpose),
        previous_names: &previous_names,
        last_read: last_read.as_deref(),
        num_members: shown.num_members.then(|| u32::try_from(it.members.len()).unwrap_or(u32::MAX)),
        locale: locale(call),
        ..wire::Channel::default()
    })
}
