//! Delivery's index of who may hear an event, compared with asking every app, over random workspaces and events.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index as Pick;
use redraft_model::content::{Content, Dialect};
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, UserId};
use redraft_model::shared::SharedMap;
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, Membership, Token, TokenKind};
use redraft_store::{MemoryStore, machine_clock};

use crate::app::App;
use crate::seed::Seed;
use crate::serve::Dialects;
use redraft_service::delivery::Dialects as _;
use redraft_service::delivery::audience::Topics;
use redraft_service::delivery::index::Index;
use redraft_service::delivery::mentions::Mentions;

/// What apps subscribe to. Kinds of conversation and reaches are all among them.
const EVENTS: [&str; 16] = [
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "app_mention",
    "reaction_added",
    "member_joined_channel",
    "member_left_channel",
    "channel_left",
    "channel_created",
    "channel_rename",
    "group_rename",
    "file_created",
    "file_deleted",
    "user_change",
    "app_uninstalled",
];

const BEGIN: i64 = 1_700_000_000_000_000;

/// Apps as they are declared: three of Slack, three of Teams.
fn world() -> Directory {
    let seed = r#"
people: [{name: ada, admin: true}, {name: ben}, {name: cleo}]
channels: [{name: general}, {name: random}, {name: leads, private: true}, {name: empty, members: []}]
apps:
  - {name: one, endpoint: "http://localhost/", channels: [general, leads], user_scopes: ["channels:history", "groups:history", "channels:read", "files:read", "app_mentions:read"]}
  - {name: two, socket_mode: true, channels: [random]}
  - {name: three, endpoint: "http://localhost/", channels: [], user_scopes: ["im:history", "mpim:history"], installed_by: cleo}
  - {kind: teams, name: four, endpoint: "http://localhost/", channels: [general, leads]}
  - {kind: teams, name: five, endpoint: "http://localhost/", read_all: true, channels: [random]}
  - {kind: teams, name: six, channels: []}
"#;
    let (mut directory, _) =
        Seed::from_yaml(seed).unwrap().build(true, "http://localhost", Micros(BEGIN)).unwrap();
    let general = Conversation::clone(directory.general().unwrap());
    for (number, kind) in [(101, ConversationKind::Direct), (102, ConversationKind::Group)] {
        directory.put_conversation(Conversation {
            id: ConversationId(number),
            slack_id: format!("D{number}"),
            connector_id: format!("a:{number}"),
            kind,
            name: String::new(),
            general: false,
            members: SharedMap::new(),
            ..general.clone()
        });
    }
    directory
}

/// Something that changes who hears what, or an event.
#[derive(Clone, Debug)]
enum Step {
    Subscribe { app: Pick, bot: u16, people: u16 },
    Enters { user: Pick, place: Pick, at: i64 },
    Leaves { user: Pick, place: Pick },
    Revoke { token: Pick },
    Expire { token: Pick, at: i64 },
    Narrow { token: Pick, scopes: u8 },
    Uninstall { app: Pick },
    Endpoint { app: Pick, there: bool },
    ReadsAll { app: Pick, all: bool },
    Event(Box<Happening>),
}

#[derive(Clone, Debug)]
struct Happening {
    kind: u8,
    place: Pick,
    user: Pick,
    app: Option<Pick>,
    at: i64,
    /// Whom the words mention, and how it is written.
    mentions: Option<(Pick, u8)>,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    let at = || 0..20_i64;
    let happening = (0..24_u8, pick(), pick(), any::<Option<Pick>>(), at(), any::<Option<(Pick, u8)>>());
    let event = happening.prop_map(|(kind, place, user, app, at, mentions)| {
        Step::Event(Box::new(Happening { kind, place, user, app, at, mentions }))
    });
    prop_oneof![
        3 => (pick(), any::<u16>(), any::<u16>()).prop_map(|(app, bot, people)| Step::Subscribe { app, bot, people }),
        3 => (pick(), pick(), at()).prop_map(|(user, place, at)| Step::Enters { user, place, at }),
        2 => (pick(), pick()).prop_map(|(user, place)| Step::Leaves { user, place }),
        1 => pick().prop_map(|token| Step::Revoke { token }),
        1 => (pick(), at()).prop_map(|(token, at)| Step::Expire { token, at }),
        1 => (pick(), any::<u8>()).prop_map(|(token, scopes)| Step::Narrow { token, scopes }),
        1 => pick().prop_map(|app| Step::Uninstall { app }),
        1 => (pick(), any::<bool>()).prop_map(|(app, there)| Step::Endpoint { app, there }),
        1 => (pick(), any::<bool>()).prop_map(|(app, all)| Step::ReadsAll { app, all }),
        10 => event,
    ]
}

