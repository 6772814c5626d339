//! Conversations with a bot, as tests write them.

use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::adapter::{TestAdapter, TestCall, TestVerb, shown};
use crate::activity::{Activity, ActivityType, InvokeResponse};
use crate::adapter::BoxFuture;
use crate::bot::{Bot, TurnOutcome};

/// The longest time that a [`TestFlow`] waits for what it expects, in milliseconds. It waits on tokio's clock, which a test can
/// pause.
pub const EXPECT_MS_MAX: u64 = 3000;

type Check = Box<dyn Fn(&Activity) -> Result<(), String> + Send + Sync>;

enum Step {
    Say(Box<Activity>),
    Press(String),
    Expect { verbs: &'static [TestVerb], what: String, check: Check },
    Answers(u16),
    NothingMore,
    Pause(Duration),
}

/// A scripted conversation with a bot: what a person does and what the bot must do in return, in order. Await it to run it.
///
/// Every call of the bot must match the next expectation, or the flow fails. Calls after the last expectation are ignored,
/// unless the flow ends with [`assert_nothing_more`](Self::assert_nothing_more). Typing indicators are ignored. A failure
/// prints the conversation.
#[must_use = "a flow runs when it is awaited"]
pub struct TestFlow {
    bot: Bot,
    adapter: TestAdapter,
    steps: Vec<Step>,
    failed: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for TestFlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TestFlow").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

/// Why a flow failed. `Display` shows the whole conversation.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowError {
    /// The number of the failed step, counted from 1.
    pub step: usize,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub got: String,
    /// The conversation up to that step, one line for each step.
    pub conversation: String,
}

impl fmt::Display for FlowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, expected, got, conversation } = self;
        write!(formatter, "step {step}: expected {expected}, got {got}. The conversation:\n{conversation}")
    }
}

impl fmt::Debug for FlowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for FlowError {}

impl TestFlow {
    /// A conversation with this bot on a new [`TestAdapter`].
    pub fn new(bot: Bot) -> Self {
        Self::on(bot, TestAdapter::new())
    }

    /// A conversation with this bot on a platform that the test has set up. The platform is added to the bot.
    pub fn on(bot: Bot, adapter: TestAdapter) -> Self {
        let failed = Arc::new(Mutex::new(None));
        let mut bot = bot.with_adapter(adapter.clone());
        if !bot.has_error_handler() {
            let failed = Arc::clone(&failed);
            bot = bot.on_turn_error(move |_, error| {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                std::future::ready(())
            });
        }
        Self { bot, adapter, steps: Vec::new(), failed }
    }

    /// The bot with its platform. Use it to shut the bot down, or to write when no turn is open.
    #[must_use]
    pub fn bot(&self) -> &Bot {
        &self.bot
    }

    /// A person sends a text or any other activity. The next step begins when the turn has ended. If the turn fails, the flow
    /// fails, unless the bot has an error handler.
    pub fn send(self, said: impl Into<Activity>) -> Self {
        self.then(Step::Say(Box::new(said.into())))
    }

    /// A person presses the button with this label, on the newest message that has one.
    pub fn press(self, title: impl Into<String>) -> Self {
        self.then(Step::Press(title.into()))
    }

    /// A person sends the first, and the bot replies with the second.
    pub fn test(self, said: impl Into<Activity>, expected: impl Into<Activity>) -> Self {
        self.send(said).assert_reply(expected)
    }

    /// The bot's next call sends this. Of an activity, the members that are set must be equal, except for `inputHint`.
    pub fn assert_reply(self, expected: impl Into<Activity>) -> Self {
        self.expect(REPLY, "the reply", expected.into())
    }

    /// The bot's next call sends an activity for which this returns true. `what` describes it in failures.
    pub fn assert_reply_that(self, holds: impl Fn(&Activity) -> bool + Send + Sync + 'static) -> Self {
        self.expect_that(REPLY, "another reply", holds)
    }

    /// The bot's next call updates a message to this.
    pub fn assert_update(self, expected: impl Into<Activity>) -> Self {
        self.expect(UPDATE, "the update", expected.into())
    }

    /// The bot's next call updates a message to an activity for which this returns true. `what` describes it in failures.
    pub fn assert_update_that(self, holds: impl Fn(&Activity) -> bool + Send + Sync + 'static) -> Self {
        self.expect_that(UPDATE, "another update", holds)
    }

