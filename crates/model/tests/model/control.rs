//! Acts of control: each success with what it changes and tells, each refusal, and the numbers of workspaces.

use std::sync::Arc;

use redraft_model::command::{Caller, Verb};
use redraft_model::control::{Control as A, numbered_in};
use redraft_model::directory::{Directory, Named};
use redraft_model::event::EventKind as K;
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_model::limits::CLOCK_AHEAD_MICROS_MAX;
use redraft_model::time::Micros;
use redraft_model::workspace::{App, ConversationKind, Settings, Token, TokenKind, User};

use crate::world::*;

fn new_user(name: &str) -> User {
    user(UserId(0), name)
}

fn new_app(name: &str, tokens: Vec<Token>, member_of: &[ConversationId]) -> A {
    let app = App {
        slack_id: format!("A-{name}"),
        bot_id: format!("B-{name}"),
        app_id: format!("app-{name}"),
        ..app(1, 1, UserId(0), ADA)
    };
    let tokens = tokens.into_iter().map(of_new_app).collect();
    A::AddApp { app, bot: new_user(name), tokens, member_of: member_of.into() }
}

fn with_app(act: A, change: impl Fn(&mut App)) -> A {
    let A::AddApp { mut app, bot, tokens, member_of } = act else { panic!("not an app") };
    change(&mut app);
    A::AddApp { app, bot, tokens, member_of }
}

fn channel(name: &str) -> A {
    A::AddConversation(conversation(ConversationId(50), ConversationKind::Public, name, &[MIA]))
}

fn fresh(number: u8) -> Token {
    token(hash(1, number), ALPHA_APP, MIA, TokenKind::User)
}

fn taken(name: &str) -> String {
    format!("Control(Taken({name:?}))")
}

/// Each act, what the caller hears and what the log tells.
#[test]
fn acts_and_their_events() {
    let joined = |conversation, user| K::MemberJoined { conversation, user };
    let (ten, five, eight) = (UserId(10), AppId(5), ConversationId(8));
    let with_tokens = new_app("eps", vec![fresh(70), fresh(71)], &[PUBLIC, GENERAL]);
    for (act, told, events) in [
        (change_settings(Settings::default()), "done", vec![K::WorkspaceChanged]),
        (A::AdvanceClock(0), "done", vec![K::WorkspaceChanged]),
        (rename_workspace("Umbrella".into()), "done", vec![K::WorkspaceRenamed]),
        (rename_workspace("Acme".into()), "done", vec![]),
        (A::AddUser(new_user("pia")), "user 10", vec![K::UserChanged(ten), joined(GENERAL, ten)]),
        (change_user(user(MIA, "mimi")), "user 3", vec![K::UserChanged(MIA)]),
        (new_app("eps", vec![], &[]), "app 5", vec![K::UserChanged(ten), K::AppInstalled(five)]),
        (
            with_tokens,
            "app 5",
            vec![
                K::UserChanged(ten),
                K::AppInstalled(five),
                K::TokenMinted(five),
                K::TokenMinted(five),
                joined(PUBLIC, ten),
                joined(GENERAL, ten),
            ],
        ),
        (A::UninstallApp(GAMMA_APP), "app 3", vec![K::AppUninstalled(GAMMA_APP)]),
        (channel("ops"), "conversation 8 true", vec![K::ConversationCreated(eight)]),
        (A::AddMember(PUBLIC, SAM), "conversation 2 true", vec![joined(PUBLIC, SAM)]),
        (A::AddMember(PUBLIC, MIA), "conversation 2 false", vec![]),
        (
            A::RemoveMember(PUBLIC, MIA),
            "conversation 2 true",
            vec![K::MemberLeft { conversation: PUBLIC, user: MIA }],
        ),
        (A::RemoveMember(PUBLIC, SAM), "conversation 2 false", vec![]),
        (set_archived(PUBLIC, true), "conversation 2 true", vec![K::ConversationArchived(PUBLIC)]),
        (set_archived(PUBLIC, false), "conversation 2 false", vec![]),
        (set_archived(ARCHIVED, true), "conversation 7 false", vec![]),
        (set_archived(ARCHIVED, false), "conversation 7 true", vec![K::ConversationUnarchived(ARCHIVED)]),
        (rename_channel(PUBLIC, "open".into()), "conversation 2 true", vec![K::ConversationRenamed(PUBLIC)]),
        (rename_channel(PUBLIC, "public".into()), "conversation 2 false", vec![]),
        (change_app(app(1, 3, GAMMA, IVO)), "app 3", vec![K::AppChanged(GAMMA_APP)]),
        (A::AddToken(fresh(70)), "done", vec![K::TokenMinted(ALPHA_APP)]),
        (A::RevokeToken(hash(1, 6)), "revoked true", vec![K::TokenRevoked { app: BETA_APP, user: BETA }]),
        (
            A::RotateToken { old: hash(1, 6), new: hash(1, 70), hint: "…".into() },
            "done",
            vec![K::TokenRevoked { app: BETA_APP, user: BETA }, K::TokenMinted(BETA_APP)],
        ),
        (A::DropWorkspace, "done", vec![]),
    ] {
        let mut world = World::new();
        let before = world.logs[&HOME].len();
        assert_eq!(world.control(act.clone()), told, "{act:?}");
        let log = &world.logs[&HOME][before..];
        let kinds = log.iter().map(|event| event.kind.clone()).collect::<Vec<_>>();
        assert_eq!(kinds, with_notices(&events), "{act:?}");
        assert!(log.iter().all(|event| event.by.is_none() && event.app.is_none()));
    }
}

