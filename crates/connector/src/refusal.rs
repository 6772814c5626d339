//! Every refusal of the model as the Connector's status and code, with the reason in words.

use axum::http::StatusCode;
use redraft_model::attachments::AttachRefusal as A;
use redraft_model::conversations::ConversationRefusal as C;
use redraft_model::decision::{Refusal, Why};
use redraft_model::delete::DeleteRefusal as D;
use redraft_model::directory::Directory;
use redraft_model::interaction::InteractionRefusal as I;
use redraft_model::post::PostRefusal as P;
use redraft_model::replace_stream::ReplaceStreamRefusal as S;
use redraft_model::update::UpdateRefusal as U;
use redraft_store::StoreError;
use redraft_wire::connector::errors::{
    ACTIVITY_NOT_FOUND_IN_CONVERSATION, BAD_ARGUMENT, BAD_SYNTAX, BOT_NOT_IN_CONVERSATION_ROSTER,
    CONTENT_STREAM_NOT_ALLOWED, CONVERSATION_NOT_FOUND, MEMBER_NOT_FOUND_IN_CONVERSATION,
    MESSAGE_SIZE_TOO_BIG, NOT_ENOUGH_PERMISSIONS, PRECONDITION_FAILED, SERVICE_ERROR, THROTTLED,
};

use crate::reply::Error;
use redraft_service::NotDone;

/// The error that a command which was not carried out is answered with.
pub(super) fn error(not_done: &NotDone, directory: &Directory) -> Error {
    match not_done {
        NotDone::Store(failed) => unavailable(*failed),
        NotDone::Refused(refusal) => match &refusal.why {
            Why::Caller(_) => Error::unauthorized("The bot is not registered here any more."),
            Why::Post(why) => post(why),
            Why::Update(why) => update(why, refusal, directory),
            Why::Delete(why) => delete(why, refusal, directory),
            Why::ReplaceStream(why) => stream(why, refusal, directory),
            Why::Interaction(why) => interaction(why, refusal, directory),
            Why::Conversation(why) => conversation(why),
            Why::Attach(why) => attach(*why),
            Why::AppendStream(_)
            | Why::Respond(_)
            | Why::File(_)
            | Why::GrantAnswers(_)
            | Why::Modal(_)
            | Why::Pin(_)
            | Why::Schedule(_)
            | Why::Install(_)
            | Why::Control(_) => Error::new(StatusCode::FORBIDDEN, NOT_ENOUGH_PERMISSIONS, "Not allowed."),
            Why::KeyReused { .. } => Error::new(
                StatusCode::BAD_REQUEST,
                BAD_ARGUMENT,
                "This idempotency key was used for another request in the last 24 hours.",
            ),
            Why::Quota(why) => Error::new(StatusCode::FORBIDDEN, NOT_ENOUGH_PERMISSIONS, why.reason()),
            Why::ForbiddenCharacter(named, character) => {
                Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, named.refusal(*character))
            }
        },
    }
}

/// The conversation is not there, or not for this bot to know of.
pub(super) fn no_conversation() -> Error {
    Error::new(StatusCode::NOT_FOUND, CONVERSATION_NOT_FOUND, "Conversation not found.")
}

/// The bot was in the conversation and is no longer.
pub(super) fn not_in_roster() -> Error {
    let message = "The bot is not part of the conversation roster.";
    Error::new(StatusCode::FORBIDDEN, BOT_NOT_IN_CONVERSATION_ROSTER, message)
}