    /// The bot's next call deletes a message.
    pub fn assert_delete(self) -> Self {
        self.expect_that(DELETE, "a deletion", |_| true)
    }

    /// The bot's next call deletes a message whose last text was this.
    pub fn assert_delete_of(self, text: impl Into<String>) -> Self {
        let (text, adapter) = (text.into(), self.adapter.clone());
        let what = format!("the deletion of {text:?}");
        self.expect_that(DELETE, &what, move |deleted| {
            let messages = adapter.messages();
            let message = messages.iter().find(|message| deleted.id.as_ref() == Some(&message.id));
            message.is_some_and(|message| message.activity.text.as_ref() == Some(&text))
        })
    }

    /// The bot answered the last invoke or pressed button with this HTTP status.
    pub fn assert_invoke_response(self, status: u16) -> Self {
        self.then(Step::Answers(status))
    }

    /// Waits until the bot is idle; it must have made no further call.
    pub fn assert_nothing_more(self) -> Self {
        self.then(Step::NothingMore)
    }

    /// Waits for this time, on tokio's clock.
    pub fn delay(self, time: Duration) -> Self {
        self.then(Step::Pause(time))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn expect(self, verbs: &'static [TestVerb], what: &str, expected: Activity) -> Self {
        let what = format!("{what} {:?}", shown(&expected));
        let check: Check = Box::new(move |activity| differs(&expected, activity).map_or(Ok(()), Err));
        self.then(Step::Expect { verbs, what, check })
    }

    fn expect_that(
        self,
        verbs: &'static [TestVerb],
        what: &str,
        holds: impl Fn(&Activity) -> bool + Send + Sync + 'static,
    ) -> Self {
        let check: Check =
            Box::new(
                move |activity| {
                    if holds(activity) { Ok(()) } else { Err(format!("{:?}", shown(activity))) }
                },
            );
        self.then(Step::Expect { verbs, what: what.to_owned(), check })
    }

    async fn run(self) -> Result<TestAdapter, FlowError> {
        let mut cursor = Cursor { adapter: self.adapter.clone(), seen: self.adapter.calls().len() };
        let mut answer = None;
        for (place, step) in self.steps.into_iter().enumerate() {
            let conversation = self.adapter.clone();
            let failure = move |expected: String, got: String| FlowError {
                step: place + 1,
                expected,
                got,
                conversation: conversation.conversation(),
            };
            match step {
                Step::Say(said) => {
                    let said = self.adapter.incoming(*said);
                    answer = turn(&self.bot, &self.adapter, &self.failed, said)
                        .await
                        .map_err(|got| failure("the turn to end well".to_owned(), got))?;
                }
                Step::Press(title) => {
                    let pressed = pressed(&self.adapter, &title).ok_or_else(|| {
                        failure(format!("a button {title:?}"), "no message with one".to_owned())
                    })?;
                    let pressed = self.adapter.incoming(pressed);
                    answer = turn(&self.bot, &self.adapter, &self.failed, pressed)
                        .await
                        .map_err(|got| failure("the turn to end well".to_owned(), got))?;
                }
                Step::Expect { verbs, what, check } => {
                    let Some(call) = cursor.next().await else {
                        return Err(failure(what, format!("nothing within {EXPECT_MS_MAX} ms")));
                    };
                    if !verbs.contains(&call.verb) {
                        return Err(failure(what, format!("{:?} {:?}", call.verb, shown(&call.activity))));
                    }
                    check(&call.activity).map_err(|got| failure(what, got))?;
                }
                Step::Answers(status) => match answer.take() {
                    Some(response) if response.status == status => {}
                    other => {
                        let got = other.map_or("none".to_owned(), |response| response.status.to_string());
                        return Err(failure(format!("an answer with status {status}"), got));
                    }
                },
                Step::NothingMore => {
                    let limit = Duration::from_millis(EXPECT_MS_MAX);
                    if tokio::time::timeout(limit, self.bot.tasks().idle()).await.is_err() {
                        let got = format!("a bot that is still at work after {EXPECT_MS_MAX} ms");
                        return Err(failure("nothing more".to_owned(), got));
                    }
                    if let Some(call) = cursor.peek() {
                        let got = format!("{:?} {:?}", call.verb, shown(&call.activity));
                        return Err(failure("nothing more".to_owned(), got));
                    }
                }
                Step::Pause(time) => tokio::time::sleep(time).await,
            }
        }
        Ok(self.adapter)
    }
}

const REPLY: &[TestVerb] = &[TestVerb::Send, TestVerb::StartStream];
const UPDATE: &[TestVerb] = &[TestVerb::Update, TestVerb::AppendStream, TestVerb::FinishStream];
const DELETE: &[TestVerb] = &[TestVerb::Delete];

impl IntoFuture for TestFlow {
    type Output = Result<TestAdapter, FlowError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

async fn turn(
    bot: &Bot,
    adapter: &TestAdapter,
    failed: &Mutex<Option<String>>,
    activity: Activity,
) -> Result<Option<InvokeResponse>, String> {
    match bot.process(Arc::new(adapter.clone()), activity).await {
        TurnOutcome::Done => Ok(None),
        TurnOutcome::Invoke(response) => Ok(Some(response)),
        TurnOutcome::Replies(replies) => {
            replies.into_iter().for_each(|reply| adapter.keep_reply(reply));
            Ok(None)
        }
        TurnOutcome::Failed => match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(format!("the error {error:?}")),
            None => Ok(None),
        },
    }
}

/// How far a flow has read what the bot did.
struct Cursor {
    adapter: TestAdapter,
    seen: usize,
}

impl Cursor {
    fn peek(&mut self) -> Option<TestCall> {
        let state = self.adapter.lock();
        while let Some(call) = state.calls.get(self.seen) {
            let typing = call.activity.is(&ActivityType::Typing) && call.verb == TestVerb::Send;
            if call.outcome.is_ok() && call.verb != TestVerb::FindMarked && !typing {
                return Some(call.clone());
            }
            self.seen += 1;
        }
        None
    }

