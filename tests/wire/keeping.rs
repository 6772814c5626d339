//! What an operator does to keep what the server keeps: backup and restore under load and `kill -9`, the doctor beside a
//! server, disks that are full, folders that have lost something.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::client;
use crate::support::{Folder, Server, redraft};
use crate::world::*;

const THREADS: usize = 4;

/// What was asked for, and what of it was acknowledged.
#[derive(Default)]
struct Posted {
    /// Texts that were sent.
    asked: Mutex<Vec<String>>,
    /// Acknowledged messages by their `ts`.
    told: Mutex<BTreeMap<String, String>>,
    more: Condvar,
    over: AtomicBool,
}

impl Posted {
    fn wait_for(&self, count: usize) {
        let told = self.told.lock().unwrap();
        drop(self.more.wait_while(told, |told| told.len() < count).unwrap());
    }
}

fn call(url: &str, method: &str, args: &Value) -> Option<Value> {
    let headers = [("authorization", "Bearer xoxb-deploy")];
    let (url, body) = (format!("{url}/api/{method}"), args.to_string());
    let typed = ("application/json; charset=utf-8", body.as_bytes());
    let answer = client::try_send("POST", &url, &headers, typed)?;
    assert_eq!(answer.code(), "ok", "{method}: {}", answer.body);
    Some(answer.json)
}

fn work(url: &str, posted: &Posted, name: &str) {
    for n in 0.. {
        if posted.over.load(Ordering::Relaxed) {
            return;
        }
        let text = format!("{name} {n} {}", "x".repeat(n * 37 % 2000));
        posted.asked.lock().unwrap().push(text.clone());
        let Some(answer) = call(url, "chat.postMessage", &json!({"channel": GENERAL, "text": text})) else {
            return;
        };
        posted.told.lock().unwrap().insert(text_of(&answer, "ts"), text);
        posted.more.notify_all();
    }
}

fn everything(server: &Server) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut args = json!({"channel": GENERAL, "limit": 200});
    loop {
        let page = call(&server.url, "conversations.history", &args).unwrap();
        for message in page["messages"].as_array().unwrap() {
            found.insert(text_of(message, "ts"), text_of(message, "text"));
        }
        match page["response_metadata"]["next_cursor"].as_str() {
            Some(cursor) if !cursor.is_empty() => args["cursor"] = cursor.into(),
            _ => return found,
        }
    }
}

fn run(args: &[&str]) -> (bool, String) {
    let output = redraft().args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.success(), said)
}

fn done(args: &[&str]) -> String {
    let (well, said) = run(args);
    assert!(well, "{args:?}: {said}");
    said
}

fn refused(args: &[&str], words: &str) {
    let (well, said) = run(args);
    assert!(!well && said.contains(words), "{args:?}: {said}");
}

fn path(folder: &Folder) -> &str {
    folder.0.to_str().unwrap()
}

/// A backup beside a server under load, which may be killed meanwhile: nothing that was acknowledged before it began is
/// missing, and nothing is in it that nobody asked for. What was acknowledged before the kill is in the folder itself.
#[test]
fn backups_under_load_and_kill() {
    for kill in [false, true, true, true] {
        let (folder, places) = (Folder::new("keeping"), Folder::new("keeping-backups"));
        let mut server = Server::in_folder(&folder.0);
        let posted = Arc::new(Posted::default());
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (url, posted) = (server.url.clone(), Arc::clone(&posted));
                std::thread::spawn(move || work(&url, &posted, &format!("t{thread}")))
            })
            .collect();
        posted.wait_for(60);
        let before = posted.told.lock().unwrap().clone();
        let backup = places.join("backup");
        let mut copying =
            redraft().args(["backup", backup.to_str().unwrap(), "--data", path(&folder)]).spawn().unwrap();
        if kill {
            server.child.kill().unwrap();
            server.child.wait().unwrap();
        }
        assert!(copying.wait().unwrap().success());
        posted.over.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        drop(server);
        let restored = places.join("restored");
        done(&["restore", backup.to_str().unwrap(), "--data", restored.to_str().unwrap()]);
        let asked = posted.asked.lock().unwrap().clone();
        let told = posted.told.lock().unwrap().clone();
        for (folder, at_least) in [(restored.as_path(), &before), (folder.0.as_path(), &told)] {
            let server = Server::in_folder(folder);
            let found = everything(&server);
            for (ts, text) in at_least {
                assert_eq!(found.get(ts), Some(text), "{ts} is missing");
            }
            for text in found.values() {
                assert!(asked.contains(text) || !text.starts_with('t'), "{text:.40} was never asked for");
            }
            drop(server);
            assert!(done(&["doctor", "--data", folder.to_str().unwrap()]).contains("all is well"));
        }
    }
}

