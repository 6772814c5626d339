//! Every parser of Redraft that reads what comes from outside, each under a name, as a function of bytes that must neither
//! panic nor take more time or memory than its input is worth.
//!
//! `fuzz/run NAME SECONDS` has a fuzzer look for bytes that break one, `tests/corpus.rs` replays all that were found worth
//! keeping. What a target asserts besides not panicking is said at the target.
#![allow(clippy::unwrap_used, reason = "a panic is how a target says that something is wrong")]

mod teams;
mod words;

/// A parser.
pub struct Target {
    /// Its name, and that of its folder in `corpus`.
    pub name: &'static str,
    /// Reads bytes from outside.
    pub read: fn(&[u8]),
}

const fn target(name: &'static str, read: fn(&[u8])) -> Target {
    Target { name, read }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("activity", teams::activity),
    target("attachments", words::attachments),
    target("blocks", words::blocks),
    target("card", teams::card),
    target("card-answers", teams::card_answers),
    target("markdown", words::markdown),
    target("metadata", words::metadata),
    target("mrkdwn", words::mrkdwn),
    target("teams-html", teams::html),
];

/// The target of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
