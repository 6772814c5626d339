//! Commands about conversations: each refusal, and each success with what it changes and tells.

use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::EventKind as K;
use redraft_model::id::{ConversationId, UserId};
use redraft_model::workspace::{Conversation, ConversationKind, User};

use crate::world::*;

fn events(world: &World, before: usize) -> Vec<K> {
    world.logs[&HOME][before..].iter().map(|event| event.kind.clone()).collect()
}

/// One act by a caller after some preparation: what it hears and what the log tells.
fn check(
    prepare: &[Control],
    caller: redraft_model::command::Caller,
    asked: C,
    told: &str,
    expect: &[K],
) -> World {
    let mut world = World::new();
    for act in prepare {
        world.control(act.clone());
    }
    world.now = START.plus(HOUR);
    let before = world.logs[&HOME].len();
    let name = format!("{caller:?} {asked:?}");
    assert_eq!(world.conversation(caller, asked), told, "{name}");
    assert_eq!(events(&world, before), with_notices(expect), "{name}");
    if let [event, ..] = expect {
        let changed = world.room(event.conversation().unwrap());
        assert_eq!(changed.updated_at, world.now, "{name}");
    }
    world
}

fn joined(conversation: ConversationId, user: UserId) -> K {
    K::MemberJoined { conversation, user }
}

fn left(conversation: ConversationId, user: UserId) -> K {
    K::MemberLeft { conversation, user }
}

fn archived(conversation: ConversationId) -> Control {
    set_archived(conversation, true)
}

#[test]
fn joining() {
    let out = |told| format!("Conversation({told})");
    for (prepare, caller, id, told, event) in [
        (vec![], ALPHA_SAM, PUBLIC, "conversation 2 true".into(), Some(joined(PUBLIC, SAM))),
        (vec![], ALPHA_MIA, PUBLIC, "conversation 2 false".into(), None),
        (vec![], ALPHA_SAM, PRIVATE, out("NotFound"), None),
        (vec![], ALPHA_SAM, NOWHERE, out("NotFound"), None),
        (vec![], DELTA_BOT, PRIVATE, out("NoLongerMember"), None),
        (vec![], DELTA_BOT, PUBLIC, out("NotFound"), None),
        (vec![], ALPHA_MIA, DIRECT, out("WrongKind"), None),
        (vec![], ALPHA_SAM, GROUP, out("WrongKind"), None),
        (vec![archived(PUBLIC)], ALPHA_SAM, PUBLIC, out("Archived"), None),
        (vec![archived(PUBLIC)], ALPHA_MIA, PUBLIC, out("Archived"), None),
    ] {
        let world = check(&prepare, caller, C::Join(id), &told, event.as_slice());
        if event.is_some() {
            assert_eq!(world.room(id).members[&SAM], world.now);
        }
    }
}

#[test]
fn leaving() {
    let out = |told| format!("Conversation({told})");
    let alone = vec![
        Control::RemoveMember(PRIVATE, IVO),
        Control::RemoveMember(PRIVATE, ALPHA),
        Control::RemoveMember(PRIVATE, GAMMA),
    ];
    let alone_in_public = [ADA, IVO, ALPHA, GAMMA].map(|user| Control::RemoveMember(PUBLIC, user)).to_vec();
    for (prepare, caller, id, told, event) in [
        (vec![], ALPHA_MIA, PUBLIC, "conversation 2 true".into(), Some(left(PUBLIC, MIA))),
        (vec![], ALPHA_MIA, PRIVATE, "conversation 3 true".into(), Some(left(PRIVATE, MIA))),
        (vec![], ALPHA_SAM, PUBLIC, "conversation 2 false".into(), None),
        (vec![], ALPHA_MIA, GENERAL, out("General"), None),
        (alone, ALPHA_MIA, PRIVATE, out("LastMember"), None),
        (alone_in_public.clone(), ALPHA_MIA, PUBLIC, "conversation 2 true".into(), Some(left(PUBLIC, MIA))),
        (alone_in_public, ALPHA_SAM, PUBLIC, "conversation 2 false".into(), None),
        (vec![], ALPHA_MIA, ARCHIVED, out("Archived"), None),
        (vec![archived(GENERAL)], ALPHA_MIA, GENERAL, out("Archived"), None),
        (vec![], ALPHA_MIA, DIRECT, out("WrongKind"), None),
        (vec![], ALPHA_SAM, PRIVATE, out("NotFound"), None),
        (vec![], GAMMA_BOT, PRIVATE, "conversation 3 true".into(), Some(left(PRIVATE, GAMMA))),
    ] {
        let world = check(&prepare, caller, C::Leave(id), &told, event.as_slice());
        if let Some(K::MemberLeft { user, .. }) = event {
            let room = world.room(id);
            assert_eq!((room.has(user), room.former.contains(&user)), (false, user == GAMMA));
        }
    }
}

