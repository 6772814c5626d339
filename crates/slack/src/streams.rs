//! `chat.startStream`, `chat.appendStream`, `chat.stopStream`: a reply that is written before everybody's eyes.

use std::sync::Arc;
use std::time::Duration;

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Caller, Command, Post, ReplyTo, Target, Verb};
use redraft_model::content::{Content, ContentFault, Dialect, Piece};
use redraft_model::decision::{Outcome, Posted};
use redraft_model::id::MessageKey;
use redraft_model::limits::STREAM_TOLD_MICROS;
use redraft_model::message::Kind;
use redraft_model::time::Ts;
use redraft_model::view::Remembered;
use redraft_model::workspace::{Conversation, ConversationKind, TokenKind};
use redraft_wire::slack::stream::{self, AS_A_PLAN, Added};
use redraft_wire::slack::{Fault, metadata};

use crate::call::Call;
use crate::chat;
use crate::chat::{head, may_post_unjoined, message_of, view};
use crate::content::fault;
use crate::render::View;
use crate::reply::{Error, Reply};
use redraft_service::Service;
use redraft_service::mint;

/// `chat.startStream`: the message begins, as a reply.
pub(super) async fn start(call: &Call<'_>) -> Result<Reply, Error> {
    only_bots(call)?;
    let conversation = call.conversation("channel")?;
    let thread = Ts::from_dotted(call.args.required("thread_ts")?).unwrap_or(Ts::OF_NO_MESSAGE);
    one_way(call)?;
    let as_a_plan = match call.args.filled("task_display_mode") {
        None | Some("timeline") => false,
        Some("plan") => true,
        Some(_) => return Err(Error::arguments("task_display_mode must be timeline or plan")),
    };
    let added = added(call).map_err(fault);
    let wrong = recipient(call, &conversation).or(added.as_ref().err().cloned());
    let mut piece = piece(added.unwrap_or_default());
    if as_a_plan {
        piece.chunks = Some(with_chunk(AS_A_PLAN, piece.chunks.as_deref()));
    }
    let post = Post {
        target: Target::Conversation(conversation.id),
        content: Arc::new(Content { identity: call.identity()?, ..Content::text(Dialect::Slack, "") }),
        fault: wrong,
        kind: Kind::Plain,
        reply_to: ReplyTo::message(thread),
        broadcast: false,
        only: None,
        unjoined: may_post_unjoined(call),
    };
    let outcome =
        call.submit(Verb::AppendStream(AppendStream::Begin { post: Box::new(post), piece })).await?;
    Ok(head(call, message_of(&outcome)?.0))
}

/// `chat.appendStream`: there is more of it.
pub(super) async fn append(call: &Call<'_>) -> Result<Reply, Error> {
    only_bots(call)?;
    let (conversation, ts) = chat::message_named(call, false)?;
    one_way(call)?;
    let added = added(call).map_err(fault);
    let wrong = added.as_ref().err().cloned();
    let piece = piece(added.unwrap_or_default());
    let add = AppendStream::Add { conversation, ts, piece, fault: wrong };
    let key = match call.submit(Verb::AppendStream(add)).await? {
        Outcome::Added { key, untold } => {
            if untold {
                tell_later(call, key);
            }
            key
        }
        Outcome::Repeated(Remembered { key, .. }, _) => key,
        _ => return Err(Error::new("internal_error")),
    };
    Ok(head(call, key))
}

/// `chat.stopStream`: it is whole.
pub(super) async fn stop(call: &Call<'_>) -> Result<Reply, Error> {
    only_bots(call)?;
    let (conversation, ts) = chat::message_named(call, false)?;
    one_way(call)?;
    let last = last(call).map_err(fault);
    let wrong = last.as_ref().err().cloned();
    let (piece, metadata) = last.unwrap_or_default();
    let finish = AppendStream::Finish { conversation, ts, piece, metadata, fault: wrong };
    let outcome = call.submit(Verb::AppendStream(finish)).await?;
    let (key, stored) = message_of(&outcome)?;
    let mut reply = head(call, key);
    if let Some(Posted { message, content, root_author, .. }) = stored {
        let view = View { root_author, ..view(call) };
        reply = reply.written("message", |body| {
            view.message(&message, &content, None, body);
            body.pop();
            body.push_str(",\"streaming_state\":\"completed\"}");
        });
        reply.revision = message.revision().map(std::num::NonZeroU32::get);
    }
    Ok(reply)
}

