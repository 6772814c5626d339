//! What is full is refused, and one less is not. Built once each, without names, since they are large.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::decision::Halt;
use redraft_model::directory::DirectoryChange;
use redraft_model::id::{ConversationId, TokenHash, UserGroupId, UserId};
use redraft_model::patch::UserGroupPatch;
use redraft_model::workspace::{App, ConversationKind, Membership, Token, TokenKind, UserGroup};

use crate::world::*;

const ENTRIES: usize = 200_000;
const MEMBERS: u32 = 50_000;

/// A workspace with one entry less than it may hold.
fn nearly_full() -> World {
    let mut directory = directory(1);
    let blank = Token { hint: String::new(), ..token(hash(1, 1), ALPHA_APP, MIA, TokenKind::User) };
    for number in directory.entries() as u64..ENTRIES as u64 - 1 {
        let mut hash = TokenHash([9; 32]);
        hash.0[..8].copy_from_slice(&number.to_be_bytes());
        directory.put_token(Token { hash, ..blank.clone() });
    }
    let mut world = World { now: START, ..World::default() };
    world.directories.apply(&DirectoryChange::Create(Arc::new(directory.renumbered(HOME))));
    world
}

/// What a command comes to, without writing it.
fn would(world: &World, command: &Command) -> String {
    match world.decide(command) {
        Ok(_) => "accepted".into(),
        Err(Halt::Refused(refusal)) => format!("{:?}", refusal.why),
        Err(Halt::NotLoaded) => panic!("everything is loaded here"),
    }
}

#[test]
fn a_full_workspace_takes_nothing_more() {
    let control = |act| command(CONTROL, Verb::Control(Box::new(act)));
    let asked = |caller: Caller, asked| command(caller, Verb::Conversation(asked));
    let new_app = App { slack_id: "A".into(), bot_id: "B".into(), app_id: "C".into(), ..app(1, 1, ADA, ADA) };
    let bot = user(UserId(0), "eps");
    let add_app = Control::AddApp { app: new_app, bot, tokens: vec![], member_of: vec![] };
    let room = conversation(ConversationId(0), ConversationKind::Public, "ops", &[]);
    let new_token = token(hash(1, 70), ALPHA_APP, MIA, TokenKind::User);
    let open = C::Open { users: vec![Some(IVO)], ids: ids("n"), existing_only: false };
    let create = C::Create { name: "ops".into(), private: false, ids: ids("n") };
    let commands = [
        (control(Control::AddUser(user(UserId(0), "pia"))), "Control(Full)"),
        (control(add_app), "Control(Full)"),
        (control(Control::AddConversation(room)), "Control(Full)"),
        (control(Control::AddToken(new_token.clone())), "Control(Full)"),
        (asked(ALPHA_MIA, create), "Conversation(Full)"),
        (asked(ALPHA_MIA, open), "Conversation(Full)"),
        (command(ALPHA_MIA, Verb::Post(post_to(IVO))), "Post(ConversationNotFound)"),
    ];
    let mut world = nearly_full();
    assert_eq!(world.home().entries(), ENTRIES - 1);
    for (command, _) in &commands {
        assert_eq!(would(&world, command), "accepted", "{:?}", command.verb);
    }
    world.directories.apply(&DirectoryChange::Token(HOME, new_token));
    for (command, expect) in &commands {
        assert_eq!(would(&world, command), *expect, "{:?}", command.verb);
    }
    for verb in [Verb::Post(post_to(ALPHA)), Verb::Post(post(PUBLIC)), Verb::Conversation(C::Join(PUBLIC))] {
        assert_eq!(would(&world, &command(ALPHA_MIA, verb)), "accepted", "what is there is of use");
    }
}

#[test]
fn a_full_channel_takes_nobody_more() {
    let mut room = conversation(PUBLIC, ConversationKind::Public, "public", &[MIA]);
    room.members.extend((100..100 + MEMBERS - 3).map(|number| (UserId(number), START)));
    let mut world = World::new();
    world.directories.apply(&DirectoryChange::NewConversation(HOME, room));
    let put = |world: &mut World, more: &[UserId]| {
        for user in more {
            let member = Some(Membership::Member(START));
            world.directories.apply(&DirectoryChange::Member(HOME, PUBLIC, *user, member));
        }
    };
    let join = || command(ALPHA_ADA, Verb::Conversation(C::Join(PUBLIC)));
    let invite = |users: &[UserId]| {
        let users = users.iter().copied().map(Some).collect();
        command(ALPHA_MIA, Verb::Conversation(C::Invite { conversation: PUBLIC, users, force: true }))
    };
    let add = || command(CONTROL, Verb::Control(Box::new(Control::AddMember(PUBLIC, SAM))));
    // Two places are left, then one, then none.
    for (more, expect) in [
        (&[][..], ["accepted", "accepted", "accepted"]),
        (&[UserId(90)], ["accepted", "Conversation(Full)", "accepted"]),
        (&[UserId(91)], ["Conversation(Full)", "Conversation(Full)", "Control(Full)"]),
    ] {
        put(&mut world, more);
        let told = [join(), invite(&[SAM, BETA]), add()].map(|command| would(&world, &command));
        assert_eq!(told, expect, "{} members", world.room(PUBLIC).members.len());
    }
}

/// The platform lists groups, and who is in one, without a cursor.
#[test]
fn user_groups_are_few_and_small() {
    let group = |number: u32, members: usize| UserGroup {
        id: UserGroupId(number),
        slack_id: format!("S{number}"),
        name: "group".into(),
        handle: format!("group-{number}"),
        description: String::new(),
        creator: ADA,
        users: vec![MIA; members],
        created_at: START,
        updated_at: START,
        disabled: false,
    };
    let add = |group| command(CONTROL, Verb::Control(Box::new(Control::AddUserGroup(group))));
    let change = |group: UserGroup| {
        let patch = UserGroupPatch { users: Some(group.users), ..UserGroupPatch::default() };
        command(CONTROL, Verb::Control(Box::new(Control::PatchUserGroup(group.id, patch))))
    };
    let mut world = World::new();
    for number in 1..1000 {
        world.directories.apply(&DirectoryChange::UserGroup(HOME, group(number, 0)));
    }
    assert_eq!(would(&world, &add(group(0, 1001))), "Control(Full)");
    assert_eq!(would(&world, &add(group(1000, 1000))), "accepted");
    world.directories.apply(&DirectoryChange::UserGroup(HOME, group(1000, 0)));
    assert_eq!(would(&world, &add(group(1001, 0))), "Control(Full)");
    for (members, expect) in [(1000, "accepted"), (1001, "Control(Full)")] {
        assert_eq!(would(&world, &change(group(1, members))), expect);
    }
}
