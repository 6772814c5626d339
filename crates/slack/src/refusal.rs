//! Every refusal of the model as the platform's code, with the reason in words: who posted it, who asked, which rule.

use redraft_model::append_stream::AppendStreamRefusal as A;
use redraft_model::conversations::ConversationRefusal as C;
use redraft_model::decision::{CallerRefusal, Refusal, Why};
use redraft_model::delete::DeleteRefusal as D;
use redraft_model::directory::Directory;
use redraft_model::files::FileRefusal;
use redraft_model::install::InstallRefusal as L;
use redraft_model::interaction::InteractionRefusal as I;
use redraft_model::limits::{FILE_SHARES_MAX, FILES_OF_MESSAGE_MAX, STREAM_BYTES_MAX, STREAM_PIECES_MAX};
use redraft_model::message::Message;
use redraft_model::modal::ModalRefusal as M;
use redraft_model::name::Named;
use redraft_model::pin::PinRefusal as N;
use redraft_model::policy::{Actor, Rule};
use redraft_model::post::PostRefusal as P;
use redraft_model::quota::{Quota, QuotaRefusal};
use redraft_model::schedule::ScheduleRefusal as S;
use redraft_model::update::UpdateRefusal as U;
use redraft_model::workspace::TokenKind;

use crate::reply::Error;
use axum::http::StatusCode;
use redraft_store::StoreError;

/// Why a workspace takes no more files.
pub(crate) const STORAGE_FULL: &str =
    "the workspace's files and attachments have as many bytes as they may have; delete some";

/// The error that a refusal is answered with.
pub(super) fn error(refusal: &Refusal, directory: &Directory, method: &str) -> Error {
    match &refusal.why {
        Why::Caller(why) => caller(*why),
        Why::Post(why) => post(why),
        Why::Update(why) => update(why, refusal, directory),
        Why::Delete(why) => delete(why, refusal, directory),
        Why::Modal(why) => modal(*why),
        Why::File(why) => file(why, method),
        Why::AppendStream(why) => append(why, refusal, directory),
        Why::Interaction(why) => interaction(why, method),
        Why::Pin(why) => pin(why),
        Why::Schedule(why) => schedule(*why),
        Why::Install(why) => install(*why),
        Why::ReplaceStream(_) | Why::Attach(_) | Why::GrantAnswers(_) | Why::Respond(_) | Why::Control(_) => {
            Error::new("access_denied")
        }
        Why::Conversation(why) => conversation(why, method),
        Why::KeyReused { other_conversation } => key_reused(*other_conversation, method),
        Why::Quota(why) => quota(*why, method),
        Why::ForbiddenCharacter(named, character) => forbidden_character(*named, *character),
    }
}

/// Slack's documented codes for a workspace that may not hold more.
fn quota(why: QuotaRefusal, method: &str) -> Error {
    let code = match why.quota {
        Quota::Files => "storage_limit_reached",
        Quota::Bytes if method.starts_with("files.") => "storage_limit_reached",
        Quota::Messages | Quota::Bytes => "message_limit_exceeded",
        Quota::People | Quota::Apps | Quota::Channels => "restricted_action",
    };
    Error::new(code).because(why.reason())
}

/// A channel's name has its own code; the other names that reach this API have none.
fn forbidden_character(named: Named, character: char) -> Error {
    let code = match named {
        Named::Channel => "invalid_name_specials",
        Named::Workspace | Named::Person | Named::App | Named::Token | Named::UserGroup | Named::File => {
            "invalid_arguments"
        }
    };
    Error::new(code).because(named.refusal(character))
}

fn caller(why: CallerRefusal) -> Error {
    match why {
        CallerRefusal::Unknown => Error::new("invalid_auth").because("no workspace here has this token"),
        CallerRefusal::Revoked => Error::new("token_revoked").because("the token was revoked"),
        CallerRefusal::Expired => Error::new("token_expired").because("the token's time is over"),
        CallerRefusal::Inactive => Error::new("account_inactive").because("the token's user was deactivated"),
        CallerRefusal::WrongKind => {
            Error::new("not_allowed_token_type").because("an app-level token calls no workspace method")
        }
    }
}

