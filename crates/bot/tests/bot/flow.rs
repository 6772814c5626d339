//! Turns, hooks and middleware, told as conversations with `TestFlow`; and `TestFlow` itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redraft_bot::testing::{Fault, TestAdapter, TestFlow, TestVerb};
use redraft_bot::{
    Activity, ActivityType, Bot, Button, Content, ConversationReference, DeliveryMode, Error, InvokeResponse,
    MessageFactory, Next, ResourceResponse, TurnContext, TurnOutcome, TurnResult,
};
use serde_json::json;
use tokio::time::Instant;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, words: impl Into<String>) {
        self.0.lock().unwrap().push(words.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn echo(context: TurnContext) -> TurnResult {
    context.send_activity(format!("You said {}", context.text())).await?;
    Ok(())
}

fn quiet() -> Bot {
    Bot::new(async |_: TurnContext| Ok(()))
}

/// A turn of a quiet bot, with a message of the bot's already there.
async fn turn() -> (TestAdapter, TurnContext, String) {
    let adapter = TestAdapter::new();
    let context = quiet().with_adapter(adapter.clone()).context_for(&adapter.reference()).unwrap();
    let id = context.send_activity("before").await.unwrap().id.unwrap();
    (adapter, context, id)
}

#[tokio::test(start_paused = true)]
async fn a_flow_that_goes_as_told() {
    let bot = Bot::new(async |context: TurnContext| {
        let first = context.send_activity("one").await?.id.unwrap();
        let second = context.send_activity("two").await?.id.unwrap();
        context.update_activity(MessageFactory::text("three").with_id(&first)).await?;
        context.delete_activity(&second).await?;
        Ok(())
    });
    let adapter = TestFlow::new(bot)
        .send("go")
        .assert_reply("one")
        .assert_reply_that(|reply| reply.text.as_deref() == Some("two"))
        .assert_update("three")
        .assert_delete_of("two")
        .assert_nothing_more()
        .await
        .unwrap();
    assert_eq!(adapter.visible().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flow_that_goes_otherwise_prints_the_conversation() {
    let flows = [
        (
            TestFlow::new(Bot::new(echo)).send("hi").assert_reply("Hello"),
            "step 2: expected the reply \"Hello\", got \"You said hi\" with text",
        ),
        (TestFlow::new(Bot::new(echo)).send("hi").assert_update("You said hi"), "got Send \"You said hi\""),
        (TestFlow::new(Bot::new(echo)).send("hi").assert_delete(), "expected a deletion, got Send"),
        (
            TestFlow::new(Bot::new(echo)).send("hi").assert_nothing_more(),
            "expected nothing more, got Send \"You said hi\"",
        ),
        (
            TestFlow::new(Bot::new(echo)).test("hi", "You said hi").assert_reply_that(|_| true),
            "got nothing within 3000 ms",
        ),
        (
            TestFlow::new(Bot::new(echo)).send("hi").assert_invoke_response(200),
            "expected an answer with status 200, got none",
        ),
        (TestFlow::new(Bot::new(echo)).send("hi").press("Yes"), "expected a button \"Yes\""),
        (TestFlow::new(Bot::new(echo)).send("hi").assert_reply_that(|_| false), "got \"You said hi\""),
    ];
    for (flow, words) in flows {
        let error = flow.await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.contains("person: hi\n  bot: You said hi"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flow_ends_with_a_turn_that_fails_unless_the_bot_handles_it() {
    let failing = || Bot::new(async |_: TurnContext| Err("no soup".into()));
    let error = TestFlow::new(failing()).send("hi").await.unwrap_err();
    assert!(error.to_string().contains("no soup"), "{error}");
    let handled = failing().on_turn_error(async |context, error| {
        let _ = context.send_activity(format!("Sorry: {error}")).await;
    });
    TestFlow::new(handled).test("hi", "Sorry: no soup").assert_nothing_more().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flow_waits_for_work_after_the_turn() {
    let bot = Bot::new(async |context: TurnContext| {
        let later = context.clone();
        context.bot().spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            later.send_activity("later").await.unwrap();
        });
        Ok(())
    });
    TestFlow::new(bot.clone()).test("hi", "later").assert_nothing_more().await.unwrap();
    let error = TestFlow::new(bot).send("hi").assert_nothing_more().await.unwrap_err();
    assert!(error.to_string().contains("later"), "it waits until the bot is idle: {error}");
}

#[tokio::test(start_paused = true)]
async fn buttons_are_pressed_on_either_platform() {
    for channel in ["slack", "msteams"] {
        let bot = Bot::new(async |context: TurnContext| {
            let Some(action) = context.activity().action() else {
                context
                    .send_content(Content::text("Lunch?").button(Button::new("Soup", "vote").value("s")))
                    .await?;
                return Ok(());
            };
            let words = format!("{} {}", action.verb, action.value());
            context.update_content(&action.message_id.unwrap_or_default(), words).await?;
            context.respond(InvokeResponse::notice("Counted"));
            Ok(())
        });
        TestFlow::on(bot, TestAdapter::on_channel(channel))
            .send("poll")
            .assert_reply_that(|_| true)
            .press("Soup")
            .assert_invoke_response(200)
            .assert_update_that(|update| update.text.as_deref() == Some("vote s"))
            .assert_nothing_more()
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_platform_refuses_to_change_what_is_not_there_or_not_the_bots() {
    for (channel, missing, foreign) in [
        ("slack", "message_not_found", ["cant_update_message", "cant_delete_message"]),
        ("msteams", "ActivityNotFoundInConversation", ["NotEnoughPermissions", "NotEnoughPermissions"]),
    ] {
        let adapter = TestAdapter::on_channel(channel);
        let said = adapter.incoming("hi");
        let context = quiet().with_adapter(adapter.clone()).context_for(&adapter.reference()).unwrap();
        let id = context.send_activity("one").await.unwrap().id.unwrap();
        let code = |error: Error| error.refusal().unwrap().code.clone();
        let update = async |id: &str| {
            let activity = MessageFactory::text("two").with_id(id);
            code(context.update_activity(activity).await.unwrap_err())
        };
        assert_eq!(update("nothing").await, missing);
        assert_eq!(update(&said.id.clone().unwrap()).await, foreign[0]);
        assert_eq!(code(context.delete_activity(&said.id.unwrap()).await.unwrap_err()), foreign[1]);
        context.delete_activity(&id).await.unwrap();
        let again = context.delete_activity(&id).await.unwrap_err();
        assert!(again.is_message_not_found());
        assert_eq!((code(again), update(&id).await), (missing.to_owned(), missing.to_owned()));
        // The same id elsewhere is another message.
        let mut elsewhere = adapter.reference();
        elsewhere.conversation.as_mut().unwrap().id = Some("elsewhere".to_owned());
        elsewhere.activity_id = context.send_activity("three").await.unwrap().id;
        assert_eq!(code(context.delete_activity(&elsewhere).await.unwrap_err()), missing);
    }
}

#[tokio::test(start_paused = true)]
async fn the_platform_keeps_its_rate_and_its_keys() {
    let adapter = TestAdapter::new().with_rate_limit(2, Duration::from_secs(10));
    let context = quiet().with_adapter(adapter.clone()).context_for(&adapter.reference()).unwrap();
    for _ in 0..2 {
        context.send_activity("x").await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let error = context.send_activity("x").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(8)), "in whole seconds, upwards");
    tokio::time::sleep(error.retry_after().unwrap()).await;
    context.send_activity("x").await.unwrap();

    let adapter: Arc<dyn redraft_bot::Adapter> = Arc::new(TestAdapter::new());
    let (one, two) = (MessageFactory::text("one"), MessageFactory::text("two"));
    let first = adapter.send_once(&one, "key").await.unwrap();
    assert_eq!(adapter.send_once(&one, "key").await.unwrap(), first);
    assert_ne!(adapter.send_once(&one, "other").await.unwrap(), first);
    assert!(matches!(adapter.send_once(&two, "key").await, Err(Error::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn faults_do_what_they_say() {
    let (adapter, context, _) = turn().await;
    let posted = || adapter.visible().len();
    let send = async |fault: Fault| {
        adapter.fail_next([fault]);
        let call = context.send_activity("x");
        tokio::time::timeout(Duration::from_secs(9), call).await.map_err(|_| "hangs")
    };
    use redraft_bot::Repeat::{MayDuplicate, Safe};
    let repeat = |error: Error| match error {
        Error::Unanswered { repeat, .. } => repeat,
        other => panic!("{other}"),
    };
    assert_eq!(repeat(send(Fault::NotConnected).await.unwrap().unwrap_err()), Safe);
    assert_eq!(repeat(send(Fault::LostRequest).await.unwrap().unwrap_err()), MayDuplicate);
    assert!(send(Fault::HangsBefore).await.is_err());
    assert_eq!(posted(), 1);
    assert_eq!(repeat(send(Fault::LostAnswer).await.unwrap().unwrap_err()), MayDuplicate);
    assert!(send(Fault::HangsAfter).await.is_err());
    assert_eq!(posted(), 3);
    assert!(send(Fault::Slow(Duration::from_secs(8))).await.unwrap().is_ok());
}

// Hooks, as the tests of .NET's TurnContext have them.

#[tokio::test(start_paused = true)]
async fn hooks_of_sending_run_in_order_each_with_what_the_one_before_handed_on() {
    let (adapter, context, _) = turn().await;
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    context.on_send_activities(move |_, mut activities, next| {
        let log = first.clone();
        async move {
            log.note(format!("first {}", activities.len()));
            activities.push(MessageFactory::text("added"));
            let responses = next.run(activities).await?;
            log.note(format!("first got {}", responses.len()));
            Ok(responses)
        }
    });
    context.on_send_activities(move |context, mut activities, next| {
        let log = second.clone();
        async move {
            log.note(format!("second {} responded {}", activities.len(), context.responded()));
            activities[0].text = Some("changed".to_owned());
            next.run(activities).await
        }
    });
    context.send_activity("text").await.unwrap();
    assert_eq!(log.all(), ["first 1", "second 2 responded true", "first got 2"]);
    let texts: Vec<_> = adapter.visible().into_iter().map(|message| message.activity.text.unwrap()).collect();
    assert_eq!(texts, ["before", "changed", "added"]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_does_not_go_on_swallows_what_is_sent() {
    let (adapter, context, _) = turn().await;
    context.on_send_activities(async |_, activities, _| {
        Ok(vec![ResourceResponse::new("kept"); activities.len()])
    });
    context.on_send_activities(async |_, _, _| panic!("not reached"));
    assert_eq!(context.send_activity("x").await.unwrap().id.as_deref(), Some("kept"));
    assert_eq!(adapter.visible().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nested_hooks_see_change_and_swallow_an_update() {
    let (adapter, context, id) = turn().await;
    let log = Log::default();
    let (first, second, third) = (log.clone(), log.clone(), log.clone());
    context.on_update_activity(move |_, activity, next| {
        let log = first.clone();
        async move {
            log.note(format!("first {}", activity.text.as_deref().unwrap_or_default()));
            let response = next.run(activity).await;
            log.note("first after");
            response
        }
    });
    context.on_update_activity(move |_, mut activity, next| {
        let log = second.clone();
        async move {
            log.note("second");
            let swallows = activity.text.as_deref() == Some("swallow");
            if swallows {
                return Ok(ResourceResponse::new("swallowed"));
            }
            activity.text = activity.text.map(|text| format!("{text}, changed"));
            next.run(activity).await
        }
    });
    context.on_update_activity(move |_, activity, next| {
        third.note(format!("third {}", activity.text.as_deref().unwrap_or_default()));
        next.run(activity)
    });
    let update = async |text: &str| context.update_activity(MessageFactory::text(text).with_id(&id)).await;
    assert_eq!(update("text").await.unwrap().id.as_ref(), Some(&id));
    assert_eq!(adapter.visible()[0].activity.text.as_deref(), Some("text, changed"));
    assert_eq!(update("swallow").await.unwrap().id.as_deref(), Some("swallowed"));
    assert_eq!(adapter.visible()[0].activity.text.as_deref(), Some("text, changed"));
    assert_eq!(
        log.all(),
        [
            "first text",
            "second",
            "third text, changed",
            "first after",
            "first swallow",
            "second",
            "first after"
        ]
    );
    assert_eq!(adapter.calls().iter().filter(|call| call.verb == TestVerb::Update).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nested_hooks_see_change_and_swallow_a_deletion() {
    let (adapter, context, id) = turn().await;
    let other = context.send_activity("other").await.unwrap().id.unwrap();
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    context.on_delete_activity(move |_, reference, next| {
        let log = first.clone();
        async move {
            log.note("first");
            let result = next.run(reference).await;
            log.note("first after");
            result
        }
    });
    let redirected = other.clone();
    context.on_delete_activity(move |_, mut reference: ConversationReference, next| {
        let (log, other) = (second.clone(), redirected.clone());
        async move {
            log.note("second");
            match reference.activity_id.as_deref() {
                Some("nothing") => Ok(()),
                _ => {
                    reference.activity_id = Some(other);
                    next.run(reference).await
                }
            }
        }
    });
    context.delete_activity("nothing").await.unwrap();
    assert_eq!(adapter.visible().len(), 2);
    context.delete_activity(&id).await.unwrap();
    assert_eq!(adapter.visible().len(), 1);
    assert_eq!(adapter.visible()[0].id, id, "the other was deleted in its place");
    assert_eq!(log.all(), ["first", "second", "first after", "first", "second", "first after"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_hook_reaches_the_caller() {
    let (adapter, context, id) = turn().await;
    context.on_update_activity(async |_, _, _| Err(Error::own("not today")));
    let error = context.update_activity(MessageFactory::text("x").with_id(&id)).await.unwrap_err();
    assert!(matches!(error, Error::Own(_)) && !error.is_retryable(), "{error}");
    assert!(adapter.calls().iter().all(|call| call.verb == TestVerb::Send));
}

#[tokio::test(start_paused = true)]
async fn changes_without_an_id_are_not_sent() {
    let (adapter, context, _) = turn().await;
    assert!(matches!(context.update_activity("x").await, Err(Error::Misconfigured(_))));
    assert!(matches!(context.delete_activity("").await, Err(Error::Misconfigured(_))));
    assert_eq!(adapter.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_failure_is_told() {
    let (adapter, context, _) = turn().await;
    adapter.fail_next([None, None, Some(Fault::RateLimited(Duration::from_secs(3)))]);
    let activities = ["a", "b", "c", "d"].map(Activity::from).to_vec();
    let Err(Error::Partly { sent, source }) = context.send_activities(activities).await else { panic!() };
    assert_eq!(sent.len(), 2);
    assert!(source.is_retryable() && source.retry_after().is_some());
    assert_eq!(adapter.visible().len(), 3, "the rest is not tried");

    // One activity of which a hook makes two is told in the same way: asking again would send the first again.
    context.on_send_activities(async |_, mut activities, next| {
        activities.push(MessageFactory::text("second"));
        next.run(activities).await
    });
    adapter.fail_next([None, Some(Fault::RateLimited(Duration::from_secs(3)))]);
    let error = context.send_activity("first").await.unwrap_err();
    assert!(matches!(&error, Error::Partly { sent, .. } if sent.len() == 1), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_delay_makes_a_pause_and_no_call() {
    let (adapter, context, _) = turn().await;
    let begin = Instant::now();
    let sent = context.send_activities(vec!["a".into(), Activity::delay(1500), "b".into()]).await.unwrap();
    assert_eq!((sent.len(), begin.elapsed()), (3, Duration::from_millis(1500)));
    let calls = adapter.calls();
    assert_eq!((calls.len(), calls[2].at - calls[1].at), (3, Duration::from_millis(1500)));
}

#[tokio::test(start_paused = true)]
async fn traces_reach_the_emulator_only_and_are_no_answer() {
    for (channel, calls) in [("msteams", 0), ("emulator", 1)] {
        let adapter = TestAdapter::on_channel(channel);
        let context = quiet().with_adapter(adapter.clone()).context_for(&adapter.reference()).unwrap();
        context.send_activity(Activity::new(ActivityType::Trace)).await.unwrap();
        assert_eq!((adapter.calls().len(), context.responded()), (calls, false));
        context.send_activity("x").await.unwrap();
        assert!(context.responded());
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_runs_in_order_and_may_stop_the_turn() {
    let log = Log::default();
    let (first, second, inner) = (log.clone(), log.clone(), log.clone());
    let bot = Bot::new(move |_: TurnContext| {
        inner.note("bot");
        async { Ok(()) }
    })
    .with_middleware(move |context: TurnContext, next: Next| {
        let log = first.clone();
        async move {
            log.note("first");
            let ended = next.run(context).await;
            log.note("first after");
            ended
        }
    })
    .with_middleware(move |context: TurnContext, next: Next| {
        let log = second.clone();
        async move {
            log.note("second");
            if context.text() == "stop" { Ok(()) } else { next.run(context).await }
        }
    });
    TestFlow::new(bot.clone()).send("go").await.unwrap();
    assert_eq!(log.all(), ["first", "second", "bot", "first after"]);
    TestFlow::new(bot).send("stop").await.unwrap();
    assert_eq!(log.all()[4..], ["first", "second", "first after"]);
}

#[tokio::test(start_paused = true)]
async fn an_invoke_is_answered_with_what_the_bot_kept() {
    let invoke = || Activity::new(ActivityType::Invoke);
    let answer = |bot: Bot| TestFlow::new(bot).send(invoke());
    answer(quiet()).assert_invoke_response(501).await.unwrap();
    let twice = Bot::new(async |context: TurnContext| {
        context.respond(InvokeResponse::new(400, None));
        let response = InvokeResponse::new(202, json!({"ok": true}));
        context.send_activity(Activity::invoke_response(response)).await?;
        Ok(())
    });
    answer(twice).assert_invoke_response(202).assert_nothing_more().await.unwrap();
    let broken = Bot::new(async |context: TurnContext| {
        let sent = context.send_activity(Activity::new(ActivityType::InvokeResponse)).await;
        assert!(matches!(sent, Err(Error::Misconfigured(_))));
        Ok(())
    });
    answer(broken).assert_invoke_response(501).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn expected_replies_come_back_in_the_answer_and_later_ones_are_sent() {
    let adapter = TestAdapter::new();
    let kept: Arc<Mutex<Option<TurnContext>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let bot = Bot::new(move |context: TurnContext| {
        *keep.lock().unwrap() = Some(context.clone());
        async move {
            assert_eq!(context.send_activity("one").await?.id, None, "it gets no id");
            context.send_activity("two").await?;
            assert!(context.responded());
            let live = context.live("live").await;
            assert!(matches!(live, Err(Error::Unsupported { .. })), "what has no id can't live");
            Ok(())
        }
    })
    .with_adapter(adapter.clone());
    let mut said = adapter.incoming("hi");
    said.delivery_mode = Some(DeliveryMode::ExpectReplies);
    let outcome = bot.process(Arc::new(adapter.clone()), said.clone()).await;
    let TurnOutcome::Replies(replies) = outcome else { panic!("{outcome:?}") };
    let texts: Vec<_> = replies.iter().map(|reply| reply.text.as_deref().unwrap()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(replies[0].reply_to_id, said.id);
    assert!(adapter.calls().is_empty());

    let context = kept.lock().unwrap().clone().unwrap();
    context.send_activity("late").await.unwrap();
    assert_eq!(adapter.visible().len(), 1, "what comes after the answer is sent");
}

#[tokio::test(start_paused = true)]
async fn a_bot_writes_without_being_spoken_to() {
    let adapter = TestAdapter::new();
    let bot = quiet().with_adapter(adapter.clone());
    let mut reference = adapter.reference();
    reference.activity_id = Some("spoken".to_owned());
    let id = bot
        .continue_conversation(&reference, |context| async move {
            assert_eq!(context.activity().name.as_deref(), Some("ContinueConversation"));
            Ok(context.send_activity("proactive").await?.id.unwrap())
        })
        .await
        .unwrap();
    assert_eq!(adapter.calls()[0].activity.reply_to_id, None, "it answers nothing");
    assert_eq!(adapter.visible()[0].id, id);
    reference.channel_id = Some("elsewhere".to_owned());
    let error = bot.continue_conversation(&reference, |_| async { Ok(()) }).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Error::Misconfigured(_))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_turns_however_they_came() {
    let adapter = TestAdapter::new();
    let bot = Bot::new(async |context: TurnContext| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        context.send_activity("slow").await?;
        Ok(())
    })
    .with_adapter(adapter.clone());
    let turn = {
        let (bot, adapter) = (bot.clone(), adapter.clone());
        tokio::spawn(async move { bot.process(Arc::new(adapter.clone()), adapter.incoming("hi")).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(adapter.visible().len(), 1);
    turn.await.unwrap();
}