#[test]
fn creating() {
    let create = |name: &str, private| C::Create { name: name.into(), private, ids: ids(name) };
    let made = ConversationId(8);
    let taken = "Conversation(NameTaken)";
    check(&[], ALPHA_SAM, create("public", false), taken, &[]);
    check(&[], ALPHA_SAM, create("archived", true), taken, &[]);
    for (private, kind) in [(false, ConversationKind::Public), (true, ConversationKind::Private)] {
        let asked = create("ops", private);
        let world = check(&[], ALPHA_SAM, asked, "conversation 8 true", &[K::ConversationCreated(made)]);
        let expected = Conversation {
            slack_id: "D-ops".into(),
            connector_id: "a:ops".into(),
            creator: SAM,
            created_at: world.now,
            members: [(SAM, world.now)].into(),
            updated_at: world.now,
            ..conversation(made, kind, "ops", &[])
        };
        assert_eq!(**world.room(made), expected);
        assert_eq!(world.home().channel("ops").map(|found| found.id), Some(made));
    }
}

#[test]
fn inviting() {
    let invite = |conversation, users: &[Option<UserId>], force| C::Invite {
        conversation,
        users: users.into(),
        force,
    };
    let out = |told: &str| format!("Conversation({told})");
    let some = |user| Some(user);
    let nobody = Some(UserId(99));
    let failed = |list: &str| format!("Conversation(Invitations([{list}]))");
    for (caller, id, users, force, told, expect) in [
        (ALPHA_SAM, PRIVATE, &[][..], false, out("NotFound"), vec![]),
        (ALPHA_MIA, DIRECT, &[], false, out("WrongKind"), vec![]),
        (ALPHA_MIA, ARCHIVED, &[], false, out("Archived"), vec![]),
        (ALPHA_SAM, PUBLIC, &[], false, out("NotMember"), vec![]),
        (ALPHA_MIA, PUBLIC, &[], false, out("NobodyNamed"), vec![]),
        (ALPHA_MIA, PUBLIC, &[None], false, failed("(0, UserNotFound)"), vec![]),
        (ALPHA_MIA, PUBLIC, &[nobody], false, failed("(0, UserNotFound)"), vec![]),
        (ALPHA_MIA, PUBLIC, &[some(OLGA)], false, failed("(0, UserInactive)"), vec![]),
        (ALPHA_MIA, PUBLIC, &[some(MIA)], false, failed("(0, Oneself)"), vec![]),
        (ALPHA_MIA, PUBLIC, &[some(IVO)], false, failed("(0, AlreadyMember)"), vec![]),
        (ALPHA_MIA, PUBLIC, &[some(SAM), None], false, failed("(1, UserNotFound)"), vec![]),
        (
            ALPHA_MIA,
            PUBLIC,
            &[None, some(IVO)],
            true,
            failed("(0, UserNotFound), (1, AlreadyMember)"),
            vec![],
        ),
        (ALPHA_MIA, PUBLIC, &[some(SAM)], false, "invited 2 []".into(), vec![joined(PUBLIC, SAM)]),
        (ALPHA_MIA, PUBLIC, &[some(SAM)], true, "invited 2 []".into(), vec![joined(PUBLIC, SAM)]),
        (ALPHA_MIA, PUBLIC, &[some(SAM), some(SAM)], false, "invited 2 []".into(), vec![joined(PUBLIC, SAM)]),
        (
            ALPHA_MIA,
            PUBLIC,
            &[None, some(OLGA), some(SAM), some(IVO), some(BETA)],
            true,
            "invited 2 [(UserId(9), UserInactive), (UserId(2), AlreadyMember)]".into(),
            vec![joined(PUBLIC, SAM), joined(PUBLIC, BETA)],
        ),
        (ALPHA_MIA, PRIVATE, &[some(DELTA)], false, "invited 3 []".into(), vec![joined(PRIVATE, DELTA)]),
    ] {
        let world = check(&[], caller, invite(id, users, force), &told, &expect);
        for event in expect {
            let K::MemberJoined { user, .. } = event else { panic!() };
            assert_eq!(
                (world.room(id).members[&user], world.room(id).former.contains(&user)),
                (world.now, false)
            );
        }
    }
}