/// The doctor and the other verbs of keeping, beside a server, which goes on.
#[test]
fn beside_a_server() {
    let (folder, places) = (Folder::new("beside"), Folder::new("beside-places"));
    let world = World::on(Server::in_folder(&folder.0));
    world.post(DEPLOY, GENERAL, "first");
    let data = path(&folder).to_owned();
    assert!(done(&["doctor", "--data", &data]).contains("all is well"));
    let (backup, again) = (places.join("backup"), places.join("again"));
    let (backup, again) = (backup.to_str().unwrap(), again.to_str().unwrap());
    assert!(done(&["backup", backup, "--data", &data]).contains("verified"));
    refused(&["backup", backup, "--data", &data], "is not empty");
    refused(&["restore", backup, "--data", &data], "is not empty");
    refused(&["migrate", "--data", &data], "in use");
    assert!(done(&["doctor", "--data", &data, "--repair", again]).contains("what is whole is in"));
    world.post(DEPLOY, GENERAL, "second");
    drop(world);
    assert!(done(&["migrate", "--data", &data]).contains("nothing to do"));
    let repaired = Server::in_folder(std::path::Path::new(again));
    assert!(everything(&repaired).values().any(|text| text == "first"));
}

#[test]
fn a_full_disk_leaves_nothing_that_looks_whole() {
    let (folder, places) = (Folder::new("full"), Folder::new("full-places"));
    let world = World::on(Server::in_folder(&folder.0));
    (0..50).for_each(|n| drop(world.post(DEPLOY, GENERAL, &format!("message {n} {}", "x".repeat(9000)))));
    assert!(world.server.stop().success());
    let data = path(&folder).to_owned();
    let (whole, cut) = (places.join("whole"), places.join("cut"));
    let (whole, cut) = (whole.to_str().unwrap(), cut.to_str().unwrap());
    done(&["backup", whole, "--data", &data]);
    let full = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_redraft"),
        ]);
        let output = command.args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains("redraft: ") && !said.contains("panicked"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "one sentence: {said}");
        said
    };
    full(&["backup", cut, "--data", &data]);
    assert!(!std::path::Path::new(cut).join("redraft.db").exists());
    full(&["restore", whole, "--data", cut]);
    assert!(!std::path::Path::new(cut).join("redraft.db").exists());
    // Once there is room the same folder will do.
    done(&["restore", whole, "--data", cut]);
    assert!(done(&["doctor", "--data", cut]).contains("all is well"));
}

#[test]
fn a_folder_that_lost_its_database_is_refused_in_words() {
    let folder = Folder::new("lost");
    drop(World::on(Server::in_folder(&folder.0)));
    let data = path(&folder).to_owned();
    std::fs::write(folder.join("redraft.db"), "").unwrap();
    for verb in ["serve", "doctor", "migrate"] {
        let listen = ["--listen", "127.0.0.1:0"];
        let mut args = vec![verb, "--data", &data];
        args.extend(listen.iter().filter(|_| verb == "serve"));
        refused(&args, "the database is empty; ");
    }
}

/// A flipped byte costs the message that it is in, and that is said: in the history, by whoever asks for it, by the doctor.
#[test]
fn a_damaged_message_costs_itself() {
    let folder = Folder::new("damaged");
    let world = World::on(Server::in_folder(&folder.0));
    let posted: Vec<String> =
        ["first words", "second words", "third words"].map(|text| world.post(DEPLOY, GENERAL, text)).into();
    assert!(world.server.stop().success());
    let database = folder.join("redraft.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let found = bytes.windows(12).rposition(|window| window == b"second words").unwrap();
    bytes[found] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let (_, said) = run(&["doctor", "--data", path(&folder)]);
    assert!(said.contains(&format!("message {} in ", posted[1])), "{said}");
    let world = World::on(Server::in_folder(&folder.0));
    let history = world.slack(DEPLOY, "conversations.history", &json!({"channel": GENERAL}));
    assert_eq!(history.code(), "ok");
    let texts: Vec<&str> =
        history.json["messages"].as_array().unwrap().iter().filter_map(|it| it["text"].as_str()).collect();
    assert!(texts.contains(&"first words") && texts.contains(&"third words"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.contains("econd words")).count(), 0);
    assert_eq!(history.json["warning"], "damaged_messages_left_out");
    let warning = history.json["response_metadata"]["messages"][0].as_str().unwrap();
    assert!(warning.contains(&posted[1]), "{warning}");
    let args = json!({"channel": GENERAL, "ts": posted[1], "text": "changed"});
    let replies = world.slack(DEPLOY, "conversations.replies", &args);
    assert_eq!(replies.code(), "internal_error");
    assert!(replies.body.contains("redraft doctor"), "{}", replies.body);
    let others = world.slack(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": posted[0]}));
    assert_eq!(others.code(), "ok");
    world.post(DEPLOY, GENERAL, "and on it goes");
}
