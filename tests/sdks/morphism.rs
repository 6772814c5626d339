//! slack-morphism, a client that is not Slack's own: the Web API, `response_url`, and what comes over Socket Mode read into
//! its types.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use slack_morphism::prelude::*;
use ureq::http::StatusCode;

use crate::bolt::World;

type Connector = SlackClientHyperConnector<HttpConnector>;
type Client = Arc<SlackClient<Connector>>;
type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the app heard, as the crate's types have it.
#[derive(Debug)]
enum Heard {
    Hello(u32),
    Event(Box<SlackEventCallbackBody>),
    Command(Box<SlackCommandEvent>),
    Interaction(Box<SlackInteractionEvent>),
    Failed(String),
}

fn client(url: &str) -> Client {
    let connector = Connector::with_connector(HttpConnector::new()).with_slack_api_url(&format!("{url}/api"));
    Arc::new(SlackClient::new(connector))
}

fn token(value: &str) -> SlackApiToken {
    SlackApiToken::new(value.into())
}

/// The app: it tells the test what it heard, answers mentions, and changes what was pressed.
async fn tell(state: SlackClientEventsUserState, heard: Heard) {
    let state = state.read().await;
    let _ = state.get_user_state::<Sender<Heard>>().unwrap().send(heard);
}

async fn on_event(
    event: SlackPushEventCallback,
    client: Client,
    state: SlackClientEventsUserState,
) -> Done<()> {
    if let SlackEventCallbackBody::AppMention(mention) = &event.event {
        let token = token("xoxb-deploy");
        let content = SlackMessageContent::new().with_text("at your service".into());
        let answer = SlackApiChatPostMessageRequest::new(mention.channel.clone(), content)
            .with_thread_ts(mention.origin.ts.clone());
        client.open_session(&token).chat_post_message(&answer).await?;
    }
    tell(state, Heard::Event(Box::new(event.event))).await;
    Ok(())
}

async fn on_command(
    event: SlackCommandEvent,
    _: Client,
    state: SlackClientEventsUserState,
) -> Done<SlackCommandEventResponse> {
    let text = format!("deploying {}", event.text.clone().unwrap_or_default());
    tell(state, Heard::Command(Box::new(event))).await;
    Ok(SlackCommandEventResponse::new(SlackMessageContent::new().with_text(text)))
}

async fn on_interaction(
    event: SlackInteractionEvent,
    client: Client,
    state: SlackClientEventsUserState,
) -> Done<()> {
    if let SlackInteractionEvent::BlockActions(pressed) = &event {
        let url = pressed.response_url.clone().ok_or("no response_url")?;
        let action = pressed.actions.as_ref().and_then(|actions| actions.first()).ok_or("no action")?;
        let answer = match action.action_id.to_string().as_str() {
            "replace" => SlackApiPostWebhookMessageRequest::new(buttons("replaced", &["delete"]))
                .with_replace_original(true),
            _ => {
                SlackApiPostWebhookMessageRequest::new(SlackMessageContent::new()).with_delete_original(true)
            }
        };
        client.respond_to_event(&url, &answer).await?;
    }
    tell(state, Heard::Interaction(Box::new(event))).await;
    Ok(())
}

fn on_error(error: Box<dyn Error + Send + Sync>, _: Client, state: SlackClientEventsUserState) -> StatusCode {
    let said = format!("{error:?}");
    tokio::spawn(tell(state, Heard::Failed(said)));
    StatusCode::OK
}

/// A text with buttons of these ids.
fn buttons(text: &str, ids: &[&str]) -> SlackMessageContent {
    let buttons = ids
        .iter()
        .map(|id| SlackBlockButtonElement::new(pt!(*id)).with_action_id((*id).into()).into())
        .collect();
    let blocks: Vec<SlackBlock> =
        vec![SlackSectionBlock::new().with_text(md!(text)).into(), SlackActionsBlock::new(buttons).into()];
    SlackMessageContent::new().with_text(text.into()).with_blocks(blocks)
}

/// The next thing of a kind that the app hears.
fn next<T>(heard: &Receiver<Heard>, which: impl Fn(Heard) -> Option<T>) -> T {
    loop {
        match heard.recv_timeout(Duration::from_secs(60)).unwrap() {
            Heard::Failed(failed) => panic!("{failed}"),
            other => {
                if let Some(found) = which(other) {
                    return found;
                }
            }
        }
    }
}

fn event<T>(heard: &Receiver<Heard>, which: impl Fn(SlackEventCallbackBody) -> Option<T>) -> T {
    next(heard, |heard| match heard {
        Heard::Event(event) => match *event {
            SlackEventCallbackBody::Unknown(odd) => panic!("not of the crate's shape: {odd:#}"),
            event => which(event),
        },
        _ => None,
    })
}