#[test]
fn kicking() {
    let out = |told: &str| format!("Conversation({told})");
    for (caller, id, user, told, event) in [
        (ALPHA_SAM, PRIVATE, Some(MIA), out("NotFound"), None),
        (ALPHA_MIA, DIRECT, Some(ALPHA), out("WrongKind"), None),
        (ALPHA_MIA, GENERAL, None, out("General"), None),
        (ALPHA_SAM, PUBLIC, None, out("NotMember"), None),
        (ALPHA_MIA, PUBLIC, None, out("UserNotFound"), None),
        (ALPHA_MIA, PUBLIC, Some(MIA), out("Oneself"), None),
        (ALPHA_MIA, PUBLIC, Some(SAM), out("TargetNotMember"), None),
        (ALPHA_MIA, PUBLIC, Some(IVO), "conversation 2 true".into(), Some(left(PUBLIC, IVO))),
        (ALPHA_MIA, PUBLIC, Some(ALPHA), "conversation 2 true".into(), Some(left(PUBLIC, ALPHA))),
    ] {
        let asked = C::Kick { conversation: id, user };
        let world = check(&[], caller, asked, &told, event.as_slice());
        if let (Some(_), Some(user)) = (event, user) {
            assert_eq!(
                (world.room(id).has(user), world.room(id).former.contains(&user)),
                (false, user == ALPHA)
            );
        }
    }
}

#[test]
fn archiving() {
    let out = |told: &str| format!("Conversation({told})");
    for (prepare, caller, asked, told, event) in [
        (vec![], ALPHA_SAM, C::Archive(PRIVATE), out("NotFound"), None),
        (vec![], ALPHA_MIA, C::Archive(DIRECT), out("WrongKind"), None),
        (vec![], ALPHA_MIA, C::Archive(GENERAL), out("General"), None),
        (vec![archived(PUBLIC)], ALPHA_SAM, C::Archive(PUBLIC), out("Archived"), None),
        (vec![], ALPHA_SAM, C::Archive(PUBLIC), out("NotMember"), None),
        (vec![], ALPHA_MIA, C::Archive(PUBLIC), "conversation 2 true".into(), Some(PUBLIC)),
        (vec![], ALPHA_SAM, C::Unarchive(ARCHIVED), out("NotFound"), None),
        (vec![], ALPHA_MIA, C::Unarchive(DIRECT), out("WrongKind"), None),
        (vec![], ALPHA_MIA, C::Unarchive(PUBLIC), out("NotArchived"), None),
        (vec![], ALPHA_MIA, C::Unarchive(ARCHIVED), "conversation 7 true".into(), Some(ARCHIVED)),
        (vec![archived(PUBLIC)], ALPHA_SAM, C::Unarchive(PUBLIC), "conversation 2 true".into(), Some(PUBLIC)),
    ] {
        let archives = matches!(asked, C::Archive(_));
        let kind = if archives { K::ConversationArchived } else { K::ConversationUnarchived };
        let world = check(&prepare, caller, asked, &told, event.map(kind).as_slice());
        if let Some(id) = event {
            assert_eq!(world.room(id).archived, archives);
        }
    }
}

#[test]
fn opening() {
    let open = |users: &[Option<UserId>], existing_only| C::Open {
        users: users.into(),
        ids: ids("n"),
        existing_only,
    };
    let out = |told: &str| format!("Conversation({told})");
    let made = vec![K::ConversationCreated(ConversationId(8))];
    let new = "conversation 8 true";
    for (caller, users, existing_only, told, expect) in [
        (ALPHA_MIA, &[][..], false, out("NobodyNamed"), vec![]),
        (ALPHA_MIA, &[None], false, out("UserNotFound"), vec![]),
        (ALPHA_MIA, &[Some(IVO), Some(UserId(99))], false, out("UserNotFound"), vec![]),
        (ALPHA_MIA, &[Some(OLGA)], false, out("UserInactive"), vec![]),
        (ALPHA_MIA, &[Some(IVO)], true, out("DoesNotExist"), vec![]),
        (ALPHA_MIA, &[Some(ALPHA)], true, "conversation 4 false".into(), vec![]),
        (ALPHA_BOT, &[Some(MIA)], false, "conversation 4 false".into(), vec![]),
        (ALPHA_BOT, &[Some(MIA), Some(ALPHA), Some(MIA)], false, "conversation 4 false".into(), vec![]),
        (GAMMA_BOT, &[Some(MIA)], false, "conversation 5 false".into(), vec![]),
        (ALPHA_MIA, &[Some(IVO)], false, new.into(), made.clone()),
        (ALPHA_MIA, &[Some(MIA)], false, new.into(), made.clone()),
        (ALPHA_MIA, &[Some(IVO), Some(SAM)], false, new.into(), made),
    ] {
        let world = check(&[], caller, open(users, existing_only), &told, &expect);
        if told == new {
            let room = world.room(ConversationId(8));
            let mut members: Vec<UserId> = users.iter().flatten().copied().chain([MIA]).collect();
            members.sort_unstable();
            members.dedup();
            let kind = if members.len() < 3 { ConversationKind::Direct } else { ConversationKind::Group };
            assert_eq!(room.members.keys().copied().collect::<Vec<_>>(), members);
            assert_eq!(
                (room.kind, room.creator, room.created_at, room.name.as_str()),
                (kind, MIA, world.now, "")
            );
            assert_eq!(world.home().direct(&members).map(|found| found.id), Some(room.id));
        }
    }
}