fn picked<T: Clone>(pick: &Pick, all: impl Iterator<Item = T>) -> T {
    pick.get(&all.collect::<Vec<_>>()).clone()
}

fn app_of(directory: &Directory, pick: &Pick) -> Bot {
    Bot::clone(picked(pick, directory.apps()))
}

fn token_of(directory: &Directory, pick: &Pick) -> Token {
    let mut tokens: Vec<Token> = directory.tokens().map(|token| Token::clone(token)).collect();
    tokens.sort_by_key(|token| token.hash);
    pick.get(&tokens).clone()
}

fn user_of(directory: &Directory, pick: &Pick) -> UserId {
    picked(pick, directory.users()).id
}

fn place_of(directory: &Directory, pick: &Pick) -> ConversationId {
    picked(pick, directory.conversations()).id
}

fn chosen(bits: u16) -> Vec<String> {
    let names = EVENTS.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    names.map(|(_, name)| (*name).to_owned()).collect()
}

/// Makes a change of the directory.
fn change(directory: &mut Directory, step: &Step) {
    match step {
        Step::Subscribe { app, bot, people } => {
            let mut app = app_of(directory, app);
            if let Some(slack) = &mut app.slack {
                (slack.bot_events, slack.user_events) = (chosen(*bot), chosen(*people));
            }
            directory.put_app(app);
        }
        Step::Enters { user, place, at } => {
            let (user, place) = (user_of(directory, user), place_of(directory, place));
            directory.put_member(place, user, Some(Membership::Member(Micros(BEGIN + at))));
        }
        Step::Leaves { user, place } => {
            let (user, place) = (user_of(directory, user), place_of(directory, place));
            directory.put_member(place, user, None);
        }
        Step::Revoke { token } => directory.put_token(token_of(directory, token).revoked(Micros(BEGIN))),
        Step::Expire { token, at } => {
            let expires_at = Some(Micros(BEGIN + at));
            directory.put_token(Token { expires_at, ..token_of(directory, token) });
        }
        Step::Narrow { token, scopes } => {
            let mut token = token_of(directory, token);
            let mut number = 0;
            token.scopes.retain(|_| {
                number += 1;
                scopes >> (number % 8) & 1 == 1
            });
            directory.put_token(token);
        }
        Step::Uninstall { app } => {
            directory.put_app(Bot { uninstalled: true, ..app_of(directory, app) });
        }
        Step::Endpoint { app, there } => {
            let endpoint = there.then(|| "http://localhost/".to_owned());
            directory.put_app(Bot { endpoint, ..app_of(directory, app) });
        }
        Step::ReadsAll { app, all } => directory.put_app(Bot { reads_all: *all, ..app_of(directory, app) }),
        Step::Event(_) => {}
    }
}

