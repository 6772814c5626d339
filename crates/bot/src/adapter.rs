//! What a platform has to offer to a bot.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::activity::{Activity, ConversationParameters, ConversationReference, ResourceResponse};
use crate::bot::Bot;
use crate::error::Error;

/// A future that can be kept and sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What can be done at a place. Ask before a call that would otherwise fail with [`Error::Unsupported`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Change a message.
    pub update: bool,
    /// Delete a message.
    pub delete: bool,
    /// Show a message to one member only.
    pub targeted: bool,
    /// Change such a message after it was sent.
    pub update_targeted: bool,
    /// Let an answer grow while it is being written, by calls made for that.
    pub stream: bool,
    /// Show that the bot is typing.
    pub typing: bool,
    /// Send a message once however often it is asked for with the same key, see [`Adapter::send_once`].
    pub send_once: bool,
    /// Find a message by a marker that was put into it, see [`Adapter::find_marked`]. The scope for that may be missing all the same.
    pub find_marked: bool,
    /// The shortest pause between two changes of one message that the platform bears for long, in milliseconds.
    pub update_interval_ms: u64,
}

impl Capabilities {
    /// Nothing but plain messages, once a second.
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

/// What a [`MessageBook`](crate::MessageBook) puts into a message in order to find it again: Slack's message metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marker {
    /// The author's own key.
    pub key: String,
    /// The attempt to post it, so that an earlier message under the same key is not taken for this one.
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

/// What came of looking for a marked message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there, under this id.
    Message(String),
    /// It is not there: the whole time asked for was looked through.
    Nothing,
    /// There is no way to tell: the platform has no markers, the bot may not read the history, or the history is too long.
    CannotLook,
}

/// A running message that a platform lets grow by calls of its own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stream {
    /// The message's id, by which it can be updated once the stream has ended.
    pub id: String,
    /// Where it stands.
    pub reference: ConversationReference,
    /// The number of the last step.
    pub sequence: u64,
    /// What is shown so far, in full.
    pub text: String,
}

/// A platform. Bots meet it through [`TurnContext`](crate::TurnContext); what is sent has its conversation filled in.
pub trait Adapter: Send + Sync + 'static {
    /// The platform's channel id: `slack`, `msteams`, …
    fn channel_id(&self) -> &str;

    /// Whether this adapter serves conversations of this channel.
    fn serves(&self, channel_id: &str) -> bool {
        self.channel_id() == channel_id
    }

    /// What can be done in this conversation.
    fn capabilities(&self, reference: &ConversationReference) -> Capabilities;

    /// Sends one activity to the conversation that it names.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Unanswered`] the message may be there.
    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>>;

    /// Sends one activity once, however often it is called with this key: a second call has the first one's answer, where the
    /// platform keeps keys. Redraft does, for 24 hours; elsewhere this is [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send). Where keys are kept, asking again with the same key after [`Error::Unanswered`] posts nothing
    /// twice.
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
    /// See [`Error`]. Asking again leaves the same content.
    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>>;

    /// Deletes the message that `reference.activity_id` names.
    ///
    /// # Errors
    /// See [`Error`]. A second deletion is refused, see [`Error::is_gone`].
    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>>;

    /// Looks for a message of the bot's own with this marker in a conversation, posted at `since_ms` (milliseconds since 1970)
    /// or later. Reads a bounded number of pages.
    ///
    /// # Errors
    /// See [`Error`]. That the bot may not look is no error, but [`Found::CannotLook`].
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

    /// Begins a message that grows, with its first words.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there are no streams; otherwise as [`send`](Self::send).
    fn start_stream<'a>(&'a self, first: &'a Activity) -> BoxFuture<'a, Result<Stream, Error>> {
        let _ = first;
        Box::pin(async { Err(Error::Unsupported { platform: "this platform", verb: "stream" }) })
    }

    /// Shows more of it: `activity.text` is the whole so far.
    ///
    /// # Errors
    /// [`Error::Refused`] when the platform ended the stream: go over to [`update`](Self::update).
    fn append_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        activity: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (stream, activity);
        Box::pin(async { Err(Error::Unsupported { platform: "this platform", verb: "stream" }) })
    }

    /// Ends it with its final content.
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

    /// The path on which the platform calls the bot, if it does.
    fn path(&self) -> Option<&str> {
        None
    }

    /// Answers a call of the platform: checks who calls, and has the bot process what it brings.
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

    /// Keeps a connection over which the platform calls the bot, if it is set up so. Ends when the bot shuts down, or for good
    /// when the settings don't allow it.
    fn connect(self: Arc<Self>, bot: Bot) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let _ = bot;
        None
    }
}
