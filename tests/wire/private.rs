//! What is kept is nobody else's: modes, owners, links; whom the command line talks to; limits that others set.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;

use serde_json::json;

use crate::bot::until;
use crate::client;
use crate::support::{Folder, Server, redraft, seed};
use crate::world::*;

fn run(args: &[&str], data: &Path) -> Output {
    redraft().args(args).arg("--data").arg(data).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The executable under a shell that sets something first.
fn after(setting: &str) -> Command {
    let mut command = Command::new("sh");
    let program = redraft().get_program().to_str().unwrap().to_owned();
    command.args(["-c", &format!("{setting}; exec \"$0\" \"$@\""), &program]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REDRAFT_")) {
        command.env_remove(name);
    }
    command
}

/// Every file in it, and itself, can be used by its owner only.
fn is_private(folder: &Path) {
    assert_eq!(mode(folder), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{} has mode {:o}", path.display(), mode(&path));
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert!(["lock", "redraft.db"].iter().all(|name| names.iter().any(|it| it == name)), "{names:?}");
}

fn start(folder: &Path, setting: &str) -> World {
    let data = folder.to_str().unwrap();
    World::on(Server::launch(after(setting), &["--data", data, "--tls-listen", "127.0.0.1:0"], &[]))
}

/// Whatever the umask is, and whatever was open before.
#[test]
fn a_folder_is_its_owners_alone() {
    let folder = Folder::new("private-modes");
    let data = folder.join("data");
    for umask in ["umask 000", "umask 022"] {
        let world = start(&data, umask);
        world.post(DEPLOY, GENERAL, "kept");
        assert!(data.join("control.sock").exists() && data.join("redraft.db-wal").exists());
        is_private(&data);
        assert!(world.server.stop().success());
        is_private(&data);
        // As an earlier version left it.
        chmod(&data, 0o755);
        for entry in std::fs::read_dir(&data).unwrap() {
            chmod(&entry.unwrap().path(), 0o644);
        }
        std::fs::write(data.join("server.json"), "{\"control_token\": \"old\"}").unwrap();
    }
    let world = start(&data, "umask 022");
    is_private(&data);
    assert!(!data.join("server.json").exists(), "a token of an earlier version is left");
    assert!(world.server.stop().success());
    chmod(&data, 0o755);
    assert!(run(&["user", "list"], &data).status.success());
    is_private(&data);
    chmod(&data.join("redraft.db"), 0o666);
    assert!(run(&["user", "list"], &data).status.success());
    is_private(&data);
    let (backup, restored) = (folder.join("backup"), folder.join("restored"));
    for (verb, path, of) in [("backup", &backup, &data), ("restore", &backup, &restored)] {
        let mut command = after("umask 000");
        let output = command.arg(verb).arg(path).arg("--data").arg(of).output().unwrap();
        assert!(output.status.success(), "{verb}: {}", complaint(&output));
        is_private(&backup);
    }
    is_private(&restored);
}

/// What cannot be made private is refused in words, and left as it is.
#[test]
fn folders_with_others_hands_in_them() {
    let folder = Folder::new("private-refused");
    let made = |name: &str| {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let serve = |data: &Path, expected: &str| {
        let output = redraft()
            .args(["serve", "--stop-with-stdin", "--listen", "127.0.0.1:0", "--seed"])
            .arg(seed())
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = complaint(&output);
        assert!(!output.status.success() && said.contains(expected) && !said.contains("panicked"), "{said}");
    };
    let project = made("project");
    chmod(&project, 0o755);
    std::fs::write(project.join("bot.py"), "").unwrap();
    serve(&project, "name a folder of its own");
    assert_eq!(mode(&project), 0o755);
    assert_eq!(std::fs::read_dir(&project).unwrap().count(), 1);
    let victim = folder.join("victim");
    std::fs::write(&victim, "somebody's file").unwrap();
    for name in ["lock", "redraft.db", "redraft.db-wal"] {
        let data = made(&format!("link-{name}"));
        symlink(&victim, data.join(name)).unwrap();
        chmod(&data, 0o700);
        serve(&data, &format!("{name} in it is no file"));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "somebody's file");
    }
    // Only root gives things away; everybody else cannot come into this.
    let other = made("other");
    if chown(&other, Some(12345), None).is_ok() {
        serve(&other, "belongs to another user (uid 12345)");
        assert!(!run(&["user", "list"], &other).status.success());
        let (target, link) = (made("target"), folder.join("link"));
        symlink(&target, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(12345), None).unwrap();
        serve(&link, "the link belongs to another user");
        let locked = made("locked");
        std::fs::write(locked.join("lock"), "").unwrap();
        chown(locked.join("lock"), Some(12345), None).unwrap();
        chmod(&locked, 0o700);
        serve(&locked, "lock belongs to another user");
    }
    // A link of one's own is as good as the folder.
    let (target, link) = (folder.join("good"), folder.join("good-link"));
    std::fs::create_dir(&target).unwrap();
    symlink(&target, &link).unwrap();
    let server = Server::in_folder(&link);
    assert!(run(&["user", "list"], &link).status.success());
    is_private(&target);
    drop(server);
}

/// A listener on loopback that says what it hears, if anything connects.
fn trap() -> (String, mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, hears) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut bytes = [0; 4096];
            let read = connection.read(&mut bytes).unwrap_or(0);
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            let _ = heard.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
        }
    });
    (url, hears)
}

