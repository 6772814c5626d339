//! Socket Mode: tickets, connections, envelopes.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::bot::until;
use crate::client;
use crate::socket::{Socket, address};
use crate::world::*;

const APP: &str = "xapp-deploy";

/// A world whose deploybot uses Socket Mode and hears what is said in public channels.
fn world() -> World {
    let world = World::new();
    switch(&world, true);
    world
}

fn switch(world: &World, on: bool) {
    let body = json!({ "socket_mode": on, "bot_events": ["message.channels"] });
    world.controlled("PATCH", "/apps/deploybot", &body);
}

fn advance(world: &World, milliseconds: u64) {
    world.controlled("POST", "/clock", &json!({ "advance_ms": milliseconds }));
}

/// The words of a message event.
fn words(envelope: &Value) -> String {
    text_of(&envelope["payload"]["event"], "text")
}

#[test]
fn hello() {
    let world = world();
    let url = address(&world, APP);
    assert!(url.starts_with(&world.server.url.replacen("http", "ws", 1)), "{url}");
    assert!(url.contains("/link/?ticket=") && url.ends_with("&app_id=A01DEPLOY"), "{url}");
    let mut first = Socket::connect(&url).unwrap();
    assert_eq!(
        first.next(),
        json!({
            "type": "hello", "num_connections": 1, "connection_info": { "app_id": "A01DEPLOY" },
            "debug_info": { "host": "redraft", "build_number": 1, "approximate_connection_time": 18060 },
        })
    );
    let mut second = Socket::connect(&(address(&world, APP) + "&debug_reconnects=true")).unwrap();
    let hello = second.next();
    assert_eq!(hello["num_connections"], 2);
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 360);
    drop(first);
    until("one connection is left", || {
        let mut socket = Socket::connect(&address(&world, APP)).unwrap();
        (socket.next()["num_connections"] == 2).then_some(())
    });
}

#[test]
fn who_may_open_a_connection() {
    let world = world();
    for (token, expected) in [
        (APP, "ok"),
        ("", "not_authed"),
        ("xapp-unknown", "invalid_auth"),
        (DEPLOY, "not_allowed_token_type"),
        (ADA, "not_allowed_token_type"),
    ] {
        let answer = world.slack(token, "apps.connections.open", &json!({}));
        assert_eq!(answer.code(), expected, "{token}: {}", answer.body);
        assert!(expected == "ok" || !answer.reasons().is_empty(), "{token} hears no reason");
    }
    let url = format!("{}/api/apps.connections.open", world.server.url);
    let got = client::send("GET", &url, &[("authorization", "Bearer xapp-deploy")], ("", b""));
    assert_eq!(got.code(), "insecure_request");
}

#[test]
fn a_ticket_is_good_once_and_soon() {
    let world = world();
    let used = address(&world, APP);
    let _socket = Socket::connect(&used).unwrap();
    let old = address(&world, APP);
    let fresh = address(&world, APP);
    let secret = fresh.split(['=', '&']).nth(1).unwrap();
    let (key, secret) = secret.rsplit_once('-').unwrap();
    let with = |ticket: String| format!("{}?ticket={ticket}", used.split('?').next().unwrap());
    for (what, url) in [
        ("used", used.clone()),
        ("of another app", with(format!("1-2-{secret}"))),
        ("of no app", with(format!("1-999-{secret}"))),
        ("another", with(format!("{key}-{}", "0".repeat(32)))),
        ("no", used.split('?').next().unwrap().to_owned()),
        ("an odd", with("%00-%FF".into())),
    ] {
        assert_eq!(Socket::connect(&url).err(), Some(403), "{what} ticket");
    }
    advance(&world, 30_001);
    assert_eq!(Socket::connect(&old).err(), Some(403), "an old ticket");
    assert_eq!(Socket::connect(&fresh).err(), Some(403));
    Socket::open(&world, APP);
}

