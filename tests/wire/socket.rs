//! A Slack app's end of Socket Mode.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::client;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::world::{World, text_of};

/// A connection. Closed when dropped, without a word.
pub struct Socket {
    pub ws: WebSocket<TcpStream>,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Socket {
    /// A new connection of the app with this token, whose greeting was read.
    pub fn open(world: &World, app_token: &str) -> Self {
        let mut socket = Self::connect(&address(world, app_token)).unwrap();
        assert_eq!(socket.next()["type"], "hello");
        socket
    }

    /// Opens a connection at an address; a refusal gives its status.
    pub fn connect(url: &str) -> Result<Self, u16> {
        let host = url.trim_start_matches("ws://").split('/').next().unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match client(url, stream) {
            Ok((ws, _)) => Ok(Self { ws }),
            Err(failed) => match failed {
                tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(answer)) => {
                    Err(answer.status().as_u16())
                }
                other => panic!("{url}: {other:?}"),
            },
        }
    }

    /// The next frame of text, as JSON; null once the connection is closed.
    pub fn next(&mut self) -> Value {
        let start = Instant::now();
        loop {
            match self.ws.read() {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                // Pings come all the time.
                Ok(_) => assert!(start.elapsed() < PATIENCE, "nothing came"),
                Err(Error::Io(failed)) if failed.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing came")
                }
                Err(_) => return Value::Null,
            }
        }
    }

    /// The next envelope of this type.
    pub fn envelope(&mut self, kind: &str) -> Value {
        let envelope = self.next();
        assert_eq!(envelope["type"], kind, "{envelope:#}");
        envelope
    }

    /// The next envelope with an event, acknowledged.
    pub fn event(&mut self) -> Value {
        let envelope = self.envelope("events_api");
        self.acknowledge(&envelope, &Value::Null);
        envelope
    }

    /// Acknowledges an envelope; null sends no payload.
    pub fn acknowledge(&mut self, envelope: &Value, payload: &Value) {
        let mut said = json!({ "envelope_id": envelope["envelope_id"] });
        if !payload.is_null() {
            said["payload"] = payload.clone();
        }
        self.ws.send(Message::text(said.to_string())).unwrap();
    }

    /// The reason of the `disconnect` that comes next.
    pub fn disconnected(&mut self) -> String {
        let frame = self.next();
        assert_eq!(frame["type"], "disconnect", "{frame}");
        text_of(&frame, "reason")
    }
}

/// An address at which one connection can be opened.
pub fn address(world: &World, app_token: &str) -> String {
    text_of(&world.ok(app_token, "apps.connections.open", &json!({})), "url")
}
