//! A real server process for the tests.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A running `redraft serve`. Killed when dropped.
pub struct Server {
    pub child: Child,
    /// The address of the server, without a slash at its end.
    pub url: String,
    /// Where it listens, which `--public-url` does not change.
    pub listening: String,
    /// The ready file.
    pub ready: Value,
    /// What the server has logged so far.
    pub log: Arc<Mutex<String>>,
}

/// A folder that is removed when dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new, empty folder; the name only helps people.
    pub fn new(name: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("redraft-{name}-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The executable, with none of the caller's own settings. Unless a test says otherwise it listens on a free port: the
/// default one may be another copy's of these tests.
pub fn redraft() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redraft"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REDRAFT_")) {
        command.env_remove(name);
    }
    command.env("REDRAFT_LISTEN", "127.0.0.1:0");
    command
}

/// The declared world of the tests.
pub fn seed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seed.yaml")
}

impl Server {
    /// A server that keeps nothing, with the declared world.
    pub fn in_memory() -> Self {
        Self::start(&["--memory"])
    }

    /// A server in this folder, with the declared world if the folder is empty.
    pub fn in_folder(folder: &Path) -> Self {
        Self::start(&["--data", folder.to_str().unwrap()])
    }

    /// A server with these options; it has answered its first request when this returns.
    pub fn start(options: &[&str]) -> Self {
        Self::spawn(options, &[])
    }

    /// The same with environment variables.
    pub fn spawn(options: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(redraft(), options, variables)
    }

    /// The same by a command that runs the executable with the arguments that are put behind it.
    pub fn launch(mut command: Command, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = Folder::new("ready");
        let ready = folder.join("ready.json");
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        if !options.contains(&"--seed") {
            command.arg("--seed").arg(seed());
        }
        command.arg("--ready-file").arg(&ready).args(options).envs(variables.iter().copied());
        // However this process ends, its end of the pipe is closed, and the server ends as well.
        command.arg("--stop-with-stdin").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let listening = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended: {said}");
            said.push_str(&line);
            if line.contains("serve: ready") || line.contains("\"message\":\"ready\"") {
                let (_, rest) = line.split_once("listening").unwrap();
                let start = rest.find("http").unwrap();
                break rest[start..].split('"').next().unwrap().to_owned();
            }
        };
        // Whoever writes to a pipe that nobody reads stands still.
        let kept = Arc::new(Mutex::new(said));
        let keeper = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|read| 0 < read) {
                keeper.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        let ready: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let url = ready["url"].as_str().unwrap().to_owned();
        Self { child, url, listening, ready, log: kept }
    }

    /// Ends the server as an operator would, and waits until it has ended.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