fn post(why: &P) -> Error {
    match why {
        P::ConversationNotFound | P::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        P::Archived => Error::new("is_archived").because("the conversation is archived"),
        P::NotMember => Error::new("not_in_channel")
            .because("the token's user is not in the channel; a bot may join it or needs chat:write.public"),
        P::ReaderNotMember => {
            Error::new("user_not_in_channel").because("the one reader is not a member of the conversation")
        }
        P::NoContent => Error::new("no_text").because("neither text nor blocks nor attachments were given"),
        P::Content(fault) => content(fault.code, &fault.reasons),
    }
}

fn append(why: &A, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        A::Post(why) => post(why),
        A::ConversationNotFound => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        A::Archived => Error::new("is_archived").because("the conversation is archived"),
        A::MessageNotFound => not_found(),
        A::NotAuthor(rule) => {
            Error::new("message_not_owned_by_app").because(whose(refusal, *rule, directory))
        }
        A::Stopped => Error::new("stopped_by_user").because("a person stopped the stream"),
        A::NotStreaming => Error::new("message_not_in_streaming_state")
            .because("the message was not started as a stream, has ended, or began more than 5 minutes ago"),
        A::ThreadNotFound => Error::new("invalid_thread_ts")
            .because("a stream is a reply, and thread_ts names no message of this conversation"),
        A::Content(fault) => content(fault.code, &fault.reasons),
        A::NoContent => Error::new("no_text").because("there is neither text nor chunks, now or before"),
        A::TooLong => Error::new("msg_too_long")
            .because(format!("a stream has at most {STREAM_BYTES_MAX} bytes and {STREAM_PIECES_MAX} pieces")),
    }
}

fn content(code: &'static str, reasons: &[String]) -> Error {
    let error = Error::new(code);
    let error = if code == "invalid_blocks" { error.with("errors", &reasons) } else { error };
    reasons.iter().fold(error, Error::because)
}

fn update(why: &U, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        U::ConversationNotFound | U::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        U::Archived => Error::new("is_inactive").because("the conversation is archived"),
        U::MessageNotFound => not_found(),
        U::Ephemeral | U::OtherReader => Error::new("cant_update_message")
            .because("the message is ephemeral; such a message changes only through its response_url"),
        U::NotAuthor(rule) => Error::new("cant_update_message").because(whose(refusal, *rule, directory)),
        U::Tombstone => {
            Error::new("cant_update_message").because("the message was deleted; only its thread is left")
        }
        U::StillStreaming => Error::new("streaming_state_conflict")
            .because("the message is still streaming; it can be changed when the stream has ended"),
        U::EditWindowClosed => {
            Error::new("edit_window_closed").because("this workspace's edit window for people is over")
        }
        U::StaleRevision(current) => {
            let reason = format!("the message is at revision {current} by now");
            Error::new("update_failed").because(reason).at_revision(current.get())
        }
        U::NoContent => Error::new("no_text").because("nothing to show would be left, or nothing was given"),
        U::Content(fault) => content(fault.code, &fault.reasons),
        U::NotAReply => {
            Error::new("cant_broadcast_message").because("only a reply can be shown in the channel as well")
        }
        U::BroadcastWithContent => Error::new("no_dual_broadcast_content_update")
            .because("an old reply is broadcast in one call and changed in another"),
    }
}