fn event(directory: &Directory, happening: &Happening) -> Event {
    use EventKind as K;
    let conversation = place_of(directory, &happening.place);
    let user = user_of(directory, &happening.user);
    let app = happening.app.as_ref().map(|app| app_of(directory, app).id);
    let to = app.unwrap_or(AppId(1));
    let (message, file) = (Ts(BEGIN), || Arc::from("F1"));
    let kind = match happening.kind {
        0 => K::MessagePosted { conversation, root: None, only: None },
        1 => K::MessagePosted { conversation, root: None, only: Some(user) },
        2 => K::MessageUpdated { conversation, message, revision: 2 },
        3 => K::MessageDeleted { conversation, message, content_at: 1 },
        4 => K::MessageTombstoned { conversation, message, content_at: 1 },
        5 => K::ReactionAdded { conversation, message, name: "eyes".into() },
        6 => K::CardSubmitted { conversation, message, to },
        7 => K::StreamEnded { conversation, message },
        8 => K::FileCreated(file()),
        9 => K::FileDeleted(file()),
        10 => K::WorkspaceCreated,
        11 => K::WorkspaceRenamed,
        12 => K::UserChanged(user),
        13 => K::AppInstalled(to),
        14 => K::AppUninstalled(to),
        15 => K::TokenRevoked { app: to, user },
        16 => K::ConversationCreated(conversation),
        17 => K::ConversationRenamed(conversation),
        18 => K::ConversationArchived(conversation),
        19 => K::MemberJoined { conversation, user },
        20 => K::MemberLeft { conversation, user },
        21 => K::TargetedUpdated { conversation, message, revision: 2 },
        22 => K::MessagePosted { conversation: ConversationId(999), root: None, only: None },
        _ => K::StreamStarted { conversation, root: None },
    };
    Event { position: 1, ts: Ts(BEGIN), at: Micros(BEGIN + happening.at), by: Some(user), app, kind }
}

