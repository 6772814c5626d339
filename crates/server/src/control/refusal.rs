//! Every refusal of the model as the control API's status and code, with a sentence that a person can act on.

use axum::http::StatusCode;
use redraft_model::control::ControlRefusal as T;
use redraft_model::conversations::ConversationRefusal as C;
use redraft_model::decision::{CallerRefusal, Refusal, Why};
use redraft_model::delete::DeleteRefusal as D;
use redraft_model::directory::Directory;
use redraft_model::grant::GrantRefusal as A;
use redraft_model::id::WorkspaceId;
use redraft_model::interaction::InteractionRefusal as I;
use redraft_model::modal::ModalRefusal as M;
use redraft_model::policy::Rule;
use redraft_model::post::PostRefusal as P;
use redraft_model::replace_stream::ReplaceStreamRefusal as S;
use redraft_model::update::UpdateRefusal as U;
use redraft_store::StoreError;

use super::answer::Error;
use crate::app::App;
use redraft_service::NotDone;

/// The error that a command is answered with which was not carried out. `who` is the short name of the one who asked.
pub(super) fn error(app: &App, workspace: WorkspaceId, who: &str, not_done: &NotDone) -> Error {
    let refusal = match not_done {
        NotDone::Refused(refusal) => refusal,
        NotDone::Store(failed) => return store(*failed),
    };
    let directory = app.service.workspace(workspace);
    let author = || author(refusal, directory.as_deref());
    match &refusal.why {
        Why::Caller(why) => caller(*why, who),
        Why::Post(why) => post(why, who),
        Why::Update(why) => update(why, who, author),
        Why::Delete(why) => delete(why, who, author),
        Why::ReplaceStream(why) => stream(why, who, author),
        Why::Interaction(why) => interaction(why, who, author),
        Why::GrantAnswers(why) => interact(*why, who, author),
        Why::Modal(why) => modal(*why, who),
        Why::Conversation(why) => conversation(why, who),
        Why::AppendStream(_) | Why::Respond(_) => forbidden("not_a_person", "only an app does this"),
        Why::Pin(_) | Why::Schedule(_) | Why::Install(_) => {
            forbidden("not_a_person", "that is done with a token of the Web API")
        }
        Why::Control(why) => control(why),
        // People share no files through the control API.
        Why::File(_) | Why::Attach(_) => missing("there is no such file"),
        Why::KeyReused { other_conversation } => key_reused(*other_conversation),
        Why::Quota(why) => Error(StatusCode::INSUFFICIENT_STORAGE, "quota", why.reason()),
        Why::ForbiddenCharacter(named, character) => Error::bad(named.refusal(*character)),
    }
}

