//! One connection of Socket Mode, from its `hello` to its end.
//!
//! Source: the public page on Socket Mode. That page names no limits; those here are ours.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tracing::debug;

/// The biggest frame, and the biggest message, that is taken from an app.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Bytes that are read from a connection at once.
const READ_BYTES: usize = 16 << 10;

/// Bytes that wait to be written to a connection at most: the biggest envelope, and what the library adds.
const WRITE_BYTES_MAX: usize = 8 << 20;

/// Why the server ends a connection, in the platform's words. After `refresh_requested` a client opens another one; after
/// `link_disabled` it gives up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// The end is near.
    Warning,
    RefreshRequested,
    LinkDisabled,
    /// The app has as many connections as it may have. The public page does not name this one; seen in
    /// <https://github.com/slackapi/bolt-js/issues/2238>.
    TooManyWebsockets,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::RefreshRequested => "refresh_requested",
            Self::LinkDisabled => "link_disabled",
            Self::TooManyWebsockets => "too_many_websockets",
        }
    }
}

/// How long things take on a connection.
pub(super) struct Pace {
    /// From its start to its end, unless something ends it before.
    pub lifetime: Duration,
    /// So long before the end the client is warned.
    pub warning: Duration,
    /// Between two pings. Bolt for JavaScript wants one every 30 seconds.
    pub ping: Duration,
    /// A client of which nothing was heard since so many pings is cut off.
    pub pings_max: u32,
    /// A client that takes nothing for so long is cut off.
    pub write: Duration,
    /// How long the end waits for acknowledgements.
    pub drain: Duration,
    /// How long a closed connection waits for the client to close it as well.
    pub close: Duration,
}

impl Pace {
    /// The platform's; short-lived if the client asked for that with `debug_reconnects=true`.
    pub fn new(debug_reconnects: bool) -> Self {
        Self {
            lifetime: Duration::from_secs(if debug_reconnects { 360 } else { 18_060 }),
            warning: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            pings_max: 3,
            write: Duration::from_secs(5),
            drain: Duration::from_secs(3),
            close: Duration::from_secs(1),
        }
    }
}

/// Something for the app, and who waits for its acknowledgement.
pub(super) struct Envelope {
    pub id: String,
    /// The whole frame, as JSON.
    pub frame: String,
    /// Gets the acknowledgement's payload. Is dropped if the connection ends before there is one.
    pub acknowledged: oneshot::Sender<Option<Box<RawValue>>>,
}

/// Limits of a server's end.
pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// Says why there will be no connection, and closes it.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    reason: Reason,
    pace: &Pace,
) {
    let mut connection = Connection { socket, waiting: HashMap::new(), pace };
    if connection.disconnect(reason).await {
        connection.close(None).await;
    }
}

/// Greets the app, writes what is put into the queue, and hands acknowledgements to those who wait for them. Ends when the
/// client goes, says or takes nothing any more, or breaks a rule, when its time is over, or when `ended` gives a reason.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    hello: String,
    mut queue: mpsc::Receiver<Envelope>,
    ended: impl Future<Output = Reason>,
    pace: &Pace,
) {
    let mut connection = Connection { socket, waiting: HashMap::new(), pace };
    if !connection.write(Message::text(hello)).await {
        return;
    }
    let Some(reason) = connection.live(&mut queue, ended).await else { return };
    queue.close();
    while let Ok(envelope) = queue.try_recv() {
        if !connection.give(envelope).await {
            return;
        }
    }
    if connection.disconnect(reason).await && connection.drain().await {
        connection.close(None).await;
    }
}

struct Connection<'a, S> {
    socket: WebSocketStream<S>,
    /// Who waits for the acknowledgement of which envelope.
    waiting: HashMap<String, oneshot::Sender<Option<Box<RawValue>>>>,
    pace: &'a Pace,
}

/// What an app says.
#[derive(Deserialize)]
pub(super) struct Acknowledgement {
    envelope_id: String,
    pub payload: Option<Box<RawValue>>,
}

