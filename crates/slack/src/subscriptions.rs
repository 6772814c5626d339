//! What Slack has an event for: which of an app's subscriptions an event of the log falls under, with which scope, and who
//! may know of it.
//!
//! Source: the public pages on the Events API, its event types and their scopes.

use std::collections::BTreeSet;
use std::sync::Arc;

use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{ConversationId, UserId};
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, Token, TokenKind};
use redraft_service::delivery::audience::{Audience, Interest, Topics};

/// What Slack has an event for. The number is the part of the log's event that it is, and is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Thing {
    Message = 0,
    AppMention = 1,
    MetadataPosted = 2,
    MetadataUpdated = 3,
    MetadataDeleted = 4,
    ReactionAdded = 5,
    ReactionRemoved = 6,
    MemberJoined = 7,
    MemberLeft = 8,
    ChannelLeft = 9,
    ChannelCreated = 10,
    ChannelRenamed = 11,
    ChannelArchived = 12,
    ChannelUnarchived = 13,
    UserChanged = 14,
    TeamRenamed = 15,
    TokensRevoked = 16,
    AppUninstalled = 17,
    FileCreated = 18,
    FileDeleted = 19,
    FileShared = 20,
    FileUnshared = 21,
    PinAdded = 22,
    PinRemoved = 23,
}

/// All of them.
const THINGS: [Thing; 24] = [
    Thing::Message,
    Thing::AppMention,
    Thing::MetadataPosted,
    Thing::MetadataUpdated,
    Thing::MetadataDeleted,
    Thing::ReactionAdded,
    Thing::ReactionRemoved,
    Thing::MemberJoined,
    Thing::MemberLeft,
    Thing::ChannelLeft,
    Thing::ChannelCreated,
    Thing::ChannelRenamed,
    Thing::ChannelArchived,
    Thing::ChannelUnarchived,
    Thing::TeamRenamed,
    Thing::TokensRevoked,
    Thing::AppUninstalled,
    Thing::FileCreated,
    Thing::FileDeleted,
    Thing::FileShared,
    Thing::FileUnshared,
    Thing::UserChanged,
    Thing::PinAdded,
    Thing::PinRemoved,
];

/// Who may know of it.
pub(crate) enum Reach {
    /// Those who were in the conversation then.
    Members,
    /// Everyone in the workspace.
    Team,
    /// This one only.
    One(UserId),
}

/// A name that apps subscribe to, and the scope that this needs.
type Subscription = (&'static str, Option<&'static str>);