fn only_bots(call: &Call<'_>) -> Result<(), Error> {
    if call.token.kind == TokenKind::Bot {
        return Ok(());
    }
    Err(Error::new("not_allowed_token_type").because("streams are for bot tokens"))
}

/// The platform was seen to refuse text beside chunks; with which code is not known.
fn one_way(call: &Call<'_>) -> Result<(), Error> {
    let both = call.args.filled("markdown_text").is_some() && call.args.filled("chunks").is_some();
    if both { Err(Error::arguments("give markdown_text or chunks, not both")) } else { Ok(()) }
}

/// What is wrong with the one who the stream is for. It is asked for outside of direct messages, and shown to everyone who
/// sees the conversation.
fn recipient(call: &Call<'_>, conversation: &Conversation) -> Option<ContentFault> {
    let wrong = |code, reason: &str| Some(ContentFault { code, reasons: vec![reason.into()] });
    let (team, user) = (call.args.filled("recipient_team_id"), call.args.filled("recipient_user_id"));
    let needed = conversation.kind != ConversationKind::Direct;
    match (team, user) {
        (None, _) if needed => {
            wrong("missing_recipient_team_id", "outside of a direct message a stream needs recipient_team_id")
        }
        (_, None) if needed => {
            wrong("missing_recipient_user_id", "outside of a direct message a stream needs recipient_user_id")
        }
        (Some(team), _) if team != call.directory.workspace.team_id => {
            wrong("team_not_found", "recipient_team_id names another team")
        }
        (_, Some(user)) if call.directory.user_named(user).is_none() => {
            wrong("user_not_found", "recipient_user_id names nobody here")
        }
        _ => None,
    }
}

fn added(call: &Call<'_>) -> Result<Added, Fault> {
    if let Some(markdown) = call.args.filled("markdown_text") {
        stream::check_length(markdown)?;
        return Ok(Added { markdown: markdown.to_owned(), others: None });
    }
    match call.args.filled("chunks") {
        Some(chunks) => stream::read(chunks, &mut mint::block_id),
        None => Ok(Added::default()),
    }
}

/// What the end brings: a last piece, with the blocks that stand below everything, and metadata.
fn last(call: &Call<'_>) -> Result<(Piece, Option<Arc<str>>), Fault> {
    let mut piece = piece(added(call)?);
    if let Some(blocks) = call.args.filled("blocks").filter(|blocks| blocks.trim() != "[]") {
        let blocks = stream::last_blocks(blocks, &mut mint::block_id)?;
        piece.chunks = Some(with_chunk(&blocks, piece.chunks.as_deref()));
    }
    let given = call.args.filled("metadata").filter(|metadata| metadata.trim() != "{}");
    let metadata = given.map(|given| metadata::normalise(given, false)).transpose()?;
    Ok((piece, metadata.map(Arc::from)))
}

fn piece(added: Added) -> Piece {
    Piece { text: added.markdown, chunks: added.others.map(Arc::from) }
}

fn with_chunk(first: &str, others: Option<&str>) -> Arc<str> {
    others.map_or_else(|| Arc::from(first), |others| format!("{first},{others}").into())
}

/// What a message shows to which these pieces were added; see [`redraft_model::content::Assemble`].
#[must_use]
pub fn assemble(begun: &Content, pieces: &[Piece]) -> Content {
    let markdown: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let shown = stream::assemble(&markdown, pieces.iter().filter_map(|piece| piece.chunks.as_deref()));
    Content { text: shown.text, blocks: shown.blocks.map(Arc::from), ..begun.clone() }
}

/// Readers are told of this piece after a moment, unless a later one tells them before.
fn tell_later(call: &Call<'_>, key: MessageKey) {
    if !call.slack.untold.put(key) {
        return;
    }
    let (slack, caller) = (Arc::clone(call.slack), Caller::Token(call.token.hash));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_micros(STREAM_TOLD_MICROS.unsigned_abs())).await;
            // A piece that comes from here on asks for its own telling.
            slack.untold.remove(&key);
            if !tell(&slack.service, caller, key).await || !slack.untold.put(key) {
                return;
            }
        }
    });
}

/// Returns whether it was too early.
async fn tell(service: &Service, caller: Caller, key: MessageKey) -> bool {
    let MessageKey { workspace, conversation, ts } = key;
    let verb = Verb::AppendStream(AppendStream::Tell { conversation, ts });
    // A stream that ended meanwhile has told everything.
    let told = service.submit(Command { workspace, caller, idempotency: None, verb, source: None }).await;
    matches!(told, Ok(Outcome::Added { untold: true, .. }))
}
