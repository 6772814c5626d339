//! What can go wrong between a bot and a platform.

use std::fmt;
use std::time::Duration;

use crate::activity::ResourceResponse;

/// What a bot's own code may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call to a platform failed.
///
/// ```
/// use redraft_bot::{Error, TurnContext};
///
/// async fn clean_up(context: TurnContext, id: &str) -> Result<(), Error> {
///     match context.delete_activity(id).await {
///         Err(error) if error.is_message_not_found() => Ok(()), // somebody else was faster
///         other => other,
///     }
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform refused the call; nothing changed. Change the call: the same one fails again.
    #[error(transparent)]
    Refused(Refusal),
    /// The platform limits the rate of calls; nothing changed. Repeat the call after [`retry_after`](Self::retry_after).
    #[error("{0}; the platform limits the rate of calls")]
    RateLimited(Refusal),
    /// No answer arrived. The call may or may not have taken effect. `repeat` says whether repeating it is safe.
    #[error("{method} was not answered: {reason}")]
    Unanswered {
        /// The call.
        method: String,
        /// The cause, in words.
        reason: String,
        /// Whether a repeated call can have an effect twice.
        repeat: Repeat,
    },
    /// The bot's settings or arguments don't allow the call; nothing was sent. The text says what to change.
    #[error("{0}")]
    Misconfigured(String),
    /// The bot's token was not sent to this service, because nothing vouches for it: nothing was sent. A conversation reference
    /// names it that is stored or came from outside. If the service is right, name it with
    /// [`trust_service_url`](crate::ConnectorSettings::trust_service_url).
    #[error(
        "{service_url} gets no token of the bot: no verified activity came from there, and the settings don't name it"
    )]
    UntrustedService {
        /// Scheme, host and port of the service that would have been called.
        service_url: String,
    },
    /// The platform can't do this in this conversation; nothing was sent. Check [`Capabilities`](crate::Capabilities) before
    /// the call.
    #[error("{platform} can't {verb}")]
    Unsupported {
        /// The platform.
        platform: &'static str,
        /// What the platform can't do, as it follows "can't".
        verb: &'static str,
    },
    /// Some activities of a list were sent before one failed. Send the rest; `sent` says how many are done.
    #[error("{} activities were sent before one failed: {source}", sent.len())]
    Partly {
        /// The results of those that were sent, in order.
        sent: Vec<ResourceResponse>,
        /// Why the next one failed.
        source: Box<Error>,
    },
    /// The bot's own hook or storage failed. The call was not made, or its result was not stored.
    #[error("{0}")]
    Own(std::sync::Arc<str>),
}

/// Whether an unanswered call can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Repeat it: the request was never sent, or a second call has no further effect.
    Safe,
    /// A message may have been posted: a repeated call may post a second one.
    MayDuplicate,
}

/// A platform's refusal.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// The call: Slack's method, or verb and path of the Connector.
    pub method: String,
    /// The status of the HTTP answer. Slack refuses with 200.
    pub status: u16,
    /// The platform's code, `message_not_found` or `ActivityNotFoundInConversation` for two.
    pub code: String,
    /// The platform's explanation; empty if it gave none.
    pub message: String,
    /// Redraft's explanation. Slack and Teams give none.
    pub reason: Option<String>,
    /// The time that the platform asks to wait.
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
    /// Whether repeating the call later is safe and can succeed.
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

    /// The time to wait before the call is repeated, if the platform named one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// The platform's refusal, if it answered.
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

    /// Whether the message does not exist: it was deleted, or never existed.
    #[must_use]
    pub fn is_message_not_found(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            matches!(refusal.code.as_str(), "message_not_found" | "ActivityNotFoundInConversation")
        })
    }

    /// Whether a person stopped the streamed answer. Stop writing it.
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
