//! Pins: who may pin what, and what takes a pin away.

use redraft_model::command::Verb;
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::EventKind as K;
use redraft_model::id::ConversationId;
use redraft_model::limits::PINS_MAX;
use redraft_model::pin::Pinning;
use redraft_model::time::Ts;
use redraft_model::workspace::Pin;

use crate::world::*;

fn pin(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Pin(Pinning { conversation, ts, pins: true })
}

fn unpin(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Pin(Pinning { conversation, ts, pins: false })
}

fn out(why: &str) -> String {
    format!("Pin({why})")
}

#[test]
fn pinning_and_taking_it_away() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let reply = world.reply(ALPHA_MIA, PUBLIC, ts);
    world.now = START.plus(HOUR);
    for (caller, verb, told, event) in [
        (ALPHA_MIA, unpin(PUBLIC, ts), out("NotPinned"), None),
        (ALPHA_MIA, pin(PUBLIC, ts), "done".into(), Some(true)),
        (ALPHA_BOT, pin(PUBLIC, ts), out("AlreadyPinned"), None),
        (GAMMA_BOT, unpin(PUBLIC, ts), "done".into(), Some(false)),
        (ALPHA_BOT, pin(PUBLIC, ts), "done".into(), Some(true)),
    ] {
        assert_eq!(world.tell(caller, verb.clone()), told, "{caller:?} {verb:?}");
        let (conversation, message) = (PUBLIC, ts);
        match event {
            Some(true) => assert_eq!(world.events(1), [K::MessagePinned { conversation, message }]),
            Some(false) => assert_eq!(world.events(1), [K::MessageUnpinned { conversation, message }]),
            None => {}
        }
    }
    assert_eq!(world.tell(ALPHA_MIA, pin(PUBLIC, reply)), "done", "a reply can be pinned");
    let at = world.now;
    let pins = [Pin { ts, by: ALPHA, at }, Pin { ts: reply, by: MIA, at }];
    assert_eq!(world.room(PUBLIC).pins, pins);
    // A change of the text leaves the pin.
    assert_eq!(world.tell(ALPHA_BOT, edit(PUBLIC, ts)), "revision 2");
    assert_eq!(world.room(PUBLIC).pins, pins);
}

#[test]
fn refusals_in_order() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let whisper = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    let (stone, _) = world.tombstone(ALPHA_BOT, PUBLIC);
    world.control(Control::AddMember(PUBLIC, SAM));
    let notice = world.messages.keys().next_back().unwrap().ts;
    world.conversation(ALPHA_SAM, C::Leave(PUBLIC));
    for (caller, conversation, ts, why) in [
        (ALPHA_SAM, PRIVATE, NEVER, "ConversationNotFound"),
        (DELTA_BOT, PRIVATE, NEVER, "NoLongerMember"),
        (ALPHA_MIA, ARCHIVED, NEVER, "Archived"),
        (ALPHA_SAM, PUBLIC, NEVER, "NotMember"),
        (ALPHA_MIA, PUBLIC, NEVER, "MessageNotFound"),
        (MIA_HERSELF, PUBLIC, whisper, "MessageNotFound"),
        (ALPHA_BOT, PUBLIC, whisper, "NotPinnable"),
        (ALPHA_MIA, PUBLIC, stone, "NotPinnable"),
        (ALPHA_MIA, PUBLIC, notice, "NotPinnable"),
        (ALPHA_SAM, PUBLIC, ts, "NotMember"),
    ] {
        assert_eq!(world.tell(caller, pin(conversation, ts)), out(why), "{caller:?} {conversation:?} {ts:?}");
    }
}

#[test]
fn a_hundred_at_most() {
    let mut world = World::new();
    let all: Vec<Ts> = (0..=PINS_MAX).map(|_| world.say(ALPHA_BOT, PUBLIC)).collect();
    for ts in &all[..PINS_MAX] {
        assert_eq!(world.tell(ALPHA_BOT, pin(PUBLIC, *ts)), "done");
    }
    assert_eq!(world.tell(ALPHA_BOT, pin(PUBLIC, all[PINS_MAX])), out("TooMany"));
    assert_eq!(world.tell(ALPHA_BOT, unpin(PUBLIC, all[7])), "done");
    assert_eq!(world.tell(ALPHA_BOT, pin(PUBLIC, all[PINS_MAX])), "done");
}

/// What is deleted is unpinned first, whether it disappears or leaves a tombstone.
#[test]
fn deleting_unpins() {
    let mut world = World::new();
    let alone = world.say(ALPHA_BOT, PUBLIC);
    let root = world.say(ALPHA_BOT, PUBLIC);
    let reply = world.reply(ALPHA_BOT, PUBLIC, root);
    let kept = world.reply(ALPHA_BOT, PUBLIC, root);
    for ts in [alone, root, reply, kept] {
        assert_eq!(world.tell(ALPHA_BOT, pin(PUBLIC, ts)), "done");
    }
    for (ts, left) in [(alone, 3), (reply, 2), (root, 1)] {
        let before = world.logs[&HOME].len();
        assert_eq!(world.tell(ALPHA_BOT, erase(PUBLIC, ts)), "deleted");
        let first = &world.logs[&HOME][before].kind;
        assert_eq!(*first, K::MessageUnpinned { conversation: PUBLIC, message: ts });
        assert_eq!(world.room(PUBLIC).pins.len(), left, "{ts:?}");
    }
    assert_eq!(world.room(PUBLIC).pin(kept).map(|pin| pin.by), Some(ALPHA));
}
