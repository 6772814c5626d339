//! Slack apps: a person uses elements of messages and modals, runs shortcuts, types commands.

use std::sync::Arc;

use redraft_model::command::Verb;
use redraft_model::content::Content;
use redraft_model::decision::{Refusal, Why};
use redraft_model::grant::GrantRefusal;
use redraft_model::id::{AppId, ConversationId};
use redraft_model::item::{Item, ItemKey, Views};
use redraft_model::modal::{Modal, ModalRefusal};
use redraft_model::policy;
use redraft_model::time::Ts;
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind, SlackApp};
use redraft_store::{StoreError, Stored};
use redraft_wire::slack::answers::Submitted;
use redraft_wire::slack::choice::{self, Names, State};
use redraft_wire::slack::elements::{self, Element, Kind, Name, Source};
use redraft_wire::slack::legacy::{self, LegacyAction};
use serde_json::{Map, Value};

use super::person::{Hindered, Person};
use redraft_service::NotDone;
use redraft_slack::interactivity::NotTold;
use redraft_slack::payload;
use redraft_slack::scene::{InView, OnMessage, Scene};

impl From<NotTold> for Hindered {
    fn from(not_told: NotTold) -> Self {
        match not_told {
            NotTold::NotDone(not_done) => Self::NotDone(not_done),
            NotTold::Unanswered(why) => Self::Unanswered(why),
        }
    }
}

fn refused(why: Why) -> Hindered {
    Hindered::NotDone(NotDone::Refused(Box::new(Refusal { why, actor: None, message: None })))
}

fn no_view() -> Hindered {
    refused(Why::Modal(ModalRefusal::NotFound))
}

/// How a person uses an element.
#[derive(Clone, Copy)]
pub(crate) struct Use<'a> {
    /// Which.
    pub name: Name<'a>,
    /// What is chosen with it.
    pub value: Option<&'a Value>,
    /// What the person has put into the elements besides, by name.
    pub inputs: &'a Map<String, Value>,
}

/// A person's open modals, the lowest first, with the app that opened them.
pub(crate) struct Open {
    pub bot: Arc<Bot>,
    pub views: Views,
}

impl Open {
    /// A modal of the stack as its app sees it.
    pub fn shown(&self, person: &Person, place: usize) -> Value {
        payload::view(&person.directory, &self.views, place, Map::new())
    }

    fn place(&self, id: &str) -> Result<usize, Hindered> {
        self.views.stack.iter().position(|view| view.id == id).ok_or_else(no_view)
    }

    fn json(&self, place: usize) -> &str {
        self.views.stack.get(place).map_or("{}", |view| &view.json)
    }
}

/// The blocks of a message with their elements, in one list.
struct Parts {
    blocks: Vec<(Option<u64>, Vec<Value>)>,
    attachments: Vec<Value>,
}

impl Parts {
    fn of(content: &Content) -> Self {
        Self { blocks: payload::blocks(content), attachments: payload::list(&content.attachments) }
    }

    fn elements(&self) -> (Vec<Option<u64>>, Vec<Element<'_>>) {
        let all = self.blocks.iter().flat_map(|(attachment, blocks)| {
            elements::elements(blocks).into_iter().map(|element| (*attachment, element))
        });
        all.unzip()
    }

    fn legacy(&self) -> Vec<LegacyAction<'_>> {
        legacy::legacy_actions(&self.attachments)
    }
}

/// What was found of a message: an element of its blocks, or something of an old attachment.
enum Found<'a> {
    Element { attachment: Option<u64>, place: usize },
    Legacy(&'a LegacyAction<'a>),
}

fn found<'a>(
    attachments: &[Option<u64>],
    elements: &[Element<'_>],
    legacy: &'a [LegacyAction<'a>],
    name: &Name<'_>,
) -> Result<Found<'a>, Hindered> {
    let place =
        elements::find(elements, name).map(|found| elements.iter().position(|it| std::ptr::eq(it, found)));
    match place {
        Ok(place) => {
            let place = place.unwrap_or_default();
            Ok(Found::Element { attachment: attachments.get(place).copied().flatten(), place })
        }
        Err(why) if legacy.is_empty() => Err(Hindered::Impossible(why)),
        Err(why) => match legacy::find_legacy(legacy, name) {
            Ok(action) => Ok(Found::Legacy(action)),
            Err(_) if !elements.is_empty() => Err(Hindered::Impossible(why)),
            Err(why) => Err(Hindered::Impossible(why)),
        },
    }
}