/// A fault of content, by its code.
pub(super) fn fault(code: &'static str, message: impl Into<String>) -> Error {
    let status = match code {
        MESSAGE_SIZE_TOO_BIG => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Error::new(status, code, message)
}

fn archived() -> Error {
    Error::new(StatusCode::FORBIDDEN, NOT_ENOUGH_PERMISSIONS, "The conversation is archived.")
}

fn post(why: &P) -> Error {
    match why {
        P::ConversationNotFound | P::NotMember => no_conversation(),
        P::NoLongerMember => not_in_roster(),
        P::Archived => archived(),
        P::ReaderNotMember => Error::new(
            StatusCode::NOT_FOUND,
            MEMBER_NOT_FOUND_IN_CONVERSATION,
            "The recipient is not a member of the conversation.",
        ),
        P::NoContent => no_content(),
        P::Content(fault_found) => fault(fault_found.code, fault_found.reasons.join(" ")),
    }
}

fn attach(why: A) -> Error {
    match why {
        A::ConversationNotFound => no_conversation(),
        A::NoLongerMember => not_in_roster(),
        A::StorageFull => Error::new(
            StatusCode::INSUFFICIENT_STORAGE,
            SERVICE_ERROR,
            "The workspace's files and attachments have as many bytes as they may have.",
        ),
    }
}

fn no_content() -> Error {
    let message = "Activity must include non empty 'text' field or at least 1 attachment.";
    Error::new(StatusCode::BAD_REQUEST, BAD_SYNTAX, message)
}

fn no_activity() -> Error {
    Error::new(
        StatusCode::NOT_FOUND,
        ACTIVITY_NOT_FOUND_IN_CONVERSATION,
        "Message does not exist in the thread: no message of this conversation has this id, or it was deleted.",
    )
}

fn tombstone() -> Error {
    Error::new(
        StatusCode::NOT_FOUND,
        ACTIVITY_NOT_FOUND_IN_CONVERSATION,
        "Message does not exist in the thread: it was deleted, and only its replies are left.",
    )
}

fn ephemeral() -> Error {
    let message = "The id names a message for one reader; it is reached with isTargetedActivity=true only.";
    Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, message)
}

fn other_reader() -> Error {
    let message = "The recipient of a targeted message cannot be changed; leave it out of the update.";
    Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, message)
}

fn not_allowed(message: &str) -> Error {
    Error::new(StatusCode::FORBIDDEN, CONTENT_STREAM_NOT_ALLOWED, message)
}

fn still_streaming() -> Error {
    not_allowed("The message is still streaming; end the stream first.")
}

/// SDKs tell these apart by their words: they look for "exceeded streaming time" and "cancel".
fn stream(why: &S, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        S::ConversationNotFound => no_conversation(),
        S::NoLongerMember => not_in_roster(),
        S::NotHere => not_allowed("Content stream is only allowed in a chat with one person."),
        S::Content(found) => fault(found.code, found.reasons.join(" ")),
        S::MessageNotFound => no_activity(),
        S::NotAuthor(_) => not_own(refusal, directory),
        S::Completed => {
            not_allowed("Content stream is not allowed on an already completed streamed message.")
        }
        S::Stopped => not_allowed("Content stream was canceled by user."),
        S::TimeOver => not_allowed("Content stream finished due to exceeded streaming time."),
    }
}

fn interaction(why: &I, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        I::ConversationNotFound | I::NotMember => no_conversation(),
        I::NoLongerMember => not_in_roster(),
        I::Archived => archived(),
        I::MessageNotFound => no_activity(),
        I::Tombstone => tombstone(),
        I::NotAuthor | I::NoApp => not_own(refusal, directory),
        I::TooManyReactions | I::TooManyEmoji | I::TooManyOfOne => Error::new(
            StatusCode::FORBIDDEN,
            NOT_ENOUGH_PERMISSIONS,
            "The message has as many reactions as it may have.",
        ),
    }
}

fn stale(current: std::num::NonZeroU32) -> Error {
    let message = format!("The message is at revision {current} by now.");
    let error = Error::new(StatusCode::PRECONDITION_FAILED, PRECONDITION_FAILED, message);
    Error { revision: Some(current.get()), ..error }
}

