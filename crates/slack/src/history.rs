//! `conversations.history`, `conversations.replies` and our own `redraft.messages.revisions`.

use std::sync::Arc;

use redraft_model::id::MessageKey;
use redraft_model::policy::{Found, Reader, may_read_revisions, sees};
use redraft_model::time::Ts;
use redraft_model::workspace::{Conversation, ConversationKind, TokenKind};
use redraft_store::{Page, Revised, Stored, Window};
use serde_json::json;

use crate::call::Call;
use crate::chat::view;
use crate::cursor::write;
use crate::file_objects;
use crate::refusal::unavailable;
use crate::render::View;
use crate::reply::{Error, Reply};
use crate::scopes;
use redraft_service::bounds::heavy;

/// Messages on one page of history at most.
const HISTORY_MAX: usize = 999;

/// Messages on one page of a thread at most, its root included.
const REPLIES_MAX: usize = 1000;

/// Revisions on one page at most.
const REVISIONS_MAX: usize = 100;

/// `conversations.history`: the channel line, newest first.
pub(super) async fn history(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = readable(call)?;
    let mut window = window(call)?;
    if let Some(before) = call.cursor("before")? {
        window.to = window.to.min(Ts(before.saturating_sub(1)));
    }
    let limit = call.limit(100, HISTORY_MAX)?;
    let workspace = call.directory.workspace.id;
    let _page = call.service.bounds.page().await;
    let line = call.service.store.channel_line(workspace, conversation.id, window, limit + 1).await;
    let Page { rows: mut messages, cut, damaged, .. } = line.map_err(unavailable)?;
    let has_more = cut || limit < messages.len();
    messages.truncate(limit);
    let reply = write_messages(call, &messages, None, metadata(call)?).await?;
    let mut reply = reply
        .with("has_more", &has_more)
        .with("pin_count", &conversation.pins.len())
        .raw("channel_actions_ts", "null")
        .raw("channel_actions_count", "0");
    for bound in ["latest", "oldest"] {
        if let Some(given) = call.args.filled(bound) {
            reply = reply.text(bound, given);
        }
    }
    if has_more {
        reply.next_cursor = messages.last().map(|last| write("before", last.message.key.ts.0));
    }
    Ok(without(&damaged, reply))
}

/// Says of messages that cannot be read that they are left out.
fn without(damaged: &[Ts], mut reply: Reply) -> Reply {
    if !damaged.is_empty() {
        let named: Vec<String> = damaged.iter().map(|ts| ts.dotted()).collect();
        reply.warnings.push("damaged_messages_left_out");
        reply.messages.push(format!(
            "what is stored of these messages is damaged, and they are left out: {}",
            named.join(", ")
        ));
    }
    reply
}

/// `conversations.replies`: a root and its replies, oldest first.
pub(super) async fn replies(call: &Call<'_>) -> Result<Reply, Error> {
    let ts = call.args.required("ts")?;
    let conversation = readable(call)?;
    let key = |ts| MessageKey { workspace: call.directory.workspace.id, conversation: conversation.id, ts };
    let lost = || Error::new("thread_not_found").because("no message of this conversation has this ts");
    let named = find(call, key(Ts::from_dotted(ts).ok_or_else(lost)?)).await?.ok_or_else(lost)?;
    let all = metadata(call)?;
    if let Some(root) = named.message.root {
        let root = find(call, key(root)).await?;
        let reply = write_messages(call, &[named], root.as_ref(), all).await?;
        return Ok(reply.with("has_more", &false));
    }
    let mut window = window(call)?;
    let after = call.cursor("after")?;
    if let Some(after) = after {
        window.from = window.from.max(Ts(after.saturating_add(1)));
    }
    // The root stands on every page and counts; a page after the first has at least one reply, so that a walk ends.
    let limit = call.limit(REPLIES_MAX, REPLIES_MAX)?;
    let room = if after.is_some() { limit.saturating_sub(1).max(1) } else { limit - 1 };
    let _page = call.service.bounds.page().await;
    let line =
        call.service.store.thread_line(named.message.key, window, room + 1).await.map_err(unavailable)?;
    let (has_more, damaged) = (line.cut || room < line.len(), line.damaged.clone());
    let mut page = vec![named.clone()];
    page.extend(line.into_iter().take(room));
    let last = page.last().map_or(0, |last| last.message.key.ts.0);
    let mut reply = write_messages(call, &page, Some(&named), all).await?.with("has_more", &has_more);
    if has_more {
        reply.next_cursor = Some(write("after", last));
    }
    Ok(without(&damaged, reply))
}

