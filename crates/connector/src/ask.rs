//! Asking a Teams bot something, and waiting for its answer.

use std::sync::Arc;

use redraft_model::directory::Directory;
use redraft_model::id::{ConversationId, UserId};
use redraft_model::time::Ts;
use redraft_model::workspace::App as Bot;
use redraft_service::delivery::{Answered, Connection, Unanswered};
use redraft_service::mint;
use redraft_wire::connector::inbound::Happening;
use serde_json::{Map, Value};

use crate::scene::{Scene, Where};
use crate::state::Connector;

/// Asks a bot something and waits for the answer: an `invoke`. Called once, never again.
///
/// # Errors
/// When the bot has no endpoint or no answer came in time.
pub async fn ask(
    connector: &Connector,
    directory: &Arc<Directory>,
    bot: &Arc<Bot>,
    asked: &Asked<'_>,
) -> Result<Answered, Unanswered> {
    let nothing = || Unanswered::unsent("the bot has no endpoint");
    let scene = Scene::new(connector, Arc::clone(directory), Arc::clone(bot)).ok_or_else(nothing)?;
    let conversation = directory.conversation(asked.conversation).ok_or_else(nothing)?;
    let person = directory.user(asked.by).ok_or_else(nothing)?;
    let id = format!("f:{}", mint::guid());
    let reply_to = asked.message.map(Ts::digits);
    let happening = match asked.question {
        Question::Invoke { name, value } => {
            Happening::Invoke { name, value, reply_to_id: reply_to.as_deref() }
        }
        Question::Typing => Happening::Typing,
    };
    let place = Where { conversation, root: asked.root.or(asked.message) };
    let at = connector.service.now(directory.workspace.id).0;
    let activity = scene.render(&id, at, person, &place, &happening, Map::new());
    scene.send(&activity, Connection::Fresh).await
}

/// What a bot is asked.
pub struct Asked<'a> {
    /// Where it is asked.
    pub conversation: ConversationId,
    /// The person who does what the bot is asked about.
    pub by: UserId,
    /// The message whose card it is about.
    pub message: Option<Ts>,
    /// The root of that message's thread.
    pub root: Option<Ts>,
    /// What is asked.
    pub question: Question<'a>,
}

/// A question that the bot answers, or a notice that is sent once and never repeated.
pub enum Question<'a> {
    /// By its name, which buttons of old cards may lack.
    Invoke {
        /// `name` of the activity.
        name: Option<&'a str>,
        /// `value` of the activity.
        value: &'a Value,
    },
    /// A person is typing.
    Typing,
}
