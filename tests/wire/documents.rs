//! The shell commands of the documents run as they are written, from a clean folder. In a page, a block ```` ```sh ```` is run,
//! ```` ```sh server ```` starts the server that the others call, and ```` ```sh elsewhere ```` needs something that is not here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Folder, Server, redraft};

/// Where pages say that the server listens. Here it is a free port, since another copy of the tests may run.
const ADDRESS: &str = "http://127.0.0.1:3000";

/// What Slack's API refuses on a page, by page. A page says so in words.
const REFUSALS: &[(&str, &[&str])] = &[("docs/start.md", &["message_not_found"])];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Run,
    Server,
    Elsewhere,
}

struct Block {
    kind: Kind,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All pages for users, relative to the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    for folder in ["docs", "docs/reference"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    pages
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let kind = match line {
            "```sh" => Kind::Run,
            "```sh server" => Kind::Server,
            "```sh elsewhere" => Kind::Elsewhere,
            other => {
                assert!(!other.starts_with("```sh"), "a block of another kind: {other}");
                continue;
            }
        };
        let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        blocks.push(Block { kind, text });
    }
    blocks
}

/// Runs a page; returns every answer that a command got.
fn play(page: &Path, blocks: &[Block]) -> String {
    let folder = Folder::new("page");
    std::fs::create_dir(folder.join("docs")).unwrap();
    std::fs::copy(root().join("docs/seed.yaml"), folder.join("docs/seed.yaml")).unwrap();
    let server = blocks.iter().find(|block| block.kind == Kind::Server).map(|block| {
        let options = block.text.trim().strip_prefix("redraft serve").expect("a server").split_whitespace();
        let mut command = redraft();
        command.current_dir(&folder.0);
        Server::launch(command, &options.collect::<Vec<_>>(), &[])
    });
    let url = server.as_ref().map_or(ADDRESS, |server| &server.url);
    let answers = folder.join("answers");
    // Every answer is kept, and one with a status of 400 or more ends the script.
    let mut script = "set -euo pipefail\n\
        curl() { command curl --silent --show-error --fail-with-body \"$@\" | tee --append \"$ANSWERS\"; echo >>\"$ANSWERS\"; }\n"
        .to_owned();
    for block in blocks.iter().filter(|block| block.kind == Kind::Run) {
        script.push_str(&block.text.replace(ADDRESS, url));
    }
    let executable = Path::new(env!("CARGO_BIN_EXE_redraft")).parent().unwrap().to_str().unwrap();
    let path = format!("{executable}:{}", std::env::var("PATH").unwrap());
    let done = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder.0)
        .env("PATH", path)
        .env("ANSWERS", &answers)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}: {done:?}", page.display());
    std::fs::read_to_string(answers).unwrap_or_default()
}

#[test]
fn every_command_runs_as_it_is_written() {
    let mut played = 0;
    for page in pages() {
        let blocks = blocks(&std::fs::read_to_string(root().join(&page)).unwrap());
        if !blocks.iter().any(|block| block.kind == Kind::Run) {
            continue;
        }
        let answers = play(&page, &blocks);
        let refused: Vec<&str> = answers
            .lines()
            .filter(|answer| answer.starts_with(r#"{"ok":false"#))
            .map(|answer| answer.split(r#""error":""#).nth(1).unwrap().split('"').next().unwrap())
            .collect();
        let expected = REFUSALS.iter().find(|(name, _)| page == Path::new(name)).map_or(&[][..], |row| row.1);
        assert_eq!(refused, expected, "{}: {answers}", page.display());
        played += 1;
    }
    assert!(2 <= played);
}

/// Links between pages lead to a file, and to a heading if they name one.
#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let whole = root().join(&target);
            assert!(whole.exists(), "{}: {link}", page.display());
            if !heading.is_empty() {
                let target = std::fs::read_to_string(whole).unwrap();
                let headings = target.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.into_iter().any(|it| it == heading), "{}: {link}", page.display());
            }
        }
    }
}

/// The name that a heading is linked by.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}
