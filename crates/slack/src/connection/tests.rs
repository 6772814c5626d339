use std::future::pending;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

const LONG: Duration = Duration::from_secs(600);

/// A pace at which nothing happens by itself.
fn slow() -> Pace {
    Pace {
        lifetime: LONG,
        warning: Duration::ZERO,
        ping: LONG,
        pings_max: 3,
        write: LONG,
        drain: LONG,
        close: LONG,
    }
}

struct Client {
    socket: WebSocketStream<DuplexStream>,
    queue: mpsc::Sender<Envelope>,
    server: tokio::task::JoinHandle<()>,
}

/// A connection at this pace, of which `hello` was read.
async fn client(pace: Pace, ended: impl Future<Output = Reason> + Send + 'static) -> Client {
    let (near, far) = duplex(1 << 12);
    let (queue, envelopes) = mpsc::channel(8);
    let server = tokio::spawn(async move {
        let socket = WebSocketStream::from_raw_socket(far, Role::Server, Some(limits())).await;
        run(socket, "{\"type\":\"hello\"}".into(), envelopes, ended, &pace).await;
    });
    let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    let mut client = Client { socket, queue, server };
    assert_eq!(client.read().await, json!({ "type": "hello" }));
    client
}

impl Client {
    /// The next text that is JSON; null when the connection is closed.
    async fn read(&mut self) -> Value {
        while let Some(Ok(message)) = self.socket.next().await {
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
        Value::Null
    }

    async fn say(&mut self, said: &Value) {
        self.socket.send(Message::text(said.to_string())).await.unwrap();
    }

    async fn give(&self, id: &str) -> oneshot::Receiver<Option<Box<RawValue>>> {
        let (acknowledged, acknowledgement) = oneshot::channel();
        let frame = json!({ "envelope_id": id }).to_string();
        let envelope = Envelope { id: id.into(), frame, acknowledged };
        assert!(self.queue.send(envelope).await.is_ok());
        acknowledgement
    }
}

fn reason(frame: &Value) -> &str {
    assert_eq!(frame["type"], "disconnect", "{frame}");
    frame["reason"].as_str().unwrap()
}

#[tokio::test]
async fn its_time_is_over() {
    let pace = Pace { lifetime: Duration::from_millis(30), warning: Duration::from_millis(20), ..slow() };
    let mut client = client(pace, pending()).await;
    assert_eq!(reason(&client.read().await), "warning");
    assert_eq!(reason(&client.read().await), "refresh_requested");
    assert_eq!(client.read().await, Value::Null);
    client.server.await.unwrap();
    assert!(client.queue.is_closed());
}

/// What was sent before the end may be acknowledged after it was announced.
#[tokio::test]
async fn the_end_waits_for_acknowledgements() {
    let (end, ended) = oneshot::channel();
    let mut client = client(slow(), async { ended.await.unwrap() }).await;
    let acknowledgement = client.give("1").await;
    assert_eq!(client.read().await["envelope_id"], "1");
    end.send(Reason::LinkDisabled).unwrap();
    assert_eq!(reason(&client.read().await), "link_disabled");
    client.say(&json!({ "envelope_id": "1", "payload": { "text": "late" } })).await;
    assert_eq!(acknowledgement.await.unwrap().unwrap().get(), "{\"text\":\"late\"}");
    assert_eq!(client.read().await, Value::Null);
    client.server.await.unwrap();
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let (end, ended) = oneshot::channel();
    let pace = Pace { drain: Duration::from_millis(5), ..slow() };
    let mut client = client(pace, async { ended.await.unwrap() }).await;
    let acknowledgement = client.give("1").await;
    assert_eq!(client.read().await["envelope_id"], "1");
    end.send(Reason::RefreshRequested).unwrap();
    assert_eq!(reason(&client.read().await), "refresh_requested");
    assert_eq!(client.read().await, Value::Null);
    assert!(acknowledgement.await.is_err());
}

/// A client that answers pings is kept; one that says nothing is cut off without a word.
#[tokio::test]
async fn silence() {
    let pace = Pace { ping: Duration::from_millis(10), ..slow() };
    let mut client = client(pace, pending()).await;
    let mut pings = 0;
    while pings < 20 {
        // Reading on is what answers them.
        pings += usize::from(client.socket.next().await.unwrap().unwrap().is_ping());
    }
    client.server.await.unwrap();
}

/// A client that takes nothing is cut off, and nothing is kept for it.
#[tokio::test]
async fn a_client_that_takes_nothing() {
    let pace = Pace { write: Duration::from_millis(20), ..slow() };
    let client = client(pace, pending()).await;
    let (acknowledged, acknowledgement) = oneshot::channel();
    let envelope = Envelope { id: "1".into(), frame: "x".repeat(1 << 14), acknowledged };
    assert!(client.queue.send(envelope).await.is_ok());
    assert!(acknowledgement.await.is_err());
    client.server.await.unwrap();
}

/// A client that sends pings and reads nothing is cut off, and costs little until then.
#[tokio::test]
async fn pings_that_nobody_reads_the_answers_of() {
    let pace = Pace { write: Duration::from_millis(20), ..slow() };
    let mut client = client(pace, pending()).await;
    let mut bytes = 0;
    while bytes < 4 << 20 && client.socket.send(Message::Ping(vec![b'p'; 125].into())).await.is_ok() {
        bytes += 125;
    }
    assert!(bytes < 1 << 17, "{bytes} bytes were taken");
    client.server.await.unwrap();
}

#[tokio::test]
async fn too_big_a_message() {
    let mut client = client(slow(), pending()).await;
    let frame = Message::text("x".repeat(MESSAGE_BYTES_MAX + 1));
    let (sent, server) = tokio::join!(client.socket.feed(frame), client.server);
    server.unwrap();
    drop(sent);
    let mut rest = Vec::new();
    let _ = client.socket.get_mut().read_to_end(&mut rest).await;
    assert!(client.queue.is_closed());
}

/// What is no acknowledgement is ignored: other JSON, other text, unknown envelopes, binary frames.
#[tokio::test]
async fn what_is_no_acknowledgement() {
    let mut client = client(slow(), pending()).await;
    let acknowledgement = client.give("1").await;
    for said in ["", "{", "[]", "{}", "{\"envelope_id\":1}", "{\"envelope_id\":\"2\",\"payload\":{}}"] {
        client.socket.send(Message::text(said)).await.unwrap();
    }
    client.socket.send(Message::binary("{\"envelope_id\":\"1\"}")).await.unwrap();
    client.say(&json!({ "envelope_id": "1", "payload": "the one that counts" })).await;
    client.say(&json!({ "envelope_id": "1", "payload": "too late" })).await;
    assert_eq!(acknowledgement.await.unwrap().unwrap().get(), "\"the one that counts\"");
    assert!(!client.server.is_finished());
}
