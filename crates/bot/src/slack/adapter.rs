//! Slack as a platform of a bot.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use ring::hmac;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::arguments::{Purpose, content};
use super::cards::{Blocks, markdown};
use super::client::{SlackClient, SlackTeam, SlackToken, SlackTokenProvider};
use super::events::{Identity, Incoming, Payload};
use super::response_url::{self, EphemeralId, Turn};
use super::seen::SeenKeys;
use super::{signature, socket};
use crate::activity::{
    Activity, ActivityType, Attachment, ConversationAccount, ConversationReference, InvokeResponse,
    ResourceResponse,
};
use crate::adapter::{Adapter, BoxFuture, Capabilities, Found, Marker, Stream};
use crate::bot::{Bot, TurnOutcome};
use crate::error::{Error, Repeat};
use crate::factory::CardFactory;
use crate::service::plain;

/// The path of the bot for everything that Slack sends: events, interactivity and commands.
pub const SLACK_PATH: &str = "/slack/events";
/// The longest time in which a turn can set its answer to Slack, in milliseconds. Then Slack gets an empty answer and the turn
/// continues. Slack itself gives up after 3000 ms.
pub const SLACK_ANSWER_MS_MAX: u64 = 2_500;
/// The longest time for which a turn waits for the bot's own id, when a payload does not name it, in milliseconds. Then the
/// turn runs without the id.
const IDENTITY_MS_MAX: u64 = 1_000;
/// The most teams' identities, and people's direct conversations, that are cached. Beyond that all are fetched anew.
const REMEMBERED_MAX: usize = 1_000;
/// The pause between two updates that the rate limit of `chat.update` allows permanently (50 calls a minute), in milliseconds.
const UPDATE_INTERVAL_MS: u64 = 1_200;
/// The longest stream, in bytes of text. Slack refuses somewhere above 10,600 of them.
const STREAM_BYTES_MAX: usize = 10_000;
/// How far a conversation is searched for a marked message: the most pages, and the messages of a page.
const PAGES_MAX: usize = 5;
const PAGE_MESSAGES: usize = 200;

/// Settings of a [`SlackAdapter`].
///
/// ```
/// use redraft_bot::{SlackAdapter, SlackSettings, SlackToken};
///
/// # fn main() -> Result<(), redraft_bot::Error> {
/// let settings = SlackSettings::new(SlackToken::new("xoxb-…")).signing_secret("8f742231b10e…");
/// let adapter = SlackAdapter::new(settings)?;
/// # let _ = adapter;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct SlackSettings {
    tokens: Arc<dyn SlackTokenProvider>,
    signing_secret: Option<String>,
    app_token: Option<SlackToken>,
    api_url: String,
}

impl fmt::Debug for SlackSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SlackSettings").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl SlackSettings {
    /// Settings with the bot's token, or a lookup of the teams' tokens. A bot with nothing else sends, but receives nothing.
    pub fn new(tokens: impl SlackTokenProvider) -> Self {
        let api_url = "https://slack.com/api/".to_owned();
        Self { tokens: Arc::new(tokens), signing_secret: None, app_token: None, api_url }
    }

    /// Sets the signing secret, with which requests to [`SLACK_PATH`] are verified.
    pub fn signing_secret(mut self, secret: impl Into<String>) -> Self {
        self.signing_secret = Some(secret.into()).filter(|secret| !secret.is_empty());
        self
    }

    /// Sets the app-level token, `xapp-…`, with which the bot receives events through Socket Mode.
    pub fn app_token(mut self, token: impl Into<SlackToken>) -> Self {
        self.app_token = Some(token.into());
        self
    }

    /// Sets the URL of the API of another server than Slack, such as Redraft. It ends in `/api/`.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// Reads the settings from `SLACK_BOT_TOKEN`, `SLACK_SIGNING_SECRET`, `SLACK_APP_TOKEN` and `SLACK_API_URL`. All but the
    /// first are optional.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] without a bot token.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let token = variable("SLACK_BOT_TOKEN").ok_or_else(|| {
            Error::Misconfigured("SLACK_BOT_TOKEN is not set: it is the bot's token, xoxb-….".to_owned())
        })?;
        let mut settings = Self::new(SlackToken::new(token));
        settings.signing_secret = variable("SLACK_SIGNING_SECRET");
        settings.app_token = variable("SLACK_APP_TOKEN").map(SlackToken::new);
        if let Some(url) = variable("SLACK_API_URL") {
            settings.api_url = url;
        }
        Ok(settings)
    }
}