impl Person {
    /// Uses an element of a message that a Slack app posted.
    pub(super) async fn use_element(
        &self,
        conversation: &Conversation,
        stored: &Stored,
        used: Use<'_>,
    ) -> Result<(), Hindered> {
        let parts = Parts::of(&stored.content);
        let (attachments, elements) = parts.elements();
        let legacy = parts.legacy();
        if elements.is_empty() && legacy.is_empty() {
            return Err(Hindered::Impossible("the message has nothing to press".into()));
        }
        let bot = self.app_of(stored)?;
        let (scene, on) = (self.scene(&bot), OnMessage { conversation, stored });
        match found(&attachments, &elements, &legacy, &used.name)? {
            Found::Element { attachment, place } => {
                let (action, state) = self.with_names(|names| acted(&elements, place, used, names))?;
                Ok(scene.action(on, attachment, action, &state.values).await?)
            }
            Found::Legacy(action) => {
                let given = self.legacy_value(action, used.value.unwrap_or(&Value::Null));
                let json = legacy::legacy_action(action, &given).map_err(Hindered::Impossible)?;
                Ok(scene.legacy(on, action.attachment_id, action.callback_id, json).await?)
            }
        }
    }

    /// Uses an element of an open modal.
    pub async fn use_in_view(&self, id: &str, used: Use<'_>) -> Result<(), Hindered> {
        let open = self.open_views().await?.ok_or_else(no_view)?;
        let place = self.on_top(&open, id)?;
        let blocks = choice::blocks_of(open.json(place));
        let elements = elements::elements(&blocks);
        let found = elements::find(&elements, &used.name).map_err(Hindered::Impossible)?;
        let at = elements.iter().position(|it| std::ptr::eq(it, found)).unwrap_or_default();
        let (action, state) = self.with_names(|names| acted(&elements, at, used, names))?;
        let view = InView { views: &open.views, place, values: &state.values };
        Ok(self.scene(&open.bot).view_action(view, action).await?)
    }

    /// Submits an open modal with these inputs.
    pub async fn submit_view(&self, id: &str, inputs: &Map<String, Value>) -> Result<Submitted, Hindered> {
        let open = self.open_views().await?.ok_or_else(no_view)?;
        let place = self.on_top(&open, id)?;
        let view = shown(open.json(place))?;
        if view.get("submit").is_none_or(Value::is_null) {
            return Err(Hindered::Impossible("the modal has no button that submits it".into()));
        }
        let blocks = choice::blocks_of(open.json(place));
        let elements = elements::elements(&blocks);
        let state = self.with_names(|names| choice::state(&elements, inputs, names))?;
        if !state.missing.is_empty() {
            let missing: Vec<String> = state.missing.into_values().collect();
            return Err(Hindered::Impossible(missing.join("; ")));
        }
        let answerable = choice::answerable(&elements, &state.values).into_iter();
        let answerable: Vec<(String, String, ConversationId)> = answerable
            .filter_map(|(block, action, id)| {
                Some((block, action, self.directory.conversation_named(&id)?.id))
            })
            .collect();
        let view = InView { views: &open.views, place, values: &state.values };
        Ok(self.scene(&open.bot).submission(view, &elements, &answerable).await?)
    }

    /// Closes an open modal, or all of them. Apps that asked for it (`notify_on_close`) receive `view_closed` afterwards.
    pub async fn close_view(&self, id: &str, all: bool) -> Result<(), Hindered> {
        let open = self.open_views().await?.ok_or_else(no_view)?;
        let place = self.on_top(&open, id)?;
        let says = |place: usize, name: &str| -> Result<bool, Hindered> {
            Ok(shown(open.json(place))?.get(name) == Some(&Value::Bool(true)))
        };
        let all = all || says(place, "clear_on_close")?;
        let closed: Vec<usize> = if all { (0..=place).rev().collect() } else { vec![place] };
        // Before the commit, as nothing fails after it.
        let mut notified = Vec::new();
        for place in closed {
            notified.extend(says(place, "notify_on_close")?.then_some(place));
        }
        self.submit(Verb::Modal(Box::new(Modal::Close { id: id.to_owned(), all }))).await?;
        let nothing = Map::new();
        for place in notified {
            let view = InView { views: &open.views, place, values: &nothing };
            self.scene(&open.bot).closed(view, all).await?;
        }
        Ok(())
    }

