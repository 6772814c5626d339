//! Patches are merged with what is there when they are decided.

use redraft_model::control::Control as A;
use redraft_model::event::EventKind as K;
use redraft_model::id::UserGroupId;
use redraft_model::patch::{
    AppPatch, ConversationPatch, SettingsPatch, SlackPatch, UserGroupPatch, UserPatch, WorkspacePatch,
};
use redraft_model::workspace::{App, Settings, Shortcut, SlackApp, SlashCommand, User, UserGroup};

use crate::world::*;

/// Carries out patches of one member each, forwards and backwards: the same comes of both, since none knows of the others.
fn in_any_order(patches: &[A]) -> World {
    let mut worlds = [World::new(), World::new()];
    let group = UserGroup {
        id: UserGroupId(0),
        slack_id: "S1".into(),
        handle: "oncall".into(),
        name: "On call".into(),
        description: String::new(),
        users: vec![],
        creator: ADA,
        created_at: START,
        updated_at: START,
        disabled: false,
    };
    for world in &mut worlds {
        assert_eq!(world.control(A::AddUserGroup(group.clone())), "user group 1");
    }
    for patch in patches {
        worlds[0].control(patch.clone());
    }
    for patch in patches.iter().rev() {
        worlds[1].control(patch.clone());
    }
    let [forwards, backwards] = worlds;
    let home = |world: &World| {
        let directory = world.home();
        let users: Vec<User> = directory.users().map(|it| User::clone(it)).collect();
        let apps: Vec<App> = directory.apps().map(|it| App { hears_from: 0, ..App::clone(it) }).collect();
        let groups: Vec<UserGroup> = directory.user_groups().map(|it| UserGroup::clone(it)).collect();
        (directory.workspace.clone(), users, apps, groups)
    };
    assert_eq!(home(&forwards), home(&backwards));
    forwards
}

#[test]
fn patches_of_a_user() {
    let patch = |change: fn(&mut UserPatch)| {
        let mut patch = UserPatch::default();
        change(&mut patch);
        A::PatchUser(MIA, patch)
    };
    let world = in_any_order(&[
        patch(|it| it.name = Some("mimi".into())),
        patch(|it| it.real_name = Some("Mimi".into())),
        patch(|it| it.email = Some(None)),
        patch(|it| it.admin = Some(true)),
        patch(|it| it.away = Some(true)),
        patch(|it| it.deactivated = Some(true)),
    ]);
    let mia = world.home().user(MIA).unwrap();
    assert_eq!((&*mia.name, &*mia.real_name, &mia.email), ("mimi", "Mimi", &None));
    assert!(mia.admin && mia.away && mia.deactivated);
}

#[test]
fn patches_of_a_workspace() {
    let settings = |settings| A::PatchWorkspace(WorkspacePatch { settings: Some(settings), name: None });
    let world = in_any_order(&[
        A::PatchWorkspace(WorkspacePatch { name: Some("Umbrella".into()), settings: None }),
        settings(SettingsPatch { edit_window_micros: Some(Some(5)), ..SettingsPatch::default() }),
        settings(SettingsPatch { delete_window_micros: Some(Some(6)), ..SettingsPatch::default() }),
        settings(SettingsPatch { only_admins_delete: Some(true), ..SettingsPatch::default() }),
    ]);
    let workspace = &world.home().workspace;
    let Settings { edit_window_micros, delete_window_micros, only_admins_delete, .. } = workspace.settings;
    assert_eq!((&*workspace.name, edit_window_micros, delete_window_micros), ("Umbrella", Some(5), Some(6)));
    assert!(only_admins_delete);
}

fn patch(change: impl Fn(&mut AppPatch)) -> A {
    let mut patch = AppPatch::default();
    change(&mut patch);
    A::PatchApp(ALPHA_APP, Box::new(patch))
}

#[test]
fn patches_of_an_app() {
    let list = |name: &str| Some(vec![name.to_owned()]);
    let url = |name: &str| Some(Some(name.to_owned()));
    let command = SlashCommand { command: "/deploy".into(), ..SlashCommand::default() };
    let shortcut = Shortcut { callback_id: "file".into(), ..Shortcut::default() };
    let world = in_any_order(&[
        patch(|it| it.name = Some("other".into())),
        patch(|it| it.endpoint = url("http://one")),
        patch(|it| it.reads_all = Some(true)),
        patch(|it| it.expects_replies = Some(true)),
        patch(|it| it.issuer = url("https://issuer")),
        patch(|it| it.anonymous = Some(true)),
        patch(|it| it.slack.redirect_urls = list("https://a")),
        patch(|it| it.slack.bot_scopes = list("commands")),
        patch(|it| it.slack.user_scopes = list("chat:write")),
        patch(|it| it.slack.bot_events = list("app_mention")),
        patch(|it| it.slack.user_events = list("message.im")),
        patch(|it| it.slack.metadata_events = list("task")),
        patch(|it| it.slack.socket_mode = Some(true)),
        patch(|it| it.slack.interactivity_url = url("http://two")),
        patch(|it| it.slack.options_url = url("http://three")),
        patch(|it| it.slack.commands = Some(vec![command.clone()])),
        patch(|it| it.slack.shortcuts = Some(vec![shortcut.clone()])),
    ]);
    let app = world.home().app(ALPHA_APP).unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        (&*app.name, &app.endpoint, &app.issuer),
        ("other", &some("http://one"), &some("https://issuer"))
    );
    assert!(app.reads_all && app.expects_replies && app.anonymous);
    let slack = app.slack.as_deref().unwrap();
    let expected = SlackApp {
        redirect_urls: list("https://a").unwrap(),
        bot_scopes: list("commands").unwrap(),
        user_scopes: list("chat:write").unwrap(),
        bot_events: list("app_mention").unwrap(),
        user_events: list("message.im").unwrap(),
        metadata_events: list("task").unwrap(),
        socket_mode: true,
        interactivity_url: some("http://two"),
        options_url: some("http://three"),
        commands: vec![command],
        shortcuts: vec![shortcut],
        ..slack.clone()
    };
    assert_eq!(*slack, expected);
}

