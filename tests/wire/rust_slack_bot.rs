//! A bot written with `redraft-bot` on Slack, against a server process: the guide's scenario, a poll, ephemeral messages, commands,
//! over the Events API and over Socket Mode.

use std::sync::{Arc, Mutex};

use redraft_bot::{
    Activity, ActivityType, Bot, Button, Content, ConversationReference, MessageFactory, ResourceResponse,
    SLACK_PATH, SlackAdapter, SlackSettings, SlackToken, TurnContext, TurnResult,
};
use redraft_test::{Channel, Error, Message, Outcome, Person, Redraft, TIME_LIMIT};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::seed;

/// What the bot remembers, as JSON: a restart leaves nothing else.
#[derive(Clone, Default)]
struct Memory {
    posted: Arc<Mutex<Vec<String>>>,
    turns: Arc<Mutex<Vec<String>>>,
}

impl Memory {
    fn remember(&self, context: &TurnContext, sent: &ResourceResponse) {
        let reference = context.reply_reference(sent).unwrap();
        self.posted.lock().unwrap().push(serde_json::to_string(&reference).unwrap());
    }

    fn all(&self) -> Vec<ConversationReference> {
        self.posted.lock().unwrap().iter().map(|json| serde_json::from_str(json).unwrap()).collect()
    }
}

fn poll(soups: usize) -> Activity {
    Content::text(format!("Lunch? Soup: {soups}"))
        .button(Button::new("Soup", "vote").value("soup"))
        .button(Button::new("Salad", "vote").value("salad"))
        .to_activity("slack")
}

async fn on_turn(context: TurnContext, memory: Memory) -> TurnResult {
    let text = context.text();
    let activity = context.activity();
    let kind = activity.r#type.clone().unwrap();
    memory.turns.lock().unwrap().push(format!("{kind} {text}"));
    if let Some(action) = activity.action() {
        let Some(id) = action.message_id.clone() else { return Ok(()) };
        match action.verb.as_str() {
            "vote" => drop(context.update_activity(poll(1).with_id(id)).await?),
            "replace" => {
                assert!(context.capabilities().update_targeted);
                let more = Content::text("Replaced").button(Button::new("Delete", "delete"));
                context.update_activity(more.to_activity("slack").with_id(id)).await?;
            }
            "delete" => context.delete_activity(&id).await?,
            other => panic!("{other}"),
        }
        return Ok(());
    }
    match (kind, text.as_str()) {
        (ActivityType::Message, "guide") => {
            let sent = context.send_activity("Working on it …").await?;
            memory.remember(&context, &sent);
            let mut new_activity = MessageFactory::text("The new text for the activity");
            new_activity.id = sent.id;
            context.update_activity(new_activity).await?;
            memory.remember(&context, &context.send_activity("A second one").await?);
        }
        (ActivityType::Message, "lunch?") => {
            memory.remember(&context, &context.send_activity(poll(0)).await?)
        }
        (ActivityType::Message, "close") => {
            for reference in memory.all().iter().filter_map(|reference| reference.activity_id.clone()).take(1)
            {
                let closed = Content::text("Closed: soup").to_activity("slack").with_id(reference);
                context.update_activity(closed).await?;
            }
        }
        (ActivityType::Message, "clean") => {
            for reference in memory.all() {
                context.delete_activity(&reference).await?;
            }
        }
        (ActivityType::Message, "whisper") => {
            let who = activity.from.as_ref().and_then(|from| from.id.clone()).unwrap_or_default();
            let whisper = Content::text("Only you").button(Button::new("Replace", "replace"));
            let sent = context.send_activity(whisper.to_activity("slack").only_for(who)).await?;
            assert_eq!(sent.id, None);
        }
        (ActivityType::Message, "hello") => drop(context.send_activity("Hello!").await?),
        (ActivityType::Command, text) => drop(context.send_activity(format!("Deploying {text}")).await?),
        _ => {}
    }
    Ok(())
}

/// How Slack reaches the bot.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Events,
    Sockets,
}

/// A running bot.
struct Running {
    bot: Bot,
    memory: Memory,
}