/// Words that mention a user in one of the ways there are.
fn words(directory: &Directory, mentions: Option<&(Pick, u8)>) -> Content {
    let Some((user, way)) = mentions else { return Content::text(Dialect::Slack, "nobody") };
    let user = directory.user(user_of(directory, user)).unwrap();
    let (slack, member) = (&user.slack_id, &user.member_id);
    match way % 5 {
        0 => Content::text(Dialect::Slack, format!("<@{slack}> look")),
        1 => Content::text(Dialect::Connector, format!("<@{slack}|name> look")),
        2 => Content {
            blocks: Some(format!(r#"[{{"type":"user","user_id":"{slack}"}}]"#).into()),
            ..Content::text(Dialect::Slack, "")
        },
        3 => Content {
            attachments: Some(format!(r#"[{{"text":"<@{slack}>"}}]"#).into()),
            ..Content::text(Dialect::Slack, "")
        },
        _ => Content {
            activity: Some(
                format!(r#"{{"entities":[{{"type":"mention","mentioned":{{"id":"{member}"}}}}]}}"#).into(),
            ),
            ..Content::text(Dialect::Connector, "")
        },
    }
}

/// Whether an app receives a part of an event only if the event's words mention it, and they do not.
fn is_unmentioned(directory: &Directory, bot: &Bot, event: &Event, part: u8, mentions: &Mentions) -> bool {
    let user = directory.user(bot.bot_user).unwrap();
    let kind = event.kind.conversation().and_then(|id| directory.conversation(id)).map(|it| it.kind);
    let mentioned = mentions.has_slack(&user.slack_id) || mentions.has_member(&user.member_id);
    match bot.dialect {
        Dialect::Slack => part == 1 && !mentioned,
        Dialect::Connector => {
            let of_words = matches!(
                event.kind,
                EventKind::MessagePosted { .. }
                    | EventKind::MessageUpdated { .. }
                    | EventKind::MessageDeleted { .. }
                    | EventKind::MessageTombstoned { .. }
            );
            of_words && !bot.reads_all && kind != Some(ConversationKind::Direct) && !mentioned
        }
    }
}

/// The dialects of a server that answers nobody.
fn dialects() -> Arc<Dialects> {
    let store = Arc::new(MemoryStore::new(machine_clock()));
    Arc::new(Dialects::of(&App::offline(store, "http://localhost").unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// One index follows all changes of a workspace. No app is missing that `may_hear` lets through, with its part; and an
    /// app that only wants what mentions it is not found for words that do not.
    #[test]
    fn the_index_misses_nobody(steps in prop::collection::vec(step(), 1..60)) {
        let dialects = dialects();
        let mut index = Index::new(dialects.clone(), None);
        let mut directory = Arc::new(world());
        for step in &steps {
            let Step::Event(happening) = step else {
                change(Arc::make_mut(&mut directory), step);
                continue;
            };
            let event = event(&directory, happening);
            index.follow(&directory);
            let mentions = Mentions::of(&words(&directory, happening.mentions.as_ref()));
            let needs_words = index.needs_words(&event);
            let by_words = index.concerned(&event, needs_words.then_some(&mentions));
            let without = index.concerned(&event, None);
            for bot in directory.apps().filter(|bot| bot.is_told()) {
                let dialect = dialects.of(bot.dialect);
                let asked = dialect.may_hear(&directory, bot, &event, Topics::ALL);
                let found = |topics: Option<&Topics>| {
                    topics.map_or(vec![], |topics| dialect.may_hear(&directory, bot, &event, *topics))
                };
                prop_assert_eq!(found(without.get(&bot.id)), asked.clone(), "{:?} of {:?}", bot, event);
                let by_words = found(by_words.get(&bot.id));
                for part in asked {
                    let unmentioned = needs_words && is_unmentioned(&directory, bot, &event, part, &mentions);
                    prop_assert_eq!(by_words.contains(&part), !unmentioned, "part {} of {:?}", part, event);
                }
            }
        }
    }
}

fn updated(conversation: ConversationId) -> Event {
    let kind = EventKind::MessageUpdated { conversation, message: Ts(BEGIN), revision: 2 };
    Event { position: 1, ts: Ts(BEGIN), at: Micros(BEGIN), by: None, app: None, kind }
}

/// Apps elsewhere, apps that subscribe to something else and apps that only want what mentions them are not even asked.
#[test]
fn who_hears_nothing_is_not_asked() {
    let mut directory = world();
    let subscribed = [(1, 1 << 4), (2, 1), (3, u16::MAX)];
    for (app, events) in subscribed {
        let mut app = Bot::clone(directory.app(AppId(app)).unwrap());
        app.slack.as_mut().unwrap().bot_events = chosen(events);
        directory.put_app(app);
    }
    let mut index = Index::new(dialects(), None);
    let directory = Arc::new(directory);
    assert!(index.follow(&directory) && !index.follow(&directory));
    let general = directory.general().unwrap().id;
    let named = |channel: &str| directory.channel(channel).unwrap().id;
    let nobody = Mentions::default();
    for (place, expected) in
        [(general, &[][..]), (named("random"), &[2, 5]), (named("leads"), &[]), (named("empty"), &[])]
    {
        let event = updated(place);
        let needs_words = index.needs_words(&event);
        assert_eq!(needs_words, [general, named("leads")].contains(&place), "{place:?}");
        let concerned = index.concerned(&event, needs_words.then_some(&nobody));
        assert_eq!(concerned.keys().map(|app| app.0).collect::<Vec<_>>(), expected, "{place:?}");
    }
    // One app and four have general to themselves: both if the words cannot be read, and who is mentioned.
    let four = directory.user(directory.app(AppId(4)).unwrap().bot_user).unwrap();
    let to_four = Mentions::of(&Content::text(Dialect::Slack, format!("<@{}>", four.slack_id)));
    for (mentions, expected) in [(None, &[1, 4][..]), (Some(&to_four), &[4])] {
        let concerned = index.concerned(&updated(general), mentions);
        assert_eq!(concerned.keys().map(|app| app.0).collect::<Vec<_>>(), expected);
    }
}

/// A change that is about neither apps nor tokens leaves what apps subscribe to as it was read.
#[test]
fn a_change_costs_what_it_is_about() {
    let mut index = Index::new(dialects(), None);
    let mut directory = Arc::new(world());
    index.follow(&directory);
    let general = directory.general().unwrap().id;
    Arc::make_mut(&mut directory).put_member(general, UserId(1), None);
    assert!(!index.follow(&directory));
    let token = directory.tokens().find(|token| token.kind == TokenKind::Bot).unwrap();
    let revoked = token.revoked(Micros(BEGIN));
    Arc::make_mut(&mut directory).put_token(revoked);
    assert!(index.follow(&directory));
}
