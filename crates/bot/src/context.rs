//! One turn of a conversation.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::activity::{
    Activity, ActivityType, ConversationReference, DeliveryMode, InvokeResponse, ResourceResponse,
};
use crate::adapter::{Adapter, BoxFuture, Capabilities};
use crate::bot::Bot;
use crate::content::Content;
use crate::error::Error;

/// The longest pause that a `delay` activity makes, in milliseconds. A longer one is cut to it.
pub const DELAY_MS_MAX: u64 = 60_000;

type Sent = Result<Vec<ResourceResponse>, Error>;
type Updated = Result<ResourceResponse, Error>;
type Deleted = Result<(), Error>;
type SendHook = Arc<dyn Fn(TurnContext, Vec<Activity>, NextSend) -> BoxFuture<'static, Sent> + Send + Sync>;
type UpdateHook = Arc<dyn Fn(TurnContext, Activity, NextUpdate) -> BoxFuture<'static, Updated> + Send + Sync>;
type DeleteHook =
    Arc<dyn Fn(TurnContext, ConversationReference, NextDelete) -> BoxFuture<'static, Deleted> + Send + Sync>;

/// One turn: the activity that came, and the means to answer it.
///
/// Cheap to clone. It can be stored and used after the turn has ended. If the future of a call is dropped before its end, the
/// platform may or may not have received the call; the context itself is unaffected.
#[derive(Clone)]
pub struct TurnContext {
    turn: Arc<Turn>,
}

struct Turn {
    bot: Bot,
    adapter: Arc<dyn Adapter>,
    activity: Activity,
    reference: ConversationReference,
    responded: AtomicBool,
    hooks: Mutex<Hooks>,
    kept: Mutex<Kept>,
}

#[derive(Default, Clone)]
struct Hooks {
    send: Vec<SendHook>,
    update: Vec<UpdateHook>,
    delete: Vec<DeleteHook>,
}

/// What the answer to the request will contain.
#[derive(Default)]
struct Kept {
    invoke_response: Option<InvokeResponse>,
    replies: Vec<Activity>,
    /// The answer was taken: later additions have no effect.
    taken: bool,
}

impl std::fmt::Debug for TurnContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TurnContext").field("activity", &self.turn.activity).finish_non_exhaustive()
    }
}

/// What to delete: a message of this turn's conversation by its id, or any message by a reference.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Deletion {
    /// The message of this turn's conversation with this id.
    Id(String),
    /// The message with `activity_id`, wherever the reference says.
    Reference(Box<ConversationReference>),
}

impl From<&str> for Deletion {
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

impl From<&String> for Deletion {
    fn from(id: &String) -> Self {
        Self::Id(id.clone())
    }
}

impl From<String> for Deletion {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

impl From<ConversationReference> for Deletion {
    fn from(reference: ConversationReference) -> Self {
        Self::Reference(Box::new(reference))
    }
}

impl From<&ConversationReference> for Deletion {
    fn from(reference: &ConversationReference) -> Self {
        Self::Reference(Box::new(reference.clone()))
    }
}

impl TurnContext {
    pub(crate) fn new(bot: Bot, adapter: Arc<dyn Adapter>, activity: Activity) -> Self {
        let reference = activity.conversation_reference();
        let turn = Turn {
            bot,
            adapter,
            activity,
            reference,
            responded: AtomicBool::new(false),
            hooks: Mutex::default(),
            kept: Mutex::default(),
        };
        Self { turn: Arc::new(turn) }
    }

    /// The activity that the turn is about.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.turn.activity
    }

    /// The activity's text without the mention of the bot; empty if there is none.
    #[must_use]
    pub fn text(&self) -> String {
        self.activity().text_without_recipient()
    }

    /// The reference of the activity. Store it in order to write later, with [`Bot::continue_conversation`].
    #[must_use]
    pub fn conversation_reference(&self) -> ConversationReference {
        self.turn.reference.clone()
    }