#[test]
fn what_an_act_names_must_exist() {
    let missing = |what: &str| format!("Control(NotFound({what:?}))");
    let elsewhere = Token { app: AppId(99), ..fresh(70) };
    let nobodys = Token { user: UserId(99), ..fresh(70) };
    let nobodys_room = conversation(ConversationId(0), ConversationKind::Public, "ops", &[UserId(99)]);
    for (act, expect) in [
        (change_user(user(UserId(99), "x")), missing("user")),
        (with_app(new_app("eps", vec![], &[]), |app| app.installed_by = Some(UserId(99))), missing("user")),
        (new_app("eps", vec![], &[NOWHERE]), missing("channel")),
        (A::UninstallApp(AppId(99)), missing("app")),
        (A::AddConversation(nobodys_room), missing("user")),
        (A::AddMember(NOWHERE, MIA), missing("channel")),
        (A::AddMember(PUBLIC, UserId(99)), missing("user")),
        (A::RemoveMember(NOWHERE, MIA), missing("channel")),
        (set_archived(NOWHERE, true), missing("channel")),
        (rename_channel(NOWHERE, "x".into()), missing("channel")),
        (rename_channel(DIRECT, "x".into()), missing("channel")),
        (rename_channel(GROUP, "x".into()), missing("channel")),
        (change_app(app(1, 99, GAMMA, IVO)), missing("app")),
        (A::AddToken(elsewhere), missing("app")),
        (A::AddToken(nobodys), missing("user")),
        (A::RevokeToken(hash(1, 99)), missing("token")),
        (A::RotateToken { old: hash(1, 99), new: hash(1, 70), hint: String::new() }, missing("token")),
        (A::AdvanceClock(-1), "Control(ClockGoesBack)".into()),
        (A::AdvanceClock(i64::MIN), "Control(ClockGoesBack)".into()),
        (A::AdvanceClock(CLOCK_AHEAD_MICROS_MAX + 1), "Control(ClockTooFarAhead)".into()),
        (A::AdvanceClock(i64::MAX), "Control(ClockTooFarAhead)".into()),
    ] {
        assert_eq!(World::new().control(act.clone()), expect, "{act:?}");
    }
}

