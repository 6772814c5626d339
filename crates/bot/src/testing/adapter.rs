//! A platform in memory.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::activity::{
    Activity, ActivityType, ChannelAccount, ConversationAccount, ConversationReference, ResourceResponse,
};
use crate::adapter::{Adapter, BoxFuture, Capabilities, Found, Marker, Stream};
use crate::error::{Error, Refusal, Repeat};

/// A platform in memory. Clones share their state: a test gives one to the bot and inspects another.
///
/// It assigns ids, refuses to change messages that don't exist or are not the bot's, and stores idempotency keys where
/// [`Capabilities::send_once`] is set. Tests can set a rate limit and inject faults. It records every call.
///
/// ```
/// use redraft_bot::testing::{Fault, TestAdapter, TestFlow};
/// use redraft_bot::{Bot, TurnContext};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let platform = TestAdapter::new();
/// platform.fail_next([Fault::LostAnswer]);
/// let bot = Bot::new(async |context: TurnContext| {
///     let sent = context.send_activity("Are you there?").await;
///     assert!(sent.is_err(), "the message was posted, and its answer was lost");
///     Ok(())
/// });
/// TestFlow::on(bot, platform.clone()).send("hello").await?;
/// assert_eq!(platform.visible().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TestAdapter {
    channel_id: Arc<str>,
    state: Arc<Mutex<State>>,
    pub(super) calls: watch::Sender<usize>,
}

/// The kind of a call to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestVerb {
    /// [`Adapter::send`] or [`Adapter::send_once`].
    Send,
    /// [`Adapter::update`].
    Update,
    /// [`Adapter::delete`].
    Delete,
    /// [`Adapter::start_stream`].
    StartStream,
    /// [`Adapter::append_stream`].
    AppendStream,
    /// [`Adapter::finish_stream`].
    FinishStream,
    /// [`Adapter::find_marked`].
    FindMarked,
}

/// A recorded call, whether or not it reached the platform.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestCall {
    /// The kind of the call.
    pub verb: TestVerb,
    /// Its activity. Of a deletion: the conversation and the id alone.
    pub activity: Activity,
    /// Its result on the platform, whether or not the answer reached the bot.
    pub outcome: Result<ResourceResponse, Error>,
    /// The time of the call, on tokio's clock.
    pub at: Instant,
}

/// A message as the platform stores it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TestMessage {
    /// Its id.
    pub id: String,
    /// Its content.
    pub activity: Activity,
    /// Whether the bot wrote it.
    pub of_bot: bool,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// A fault to inject into a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The connection fails: the call has no effect, and the bot can tell.
    NotConnected,
    /// The request is lost: the call has no effect, and the bot can't tell.
    LostRequest,
    /// The answer is lost: the call takes effect, and the bot can't tell.
    LostAnswer,
    /// The call has no effect and never returns. As if the process was killed before the call reached the platform.
    HangsBefore,
    /// The call takes effect and never returns. As if the process was killed before the answer arrived.
    HangsAfter,
    /// The call takes effect after this time.
    Slow(Duration),
    /// The platform refuses with a rate limit and this time to wait.
    RateLimited(Duration),
    /// The platform refuses with this status and code.
    Refused(u16, &'static str),
}

pub(super) struct State {
    capabilities: Capabilities,
    rate_limit: Option<(usize, Duration)>,
    stream_limits: Option<(Duration, usize)>,
    latency: Duration,
    faults: VecDeque<Option<Fault>>,
    /// When the latest accepted calls came, by conversation.
    accepted: HashMap<String, VecDeque<Instant>>,
    messages: Vec<TestMessage>,
    /// Streams that have not ended, by message id, with the time they began.
    streams: HashMap<String, Instant>,
    /// What was sent under which idempotency key.
    keys: HashMap<String, (Activity, ResourceResponse)>,
    pub(super) calls: Vec<TestCall>,
    /// The conversation, a line for each step.
    lines: Vec<String>,
    ids: u64,
}

impl Default for TestAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestAdapter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a test platform\n{}", self.conversation())
    }
}

impl TestAdapter {
    /// A platform that can do everything but streams, without delay and without rate limit. Its channel id is `test`.
    #[must_use]
    pub fn new() -> Self {
        Self::on_channel("test")
    }