    /// The reference of a message that was sent in this turn. Store it in order to update or delete the message later.
    /// `None` if the platform gave the message no id.
    #[must_use]
    pub fn reply_reference(&self, response: &ResourceResponse) -> Option<ConversationReference> {
        let id = response.id.clone()?;
        Some(ConversationReference { activity_id: Some(id), ..self.conversation_reference() })
    }

    /// The bot whose turn it is.
    #[must_use]
    pub fn bot(&self) -> &Bot {
        &self.turn.bot
    }

    /// The platform.
    #[must_use]
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.turn.adapter
    }

    /// What the bot can do in this conversation.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.turn.adapter.capabilities(&self.turn.reference)
    }

    /// Whether the bot has sent an activity other than a trace, or answered an invoke. Updates and deletions don't count.
    #[must_use]
    pub fn responded(&self) -> bool {
        self.turn.responded.load(Ordering::Acquire)
    }

    /// Sends one activity, or a text, to this turn's conversation, as an answer to what came.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Unanswered`] the message may exist. [`Error::Partly`] if a hook made several of it.
    pub async fn send_activity(&self, activity: impl Into<Activity>) -> Result<ResourceResponse, Error> {
        let responses = self.send_activities(vec![activity.into()]).await?;
        Ok(responses.into_iter().next().unwrap_or_default())
    }

    /// Sends neutral content, or a text, as [`send_activity`](Self::send_activity) does, in this platform's shape.
    ///
    /// # Errors
    /// As there.
    pub async fn send_content(&self, content: impl Into<Content>) -> Result<ResourceResponse, Error> {
        self.send_activity(self.activity_of(&content.into())).await
    }

    /// Replaces the message with this id by neutral content, or a text, as [`update_activity`](Self::update_activity) does.
    ///
    /// # Errors
    /// As there.
    pub async fn update_content(
        &self,
        id: &str,
        content: impl Into<Content>,
    ) -> Result<ResourceResponse, Error> {
        self.update_activity(self.activity_of(&content.into()).with_id(id)).await
    }

    /// Content in the shape of this turn's platform.
    pub(crate) fn activity_of(&self, content: &Content) -> Activity {
        let channel_id = self.turn.reference.channel_id.as_deref();
        content.to_activity(channel_id.unwrap_or_else(|| self.turn.adapter.channel_id()))
    }

    /// Sends activities one after another, and returns what came of each, in order. Ids that they have are dropped.
    ///
    /// # Errors
    /// The first failure ends it: [`Error::Partly`] if some were sent before.
    pub async fn send_activities(&self, activities: Vec<Activity>) -> Result<Vec<ResourceResponse>, Error> {
        let activities = activities.into_iter().map(|activity| self.outgoing(activity)).collect();
        NextSend { context: self.clone(), hooks: self.hooks().send.into_iter().collect() }
            .run(activities)
            .await
    }

    /// Replaces the message that `activity.id` names, in this turn's conversation.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing changed. [`Error::Unanswered`]: it may or may not have happened; repeating the
    /// call is safe. [`Error::Misconfigured`] without an id.
    pub async fn update_activity(&self, activity: impl Into<Activity>) -> Result<ResourceResponse, Error> {
        let mut activity = activity.into().to(&self.turn.reference);
        if activity.r#type.is_none() {
            activity.r#type = Some(ActivityType::Message);
        }
        NextUpdate { context: self.clone(), hooks: self.hooks().update.into_iter().collect() }
            .run(activity)
            .await
    }

    /// Deletes a message: by its id in this turn's conversation, or by a reference.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing changed; [`is_message_not_found`](Error::is_message_not_found) says whether the message did
    /// not exist.
    pub async fn delete_activity(&self, what: impl Into<Deletion>) -> Result<(), Error> {
        let reference = match what.into() {
            Deletion::Id(id) => {
                ConversationReference { activity_id: Some(id), ..self.conversation_reference() }
            }
            Deletion::Reference(reference) => *reference,
        };
        NextDelete { context: self.clone(), hooks: self.hooks().delete.into_iter().collect() }
            .run(reference)
            .await
    }

    /// Sets the answer to the invoke of this turn. The last call wins. A call after the turn has ended has no effect.
    pub fn respond(&self, response: InvokeResponse) {
        let mut kept = self.kept();
        if kept.taken {
            tracing::warn!("an answer to an invoke came after its turn had ended");
        }
        kept.invoke_response = Some(response);
        drop(kept);
        self.turn.responded.store(true, Ordering::Release);
    }

    /// Passes everything that this turn sends from now on through this hook. Hooks run in the order in which they were added.
    /// Each gets the activities that the one before passed to `next`. If a hook does not run `next`, later hooks don't run and
    /// nothing is sent.
    ///
    /// ```
    /// use redraft_bot::testing::TestFlow;
    /// use redraft_bot::{Bot, TurnContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bot = Bot::new(async |context: TurnContext| {
    ///     context.on_send_activities(|_, mut activities, next| async move {
    ///         activities.retain(|activity| activity.text.as_deref() != Some("secret"));
    ///         next.run(activities).await
    ///     });
    ///     context.send_activities(vec!["secret".into(), "public".into()]).await?;
    ///     Ok(())
    /// });
    /// TestFlow::new(bot).test("hello", "public").assert_nothing_more().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_send_activities<H, F>(&self, hook: H)
    where
        H: Fn(TurnContext, Vec<Activity>, NextSend) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<ResourceResponse>, Error>> + Send + 'static,
    {
        let hook: SendHook =
            Arc::new(move |context, activities, next| Box::pin(hook(context, activities, next)));
        self.lock_hooks().send.push(hook);
    }

    /// As [`on_send_activities`](Self::on_send_activities), for updates.
    pub fn on_update_activity<H, F>(&self, hook: H)
    where
        H: Fn(TurnContext, Activity, NextUpdate) -> F + Send + Sync + 'static,
        F: Future<Output = Result<ResourceResponse, Error>> + Send + 'static,
    {
        let hook: UpdateHook =
            Arc::new(move |context, activity, next| Box::pin(hook(context, activity, next)));
        self.lock_hooks().update.push(hook);
    }

    /// As [`on_send_activities`](Self::on_send_activities), for deletions.
    pub fn on_delete_activity<H, F>(&self, hook: H)
    where
        H: Fn(TurnContext, ConversationReference, NextDelete) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let hook: DeleteHook =
            Arc::new(move |context, reference, next| Box::pin(hook(context, reference, next)));
        self.lock_hooks().delete.push(hook);
    }

    /// The parts of the answer to the request, once the turn has ended.
    pub(crate) fn take_answer(&self) -> (Option<InvokeResponse>, Vec<Activity>) {
        let mut kept = self.kept();
        kept.taken = true;
        (kept.invoke_response.take(), std::mem::take(&mut kept.replies))
    }

    /// Whether what is sent now goes into the answer to the request, where it gets no id. After the turn it is sent as usual.
    pub(crate) fn buffers_replies(&self) -> bool {
        self.activity().delivery_mode == Some(DeliveryMode::ExpectReplies) && !self.kept().taken
    }

    /// Adds an activity to the answer. `false` if it has to be sent: the caller expects no activities, or the answer was taken
    /// already.
    fn buffer(&self, activity: &Activity) -> bool {
        let mut kept = self.kept();
        let wanted = self.activity().delivery_mode == Some(DeliveryMode::ExpectReplies) && !kept.taken;
        if wanted {
            kept.replies.push(activity.clone());
        }
        wanted
    }

    pub(crate) fn outgoing(&self, activity: Activity) -> Activity {
        let mut activity = activity.to(&self.turn.reference);
        activity.id = None;
        if activity.r#type.is_none() {
            activity.r#type = Some(ActivityType::Message);
        }
        if activity.reply_to_id.is_none() {
            activity.reply_to_id.clone_from(&self.turn.reference.activity_id);
        }
        activity
    }

    fn lock_hooks(&self) -> std::sync::MutexGuard<'_, Hooks> {
        self.turn.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hooks(&self) -> Hooks {
        self.lock_hooks().clone()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.turn.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_now(&self, activities: Vec<Activity>) -> Sent {
        let mut sent = Vec::with_capacity(activities.len());
        for activity in activities {
            match self.send_one(activity).await {
                Ok(response) => sent.push(response),
                Err(source) if sent.is_empty() => return Err(source),
                Err(source) => return Err(Error::Partly { sent, source: Box::new(source) }),
            }
        }
        Ok(sent)
    }

    async fn send_one(&self, activity: Activity) -> Updated {
        let is = |wanted: ActivityType| activity.is(&wanted);
        if is(ActivityType::Delay) {
            let milliseconds =
                activity.value.as_ref().and_then(serde_json::Value::as_u64).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(milliseconds.min(DELAY_MS_MAX))).await;
            return Ok(ResourceResponse::default());
        }
        if is(ActivityType::InvokeResponse) {
            let value = activity.value.unwrap_or_default();
            let response = serde_json::from_value(value).map_err(|error| {
                Error::Misconfigured(format!("An invoke response needs a status: {error}"))
            })?;
            self.respond(response);
            return Ok(ResourceResponse::default());
        }
        if is(ActivityType::Trace) && self.activity().channel_id.as_deref() != Some("emulator") {
            return Ok(ResourceResponse::default());
        }
        let trace = is(ActivityType::Trace);
        let response = if self.buffer(&activity) {
            ResourceResponse::default()
        } else {
            self.turn.adapter.send(&activity).await?
        };
        if !trace {
            self.turn.responded.store(true, Ordering::Release);
        }
        Ok(response)
    }
}

