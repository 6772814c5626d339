//! Messages that live: pace, order, faults, ends.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use redraft_bot::testing::{Fault, TestAdapter, TestCall, TestVerb};
use redraft_bot::{Bot, Error, FINISH_MS_MAX, TurnContext};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn bot_on(adapter: &TestAdapter) -> Bot {
    Bot::new(async |_: TurnContext| Ok(())).with_adapter(adapter.clone())
}

fn paced(interval_ms: u64) -> TestAdapter {
    TestAdapter::new().with_capabilities(|can| can.update_interval_ms = interval_ms)
}

fn calls(adapter: &TestAdapter, verb: TestVerb) -> Vec<TestCall> {
    let mut calls = adapter.calls();
    calls.retain(|call| call.verb == verb);
    calls
}

fn text(call: &TestCall) -> &str {
    call.activity.text.as_deref().unwrap_or_default()
}

fn only_text(adapter: &TestAdapter) -> String {
    let visible = adapter.visible();
    assert_eq!(visible.len(), 1, "{adapter:?}");
    visible[0].activity.text.clone().unwrap_or_default()
}

/// That accepted updates, in the order in which they happened, never go back.
fn never_back(adapter: &TestAdapter) {
    let mut latest = 0;
    for call in calls(adapter, TestVerb::Update).iter().filter(|call| call.outcome.is_ok()) {
        let number: u64 = text(call).parse().unwrap();
        assert!(number >= latest, "{number} after {latest}");
        latest = number;
    }
}

/// Runs on a paused clock of its own.
fn paused<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