    /// The modals that this person has open.
    pub async fn open_views(&self) -> Result<Option<Open>, Hindered> {
        let workspace = self.directory.workspace.id;
        let found = self.app.service.store.item(workspace, ItemKey::Views(self.user.id)).await?;
        let Some(Item::Views(views)) = found else { return Ok(None) };
        let bot = self.directory.app(views.app).filter(|bot| !bot.uninstalled).cloned();
        Ok(bot.map(|bot| Open { bot, views }))
    }

    /// Only the top modal can be used: it covers the others.
    fn on_top(&self, open: &Open, id: &str) -> Result<usize, Hindered> {
        let place = open.place(id)?;
        if place + 1 < open.views.stack.len() {
            return Err(Hindered::Impossible(
                "another modal is open on top of this one; close or submit it first".into(),
            ));
        }
        Ok(place)
    }

    /// Runs a shortcut of this `callback_id`: on a message, or from anywhere.
    pub async fn run_shortcut(
        &self,
        bot: Option<AppId>,
        callback_id: &str,
        on: Option<(&Conversation, Ts)>,
    ) -> Result<(), Hindered> {
        let of = |slack: &SlackApp| {
            slack.shortcuts.iter().any(|it| it.callback_id == callback_id && it.of_message == on.is_some())
        };
        let bot = self.app_with(bot, of).ok_or_else(|| {
            let kind = if on.is_some() { "message" } else { "global" };
            Hindered::Impossible(format!("no installed app has a {kind} shortcut {callback_id}"))
        })?;
        let scene = self.scene(&bot);
        match on {
            None => Ok(scene.shortcut(callback_id).await?),
            Some((conversation, ts)) => {
                let stored = self.message(conversation, ts).await?;
                let on = OnMessage { conversation, stored: &stored };
                Ok(scene.message_shortcut(on, callback_id).await?)
            }
        }
    }

    /// Types a slash command with what follows it. Returns whether its app answered at once.
    pub async fn run_command(&self, conversation: &Conversation, words: &str) -> Result<bool, Hindered> {
        let words = words.trim_start();
        let (name, text) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let named = |slack: &SlackApp| slack.commands.iter().any(|it| it.command == name);
        let bot = self.app_with(None, named);
        let bot =
            bot.ok_or_else(|| Hindered::Impossible(format!("{name} is not a command of an installed app")))?;
        let commands = bot.slack.iter().flat_map(|slack| &slack.commands);
        match commands.into_iter().find(|it| it.command == name) {
            Some(command) => Ok(self.scene(&bot).command(conversation, command, text).await?),
            None => Err(refused(Why::GrantAnswers(GrantRefusal::NoApp))),
        }
    }

    /// The options that an app offers for a select of a message, for what was typed.
    pub async fn suggestions_on(
        &self,
        conversation: &Conversation,
        ts: Ts,
        name: &Name<'_>,
        typed: &str,
    ) -> Result<Value, Hindered> {
        let stored = self.message(conversation, ts).await?;
        let bot = self.app_of(&stored)?;
        let parts = Parts::of(&stored.content);
        let (attachments, elements) = parts.elements();
        let legacy = parts.legacy();
        let (scene, on) = (self.scene(&bot), OnMessage { conversation, stored: &stored });
        match found(&attachments, &elements, &legacy, name)? {
            Found::Element { attachment, place } => {
                asks_app(&elements[place], typed)?;
                Ok(scene.suggestions_on(on, attachment, &elements[place], typed).await?)
            }
            Found::Legacy(action) if action.is_external() => {
                let (id, callback_id) = (action.attachment_id, action.callback_id);
                Ok(scene.legacy_suggestions(on, id, callback_id, action.name(), typed).await?)
            }
            Found::Legacy(_) => Err(not_external()),
        }
    }

