//! What is deleted is gone: read by nobody, and found in none of the server's files.

use std::path::Path;

use serde_json::{Value, json};

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
