//! What people do reaches the app, and the app's answer comes back.
//!
//! A call and no event: it is told once, within three seconds, and never again. What the app gets with it is committed
//! before anything is sent, since apps use it before they acknowledge.

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::decision::Outcome;
use redraft_model::grant::{AnswerUrl, GrantAnswers, Place};
use redraft_model::id::ConversationId;
use redraft_model::item::{Origin, ResponseUrl};
use redraft_model::modal::{Answer, Modal};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{Conversation, SlackApp, SlashCommand};
use redraft_store::StoreError;
use redraft_wire::slack::answers::{self, Malformed, Submitted};
use redraft_wire::slack::elements::Element;
use serde_json::{Map, Value, json};
use tracing::info;

use crate::parcel::{Parcel, ParcelKind};
use crate::payload::{self, action_ts, with};
use crate::scene::{InView, OnMessage, Scene};
use crate::transport;
use crate::{command, hooks, refusal, views};
use redraft_service::NotDone;
use redraft_service::delivery::{Answered, Unanswered};
use redraft_service::mint;

/// Why the app did not get it, or its answer came to nothing.
pub enum NotTold {
    /// The store or a rule.
    NotDone(NotDone),
    /// The app did not answer, or its answer made no sense; in words.
    Unanswered(String),
}

impl From<StoreError> for NotTold {
    fn from(failed: StoreError) -> Self {
        Self::NotDone(NotDone::Store(failed))
    }
}

/// What was granted for one interaction.
struct Granted {
    at: Micros,
    trigger_id: String,
    /// The `response_url`s, with what they are worth.
    urls: Vec<(String, ResponseUrl)>,
}