/// The Slack platform.
///
/// Everything that Slack sends to [`SLACK_PATH`] or through Socket Mode becomes a turn: messages, edits, deletions and
/// reactions as in Teams; clicks as the invoke `adaptiveCard/action`, so that [`Activity::action`] reads them; commands as
/// activities of the type `command` whose name is the command; modals and shortcuts as invokes named by their type, whose
/// [`InvokeResponse`] body is Slack's answer (`response_action` for one); everything else as an event. The whole payload is in
/// `channel_data`. The bot's own messages are ignored.
///
/// A turn that takes longer than [`SLACK_ANSWER_MS_MAX`] continues after Slack got its answer.
pub struct SlackAdapter {
    client: SlackClient,
    secret: Option<hmac::Key>,
    pub(super) app_token: Option<SlackToken>,
    seen: SeenKeys,
    identities: Remembered<SlackTeam, Identity>,
    /// Direct conversations by team and person.
    direct: Remembered<(SlackTeam, String), String>,
}

impl fmt::Debug for SlackAdapter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SlackAdapter").field("client", &self.client).finish_non_exhaustive()
    }
}

/// A bounded memory of answers.
struct Remembered<K, V>(Mutex<HashMap<K, V>>);

impl<K: Eq + std::hash::Hash, V: Clone> Remembered<K, V> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: K, value: V) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED_MAX <= known.len() {
            known.clear();
        }
        known.insert(key, value);
    }
}

