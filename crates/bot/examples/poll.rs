//! A poll with a button for each answer: `poll Lunch? | Soup | Salad`.

use std::collections::HashMap;

use redraft_bot::{
    Bot, BoxError, Button, Content, InvokeResponse, LiveMessage, TurnContext, TurnHandler, TurnResult,
};
use tokio::sync::Mutex;

/// A question, its answers, and who chose which.
struct Poll {
    question: String,
    answers: Vec<String>,
    votes: HashMap<String, String>,
}

impl Poll {
    fn content(&self) -> Content {
        let count = |answer| self.votes.values().filter(|vote| *vote == answer).count();
        let lines: Vec<String> = self.answers.iter().map(|it| format!("{it}: {}", count(it))).collect();
        Content::text(format!("**{}**\n\n{}", self.question, lines.join("\n\n")))
            .buttons(self.answers.iter().map(|answer| Button::new(answer, "vote").value(answer)))
    }
}

/// The bot, with its polls by the ids of their messages. Votes that come at once are shown in the order in which they took the lock.
#[derive(Default)]
pub struct Polls(Mutex<HashMap<String, (Poll, LiveMessage)>>);

impl TurnHandler for Polls {
    async fn on_turn(&self, context: TurnContext) -> TurnResult {
        if let Some(action) = context.activity().action() {
            let voter = context.activity().from.as_ref().and_then(|from| from.id.clone()).unwrap_or_default();
            let id = action.message_id.clone().unwrap_or_default();
            if let Some((poll, message)) = self.0.lock().await.get_mut(&id) {
                poll.votes.insert(voter, action.value().to_owned());
                message.set(poll.content());
            }
            context.respond(InvokeResponse::notice("Your vote is counted."));
        } else if let Some(words) = context.text().strip_prefix("poll ") {
            let mut words = words.split('|').map(|word| word.trim().to_owned());
            let question = words.next().unwrap_or_default();
            let poll = Poll { question, answers: words.collect(), votes: HashMap::new() };
            // Held while it is posted, so that the first vote finds the poll.
            let mut polls = self.0.lock().await;
            let message = context.live(poll.content()).await?;
            let id = message.reference().activity_id.clone().unwrap_or_default();
            polls.insert(id, (poll, message));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Bot::from_env(Polls::default())?.listen("127.0.0.1:3978").await?;
    Ok(())
}