impl<'a> Scene<'a> {
    /// An element of a message's blocks, or of an attachment's, was used. `action` is without its time.
    pub async fn action(
        &self,
        on: OnMessage<'_>,
        attachment: Option<u64>,
        action: Value,
        values: &Map<String, Value>,
    ) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let granted = self.grant_on(on, false, Origin::Action).await?;
        let payload = with(
            payload::common(self, "block_actions"),
            json!({
                "trigger_id": granted.trigger_id,
                "container": payload::container(&on, attachment),
                "channel": payload::channel(on.conversation),
                "state": { "values": values },
                "response_url": granted.url(),
                "actions": [timed(action, &granted)],
            }),
        );
        let payload = self.with_message("message", payload, on).await?;
        self.send(ParcelKind::Interactive, url, &payload).await.map(drop)
    }

    /// A button or menu of a legacy attachment was used; the answer may be a message.
    pub async fn legacy(
        &self,
        on: OnMessage<'_>,
        attachment: u64,
        callback_id: &str,
        action: Value,
    ) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let granted = self.grant_on(on, false, Origin::Legacy).await?;
        let payload = with(
            payload::common(self, "interactive_message"),
            json!({
                "actions": [action],
                "callback_id": callback_id,
                "channel": payload::channel(on.conversation),
                "action_ts": action_ts(granted.at),
                "message_ts": on.stored.message.key.ts.dotted(),
                "attachment_id": attachment.to_string(),
                "is_app_unfurl": false,
                "response_url": granted.url(),
                "trigger_id": granted.trigger_id,
            }),
        );
        let payload = self.with_message("original_message", payload, on).await?;
        let answered = self.send(ParcelKind::Interactive, url, &payload).await?;
        self.answered_inline(&granted, &answered).await.map(drop)
    }

    /// An element of a modal was used. `action` is without its time.
    pub async fn view_action(&self, view: InView<'_>, action: Value) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let granted = self.grant(view.place(), true, &[]).await?;
        let shown = view.shown(self);
        let payload = with(
            payload::common(self, "block_actions"),
            json!({
                "trigger_id": granted.trigger_id,
                "container": { "type": "view", "view_id": shown["id"] },
                "hash": shown["hash"],
                "view": shown,
                "actions": [timed(action, &granted)],
            }),
        );
        self.send(ParcelKind::Interactive, url, &payload).await.map(drop)
    }

    /// A shortcut was run on a message.
    pub async fn message_shortcut(&self, on: OnMessage<'_>, callback_id: &str) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let granted = self.grant_on(on, true, Origin::MessageShortcut).await?;
        let payload = with(
            payload::common(self, "message_action"),
            json!({
                "callback_id": callback_id,
                "trigger_id": granted.trigger_id,
                "action_ts": action_ts(granted.at),
                "channel": payload::channel(on.conversation),
                "message_ts": on.stored.message.key.ts.dotted(),
                "response_url": granted.url(),
            }),
        );
        let payload = self.with_message("message", payload, on).await?;
        self.send(ParcelKind::Interactive, url, &payload).await.map(drop)
    }

    /// A shortcut was run from anywhere.
    pub async fn shortcut(&self, callback_id: &str) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let granted = self.grant(Place::Anywhere, true, &[]).await?;
        let payload = with(
            payload::common(self, "shortcut"),
            json!({
                "callback_id": callback_id,
                "trigger_id": granted.trigger_id,
                "action_ts": action_ts(granted.at),
            }),
        );
        self.send(ParcelKind::Interactive, url, &payload).await.map(drop)
    }

    /// A slash command was typed; the answer may be a message. Returns whether it was.
    pub async fn command(
        &self,
        conversation: &Conversation,
        command: &SlashCommand,
        text: &str,
    ) -> Result<bool, NotTold> {
        let url = self.reachable(command.url.as_deref(), "the command has no request URL")?;
        let place = Place::Conversation(conversation.id);
        let granted = self.grant(place, true, &[(conversation.id, Origin::Command)]).await?;
        let fields = command::fields(self, conversation, command, text, granted.url(), &granted.trigger_id);
        let answered = self.send(ParcelKind::SlashCommand, url, &fields).await?;
        self.answered_inline(&granted, &answered).await
    }

    /// A modal was submitted. `answerable` are the conversations that were chosen where the app wants to answer, by block
    /// and action. Returns what the app answered, carried out.
    pub async fn submission(
        &self,
        view: InView<'_>,
        elements: &[Element<'_>],
        answerable: &[(String, String, ConversationId)],
    ) -> Result<Submitted, NotTold> {
        let url = self.interactivity_url()?;
        let answers: Vec<_> = answerable.iter().map(|(.., id)| (*id, Origin::Submission)).collect();
        let granted = self.grant(view.place(), true, &answers).await?;
        let urls: Vec<Value> = answerable
            .iter()
            .zip(&granted.urls)
            .map(|((block_id, action_id, id), (url, _))| {
                let channel_id = self.directory.conversation(*id).map(|found| &found.slack_id);
                json!({ "block_id": block_id, "action_id": action_id, "channel_id": channel_id, "response_url": url })
            })
            .collect();
        let payload = with(
            payload::common(self, "view_submission"),
            json!({ "trigger_id": granted.trigger_id, "view": view.shown(self), "response_urls": urls }),
        );
        let answered = self.send(ParcelKind::Interactive, url, &payload).await?;
        let submitted = answers::submitted(&answered.body, elements, &mut mint::block_id);
        let submitted = submitted.map_err(|malformed| self.malformed(&malformed))?;
        self.carry_out(view, &submitted).await?;
        Ok(submitted)
    }

    /// A modal was closed, after the fact.
    pub async fn closed(&self, view: InView<'_>, is_cleared: bool) -> Result<(), NotTold> {
        let url = self.interactivity_url()?;
        let payload = with(
            payload::common(self, "view_closed"),
            json!({ "view": view.shown(self), "is_cleared": is_cleared }),
        );
        self.send(ParcelKind::Interactive, url, &payload).await.map(drop)
    }

    /// The options that the app offers for an element of a message.
    pub async fn suggestions_on(
        &self,
        on: OnMessage<'_>,
        attachment: Option<u64>,
        element: &Element<'_>,
        typed: &str,
    ) -> Result<Value, NotTold> {
        let payload = with(
            suggestion(self, element, typed),
            json!({
                "container": payload::container(&on, attachment),
                "channel": payload::channel(on.conversation),
            }),
        );
        let payload = self.with_message("message", payload, on).await?;
        self.offered(&payload, answers::options).await
    }

    /// The options that the app offers for an element of a modal.
    pub async fn suggestions_in(
        &self,
        view: InView<'_>,
        element: &Element<'_>,
        typed: &str,
    ) -> Result<Value, NotTold> {
        let shown = view.shown(self);
        let container = json!({ "type": "view", "view_id": shown["id"] });
        let payload =
            with(suggestion(self, element, typed), json!({ "container": container, "view": shown }));
        self.offered(&payload, answers::options).await
    }

    /// The options that the app offers for a legacy menu.
    pub async fn legacy_suggestions(
        &self,
        on: OnMessage<'_>,
        attachment: u64,
        callback_id: &str,
        name: &str,
        typed: &str,
    ) -> Result<Value, NotTold> {
        let now = self.slack.service.now(self.directory.workspace.id);
        let payload = with(
            payload::common(self, "interactive_message"),
            json!({
                "name": name,
                "value": typed,
                "callback_id": callback_id,
                "channel": payload::channel(on.conversation),
                "action_ts": action_ts(now),
                "message_ts": on.stored.message.key.ts.dotted(),
                "attachment_id": attachment.to_string(),
            }),
        );
        self.offered(&payload, answers::legacy_options).await
    }

    async fn offered(
        &self,
        payload: &Value,
        read: fn(&[u8]) -> Result<Value, Malformed>,
    ) -> Result<Value, NotTold> {
        let slack = self.slack()?;
        let url = slack.options_url.as_deref().or(slack.interactivity_url.as_deref());
        let url = self.reachable(url, "has no options load URL")?;
        let answered = self.send(ParcelKind::Options, url, payload).await?;
        read(&answered.body).map_err(|malformed| self.malformed(&malformed))
    }

    fn slack(&self) -> Result<&'a SlackApp, NotTold> {
        self.bot.slack.as_deref().ok_or_else(|| self.unanswered("is no Slack app"))
    }

    fn interactivity_url(&self) -> Result<Option<&'a str>, NotTold> {
        let url = self.slack()?.interactivity_url.as_deref();
        self.reachable(url, "has no request URL for interactivity")
    }

    /// Nothing is granted when nobody would hear of it.
    fn reachable(&self, url: Option<&'a str>, else_why: &str) -> Result<Option<&'a str>, NotTold> {
        if url.is_none() && !self.slack()?.socket_mode {
            return Err(self.unanswered(else_why));
        }
        Ok(url)
    }

    fn unanswered(&self, why: &str) -> NotTold {
        NotTold::Unanswered(format!("{} {why}", self.bot.name))
    }

    fn malformed(&self, Malformed(words): &Malformed) -> NotTold {
        self.unanswered(&format!("answered what makes no sense: {words}"))
    }

    async fn submit(&self, verb: Verb) -> Result<Outcome, NotTold> {
        let (workspace, caller) = (self.directory.workspace.id, Caller::Person(self.user.id));
        let command = Command { workspace, caller, idempotency: None, verb, source: None };
        self.slack.service.submit(command).await.map_err(NotTold::NotDone)
    }

    async fn grant_on(&self, on: OnMessage<'_>, shortcut: bool, origin: Origin) -> Result<Granted, NotTold> {
        let key = on.stored.message.key;
        let place = Place::Message { conversation: key.conversation, ts: key.ts, shortcut };
        self.grant(place, true, &[(key.conversation, origin)]).await
    }

    /// Grants a trigger and these answers, durably.
    async fn grant(
        &self,
        place: Place,
        triggers: bool,
        answers: &[(ConversationId, Origin)],
    ) -> Result<Granted, NotTold> {
        let trigger_id = mint::trigger_id();
        let original = match &place {
            Place::Message { ts, shortcut: false, .. } => Some(*ts),
            _ => None,
        };
        let secrets: Vec<String> = answers.iter().map(|_| mint::secret()).collect();
        let asked = GrantAnswers {
            app: self.bot.id,
            place,
            trigger: triggers.then(|| mint::sha256(trigger_id.as_bytes())),
            answers: answers
                .iter()
                .zip(&secrets)
                .map(|((conversation, origin), secret)| {
                    let secret = mint::sha256(secret.as_bytes());
                    AnswerUrl { secret, conversation: *conversation, origin: *origin }
                })
                .collect(),
        };
        let Outcome::Granted(at) = self.submit(Verb::GrantAnswers(asked)).await? else {
            return Err(StoreError::Failed.into());
        };
        let urls = answers.iter().zip(&secrets).map(|((conversation, origin), secret)| {
            let url =
                hooks::response_url(&self.slack.service, *origin, &self.directory.workspace.team_id, secret);
            (url, self.worth(*conversation, *origin, original, at))
        });
        Ok(Granted { at, trigger_id, urls: urls.collect() })
    }

    fn worth(
        &self,
        conversation: ConversationId,
        origin: Origin,
        original: Option<Ts>,
        made_at: Micros,
    ) -> ResponseUrl {
        let (app, user) = (self.bot.id, self.user.id);
        ResponseUrl { app, user, conversation, origin, original, made_at, uses: 0, last_used_at: None }
    }

    async fn with_message(
        &self,
        name: &str,
        mut payload: Value,
        on: OnMessage<'_>,
    ) -> Result<Value, NotTold> {
        if let Some(message) = payload::message(self, on.stored).await? {
            payload[name] = message;
        }
        Ok(payload)
    }

    /// One attempt; whatever is not 2xx is a failure that the person sees.
    async fn send(&self, kind: ParcelKind, url: Option<&str>, payload: &Value) -> Result<Answered, NotTold> {
        let parcel = Parcel { kind, url, payload: payload.to_string(), retry: None, turn: None };
        let sent = transport::send(self.slack, self.directory.workspace.id, self.bot, parcel).await;
        let why = match sent {
            Ok(answered) if answered.status.is_success() => return Ok(answered),
            Ok(answered) => format!("answered {}", answered.status.as_u16()),
            Err(Unanswered { reason, .. }) => format!("was not reached: {reason}"),
        };
        info!(app = self.bot.slack_id, ?kind, why, "an interaction failed");
        Err(self.unanswered(&why))
    }

    /// Does what the app answered in its acknowledgement. Returns whether there was anything to do.
    async fn answered_inline(&self, granted: &Granted, answered: &Answered) -> Result<bool, NotTold> {
        let Some((_, worth)) = granted.urls.first() else { return Ok(false) };
        let content_type = answered.headers.get("content-type").and_then(|value| value.to_str().ok());
        let done =
            hooks::answer_inline(&self.slack.service, self.directory, worth, content_type, &answered.body)
                .await;
        done.map_err(|why| self.unanswered(&format!("answered what cannot be shown: {why}")))
    }

    async fn carry_out(&self, view: InView<'_>, submitted: &Submitted) -> Result<(), NotTold> {
        let seconds = self.slack.service.now(self.directory.workspace.id).seconds();
        let answer = match submitted {
            Submitted::Errors(_) => return Ok(()),
            Submitted::Close => Answer::Close,
            Submitted::Clear => Answer::Clear,
            Submitted::Update(modal) => Answer::Update(views::new_view(modal.clone(), seconds)),
            Submitted::Push(modal) => Answer::Push(views::new_view(modal.clone(), seconds)),
        };
        let Some(modal) = view.views.stack.get(view.place) else { return Ok(()) };
        let answer = Modal::Answer { app: self.bot.id, id: modal.id.clone(), answer };
        match self.submit(Verb::Modal(Box::new(answer))).await {
            Err(NotTold::NotDone(NotDone::Refused(refusal))) => {
                let why = refusal::error(&refusal, self.directory, "views.update").reasons.join("; ");
                Err(self.unanswered(&format!("answered with a view that cannot be shown: {why}")))
            }
            done => done.map(drop),
        }
    }
}

impl Granted {
    fn url(&self) -> &str {
        self.urls.first().map_or("", |(url, _)| url)
    }
}

impl InView<'_> {
    fn place(&self) -> Place {
        Place::View(self.views.stack.get(self.place).map(|view| view.id.clone()).unwrap_or_default())
    }

    fn shown(&self, scene: &Scene<'_>) -> Value {
        payload::view(scene.directory, self.views, self.place, self.values.clone())
    }
}

/// The action with the time at which it was done.
fn timed(mut action: Value, granted: &Granted) -> Value {
    action["action_ts"] = action_ts(granted.at).into();
    action
}

fn suggestion(scene: &Scene<'_>, element: &Element<'_>, typed: &str) -> Value {
    with(
        payload::common(scene, "block_suggestion"),
        json!({ "action_id": element.action_id, "block_id": element.block_id, "value": typed }),
    )
}
