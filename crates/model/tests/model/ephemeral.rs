//! Messages for one reader: who may get one, who hears of it, and for how long.

use redraft_model::command::{Caller, Delete, Post, ReplyTo, Targeted, Update, Verb};
use redraft_model::content::Dialect;
use redraft_model::event::EventKind;
use redraft_model::message::{Audience, Edited, Message, State};
use redraft_model::time::Micros;

use redraft_model::workspace::Retention;

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

/// No update and no deletion reaches it that does not mean one; its own app's bot and its reader are told why, anybody else
/// hears that it is not there.
#[test]
fn no_ordinary_update_and_no_deletion_reaches_one() {
    let mut world = World::new();
    let ts = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    for (caller, expect) in [
        (ALPHA_BOT, "Ephemeral"),
        (ALPHA_MIA, "Ephemeral"),
        (ALPHA_IVO, "MessageNotFound"),
        (ALPHA_ADA, "MessageNotFound"),
        (BETA_MIA, "MessageNotFound"),
        (BETA_BOT, "MessageNotFound"),
        (GAMMA_BOT, "MessageNotFound"),
    ] {
        assert_eq!(world.tell(caller, edit(PUBLIC, ts)), format!("Update({expect})"), "{caller:?}");
        assert_eq!(world.tell(caller, erase(PUBLIC, ts)), format!("Delete({expect})"), "{caller:?}");
    }
}

/// Each row repairs one fault of the row above, or has another of its rank.
#[test]
fn refusals_of_what_means_one_in_order_of_precedence() {
    let stage = || {
        let mut world = World::new();
        let ordinary = world.say(ALPHA_BOT, PRIVATE);
        let (tombstone, _) = world.tombstone(ALPHA_BOT, PRIVATE);
        let one = world.whisper(ALPHA_BOT, PRIVATE, MIA);
        (world, ordinary, tombstone, one)
    };
    let (_, ordinary, tombstone, one) = stage();
    for (archived, caller, conversation, ts, reader, updated, deleted) in [
        (true, ALPHA_SAM, PRIVATE, NEVER, Some(IVO), "ConversationNotFound", "ConversationNotFound"),
        (true, DELTA_BOT, PRIVATE, NEVER, Some(IVO), "NoLongerMember", "NoLongerMember"),
        (true, ALPHA_MIA, PRIVATE, NEVER, Some(IVO), "Archived", "MessageNotFound"),
        (true, ALPHA_BOT, PRIVATE, one, Some(IVO), "Archived", "OtherReader"),
        (true, ALPHA_BOT, PRIVATE, one, Some(MIA), "Archived", "Archived"),
        (false, ALPHA_BOT, PRIVATE, NEVER, Some(IVO), "MessageNotFound", "MessageNotFound"),
        (false, ALPHA_BOT, PRIVATE, ordinary, None, "MessageNotFound", "MessageNotFound"),
        (false, ALPHA_BOT, PRIVATE, tombstone, None, "MessageNotFound", "MessageNotFound"),
        (false, GAMMA_BOT, PRIVATE, one, Some(IVO), "MessageNotFound", "MessageNotFound"),
        (false, MIA_HERSELF, PRIVATE, one, Some(MIA), "MessageNotFound", "MessageNotFound"),
        (false, ALPHA_MIA, PRIVATE, one, Some(IVO), "OtherReader", "OtherReader"),
        (
            false,
            ALPHA_MIA,
            PRIVATE,
            one,
            Some(MIA),
            "NotAuthor(NotTheInstaller)",
            "NotAllowed(NotTheInstaller)",
        ),
        (false, ALPHA_BOT, PUBLIC, one, Some(MIA), "MessageNotFound", "MessageNotFound"),
    ] {
        for (asked, expect) in [
            (edit_targeted(conversation, ts, reader), format!("Update({updated})")),
            (erase_targeted(conversation, ts, reader), format!("Delete({deleted})")),
        ] {
            let mut world = stage().0;
            world.control(set_archived(PRIVATE, archived));
            assert_eq!(world.tell(caller, asked), expect, "{caller:?} {ts:?} {reader:?}");
        }
    }
    for reader in [None, Some(MIA)] {
        let mut world = stage().0;
        assert_eq!(world.tell(ALPHA_BOT, edit_targeted(PRIVATE, one, reader)), "revision 2");
        assert_eq!(world.tell(ALPHA_BOT, erase_targeted(PRIVATE, one, reader)), "deleted");
    }
}

