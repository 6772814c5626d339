//! Asking the same again: whose keys they are, what a repeat hears, and for how long.

use std::num::NonZeroU32;

use redraft_model::command::{Caller, Command, Delete, Post, Verb};
use redraft_model::decision::Outcome;
use redraft_model::view::{Identity, Method, Remembered};

use crate::world::*;

fn keyed(caller: Caller, verb: Verb, digest: u8) -> Command {
    with_key(command(caller, verb), "k", digest)
}

#[test]
fn a_repeat_writes_nothing_and_hears_the_first_answer() {
    let mut world = World::new();
    let asked = keyed(ALPHA_BOT, Verb::Post(post(PUBLIC)), 1);
    assert_eq!(world.tell_command(&asked), "posted");
    let before = world.rows();
    let decision = world.run(&asked).unwrap();
    assert!(decision.changes.is_empty() && decision.events.is_empty());
    let Outcome::Repeated(remembered, Some((message, content))) = decision.outcome else {
        panic!("not repeated")
    };
    assert_eq!((remembered.key, remembered.revision), (message.key, NonZeroU32::new(1)));
    assert_eq!(content.text, "old");
    assert_eq!(world.rows(), before);
}

#[test]
fn each_verb_is_remembered_with_what_it_did() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let expires_at = world.now.plus(86_400_000_000);
    let mut check = |verb, told, again, revision| {
        let asked = keyed(ALPHA_BOT, verb, 1);
        assert_eq!(world.tell_command(&asked), told);
        let remembered = world.remembered.values().next_back().unwrap().clone();
        assert_eq!(world.tell_command(&asked), again);
        let content_at = world.message(PUBLIC, ts).map(|message| message.content_at);
        let revision = NonZeroU32::new(revision);
        let expected = Remembered { digest: [1; 32], key: key(PUBLIC, ts), content_at, revision, expires_at };
        assert_eq!(remembered, expected);
    };
    check(edit(PUBLIC, ts), "revision 2", "repeated 2", 2);
    check(erase(PUBLIC, ts), "deleted", "repeated 0, gone", 0);
    assert_eq!(methods(&world), [Method::Update, Method::Delete]);
}

fn methods(world: &World) -> Vec<Method> {
    world.remembered.keys().map(|(identity, _)| identity.method).collect()
}

/// A repeated update answers with what it wrote then, even if the message moved on since.
#[test]
fn a_repeat_shows_its_own_content() {
    let mut world = World::new();
    let asked = keyed(ALPHA_BOT, Verb::Post(post(PUBLIC)), 1);
    let Outcome::Posted(posted) = world.run(&asked).unwrap().outcome else { panic!("not posted") };
    let ts = posted.message.key.ts;
    world.tell(ALPHA_BOT, edit(PUBLIC, ts));
    let Outcome::Repeated(_, Some((message, content))) = world.run(&asked).unwrap().outcome else {
        panic!("not repeated")
    };
    assert_eq!((message.revision().map(u32::from), content.text.as_str()), (Some(2), "old"));
    world.tell(ALPHA_BOT, erase(PUBLIC, ts));
    assert_eq!(world.tell_command(&asked), "repeated 1, gone");
}

#[test]
fn the_same_key_for_something_else_is_refused() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let elsewhere = world.say(ALPHA_BOT, PRIVATE);
    for (first, other_place, same_place) in [
        (Verb::Post(post(PUBLIC)), Verb::Post(post(PRIVATE)), Verb::Post(post(PUBLIC))),
        (edit(PUBLIC, ts), edit(PRIVATE, elsewhere), edit(PUBLIC, NEVER)),
        (erase(PUBLIC, ts), erase(PRIVATE, elsewhere), erase(PUBLIC, NEVER)),
    ] {
        world.run(&keyed(ALPHA_BOT, first, 1)).unwrap();
        for (verb, expect) in [
            (other_place, "KeyReused { other_conversation: true }"),
            (same_place, "KeyReused { other_conversation: false }"),
        ] {
            assert_eq!(world.tell_command(&keyed(ALPHA_BOT, verb, 2)), expect);
        }
    }
}

#[test]
fn a_key_is_free_again_after_exactly_a_day() {
    let mut world = World::new();
    let asked = keyed(ALPHA_BOT, Verb::Post(post(PUBLIC)), 1);
    let other = keyed(ALPHA_BOT, Verb::Post(post(PUBLIC)), 2);
    assert_eq!(world.tell_command(&asked), "posted");
    for (age, repeated, reused) in
        [(DAY - 1, "repeated 1", "KeyReused { other_conversation: false }"), (DAY, "posted", "posted")]
    {
        let mut later = world.clone();
        later.now = START.plus(age);
        assert_eq!(later.clone().tell_command(&asked), repeated, "{age}");
        assert_eq!(later.tell_command(&other), reused, "{age}");
    }
}

/// Another app, another user and another method have keys of their own; another token of the same two does not.
#[test]
fn whose_key_it_is() {
    let mut world = World::new();
    for (caller, only, expect) in [
        (ALPHA_BOT, None, "posted"),
        (ALPHA_BOT, Some(MIA), "posted"),
        (ALPHA_MIA, None, "posted"),
        (BETA_MIA, None, "Post(NotMember)"),
        (ALPHA_IVO, None, "posted"),
        (GAMMA_BOT, None, "posted"),
        (ALPHA_BOT, None, "repeated 1"),
        (ALPHA_BOT, Some(MIA), "repeated 1"),
        (ALPHA_MIA, None, "repeated 1"),
        (GAMMA_BOT, None, "repeated 1"),
    ] {
        world.control(redraft_model::control::Control::RemoveMember(PUBLIC, MIA));
        if caller != BETA_MIA {
            world.control(redraft_model::control::Control::AddMember(PUBLIC, MIA));
        }
        let asked = keyed(caller, Verb::Post(Post { only, ..post(PUBLIC) }), 1);
        assert_eq!(world.tell_command(&asked), expect, "{caller:?} {only:?}");
    }
    let identity = |app, user, method| Identity { workspace: HOME, app: Some(app), user, method };
    let keys: Vec<Identity> = world.remembered.keys().map(|(identity, _)| *identity).collect();
    assert_eq!(
        keys,
        [
            identity(ALPHA_APP, IVO, Method::Post),
            identity(ALPHA_APP, MIA, Method::Post),
            identity(ALPHA_APP, ALPHA, Method::Post),
            identity(ALPHA_APP, ALPHA, Method::PostEphemeral),
            identity(GAMMA_APP, GAMMA, Method::Post),
        ]
    );
}

/// A refused request leaves its key unused.
#[test]
fn a_refusal_is_not_remembered() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let stale = Verb::Delete(Delete { if_revision: Some(9), ..delete(PUBLIC, ts) });
    assert_eq!(world.tell_command(&keyed(ALPHA_BOT, stale, 1)), "Delete(StaleRevision(1))");
    assert!(world.remembered.is_empty());
    assert_eq!(world.tell_command(&keyed(ALPHA_BOT, erase(PUBLIC, ts), 2)), "deleted");
}

#[test]
fn without_a_key_nothing_is_remembered() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    for verb in [Verb::Post(post(PUBLIC)), edit(PUBLIC, ts), erase(PUBLIC, ts)] {
        world.run(&command(ALPHA_BOT, verb)).unwrap();
    }
    assert!(world.remembered.is_empty());
}
