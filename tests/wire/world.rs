//! The declared world of the tests on a server of its own, with short ways to call it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::support::Server;

pub const DEPLOY: &str = "xoxb-deploy";
pub const POLL: &str = "xoxb-poll";
pub const ADA: &str = "xoxp-ada";
pub const BEN: &str = "xoxp-ben";
pub const CLEO: &str = "xoxp-cleo";
pub const GENERAL: &str = "C01GENERAL";
pub const RANDOM: &str = "C01RANDOM";
pub const LEADS: &str = "C01LEADS";
pub const ATTIC: &str = "C01ATTIC";
pub const GENERAL_19: &str = "19:general@thread.tacv2";
pub const LEADS_19: &str = "19:leads@thread.tacv2";
pub const TENANT: &str = "11111111-1111-4111-8111-111111111111";
pub const HELPDESK: (&str, &str) = ("33333333-0000-4000-8000-000000000001", "helpdesk-password");
pub const PLANNER: (&str, &str) = ("33333333-0000-4000-8000-000000000002", "planner-password");
pub const CONTROL: &str = "control-of-tests";
const JSON: &str = "application/json; charset=utf-8";

pub struct World {
    pub server: Server,
    names: RefCell<BTreeMap<String, String>>,
}

impl World {
    /// A new server that keeps nothing.
    pub fn new() -> Self {
        Self::on(Server::in_memory())
    }

    pub fn on(server: Server) -> Self {
        Self { server, names: RefCell::default() }
    }

    /// Calls a method of the Web API with JSON.
    pub fn slack(&self, token: &str, method: &str, args: &Value) -> Answer {
        slack(&self.server.url, token, method, args)
    }

    /// The same with further headers.
    pub fn slack_with(&self, token: &str, method: &str, args: &Value, headers: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let url = format!("{}/api/{method}", self.server.url);
        client::send("POST", &url, &headers, (JSON, args.to_string().as_bytes()))
    }

    /// A call that has to be accepted.
    pub fn ok(&self, token: &str, method: &str, args: &Value) -> Value {
        let answer = self.slack(token, method, args);
        assert_eq!(answer.code(), "ok", "{method} {args}: {}", answer.body);
        answer.json
    }

    /// Posts and gives back the `ts`.
    pub fn post(&self, token: &str, channel: &str, text: &str) -> String {
        text_of(&self.ok(token, "chat.postMessage", &json!({"channel": channel, "text": text})), "ts")
    }

    /// Posts a reply and gives back its `ts`.
    pub fn reply(&self, token: &str, channel: &str, root: &str, text: &str) -> String {
        let args = json!({"channel": channel, "text": text, "thread_ts": root});
        text_of(&self.ok(token, "chat.postMessage", &args), "ts")
    }

    /// Deletes with the token's right.
    pub fn delete(&self, token: &str, channel: &str, ts: &str) {
        self.ok(token, "chat.delete", &json!({"channel": channel, "ts": ts}));
    }

    /// A message that is a tombstone: posted, answered, deleted. Gives back its `ts` and the reply's.
    pub fn tombstone(&self, token: &str, channel: &str) -> (String, String) {
        let root = self.post(token, channel, "about to be a tombstone");
        let reply = self.reply(token, channel, &root, "a reply that stays");
        self.delete(token, channel, &root);
        (root, reply)
    }

    /// An ephemeral message for ben.
    pub fn ephemeral(&self, token: &str, channel: &str) -> String {
        let args = json!({"channel": channel, "user": "U01BEN", "text": "for one reader"});
        text_of(&self.ok(token, "chat.postEphemeral", &args), "message_ts")
    }

    /// Calls the control API below this workspace.
    pub fn control(&self, verb: &str, path: &str, body: &Value) -> Answer {
        control(&self.server.url, verb, &format!("/workspaces/T01ACME{path}"), body)
    }

    /// The same; it has to be accepted.
    pub fn controlled(&self, verb: &str, path: &str, body: &Value) -> Value {
        let answer = self.control(verb, path, body);
        assert!(answer.status < 300, "{verb} {path} {body}: {} {}", answer.status, answer.body);
        answer.json
    }

    /// The message as the store has it, or null.
    pub fn stored(&self, channel: &str, ts: &str) -> Value {
        let body = json!({"channel": channel, "ts": ts, "timeout_ms": 0});
        self.control("POST", "/wait", &body).json["message"].clone()
    }