/// A message event of this subtype.
fn message(heard: &Receiver<Heard>, subtype: Option<SlackMessageEventType>) -> SlackMessageEvent {
    event(heard, |event| match event {
        SlackEventCallbackBody::Message(message) if message.subtype == subtype => Some(message),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_api() {
    let world = World::new();
    let client = client(&world.server.url);
    let token = token("xoxb-deploy");
    let session = client.open_session(&token);
    let who = session.auth_test().await.unwrap();
    assert_eq!((who.user_id.to_string(), who.team_id.to_string()), ("U01DEPLOY".into(), "T01ACME".into()));
    let content = SlackMessageContent::new().with_text("Build 7 started".into());
    let post = SlackApiChatPostMessageRequest::new("C01GENERAL".into(), content);
    let posted = session.chat_post_message(&post).await.unwrap();
    let of = |text: &str| SlackMessageContent::new().with_text(text.into());
    let update =
        SlackApiChatUpdateRequest::new(posted.channel.clone(), of("Build 7 passed"), posted.ts.clone());
    let updated = session.chat_update(&update).await.unwrap();
    assert_eq!(updated.ts, posted.ts);
    let stored = world.message("general", posted.ts.as_ref());
    assert_eq!((&stored["text"], &stored["revision"]), (&json!("Build 7 passed"), &json!(2)));
    let history = SlackApiConversationsHistoryRequest::new().with_channel(posted.channel.clone());
    let history = session.conversations_history(&history).await.unwrap();
    assert_eq!(history.messages[0].content.text.as_deref(), Some("Build 7 passed"));
    let delete = SlackApiChatDeleteRequest::new(posted.channel.clone(), posted.ts.clone());
    session.chat_delete(&delete).await.unwrap();
    assert_eq!(world.message("general", posted.ts.as_ref()), Value::Null);
    let refused = session.chat_delete(&delete).await.unwrap_err();
    assert!(refused.to_string().contains("message_not_found"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_mode() {
    let world = World::new();
    world.controlled(
        "PATCH",
        "/apps/deploybot",
        &json!({
            "socket_mode": true, "bot_events": ["message.channels", "app_mention", "reaction_added"],
            "commands": [{ "command": "/deploy" }],
        }),
    );
    let client = client(&world.server.url);
    let (sender, heard) = channel();
    let environment = SlackClientEventsListenerEnvironment::new(Arc::clone(&client))
        .with_error_handler(on_error)
        .with_user_state(sender);
    let callbacks = SlackSocketModeListenerCallbacks::new()
        .with_hello_events(|event, _, state| tell(state, Heard::Hello(event.num_connections)))
        .with_push_events(on_event)
        .with_command_events(on_command)
        .with_interaction_events(on_interaction);
    let config = SlackClientSocketModeConfig::new().with_initial_backoff_in_seconds(0);
    let listener = SlackClientSocketModeListener::new(&config, Arc::new(environment), callbacks);
    listener.listen_for(&token("xapp-deploy")).await.unwrap();
    listener.start().await;
    let mut connections = 0;
    while connections < 2 {
        connections = next(&heard, |heard| if let Heard::Hello(count) = heard { Some(count) } else { None });
    }

    // What people say, change, like and take back.
    let said = world.say("ada", "general", "Build 7, @deploybot");
    let ts = said["ts"].as_str().unwrap();
    let mention = event(&heard, |event| match event {
        SlackEventCallbackBody::AppMention(mention) => Some(mention),
        _ => None,
    });
    assert_eq!((mention.origin.ts.to_string(), mention.user.to_string()), (ts.into(), "U01ADA".into()));
    world.wait("general", &json!({ "thread_ts": ts, "text": "at your service" }));
    world.controlled(
        "POST",
        "/people/ada/reactions",
        &json!({ "channel": "general", "ts": ts, "name": "eyes" }),
    );
    let reaction = event(&heard, |event| match event {
        SlackEventCallbackBody::ReactionAdded(reaction) => Some(reaction),
        _ => None,
    });
    assert_eq!(reaction.reaction.to_string(), "eyes");
    let other = world.say("ada", "general", "first words");
    let path = format!("/people/ada/messages/general/{}", other["ts"].as_str().unwrap());
    world.controlled("PATCH", &path, &json!({ "text": "other words" }));
    let changed = message(&heard, Some(SlackMessageEventType::MessageChanged));
    let texts =
        [changed.message, changed.previous_message].map(|of| of.unwrap().content.unwrap().text.unwrap());
    assert_eq!(texts, ["other words", "first words"]);
    world.controlled("DELETE", &path, &Value::Null);
    let deleted = message(&heard, Some(SlackMessageEventType::MessageDeleted));
    assert_eq!(deleted.deleted_ts.unwrap().to_string(), other["ts"].as_str().unwrap());

    // A command, answered in its acknowledgement.
    world.command("ada", "general", "/deploy", "staging");
    let command =
        next(&heard, |heard| if let Heard::Command(command) = heard { Some(command) } else { None });
    assert_eq!((command.command.to_string(), command.text.as_deref()), ("/deploy".into(), Some("staging")));
    let answer = world.seen("ada", "general", |message| message["text"] == "deploying staging");
    assert_eq!(answer["targeted_to"], "U01ADA", "{answer:#}");

    // Buttons, answered through response_url.
    let request =
        SlackApiChatPostMessageRequest::new("C01GENERAL".into(), buttons("press", &["replace", "delete"]));
    let token = token("xoxb-deploy");
    let posted = client.open_session(&token).chat_post_message(&request).await.unwrap();
    let ts = posted.ts.to_string();
    world.press("ben", "general", &ts, "replace");
    let pressed = next(&heard, |heard| match heard {
        Heard::Interaction(event) => match *event {
            SlackInteractionEvent::BlockActions(pressed) => Some(pressed),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(pressed.user.unwrap().id.to_string(), "U01BEN");
    assert_eq!(pressed.message.unwrap().origin.ts.to_string(), ts);
    let replaced = world.wait("general", &json!({ "ts": ts, "text": "replaced" }));
    assert_eq!(replaced["revision"], 2);
    world.press("ben", "general", &ts, "delete");
    world.wait("general", &json!({ "ts": ts, "deleted": true }));
    listener.shutdown().await;
}
