//! The order of commands: idempotency, expected revisions, positions without gaps, and how far an app has read.

use redraft_model::command::{Delete, Update, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::{Outcome, Why};
use redraft_model::event::EventKind;
use redraft_model::id::{AppId, ConversationId, WorkspaceId};
use redraft_model::limits::IDEMPOTENCY_MICROS;
use redraft_model::update::UpdateRefusal;

use super::commands::{delete, delivery, post, settlement, update, with_key};
use super::picture::{gapless, picture};
use super::world::{World, tss};
use super::{ADA, ALPHA_BOT, ALPHA_MIA, PRIVATE, PUBLIC};
use crate::{Cause, Delivery, READ_ROWS_MAX, Settlement, Window};

pub(super) async fn a_key_makes_a_request_repeatable(world: World) {
    let ask = |digest, text| with_key(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text))), "k", digest);
    let Ok(Outcome::Posted(first)) = world.submit(ask(1, "one")).await else { panic!("not posted") };
    let Ok(Outcome::Repeated(before, Some((message, content)))) = world.submit(ask(1, "one")).await else {
        panic!("not repeated")
    };
    assert_eq!((before.key, message.key, &*content.text), (first.message.key, first.message.key, "one"));
    let refused = world.submit(ask(2, "two")).await.expect_err("another request under the same key");
    assert_eq!(refused.why, Why::KeyReused { other_conversation: false });
    let other = with_key(world.command(ALPHA_MIA, Verb::Post(post(PUBLIC, "hers"))), "k", 2);
    assert!(matches!(world.submit(other).await, Ok(Outcome::Posted(_))), "keys are each caller's own");
    world.deleted(ALPHA_BOT, &first.message).await;
    assert!(matches!(world.submit(ask(1, "one")).await, Ok(Outcome::Repeated(_, None))));
    world.clock.advance(IDEMPOTENCY_MICROS);
    let Ok(Outcome::Posted(anew)) = world.submit(ask(3, "anew")).await else { panic!("not posted anew") };
    assert_eq!(world.line(PUBLIC).await[0], anew.message.key.ts);
    let repeated = world.submit(ask(3, "anew")).await;
    assert!(matches!(repeated, Ok(Outcome::Repeated(it, _)) if it.key == anew.message.key));
}

pub(super) async fn only_the_expected_revision_is_changed(world: World) {
    let message = world.say("one").await;
    let expect = |revision| Update { if_revision: Some(revision), ..update(&message, "two") };
    world.updated(ALPHA_BOT, expect(1)).await;
    let stale = world.why(ALPHA_BOT, Verb::Update(expect(1))).await;
    assert!(matches!(stale, Why::Update(UpdateRefusal::StaleRevision(now)) if now.get() == 2));
    let stale = Delete { if_revision: Some(1), ..delete(&message) };
    assert!(world.answer(ALPHA_BOT, Verb::Delete(stale)).await.is_err());
    world.done(ALPHA_BOT, Verb::Delete(Delete { if_revision: Some(2), ..delete(&message) })).await;
    let message = world.say("again").await;
    let racing = Update { if_revision: Some(1), ..update(&message, "mine") };
    let race: Vec<_> =
        (0..8).map(|_| world.store.submit(world.command(ALPHA_BOT, Verb::Update(racing.clone())))).collect();
    let mut won = 0;
    for racer in race {
        won += usize::from(racer.await.expect("the store works").is_ok());
    }
    assert_eq!(won, 1);
}

pub(super) async fn a_refusal_uses_up_no_number(world: World) {
    let message = world.say("one").await;
    let before = picture(&*world.store).await;
    for verb in [
        Verb::Post(post(ConversationId(99), "nowhere")),
        Verb::Post(post(PUBLIC, "")),
        Verb::Update(update(&message, "")),
        Verb::Delete(Delete { if_revision: Some(9), ..delete(&message) }),
        Verb::Conversation(ConversationCommand::Join(ConversationId(99))),
        Verb::Control(Box::new(Control::AdvanceClock(-1))),
    ] {
        assert!(world.answer(ALPHA_BOT, verb).await.is_err());
    }
    assert_eq!(picture(&*world.store).await, before);
    let next = world.say("two").await;
    assert_eq!(next.content_at, message.content_at + 1);
}

pub(super) async fn the_log_has_no_gaps(world: World) {
    let root = world.say("root").await;
    let reply = world.reply(&root, ALPHA_MIA, "reply").await;
    world.deleted(ALPHA_BOT, &root).await;
    world.deleted(ALPHA_MIA, &reply).await;
    world.control(Control::AddMember(PRIVATE, ADA)).await;
    let events = world.events().await;
    assert_eq!(events.len(), 8);
    assert_eq!(events[0].kind, EventKind::WorkspaceCreated);
    gapless(&events);
    for (after, limit) in [(0, 3), (2, 2), (6, 10), (7, 10), (90, 10), (1 << 40, 10), (u64::MAX, 10), (0, 0)]
    {
        let page = world.store.events(world.workspace, after, limit).await.expect("readable");
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(events.len());
        let to = from.saturating_add(limit).min(events.len());
        assert_eq!(page, events[from..to], "after {after}, at most {limit}");
    }
}

