use redraft_bot::{Bot, SLACK_PATH, SlackAdapter, SlackSettings, SlackToken};
use redraft_test::{Channel, Error, Message, Redraft};
use tokio::net::TcpListener;

use super::poll;

const SEED: &str = "
people: [{name: ann, admin: true}, {name: ben}]
channels: [{name: general}]
apps: [{name: pollbot, commands: [{command: /poll, description: Asks a question}]}]
";

type Tested = Result<(), Box<dyn std::error::Error>>;

async fn start() -> Result<(Redraft, Bot), Box<dyn std::error::Error>> {
    let redraft = Redraft::start().seed_yaml(SEED).await?;
    let app = redraft.app("pollbot");
    let settings = SlackSettings::new(SlackToken::new(app.bot_token()?))
        .signing_secret(app.signing_secret()?)
        .api_url(redraft.slack_api_url());
    let bot = poll::bot(SlackAdapter::new(settings)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    app.listen_at(&format!("http://{}{SLACK_PATH}", listener.local_addr()?)).await?;
    let serving = bot.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    Ok((redraft, bot))
}

async fn ask(redraft: &Redraft, general: &Channel) -> Result<Message, Error> {
    redraft.person("ben").command(general, "/poll Lunch? | Soup | Salad").await?;
    general.message().containing("Lunch?").by(&redraft.app("pollbot")).await
}

#[tokio::test]
async fn votes_are_counted() -> Tested {
    let (redraft, bot) = start().await?;
    let (general, ann, ben) = (redraft.channel("general"), redraft.person("ann"), redraft.person("ben"));
    let poll = ask(&redraft, &general).await?;
    ann.press(&poll, "Soup").await?;
    general.update_of(&poll).containing("Lunch? Salad: 0 Soup: 1").await?;
    ben.press(&poll, "Salad").await?;
    general.update_of(&poll).containing("Lunch? Salad: 1 Soup: 1").await?;
    bot.shutdown().await;
    Ok(redraft.stop().await?)
}

#[tokio::test]
async fn a_closed_poll_has_no_buttons() -> Tested {
    let (redraft, bot) = start().await?;
    let general = redraft.channel("general");
    let poll = ask(&redraft, &general).await?;
    redraft.person("ben").press(&poll, "Close").await?;
    general.update_of(&poll).containing("(closed)").without_buttons().await?;
    bot.shutdown().await;
    Ok(redraft.stop().await?)
}
