//! `conversations.*` and `users.conversations`, apart from reading messages.

use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_model::conversations::{ConversationCommand as C, ConversationRefusal};
use redraft_model::decision::{Outcome, Why};
use redraft_model::id::{ConversationId, UserId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::policy::sees;
use redraft_model::time::Ts;
use redraft_model::workspace::{Conversation, ConversationKind, TokenKind};
use serde_json::json;

use crate::call::Call;
use crate::cursor::{page, write, written_page};
use crate::objects::{self, Shown};
use crate::people::same_team;
use crate::refusal::unavailable;
use crate::reply::{Error, Reply};
use crate::{refusal, scopes};
use redraft_service::NotDone;
use redraft_service::mint;

/// Conversations on one page at most.
const LIST_MAX: usize = 1000;

/// People invited by one call at most.
const INVITED_MAX: usize = 100;

/// Characters of a channel's name.
const NAME_CHARS_MAX: usize = 80;

/// `conversations.list`: the channels that the caller sees, and its direct messages where asked for.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let shown = Shown { num_members: true, is_member: true, last_read: None };
    listed(call, shown, |kinds, after| match kinds.contains(&ConversationKind::Public) {
        true => Box::new(call.directory.seen_after(call.user.id, after)),
        // Whatever else is listed has the caller in it.
        false => Box::new(call.directory.rooms_after(call.user.id, after)),
    })
}

/// `users.conversations`: what one user is in, as far as the caller sees it.
pub(super) async fn of_user(call: &Call<'_>) -> Result<Reply, Error> {
    let whose = match call.args.filled("user") {
        None => call.user.id,
        Some(id) => user(call, id)
            .ok_or_else(|| Error::new("user_not_found").because(format!("no user here has the id {id}")))?,
    };
    call.args.flag("exclude_muted")?;
    listed(call, Shown::default(), |_, after| {
        Box::new(call.directory.rooms_after(whose, after).filter(|it| sees(call.user.id, it)))
    })
}

type Conversations<'a> = Box<dyn Iterator<Item = &'a Arc<Conversation>> + 'a>;

/// One page of what `all` gives of these kinds after a conversation.
fn listed<'a>(
    call: &'a Call<'_>,
    shown: Shown,
    all: impl FnOnce(&[ConversationKind], ConversationId) -> Conversations<'a>,
) -> Result<Reply, Error> {
    same_team(call)?;
    let kinds = kinds(call)?;
    let active_only = call.args.flag("exclude_archived")?.unwrap_or(false);
    let after = call.cursor("conversation")?.and_then(|place| u32::try_from(place).ok()).unwrap_or(0);
    let limit = call.limit(100, LIST_MAX)?;
    let all = all(&kinds, ConversationId(after))
        .filter(|conversation| kinds.contains(&conversation.kind) && !(active_only && conversation.archived));
    let (channels, next) = written_page(
        call,
        all,
        limit,
        |it| objects::conversation(call, it, shown).to_string(),
        |it| write("conversation", it.id.0.into()),
    );
    let mut reply = Reply::new().raw("channels", &channels);
    reply.next_cursor = Some(next);
    Ok(reply)
}

fn kinds(call: &Call<'_>) -> Result<Vec<ConversationKind>, Error> {
    let mut kinds = Vec::new();
    for kind in call.args.filled("types").unwrap_or("public_channel").split(',') {
        let kind = match kind.trim() {
            "public_channel" => ConversationKind::Public,
            "private_channel" => ConversationKind::Private,
            "im" => ConversationKind::Direct,
            "mpim" => ConversationKind::Group,
            other => return Err(Error::new("invalid_types").because(format!("unknown type: {other}"))),
        };
        scopes::READ.check(&call.token, kind)?;
        kinds.push(kind);
    }
    Ok(kinds)
}

/// `conversations.info`: one conversation.
pub(super) async fn info(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    scopes::READ.check_in(&call.token, &conversation)?;
    let num_members = call.args.flag("include_num_members")?.unwrap_or(false);
    let last_read =
        if conversation.has(call.user.id) { Some(read(call, &conversation).await?) } else { None };
    let shown = Shown { num_members, is_member: true, last_read };
    Ok(Reply::new().raw("channel", &objects::conversation(call, &conversation, shown).to_string()))
}

/// The last message that the caller has marked as read.
async fn read(call: &Call<'_>, conversation: &Conversation) -> Result<Ts, Error> {
    let key = ItemKey::Read(conversation.id, call.user.id);
    let item = call.service.store.item(call.directory.workspace.id, key).await.map_err(unavailable)?;
    Ok(match item {
        Some(Item::Read(ts)) => ts,
        _ => Ts(0),
    })
}

