//! Bots written with Microsoft's SDKs for Teams, unmodified, each in a process of its own, and one with the Rust SDK. The server checks the tokens of
//! their calls, and they check the tokens of its calls. All play the same scenario.

mod calls;
mod rust;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Folder, Server};
use crate::{here, installed};

const HELPDESK: (&str, &str) = ("33333333-0000-4000-8000-000000000001", "helpdesk-password");
const TENANT: &str = "11111111-1111-4111-8111-111111111111";

/// Loaded programs take their time on a machine that does much else.
const TIMEOUT_MS: u64 = 60_000;

/// How bot and server come to trust one another.
#[derive(Clone, Copy)]
enum Trust {
    /// The bot's own settings with a client secret. What it asks Microsoft's login hosts is answered by the server, over
    /// TLS under their names.
    Redirected,
    /// A managed identity; keys from an address in the settings. No TLS.
    ManagedIdentity,
    /// A managed identity; keys from Microsoft's host, which is redirected.
    ManagedIdentityRedirected,
}

#[derive(Clone, Copy)]
enum Language {
    JavaScript,
    Python,
    /// On a thread of the test's.
    Rust,
}

/// A way to start one of the bots.
struct Kind {
    folder: &'static str,
    language: Language,
    trust: Trust,
    /// The SDK has hooks of its own for messages that people edit and delete.
    has_hooks: bool,
    /// The SDK asks for the server's keys again when it meets one that it does not know.
    asks_again: bool,
    /// Whom the server names as the issuer of its tokens for the bot; Microsoft's by default.
    issuer: Option<&'static str>,
    /// Names and values of settings. `{…}` stands for what is known when the server runs.
    settings: &'static [(&'static str, &'static str)],
}

/// A running bot. Killed when dropped.
struct Bot {
    run: Run,
    url: String,
    log: Arc<Mutex<String>>,
}

enum Run {
    Process(Child),
    Thread(#[allow(dead_code, reason = "held")] rust::Running),
}

impl Kind {
    fn start(&self, server: &Server, folder: &Folder) -> Bot {
        let mut said = String::new();
        // Another process may take the port before the bot does.
        for _ in 0..3 {
            match self.attempt(server, folder) {
                Ok(bot) => return bot,
                Err(log) => said = log,
            }
        }
        panic!("the bot ended before it listened:\n{said}")
    }

    /// Gives back what the bot said if it ended.
    fn attempt(&self, server: &Server, folder: &Folder) -> Result<Bot, String> {
        if let Language::Rust = self.language {
            let running = rust::start(rust::Settings {
                app_id: HELPDESK.0,
                secret: HELPDESK.1,
                tenant: TENANT,
                url: server.url.clone(),
                managed_identity: matches!(self.trust, Trust::ManagedIdentity),
                service: None,
                folder: folder.0.clone(),
            });
            return Ok(Bot { url: running.url.clone(), run: Run::Thread(running), log: Arc::default() });
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut child = self.command(server, folder, port).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (listening, heard) = std::sync::mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let (log, listening, url) = (Arc::clone(&log), listening.clone(), url.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if line.contains(&url) {
                        let _ = listening.send(());
                    }
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            });
        }
        drop(listening);
        let bot = Bot { run: Run::Process(child), url, log };
        match heard.recv() {
            Ok(()) => Ok(bot),
            Err(_) => Err(bot.log.lock().unwrap().clone()),
        }
    }

