#![allow(clippy::unwrap_used, missing_docs)]
//! All inputs that fuzzing found worth keeping, through the parsers they are for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use redraft_fuzz::TARGETS;

/// Bytes of one input: the corpus is to be read by people as well.
const INPUT_BYTES_MAX: u64 = 64 * 1024;

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|failed| panic!("{}: {failed}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_corpus_goes_through() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let known: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&corpus), known, "a folder for each target");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for input in &inputs {
            let path = folder.join(input);
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() as u64 <= INPUT_BYTES_MAX, "{} is too big", path.display());
            // Whoever sees a panic has to know of which input.
            let read = std::panic::catch_unwind(|| (target.read)(&bytes));
            assert!(read.is_ok(), "{} breaks {}", path.display(), target.name);
        }
        eprintln!("{}: {} inputs", target.name, inputs.len());
    }
}
