//! Every parser of Redraft that reads what comes from outside, each under a name, as a function of bytes that must neither
//! panic nor take more time or memory than its input is worth.
//!
//! `fuzz/run NAME SECONDS` has a fuzzer look for bytes that break one, `tests/corpus.rs` replays all that were found worth
//! keeping. What a target asserts besides not panicking is said at the target.
#![allow(clippy::unwrap_used, reason = "a panic is how a target says that something is wrong")]

mod declared;
mod requests;
mod teams;
mod views;
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
    target("acknowledgements", views::acknowledgements),
    target("activity", teams::activity),
    target("arguments", requests::arguments),
    target("attachments", words::attachments),
    target("blocks", words::blocks),
    target("calls", requests::calls),
    target("card", teams::card),
    target("card-answers", teams::card_answers),
    target("choices", views::choices),
    target("chunks", words::chunks),
    target("connector", requests::connector),
    target("form", requests::form),
    target("manifest", declared::manifest),
    target("markdown", words::markdown),
    target("metadata", words::metadata),
    target("mrkdwn", words::mrkdwn),
    target("multipart", requests::multipart),
    target("seed", declared::seed),
    target("teams-html", teams::html),
    target("tokens", requests::tokens),
    target("view", views::view),
    target("view-answers", views::answers),
    target("webhook", requests::webhook),
];

/// The target of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
