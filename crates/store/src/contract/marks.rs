//! What people add to a message: reactions, and views of their own.

use redraft_model::id::MessageKey;
use redraft_model::message::Reaction;
use redraft_model::time::Ts;

use super::commands::{react, show, unreact, update};
use super::world::World;
use super::{ADA, ALPHA, ALPHA_BOT, IVO, IVO_HIMSELF, MIA, MIA_HERSELF, PUBLIC};
use crate::Window;

pub(super) async fn reactions_are_in_the_order_they_came(world: World) {
    let (first, second) = (world.say("first").await, world.say("second").await);
    for caller in [MIA_HERSELF, IVO_HIMSELF, ALPHA_BOT] {
        for name in ["tada", "eyes"] {
            for message in [&first, &second] {
                world.done(caller, react(message, name)).await;
            }
        }
    }
    let all = [("tada", MIA), ("eyes", MIA), ("tada", IVO), ("eyes", IVO), ("tada", ALPHA), ("eyes", ALPHA)];
    assert_eq!(world.reactions(&first).await, all.map(|(name, user)| (name.into(), user)));
    world.done(MIA_HERSELF, react(&first, "tada")).await;
    world.done(MIA_HERSELF, unreact(&first, "tada")).await;
    world.done(IVO_HIMSELF, unreact(&first, "eyes")).await;
    world.done(IVO_HIMSELF, unreact(&first, "eyes")).await;
    world.done(MIA_HERSELF, react(&first, "tada")).await;
    let left = [("eyes", MIA), ("tada", IVO), ("tada", ALPHA), ("eyes", ALPHA), ("tada", MIA)];
    assert_eq!(world.reactions(&first).await, left.map(|(name, user)| (name.into(), user)));
    world.updated(ALPHA_BOT, update(&first, "changed")).await;
    assert_eq!(world.reactions(&first).await.len(), 5);
    let reply = world.reply(&first, ALPHA_BOT, "reply").await;
    world.done(MIA_HERSELF, react(&reply, "eyes")).await;
    world.deleted(ALPHA_BOT, &first).await;
    assert!(world.reactions(&first).await.is_empty(), "a tombstone has none");
    assert_eq!(world.reactions(&reply).await, [("eyes".into(), MIA)]);
    world.deleted(ALPHA_BOT, &reply).await;
    assert!(world.reactions(&reply).await.is_empty());
    assert_eq!(world.reactions(&second).await.len(), 6, "another message keeps its own");
    let line = world.window(PUBLIC, Window::ALL, 10).await;
    let shown: Vec<_> = line.iter().map(|stored| (stored.message.key.ts, stored.reactions.len())).collect();
    assert_eq!(shown, [(second.key.ts, 6)], "and shows them");
}

pub(super) async fn what_a_user_reacted_to(world: World) {
    let (first, second) = (world.say("first").await, world.say("second").await);
    for (caller, message, name) in [
        (MIA_HERSELF, &first, "tada"),
        (IVO_HIMSELF, &first, "tada"),
        (MIA_HERSELF, &second, "eyes"),
        (MIA_HERSELF, &first, "eyes"),
    ] {
        world.done(caller, react(message, name)).await;
    }
    let listed = |found: &[(MessageKey, Reaction)]| -> Vec<(Ts, String)> {
        found.iter().map(|(key, reaction)| (key.ts, reaction.name.to_string())).collect()
    };
    let (one, two) = (first.key.ts, second.key.ts);
    let all = world.reacted(MIA, Ts(i64::MAX), 10).await;
    assert_eq!(listed(&all), [(one, "eyes".into()), (two, "eyes".into()), (one, "tada".into())]);
    assert_eq!(listed(&world.reacted(MIA, Ts(i64::MAX), 1).await), [(one, "eyes".into())]);
    assert_eq!(listed(&world.reacted(MIA, all[0].1.since, 1).await), [(two, "eyes".into())]);
    assert!(world.reacted(ADA, Ts(i64::MAX), 10).await.is_empty());
    world.done(MIA_HERSELF, unreact(&first, "eyes")).await;
    world.deleted(ALPHA_BOT, &second).await;
    assert_eq!(listed(&world.reacted(MIA, Ts(i64::MAX), 10).await), [(one, "tada".into())]);
}

pub(super) async fn a_view_is_one_persons(world: World) {
    let (card, other) = (world.say("card").await, world.say("other").await);
    assert_eq!(world.view(&card, MIA).await, None);
    let mut shown = Vec::new();
    for (message, user, text) in [
        (&card, MIA, "hers"),
        (&card, IVO, "his"),
        (&other, MIA, "hers elsewhere"),
        (&card, MIA, "hers again"),
    ] {
        world.done(ALPHA_BOT, show(message, user, text)).await;
        shown.push(world.events().await.pop().expect("there are events").position);
    }
    let view = |revision, text: &str| Some((revision, text.to_owned()));
    assert_eq!(world.view(&card, MIA).await, view(1, "hers again"));
    assert_eq!(world.view(&card, IVO).await, view(1, "his"));
    assert_eq!(world.view(&card, ADA).await, None);
    assert_eq!(world.view(&other, MIA).await, view(1, "hers elsewhere"));
    assert_eq!(world.content(shown[0]).await, None, "nothing is kept of what was replaced");
    assert_eq!(world.content(shown[3]).await.as_deref(), Some("hers again"));
    assert_eq!(world.message(&card).await.expect("there").content.text, "card");
    assert_eq!(world.texts(card.key, u32::MAX, 10).await, ["card"], "it is no revision");
    world.updated(ALPHA_BOT, update(&card, "changed")).await;
    world.done(ALPHA_BOT, show(&card, IVO, "his again")).await;
    assert_eq!(world.view(&card, IVO).await, view(2, "his again"));
    world.deleted(ALPHA_BOT, &card).await;
    for user in [MIA, IVO] {
        assert_eq!(world.view(&card, user).await, None);
    }
    for position in shown[..2].iter().chain(&shown[3..]) {
        assert_eq!(world.content(*position).await, None);
    }
    assert_eq!(world.texts(card.key, u32::MAX, 10).await, ["changed", "card"]);
    assert_eq!(world.view(&other, MIA).await, view(1, "hers elsewhere"));
}
