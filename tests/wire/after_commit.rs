//! What was committed is answered as done: every read of the store fails from the commit of a call on, and the call still
//! answers its success with everything that a caller goes on with.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use redraft_model::command::Command;
use redraft_model::content::Content;
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Gone, Reaction};
use redraft_model::time::Ts;
use redraft_server::config::Config;
use redraft_server::serve::{Server, open_store};
use redraft_store::*;
use serde_json::{Value, json};

use crate::support;
use crate::world::*;

/// A store of which nothing can be read from the next commit on, until it is healed.
struct Blinding {
    store: Arc<dyn Store>,
    armed: AtomicBool,
    blind: AtomicBool,
}

impl Blinding {
    fn readable(&self) -> Result<(), StoreError> {
        if self.blind.load(Ordering::SeqCst) { Err(StoreError::Failed) } else { Ok(()) }
    }

    /// Whether something was committed since it was armed.
    fn heal(&self) -> bool {
        self.armed.store(false, Ordering::SeqCst);
        self.blind.swap(false, Ordering::SeqCst)
    }
}

macro_rules! reads {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $read:ty;)*) => {$(
        fn $name(&self, $($argument: $kind),*) -> Later<'_, Result<$read, StoreError>> {
            match self.readable() {
                Ok(()) => self.store.$name($($argument),*),
                Err(failed) => Box::pin(std::future::ready(Err(failed))),
            }
        }
    )*};
}

