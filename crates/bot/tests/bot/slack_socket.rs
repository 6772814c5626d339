//! Socket Mode against a small server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use redraft_bot::{Activity, Bot, InvokeResponse, SlackAdapter, SlackSettings, SlackToken, TurnContext};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::slack_server::{Notes, SlackServer, click, envelope, ok, refused};

/// One connection, from the server's side.
struct Link {
    socket: WebSocketStream<TcpStream>,
    number: usize,
}

impl Link {
    async fn send(&mut self, json: &Value) {
        self.socket.send(Message::text(json.to_string())).await.unwrap();
    }

    async fn event(&mut self, id: &str, text: &str) {
        let event = json!({"type": "message", "channel": "C01OPS", "user": "U01BEN", "text": text, "ts": id});
        let payload = envelope(&format!("Ev{id}"), &event);
        self.send(&json!({"type": "events_api", "envelope_id": format!("e{id}"), "payload": payload})).await;
    }

    /// The next thing that the bot says. `None` if it closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// A server that says hello on each connection, and the bot on it.
struct Stage {
    server: SlackServer,
    links: mpsc::UnboundedReceiver<Link>,
    bot: Bot,
    heard: Notes<Activity>,
}

impl Stage {
    async fn with(answer: impl Fn(&Activity) -> Option<InvokeResponse> + Send + Sync + 'static) -> Self {
        Self::refusing(0, "", answer).await
    }

    /// The first attempts to open a connection are refused.
    async fn refusing(
        refusals: usize,
        code: &'static str,
        answer: impl Fn(&Activity) -> Option<InvokeResponse> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/link/?ticket=1", listener.local_addr().unwrap());
        let (links_in, links) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for number in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                let mut link =
                    Link { socket: tokio_tungstenite::accept_async(stream).await.unwrap(), number };
                link.send(&json!({"type": "hello", "num_connections": 1})).await;
                if links_in.send(link).is_err() {
                    return;
                }
            }
        });
        let asked = AtomicUsize::new(0);
        let server = SlackServer::with(move |call| match call.method.as_str() {
            "apps.connections.open" if call.headers["authorization"] != "Bearer xapp-1" => {
                refused("invalid_auth")
            }
            "apps.connections.open" if asked.fetch_add(1, Ordering::Relaxed) < refusals => refused(code),
            "apps.connections.open" => ok(&json!({"url": url})),
            _ => ok(&json!({"user_id": "U01BOT", "ts": "9.9"})),
        })
        .await;
        let heard = Notes::new();
        let (notes, answer) = (heard.clone(), Arc::new(answer));
        let bot = Bot::new(move |context: TurnContext| {
            let (notes, answer) = (notes.clone(), answer.clone());
            async move {
                notes.write(context.activity().clone());
                if let Some(response) = answer(context.activity()) {
                    context.respond(response);
                }
                Ok(())
            }
        });
        let settings = SlackSettings::new(SlackToken::new("xoxb-1")).app_token("xapp-1");
        let adapter = SlackAdapter::new(settings.api_url(format!("{}/api/", server.url))).unwrap();
        let bot = bot.with_adapter(adapter);
        bot.start();
        Self { server, links, bot, heard }
    }

    async fn link(&mut self) -> Link {
        self.links.recv().await.unwrap()
    }
}

