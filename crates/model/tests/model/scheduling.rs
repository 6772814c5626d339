//! Messages that wait for their time.

use redraft_model::command::{Caller, Post, ReplyTo, Verb};
use redraft_model::content::Content;
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind as K;
use redraft_model::id::ConversationId;
use redraft_model::item::ItemKey;
use redraft_model::message::Message;
use redraft_model::schedule::ScheduleCommand;
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::User;

use crate::world::*;

const MINUTE: i64 = 60 * SECOND;

fn add(post: Post, after: i64) -> Verb {
    Verb::Schedule(ScheduleCommand::Add { post: Box::new(post), post_at: START.plus(after) })
}

fn remove(key: &ItemKey) -> Verb {
    let ItemKey::Scheduled { conversation, post_at, made } = *key else { panic!("not scheduled") };
    Verb::Schedule(ScheduleCommand::Remove { conversation, post_at, made })
}

/// One that waits.
fn scheduled(world: &mut World, caller: Caller, post: Post, after: i64) -> ItemKey {
    match world.run(&command(caller, add(post, after))).unwrap().outcome {
        Outcome::Scheduled(key) => key,
        other => panic!("{other:?}"),
    }
}

fn fire(world: &mut World, key: &ItemKey) -> String {
    world.tell(CONTROL, Verb::PostDue(key.clone()))
}

fn waiting(world: &World) -> usize {
    world.items.keys().filter(|(_, key)| matches!(key, ItemKey::Scheduled { .. })).count()
}

#[test]
fn it_is_posted_once_when_its_time_has_come() {
    let mut world = World::new();
    for caller in [ALPHA_BOT, ALPHA_MIA] {
        let key = scheduled(&mut world, caller, post(PUBLIC), 10 * MINUTE);
        assert_eq!(world.events(1), [K::MessageScheduled { conversation: PUBLIC }]);
        let (messages, contents) = (world.messages.len(), world.revisions.len());
        assert_eq!(fire(&mut world, &key), "done", "too early");
        assert_eq!((world.messages.len(), waiting(&world)), (messages, 1));
        world.now = START.plus(10 * MINUTE);
        assert_eq!(fire(&mut world, &key), "posted");
        assert_eq!((world.messages.len(), waiting(&world)), (messages + 1, 0));
        assert_eq!(world.revisions.len(), contents, "what it says is in one place, then in another");
        let events = world.events(2);
        assert!(matches!(events[0], K::ScheduledRemoved { conversation: PUBLIC, .. }));
        assert_eq!(events[1], K::MessagePosted { conversation: PUBLIC, root: None, only: None });
        let posted = Message::clone(world.messages.values().next_back().unwrap());
        assert_eq!(posted.as_app, caller == ALPHA_BOT);
        assert_eq!(posted.app, Some(ALPHA_APP));
        assert_eq!(Micros(posted.key.ts.0).0 / SECOND, world.now.0 / SECOND);
        assert_eq!(world.content_of(PUBLIC, posted.key.ts).text, "old");
        assert_eq!(fire(&mut world, &key), "done", "and no second time");
        assert_eq!(world.messages.len(), messages + 1);
        world.now = START;
    }
}

#[test]
fn what_forbids_a_post_forbids_to_schedule_it() {
    let nothing = Post { content: text(""), ..post(PUBLIC) };
    for (caller, post, after, told) in [
        (ALPHA_SAM, post(PRIVATE), 0, "Post(ConversationNotFound)"),
        (ALPHA_MIA, post(ARCHIVED), 0, "Post(Archived)"),
        (ALPHA_SAM, post(PUBLIC), 0, "Post(NotMember)"),
        (ALPHA_MIA, nothing, 0, "Post(NoContent)"),
        (ALPHA_MIA, post(PUBLIC), 0, "Schedule(InPast)"),
        (ALPHA_MIA, post(PUBLIC), -1, "Schedule(InPast)"),
        (ALPHA_MIA, post(PUBLIC), 1, "scheduled"),
        (ALPHA_MIA, post(PUBLIC), 120 * DAY, "scheduled"),
        (ALPHA_MIA, post(PUBLIC), 120 * DAY + 1, "Schedule(TooFar)"),
    ] {
        let mut world = World::new();
        assert_eq!(world.tell(caller, add(post, after)), told, "{caller:?} {after}");
    }
    let mut world = World::new();
    assert_eq!(world.tell(MIA_HERSELF, add(post(PUBLIC), 1)), "Caller(WrongKind)", "apps do so");
}

/// Thirty within any five minutes, whoever scheduled them.
#[test]
fn thirty_in_five_minutes() {
    let mut world = World::new();
    let start = HOUR;
    for number in 0..30 {
        let caller = if number % 2 == 0 { ALPHA_BOT } else { ALPHA_MIA };
        assert_eq!(world.tell(caller, add(post(PUBLIC), start + number * 10 * SECOND)), "scheduled");
    }
    // They fill 4:50 min; one more within five minutes of the first or the last is too many.
    for (after, told) in [
        (start + 5, "Schedule(TooMany)"),
        (start - 9 * SECOND, "Schedule(TooMany)"),
        (start - 10 * SECOND, "scheduled"),
        (start + 5 * MINUTE, "scheduled"),
        (start + 5 * MINUTE + 1, "scheduled"),
        (start + 290 * SECOND, "Schedule(TooMany)"),
    ] {
        assert_eq!(world.tell(ALPHA_BOT, add(post(PUBLIC), after)), told, "{after}");
        if told == "scheduled" {
            let key = world.items.keys().find(
                |(_, key)| matches!(key, ItemKey::Scheduled { post_at, .. } if *post_at == START.plus(after)),
            );
            let key = key.unwrap().1.clone();
            let by = if world.tell(ALPHA_BOT, remove(&key)) == "done" { "bot" } else { "person" };
            assert_eq!(by, "bot");
        }
    }
    assert_eq!(world.tell(ALPHA_BOT, add(post(GENERAL), start)), "scheduled", "another channel has its own");
}

