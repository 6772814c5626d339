//! Which file of a crate uses which, read from its paths, and that no files use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::{files, root};

/// The crates, by the folder of their sources.
const CRATES: [&str; 12] = [
    "crates/model/src",
    "crates/wire/src",
    "crates/store/src",
    "crates/service/src",
    "crates/slack/src",
    "crates/connector/src",
    "crates/server/src",
    "crates/bot/src",
    "crates/test/src",
    "src",
    "bench/src",
    "fuzz/src",
];

/// Circles that stay, by one of their files, and why.
const KNOWN: &[(&str, &str)] = &[
    (
        "crates/model/src/command.rs",
        "the model's own vocabulary: a command has the arguments of every verb, a decision the refusals, each in the verb's file",
    ),
    ("crates/store/src/contract.rs", "the suite that calls its parts, which share its helpers; tests only"),
    ("crates/store/src/fault.rs", "a plan of faults and the file system that follows it; tests only"),
    (
        "crates/store/src/sqlite/engine.rs",
        "the engine, what it is opened and erased with, and the rows that all of them read",
    ),
    ("crates/service/src/service.rs", "the ground holds the way to the apps, whose workers need the ground"),
    (
        "crates/bot/src/bot.rs",
        "the SDK's public types: an adapter hands turns to the bot, which answers through the adapter",
    ),
    ("crates/bot/src/activity.rs", "an activity, and what makes an answer to one"),
    ("crates/bot/src/book/held.rs", "a book, its records, and what is held of them"),
    (
        "crates/test/src/redraft.rs",
        "handles that lead to each other: a person writes in a channel, which finds messages",
    ),
];

/// A module's path from the crate's root, which is empty.
type Module = Vec<String>;

/// The modules of a crate, by path.
struct Crate {
    modules: BTreeMap<Module, Source>,
}

/// A file without its comments and tests.
struct Source {
    file: String,
    text: String,
    uses: Vec<Use>,
}

/// A name that a file has from elsewhere.
struct Use {
    name: String,
    /// The whole path.
    path: Module,
    /// A re-export is an address under which others find something, and no use of it.
    exported: bool,
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut found = Vec::new();
    for folder in CRATES {
        let read = Crate::read(folder);
        assert!(1 < read.modules.len(), "{folder} has modules");
        found.extend(circles(&read.arrows()));
    }
    let mut known: Vec<&str> = KNOWN.iter().map(|(file, _)| *file).collect();
    for circle in found {
        let place = known.iter().position(|file| circle.iter().any(|it| it == file));
        let place = place.unwrap_or_else(|| panic!("these files use each other in a circle: {circle:#?}"));
        known.remove(place);
    }
    assert_eq!(known, Vec::<&str>::new(), "these are in no circle any more");
}

impl Crate {
    fn read(folder: &str) -> Self {
        let mut modules = BTreeMap::new();
        for path in files(folder) {
            let within = path.strip_prefix(root().join(folder)).unwrap();
            let is_test = |part: &Path| part.ends_with("tests");
            if is_test(&within.with_extension(""))
                || within.ancestors().any(is_test)
                || within.display().to_string().ends_with("_tests.rs")
            {
                continue;
            }
            let text = code(&fs::read_to_string(&path).unwrap());
            let file = path.strip_prefix(root()).unwrap().display().to_string();
            modules.insert(module(within), Source { file, text, uses: Vec::new() });
        }
        let mut read = Self { modules };
        for at in read.modules.keys().cloned().collect::<Vec<_>>() {
            let uses = read.uses(&at);
            if let Some(source) = read.modules.get_mut(&at) {
                source.uses = uses;
            }
        }
        read
    }

    /// What a module names by `use`, as paths from the root of the crate. Other crates are left out.
    fn uses(&self, at: &Module) -> Vec<Use> {
        let mut all = Vec::new();
        for (statement, exported) in statements(&self.modules[at].text).0 {
            for path in expanded(&statement) {
                let (path, name) = match path.split_once(" as ") {
                    Some((path, name)) => (path, name),
                    None => (path.as_str(), path.rsplit("::").next().unwrap_or_default()),
                };
                let path = self.absolute(at, &path.split("::").collect::<Vec<_>>());
                all.extend(path.map(|path| Use { name: name.to_owned(), path, exported }));
            }
        }
        all
    }

    /// A path from the crate's root; `None` of one into another crate.
    fn absolute(&self, at: &Module, segments: &[&str]) -> Option<Module> {
        let owned = |rest: &[&str]| rest.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        match segments {
            ["crate", rest @ ..] => Some(owned(rest)),
            ["self", rest @ ..] => Some([at.clone(), owned(rest)].concat()),
            ["super", ..] => {
                let ups = segments.iter().take_while(|it| **it == "super").count();
                let base = at.len().checked_sub(ups)?;
                Some([at[..base].to_vec(), owned(&segments[ups..])].concat())
            }
            [child, ..] => {
                let path = [at.clone(), owned(segments)].concat();
                let below = [at.clone(), vec![(*child).to_owned()]].concat();
                self.modules.contains_key(&below).then_some(path)
            }
            [] => None,
        }
    }

