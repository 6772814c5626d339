//! Making conversations and listing their members.

use std::str::FromStr;
use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::command::{Post, ReplyTo, Target, Verb};
use redraft_model::content::ContentFault;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::Outcome;
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::message::Kind;
use redraft_model::workspace::{Conversation, ConversationKind, User};
use redraft_wire::connector::activity::{self, ActivityView, Verb as Asked};
use redraft_wire::connector::conversation::{
    ChannelAccount, ConversationMembers, ConversationParameters, ConversationResourceResponse,
    ConversationsResult, PagedMembersResult,
};
use redraft_wire::connector::errors::{BAD_ARGUMENT, BAD_SYNTAX, MEMBER_NOT_FOUND_IN_CONVERSATION};
use serde_json::value::RawValue;

use crate::addresses::service_url;
use crate::call::Call;
use crate::content::content;
use crate::refusal::{fault, no_conversation};
use crate::reply::{Error, Reply};
use redraft_service::bounds::heavy;
use redraft_service::mint;

/// Members that `GET …/members` returns at most.
const MEMBERS_MAX: usize = 10_000;

/// Bytes of a member as JSON, about.
const MEMBER_BYTES: usize = 300;

/// Sizes of a page of members.
const PAGE_MEMBERS: std::ops::RangeInclusive<usize> = 50..=500;

/// Members on a page if the caller does not say.
const PAGE_MEMBERS_DEFAULT: usize = 200;

/// Conversations on a page. A page ends earlier when it has [`MEMBERS_MAX`] members.
const PAGE_CONVERSATIONS: usize = 100;

/// Creates a conversation: the one with a person, which is always the same, or a new thread in a channel.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let asked =
        ConversationParameters::parse(&call.body).map_err(|found| fault(found.code, found.message))?;
    let tenant = &call.directory.workspace.tenant_id;
    if asked.tenant_id.as_ref().is_some_and(|given| given != tenant) {
        return Err(Error::new(StatusCode::BAD_REQUEST, BAD_SYNTAX, "The tenant is not the bot's."));
    }
    match (&asked.channel_id, asked.is_group, &asked.members[..]) {
        (Some(channel), true, _) => thread(call, channel, asked.activity.as_deref()).await,
        (_, true, _) => Err(wrong("a bot does not found a group chat")),
        (None, false, [person]) => personal(call, person, asked.activity.as_deref()).await,
        (Some(_), false, _) => Err(wrong("a thread in a channel needs isGroup")),
        (None, false, []) => Err(wrong("neither a member nor a channel was given")),
        (None, false, _) => Err(wrong("several members need a group, which a bot does not found")),
    }
}

fn wrong(why: &str) -> Error {
    let message = format!("Incorrect conversation creation parameters: {why}.");
    Error::new(StatusCode::BAD_REQUEST, BAD_SYNTAX, message)
}

async fn personal(call: &Call<'_>, person: &str, first: Option<&RawValue>) -> Result<Reply, Error> {
    let person = call.directory.user_named(person).filter(|user| user.bot_of.is_none());
    let first = first.map(checked).transpose()?;
    let ids = mint::conversation(ConversationKind::Direct);
    // With a message the chat is opened by the same command, so that either both happen or nothing does.
    if let (Some(person), Some(Some(first))) = (person.filter(|person| !person.deactivated), first) {
        let made = ids.connector_id.clone();
        let key = post(call, Target::Person(person.id, ids), first).await?;
        let directory = call.service.workspace(call.directory.workspace.id);
        let known = directory.as_ref().and_then(|directory| directory.conversation(key.conversation));
        let id = known.map_or(&made, |conversation| &conversation.connector_id);
        return Ok(created(call, id, Some(&key.ts.digits())));
    }
    let users = vec![person.map(|person| person.id)];
    let made = ids.connector_id.clone();
    let open = ConversationCommand::Open { users, ids, existing_only: false };
    let opened = call.submit(Verb::Conversation(open), &ActivityView::default()).await?;
    let Outcome::Conversation(id, _) = opened else { return Err(no_conversation()) };
    let directory = call.service.workspace(call.directory.workspace.id);
    let known = directory.as_ref().and_then(|directory| directory.conversation(id));
    Ok(created(call, known.map_or(&made, |conversation| &conversation.connector_id), None))
}

async fn thread(call: &Call<'_>, channel: &str, first: Option<&RawValue>) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(channel)?;
    if !conversation.is_channel() {
        return Err(wrong("channelData.channel.id is not a channel's"));
    }
    let Some(Some(first)) = first.map(checked).transpose()? else {
        return Err(wrong("a thread begins with a message"));
    };
    let root = post(call, Target::Conversation(conversation.id), first).await?.ts.digits();
    Ok(created(call, &format!("{};messageid={root}", conversation.connector_id), Some(&root)))
}

/// The activity if it is a message; what only shows typing is accepted and dropped.
fn checked(first: &RawValue) -> Result<Option<&RawValue>, Error> {
    let view = activity::parse(first.get().as_bytes()).map_err(|found| fault(found.code, found.message))?;
    if view.is_targeted || view.stream.is_some() {
        let why = "it begins with a message for everybody, which is neither targeted nor streamed";
        return Err(wrong(why));
    }
    match activity::for_send(&view).map_err(|found| fault(found.code, found.message))? {
        Asked::Message => Ok(Some(first)),
        Asked::Typing | Asked::Trace => Ok(None),
    }
}

