//! The requests that the tables make, in short.

use std::sync::Arc;

use redraft_model::command::{
    Caller, Command, Delete, Idempotency, NewDirect, Post, ReplyTo, Target, Targeted, Update, Verb,
};
use redraft_model::content::{Change as Part, Content, ContentFault, Dialect, Patch};
use redraft_model::control::Control;
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::message::Kind;
use redraft_model::patch::{
    AppPatch, ConversationPatch, SettingsPatch, SlackPatch, UserPatch, WorkspacePatch,
};
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::time::Ts;
use redraft_model::workspace::{App, Settings, User};

use super::{HOME, NOWHERE};

/// Every member of a user that can be changed, as it is in this one.
pub fn change_user(user: User) -> Control {
    let User { id, name, real_name, email, admin, away, deactivated, .. } = user;
    let (name, real_name, email) = (Some(name), Some(real_name), Some(email));
    let (admin, away, deactivated) = (Some(admin), Some(away), Some(deactivated));
    Control::PatchUser(id, UserPatch { name, real_name, email, admin, away, deactivated })
}

/// Every member of an app that can be changed, as it is in this one.
pub fn change_app(app: App) -> Control {
    let slack = app.slack.map_or_else(SlackPatch::default, |slack| SlackPatch {
        redirect_urls: Some(slack.redirect_urls),
        bot_scopes: Some(slack.bot_scopes),
        user_scopes: Some(slack.user_scopes),
        bot_events: Some(slack.bot_events),
        user_events: Some(slack.user_events),
        metadata_events: Some(slack.metadata_events),
        events_off: Some(slack.events_off),
        socket_mode: Some(slack.socket_mode),
        interactivity_url: Some(slack.interactivity_url),
        options_url: Some(slack.options_url),
        commands: Some(slack.commands),
        shortcuts: Some(slack.shortcuts),
    });
    let patch = AppPatch {
        name: Some(app.name),
        endpoint: Some(app.endpoint),
        reads_all: Some(app.reads_all),
        expects_replies: Some(app.expects_replies),
        issuer: Some(app.issuer),
        anonymous: Some(app.anonymous),
        slack,
    };
    Control::PatchApp(app.id, Box::new(patch))
}

pub fn set_archived(id: ConversationId, archived: bool) -> Control {
    Control::PatchConversation(id, ConversationPatch { archived: Some(archived), name: None })
}

pub fn rename_channel(id: ConversationId, name: String) -> Control {
    Control::PatchConversation(id, ConversationPatch { name: Some(name), archived: None })
}

pub fn rename_workspace(name: String) -> Control {
    Control::PatchWorkspace(WorkspacePatch { name: Some(name), settings: None })
}

pub fn change_settings(settings: Settings) -> Control {
    let Settings { edit_window_micros, delete_window_micros, only_admins_delete, .. } = settings;
    let settings = SettingsPatch {
        edit_window_micros: Some(edit_window_micros),
        delete_window_micros: Some(delete_window_micros),
        only_admins_delete: Some(only_admins_delete),
        ..SettingsPatch::default()
    };
    Control::PatchWorkspace(WorkspacePatch { name: None, settings: Some(settings) })
}

pub fn key(conversation: ConversationId, ts: Ts) -> MessageKey {
    MessageKey { workspace: HOME, conversation, ts }
}

pub fn command(caller: Caller, verb: Verb) -> Command {
    Command { workspace: HOME, caller, idempotency: None, verb, source: None }
}

pub fn with_key(command: Command, key: &str, digest: u8) -> Command {
    Command { idempotency: Some(Idempotency { key: key.into(), digest: [digest; 32] }), ..command }
}

pub fn text(text: &str) -> Arc<Content> {
    Arc::new(Content::text(Dialect::Slack, text))
}

pub fn post(conversation: ConversationId) -> Post {
    Post {
        target: Target::Conversation(conversation),
        content: text("old"),
        fault: None,
        kind: Kind::Plain,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: false,
    }
}

pub fn post_to(user: UserId) -> Post {
    Post { target: Target::Person(user, ids("new")), ..post(NOWHERE) }
}

pub fn update(conversation: ConversationId, ts: Ts) -> Update {
    Update {
        conversation,
        ts,
        patch: new_text("new"),
        fault: None,
        broadcast: false,
        targeted: None,
        if_revision: None,
    }
}

pub fn delete(conversation: ConversationId, ts: Ts) -> Delete {
    Delete { conversation, ts, only_broadcast: false, targeted: None, if_revision: None }
}

pub fn edit(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Update(update(conversation, ts))
}

pub fn erase(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Delete(delete(conversation, ts))
}

pub fn step(conversation: ConversationId, step: Step) -> Verb {
    Verb::ReplaceStream(ReplaceStream { conversation, fault: None, step })
}

pub fn start(conversation: ConversationId, words: &str) -> Verb {
    step(conversation, Step::Start { content: text(words), informative: false })
}

pub fn advance(conversation: ConversationId, ts: Ts, sequence: u32, words: &str) -> Verb {
    step(conversation, Step::Advance { ts, sequence, content: text(words), informative: false })
}

pub fn end(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    step(conversation, Step::End { ts, content: text(words) })
}

pub fn stop(conversation: ConversationId, ts: Ts) -> Verb {
    step(conversation, Step::Stop { ts })
}

pub fn act(conversation: ConversationId, ts: Ts, act: Act) -> Verb {
    Verb::Interaction(Interaction { conversation, ts, act })
}

pub fn react(conversation: ConversationId, ts: Ts, name: &str) -> Verb {
    act(conversation, ts, Act::React(name.into()))
}

pub fn unreact(conversation: ConversationId, ts: Ts, name: &str) -> Verb {
    act(conversation, ts, Act::Unreact(name.into()))
}

pub fn submit(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    act(conversation, ts, Act::Submit { content: text(words), shown: None })
}

pub fn show(conversation: ConversationId, ts: Ts, user: UserId, words: &str) -> Verb {
    act(conversation, ts, Act::Show(user, text(words)))
}

/// An update that means a message for one reader.
pub fn edit_targeted(conversation: ConversationId, ts: Ts, reader: Option<UserId>) -> Verb {
    Verb::Update(Update { targeted: Some(Targeted { reader }), ..update(conversation, ts) })
}

/// A deletion that means a message for one reader.
pub fn erase_targeted(conversation: ConversationId, ts: Ts, reader: Option<UserId>) -> Verb {
    Verb::Delete(Delete { targeted: Some(Targeted { reader }), ..delete(conversation, ts) })
}

pub fn new_text(text: &str) -> Patch {
    Patch { text: Part::Set(text.into()), given: true, ..Patch::keep_all(Dialect::Slack) }
}

pub fn fault() -> Option<ContentFault> {
    Some(ContentFault { code: "msg_too_long", reasons: vec![] })
}

/// Spelled ids of a conversation that may be made.
pub fn ids(name: &str) -> NewDirect {
    NewDirect { slack_id: format!("D-{name}"), connector_id: format!("a:{name}") }
}
