//! The table of methods.

use redraft_store::Later;

use crate::call::Call;
use crate::reply::{Error, Reply};
use crate::scopes::{self, Needs};
use crate::{
    auth, chat, conversations, files, history, people, pins, reactions, schedule, socket_mode, streams,
    topics, usergroups, views,
};

/// One method of the API.
pub(crate) struct Method {
    pub name: &'static str,
    pub needs: Needs,
    pub run: for<'a> fn(&'a Call<'a>) -> Later<'a, Result<Reply, Error>>,
}

macro_rules! methods {
    ($($name:literal $needs:expr => $run:path;)*) => {
        &[$(Method { name: $name, needs: $needs, run: |call| Box::pin($run(call)) }),*]
    };
}

/// Every method there is, sorted by name. Others answer `unknown_method`.
pub(crate) static METHODS: &[Method] = methods! {
    "apps.connections.open" Needs::App("connections:write") => socket_mode::open;
    "auth.revoke" Needs::Token => auth::revoke;
    "auth.test" Needs::Token => auth::test;
    "bots.info" Needs::One("users:read") => people::bot;
    "chat.appendStream" Needs::One("chat:write") => streams::append;
    "chat.delete" Needs::One("chat:write") => chat::delete;
    "chat.deleteScheduledMessage" Needs::One("chat:write") => schedule::remove;
    "chat.getPermalink" Needs::Token => chat::permalink;
    "chat.meMessage" Needs::One("chat:write") => chat::me_message;
    "chat.postEphemeral" Needs::One("chat:write") => chat::post_ephemeral;
    "chat.postMessage" Needs::One("chat:write") => chat::post_message;
    "chat.scheduleMessage" Needs::One("chat:write") => schedule::add;
    "chat.scheduledMessages.list" Needs::Token => schedule::list;
    "chat.startStream" Needs::One("chat:write") => streams::start;
    "chat.stopStream" Needs::One("chat:write") => streams::stop;
    "chat.update" Needs::One("chat:write") => chat::update;
    "conversations.archive" Needs::ByKind(&scopes::MANAGE) => conversations::archive;
    "conversations.close" Needs::ByKind(&scopes::MANAGE) => conversations::close;
    "conversations.create" Needs::ByKind(&scopes::MANAGE) => conversations::create;
    "conversations.history" Needs::ByKind(&scopes::HISTORY) => history::history;
    "conversations.info" Needs::ByKind(&scopes::READ) => conversations::info;
    "conversations.invite" Needs::ByKind(&scopes::INVITE) => conversations::invite;
    "conversations.join" Needs::ByKind(&scopes::JOIN) => conversations::join;
    "conversations.kick" Needs::ByKind(&scopes::MANAGE) => conversations::kick;
    "conversations.leave" Needs::ByKind(&scopes::MANAGE) => conversations::leave;
    "conversations.list" Needs::ByKind(&scopes::READ) => conversations::list;
    "conversations.mark" Needs::ByKind(&scopes::MANAGE) => topics::mark;
    "conversations.members" Needs::ByKind(&scopes::READ) => conversations::members;
    "conversations.open" Needs::ByKind(&scopes::MANAGE) => conversations::open;
    "conversations.rename" Needs::ByKind(&scopes::MANAGE) => topics::rename;
    "conversations.replies" Needs::ByKind(&scopes::HISTORY) => history::replies;
    "conversations.setPurpose" Needs::ByKind(&scopes::TOPIC) => topics::set_purpose;
    "conversations.setTopic" Needs::ByKind(&scopes::TOPIC) => topics::set_topic;
    "conversations.unarchive" Needs::ByKind(&scopes::MANAGE) => conversations::unarchive;
    "files.completeUploadExternal" Needs::One("files:write") => files::complete;
    "files.delete" Needs::One("files:write") => files::delete;
    "files.getUploadURLExternal" Needs::One("files:write") => files::begin;
    "files.info" Needs::One("files:read") => files::info;
    "pins.add" Needs::One("pins:write") => pins::add;
    "pins.list" Needs::One("pins:read") => pins::list;
    "pins.remove" Needs::One("pins:write") => pins::remove;
    "reactions.add" Needs::One("reactions:write") => reactions::add;
    "reactions.get" Needs::One("reactions:read") => reactions::get;
    "reactions.list" Needs::One("reactions:read") => reactions::list;
    "reactions.remove" Needs::One("reactions:write") => reactions::remove;
    "redraft.messages.revisions" Needs::ByKind(&scopes::HISTORY) => history::revisions;
    "team.info" Needs::One("team:read") => people::team;
    "usergroups.list" Needs::One("usergroups:read") => usergroups::list;
    "usergroups.users.list" Needs::One("usergroups:read") => usergroups::users;
    "users.conversations" Needs::ByKind(&scopes::READ) => conversations::of_user;
    "users.getPresence" Needs::One("users:read") => people::presence;
    "users.info" Needs::One("users:read") => people::user;
    "users.list" Needs::One("users:read") => people::users;
    "users.lookupByEmail" Needs::One("users:read.email") => people::by_email;
    "users.profile.get" Needs::One("users.profile:read") => people::profile;
    "views.open" Needs::Token => views::open;
    "views.publish" Needs::Token => views::publish;
    "views.push" Needs::Token => views::push;
    "views.update" Needs::Token => views::update;
};

/// Methods that take no token.
pub(crate) const TOKENLESS: &[&str] = &["api.test", "oauth.v2.access"];

#[cfg(test)]
mod tests {
    use super::METHODS;

    #[test]
    fn methods_are_sorted() {
        assert!(METHODS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn every_method_has_a_limit() {
        for method in METHODS {
            let limited = !crate::rates::limits(method.name).is_empty();
            assert_eq!(limited, method.name != "chat.postMessage", "{}", method.name);
        }
    }
}
