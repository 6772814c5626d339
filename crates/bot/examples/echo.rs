//! Says what it hears. See `docs/writing-a-bot.md` for the environment.

use redraft_bot::{ActivityType, Bot, BoxError, TurnContext, TurnResult};

/// One turn of the bot.
pub async fn on_turn(context: TurnContext) -> TurnResult {
    if context.activity().is(&ActivityType::Message) {
        context.send_activity(format!("You said: {}", context.text())).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Bot::from_env(on_turn)?.listen("127.0.0.1:3978").await?;
    Ok(())
}
