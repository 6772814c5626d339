//! The fuzzer: libFuzzer with the target that the environment names.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redraft_fuzz::{TARGETS, Target, named};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("REDRAFT_FUZZ").unwrap_or_default();
    named(&name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        panic!("REDRAFT_FUZZ names no target: it is one of {}", names.join(", "))
    })
});

fuzz_target!(|data: &[u8]| (TARGET.read)(data));