#[test]
fn a_group_message_holds_eight_others() {
    let mut world = World::new();
    for name in ["pia", "rob", "tom"] {
        assert!(world.control(Control::AddUser(user(UserId(0), name))).starts_with("user"));
    }
    let others: Vec<Option<UserId>> = [1, 2, 4, 5, 6, 7, 8, 10, 11].map(|n| Some(UserId(n))).into();
    let open =
        |users: &[Option<UserId>]| C::Open { users: users.into(), ids: ids("n"), existing_only: false };
    assert_eq!(world.conversation(ALPHA_MIA, open(&others)), "Conversation(TooManyUsers)");
    assert_eq!(world.conversation(ALPHA_MIA, open(&others[..8])), "conversation 8 true");
    assert_eq!(world.conversation(ALPHA_MIA, open(&others[..8])), "conversation 8 false");
}

#[test]
fn closing_and_reopening() {
    let changed = [K::ConversationChanged(DIRECT)];
    let open = || C::Open { users: vec![Some(ALPHA)], ids: ids("n"), existing_only: false };
    check(&[], ALPHA_MIA, C::Close(PUBLIC), "Conversation(WrongKind)", &[]);
    check(&[], ALPHA_SAM, C::Close(DIRECT), "Conversation(NotFound)", &[]);
    check(&[], ALPHA_MIA, C::Reopen(PUBLIC), "Conversation(WrongKind)", &[]);
    check(&[], ALPHA_SAM, C::Reopen(DIRECT), "Conversation(NotFound)", &[]);
    check(&[], ALPHA_MIA, C::Reopen(DIRECT), "conversation 4 false", &[]);

    let mut world = check(&[], ALPHA_MIA, C::Close(DIRECT), "conversation 4 true", &changed);
    assert_eq!(world.room(DIRECT).closed, [MIA].into());
    for (caller, asked, told) in [
        (ALPHA_MIA, C::Close(DIRECT), "conversation 4 false"),
        (ALPHA_BOT, C::Reopen(DIRECT), "conversation 4 false"),
        (ALPHA_BOT, C::Close(DIRECT), "conversation 4 true"),
        (ALPHA_MIA, open(), "conversation 4 true"),
        (ALPHA_MIA, open(), "conversation 4 false"),
        (ALPHA_BOT, C::Reopen(DIRECT), "conversation 4 true"),
    ] {
        assert_eq!(world.conversation(caller, asked.clone()), told, "{asked:?}");
    }
    assert!(world.room(DIRECT).closed.is_empty());
    assert_eq!(world.events(1), changed);
}

/// A direct message that lost somebody is no longer the one between the two.
#[test]
fn who_left_a_direct_message_gets_another() {
    let mut world = World::new();
    world.control(Control::RemoveMember(DIRECT, MIA));
    let open = || C::Open { users: vec![Some(MIA)], ids: ids("n"), existing_only: false };
    assert_eq!(world.conversation(ALPHA_BOT, open()), "conversation 8 true");
    assert_eq!(world.conversation(ALPHA_BOT, open()), "conversation 8 false");
    assert_eq!(world.conversation(ALPHA_MIA, C::Close(DIRECT)), "Conversation(NotFound)");
}

/// Who is refused hears of the rule of conversations, with who it was.
#[test]
fn a_refusal_names_the_actor() {
    let mut world = World::new();
    let refusal = world
        .run(&command(ALPHA_SAM, redraft_model::command::Verb::Conversation(C::Join(PRIVATE))))
        .unwrap_err();
    assert_eq!(refusal.actor.map(|actor| actor.user), Some(SAM));
}

/// A person who left is nobody's former member; a deactivated one is still in.
#[test]
fn only_bots_are_remembered_as_former_members() {
    let mut world = World::new();
    world.control(change_user(User { deactivated: true, ..user(MIA, "mia") }));
    assert!(world.room(PUBLIC).has(MIA));
    world.control(Control::RemoveMember(PUBLIC, MIA));
    world.control(Control::RemoveMember(PUBLIC, ALPHA));
    assert_eq!(world.room(PUBLIC).former, [(ALPHA, ())].into());
}