/// One field of something new is what something else has already.
#[test]
fn names_are_taken() {
    let person = |change: fn(&mut User)| {
        let mut user = new_user("pia");
        change(&mut user);
        A::AddUser(user)
    };
    let eps = || new_app("eps", vec![], &[]);
    let room = |change: fn(&mut redraft_model::workspace::Conversation)| {
        let mut room = conversation(ConversationId(0), ConversationKind::Public, "ops", &[]);
        change(&mut room);
        A::AddConversation(room)
    };
    let rotate = |new| A::RotateToken { old: hash(1, 6), new, hint: "hint".into() };
    for (act, expect) in [
        (person(|user| user.slack_id = "U-mia".into()), "U-mia"),
        (person(|user| user.member_id = "29:mia".into()), "29:mia"),
        (person(|user| user.directory_id = "guid-mia".into()), "guid-mia"),
        (person(|user| user.name = "mia".into()), "@mia"),
        (person(|user| user.email = Some("MIA@example.com".into())), "mailto:mia@example.com"),
        (person(|user| user.slack_id = "A-1".into()), "A-1"),
        (change_user(user(MIA, "ivo")), "@ivo"),
        (
            change_user(User { email: Some("Ivo@example.com".into()), ..user(MIA, "mia") }),
            "mailto:ivo@example.com",
        ),
        (with_app(eps(), |app| app.slack_id = "A-1".into()), "A-1"),
        (with_app(eps(), |app| app.bot_id = "B-1".into()), "B-1"),
        (with_app(eps(), |app| app.app_id = "app-1-1".into()), "app-1-1"),
        (with_app(eps(), |app| app.app_id = "app-2-1".into()), "app-2-1"),
        (new_app("mia", vec![], &[]), "U-mia"),
        (new_app("eps", vec![fresh(70), fresh(1)], &[]), "…1"),
        (new_app("eps", vec![token(hash(2, 5), ALPHA_APP, MIA, TokenKind::User)], &[]), "…5"),
        (room(|room| room.slack_id = "C-public2".into()), "C-public2"),
        (room(|room| room.connector_id = "19:public2".into()), "19:public2"),
        (room(|room| room.name = "public".into()), "public"),
        (rename_channel(PUBLIC, "private".into()), "private"),
        (rename_channel(PRIVATE, "archived".into()), "archived"),
        (A::AddToken(fresh(3)), "…3"),
        (A::AddToken(token(hash(2, 3), ALPHA_APP, MIA, TokenKind::User)), "…3"),
        (rotate(hash(1, 1)), "hint"),
        (rotate(hash(2, 1)), "hint"),
        (rotate(hash(1, 6)), "hint"),
    ] {
        assert_eq!(World::with_away().control(act.clone()), taken(expect), "{act:?}");
    }
}

/// What is only unique within a workspace may be in another one too.
#[test]
fn names_of_other_workspaces_are_free() {
    let mut world = World::with_away();
    let mut with_sid = directory(2);
    with_sid.put_user(User { id: UserId(10), ..new_user("sid") });
    assert_eq!(world.control(A::AddUser(new_user("sid"))), "user 10");
    assert!(with_sid.user_named("U-sid").is_some());
    assert!(world.directories.get(AWAY).unwrap().user_named("U-sid").is_none());
}

#[test]
fn a_user_keeps_its_own_name_and_may_take_a_free_one() {
    let mut world = World::new();
    for changed in [
        user(MIA, "mia"),
        User { email: None, ..user(MIA, "mia") },
        User { email: Some("mia@example.com".into()), ..user(MIA, "mia") },
        User { email: Some("MIA@example.com".into()), ..user(MIA, "mia") },
        User {
            email: Some("other@example.com".into()),
            name: "mimi".into(),
            admin: true,
            ..user(MIA, "mia")
        },
    ] {
        world.now = world.now.plus(SECOND);
        assert_eq!(world.control(change_user(changed.clone())), "user 3", "{changed:?}");
        assert_eq!(**world.home().user(MIA).unwrap(), User { updated_at: world.now, ..changed });
    }
    let named = |name| world.home().named(name);
    assert_eq!([named("@mia"), named("mailto:mia@example.com")], [None, None]);
    assert_eq!([named("@mimi"), named("mailto:other@example.com")], [Some(Named::User(MIA)); 2]);
    assert_eq!(world.control(A::AddUser(User { slack_id: "U-2".into(), ..new_user("ida") })), "user 10");
}

