//! What a server takes from clients that are slow, silent, many or big, and what others notice of them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use redraft_server::config::{Config, Limits, TlsConfig};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::{self, Answer};
use crate::support::{Folder, Server, redraft, seed};
use crate::world::*;

/// A server in this process, with limits that a test reaches.
struct Small {
    url: String,
    tls_url: Option<String>,
    metrics_url: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Small {
    fn with(limits: Limits) -> Self {
        Self::start(Config { limits, ..Config::default() })
    }

    fn start(config: Config) -> Self {
        let config = Config { seed: Some(seed()), ..config };
        let (started, starting) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            redraft_server::serve::runtime().unwrap().block_on(async {
                let server = redraft_server::serve::Server::start(config).await.unwrap();
                started.send(server.started.clone()).unwrap();
                server.run(async { drop(stopped.await) }).await.unwrap();
            });
        });
        let started = starting.recv().unwrap();
        Self {
            url: started.url,
            tls_url: started.tls_url,
            metrics_url: started.metrics_url,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        client::connect(&self.url)
    }

    /// A connection that has sent this.
    fn sent(&self, bytes: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    }

    fn get(&self, path: &str) -> Answer {
        client::send("GET", &format!("{}{path}", self.url), &[], ("", b""))
    }

    /// A call on a connection of its own.
    fn slack(&self, token: &str, method: &str, args: &Value) -> Answer {
        let body = args.to_string();
        let mut stream = self.sent(&format!(
            "POST /api/{method} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        let _ = stream.write_all(body.as_bytes());
        answer(stream)
    }

    /// Waits until the metric of this name and labels is as it should be. Other tests of this process may count as well.
    fn wait_for_metric(&self, name: &str, wanted: impl Fn(usize) -> bool) {
        let begin = Instant::now();
        loop {
            let metrics = self.get("/metrics").body;
            let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            if value.is_some_and(&wanted) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{name} did not become that: {metrics}");
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// What a connection says until it is closed.
fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(failed) if failed.kind() == ErrorKind::WouldBlock => panic!("it is not closed"),
        _ => String::from_utf8_lossy(&said).into_owned(),
    }
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut said = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        if let Some(answer) = client::parse(&said) {
            return answer;
        }
        match stream.read(&mut part) {
            Ok(read) if 0 < read => said.extend_from_slice(&part[..read]),
            other => panic!("{other:?} after {}", String::from_utf8_lossy(&said)),
        }
    }
}

/// The head of a request whose body of so many bytes is still to come.
fn announced(path: &str, authorization: &str, bytes: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n"
    )
}

/// Heads and bodies that do not come, and idle connections: each is closed, and the server goes on.
#[test]
fn what_does_not_come_is_not_waited_for() {
    let limits = Limits { head_ms: 300, idle_ms: 300, progress_ms: 300, ..Limits::default() };
    let server = Small::with(limits);
    let half_body = announced("/api/chat.postMessage", "Bearer xoxb-deploy", 1000) + "{";
    for sent in ["", "G", "GET /healthz HTTP/1.1\r\nHost: local", &half_body] {
        assert_eq!(rest(server.sent(sent)), "", "{sent}");
    }
    let idle = rest(server.sent("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(idle.starts_with("HTTP/1.1 200") && idle.ends_with("ok\n"), "{idle}");
    for reason in ["head", "body", "idle"] {
        let count = if reason == "head" { 3 } else { 1 };
        let name = format!("redraft_connections_cut_total{{reason=\"{reason}\"}}");
        server.wait_for_metric(&name, |it| count <= it);
    }
}

/// A body that comes slowly but steadily is read, however long it takes; one that trickles is not.
#[test]
fn limits_are_on_progress() {
    let limits = Limits { head_ms: 500, progress_ms: 500, progress_bytes: 10, ..Limits::default() };
    let server = Small::with(limits);
    let body = format!("{{\"channel\": \"{GENERAL}\", \"text\": \"{}\"}}", "x".repeat(700));
    let mut steady = server.sent(&announced("/api/chat.postMessage", "Bearer xoxb-deploy", body.len()));
    steady.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let begin = Instant::now();
    for part in body.as_bytes().chunks(10) {
        steady.write_all(part).unwrap();
        // That nothing is answered yet is waited for, which takes its time.
        let _ = steady.peek(&mut [0]);
    }
    assert!(Duration::from_millis(1000) < begin.elapsed(), "longer than any limit");
    steady.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(answer(steady).code(), "ok");
    let mut trickle = server.sent(&announced("/api/chat.postMessage", "Bearer xoxb-deploy", body.len()));
    trickle.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let begin = Instant::now();
    while trickle.write_all(b" ").is_ok() && !matches!(trickle.peek(&mut [0]), Ok(0)) {
        assert!(begin.elapsed() < Duration::from_secs(60), "it is not closed");
    }
}

/// Whoever does not read an answer is cut off, and its memory is free again.
#[test]
fn answers_that_nobody_reads() {
    let limits = Limits { progress_ms: 300, answers_bytes_max: 16 << 20, ..Limits::default() };
    let server = Small::with(limits);
    big_messages(&server, 4);
    let history = format!(
        "GET /api/conversations.history?channel={GENERAL}&limit=999 HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {DEPLOY}\r\n\r\n"
    );
    let unread: Vec<TcpStream> = (0..4).map(|_| server.sent(&history.repeat(40))).collect();
    server.wait_for_metric("redraft_connections_cut_total{reason=\"write\"}", |it| 4 <= it);
    server.wait_for_metric("redraft_memory_bytes{of=\"answers\"}", |it| it == 0);
    drop(unread);
    assert_eq!(server.slack(DEPLOY, "conversations.history", &json!({"channel": GENERAL})).code(), "ok");
}

fn big_messages(server: &Small, count: usize) {
    for number in 0..count {
        let args =
            json!({"channel": GENERAL, "text": format!("big {number}"), "attachments": big_attachments()});
        assert_eq!(server.slack(DEPLOY, "chat.postMessage", &args).code(), "ok");
    }
}

/// About 380 KB.
fn big_attachments() -> Value {
    json!(vec![json!({"fallback": "big", "text": "x".repeat(7600)}); 50])
}

/// When all places are taken by requests under way, health and control are still answered, and others are told to wait.
#[test]
fn room_is_kept_for_health_and_control() {
    let limits = Limits { connections_max: 3, connections_reserved: 1, ..Limits::default() };
    let server = Small::with(limits);
    let head = announced("/api/chat.postMessage", "Bearer xoxb-deploy", 1000);
    let held: Vec<TcpStream> = (0..3).map(|_| server.sent(&head)).collect();
    let bearer = format!("Authorization: Bearer {CONTROL}\r\n");
    let ask = |head: &str| answer(server.sent(&format!("{head}Host: localhost\r\n\r\n")));
    let begin = Instant::now();
    // They are under way once their heads were read.
    while ask("GET /api/api.test HTTP/1.1\r\n").status != 503 {
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
    for (head, status, connection) in [
        ("GET /healthz HTTP/1.1\r\n".to_owned(), 200, "close"),
        ("GET /readyz HTTP/1.1\r\n".to_owned(), 200, "close"),
        ("GET /metrics HTTP/1.1\r\n".to_owned(), 200, "close"),
        (format!("GET /control/workspaces HTTP/1.1\r\n{bearer}"), 200, "close"),
        ("GET /v3/conversations HTTP/1.1\r\n".to_owned(), 503, "close"),
    ] {
        let answer = ask(&head);
        assert_eq!((answer.status, answer.header("connection")), (status, connection), "{head}");
    }
    let refused = ask("GET /api/api.test HTTP/1.1\r\n");
    assert_eq!((refused.code(), refused.header("retry-after")), ("service_unavailable", "1"));
    drop(held);
    let begin = Instant::now();
    while ask("GET /api/api.test HTTP/1.1\r\n").status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
}

/// 240 connections that say nothing, on a process that may open 256 files: they give way.
#[test]
fn idle_connections_give_way() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(redraft().get_program());
    let world = World::on(Server::launch(command, &["--memory"], &[]));
    let idle: Vec<TcpStream> = (0..240).map(|_| client::connect(&world.server.url)).collect();
    for _ in 0..20 {
        let mut stream = client::connect(&world.server.url);
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(answer(stream).status, 200);
    }
    world.post(DEPLOY, GENERAL, "still there");
    drop(idle);
    let log = world.server.log.lock().unwrap();
    assert!(!log.contains("could not be accepted"), "{log}");
}

/// Requests that end in the middle do not hold up the end, and long polls are answered with what there is.
#[test]
fn stopping_with_half_requests() {
    let server = Server::in_memory();
    let mut poll = client::connect(&server.url);
    let path = "/control/workspaces/T01ACME/log?after=1000&wait_ms=60000";
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CONTROL}\r\n\r\n");
    poll.write_all(head.as_bytes()).unwrap();
    let half = announced("/api/chat.postMessage", "Bearer xoxb-deploy", 1000) + "{";
    let held: Vec<TcpStream> = ["", "POST /api/chat.postMessage HT", &half]
        .into_iter()
        .map(|sent| {
            let mut stream = client::connect(&server.url);
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    // A request on a later connection is answered, so these have been accepted.
    assert_eq!(client::send("GET", &format!("{}/healthz", server.url), &[], ("", b"")).status, 200);
    let begin = Instant::now();
    assert!(server.stop().success());
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(answer(poll).json["events"], json!([]));
    drop(held);
}

/// Who may not send is told so before anything is sent; so is who announces too much.
#[test]
fn refusals_do_not_wait_for_bodies() {
    let server = Server::in_memory();
    let control = format!("Bearer {CONTROL}");
    for (path, authorization, bytes, status) in [
        ("/upload/v1/T01ACME/no-such-ticket", "", 8 << 20, 404),
        ("/upload/v1/T01NOBODY/x", "", 8 << 20, 404),
        ("/hooks/services/T01ACME/B01X/secret", "", 1 << 20, 404),
        ("/control/workspaces", "Bearer wrong", 1 << 20, 401),
        ("/control/workspaces", &control, 3 << 20, 413),
        ("/v3/conversations/x/activities", "Bearer wrong", 1 << 20, 401),
        ("/v3/conversations/x/activities", "", 1 << 20, 401),
        ("/t/oauth2/v2.0/token", "", 1 << 20, 400),
        ("/api/chat.postMessage", "Bearer wrong", 1 << 20, 200),
        ("/api/chat.postMessage", "Bearer xoxb-deploy", 3 << 20, 200),
        ("/api/no.such", "Bearer xoxb-deploy", 1 << 20, 200),
    ] {
        let mut stream = client::connect(&server.url);
        stream.write_all(announced(path, authorization, bytes).as_bytes()).unwrap();
        let answer = answer(stream);
        assert_eq!(answer.status, status, "{path} {authorization}: {}", answer.body);
        assert!(status != 200 || answer.code() != "ok", "{path}: {}", answer.body);
    }
}

/// A file of another size than was said is refused before its bytes come.
#[test]
fn announced_files_have_the_size_that_was_said() {
    let world = World::new();
    let begun = world.ok(DEPLOY, "files.getUploadURLExternal", &json!({"filename": "a.txt", "length": 1000}));
    let url = text_of(&begun, "upload_url");
    let path = url.trim_start_matches(&*world.server.url);
    let mut stream = client::connect(&world.server.url);
    stream.write_all(announced(path, "", 1001).as_bytes()).unwrap();
    let answer = answer(stream);
    assert_eq!((answer.status, answer.body.as_str()), (400, "1000 bytes were announced and 1001 came"));
}

/// Bodies in memory at a time are bounded in sum; the control API has room of its own.
#[test]
fn bodies_are_bounded_in_sum() {
    let limits = Limits { bodies_bytes_max: 1 << 20, bodies_wait_ms: 50, ..Limits::default() };
    let server = Small::with(limits);
    let bytes = 900 << 10;
    let mut held = server.sent(&announced("/api/chat.postMessage", "Bearer xoxb-deploy", bytes));
    server.wait_for_metric("redraft_memory_bytes{of=\"bodies\"}", |it| it == bytes);
    let refused = answer(server.sent(&announced("/api/chat.postMessage", "Bearer xoxb-deploy", bytes)));
    assert_eq!((refused.code(), refused.header("retry-after")), ("ratelimited", "1"));
    assert_eq!(server.slack(DEPLOY, "auth.test", &json!({})).code(), "ok", "small ones need no room");
    let mut control = server.sent(&announced("/control/workspaces", &format!("Bearer {CONTROL}"), bytes));
    control.write_all(&vec![b' '; bytes]).unwrap();
    assert_eq!(answer(control).status, 400);
    held.write_all(&vec![b' '; bytes]).unwrap();
    assert_eq!(answer(held).code(), "invalid_arguments");
    server.wait_for_metric("redraft_memory_bytes{of=\"bodies\"}", |it| it == 0);
}

/// One token's requests do not take the place of others'.
#[test]
fn requests_of_one_token_under_way() {
    let server = Small::with(Limits { requests_of_token_max: 2, ..Limits::default() });
    let head = announced("/api/chat.postMessage", "Bearer xoxb-deploy", 10);
    let mut held = [server.sent(&head), server.sent(&head)];
    let begin = Instant::now();
    let refused = loop {
        let answer = server.slack(DEPLOY, "auth.test", &json!({}));
        if answer.code() != "ok" {
            break answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "both are under way some time");
    };
    assert_eq!((refused.status, refused.code(), refused.header("retry-after")), (429, "ratelimited", "1"));
    assert_eq!(server.slack(POLL, "auth.test", &json!({})).code(), "ok", "another token");
    held[0].write_all(b"{}        ").unwrap();
    let [first, _] = held;
    assert_eq!(answer(first).code(), "invalid_arguments");
    assert_eq!(server.slack(DEPLOY, "auth.test", &json!({})).code(), "ok", "one of them is answered");
}

/// A page of big messages has fewer of them, and a walk finds all.
#[test]
fn pages_are_bounded_in_bytes() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let mut posted = vec![root.clone()];
    for number in 0..12 {
        let args = json!({"channel": GENERAL, "text": number.to_string(), "thread_ts": root,
            "reply_broadcast": true, "attachments": big_attachments()});
        let ts = text_of(&world.ok(DEPLOY, "chat.postMessage", &args), "ts");
        let args = json!({"channel": GENERAL, "timestamp": ts, "name": "eyes"});
        world.ok(DEPLOY, "reactions.add", &args);
        posted.push(ts);
    }
    for number in 0..12 {
        let args = json!({"channel": GENERAL, "ts": posted[1], "text": number.to_string(), "attachments": big_attachments()});
        world.ok(DEPLOY, "chat.update", &args);
    }
    let post_at =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 3600;
    for _ in 0..30 {
        let text = "\u{1f600}".repeat(40_000);
        let args = json!({"channel": GENERAL, "text": text, "post_at": post_at});
        world.ok(DEPLOY, "chat.scheduleMessage", &args);
    }
    for (method, args, list, ts, count) in [
        ("conversations.history", json!({"channel": GENERAL, "limit": 999}), "messages", "/ts", 13),
        (
            "conversations.replies",
            json!({"channel": GENERAL, "ts": root, "limit": 999}),
            "messages",
            "/ts",
            13,
        ),
        (
            "redraft.messages.revisions",
            json!({"channel": GENERAL, "ts": posted[1]}),
            "revisions",
            "/revision",
            13,
        ),
        ("reactions.list", json!({"limit": 200}), "items", "/message/ts", 12),
        ("chat.scheduledMessages.list", json!({"limit": 100}), "scheduled_messages", "/id", 30),
    ] {
        let (mut args, mut found, mut pages) = (args, Vec::new(), 0);
        loop {
            let answer = world.slack(DEPLOY, method, &args);
            assert_eq!(answer.code(), "ok", "{method}: {}", answer.body);
            assert!(answer.body.len() < 5 << 20, "{method}: {}", answer.body.len());
            found.extend(
                answer.json[list].as_array().unwrap().iter().map(|it| it.pointer(ts).unwrap().to_string()),
            );
            pages += 1;
            let next = answer.json["response_metadata"]["next_cursor"].as_str().unwrap_or_default();
            if next.is_empty() {
                assert_ne!(answer.json["has_more"], true, "{method}");
                break;
            }
            assert_ne!(answer.json["has_more"], false, "{method}");
            args["cursor"] = next.into();
        }
        // The root is on every page of its thread.
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), count, "{method}");
        assert!(2 < pages, "{method}: {pages}");
    }
    let messages = world.controlled("GET", "/channels/general/messages?limit=1000", &Value::Null);
    let count = messages["messages"].as_array().unwrap().len();
    assert!((1..12).contains(&count), "{count}");
}

/// Metrics on an address of their own are nowhere else, and nothing else is there.
#[test]
fn metrics_apart() {
    let server = Small::start(Config { metrics_listen: Some("127.0.0.1:0".into()), ..Config::default() });
    assert_eq!(server.get("/metrics").status, 404);
    let apart = server.metrics_url.clone().unwrap();
    let get = |path: &str| client::send("GET", &format!("{apart}{path}"), &[], ("", b""));
    assert!(get("/metrics").body.contains("redraft_connections{state=\"answering\"} 1"));
    assert_eq!((get("/healthz").status, get("/api/api.test").status), (200, 404));
    assert_eq!((get("/control/workspaces").status, server.get("/healthz").status), (404, 200));
}

/// TLS handshakes that do not come are not waited for.
#[test]
fn silent_handshakes() {
    let tls = Some(TlsConfig { listen: "127.0.0.1:0".into(), files: None });
    let limits = Limits { handshake_ms: 300, ..Limits::default() };
    let server = Small::start(Config { tls, limits, ..Config::default() });
    let address = server.tls_url.clone().unwrap();
    for sent in [&b""[..], b"\x16\x03\x01"] {
        let mut stream = client::connect(address.trim_start_matches("https://"));
        stream.write_all(sent).unwrap();
        assert_eq!(rest(stream), "");
    }
    server.wait_for_metric("redraft_connections_cut_total{reason=\"handshake\"}", |it| 2 <= it);
}

/// SIGHUP reads the TLS files anew; bad ones leave the certificate, and the process goes on.
#[test]
fn tls_files_are_read_anew() {
    let folder = Folder::new("renewed");
    let write = || {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    };
    write();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let given = ["--tls-certificate", &certificate, "--tls-key", &key];
    let server = Server::start(&[&["--memory", "--tls-listen", "127.0.0.1:0"][..], &given].concat());
    let hang_up = |said: &str| {
        let before = server.log.lock().unwrap().matches(said).count();
        let id = server.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
        while server.log.lock().unwrap().matches(said).count() == before {
            std::thread::yield_now();
        }
    };
    let trusts = |file: &str| crate::tls::connect(&server, folder.join(file).as_path(), "localhost").is_ok();
    assert!(trusts("certificate.pem"));
    std::fs::copy(folder.join("certificate.pem"), folder.join("old.pem")).unwrap();
    write();
    assert!(trusts("old.pem"), "nothing is read unasked");
    hang_up("certificate is renewed");
    assert!(trusts("certificate.pem") && !trusts("old.pem"));
    std::fs::copy(folder.join("certificate.pem"), folder.join("new.pem")).unwrap();
    std::fs::write(folder.join("certificate.pem"), "junk").unwrap();
    hang_up("certificate stays as it was");
    assert!(trusts("new.pem"));
    let plain = Server::in_memory();
    assert!(Command::new("kill").args(["-HUP", &plain.child.id().to_string()]).status().unwrap().success());
    while !plain.log.lock().unwrap().contains("no TLS certificate") {
        std::thread::yield_now();
    }
    assert_eq!(client::send("GET", &format!("{}/healthz", plain.url), &[], ("", b"")).status, 200);
}

/// What an operator watches is there, and moves.
#[test]
fn metrics_for_operators() {
    let folder = Folder::new("metrics");
    let world = World::on(Server::in_folder(&folder.join("data")));
    // Whoever connects is never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/api/messages", silent.local_addr().unwrap());
    world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": endpoint, "read_all": true}));
    world.post(BEN, GENERAL, "for a bot that does not answer");
    assert_eq!(world.slack("xoxb-wrong", "auth.test", &json!({})).code(), "invalid_auth");
    let wrong = [("authorization", "Bearer wrong")];
    let control = format!("{}/control/workspaces", world.server.url);
    assert_eq!(client::send("GET", &control, &wrong, ("", b"")).status, 401);
    for (start, end, least) in [
        ("redraft_delivery_backlog{", "state=\"first_attempt\"}", 1.0),
        ("redraft_delivery_oldest_seconds{", "}", 0.1),
        ("redraft_logins_refused_total{at=\"slack\"", "}", 1.0),
        ("redraft_logins_refused_total{at=\"control\"", "}", 1.0),
        ("redraft_batch_jobs_count", "", 1.0),
        ("redraft_flush_seconds_count", "", 1.0),
        ("redraft_connections{state=\"answering\"", "}", 1.0),
        ("redraft_connections_max", "", 1.0),
        ("redraft_queue_commands", "", 0.0),
        ("redraft_sockets", "", 0.0),
    ] {
        let begin = Instant::now();
        loop {
            let metrics = client::send("GET", &format!("{}/metrics", world.server.url), &[], ("", b"")).body;
            let found = metrics.lines().filter(|line| line.starts_with(start)).find_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                name.ends_with(end).then_some(value)?.parse::<f64>().ok()
            });
            if found.is_some_and(|found| least <= found) {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{start}: {found:?} in {metrics}");
        }
    }
}
