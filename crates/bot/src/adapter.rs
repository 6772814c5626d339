//! The interface between bots and platforms.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::activity::{Activity, ConversationParameters, ConversationReference, ResourceResponse};
use crate::bot::Bot;
use crate::error::Error;

/// A boxed future that can be moved to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a bot can do in a conversation. Check it before a call that would otherwise fail with [`Error::Unsupported`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Messages can be updated.
    pub update: bool,
    /// Messages can be deleted.
    pub delete: bool,
    /// Messages can be shown to one member alone.
    pub targeted: bool,
    /// Such messages can be updated after they were sent.
    pub update_targeted: bool,
    /// The platform has calls for messages that grow while they are written.
    pub stream: bool,
    /// The platform shows that the bot is typing.
    pub typing: bool,
    /// The platform stores idempotency keys, so that [`Adapter::send_once`] posts once per key.
    pub send_once: bool,
    /// Messages can be found by a marker, see [`Adapter::find_marked`]. That the bot lacks the scope for it shows only when it
    /// looks.
    pub find_marked: bool,
    /// The shortest pause between two updates of one message that the rate limits allow permanently, in milliseconds.
    pub update_interval_ms: u64,
}

impl Capabilities {
    /// Plain messages alone, one update a second.
    pub const NONE: Self = Self {
        update: false,
        delete: false,
        targeted: false,
        update_targeted: false,
        stream: false,
        typing: false,
        send_once: false,
        find_marked: false,
        update_interval_ms: 1000,
    };
}

/// What a [`MessageBook`](crate::MessageBook) writes into a message in order to find it again: Slack's message metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marker {
    /// The bot author's key for the message.
    pub key: String,
    /// The id of the attempt to post, so that an earlier message under the same key does not match.
    pub attempt: String,
}

impl Marker {
    /// The `event_type` of the metadata.
    pub const EVENT_TYPE: &'static str = "redraft_book";

    /// The marker of one attempt to post under this key.
    #[must_use]
    pub fn new(key: impl Into<String>, attempt: impl Into<String>) -> Self {
        Self { key: key.into(), attempt: attempt.into() }
    }

    /// The metadata that is put into the message.
    #[must_use]
    pub fn to_metadata(&self) -> serde_json::Value {
        serde_json::json!({
            "event_type": Self::EVENT_TYPE,
            "event_payload": {"key": self.key, "attempt": self.attempt},
        })
    }

    /// Whether a message's metadata is this marker.
    #[must_use]
    pub fn is(&self, metadata: &serde_json::Value) -> bool {
        metadata["event_type"] == Self::EVENT_TYPE
            && metadata["event_payload"]["key"] == self.key.as_str()
            && metadata["event_payload"]["attempt"] == self.attempt.as_str()
    }
}

/// The result of a search for a marked message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The message exists and has this id.
    Message(String),
    /// The message does not exist: the whole period was searched.
    Nothing,
    /// Unknown: the platform has no markers, the bot may not read the history, or the history is too long.
    CannotLook,
}

/// A message that grows by the platform's stream calls.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stream {
    /// The message's id, by which it can be updated once the stream has ended.
    pub id: String,
    /// The conversation.
    pub reference: ConversationReference,
    /// The number of the last step.
    pub sequence: u64,
    /// The whole text shown so far.
    pub text: String,
}

/// A platform. Bots use it through [`TurnContext`](crate::TurnContext), which fills in the conversation of every activity.
pub trait Adapter: Send + Sync + 'static {
    /// The platform's channel id: `slack`, `msteams`, …
    fn channel_id(&self) -> &str;

    /// Whether this adapter serves conversations of this channel.
    fn serves(&self, channel_id: &str) -> bool {
        self.channel_id() == channel_id
    }

    /// What a bot can do in this conversation.
    fn capabilities(&self, reference: &ConversationReference) -> Capabilities;

    /// Sends one activity to the conversation that it names.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Unanswered`] the message may be there.
    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>>;

    /// Sends one activity at most once per key, where the platform stores idempotency keys: a second call with the key returns
    /// the first one's result. Redraft stores keys for 24 hours. On other platforms this is [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send). Where keys are stored, a repeated call after [`Error::Unanswered`] posts no second message.
    fn send_once<'a>(
        &'a self,
        activity: &'a Activity,
        key: &'a str,
    ) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        let _ = key;
        self.send(activity)
    }

    /// Replaces the message that `activity.id` names.
    ///
    /// # Errors
    /// See [`Error`]. Repeating the call is safe.
    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>>;

    /// Deletes the message that `reference.activity_id` names.
    ///
    /// # Errors
    /// See [`Error`]. A second deletion is refused, see [`Error::is_message_not_found`].
    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>>;

    /// Looks for a message of the bot's own with this marker in a conversation, posted at `since_ms` (milliseconds since 1970)
    /// or later. Reads a bounded number of pages.
    ///
    /// # Errors
    /// See [`Error`]. A missing scope is no error but [`Found::CannotLook`].
    fn find_marked<'a>(
        &'a self,
        reference: &'a ConversationReference,
        marker: &'a Marker,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, Error>> {
        let _ = (reference, marker, since_ms);
        Box::pin(async { Ok(Found::CannotLook) })
    }

    /// Opens a conversation in which nobody has spoken to the bot, at this service.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where a bot can't; otherwise as [`send`](Self::send).
    fn create_conversation<'a>(
        &'a self,
        service_url: &'a str,
        parameters: &'a ConversationParameters,
    ) -> BoxFuture<'a, Result<ConversationReference, Error>> {
        let _ = (service_url, parameters);
        Box::pin(async {
            Err(Error::Unsupported { platform: "this platform", verb: "create conversations" })
        })
    }

    /// Posts a message that grows, with its first words.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there are no streams; otherwise as [`send`](Self::send).
    fn start_stream<'a>(&'a self, first: &'a Activity) -> BoxFuture<'a, Result<Stream, Error>> {
        let _ = first;
        Box::pin(async { Err(Error::Unsupported { platform: "this platform", verb: "stream" }) })
    }

    /// Appends to the message. `activity.text` is the whole text so far.
    ///
    /// # Errors
    /// [`Error::Refused`] when the platform ended the stream: continue with [`update`](Self::update).
    fn append_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        activity: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (stream, activity);
        Box::pin(async { Err(Error::Unsupported { platform: "this platform", verb: "stream" }) })
    }

    /// Ends the stream with its final content.
    ///
    /// # Errors
    /// As [`append_stream`](Self::append_stream).
    fn finish_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        last: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (stream, last);
        Box::pin(async { Err(Error::Unsupported { platform: "this platform", verb: "stream" }) })
    }

    /// The path on which the platform calls the bot. `None` if it does not call.
    fn path(&self) -> Option<&str> {
        None
    }

    /// Answers a call of the platform: verifies the caller and has the bot process the activity.
    fn receive(
        self: Arc<Self>,
        bot: Bot,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, http::Response<Bytes>> {
        let _ = (bot, request);
        Box::pin(async {
            crate::service::plain(http::StatusCode::NOT_FOUND, "This adapter receives no requests.")
        })
    }

    /// Maintains a connection over which the platform calls the bot, if the settings ask for one. The future ends when the bot
    /// shuts down, or with an error that reconnecting does not cure.
    fn connect(self: Arc<Self>, bot: Bot) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let _ = bot;
        None
    }
}
