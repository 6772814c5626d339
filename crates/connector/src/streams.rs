//! Messages whose text streams in.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::command::Verb;
use redraft_model::decision::{Outcome, StreamStep};
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::time::Ts;
use redraft_model::workspace::Conversation;
use redraft_wire::connector::activity::{ActivityFault, ActivityView};
use redraft_wire::connector::errors::{CONTENT_STREAM_SEQUENCE_ORDER, ErrorBody};
use redraft_wire::connector::stream::{Kind, Step as Asked};

use crate::call::Call;
use crate::content::{content, fault, message};
use crate::reply::{Error, Reply};

/// Takes one step of a stream. A step that came too late is accepted and does nothing; its answer says so.
pub(super) async fn take(
    call: &Call<'_>,
    conversation: &Conversation,
    asked: Result<Asked, ActivityFault>,
    view: &ActivityView,
) -> Result<Reply, Error> {
    let content = Arc::new(content(call, String::from_utf8_lossy(&call.body)));
    let informative = |kind: &Kind| *kind == Kind::Informative;
    let ts = |stream_id: &str| Ts::from_digits(stream_id).unwrap_or(Ts::OF_NO_MESSAGE);
    let step = match &asked {
        Ok(Asked::Start { kind }) => Step::Start { content, informative: informative(kind) },
        Ok(Asked::More { stream_id, kind, sequence }) => Step::Advance {
            ts: ts(stream_id),
            sequence: u32::try_from(*sequence).unwrap_or(u32::MAX),
            content,
            informative: informative(kind),
        },
        Ok(Asked::End { stream_id }) => Step::End { ts: ts(stream_id), content },
        // Refused for its fault, whichever step it was meant to be.
        Err(_) => Step::Start { content, informative: false },
    };
    let fault = asked.as_ref().err().cloned().map(fault);
    let stream = ReplaceStream { conversation: conversation.id, fault, step };
    let outcome = call.submit(Verb::ReplaceStream(stream), view).await?;
    if let Outcome::Streamed { step: StreamStep::TooLate, .. } = outcome {
        let message = "A later step of this stream was taken before; this one is ignored.";
        let body = ErrorBody::new(CONTENT_STREAM_SEQUENCE_ORDER, message);
        return Ok(Reply::new(StatusCode::ACCEPTED, &body));
    }
    if let Ok(Asked::More { .. }) = asked {
        return Ok(Reply::empty(StatusCode::ACCEPTED));
    }
    let status = if let Ok(Asked::Start { .. }) = asked { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let (ts, revision) = message(outcome)?;
    Ok(Reply::of_activity(status, ts, revision))
}