#[test]
fn patches_of_channels_and_user_groups() {
    let patch = |change: fn(&mut UserGroupPatch)| {
        let mut patch = UserGroupPatch::default();
        change(&mut patch);
        A::PatchUserGroup(UserGroupId(1), patch)
    };
    let world = in_any_order(&[
        patch(|it| it.handle = Some("duty".into())),
        patch(|it| it.name = Some("Duty".into())),
        patch(|it| it.description = Some("who is on duty".into())),
        patch(|it| it.users = Some(vec![MIA])),
        patch(|it| it.disabled = Some(true)),
        A::PatchConversation(PUBLIC, ConversationPatch { name: Some("open".into()), archived: None }),
        A::PatchConversation(PUBLIC, ConversationPatch { name: None, archived: Some(true) }),
    ]);
    let group = world.home().user_group_named("@duty").unwrap();
    assert_eq!((&*group.name, &*group.description, &group.users), ("Duty", "who is on duty", &vec![MIA]));
    let public = world.home().conversation(PUBLIC).unwrap();
    assert!(group.disabled && public.archived && public.name == "open");
}

/// Both members of one patch, or neither.
#[test]
fn a_channel_is_renamed_and_archived_at_once() {
    let mut world = World::new();
    let both = |name: &str| {
        A::PatchConversation(PUBLIC, ConversationPatch { name: Some(name.into()), archived: Some(true) })
    };
    assert_eq!(world.control(both("private")), "Control(Taken(\"private\"))");
    assert!(!world.home().conversation(PUBLIC).unwrap().archived);
    let before = world.logs[&HOME].len();
    assert_eq!(world.control(both("open")), "conversation 2 true");
    let kinds: Vec<K> = world.logs[&HOME][before..].iter().map(|event| event.kind.clone()).collect();
    assert!(
        kinds.contains(&K::ConversationRenamed(PUBLIC)) && kinds.contains(&K::ConversationArchived(PUBLIC))
    );
    assert_eq!(world.control(both("open")), "conversation 2 false");
}

/// Only a patch that says so, or one that brings another endpoint, switches events on; and an endpoint that failed does not
/// switch off another that came since.
#[test]
fn what_switches_events_on_and_off() {
    let mut world = World::new();
    let is_off = |world: &World| world.home().app(ALPHA_APP).unwrap().slack.as_ref().unwrap().events_off;
    let fails =
        |endpoint: Option<&str>| A::SwitchEventsOff { app: ALPHA_APP, endpoint: endpoint.map(str::to_owned) };
    let one = patch(|it| it.endpoint = Some(Some("http://one".into())));
    let two = patch(|it| it.endpoint = Some(Some("http://two".into())));
    let on = patch(|it| it.slack.events_off = Some(false));
    let off_at_two = patch(|it| {
        it.endpoint = Some(Some("http://two".into()));
        it.slack = SlackPatch { events_off: Some(true), ..SlackPatch::default() };
    });
    for (act, off) in [
        (one, false),
        (fails(Some("http://one")), true),
        (patch(|it| it.name = Some("other".into())), true),
        (patch(|it| it.slack.bot_events = Some(vec![])), true),
        (two, false),
        (fails(Some("http://one")), false),
        (fails(None), false),
        (fails(Some("http://two")), true),
        (on, false),
        (off_at_two, true),
    ] {
        assert_eq!(world.control(act.clone()), "app 1", "{act:?}");
        assert_eq!(is_off(&world), off, "{act:?}");
    }
}

/// What only Slack apps have is refused of others.
#[test]
fn a_teams_bot_has_no_slack_members() {
    let mut world = World::new();
    let slack = SlackPatch { socket_mode: Some(true), ..SlackPatch::default() };
    let teams = world.home().apps().find(|app| app.slack.is_none()).unwrap().id;
    let asked = A::PatchApp(teams, Box::new(AppPatch { slack, ..AppPatch::default() }));
    assert_eq!(world.control(asked), "Control(NotFound(\"Slack app\"))");
}
