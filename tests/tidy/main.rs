//! House rules that a machine can hold: which part may know which.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

mod circles;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has Rust files");
    found
}

/// The crates that answer requests, and the executable.
const SERVER: [&str; 5] =
    ["crates/service/src", "crates/slack/src", "crates/connector/src", "crates/server/src", "src"];

/// No file below `folder` holds any of these words outside comments.
fn absent(folder: &str, words: &[&str]) {
    for path in files(folder) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                panic!("{}:{}: {word} has no place here: {line}", path.display(), number + 1);
            }
        }
    }
}

/// The packages of this workspace and others that a manifest's `[dependencies]` names.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_model_depends_on_nothing() {
    assert_eq!(dependencies("crates/model/Cargo.toml"), Vec::<String>::new());
    absent(
        "crates/model/src",
        &["std::fs", "std::net", "std::time", "SystemTime", "Instant", "std::thread", "async "],
    );
}

#[test]
fn crates_point_one_way() {
    for (manifest, forbidden) in [
        (
            "crates/wire/Cargo.toml",
            &["redraft-model", "redraft-store", "redraft-server", "axum", "tokio"][..],
        ),
        ("crates/store/Cargo.toml", &["redraft-wire", "redraft-server", "axum", "serde", "serde_json"]),
        (
            "crates/service/Cargo.toml",
            &["redraft-slack", "redraft-connector", "redraft-server", "rusqlite", "clap"],
        ),
        ("crates/slack/Cargo.toml", &["redraft-connector", "redraft-server", "rusqlite", "clap"]),
        ("crates/connector/Cargo.toml", &["redraft-slack", "redraft-server", "rusqlite", "clap"]),
        ("crates/server/Cargo.toml", &["rusqlite", "clap"]),
        (
            "crates/bot/Cargo.toml",
            &["redraft-model", "redraft-wire", "redraft-store", "redraft-server", "axum", "aws-lc-rs"],
        ),
        // It stands on the control API alone; the server is there with the feature `embedded`.
        (
            "crates/test/Cargo.toml",
            &["redraft-model", "redraft-wire", "redraft-store", "redraft-bot", "rustls"],
        ),
    ] {
        let found = dependencies(manifest);
        for name in forbidden {
            assert!(!found.iter().any(|dependency| dependency == name), "{manifest} names {name}");
        }
    }
}

/// The ground names no dialect, and no dialect names another or what is above both. The manifests say the same to the
/// compiler; this also finds what a test or a feature would let in.
#[test]
fn dialects_are_not_named_below_or_beside() {
    let (slack, connector, above) = ("redraft_slack", "redraft_connector", "redraft_server");
    absent("crates/service/src", &[slack, connector, above]);
    absent("crates/slack/src", &[connector, above]);
    absent("crates/connector/src", &[slack, above]);
    absent("crates/wire/src/slack", &["crate::connector"]);
    absent("crates/wire/src/connector", &["crate::slack"]);
}

/// The code map of `docs/ARCHITECTURE.md` names every file of every crate, or a folder that it is in.
#[test]
fn the_code_map_names_every_file() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let map = text.split_once("## Code map").unwrap().1.split_once("## Invariants").unwrap().0;
    let mut unnamed = Vec::new();
    for section in map.split("\n### `crates/").skip(1) {
        let (name, section) = section.split_once('`').unwrap();
        let folder = format!("crates/{name}/src");
        let named: Vec<&str> = section.split('`').collect();
        for path in files(&folder) {
            let path = path.strip_prefix(root().join(&folder)).unwrap().display().to_string();
            let file = path.rsplit('/').next().unwrap();
            let is_head = ["lib.rs", "mod.rs"].contains(&file)
                || file.ends_with("tests.rs")
                || path.contains("/tests/");
            let is_named =
                named.iter().any(|it| it.ends_with(file) && format!("/{path}").ends_with(&format!("/{it}")));
            let is_within =
                named.iter().any(|it| it.ends_with('/') && format!("/{path}").contains(&format!("/{it}")));
            if !is_head && !is_named && !is_within {
                unnamed.push(format!("{folder}/{path}"));
            }
        }
    }
    assert!(map.matches("\n### `crates/").count() == 9, "each crate has its section");
    assert_eq!(unnamed, Vec::<String>::new());
}