pub(super) async fn commands_at_once_get_numbers_in_order(world: World) {
    let texts: Vec<String> = (0..100).map(|number| format!("message {number}")).collect();
    let commands = texts.iter().map(|text| world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text))));
    let mut posted = Vec::new();
    for answer in world.at_once(commands).await {
        let Ok(Outcome::Posted(it)) = answer else { panic!("not posted") };
        posted.push(it.message.key.ts);
    }
    assert!(posted.is_sorted(), "in the order in which they were asked for");
    let mut line = world.window(PUBLIC, Window::ALL, 200).await;
    line.reverse();
    assert_eq!(tss(&line), posted);
    assert!(line.iter().map(|found| &found.content.text).eq(&texts));
    gapless(&world.events().await);
}

pub(super) async fn the_clock_goes_forward(world: World) {
    let before = world.say("before").await;
    world.control(Control::AdvanceClock(3_600_000_000)).await;
    let after = world.say("after").await;
    assert!(before.key.ts < after.key.ts && world.clock.now().0 + 3_600_000_000 <= after.key.ts.0);
    assert_eq!(world.store.published().now(world.workspace), world.clock.now().plus(3_600_000_000));
    world.clock.advance(-5_000_000);
    let later = world.say("the machine's clock was set back").await;
    assert!(after.key.ts < later.key.ts);
}

pub(super) async fn it_is_known_how_far_an_app_was_told(world: World) {
    let away = world.beside(2).await;
    let app = AppId(2);
    assert_eq!((world.delivered_up_to(app).await, world.deliveries(app, 0, 10).await), (0, vec![]));
    world.settle(app, settlement(9, &[5, 3, 8], &[])).await;
    world.settle(AppId(1), settlement(2, &[1], &[])).await;
    away.settle(app, settlement(4, &[4], &[])).await;
    for (after, limit, expected) in [
        (0, 10, &[3, 5, 8][..]),
        (0, 2, &[3, 5]),
        (2, 1, &[3]),
        (3, 10, &[5, 8]),
        (8, 10, &[]),
        (u64::MAX, 10, &[]),
        (0, 0, &[]),
    ] {
        assert_eq!(world.deliveries(app, after, limit).await, expected, "after {after}, at most {limit}");
    }
    assert_eq!(world.delivered_up_to(app).await, 9);
    assert_eq!(
        (world.delivered_up_to(AppId(1)).await, world.deliveries(AppId(1), 0, 10).await),
        (2, vec![1])
    );
    assert_eq!((away.delivered_up_to(app).await, away.deliveries(app, 0, 10).await), (4, vec![4]));

    let given_up = Delivery {
        position: 5,
        part: 0,
        conversation: None,
        attempts: 9,
        due_at: None,
        cause: None,
        reason: "refused \u{1F600}".into(),
    };
    let again = Settlement {
        delivered_up_to: 12,
        put: vec![given_up.clone(), delivery(11)],
        removed: vec![(3, 0), (7, 0)],
    };
    world.settle(app, again).await;
    let found = world.store.deliveries(world.workspace, app, (0, 0), 10).await.expect("readable");
    assert_eq!(found, [given_up, delivery(8), delivery(11)]);
    assert_eq!(world.delivered_up_to(app).await, 12);
    assert_eq!(away.deliveries(app, 0, 10).await, [4]);
    // The parts of an event are deliveries of their own.
    let part = |part| Delivery { part, cause: Some(Cause::Other), ..delivery(8) };
    world.settle(app, Settlement { put: vec![part(2), part(1)], ..settlement(12, &[], &[]) }).await;
    let found = world.store.deliveries(world.workspace, app, (8, 0), 2).await.expect("readable");
    assert_eq!(found, [part(1), part(2)]);
    world.settle(app, Settlement { removed: vec![(8, 0), (8, 2)], ..settlement(12, &[], &[]) }).await;
    let found = world.store.deliveries(world.workspace, app, (7, u8::MAX), 2).await.expect("readable");
    assert_eq!(found, [part(1), delivery(11)]);
    world.settle(app, Settlement { removed: vec![(8, 1)], ..settlement(12, &[8], &[]) }).await;
    let many: Vec<u64> = (100..=100 + READ_ROWS_MAX as u64).collect();
    world.settle(app, settlement(1 << 40, &many, &[5, 8, 11])).await;
    assert_eq!(world.delivered_up_to(app).await, 1 << 40);
    assert_eq!(world.deliveries(app, 0, usize::MAX).await, many[..READ_ROWS_MAX]);
    // Apps with nothing outstanding, several at once: none goes back, and nobody else's position changes.
    world.store.settle_idle(world.workspace, vec![AppId(1), app], 20).await.expect("the store works");
    assert_eq!((world.delivered_up_to(AppId(1)).await, world.delivered_up_to(app).await), (20, 1 << 40));
    assert_eq!((away.delivered_up_to(AppId(1)).await, away.delivered_up_to(app).await), (0, 4));
    assert_eq!(world.deliveries(AppId(1), 0, 10).await, [1]);
    let nowhere = WorkspaceId(77);
    world.store.settle_idle(nowhere, vec![app], 20).await.expect("nothing is written");
    assert_eq!(world.store.delivered_up_to(nowhere, app).await, Ok(0));
}

/// Whoever tells apps may be late.
pub(super) async fn nothing_is_noted_of_a_dropped_workspace(world: World) {
    world.control(Control::DropWorkspace).await;
    world.sweep().await;
    world.settle(AppId(2), settlement(1, &[2], &[])).await;
    assert_eq!((world.delivered_up_to(AppId(2)).await, world.deliveries(AppId(2), 0, 10).await), (0, vec![]));
}
