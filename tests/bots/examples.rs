//! Each example, one source, on both platforms.

use redraft_bot::{Bot, TurnHandler};
use redraft_test::{Channel, Error, Message, Person, Platform, Redraft, Wait};

use crate::world::{BOTH, app, listen};

#[path = "../../crates/bot/examples/clean_up_thread.rs"]
mod clean_up_thread;
#[path = "../../crates/bot/examples/deployment.rs"]
mod deployment;
#[path = "../../crates/bot/examples/echo.rs"]
mod echo;
#[path = "../../crates/bot/examples/poll.rs"]
mod poll;
#[path = "../../crates/bot/examples/streamed_answer.rs"]
mod streamed_answer;

struct Stage {
    redraft: Redraft,
    platform: Platform,
    bot: Bot,
    general: Channel,
    ben: Person,
}

impl Stage {
    async fn new(platform: Platform, handler: impl TurnHandler) -> Self {
        let redraft = Redraft::start().seed_file(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seed.yaml"));
        let redraft = redraft.await.unwrap();
        let bot = listen(&redraft, platform, Bot::new(handler)).await;
        let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
        Self { redraft, platform, bot, general, ben }
    }

    /// Ben says this to the bot, and what it answers is waited for. Teams bots hear in a channel what mentions them, and answer
    /// in its thread.
    async fn say(&self, words: &str) -> Result<Answers<'_>, Error> {
        let said = match self.platform {
            Platform::Teams => format!("@helpdesk {words}"),
            _ => words.to_owned(),
        };
        Ok(Answers { stage: self, said: self.ben.post(&self.general, &said).await? })
    }

    async fn end(self) -> Result<(), Error> {
        assert_eq!(self.bot.shutdown().await, 0);
        self.redraft.stop().await
    }
}

struct Answers<'a> {
    stage: &'a Stage,
    said: Message,
}

impl Answers<'_> {
    fn answer(&self, containing: &str) -> Wait {
        let app = app(&self.stage.redraft, self.stage.platform);
        let wait = self.stage.general.message().by(&app).containing(containing);
        if self.stage.platform == Platform::Teams { wait.in_thread(&self.said) } else { wait }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_answers() -> Result<(), Error> {
    for platform in BOTH {
        let stage = Stage::new(platform, echo::on_turn).await;
        let said = stage.say("hello").await?;
        said.answer("You said: hello").await?;
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn poll_counts_votes() -> Result<(), Error> {
    for platform in BOTH {
        let stage = Stage::new(platform, poll::Polls::default()).await;
        let said = stage.say("poll Lunch? | Soup | Salad").await?;
        let asked = said.answer("Soup: 0").with_button("Salad").await?;
        stage.ben.press(&asked, "Soup").await?;
        stage.general.update_of(&asked).containing("Soup: 1").await?;
        stage.redraft.person("cleo").press(&asked, "Soup").await?;
        stage.general.update_of(&asked).containing("Soup: 2").await?;
        stage.ben.press(&asked, "Salad").await?;
        let counted = stage.general.update_of(&asked).containing("Salad: 1").await?;
        assert!(format!("{} {:?}", counted.text(), counted.lines()).contains("Soup: 1"));
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_keeps_one_message() -> Result<(), Error> {
    for platform in BOTH {
        let stage = Stage::new(platform, deployment::Deployments::default()).await;
        let said = stage.say("deploy 1234").await?;
        let message = said.answer("Deployment 1234").await?;
        stage.general.update_of(&message).containing("is live").await?;
        stage.say("forget 1234").await?;
        stage.general.deletion_of(&message).await?;
        let left = stage.general.messages().await?;
        let left = left.iter().filter(|left| left.text().contains("Copying") && !left.is_deleted()).count();
        assert_eq!(left, 0, "the bar of progress is gone");
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn streamed_answer_arrives_whole() -> Result<(), Error> {
    for platform in BOTH {
        let stage = Stage::new(platform, streamed_answer::on_turn).await;
        let said = stage.say("why?").await?;
        said.answer("You asked: why? That is a good question.").await?;
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_up_updates_one_and_deletes_the_rest() -> Result<(), Error> {
    for platform in BOTH {
        let stage = Stage::new(platform, clean_up_thread::CleanUp::default()).await;
        let said = stage.say("check").await?;
        let first = said.answer("Disk: full").await?;
        let last = said.answer("Network: fine").await?;
        stage.say("clean up").await?;
        stage.general.update_of(&first).containing("Checked: the disk is full.").await?;
        stage.general.deletion_of(&last).await?;
        stage.end().await?;
    }
    Ok(())
}