/// What Slack is answered.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Reply {
    /// Received, without content.
    pub(super) const EMPTY: Self = Self { status: 200, body: None };

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn into_response(self) -> Response<Bytes> {
        let body = self.body.map(|body| Bytes::from(body.to_string()));
        let json = body.is_some();
        let mut response = Response::new(body.unwrap_or_default());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if json {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}

impl SlackAdapter {
    /// An adapter with these settings.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the URL of the API is invalid, or TLS can't be set up.
    pub fn new(settings: SlackSettings) -> Result<Self, Error> {
        let SlackSettings { tokens, signing_secret, app_token, api_url } = settings;
        Ok(Self {
            client: SlackClient::with_provider(&api_url, tokens)?,
            secret: signing_secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
            app_token,
            seen: SeenKeys::default(),
            identities: Remembered::new(),
            direct: Remembered::new(),
        })
    }

    /// An adapter with [the settings of the environment](SlackSettings::from_env).
    ///
    /// # Errors
    /// As [`SlackSettings::from_env`] and [`new`](Self::new).
    pub fn from_env() -> Result<Self, Error> {
        Self::new(SlackSettings::from_env()?)
    }

    /// The client of the Web API, for all methods. Clone it before you give the adapter to the bot.
    #[must_use]
    pub fn client(&self) -> &SlackClient {
        &self.client
    }

    fn client_for(&self, conversation: &ConversationAccount) -> SlackClient {
        self.client.for_team(SlackTeam::of(conversation))
    }

    /// The bot's own ids in a team.
    async fn identity(&self, payload: &Payload) -> Identity {
        let named = payload.identity();
        if named.user_id.is_some() {
            return named;
        }
        let team = SlackTeam::of(&payload.place());
        if let Some(known) = self.identities.get(&team) {
            return known;
        }
        let client = self.client.for_team(team.clone());
        let asked = client.call("auth.test", Value::Null);
        match tokio::time::timeout(Duration::from_millis(IDENTITY_MS_MAX), asked).await {
            Ok(Ok(answer)) => {
                let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
                let identity = Identity { user_id: text("user_id"), bot_id: text("bot_id") };
                self.identities.put(team, identity.clone());
                identity
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the bot does not know who it is");
                Identity::default()
            }
            Err(_) => Identity::default(),
        }
    }

    /// Whether this payload is new. It is marked as seen.
    fn is_new(&self, payload: &Payload) -> bool {
        // All keys are remembered, whichever is known.
        let known = payload.keys().into_iter().filter(|key| !self.seen.first(key.clone())).count();
        known == 0
    }

    /// Starts a turn. Its answer arrives through the channel, which closes without an answer if the turn panicked.
    pub(super) fn begin(self: &Arc<Self>, bot: &Bot, payload: Payload) -> oneshot::Receiver<Reply> {
        let (answer, answered) = oneshot::channel();
        if !self.is_new(&payload) {
            tracing::debug!("received before");
            let _ = answer.send(Reply::EMPTY);
            return answered;
        }
        let (adapter, turn_bot) = (Arc::clone(self), bot.clone());
        bot.spawn(async move {
            let me = adapter.identity(&payload).await;
            let Some(activity) = payload.activity(&me) else {
                let _ = answer.send(Reply::EMPTY);
                return;
            };
            let conversation = activity.conversation.clone().unwrap_or_default();
            let event = matches!(payload, Payload::Event(_));
            let outcome = turn_bot.process(adapter.clone(), activity).await;
            let (reply, told) = match outcome {
                TurnOutcome::Invoke(response) => reply_to(&payload, response),
                // The event was received although the turn failed: Slack must not send it again, nor switch the bot's events off.
                TurnOutcome::Failed if !event => (Reply { status: 500, body: None }, None),
                TurnOutcome::Done | TurnOutcome::Replies(_) | TurnOutcome::Failed => (Reply::EMPTY, None),
            };
            let _ = answer.send(reply);
            if let (Some(told), Some(turn)) = (told, Turn::of(&conversation)) {
                let client = adapter.client_for(&conversation);
                let said = response_url::call(&client, &turn.response_url, &told, Repeat::MayDuplicate).await;
                if let Err(error) = said {
                    tracing::warn!(%error, "the answer to a click was not shown");
                }
            }
        });
        answered
    }

    async fn request(self: Arc<Self>, bot: Bot, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let content_type =
            head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if Incoming::is_ssl_check(content_type, &body) {
            return plain(StatusCode::OK, "");
        }
        let Some(secret) = &self.secret else {
            tracing::warn!("a request can't be checked: the bot has no signing secret");
            return plain(StatusCode::UNAUTHORIZED, "This bot has no signing secret.");
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if let Err(forged) = signature::verify(secret, &head.headers, &body, now) {
            tracing::warn!(reason = forged.words(), "a request was refused");
            return plain(StatusCode::UNAUTHORIZED, forged.words());
        }
        let payload = match Incoming::read(content_type, &body) {
            Ok(Incoming::SslCheck) => return plain(StatusCode::OK, ""),
            Ok(Incoming::Challenge(challenge)) => {
                let mut response = Response::new(Bytes::from(challenge));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                return response;
            }
            Ok(Incoming::Payload(payload)) => payload,
            Err(words) => {
                tracing::warn!(reason = words, "a request was refused");
                return plain(StatusCode::BAD_REQUEST, words);
            }
        };
        // A signed request is accepted once: a recorded one is a replay.
        let signed = head.headers.get("x-slack-signature").and_then(|value| value.to_str().ok());
        if !signed.is_none_or(|signature| self.seen.first(format!("signature:{signature}"))) {
            return Reply::EMPTY.into_response();
        }
        let answered = self.begin(&bot, payload);
        match tokio::time::timeout(Duration::from_millis(SLACK_ANSWER_MS_MAX), answered).await {
            Ok(Ok(reply)) => reply.into_response(),
            Ok(Err(_)) => plain(StatusCode::INTERNAL_SERVER_ERROR, "The bot failed."),
            Err(_) => Reply::EMPTY.into_response(),
        }
    }

    /// The conversation's id as `chat.update` and `chat.delete` want it: not a person's.
    async fn channel(&self, conversation: &ConversationAccount) -> Result<String, Error> {
        let id = channel_of(conversation)?;
        if !id.starts_with(['U', 'W']) {
            return Ok(id.to_owned());
        }
        let key = (SlackTeam::of(conversation), id.to_owned());
        if let Some(known) = self.direct.get(&key) {
            return Ok(known);
        }
        let opened = self.client_for(conversation).call("conversations.open", json!({"users": id})).await?;
        let opened = opened.pointer("/channel/id").and_then(Value::as_str).unwrap_or(id).to_owned();
        self.direct.put(key, opened.clone());
        Ok(opened)
    }

    async fn post(&self, activity: &Activity, key: Option<&str>) -> Result<ResourceResponse, Error> {
        let unsupported = |verb| Error::Unsupported { platform: "Slack", verb };
        match &activity.r#type {
            None | Some(ActivityType::Message) => {}
            Some(ActivityType::Typing) => return Err(unsupported("show that a bot is typing")),
            Some(_) => return Err(unsupported("send activities other than messages")),
        }
        let conversation = activity.conversation.clone().unwrap_or_default();
        let channel = channel_of(&conversation)?;
        let mut arguments = Map::new();
        arguments.insert("channel".to_owned(), channel.into());
        if let Some(thread_ts) = &conversation.thread_ts {
            arguments.insert("thread_ts".to_owned(), thread_ts.as_str().into());
        }
        arguments.extend(content(activity, Purpose::Post));
        let reader = activity.recipient.as_ref().filter(|_| activity.is_targeted());
        let reader = match (activity.is_targeted(), reader.and_then(|reader| reader.id.as_deref())) {
            (true, None) => {
                return Err(Error::Misconfigured(
                    "A message for one member needs the member's id: use only_for.".to_owned(),
                ));
            }
            (_, reader) => reader,
        };
        let method = match reader {
            Some(reader) => {
                arguments.insert("user".to_owned(), reader.into());
                "chat.postEphemeral"
            }
            None => "chat.postMessage",
        };
        let client = self.client_for(&conversation);
        let posted = match client.call_once(method, &Value::Object(arguments), key).await {
            Ok(posted) => posted,
            Err(error) => return self.respond(&client, activity, &conversation, reader, error).await,
        };
        if reader.is_some() {
            // No method takes this message's ts: it has no id until somebody presses a button of it.
            return Ok(ResourceResponse::default());
        }
        let text = |name: &str| posted.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(direct) = text("channel").filter(|_| channel.starts_with(['U', 'W'])) {
            self.direct.put((SlackTeam::of(&conversation), channel.to_owned()), direct);
        }
        Ok(ResourceResponse { id: text("ts"), ..ResourceResponse::default() })
    }

    /// Posts through the turn's `response_url` if the bot is not in the conversation and the URL reaches the same readers.
    async fn respond(
        &self,
        client: &SlackClient,
        activity: &Activity,
        conversation: &ConversationAccount,
        reader: Option<&str>,
        error: Error,
    ) -> Result<ResourceResponse, Error> {
        let outside = error.refusal().is_some_and(|refusal| {
            matches!(refusal.code.as_str(), "not_in_channel" | "channel_not_found" | "user_not_in_channel")
        });
        let turn = Turn::of(conversation).filter(|turn| reader.is_none_or(|reader| reader == turn.user));
        let Some(turn) = turn.filter(|_| outside) else { return Err(error) };
        let mut body = Map::new();
        let to = if reader.is_some() { "ephemeral" } else { "in_channel" };
        body.insert("response_type".to_owned(), to.into());
        body.insert("replace_original".to_owned(), false.into());
        if let (None, Some(thread_ts)) = (reader, &conversation.thread_ts) {
            body.insert("thread_ts".to_owned(), thread_ts.as_str().into());
        }
        body.extend(content(activity, Purpose::Respond));
        match response_url::call(client, &turn.response_url, &body, Repeat::MayDuplicate).await {
            Ok(()) => Ok(ResourceResponse::default()),
            // The turn is long past, or has said enough: that the bot is not there is what matters.
            Err(used)
                if used
                    .refusal()
                    .is_some_and(|it| matches!(it.code.as_str(), "used_url" | "expired_url")) =>
            {
                Err(error)
            }
            Err(failed) => Err(failed),
        }
    }

    async fn change(&self, activity: &Activity) -> Result<ResourceResponse, Error> {
        let id = activity.id.as_deref().unwrap_or_default();
        let conversation = activity.conversation.clone().unwrap_or_default();
        let client = self.client_for(&conversation);
        if let Some(ephemeral) = EphemeralId::read(id) {
            let mut body = content(activity, Purpose::Respond);
            body.insert("replace_original".to_owned(), true.into());
            response_url::call(&client, ephemeral.url, &body, Repeat::Safe).await?;
            return Ok(ResourceResponse::new(id));
        }
        if activity.is_targeted() {
            return Err(Error::Unsupported {
                platform: "Slack",
                verb: "change a message for one member before they pressed a button of it",
            });
        }
        let mut arguments = Map::new();
        arguments.insert("channel".to_owned(), self.channel(&conversation).await?.into());
        arguments.insert("ts".to_owned(), id.into());
        arguments.extend(content(activity, Purpose::Update));
        let changed = client.call("chat.update", Value::Object(arguments)).await?;
        Ok(ResourceResponse::new(changed.get("ts").and_then(Value::as_str).unwrap_or(id)))
    }

    async fn remove(&self, reference: &ConversationReference) -> Result<(), Error> {
        let id = reference.activity_id.as_deref().unwrap_or_default();
        let conversation = reference.conversation.clone().unwrap_or_default();
        let client = self.client_for(&conversation);
        if let Some(ephemeral) = EphemeralId::read(id) {
            let body = Map::from_iter([("delete_original".to_owned(), true.into())]);
            return response_url::call(&client, ephemeral.url, &body, Repeat::Safe).await;
        }
        let channel = self.channel(&conversation).await?;
        client.call("chat.delete", json!({"channel": channel, "ts": id})).await.map(drop)
    }

    async fn find(
        &self,
        reference: &ConversationReference,
        marker: &Marker,
        since_ms: u64,
    ) -> Result<Found, Error> {
        let conversation = reference.conversation.clone().unwrap_or_default();
        let client = self.client_for(&conversation);
        let mut arguments = json!({
            "channel": self.channel(&conversation).await?, "limit": PAGE_MESSAGES, "include_all_metadata": true,
            "oldest": format!("{}.{:03}000", since_ms / 1000, since_ms % 1000), "inclusive": true,
        });
        let method = match &conversation.thread_ts {
            Some(thread_ts) => {
                arguments["ts"] = thread_ts.as_str().into();
                "conversations.replies"
            }
            None => "conversations.history",
        };
        for _ in 0..PAGES_MAX {
            let page = match client.call(method, arguments.clone()).await {
                Ok(page) => page,
                Err(Error::Refused(refusal)) => {
                    tracing::debug!(%refusal, "the history can't be read");
                    return Ok(Found::CannotLook);
                }
                Err(error) => return Err(error),
            };
            let messages =
                page.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let marked =
                messages.iter().find(|message| message.get("metadata").is_some_and(|it| marker.is(it)));
            if let Some(ts) = marked.and_then(|message| message.get("ts")).and_then(Value::as_str) {
                return Ok(Found::Message(ts.to_owned()));
            }
            let next = page.pointer("/response_metadata/next_cursor").and_then(Value::as_str);
            match next.filter(|next| !next.is_empty()) {
                Some(next) => arguments["cursor"] = next.into(),
                None => return Ok(Found::Nothing),
            }
        }
        Ok(Found::CannotLook)
    }

    async fn stream(&self, first: &Activity) -> Result<Stream, Error> {
        let conversation = first.conversation.clone().unwrap_or_default();
        let reader = first.recipient.as_ref().and_then(|reader| reader.id.clone());
        let reference = ConversationReference {
            user: first.recipient.clone(),
            bot: first.from.clone(),
            conversation: Some(conversation.clone()),
            channel_id: first.channel_id.clone(),
            ..ConversationReference::default()
        };
        if !self.capabilities(&reference).stream {
            return Err(Error::Unsupported { platform: "Slack", verb: "stream outside of a thread" });
        }
        let text = first.text.clone().unwrap_or_default();
        let arguments = json!({
            "channel": self.channel(&conversation).await?, "thread_ts": conversation.thread_ts,
            "recipient_user_id": reader, "recipient_team_id": conversation.tenant_id,
            "markdown_text": Some(&text).filter(|text| !text.is_empty()),
        });
        let started = self.client_for(&conversation).call("chat.startStream", arguments).await?;
        let id = started.get("ts").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Stream { id, reference, sequence: 1, text })
    }

    /// The call that shows what is new of a text; at the end of the stream, with what comes below it. Fails if the stream can't
    /// show the text.
    async fn grow(&self, stream: &mut Stream, text: &str, end: Option<&StreamEnd>) -> Result<(), Error> {
        let conversation = stream.reference.conversation.clone().unwrap_or_default();
        let client = self.client_for(&conversation);
        let channel = self.channel(&conversation).await?;
        let grown = text.strip_prefix(stream.text.as_str()).filter(|_| text.len() <= STREAM_BYTES_MAX);
        let Some(more) = grown else {
            let verb = "stream a text that takes back words, or a longer one";
            return Err(Error::Unsupported { platform: "Slack", verb });
        };
        if more.is_empty() && end.is_none() {
            return Ok(());
        }
        let more = Some(more).filter(|more| !more.is_empty());
        let mut arguments = json!({"channel": channel, "ts": stream.id, "markdown_text": more});
        let method = match end {
            None => "chat.appendStream",
            Some(StreamEnd { blocks, metadata, update: _ }) => {
                arguments["blocks"] = json!(blocks);
                arguments["metadata"] = json!(metadata);
                "chat.stopStream"
            }
        };
        client.call(method, arguments).await?;
        stream.sequence += 1;
        text.clone_into(&mut stream.text);
        Ok(())
    }
}