#[test]
fn settings_and_clock() {
    let mut world = World::new();
    let settings = Settings {
        edit_window_micros: Some(1),
        delete_window_micros: Some(2),
        only_admins_delete: true,
        ..Settings::default()
    };
    world.settings(settings.clone());
    const MAX: i64 = CLOCK_AHEAD_MICROS_MAX;
    const TOO_FAR: &str = "Control(ClockTooFarAhead)";
    for (micros, offset, told) in [
        (HOUR, HOUR, "done"),
        (0, HOUR, "done"),
        (5, HOUR + 5, "done"),
        (i64::MAX, HOUR + 5, TOO_FAR),
        (MAX - HOUR - 4, HOUR + 5, TOO_FAR),
        (MAX - HOUR - 5, MAX, "done"),
        (1, MAX, TOO_FAR),
        (0, MAX, "done"),
    ] {
        assert_eq!(world.control(A::AdvanceClock(micros)), told, "{micros}");
        assert_eq!(world.home().workspace.clock_offset_micros, offset, "{micros}");
    }
    assert_eq!(world.home().workspace.settings, settings);
    assert_eq!(world.home().workspace.id, HOME);
}

#[test]
fn a_new_person_is_in_the_teams_channel() {
    let mut world = World::new();
    world.now = START.plus(HOUR);
    world.control(A::AddUser(new_user("pia")));
    let expected = User { id: UserId(10), updated_at: world.now, ..new_user("pia") };
    assert_eq!(**world.home().user(UserId(10)).unwrap(), expected);
    let general = world.room(GENERAL);
    assert_eq!((general.members.get(&UserId(10)), general.updated_at), (Some(&world.now), world.now));
    assert_eq!(general.members.len(), 9);
}

/// A workspace without such a channel takes people as well.
#[test]
fn there_may_be_no_teams_channel() {
    let mut bare = Directory::new(directory(3).workspace);
    bare.put_user(user(ADA, "ada"));
    let mut world = World { now: START, ..World::default() };
    assert_eq!(world.control(A::CreateWorkspace(Arc::new(bare))), "workspace 1");
    assert_eq!(world.control(A::AddUser(new_user("pia"))), "user 2");
    assert_eq!(world.events(1), [K::UserChanged(UserId(2))]);
}

#[test]
fn a_new_app_gets_its_numbers_its_tokens_and_its_places() {
    let mut world = World::new();
    world.now = START.plus(HOUR);
    let bots = Token { user: UserId(0), kind: TokenKind::Bot, ..fresh(70) };
    world.control(new_app("eps", vec![bots, fresh(71)], &[PUBLIC]));
    let home = world.home();
    let app = home.app(AppId(5)).unwrap();
    assert_eq!(
        (app.id, app.bot_user, app.updated_at, app.uninstalled),
        (AppId(5), UserId(10), world.now, false)
    );
    let bot = home.user(UserId(10)).unwrap();
    assert_eq!((bot.id, bot.bot_of, bot.name.as_str()), (UserId(10), Some(AppId(5)), "eps"));
    let whose = [70, 71].map(|number| home.token(&hash(1, number)).map(|token| (token.app, token.user)));
    assert_eq!(whose, [Some((AppId(5), UserId(10))), Some((AppId(5), MIA))]);
    assert_eq!(world.room(PUBLIC).members.get(&UserId(10)), Some(&world.now));
    assert_eq!(home.app_named("app-eps").map(|app| app.id), Some(AppId(5)));
    assert_eq!(world.directories.of_name("app-eps").map(|found| found.workspace.id), Some(HOME));
    assert_eq!(world.directories.of_token(&hash(1, 70)).map(|found| found.workspace.id), Some(HOME));
    assert_eq!(world.tell(Caller::Token(hash(1, 70)), Verb::Post(post(PUBLIC))), "posted");
    assert_eq!(world.tell(Caller::Bot(AppId(5)), Verb::Post(post(PRIVATE))), "Post(ConversationNotFound)");
}

