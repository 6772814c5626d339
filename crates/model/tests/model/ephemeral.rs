//! Messages for one reader: who may get one, who hears of it, and for how long.

use redraft_model::command::{Caller, Post, Verb};
use redraft_model::content::Dialect;
use redraft_model::event::EventKind;
use redraft_model::message::{Audience, Edited, Message, State};
use redraft_model::time::Micros;

use crate::world::*;

#[test]
fn only_members_get_one() {
    let mut world = World::new();
    for (caller, place, reader, expect) in [
        (ALPHA_BOT, PUBLIC, MIA, "posted"),
        (ALPHA_BOT, PUBLIC, SAM, "Post(ReaderNotMember)"),
        (ALPHA_BOT, PRIVATE, MIA, "posted"),
        (ALPHA_BOT, PRIVATE, ADA, "Post(ReaderNotMember)"),
        (GAMMA_BOT, PERSONAL, MIA, "posted"),
        (GAMMA_BOT, GROUP, OLGA, "Post(ReaderNotMember)"),
        (ALPHA_MIA, PUBLIC, MIA, "posted"),
    ] {
        let asked = Post { only: Some(reader), ..post(place) };
        assert_eq!(world.tell(caller, Verb::Post(asked)), expect, "{caller:?} {place:?} {reader:?}");
    }
    let to_mia = EventKind::MessagePosted { conversation: PUBLIC, root: None, only: Some(MIA) };
    assert_eq!(world.events(1), [to_mia]);
}

/// Neither updates nor deletions reach it; its own app is told why, anybody else hears that it is not there.
#[test]
fn no_update_and_no_deletion_reaches_one() {
    let mut world = World::new();
    let ts = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    for (caller, expect) in [
        (ALPHA_BOT, "Ephemeral"),
        (ALPHA_MIA, "Ephemeral"),
        (ALPHA_ADA, "Ephemeral"),
        (BETA_MIA, "MessageNotFound"),
        (BETA_BOT, "MessageNotFound"),
        (GAMMA_BOT, "MessageNotFound"),
    ] {
        assert_eq!(world.tell(caller, edit(PUBLIC, ts)), format!("Update({expect})"), "{caller:?}");
        assert_eq!(world.tell(caller, erase(PUBLIC, ts)), format!("Delete({expect})"), "{caller:?}");
    }
}

/// It is over exactly 24 hours after its last change, for its own app as well.
#[test]
fn one_is_over_after_a_day() {
    let mut world = World::new();
    let ts = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    let end = Micros(ts.0).plus(86_400_000_000);
    for (now, caller, expect) in [
        (end.plus(-1), ALPHA_BOT, "Ephemeral"),
        (end, ALPHA_BOT, "MessageNotFound"),
        (end, GAMMA_BOT, "MessageNotFound"),
    ] {
        world.now = now;
        assert_eq!(world.tell(caller, edit(PUBLIC, ts)), format!("Update({expect})"));
        assert_eq!(world.tell(caller, erase(PUBLIC, ts)), format!("Delete({expect})"));
    }
}

#[test]
fn a_change_gives_it_another_day_and_others_never_end() {
    let mut world = World::new();
    let ts = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    let fresh = Message::clone(world.message(PUBLIC, ts).unwrap());
    let posted = Micros(ts.0);
    let edited = Some(Edited { by: ALPHA, at: posted.plus(HOUR) });
    let state = State::Live { revision: 2.try_into().unwrap(), edited };
    let changed = Message { state, ..fresh.clone() };
    let public = Message { audience: Audience::Everyone, ..changed.clone() };
    for (message, age, expect) in [
        (&fresh, DAY - 1, false),
        (&fresh, DAY, true),
        (&changed, DAY, false),
        (&changed, DAY + HOUR - 1, false),
        (&changed, DAY + HOUR, true),
        (&public, 999 * DAY, false),
    ] {
        assert_eq!(message.expired(posted.plus(age)), expect, "{age}");
    }
}

#[test]
fn one_in_a_thread_is_not_counted() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let asked = Post { reply_to: [Some(root), None], only: Some(MIA), ..post(PUBLIC) };
    let message = world.post(ALPHA_BOT, asked);
    assert_eq!((message.root, message.audience), (Some(root), Audience::Only(MIA)));
    assert_eq!(world.message(PUBLIC, root).unwrap().thread, None);
    assert!(world.repliers.is_empty());
    assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, root)), "deleted");
    assert_eq!(world.message(PUBLIC, root), None);
}

#[test]
fn a_reader_must_be_in_a_direct_message_with_the_caller() {
    let mut world = World::new();
    let to_mia = |caller: Caller, world: &mut World, reader| {
        world.tell(caller, Verb::Post(Post { only: Some(reader), ..post_to(MIA) }))
    };
    assert_eq!(to_mia(ALPHA_BOT, &mut world, MIA), "posted");
    assert_eq!(to_mia(ALPHA_BOT, &mut world, IVO), "Post(ReaderNotMember)");
    assert_eq!(to_mia(BETA_BOT, &mut world, IVO), "Post(ReaderNotMember)");
    assert_eq!(text("x").dialect, Dialect::Slack);
    assert_eq!(world.home().direct(&[MIA, BETA]), None, "a refused post opens nothing");
}
