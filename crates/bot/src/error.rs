//! What can go wrong between a bot and a platform.

use std::fmt;
use std::time::Duration;

use crate::activity::ResourceResponse;

/// What a bot's own code may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call to a platform did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform understood and said no: nothing changed. Change the call; the same one fails again.
    #[error(transparent)]
    Refused(Refusal),
    /// The platform wants fewer calls. Nothing changed. Ask again after [`retry_after`](Self::retry_after).
    #[error("{0}; the platform asks to wait")]
    RateLimited(Refusal),
    /// No answer came. It may or may not have happened, unless `sent` says that the request never left.
    #[error("{method} was not answered: {reason}")]
    Unanswered {
        /// The call.
        method: String,
        /// What broke, in words.
        reason: String,
        /// Whether the call may be made again without doing twice what it does once.
        repeat: Repeat,
    },
    /// The bot's own settings or arguments don't allow the call: nothing was sent. The words say what is missing.
    #[error("{0}")]
    Misconfigured(String),
    /// The bot's token was not sent to this service, because nothing vouches for it: nothing was sent. A conversation reference names
    /// it that is stored or came from outside. If the service is right, name it with
    /// [`trust_service_url`](crate::ConnectorSettings::trust_service_url).
    #[error(
        "{service_url} gets no token of the bot: no verified activity came from there, and the settings don't name it"
    )]
    UntrustedService {
        /// Scheme, host and port of the service that would have been called.
        service_url: String,
    },
    /// This platform can't do it, at this place: nothing was sent. See [`Capabilities`](crate::Capabilities).
    #[error("{platform} can't {verb}")]
    Unsupported {
        /// The platform.
        platform: &'static str,
        /// What it can't do, after "can't".
        verb: &'static str,
    },
    /// Some activities of a list were sent before one failed.
    #[error("{} sent before: {source}", sent.len())]
    Partly {
        /// What came of those that were sent, in order.
        sent: Vec<ResourceResponse>,
        /// Why the next one failed.
        source: Box<Error>,
    },
    /// The bot's own hook or storage failed; the call was not made, or its outcome was not written down.
    #[error("{0}")]
    Own(std::sync::Arc<str>),
}

/// Whether an unanswered call may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The request never left, or doing it twice is the same as once: ask again.
    Safe,
    /// A message may have been posted: asking again may post a second one.
    MayDuplicate,
}

/// A platform's no.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// The call: Slack's method, or verb and path of the Connector.
    pub method: String,
    /// The status of the HTTP answer. Slack says no with 200.
    pub status: u16,
    /// The platform's code, `message_not_found` or `ActivityNotFoundInConversation` for two.
    pub code: String,
    /// The platform's words, if it has any.
    pub message: String,
    /// Why, as Redraft explains it; no platform does.
    pub reason: Option<String>,
    /// How long the platform asks to wait.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} was refused: {} (HTTP {})", self.method, self.code, self.status)?;
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        self.reason.iter().try_for_each(|reason| write!(formatter, "; {reason}"))
    }
}

impl std::error::Error for Refusal {}

impl Error {
    /// Whether the same call may succeed later without doing anything twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited(_) => true,
            Self::Refused(refusal) => matches!(refusal.status, 412 | 502 | 503 | 504),
            Self::Unanswered { repeat, .. } => *repeat == Repeat::Safe,
            Self::Partly { .. }
            | Self::Misconfigured(_)
            | Self::UntrustedService { .. }
            | Self::Unsupported { .. }
            | Self::Own(_) => false,
        }
    }

    /// How long to wait before the same call, if the platform said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// What the platform said, if it did.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::RateLimited(refusal) => Some(refusal),
            Self::Partly { source, .. } => source.refusal(),
            Self::Unanswered { .. }
            | Self::Misconfigured(_)
            | Self::UntrustedService { .. }
            | Self::Unsupported { .. }
            | Self::Own(_) => None,
        }
    }

    /// Whether the message is not there (any more): deleted, or never seen.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            matches!(refusal.code.as_str(), "message_not_found" | "ActivityNotFoundInConversation")
        })
    }

    /// Whether a person stopped the answer that was being streamed. Stop writing it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.refusal().is_some_and(|refusal| match refusal.code.as_str() {
            "stopped_by_user" => true,
            // Teams has one code for every end of a stream, and SDKs look at the words.
            "ContentStreamNotAllowed" => refusal.message.to_lowercase().contains("cancel"),
            _ => false,
        })
    }

    /// An error of the bot's own code.
    pub fn own(error: impl fmt::Display) -> Self {
        Self::Own(error.to_string().into())
    }
}