#[test]
fn an_app_that_was_not_installed_by_anyone() {
    let mut world = World::new();
    let act = with_app(new_app("eps", vec![], &[]), |app| app.installed_by = None);
    assert_eq!(world.control(act), "app 5");
}

#[test]
fn uninstalling_revokes_what_is_not_revoked_yet() {
    let mut world = World::new();
    world.control(A::RevokeToken(hash(1, 1)));
    world.now = START.plus(HOUR);
    let before = world.logs[&HOME].len();
    world.control(A::UninstallApp(ALPHA_APP));
    let kinds: Vec<K> = world.logs[&HOME][before..].iter().map(|event| event.kind.clone()).collect();
    // Alpha has seven tokens, one of which was over before.
    assert_eq!(kinds.len(), 7);
    assert!(
        kinds[..6].iter().all(|kind| matches!(kind, K::TokenRevoked { app: ALPHA_APP, .. })),
        "{kinds:?}"
    );
    assert_eq!(kinds[6], K::AppUninstalled(ALPHA_APP));
    let app = world.home().app(ALPHA_APP).unwrap();
    assert_eq!((app.uninstalled, app.updated_at), (true, world.now));
    let revoked = |app| world.home().tokens().filter(|token| token.app == app && token.revoked).count();
    assert_eq!((revoked(ALPHA_APP), revoked(BETA_APP)), (7, 0));
}

/// What an app is may change, who it is may not, and nobody is installed again by a change.
#[test]
fn what_can_be_changed_of_an_app() {
    let mut world = World::new();
    world.control(A::UninstallApp(GAMMA_APP));
    world.now = START.plus(HOUR);
    let before = App::clone(world.home().app(GAMMA_APP).unwrap());
    let asked = App {
        name: "other".into(),
        endpoint: Some("http://bot".into()),
        reads_all: true,
        expects_replies: true,
        issuer: Some("https://issuer".into()),
        anonymous: true,
        ..before.clone()
    };
    let position = world.moment(HOME).position;
    assert_eq!(world.control(change_app(asked.clone())), "app 3");
    let expected = App { hears_from: position, updated_at: world.now, ..asked };
    assert_eq!(**world.home().app(GAMMA_APP).unwrap(), expected);
    assert!(expected.uninstalled);
    assert_eq!(world.tell(GAMMA_BOT, Verb::Post(post(PUBLIC))), "Caller(Unknown)");
}

/// An endpoint is told what happens from when it was set: nothing that was before it, and nothing twice when it moves.
#[test]
fn from_when_an_endpoint_hears() {
    let mut world = World::new();
    let hears_from = |world: &World| world.home().app(GAMMA_APP).unwrap().hears_from;
    let at = |endpoint: Option<&str>| {
        change_app(App { endpoint: endpoint.map(Into::into), ..app(1, 3, GAMMA, IVO) })
    };
    world.say(ALPHA_BOT, PUBLIC);
    world.control(at(None));
    assert_eq!(hears_from(&world), 0);
    let first = world.moment(HOME).position;
    world.control(at(Some("http://one")));
    assert_eq!(hears_from(&world), first);
    world.say(ALPHA_BOT, PUBLIC);
    for moved in [at(Some("http://two")), at(Some("http://two"))] {
        world.control(moved);
        assert_eq!(hears_from(&world), first);
    }
    let taken = world.moment(HOME).position;
    world.control(at(None));
    assert_eq!(hears_from(&world), taken);
    world.say(ALPHA_BOT, PUBLIC);
    let again = world.moment(HOME).position;
    world.control(at(Some("http://two")));
    assert_eq!(hears_from(&world), again);

    let position = world.moment(HOME).position;
    world.control(with_app(new_app("eps", vec![], &[]), |app| app.hears_from = 5));
    assert_eq!(world.home().app(AppId(5)).unwrap().hears_from, position);
    assert!(
        position <= world.logs[&HOME].iter().find(|e| e.kind == K::AppInstalled(AppId(5))).unwrap().position
    );
}