    fn command(&self, server: &Server, folder: &Folder, port: u16) -> Command {
        let teams = here().join("teams");
        let bot = teams.join(self.folder);
        let redirected = matches!(self.trust, Trust::Redirected | Trust::ManagedIdentityRedirected);
        let mut command = match self.language {
            Language::JavaScript => {
                installed(&teams.join("node_modules/botbuilder"));
                let mut command = Command::new("node");
                if redirected {
                    command.arg("--require").arg(teams.join("redirect.cjs"));
                }
                command.arg(bot.join("bot.js"));
                command
            }
            Language::Python => {
                let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdks/teams/bin/python");
                installed(&python);
                let mut command = Command::new(python);
                command
                    .arg(bot.join("bot.py"))
                    .env("PYTHONUNBUFFERED", "1")
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Language::Rust => unreachable!("it has no process"),
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy")) {
            command.env_remove(name);
        }
        let ready = |name: &str| server.ready[name].as_str().unwrap_or_default();
        let identity: &[(&str, &str)] = match self.trust {
            Trust::Redirected => &[],
            Trust::ManagedIdentity | Trust::ManagedIdentityRedirected => {
                &[("IDENTITY_ENDPOINT", "{url}/msi/token"), ("IDENTITY_HEADER", "{secret}")]
            }
        };
        for (name, value) in self.settings.iter().chain(identity) {
            let value = value
                .replace("{app}", HELPDESK.0)
                .replace("{secret}", HELPDESK.1)
                .replace("{tenant}", TENANT)
                .replace("{service}", ready("service_url"))
                .replace("{url}", &server.url);
            command.env(name, value);
        }
        if redirected {
            command.env("REDRAFT_TLS", ready("tls_url").trim_start_matches("https://"));
            let authority = ready("ca_file");
            match self.language {
                Language::JavaScript => command.env("NODE_EXTRA_CA_CERTS", authority),
                Language::Python => command
                    .env("PYTHONPATH", teams.join("redirect"))
                    .env("SSL_CERT_FILE", authority)
                    .env("REQUESTS_CA_BUNDLE", authority),
                Language::Rust => &mut command,
            };
        }
        command.env("PORT", port.to_string()).env("BOT_DATA", &folder.0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if let Run::Process(child) = &mut self.run {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the bot said:\n{}", self.log.lock().unwrap());
        }
    }
}

/// One request with JSON, answered with a status and JSON (null if it is none).
pub fn call(verb: &str, url: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
    let agent: ureq::Agent = config.proxy(None).build().into();
    let mut request = ureq::http::Request::builder().method(verb).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.header("content-type", "application/json").body(body).unwrap();
    let mut answer = agent.run(request).unwrap_or_else(|failed| panic!("{verb} {url}: {failed}"));
    let said = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&said).unwrap_or_default())
}

/// A server, a bot that it tells, and people whose hands are the control API.
struct World<'kind> {
    server: Server,
    kind: &'kind Kind,
    folder: Folder,
    bot: Option<Bot>,
    marks: u32,
}

/// Where people and the bot talk. Where they are not alone, it has to be mentioned.
#[derive(Clone)]
struct Place {
    channel: String,
    root: Option<String>,
    alone: bool,
}

impl<'kind> World<'kind> {
    fn new(kind: &'kind Kind) -> Self {
        let folder = Folder::new("bot");
        let data = folder.join("data");
        let server = match kind.trust {
            Trust::ManagedIdentity => Server::in_memory(),
            // In the folder is also the certificate of the server's authority.
            Trust::Redirected | Trust::ManagedIdentityRedirected => {
                Server::start(&["--data", data.to_str().unwrap(), "--tls-listen", "127.0.0.1:0"])
            }
        };
        let mut world = Self { server, kind, folder, bot: None, marks: 0 };
        if let Some(issuer) = kind.issuer {
            let issuer = issuer.replace("{url}", &world.server.url).replace("{tenant}", TENANT);
            for app in ["helpdesk", "planner"] {
                world.controlled("PATCH", &format!("/apps/{app}"), &json!({ "issuer": issuer }));
            }
        }
        world.start_bot();
        world
    }

    /// Starts the bot, after it was ended if it runs.
    fn start_bot(&mut self) {
        self.bot = None;
        let bot = self.kind.start(&self.server, &self.folder);
        let endpoint = format!("{}/api/messages", bot.url);
        self.bot = Some(bot);
        self.controlled("PATCH", "/apps/helpdesk", &json!({ "endpoint": endpoint }));
    }

    /// An address of the bot.
    fn bot(&self, path: &str) -> String {
        format!("{}{path}", self.bot.as_ref().unwrap().url)
    }

    fn heard(&self) -> Vec<Value> {
        let (status, heard) = call("GET", &self.bot("/heard"), None, &Value::Null);
        assert_eq!(status, 200);
        heard.as_array().unwrap().clone()
    }

    fn control(&self, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/control/workspaces/T01ACME{path}", self.server.url);
        call(verb, &url, self.server.ready["control_token"].as_str(), body)
    }

    fn controlled(&self, verb: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.control(verb, path, body);
        assert!(status < 300, "{verb} {path} {body}: {status} {answer}");
        answer
    }