/// Someone else's message. Microsoft states no code for it; this is the documented one that fits.
fn not_own(refusal: &Refusal, directory: &Directory) -> Error {
    let author = refusal.message.as_ref().map(|message| match message.app.filter(|_| message.as_app) {
        Some(app) => format!("app {}", directory.app(app).map_or("?", |app| &app.name)),
        None => format!("user {}", directory.user(message.author).map_or("?", |user| &user.name)),
    });
    let asker = refusal.actor.and_then(|actor| directory.app(actor.app?)).map_or("?", |app| &app.name);
    let message = format!(
        "The message was posted by {}; app {asker} changes and deletes only what it posted itself.",
        author.unwrap_or_default()
    );
    Error::new(StatusCode::FORBIDDEN, NOT_ENOUGH_PERMISSIONS, message)
}

fn update(why: &U, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        U::ConversationNotFound => no_conversation(),
        U::NoLongerMember => not_in_roster(),
        U::Archived => archived(),
        U::MessageNotFound => no_activity(),
        U::Tombstone => tombstone(),
        U::Ephemeral => ephemeral(),
        U::OtherReader => other_reader(),
        U::StillStreaming => still_streaming(),
        U::NotAuthor(_) | U::EditWindowClosed => not_own(refusal, directory),
        U::StaleRevision(current) => stale(*current),
        U::NoContent => no_content(),
        U::Content(found) => fault(found.code, found.reasons.join(" ")),
        U::NotAReply | U::BroadcastWithContent => {
            Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, "The message is not a reply that can be shown.")
        }
    }
}

fn delete(why: &D, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        D::ConversationNotFound => no_conversation(),
        D::NoLongerMember => not_in_roster(),
        D::MessageNotFound => no_activity(),
        D::Tombstone => tombstone(),
        D::Ephemeral => ephemeral(),
        D::OtherReader => other_reader(),
        D::StillStreaming => still_streaming(),
        D::Archived => archived(),
        D::NotAllowed(_) => not_own(refusal, directory),
        D::StaleRevision(current) => stale(*current),
        D::NotBroadcast => {
            Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, "The message is not a reply that is shown.")
        }
    }
}

fn conversation(why: &C) -> Error {
    match why {
        C::NotFound | C::DoesNotExist => no_conversation(),
        C::NoLongerMember => not_in_roster(),
        C::UserNotFound | C::UserInactive => {
            Error::new(StatusCode::NOT_FOUND, CONVERSATION_NOT_FOUND, "The member cannot be reached.")
        }
        C::Full => Error::new(StatusCode::FORBIDDEN, NOT_ENOUGH_PERMISSIONS, "The workspace is full."),
        C::WrongKind
        | C::Archived
        | C::NotArchived
        | C::NotMember
        | C::General
        | C::LastMember
        | C::NameTaken
        | C::NotYours
        | C::NobodyNamed
        | C::AlreadyMember
        | C::TargetNotMember
        | C::Oneself
        | C::TooManyUsers
        | C::Invitations(_) => {
            Error::new(StatusCode::BAD_REQUEST, BAD_SYNTAX, "Conversation creation parameters are wrong.")
        }
    }
}

/// A store that failed or is full.
pub(super) fn unavailable(failed: StoreError) -> Error {
    let (status, code, wait) = match failed {
        StoreError::Busy => (StatusCode::TOO_MANY_REQUESTS, THROTTLED, Some(1)),
        StoreError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, SERVICE_ERROR, Some(1)),
        StoreError::Failed | StoreError::Damaged | StoreError::Unknown => {
            (StatusCode::INTERNAL_SERVER_ERROR, SERVICE_ERROR, None)
        }
    };
    Error { retry_after: wait, ..Error::new(status, code, failed.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails() {
        for (failed, status, code, wait) in [
            (StoreError::Busy, 429, "Throttled", Some(1)),
            (StoreError::Stopping, 503, "ServiceError", Some(1)),
            (StoreError::Failed, 500, "ServiceError", None),
            (StoreError::Damaged, 500, "ServiceError", None),
            (StoreError::Unknown, 500, "ServiceError", None),
        ] {
            let error = unavailable(failed);
            assert_eq!((error.status.as_u16(), error.code, error.retry_after), (status, code, wait));
        }
    }
}