/// Calls without a token are one bot's at most.
#[test]
fn one_anonymous_bot() {
    const SECOND: &str = "Control(SecondAnonymous)";
    let anonymous = |number, bot, anonymous| change_app(App { anonymous, ..app(1, number, bot, IVO) });
    let mut world = World::new();
    for (act, told) in [
        (anonymous(3, GAMMA, true), "app 3"),
        (anonymous(3, GAMMA, true), "app 3"),
        (anonymous(4, DELTA, false), "app 4"),
        (anonymous(4, DELTA, true), SECOND),
        (with_app(new_app("eps", vec![], &[]), |app| app.anonymous = true), SECOND),
        (new_app("eps", vec![], &[]), "app 5"),
        (anonymous(3, GAMMA, false), "app 3"),
        (anonymous(4, DELTA, true), "app 4"),
        (anonymous(3, GAMMA, true), SECOND),
        // One that is not there any more does not stand in the way.
        (A::UninstallApp(DELTA_APP), "app 4"),
        (with_app(new_app("zeta", vec![], &[]), |app| app.anonymous = true), "app 6"),
        (anonymous(3, GAMMA, true), SECOND),
    ] {
        assert_eq!(world.control(act.clone()), told, "{act:?}");
    }
    let with = |numbers: &[u32]| {
        let mut directory = directory(2);
        for number in numbers {
            directory.put_app(App { anonymous: true, ..app(2, *number, GAMMA, IVO) });
        }
        A::CreateWorkspace(Arc::new(directory))
    };
    for (numbers, told) in [(&[][..], "workspace 2"), (&[3], "workspace 2"), (&[3, 4], SECOND)] {
        assert_eq!(World::new().control(with(numbers)), told, "{numbers:?}");
    }
}

#[test]
fn renaming() {
    let mut world = World::new();
    world.now = START.plus(HOUR);
    let before = world.home().workspace.clone();
    world.control(rename_workspace("Umbrella".into()));
    let renamed = redraft_model::workspace::Workspace { name: "Umbrella".into(), ..before };
    assert_eq!(world.home().workspace, renamed);
    let before = world.room(PUBLIC).clone();
    world.control(rename_channel(PUBLIC, "open".into()));
    let expected = redraft_model::workspace::Conversation {
        name: "open".into(),
        previous_names: vec!["public".into()],
        updated_at: world.now,
        ..redraft_model::workspace::Conversation::clone(&before)
    };
    assert_eq!(**world.room(PUBLIC), expected);
    assert_eq!(world.home().channel("open").map(|room| room.id), Some(PUBLIC));
    assert!(world.home().channel("public").is_none(), "the old name is free");
    assert_eq!(world.control(rename_channel(PRIVATE, "public".into())), "conversation 3 true");
}

#[test]
fn a_channel_is_made_with_its_members() {
    let mut world = World::new();
    world.now = START.plus(HOUR);
    world.control(channel("ops"));
    let room = world.home().channel("ops").unwrap();
    let expected = redraft_model::workspace::Conversation {
        id: ConversationId(8),
        created_at: world.now,
        updated_at: world.now,
        ..conversation(ConversationId(50), ConversationKind::Public, "ops", &[MIA])
    };
    assert_eq!(**room, expected);
    assert_eq!(world.home().conversation_named("C-ops50").map(|room| room.id), Some(ConversationId(8)));
}