    /// One step in the replacing of the key that the server signs with.
    fn turn_key(&self, step: &str) {
        let url = format!("{}/control/authority/rotate", self.server.url);
        let token = self.server.ready["control_token"].as_str();
        let (status, answer) = call("POST", &url, token, &json!({ "step": step }));
        assert_eq!(status, 200, "{answer}");
    }

    /// A person writes to the bot. Gives back their message.
    fn say(&self, person: &str, place: &Place, text: &str) -> Value {
        let mention = if place.alone { "" } else { "@helpdesk " };
        let mut body = json!({ "channel": place.channel, "text": format!("{mention}{text}") });
        if let Some(root) = &place.root {
            body["thread_ts"] = json!(root);
        }
        self.controlled("POST", &format!("/people/{person}/messages"), &body)
    }

    /// Waits for a message in a place.
    fn wait(&self, place: &Place, wanted: &Value) -> Value {
        let mut body = wanted.clone();
        body["channel"] = json!(place.channel);
        body["timeout_ms"] = json!(TIMEOUT_MS);
        if let (Some(root), None) = (&place.root, wanted.get("ts")) {
            body["thread_ts"] = json!(root);
        }
        self.controlled("POST", "/wait", &body)["message"].clone()
    }

    /// Waits until the bot has done with all that it was told in a place: it is told one thing after the other.
    fn settle(&mut self, place: &Place) {
        self.marks += 1;
        let mark = format!("mark {}", self.marks);
        self.say("ada", place, &mark);
        self.wait(place, &json!({ "text": format!("echo: {mark}") }));
    }

    /// The message that a person sees in a place and that this holds for; the newest.
    fn seen(&self, person: &str, place: &Place, which: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/people/{person}/channels/{}/messages", place.channel);
        let messages = self.controlled("GET", &path, &Value::Null)["messages"].clone();
        let found = messages.as_array().unwrap().iter().rev().find(|message| which(message)).cloned();
        found.unwrap_or_else(|| panic!("no such message among {messages:#}"))
    }

    fn press(&self, person: &str, message: &Value, action: &str) -> Value {
        let body = json!({ "channel": message["channel"], "ts": message["ts"], "action": action });
        self.controlled("POST", &format!("/people/{person}/actions"), &body)
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.server.log.lock().unwrap());
        }
    }
}

/// The texts and the buttons of the card that a message shows; empty if it shows none.
fn card(message: &Value) -> (Vec<String>, Vec<String>) {
    let attachments = message["activity"]["attachments"].as_array();
    let content = attachments.and_then(|all| all.first()).map(|first| first["content"].clone());
    parts(&content.unwrap_or_default())
}

fn parts(card: &Value) -> (Vec<String>, Vec<String>) {
    let all = |list: &str, member: &str| {
        let list = card[list].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|it| it[member].as_str().map(str::to_owned)).collect()
    };
    (all("body", "text"), all("actions", "title"))
}

/// A chat with the bot alone; it answers.
fn chat(world: &World) -> Place {
    let hello = json!({ "to": ["helpdesk"], "text": "hello there" });
    let said = world.controlled("POST", "/people/ada/messages", &hello);
    let place = Place { channel: said["channel"].as_str().unwrap().to_owned(), root: None, alone: true };
    world.wait(&place, &json!({ "text": "echo: hello there" }));
    place
}

/// A thread in a channel; the bot answers in it when it is mentioned.
fn thread(world: &World) -> Place {
    let channel = Place { channel: "general".into(), root: None, alone: false };
    let root = world.say("ada", &channel, "good morning")["ts"].as_str().unwrap().to_owned();
    let place = Place { root: Some(root), ..channel };
    world.wait(&place, &json!({ "text": "echo: good morning" }));
    place
}

/// One message that is a text, another text, a card, and a text again.
fn progress(world: &World, place: &Place) {
    world.say("ada", place, "progress");
    let done = world.wait(place, &json!({ "text": "done" }));
    assert_eq!(done["revision"], 4, "{done:#}");
    assert_eq!(card(&done), Default::default());
}