impl Running {
    /// Ends when the server reaches it.
    async fn start(redraft: &Redraft, way: Way) -> Result<Self, Error> {
        let app = redraft.app("deploybot");
        let memory = Memory::default();
        let remembered = memory.clone();
        let settings = SlackSettings::new(SlackToken::new(app.bot_token()?)).api_url(redraft.slack_api_url());
        let settings = match way {
            Way::Events => settings.signing_secret(app.signing_secret()?),
            Way::Sockets => settings.app_token(app.app_token()?),
        };
        let bot = Bot::new(move |context| on_turn(context, remembered.clone()))
            .with_adapter(SlackAdapter::new(settings).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{SLACK_PATH}", listener.local_addr().unwrap());
        let events = ["message.channels", "app_mention", "reaction_added"];
        app.change(json!({"bot_events": events, "commands": [{"command": "/deploy", "url": url}]})).await?;
        app.listen_at(&url).await?;
        if way == Way::Sockets {
            app.change(json!({"socket_mode": true})).await?;
        }
        let serving = bot.clone();
        tokio::spawn(async move { serving.serve(listener).await });
        // What is said before the connection is there is not lost, but comes a minute later.
        let (ben, random) = (redraft.person("ben"), redraft.channel("random"));
        let connected = async { while ben.command(&random, "/deploy nothing").await.is_err() {} };
        tokio::time::timeout(TIME_LIMIT, connected).await.expect("the bot is connected");
        Ok(Self { bot, memory })
    }

    async fn stop(self) {
        assert_eq!(self.bot.shutdown().await, 0);
    }

    fn turns(&self) -> Vec<String> {
        self.memory.turns.lock().unwrap().clone()
    }
}

async fn stage(way: Way) -> Result<(Redraft, Running, Channel, Person), Error> {
    let redraft = Redraft::start().executable(env!("CARGO_BIN_EXE_redraft")).seed_file(seed()).await?;
    let running = Running::start(&redraft, way).await?;
    let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
    Ok((redraft, running, general, ben))
}

/// A click reaches the bot once its connection is there.
async fn ready(general: &Channel, ben: &Person) -> Result<Message, Error> {
    ben.post(general, "<@U01DEPLOY> hello").await?;
    general.message().text("Hello!").await
}

#[tokio::test]
async fn the_guide_s_scenario() -> Result<(), Error> {
    for way in [Way::Events, Way::Sockets] {
        let (redraft, running, general, ben) = stage(way).await?;
        // Slack sends a mention twice, as a message and as a mention; the bot hears it once.
        ready(&general, &ben).await?;
        ben.post(&general, "guide").await?;
        let updated = general.message().text("The new text for the activity").edited().await?;
        let second = general.message().text("A second one").await?;
        ben.post(&general, "clean").await?;
        general.deletion_of(&updated).await?;
        general.deletion_of(&second).await?;
        let hellos = running.turns().iter().filter(|turn| turn.ends_with("hello")).count();
        assert_eq!(hellos, 1, "{way:?}: {:?}", running.turns());
        assert!(!running.turns().iter().any(|turn| turn.contains("A second one")), "its own messages");
        running.stop().await;
        redraft.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_poll_is_updated_by_clicks_and_closed() -> Result<(), Error> {
    for way in [Way::Events, Way::Sockets] {
        let (redraft, running, general, ben) = stage(way).await?;
        ben.post(&general, "lunch?").await?;
        let poll = general.message().containing("Soup: 0").with_button("Soup").await?;
        assert_eq!(ben.press(&poll, "Soup").await?, Outcome::Acknowledged);
        general.update_of(&poll).containing("Soup: 1").with_button("Salad").await?;
        ben.post(&general, "close").await?;
        let closed = general.update_of(&poll).containing("Closed: soup").without_buttons().await?;
        assert_eq!(closed.text(), "Closed: soup");
        running.stop().await;
        redraft.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_ephemeral_message_is_replaced_and_deleted() -> Result<(), Error> {
    for way in [Way::Events, Way::Sockets] {
        let (redraft, running, general, ben) = stage(way).await?;
        ben.post(&general, "whisper").await?;
        let whisper = general.message().containing("Only you").seen_by(&ben).await?;
        assert_eq!(whisper.only_for(), Some("U01BEN"));
        assert_eq!(ben.press(&whisper, "Replace").await?, Outcome::Acknowledged);
        let replaced = general.message().containing("Replaced").with_button("Delete").seen_by(&ben).await?;
        assert_eq!(replaced.ts(), whisper.ts(), "the same message");
        assert_eq!(ben.press(&replaced, "Delete").await?, Outcome::Acknowledged);
        let left = |seen: &[Message]| seen.iter().any(|message| message.only_for().is_some());
        assert!(!left(&ben.sees(&general).await?), "{}", general.transcript().await);
        running.stop().await;
        redraft.stop().await?;
    }
    Ok(())
}

/// The bot is not in the channel: only the command's `response_url` reaches it.
#[tokio::test]
async fn a_command_is_answered_where_the_bot_is_not() -> Result<(), Error> {
    for way in [Way::Events, Way::Sockets] {
        let (redraft, running, general, ben) = stage(way).await?;
        ready(&general, &ben).await?;
        let leads = redraft.channel("leads");
        ben.command(&leads, "/deploy web now").await?;
        leads.message().containing("Deploying web now").seen_by(&ben).await?;
        running.stop().await;
        redraft.stop().await?;
    }
    Ok(())
}

/// After a restart, with no turn open, by nothing but what was written down.
#[tokio::test]
async fn a_message_is_updated_after_a_restart() -> Result<(), Error> {
    let (redraft, running, general, ben) = stage(Way::Events).await?;
    ben.post(&general, "lunch?").await?;
    let poll = general.message().with_button("Soup").await?;
    // The turn has written it down once the bot has stopped.
    let memory = running.memory.clone();
    running.stop().await;
    let references = memory.all();
    assert_eq!(references[0].activity_id.as_deref(), Some(poll.ts()));

    let again = Running::start(&redraft, Way::Sockets).await?;
    let context = again.bot.context_for(&references[0]).unwrap();
    let id = references[0].activity_id.clone().unwrap();
    let new_text = Content::text("The restaurant is closed").to_activity("slack").with_id(id);
    context.update_activity(new_text).await.unwrap();
    general.update_of(&poll).containing("The restaurant is closed").without_buttons().await?;
    context.delete_activity(&references[0]).await.unwrap();
    general.deletion_of(&poll).await?;
    let gone = context.delete_activity(&references[0]).await.unwrap_err();
    assert!(gone.is_message_not_found(), "{gone}");
    assert!(!gone.refusal().unwrap().message.is_empty(), "the server explains: {gone}");
    again.stop().await;
    redraft.stop().await
}