#[test]
fn members_come_and_go() {
    let mut world = World::new();
    world.now = START.plus(HOUR);
    world.control(A::AddMember(PRIVATE, DELTA));
    let room = world.room(PRIVATE);
    assert_eq!((room.members[&DELTA], room.former.len(), room.updated_at), (world.now, 0, world.now));
    world.now = START.plus(2 * HOUR);
    world.control(A::RemoveMember(PRIVATE, DELTA));
    let room = world.room(PRIVATE);
    assert_eq!((room.has(DELTA), room.former.contains(&DELTA), room.updated_at), (false, true, world.now));
    world.now = START.plus(3 * HOUR);
    world.control(set_archived(PRIVATE, true));
    assert_eq!((world.room(PRIVATE).archived, world.room(PRIVATE).updated_at), (true, world.now));
    world.control(set_archived(PRIVATE, false));
    assert!(!world.room(PRIVATE).archived);
}

/// A rotated token is the old one under a new hash and without an end. One that was revoked stays so.
#[test]
fn rotating() {
    let mut world = World::new();
    let (old, new) = (hash(1, 1), hash(1, 70));
    let before = Token::clone(world.home().token(&old).unwrap());
    world.control(A::RotateToken { old, new, hint: "new".into() });
    assert!(world.home().token(&old).unwrap().revoked);
    let expected = Token { hash: new, hint: "new".into(), expires_at: None, ..before };
    assert_eq!(**world.home().token(&new).unwrap(), expected);
    assert_eq!(world.tell(ALPHA_BOT, Verb::Post(post(PUBLIC))), "Caller(Revoked)");
    assert_eq!(world.tell(Caller::Token(new), Verb::Post(post(PUBLIC))), "posted");
    let again = A::RotateToken { old, new: hash(1, 71), hint: "x".into() };
    assert_eq!(world.control(again), "Control(NotFound(\"token in use\"))");
    assert_eq!(world.control(A::RevokeToken(new)), "revoked true");
    assert!(world.home().token(&new).unwrap().revoked);
}

#[test]
fn no_act_reaches_a_missing_workspace() {
    for act in [A::DropWorkspace, A::ResetWorkspace, A::AdvanceClock(1), A::AddUser(new_user("x"))] {
        let mut world = World::default();
        assert_eq!(world.control(act), "Control(WorkspaceNotFound)");
    }
    let mut world = World::new();
    world.origins.clear();
    assert_eq!(world.control(A::ResetWorkspace), "Control(WorkspaceNotFound)");
}

#[test]
fn a_workspace_takes_its_names_on_the_whole_server() {
    let other = |change: fn(&mut Directory)| {
        let mut directory = directory(2);
        change(&mut directory);
        A::CreateWorkspace(Arc::new(directory))
    };
    for (act, expect) in [
        (other(|d| d.workspace.team_id = "T1".into()), taken("T1")),
        (other(|d| d.workspace.tenant_id = "tenant-1".into()), taken("tenant-1")),
        (other(|d| d.workspace.tenant_id = "app-1-3".into()), taken("app-1-3")),
        (other(|d| d.put_app(app(1, 5, ALPHA, ADA))), taken("app-1-5")),
        (other(|d| d.put_app(App { app_id: "app-1-2".into(), ..app(2, 5, ALPHA, ADA) })), taken("app-1-2")),
        (other(|d| d.put_token(token(hash(1, 6), ALPHA_APP, MIA, TokenKind::User))), taken("…6")),
        (other(|_| ()), "workspace 2".into()),
    ] {
        let mut world = World::new();
        if expect == taken("app-1-5") {
            world.control(with_app(new_app("eps", vec![], &[]), |app| app.app_id = "app-1-5".into()));
        }
        assert_eq!(world.control(act), expect);
    }
}