fn interaction(why: &I, method: &str) -> Error {
    match why {
        I::ConversationNotFound | I::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        I::Archived => Error::new("is_archived").because("the conversation is archived"),
        I::NotMember => Error::new("not_in_channel").because("the token's user is not in the channel"),
        I::MessageNotFound => not_found(),
        I::Tombstone => {
            let code = if method == "reactions.add" { "not_reactable" } else { "message_not_found" };
            Error::new(code).because("the message was deleted; only its thread is left")
        }
        I::NotAuthor | I::NoApp => Error::new("no_access").because("that is for the app that posted it"),
        I::TooManyEmoji => {
            Error::new("too_many_emoji").because("a message has reactions with fifty different emoji at most")
        }
        I::TooManyOfOne => Error::new("too_many_reactions")
            .because("one person reacts to a message twenty-three times at most"),
        I::TooManyReactions => {
            Error::new("too_many_reactions").because("the message has as many reactions as it may have")
        }
    }
}

fn pin(why: &N) -> Error {
    match why {
        N::ConversationNotFound | N::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        N::Archived => Error::new("restricted_action").because("the conversation is archived"),
        N::NotMember => Error::new("not_in_channel").because("the token's user is not in the channel"),
        N::MessageNotFound => not_found(),
        N::NotPinnable => Error::new("not_pinnable")
            .because("messages for one reader, deleted ones and the platform's own have no pins"),
        N::AlreadyPinned => Error::new("already_pinned").because("the message is pinned already"),
        N::NotPinned => Error::new("no_pin").because("the message is not pinned"),
        N::TooMany => Error::new("too_many_pins").because("a conversation has a hundred pins at most"),
    }
}

fn schedule(why: S) -> Error {
    match why {
        S::InPast => {
            Error::new("time_in_past").because("post_at is not in the future of the workspace's clock")
        }
        S::TooFar => Error::new("time_too_far").because("post_at is more than 120 days ahead"),
        S::TooMany => Error::new("restricted_too_many")
            .because("thirty messages wait for this conversation within five minutes of that time"),
        S::NotFound => Error::new("invalid_scheduled_message_id")
            .because("no message of this token's waits in this conversation under this id"),
        S::TooLate => Error::new("invalid_scheduled_message_id")
            .because("the message is posted in less than a minute and is taken back no more"),
    }
}

fn install(why: L) -> Error {
    match why {
        L::UnknownClient => Error::new("invalid_client_id").because("no app here has this client id"),
        L::BadSecret => Error::new("bad_client_secret").because("the client secret is not the app's"),
        L::InvalidCode => Error::new("invalid_code")
            .because("no code of this app is this one; a code is used once and within ten minutes"),
        L::BadRedirect => Error::new("bad_redirect_uri")
            .because("redirect_uri is not the one that the code was made for, or none of the app's"),
        L::NoScopes => Error::new("no_scopes").because("the app asks for no scopes"),
        L::NobodyInstalls => {
            Error::new("access_denied").because("the person who installs the app was deactivated")
        }
        L::Full => Error::new("access_denied").because("the workspace holds no more tokens"),
    }
}

fn not_found() -> Error {
    Error::new("message_not_found").because(
        "no message of this conversation has this ts; it may be in another one, or deleted. \
         The ts of an event about a change is not the message's",
    )
}

fn delete(why: &D, refusal: &Refusal, directory: &Directory) -> Error {
    match why {
        D::ConversationNotFound | D::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        D::MessageNotFound => not_found(),
        D::Ephemeral | D::OtherReader => Error::new("message_not_found")
            .because("the message is ephemeral; such a message goes only through its response_url"),
        D::Archived => Error::new("cant_delete_message").because("the conversation is archived"),
        D::Tombstone => Error::new("cant_delete_message")
            .because("the message was deleted before; only its thread is left"),
        D::StillStreaming => Error::new("cant_delete_message")
            .because("the message is still streaming; it can be deleted when the stream has ended"),
        D::NotAllowed(rule) => Error::new("cant_delete_message").because(whose(refusal, *rule, directory)),
        D::StaleRevision(current) => {
            let reason = format!("the message is at revision {current} by now");
            Error::new("cant_delete_message").because(reason).at_revision(current.get())
        }
        D::NotBroadcast => Error::new("cant_delete_message")
            .because("the channel does not show this message as a broadcast reply"),
    }
}

