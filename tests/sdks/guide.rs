//! The examples of `docs/testing-your-bot.md`: they run, and the guide shows what runs.

use std::path::Path;
use std::process::Command;

use super::{here, installed};

/// Each file that the guide has, with what it says is in it.
fn shown() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/testing-your-bot.md");
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("\n```").collect::<Vec<_>>();
    let pairs = parts.windows(2).filter_map(|pair| {
        let name = pair[0].trim_end().lines().last()?.strip_prefix('`')?.strip_suffix("`:")?;
        let (_, content) = pair[1].split_once('\n')?;
        Some((name.to_owned(), format!("{content}\n")))
    });
    pairs.collect()
}

#[test]
fn the_guide_shows_what_runs() {
    let (folder, rust) = (here().join("bolt/guide"), here().join("../wire/guide"));
    let shown = shown();
    let mut names: Vec<String> = shown.iter().map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "bot.js",
            "bot.py",
            "poll.rs",
            "poll.test.js",
            "redraft.js",
            "redraft.py",
            "seed.yaml",
            "test_poll.py",
            "test_poll.rs"
        ]
    );
    for (name, content) in shown {
        let folder = if name.ends_with(".rs") { &rust } else { &folder };
        let file = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert_eq!(content, file, "{name} in the guide is not the file that runs");
    }
}

/// Runs a tool as the guide says, with nothing of this environment but where the server is.
fn run(tool: &Path, arguments: &[&str]) {
    let mut command = Command::new(tool);
    let names = std::env::vars().map(|(name, _)| name);
    for name in names.filter(|it| it.starts_with("REDRAFT_") || it.to_ascii_lowercase().ends_with("_proxy")) {
        command.env_remove(name);
    }
    command.current_dir(here().join("bolt/guide")).args(arguments);
    command.env("REDRAFT", env!("CARGO_BIN_EXE_redraft")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    assert!(output.status.success(), "{} {}:\n{said}", tool.display(), arguments.join(" "));
    assert!(said.contains("3 passed") || said.contains("pass 3"), "{said}");
}

#[test]
fn pytest_as_in_the_guide() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdks/venv/bin/python");
    installed(&python);
    run(&python, &["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
}

#[test]
fn node_test_as_in_the_guide() {
    installed(&here().join("bolt/node_modules/@slack/bolt"));
    run(Path::new("node"), &["--test"]);
}