/// `redraft.messages.revisions`: what a message said before, newest first; for whoever may change it and for
/// administrators, and of a deleted message for administrators only. To all others there is no such message, and of a message
/// for one reader there are no revisions for anybody.
pub(super) async fn revisions(call: &Call<'_>) -> Result<Reply, Error> {
    let ts = call.args.required("ts")?;
    let conversation = readable(call)?;
    let lost = || {
        Error::new("message_not_found").because("no message whose revisions this token may read has this ts")
    };
    let ts = Ts::from_dotted(ts).ok_or_else(lost)?;
    let key = MessageKey { workspace: call.directory.workspace.id, conversation: conversation.id, ts };
    let actor = call.actor()?;
    let found = call.service.message_or_deleted_for(Reader::Api, key).await.map_err(unavailable)?;
    let allowed = match &found {
        Found::Visible(stored) if stored.message.revision().is_some() => {
            may_read_revisions(&actor, &stored.message)
        }
        // A tombstone.
        Found::Visible(_) | Found::Deleted => actor.admin,
        Found::Hidden | Found::Missing => false,
    };
    if !allowed {
        return Err(lost());
    }
    let below = call.cursor("below")?.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX);
    let limit = call.limit(REVISIONS_MAX, REVISIONS_MAX)?;
    let _page = call.service.bounds.page().await;
    let found = call.service.store.revisions(key, below, limit + 1).await.map_err(unavailable)?;
    if found.is_empty() && below == u32::MAX {
        return Err(lost());
    }
    let more = found.cut || limit < found.len();
    let shown = &found[..found.len().min(limit)];
    let last = shown.last().map_or(0, |(revision, _)| revision.number.get());
    let mut reply = heavy(found.bytes(), || {
        let shown: Vec<_> = shown.iter().map(|revised| revision(call, revised)).collect();
        head(&conversation, ts).with("revisions", &shown)
    });
    reply.next_cursor = Some(if more { write("below", last.into()) } else { String::new() });
    Ok(reply)
}

fn head(conversation: &Conversation, ts: Ts) -> Reply {
    Reply::new().text("channel", &conversation.slack_id).text("ts", &ts.dotted())
}

fn revision(call: &Call<'_>, (revision, content): &Revised) -> serde_json::Value {
    let user = call.directory.user(revision.by).map_or("", |user| &user.slack_id);
    let part = |part: &Option<Arc<str>>| part.as_ref().and_then(|json| serde_json::from_str(json).ok());
    let mut shown = json!({
        "revision": revision.number.get(),
        "user": user,
        "ts": Ts(revision.at.0).dotted(),
    });
    let Some(content) = content else {
        shown["erased"] = true.into();
        return shown;
    };
    shown["text"] = content.text.as_str().into();
    for (name, value) in [
        ("blocks", part(&content.blocks)),
        ("attachments", part(&content.attachments)),
        ("metadata", part(&content.metadata)),
        ("activity", part(&content.activity)),
    ] {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
    shown
}

/// A conversation whose messages the caller may read: bots as members, people also any public channel.
fn readable(call: &Call<'_>) -> Result<Arc<Conversation>, Error> {
    let conversation = call.conversation("channel")?;
    scopes::HISTORY.check_in(&call.token, &conversation)?;
    let open = conversation.kind == ConversationKind::Public && call.token.kind == TokenKind::User;
    if open || conversation.has(call.user.id) {
        return Ok(conversation);
    }
    debug_assert!(sees(call.user.id, &conversation));
    Err(Error::new("not_in_channel").because("the bot is not in the channel"))
}

async fn find(call: &Call<'_>, key: MessageKey) -> Result<Option<Stored>, Error> {
    Ok(call.service.message_for(Reader::Api, key).await.map_err(unavailable)?.visible())
}

fn metadata(call: &Call<'_>) -> Result<bool, Error> {
    Ok(call.args.flag("include_all_metadata")?.unwrap_or(false))
}

fn window(call: &Call<'_>) -> Result<Window, Error> {
    let inclusive = call.args.flag("inclusive")?.unwrap_or(false);
    let bound = |name: &str, code: &'static str| match call.args.filled(name) {
        None => Ok(None),
        Some(given) => {
            let wrong = || Error::new(code).because(format!("{name} is not a ts: {given}"));
            time(given).map(Some).ok_or_else(wrong)
        }
    };
    let step = i64::from(!inclusive);
    // The default of `oldest` excludes nothing, so 0 needs no care about being inclusive.
    let from = bound("oldest", "invalid_ts_oldest")?.map_or(Ts(0), |oldest| Ts(oldest + step));
    let to = bound("latest", "invalid_ts_latest")?.map_or(Ts(i64::MAX), |latest| Ts(latest - step));
    Ok(Window { from, to })
}

/// A bound: seconds with up to six digits after the dot.
fn time(given: &str) -> Option<i64> {
    let (seconds, fraction) = given.split_once('.').unwrap_or((given, ""));
    let digits = |text: &str, max: usize| text.len() <= max && text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !digits(seconds, 11) || !digits(fraction, 6) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(seconds.parse::<i64>().ok()? * 1_000_000 + micros)
}

async fn write_messages(
    call: &Call<'_>,
    messages: &[Stored],
    root: Option<&Stored>,
    all_metadata: bool,
) -> Result<Reply, Error> {
    let files = &file_objects::shared_on(call, messages).await?;
    let root_author = root.filter(|root| root.message.revision().is_some()).map(|root| root.message.author);
    let view = View { all_metadata, root_author, files, ..view(call) };
    let bytes = messages.iter().map(Stored::bytes).sum();
    Ok(heavy(bytes, || {
        Reply::new().written("messages", |body| {
            body.reserve(bytes);
            body.push('[');
            for (place, stored) in messages.iter().enumerate() {
                if 0 < place {
                    body.push(',');
                }
                view.stored(stored, body);
            }
            body.push(']');
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn bounds_are_seconds_with_a_fraction() {
        for (given, micros) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000_000_000)),
            ("1700000000.0001", Some(1_700_000_000_000_100)),
            ("1700000000.000100", Some(1_700_000_000_000_100)),
            ("", None),
            (".5", None),
            ("now", None),
            ("-1", None),
            ("1.0000001", None),
            ("123456789012", None),
        ] {
            assert_eq!(time(given), micros, "{given}");
        }
    }
}