/// What the end of a stream brings besides the rest of the text.
#[derive(Debug, PartialEq)]
struct StreamEnd {
    /// What is shown below the text, buttons for example.
    blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
    /// The message shows something that no stream can: it is updated once the stream has ended.
    update: bool,
}

impl StreamEnd {
    fn of(last: &Activity) -> Self {
        let mut shown = content(last, Purpose::Update);
        let metadata = shown.remove("metadata");
        let words = markdown(last.text.as_deref().unwrap_or_default());
        let attached = shown.get("attachments").is_some_and(|attached| *attached != json!([]));
        let (blocks, update) = match shown.get("blocks").and_then(Value::as_array).map(Vec::as_slice) {
            // The stream shows the first of them.
            Some([first, below @ ..]) if *first == words => (Some(below.to_vec()), false),
            Some([_, ..]) => (None, true),
            Some([]) | None => (None, shown.contains_key("text")),
        };
        Self { blocks: blocks.filter(|blocks| !blocks.is_empty()), metadata, update: update || attached }
    }
}

/// What an invoke's answer is for Slack: the answer to the request, and what the person is shown through the `response_url`.
fn reply_to(payload: &Payload, response: InvokeResponse) -> (Reply, Option<Map<String, Value>>) {
    let InvokeResponse { status, body } = response;
    if status == 501 && body.is_none() {
        // A bot that does something about a click has nothing to say to Slack.
        return (Reply::EMPTY, None);
    }
    let kind = payload.json().get("type").and_then(Value::as_str);
    if !matches!(kind, Some("block_actions" | "interactive_message")) {
        return (Reply { status, body }, None);
    }
    let value = body.as_ref().and_then(|body| body.get("value"));
    let shown = match body.as_ref().and_then(|body| body.get("type")).and_then(Value::as_str) {
        Some("application/vnd.microsoft.activity.message") => {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            Some(json!({"text": super::text::escape(text), "blocks": [markdown(text)]}))
        }
        Some(CardFactory::ADAPTIVE) => {
            let card = Attachment { content: value.cloned(), ..CardFactory::adaptive_card(Value::Null) };
            let (blocks, words) = Blocks::of(&Activity { attachments: vec![card], ..Activity::default() });
            Some(json!({"text": super::text::escape(&words), "blocks": blocks}))
        }
        _ => None,
    };
    let Some(Value::Object(mut shown)) = shown else { return (Reply { status, body }, None) };
    shown.insert("response_type".to_owned(), "ephemeral".into());
    shown.insert("replace_original".to_owned(), false.into());
    (Reply { status, body: None }, Some(shown))
}

