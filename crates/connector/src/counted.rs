//! What of the rate limits a call counts for.

use axum::http::Method;
use redraft_model::directory::Directory;
use redraft_wire::connector::conversation::ConversationParameters;
use redraft_wire::connector::id::split_conversation;

use crate::call::Call;
use crate::rates::{Place, Scenario, Subject};
use crate::routes::Route;

/// What a call counts for.
pub(crate) fn subjects(call: &Call<'_>, route: &Route, method: &Method) -> Vec<Subject> {
    let subject =
        |bot, scenario, place| Subject { workspace: call.directory.workspace.id, bot, scenario, place };
    let bot = Some(call.bot.id);
    let mut subjects = vec![subject(bot, Scenario::Any, Place::None)];
    let Some((scenario, place)) = scenario(call, route, method) else { return subjects };
    subjects.push(subject(bot, scenario, place));
    if let Place::Conversation(_) = place {
        subjects.push(subject(None, scenario, place));
    }
    subjects
}

fn scenario(call: &Call<'_>, route: &Route, method: &Method) -> Option<(Scenario, Place)> {
    let place = |id: &str| conversation(&call.directory, id);
    Some(match route {
        Route::Conversations if *method == Method::GET => (Scenario::Read, Place::None),
        Route::Conversations => (Scenario::Create, created(call)),
        Route::Activity(conversation, _) if *method != Method::POST => (change(), place(conversation)),
        Route::Activities(conversation) | Route::Activity(conversation, _) => {
            (Scenario::Send, place(conversation))
        }
        Route::History(conversation) => (Scenario::Send, place(conversation)),
        Route::Reaction(..) => (Scenario::React, Place::None),
        Route::Members(id)
        | Route::PagedMembers(id)
        | Route::Member(id, _)
        | Route::ActivityMembers(id)
        | Route::Team(id)
        | Route::TeamChannels(id) => (Scenario::Read, place(id)),
        Route::Uploads(_)
        | Route::Attachment(_)
        | Route::AttachmentView(..)
        | Route::Description
        | Route::Token(_)
        | Route::Identity
        | Route::Document(_)
        | Route::Unknown => return None,
    })
}

/// Whose windows updates and deletions share. Microsoft does not say; a change of a message costs it what a message does.
const fn change() -> Scenario {
    Scenario::Send
}

/// A thread shares the windows of its channel. All conversations that are not there share theirs.
fn conversation(directory: &Directory, id: &str) -> Place {
    let found = directory.conversation_named(split_conversation(id).0);
    found.map_or(Place::None, |found| Place::Conversation(found.id))
}

/// The channel or the person for whom a conversation is created.
fn created(call: &Call<'_>) -> Place {
    let Ok(asked) = ConversationParameters::parse(&call.body) else { return Place::None };
    if let Some(channel) = &asked.channel_id {
        return conversation(&call.directory, channel);
    }
    let person = asked.members.first().and_then(|member| call.directory.user_named(member));
    person.map_or(Place::None, |person| Place::Person(person.id))
}
