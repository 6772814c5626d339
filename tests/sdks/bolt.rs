//! Bots written with Bolt, unmodified, each in a process of its own: over HTTP, where they check the server's signature,
//! and over Socket Mode. All play the same scenario.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::support::Server;
use crate::teams::call;
use crate::{here, installed};

const SECRET: &str = "deploy-signing-secret";
const COMMANDS: [&str; 5] = ["/poll", "/feedback", "/echo", "/slow", "/quiet"];

/// Loaded programs take their time on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the server reaches a bot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Http,
    SocketMode,
}

/// One of the bots.
#[derive(Clone, Copy)]
enum Kind {
    Python,
    PythonAsync,
    JavaScript,
}

/// A server, and people whose hands are the control API.
pub struct World {
    pub server: Server,
    bot: Option<Bot>,
}

/// A running bot. Killed when dropped.
struct Bot {
    child: Child,
    /// Where it hears everything over HTTP.
    url: String,
    log: Arc<Mutex<String>>,
}

impl Bot {
    fn start(kind: Kind, transport: Transport, server: &Server, secret: &str) -> Self {
        let mut said = String::new();
        // Another process may take the port before the bot does.
        for _ in 0..3 {
            match Self::attempt(kind, transport, server, secret) {
                Ok(bot) => return bot,
                Err(log) => said = log,
            }
        }
        panic!("the bot ended before it ran:\n{said}")
    }

    /// Gives back what the bot said if it ended.
    fn attempt(kind: Kind, transport: Transport, server: &Server, secret: &str) -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = command(kind);
        command.env("SLACK_API_URL", format!("{}/api/", server.url)).env("SLACK_BOT_TOKEN", "xoxb-deploy");
        match transport {
            Transport::Http => command.env("SLACK_SIGNING_SECRET", secret).env("PORT", port.to_string()),
            Transport::SocketMode => command.env("SLACK_APP_TOKEN", "xapp-deploy"),
        };
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (running, ran) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let (log, running) = (Arc::clone(&log), running.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if line == "running" {
                        let _ = running.send(());
                    }
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            });
        }
        drop(running);
        let bot = Self { child, url: format!("http://127.0.0.1:{port}/slack/events"), log };
        let listens = || transport == Transport::Http && TcpStream::connect(("127.0.0.1", port)).is_ok();
        loop {
            match ran.recv_timeout(Duration::from_millis(50)) {
                Ok(()) => return Ok(bot),
                Err(RecvTimeoutError::Timeout) if listens() => return Ok(bot),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(bot.log.lock().unwrap().clone()),
            }
        }
    }
}