/// "posted by U1 (as app A1); this token acts as U2 of app A2: a bot changes and deletes only …".
fn whose(refusal: &Refusal, rule: Rule, directory: &Directory) -> String {
    let posted = refusal.message.as_ref().map_or_else(String::new, |message| posted_by(message, directory));
    let asked = refusal.actor.as_ref().map_or_else(String::new, |actor| asked_by(actor, directory));
    format!("the message was posted by {posted}; {asked}: {}", rule.words())
}

fn posted_by(message: &Message, directory: &Directory) -> String {
    let user = directory.user(message.author).map_or("?", |user| &user.slack_id);
    let app = message.app.and_then(|app| directory.app(app)).map_or("?", |app| &app.slack_id);
    if message.as_app { format!("app {app} as its bot {user}") } else { format!("user {user}") }
}

fn asked_by(actor: &Actor, directory: &Directory) -> String {
    let user = directory.user(actor.user).map_or("?", |user| &user.slack_id);
    let app = actor.app.and_then(|app| directory.app(app)).map_or("?", |app| &app.slack_id);
    let kind = match actor.kind {
        TokenKind::Bot => "bot",
        TokenKind::User if actor.admin => "administrator",
        TokenKind::User if actor.installer => "installer",
        TokenKind::User | TokenKind::App => "user",
    };
    format!("this token of app {app} acts as {kind} {user}")
}

fn file(why: &FileRefusal, method: &str) -> Error {
    use FileRefusal as F;
    match why {
        F::UploadUnknown | F::UploadOver | F::OtherSize(_) | F::NotFound => {
            Error::new("file_not_found").because("no file that this token can see or share has this id")
        }
        F::Deleted => Error::new("file_deleted").because("the file was deleted"),
        F::NotReady if method == "files.completeUploadExternal" => Error::new("file_update_failed")
            .because("the file's bytes have not come, or it was completed before"),
        F::NotReady => Error::new("file_not_found").because("the file's upload was not completed"),
        F::NotOwner => Error::new("cant_delete_file").because("the file is somebody else's"),
        F::TooMany if method == "files.completeUploadExternal" => {
            Error::arguments(format!("a message shares at most {FILES_OF_MESSAGE_MAX} files"))
        }
        F::TooMany => Error::new("max_file_sharing_exceeded")
            .because(format!("a message shares at most {FILES_OF_MESSAGE_MAX} files")),
        F::StorageFull => Error::new("storage_limit_reached").because(STORAGE_FULL),
        F::SharedTooOften => Error::new("file_share_limit_reached")
            .because(format!("at most {FILE_SHARES_MAX} messages share a file")),
    }
}