/// `conversations.members`: who is in it.
pub(super) async fn members(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    scopes::READ.check_in(&call.token, &conversation)?;
    let after = call.cursor("member")?.and_then(|place| u32::try_from(place).ok()).unwrap_or(0);
    let limit = call.limit(100, LIST_MAX)?;
    let all = conversation.members.range_from(&UserId(after.saturating_add(1))).map(|(user, _)| *user);
    let (found, next) = page(all, limit, |user| write("member", user.0.into()));
    let ids: Vec<&str> = found
        .iter()
        .filter_map(|user| call.directory.user(*user))
        .map(|user| user.slack_id.as_str())
        .collect();
    let mut reply = Reply::new().with("members", &ids);
    reply.next_cursor = Some(next);
    Ok(reply)
}

/// `conversations.create`: a new channel.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    let name = name(call)?;
    let private = call.args.flag("is_private")?.unwrap_or(false);
    let kind = if private { ConversationKind::Private } else { ConversationKind::Public };
    scopes::MANAGE.check(&call.token, kind)?;
    let ids = mint::conversation(kind);
    let id = changed(call, C::Create { name, private, ids }).await?.0;
    shown(call, id)
}

pub(super) fn name(call: &Call<'_>) -> Result<String, Error> {
    let wrong = |code: &'static str, why: &str| Err(Error::new(code).because(why).with("detail", &why));
    let Some(given) = call.args.text("name").map(|name| name.trim_start_matches('#')) else {
        return wrong("invalid_name_required", "missing required field: name");
    };
    if given.is_empty() {
        return wrong("invalid_name_required", "a channel needs a name");
    }
    if NAME_CHARS_MAX < given.chars().count() {
        return wrong("invalid_name_maxlength", "a channel's name has 80 characters at most");
    }
    if given.chars().all(|char| matches!(char, '-' | '_' | '.')) {
        return wrong("invalid_name_punctuation", "a channel's name is not punctuation only");
    }
    let allowed = |char: char| matches!(char, '-' | '_') || (char.is_alphanumeric() && !char.is_uppercase());
    if !given.chars().all(allowed) {
        return wrong(
            "invalid_name_specials",
            "a channel's name has lower case letters, digits, - and _ only",
        );
    }
    Ok(given.to_owned())
}

/// `conversations.join`: the caller comes in.
pub(super) async fn join(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    let (id, joined) = changed(call, C::Join(conversation.id)).await?;
    let mut reply = shown(call, id)?;
    if !joined {
        reply.warnings.push("already_in_channel");
    }
    Ok(reply)
}

/// `conversations.leave`: the caller goes.
pub(super) async fn leave(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    let (_, left) = changed(call, C::Leave(conversation.id)).await?;
    Ok(if left { Reply::new() } else { Reply::new().with("not_in_channel", &true) })
}

/// `conversations.invite`: others come in.
pub(super) async fn invite(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    scopes::INVITE.check_in(&call.token, &conversation)?;
    let ids = call.args.list("users");
    if ids.is_empty() && !call.args.has("users") {
        return Err(Error::missing("users"));
    }
    if INVITED_MAX < ids.len() {
        return Err(Error::arguments(format!("no more than {INVITED_MAX} users at once")));
    }
    let users: Vec<Option<UserId>> = ids.iter().map(|id| user(call, id)).collect();
    let force = call.args.flag("force")?.unwrap_or(false);
    let command = C::Invite { conversation: conversation.id, users: users.clone(), force };
    match call.attempt(Verb::Conversation(command)).await {
        Ok(Outcome::Invited(id, failed)) => {
            let place = |failed: &UserId| users.iter().position(|user| *user == Some(*failed));
            let unknown = users.iter().enumerate().filter(|(_, user)| user.is_none());
            let mut errors: Vec<_> =
                unknown.map(|(place, _)| failure(&ids[place], "user_not_found")).collect();
            errors.extend(
                failed.iter().filter_map(|(user, why)| Some(failure(&ids[place(user)?], &code(call, why)))),
            );
            let reply = shown(call, id)?;
            Ok(if errors.is_empty() { reply } else { reply.with("errors", &errors) })
        }
        Ok(_) => Err(Error::new("internal_error")),
        Err(NotDone::Refused(refusal)) => {
            let error = refusal::error(&refusal, &call.directory, call.method);
            let Why::Conversation(ConversationRefusal::Invitations(failed)) = &refusal.why else {
                return Err(error);
            };
            let errors: Vec<_> =
                failed.iter().map(|(place, why)| failure(&ids[*place], &code(call, why))).collect();
            Err(error.with("errors", &errors).because("nobody was invited; force invites those who can be"))
        }
        Err(not_done) => Err(call.error(not_done)),
    }
}