/// A poll in a chat of three: plain buttons, a card of one's own, the end.
fn poll(world: &mut World) {
    let hello = json!({ "to": ["helpdesk", "ben"], "text": "@helpdesk poll" });
    let said = world.controlled("POST", "/people/ada/messages", &hello);
    let place = Place { channel: said["channel"].as_str().unwrap().to_owned(), root: None, alone: false };
    world.settle(&place);
    let question = |totals: &str| vec!["Tea or coffee?".to_owned(), totals.to_owned()];
    let poll = world.seen("ben", &place, |message| card(message).0 == question("tea 0, coffee 0"));
    assert_eq!(card(&poll).1, ["Tea", "Coffee", "Coffee, quietly", "Close"]);
    let now = |revision: u32| world.wait(&place, &json!({ "ts": poll["ts"], "revision": revision }));

    assert_eq!(world.press("ben", &poll, "Tea")["kind"], "submit");
    let voted = now(2);
    let fewer = ["Coffee, quietly", "Close"].map(str::to_owned).to_vec();
    assert_eq!(card(&voted), (question("tea 1, coffee 0"), fewer.clone()));

    let answer = world.press("ada", &poll, "Coffee, quietly");
    assert_eq!(
        (&answer["kind"], &answer["answer"]["type"]),
        (&json!("execute"), &json!("card")),
        "{answer:#}"
    );
    assert_eq!(parts(&answer["answer"]["card"]).0, ["you voted coffee"]);
    assert_eq!(card(&now(3)), (question("tea 1, coffee 1"), fewer));
    let same = |message: &Value| message["ts"] == poll["ts"];
    assert_eq!(card(&world.seen("ada", &place, same)).0, ["you voted coffee"]);
    assert_eq!(card(&world.seen("ben", &place, same)).0, question("tea 1, coffee 1"));

    world.press("ben", &poll, "Close");
    let end = now(4);
    assert_eq!((&end["text"], card(&end)), (&json!("Winner: tea"), Default::default()));
    assert_eq!(card(&world.seen("ada", &place, same)), Default::default());
    let again = json!({ "channel": poll["channel"], "ts": poll["ts"], "action": "Close" });
    assert!(400 <= world.control("POST", "/people/ben/actions", &again).0, "there is no button any more");
}

/// The guide's own snippets: every message of a list is updated, then deleted.
fn update_and_delete(world: &mut World, place: &Place) {
    world.say("ada", place, "five");
    world.settle(place);
    let sent: Vec<Value> = (1..=5)
        .map(|number| world.seen("ada", place, |message| message["text"] == format!("message {number}")))
        .collect();
    world.say("ada", place, "update");
    world.settle(place);
    for message in &sent {
        let updated = world.wait(place, &json!({ "ts": message["ts"] }));
        assert_eq!(updated["text"], "The new text for the activity");
        assert_eq!((&updated["revision"], &updated["user"]), (&json!(2), &message["user"]));
    }
    world.say("ada", place, "delete");
    world.settle(place);
    for message in &sent {
        let gone = json!({ "channel": place.channel, "ts": message["ts"], "deleted": true, "timeout_ms": 0 });
        assert_eq!(world.controlled("POST", "/wait", &gone)["message"], Value::Null);
    }
}

/// An answer that comes in pieces is one message from its first piece on.
fn stream(world: &mut World, place: &Place) {
    world.say("ada", place, "stream");
    world.settle(place);
    let streamed = world.seen("ada", place, |message| message["text"] == "one two three");
    assert_eq!(streamed["streaming"], false, "{streamed:#}");
    let events = world.controlled("GET", "/log?limit=1000", &Value::Null)["events"].clone();
    let of_it = events.as_array().unwrap().iter().filter(|event| event["message"] == streamed["ts"]);
    let types: Vec<&str> = of_it.filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types.first(), Some(&"stream_started"), "{types:?}");
    assert_eq!(types.last(), Some(&"stream_ended"), "{types:?}");
    let path = format!("/people/ada/channels/{}/messages", place.channel);
    let messages = world.controlled("GET", &path, &Value::Null)["messages"].to_string();
    assert!(!messages.contains("thinking"), "the line of progress is gone");
}

/// A button that opens a dialog, whose card is handed in.
fn dialog(world: &mut World, place: &Place) {
    world.say("ada", place, "ask");
    world.settle(place);
    let asked = world.seen("ada", place, |message| card(message).0 == ["May I ask?"]);
    let opened = world.press("ada", &asked, "Ask me");
    assert_eq!(
        (&opened["kind"], &opened["answer"]["title"]),
        (&json!("task"), &json!("A question")),
        "{opened:#}"
    );
    let handed_in = world.controlled(
        "POST",
        "/people/ada/tasks",
        &json!({
            "channel": asked["channel"], "ts": asked["ts"], "card": opened["answer"]["card"],
            "action": "Send", "inputs": { "name": "Ada" },
        }),
    );
    assert_eq!(handed_in["answer"], json!({ "type": "message", "text": "Hello, Ada" }), "{handed_in:#}");
}