#[test]
fn creating_resetting_and_dropping_use_up_numbers_for_good() {
    let mut world = World::new();
    let create = |n| A::CreateWorkspace(Arc::new(directory(n)));
    let numbered = |world: &World, act: A| {
        numbered_in(&command(CONTROL, Verb::Control(Box::new(act))), &world.directories)
    };
    assert_eq!(numbered(&world, create(2)), WorkspaceId(2));
    assert_eq!(numbered(&world, A::ResetWorkspace), WorkspaceId(2));
    assert_eq!(numbered(&world, A::DropWorkspace), HOME);
    assert_eq!(numbered(&world, A::AdvanceClock(1)), HOME);
    let posting = command(ALPHA_BOT, Verb::Post(post(PUBLIC)));
    assert_eq!(numbered_in(&posting, &world.directories), HOME);

    world.say(ALPHA_BOT, PUBLIC);
    world.control(A::AddUser(new_user("pia")));
    world.control(A::AdvanceClock(5));
    assert_eq!(world.control(A::ResetWorkspace), "workspace 2");
    assert!(world.directories.get(HOME).is_none());
    let reset = world.directories.get(WorkspaceId(2)).unwrap();
    assert_eq!((reset.workspace.id, reset.workspace.clock_offset_micros), (WorkspaceId(2), 0));
    assert!(reset.user_named("U-pia").is_none() && reset.user_named("U-mia").is_some());
    assert_eq!(
        world.logs[&WorkspaceId(2)].iter().map(|event| event.kind.clone()).collect::<Vec<_>>(),
        [K::WorkspaceCreated]
    );
    assert_eq!(world.logs[&WorkspaceId(2)][0].position, 1);
    // The same tokens and names now lead to the new number.
    assert_eq!(world.directories.of_token(&hash(1, 1)).map(|found| found.workspace.id), Some(WorkspaceId(2)));
    assert_eq!(world.directories.of_name("T1").map(|found| found.workspace.id), Some(WorkspaceId(2)));

    let there = |act: A| redraft_model::command::Command {
        workspace: WorkspaceId(2),
        ..command(CONTROL, Verb::Control(Box::new(act)))
    };
    assert_eq!(world.tell_command(&there(create(1))), taken("T1"));
    assert_eq!(world.tell_command(&there(A::DropWorkspace)), "done");
    assert!(world.directories.of_token(&hash(1, 1)).is_none());
    for name in ["T1", "tenant-1", "app-1-1", "app-1-4"] {
        assert!(world.directories.of_name(name).is_none(), "{name}");
    }
    assert_eq!(world.directories.all().count(), 0);
    assert_eq!(world.control(create(1)), "workspace 3");
    assert_eq!(world.directories.get(WorkspaceId(3)).unwrap().workspace.id, WorkspaceId(3));
    assert_eq!(world.directories.next_workspace, WorkspaceId(4));
}

/// What an app of a dropped workspace had is free, that of its neighbours is not.
#[test]
fn dropping_one_workspace_leaves_the_other() {
    let mut world = World::with_away();
    assert_eq!(world.control(A::DropWorkspace), "done");
    assert!(world.directories.get(HOME).is_none() && world.directories.get(AWAY).is_some());
    assert!(
        world.directories.of_token(&hash(1, 1)).is_none()
            && world.directories.of_token(&hash(2, 1)).is_some()
    );
    assert!(world.directories.of_name("app-1-1").is_none() && world.directories.of_name("app-2-1").is_some());
    assert_eq!(world.tell(ALPHA_BOT, Verb::Post(post(PUBLIC))), "Caller(Unknown)");
    assert_eq!(world.control(A::DropWorkspace), "Control(WorkspaceNotFound)");
    assert_eq!(world.now, Micros(START.0));
}