#[test]
fn what_is_no_handshake() {
    let world = world();
    let ticket = address(&world, APP);
    let path = ticket.split_once("/link").unwrap().1;
    let ask = |verb: &str, headers: &str| {
        let host = world.server.url.trim_start_matches("http://");
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {host}\r\n") };
        let text = format!("{verb} /link{path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
        client::raw(&world.server.url, text.as_bytes()).status
    };
    let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    for (what, verb, headers, expected) in [
        ("no upgrade", "GET", String::new(), 400),
        ("a post", "POST", format!("{upgrade}{key}Sec-WebSocket-Version: 13\r\n"), 400),
        ("no key", "GET", format!("{upgrade}Sec-WebSocket-Version: 13\r\n"), 400),
        ("an old version", "GET", format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n"), 400),
        ("a foreign host", "GET", "Host: evil.test\r\n".into(), 403),
        ("a foreign page", "GET", format!("{upgrade}{key}Origin: http://evil.test\r\n"), 403),
    ] {
        assert_eq!(ask(verb, &headers), expected, "{what}");
    }
    // None of them used the ticket up, and Python's client names the host without its port.
    let mut stream = client::connect(&world.server.url);
    let host = "Host: 127.0.0.1\r\n";
    let text = format!("GET /link{path} HTTP/1.1\r\n{host}{upgrade}{key}Sec-WebSocket-Version: 13\r\n\r\n");
    std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");
}

#[test]
fn ten_connections_and_one_more() {
    let world = world();
    let mut sockets: Vec<Socket> = (0..10).map(|_| Socket::open(&world, APP)).collect();
    let mut eleventh = Socket::connect(&address(&world, APP)).unwrap();
    assert_eq!(eleventh.disconnected(), "too_many_websockets");
    assert_eq!(eleventh.next(), Value::Null);
    drop(sockets.pop());
    until("there is room for another", || {
        let mut socket = Socket::connect(&address(&world, APP)).unwrap();
        (socket.next()["type"] == "hello").then_some(())
    });
}

#[test]
fn events_and_their_acknowledgement() {
    let world = world();
    let mut socket = Socket::open(&world, APP);
    let ts = world.post(POLL, GENERAL, "first");
    let envelope = socket.envelope("events_api");
    assert_eq!(
        (&envelope["accepts_response_payload"], &envelope["retry_attempt"], &envelope["retry_reason"]),
        (&json!(false), &json!(0), &json!(""))
    );
    let payload = &envelope["payload"];
    assert_eq!((&payload["type"], &payload["api_app_id"]), (&json!("event_callback"), &json!("A01DEPLOY")));
    assert_eq!((&payload["event"]["ts"], words(&envelope)), (&json!(ts), "first".into()));
    // What is no acknowledgement of it changes nothing.
    for said in ["", "{}", "nonsense", "{\"envelope_id\":\"another\"}"] {
        socket.ws.send(Message::text(said)).unwrap();
    }
    let binary = json!({ "envelope_id": envelope["envelope_id"] }).to_string();
    socket.ws.send(Message::binary(binary)).unwrap();
    socket.acknowledge(&envelope, &json!({}));
    world.post(POLL, GENERAL, "second");
    assert_eq!(words(&socket.event()), "second");
    world.post(POLL, GENERAL, "third");
    assert_eq!(words(&socket.event()), "third");
}

/// Each goes to exactly one connection, and all connections have their turn.
#[test]
fn several_connections() {
    let world = world();
    let sockets: Vec<Socket> = (0..3).map(|_| Socket::open(&world, APP)).collect();
    let readers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            std::thread::spawn(move || {
                let mut heard = Vec::new();
                loop {
                    let frame = socket.next();
                    if frame["type"] != "events_api" {
                        assert_eq!(frame["reason"], "refresh_requested", "{frame}");
                        return heard;
                    }
                    socket.acknowledge(&frame, &Value::Null);
                    heard.push(words(&frame));
                }
            })
        })
        .collect();
    for number in 0..30 {
        world.post(POLL, GENERAL, &number.to_string());
    }
    until("everything was told", || {
        let told = world.controlled("GET", "/apps/deploybot/deliveries", &Value::Null);
        let all = told["heard"].as_u64() == Some(world.log_end());
        all.then_some(())
    });
    assert!(world.server.stop().success());
    let heard: Vec<Vec<String>> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    assert!(heard.iter().all(|heard| !heard.is_empty()), "{heard:?}");
    let all: Vec<String> = heard.concat();
    let once: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (30, 30), "{all:?}");
}