/// Neither a proxy nor whoever listens where a killed server did hears of a command, beside a server or without one.
#[test]
fn the_command_line_talks_to_the_folders_owner_only() {
    let folder = Folder::new("private-owner");
    let (url, hears) = trap();
    let proxied = |args: &[&str]| {
        let mut command = redraft();
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(name, &url);
        }
        let output = command.args(args).arg("--data").arg(&folder.0).output().unwrap();
        assert!(output.status.success(), "{}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut server = Server::in_folder(&folder.0);
    assert!(proxied(&["user", "list"]).contains("ada"));
    assert!(proxied(&["user", "create", "eve"]).contains("eve"));
    assert!(slack(&server.url, DEPLOY, "users.list", &json!({})).body.contains("\"eve\""));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(folder.join("control.sock").exists(), "a killed server leaves its socket");
    let stale = json!({"url": url, "control_token": "secret"});
    std::fs::write(folder.join("server.json"), stale.to_string()).unwrap();
    assert!(proxied(&["user", "list"]).contains("eve"));
    assert!(proxied(&["user", "create", "fay"]).contains("fay"));
    let server = Server::in_folder(&folder.0);
    assert!(proxied(&["user", "list"]).contains("fay"));
    assert_eq!(server.url, server.listening);
    assert!(hears.try_recv().is_err(), "the command line called somebody else");
}

/// A socket in a folder to which others may write, or that somebody else answers, is not spoken to.
#[test]
fn a_socket_of_somebody_else() {
    let folder = Folder::new("private-socket");
    let listener = UnixListener::bind(folder.join("control.sock")).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    for mode in [0o777, 0o770, 0o702] {
        chmod(&folder.0, mode);
        let output = run(&["user", "list"], &folder.0);
        assert!(complaint(&output).contains("others may write to it"), "{}", complaint(&output));
    }
    chmod(&folder.0, 0o700);
    if chown(&folder.0, Some(12345), None).is_ok() {
        // Root speaks to anybody's server; here root itself answers, with nothing.
        assert!(!run(&["user", "list"], &folder.0).status.success());
        let nobody = Command::new("setpriv")
            .args(["--reuid", "12346", "--clear-groups"])
            .args([redraft().get_program().to_str().unwrap(), "user", "list", "--data"])
            .arg(&folder.0)
            .env_clear()
            .output();
        // The executable may be where another user cannot come.
        if let Ok(output) = nobody {
            assert!(!output.status.success());
        }
    }
}

/// An address of a socket has 108 bytes, a path has more.
#[test]
fn a_folder_far_down() {
    let folder = Folder::new("private-deep");
    let data = folder.join(&format!("{}/{}", "d".repeat(100), "e".repeat(100)));
    let mut server = Server::in_folder(&data);
    let listed = run(&["user", "list"], &data);
    assert!(listed.status.success(), "{}", complaint(&listed));
    assert!(data.join("control.sock").exists());
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(run(&["user", "list"], &data).status.success());
    assert!(Server::in_folder(&data).stop().success());
}

/// A limit on the size of files is an ordinary failure of a write: the call is refused, and the server goes on.
#[test]
fn a_limit_on_the_size_of_files() {
    let folder = Folder::new("private-fsize");
    let data = folder.0.to_str().unwrap();
    // In blocks of 512 bytes: 2 MB.
    let world = World::on(Server::launch(after("ulimit -f 4096"), &["--data", data], &[]));
    let text = "x".repeat(30_000);
    let refused = until("a refusal", || {
        let answer = world.slack(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": text}));
        (answer.code() != "ok").then(|| answer.code().to_owned())
    });
    assert!(["internal_error", "fatal_error"].contains(&refused.as_str()), "{refused}");
    assert_eq!(client::send("GET", &format!("{}/healthz", world.server.url), &[], ("", b"")).status, 200);
    let read = world.slack(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
    assert_eq!(read.code(), "ok", "{}", read.body);
    assert!(run(&["user", "list"], &folder.0).status.success());
}

/// A hangup, as of a terminal that is closed, does not end a server.
#[test]
fn a_hangup_ends_nothing() {
    let world = World::new();
    let id = world.server.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    world.is_well();
    assert!(world.server.stop().success());
}

/// A server that a test started ends when that process is no more and its end of the pipe is closed.
#[test]
fn a_server_ends_with_who_started_it() {
    let mut server = Server::in_memory();
    drop(server.child.stdin.take());
    assert!(server.child.wait().unwrap().success());
}