    /// Sets the channel id, `slack` or `msteams`: contents take that platform's form, and refusals its codes.
    #[must_use]
    pub fn on_channel(channel_id: &str) -> Self {
        let capabilities = Capabilities {
            update: true,
            delete: true,
            targeted: true,
            update_targeted: true,
            stream: false,
            typing: true,
            send_once: true,
            find_marked: true,
            update_interval_ms: 0,
        };
        let state = State {
            capabilities,
            rate_limit: None,
            stream_limits: None,
            latency: Duration::ZERO,
            faults: VecDeque::new(),
            accepted: HashMap::new(),
            messages: Vec::new(),
            streams: HashMap::new(),
            keys: HashMap::new(),
            calls: Vec::new(),
            lines: Vec::new(),
            ids: 0,
        };
        Self {
            channel_id: channel_id.into(),
            state: Arc::new(Mutex::new(state)),
            calls: watch::Sender::new(0),
        }
    }

    /// Changes the platform's capabilities: `.with_capabilities(|can| can.stream = true)`.
    #[must_use]
    pub fn with_capabilities(self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.lock().capabilities);
        self
    }

    /// Limits the calls per conversation and period, except for
    /// [`find_marked`](Adapter::find_marked). It asks to wait in whole seconds.
    #[must_use]
    pub fn with_rate_limit(self, calls: usize, per: Duration) -> Self {
        self.lock().rate_limit = Some((calls, per));
        self
    }

    /// Ends streams after this time and this many characters.
    #[must_use]
    pub fn with_stream_limits(self, lasts: Duration, chars: usize) -> Self {
        self.lock().stream_limits = Some((lasts, chars));
        self
    }

    /// Delays every call by this time before it takes effect.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        self.lock().latency = latency;
        self
    }

    /// Sets the faults of the next calls, in order; `None` lets a call pass.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = impl Into<Option<Fault>>>) {
        self.lock().faults.extend(faults.into_iter().map(Into::into));
    }

    /// All calls so far, in the order in which they happened.
    #[must_use]
    pub fn calls(&self) -> Vec<TestCall> {
        self.lock().calls.clone()
    }

    /// All messages, those of people and deleted ones included, in the order in which they were posted.
    #[must_use]
    pub fn messages(&self) -> Vec<TestMessage> {
        self.lock().messages.clone()
    }

    /// The bot's messages that were not deleted.
    #[must_use]
    pub fn visible(&self) -> Vec<TestMessage> {
        let mut messages = self.messages();
        messages.retain(|message| message.of_bot && !message.deleted);
        messages
    }

    /// Deletes a message as a person would. Returns whether there was one.
    pub fn delete_message(&self, id: &str) -> bool {
        let mut state = self.lock();
        let found = state.messages.iter_mut().find(|message| message.id == id && !message.deleted);
        let Some(message) = found else { return false };
        message.deleted = true;
        state.lines.push(format!("  a person deletes {id}"));
        true
    }

    /// The conversation so far as people see it, one line for each step.
    #[must_use]
    pub fn conversation(&self) -> String {
        let lines = self.lock().lines.join("\n");
        if lines.is_empty() { "  (nobody has said anything)".to_owned() } else { lines }
    }

    /// The conversation that [`TestFlow`](super::TestFlow) plays in: between one person and the bot.
    #[must_use]
    pub fn reference(&self) -> ConversationReference {
        let mut conversation = ConversationAccount::new("conversation");
        conversation.conversation_type = Some("personal".to_owned());
        let named = |id: &str, name: &str| {
            let mut account = ChannelAccount::new(id);
            account.name = Some(name.to_owned());
            account
        };
        ConversationReference {
            user: Some(named("person", "Person")),
            bot: Some(named("bot", "Bot")),
            conversation: Some(conversation),
            channel_id: Some(self.channel_id.to_string()),
            service_url: Some("https://test.invalid".to_owned()),
            ..ConversationReference::default()
        }
    }

    /// An activity of a person, completed as the platform does: with an id, the conversation, sender and receiver.
    #[must_use]
    pub fn incoming(&self, said: impl Into<Activity>) -> Activity {
        let mut activity = said.into();
        let reference = self.reference();
        let mut state = self.lock();
        activity.channel_id = reference.channel_id;
        activity.service_url = activity.service_url.or(reference.service_url);
        activity.conversation = activity.conversation.or(reference.conversation);
        activity.from = activity.from.or(reference.user);
        activity.recipient = activity.recipient.or(reference.bot);
        if activity.r#type.is_none() {
            activity.r#type = Some(ActivityType::Message);
        }
        if activity.id.is_none() {
            activity.id = Some(state.next_id());
        }
        let id = activity.id.clone().unwrap_or_default();
        state.lines.push(format!("  person: {}", shown(&activity)));
        if activity.is(&ActivityType::Message) {
            state.messages.push(TestMessage {
                id,
                activity: activity.clone(),
                of_bot: false,
                deleted: false,
            });
        }
        activity
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(
        &self,
        verb: TestVerb,
        activity: Activity,
        key: Option<&str>,
    ) -> Result<ResourceResponse, Error> {
        let (fault, latency) = {
            let mut state = self.lock();
            (state.faults.pop_front().flatten(), state.latency)
        };
        tokio::time::sleep(latency).await;
        let unanswered = |repeat| Error::Unanswered {
            method: format!("{verb:?}"),
            reason: "the test says so".to_owned(),
            repeat,
        };
        let keeps = key.is_some() && self.lock().capabilities.send_once;
        let repeat = match verb {
            TestVerb::Send if keeps => Repeat::Safe,
            TestVerb::Send | TestVerb::StartStream | TestVerb::AppendStream => Repeat::MayDuplicate,
            TestVerb::Update | TestVerb::Delete | TestVerb::FinishStream | TestVerb::FindMarked => {
                Repeat::Safe
            }
        };
        let instead = match &fault {
            Some(Fault::NotConnected) => Some(unanswered(Repeat::Safe)),
            Some(Fault::LostRequest) => Some(unanswered(repeat)),
            Some(Fault::RateLimited(wait)) => Some(too_many(*wait)),
            Some(Fault::Refused(status, code)) => Some(refused(verb, *status, code)),
            Some(Fault::HangsBefore) => std::future::pending().await,
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(*time).await;
                None
            }
            Some(Fault::LostAnswer | Fault::HangsAfter) | None => None,
        };
        let outcome = self.happen(verb, activity, key, instead);
        match fault {
            Some(Fault::HangsAfter) if outcome.is_ok() => std::future::pending().await,
            Some(Fault::LostAnswer) if outcome.is_ok() => Err(unanswered(repeat)),
            _ => outcome,
        }
    }

    fn happen(
        &self,
        verb: TestVerb,
        activity: Activity,
        key: Option<&str>,
        instead: Option<Error>,
    ) -> Result<ResourceResponse, Error> {
        let mut state = self.lock();
        let outcome = match instead {
            Some(error) => Err(error),
            None => {
                state.accept(&activity).and_then(|()| state.apply(&self.channel_id, verb, &activity, key))
            }
        };
        state.calls.push(TestCall { verb, activity, outcome: outcome.clone(), at: Instant::now() });
        self.calls.send_replace(state.calls.len());
        outcome
    }

    /// Takes an activity that came back in the answer to the request.
    pub(super) fn keep_reply(&self, activity: Activity) {
        let mut state = self.lock();
        state.lines.push(format!("  bot, in the answer: {}", shown(&activity)));
        let outcome = Ok(ResourceResponse::default());
        state.calls.push(TestCall { verb: TestVerb::Send, activity, outcome, at: Instant::now() });
        self.calls.send_replace(state.calls.len());
    }
}