/// What is not acknowledged in time comes again over another connection, and says so.
#[test]
fn never_acknowledged() {
    let world = world();
    let mut deaf = Socket::open(&world, APP);
    world.post(POLL, GENERAL, "hello?");
    let first = deaf.envelope("events_api");
    let mut other = Socket::open(&world, APP);
    // Both take turns; the one that has had it is not the next.
    let again = other.event();
    assert_eq!(words(&again), "hello?");
    assert_eq!((&again["retry_attempt"], &again["retry_reason"]), (&json!(1), &json!("timeout")));
    assert_eq!(again["payload"]["event_id"], first["payload"]["event_id"]);
    assert_ne!(again["envelope_id"], first["envelope_id"]);
}

/// What a command is acknowledged with is its answer; with none in time the person hears of it.
#[test]
fn payloads_of_acknowledgements() {
    let world = world();
    world.controlled("PATCH", "/apps/deploybot", &json!({ "commands": [{ "command": "/deploy" }] }));
    let mut socket = Socket::open(&world, APP);
    let typed = json!({ "channel": "general", "command": "/deploy staging" });
    let url = &world.server.url;
    let run = || control(url, "POST", "/workspaces/T01ACME/people/ben/commands", &typed);
    let seen = || {
        let path = "/people/ben/channels/general/messages";
        world.controlled("GET", path, &Value::Null)["messages"].as_array().unwrap().clone()
    };
    for (payload, answer) in [
        (Value::Null, None),
        (json!({}), None),
        (json!({ "text": "an object" }), Some("an object")),
        (json!("a text"), Some("a text")),
    ] {
        let before = seen().len();
        let ran = std::thread::scope(|scope| {
            let running = scope.spawn(run);
            let envelope = socket.envelope("slash_commands");
            assert_eq!(envelope["accepts_response_payload"], true);
            assert_eq!(envelope["payload"]["command"], "/deploy");
            assert_eq!(envelope["payload"]["text"], "staging");
            assert!(envelope.get("retry_attempt").is_none(), "{envelope}");
            socket.acknowledge(&envelope, &payload);
            running.join().unwrap()
        });
        assert_eq!(
            (ran.status, &ran.json["answered"]),
            (200, &json!(answer.is_some())),
            "{payload}: {}",
            ran.body
        );
        let after = seen();
        assert_eq!(after.len(), before + usize::from(answer.is_some()), "{payload}");
        if let Some(text) = answer {
            assert!(
                after.iter().any(|message| message["text"] == text && message["targeted_to"] == "U01BEN")
            );
        }
    }
    let before = seen();
    let ran = run();
    assert!(400 <= ran.status && ran.body.contains("not acknowledged within 3000 ms"), "{}", ran.body);
    assert_eq!(seen(), before);
    drop(socket);
    let ran = until("the connection is gone", || {
        let ran = run();
        ran.body.contains("no socket is connected").then_some(ran)
    });
    assert!(400 <= ran.status, "{}", ran.body);
}

#[test]
fn closed_in_the_middle() {
    let world = world();
    let mut first = Socket::open(&world, APP);
    world.post(POLL, GENERAL, "still there?");
    first.envelope("events_api");
    let mut second = Socket::open(&world, APP);
    drop(first);
    let again = second.event();
    assert_eq!((words(&again), &again["retry_attempt"]), ("still there?".into(), &json!(1)));
}

