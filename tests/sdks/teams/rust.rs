//! A bot written with the Rust SDK. The bots in the folders of this one do the same with other SDKs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::RawQuery;
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use redraft_bot::{
    Action, Activity, ActivityHandler, ActivityType, Bot, BoxError, CardFactory, ClientSecret, Cloud,
    ConnectorAdapter, ConnectorSettings, ConversationReference, InvokeResponse, ManagedIdentity,
    MessageFactory, ResourceResponse, TurnContext, TurnResult,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What the bot is told about the world.
pub struct Settings {
    /// Empty: nobody is checked.
    pub app_id: &'static str,
    pub secret: &'static str,
    pub tenant: &'static str,
    /// The server's address.
    pub url: String,
    pub managed_identity: bool,
    /// A service that gets the bot's token before it has called.
    pub service: Option<String>,
    /// Where it keeps what outlives it.
    pub folder: PathBuf,
}

/// The bot on a thread of its own. It ends when dropped.
pub struct Running {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn start(settings: Settings) -> Running {
    let (listening, listens) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listening.send(listener.local_addr().unwrap()).unwrap();
            let (router, bot) = router(&settings);
            let serving = axum::serve(listener, router);
            tokio::select! {
                served = async { serving.await } => served.unwrap(),
                _ = stopped => {}
            }
            bot.shutdown().await;
        });
    });
    let url = format!("http://{}", listens.recv().unwrap());
    Running { url, stop: Some(stop), thread: Some(thread) }
}

fn router(settings: &Settings) -> (Router, Bot) {
    let connector = if settings.app_id.is_empty() {
        ConnectorSettings::anonymous()
    } else if settings.managed_identity {
        let endpoint = format!("{}/msi/token", settings.url);
        let identity = ManagedIdentity::user_assigned(settings.app_id).at(endpoint, settings.secret);
        ConnectorSettings::new(settings.app_id, identity)
    } else {
        let secret = ClientSecret::new(settings.app_id, settings.secret).tenant(settings.tenant);
        ConnectorSettings::new(settings.app_id, secret)
    };
    let connector = connector.cloud(Cloud::redraft(&settings.url)).tenants([settings.tenant]);
    let connector = match &settings.service {
        Some(service) => connector.trust_service_url(service),
        None => connector,
    };
    let helpdesk = Helpdesk { remembered: settings.folder.join("remembered.json"), ..Helpdesk::default() };
    let (heard, remembered) = (Arc::clone(&helpdesk.heard), helpdesk.remembered.clone());
    let bot = Bot::with_handler(helpdesk).with_adapter(ConnectorAdapter::new(connector).unwrap());
    let (later, writer, written) = (bot.clone(), bot.clone(), remembered.clone());
    let router = Router::new()
        .route("/heard", get(move || async move { Value::Array(heard.lock().unwrap().clone()).to_string() }))
        .route(
            "/proactive",
            post(move |RawQuery(query): RawQuery| async move {
                let text = query.unwrap_or_default().trim_start_matches("text=").to_owned();
                match proactive(&later, &remembered, &text).await {
                    Ok(id) => (StatusCode::OK, json!({"id": id}).to_string()),
                    Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
                }
            }),
        )
        .route(
            "/continue",
            post(async move || match write_later(&writer, &written).await {
                Ok(()) => (StatusCode::OK, "{}".to_owned()),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            }),
        )
        .fallback_service(bot.service());
    (router, bot)
}

/// Updates the remembered message when no turn is open.
async fn proactive(bot: &Bot, remembered: &PathBuf, text: &str) -> Result<String, BoxError> {
    let remembered: Value = serde_json::from_slice(&std::fs::read(remembered)?)?;
    let reference: ConversationReference = serde_json::from_value(remembered["reference"].clone())?;
    let id = remembered["id"].as_str().unwrap_or_default().to_owned();
    bot.continue_conversation(&reference, async |context: TurnContext| {
        let mut new_activity = MessageFactory::text(text);
        new_activity.id = Some(id.clone());
        context.update_activity(new_activity).await?;
        Ok(id)
    })
    .await
}

/// Writes, updates and deletes with no turn open.
async fn write_later(bot: &Bot, remembered: &PathBuf) -> Result<(), BoxError> {
    let remembered: Value = serde_json::from_slice(&std::fs::read(remembered)?)?;
    let reference: ConversationReference = serde_json::from_value(remembered["reference"].clone())?;
    bot.continue_conversation(&reference, async |context: TurnContext| {
        let id = context.send_activity("later").await?.id.unwrap_or_default();
        context.update_activity(MessageFactory::text("later still").with_id(id.as_str())).await?;
        context.delete_activity(&id).await?;
        Ok(())
    })
    .await
}

#[derive(Clone, Copy, Default)]
struct Votes {
    tea: u32,
    coffee: u32,
}

#[derive(Default)]
struct Helpdesk {
    heard: Arc<Mutex<Vec<Value>>>,
    polls: Mutex<HashMap<String, Votes>>,
    activity_ids: Mutex<Vec<String>>,
    remembered: PathBuf,
}