async fn post(call: &Call<'_>, target: Target, activity: &RawValue) -> Result<MessageKey, Error> {
    let post = Post {
        target,
        content: Arc::new(content(call, activity.get().into())),
        fault: None::<ContentFault>,
        kind: Kind::Plain,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: false,
    };
    match call.submit(Verb::Post(post), &ActivityView::default()).await? {
        Outcome::Posted(posted) => Ok(posted.message.key),
        Outcome::Repeated(before, _) => Ok(before.key),
        other => {
            debug_assert!(false, "no outcome of a post: {other:?}");
            Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceError", "The server failed."))
        }
    }
}

fn created(call: &Call<'_>, id: &str, activity_id: Option<&str>) -> Reply {
    let service_url = service_url(call.service, &call.directory.workspace.tenant_id);
    let body = ConversationResourceResponse { id, activity_id, service_url: &service_url };
    Reply::new(StatusCode::CREATED, &body)
}

/// All members, bots left out.
pub(super) fn members(call: &Call<'_>, conversation: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let people = people_after(call, &conversation, UserId(0)).take(MEMBERS_MAX);
    Ok(heavy(conversation.members.len() * MEMBER_BYTES, || {
        Reply::new(StatusCode::OK, &people.map(|user| account(call, user)).collect::<Vec<_>>())
    }))
}

/// One page of members.
pub(super) fn paged_members(call: &Call<'_>, conversation: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let size = number(call, "pageSize")?.unwrap_or(PAGE_MEMBERS_DEFAULT);
    let size = size.clamp(*PAGE_MEMBERS.start(), *PAGE_MEMBERS.end());
    let after = UserId(number(call, "continuationToken")?.unwrap_or(0));
    let mut page: Vec<&Arc<User>> = people_after(call, &conversation, after).take(size + 1).collect();
    let more = size < page.len();
    page.truncate(size);
    let next = page.last().filter(|_| more).map(|user| user.id.0.to_string());
    let members = page.into_iter().map(|user| account(call, user)).collect();
    Ok(Reply::new(StatusCode::OK, &PagedMembersResult { continuation_token: next.as_deref(), members }))
}

/// A number in the query; an empty one counts as absent.
fn number<T: FromStr>(call: &Call<'_>, name: &str) -> Result<Option<T>, Error> {
    let Some(given) = call.parameter(name).filter(|given| !given.is_empty()) else { return Ok(None) };
    let bad = |_| Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, format!("{name} is not valid."));
    given.parse().map(Some).map_err(bad)
}

/// One page of the conversations that the bot is in, with their members.
pub(super) fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let after = ConversationId(number(call, "continuationToken")?.unwrap_or(0));
    Ok(heavy(call.directory.entries() * MEMBER_BYTES, || page_after(call, after)))
}

fn page_after(call: &Call<'_>, after: ConversationId) -> Reply {
    let mut all = call.directory.rooms_after(call.bot.bot_user, after).peekable();
    let (mut conversations, mut listed, mut last) = (Vec::new(), 0, after);
    while conversations.len() < PAGE_CONVERSATIONS
        && let Some(next) = all.next_if(|next| listed == 0 || listed + next.members.len() <= MEMBERS_MAX)
    {
        let people = people_after(call, next, UserId(0)).take(MEMBERS_MAX);
        let members = people.map(|user| account(call, user)).collect();
        conversations.push(ConversationMembers { id: &next.connector_id, members });
        (listed, last) = (listed + next.members.len(), next.id);
    }
    let next = all.peek().map(|_| last.0.to_string());
    Reply::new(StatusCode::OK, &ConversationsResult { continuation_token: next.as_deref(), conversations })
}

/// One member, by `29:` id or directory id.
pub(super) fn member(call: &Call<'_>, conversation: &str, id: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let user =
        call.directory.user_named(id).filter(|user| conversation.has(user.id) && user.bot_of.is_none());
    let unknown = || {
        let message = format!("No member of this conversation has the id {id}.");
        Error::new(StatusCode::NOT_FOUND, MEMBER_NOT_FOUND_IN_CONVERSATION, message)
    };
    Ok(Reply::new(StatusCode::OK, &account(call, user.ok_or_else(unknown)?)))
}

fn people_after<'a>(
    call: &'a Call<'_>,
    conversation: &'a Conversation,
    after: UserId,
) -> impl Iterator<Item = &'a Arc<User>> {
    let members = conversation.members.range_from(&UserId(after.0.saturating_add(1))).map(|(user, _)| *user);
    members.filter_map(|user| call.directory.user(user)).filter(|user| user.bot_of.is_none())
}

fn account<'a>(call: &'a Call<'_>, user: &'a User) -> ChannelAccount<'a> {
    let (given_name, surname) = user.real_name.split_once(' ').unwrap_or((&user.real_name, ""));
    ChannelAccount {
        id: &user.member_id,
        name: Some(&user.real_name),
        given_name: Some(given_name),
        surname: Some(surname),
        email: user.email.as_deref(),
        user_principal_name: user.email.as_deref(),
        tenant_id: Some(&call.directory.workspace.tenant_id),
        user_role: Some("user"),
        aad_object_id: Some(&user.directory_id),
        object_id: Some(&user.directory_id),
    }
}
