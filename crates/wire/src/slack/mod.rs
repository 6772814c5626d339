//! The Slack Web API: objects, text, and what a message may contain.

pub mod answers;
pub mod attachments;
pub mod blocks;
pub mod choice;
pub mod elements;
pub mod errors;
pub mod files;
pub(crate) mod inline;
pub mod json;
pub mod legacy;
pub mod markdown;
pub mod metadata;
pub mod objects;
pub mod rich_text;
pub mod stream;
pub mod text;
pub mod view;

/// Content that a method refuses: the Slack error code and the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The value of `error` in the answer, e.g. `invalid_blocks`.
    pub code: &'static str,
    /// Bare reasons, without the `[ERROR] ` prefix; empty when the code says it all.
    pub messages: Vec<String>,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, messages: vec![message.into()] }
    }
}
