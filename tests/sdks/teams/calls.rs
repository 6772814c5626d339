//! What the bot in Rust asks of the Connector, beside what the same bot in the official SDKs asks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::*;

/// One request as it arrived. The address of the service reads `{service}` in it.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    verb: String,
    path: String,
    /// Those that matter, see [`header`].
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Request {
    fn line(&self) -> String {
        format!("{} {}", self.verb, self.path)
    }
}

/// What a bot said and did in the course of a script.
struct Played {
    requests: Vec<Request>,
    /// The status and the body of its answer to each step of the script.
    answers: Vec<(u16, Value)>,
    heard: Vec<Value>,
}

/// A Connector that takes whatever comes, and gives each message the next id.
struct Recorder {
    service: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = format!("http://{}/teams", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let record = Arc::clone(&record);
                std::thread::spawn(move || while answer(&stream, &record).is_some() {});
            }
        });
        Self { service, seen }
    }

    fn requests(&self) -> Vec<Request> {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.iter_mut().for_each(|request| tidy(&mut request.body, &self.service));
        seen
    }
}

/// Reads a request and answers it. `None` at the end of the connection.
fn answer(mut stream: &TcpStream, seen: &Mutex<Vec<Request>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (verb, path) = (words.next()?, words.next()?);
    let (mut headers, mut length) = (BTreeMap::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        if let Some(shown) = header(&name, value) {
            headers.insert(name, shown);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let id = {
        let mut seen = seen.lock().unwrap();
        let id = match verb.as_str() {
            "PUT" => path.rsplit('/').next().unwrap_or_default().to_owned(),
            _ => format!("m{}", seen.len() + 1),
        };
        seen.push(Request { verb, path, headers, body });
        id
    };
    let answer = json!({ "id": id }).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
    write!(stream, "{head}: {}\r\n\r\n{answer}", answer.len()).ok()
}

/// What is compared of a header; `None` if it does not matter, or differs from run to run.
fn header(name: &str, value: &str) -> Option<String> {
    match name {
        "authorization" => value.split(' ').next().map(str::to_owned),
        "accept" | "content-type" => Some(value.to_ascii_lowercase().replace(' ', "")),
        "user-agent" => Some("present".to_owned()),
        _ => None,
    }
}

/// Leaves out what says nothing: empty members, and the address of this run.
fn tidy(value: &mut Value, service: &str) {
    if let Value::Object(object) = value {
        object.values_mut().for_each(|member| tidy(member, service));
        object.retain(|_, member| {
            !member.is_null() && *member != json!([]) && *member != json!({}) && *member != json!("")
        });
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(|item| tidy(item, service));
    } else if value.as_str() == Some(service) {
        *value = json!("{service}");
    }
}

/// One step of a script: an activity, of which what all have in common is filled in, or a path of the bot's own.
enum Step {
    Activity(Value),
    Path(&'static str),
}

fn say(text: &str) -> Step {
    Step::Activity(json!({ "type": "message", "text": text }))
}

fn invoke(name: &str, value: Value) -> Step {
    Step::Activity(json!({ "type": "invoke", "name": name, "value": value, "replyToId": "m1" }))
}

/// Starts a bot of one of the SDKs without an app id, so that nobody is checked, and plays a script to it.
fn play(kind: &Kind, script: &[Step]) -> Played {
    play_as("", kind, script)
}

/// The same as this app, whose calls bring tokens. It hears nobody: the recorder has no key of the channel's.
fn play_as(app_id: &'static str, kind: &Kind, script: &[Step]) -> Played {
    let recorder = Recorder::start();
    let server = Server::start(&["--memory", "--tls-listen", "127.0.0.1:0"]);
    let folder = Folder::new("calls");
    let base = json!({
        "channelId": "msteams", "serviceUrl": recorder.service, "locale": "en-US",
        "from": { "id": "29:1ada", "name": "Ada" }, "recipient": { "id": "28:bot", "name": "Helpdesk" },
        "conversation": { "id": "a:1chat;x", "conversationType": "personal", "tenantId": TENANT },
        "channelData": { "tenant": { "id": TENANT } },
    });
    let reference = json!({
        "activityId": "99", "user": base["from"], "bot": base["recipient"], "conversation": base["conversation"],
        "channelId": "msteams", "locale": "en-US", "serviceUrl": recorder.service,
    });
    let remembered = json!({ "reference": reference, "id": "m1" });
    std::fs::write(folder.join("remembered.json"), remembered.to_string()).unwrap();
    let bot = start(app_id, kind, &server, &folder, &recorder.service);
    let mut answers = Vec::new();
    for (number, step) in script.iter().enumerate() {
        answers.push(match step {
            Step::Path(path) => call("POST", &format!("{}{path}", bot.url), None, &Value::Null),
            Step::Activity(members) => {
                let mut activity = base.clone();
                activity["id"] = json!((100 + number).to_string());
                activity.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
                call("POST", &format!("{}/api/messages", bot.url), None, &activity)
            }
        });
    }
    let (_, heard) = call("GET", &format!("{}/heard", bot.url), None, &Value::Null);
    for (_, answer) in &mut answers {
        tidy(answer, &recorder.service);
    }
    Played { requests: recorder.requests(), answers, heard: heard.as_array().cloned().unwrap_or_default() }
}

fn start(app_id: &'static str, kind: &Kind, server: &Server, folder: &Folder, service: &str) -> Bot {
    if let Language::Rust = kind.language {
        let running = rust::start(rust::Settings {
            app_id,
            secret: HELPDESK.1,
            tenant: TENANT,
            url: server.url.clone(),
            managed_identity: false,
            service: Some(service.to_owned()),
            folder: folder.0.clone(),
        });
        return Bot { url: running.url.clone(), run: Run::Thread(running), log: Arc::default() };
    }
    let anonymous: &[(&str, &str)] = match kind.language {
        Language::Python => &[("APP_ID", ""), ("CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID", "")],
        Language::JavaScript | Language::Rust => &[],
    };
    let kind = Kind { settings: if app_id.is_empty() { anonymous } else { kind.settings }, ..*kind };
    kind.start(server, folder)
}

/// The paths of the members in which two values differ, so deep that either has no such member or it is no object.
fn differing(path: &str, ours: &Value, theirs: &Value, found: &mut BTreeSet<String>) {
    let empty = Map::new();
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for member in ours.keys().chain(theirs.keys()) {
                let path = if path.is_empty() { member.clone() } else { format!("{path}.{member}") };
                let of = |object: &Map<String, Value>| object.get(member).cloned().unwrap_or_default();
                differing(&path, &of(ours), &of(theirs), found);
            }
        }
        (Value::Null, Value::Object(_)) if path.is_empty() => {
            differing(path, &Value::Object(empty), theirs, found);
        }
        (Value::Object(_), Value::Null) if path.is_empty() => {
            differing(path, ours, &Value::Object(empty), found);
        }
        _ if ours == theirs => {}
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// What differs between requests of the same verbs and paths: `verb member`, `verb header name`.
fn differences(name: &str, ours: &[Request], theirs: &[Request]) -> BTreeSet<String> {
    let lines = |requests: &[Request]| requests.iter().map(Request::line).collect::<Vec<_>>();
    assert_eq!(lines(ours), lines(theirs), "{name}");
    let mut found = BTreeSet::new();
    for (ours, theirs) in ours.iter().zip(theirs) {
        let mut members = BTreeSet::new();
        differing("", &ours.body, &theirs.body, &mut members);
        for header in ours.headers.keys().chain(theirs.headers.keys()) {
            if ours.headers.get(header) != theirs.headers.get(header) {
                let theirs = theirs.headers.get(header).map_or("none", String::as_str);
                members.insert(format!("header {header}: {theirs}"));
            }
        }
        found.extend(members.into_iter().map(|member| format!("{name} {} {member}", ours.verb)));
    }
    found
}

/// The list in `docs/teams-bots.md` is of these, with the reasons.
fn assert_known(found: &BTreeSet<String>, known: &[&str]) {
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

const OFFICIAL: [(&str, &Kind); 2] = [("JavaScript", &BOTBUILDER_JS), ("Python", &BOTBUILDER_PYTHON)];

/// The same script in three SDKs: the same calls in the same order, and the same answers to invokes. Where they differ is listed in
/// `docs/teams-bots.md`, with the reasons.
#[test]
fn rust_calls_what_the_official_sdks_call() {
    let script = [
        say("poll"),
        invoke(
            "adaptiveCard/action",
            json!({ "action": { "type": "Action.Execute", "verb": "vote", "data": { "vote": "coffee" } }, "trigger": "manual" }),
        ),
        Step::Activity(json!({ "type": "message", "value": { "vote": "tea" }, "replyToId": "m1" })),
        invoke("task/fetch", json!({ "data": { "data": {} } })),
        invoke("task/submit", json!({ "data": { "name": "Ada" } })),
        invoke("some/thing", json!({})),
        say("progress"),
        say("five"),
        say("update"),
        say("delete"),
        say("hello"),
    ];
    let ours = play(&RUST, &script);
    let mut found = BTreeSet::new();
    for (name, kind) in OFFICIAL {
        let theirs = play(kind, &script);
        found.extend(differences(name, &ours.requests, &theirs.requests));
        for (ours, theirs) in ours.answers.iter().zip(&theirs.answers) {
            let mut members = BTreeSet::new();
            differing("", &ours.1, &theirs.1, &mut members);
            if ours.0 != theirs.0 {
                members.insert(format!("status {}", theirs.0));
            }
            found.extend(members.into_iter().map(|member| format!("{name} answer {member}")));
        }
    }
    let known = [
        "JavaScript DELETE header accept: */*",
        "JavaScript POST attachmentLayout",
        "JavaScript POST header accept: */*",
        "JavaScript PUT attachmentLayout",
        "JavaScript PUT header accept: */*",
        "JavaScript PUT replyToId",
        "Python POST attachmentLayout",
        "Python POST conversation.tenantId",
        "Python PUT attachmentLayout",
        "Python PUT conversation.tenantId",
        "Python PUT inputHint",
        "Python PUT replyToId",
        "Python answer status 201",
    ];
    assert_known(&found, &known);
}

/// Handlers two deep that watch, change and swallow a send, an update and a delete. The JavaScript SDK and ours hear and call the
/// same. The Python one calls the service even for what was swallowed, and only after all handlers have returned, so that they
/// hear of no response.
#[test]
fn nested_handlers_do_what_they_do_in_the_official_sdks() {
    let script = [say("hooks")];
    let ours = play(&RUST, &script);
    let hooks = |played: &Played| -> Vec<String> {
        let all = played.heard.iter().filter_map(|heard| heard["hook"].as_str());
        all.map(str::to_owned).collect()
    };
    let heard = hooks(&ours);
    assert_eq!(
        heard[..4],
        ["send outer: watch", "send inner: watch", "send inner after: m1,m2", "send outer after: m1,m2"]
    );
    assert!(ours.requests.iter().all(|request| !format!("{request:?}").contains("swallow")));
    let changed = |request: &&Request| format!("{request:?}").contains("change");
    assert_eq!(ours.requests.iter().filter(changed).count(), 3);
    assert!(ours.requests.iter().any(|request| request.path.ends_with("/change%20outer%20inner")));

    let theirs = play(&BOTBUILDER_JS, &script);
    assert_eq!(heard, hooks(&theirs));
    let known = [
        "JavaScript DELETE header accept: */*",
        "JavaScript POST header accept: */*",
        "JavaScript PUT header accept: */*",
        "JavaScript PUT replyToId",
    ];
    assert_known(&differences("JavaScript", &ours.requests, &theirs.requests), &known);

    let mut theirs = play(&BOTBUILDER_PYTHON, &script);
    let of_no_response = |hook: &String| {
        hook.split_once(" after: ").map_or(hook.clone(), |(hook, _)| format!("{hook} after: "))
    };
    assert_eq!(heard.iter().map(of_no_response).collect::<Vec<_>>(), hooks(&theirs));
    let swallowed = |request: &Request| format!("{request:?}").contains("swallow");
    let made: Vec<&str> =
        theirs.requests.iter().filter(|it| swallowed(it)).map(|it| it.verb.as_str()).collect();
    assert_eq!(
        made,
        ["POST", "POST", "PUT", "PUT", "DELETE", "DELETE"],
        "what the Python SDK calls all the same"
    );
    theirs.requests.retain(|request| !swallowed(request));
    let known =
        ["Python POST conversation.tenantId", "Python PUT conversation.tenantId", "Python PUT replyToId"];
    assert_known(&differences("Python", &ours.requests, &theirs.requests), &known);
}

/// A message that is written, updated and deleted with no turn open, by bots that show a token.
#[test]
fn rust_continues_conversations_as_the_official_sdks_do() {
    let script = [Step::Path("/continue")];
    let ours = play_as(HELPDESK.0, &RUST, &script);
    assert_eq!(ours.requests.len(), 3, "{:?}", ours.answers);
    assert!(ours.requests.iter().all(|request| request.headers["authorization"] == "Bearer"));
    let mut found = BTreeSet::new();
    for (name, kind) in OFFICIAL {
        let mut theirs = play_as(HELPDESK.0, kind, &script);
        assert_eq!(theirs.requests.len(), 3, "{name}: {:?}", theirs.answers);
        // Theirs answer the activity that the SDK makes up for the turn, under an id that nobody else knows.
        let first = &mut theirs.requests[0];
        let (activities, id) = first.path.rsplit_once('/').unwrap();
        assert_eq!(first.body["replyToId"], id);
        first.path = activities.to_owned();
        found.extend(differences(name, &ours.requests, &theirs.requests));
    }
    let known = [
        "JavaScript DELETE header accept: */*",
        "JavaScript POST header accept: */*",
        "JavaScript POST replyToId",
        "JavaScript PUT header accept: */*",
        "JavaScript PUT replyToId",
        "Python POST conversation.tenantId",
        "Python POST locale",
        "Python POST replyToId",
        "Python PUT conversation.tenantId",
        "Python PUT locale",
        "Python PUT replyToId",
    ];
    assert_known(&found, &known);
}

/// botbuilder has no streams; the Agents SDK does. The requests in between depend on how fast the words come: the last is compared.
#[test]
fn rust_ends_streams_as_the_agents_sdk_does() {
    let script = [say("stream")];
    let last = |kind: &Kind| -> Vec<Request> {
        let mut last = play(kind, &script).requests.pop().unwrap();
        // The Agents SDK leaves characters as they are that may stand in a path.
        last.path = percent_encoding::percent_decode_str(&last.path).decode_utf8().unwrap().into_owned();
        let stream = last.body["entities"][0]["streamId"].clone();
        let body = last.body.to_string().replace(&stream.to_string(), "\"{stream}\"");
        last.body = serde_json::from_str(&body).unwrap();
        vec![last]
    };
    let ours = last(&RUST);
    let mut found = BTreeSet::new();
    for (name, kind) in [("JavaScript", &AGENTS_JS), ("Python", &AGENTS_PYTHON)] {
        let theirs = last(kind);
        found.extend(differences(name, &ours, &theirs));
    }
    let known = [
        "JavaScript POST channelData.feedbackLoopEnabled",
        "JavaScript POST channelData.streamId",
        "JavaScript POST channelData.streamType",
        "JavaScript POST entities",
        "JavaScript POST header content-type: application/json",
        "JavaScript POST id",
        "JavaScript POST inputHint",
        "Python POST channelData",
        "Python POST entities",
        "Python POST header content-type: application/json",
        "Python POST id",
    ];
    assert_known(&found, &known);
}