/// Every test that `docs/ARCHITECTURE.md` says an invariant is held by is there: `module::test`.
#[test]
fn tests_that_hold_invariants_are_there() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let invariants = text.split_once("## Invariants").unwrap().1.split_once("\n## ").unwrap().0;
    let all: Vec<PathBuf> = ["tests", "crates"].into_iter().flat_map(files).collect();
    let mut named = 0;
    for line in invariants.lines().filter_map(|line| line.trim().strip_prefix("Held by ")) {
        for test in line.split('`').skip(1).step_by(2) {
            let (module, function) = test.split_once("::").unwrap();
            let wanted = format!("fn {function}(");
            let is_there = all.iter().any(|path| {
                let place = path.with_extension("").display().to_string();
                let is_module =
                    place.ends_with(&format!("/{module}")) || place.contains(&format!("/{module}/"));
                is_module && fs::read_to_string(path).unwrap().contains(&wanted)
            });
            assert!(is_there, "there is no test {test}");
            named += 1;
        }
    }
    assert!(25 < named, "{named}");
}

#[test]
fn sql_stays_in_the_store() {
    for folder in ["crates/model/src", "crates/wire/src"].into_iter().chain(SERVER) {
        absent(folder, &["SELECT ", "INSERT INTO", "DELETE FROM", "PRAGMA ", "rusqlite"]);
    }
}

/// Only one file calls `submit` of the store: the way to it is one.
#[test]
fn the_store_is_asked_in_one_place() {
    let callers: Vec<PathBuf> = SERVER
        .into_iter()
        .flat_map(files)
        .filter(|path| fs::read_to_string(path).unwrap().contains("store.submit("))
        .collect();
    assert_eq!(callers, [root().join("crates/service/src/service.rs")]);
}

#[test]
fn unsafe_code_is_in_the_fault_wrapper_only() {
    for folder in
        ["crates/model/src", "crates/wire/src", "crates/store/src/sqlite", "crates/test/src", "bench/src"]
            .into_iter()
            .chain(SERVER)
    {
        absent(folder, &["unsafe ", "allow(unsafe_code"]);
    }
}

/// Every metric has its row in the table for operators, and every row its metric.
#[test]
fn metrics_are_documented() {
    let names = |text: &str, quote: char| -> Vec<String> {
        let start = format!("{quote}redraft_");
        let parts = text.split(start.as_str()).skip(1);
        let name = |part: &str| {
            part.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect::<String>()
        };
        parts.map(name).filter(|name| !name.is_empty()).map(|name| format!("redraft_{name}")).collect()
    };
    let mut used = std::collections::BTreeSet::new();
    for path in SERVER.into_iter().chain(["crates/store/src"]).flat_map(files) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| {
            ["counter!(", "gauge!(", "histogram!(", "# TYPE "].iter().any(|macros| line.contains(macros))
        });
        for line in lines {
            used.extend(names(line, '"').into_iter().chain(names(line, ' ')));
        }
    }
    let document = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `redraft_"));
    let documented = rows.flat_map(|row| names(row.split('|').nth(1).unwrap(), '`')).collect();
    assert_eq!(used, documented);
    assert!(15 < used.len());
}

