//! Messages that one member of a conversation sees.
//!
//! Source: the public page on targeted messages. To whom a message goes is said when it is sent and never changes.

use axum::http::StatusCode;
use redraft_model::command::Targeted;
use redraft_model::id::UserId;
use redraft_model::workspace::{Conversation, ConversationKind};
use redraft_wire::connector::activity::ActivityView;
use redraft_wire::connector::errors::BAD_ARGUMENT;

use crate::call::Call;
use crate::reply::Error;

/// Stands for a reader whom nobody knows: in no conversation, and never a message's own.
const NOBODY: UserId = UserId(0);

/// The one reader of an activity that is sent; `None` of one for everybody. Whether the reader is a member is the model's
/// to say.
pub(super) fn reader(
    call: &Call<'_>,
    conversation: &Conversation,
    view: &ActivityView,
) -> Result<Option<UserId>, Error> {
    if !view.is_targeted && !flagged(call) {
        return Ok(None);
    }
    let refuse = |why: &str| Err(Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, why));
    if conversation.kind == ConversationKind::Direct {
        return refuse(
            "A targeted message needs a conversation of several people; here one person reads everything.",
        );
    }
    match &view.recipient_id {
        Some(id) => Ok(Some(person(call, id))),
        None => refuse("A targeted message needs a recipient: the id of the member who is to see it."),
    }
}

/// What an update or a deletion means if the address says that it is about a message for one reader.
pub(super) fn meant(call: &Call<'_>, recipient_id: Option<&str>) -> Option<Targeted> {
    flagged(call).then(|| Targeted { reader: recipient_id.map(|id| person(call, id)) })
}

fn flagged(call: &Call<'_>) -> bool {
    let flag = call.query.and_then(|_| call.parameter("isTargetedActivity"));
    flag.is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
}

fn person(call: &Call<'_>, id: &str) -> UserId {
    let user = call.directory.user_named(id).filter(|user| user.bot_of.is_none());
    user.map_or(NOBODY, |user| user.id)
}