fn channel_of(conversation: &ConversationAccount) -> Result<&str, Error> {
    let id = conversation.id.as_deref().filter(|id| !id.is_empty());
    id.ok_or_else(|| {
        Error::Misconfigured("The activity names no conversation: set conversation.id.".to_owned())
    })
}

impl Adapter for SlackAdapter {
    fn channel_id(&self) -> &str {
        "slack"
    }

    /// `send_once` is true for servers other than Slack's own: Redraft stores keys.
    fn capabilities(&self, reference: &ConversationReference) -> Capabilities {
        let conversation = reference.conversation.as_ref();
        let clicked = conversation.and_then(Turn::of).is_some_and(|turn| turn.ephemeral);
        let named = reference.activity_id.as_deref().and_then(EphemeralId::read).is_some();
        let reader = reference.user.as_ref().is_some_and(|user| user.id.is_some());
        let stream = conversation.is_some_and(|conversation| {
            let personal = conversation.conversation_type.as_deref() == Some("personal");
            conversation.thread_ts.is_some() && (personal || (reader && conversation.tenant_id.is_some()))
        });
        Capabilities {
            update: true,
            delete: true,
            targeted: true,
            update_targeted: clicked || named,
            stream,
            typing: false,
            send_once: !self.client.api_url().starts_with("https://slack.com/"),
            find_marked: true,
            update_interval_ms: UPDATE_INTERVAL_MS,
        }
    }

    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.post(activity, None))
    }

    fn send_once<'a>(
        &'a self,
        activity: &'a Activity,
        key: &'a str,
    ) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.post(activity, Some(key)))
    }

    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.change(activity))
    }

    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.remove(reference))
    }

    fn find_marked<'a>(
        &'a self,
        reference: &'a ConversationReference,
        marker: &'a Marker,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, Error>> {
        Box::pin(self.find(reference, marker, since_ms))
    }

    fn start_stream<'a>(&'a self, first: &'a Activity) -> BoxFuture<'a, Result<Stream, Error>> {
        Box::pin(self.stream(first))
    }

    /// A text that takes back words that were shown, or is longer than Slack streams, is unsupported: finish the stream with
    /// what it shows, and continue with updates.
    fn append_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        activity: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.grow(stream, activity.text.as_deref().unwrap_or_default(), None))
    }

    fn finish_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        last: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let end = StreamEnd::of(last);
            self.grow(stream, last.text.as_deref().unwrap_or_default(), Some(&end)).await?;
            if !end.update {
                return Ok(());
            }
            let mut last = last.clone();
            last.id = Some(stream.id.clone());
            last.conversation.clone_from(&stream.reference.conversation);
            self.change(&last).await.map(drop)
        })
    }

    fn path(&self) -> Option<&str> {
        Some(SLACK_PATH)
    }

    fn receive(self: Arc<Self>, bot: Bot, request: Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> {
        Box::pin(self.request(bot, request))
    }

    fn connect(self: Arc<Self>, bot: Bot) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let token = self.app_token.clone()?;
        Some(Box::pin(socket::run(self, bot, token)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_environment() {
        let read = |given: &'static [(&str, &str)]| {
            SlackSettings::from_variables(|name| {
                given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let all = [
            ("SLACK_BOT_TOKEN", "xoxb-1"),
            ("SLACK_SIGNING_SECRET", "secret"),
            ("SLACK_APP_TOKEN", "xapp-1"),
            ("SLACK_API_URL", "http://127.0.0.1:3000/api/"),
        ];
        let settings = read(Box::leak(Box::new(all))).unwrap();
        assert_eq!(settings.signing_secret.as_deref(), Some("secret"));
        assert_eq!(settings.app_token, Some(SlackToken::new("xapp-1")));
        assert_eq!(settings.api_url, "http://127.0.0.1:3000/api/");
        let least = read(&[("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "")]).unwrap();
        assert_eq!((least.signing_secret, least.app_token), (None, None));
        assert_eq!(least.api_url, "https://slack.com/api/");
        for given in [&[][..], &[("SLACK_BOT_TOKEN", "")]] {
            let error = read(given).unwrap_err();
            assert!(error.to_string().contains("SLACK_BOT_TOKEN"), "{error}");
        }
    }
}