fn too_many(wait: Duration) -> Error {
    Error::RateLimited(Refusal {
        method: "a call".to_owned(),
        status: 429,
        code: "rate_limited".to_owned(),
        retry_after: Some(wait),
        ..Refusal::default()
    })
}

fn refused(verb: TestVerb, status: u16, code: &str) -> Error {
    Error::Refused(Refusal {
        method: format!("{verb:?}"),
        status,
        code: code.to_owned(),
        ..Refusal::default()
    })
}

fn conversation_id(activity: &Activity) -> String {
    activity.conversation.as_ref().and_then(|conversation| conversation.id.clone()).unwrap_or_default()
}

/// An activity in a line.
pub(super) fn shown(activity: &Activity) -> String {
    let mut words = activity.text.clone().unwrap_or_default();
    if let Some(r#type) = activity.r#type.as_ref().filter(|r#type| **r#type != ActivityType::Message) {
        words = format!("({type} {}) {words}", activity.name.as_deref().unwrap_or_default());
    }
    for attachment in &activity.attachments {
        let content = attachment.content.as_ref().map(Value::to_string).unwrap_or_default();
        words = format!("{words} [{} {content}]", attachment.content_type.as_deref().unwrap_or_default());
    }
    words.trim().to_owned()
}

impl State {
    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("message-{}", self.ids)
    }

    fn accept(&mut self, activity: &Activity) -> Result<(), Error> {
        let Some((calls, per)) = self.rate_limit else { return Ok(()) };
        let now = Instant::now();
        let accepted = self.accepted.entry(conversation_id(activity)).or_default();
        while accepted.front().is_some_and(|at| now.duration_since(*at) >= per) {
            accepted.pop_front();
        }
        match accepted.front() {
            Some(oldest) if accepted.len() >= calls => {
                let wait = per.saturating_sub(now.duration_since(*oldest));
                Err(too_many(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))))
            }
            _ => {
                accepted.push_back(now);
                Ok(())
            }
        }
    }

    fn apply(
        &mut self,
        channel_id: &str,
        verb: TestVerb,
        activity: &Activity,
        key: Option<&str>,
    ) -> Result<ResourceResponse, Error> {
        let can = self.capabilities;
        let unless = |can: bool, verb| {
            if can { Ok(()) } else { Err(Error::Unsupported { platform: "this test platform", verb }) }
        };
        match verb {
            TestVerb::Send => {
                unless(can.targeted || !activity.is_targeted(), "show a message to one member only")?;
                if activity.is(&ActivityType::Typing) {
                    unless(can.typing, "show that the bot is typing")?;
                    return Ok(ResourceResponse::default());
                }
                self.send(activity, key.filter(|_| can.send_once))
            }
            TestVerb::Update => {
                unless(can.update, "update a message")?;
                let message = self.message(channel_id, verb, activity)?;
                message.activity = activity.clone();
                self.changed("changes", activity)
            }
            TestVerb::Delete => {
                unless(can.delete, "delete a message")?;
                self.message(channel_id, verb, activity)?.deleted = true;
                self.changed("deletes", activity)
            }
            TestVerb::StartStream => {
                unless(can.stream, "stream")?;
                let started = self.send(activity, None)?;
                self.streams.insert(started.id.clone().unwrap_or_default(), Instant::now());
                Ok(started)
            }
            TestVerb::AppendStream | TestVerb::FinishStream => {
                unless(can.stream, "stream")?;
                self.step(channel_id, verb, activity)
            }
            TestVerb::FindMarked => Ok(ResourceResponse::default()),
        }
    }

    fn send(&mut self, activity: &Activity, key: Option<&str>) -> Result<ResourceResponse, Error> {
        if let Some((before, response)) = key.and_then(|key| self.keys.get(key)) {
            return if before == activity {
                Ok(response.clone())
            } else {
                Err(refused(TestVerb::Send, 400, "idempotency_key_reused"))
            };
        }
        let id = self.next_id();
        self.lines.push(format!("  bot: {} ({id})", shown(activity)));
        self.messages.push(TestMessage {
            id: id.clone(),
            activity: activity.clone().with_id(id.as_str()),
            of_bot: true,
            deleted: false,
        });
        let response = ResourceResponse::new(id);
        if let Some(key) = key {
            self.keys.insert(key.to_owned(), (activity.clone(), response.clone()));
        }
        Ok(response)
    }

    fn step(
        &mut self,
        channel_id: &str,
        verb: TestVerb,
        activity: &Activity,
    ) -> Result<ResourceResponse, Error> {
        let id = activity.id.clone().unwrap_or_default();
        let over = || refused(verb, 403, "ContentStreamNotAllowed");
        let began = *self.streams.get(&id).ok_or_else(over)?;
        if let Some((lasts, chars)) = self.stream_limits {
            if began.elapsed() >= lasts {
                self.streams.remove(&id);
                return Err(over());
            }
            // It goes on, with what it has.
            if activity.text.as_deref().unwrap_or_default().chars().count() > chars {
                return Err(refused(verb, 403, "msg_too_long"));
            }
        }
        if verb == TestVerb::FinishStream {
            self.streams.remove(&id);
        }
        self.message_even_streaming(channel_id, verb, activity)?.activity = activity.clone();
        self.changed("goes on with", activity)
    }

    /// The bot's own message that an activity names.
    fn message(
        &mut self,
        channel_id: &str,
        verb: TestVerb,
        activity: &Activity,
    ) -> Result<&mut TestMessage, Error> {
        if self.streams.contains_key(activity.id.as_deref().unwrap_or_default()) {
            return Err(refused(verb, 400, "streaming_state_conflict"));
        }
        self.message_even_streaming(channel_id, verb, activity)
    }

    fn message_even_streaming(
        &mut self,
        channel_id: &str,
        verb: TestVerb,
        activity: &Activity,
    ) -> Result<&mut TestMessage, Error> {
        let slack = channel_id == "slack";
        let conversation = conversation_id(activity);
        let found = self.messages.iter_mut().find(|message| {
            !message.deleted
                && activity.id.as_ref() == Some(&message.id)
                && conversation_id(&message.activity) == conversation
        });
        match found {
            None if slack => Err(refused(verb, 200, "message_not_found")),
            None => Err(refused(verb, 404, "ActivityNotFoundInConversation")),
            Some(message) if message.of_bot => Ok(message),
            Some(_) if !slack => Err(refused(verb, 403, "NotEnoughPermissions")),
            Some(_) if verb == TestVerb::Delete => Err(refused(verb, 200, "cant_delete_message")),
            Some(_) => Err(refused(verb, 200, "cant_update_message")),
        }
    }

    fn changed(&mut self, how: &str, activity: &Activity) -> Result<ResourceResponse, Error> {
        let id = activity.id.clone().unwrap_or_default();
        self.lines.push(format!("  bot {how} {id}: {}", shown(activity)));
        Ok(ResourceResponse::new(id))
    }
}