#[test]
fn taking_it_back() {
    let mut world = World::new();
    let key = scheduled(&mut world, ALPHA_BOT, post(PUBLIC), 10 * MINUTE);
    let other = ItemKey::Scheduled { conversation: PUBLIC, post_at: START.plus(MINUTE), made: Ts(9) };
    for (caller, key, told) in [
        (ALPHA_MIA, &key, "Schedule(NotFound)"),
        (BETA_BOT, &key, "Schedule(NotFound)"),
        (ALPHA_BOT, &other, "Schedule(NotFound)"),
    ] {
        assert_eq!(world.tell(caller, remove(key)), told, "{caller:?}");
    }
    world.now = START.plus(9 * MINUTE);
    assert_eq!(world.tell(ALPHA_BOT, remove(&key)), "Schedule(TooLate)");
    world.now = START.plus(9 * MINUTE - 1);
    assert_eq!(world.tell(ALPHA_BOT, remove(&key)), "done");
    assert!(matches!(world.events(1)[0], K::ScheduledRemoved { conversation: PUBLIC, .. }));
    assert!(world.revisions.is_empty() && waiting(&world) == 0, "nothing is left of it");
    assert_eq!(world.tell(ALPHA_BOT, remove(&key)), "Schedule(NotFound)");
}

/// What forbids it when its time has come makes it go.
#[test]
fn dropped() {
    let gone = |user: User| User { deactivated: true, ..user };
    let acts: [(Caller, Vec<Control>, &str); 5] = [
        (ALPHA_BOT, vec![set_archived(PUBLIC, true)], "dropped: Post(Archived)"),
        (ALPHA_BOT, vec![Control::RemoveMember(PUBLIC, ALPHA)], "dropped: Post(NotMember)"),
        (ALPHA_BOT, vec![Control::UninstallApp(ALPHA_APP)], "dropped: Caller(Revoked)"),
        (ALPHA_MIA, vec![change_user(gone(user(MIA, "mia")))], "dropped: Caller(Inactive)"),
        (ALPHA_MIA, vec![], "posted"),
    ];
    for (caller, acts, told) in acts {
        let mut world = World::new();
        let key = scheduled(&mut world, caller, post(PUBLIC), MINUTE);
        for act in acts.clone() {
            world.control(act);
        }
        world.now = START.plus(2 * MINUTE);
        assert_eq!(fire(&mut world, &key), told, "{acts:?}");
        assert_eq!(waiting(&world), 0, "{told}");
        let kept = world.revisions.values().filter(|(_, content)| content.text == "old").count();
        assert_eq!(kept, usize::from(told == "posted"), "{told}");
    }
    let mut world = World::new();
    let key = scheduled(&mut world, ALPHA_BOT, Post { unjoined: true, ..post(PUBLIC) }, MINUTE);
    world.control(Control::RemoveMember(PUBLIC, ALPHA));
    world.now = START.plus(MINUTE);
    assert_eq!(fire(&mut world, &key), "posted", "it may post there unjoined");
}

#[test]
fn threads_and_people() {
    let mut world = World::new();
    let root = world.say(ALPHA_MIA, PUBLIC);
    let reply = Post { reply_to: ReplyTo::message(root), broadcast: true, ..post(PUBLIC) };
    let key = scheduled(&mut world, ALPHA_BOT, reply.clone(), MINUTE);
    let lost = scheduled(&mut world, ALPHA_BOT, Post { content: text("lost"), ..reply }, 2 * MINUTE);
    world.now = START.plus(MINUTE);
    assert_eq!(fire(&mut world, &key), "replied");
    let posted = world.messages.values().next_back().unwrap();
    assert!(posted.broadcast && posted.root == Some(root));
    let reply = posted.key.ts;
    world.tell(ALPHA_BOT, erase(PUBLIC, reply));
    world.tell(ALPHA_MIA, erase(PUBLIC, root));
    world.now = START.plus(2 * MINUTE);
    assert_eq!(fire(&mut world, &lost), "posted, thread ignored");
    // To a person: the direct message is opened when it is scheduled.
    let made = scheduled(&mut world, ALPHA_BOT, post_to(IVO), 3 * MINUTE);
    let ItemKey::Scheduled { conversation, .. } = made else { panic!() };
    assert_eq!(conversation, ConversationId(8));
    world.now = START.plus(3 * MINUTE);
    assert_eq!(fire(&mut world, &made), "posted");
    assert_eq!(world.conversation(ALPHA_IVO, C::Close(conversation)), "conversation 8 true");
}

/// Content is kept as it was given, with all its parts.
#[test]
fn its_content_is_whole() {
    let mut world = World::new();
    let content =
        Content { blocks: Some("[]".into()), metadata: Some("{}".into()), ..Content::clone(&text("words")) };
    let whole = Post { content: content.clone().into(), ..post(PUBLIC) };
    let key = scheduled(&mut world, ALPHA_BOT, whole, MINUTE);
    world.now = START.plus(MINUTE);
    fire(&mut world, &key);
    let ts = world.messages.keys().next_back().unwrap().ts;
    assert_eq!(*world.content_of(PUBLIC, ts), content);
    assert_eq!(world.message(PUBLIC, ts).unwrap().parts, content.parts());
}