    async fn next(&mut self) -> Option<TestCall> {
        let mut calls = self.adapter.calls.subscribe();
        let found = async {
            loop {
                calls.mark_unchanged();
                if let Some(call) = self.peek() {
                    self.seen += 1;
                    return call;
                }
                // The sender lives in the adapter.
                let _ = calls.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_millis(EXPECT_MS_MAX), found).await.ok()
    }
}

/// How an activity differs from what is expected, in the members that are set there.
fn differs(expected: &Activity, activity: &Activity) -> Option<String> {
    let (Ok(Value::Object(expected)), Ok(actual)) =
        (serde_json::to_value(expected), serde_json::to_value(activity))
    else {
        return Some("what can't be written as JSON".to_owned());
    };
    expected.iter().find_map(|(name, value)| {
        // MessageFactory sets it, which nobody means.
        let same = name == "inputHint" || actual.get(name) == Some(value);
        let got = actual.get(name).cloned().unwrap_or_default();
        (!same).then(|| format!("{:?} with {name} {got}", shown(activity)))
    })
}

/// The press of a button of the latest message that has one with these words.
fn pressed(adapter: &TestAdapter, title: &str) -> Option<Activity> {
    adapter.visible().iter().rev().find_map(|message| {
        let cards = message.activity.attachments.iter().filter_map(|attachment| attachment.content.as_ref());
        let parts = cards.chain(message.activity.channel_data.as_ref());
        let (verb, data) = parts.into_iter().find_map(|part| button(part, title))?;
        let mut activity = Activity::new(ActivityType::Invoke);
        activity.name = Some("adaptiveCard/action".to_owned());
        activity.value =
            Some(json!({"action": {"type": "Action.Execute", "title": title, "verb": verb, "data": data}}));
        activity.reply_to_id = Some(message.id.clone());
        Some(activity)
    })
}

/// Verb and data of the button with these words, of a card or of blocks.
fn button(part: &Value, title: &str) -> Option<(String, Value)> {
    match part {
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("title") == title && text("type").starts_with("Action.") {
                return Some((text("verb").to_owned(), object.get("data").cloned().unwrap_or_default()));
            }
            if text("type") == "button" && part["text"]["text"] == title {
                let (verb, _) = text("action_id").rsplit_once('.').unwrap_or((text("action_id"), ""));
                return Some((verb.to_owned(), json!({"value": text("value")})));
            }
            object.values().find_map(|value| button(value, title))
        }
        Value::Array(items) => items.iter().find_map(|item| button(item, title)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