impl Acknowledgement {
    /// `None` of anything else.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Until there is a reason to end it, or until it broke: then there is nothing more to tell it.
    async fn live(
        &mut self,
        queue: &mut mpsc::Receiver<Envelope>,
        ended: impl Future<Output = Reason>,
    ) -> Option<Reason> {
        let pace = self.pace;
        let warning = sleep(pace.lifetime.saturating_sub(pace.warning));
        let end = sleep(pace.lifetime);
        tokio::pin!(warning, end, ended);
        let mut warned = false;
        let mut pings = interval_at(Instant::now() + pace.ping, pace.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            let whole = tokio::select! {
                Some(envelope) = queue.recv() => self.give(envelope).await,
                message = self.socket.next() => {
                    unanswered = 0;
                    self.take(message).await
                }
                _ = pings.tick() => {
                    unanswered += 1;
                    if pace.pings_max < unanswered {
                        debug!("a socket's client says nothing any more");
                        return None;
                    }
                    self.write(Message::Ping(Bytes::new())).await
                }
                () = &mut warning, if !warned => {
                    warned = true;
                    self.disconnect(Reason::Warning).await
                }
                () = &mut end, if warned => return Some(Reason::RefreshRequested),
                reason = &mut ended => return Some(reason),
            };
            if !whole {
                return None;
            }
        }
    }

    /// Sends an envelope. Returns whether the connection is whole, as the others do.
    async fn give(&mut self, envelope: Envelope) -> bool {
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        self.waiting.insert(envelope.id, envelope.acknowledged);
        self.write(Message::text(envelope.frame)).await
    }

    /// Reads an acknowledgement; what is none is ignored. The library answers pings and the closing of the connection, and
    /// queues its answers. So nothing more is read before the answer to a ping is written: a client that sends pings and
    /// reads nothing would make the queue grow.
    async fn take(&mut self, message: Option<Result<Message, Error>>) -> bool {
        match message {
            Some(Ok(Message::Text(text))) => {
                if let Some(said) = Acknowledgement::read(&text)
                    && let Some(waiting) = self.waiting.remove(&said.envelope_id)
                {
                    let _ = waiting.send(said.payload);
                }
                true
            }
            Some(Ok(Message::Ping(_))) => {
                matches!(timeout(self.pace.write, self.socket.flush()).await, Ok(Ok(())))
            }
            Some(Ok(_)) => true,
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                debug!(size, "a socket's client sent too big a message");
                self.close(Some(CloseCode::Size)).await;
                false
            }
            Some(Err(_)) | None => false,
        }
    }

    async fn disconnect(&mut self, reason: Reason) -> bool {
        let reason = reason.word();
        let text = format!(
            "{{\"type\":\"disconnect\",\"reason\":\"{reason}\",\"debug_info\":{{\"host\":\"{HOST}\"}}}}"
        );
        self.write(Message::text(text)).await
    }

    async fn write(&mut self, message: Message) -> bool {
        matches!(timeout(self.pace.write, self.socket.send(message)).await, Ok(Ok(())))
    }

    /// Waits a while for acknowledgements of what was sent.
    async fn drain(&mut self) -> bool {
        let end = sleep(self.pace.drain);
        tokio::pin!(end);
        loop {
            self.waiting.retain(|_, waiting| !waiting.is_closed());
            if self.waiting.is_empty() {
                return true;
            }
            tokio::select! {
                message = self.socket.next() => if !self.take(message).await { return false },
                () = &mut end => return true,
            }
        }
    }

    /// Closes the connection and waits a while for the client to do so.
    async fn close(&mut self, code: Option<CloseCode>) {
        let frame = code.map(|code| CloseFrame { code, reason: "".into() });
        let closed = async {
            if self.socket.close(frame).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(self.pace.close, closed).await;
    }
}

/// What `debug_info` calls this server: a name of no machine.
pub(super) const HOST: &str = "redraft";

#[cfg(test)]
mod tests;
