//! `chat.*`: posting, updating, deleting.

use std::sync::Arc;

use redraft_model::command::{Delete, Post, ReplyTo, Target, Update, Verb};
use redraft_model::content::Content;
use redraft_model::decision::{Outcome, Posted};
use redraft_model::id::{ConversationId, MessageKey};
use redraft_model::message::{Kind, Message};
use redraft_model::policy::{Found, Reader, sees};
use redraft_model::time::Ts;
use redraft_model::view::Remembered;
use redraft_model::workspace::{Conversation, ConversationKind, TokenKind};

use crate::addresses::team_url;
use crate::call::Call;
use crate::content::TooLong;
use crate::file_objects;
use crate::file_objects::Files;
use crate::render::View;
use crate::reply::{Error, Reply};
use crate::scopes;
use redraft_service::mint;

/// `chat.postMessage`: a new message, in a conversation or to a person.
pub(super) async fn post_message(call: &Call<'_>) -> Result<Reply, Error> {
    let target = target(call, call.args.required("channel")?)?;
    call.refuse_as_user()?;
    let parsed = call.post_content(TooLong::Cut, false)?;
    let post = Post {
        target,
        content: parsed.content,
        fault: parsed.fault,
        kind: Kind::Plain,
        reply_to: thread_ts(call).into(),
        broadcast: call.args.flag("reply_broadcast")?.unwrap_or(false),
        only: None,
        unjoined: may_post_unjoined(call),
    };
    let thread_ignored = call.args.filled("thread_ts").is_some();
    let outcome = call.submit(Verb::Post(post)).await?;
    let mut reply = posted(call, outcome, thread_ignored)?;
    reply.warnings = parsed.warnings;
    Ok(reply)
}

/// `chat.meMessage`: a message about oneself.
pub(super) async fn me_message(call: &Call<'_>) -> Result<Reply, Error> {
    let target = target(call, call.args.required("channel")?)?;
    let parsed = call.post_content(TooLong::Refuse, false)?;
    let text_only =
        Content { identity: None, blocks: None, attachments: None, ..Content::clone(&parsed.content) };
    let post = Post {
        target,
        content: Arc::new(text_only),
        fault: parsed.fault,
        kind: Kind::Me,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: may_post_unjoined(call),
    };
    let (key, _) = message_of(&call.submit(Verb::Post(post)).await?)?;
    Ok(Reply::new().text("channel", &channel_id(call, key)).text("ts", &key.ts.dotted()))
}

/// `chat.postEphemeral`: a message for one member's eyes.
pub(super) async fn post_ephemeral(call: &Call<'_>) -> Result<Reply, Error> {
    let target = target(call, call.args.required("channel")?)?;
    let reader = call.args.required("user")?;
    let unknown = || Error::new("user_not_in_channel").because("the one reader is nobody of this workspace");
    let reader = call.directory.user_named(reader).ok_or_else(unknown)?.id;
    call.refuse_as_user()?;
    let parsed = call.post_content(TooLong::Refuse, true)?;
    let post = Post {
        target,
        content: parsed.content,
        fault: parsed.fault,
        kind: Kind::Plain,
        reply_to: thread_ts(call).into(),
        broadcast: false,
        only: Some(reader),
        unjoined: may_post_unjoined(call),
    };
    let (key, _) = message_of(&call.submit(Verb::Post(post)).await?)?;
    Ok(Reply::new().text("message_ts", &key.ts.dotted()))
}

/// `chat.update`: replaces the content of a message that the caller posted. `channel` and `ts` name it and move nothing.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let (conversation, ts) = message_named(call, false)?;
    call.refuse_as_user()?;
    let (patch, fault) = call.update_patch()?;
    let update = Update {
        conversation,
        ts,
        patch,
        fault,
        broadcast: call.args.flag("reply_broadcast")?.unwrap_or(false),
        targeted: None,
        if_revision: call.if_revision()?,
    };
    let outcome = call.submit(Verb::Update(update)).await?;
    let (key, stored) = message_of(&outcome)?;
    let mut reply = head(call, key);
    if let Some(Posted { message, content, root_author, .. }) = stored {
        // The message is changed by now, whether or not its files can be read.
        let files =
            &file_objects::shared_by(call.service, key.workspace, &[&content]).await.unwrap_or_default();
        let view = View { ts: false, root_author, files, ..view(call) };
        reply = reply.text("text", &content.text);
        reply = reply.written("message", |body| view.message(&message, &content, None, body));
        reply.revision = message.revision().map(std::num::NonZeroU32::get);
    }
    Ok(reply)
}

/// `chat.delete`: a message disappears, or leaves a tombstone if it has replies.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let (conversation, ts) = message_named(call, true)?;
    let delete = Delete {
        conversation,
        ts,
        only_broadcast: call.args.flag("broadcast_delete")?.unwrap_or(false),
        targeted: None,
        if_revision: call.if_revision()?,
    };
    call.args.flag("as_user")?;
    let outcome = call.submit(Verb::Delete(delete)).await?;
    let key = match outcome {
        Outcome::Deleted(key) | Outcome::Repeated(Remembered { key, .. }, _) => key,
        _ => return Err(Error::new("internal_error")),
    };
    Ok(head(call, key))
}

