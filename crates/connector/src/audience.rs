//! Which events are delivered to a Teams bot.
//!
//! Source: the public pages on conversation events, and the Bot Framework's activity specification (a channel does not send
//! a bot the echo of its own changes).

use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::ConversationId;
use redraft_model::policy;
use redraft_model::workspace::{App as Bot, ConversationKind};
use redraft_service::delivery::audience::{Audience, Interest, Topics};

/// Whether an event may concern an app, as far as that is known without reading the message's text.
pub(crate) fn may_hear(directory: &Directory, bot: &Bot, event: &Event) -> bool {
    use EventKind as K;
    if let K::AppUninstalled(gone) = event.kind {
        return gone == bot.id;
    }
    if bot.uninstalled {
        return false;
    }
    let own = event.app == Some(bot.id);
    // What was said before the bot came is none of its business, however late the log is read.
    let inside = |id: ConversationId| {
        let since = directory.conversation(id).and_then(|it| it.members.get(&bot.bot_user));
        since.is_some_and(|since| *since <= event.at)
    };
    let in_team = || directory.general().is_some_and(|general| general.has(bot.bot_user));
    let is_channel = |id: ConversationId| directory.conversation(id).is_some_and(|it| it.is_channel());
    match &event.kind {
        K::MessagePosted { conversation, only: None, .. }
        | K::MessageUpdated { conversation, .. }
        | K::MessageDeleted { conversation, .. }
        | K::MessageTombstoned { conversation, .. }
        | K::ReactionAdded { conversation, .. }
        | K::ReactionRemoved { conversation, .. } => !own && inside(*conversation),
        K::CardSubmitted { conversation, to, .. } => *to == bot.id && inside(*conversation),
        K::ConversationCreated(id) if is_channel(*id) => {
            in_team() && directory.conversation(*id).is_some_and(|it| policy::sees(bot.bot_user, it))
        }
        K::ConversationCreated(id) => !own && inside(*id),
        K::ConversationRenamed(id) | K::ConversationArchived(id) | K::ConversationUnarchived(id) => {
            is_channel(*id)
                && (inside(*id)
                    || directory
                        .conversation(*id)
                        .is_some_and(|it| in_team() && policy::sees(bot.bot_user, it)))
        }
        K::MemberJoined { conversation, .. } => inside(*conversation),
        K::MemberLeft { conversation, user } => inside(*conversation) || *user == bot.bot_user,
        K::AppInstalled(id) => *id == bot.id,
        K::WorkspaceCreated | K::WorkspaceRenamed => in_team(),
        K::MessagePosted { only: Some(_), .. }
        | K::TargetedUpdated { .. }
        | K::TargetedDeleted { .. }
        | K::BroadcastChanged { .. }
        | K::TombstoneRemoved { .. }
        | K::ViewShown { .. }
        | K::FileCreated(_)
        | K::FileDeleted(_)
        | K::FileShared { .. }
        | K::FileUnshared { .. }
        | K::StreamStarted { .. }
        | K::StreamAdvanced { .. }
        | K::StreamStopped { .. }
        | K::StreamEnded { .. }
        | K::WorkspaceChanged
        | K::UserChanged(_)
        | K::AppChanged(_)
        | K::AppUninstalled(_)
        | K::TokenMinted(_)
        | K::TokenRevoked { .. }
        | K::MessagePinned { .. }
        | K::MessageUnpinned { .. }
        | K::MessageScheduled { .. }
        | K::ScheduledRemoved { .. }
        | K::Audited(_)
        | K::UserGroupChanged(_)
        | K::ConversationChanged(_) => false,
    }
}

/// What a bot hears of, as topics.
mod topic {
    use redraft_service::delivery::audience::Topics;

    pub const MESSAGE: Topics = Topics::one(0);
    pub const REACTION: Topics = Topics::one(1);
    pub const CHANNEL: Topics = Topics::one(2);
    pub const MEMBER: Topics = Topics::one(3);
    pub const TEAM: Topics = Topics::one(4);
}

/// Whom an event may concern.
pub(crate) fn audience(directory: &Directory, event: &Event) -> Audience {
    use EventKind as K;
    let members = |members| Audience { members, ..Audience::default() };
    match event.kind {
        K::MessagePosted { only: None, .. }
        | K::MessageUpdated { .. }
        | K::MessageDeleted { .. }
        | K::MessageTombstoned { .. } => members(topic::MESSAGE),
        K::ReactionAdded { .. } | K::ReactionRemoved { .. } => members(topic::REACTION),
        K::CardSubmitted { to: app, .. } | K::AppInstalled(app) | K::AppUninstalled(app) => {
            Audience { app: Some(app), ..Audience::default() }
        }
        K::ConversationCreated(id)
        | K::ConversationRenamed(id)
        | K::ConversationArchived(id)
        | K::ConversationUnarchived(id) => {
            // The whole team sees a public channel, whoever is in it.
            let public = directory.conversation(id).is_some_and(|it| it.kind == ConversationKind::Public);
            let team = if public { topic::CHANNEL } else { Topics::default() };
            Audience { team, ..members(topic::CHANNEL) }
        }
        K::MemberJoined { .. } => members(topic::MEMBER),
        K::MemberLeft { user, .. } => {
            Audience { user: Some((user, topic::MEMBER)), ..members(topic::MEMBER) }
        }
        K::WorkspaceCreated | K::WorkspaceRenamed => Audience { team: topic::TEAM, ..Audience::default() },
        K::MessagePosted { only: Some(_), .. }
        | K::TargetedUpdated { .. }
        | K::TargetedDeleted { .. }
        | K::BroadcastChanged { .. }
        | K::TombstoneRemoved { .. }
        | K::ViewShown { .. }
        | K::FileCreated(_)
        | K::FileDeleted(_)
        | K::FileShared { .. }
        | K::FileUnshared { .. }
        | K::StreamStarted { .. }
        | K::StreamAdvanced { .. }
        | K::StreamStopped { .. }
        | K::StreamEnded { .. }
        | K::WorkspaceChanged
        | K::UserChanged(_)
        | K::AppChanged(_)
        | K::TokenMinted(_)
        | K::TokenRevoked { .. }
        | K::MessagePinned { .. }
        | K::MessageUnpinned { .. }
        | K::MessageScheduled { .. }
        | K::ScheduledRemoved { .. }
        | K::Audited(_)
        | K::UserGroupChanged(_)
        | K::ConversationChanged(_) => Audience::default(),
    }
}

/// What a bot hears in a kind of conversation.
pub(crate) fn interests(bot: &Bot, kind: Option<ConversationKind>) -> Vec<Interest> {
    if bot.uninstalled {
        return Vec::new();
    }
    let all = topic::REACTION.and(topic::CHANNEL).and(topic::MEMBER).and(topic::TEAM);
    let (all, mentioning) = if bot.reads_all || kind == Some(ConversationKind::Direct) {
        (all.and(topic::MESSAGE), Topics::default())
    } else {
        (all, topic::MESSAGE)
    };
    vec![Interest { user: bot.bot_user, all, mentioning }]
}
