//! Files: the external upload flow, who sees them, how messages show them, and how they go.

use serde_json::{Value, json};

use crate::client;
use crate::world::*;

const BYTES: &str = "application/octet-stream";

/// Announces a file; gives back its id and where its bytes go.
fn begin(world: &World, token: &str, name: &str, length: usize) -> (String, String) {
    let begun = world.ok(token, "files.getUploadURLExternal", &json!({"filename": name, "length": length}));
    (text_of(&begun, "file_id"), text_of(&begun, "upload_url"))
}

/// A file that is sent and not completed.
fn sent(world: &World, token: &str, name: &str, text: &str) -> String {
    let (id, url) = begin(world, token, name, text.len());
    let answer = client::send("POST", &url, &[], (BYTES, text.as_bytes()));
    assert_eq!((answer.status, answer.body), (200, format!("OK - {}", text.len())));
    id
}

/// A file that is shared in this channel, and the message that shares it.
pub fn shared(world: &World, token: &str, channel: &str, name: &str, text: &str) -> (String, String) {
    let id = sent(world, token, name, text);
    let args = json!({"files": [{"id": id, "title": "A title"}], "channel_id": channel, "initial_comment": "look *here*"});
    let answer = world.ok(token, "files.completeUploadExternal", &args);
    assert_eq!((&answer["files"][0]["id"], &answer["files"][0]["title"]), (&json!(id), &json!("A title")));
    let info = world.ok(token, "files.info", &json!({"file": id}));
    let shares = &info["file"]["shares"];
    let kind = if shares["public"].is_null() { "private" } else { "public" };
    (id, text_of(&shares[kind][channel][0], "ts"))
}

fn message(world: &World, token: &str, channel: &str, ts: &str) -> Value {
    let args = json!({"channel": channel, "latest": ts, "inclusive": true, "limit": 1});
    world.ok(token, "conversations.history", &args)["messages"][0].clone()
}

#[test]
fn a_file_is_uploaded_and_shared() {
    let world = World::new();
    let (id, ts) = shared(&world, DEPLOY, GENERAL, "notes.md", "# notes");
    let shown = message(&world, BEN, GENERAL, &ts);
    assert_eq!((&shown["subtype"], &shown["text"]), (&json!("file_share"), &json!("look *here*")));
    assert_eq!((&shown["upload"], &shown["user"]), (&json!(false), &json!("U01DEPLOY")));
    let file = &shown["files"][0];
    for (name, expected) in [
        ("id", json!(id)),
        ("name", json!("notes.md")),
        ("title", json!("A title")),
        ("mimetype", json!("text/markdown")),
        ("filetype", json!("markdown")),
        ("pretty_type", json!("Markdown (raw)")),
        ("user", json!("U01DEPLOY")),
        ("user_team", json!("T01ACME")),
        ("size", json!(7)),
        ("mode", json!("hosted")),
        ("is_external", json!(false)),
        ("is_public", json!(true)),
        ("file_access", json!("visible")),
    ] {
        assert_eq!(file[name], expected, "{name}");
    }
    let info = world.ok(DEPLOY, "files.info", &json!({"file": id}));
    assert_eq!((&info["file"]["channels"], &info["comments"]), (&json!([GENERAL]), &json!([])));
    assert_eq!(info["file"]["shares"]["public"][GENERAL][0]["channel_name"], "general");
    let url = text_of(file, "url_private");
    for (token, status) in [(DEPLOY, 200), (BEN, 200), ("xoxb-nobody", 404)] {
        let bearer = format!("Bearer {token}");
        let got = client::send("GET", &url, &[("authorization", &bearer)], ("", b""));
        assert_eq!(got.status, status, "{token}");
        if status == 200 {
            assert_eq!((got.body.as_str(), got.header("content-type")), ("# notes", "text/markdown"));
            assert_eq!(got.header("content-disposition"), "attachment");
        }
    }
}

/// JavaScript's SDK sends a multipart body with the token.
#[test]
fn a_multipart_upload() {
    let world = World::new();
    let (id, url) = begin(&world, DEPLOY, "a.txt", 5);
    let body = "--b\r\ncontent-disposition: form-data; name=\"body\"; filename=\"Untitled\"\r\n\r\nhello\r\n--b--\r\n";
    let headers = [("authorization", "Bearer xoxb-deploy")];
    let answer = client::send("POST", &url, &headers, ("multipart/form-data; boundary=b", body.as_bytes()));
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK - 5"));
    let answer = world.ok(DEPLOY, "files.completeUploadExternal", &json!({"files": [{"id": id}]}));
    assert_eq!(
        (&answer["files"][0]["title"], &answer["files"][0]["channels"]),
        (&json!("a.txt"), &json!([]))
    );
    assert_eq!(
        world.slack(BEN, "files.info", &json!({"file": id})).code(),
        "file_not_found",
        "shared nowhere"
    );
}