#[tokio::test]
async fn envelopes_are_acknowledged_with_the_answer() {
    let errors = json!({"response_action": "clear"});
    let body = errors.clone();
    let mut stage = Stage::with(move |activity| {
        let submitted = activity.name.as_deref() == Some("view_submission");
        submitted.then(|| InvokeResponse::new(200, body.clone()))
    })
    .await;
    let mut link = stage.link().await;
    link.event("1.1", "hi").await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e1.1"})));
    let view = json!({"type": "view_submission", "trigger_id": "t1", "team": {"id": "T01ACME"}, "user": {"id": "U01BEN"}});
    link.send(&json!({"type": "interactive", "envelope_id": "e2", "accepts_response_payload": true, "payload": view})).await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e2", "payload": errors})));
    let pressed =
        click(&stage.server, "t2", &json!({"type": "button", "action_id": "vote.0", "value": "soup"}));
    link.send(&json!({"type": "interactive", "envelope_id": "e3", "payload": pressed})).await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e3"})));
    let command = json!({"command": "/poll", "text": "Lunch?", "user_id": "U01BEN", "trigger_id": "t3", "channel_id": "C01OPS"});
    link.send(&json!({"type": "slash_commands", "envelope_id": "e4", "payload": command})).await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e4"})));
    // What nobody knows is acknowledged, and what is no envelope does no harm.
    link.send(&json!({"type": "of_next_year", "envelope_id": "e5", "payload": [1]})).await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e5"})));
    for odd in ["", "{", "[]", "7", r#"{"type":"hello"}"#, r#"{"envelope_id":7,"type":"events_api"}"#] {
        link.socket.send(Message::text(odd)).await.unwrap();
    }
    link.socket.send(Message::binary(vec![0xff])).await.unwrap();
    link.send(&json!({"type": "events_api", "envelope_id": "e6"})).await;
    assert_eq!(link.next().await, Some(json!({"envelope_id": "e6"})));
    let heard = stage.heard.all();
    let kinds: Vec<_> = heard.iter().map(|it| it.r#type.as_ref().unwrap().as_str()).collect();
    assert_eq!(kinds, ["message", "invoke", "invoke", "command", "event"]);
    assert_eq!(heard[2].action().unwrap().value(), "soup");
    assert_eq!(stage.bot.shutdown().await, 0);
    assert_eq!(link.next().await, None, "closed");
}

/// What was not acknowledged comes again over the next connection, and is heard once.
#[tokio::test]
async fn a_broken_connection_is_replaced_and_nothing_is_heard_twice() {
    let mut stage = Stage::with(|_| None).await;
    let mut first = stage.link().await;
    first.event("1.1", "before").await;
    stage.heard.wait_for(1).await;
    drop(first);
    let mut second = stage.link().await;
    second.event("1.1", "before").await;
    assert_eq!(second.next().await, Some(json!({"envelope_id": "e1.1"})));
    second.event("1.2", "after").await;
    assert_eq!(second.next().await, Some(json!({"envelope_id": "e1.2"})));
    let texts: Vec<_> = stage.heard.all().into_iter().map(|it| it.text.unwrap()).collect();
    assert_eq!(texts, ["before", "after"]);
    assert_eq!(stage.bot.shutdown().await, 0);
}

/// The next connection is there before the old one goes, and both are served.
#[tokio::test]
async fn a_connection_is_replaced_before_its_deadline() {
    for reason in ["warning", "refresh_requested"] {
        let mut stage = Stage::with(|_| None).await;
        let mut first = stage.link().await;
        first.send(&json!({"type": "disconnect", "reason": reason})).await;
        let mut second = stage.link().await;
        assert_eq!(second.number, 2);
        for (number, link) in [&mut first, &mut second].into_iter().enumerate() {
            link.event(&format!("1.{number}"), "hi").await;
            assert_eq!(link.next().await, Some(json!({"envelope_id": format!("e1.{number}")})));
        }
        drop(first);
        second.event("2.1", "still there").await;
        assert_eq!(second.next().await, Some(json!({"envelope_id": "e2.1"})));
        assert_eq!(stage.bot.shutdown().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_counts_as_broken() {
    let mut stage = Stage::with(|_| None).await;
    // It is open, but nobody reads and answers pings there.
    let _first = stage.link().await;
    let second = stage.link().await;
    assert_eq!(second.number, 2);
}

#[tokio::test(start_paused = true)]
async fn opening_is_tried_again_unless_that_is_of_no_use() {
    let mut stage = Stage::refusing(3, "internal_error", |_| None).await;
    stage.link().await;
    assert_eq!(stage.server.calls().len(), 4);
    for code in ["invalid_auth", "not_allowed_token_type", "missing_scope"] {
        let stage = Stage::refusing(1, code, |_| None).await;
        // The connection's task has ended, so that nothing is left to wait for.
        stage.server.wait_for(1).await;
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        assert_eq!(stage.server.calls().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_disabled_ends_it() {
    let mut stage = Stage::with(|_| None).await;
    let mut link = stage.link().await;
    link.send(&json!({"type": "disconnect", "reason": "link_disabled"})).await;
    drop(link);
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(stage.server.calls().len(), 1);
}