fn failure(id: &str, code: &str) -> serde_json::Value {
    json!({ "user": id, "ok": false, "error": code })
}

fn code(call: &Call<'_>, why: &ConversationRefusal) -> String {
    refusal::conversation(why, call.method).code.into_owned()
}

fn user(call: &Call<'_>, id: &str) -> Option<UserId> {
    call.directory.user_named(id).filter(|user| user.slack_id == id).map(|user| user.id)
}

/// `conversations.kick`: somebody else goes.
pub(super) async fn kick(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    let user = user(call, call.args.required("user")?);
    changed(call, C::Kick { conversation: conversation.id, user }).await?;
    Ok(Reply::new().raw("errors", "{}"))
}

/// `conversations.open`: the direct message with these people, or an existing one by id.
pub(super) async fn open(call: &Call<'_>) -> Result<Reply, Error> {
    let whole = call.args.flag("return_im")?.unwrap_or(false);
    let existing_only = call.args.flag("prevent_creation")?.unwrap_or(false);
    let ids = call.args.list("users");
    let before = call.directory.next_conversation();
    let id = match call.args.filled("channel") {
        Some(_) if ids.is_empty() => {
            let conversation = call.conversation("channel")?;
            scopes::MANAGE.check_in(&call.token, &conversation)?;
            changed(call, C::Reopen(conversation.id)).await?.0
        }
        _ => {
            let kind = if 1 < ids.len() { ConversationKind::Group } else { ConversationKind::Direct };
            scopes::MANAGE.check(&call.token, kind)?;
            let users = ids.iter().map(|id| user(call, id)).collect();
            changed(call, C::Open { users, ids: mint::conversation(kind), existing_only }).await?.0
        }
    };
    let directory =
        call.service.workspace(call.directory.workspace.id).ok_or_else(|| Error::new("invalid_auth"))?;
    let conversation = directory.conversation(id).ok_or_else(|| Error::new("channel_not_found"))?;
    let reply = if whole {
        Reply::new().raw("channel", &objects::conversation(call, conversation, Shown::default()).to_string())
    } else {
        Reply::new().with("channel", &json!({ "id": conversation.slack_id }))
    };
    let existed = id < before;
    Ok(if existed { reply.with("no_op", &true).with("already_open", &true) } else { reply })
}

/// `conversations.close`: the caller puts a direct message away.
pub(super) async fn close(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    let (_, closed) = changed(call, C::Close(conversation.id)).await?;
    let reply = Reply::new();
    Ok(if closed { reply } else { reply.with("no_op", &true).with("already_closed", &true) })
}

/// `conversations.archive`: nothing is posted to it any more.
pub(super) async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    changed(call, C::Archive(conversation.id)).await?;
    Ok(Reply::new())
}

/// `conversations.unarchive`: it is in use again.
pub(super) async fn unarchive(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    changed(call, C::Unarchive(conversation.id)).await?;
    Ok(Reply::new())
}

pub(super) fn managed(call: &Call<'_>) -> Result<Arc<Conversation>, Error> {
    let conversation = call.conversation("channel")?;
    scopes::MANAGE.check_in(&call.token, &conversation)?;
    debug_assert!(call.token.kind != TokenKind::App);
    Ok(conversation)
}

pub(super) async fn changed(call: &Call<'_>, command: C) -> Result<(ConversationId, bool), Error> {
    match call.submit(Verb::Conversation(command)).await? {
        Outcome::Conversation(id, changed) => Ok((id, changed)),
        _ => Err(Error::new("internal_error")),
    }
}

/// The conversation as it is after the call.
pub(super) fn shown(call: &Call<'_>, id: ConversationId) -> Result<Reply, Error> {
    // What was asked is done by now, even if the workspace was dropped since.
    let Some(directory) = call.service.workspace(call.directory.workspace.id) else {
        return Ok(Reply::new());
    };
    let Some(conversation) = directory.conversation(id) else { return Ok(Reply::new()) };
    let shown = Shown { is_member: true, ..Shown::default() };
    Ok(Reply::new().raw("channel", &objects::conversation(call, conversation, shown).to_string()))
}