/// What people do besides, as the SDK tells it to the bot.
fn events(world: &mut World, place: &Place) {
    let message = world.say("ada", place, "first words");
    let echo = world.wait(place, &json!({ "text": "echo: first words" }));
    let path = format!("/people/ada/messages/{}/{}", place.channel, message["ts"].as_str().unwrap());
    world.controlled("PATCH", &path, &json!({ "text": "other words" }));
    world.controlled("DELETE", &path, &Value::Null);
    let like = json!({ "channel": place.channel, "ts": echo["ts"], "name": "like" });
    world.controlled("POST", "/people/ada/reactions", &like);
    world.settle(place);
    world.controlled("POST", "/people/ada/typing", &json!({ "channel": place.channel }));
    world.settle(place);
    let heard = world.heard();
    let mut rest = heard.iter();
    let mut expect = |wanted: Value| {
        let holds = |it: &&Value| wanted.as_object().unwrap().iter().all(|(name, value)| it[name] == *value);
        assert!(rest.any(|it| holds(&it)), "{wanted} is missing, or not in its place: {heard:#?}");
    };
    expect(json!({ "type": "conversationUpdate" }));
    expect(json!({ "type": "message", "text": "hello there" }));
    expect(json!({ "type": "message", "text": "first words" }));
    expect(json!({ "type": "messageUpdate", "eventType": "editMessage", "text": "other words" }));
    if world.kind.has_hooks {
        expect(json!({ "hook": "edited" }));
    }
    expect(json!({ "type": "messageDelete", "eventType": "softDeleteMessage" }));
    if world.kind.has_hooks {
        expect(json!({ "hook": "deleted" }));
    }
    expect(json!({ "type": "messageReaction" }));
    expect(json!({ "type": "typing" }));
    assert!(heard.iter().any(|it| it["type"] == "installationUpdate" && it["action"] == "add"), "{heard:#?}");
}

/// A message is updated when no turn is open, by a bot that was ended and started since it sent it.
fn later(world: &mut World, place: &Place) {
    world.say("ada", place, "remember");
    let message = world.wait(place, &json!({ "text": "remembered" }));
    world.settle(place);
    world.start_bot();
    let (status, answer) = call("POST", &world.bot("/proactive?text=later"), None, &Value::Null);
    assert_eq!((status, &answer["id"]), (200, &message["activity_id"]));
    world.wait(place, &json!({ "ts": message["ts"], "text": "later" }));
    world.settle(place);
}

/// The bot refuses what the server has not signed, and what it has signed for another bot; the server refuses its own
/// signature from the outside.
fn forgeries(world: &World, place: &Place) {
    let (url, token) = (world.bot("/api/messages"), token_for_another_bot(world));
    let mut claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
    claims["aud"] = json!(HELPDESK.0);
    let mut header = Header::new(Algorithm::RS256);
    header.kid = jsonwebtoken::decode_header(&token).unwrap().kid;
    let own_key = jsonwebtoken::encode(&header, &claims, &some_key()).unwrap();
    let service_url = world.server.ready["service_url"].as_str().unwrap();
    for (what, token) in
        [("no token", None), ("another key", Some(&own_key)), ("another bot's", Some(&token))]
    {
        let activity = json!({
            "type": "message", "id": "1", "text": "forged", "channelId": "msteams", "serviceUrl": service_url,
            "from": { "id": "29:1ada", "name": "Ada" }, "recipient": { "id": format!("28:{}", HELPDESK.0) },
            "conversation": { "id": "a:1forged", "conversationType": "personal", "tenantId": TENANT },
            "channelData": { "tenant": { "id": TENANT } },
        });
        let (status, answer) = call("POST", &url, token.map(String::as_str), &activity);
        // Where a library of theirs throws, some SDKs answer 500.
        assert!([401, 403, 500].contains(&status), "{what}: {status} {answer}");
    }
    let heard = world.heard();
    assert!(heard.iter().all(|it| it["text"] != "forged"), "{heard:#?}");

    let conversations = format!("{service_url}v3/conversations/{}/activities", place.channel);
    for token in [None, Some(own_key.as_str()), Some(token.as_str())] {
        let (status, _) =
            call("POST", &conversations, token, &json!({ "type": "message", "text": "forged" }));
        assert_eq!(status, 401);
    }
}

