#![allow(clippy::unwrap_used, missing_docs)]
//! Slack's own SDKs, bots written with those of Teams and with one for many platforms, and recorded calls, against a server process.
//! `tests/sdks/setup` installs them.

mod bolt;
mod chat;
mod guide;
mod morphism;
mod openapi;
#[path = "../support/mod.rs"]
mod support;
mod teams;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::Server;

/// The folder of these tests.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks")
}

/// Runs a tool in one of the folders against this server. If it fails, all that it said is the reason.
fn run(server: &Server, folder: &str, tool: &Path, arguments: &[&str]) {
    let mut command = Command::new(tool);
    for (name, _) in std::env::vars().filter(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy")) {
        command.env_remove(name);
    }
    command.current_dir(here().join(folder)).args(arguments);
    command.env("REDRAFT_TEST_URL", &server.url).env("PYTHONDONTWRITEBYTECODE", "1");
    let output =
        command.output().unwrap_or_else(|failed| panic!("{} does not run: {failed}", tool.display()));
    let said =
        [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
    assert!(output.status.success(), "{} {} failed:\n{said}", tool.display(), arguments.join(" "));
    eprintln!("{said}");
}

/// Fails unless the tool is there.
fn installed(path: &Path) {
    assert!(path.exists(), "{} is missing: run tests/sdks/setup", path.display());
}

fn pytest(arguments: &[&str]) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdks/venv/bin/python");
    installed(&python);
    let server = Server::in_memory();
    let arguments = [&["-m", "pytest", "--quiet", "--tb=short"], arguments].concat();
    run(&server, "python", &python, &arguments);
}

#[test]
fn python_sync() {
    pytest(&["--client=sync", "--ignore=test_connector.py"]);
}

#[test]
fn python_async() {
    pytest(&["--client=async", "--ignore=test_connector.py"]);
}

#[test]
fn node() {
    installed(&here().join("node/node_modules/@slack/web-api"));
    let server = Server::in_memory();
    let mut files: Vec<String> = std::fs::read_dir(here().join("node"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".test.js"))
        .collect();
    files.sort_unstable();
    assert!(!files.is_empty());
    for file in files {
        run(&server, "node", Path::new("node"), &["--test", "--test-reporter=spec", &file]);
    }
}

#[test]
fn connector_recordings() {
    pytest(&["test_connector.py"]);
}