fn card(lines: &[String], actions: &[Value]) -> Value {
    let body: Vec<Value> = lines.iter().map(|line| json!({"type": "TextBlock", "text": line})).collect();
    json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions})
}

fn with_card(card: Value) -> Activity {
    MessageFactory::attachment(CardFactory::adaptive_card(card))
}

fn submit(title: &str, data: Value) -> Value {
    json!({"type": "Action.Submit", "title": title, "data": data})
}

/// The poll as everyone sees it. After the first vote it has fewer buttons.
fn poll_card(votes: Votes, fresh: bool) -> Value {
    let mut actions = Vec::new();
    if fresh {
        actions.push(submit("Tea", json!({"vote": "tea"})));
        actions.push(submit("Coffee", json!({"vote": "coffee"})));
    }
    actions.push(json!({"type": "Action.Execute", "title": "Coffee, quietly", "verb": "vote", "data": {"vote": "coffee"}}));
    actions.push(submit("Close", json!({"close": true})));
    let totals = format!("tea {}, coffee {}", votes.tea, votes.coffee);
    card(&["Tea or coffee?".to_owned(), totals], &actions)
}

impl Helpdesk {
    fn hear(&self, what: Value) {
        self.heard.lock().unwrap().push(what);
    }

    /// One message that advances: text, text, card, text.
    async fn progress(&self, context: &TurnContext) -> TurnResult {
        let sent = context.send_activity("step 1").await?;
        let step_3 = with_card(card(&["step 3".to_owned()], &[]));
        for mut step in [MessageFactory::text("step 2"), step_3, MessageFactory::text("done")] {
            step.id.clone_from(&sent.id);
            assert_eq!(context.update_activity(step).await?.id, sent.id);
        }
        Ok(())
    }

    async fn poll(&self, context: &TurnContext) -> TurnResult {
        let sent = context.send_activity(with_card(poll_card(Votes::default(), true))).await?;
        self.polls.lock().unwrap().insert(sent.id.unwrap_or_default(), Votes::default());
        Ok(())
    }

    async fn five(&self, context: &TurnContext) -> TurnResult {
        for number in 1..=5 {
            let sent = context.send_activity(format!("message {number}")).await?;
            self.activity_ids.lock().unwrap().extend(sent.id);
        }
        Ok(())
    }

    async fn update(&self, context: &TurnContext) -> TurnResult {
        let list = self.activity_ids.lock().unwrap().clone();
        for activity_id in list {
            let mut new_activity = MessageFactory::text("The new text for the activity");
            new_activity.id = Some(activity_id);
            context.update_activity(new_activity).await?;
        }
        Ok(())
    }

    async fn delete(&self, context: &TurnContext) -> TurnResult {
        let list = std::mem::take(&mut *self.activity_ids.lock().unwrap());
        for activity_id in list {
            context.delete_activity(&activity_id).await?;
        }
        Ok(())
    }

    /// Keeps what is needed to update a message when no turn is open.
    async fn remember(&self, context: &TurnContext) -> TurnResult {
        let sent = context.send_activity("remembered").await?;
        let kept = json!({"reference": context.conversation_reference(), "id": sent.id});
        std::fs::write(&self.remembered, kept.to_string())?;
        Ok(())
    }

    async fn stream(&self, context: &TurnContext) -> TurnResult {
        let answer = context.stream().await?;
        for words in ["one ", "two ", "three"] {
            answer.push(words);
        }
        answer.finish().await?;
        Ok(())
    }

    /// Handlers two deep that watch, change and swallow what this turn sends, updates and deletes.
    async fn hooks(&self, context: &TurnContext) -> TurnResult {
        for level in ["outer", "inner"] {
            let heard = Arc::clone(&self.heard);
            let before = move |verb: &str, what: &mut Option<String>| {
                let words = what.clone().unwrap_or_default();
                heard.lock().unwrap().push(json!({"hook": format!("{verb} {level}: {words}")}));
                if words.starts_with("change") {
                    *what = Some(format!("{words} {level}"));
                }
                words == format!("swallow {level}")
            };
            let heard = Arc::clone(&self.heard);
            let after = move |verb: &str, ids: &[Option<String>]| {
                let ids: Vec<&str> = ids.iter().flatten().map(String::as_str).collect();
                let words = format!("{verb} {level} after: {}", ids.join(","));
                heard.lock().unwrap().push(json!({"hook": words}));
            };
            let (look, note) = (before.clone(), after.clone());
            context.on_send_activities(move |_, mut activities, next| {
                let swallowed = look("send", &mut activities[0].text);
                let note = note.clone();
                async move {
                    if swallowed {
                        return Ok(Vec::new());
                    }
                    let done = next.run(activities).await?;
                    let ids: Vec<_> = done.iter().map(|response| response.id.clone()).collect();
                    note("send", &ids);
                    Ok(done)
                }
            });
            let (look, note) = (before.clone(), after.clone());
            context.on_update_activity(move |_, mut activity, next| {
                let swallowed = look("update", &mut activity.text);
                let note = note.clone();
                async move {
                    if swallowed {
                        return Ok(ResourceResponse::default());
                    }
                    let done = next.run(activity).await?;
                    note("update", std::slice::from_ref(&done.id));
                    Ok(done)
                }
            });
            context.on_delete_activity(move |_, mut reference, next| {
                let swallowed = before("delete", &mut reference.activity_id);
                let note = after.clone();
                async move {
                    if swallowed {
                        return Ok(());
                    }
                    next.run(reference).await?;
                    note("delete", &[]);
                    Ok(())
                }
            });
        }
        let sent = context.send_activities(vec!["watch".into(), "two".into()]).await?;
        let id = sent[0].id.clone().unwrap_or_default();
        let others = ["change", "swallow outer", "swallow inner"];
        for text in others {
            context.send_activity(text).await?;
        }
        for text in ["watch"].into_iter().chain(others) {
            context.update_activity(MessageFactory::text(text).with_id(id.as_str())).await?;
        }
        for activity_id in [id.as_str()].into_iter().chain(others) {
            context.delete_activity(activity_id).await?;
        }
        Ok(())
    }