#[test]
fn what_an_upload_is_refused_for() {
    let world = World::new();
    let (_, url) = begin(&world, DEPLOY, "a.txt", 5);
    let unknown = format!("{}{}", &url[..url.len() - 1], if url.ends_with('0') { '1' } else { '0' });
    for (url, body, status) in
        [(&unknown, "hello", 404), (&url, "hell", 400), (&url, "hello", 200), (&url, "hello", 404)]
    {
        let answer = client::send("POST", url, &[], (BYTES, body.as_bytes()));
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let (_, late) = begin(&world, DEPLOY, "b.txt", 5);
    world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    let answer = client::send("POST", &late, &[], (BYTES, b"hello"));
    assert_eq!((answer.status, answer.body.as_str()), (404, "the time for sending this file is over"));
    let (_, big) = begin(&world, DEPLOY, "c.bin", 8 << 20);
    let over = vec![0; (8 << 20) + 1];
    assert_eq!(client::send("POST", &big, &[], (BYTES, &over)).status, 413);
    assert_eq!(client::send("POST", &big, &[], (BYTES, &over[1..])).status, 200);
    world.is_well();
}

/// Private channels keep their files; what is not seen is as what is not there.
#[test]
fn who_sees_a_file() {
    let world = World::new();
    let (id, ts) = shared(&world, ADA, LEADS, "plan.txt", "secret");
    let url = text_of(&message(&world, ADA, LEADS, &ts)["files"][0], "url_private");
    let rows = [(ADA, "ok", 200), (CLEO, "file_not_found", 404), (POLL, "file_not_found", 404)];
    for (token, code, status) in rows {
        let code_now = world.slack(token, "files.info", &json!({"file": id}));
        assert_eq!(code_now.code(), code, "{token}: {}", code_now.body);
        let bearer = format!("Bearer {token}");
        assert_eq!(
            client::send("GET", &url, &[("authorization", &bearer)], ("", b"")).status,
            status,
            "{token}"
        );
    }
}

#[test]
fn an_update_changes_a_messages_files() {
    let world = World::new();
    let (one, ts) = shared(&world, DEPLOY, GENERAL, "one.txt", "1");
    let (two, _) = shared(&world, DEPLOY, RANDOM, "two.txt", "2");
    let files = |file_ids: Value| {
        let args = json!({"channel": GENERAL, "ts": ts, "text": "files", "file_ids": file_ids});
        let answer = world.ok(DEPLOY, "chat.update", &args);
        let shown = message(&world, BEN, GENERAL, &ts)["files"].clone();
        assert_eq!(answer["message"]["files"], shown);
        shown.as_array().into_iter().flatten().map(|file| text_of(file, "id")).collect::<Vec<_>>()
    };
    assert_eq!(files(json!([one, two])), [one.clone(), two.clone()]);
    assert_eq!(files(json!(two)), std::slice::from_ref(&two));
    let kept = world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "other words"}));
    assert_eq!(kept["message"]["files"][0]["id"], two, "what is omitted is kept");
    assert!(files(json!([])).is_empty());
    let info = world.ok(DEPLOY, "files.info", &json!({"file": two}));
    assert_eq!(info["file"]["channels"], json!([RANDOM]));
}

#[test]
fn a_deleted_file_leaves_its_trace() {
    let world = World::new();
    let (id, ts) = shared(&world, DEPLOY, GENERAL, "one.txt", "1");
    let url = text_of(&message(&world, BEN, GENERAL, &ts)["files"][0], "url_private");
    world.ok(DEPLOY, "files.delete", &json!({"file": id}));
    let shown = message(&world, BEN, GENERAL, &ts);
    assert_eq!(shown["files"], json!([{"id": id, "mode": "tombstone"}]));
    assert_eq!(world.slack(DEPLOY, "files.info", &json!({"file": id})).code(), "file_deleted");
    assert_eq!(client::send("GET", &url, &[("authorization", "Bearer xoxb-deploy")], ("", b"")).status, 404);
    // A message that goes takes no file with it.
    let (other, ts) = shared(&world, DEPLOY, GENERAL, "two.txt", "2");
    world.delete(DEPLOY, GENERAL, &ts);
    let info = world.ok(DEPLOY, "files.info", &json!({"file": other}));
    assert_eq!(info["file"]["channels"], json!([]));
}