impl Thing {
    /// Its events' type.
    pub fn name(self, conversation: Option<&Conversation>) -> &'static str {
        self.subscription(conversation).map_or("message", |(name, _)| name)
    }

    /// `None` if there is no such thing in this kind of conversation.
    fn subscription(self, conversation: Option<&Conversation>) -> Option<Subscription> {
        self.subscription_in(conversation.map(|it| it.kind))
    }

    fn subscription_in(self, kind: Option<ConversationKind>) -> Option<Subscription> {
        use ConversationKind as C;
        let (name, scope) = match (self, kind) {
            (Self::Message, Some(C::Public)) => ("message.channels", "channels:history"),
            (Self::Message, Some(C::Private)) => ("message.groups", "groups:history"),
            (Self::Message, Some(C::Direct)) => ("message.im", "im:history"),
            (Self::Message, Some(C::Group)) => ("message.mpim", "mpim:history"),
            (Self::AppMention, Some(C::Public | C::Private | C::Group)) => {
                ("app_mention", "app_mentions:read")
            }
            (Self::MetadataPosted, _) => ("message_metadata_posted", "metadata.message:read"),
            (Self::MetadataUpdated, _) => ("message_metadata_updated", "metadata.message:read"),
            (Self::MetadataDeleted, _) => ("message_metadata_deleted", "metadata.message:read"),
            (Self::ReactionAdded, _) => ("reaction_added", "reactions:read"),
            (Self::ReactionRemoved, _) => ("reaction_removed", "reactions:read"),
            (Self::PinAdded, _) => ("pin_added", "pins:read"),
            (Self::PinRemoved, _) => ("pin_removed", "pins:read"),
            (Self::MemberJoined, Some(C::Public)) => ("member_joined_channel", "channels:read"),
            (Self::MemberJoined, Some(C::Private)) => ("member_joined_channel", "groups:read"),
            (Self::MemberLeft, Some(C::Public)) => ("member_left_channel", "channels:read"),
            (Self::MemberLeft, Some(C::Private)) => ("member_left_channel", "groups:read"),
            (Self::ChannelLeft, Some(C::Public)) => ("channel_left", "channels:read"),
            (Self::ChannelLeft, Some(C::Private)) => ("group_left", "groups:read"),
            (Self::ChannelCreated, Some(C::Public)) => ("channel_created", "channels:read"),
            (Self::ChannelRenamed, Some(C::Public)) => ("channel_rename", "channels:read"),
            (Self::ChannelRenamed, Some(C::Private)) => ("group_rename", "groups:read"),
            (Self::ChannelArchived, Some(C::Public)) => ("channel_archive", "channels:read"),
            (Self::ChannelArchived, Some(C::Private)) => ("group_archive", "groups:read"),
            (Self::ChannelUnarchived, Some(C::Public)) => ("channel_unarchive", "channels:read"),
            (Self::ChannelUnarchived, Some(C::Private)) => ("group_unarchive", "groups:read"),
            (Self::FileCreated, _) => ("file_created", "files:read"),
            (Self::FileDeleted, _) => ("file_deleted", "files:read"),
            (Self::FileShared, _) => ("file_shared", "files:read"),
            (Self::FileUnshared, _) => ("file_unshared", "files:read"),
            (Self::UserChanged, _) => ("user_change", "users:read"),
            (Self::TeamRenamed, _) => ("team_rename", "team:read"),
            (Self::TokensRevoked, _) => return Some(("tokens_revoked", None)),
            (Self::AppUninstalled, _) => return Some(("app_uninstalled", None)),
            _ => return None,
        };
        Some((name, Some(scope)))
    }
}

/// The scopes by which an app hears of an event that it subscribes to, in some kind of conversation; none if it needs none.
/// `None` of what is not sent here.
pub fn scopes_of(name: &str) -> Option<Vec<&'static str>> {
    use ConversationKind as C;
    let kinds = [None, Some(C::Public), Some(C::Private), Some(C::Direct), Some(C::Group)];
    let subscriptions =
        THINGS.iter().flat_map(|thing| kinds.iter().filter_map(|kind| thing.subscription_in(*kind)));
    let mut needed = subscriptions.filter(|(known, _)| *known == name).map(|(_, scope)| scope).peekable();
    needed.peek()?;
    let scopes: BTreeSet<&str> = needed.flatten().collect();
    Some(scopes.into_iter().collect())
}