impl Store for Blinding {
    fn submit(&self, command: Command) -> Later<'_, Result<Answer, StoreError>> {
        Box::pin(async move {
            let answer = self.store.submit(command).await;
            if matches!(answer, Ok(Ok(_))) && self.armed.load(Ordering::SeqCst) {
                self.blind.store(true, Ordering::SeqCst);
            }
            answer
        })
    }

    fn published(&self) -> &Published {
        self.store.published()
    }

    reads! {
        usage(workspace: WorkspaceId) -> redraft_model::quota::Usage;
        message(key: MessageKey) -> Option<Stored>;
        channel_line(workspace: WorkspaceId, conversation: ConversationId, window: Window, limit: usize) -> Page<Stored>;
        thread_line(root: MessageKey, window: Window, limit: usize) -> Page<Stored>;
        revisions(key: MessageKey, below: u32, limit: usize) -> Page<Revised>;
        gone(key: MessageKey) -> Option<Gone>;
        events(workspace: WorkspaceId, after: u64, limit: usize) -> Vec<Event>;
        content(workspace: WorkspaceId, position: u64) -> Option<Arc<Content>>;
        reactions(key: MessageKey) -> Vec<Reaction>;
        reacted(workspace: WorkspaceId, user: UserId, before: Ts, limit: usize) -> Vec<(MessageKey, Reaction)>;
        view(key: MessageKey, user: UserId) -> Option<Viewed>;
        targeted(workspace: WorkspaceId, conversation: ConversationId, reader: UserId, limit: usize) -> Page<Stored>;
        settle(workspace: WorkspaceId, app: AppId, settlement: Settlement) -> ();
        settle_idle(workspace: WorkspaceId, apps: Vec<AppId>, delivered_up_to: u64) -> ();
        delivered_up_to(workspace: WorkspaceId, app: AppId) -> u64;
        deliveries(workspace: WorkspaceId, app: AppId, after: Part, limit: usize) -> Vec<Delivery>;
        item(workspace: WorkspaceId, key: ItemKey) -> Option<Item>;
        items(workspace: WorkspaceId, from: ItemKey, to: ItemKey, limit: usize) -> Vec<(ItemKey, Item)>;
        due() -> Vec<(WorkspaceId, ItemKey)>;
        blob(workspace: WorkspaceId, key: BlobKey) -> Option<Vec<u8>>;
        keep(name: &'static str, value: Vec<u8>) -> Vec<u8>;
        replace(name: &'static str, value: Vec<u8>) -> ();
        kept(name: &'static str) -> Option<Vec<u8>>;
        sweep(sweep: Sweep) -> Swept;
        empty_log() -> bool;
        scrub() -> bool;
        awaited() -> Vec<Awaited>;
        is_erased(workspace: WorkspaceId, position: u64) -> bool;
        writable() -> ();
    }
}

/// A server of this process on such a store; nothing runs in its background.
struct Within {
    runtime: tokio::runtime::Runtime,
    server: Server,
    store: Arc<Blinding>,
}

impl Within {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = open_store(None).unwrap();
        let store = Arc::new(Blinding { store, armed: false.into(), blind: false.into() });
        let config = Config { seed: Some(support::seed()), ..Config::default() };
        let server =
            runtime.block_on(Server::start_on(config, Arc::clone(&store) as Arc<dyn Store>)).unwrap();
        runtime.block_on(server.app.connector.authority.prepare(&*server.app.service.store)).unwrap();
        Self { runtime, server, store }
    }

    fn send(&self, verb: &str, path: &str, token: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
        let request = Request::builder()
            .method(verb)
            .uri(path)
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        self.runtime.block_on(async {
            let (parts, body) = self.server.answer(request).await.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            (parts.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    fn json(&self, verb: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(verb, path, token, "application/json", bytes)
    }

    fn slack(&self, token: &str, method: &str, args: &Value) -> Value {
        let (_, answer) = self.json("POST", &format!("/api/{method}"), token, args);
        assert_eq!(answer["ok"], true, "{method} {args}: {answer}");
        answer
    }

    fn controlled(&self, verb: &str, path: &str, body: &Value) -> Value {
        let path = format!("/control/workspaces/T01ACME{path}");
        let (status, answer) = self.json(verb, &path, CONTROL, body);
        assert!(status < 300, "{verb} {path} {body}: {status} {answer}");
        answer
    }

    fn connector(&self, token: &str, verb: &str, path: &str, body: &Value) -> Value {
        let path = format!("/teams/{TENANT}/v3/conversations{path}");
        let (status, answer) = self.json(verb, &path, token, body);
        assert!(status < 300, "{verb} {path} {body}: {status} {answer}");
        answer
    }

    fn bot(&self, (id, password): (&str, &str)) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={password}&scope=https%3A%2F%2Fapi.botframework.com%2F.default"
        );
        let path = format!("/{TENANT}/oauth2/v2.0/token");
        let kind = "application/x-www-form-urlencoded";
        text_of(&self.send("POST", &path, "", kind, form.into_bytes()).1, "access_token")
    }

    /// A call after whose commit nothing can be read.
    fn blinded<T>(&self, what: &str, call: impl FnOnce(&Self) -> T) -> T {
        self.store.armed.store(true, Ordering::SeqCst);
        let answer = call(self);
        assert!(self.store.heal(), "{what} committed nothing");
        answer
    }

    fn upload(&self, token: &str) -> String {
        let begun =
            self.slack(token, "files.getUploadURLExternal", &json!({"filename": "a.txt", "length": 1}));
        let url = text_of(&begun, "upload_url");
        let path = &url[url.find("/upload").unwrap()..];
        assert_eq!(self.send("POST", path, "", "application/octet-stream", b"x".to_vec()).0, 200);
        text_of(&begun, "file_id")
    }
}

/// Methods that write nothing, or what needs a person's click first: those go through the same few lines as `views.open`,
/// which read nothing after their commit.
const NOT_HERE: &[&str] = &[
    "apps.connections.open",
    "auth.test",
    "bots.info",
    "chat.getPermalink",
    "chat.scheduledMessages.list",
    "conversations.history",
    "conversations.info",
    "conversations.list",
    "conversations.members",
    "conversations.replies",
    "files.info",
    "pins.list",
    "reactions.get",
    "reactions.list",
    "redraft.messages.revisions",
    "team.info",
    "usergroups.list",
    "usergroups.users.list",
    "users.conversations",
    "users.getPresence",
    "users.info",
    "users.list",
    "users.lookupByEmail",
    "users.profile.get",
    "views.open",
    "views.publish",
    "views.push",
    "views.update",
];

/// In this order, each on what those before left. `$name` is what an earlier answer had under a pointer that its row
/// remembers as `name=/pointer`; every pointer has to be there.
const ROWS: &[(&str, &str, &str, &str)] = &[
    (
        "chat.postMessage",
        DEPLOY,
        r#"{"channel":"C01GENERAL","text":"a"}"#,
        "root=/ts channel=/channel message=/message/text",
    ),
    ("chat.postMessage", DEPLOY, r#"{"channel":"U01CLEO","text":"a"}"#, "dm=/channel"),
    ("chat.postMessage", DEPLOY, r#"{"channel":"C01GENERAL","text":"a","thread_ts":"$root"}"#, "reply=/ts"),
    ("chat.meMessage", DEPLOY, r#"{"channel":"C01GENERAL","text":"a"}"#, "me=/ts"),
    ("chat.postEphemeral", DEPLOY, r#"{"channel":"C01GENERAL","user":"U01BEN","text":"a"}"#, "e=/message_ts"),
    (
        "chat.update",
        DEPLOY,
        r#"{"channel":"C01GENERAL","ts":"$root","text":"b"}"#,
        "t=/ts text=/text message=/message/text",
    ),
    (
        "chat.update",
        DEPLOY,
        r#"{"channel":"C01GENERAL","ts":"$root","text":"b","file_ids":["$file"]}"#,
        "t=/ts files=/message/files/0/id",
    ),
    (
        "chat.update",
        DEPLOY,
        r#"{"channel":"C01GENERAL","ts":"$reply","text":"b","reply_broadcast":true}"#,
        "t=/ts",
    ),
    ("reactions.add", DEPLOY, r#"{"channel":"C01GENERAL","timestamp":"$root","name":"eyes"}"#, ""),
    ("reactions.remove", DEPLOY, r#"{"channel":"C01GENERAL","timestamp":"$root","name":"eyes"}"#, ""),
    ("pins.add", DEPLOY, r#"{"channel":"C01GENERAL","timestamp":"$root"}"#, ""),
    ("pins.remove", DEPLOY, r#"{"channel":"C01GENERAL","timestamp":"$root"}"#, ""),
    ("chat.delete", DEPLOY, r#"{"channel":"C01GENERAL","ts":"$root"}"#, "t=/ts"),
    (
        "chat.scheduleMessage",
        DEPLOY,
        r#"{"channel":"C01GENERAL","text":"a","post_at":$soon}"#,
        "later=/scheduled_message_id at=/post_at channel=/channel",
    ),
    (
        "chat.deleteScheduledMessage",
        DEPLOY,
        r#"{"channel":"C01GENERAL","scheduled_message_id":"$later"}"#,
        "",
    ),
    (
        "chat.startStream",
        DEPLOY,
        r#"{"channel":"C01GENERAL","thread_ts":"$reply","markdown_text":"a","recipient_team_id":"T01ACME","recipient_user_id":"U01ADA"}"#,
        "stream=/ts",
    ),
    ("chat.appendStream", DEPLOY, r#"{"channel":"C01GENERAL","ts":"$stream","markdown_text":"a"}"#, "t=/ts"),
    ("chat.stopStream", DEPLOY, r#"{"channel":"C01GENERAL","ts":"$stream"}"#, "t=/ts"),
    ("conversations.create", DEPLOY, r#"{"name":"made"}"#, "made=/channel/id"),
    ("conversations.setTopic", DEPLOY, r#"{"channel":"$made","topic":"a"}"#, "c=/channel/id"),
    ("conversations.setPurpose", DEPLOY, r#"{"channel":"$made","purpose":"a"}"#, ""),
    ("conversations.rename", DEPLOY, r#"{"channel":"$made","name":"other"}"#, "c=/channel/id"),
    ("conversations.invite", DEPLOY, r#"{"channel":"$made","users":"U01CLEO"}"#, "c=/channel/id"),
    ("conversations.kick", DEPLOY, r#"{"channel":"$made","user":"U01CLEO"}"#, ""),
    ("conversations.join", CLEO, r#"{"channel":"$made"}"#, "c=/channel/id"),
    ("conversations.mark", CLEO, r#"{"channel":"$made","ts":"$reply"}"#, ""),
    ("conversations.leave", CLEO, r#"{"channel":"$made"}"#, ""),
    ("conversations.archive", DEPLOY, r#"{"channel":"$made"}"#, ""),
    ("conversations.unarchive", CLEO, r#"{"channel":"$made"}"#, ""),
    ("conversations.open", DEPLOY, r#"{"users":"U01BEN"}"#, "opened=/channel/id"),
    ("conversations.close", DEPLOY, r#"{"channel":"$opened"}"#, ""),
    ("conversations.open", DEPLOY, r#"{"channel":"$opened"}"#, "c=/channel/id"),
    ("files.getUploadURLExternal", DEPLOY, r#"{"filename":"b","length":1}"#, "f=/file_id url=/upload_url"),
    (
        "files.completeUploadExternal",
        DEPLOY,
        r#"{"files":[{"id":"$sent","title":"b"}],"channel_id":"C01GENERAL"}"#,
        "f=/files/0/id title=/files/0/title",
    ),
    ("files.delete", DEPLOY, r#"{"file":"$sent"}"#, ""),
    ("auth.revoke", POLL, "{}", "revoked=/revoked"),
];

/// Every method of the table of methods, as its source has it.
fn methods() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/slack/src/methods.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let rows = source.lines().filter(|line| line.contains("\" Needs::"));
    rows.map(|line| line.trim().trim_start_matches('"').split('"').next().unwrap().to_owned()).collect()
}

fn remember(known: &mut Vec<(String, String)>, pointers: &str, what: &str, answer: &Value) {
    for pair in pointers.split_whitespace() {
        let (name, pointer) = pair.split_once('=').unwrap();
        let value = answer.pointer(pointer).unwrap_or_else(|| panic!("{what}: no {pointer} in {answer}"));
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(!value.is_empty(), "{what}: {pointer} is empty in {answer}");
        known.push((format!("${name}"), value));
    }
}

#[test]
fn every_method_of_the_web_api() {
    let methods = methods();
    assert!(50 < methods.len(), "{methods:?}");
    for method in &methods {
        let rows = ROWS.iter().filter(|(name, ..)| name == method).count();
        assert_ne!(0 < rows, NOT_HERE.contains(&method.as_str()), "{method}");
    }
    let within = Within::new();
    let whole = within.upload(DEPLOY);
    within.slack(DEPLOY, "files.completeUploadExternal", &json!({"files": [{"id": whole}]}));
    let sent = within.upload(DEPLOY);
    let now = within.server.app.service.store.published().now(WorkspaceId(1)).seconds();
    let mut known =
        vec![("$file".into(), whole), ("$sent".into(), sent), ("$soon".into(), (now + 600).to_string())];
    for (method, token, args, pointers) in ROWS {
        let args =
            known.iter().rev().fold((*args).to_owned(), |args, (name, value)| args.replace(name, value));
        let args: Value = serde_json::from_str(&args).unwrap();
        let answer = within.blinded(method, |within| within.slack(token, method, &args));
        remember(&mut known, pointers, method, &answer);
    }
    println!("after the commit: {} calls of the Web API", ROWS.len());
}

#[test]
fn installing() {
    let within = Within::new();
    let app = json!({"kind": "slack", "name": "sold", "scopes": ["chat:write"], "redirect_urls": ["https://a.example"]});
    let made = within.controlled("POST", "/apps", &app);
    let code = within.controlled("POST", "/apps/sold/codes", &json!({"user": "ben"}));
    let form = format!(
        "client_id={}&client_secret={}&code={}",
        text_of(&made, "client_id"),
        text_of(&made, "client_secret"),
        text_of(&code, "code")
    );
    let answer = within.blinded("oauth.v2.access", |within| {
        within
            .send("POST", "/api/oauth.v2.access", "", "application/x-www-form-urlencoded", form.into_bytes())
            .1
    });
    assert!(text_of(&answer, "access_token").starts_with("xoxb-"), "{answer}");
}

#[test]
fn every_operation_of_the_connector() {
    let within = Within::new();
    let bot = within.bot(HELPDESK);
    let post = |within: &Within, path: &str, body: &Value| within.connector(&bot, "POST", path, body);
    let general = format!("/{GENERAL_19}/activities");
    let info = |stream: Option<&str>, kind: &str, sequence: u32| {
        let info =
            json!({"type": "streaminfo", "streamId": stream, "streamType": kind, "streamSequence": sequence});
        json!({"type": "typing", "text": "a", "entities": [info]})
    };
    let sent = within.blinded("send", |within| post(within, &general, &message("a")));
    let root = text_of(&sent, "id");
    let reply = within.blinded("reply", |within| post(within, &format!("{general}/{root}"), &message("a")));
    assert!(!text_of(&reply, "id").is_empty());
    let target = json!({"type": "message", "text": "a", "recipient": {"id": "29:1ben"}});
    within.blinded("targeted", |within| post(within, &format!("{general}?isTargetedActivity=true"), &target));
    let history = json!({"activities": [message("a"), message("b")]});
    within.blinded("history", |within| post(within, &format!("{general}/history"), &history));
    for (verb, path, body) in [
        ("PUT", format!("{general}/{root}"), message("b")),
        ("PUT", format!("{general}/{root}/reactions/like"), Value::Null),
        ("DELETE", format!("{general}/{root}/reactions/like"), Value::Null),
        ("DELETE", format!("{general}/{root}"), Value::Null),
    ] {
        within.blinded(&path, |within| within.connector(&bot, verb, &path, &body));
    }
    let first = json!({"members": [{"id": "29:1ben"}], "activity": message("a")});
    let chat = within.blinded("a chat with its first message", |within| post(within, "", &first));
    let (id, said) = (text_of(&chat, "id"), text_of(&chat, "activityId"));
    assert!(!id.is_empty() && !said.is_empty());
    let empty = json!({"members": [{"id": "29:1cleo"}]});
    assert!(!text_of(&within.blinded("a chat", |within| post(within, "", &empty)), "id").is_empty());
    let thread =
        json!({"isGroup": true, "activity": message("a"), "channelData": {"channel": {"id": GENERAL_19}}});
    let thread = within.blinded("a thread", |within| post(within, "", &thread));
    assert!(!text_of(&thread, "activityId").is_empty());
    let chat = format!("/{id}/activities");
    let begun = within.blinded("a stream", |within| post(within, &chat, &info(None, "informative", 1)));
    let stream = text_of(&begun, "id");
    within.blinded("its step", |within| post(within, &chat, &info(Some(&stream), "streaming", 2)));
    let last = json!({"type": "message", "text": "whole", "id": stream, "entities":
        [{"type": "streaminfo", "streamId": stream, "streamType": "final"}]});
    within.blinded("its end", |within| post(within, &chat, &last));
}

/// A chat that is opened with a first message is opened with it or not at all.
#[test]
fn a_chat_begins_with_its_message_or_not() {
    let within = Within::new();
    let bot = within.bot(HELPDESK);
    let channels =
        || within.controlled("GET", "/channels", &Value::Null)["channels"].as_array().unwrap().len();
    let before = channels();
    let empty = json!({"members": [{"id": "29:1ben"}], "activity": {"type": "message"}});
    let path = format!("/teams/{TENANT}/v3/conversations");
    let (status, answer) = within.json("POST", &path, &bot, &empty);
    assert_eq!(status, 400, "{answer}");
    assert_eq!(channels(), before, "a refusal leaves nothing");
}

#[test]
fn acts_of_people_and_of_control() {
    let within = Within::new();
    let said = json!({"channel": "general", "text": "a"});
    let posted =
        within.blinded("a person's post", |within| within.controlled("POST", "/people/ben/messages", &said));
    let ts = text_of(&posted, "ts");
    let on = format!("/people/ben/messages/general/{ts}");
    let eyes = json!({"channel": "general", "ts": ts, "name": "eyes"});
    for (verb, path, body, pointer) in [
        ("PATCH", &*on, json!({"text": "b"}), "/ts"),
        ("POST", "/people/ben/reactions", eyes.clone(), "/changed"),
        ("DELETE", "/people/ben/reactions", eyes, "/changed"),
        ("DELETE", &*on, Value::Null, ""),
        ("PATCH", "", json!({"name": "Other"}), "/name"),
        ("POST", "/clock", json!({"advance_ms": 1}), "/now"),
        ("POST", "/people", json!({"name": "dora"}), "/id"),
        ("PATCH", "/people/dora", json!({"away": true}), "/away"),
        ("POST", "/channels", json!({"name": "made"}), "/id"),
        ("PATCH", "/channels/made", json!({"name": "other"}), "/id"),
        ("DELETE", "/channels/other/members/dora", Value::Null, "/id"),
        ("PUT", "/channels/other/members/dora", Value::Null, "/id"),
        ("POST", "/apps", json!({"kind": "slack", "name": "made"}), "/id"),
        ("PATCH", "/apps/made", json!({"bot_events": ["app_mention"]}), "/id"),
        ("POST", "/apps/made/webhooks", json!({"channel": "general", "installed_by": "ben"}), ""),
        ("POST", "/apps/made/codes", json!({"user": "ben"}), "/code"),
        ("DELETE", "/apps/made", Value::Null, ""),
        ("POST", "/user-groups", json!({"handle": "oncall", "name": "On call"}), "/id"),
        ("PATCH", "/user-groups/oncall", json!({"disabled": true}), "/id"),
        ("POST", "/tokens", json!({"app": "deploybot", "token": "xoxb-new"}), "/token"),
        ("POST", "/tokens/xoxb-new/rotate", Value::Null, "/token"),
        ("DELETE", "/tokens/xoxb-narrow", Value::Null, ""),
        ("POST", "/reset", Value::Null, "/id"),
        ("DELETE", "", Value::Null, ""),
    ] {
        let answer = within.blinded(path, |within| within.controlled(verb, path, &body));
        assert!(answer.pointer(pointer).is_some_and(|value| !value.is_null()), "{verb} {path}: {answer}");
    }
}
