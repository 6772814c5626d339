//! `reactions.*`.

use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_model::decision::Outcome;
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::policy::{Reader, sees};
use redraft_model::time::Ts;
use redraft_model::workspace::Conversation;
use redraft_store::{READ_BYTES_MAX, READ_ROWS_MAX, Stored};
use redraft_wire::slack::json::push_string;

use crate::call::Call;
use crate::chat::{link, view};
use crate::cursor::write;
use crate::file_objects::shared_on;
use crate::people::same_team;
use crate::refusal::unavailable;
use crate::render::View;
use crate::reply::{Error, Reply};
use redraft_service::bounds::heavy;

/// Characters of an emoji's short name.
const NAME_CHARS_MAX: usize = 100;

/// Items on one page at most.
const ITEMS_MAX: usize = 200;

/// `reactions.add`: the token's user reacts to a message.
pub(super) async fn add(call: &Call<'_>) -> Result<Reply, Error> {
    let name = emoji(call)?;
    let (conversation, ts) = item(call)?;
    if act(call, conversation.id, ts, Act::React(name)).await? {
        return Ok(Reply::new());
    }
    Err(Error::new("already_reacted").because("the token's user has this reaction on the message already"))
}

/// `reactions.remove`: the token's user takes a reaction back.
pub(super) async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let name = emoji(call)?;
    let (conversation, ts) = item(call)?;
    if act(call, conversation.id, ts, Act::Unreact(name)).await? {
        return Ok(Reply::new());
    }
    Err(Error::new("no_reaction").because("the token's user has no such reaction on the message"))
}

async fn act(call: &Call<'_>, conversation: ConversationId, ts: Ts, act: Act) -> Result<bool, Error> {
    match call.submit(Verb::Interaction(Interaction { conversation, ts, act })).await? {
        Outcome::Reacted(changed) => Ok(changed),
        _ => Err(Error::new("internal_error")),
    }
}

/// `reactions.get`: a message with its reactions.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, Error> {
    call.args.flag("full")?;
    let (conversation, ts) = item(call)?;
    let key = MessageKey { workspace: call.directory.workspace.id, conversation: conversation.id, ts };
    let lost = || Error::new("message_not_found").because("no message of this conversation has this ts");
    let stored = found(call, key).await?.ok_or_else(lost)?;
    let link = link(call, &conversation, &stored.message);
    let page = [stored];
    let files = &shared_on(call, &page).await?;
    let view = View { files, ..view(call) };
    let reply = Reply::new().text("type", "message").text("channel", &conversation.slack_id);
    Ok(reply.written("message", |body| view.linked(&page[0], Some(&link), body)))
}

/// `reactions.list`: what somebody reacted to, as far as the caller sees it, the newest reaction first.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    same_team(call)?;
    call.args.flag("full")?;
    let user = crate::people::asked_or_self(call)?;
    let limit = match call.args.number("count")? {
        Some(count) if !call.args.has("limit") => usize::try_from(count).unwrap_or(1).clamp(1, ITEMS_MAX),
        _ => call.limit(100, ITEMS_MAX)?,
    };
    let before = call.cursor("reacted")?.map_or(Ts(i64::MAX), Ts);
    let page = call.args.number("page")?.map_or(1, |page| usize::try_from(page).unwrap_or(1).max(1));
    let skipped = (page - 1).saturating_mul(limit);
    let _page = call.service.bounds.page().await;
    let items = items(call, user.id, before, skipped, limit).await?;
    let page: Vec<Stored> = items.found.iter().map(|(_, stored)| stored.clone()).collect();
    let files = &shared_on(call, &page).await?;
    let view = View { files, ..view(call) };
    let write_items = |body: &mut String| {
        body.push('[');
        for (place, (conversation, stored)) in items.found.iter().enumerate() {
            if 0 < place {
                body.push(',');
            }
            body.push_str("{\"type\":\"message\",\"channel\":");
            push_string(body, &conversation.slack_id);
            body.push_str(",\"message\":");
            let link = link(call, conversation, &stored.message);
            view.linked(stored, Some(&link), body);
            body.push('}');
        }
        body.push(']');
    };
    let mut reply = heavy(items.bytes, || Reply::new().written("items", write_items));
    reply.next_cursor = Some(items.next.map_or_else(String::new, |next| write("reacted", next.0)));
    Ok(reply)
}