/// Without a connection an event waits for its next attempts.
#[test]
fn nobody_is_connected() {
    let world = world();
    world.post(POLL, GENERAL, "anyone?");
    let waiting = until("the attempts failed", || {
        let told = world.controlled("GET", "/apps/deploybot/deliveries", &Value::Null);
        let waiting = told["deliveries"][0].clone();
        (waiting["attempts"] == 2).then_some(waiting)
    });
    assert!(waiting["reason"].as_str().unwrap().contains("no socket is connected"), "{waiting}");
    let mut socket = Socket::open(&world, APP);
    advance(&world, 60_000);
    let late = socket.event();
    assert_eq!((words(&late), &late["retry_attempt"]), ("anyone?".into(), &json!(2)));
}

#[test]
fn what_ends_a_connection() {
    type Act = fn(&World);
    let acts: &[(&str, Act, &str)] = &[
        ("switched off", |world| switch(world, false), "link_disabled"),
        (
            "token revoked",
            |world| drop(world.controlled("DELETE", "/tokens/xapp-deploy", &Value::Null)),
            "link_disabled",
        ),
        (
            "uninstalled",
            |world| drop(world.controlled("DELETE", "/apps/deploybot", &Value::Null)),
            "link_disabled",
        ),
        ("dropped", |world| drop(world.controlled("DELETE", "", &Value::Null)), "link_disabled"),
        ("reset", |world| drop(world.controlled("POST", "/reset", &json!({}))), "link_disabled"),
    ];
    for (what, act, reason) in acts {
        let world = world();
        let mut socket = Socket::open(&world, APP);
        act(&world);
        assert_eq!(socket.disconnected(), *reason, "{what}");
        assert_eq!(socket.next(), Value::Null, "{what}");
    }
    // Its ticket is good, and what it leads to is the reason.
    let world = world();
    switch(&world, false);
    let open = world.ok(APP, "apps.connections.open", &json!({}));
    assert!(open["response_metadata"]["messages"][0].as_str().unwrap().contains("switched off"), "{open}");
    let mut socket = Socket::connect(&text_of(&open, "url")).unwrap();
    assert_eq!(socket.disconnected(), "link_disabled");
}

/// After a reset the same token is good for the new workspace.
#[test]
fn a_reset_workspace() {
    let seed = std::fs::read_to_string(crate::support::seed()).unwrap();
    let folder = crate::support::Folder::new("seed");
    let path = folder.join("seed.yaml");
    let with = seed.replace("app_token: xapp-deploy,", "app_token: xapp-deploy, socket_mode: true,");
    std::fs::write(&path, with).unwrap();
    let world = World::on(crate::support::Server::start(&["--memory", "--seed", path.to_str().unwrap()]));
    let mut socket = Socket::open(&world, APP);
    world.controlled("POST", "/reset", &json!({}));
    assert_eq!(socket.disconnected(), "refresh_requested");
    Socket::open(&world, APP);
}

#[test]
fn the_server_stops() {
    let world = world();
    let mut socket = Socket::open(&world, APP);
    let client = std::thread::spawn(move || (socket.disconnected(), socket.next()));
    assert!(world.server.stop().success());
    assert_eq!(client.join().unwrap(), ("refresh_requested".into(), Value::Null));
}

#[test]
fn pings_have_their_payload_back() {
    let world = world();
    let mut socket = Socket::open(&world, APP);
    for payload in ["", "session:1700000000.5"] {
        socket.ws.send(Message::Ping(payload.into())).unwrap();
        assert_eq!(socket.ws.read().unwrap(), Message::Pong(payload.into()));
    }
}

#[test]
fn too_big_a_message() {
    let world = world();
    let mut socket = Socket::open(&world, APP);
    let _ = socket.ws.send(Message::text("x".repeat((1 << 20) + 1)));
    assert_eq!(socket.next(), Value::Null);
    let mut other = Socket::open(&world, APP);
    world.post(POLL, GENERAL, "the others go on");
    assert_eq!(words(&other.event()), "the others go on");
    world.is_well();
}
