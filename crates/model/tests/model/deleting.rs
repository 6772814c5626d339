//! Deletions: refusals in order of precedence, and what is left behind.

use redraft_model::command::{Delete, Post, ReplyTo, Verb};
use redraft_model::event::EventKind;
use redraft_model::id::ConversationId;
use redraft_model::message::{Gone, State};
use redraft_model::time::Ts;

use crate::world::*;

#[test]
fn refusals_in_order_of_precedence() {
    let mut world = World::new();
    let ephemeral = world.whisper(ALPHA_BOT, PRIVATE, MIA);
    let (tombstone, _) = world.tombstone(ALPHA_IVO, PRIVATE);
    let of_ivo = world.say(ALPHA_IVO, PRIVATE);
    let own = world.say(ALPHA_MIA, PRIVATE);
    world.control(set_archived(PRIVATE, true));

    let check =
        |world: &mut World, caller, conversation: ConversationId, ts, if_revision, only_broadcast, expect| {
            let asked = Delete { conversation, ts, only_broadcast, targeted: None, if_revision };
            assert_eq!(world.tell(caller, Verb::Delete(asked)), expect);
        };
    // Each row repairs one fault of the row above.
    check(&mut world, ALPHA_SAM, PRIVATE, NEVER, Some(2), true, "Delete(ConversationNotFound)");
    check(&mut world, DELTA_BOT, PRIVATE, NEVER, Some(2), true, "Delete(NoLongerMember)");
    check(&mut world, ALPHA_MIA, PRIVATE, NEVER, Some(2), true, "Delete(MessageNotFound)");
    check(&mut world, ALPHA_MIA, PRIVATE, ephemeral, Some(2), true, "Delete(Ephemeral)");
    check(&mut world, ALPHA_MIA, PRIVATE, tombstone, Some(2), true, "Delete(Archived)");
    world.control(set_archived(PRIVATE, false));
    check(&mut world, ALPHA_MIA, PRIVATE, tombstone, Some(2), true, "Delete(Tombstone)");
    let others = "Delete(NotAllowed(NotPostedByThisUser))";
    check(&mut world, ALPHA_MIA, PRIVATE, of_ivo, Some(2), true, others);
    check(&mut world, ALPHA_MIA, PRIVATE, own, Some(2), true, "Delete(StaleRevision(1))");
    check(&mut world, ALPHA_MIA, PRIVATE, own, Some(1), true, "Delete(NotBroadcast)");
    check(&mut world, ALPHA_MIA, PRIVATE, own, Some(1), false, "deleted");
    check(&mut world, ALPHA_MIA, PRIVATE, own, None, false, "Delete(MessageNotFound)");
    check(&mut world, ALPHA_MIA, PRIVATE, NEVER, None, false, "Delete(MessageNotFound)");
}

#[test]
fn a_refusal_names_the_message_that_it_is_about() {
    let mut world = World::new();
    let ts = world.say(ALPHA_IVO, PUBLIC);
    let refusal = world.run(&command(ALPHA_MIA, erase(PUBLIC, ts))).unwrap_err();
    assert_eq!(refusal.message.map(|message| message.key.ts), Some(ts));
    assert_eq!(refusal.actor.map(|actor| actor.user), Some(MIA));
}

#[test]
fn a_message_without_replies_disappears() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    world.tell(ALPHA_BOT, edit(PUBLIC, ts));
    let last = std::sync::Arc::clone(world.message(PUBLIC, ts).unwrap());
    let content_at = last.content_at;
    world.now = START.plus(HOUR);
    assert_eq!(world.tell(ALPHA_ADA, erase(PUBLIC, ts)), "deleted");
    assert_eq!(world.message(PUBLIC, ts), None);
    assert_eq!(
        world.events(1),
        [EventKind::MessageDeleted { conversation: PUBLIC, message: ts, content_at }]
    );
    let gone = Gone { last, by: ADA, at: world.now };
    assert_eq!(world.gone[&key(PUBLIC, ts)], gone);
}