/// The things that an event of the log may be, in the order in which they are told.
pub(crate) fn things(event: &Event, directory: &Directory) -> Vec<(Thing, Reach)> {
    use EventKind as K;
    use Reach::{Members, One, Team};
    use Thing as T;
    let in_conversation =
        |things: &[Thing]| -> Vec<(Thing, Reach)> { things.iter().map(|thing| (*thing, Members)).collect() };
    // What concerns a public channel as such, everyone may know.
    let of_channel = |thing: Thing, id: ConversationId| {
        let public = directory.conversation(id).is_some_and(|it| it.kind == ConversationKind::Public);
        vec![(thing, if public { Team } else { Members })]
    };
    match event.kind {
        K::MessagePosted { only: None, .. } => {
            in_conversation(&[T::Message, T::AppMention, T::MetadataPosted])
        }
        K::StreamStarted { .. } | K::StreamAdvanced { .. } => in_conversation(&[T::Message]),
        K::MessageUpdated { .. } | K::StreamEnded { .. } => {
            let all = [T::Message, T::AppMention, T::MetadataPosted, T::MetadataUpdated, T::MetadataDeleted];
            in_conversation(&all)
        }
        K::BroadcastChanged { .. } | K::TombstoneRemoved { .. } => in_conversation(&[T::Message]),
        K::MessageDeleted { .. } | K::MessageTombstoned { .. } => {
            in_conversation(&[T::Message, T::MetadataDeleted])
        }
        K::ReactionAdded { .. } => in_conversation(&[T::ReactionAdded]),
        K::ReactionRemoved { .. } => in_conversation(&[T::ReactionRemoved]),
        K::MessagePinned { .. } => in_conversation(&[T::PinAdded]),
        K::MessageUnpinned { .. } => in_conversation(&[T::PinRemoved]),
        K::FileCreated(_) => event.by.map(|by| (T::FileCreated, One(by))).into_iter().collect(),
        K::FileDeleted(_) => vec![(T::FileDeleted, Team)],
        K::FileShared { .. } => in_conversation(&[T::FileShared]),
        K::FileUnshared { .. } => in_conversation(&[T::FileUnshared]),
        K::MemberJoined { .. } => in_conversation(&[T::MemberJoined]),
        K::MemberLeft { user, .. } => {
            vec![(T::MemberLeft, Members), (T::ChannelLeft, One(user))]
        }
        K::ConversationCreated(id) => of_channel(T::ChannelCreated, id),
        K::ConversationRenamed(id) => of_channel(T::ChannelRenamed, id),
        K::ConversationArchived(id) => of_channel(T::ChannelArchived, id),
        K::ConversationUnarchived(id) => of_channel(T::ChannelUnarchived, id),
        K::UserChanged(_) => vec![(T::UserChanged, Team)],
        K::WorkspaceRenamed => vec![(T::TeamRenamed, Team)],
        K::TokenRevoked { .. } => vec![(T::TokensRevoked, Team)],
        K::AppUninstalled(_) => vec![(T::AppUninstalled, Team)],
        K::MessagePosted { only: Some(_), .. }
        | K::TargetedUpdated { .. }
        | K::TargetedDeleted { .. }
        | K::CardSubmitted { .. }
        | K::ViewShown { .. }
        | K::StreamStopped { .. }
        | K::WorkspaceCreated
        | K::WorkspaceChanged
        | K::AppChanged(_)
        | K::AppInstalled(_)
        | K::TokenMinted(_)
        | K::MessageScheduled { .. }
        | K::ScheduledRemoved { .. }
        | K::Audited(_)
        | K::UserGroupChanged(_)
        | K::ConversationChanged(_) => vec![],
    }
}

/// Whom an event may concern. A thing is a topic under its own number.
pub(crate) fn audience(directory: &Directory, event: &Event) -> Audience {
    let mut audience = Audience::default();
    if let EventKind::TokenRevoked { app, .. } | EventKind::AppUninstalled(app) = event.kind {
        audience.app = Some(app);
        return audience;
    }
    for (thing, reach) in things(event, directory) {
        let topic = Topics::one(thing as u8);
        match reach {
            Reach::Members => audience.members = audience.members.and(topic),
            Reach::Team => audience.team = audience.team.and(topic),
            Reach::One(user) => audience.user = Some((user, topic)),
        }
    }
    audience
}

/// What an app subscribes to in a kind of conversation: by token, since it hears in the name of those whose tokens it has.
pub(crate) fn interests(directory: &Directory, bot: &Bot, kind: Option<ConversationKind>) -> Vec<Interest> {
    let Some(slack) = bot.slack.as_deref().filter(|_| !bot.uninstalled) else { return Vec::new() };
    let of_token = |token: &Arc<Token>| {
        let events = match token.kind {
            TokenKind::Bot => &slack.bot_events,
            TokenKind::User => &slack.user_events,
            TokenKind::App => return None,
        };
        let mut interest =
            Interest { user: token.user, all: Topics::default(), mentioning: Topics::default() };
        for thing in THINGS {
            let Some((name, Some(scope))) = thing.subscription_in(kind) else { continue };
            if !events.iter().any(|it| it == name) || !token.scopes.iter().any(|it| it == scope) {
                continue;
            }
            let topics =
                if thing == Thing::AppMention { &mut interest.mentioning } else { &mut interest.all };
            *topics = topics.and(Topics::one(thing as u8));
        }
        let nothing = interest.all.is_empty() && interest.mentioning.is_empty();
        (!nothing).then_some(interest)
    };
    directory.tokens_of(bot.id).filter(|token| !token.revoked).filter_map(of_token).collect()
}

