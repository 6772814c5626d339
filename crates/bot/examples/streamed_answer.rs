//! Answers word by word, as a language model does: by the platform's own streams, or by edits where it has none.

use std::time::Duration;

use redraft_bot::{ActivityType, Bot, BoxError, TurnContext, TurnResult};

/// One turn of the bot.
pub async fn on_turn(context: TurnContext) -> TurnResult {
    if !context.activity().is(&ActivityType::Message) {
        return Ok(());
    }
    let answer = context.stream().await?;
    for word in format!("You asked: {} That is a good question.", context.text()).split_inclusive(' ') {
        // The message was deleted, or a person stopped the answer.
        if answer.is_closed() {
            break;
        }
        answer.push(word);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    answer.finish().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Bot::from_env(on_turn)?.listen("127.0.0.1:3978").await?;
    Ok(())
}