/// A key that the server has never seen.
fn some_key() -> EncodingKey {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

/// The token with which the server calls another bot, whose endpoint is this test.
fn token_for_another_bot(world: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/api/messages", listener.local_addr().unwrap());
    world.controlled("PATCH", "/apps/planner", &json!({ "endpoint": endpoint }));
    world.controlled("POST", "/people/ada/messages", &json!({ "to": ["planner"], "text": "hello" }));
    let (mut stream, _) = listener.accept().unwrap();
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let header = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
    });
    let token = header.into_iter().next().unwrap().trim_start_matches("Bearer ").to_owned();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    world.controlled("PATCH", "/apps/planner", &json!({ "endpoint": null }));
    token
}

/// The server signs with another key from now on, and the bot goes on. An SDK that asks for the keys again when it meets
/// one that it does not know needs no warning; for the others it was published before they first asked.
fn another_key(world: &mut World, place: &Place) {
    if world.kind.asks_again {
        world.turn_key("publish");
    }
    world.turn_key("use");
    world.settle(place);
}

/// All that a bot does.
fn everything(kind: &Kind) {
    let mut world = World::new(kind);
    if !kind.asks_again {
        world.turn_key("publish");
    }
    let (chat, thread) = (chat(&world), thread(&world));
    progress(&world, &chat);
    progress(&world, &thread);
    poll(&mut world);
    another_key(&mut world, &chat);
    update_and_delete(&mut world, &chat);
    stream(&mut world, &chat);
    dialog(&mut world, &chat);
    events(&mut world, &chat);
    later(&mut world, &chat);
    forgeries(&world, &chat);
}

/// What shows that both sides trust each other, and nobody else.
fn trust(kind: &Kind) {
    let mut world = World::new(kind);
    let chat = chat(&world);
    progress(&world, &chat);
    later(&mut world, &chat);
    forgeries(&world, &chat);
}

const BOTBUILDER_JS: Kind = Kind {
    folder: "botbuilder",
    language: Language::JavaScript,
    has_hooks: true,
    asks_again: false,
    trust: Trust::Redirected,
    issuer: None,
    settings: &[
        ("MicrosoftAppType", "SingleTenant"),
        ("MicrosoftAppId", "{app}"),
        ("MicrosoftAppPassword", "{secret}"),
        ("MicrosoftAppTenantId", "{tenant}"),
    ],
};

const BOTBUILDER_PYTHON: Kind = Kind {
    language: Language::Python,
    settings: &[
        ("APP_TYPE", "SingleTenant"),
        ("APP_ID", "{app}"),
        ("APP_PASSWORD", "{secret}"),
        ("APP_TENANTID", "{tenant}"),
    ],
    ..BOTBUILDER_JS
};

const AGENTS_JS: Kind = Kind {
    folder: "agents",
    has_hooks: false,
    asks_again: true,
    settings: &[("clientId", "{app}"), ("clientSecret", "{secret}"), ("tenantId", "{tenant}")],
    ..BOTBUILDER_JS
};

const AGENTS_PYTHON: Kind = Kind {
    language: Language::Python,
    asks_again: false,
    settings: &[
        ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID", "{app}"),
        ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTSECRET", "{secret}"),
        ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__TENANTID", "{tenant}"),
    ],
    ..AGENTS_JS
};

const TEAMS_JS: Kind = Kind {
    folder: "teams",
    asks_again: true,
    settings: &[
        ("CLIENT_ID", "{app}"),
        ("CLIENT_SECRET", "{secret}"),
        ("TENANT_ID", "{tenant}"),
        ("SERVICE_URL", "{service}"),
    ],
    ..BOTBUILDER_JS
};

const TEAMS_PYTHON: Kind = Kind { language: Language::Python, asks_again: false, ..TEAMS_JS };

/// The server itself is the authority of both sides, over plain HTTP.
const RUST: Kind = Kind {
    folder: "",
    language: Language::Rust,
    trust: Trust::Redirected,
    has_hooks: true,
    asks_again: true,
    issuer: None,
    settings: &[],
};