    /// The file that defines what a path names, through the names that modules on the way have from elsewhere.
    fn defining(&self, path: &Module, depth: usize) -> Option<&str> {
        let length = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        let source = &self.modules[&path[..length]];
        let next = path.get(length);
        let from_elsewhere = source.uses.iter().find(|it| Some(&it.name) == next);
        match from_elsewhere {
            Some(it) if depth < 8 => {
                let path = [it.path.clone(), path[length + 1..].to_vec()].concat();
                self.defining(&path, depth + 1).or(Some(&source.file))
            }
            _ => Some(&source.file),
        }
    }

    /// Which file uses which.
    fn arrows(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut arrows = BTreeMap::new();
        for (at, source) in &self.modules {
            let inline = paths(&statements(&source.text).1);
            let inline =
                inline.iter().filter_map(|path| self.absolute(at, &path.split("::").collect::<Vec<_>>()));
            let used = source.uses.iter().filter(|it| !it.exported).map(|it| it.path.clone()).chain(inline);
            let mut targets: BTreeSet<String> =
                used.filter_map(|path| self.defining(&path, 0).map(str::to_owned)).collect();
            targets.remove(&source.file);
            arrows.insert(source.file.clone(), targets);
        }
        arrows
    }
}

/// The module that a file below `src` is.
fn module(within: &Path) -> Module {
    let text = within.with_extension("").display().to_string();
    let mut parts: Module = text.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("lib" | "main" | "mod")) {
        parts.pop();
    }
    parts
}

/// A file's text without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The `use` statements of a file, each with whether it exports, and the code without them.
fn statements(code: &str) -> (Vec<(String, bool)>, String) {
    let (mut found, mut rest) = (Vec::new(), String::new());
    let mut open: Option<(String, bool)> = None;
    for line in code.lines() {
        let begun = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().find_map(|word| {
            line.trim_start().strip_prefix(word).map(|tree| (tree, word.starts_with("pub")))
        });
        match (&mut open, begun) {
            (None, Some((tree, exported))) => open = Some((tree.to_owned(), exported)),
            (None, None) => rest.push_str(&format!("{line}\n")),
            (Some((tree, _)), _) => tree.push_str(line.trim()),
        }
        if open.as_ref().is_some_and(|(tree, _)| tree.ends_with(';')) {
            found.extend(
                open.take().map(|(tree, exported)| (tree.trim_end_matches(';').to_owned(), exported)),
            );
        }
    }
    (found, rest)
}

/// The paths of a `use`, its groups opened.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (place, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(expanded).map(|part| format!("{head}{part}").replace("::self", "")).collect()
}

/// Paths in code: words joined by `::`.
fn paths(text: &str) -> BTreeSet<String> {
    let word = |char: char| char.is_alphanumeric() || char == '_';
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let end = rest[start..].find(|char| !word(char) && char != ':').map_or(rest.len(), |end| start + end);
        let path = rest[start..end].trim_end_matches(':');
        let continues = rest[..start].ends_with("::") || rest[..start].ends_with('.');
        if !continues && path.contains("::") {
            found.insert(path.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

/// The groups of files of which each leads to each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|file| (file, reached_from(arrows, file))).collect();
    let mut left: BTreeSet<&String> = arrows.keys().collect();
    let mut found = Vec::new();
    while let Some(file) = left.pop_first() {
        let circle: Vec<&String> = left
            .iter()
            .copied()
            .filter(|it| reached[file].contains(it) && reached[it].contains(file))
            .collect();
        if circle.is_empty() {
            continue;
        }
        left.retain(|it| !circle.contains(it));
        found.push(std::iter::once(file).chain(circle).cloned().collect());
    }
    found
}

fn reached_from<'a>(arrows: &'a BTreeMap<String, BTreeSet<String>>, from: &String) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&String> = arrows[from].iter().collect();
    while let Some(file) = open.pop() {
        if seen.insert(file) {
            open.extend(arrows.get(file).into_iter().flatten());
        }
    }
    seen
}

/// That it is seen: groups, aliases, re-exports and paths in code.
#[test]
fn circles_are_seen() {
    for (statement, paths) in [
        ("crate::a::{b, c::{self, D}}", &["crate::a::b", "crate::a::c", "crate::a::c::D"][..]),
        ("super::x", &["super::x"]),
    ] {
        assert_eq!(expanded(statement), paths);
    }
    let found = paths("let a = super::b::c(); d.e(); crate::F::new()");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["crate::F::new", "super::b::c"]);
    let arrow = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let arrows = BTreeMap::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")]);
    assert_eq!(circles(&arrows), [["b", "c"]]);
}
