//! The way to a Slack app.

/// How a parcel is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParcelKind {
    Events,
    Interactive,
    SlashCommand,
    /// A request for the options of a select menu.
    Options,
}

/// What an app learns of the attempts before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Retry {
    /// 1 for the second attempt.
    pub attempt: u32,
    /// Slack's word for what the last one met.
    pub reason: &'static str,
}
