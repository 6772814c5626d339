//! Names without control characters, wherever they come in; and those that were stored before there was such a rule.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, NewDirect, Verb};
use redraft_model::control::Control as A;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::directory::DirectoryChange;
use redraft_model::id::{AppId, ConversationId, UserGroupId, UserId};
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Shortcut, SlackApp, SlashCommand, Token, TokenKind, User, UserGroup,
    Webhook, Workspace,
};

use crate::world::*;

const BAD: &str = "helper\ntouch PWNED #";

fn bad() -> String {
    BAD.into()
}

fn new_app(app: App) -> A {
    A::AddApp { app, bot: user(UserId(0), "eps"), tokens: vec![], member_of: vec![] }
}

fn fresh_app() -> App {
    let slack = SlackApp { client_id: "1.9".into(), ..SlackApp::default() };
    let ids = App {
        slack_id: "A-9".into(),
        bot_id: "B-9".into(),
        app_id: "app-9".into(),
        ..app(1, 1, UserId(0), ADA)
    };
    App { slack: Some(Box::new(slack)), ..ids }
}

fn group() -> UserGroup {
    UserGroup {
        id: UserGroupId(0),
        slack_id: "S-1".into(),
        handle: "ops".into(),
        name: "Operators".into(),
        description: String::new(),
        users: vec![MIA],
        creator: MIA,
        created_at: START,
        updated_at: START,
        disabled: false,
    }
}

/// Every field that holds a name, in every act that brings one.
#[test]
fn no_act_brings_a_control_character() {
    let people: [fn(&mut User); 6] = [
        |it| it.slack_id = bad(),
        |it| it.member_id = bad(),
        |it| it.directory_id = bad(),
        |it| it.name = bad(),
        |it| it.real_name = bad(),
        |it| it.email = Some(bad()),
    ];
    let apps: [fn(&mut App, &mut SlackApp); 22] = [
        |it, _| it.slack_id = bad(),
        |it, _| it.bot_id = bad(),
        |it, _| it.app_id = bad(),
        |it, _| it.name = bad(),
        |it, _| it.signing_secret = Some(bad()),
        |it, _| it.endpoint = Some(bad()),
        |it, _| it.issuer = Some(bad()),
        |_, it| it.verification_token = bad(),
        |_, it| it.client_id = bad(),
        |_, it| it.redirect_urls = vec![bad()],
        |_, it| it.bot_scopes = vec![bad()],
        |_, it| it.user_scopes = vec![bad()],
        |_, it| it.bot_events = vec![bad()],
        |_, it| it.user_events = vec![bad()],
        |_, it| it.metadata_events = vec![bad()],
        |_, it| it.interactivity_url = Some(bad()),
        |_, it| it.options_url = Some(bad()),
        |_, it| it.commands = vec![SlashCommand { command: bad(), ..SlashCommand::default() }],
        |_, it| it.commands = vec![SlashCommand { url: Some(bad()), ..SlashCommand::default() }],
        |_, it| it.shortcuts = vec![Shortcut { name: bad(), ..Shortcut::default() }],
        |_, it| it.shortcuts = vec![Shortcut { callback_id: bad(), ..Shortcut::default() }],
        |_, it| {
            let hook = Webhook { service_id: bad(), secret_hash: [0; 32], conversation: PUBLIC, by: MIA };
            it.webhooks = vec![hook];
        },
    ];
    let channels: [fn(&mut Conversation); 3] =
        [|it| it.slack_id = bad(), |it| it.connector_id = bad(), |it| it.name = bad()];
    let tokens: [fn(&mut Token); 2] = [|it| it.hint = bad(), |it| it.scopes = vec![bad()]];
    let groups: [fn(&mut UserGroup); 3] =
        [|it| it.slack_id = bad(), |it| it.handle = bad(), |it| it.name = bad()];

    let mut acts = vec![
        ("Workspace", rename_workspace(bad())),
        ("Channel", rename_channel(PUBLIC, bad())),
        ("Token", A::RotateToken { old: hash(1, 6), new: hash(1, 70), hint: bad() }),
    ];
    for change in people {
        let mut person = user(UserId(0), "pia");
        change(&mut person);
        acts.push(("Person", A::AddUser(person)));
    }
    for change in apps {
        let mut app = fresh_app();
        let mut slack = app.slack.take().unwrap();
        change(&mut app, &mut slack);
        acts.push(("App", new_app(App { slack: Some(slack), ..app })));
    }
    for change in channels {
        let mut made = conversation(ConversationId(50), ConversationKind::Public, "ops", &[MIA]);
        change(&mut made);
        acts.push(("Channel", A::AddConversation(made)));
    }
    for change in tokens {
        let mut made = token(hash(1, 70), ALPHA_APP, MIA, TokenKind::User);
        change(&mut made);
        acts.push(("Token", A::AddToken(made)));
    }
    for change in groups {
        let mut made = group();
        change(&mut made);
        acts.push(("UserGroup", A::AddUserGroup(made)));
    }
    for (named, act) in acts {
        assert_eq!(
            World::new().control(act.clone()),
            format!("ForbiddenCharacter({named}, '\\n')"),
            "{act:?}"
        );
    }
    for good in [new_app(fresh_app()), A::AddUserGroup(group())] {
        assert!(!World::new().control(good.clone()).contains("Forbidden"), "{good:?}");
    }
    let mut declared = directory(2);
    declared.put_user(user(UserId(40), BAD));
    let create = A::CreateWorkspace(Arc::new(declared));
    assert_eq!(World::new().control(create), "ForbiddenCharacter(Person, '\\n')");
}

