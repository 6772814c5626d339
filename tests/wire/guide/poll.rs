//! The bot under test: a poll with buttons.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use redraft_bot::{ActivityType, Bot, Button, Content, SlackAdapter, TurnContext, TurnResult};

#[derive(Clone)]
struct Poll {
    question: String,
    votes: BTreeMap<String, BTreeSet<String>>,
}

/// Polls by the id of their message.
type Polls = Arc<Mutex<HashMap<String, Poll>>>;

impl Poll {
    fn ask(words: &str) -> Self {
        let mut parts = words.split('|').map(|part| part.trim().to_owned());
        let question = parts.next().unwrap_or_default();
        Self { question, votes: parts.map(|answer| (answer, BTreeSet::new())).collect() }
    }

    fn summary(&self) -> String {
        let counts = self.votes.iter().map(|(answer, voters)| format!(" {answer}: {}", voters.len()));
        format!("{}{}", self.question, counts.collect::<String>())
    }

    fn shown(&self) -> Content {
        let answers = self.votes.keys().map(|answer| Button::new(answer, "vote").value(answer));
        Content::text(self.summary()).buttons(answers).button(Button::new("Close", "close"))
    }
}

pub fn bot(platform: SlackAdapter) -> Bot {
    let polls = Polls::default();
    Bot::new(move |context| on_turn(Arc::clone(&polls), context)).with_adapter(platform)
}

async fn on_turn(polls: Polls, context: TurnContext) -> TurnResult {
    let activity = context.activity();
    if activity.is(&ActivityType::Command) {
        let poll = Poll::ask(activity.text.as_deref().unwrap_or_default());
        let sent = context.send_activity(poll.shown().to_activity("slack")).await?;
        polls.lock().unwrap().extend(sent.id.map(|id| (id, poll)));
    } else if let Some(action) = activity.action() {
        let voter = activity.from.as_ref().and_then(|from| from.id.clone()).unwrap_or_default();
        let id = action.message_id.clone().unwrap_or_default();
        let content = {
            let mut polls = polls.lock().unwrap();
            let Some(poll) = polls.get_mut(&id) else { return Ok(()) };
            match action.verb.as_str() {
                "close" => Content::text(format!("{} (closed)", poll.summary())),
                _ => {
                    poll.votes.entry(action.value().to_owned()).or_default().insert(voter);
                    poll.shown()
                }
            }
        };
        context.update_activity(content.to_activity("slack").with_id(id)).await?;
    }
    Ok(())
}