/// A Teams bot's own, in each of its conversations, with whoever reads it unchanged.
#[test]
fn its_bot_updates_and_deletes_one() {
    for place in [GENERAL, PUBLIC, PRIVATE, GROUP] {
        let mut world = World::new();
        let ts = world.whisper(GAMMA_BOT, place, MIA);
        let before = Message::clone(world.message(place, ts).unwrap());
        world.now = world.now.plus(SECOND);
        let moment = world.moment(HOME);
        assert_eq!(world.tell(GAMMA_BOT, edit_targeted(place, ts, None)), "revision 2");
        let edited = Some(Edited { by: GAMMA, at: moment.at });
        let state = State::Live { revision: 2.try_into().unwrap(), edited };
        let expected = Message { state, content_at: moment.position, ..before };
        assert_eq!(**world.message(place, ts).unwrap(), expected);
        assert_eq!(expected.audience, Audience::Only(MIA));
        let updated = EventKind::TargetedUpdated { conversation: place, message: ts, revision: 2 };
        assert_eq!(world.events(1), [updated]);
        assert_eq!(world.tell(GAMMA_BOT, erase_targeted(place, ts, Some(MIA))), "deleted");
        assert_eq!(world.message(place, ts), None);
        let deleted =
            EventKind::TargetedDeleted { conversation: place, message: ts, content_at: moment.position };
        assert_eq!(world.events(1), [deleted]);
        assert_eq!(world.tell(GAMMA_BOT, erase_targeted(place, ts, None)), "Delete(MessageNotFound)");
    }
}

/// The revision that the caller expects counts as anywhere.
#[test]
fn the_expected_revision_of_one() {
    let mut world = World::new();
    let ts = world.whisper(GAMMA_BOT, GROUP, MIA);
    let meant = Some(Targeted { reader: None });
    let update = |if_revision| Verb::Update(Update { targeted: meant, if_revision, ..update(GROUP, ts) });
    assert_eq!(world.tell(GAMMA_BOT, update(Some(2))), "Update(StaleRevision(1))");
    assert_eq!(world.tell(GAMMA_BOT, update(Some(1))), "revision 2");
    let delete = Verb::Delete(Delete { targeted: meant, if_revision: Some(1), ..delete(GROUP, ts) });
    assert_eq!(world.tell(GAMMA_BOT, delete), "Delete(StaleRevision(2))");
}

/// Each change gives it another 24 hours, to the microsecond.
#[test]
fn one_that_was_changed_lasts_longer() {
    let mut world = World::new();
    let ts = world.whisper(GAMMA_BOT, GROUP, MIA);
    let begun = Micros(ts.0);
    for (now, expect) in [
        (begun.plus(DAY - 1), "revision 2"),
        (begun.plus(2 * DAY - 2), "revision 3"),
        (begun.plus(3 * DAY - 2), "Update(MessageNotFound)"),
    ] {
        world.now = now;
        assert_eq!(world.tell(GAMMA_BOT, edit_targeted(GROUP, ts, Some(MIA))), expect, "{now:?}");
    }
    assert_eq!(world.tell(GAMMA_BOT, erase_targeted(GROUP, ts, Some(MIA))), "Delete(MessageNotFound)");
}

/// One in a thread goes without the thread hearing of it.
#[test]
fn deleting_one_in_a_thread() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let other = world.reply(ALPHA_BOT, PUBLIC, root);
    let asked = Post { reply_to: ReplyTo::message(root), only: Some(MIA), ..post(PUBLIC) };
    let ts = world.post(ALPHA_BOT, asked).key.ts;
    let thread = world.message(PUBLIC, root).unwrap().thread.clone();
    assert_eq!(world.tell(ALPHA_BOT, erase_targeted(PUBLIC, ts, None)), "deleted");
    assert_eq!(world.message(PUBLIC, root).unwrap().thread, thread);
    assert_eq!(world.repliers.len(), 1);
    // A tombstone stays until its last ordinary reply goes, whatever else is in its thread.
    assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, root)), "deleted");
    assert!(world.message(PUBLIC, root).is_some());
    assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, other)), "deleted");
    assert_eq!(world.message(PUBLIC, root), None);
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
        assert_eq!(message.expired(posted.plus(age), Retention::default()), expect, "{age}");
    }
    let short = Retention { ephemeral_micros: HOUR, ..Retention::default() };
    assert!(fresh.expired(posted.plus(HOUR), short) && !fresh.expired(posted.plus(HOUR - 1), short));
}

#[test]
fn one_in_a_thread_is_not_counted() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let asked = Post { reply_to: ReplyTo::message(root), only: Some(MIA), ..post(PUBLIC) };
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
