//! Messages for later: `chat.scheduleMessage`, `chat.deleteScheduledMessage`, `chat.scheduledMessages.list`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redraft_model::command::{Post, Verb};
use redraft_model::content::Content;
use redraft_model::decision::Outcome;
use redraft_model::id::ConversationId;
use redraft_model::item::{Item, ItemKey, Scheduled};
use redraft_model::message::Kind;
use redraft_model::schedule::ScheduleCommand;
use redraft_model::time::{Micros, Ts};
use redraft_store::{READ_BYTES_MAX, READ_ROWS_MAX};
use redraft_wire::slack::json::{push_member, push_raw};
use serde_json::json;

use crate::call::Call;
use crate::chat::{may_post_unjoined, target, thread_ts};
use crate::content::TooLong;
use crate::refusal::unavailable;
use crate::reply::{Error, Reply};

/// Messages on one page at most.
const LIST_MAX: usize = 100;

/// A time after which no message is scheduled, in seconds; keeps microseconds in range.
const SECONDS_MAX: i64 = 100_000_000_000;

/// `chat.scheduleMessage`: a message that is posted later, as the workspace's clock goes.
pub(super) async fn add(call: &Call<'_>) -> Result<Reply, Error> {
    let target = target(call, call.args.required("channel")?)?;
    call.refuse_as_user()?;
    let post_at = seconds(call, "post_at")?.ok_or_else(|| Error::missing("post_at"))?;
    let parsed = call.post_content(TooLong::Cut, false)?;
    let content = Arc::new(Content { identity: None, ..Content::clone(&parsed.content) });
    let post = Post {
        target,
        content: Arc::clone(&content),
        fault: parsed.fault,
        kind: Kind::Plain,
        reply_to: thread_ts(call).into(),
        broadcast: call.args.flag("reply_broadcast")?.unwrap_or(false),
        only: None,
        unjoined: may_post_unjoined(call),
    };
    let command = ScheduleCommand::Add { post: Box::new(post), post_at: Micros(post_at * 1_000_000) };
    let Outcome::Scheduled(key) = call.submit(Verb::Schedule(command)).await? else {
        return Err(Error::new("internal_error"));
    };
    call.slack.scheduled.notify_one();
    let mut reply = Reply::new()
        .text("channel", &channel_of(call, &key))
        .text("scheduled_message_id", &id(&key))
        .with("post_at", &post_at)
        .written("message", |body| delayed(call, &content, body));
    reply.warnings = parsed.warnings;
    Ok(reply)
}

fn delayed(call: &Call<'_>, content: &Content, body: &mut String) {
    body.push_str("{\"type\":\"delayed_message\"");
    let app = call.directory.app(call.token.app);
    if let Some(app) = app.filter(|app| app.bot_user == call.user.id) {
        push_member(body, "bot_id", &app.bot_id);
        push_member(body, "app_id", &app.slack_id);
    }
    push_member(body, "user", &call.user.slack_id);
    push_member(body, "team", &call.directory.workspace.team_id);
    push_member(body, "text", &content.text);
    for (name, part) in
        [("blocks", &content.blocks), ("attachments", &content.attachments), ("metadata", &content.metadata)]
    {
        if let Some(json) = part {
            push_raw(body, name, json);
        }
    }
    body.push('}');
}

/// `chat.deleteScheduledMessage`: a message of the caller's will not be posted.
pub(super) async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?.id;
    call.args.flag("as_user")?;
    let given = call.args.required("scheduled_message_id")?;
    let unknown = || {
        Error::new("invalid_scheduled_message_id")
            .because(format!("{given} is not the id of a scheduled message"))
    };
    let (post_at, made) = parse(given).ok_or_else(unknown)?;
    call.submit(Verb::Schedule(ScheduleCommand::Remove { conversation, post_at, made })).await?;
    Ok(Reply::new())
}

/// `chat.scheduledMessages.list`: what the caller has scheduled, by conversation and time. Others' messages are passed
/// over, so a page may have fewer items than asked for.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    crate::people::same_team(call)?;
    let limit = call.limit(LIST_MAX, LIST_MAX)?;
    let (first, last) = match call.args.filled("channel") {
        None => (ConversationId(0), ConversationId(u32::MAX)),
        Some(id) => {
            let none =
                || Error::new("invalid_channel").because("no conversation that this token sees has this id");
            let found = call.seen(id).ok_or_else(none)?.id;
            (found, found)
        }
    };
    let oldest = Micros(seconds(call, "oldest")?.unwrap_or(0) * 1_000_000);
    let latest = Micros(seconds(call, "latest")?.unwrap_or(SECONDS_MAX) * 1_000_000);
    let from = match call.args.filled("cursor") {
        None => ItemKey::Scheduled { conversation: first, post_at: Micros(0), made: Ts(0) },
        Some(cursor) => after(cursor)
            .ok_or_else(|| Error::new("invalid_cursor").because("the cursor is not one of this method's"))?,
    };
    let to = ItemKey::Scheduled { conversation: last, post_at: Micros(i64::MAX), made: Ts(i64::MAX) };
    let workspace = call.directory.workspace.id;
    let items = call.service.store.items(workspace, from, to, READ_ROWS_MAX).await.map_err(unavailable)?;
    let full = READ_ROWS_MAX <= items.len();
    let (mut shown, mut next, mut bytes) = (Vec::new(), None, 0);
    for (key, item) in items {
        let (ItemKey::Scheduled { post_at, .. }, Item::Scheduled(item)) = (&key, &item) else { continue };
        let own = item.app == call.token.app && item.user == call.user.id;
        if own && (oldest..=latest).contains(post_at) {
            if shown.len() == limit || (READ_BYTES_MAX <= bytes && !shown.is_empty()) {
                next = Some(key);
                break;
            }
            let entry = entry(call, &key, item).await?;
            bytes += entry["text"].as_str().map_or(0, str::len);
            shown.push(entry);
        }
        if full {
            // What follows was not read; the page ends behind what was.
            next = Some(key);
        }
    }
    let mut reply = Reply::new().with("scheduled_messages", &shown);
    reply.next_cursor = Some(next.map_or_else(String::new, |key| cursor(&key)));
    Ok(reply)
}