/// The parts of an event that an app may have to be told of, of these topics: everything that can be said without looking
/// at words.
pub(crate) fn may_hear(directory: &Directory, bot: &Bot, event: &Event, topics: Topics) -> Vec<u8> {
    let wanted = |thing: Thing| !topics.common(Topics::one(thing as u8)).is_empty();
    let things = things(event, directory).into_iter().filter(|(thing, _)| wanted(*thing));
    let heard = things.filter(|(thing, reach)| hearer(directory, bot, event, *thing, reach).is_some());
    heard.map(|(thing, _)| thing as u8).collect()
}

/// As whom an app hears of something: its bot, or else the first of the people who authorised it.
pub(crate) fn hearer(
    directory: &Directory,
    bot: &Bot,
    event: &Event,
    thing: Thing,
    reach: &Reach,
) -> Option<UserId> {
    let own = match event.kind {
        EventKind::TokenRevoked { app, .. } | EventKind::AppUninstalled(app) => app == bot.id,
        _ => !bot.uninstalled,
    };
    let slack = bot.slack.as_deref().filter(|_| own)?;
    let conversation = event.kind.conversation().and_then(|id| directory.conversation(id));
    let (name, scope) = thing.subscription(conversation.map(|it| &**it))?;
    let reaches = |user: UserId| match reach {
        Reach::Team => true,
        Reach::One(one) => *one == user,
        // What happened before somebody came is none of their business, however late the log is read.
        Reach::Members => {
            conversation.is_some_and(|it| it.members.get(&user).is_some_and(|since| *since <= event.at))
        }
    };
    let subscribed = |events: &[String]| events.iter().any(|it| it == name);
    let (as_bot, as_people) = (subscribed(&slack.bot_events), subscribed(&slack.user_events));
    let Some(scope) = scope else { return (as_bot || as_people).then_some(bot.bot_user) };
    if !as_bot && !as_people {
        return None;
    }
    let mut people = None;
    for token in directory.tokens_of(bot.id).filter(|token| !token.revoked) {
        let alive = token.expires_at.is_none_or(|end| event.at < end);
        if !alive || !token.scopes.iter().any(|it| it == scope) || !reaches(token.user) {
            continue;
        }
        match token.kind {
            TokenKind::Bot if as_bot => return Some(token.user),
            TokenKind::User if as_people => {
                people = Some(people.map_or(token.user, |other: UserId| other.min(token.user)));
            }
            _ => {}
        }
    }
    people
}

#[cfg(test)]
mod tests {
    use super::scopes_of;

    /// The events are read from this file's own table.
    #[test]
    fn every_event_is_known_with_its_scopes() {
        let table = include_str!("subscriptions.rs").split_once("fn subscription_in").unwrap().1;
        let table = table.split_once("fn scopes_of").unwrap().0;
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split('"').skip(1).step_by(2).collect())
            .filter(|names: &Vec<&str>| !names.is_empty())
            .collect();
        assert!(20 < rows.len());
        for row in rows {
            let known = scopes_of(row[0]).unwrap_or_else(|| panic!("{} is in no THINGS", row[0]));
            assert_eq!(known.is_empty(), row.len() == 1, "{row:?}");
            assert!(row[1..].iter().all(|scope| known.contains(scope)), "{row:?}: {known:?}");
        }
        assert_eq!(scopes_of("app_home_opened"), None);
    }
}
