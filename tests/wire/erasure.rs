//! What is deleted is gone: read by nobody, and found in none of the server's files.

use std::path::Path;

use serde_json::{Value, json};

use crate::bot::{Bot, Say, until};
use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

/// The files of a data folder that have these bytes somewhere.
fn files_with(folder: &Path, marker: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A file that goes meanwhile holds nothing.
        let bytes = std::fs::read(&path).unwrap_or_default();
        if bytes.windows(marker.len()).any(|window| window == marker.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

fn begin(world: &World, token: &str, length: usize) -> (String, String) {
    let begun =
        world.ok(token, "files.getUploadURLExternal", &json!({"filename": "a.txt", "length": length}));
    (text_of(&begun, "file_id"), text_of(&begun, "upload_url"))
}

#[test]
fn a_refused_upload_is_not_stored() {
    let folder = Folder::new("refused-upload");
    let world = World::on(Server::in_folder(&folder.0));
    let send = |url: &str, body: &str| client::send("POST", url, &[], ("text/plain", body.as_bytes())).status;
    let (_, url) = begin(&world, DEPLOY, 5);
    assert_eq!(send(&url, "wrongsize-marker"), 400);
    assert_eq!(files_with(&folder.0, "wrongsize-marker"), [""; 0]);
    world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    assert_eq!(send(&url, "marke"), 404);
    let (_, url) = begin(&world, DEPLOY, 16);
    assert_eq!(send(&url, "rightsize-marker"), 200);
    assert_ne!(files_with(&folder.0, "rightsize-marker"), [""; 0], "what is accepted is there");
}

/// SHA-256 of `secret`, and an attachment's description that names it, as an earlier version stored such.
const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const FORGED_DIGEST: &str = "d18a2926dadd4c2880d4d3fee2e0ae628f9cac418d482dafcaecd317f540e48d";
const FORGED: &str = "eyJuYW1lIjpudWxsLCJraW5kIjoidGV4dC9wbGFpbiIsIm9yaWdpbmFsIjp7ImRpZ2VzdCI6IjJiYjgwZDUzN2IxZGEzZTM4YmQzMDM2MWFhODU1Njg2YmRlMGVhY2Q3MTYyZmVmNmEyNWZlOTdiZjUyN2EyNWIiLCJzaXplIjo2fSwidGh1bWJuYWlsIjpudWxsfQ==";

#[test]
fn bytes_are_not_read_by_their_digest() {
    let world = World::new();
    let (file, _) = crate::files::shared(&world, ADA, LEADS, "plan.txt", "secret");
    let bot = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/attachments");
    let uploaded = world.connector(&bot, "POST", &path, &json!({"originalBase64": FORGED}));
    let id = text_of(&uploaded.json, "id");
    let url = |path: &str| format!("{}/v3/attachments/{path}", world.server.url);
    let bearer = format!("Bearer {bot}");
    let get = |path: &str| client::send("GET", &url(path), &[("authorization", &bearer)], ("", b""));
    let read = || {
        for path in [DIGEST, FORGED_DIGEST, &file] {
            for path in [path.to_owned(), format!("{path}/views/original")] {
                let got = get(&path);
                assert_eq!(got.status, 404, "{path}");
                assert!(!got.body.contains("secret"), "{path}");
            }
        }
        assert!(get(&format!("{id}/views/original")).body.contains(DIGEST), "what was handed in");
    };
    read();
    world.ok(ADA, "files.delete", &json!({"file": file}));
    read();
}

#[test]
fn who_reads_an_attachment() {
    let world = World::new();
    let (inside, outside) = (world.bot(HELPDESK), world.bot(PLANNER));
    let made = world.controlled("POST", "/channels", &json!({"name": "vault", "private": true}));
    let (channel, conversation) = (text_of(&made, "id"), text_of(&made, "conversation_id"));
    world.controlled("PUT", &format!("/channels/{channel}/members/helpdesk"), &Value::Null);
    let path = format!("/{conversation}/attachments");
    let uploaded = world.connector(&inside, "POST", &path, &json!({"originalBase64": "YQ=="}));
    let id = text_of(&uploaded.json, "id");
    for (bot, status) in [(&inside, 200), (&outside, 404)] {
        let url = format!("{}/v3/attachments/{id}/views/original", world.server.url);
        let bearer = format!("Bearer {bot}");
        assert_eq!(client::send("GET", &url, &[("authorization", &bearer)], ("", b"")).status, status);
    }
}

/// What `redraft purge` prints for a folder, which a server may own.
fn purge(folder: &Path) -> String {
    let mut command = crate::support::redraft();
    let done = command.args(["purge", "--data", folder.to_str().unwrap()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A text that says its marker, `bytes` long or a little more.
fn saying(marker: &str, bytes: usize) -> String {
    format!("<{marker}> ").repeat(bytes / (marker.len() + 3) + 1)
}

/// Through both APIs, in pages with others and on pages of its own, beside a running server; and what lives stays.
#[test]
fn what_is_deleted_is_found_in_no_file() {
    let folder = Folder::new("erasure");
    let world = World::on(Server::in_folder(&folder.0));
    let bot = world.bot(HELPDESK);
    let mut gone = Vec::new();
    for bytes in [20, 15_000] {
        let mut say = |kind: &str| {
            gone.push(format!("{kind}-{bytes}"));
            saying(&format!("{kind}-{bytes}"), bytes)
        };
        let ts = world.post(DEPLOY, GENERAL, &say("posted"));
        for text in [say("updated"), say("updated-again")] {
            let text: String = text.chars().take(3900).collect();
            world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": text}));
        }
        world.delete(DEPLOY, GENERAL, &ts);
        let root = world.post(DEPLOY, GENERAL, &say("tombstone"));
        let reply = json!({"channel": GENERAL, "text": "a reply", "thread_ts": root});
        world.ok(BEN, "chat.postMessage", &reply);
        world.delete(DEPLOY, GENERAL, &root);
        let activity = json!({"type": "message", "text": say("activity")});
        let path = format!("/{GENERAL_19}/activities");
        let sent = world.connector(&bot, "POST", &path, &activity);
        let at = format!("{path}/{}", text_of(&sent.json, "id"));
        assert_eq!(world.connector(&bot, "DELETE", &at, &Value::Null).status, 200);
        let later = json!({"channel": GENERAL, "text": say("scheduled"), "post_at": 9_999_999_999_i64});
        let answer = world.slack(DEPLOY, "chat.scheduleMessage", &later);
        if answer.code() == "ok" {
            let id = text_of(&answer.json, "scheduled_message_id");
            let which = json!({"channel": GENERAL, "scheduled_message_id": id});
            world.ok(DEPLOY, "chat.deleteScheduledMessage", &which);
        }
        let text = say("file");
        let (file, _) = crate::files::shared(&world, DEPLOY, GENERAL, &format!("called-{bytes}.txt"), &text);
        gone.push(format!("called-{bytes}"));
        world.ok(DEPLOY, "files.delete", &json!({"file": file}));
        let mut say = |kind: &str| {
            gone.push(format!("{kind}-{bytes}"));
            saying(&format!("{kind}-{bytes}"), bytes)
        };
        let whisper = json!({"channel": GENERAL, "user": "U01BEN", "text": say("ephemeral")});
        world.ok(DEPLOY, "chat.postEphemeral", &whisper);
        let other = json!({"workspace": {"name": "other"}, "people": [{"name": "ada", "admin": true, "token": "xoxp-other"}],
            "apps": [{"kind": "slack", "name": "bot", "bot_token": format!("xoxb-other-{bytes}")}]});
        let made = control(&world.server.url, "POST", "/workspaces", &other);
        let team = text_of(&made.json["workspace"], "id");
        let general = text_of(&made.json["channels"][0], "id");
        let post = json!({"channel": general, "text": say("dropped")});
        world.ok(&format!("xoxb-other-{bytes}"), "chat.postMessage", &post);
        control(&world.server.url, "DELETE", &format!("/workspaces/{team}"), &Value::Null);
    }
    let lives = [saying("lives-20", 20), saying("lives-15000", 15_000)];
    lives.iter().for_each(|text| drop(world.post(DEPLOY, GENERAL, text)));
    // Ephemeral messages end by themselves.
    world.controlled("POST", "/clock", &json!({"advance_ms": 25 * 3_600_000}));
    purge(&folder.0);
    let left: Vec<_> = gone.iter().map(|marker| (marker, files_with(&folder.0, marker))).collect();
    assert!(left.iter().all(|(_, files)| files.is_empty()), "{left:?}");
    for marker in ["lives-20", "lives-15000"] {
        assert_eq!(files_with(&folder.0, marker), ["redraft.db"], "{marker}");
    }
    world.is_well();
    assert!(world.server.stop().success());
    purge(&folder.0);
    let doctor = crate::support::redraft().args(["doctor", "--data", folder.0.to_str().unwrap()]).output();
    let doctor = String::from_utf8(doctor.unwrap().stdout).unwrap();
    assert!(doctor.contains("all is well"), "erased is not lost: {doctor}");
}

/// A revision that was erased says so, and one of what was deleted is kept for as long as the workspace says.
#[test]
fn what_is_left_of_an_erased_revision() {
    let world = World::new();
    let settings = json!({"settings": {"superseded_revisions_seconds": 3600}});
    let shown = world.controlled("PATCH", "", &settings);
    assert_eq!(shown["settings"]["deleted_content_seconds"], 86_400);
    let ts = world.post(DEPLOY, GENERAL, "one");
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "two"}));
    let revisions = || {
        let answer = world.ok(ADA, "redraft.messages.revisions", &json!({"channel": GENERAL, "ts": ts}));
        let all = answer["revisions"].as_array().unwrap().clone();
        all.iter().map(|it| (it["text"].clone(), it["erased"].clone())).collect::<Vec<_>>()
    };
    let purge = || control(&world.server.url, "POST", "/purge", &Value::Null).json;
    assert_eq!(purge()["waiting"], json!([]));
    assert_eq!(revisions(), [(json!("two"), Value::Null), (json!("one"), Value::Null)]);
    world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    assert_eq!(purge()["erased"], 1);
    assert_eq!(revisions(), [(json!("two"), Value::Null), (Value::Null, json!(true))]);
    world.delete(DEPLOY, GENERAL, &ts);
    assert_eq!(revisions()[0].0, "two", "for a day");
    assert_eq!(purge()["erased"], 1);
    assert_eq!(revisions(), [(Value::Null, json!(true)), (Value::Null, json!(true))]);
    for (settings, refused) in [
        (json!({"deleted_content_seconds": 400_000_000}), "deleted_content_seconds"),
        (json!({"ephemeral_messages_seconds": 0}), "ephemeral_messages_seconds"),
    ] {
        let answer = world.control("PATCH", "", &json!({ "settings": settings }));
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(refused), "{}", answer.body);
    }
}

/// A dead letter keeps what it would say, for a week; replayed after that, it ends as erased.
#[test]
fn what_waits_is_told_or_erased() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Json(400, json!({})));
    let body = json!({"channel": "general", "text": "@helpdesk remember this"});
    let ts = text_of(&world.controlled("POST", "/people/ada/messages", &body), "ts");
    let deliveries = || {
        let listed = world.controlled("GET", "/apps/helpdesk/deliveries", &Value::Null);
        listed["deliveries"].as_array().unwrap().clone()
    };
    until("a dead letter", || deliveries().iter().any(|it| it["dead"] == true).then_some(()));
    world.controlled("DELETE", &format!("/people/ada/messages/general/{ts}"), &Value::Null);
    until("both dead letters", || (deliveries().len() == 2).then_some(()));
    let purge = || control(&world.server.url, "POST", "/purge", &Value::Null).json;
    let waits = purge();
    assert_eq!((&waits["erased"], &waits["waiting"][0]["deletions"]), (&json!(0), &json!(1)));
    assert_eq!(waits["waiting"][0]["apps"][0]["name"], "helpdesk");
    world.controlled("POST", "/clock", &json!({"advance_ms": 8 * 24 * 3_600_000_i64 + 1000}));
    let done = purge();
    assert_eq!((&done["erased"], &done["waiting"]), (&json!(1), &json!([])));
    world.controlled("POST", "/apps/helpdesk/deliveries/replay", &json!({}));
    until("the reason", || {
        let erased = |it: &Value| it["reason"].as_str().unwrap().starts_with("erased");
        deliveries().iter().all(erased).then_some(())
    });
    // Dead letters have an end as well.
    world.controlled("POST", "/clock", &json!({"advance_ms": 30 * 24 * 3_600_000_i64}));
    purge();
    assert_eq!(deliveries(), [Value::Null; 0]);
}
