//! `docs/COVERAGE.md`, read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the document says.
pub struct Coverage {
    /// Names in the first column, by the section's heading.
    pub methods: BTreeMap<String, BTreeSet<String>>,
    /// Method and code of what cannot occur.
    pub impossible: BTreeSet<(String, String)>,
    tests: BTreeSet<String>,
}

impl Coverage {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(root().join("docs/COVERAGE.md")).unwrap();
        let mut coverage =
            Self { methods: BTreeMap::new(), impossible: BTreeSet::new(), tests: BTreeSet::new() };
        let mut section = String::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix('#') {
                section = heading.trim_matches(['#', ' ', '`']).to_owned();
                coverage.methods.entry(section.clone()).or_default();
            }
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            if !line.starts_with('|') || cells.len() < 3 || cells[0].starts_with("--") {
                continue;
            }
            let ticked =
                |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            if section == "Codes that cannot occur" {
                let methods =
                    if cells[0].contains('`') { ticked(cells[0]) } else { vec![cells[0].to_owned()] };
                for method in methods {
                    let codes = ticked(cells[1]).into_iter().map(|code| (method.clone(), code));
                    coverage.impossible.extend(codes);
                }
                continue;
            }
            coverage.methods.entry(section.clone()).or_default().extend(ticked(cells[0]));
            coverage.tests.extend(ticked(cells[cells.len() - 1]));
        }
        coverage
    }

    /// Whether the document explains why this cannot occur.
    pub fn cannot_occur(&self, method: &str, code: &str) -> bool {
        self.impossible.contains(&(method.to_owned(), code.to_owned()))
    }

    /// Whether a method's table has this argument.
    pub fn has(&self, method: &str, argument: &str) -> bool {
        self.methods.get(method).is_some_and(|names| names.contains(argument))
    }

    /// Tests that the document names and that are not there.
    pub fn missing_tests(&self) -> Vec<String> {
        let missing = self.tests.iter().filter(|test| !Self::exists(test));
        missing.map(|test| format!("{test}: named in COVERAGE.md, but there is no such test")).collect()
    }

    /// Whether there is a test of this name: `module::test` here, `sdks: module::test` beside, or
    /// `redraft-crate: path::test` in a crate.
    pub fn exists(test: &str) -> bool {
        let (folders, name) = match test.split_once(": ") {
            Some(("sdks", name)) => (vec![root().join("tests/sdks")], name),
            Some(("redraft-fuzz", name)) => (vec![root().join("fuzz")], name),
            Some((package, name)) => {
                let short = package.trim_start_matches("redraft-");
                (vec![root().join("crates").join(short)], name)
            }
            None => (vec![root().join("tests/wire")], test),
        };
        let (path, function) = name.rsplit_once("::").unwrap_or(("", name));
        let module = path.trim_end_matches("::tests").rsplit("::").next().unwrap_or_default();
        let wanted = format!("fn {function}(");
        folders.iter().any(|folder| {
            sources(folder).iter().any(|file| {
                let named = file.file_stem().is_some_and(|stem| stem == module);
                let folder = file.file_stem().is_some_and(|stem| stem == "mod" || stem == "tests");
                let folder = folder && file.parent().is_some_and(|parent| parent.ends_with(module));
                (named || folder) && std::fs::read_to_string(file).unwrap().contains(&wanted)
            })
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder.
pub fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}