    async fn ask(&self, context: &TurnContext) -> TurnResult {
        let button = submit("Ask me", json!({"msteams": {"type": "task/fetch"}}));
        context.send_activity(with_card(card(&["May I ask?".to_owned()], &[button]))).await?;
        Ok(())
    }
}

impl ActivityHandler for Helpdesk {
    async fn on_turn(&self, context: TurnContext) -> TurnResult {
        let activity = context.activity();
        self.hear(json!({
            "type": activity.r#type.as_ref().map(ActivityType::as_str), "name": activity.name, "action": activity.action,
            "text": activity.text,
            "eventType": activity.channel_data.as_ref().map(|data| &data["eventType"]),
        }));
        Ok(())
    }

    async fn on_message_edit(&self, _: TurnContext) -> TurnResult {
        self.hear(json!({"hook": "edited"}));
        Ok(())
    }

    async fn on_message_soft_delete(&self, _: TurnContext) -> TurnResult {
        self.hear(json!({"hook": "deleted"}));
        Ok(())
    }

    async fn on_message(&self, context: TurnContext) -> TurnResult {
        match context.text().as_str() {
            "progress" => self.progress(&context).await,
            "poll" => self.poll(&context).await,
            "five" => self.five(&context).await,
            "update" => self.update(&context).await,
            "delete" => self.delete(&context).await,
            "remember" => self.remember(&context).await,
            "stream" => self.stream(&context).await,
            "ask" => self.ask(&context).await,
            "hooks" => self.hooks(&context).await,
            text => {
                context.send_activity(format!("echo: {text}")).await?;
                Ok(())
            }
        }
    }

    /// A click on the poll, by either kind of button. Who voted quietly gets a card of their own.
    async fn on_card_action(
        &self,
        context: TurnContext,
        action: Action,
    ) -> Result<Option<InvokeResponse>, BoxError> {
        let id = action.message_id.clone().unwrap_or_default();
        let votes = {
            let mut polls = self.polls.lock().unwrap();
            let votes = polls.get_mut(&id).ok_or("there is no such poll")?;
            match action.data["vote"].as_str() {
                Some("tea") => votes.tea += 1,
                Some(_) => votes.coffee += 1,
                None => {}
            }
            *votes
        };
        let new = if action.data["close"] == true {
            let winner = if votes.coffee > votes.tea { "coffee" } else { "tea" };
            MessageFactory::text(format!("Winner: {winner}"))
        } else {
            with_card(poll_card(votes, false))
        };
        context.update_activity(new.with_id(id)).await?;
        let voted = action.data["vote"].as_str().unwrap_or_default();
        Ok(Some(InvokeResponse::card(card(&[format!("you voted {voted}")], &[]))))
    }

    async fn on_invoke(&self, context: TurnContext) -> Result<Option<InvokeResponse>, BoxError> {
        let activity = context.activity();
        let task = match activity.name.as_deref() {
            Some("task/fetch") => {
                let mut question = card(&[], &[json!({"type": "Action.Submit", "title": "Send"})]);
                question["body"] = json!([{"type": "Input.Text", "id": "name", "label": "Your name?"}]);
                let question = CardFactory::adaptive_card(question);
                json!({"type": "continue", "value": {"title": "A question", "card": question}})
            }
            Some("task/submit") => {
                let name = activity.value.as_ref().and_then(|value| value.pointer("/data/name"));
                let name = name.and_then(Value::as_str).unwrap_or_default();
                json!({"type": "message", "value": format!("Hello, {name}")})
            }
            _ => return Ok(None),
        };
        Ok(Some(InvokeResponse::new(200, json!({"task": task}))))
    }
}