#[tokio::test(start_paused = true)]
async fn two_hundred_sets_a_second_for_half_a_minute() {
    let adapter = paced(1000).with_rate_limit(50, 60 * SECOND).with_latency(Duration::from_millis(120));
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    adapter.fail_next([
        None,
        Some(Fault::LostAnswer),
        None,
        Some(Fault::RateLimited(3 * SECOND)),
        Some(Fault::LostRequest),
        Some(Fault::Refused(503, "service_unavailable")),
        Some(Fault::Slow(2 * SECOND)),
        Some(Fault::NotConnected),
    ]);
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for number in 1..=6000 {
        tick.tick().await;
        message.set(number.to_string());
    }
    message.finish().await.unwrap();

    assert_eq!(only_text(&adapter), "6000");
    never_back(&adapter);
    let updates = calls(&adapter, TestVerb::Update);
    assert!(updates.len() <= 32, "{} calls", updates.len());
    let limited = updates.iter().filter(|call| matches!(call.outcome, Err(Error::RateLimited(_)))).count();
    assert_eq!(limited, 1, "only the one that the test asked for");
    for pair in updates.windows(2) {
        let distance = pair[1].at - pair[0].at;
        assert!(distance >= SECOND, "{distance:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_change_goes_out_at_once_and_the_next_keeps_the_pace() {
    let adapter = paced(1000);
    let bot = bot_on(&adapter);
    let begin = Instant::now();
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    message.set("1");
    tokio::task::yield_now().await;
    assert_eq!(only_text(&adapter), "1");
    message.set("2");
    message.set("3");
    message.finish().await.unwrap();
    assert_eq!(begin.elapsed(), SECOND);
    assert_eq!(calls(&adapter, TestVerb::Update).len(), 2, "2 is overtaken");
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_no_call_and_finishing_it_no_wait() {
    let adapter = paced(1000);
    let bot = bot_on(&adapter);
    let begin = Instant::now();
    let message = bot.live(&adapter.reference(), "same").await.unwrap();
    message.set("same");
    message.finish().await.unwrap();
    assert_eq!((calls(&adapter, TestVerb::Update).len(), begin.elapsed()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn content_that_comes_back_after_an_unanswered_change_is_sent() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "A").await.unwrap();
    adapter.fail_next([Fault::LostAnswer]);
    message.set("B");
    tokio::task::yield_now().await;
    assert_eq!(only_text(&adapter), "B");
    message.set("A");
    message.finish().await.unwrap();
    assert_eq!(only_text(&adapter), "A");
}

#[tokio::test(start_paused = true)]
async fn the_platform_is_left_in_peace_for_as_long_as_it_asks() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    adapter.fail_next([Fault::RateLimited(17 * SECOND)]);
    for number in 1..100 {
        message.set(number.to_string());
        tokio::time::sleep(SECOND / 10).await;
    }
    message.finish().await.unwrap();
    let updates = calls(&adapter, TestVerb::Update);
    assert_eq!(updates.len(), 2);
    assert_eq!(updates[1].at - updates[0].at, 17 * SECOND);
    assert_eq!(only_text(&adapter), "99");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_not_reached_is_asked_less_and_less_and_finish_ends() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    adapter.fail_next(std::iter::repeat_n(Fault::NotConnected, 1000));
    message.set("1");
    let begin = Instant::now();
    let error = message.finish().await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    assert!(begin.elapsed() <= Duration::from_millis(FINISH_MS_MAX));
    assert!(calls(&adapter, TestVerb::Update).len() <= 10);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_message_is_finished_before_the_bot_is_shut_down() {
    let adapter = paced(5000);
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    message.set("1");
    tokio::task::yield_now().await;
    message.set("2");
    drop(message);
    assert_eq!(only_text(&adapter), "1");
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(only_text(&adapter), "2");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_shows_its_content_does_not_hold_up_the_shutdown() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    message.set("1");
    let begin = Instant::now();
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(only_text(&adapter), "1");
    message.set("2");
    let error = message.finish().await.unwrap_err();
    assert!(matches!(error, Error::Own(_)), "{error}");
    assert!(bot.live(&adapter.reference(), "0").await.is_err(), "nothing lives after the shutdown");
}

#[tokio::test(start_paused = true)]
async fn finishing_may_be_given_up_and_happens_all_the_same() {
    let adapter = TestAdapter::new().with_latency(SECOND);
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    message.set("1");
    assert!(tokio::time::timeout(SECOND / 2, message.finish()).await.is_err());
    bot.shutdown().await;
    assert_eq!(only_text(&adapter), "1");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_is_closed_and_not_called_again() {
    let adapter = TestAdapter::on_channel("slack");
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    let id = message.reference().activity_id.clone().unwrap();
    adapter.delete_message(&id);
    assert!(!message.is_closed());
    message.set("1");
    tokio::task::yield_now().await;
    assert!(message.is_closed());
    message.set("2");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(calls(&adapter, TestVerb::Update).len(), 1);
    assert!(message.finish().await.unwrap_err().is_message_not_found());
}

#[tokio::test(start_paused = true)]
async fn refused_content_is_not_repeated_and_the_next_is_shown() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    adapter.fail_next([Fault::Refused(400, "msg_too_long")]);
    message.set("long");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(calls(&adapter, TestVerb::Update).len(), 1);
    message.set("short");
    message.finish().await.unwrap();
    assert_eq!(only_text(&adapter), "short");

    let message = bot.live(&adapter.reference(), "0").await.unwrap();
    adapter.fail_next([Fault::Refused(400, "msg_too_long")]);
    message.set("long");
    let error = message.finish().await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code, "msg_too_long");
}

#[tokio::test(start_paused = true)]
async fn changes_pass_the_hooks_of_their_turn() {
    let adapter = TestAdapter::new();
    let bot = bot_on(&adapter);
    let context = bot.context_for(&adapter.reference()).unwrap();
    context.on_update_activity(|_, mut activity, next| async move {
        activity.text = activity.text.map(|text| text.to_uppercase());
        next.run(activity).await
    });
    let message = context.live("a").await.unwrap();
    message.set("b");
    message.finish().await.unwrap();
    assert_eq!(only_text(&adapter), "B");
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_updated_is_not_posted() {
    let adapter = TestAdapter::new().with_capabilities(|can| can.update = false);
    let error = bot_on(&adapter).live(&adapter.reference(), "0").await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(adapter.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn progress_has_a_bar() {
    let adapter = TestAdapter::new();
    let context = bot_on(&adapter).context_for(&adapter.reference()).unwrap();
    let progress = context.progress("Copying").await.unwrap();
    assert_eq!(only_text(&adapter), "Copying");
    progress.set(4, 10);
    tokio::task::yield_now().await;
    assert_eq!(only_text(&adapter), "Copying ▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 40 % (4/10)");
    progress.set(u64::MAX, u64::MAX);
    progress.label("Copied");
    progress.finish().await.unwrap();
    let full = u64::MAX;
    assert_eq!(only_text(&adapter), format!("Copied ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ 100 % ({full}/{full})"));
}

fn streaming() -> TestAdapter {
    TestAdapter::new().with_capabilities(|can| {
        can.stream = true;
        can.update_interval_ms = 1000;
    })
}

/// Pushes words, a tenth of a second between them, and finishes.
async fn streamed(adapter: &TestAdapter, words: usize) -> (String, Result<(), Error>) {
    let context = bot_on(adapter).context_for(&adapter.reference()).unwrap();
    let answer = context.stream().await.unwrap();
    let mut all = String::new();
    for word in 0..words {
        answer.push(&format!("{word} "));
        all.push_str(&format!("{word} "));
        tokio::time::sleep(SECOND / 10).await;
    }
    (all, answer.finish().await.map(drop))
}

fn verbs(adapter: &TestAdapter) -> Vec<TestVerb> {
    let mut verbs: Vec<TestVerb> = adapter.calls().iter().map(|call| call.verb).collect();
    verbs.dedup();
    verbs
}

#[tokio::test(start_paused = true)]
async fn an_answer_streams_where_the_platform_can() {
    let adapter = streaming();
    let (all, finished) = streamed(&adapter, 35).await;
    finished.unwrap();
    assert_eq!(only_text(&adapter), all);
    use TestVerb::{AppendStream, FinishStream, Send, StartStream};
    assert_eq!(verbs(&adapter), [Send, StartStream, AppendStream, FinishStream]);
    assert!(calls(&adapter, AppendStream).len() <= 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_edited_where_the_platform_can_not_stream() {
    let adapter = paced(1000);
    let (all, finished) = streamed(&adapter, 35).await;
    finished.unwrap();
    assert_eq!(only_text(&adapter), all);
    assert_eq!(verbs(&adapter), [TestVerb::Send, TestVerb::Update]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lasts_or_grows_too_long_goes_over_to_edits() {
    for (lasts, chars) in [(2 * SECOND, usize::MAX), (1000 * SECOND, 50)] {
        let adapter = streaming().with_stream_limits(lasts, chars);
        let (all, finished) = streamed(&adapter, 60).await;
        finished.unwrap();
        assert_eq!(only_text(&adapter), all);
        assert!(calls(&adapter, TestVerb::Update).len() >= 3, "{:?}", verbs(&adapter));
        let refused = adapter.calls().iter().filter(|call| call.outcome.is_err()).count();
        assert!(refused <= 2, "{refused} refused");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_stream_is_refused_is_posted() {
    let adapter = streaming();
    // The sign of typing comes first.
    adapter.fail_next([None, Some(Fault::Refused(403, "ContentStreamNotAllowed"))]);
    let (all, finished) = streamed(&adapter, 5).await;
    finished.unwrap();
    assert_eq!(only_text(&adapter), all);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_was_not_answered_leaves_the_exact_answer() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let adapter = streaming();
        adapter.fail_next([None, None, Some(fault)]);
        let (all, finished) = streamed(&adapter, 25).await;
        finished.unwrap();
        assert_eq!(only_text(&adapter), all);
        // Words may be there twice until the whole is written over them.
        assert_eq!(adapter.calls().last().unwrap().verb, TestVerb::Update);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_answer_is_finished() {
    let adapter = streaming();
    let bot = bot_on(&adapter);
    let answer = bot.context_for(&adapter.reference()).unwrap().stream().await.unwrap();
    answer.push("One ");
    tokio::task::yield_now().await;
    drop(answer);
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(adapter.calls().last().unwrap().verb, TestVerb::FinishStream);
}

#[tokio::test(start_paused = true)]
async fn a_person_stops_an_answer() {
    let adapter = streaming();
    let bot = bot_on(&adapter);
    let answer = bot.context_for(&adapter.reference()).unwrap().stream().await.unwrap();
    answer.push("One ");
    tokio::task::yield_now().await;
    adapter.fail_next([Fault::Refused(403, "stopped_by_user")]);
    answer.push("two ");
    tokio::time::sleep(2 * SECOND).await;
    assert!(answer.is_closed());
    answer.push("three");
    assert!(answer.finish().await.unwrap_err().is_stopped());
    assert_eq!(only_text(&adapter), "One ");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_words_is_not_posted() {
    let adapter = streaming();
    let bot = bot_on(&adapter);
    let answer = bot.context_for(&adapter.reference()).unwrap().stream().await.unwrap();
    assert_eq!(answer.finish().await.unwrap(), None);
    assert!(adapter.visible().is_empty());
}

#[tokio::test(start_paused = true)]
async fn first_words_of_unknown_fate_are_not_posted_twice() {
    for adapter in [streaming(), paced(1000)] {
        adapter.fail_next([None, Some(Fault::LostAnswer)]);
        let (_, finished) = streamed(&adapter, 5).await;
        assert!(matches!(finished, Err(Error::Unanswered { .. })), "{finished:?}");
        assert_eq!(adapter.visible().len(), 1);
    }
}

fn faults() -> impl Strategy<Value = Vec<Option<Fault>>> {
    let fault = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Fault::NotConnected)),
        1 => Just(Some(Fault::LostRequest)),
        1 => Just(Some(Fault::LostAnswer)),
        1 => (0..5000_u64).prop_map(|wait| Some(Fault::Slow(Duration::from_millis(wait)))),
        1 => (0..10_u64).prop_map(|wait| Some(Fault::RateLimited(Duration::from_secs(wait)))),
        1 => Just(Some(Fault::Refused(503, "service_unavailable"))),
        1 => Just(Some(Fault::Refused(400, "msg_too_long"))),
    ];
    prop::collection::vec(fault, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_fails_the_last_content_is_shown_or_its_error_reported(
        faults in faults(),
        pauses in prop::collection::vec(0..700_u64, 1..60),
        interval_ms in prop_oneof![Just(0), 1..3000_u64],
        limit in prop_oneof![Just(1000_usize), 1..5_usize],
    ) {
        paused(async {
            let adapter = paced(interval_ms).with_rate_limit(limit, 3 * SECOND);
            let bot = bot_on(&adapter);
            let message = bot.live(&adapter.reference(), "0").await.unwrap();
            let failing = faults.iter().flatten().count();
            adapter.fail_next(faults);
            let begin = Instant::now();
            for (number, pause) in (1..).zip(&pauses) {
                message.set(number.to_string());
                tokio::time::sleep(Duration::from_millis(*pause)).await;
            }
            let finishing = Instant::now();
            let finished = message.finish().await;
            never_back(&adapter);
            let updates = calls(&adapter, TestVerb::Update);
            match finished {
                Ok(_) => assert_eq!(only_text(&adapter), pauses.len().to_string()),
                Err(error) => {
                    let last = updates.last().unwrap();
                    assert_eq!(text(last), pauses.len().to_string());
                    // What was not answered may have happened.
                    if !matches!(error, Error::Unanswered { .. }) {
                        assert_eq!(error.to_string(), last.outcome.as_ref().unwrap_err().to_string());
                    }
                    // Either it can't be shown at all, or the platform failed until the next try would come too late.
                    let never = error.refusal().is_some_and(|refusal| refusal.code == "msg_too_long");
                    let gave_up = finishing.elapsed() >= Duration::from_millis(FINISH_MS_MAX) - 30 * SECOND;
                    assert!(never || gave_up, "{error} after {:?}", finishing.elapsed());
                }
            }
            if interval_ms > 0 {
                // What the platform's own limit refuses is followed by a wait.
                let windows = begin.elapsed().as_millis() / 3000 + 1;
                let paced = begin.elapsed().as_millis() / u128::from(interval_ms) + 2;
                assert!((updates.len() as u128) <= paced + windows + failing as u128, "{} calls", updates.len());
            }
            Arc::new(bot).shutdown().await;
        });
    }

    #[test]
    fn whatever_fails_a_streamed_answer_is_exact_or_its_error_reported(
        faults in faults(),
        words in 1..40_usize,
        lasts in 1..10_u64,
        chars in 1..200_usize,
    ) {
        paused(async {
            let adapter = streaming().with_stream_limits(Duration::from_secs(lasts), chars);
            adapter.fail_next(faults);
            let (all, finished) = streamed(&adapter, words).await;
            if finished.is_ok() {
                assert_eq!(only_text(&adapter), all);
            }
            assert!(adapter.visible().len() <= 1);
        });
    }
}