    /// The same of a select of an open modal.
    pub async fn suggestions_in(&self, id: &str, name: &Name<'_>, typed: &str) -> Result<Value, Hindered> {
        let open = self.open_views().await?.ok_or_else(no_view)?;
        let place = self.on_top(&open, id)?;
        let blocks = choice::blocks_of(open.json(place));
        let elements = elements::elements(&blocks);
        let element = elements::find(&elements, name).map_err(Hindered::Impossible)?;
        asks_app(element, typed)?;
        let nothing = Map::new();
        let view = InView { views: &open.views, place, values: &nothing };
        Ok(self.scene(&open.bot).suggestions_in(view, element, typed).await?)
    }

    fn scene<'a>(&'a self, bot: &'a Arc<Bot>) -> Scene<'a> {
        Scene { slack: &self.app.slack, directory: &self.directory, user: &self.user, bot }
    }

    /// The installed app that has such a thing; of several the one that came last.
    fn app_with(&self, only: Option<AppId>, has: impl Fn(&SlackApp) -> bool) -> Option<Arc<Bot>> {
        let installed = self.directory.apps().filter(|bot| !bot.uninstalled);
        let wanted = installed.filter(|bot| only.is_none_or(|only| only == bot.id));
        wanted.filter(|bot| bot.slack.as_ref().is_some_and(|slack| has(slack))).last().cloned()
    }

    /// The Slack app that posted a message.
    fn app_of(&self, stored: &Stored) -> Result<Arc<Bot>, Hindered> {
        let bot = stored.message.app.filter(|_| stored.message.as_app).and_then(|id| self.directory.app(id));
        let bot = bot.filter(|bot| bot.slack.is_some() && !bot.uninstalled);
        bot.cloned().ok_or_else(|| refused(Why::GrantAnswers(GrantRefusal::NoApp)))
    }

    /// Names that the person may use, as ids.
    fn with_names<T>(&self, run: impl FnOnce(&Names<'_>) -> Result<T, String>) -> Result<T, Hindered> {
        let user = |name: &str| {
            let found = self.directory.user_named(name);
            let found =
                found.or_else(|| self.directory.user_named(&format!("@{}", name.trim_start_matches('@'))));
            found.map(|user| user.slack_id.clone())
        };
        let conversation = |name: &str| {
            let found = self.directory.conversation_named(name);
            let found = found.or_else(|| self.directory.channel(name.trim_start_matches('#')));
            let seen = found.filter(|found| policy::sees(self.user.id, found));
            seen.map(|found| (found.slack_id.clone(), found.kind == ConversationKind::Public))
        };
        run(&Names { user: &user, conversation: &conversation }).map_err(Hindered::Impossible)
    }

    /// What is chosen in a legacy menu of people or channels, as an id.
    fn legacy_value(&self, action: &LegacyAction<'_>, given: &Value) -> Value {
        let source = action.json.get("data_source").and_then(Value::as_str).unwrap_or_default();
        let id = given.as_str().and_then(|name| {
            let id = self.with_names(|names| {
                Ok(match source {
                    "users" => (names.user)(name),
                    "channels" | "conversations" => (names.conversation)(name).map(|(id, _)| id),
                    _ => None,
                })
            });
            id.ok().flatten()
        });
        id.map_or_else(|| given.clone(), Value::from)
    }
}

/// The action that an app gets of a used element, without its time, and the state of all elements with it.
fn acted(
    elements: &[Element<'_>],
    place: usize,
    used: Use<'_>,
    names: &Names<'_>,
) -> Result<(Value, State), String> {
    let (chosen, state) = choice::used(elements, place, used.value, used.inputs, names)?;
    Ok((choice::action(&elements[place], chosen, ""), state))
}

fn asks_app(element: &Element<'_>, typed: &str) -> Result<(), Hindered> {
    if !matches!(element.kind, Some(Kind::Option(Source::App) | Kind::Options(Source::App))) {
        return Err(not_external());
    }
    // Three characters, unless the element says otherwise.
    let min = element.json.get("min_query_length").and_then(Value::as_u64).unwrap_or(3);
    if u64::try_from(typed.chars().count()).is_ok_and(|count| count < min) {
        let why = format!("the app is asked from {min} characters on (min_query_length)");
        return Err(Hindered::Impossible(why));
    }
    Ok(())
}

fn not_external() -> Hindered {
    Hindered::Impossible("its options are not the app's to offer".into())
}

/// A stored view as JSON. One that is none is damaged, and nothing is done with it.
fn shown(view: &str) -> Result<Value, Hindered> {
    Ok(serde_json::from_str(view).map_err(|_| StoreError::Damaged)?)
}
