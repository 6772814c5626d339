//! What each dialect says to delivery: what an app hears, how it is told, and when that is tried again.

use std::sync::Arc;

use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::workspace::App as Bot;

use super::lanes::Attempt;
use super::{Failure, Key, Schedule};
use crate::app::App;
use crate::connector;

/// The parts of an event that an app may have to be told of.
pub(super) fn may_hear(directory: &Directory, bot: &Bot, event: &Event) -> Vec<u8> {
    match bot.dialect {
        Dialect::Slack => Vec::new(),
        Dialect::Connector if connector::hears::may_hear(directory, bot, event) => vec![0],
        Dialect::Connector => Vec::new(),
    }
}

/// One attempt.
pub(super) async fn tell(app: Arc<App>, (workspace, id): Key, attempt: Attempt) -> Result<(), Failure> {
    connector::hears::tell(&app, workspace, id, attempt.part.0).await
}

pub(super) fn schedule(dialect: Dialect) -> &'static Schedule {
    match dialect {
        Dialect::Slack | Dialect::Connector => &connector::hears::SCHEDULE,
    }
}
