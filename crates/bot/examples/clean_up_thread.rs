//! Remembers the ids of what it says, changes the first into a summary, and deletes the rest: `check`, then `clean up`.

use std::sync::{Mutex, PoisonError};

use redraft_bot::{Bot, BoxError, MessageFactory, TurnContext, TurnHandler, TurnResult};

/// The bot, with the ids of what it said.
#[derive(Default)]
pub struct CleanUp {
    said: Mutex<Vec<String>>,
}

impl TurnHandler for CleanUp {
    async fn on_turn(&self, context: TurnContext) -> TurnResult {
        match context.text().as_str() {
            "check" => {
                for step in ["Disk: full", "Memory: fine", "Network: fine"] {
                    if let Some(id) = context.send_activity(step).await?.id {
                        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                    }
                }
            }
            "clean up" => {
                let mut said = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
                    .into_iter();
                if let Some(first) = said.next() {
                    let mut new_activity = MessageFactory::text("Checked: the disk is full.");
                    new_activity.id = Some(first);
                    context.update_activity(new_activity).await?;
                }
                for activity_id in said {
                    context.delete_activity(&activity_id).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Bot::from_env(CleanUp::default())?.listen("127.0.0.1:3978").await?;
    Ok(())
}