/// Messages that somebody reacted to, and the time before which more may be found.
struct Items {
    found: Vec<(Arc<Conversation>, Stored)>,
    /// About how much memory they take.
    bytes: usize,
    next: Option<Ts>,
}

/// Each message once, at its newest reaction. Reactions to what the caller does not see are passed over, so a page may
/// have fewer items than asked for; so it does when they are big.
async fn items(
    call: &Call<'_>,
    user: UserId,
    before: Ts,
    skipped: usize,
    limit: usize,
) -> Result<Items, Error> {
    let workspace = call.directory.workspace.id;
    let looked_at = skipped.saturating_add(limit).min(READ_ROWS_MAX - 1);
    let reacted =
        call.service.store.reacted(workspace, user, before, looked_at + 1).await.map_err(unavailable)?;
    let mut items = Items { found: Vec::new(), bytes: 0, next: None };
    let (mut passed, mut last) = (0, None);
    for (key, reaction) in reacted.iter().take(looked_at) {
        let seen = call.directory.conversation(key.conversation).filter(|it| sees(call.user.id, it));
        if let Some(conversation) = seen
            && let Some(stored) = found(call, *key).await?
        {
            let theirs = stored.reactions.iter().filter(|it| it.user == user);
            if theirs.map(|it| it.since).max() == Some(reaction.since) {
                passed += 1;
                if skipped < passed {
                    items.bytes += stored.bytes();
                    if READ_BYTES_MAX < items.bytes && !items.found.is_empty() {
                        items.next = last;
                        return Ok(items);
                    }
                    items.found.push((Arc::clone(conversation), stored));
                }
            }
        }
        last = Some(reaction.since);
    }
    items.next = last.filter(|_| looked_at < reacted.len());
    Ok(items)
}

async fn found(call: &Call<'_>, key: MessageKey) -> Result<Option<Stored>, Error> {
    let found = call.service.message_for(Reader::Api, key).await.map_err(unavailable)?;
    Ok(found.visible().filter(|stored| stored.message.revision().is_some()))
}

/// The emoji's name without colons. Every well-formed name is one, since workspaces have emoji of their own.
fn emoji(call: &Call<'_>) -> Result<Arc<str>, Error> {
    let given = call.args.required("name")?.trim_matches(':');
    let (base, tone) = given.split_once("::").unwrap_or((given, ""));
    let known = |char: char| char.is_lowercase() || char.is_ascii_digit() || "_-+'".contains(char);
    let toned =
        tone.is_empty() || matches!(tone.strip_prefix("skin-tone-"), Some("2" | "3" | "4" | "5" | "6"));
    if base.is_empty() || NAME_CHARS_MAX < given.chars().count() || !base.chars().all(known) || !toned {
        return Err(Error::new("invalid_name").because(format!("no emoji has the name {given}")));
    }
    let base = match base {
        "thumbsup" => "+1",
        "thumbsdown" => "-1",
        other => other,
    };
    Ok(if tone.is_empty() { base.into() } else { format!("{base}::{tone}").into() })
}

/// The message that `channel` and `timestamp` name. Files and their comments have no reactions here.
pub(super) fn item(call: &Call<'_>) -> Result<(Arc<Conversation>, Ts), Error> {
    let absent = "only messages are reacted to or pinned here";
    if call.args.filled("file").is_some() {
        return Err(Error::new("file_not_found").because(absent));
    }
    if call.args.filled("file_comment").is_some() {
        return Err(Error::new("file_comment_not_found").because(absent));
    }
    let conversation = match call.args.filled("channel") {
        Some(_) => call.conversation("channel")?,
        None => return Err(Error::new("no_item_specified").because("missing required field: channel")),
    };
    let Some(given) = call.args.filled("timestamp") else {
        return Err(Error::new("no_item_specified").because("missing required field: timestamp"));
    };
    let wrong = || Error::new("bad_timestamp").because(format!("timestamp is not a ts: {given}"));
    Ok((conversation, Ts::from_dotted(given).ok_or_else(wrong)?))
}