#[test]
fn a_message_with_replies_leaves_a_tombstone_that_goes_with_its_last_reply() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let reply = world.reply(ALPHA_MIA, PUBLIC, root);
    let before = world.message(PUBLIC, root).unwrap().clone();
    world.now = START.plus(HOUR);
    assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, root)), "deleted");

    let mut expected = (*before).clone();
    expected.state = State::Tombstone { deleted_at: world.now };
    assert_eq!(**world.message(PUBLIC, root).unwrap(), expected);
    let content_at = before.content_at;
    let left = EventKind::MessageTombstoned { conversation: PUBLIC, message: root, content_at };
    assert_eq!(world.events(1), [left]);
    assert!(world.gone.is_empty());
    for (verb, expect) in
        [(edit(PUBLIC, root), "Update(Tombstone)"), (erase(PUBLIC, root), "Delete(Tombstone)")]
    {
        assert_eq!(world.tell(ALPHA_BOT, verb), expect);
    }

    world.now = START.plus(2 * HOUR);
    assert_eq!(world.tell(ALPHA_MIA, erase(PUBLIC, reply)), "deleted");
    assert!(world.messages.is_empty() && world.repliers.is_empty());
    assert!(matches!(
        world.events(2)[..],
        [EventKind::MessageDeleted { message, .. }, EventKind::TombstoneRemoved { message: last, .. }]
            if (message, last) == (reply, root)
    ));
    let gone = &world.gone[&key(PUBLIC, root)];
    assert_eq!((gone.by, gone.at, gone.last.content_at), (MIA, world.now, content_at));
    assert_eq!(gone.last.author, before.author);
}

#[test]
fn the_last_reply_of_a_living_root_leaves_an_ordinary_message() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let before = world.message(PUBLIC, root).unwrap().clone();
    let reply = world.reply(ALPHA_MIA, PUBLIC, root);
    assert_eq!(world.tell(ALPHA_MIA, erase(PUBLIC, reply)), "deleted");
    assert_eq!(world.message(PUBLIC, root), Some(&before));
    assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, root)), "deleted");
    assert!(world.messages.is_empty());
}

#[test]
fn a_broadcast_reply_can_be_taken_out_of_the_channel_alone() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let reply = Post { reply_to: ReplyTo::message(root), broadcast: true, ..post(PUBLIC) };
    let ts = world.post(ALPHA_MIA, reply).key.ts;
    let before = world.message(PUBLIC, ts).unwrap().clone();
    let withdraw = |ts: Ts| Verb::Delete(Delete { only_broadcast: true, ..delete(PUBLIC, ts) });
    assert_eq!(world.tell(ALPHA_MIA, withdraw(ts)), "deleted");
    let mut expected = (*before).clone();
    expected.broadcast = false;
    assert_eq!(**world.message(PUBLIC, ts).unwrap(), expected);
    assert_eq!(
        world.events(1),
        [EventKind::BroadcastChanged { conversation: PUBLIC, message: ts, shown: false }]
    );
    assert_eq!(world.tell(ALPHA_MIA, withdraw(ts)), "Delete(NotBroadcast)");
    assert_eq!(world.message(PUBLIC, root).unwrap().thread.as_ref().unwrap().replies, 1);
}

#[test]
fn a_broadcast_reply_goes_from_both_places_at_once() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let reply = Post { reply_to: ReplyTo::message(root), broadcast: true, ..post(PUBLIC) };
    let ts = world.post(ALPHA_MIA, reply).key.ts;
    assert_eq!(world.tell(ALPHA_MIA, erase(PUBLIC, ts)), "deleted");
    assert!(matches!(world.events(1)[..], [EventKind::MessageDeleted { message, .. }] if message == ts));
    assert_eq!(world.message(PUBLIC, root).unwrap().thread, None);
}