/// A store that failed or is full.
pub(super) fn store(failed: StoreError) -> Error {
    let (status, code) = match failed {
        StoreError::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        StoreError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        StoreError::Damaged => (StatusCode::INTERNAL_SERVER_ERROR, "damaged"),
        StoreError::Failed | StoreError::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    Error(status, code, failed.to_string())
}

/// Who posted the message that a refusal is about.
fn author(refusal: &Refusal, directory: Option<&Directory>) -> String {
    let user = refusal.message.as_ref().and_then(|message| directory?.user(message.author));
    user.map_or_else(|| "somebody else".into(), |user| user.name.clone())
}

fn missing(why: impl Into<String>) -> Error {
    Error(StatusCode::NOT_FOUND, "not_found", why.into())
}

fn forbidden(code: &'static str, why: impl Into<String>) -> Error {
    Error(StatusCode::FORBIDDEN, code, why.into())
}

fn conflict(code: &'static str, why: impl Into<String>) -> Error {
    Error(StatusCode::CONFLICT, code, why.into())
}

/// The conversation is not there, or not for this person to see.
pub(super) fn no_conversation(who: &str) -> Error {
    missing(format!("{who} sees no such conversation; a private one is seen by its members only"))
}

fn not_member(who: &str) -> Error {
    forbidden("not_member", format!("{who} is not in the conversation; join it first"))
}

fn archived() -> Error {
    conflict("archived", "the conversation is archived; unarchive it first")
}

fn no_message(who: &str) -> Error {
    missing(format!(
        "{who} sees no message with this id in this conversation; it may be in another one, or deleted"
    ))
}

fn tombstone() -> Error {
    conflict("deleted", "the message was deleted; only its thread is left")
}

fn streaming() -> Error {
    conflict("streaming", "the message is still streaming in; stop it, or wait until it has ended")
}

fn stale(current: std::num::NonZeroU32) -> Error {
    let why = format!("the message is at revision {current} by now; read it again");
    Error(StatusCode::PRECONDITION_FAILED, "stale", why)
}

fn content(why: impl Into<String>) -> Error {
    Error(StatusCode::UNPROCESSABLE_ENTITY, "content", why.into())
}

fn for_one_reader() -> Error {
    forbidden("not_author", "the message is for one reader; only the bot that sent it changes it")
}

fn rule(rule: Rule, author: &str, who: &str) -> Error {
    match rule {
        Rule::NotPostedByThisApp | Rule::NotPostedByThisUser | Rule::NotTheInstaller => forbidden(
            "not_author",
            format!("the message was posted by {author}; {who} changes and deletes only what {who} posted"),
        ),
        Rule::OthersDirectMessage => forbidden(
            "not_author",
            format!(
                "the message is {author}'s in a direct message, where administrators delete nothing of others"
            ),
        ),
        Rule::OnlyAdministratorsDelete => forbidden(
            "only_admins",
            format!("only administrators delete messages in this workspace, and {who} is none"),
        ),
        Rule::DeleteWindowOver => forbidden(
            "window_closed",
            "in this workspace people can delete a message for a limited time, which has passed",
        ),
        Rule::WrittenByThePlatform => forbidden("not_author", rule.words()),
    }
}

/// A caller who does nothing, whatever it is.
pub(super) fn caller(why: CallerRefusal, who: &str) -> Error {
    match why {
        CallerRefusal::Unknown => missing(format!("{who} is not in this workspace any more")),
        CallerRefusal::Inactive => forbidden("inactive", format!("{who} was deactivated")),
        CallerRefusal::Revoked | CallerRefusal::Expired => {
            forbidden("inactive", format!("what {who} acts by was revoked or has expired"))
        }
        CallerRefusal::WrongKind => forbidden("inactive", format!("{who} is a bot; only people act here")),
    }
}

fn post(why: &P, who: &str) -> Error {
    match why {
        P::ConversationNotFound => no_conversation(who),
        P::NoLongerMember | P::NotMember => not_member(who),
        P::Archived => archived(),
        P::ReaderNotMember => forbidden("not_member", "the one reader is not in the conversation"),
        P::NoContent => content("a message needs a text"),
        P::Content(fault) => content(fault.reasons.join("; ")),
    }
}

fn update(why: &U, who: &str, author: impl Fn() -> String) -> Error {
    match why {
        U::ConversationNotFound => no_conversation(who),
        U::NoLongerMember => not_member(who),
        U::Archived => archived(),
        U::MessageNotFound => no_message(who),
        U::Ephemeral | U::OtherReader => for_one_reader(),
        U::NotAuthor(broken) => rule(*broken, &author(), who),
        U::Tombstone => tombstone(),
        U::StillStreaming => streaming(),
        U::EditWindowClosed => forbidden(
            "window_closed",
            "in this workspace people can edit a message for a limited time, which has passed",
        ),
        U::StaleRevision(current) => stale(*current),
        U::NoContent => content("a message needs a text; to take it away, delete it"),
        U::Content(fault) => content(fault.reasons.join("; ")),
        U::NotAReply => content("only a reply can be shown in the channel as well"),
        U::BroadcastWithContent => {
            content("an old reply is brought to the channel in one step and changed in another")
        }
    }
}

fn delete(why: &D, who: &str, author: impl Fn() -> String) -> Error {
    match why {
        D::ConversationNotFound => no_conversation(who),
        D::NoLongerMember => not_member(who),
        D::MessageNotFound => no_message(who),
        D::Ephemeral | D::OtherReader => for_one_reader(),
        D::Archived => archived(),
        D::Tombstone => tombstone(),
        D::NotAllowed(broken) => rule(*broken, &author(), who),
        D::StillStreaming => streaming(),
        D::StaleRevision(current) => stale(*current),
        D::NotBroadcast => content("the channel does not show this reply"),
    }
}

fn stream(why: &S, who: &str, author: impl Fn() -> String) -> Error {
    match why {
        S::ConversationNotFound => no_conversation(who),
        S::NoLongerMember => not_member(who),
        S::NotHere => conflict("not_streaming", "messages stream in in chats with one person only"),
        S::Content(fault) => content(fault.reasons.join("; ")),
        S::MessageNotFound => no_message(who),
        S::NotAuthor(broken) => rule(*broken, &author(), who),
        S::Completed => conflict("not_streaming", "the message does not stream in; it is whole"),
        S::Stopped => conflict("not_streaming", "the message was stopped before"),
        S::TimeOver => conflict("not_streaming", "the message streamed in for longer than it may"),
    }
}

fn interaction(why: &I, who: &str, author: impl Fn() -> String) -> Error {
    match why {
        I::ConversationNotFound => no_conversation(who),
        I::NoLongerMember | I::NotMember => not_member(who),
        I::Archived => archived(),
        I::MessageNotFound => no_message(who),
        I::Tombstone => tombstone(),
        I::NotAuthor => {
            forbidden("not_author", format!("only {}, who posted the card, shows it differently", author()))
        }
        I::NoApp => conflict("no_bot", "no bot posted the message, so no bot would receive the press"),
        I::TooManyReactions => conflict("full", "the message has as many reactions as it may have"),
        I::TooManyEmoji => conflict("full", "the message has reactions with fifty different emoji"),
        I::TooManyOfOne => conflict("full", "one person reacts to a message twenty-three times at most"),
    }
}

fn interact(why: A, who: &str, author: impl Fn() -> String) -> Error {
    match why {
        A::ConversationNotFound => no_conversation(who),
        A::Archived => archived(),
        A::NotMember => not_member(who),
        A::MessageNotFound => no_message(who),
        A::Tombstone => tombstone(),
        A::ForOneReader => conflict("for_one_reader", "shortcuts are not offered on messages for one reader"),
        A::ViewNotFound => no_view(who),
        A::NoApp => conflict("no_bot", "no installed Slack app would receive it"),
        A::OtherApp => conflict("no_bot", format!("{} posted the message, and not this app's bot", author())),
    }
}

fn no_view(who: &str) -> Error {
    missing(format!("{who} has no such modal open; it may have been closed or submitted"))
}

fn modal(why: M, who: &str) -> Error {
    match why {
        M::NotFound => no_view(who),
        M::TooMany => conflict("full", "three modals lie on one another already"),
        M::DuplicateExternalId => conflict("taken", "another open modal of the app has this external_id"),
        M::HashConflict => conflict("stale", "the modal was changed meanwhile"),
        M::InvalidTrigger | M::ExchangedTrigger | M::ExpiredTrigger => {
            conflict("trigger", "the trigger_id is not good for this")
        }
    }
}

fn conversation(why: &C, who: &str) -> Error {
    match why {
        C::NotFound | C::DoesNotExist => no_conversation(who),
        C::NoLongerMember | C::NotMember => not_member(who),
        C::WrongKind => conflict("wrong_kind", "this is not for a conversation of this kind"),
        C::Archived => archived(),
        C::NotArchived => conflict("not_archived", "the conversation is not archived"),
        C::General => conflict("general", "everyone stays in the team's channel"),
        C::LastMember => conflict("last_member", "a private channel keeps its last member"),
        C::NotYours => forbidden("not_yours", format!("{who} did not make the channel")),
        C::NameTaken => conflict("taken", "a channel has this name"),
        C::NobodyNamed => Error::bad("nobody was named"),
        C::UserNotFound => missing("a name is nobody's in this workspace"),
        C::UserInactive => forbidden("inactive", "somebody who was named was deactivated"),
        C::AlreadyMember => conflict("member", "somebody who was named is in the conversation already"),
        C::TargetNotMember => conflict("not_member", "somebody who was named is not in the conversation"),
        C::Oneself => Error::bad(format!("{who} is in the chat anyway; name others")),
        C::TooManyUsers => Error::bad("a group chat is for eight others at most"),
        C::Full => conflict("full", "the workspace or the channel is full"),
        C::Invitations(failed) => {
            failed.first().map_or_else(|| Error::bad("nobody was invited"), |(_, why)| conversation(why, who))
        }
    }
}

fn control(why: &T) -> Error {
    match why {
        T::WorkspaceNotFound => Error::not_found("workspace"),
        T::Taken(name) => conflict("taken", format!("{name} is taken")),
        T::NotFound(what) => Error::not_found(what),
        T::Full => conflict("full", "the workspace is full"),
        T::ClockGoesBack => Error::bad("a clock does not go back"),
        T::ClockTooFarAhead => Error::bad(
            "a workspace's clock is at most ten years ahead of the machine's, all advances together; reset the workspace to set it back",
        ),
        T::SecondAnonymous => conflict("taken", "the workspace has a bot for calls without a token already"),
    }
}

fn key_reused(other_conversation: bool) -> Error {
    let place = if other_conversation { " in another conversation" } else { "" };
    conflict(
        "key_reused",
        format!("the idempotency key was used for another request{place} in the last 24 hours"),
    )
}