fn command(kind: Kind) -> Command {
    let folder = here().join("bolt");
    let mut command = match kind {
        Kind::JavaScript => {
            installed(&folder.join("node_modules/@slack/bolt"));
            let mut command = Command::new("node");
            command.arg(folder.join("bot.js"));
            command
        }
        Kind::Python | Kind::PythonAsync => {
            let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdks/venv/bin/python");
            installed(&python);
            let mut command = Command::new(python);
            let bot = if matches!(kind, Kind::Python) { "bot.py" } else { "async_bot.py" };
            command.arg(folder.join(bot)).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
    };
    let unset = |name: &str| name.to_ascii_lowercase().ends_with("_proxy") || name.starts_with("SLACK_");
    for (name, _) in std::env::vars().filter(|(name, _)| unset(name)) {
        command.env_remove(name);
    }
    command
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the bot said:\n{}", self.log.lock().unwrap());
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self { server: Server::in_memory(), bot: None }
    }

    /// A world with a bot that deploybot's registration names.
    fn with_bot(kind: Kind, transport: Transport, secret: &str) -> Self {
        let mut world = Self::new();
        let commands = |url: &Value| COMMANDS.map(|command| json!({ "command": command, "url": url }));
        let mut app =
            json!({ "bot_events": ["app_mention"], "socket_mode": true, "commands": commands(&Value::Null) });
        if transport == Transport::SocketMode {
            world.controlled("PATCH", "/apps/deploybot", &app);
        }
        let bot = Bot::start(kind, transport, &world.server, secret);
        if transport == Transport::Http {
            app["socket_mode"] = json!(false);
            app["commands"] = json!(commands(&json!(bot.url)));
            for name in ["endpoint", "interactivity_url", "options_url"] {
                app[name] = json!(bot.url);
            }
            world.controlled("PATCH", "/apps/deploybot", &app);
        }
        world.bot = Some(bot);
        world
    }

    fn control(&self, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/control/workspaces/T01ACME{path}", self.server.url);
        call(verb, &url, self.server.ready["control_token"].as_str(), body)
    }

    pub fn controlled(&self, verb: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.control(verb, path, body);
        assert!(status < 300, "{verb} {path} {body}: {status} {answer}");
        answer
    }

    /// A person writes to a channel.
    pub fn say(&self, person: &str, channel: &str, text: &str) -> Value {
        self.controlled(
            "POST",
            &format!("/people/{person}/messages"),
            &json!({ "channel": channel, "text": text }),
        )
    }

    /// Waits for a message of a channel that everyone sees.
    pub fn wait(&self, channel: &str, wanted: &Value) -> Value {
        let mut body = wanted.clone();
        body["channel"] = json!(channel);
        body["timeout_ms"] = json!(PATIENCE.as_millis());
        self.controlled("POST", "/wait", &body)["message"].clone()
    }

    /// A message as the server has it, or null.
    pub fn message(&self, channel: &str, ts: &str) -> Value {
        let body = json!({ "channel": channel, "ts": ts, "timeout_ms": 0 });
        self.control("POST", "/wait", &body).1["message"].clone()
    }

    /// A person types a slash command.
    pub fn command(&self, person: &str, channel: &str, command: &str, text: &str) -> Value {
        let body = json!({ "channel": channel, "command": format!("{command} {text}") });
        self.controlled("POST", &format!("/people/{person}/commands"), &body)
    }

    /// A person presses the button with this `action_id`.
    pub fn press(&self, person: &str, channel: &str, ts: &str, action_id: &str) -> Value {
        let body = json!({ "channel": channel, "ts": ts, "action_id": action_id });
        self.controlled("POST", &format!("/people/{person}/actions"), &body)
    }

    fn all_seen(&self, person: &str, channel: &str) -> Vec<Value> {
        let path = format!("/people/{person}/channels/{channel}/messages");
        let messages = self.controlled("GET", &path, &Value::Null)["messages"].clone();
        messages.as_array().unwrap().clone()
    }

    /// Waits until this holds for what a person sees in a channel. It is looked at again after every event.
    fn until<T>(&self, person: &str, channel: &str, which: impl Fn(&[Value]) -> Option<T>) -> T {
        let start = Instant::now();
        let mut after = 0;
        loop {
            let seen = self.all_seen(person, channel);
            if let Some(found) = which(&seen) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "not among what {person} sees: {seen:#?}");
            let page =
                self.controlled("GET", &format!("/log?after={after}&limit=1000&wait_ms=1000"), &Value::Null);
            after = page["next"].as_u64().unwrap_or(after);
        }
    }

    /// Waits for a message that a person sees, ephemeral ones included.
    pub fn seen(&self, person: &str, channel: &str, which: impl Fn(&Value) -> bool) -> Value {
        self.until(person, channel, |messages| messages.iter().find(|message| which(message)).cloned())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.server.log.lock().unwrap());
        }
    }
}

fn ts(message: &Value) -> &str {
    message["ts"].as_str().unwrap_or_else(|| panic!("no ts in {message}"))
}