/// Every code of the four methods, and of `file_ids`, that can occur.
#[test]
fn codes() {
    let world = World::new();
    let (file, ts) = shared(&world, DEPLOY, GENERAL, "one.txt", "1");
    let (hidden, _) = shared(&world, ADA, LEADS, "two.txt", "2");
    let (gone, _) = shared(&world, DEPLOY, GENERAL, "three.txt", "3");
    world.ok(DEPLOY, "files.delete", &json!({"file": gone}));
    let ready = sent(&world, DEPLOY, "four.txt", "4");
    let (unsent, _) = begin(&world, DEPLOY, "five.txt", 5);
    let before = world.state();
    let begin = "files.getUploadURLExternal";
    let complete = "files.completeUploadExternal";
    let whole = |channel: &str| json!({"files": [{"id": ready}], "channel_id": channel});
    let hundred_and_one: Vec<String> = (0..101).map(|number| format!("C{number}")).collect();
    let many: Vec<Value> = (0..11).map(|_| json!({"id": ready})).collect();
    let update = |file_ids: Value| json!({"channel": GENERAL, "ts": ts, "file_ids": file_ids});
    let eleven: Vec<String> = (0..11).map(|number| format!("F{number}")).collect();
    for (token, method, args, code) in [
        (DEPLOY, begin, json!({"length": 5}), "missing_argument"),
        (DEPLOY, begin, json!({"filename": "a"}), "missing_argument"),
        (DEPLOY, begin, json!({"filename": "a", "length": 0}), "invalid_arguments"),
        (DEPLOY, begin, json!({"filename": "a".repeat(256), "length": 1}), "invalid_arguments"),
        (
            DEPLOY,
            begin,
            json!({"filename": "a", "length": 1, "alt_txt": "é".repeat(1001)}),
            "alt_txt_too_large",
        ),
        (DEPLOY, begin, json!({"filename": "a", "length": (8 << 20) + 1}), "file_upload_size_restricted"),
        (
            DEPLOY,
            begin,
            json!({"filename": "a", "length": 1_000_001, "snippet_type": "python"}),
            "snippet_too_large",
        ),
        (
            DEPLOY,
            begin,
            json!({"filename": "a", "length": 1, "snippet_type": "no such!"}),
            "unknown_snippet_type",
        ),
        (DEPLOY, complete, json!({}), "invalid_arguments"),
        (DEPLOY, complete, json!({"files": "x"}), "invalid_arguments"),
        (DEPLOY, complete, json!({"files": [{"id": ready, "title": "a".repeat(256)}]}), "invalid_arguments"),
        (DEPLOY, complete, json!({"files": []}), "file_not_found"),
        (DEPLOY, complete, json!({"files": many}), "invalid_arguments"),
        (DEPLOY, complete, json!({"files": [{"id": unsent}]}), "file_update_failed"),
        (DEPLOY, complete, json!({"files": [{"id": file}]}), "file_update_failed"),
        (POLL, complete, whole(GENERAL), "file_not_found"),
        (DEPLOY, complete, whole(LEADS), "channel_not_found"),
        (
            DEPLOY,
            complete,
            json!({"files": [{"id": ready}], "channels": hundred_and_one}),
            "channels_limit_exceeded",
        ),
        (
            DEPLOY,
            complete,
            json!({"files": [{"id": ready}], "channel_id": GENERAL, "blocks": [{"type": "?"}]}),
            "invalid_blocks",
        ),
        (DEPLOY, "files.info", json!({"file": "F9"}), "file_not_found"),
        (DEPLOY, "files.info", json!({"file": hidden}), "file_not_found"),
        (DEPLOY, "files.info", json!({"file": ready}), "file_not_found"),
        (DEPLOY, "files.info", json!({"file": gone}), "file_deleted"),
        (DEPLOY, "files.delete", json!({"file": "F9"}), "file_not_found"),
        (DEPLOY, "files.delete", json!({"file": hidden}), "file_not_found"),
        (DEPLOY, "files.delete", json!({"file": gone}), "file_deleted"),
        (POLL, "files.delete", json!({"file": file}), "cant_delete_file"),
        (DEPLOY, "chat.update", update(json!(["F9"])), "file_not_found"),
        (DEPLOY, "chat.update", update(json!([hidden])), "file_not_found"),
        (DEPLOY, "chat.update", update(json!([""])), "file_not_found"),
        (DEPLOY, "chat.update", update(json!([gone])), "file_deleted"),
        (DEPLOY, "chat.update", update(json!(eleven)), "max_file_sharing_exceeded"),
    ] {
        let answer = world.slack(token, method, &args);
        assert_eq!(answer.code(), code, "{method} {args}: {}", answer.body);
        assert!(!answer.reasons().is_empty() || code == "ok", "{method} {args}");
        assert_eq!(world.state(), before, "{method} {args}");
    }
    // A bot shares only where it is.
    world.ok(DEPLOY, "conversations.leave", &json!({"channel": RANDOM}));
    assert_eq!(world.slack(DEPLOY, complete, &whole(RANDOM)).code(), "not_in_channel");
}