#[test]
fn rust() {
    everything(&RUST);
}

#[test]
fn rust_with_a_managed_identity() {
    trust(&Kind { trust: Trust::ManagedIdentity, ..RUST });
}

#[test]
fn botbuilder_js() {
    everything(&BOTBUILDER_JS);
}

#[test]
fn botbuilder_python() {
    everything(&BOTBUILDER_PYTHON);
}

#[test]
fn agents_js() {
    everything(&AGENTS_JS);
}

#[test]
fn agents_python() {
    everything(&AGENTS_PYTHON);
}

#[test]
fn teams_js() {
    everything(&TEAMS_JS);
}

#[test]
fn teams_python() {
    everything(&TEAMS_PYTHON);
}

#[test]
fn botbuilder_js_with_a_managed_identity() {
    // As soon as one of the addresses is given, all are taken as given.
    trust(&Kind {
        trust: Trust::ManagedIdentity,
        settings: &[
            ("MicrosoftAppType", "UserAssignedMsi"),
            ("MicrosoftAppId", "{app}"),
            ("MicrosoftAppTenantId", "{tenant}"),
            ("ToChannelFromBotLoginUrl", "https://login.microsoftonline.com/{tenant}"),
            ("ToChannelFromBotOAuthScope", "https://api.botframework.com"),
            ("ToBotFromChannelTokenIssuer", "https://api.botframework.com"),
            ("OAuthApiEndpoint", "https://api.botframework.com"),
            ("BotOpenIdMetadata", "{url}/v1/.well-known/openidconfiguration"),
            ("ToBotFromEmulatorOpenIdMetadataUrl", "{url}/{tenant}/v2.0/.well-known/openid-configuration"),
            ("CallerId", "urn:botframework:azure"),
        ],
        ..BOTBUILDER_JS
    });
}

#[test]
fn botbuilder_python_with_a_managed_identity() {
    trust(&Kind {
        trust: Trust::ManagedIdentity,
        settings: &[
            ("APP_TYPE", "UserAssignedMsi"),
            ("APP_ID", "{app}"),
            ("APP_TENANTID", "{tenant}"),
            ("TO_CHANNEL_FROM_BOT_LOGIN_URL", "https://login.microsoftonline.com/{tenant}"),
            ("TO_CHANNEL_FROM_BOT_OAUTH_SCOPE", "https://api.botframework.com"),
            ("TO_BOT_FROM_CHANNEL_TOKEN_ISSUER", "https://api.botframework.com"),
            ("OAUTH_URL", "https://api.botframework.com"),
            ("TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL", "{url}/v1/.well-known/openidconfiguration"),
            (
                "TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL",
                "{url}/{tenant}/v2.0/.well-known/openid-configuration",
            ),
            ("CALLER_ID", "urn:botframework:azure"),
        ],
        ..BOTBUILDER_PYTHON
    });
}

#[test]
fn agents_js_with_a_managed_identity() {
    trust(&Kind {
        trust: Trust::ManagedIdentity,
        issuer: Some("{url}/{tenant}/v2.0"),
        settings: &[
            ("authType", "UserManagedIdentity"),
            ("clientId", "{app}"),
            ("tenantId", "{tenant}"),
            ("authorityEndpoint", "{url}"),
        ],
        ..AGENTS_JS
    });
}

#[test]
fn agents_python_with_a_managed_identity() {
    trust(&Kind {
        trust: Trust::ManagedIdentityRedirected,
        settings: &[
            ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__AUTHTYPE", "UserManagedIdentity"),
            ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID", "{app}"),
            ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__TENANTID", "{tenant}"),
        ],
        ..AGENTS_PYTHON
    });
}

const TEAMS_IDENTITY: &[(&str, &str)] = &[
    ("CLIENT_ID", "{app}"),
    ("TENANT_ID", "{tenant}"),
    ("SERVICE_URL", "{service}"),
    ("OPENID_METADATA_URL", "{url}/v1/.well-known/openidconfiguration"),
];

#[test]
fn teams_js_with_a_managed_identity() {
    trust(&Kind { trust: Trust::ManagedIdentity, settings: TEAMS_IDENTITY, ..TEAMS_JS });
}

#[test]
fn teams_python_with_a_managed_identity() {
    trust(&Kind { trust: Trust::ManagedIdentity, settings: TEAMS_IDENTITY, ..TEAMS_PYTHON });
}