#[test]
fn tests_neither_sleep_nor_hide() {
    let here = Path::new(file!());
    for folder in ["tests", "crates/model/tests", "crates/store/tests"] {
        for path in files(folder).into_iter().filter(|path| !path.ends_with(here)) {
            let text = fs::read_to_string(&path).unwrap();
            for word in ["thread::sleep", "time::sleep", "#[ignore"] {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

/// Documentation of the libraries uses one plain word for a thing: deliver, receive, store, retain, delete, expire, schedule.
#[test]
fn libraries_are_documented_in_plain_words() {
    let vague = ["told", "hears", "heard", "stands", "gone", "kept", "due"];
    for folder in ["crates/bot/src", "crates/test/src"] {
        for path in files(folder) {
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate() {
                let line = line.trim_start();
                if !line.starts_with("///") && !line.starts_with("//!") {
                    continue;
                }
                let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let word = words.find(|word| vague.contains(&word.to_lowercase().as_str()));
                assert_eq!(word, None, "{}:{}: {line}", path.display(), number + 1);
            }
        }
    }
}

/// The value of `name = "…"` in the workspace's manifest.
fn of_workspace(name: &str) -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{name} = \""))).unwrap();
    line.trim_end_matches('"').to_owned()
}

/// Documents promise the oldest Rust that the manifest promises, and `./test` reads it from there.
#[test]
fn documents_name_the_oldest_rust_of_the_manifest() {
    let oldest = of_workspace("rust-version");
    let documents = ["README.md", "CONTRIBUTING.md", "docs/writing-a-bot.md", "crates/bot/README.md"];
    for document in documents.into_iter().chain(["crates/test/README.md"]) {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let named: Vec<&str> =
            text.split("Rust 1.").skip(1).map(|rest| rest.split(' ').next().unwrap()).collect();
        assert!(!named.is_empty(), "{document} names no version of Rust");
        for minor in named {
            assert_eq!(format!("1.{}", minor.trim_end_matches([',', '.', ':', ';'])), oldest, "{document}");
        }
    }
    let test = fs::read_to_string(root().join("test")).unwrap();
    assert!(test.contains("^rust-version") && !test.contains(&oldest));
}

/// Whoever publishes the libraries publishes what they depend on: each dependency in this workspace has the version of all.
#[test]
fn dependencies_in_the_workspace_carry_its_version() {
    let version = format!("version = \"{}\"", of_workspace("version"));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let inside: Vec<&str> = manifest.lines().filter(|line| line.contains("path = \"crates/")).collect();
    assert!(inside.len() >= 6);
    for line in inside {
        assert!(line.contains(&version), "{line}");
    }
}

#[test]
fn lockfiles_hold_no_addresses() {
    for folder in ["node", "teams", "bolt", "chat"] {
        let lockfile = format!("{folder}/package-lock.json");
        let npm = fs::read_to_string(root().join("tests/sdks").join(&lockfile)).unwrap();
        assert!(!npm.contains("\"resolved\": \"http"), "{lockfile}");
    }
    for lockfile in ["python/requirements.txt", "teams/requirements.txt", "openapi/requirements.txt"] {
        let pip = fs::read_to_string(root().join("tests/sdks").join(lockfile)).unwrap();
        assert!(!pip.contains("://"), "{lockfile}");
    }
    let cargo = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    assert!(cargo.lines().filter(|line| line.starts_with("source")).all(|line| line.contains(registry)));
}

/// A message or a file that somebody names is looked up for that reader. Reading them without one is left to what writes
/// events down for those who may hear them, and to the control token, which sees everything.
#[test]
fn things_are_looked_up_for_a_reader() {
    let reads = ["store.message(", "store.gone(", "ItemKey::File("];
    let mut readers: Vec<String> = SERVER
        .into_iter()
        .flat_map(files)
        .filter(|path| reads.iter().any(|read| fs::read_to_string(path).unwrap().contains(read)))
        .map(|path| path.strip_prefix(root().join("crates")).unwrap().display().to_string())
        .collect();
    readers.sort();
    assert_eq!(
        readers,
        [
            "connector/src/scene.rs",
            "server/src/control/log.rs",
            "service/src/sight.rs",
            "slack/src/events.rs",
            "slack/src/file_objects.rs",
            "slack/src/files.rs",
            "slack/src/payload.rs"
        ]
    );
}
