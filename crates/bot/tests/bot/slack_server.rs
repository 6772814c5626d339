//! A server that remembers what it is asked, and answers as a test tells it.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use redraft_bot::{SlackAdapter, SlackSettings, SlackToken};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method of the Web API, or the path of another address.
    pub method: String,
    pub headers: http::HeaderMap,
    /// The form's fields, those that are JSON as such; or the JSON body.
    pub arguments: Value,
}

/// What it is answered; `None` closes the connection.
pub type Answer = Option<(u16, Option<&'static str>, String)>;

pub struct SlackServer {
    pub url: String,
    asked: watch::Receiver<Vec<Asked>>,
}

pub fn ok(json: &Value) -> Answer {
    let mut json = json.clone();
    json["ok"] = true.into();
    Some((200, None, json.to_string()))
}

pub fn refused(code: &str) -> Answer {
    Some((200, None, json!({"ok": false, "error": code}).to_string()))
}

fn arguments(headers: &http::HeaderMap, body: &[u8]) -> Value {
    let form = headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    if !form {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let fields = form_urlencoded::parse(body).map(|(name, value)| {
        let json = serde_json::from_str::<Value>(&value).ok().filter(|it| it.is_array() || it.is_object());
        (name.into_owned(), json.unwrap_or_else(|| value.as_ref().into()))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

impl SlackServer {
    /// Answers by this closure.
    pub async fn with(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (remember, asked) = watch::channel(Vec::new());
        let (answer, remember) = (Arc::new(answer), Arc::new(remember));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, remember) = (Arc::clone(&answer), Arc::clone(&remember));
                tokio::spawn(async move {
                    let service =
                        hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                            let (answer, remember) = (Arc::clone(&answer), Arc::clone(&remember));
                            async move {
                                let (head, body) = request.into_parts();
                                let body = body.collect().await.unwrap().to_bytes();
                                let path = head.uri.path();
                                let method = path.strip_prefix("/api/").unwrap_or(path).to_owned();
                                let arguments = arguments(&head.headers, &body);
                                let asked = Asked { method, headers: head.headers, arguments };
                                let answer = answer(&asked);
                                remember.send_modify(|all| all.push(asked));
                                let (status, wait, text) = answer.ok_or("closed")?;
                                let mut response = Response::builder().status(status);
                                if let Some(seconds) = wait {
                                    response = response.header("retry-after", seconds);
                                }
                                Ok::<_, &'static str>(response.body(Full::new(Bytes::from(text))).unwrap())
                            }
                        });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, asked }
    }

    /// Says yes to everything; a post gets the ts `1700000000.000100`.
    pub async fn kind() -> Self {
        Self::with(|asked| match asked.method.as_str() {
            "auth.test" => ok(&json!({"user_id": "U01BOT", "bot_id": "B01BOT"})),
            "conversations.open" => ok(&json!({"channel": {"id": "D01BEN"}})),
            "chat.postMessage" | "chat.startStream" => {
                ok(&json!({"ts": "1700000000.000100", "channel": "C01OPS"}))
            }
            _ => ok(&json!({})),
        })
        .await
    }

    pub fn settings(&self) -> SlackSettings {
        SlackSettings::new(SlackToken::new("xoxb-1"))
            .signing_secret("secret")
            .api_url(format!("{}/api/", self.url))
    }

    pub fn adapter(&self) -> SlackAdapter {
        SlackAdapter::new(self.settings()).unwrap()
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// Methods and arguments so far.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.asked().into_iter().map(|asked| (asked.method, asked.arguments)).collect()
    }

    /// The last request.
    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }

    /// Waits for this many requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Asked> {
        self.asked.clone().wait_for(|asked| count <= asked.len()).await.unwrap().clone()
    }
}

/// A list that a bot writes and a test reads.
#[derive(Clone)]
pub struct Notes<T>(watch::Sender<Vec<T>>);

impl<T: Clone + Send + Sync + 'static> Notes<T> {
    pub fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    pub fn write(&self, note: T) {
        self.0.send_modify(|all| all.push(note));
    }

    pub fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    pub async fn wait_for(&self, count: usize) -> Vec<T> {
        self.0.subscribe().wait_for(|all| count <= all.len()).await.unwrap().clone()
    }
}

/// A request as Slack signs it, now.
pub fn signed(secret: &str, content_type: &str, body: &str) -> Request<Full<Bytes>> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    signed_at(secret, content_type, body, now)
}

pub fn signed_at(secret: &str, content_type: &str, body: &str, at: u64) -> Request<Full<Bytes>> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = ring::hmac::sign(&key, format!("v0:{at}:{body}").as_bytes());
    let digits: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Request::post("/slack/events")
        .header("content-type", content_type)
        .header("x-slack-request-timestamp", at)
        .header("x-slack-signature", format!("v0={digits}"))
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap()
}

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A form with one field, the payload.
pub fn payload(json: &Value) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json.to_string()).finish()
}

/// Hands a request to a bot; status and body of its answer.
pub async fn ask(bot: &redraft_bot::Bot, request: Request<Full<Bytes>>) -> (u16, String) {
    let answer: Result<_, Infallible> = tower_service::Service::call(&mut bot.service(), request).await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// An event's envelope.
pub fn envelope(id: &str, event: &Value) -> Value {
    json!({
        "type": "event_callback", "token": "legacy", "team_id": "T01ACME", "api_app_id": "A01APP", "event_id": id,
        "event_time": 1700000000,
        "authorizations": [{"enterprise_id": null, "team_id": "T01ACME", "user_id": "U01BOT", "is_bot": true}],
        "event": event,
    })
}

/// A click on a button of a message.
pub fn click(server: &SlackServer, trigger: &str, action: &Value) -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A01APP", "trigger_id": trigger, "team": {"id": "T01ACME"},
        "user": {"id": "U01BEN", "name": "ben", "team_id": "T01ACME"},
        "container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C01OPS", "is_ephemeral": false},
        "channel": {"id": "C01OPS", "name": "ops"},
        "message": {"type": "message", "ts": "1700000000.000100", "text": "Lunch?", "bot_id": "B01BOT"},
        "state": {"values": {}}, "response_url": format!("{}/hooks/actions/1", server.url), "actions": [action],
    })
}