/// `chat.getPermalink`: a message's address.
pub(super) async fn permalink(call: &Call<'_>) -> Result<Reply, Error> {
    let ts = call.args.required("message_ts")?;
    let conversation = call.conversation("channel")?;
    let key = |ts| MessageKey { workspace: call.directory.workspace.id, conversation: conversation.id, ts };
    let found = match Ts::from_dotted(ts) {
        Some(ts) => {
            call.service.message_for(Reader::Api, key(ts)).await.map_err(crate::refusal::unavailable)?
        }
        None => Found::Missing,
    };
    let Some(stored) = found.visible() else {
        return Err(Error::new("message_not_found").because("no message of this conversation has this ts"));
    };
    let link = link(call, &conversation, &stored.message);
    Ok(Reply::new().text("channel", &conversation.slack_id).text("permalink", &link))
}

/// A message's address.
pub(super) fn link(call: &Call<'_>, conversation: &Conversation, message: &Message) -> String {
    let url = team_url(call.service, &call.directory.workspace.team_id);
    let mut link = format!("{url}archives/{}/p{}", conversation.slack_id, message.key.ts.digits());
    if let Some(root) = message.root {
        link.push_str(&format!("?thread_ts={}&cid={}", root.dotted(), conversation.slack_id));
    }
    link
}

/// Where no message shares a file that has to be shown as it is.
static NO_FILES: Files = Files::new();

/// How the caller sees messages.
pub(super) fn view<'a>(call: &'a Call<'_>) -> View<'a> {
    View {
        files: &NO_FILES,
        directory: &call.directory,
        public_url: &call.service.public_url,
        ts: true,
        all_metadata: true,
        root_author: None,
    }
}

pub(super) fn target(call: &Call<'_>, id: &str) -> Result<Target, Error> {
    let named =
        || call.directory.channel(id.trim_start_matches('#')).filter(|found| sees(call.user.id, found));
    if let Some(found) = call.seen(id).or_else(named) {
        return Ok(Target::Conversation(found.id));
    }
    if let Some(user) = call.directory.user_named(id).filter(|user| user.slack_id == id) {
        return Ok(Target::Person(user.id, mint::conversation(ConversationKind::Direct)));
    }
    Err(call.no_channel(id))
}

pub(super) fn thread_ts(call: &Call<'_>) -> Option<Ts> {
    // What is no ts at all names no message either, and is ignored in the same way.
    call.args.filled("thread_ts").map(|ts| Ts::from_dotted(ts).unwrap_or(Ts::OF_NO_MESSAGE))
}

pub(super) fn may_post_unjoined(call: &Call<'_>) -> bool {
    call.token.kind == TokenKind::Bot && scopes::has(&call.token, "chat:write.public")
}

/// The message that `channel` and `ts` name. A deletion also takes a person's id for the direct message with them.
pub(super) fn message_named(call: &Call<'_>, person: bool) -> Result<(ConversationId, Ts), Error> {
    let (channel, ts) = (call.args.required("channel")?, call.args.required("ts")?);
    let with_person = || {
        let user = call.directory.user_named(channel).filter(|user| person && user.slack_id == channel)?;
        let mut pair = vec![user.id, call.user.id];
        pair.sort_unstable();
        pair.dedup();
        call.directory.direct(&pair)
    };
    let found = call.seen(channel).or_else(with_person);
    let conversation = found.ok_or_else(|| call.no_channel(channel))?.id;
    // What is no ts at all names no message; the model says so at its place.
    Ok((conversation, Ts::from_dotted(ts).unwrap_or(Ts::OF_NO_MESSAGE)))
}

pub(super) fn message_of(outcome: &Outcome) -> Result<(MessageKey, Option<Posted>), Error> {
    match outcome {
        Outcome::Posted(posted) | Outcome::Updated(posted) => Ok((posted.message.key, Some(posted.clone()))),
        Outcome::Repeated(before, stored) => {
            let posted = stored.clone().map(|(message, content)| Posted {
                root_author: None,
                thread_ignored: false,
                message: Arc::new(as_then(&message, before)),
                content,
            });
            Ok((before.key, posted))
        }
        _ => Err(Error::new("internal_error")),
    }
}

/// The message with the revision number that the repeated call made.
fn as_then(message: &Message, before: &Remembered) -> Message {
    use redraft_model::message::State;
    let mut then = message.clone();
    if let (State::Live { revision, .. }, Some(made)) = (&mut then.state, before.revision) {
        *revision = made;
    }
    then
}

fn posted(call: &Call<'_>, outcome: Outcome, thread_asked: bool) -> Result<Reply, Error> {
    let (key, stored) = message_of(&outcome)?;
    let mut reply = head(call, key);
    if let Some(Posted { message, content, root_author, thread_ignored }) = stored {
        let view = View { root_author, ..view(call) };
        reply = reply.written("message", |body| view.message(&message, &content, None, body));
        reply.revision = message.revision().map(std::num::NonZeroU32::get);
        if thread_asked && thread_ignored {
            reply
                .messages
                .push("thread_ts names no message here; the post went to the channel instead".into());
        }
    }
    Ok(reply)
}

pub(super) fn head(call: &Call<'_>, key: MessageKey) -> Reply {
    Reply::new().text("channel", &channel_id(call, key)).text("ts", &key.ts.dotted())
}

/// The conversation's id; one that the call itself opened is not in the call's view of the directory yet.
fn channel_id(call: &Call<'_>, key: MessageKey) -> String {
    let known = call.directory.conversation(key.conversation).map(|found| found.slack_id.clone());
    let opened = || {
        let now = call.service.workspace(key.workspace)?;
        now.conversation(key.conversation).map(|found| found.slack_id.clone())
    };
    known.or_else(opened).unwrap_or_default()
}