impl Adapter for TestAdapter {
    fn channel_id(&self) -> &str {
        &self.channel_id
    }

    fn capabilities(&self, _reference: &ConversationReference) -> Capabilities {
        self.lock().capabilities
    }

    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.call(TestVerb::Send, activity.clone(), None))
    }

    fn send_once<'a>(
        &'a self,
        activity: &'a Activity,
        key: &'a str,
    ) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.call(TestVerb::Send, activity.clone(), Some(key)))
    }

    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.call(TestVerb::Update, activity.clone(), None))
    }

    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>> {
        let mut activity = Activity::default().to(reference);
        activity.id.clone_from(&reference.activity_id);
        Box::pin(async move { self.call(TestVerb::Delete, activity, None).await.map(drop) })
    }

    fn find_marked<'a>(
        &'a self,
        reference: &'a ConversationReference,
        marker: &'a Marker,
        _since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, Error>> {
        Box::pin(async move {
            if !self.lock().capabilities.find_marked {
                return Ok(Found::CannotLook);
            }
            let activity = Activity::default().to(reference);
            let conversation = conversation_id(&activity);
            self.call(TestVerb::FindMarked, activity, None).await?;
            let state = self.lock();
            let found = state.messages.iter().find(|message| {
                let metadata = message.activity.channel_data.as_ref().map(|data| &data["metadata"]);
                !message.deleted
                    && conversation_id(&message.activity) == conversation
                    && metadata.is_some_and(|metadata| marker.is(metadata))
            });
            Ok(found.map_or(Found::Nothing, |message| Found::Message(message.id.clone())))
        })
    }

    fn start_stream<'a>(&'a self, first: &'a Activity) -> BoxFuture<'a, Result<Stream, Error>> {
        Box::pin(async move {
            let started = self.call(TestVerb::StartStream, first.clone(), None).await?;
            Ok(Stream {
                id: started.id.unwrap_or_default(),
                reference: first.conversation_reference(),
                sequence: 1,
                text: first.text.clone().unwrap_or_default(),
            })
        })
    }

    fn append_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        activity: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let step = activity.clone().with_id(stream.id.as_str());
            self.call(TestVerb::AppendStream, step, None).await?;
            stream.sequence += 1;
            stream.text = activity.text.clone().unwrap_or_default();
            Ok(())
        })
    }

    fn finish_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        last: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let step = last.clone().with_id(stream.id.as_str());
            self.call(TestVerb::FinishStream, step, None).await?;
            stream.text = last.text.clone().unwrap_or_default();
            Ok(())
        })
    }
}