/// What stands on the buttons that a message shows.
fn buttons(message: &Value) -> Vec<&str> {
    let blocks = message["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let elements = blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    elements.filter_map(|element| element["text"]["text"].as_str()).collect()
}

/// A mention is answered in its thread; the bot's own answers are no reason for more.
fn mention(world: &World) {
    let root = world.say("ada", "general", "@deploybot good morning");
    world.wait("general", &json!({ "thread_ts": ts(&root), "text": "You said: good morning" }));
    let root = world.message("general", ts(&root));
    assert_eq!(root["reply_count"], 1, "{root:#}");
}

/// An answer that comes in pieces is one message, whose text is exact.
fn stream(world: &World) {
    let root = world.say("ada", "general", "@deploybot stream");
    let wanted = json!({ "thread_ts": ts(&root), "text": "one two three four five" });
    let streamed = world.wait("general", &wanted);
    let ended = world.until("ada", "general", |_| {
        let now = world.message("general", ts(&streamed));
        (now["streaming"] == false).then_some(now)
    });
    assert_eq!(ended["text"], "one two three four five");
    assert_eq!(world.message("general", ts(&root))["reply_count"], 1);
}

/// Every vote changes the message; once the poll is closed there is nothing to press.
fn poll(world: &World) {
    world.command("ada", "general", "/poll", "Tea or coffee?");
    let poll = world.wait("general", &json!({ "text": "Tea or coffee?" }));
    assert_eq!(buttons(&poll), ["Tea", "Coffee", "Close"]);
    let mut revision = 1;
    for (person, action, totals) in [
        ("ada", "vote_tea", "tea 1, coffee 0"),
        ("ben", "vote_coffee", "tea 1, coffee 1"),
        ("cleo", "vote_coffee", "tea 1, coffee 2"),
        ("ada", "vote_coffee", "tea 0, coffee 3"),
    ] {
        world.press(person, "general", ts(&poll), action);
        revision += 1;
        let now = world.wait("general", &json!({ "ts": ts(&poll), "revision": revision }));
        assert_eq!(
            (&now["text"], &now["revision"]),
            (&json!(format!("Tea or coffee? {totals}")), &json!(revision))
        );
        assert_eq!(now["blocks"][1]["text"]["text"], totals, "{now:#}");
        assert_eq!(buttons(&now), ["Tea", "Coffee", "Close"]);
    }
    world.press("ben", "general", ts(&poll), "close_poll");
    let closed = world.wait("general", &json!({ "ts": ts(&poll), "revision": revision + 1 }));
    assert_eq!(closed["text"], "Tea or coffee? is closed: tea 0, coffee 3");
    assert_eq!(buttons(&closed), [""; 0]);
    let again = json!({ "channel": "general", "ts": ts(&poll), "action_id": "vote_tea" });
    assert!(400 <= world.control("POST", "/people/ada/actions", &again).0, "there is no button any more");
}

/// A modal with an external select: opened by a command, corrected, handed in.
fn modal(world: &World) {
    world.command("ben", "general", "/feedback", "");
    let open = world.controlled("GET", "/people/ben/views?wait_ms=60000", &Value::Null);
    let view = open["views"][0]["id"].as_str().unwrap_or_else(|| panic!("no modal: {open}"));
    assert_eq!(open["views"][0]["callback_id"], "feedback");
    let select = |query: &str| {
        let asked = json!({ "view": view, "action_id": "chosen_team", "query": query });
        world.controlled("POST", "/people/ben/suggestions", &asked)
    };
    let texts = |offered: &Value| -> Vec<String> {
        let options = offered["options"].as_array().unwrap_or_else(|| panic!("no options: {offered}"));
        options.iter().map(|option| option["text"]["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&select("")), ["Search", "Storage", "Streams"]);
    let offered = select("st");
    assert_eq!(texts(&offered), ["Storage", "Streams"]);
    let submit = |words: &str| {
        let inputs = json!({ "typed": words, "chosen_team": offered["options"][1] });
        world.controlled("POST", &format!("/people/ben/views/{view}/submit"), &json!({ "inputs": inputs }))
    };
    assert_eq!(submit("ok"), json!({ "kind": "errors", "errors": { "words": "Say a little more." } }));
    let still = world.controlled("GET", "/people/ben/views", &Value::Null);
    assert_eq!(still["views"][0]["id"], view);
    assert_eq!(submit("Exact to the letter"), json!({ "kind": "close" }));
    assert_eq!(world.controlled("GET", "/people/ben/views", &Value::Null)["views"], json!([]));
    world.wait("general", &json!({ "text": "Feedback of <@U01BEN> for streams: Exact to the letter" }));
}

/// An answer in the acknowledgement, for one person; and answers that come later.
fn commands(world: &World) {
    let answered = world.command("cleo", "general", "/echo", "hello");
    assert_eq!(answered["answered"], true, "{answered}");
    let echo = world.seen("cleo", "general", |message| message["text"] == "echo: hello");
    assert_eq!(echo["targeted_to"], "U01CLEO");
    world.command("cleo", "general", "/slow", "hello");
    let at_first = world.seen("cleo", "general", |message| message["text"] == "working on it");
    assert_eq!(at_first["targeted_to"], "U01CLEO");
    let later = world.wait("general", &json!({ "text": "slow: hello" }));
    assert_eq!((&later["targeted_to"], &later["user"]), (&Value::Null, &json!("U01DEPLOY")));
    let others = world.all_seen("ben", "general");
    assert!(
        others.iter().all(|message| message["text"] != "working on it" && message["text"] != "echo: hello")
    );
}

/// An ephemeral message, replaced and then deleted through `response_url`.
fn ephemeral(world: &World) {
    world.command("ben", "general", "/quiet", "");
    let note = world.seen("ben", "general", |message| message["text"] == "only you see this");
    assert_eq!((&note["targeted_to"], buttons(&note)), (&json!("U01BEN"), vec!["Replace", "Remove"]));
    world.press("ben", "general", ts(&note), "replace_note");
    let replaced = world.seen("ben", "general", |message| message["text"] == "replaced");
    assert_eq!((ts(&replaced), &replaced["targeted_to"]), (ts(&note), &json!("U01BEN")));
    assert_eq!(buttons(&replaced), ["Remove"]);
    world.press("ben", "general", ts(&note), "remove_note");
    world.until("ben", "general", |messages| messages.iter().all(|it| ts(it) != ts(&note)).then_some(()));
    let others = world.all_seen("ada", "general");
    assert!(others.iter().all(|message| ts(message) != ts(&note)));
}

/// All that a bot does.
fn everything(kind: Kind, transport: Transport) {
    let world = World::with_bot(kind, transport, SECRET);
    mention(&world);
    stream(&world);
    poll(&world);
    modal(&world);
    commands(&world);
    ephemeral(&world);
    let log = world.server.log.lock().unwrap();
    assert!(!log.contains("panic"), "{log}");
}

/// A bot with another signing secret answers 401, and the list of deliveries says so.
fn another_secret(kind: Kind) {
    let world = World::with_bot(kind, Transport::Http, "another-signing-secret");
    let root = world.say("ada", "general", "@deploybot good morning");
    let reason = world.until("ada", "general", |_| {
        let deliveries = world.controlled("GET", "/apps/deploybot/deliveries", &Value::Null);
        deliveries["deliveries"][0]["reason"].as_str().map(str::to_owned)
    });
    assert!(reason.contains("401"), "{reason}");
    assert_eq!(world.message("general", ts(&root))["reply_count"], 0);
}

/// What was signed too long ago is refused, though the signature is right.
fn replayed(kind: Kind) {
    let world = World::with_bot(kind, Transport::Http, SECRET);
    let url = &world.bot.as_ref().unwrap().url;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = |timestamp: u64, secret: &str| {
        let body =
            json!({ "type": "url_verification", "token": "any", "challenge": "is it you?" }).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
        let hex: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-slack-request-timestamp", timestamp.to_string()),
            ("x-slack-signature", format!("v0={hex}")),
        ];
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent: ureq::Agent = config.build().into();
        let request =
            headers.iter().fold(agent.post(url), |request, (name, value)| request.header(*name, value));
        request.send(body).unwrap().status().as_u16()
    };
    assert_eq!(send(now, SECRET), 200, "a fresh one is taken");
    assert_eq!(send(now - 600, SECRET), 401, "one of ten minutes ago is not");
    assert_eq!(send(now, "another-signing-secret"), 401, "nor one of somebody else");
}

#[test]
fn python_over_http() {
    everything(Kind::Python, Transport::Http);
}

#[test]
fn python_over_a_socket() {
    everything(Kind::Python, Transport::SocketMode);
}

#[test]
fn python_async_over_http() {
    everything(Kind::PythonAsync, Transport::Http);
}

#[test]
fn python_async_over_a_socket() {
    everything(Kind::PythonAsync, Transport::SocketMode);
}

#[test]
fn javascript_over_http() {
    everything(Kind::JavaScript, Transport::Http);
}

#[test]
fn javascript_over_a_socket() {
    everything(Kind::JavaScript, Transport::SocketMode);
}

#[test]
fn forged_and_replayed_requests() {
    for kind in [Kind::Python, Kind::PythonAsync, Kind::JavaScript] {
        another_secret(kind);
        replayed(kind);
    }
}
