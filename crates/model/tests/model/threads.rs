//! Threads: what a root knows of its replies, in every order of coming and going, and which thread a reply joins.

use redraft_model::command::{Caller, Post, ReplyTo, Verb};
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind;
use redraft_model::id::{ConversationId, UserId};
use redraft_model::message::{Message, Thread};
use redraft_model::time::Ts;

use crate::world::*;

fn thread(world: &World, root: Ts) -> Option<Thread> {
    world.message(GENERAL, root).and_then(|root| root.thread.clone())
}

/// Replies, repliers, place of the latest reply in the order of posting, and who.
fn known(world: &World, root: Ts, posted: &[Ts]) -> (u32, u32, usize, Vec<UserId>) {
    let thread = thread(world, root).unwrap();
    let latest = posted.iter().position(|ts| *ts == thread.latest).unwrap();
    (thread.replies, thread.repliers, latest, thread.users)
}

#[test]
fn a_root_counts_its_replies_and_names_the_first_five_repliers() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, GENERAL);
    let mut posted = vec![];
    let mut check = |caller, expect: (u32, u32, &[UserId])| {
        posted.push(world.reply(caller, GENERAL, root));
        let (replies, repliers, users) = expect;
        assert_eq!(known(&world, root, &posted), (replies, repliers, posted.len() - 1, users.to_vec()));
    };
    check(ALPHA_SAM, (1, 1, &[SAM]));
    check(ALPHA_MIA, (2, 2, &[SAM, MIA]));
    check(ALPHA_SAM, (3, 2, &[SAM, MIA]));
    check(GAMMA_BOT, (4, 3, &[SAM, MIA, GAMMA]));
    check(ALPHA_ADA, (5, 4, &[SAM, MIA, GAMMA, ADA]));
    check(ALPHA_BOT, (6, 5, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(ALPHA_IVO, (7, 6, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(BETA_BOT, (8, 7, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(ALPHA_MIA, (9, 7, &[SAM, MIA, GAMMA, ADA, ALPHA]));
}

/// Seven people replied once and Mia, the second, twice (as 1 and 7); then replies go, each by its author.
#[test]
fn a_root_forgets_who_has_no_reply_left() {
    let callers = [ALPHA_SAM, ALPHA_MIA, GAMMA_BOT, ALPHA_ADA, ALPHA_BOT, ALPHA_IVO, BETA_BOT, ALPHA_MIA];
    let check = |gone: &[usize], expect: (u32, u32, usize, &[UserId])| {
        let mut world = World::new();
        let root = world.say(ALPHA_BOT, GENERAL);
        let posted = callers.map(|caller| world.reply(caller, GENERAL, root));
        for place in gone {
            assert_eq!(world.tell(callers[*place], erase(GENERAL, posted[*place])), "deleted");
        }
        let (replies, repliers, latest, users) = expect;
        assert_eq!(known(&world, root, &posted), (replies, repliers, latest, users.to_vec()), "{gone:?}");
    };
    check(&[], (8, 7, 7, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(&[1], (7, 7, 7, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(&[7], (7, 7, 6, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(&[0], (7, 6, 7, &[MIA, GAMMA, ADA, ALPHA, IVO]));
    check(&[6], (7, 6, 7, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(&[1, 7], (6, 6, 6, &[SAM, GAMMA, ADA, ALPHA, IVO]));
    check(&[7, 1], (6, 6, 6, &[SAM, GAMMA, ADA, ALPHA, IVO]));
    check(&[7, 6, 5], (5, 5, 4, &[SAM, MIA, GAMMA, ADA, ALPHA]));
    check(&[0, 2, 3], (5, 4, 7, &[MIA, ALPHA, IVO, BETA]));
    check(&[0, 2, 3, 4, 5, 6, 7], (1, 1, 1, &[MIA]));
    check(&[1, 2, 3, 4, 5, 6, 7], (1, 1, 0, &[SAM]));
}

/// Whoever comes back after all replies went is the last in the row again.
#[test]
fn who_comes_back_joins_at_the_end() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, GENERAL);
    let first = world.reply(ALPHA_SAM, GENERAL, root);
    world.reply(ALPHA_MIA, GENERAL, root);
    world.tell(ALPHA_SAM, erase(GENERAL, first));
    world.reply(ALPHA_SAM, GENERAL, root);
    assert_eq!(thread(&world, root).unwrap().users, [MIA, SAM]);
}

/// All orders in which three replies and their root can be deleted: the tombstone is there from the root's deletion
/// until the last reply's, and nothing of the thread is left after all four.
#[test]
fn a_thread_ends_in_every_order() {
    for order in orders(&[0, 1, 2, 3]) {
        let mut world = World::new();
        let root = world.say(ALPHA_ADA, GENERAL);
        let callers = [ALPHA_ADA, ALPHA_MIA, ALPHA_SAM, ALPHA_MIA];
        let mut all = vec![root];
        all.extend(callers[1..].iter().map(|caller| world.reply(*caller, GENERAL, root)));
        let (mut alive, mut living_root) = (3, true);
        for place in &order {
            assert_eq!(world.tell(callers[*place], erase(GENERAL, all[*place])), "deleted", "{order:?}");
            if *place == 0 {
                living_root = false
            } else {
                alive -= 1
            }
            let found = world.message(GENERAL, root);
            let state =
                found.map(|root| (root.revision().is_some(), root.thread.as_ref().map(|t| t.replies)));
            let expect = match (living_root, alive) {
                (false, 0) => None,
                (lives, 0) => Some((lives, None)),
                (lives, replies) => Some((lives, Some(replies))),
            };
            assert_eq!(state, expect, "{order:?} {place}");
        }
        assert!(world.messages.is_empty() && world.repliers.is_empty());
        assert_eq!(world.gone.len(), 4);
    }
}

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    let mut all = vec![];
    for first in of {
        let rest: Vec<usize> = of.iter().copied().filter(|other| other != first).collect();
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}

/// Posts with these two wishes for a thread; tells the root that was joined and whether a wish was in vain.
fn joins(
    world: &mut World,
    caller: Caller,
    place: ConversationId,
    to: [Option<Ts>; 2],
) -> (Option<Ts>, bool) {
    let [message, conversation_root] = to;
    let asked = Post { reply_to: ReplyTo { message, conversation_root }, ..post(place) };
    let Outcome::Posted(posted) = world.run(&command(caller, Verb::Post(asked))).unwrap().outcome else {
        panic!("not posted")
    };
    (posted.message.root, posted.thread_ignored)
}

#[test]
fn which_thread_a_reply_joins() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, GENERAL);
    let reply = world.reply(ALPHA_SAM, GENERAL, root);
    let (tombstone, left) = world.tombstone(ALPHA_BOT, GENERAL);
    let other = world.say(ALPHA_BOT, GENERAL);
    let elsewhere = world.say(ALPHA_BOT, PUBLIC);
    let ephemeral = world.whisper(ALPHA_BOT, GENERAL, MIA);
    let gone = world.say(ALPHA_BOT, GENERAL);
    world.tell(ALPHA_BOT, erase(GENERAL, gone));
    for (to, expect) in [
        ([None, None], (None, false)),
        ([Some(root), None], (Some(root), false)),
        ([None, Some(root)], (Some(root), false)),
        ([Some(reply), None], (Some(root), false)),
        ([Some(tombstone), None], (Some(tombstone), false)),
        ([Some(left), None], (Some(tombstone), false)),
        ([Some(root), Some(other)], (Some(root), false)),
        ([Some(NEVER), Some(other)], (Some(other), false)),
        ([Some(ephemeral), Some(reply)], (Some(root), false)),
        ([Some(NEVER), Some(elsewhere)], (None, true)),
        ([Some(ephemeral), None], (None, true)),
        ([Some(gone), None], (None, true)),
        ([None, Some(NEVER)], (None, true)),
    ] {
        for caller in [ALPHA_MIA, GAMMA_BOT] {
            assert_eq!(joins(&mut world, caller, GENERAL, to), expect, "{to:?} {caller:?}");
        }
    }
}

/// A personal or group chat of Teams knows no threads; the same chat seen through Slack does.
#[test]
fn teams_chats_have_no_threads() {
    let mut world = World::new();
    for (caller, place, threaded) in [
        (GAMMA_BOT, PERSONAL, false),
        (GAMMA_BOT, GROUP, false),
        (GAMMA_BOT, PRIVATE, true),
        (ALPHA_BOT, DIRECT, true),
        (ALPHA_BOT, GROUP, true),
    ] {
        let root = world.say(caller, place);
        let expect = if threaded { Some(root) } else { None };
        assert_eq!(
            joins(&mut world, caller, place, [Some(root), None]),
            (expect, false),
            "{caller:?} {place:?}"
        );
    }
    assert_eq!(joins(&mut world, GAMMA_BOT, PERSONAL, [Some(NEVER), None]), (None, false));
}

#[test]
fn a_reply_says_so_and_shows_in_the_channel_if_asked() {
    let mut world = World::new();
    let root = world.say(ALPHA_IVO, GENERAL);
    for (to, broadcast, only, expect) in [
        (Some(root), true, None, true),
        (Some(root), false, None, false),
        (Some(root), true, Some(SAM), false),
        (None, true, None, false),
        (Some(NEVER), true, None, false),
    ] {
        let asked = Post { reply_to: to.into(), broadcast, only, ..post(GENERAL) };
        let message = world.post(ALPHA_MIA, asked);
        assert_eq!(message.broadcast, expect, "{to:?} {only:?}");
        let joined = to.filter(|ts| *ts != NEVER);
        assert_eq!(world.events(1), [EventKind::MessagePosted { conversation: GENERAL, root: joined, only }]);
    }
    assert_eq!(thread(&world, root).unwrap().replies, 2);
}

/// `root_author` of the answer is the living root's author only.
#[test]
fn a_tombstone_has_no_author() {
    let mut world = World::new();
    let (tombstone, _) = world.tombstone(ALPHA_BOT, GENERAL);
    let root = world.say(ALPHA_BOT, GENERAL);
    for (to, expect) in [(root, Some(ALPHA)), (tombstone, None)] {
        let asked = Post { reply_to: ReplyTo::message(to), ..post(GENERAL) };
        let Outcome::Posted(posted) = world.run(&command(ALPHA_MIA, Verb::Post(asked))).unwrap().outcome
        else {
            panic!("not posted")
        };
        assert_eq!(posted.root_author, expect);
    }
    assert_eq!(thread(&world, tombstone).unwrap().replies, 2);
}

/// Should a stored root ever be wrong about its latest reply, it still is no thread once its count is at nothing.
#[test]
fn a_thread_of_no_replies_is_none() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, GENERAL);
    let reply = world.reply(ALPHA_MIA, GENERAL, root);
    let thread = Thread { latest: NEVER, ..thread(&world, root).unwrap() };
    let wrong = Message { thread: Some(thread), ..Message::clone(world.message(GENERAL, root).unwrap()) };
    world.messages.insert(wrong.key, wrong.into());
    assert_eq!(world.tell(ALPHA_MIA, erase(GENERAL, reply)), "deleted");
    assert_eq!(world.message(GENERAL, root).unwrap().thread, None);
}