/// The hooks that activities have not passed yet, then the platform.
pub struct NextSend {
    context: TurnContext,
    hooks: std::collections::VecDeque<SendHook>,
}

impl NextSend {
    /// Passes these activities on, and returns the results in order.
    ///
    /// # Errors
    /// As [`TurnContext::send_activities`].
    pub async fn run(mut self, activities: Vec<Activity>) -> Result<Vec<ResourceResponse>, Error> {
        match self.hooks.pop_front() {
            Some(hook) => hook(self.context.clone(), activities, self).await,
            None => self.context.send_now(activities).await,
        }
    }
}

/// The hooks that an update has not passed yet, then the platform.
pub struct NextUpdate {
    context: TurnContext,
    hooks: std::collections::VecDeque<UpdateHook>,
}

impl NextUpdate {
    /// Passes this activity on, and returns the result.
    ///
    /// # Errors
    /// As [`TurnContext::update_activity`].
    pub async fn run(mut self, activity: Activity) -> Result<ResourceResponse, Error> {
        match self.hooks.pop_front() {
            Some(hook) => hook(self.context.clone(), activity, self).await,
            None if activity.id.as_ref().is_none_or(String::is_empty) => Err(Error::Misconfigured(
                "An update needs the id of the message: set activity.id.".to_owned(),
            )),
            None => self.context.turn.adapter.update(&activity).await,
        }
    }
}

/// The hooks that a deletion has not passed yet, then the platform.
pub struct NextDelete {
    context: TurnContext,
    hooks: std::collections::VecDeque<DeleteHook>,
}

impl NextDelete {
    /// Passes this reference on.
    ///
    /// # Errors
    /// As [`TurnContext::delete_activity`].
    pub async fn run(mut self, reference: ConversationReference) -> Result<(), Error> {
        match self.hooks.pop_front() {
            Some(hook) => hook(self.context.clone(), reference, self).await,
            None if reference.activity_id.as_ref().is_none_or(String::is_empty) => {
                Err(Error::Misconfigured("A deletion needs the id of the message.".to_owned()))
            }
            None => self.context.turn.adapter.delete(&reference).await,
        }
    }
}