async fn entry(call: &Call<'_>, key: &ItemKey, item: &Scheduled) -> Result<serde_json::Value, Error> {
    let ItemKey::Scheduled { post_at, .. } = key else { return Ok(json!({})) };
    let content = call.service.store.content(call.directory.workspace.id, item.content_at).await;
    let content = content.map_err(unavailable)?;
    Ok(json!({
        "id": id(key),
        "channel_id": channel_of(call, key),
        "post_at": post_at.seconds(),
        "date_created": item.made_at.seconds(),
        "text": content.map_or_else(String::new, |content| content.text.clone()),
    }))
}

fn channel_of(call: &Call<'_>, key: &ItemKey) -> String {
    let ItemKey::Scheduled { conversation, .. } = key else { return String::new() };
    // One that the call itself opened is not in the call's view of the directory.
    let directory = call.service.workspace(call.directory.workspace.id);
    let found = directory.as_ref().and_then(|directory| directory.conversation(*conversation));
    found.map_or_else(String::new, |found| found.slack_id.clone())
}

/// Whole seconds since 1970, as number or digits.
fn seconds(call: &Call<'_>, name: &str) -> Result<Option<i64>, Error> {
    let Some(given) = call.args.filled(name) else { return Ok(None) };
    let wrong = || Error::new("invalid_time").because(format!("{name} is not a time in seconds: {given}"));
    let whole = given.split('.').next().unwrap_or_default();
    let seconds: i64 = whole.trim().parse().map_err(|_| wrong())?;
    if (0..=SECONDS_MAX).contains(&seconds) { Ok(Some(seconds)) } else { Err(wrong()) }
}

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits of the time at which a message was scheduled.
const MADE_DIGITS: usize = 11;

/// `Q` and digits: when it was made, and when it is posted. Callers read nothing in it.
fn id(key: &ItemKey) -> String {
    let ItemKey::Scheduled { post_at, made, .. } = key else { return String::new() };
    let digits = |mut number: u64| {
        let mut digits = Vec::new();
        while digits.is_empty() || 0 < number {
            digits.push(char::from(DIGITS[usize::try_from(number % 36).unwrap_or(0)]));
            number /= 36;
        }
        digits.into_iter().rev().collect::<String>()
    };
    let (made, post_at) = (digits(made.0.unsigned_abs()), digits(post_at.seconds().unsigned_abs()));
    format!("Q{made:0>MADE_DIGITS$}{post_at}")
}

fn parse(id: &str) -> Option<(Micros, Ts)> {
    let (made, post_at) = id.strip_prefix('Q')?.split_at_checked(MADE_DIGITS)?;
    let number = |digits: &str| i64::from_str_radix(digits, 36).ok().filter(|number| 0 <= *number);
    let post_at = number(post_at).filter(|seconds| *seconds <= SECONDS_MAX)?;
    Some((Micros(post_at * 1_000_000), Ts(number(made)?)))
}

/// A cursor of the page that begins with this message.
fn cursor(key: &ItemKey) -> String {
    let ItemKey::Scheduled { conversation, post_at, made } = key else { return String::new() };
    STANDARD.encode(format!("scheduled:{}:{}:{}", conversation.0, post_at.0, made.0))
}

fn after(cursor: &str) -> Option<ItemKey> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let mut parts = text.strip_prefix("scheduled:")?.split(':');
    let conversation = ConversationId(parts.next()?.parse().ok()?);
    let post_at = Micros(parts.next()?.parse().ok()?);
    let made = Ts(parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(ItemKey::Scheduled { conversation, post_at, made })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_cursors_are_read_back() {
        for (post_at, made) in [(0, 0), (1_700_000_000, 1_700_000_000_000_100), (SECONDS_MAX, 1)] {
            let (post_at, made) = (Micros(post_at * 1_000_000), Ts(made));
            let key = ItemKey::Scheduled { conversation: ConversationId(7), post_at, made };
            assert_eq!(parse(&id(&key)), Some((post_at, made)), "{}", id(&key));
            assert_eq!(after(&cursor(&key)), Some(key));
        }
        for wrong in [
            "",
            "Q",
            "Q1",
            "1234.5678",
            "Q-0000000001-1",
            "Q0000000000",
            "Qzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
            "Q\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        for wrong in ["", "x", "c2NoZWR1bGVkOjE6Mg=="] {
            assert_eq!(after(wrong), None, "{wrong}");
        }
    }
}
