//! Deployments, each with one message that keeps up: `deploy 1234`, and `forget 1234` to take the message away.

use std::sync::Arc;
use std::time::Duration;

use redraft_bot::{Bot, BoxError, MemoryBookStore, MessageBook, TurnContext, TurnHandler, TurnResult};

/// The bot, with its book. In earnest the book is a `SqliteBookStore`, so that any process finds the messages.
#[derive(Default)]
pub struct Deployments {
    store: Arc<MemoryBookStore>,
}

impl TurnHandler for Deployments {
    async fn on_turn(&self, context: TurnContext) -> TurnResult {
        let book = MessageBook::new(context.bot(), self.store.clone());
        let here = context.conversation_reference();
        let text = context.text();
        match text.split_once(' ') {
            Some(("deploy", number)) => {
                let key = format!("deploy-{number}");
                book.upsert(&key, &here, format!("Deployment {number} has begun.")).await?;
                let progress = context.progress("Copying").await?;
                for done in 1..=100 {
                    progress.set(done, 100);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let copied = progress.finish().await?;
                context.delete_activity(&copied).await?;
                book.upsert(&key, &here, format!("Deployment {number} is live.")).await?;
            }
            Some(("forget", number)) => {
                book.delete(&format!("deploy-{number}")).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Bot::from_env(Deployments::default())?.listen("127.0.0.1:3978").await?;
    Ok(())
}
