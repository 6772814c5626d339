//! Who does what, where, and which app is told.

use std::sync::Arc;

use redraft_model::directory::Directory;
use redraft_model::item::Views;
use redraft_model::workspace::{App as Bot, Conversation, User};
use redraft_store::Stored;
use serde_json::{Map, Value};

use crate::state::Slack;

/// A person who does something, and the app that is told.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Slack's side of the server.
    pub slack: &'a Slack,
    /// The workspace, as of the last commit.
    pub directory: &'a Arc<Directory>,
    /// Who does it.
    pub user: &'a Arc<User>,
    /// The app that is told.
    pub bot: &'a Arc<Bot>,
}

/// A message on which something is done.
#[derive(Clone, Copy)]
pub struct OnMessage<'a> {
    /// Where the message is.
    pub conversation: &'a Conversation,
    /// The message with its content, as the person sees it.
    pub stored: &'a Stored,
}

/// A modal in which something is done, and what the person has put in.
#[derive(Clone, Copy)]
pub struct InView<'a> {
    /// The person's open modals.
    pub views: &'a Views,
    /// Which of them, counted from the lowest.
    pub place: usize,
    /// What the person has put in, as `view.state.values` has it.
    pub values: &'a Map<String, Value>,
}
