//! What is full is refused, and one less is not. Built once each, without names, since they are large.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Revocation, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::decision::Halt;
use redraft_model::directory::{Directory, DirectoryChange, Kind};
use redraft_model::id::{ConversationId, TokenHash, UserGroupId, UserId};
use redraft_model::limits::ENDED_TOKEN_MICROS;
use redraft_model::patch::UserGroupPatch;
use redraft_model::workspace::{App, ConversationKind, Membership, Token, TokenKind, UserGroup};

use crate::world::*;

const ENTRIES: usize = 200_000;
const MEMBERS: u32 = 50_000;

/// A workspace with so many tokens, all in use.
fn with_tokens(count: usize) -> World {
    let mut directory = directory(1);
    for number in directory.count(Kind::Token)..count {
        directory.put_token(filler(number));
    }
    around(&directory)
}

fn filler(number: usize) -> Token {
    let blank = Token { hint: String::new(), ..token(hash(1, 1), ALPHA_APP, MIA, TokenKind::User) };
    let mut hash = TokenHash([9; 32]);
    hash.0[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Token { hash, ..blank }
}

/// A workspace with so many conversations.
fn with_conversations(count: usize) -> World {
    let mut directory = directory(1);
    for number in directory.count(Kind::Conversation)..count {
        let id = ConversationId(u32::try_from(number).unwrap() + 1);
        directory.put_conversation(conversation(id, ConversationKind::Private, &format!("c{number}"), &[]));
    }
    around(&directory)
}

fn around(directory: &Directory) -> World {
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

fn control(act: Control) -> Command {
    command(CONTROL, Verb::Control(Box::new(act)))
}

fn asked(caller: Caller, asked: C) -> Command {
    command(caller, Verb::Conversation(asked))
}

fn new_token(number: u8) -> Token {
    token(hash(1, number), ALPHA_APP, MIA, TokenKind::User)
}

/// A full kind takes nothing more of its kind, and whatever there is goes on being used, joined, revoked and left.
#[test]
fn a_full_kind_stops_no_other() {
    let new_app = App { slack_id: "A".into(), bot_id: "B".into(), app_id: "C".into(), ..app(1, 1, ADA, ADA) };
    let bot = user(UserId(0), "eps");
    let room = conversation(ConversationId(0), ConversationKind::Public, "ops", &[]);
    let add_app =
        |tokens| Control::AddApp { app: new_app.clone(), bot: bot.clone(), tokens, member_of: vec![] };
    let open = C::Open { users: vec![Some(IVO)], ids: ids("n"), existing_only: false };
    let create = C::Create { name: "ops".into(), private: false, ids: ids("n") };
    let users = [
        control(Control::AddUser(user(UserId(0), "pia"))),
        control(add_app(vec![])),
        command(ALPHA_MIA, Verb::Post(post_to(ALPHA))),
        command(ALPHA_MIA, Verb::Post(post(PUBLIC))),
        asked(ALPHA_MIA, C::Join(PUBLIC)),
        asked(ALPHA_MIA, C::Leave(PUBLIC)),
        command(ALPHA_MIA, Verb::RevokeToken(Revocation::Revoked)),
        control(Control::RevokeToken(hash(1, 7))),
        control(Control::RotateToken { old: hash(1, 7), new: hash(1, 77), hint: String::new() }),
        control(Control::UninstallApp(ALPHA_APP)),
    ];
    let conversations = [
        (control(Control::AddConversation(room)), "Control(Full)"),
        (asked(ALPHA_MIA, create), "Conversation(Full)"),
        (asked(ALPHA_MIA, open), "Conversation(Full)"),
        (command(ALPHA_MIA, Verb::Post(post_to(IVO))), "Post(ConversationNotFound)"),
    ];
    let tokens = [
        (control(Control::AddToken(new_token(70))), "Control(Full)"),
        (control(add_app(vec![of_new_app(new_token(70))])), "Control(Full)"),
    ];
    let refused = |world: &World, commands: &[(Command, &str)], is_full: bool| {
        for (command, expect) in commands {
            let expect = if is_full { *expect } else { "accepted" };
            assert_eq!(would(world, command), expect, "{:?}", command.verb);
        }
    };
    let (mut many_conversations, mut many_tokens) =
        (with_conversations(ENTRIES - 1), with_tokens(ENTRIES - 1));
    for is_full in [false, true] {
        refused(&many_conversations, &conversations, is_full);
        refused(&many_conversations, &tokens, false);
        refused(&many_tokens, &conversations, false);
        refused(&many_tokens, &tokens, is_full);
        for command in &users {
            for world in [&many_conversations, &many_tokens] {
                assert_eq!(would(world, command), "accepted", "{:?}", command.verb);
            }
        }
        let last = conversation(
            ConversationId(u32::try_from(ENTRIES).unwrap()),
            ConversationKind::Private,
            "last",
            &[],
        );
        many_conversations.directories.apply(&DirectoryChange::NewConversation(HOME, last));
        many_tokens.directories.apply(&DirectoryChange::Token(HOME, filler(ENTRIES)));
    }
}

/// Tokens that were revoked or expired make room, the one that ended first before others, and are removed some time after
/// their end when others are made.
#[test]
fn tokens_that_ended_make_room() {
    let mut world = with_tokens(ENTRIES);
    let add = |number| control(Control::AddToken(new_token(number)));
    assert_eq!(would(&world, &add(70)), "Control(Full)");
    let there = |world: &World, number| world.home().token(&filler(number).hash).is_some();
    for number in [50, 40] {
        assert_eq!(world.control(Control::RevokeToken(filler(number).hash)), "revoked true");
        world.now = world.now.plus(1);
    }
    let expires_at = Some(world.now);
    world.directories.apply(&DirectoryChange::Token(HOME, Token { expires_at, ..filler(30) }));
    assert!(there(&world, 50) && there(&world, 40) && there(&world, 30));
    assert_eq!(world.tell_command(&add(70)), "done");
    assert!(
        !there(&world, 50) && there(&world, 40) && there(&world, 30),
        "the first that ended has made room"
    );
    assert!(world.directories.of_token(&filler(50).hash).is_none());
    let two = vec![of_new_app(new_token(71)), of_new_app(new_token(72))];
    let new_app = App { slack_id: "A".into(), bot_id: "B".into(), app_id: "C".into(), ..app(1, 1, ADA, ADA) };
    let app = Control::AddApp { app: new_app, bot: user(UserId(0), "eps"), tokens: two, member_of: vec![] };
    assert_eq!(world.control(app), "app 5");
    assert!(!there(&world, 40) && !there(&world, 30));
    assert_eq!(would(&world, &add(73)), "Control(Full)");
    assert_eq!(world.home().count(Kind::Token), ENTRIES);

    let mut world = World::new();
    world.control(Control::RevokeToken(hash(1, 7)));
    world.now = world.now.plus(ENDED_TOKEN_MICROS);
    assert_eq!(world.tell_command(&add(70)), "done");
    assert!(world.home().token(&hash(1, 7)).is_some(), "it is known what it was");
    world.now = world.now.plus(2);
    assert_eq!(world.tell_command(&add(71)), "done");
    assert!(world.home().token(&hash(1, 7)).is_none());
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
