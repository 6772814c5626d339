//! Bots written with an SDK for many platforms (npm `chat` with its adapters), one process for Slack and Teams at once: the server
//! signs what it sends to either, the bot checks that, and both sides' Teams tokens are checked.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::Server;
use crate::teams::call;
use crate::{here, installed};

const HELPDESK: (&str, &str) = ("33333333-0000-4000-8000-000000000001", "helpdesk-password");
const TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// The app on each platform.
const BOTH: [&str; 2] = ["pollbot", "helpdesk"];
/// Loaded programs take their time on a machine that does much else.
const TIMEOUT_MS: u64 = 60_000;

/// A server and a bot on both its platforms. The bot is killed when dropped.
struct World {
    server: Server,
    bot: Child,
    url: String,
    log: Arc<Mutex<String>>,
}

impl World {
    fn new(script: &str) -> Self {
        let folder = here().join("chat");
        installed(&folder.join("node_modules/chat"));
        let server = Server::start(&["--memory", "--tls-listen", "127.0.0.1:0"]);
        let ready = |name: &str| server.ready[name].as_str().unwrap_or_default();
        let mut command = Command::new("node");
        for (name, _) in std::env::vars().filter(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy")) {
            command.env_remove(name);
        }
        command.arg("--require").arg(here().join("teams/redirect.cjs")).arg(folder.join(script));
        command.env("BOT_NAME", "pollbot").env("SLACK_BOT_TOKEN", "xoxb-poll");
        command.env("SLACK_SIGNING_SECRET", "poll-signing-secret");
        command.env("SLACK_API_URL", format!("{}/api/", server.url));
        command.env("TEAMS_APP_ID", HELPDESK.0).env("TEAMS_APP_PASSWORD", HELPDESK.1);
        command.env("TEAMS_APP_TENANT_ID", TENANT).env("NODE_EXTRA_CA_CERTS", ready("ca_file"));
        command.env("REDRAFT_TLS", ready("tls_url").trim_start_matches("https://"));
        let mut bot = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(bot.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find(|line| line.starts_with("http://")).expect("the bot listens");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push_str(&(line + "\n"))));
        let world = Self { server, bot, url, log };
        let slack = format!("{}/slack/events", world.url);
        let slack = json!({ "endpoint": slack, "interactivity_url": slack, "bot_events": ["app_mention"] });
        world.control("PATCH", "/apps/pollbot", &slack);
        world.control(
            "PATCH",
            "/apps/helpdesk",
            &json!({ "endpoint": format!("{}/api/messages", world.url) }),
        );
        world
    }

    fn control(&self, verb: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/control/workspaces/T01ACME{path}", self.server.url);
        let (status, answer) = call(verb, &url, self.server.ready["control_token"].as_str(), body);
        assert!(status < 300, "{verb} {path} {body}: {status} {answer}");
        answer
    }

    /// Ben mentions an app. Gives back the thread in which it answers.
    fn say(&self, app: &str, words: &str) -> String {
        let said = json!({ "channel": "general", "text": format!("@{app} {words}") });
        let said = self.control("POST", "/people/ben/messages", &said);
        said["ts"].as_str().unwrap().to_owned()
    }

    /// Waits for a message in a thread.
    fn wait(&self, thread: &str, wanted: &Value) -> Value {
        let mut body = wanted.clone();
        body.as_object_mut().unwrap().extend(
            json!({ "channel": "general", "thread_ts": thread, "timeout_ms": TIMEOUT_MS })
                .as_object()
                .unwrap()
                .clone(),
        );
        self.control("POST", "/wait", &body)["message"].clone()
    }

    fn press(&self, person: &str, message: &Value, label: &str) {
        let body = json!({ "channel": message["channel"], "ts": message["ts"], "action": label });
        self.control("POST", &format!("/people/{person}/actions"), &body);
    }

    /// What happened to a message, in order.
    fn events(&self, message: &Value) -> Vec<String> {
        let events = self.control("GET", "/log?limit=1000", &Value::Null)["events"].clone();
        let of_it = events.as_array().unwrap().iter().filter(|event| event["message"] == message["ts"]);
        of_it.filter_map(|event| event["type"].as_str().map(str::to_owned)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.bot.kill();
        let _ = self.bot.wait();
        if std::thread::panicking() {
            eprintln!("the bot said:\n{}", self.log.lock().unwrap());
            eprintln!("the server said:\n{}", self.server.log.lock().unwrap());
        }
    }
}

#[test]
fn a_message_is_posted_edited_streamed_and_deleted_on_both_platforms() {
    let world = World::new("bot.js");
    for app in BOTH {
        let thread = world.say(app, "post");
        let edited = world.wait(&thread, &json!({ "text": "*step 3*" }));
        assert_eq!(world.events(&edited), ["message_posted", "message_updated", "message_updated"], "{app}");

        let thread = world.say(app, "stream");
        let streamed = world.wait(&thread, &json!({ "text": "one two three" }));
        let streams = if app == "pollbot" {
            &["stream_started", "stream_ended"][..]
        } else {
            // Teams has streams for conversations of two only; the SDK collects the words.
            &["message_posted"]
        };
        // The message is there as soon as its last words are, the end of its stream a moment later.
        let mut events = world.events(&streamed);
        while events.last().is_some_and(|last| last == "stream_started") {
            events = world.events(&streamed);
        }
        assert_eq!(events, streams, "{app}");

        let thread = world.say(app, "delete");
        let last = world.wait(&thread, &json!({ "text": "deleted it" }));
        let left =
            world.control("GET", &format!("/channels/general/messages?thread_ts={thread}"), &Value::Null);
        let left: Vec<&Value> = left["messages"].as_array().unwrap().iter().map(|left| &left["ts"]).collect();
        assert!(
            left.contains(&&last["ts"]) && left.len() == 1,
            "{app}: what was deleted left nothing: {left:?}"
        );
        let events = world.control("GET", "/log?limit=1000", &Value::Null)["events"].to_string();
        assert!(events.contains("message_deleted"), "{app}");
    }
    for path in ["/slack/events", "/api/messages"] {
        let unsigned =
            json!({ "type": "message", "text": "post", "serviceUrl": world.server.ready["service_url"] });
        let (status, _) = call("POST", &format!("{}{path}", world.url), None, &unsigned);
        assert_eq!(status, 401, "{path} believes nobody");
    }
}

/// The bot whose lines are compared with those of `crates/bot/examples/poll.rs`.
#[test]
fn a_poll_counts_votes_on_both_platforms() {
    let world = World::new("poll.js");
    for app in BOTH {
        let thread = world.say(app, "poll Lunch? | Soup | Salad");
        let poll = world.wait(&thread, &json!({ "contains": "Soup: 0" }));
        world.press("ben", &poll, "Soup");
        world.wait(&thread, &json!({ "ts": poll["ts"], "contains": "Soup: 1" }));
        world.press("ada", &poll, "Soup");
        world.wait(&thread, &json!({ "ts": poll["ts"], "contains": "Soup: 2" }));
        world.press("ben", &poll, "Salad");
        world.wait(&thread, &json!({ "ts": poll["ts"], "contains": "Soup: 1\nSalad: 1" }));
    }
}
