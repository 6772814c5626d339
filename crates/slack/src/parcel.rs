//! What is sent to an app, before it is packed for HTTP or a socket.

use redraft_service::delivery::Turn;

/// Something for an app.
pub(crate) struct Parcel<'a> {
    pub kind: ParcelKind,
    /// Where it goes over HTTP, from the app's registration.
    pub url: Option<&'a str>,
    /// JSON; of a command the object of its form's fields, which are strings.
    pub payload: String,
    /// Of an event that was tried before.
    pub retry: Option<Retry>,
    /// Of an event its conversation's turn. It ends when a socket has the event, or the app has answered over HTTP.
    pub turn: Option<Turn>,
}

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