/// A person's or an app's way through the Web API leads to the same check.
#[test]
fn nor_does_a_token() {
    let ids = NewDirect { slack_id: "C-9".into(), connector_id: "19:9".into() };
    for asked in
        [C::Create { name: bad(), private: false, ids }, C::Rename { conversation: PUBLIC, name: bad() }]
    {
        let verb = Verb::Conversation(asked.clone());
        let command =
            Command { workspace: HOME, caller: Caller::Person(ADA), idempotency: None, verb, source: None };
        let refused = World::new().run(&command).unwrap_err();
        assert_eq!(format!("{:?}", refused.why), "ForbiddenCharacter(Channel, '\\n')", "{asked:?}");
    }
}

/// What has such a name since before can be changed, used, reset and renamed; it just gets no other one like that.
#[test]
fn names_from_before() {
    let mut world = World::new();
    let old = Workspace { name: bad(), ..directory(1).workspace };
    world.directories.apply(&DirectoryChange::Workspace(old));
    let (mia, ops) = (user(MIA, BAD), conversation(PUBLIC, ConversationKind::Public, BAD, &[MIA]));
    world.directories.apply(&DirectoryChange::User(HOME, mia.clone()));
    world.directories.apply(&DirectoryChange::Conversation(HOME, ops));
    for (act, expected) in [
        (A::AdvanceClock(1), "done"),
        (change_user(User { admin: true, ..mia.clone() }), "user 3"),
        (change_user(User { real_name: "other\nname".into(), ..mia }), "ForbiddenCharacter(Person, '\\n')"),
        (A::AddMember(PUBLIC, SAM), "conversation 2 true"),
        (A::UninstallApp(AppId(3)), "app 3"),
        (rename_channel(PUBLIC, "plain".into()), "conversation 2 true"),
        (rename_workspace("Acme".into()), "done"),
    ] {
        assert_eq!(world.control(act.clone()), expected, "{act:?}");
    }
    let mut origin = directory(1);
    origin.put_user(user(UserId(40), BAD));
    world.origins.insert(HOME, Arc::new(origin));
    assert!(world.control(A::ResetWorkspace).starts_with("workspace"));
}