    /// Everything that a refused call must leave as it was: all channels' messages, and the log's end.
    pub fn state(&self) -> Value {
        let mut state = json!({"log": self.log_end()});
        let channels = self.controlled("GET", "/channels", &Value::Null);
        for channel in channels["channels"].as_array().unwrap() {
            let id = channel["id"].as_str().unwrap();
            let path = format!("/channels/{id}/messages?limit=1000");
            let line = self.controlled("GET", &path, &Value::Null);
            for message in line["messages"].as_array().unwrap() {
                if message["reply_count"].as_u64() > Some(0) {
                    let args = json!({"channel": id, "ts": message["ts"]});
                    let thread = self.slack(ADA, "conversations.replies", &args).json["messages"].clone();
                    state[format!("thread {}", message["ts"])] = without_blocks(thread);
                }
            }
            state[id] = line["messages"].clone();
        }
        state
    }

    /// The log's last position.
    pub fn log_end(&self) -> u64 {
        let mut after = 0;
        loop {
            let path = format!("/log?after={after}&limit=1000");
            let page = self.controlled("GET", &path, &Value::Null);
            if page["events"].as_array().unwrap().is_empty() {
                return after;
            }
            after = page["next"].as_u64().unwrap();
        }
    }

    /// A token of a Teams bot.
    pub fn bot(&self, bot: (&str, &str)) -> String {
        self.bot_at(TENANT, bot)
    }

    /// The same, asked for under this tenant.
    pub fn bot_at(&self, tenant: &str, bot: (&str, &str)) -> String {
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fapi.botframework.com%2F.default",
            bot.0, bot.1
        );
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.server.url);
        let answer = client::send("POST", &url, &[], ("application/x-www-form-urlencoded", body.as_bytes()));
        text_of(&answer.json, "access_token")
    }

    /// Calls the Connector; null sends no body.
    pub fn connector(&self, token: &str, verb: &str, path: &str, body: &Value) -> Answer {
        self.connector_with(token, verb, path, body, &[])
    }

    pub fn connector_with(
        &self,
        token: &str,
        verb: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let url = format!("{}/teams/{TENANT}/v3/conversations{path}", self.server.url);
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        client::send(verb, &url, &headers, (JSON, &bytes))
    }

    /// Sends a text through the Connector and gives back the activity's id.
    pub fn sends(&self, token: &str, conversation: &str, text: &str) -> String {
        let answer = self.connector(token, "POST", &format!("/{conversation}/activities"), &message(text));
        assert_eq!(answer.status, 201, "{}", answer.body);
        text_of(&answer.json, "id")
    }

    /// Remembers a value under `$name` for [`World::fill`].
    pub fn name(&self, name: &str, value: impl Into<String>) {
        self.names.borrow_mut().insert(format!("${name}"), value.into());
    }

    /// A row's text with the remembered values in it, the longest names first.
    pub fn fill(&self, text: &str) -> String {
        let names = self.names.borrow();
        names.iter().rev().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// A row's arguments.
    pub fn args(&self, text: &str) -> Value {
        let filled = self.fill(text);
        serde_json::from_str(&filled).unwrap_or_else(|error| panic!("{filled}: {error}"))
    }

    /// The server still answers, and nothing in it has panicked.
    pub fn is_well(&self) {
        assert_eq!(self.slack(DEPLOY, "auth.test", &json!({})).code(), "ok");
        assert_eq!(client::send("GET", &format!("{}/readyz", self.server.url), &[], ("", b"")).status, 200);
        let log = self.server.log.lock().unwrap();
        assert!(!log.contains("panic"), "{log}");
    }
}

/// Calls a method of the Web API with JSON.
pub fn slack(url: &str, token: &str, method: &str, args: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    client::send("POST", &format!("{url}/api/{method}"), &headers, (JSON, args.to_string().as_bytes()))
}

/// Calls the control API.
pub fn control(url: &str, verb: &str, path: &str, body: &Value) -> Answer {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let headers = [("authorization", "Bearer control-of-tests")];
    client::send(verb, &format!("{url}/control{path}"), &headers, (JSON, &bytes))
}

/// An activity that says this.
pub fn message(text: &str) -> Value {
    json!({"type": "message", "text": text})
}

pub fn text_of(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// Generated blocks get new ids whenever they are read.
fn without_blocks(mut messages: Value) -> Value {
    for message in messages.as_array_mut().into_iter().flatten() {
        message.as_object_mut().unwrap().remove("blocks");
    }
    messages
}

/// A JSON pointer's value, null if it is not there.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    static NULL: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NULL)
}