/// The error of a command about a conversation.
pub(super) fn conversation(why: &C, method: &str) -> Error {
    match why {
        C::NotFound | C::NoLongerMember => {
            Error::new("channel_not_found").because("no conversation that this token can see has this id")
        }
        C::WrongKind => Error::new("method_not_supported_for_channel_type")
            .because("the method is not for this kind of conversation"),
        C::Archived if method == "conversations.archive" => {
            Error::new("already_archived").because("the channel is archived already")
        }
        C::Archived => Error::new("is_archived").because("the channel is archived"),
        C::NotArchived => Error::new("not_archived").because("the channel is not archived"),
        C::NotMember => Error::new("not_in_channel").because("the token's user is not in the channel"),
        C::General => general(method),
        C::LastMember => Error::new("last_member").because("a private channel keeps its last member"),
        C::NotYours => Error::new("not_authorized")
            .because("only who made the channel and administrators give it another name"),
        C::NameTaken => Error::new("name_taken").because("a channel has this name"),
        C::NobodyNamed if method == "conversations.open" => {
            Error::new("users_list_not_supplied").because("neither users nor channel were given")
        }
        C::NobodyNamed => Error::new("no_user").because("no users were given"),
        C::UserNotFound => Error::new("user_not_found").because("an id names nobody in this workspace"),
        C::UserInactive if method == "conversations.open" => {
            Error::new("user_disabled").because("the user was deactivated")
        }
        C::UserInactive => Error::new("cant_invite").because("the user was deactivated"),
        C::AlreadyMember => Error::new("already_in_channel").because("the user is in the channel already"),
        C::TargetNotMember => Error::new("not_in_channel").because("the user is not in the channel"),
        C::Oneself if method == "conversations.kick" => {
            Error::new("cant_kick_self").because("conversations.leave is for oneself")
        }
        C::Oneself => Error::new("cant_invite_self").because("the token's own user was named"),
        C::TooManyUsers => {
            Error::new("too_many_users").because("a group message is for eight others at most")
        }
        C::Full if method == "conversations.create" => {
            Error::new("restricted_action").because("the workspace holds no more channels")
        }
        C::Full => Error::new("too_many_members").because("the channel holds no more members"),
        C::DoesNotExist => Error::new("channel_not_found").because("there is no such direct message yet"),
        C::Invitations(failed) => Error::new(
            failed.first().map_or_else(|| "cant_invite".into(), |(_, why)| conversation(why, method).code),
        ),
    }
}

fn modal(why: M) -> Error {
    match why {
        M::InvalidTrigger => Error::new("invalid_trigger_id").because(
            "no interaction that this app was told of has this trigger_id; views.push needs one from a modal",
        ),
        M::ExchangedTrigger => Error::new("exchanged_trigger_id")
            .because("a modal was opened with this trigger_id before; each is good for one"),
        M::ExpiredTrigger => Error::new("expired_trigger_id")
            .because("the trigger_id is older than 3 seconds by the workspace's clock"),
        M::NotFound => Error::new("not_found")
            .because("this app has no such modal open; it may have been closed or submitted"),
        M::HashConflict => Error::new("hash_conflict")
            .because("the view was changed since; take its hash from the newest answer or payload"),
        M::TooMany => Error::new("push_limit_reached").because("three modals lie on one another already"),
        M::DuplicateExternalId => {
            Error::new("duplicate_external_id").because("another open modal of this app has this external_id")
        }
    }
}

fn general(method: &str) -> Error {
    match method {
        "conversations.kick" => {
            Error::new("cant_kick_from_general").because("everyone is in the team's channel")
        }
        "conversations.archive" => {
            Error::new("cant_archive_general").because("the team's channel is not archived")
        }
        _ => Error::new("cant_leave_general").because("everyone is in the team's channel"),
    }
}

fn key_reused(other_conversation: bool, method: &str) -> Error {
    let reason = "this idempotency key was used with other arguments in the last 24 hours";
    let code = match method {
        "chat.update" => "update_failed",
        "chat.delete" => "cant_delete_message",
        _ if other_conversation => "duplicate_channel_not_found",
        _ => "duplicate_message_not_found",
    };
    Error::new(code).because(reason)
}

/// A store that is full, stops or fails.
pub(crate) fn unavailable(failed: StoreError) -> Error {
    match failed {
        StoreError::Busy => Error::new("ratelimited")
            .because("the server is busy")
            .with_status(StatusCode::TOO_MANY_REQUESTS, 1),
        StoreError::Stopping => {
            let error = Error::new("service_unavailable").because("the server is stopping");
            error.with_status(StatusCode::SERVICE_UNAVAILABLE, 1)
        }
        StoreError::Failed => {
            Error::new("internal_error").because("the server could not write; nothing was done")
        }
        StoreError::Damaged => Error::new("internal_error").because(
            "what is stored of a message that this needs is damaged; the operator can see which: redraft doctor",
        ),
        StoreError::Unknown => {
            Error::new("fatal_error").because("the server failed; it may or may not have been done")
        }
    }
}

#[cfg(test)]
mod tests;
