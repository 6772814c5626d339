//! The bot: its code, its platforms and its background work.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::activity::{
    Activity, ActivityType, ConversationParameters, ConversationReference, DeliveryMode, InvokeResponse,
};
use crate::adapter::{Adapter, BoxFuture};
use crate::context::TurnContext;
use crate::error::{BoxError, Error};
use crate::handler::{ActivityHandler, Dispatch};
use crate::tasks::Tasks;

/// What a turn ends with.
pub type TurnResult = Result<(), BoxError>;

/// How long [`Bot::shutdown`] waits for background work, in milliseconds.
pub const SHUTDOWN_MS_MAX: u64 = 30_000;

/// A bot's code: a closure `|context| async { … }`, or a type of one's own. See also
/// [`ActivityHandler`](crate::ActivityHandler).
pub trait TurnHandler: Send + Sync + 'static {
    /// Handles one turn.
    fn on_turn(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send;
}

impl<H, F> TurnHandler for H
where
    H: Fn(TurnContext) -> F + Send + Sync + 'static,
    F: Future<Output = TurnResult> + Send,
{
    fn on_turn(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        self(context)
    }
}

/// Something that every turn passes through on its way to the bot: a closure `|context, next| async { … }`, or a type of one's
/// own. A turn whose middleware does not run `next` goes no further.
pub trait Middleware: Send + Sync + 'static {
    /// Handles one turn on its way.
    fn on_turn(&self, context: TurnContext, next: Next) -> impl Future<Output = TurnResult> + Send;
}

impl<M, F> Middleware for M
where
    M: Fn(TurnContext, Next) -> F + Send + Sync + 'static,
    F: Future<Output = TurnResult> + Send,
{
    fn on_turn(&self, context: TurnContext, next: Next) -> impl Future<Output = TurnResult> + Send {
        self(context, next)
    }
}

type Handle = Arc<dyn Fn(TurnContext) -> BoxFuture<'static, TurnResult> + Send + Sync>;
type Pass = Arc<dyn Fn(TurnContext, Next) -> BoxFuture<'static, TurnResult> + Send + Sync>;
type Fail = Arc<dyn Fn(TurnContext, BoxError) -> BoxFuture<'static, ()> + Send + Sync>;

/// The rest of a turn's way: further middleware, then the bot.
pub struct Next {
    bot: Bot,
    passed: usize,
}

impl Next {
    /// Goes on.
    ///
    /// # Errors
    /// Whatever the rest of the way fails with.
    pub async fn run(self, context: TurnContext) -> TurnResult {
        match self.bot.inner.middleware.get(self.passed).cloned() {
            Some(pass) => pass(context, Self { passed: self.passed + 1, ..self }).await,
            None => (self.bot.inner.handle)(context).await,
        }
    }
}

/// A bot: its code, the platforms it is on, and its background work. Cheap to clone; the clones are one bot.
#[derive(Clone)]
pub struct Bot {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    handle: Handle,
    middleware: Vec<Pass>,
    fail: Option<Fail>,
    adapters: Vec<Arc<dyn Adapter>>,
    tasks: Tasks,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let channels: Vec<&str> = self.inner.adapters.iter().map(|adapter| adapter.channel_id()).collect();
        formatter.debug_struct("Bot").field("channels", &channels).finish_non_exhaustive()
    }
}

/// How a turn ended, for the adapter that answers the request.
#[derive(Debug)]
#[non_exhaustive]
pub enum TurnOutcome {
    /// All is said.
    Done,
    /// The answer to the invoke. Its status is 501 if the bot has none.
    Invoke(InvokeResponse),
    /// What would have been sent, for a caller that asked for it in the answer.
    Replies(Vec<Activity>),
    /// The bot's code failed, and its error handler, if any, has been told.
    Failed,
}

impl Bot {
    /// A bot with this code, on no platform yet.
    pub fn new(handler: impl TurnHandler) -> Self {
        let handler = Arc::new(handler);
        let handle: Handle = Arc::new(move |context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move { handler.on_turn(context).await })
        });
        let inner =
            Inner { handle, middleware: Vec::new(), fail: None, adapters: Vec::new(), tasks: Tasks::new() };
        Self { inner: Arc::new(inner) }
    }

    /// A bot whose code has a method for each kind of activity.
    pub fn with_handler(handler: impl ActivityHandler) -> Self {
        Self::new(Dispatch(handler))
    }

    /// A bot with this code on the platforms that the environment has settings for: Slack if `SLACK_BOT_TOKEN` is set, see
    /// [`SlackSettings::from_env`](crate::SlackSettings::from_env), and Teams if `MicrosoftAppId` or `CLIENT_ID` is, see
    /// [`ConnectorSettings::from_env`](crate::ConnectorSettings::from_env).
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if they don't go together, or if there are none.
    pub fn from_env(handler: impl TurnHandler) -> Result<Self, Error> {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let mut bot = Self::new(handler);
        if set("SLACK_BOT_TOKEN") {
            bot = bot.with_adapter(crate::SlackAdapter::from_env()?);
        }
        if set("MicrosoftAppId") || set("CLIENT_ID") {
            bot = bot.with_adapter(crate::ConnectorAdapter::from_env()?);
        }
        if bot.adapters().is_empty() {
            let words = "Set SLACK_BOT_TOKEN for Slack, MicrosoftAppId or CLIENT_ID for Teams, or both.";
            return Err(Error::Misconfigured(words.to_owned()));
        }
        Ok(bot)
    }

    /// The same bot on one more platform.
    #[must_use]
    pub fn with_adapter(self, adapter: impl Adapter) -> Self {
        self.change(|inner| inner.adapters.push(Arc::new(adapter)))
    }

    /// The same bot with one more middleware, which turns pass after those added before.
    #[must_use]
    pub fn with_middleware(self, middleware: impl Middleware) -> Self {
        let middleware = Arc::new(middleware);
        let pass: Pass = Arc::new(move |context, next| {
            let middleware = Arc::clone(&middleware);
            Box::pin(async move { middleware.on_turn(context, next).await })
        });
        self.change(|inner| inner.middleware.push(pass))
    }

    /// The same bot, which is told of turns that failed. Without it, failures are logged only.
    #[must_use]
    pub fn on_turn_error<H, F>(self, handler: H) -> Self
    where
        H: Fn(TurnContext, BoxError) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.change(|inner| {
            inner.fail = Some(Arc::new(move |context, error| Box::pin(handler(context, error))))
        })
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Whether [`on_turn_error`](Self::on_turn_error) was called.
    pub(crate) fn is_told_of_errors(&self) -> bool {
        self.inner.fail.is_some()
    }

    /// The platforms that it is on.
    #[must_use]
    pub fn adapters(&self) -> &[Arc<dyn Adapter>] {
        &self.inner.adapters
    }

    /// The platform that serves a conversation.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the bot is not on that platform.
    pub fn adapter_for(&self, reference: &ConversationReference) -> Result<Arc<dyn Adapter>, Error> {
        let channel_id = reference.channel_id.as_deref().unwrap_or_default();
        let found = self.inner.adapters.iter().find(|adapter| adapter.serves(channel_id));
        found.cloned().ok_or_else(|| {
            Error::Misconfigured(format!("The bot has no adapter for the channel {:?}.", channel_id))
        })
    }

    /// Has the bot process an activity that came through this adapter. Adapters call it once they know who sent it.
    pub async fn process(&self, adapter: Arc<dyn Adapter>, activity: Activity) -> TurnOutcome {
        let span = tracing::info_span!(
            "turn",
            channel = activity.channel_id.as_deref(),
            r#type = activity.r#type.as_ref().map(ActivityType::as_str),
            id = activity.id.as_deref(),
        );
        let invoke = activity.is(&ActivityType::Invoke);
        let expects = activity.delivery_mode == Some(DeliveryMode::ExpectReplies);
        let context = TurnContext::new(self.clone(), adapter, activity);
        let _under_way = self.inner.tasks.busy();
        let ended = self.run(context.clone()).instrument(span).await;
        let (response, replies) = context.take_answer();
        match ended {
            Err(()) => TurnOutcome::Failed,
            Ok(()) if expects => TurnOutcome::Replies(replies),
            Ok(()) if invoke => TurnOutcome::Invoke(response.unwrap_or(InvokeResponse::new(501, None))),
            Ok(()) => TurnOutcome::Done,
        }
    }

    async fn run(&self, context: TurnContext) -> Result<(), ()> {
        let Err(error) = (Next { bot: self.clone(), passed: 0 }).run(context.clone()).await else {
            return Ok(());
        };
        tracing::error!(%error, "the turn failed");
        if let Some(fail) = &self.inner.fail {
            fail(context, error).await;
        }
        Err(())
    }

    /// Writes into a conversation without having been spoken to. Inside, the turn's activity is an event named
    /// `ContinueConversation`; what is sent answers nothing and stands by itself (in the thread, if the reference names one).
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the bot is not on that platform; otherwise what the logic fails with.
    pub async fn continue_conversation<F, T>(
        &self,
        reference: &ConversationReference,
        logic: impl FnOnce(TurnContext) -> F,
    ) -> Result<T, BoxError>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        logic(self.context_for(reference)?).await
    }

    /// A context for a conversation in which nobody spoke, to send, update and delete. Middleware does not see it.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the bot is not on that platform.
    pub fn context_for(&self, reference: &ConversationReference) -> Result<TurnContext, Error> {
        let adapter = self.adapter_for(reference)?;
        let activity = Activity {
            r#type: Some(ActivityType::Event),
            name: Some("ContinueConversation".to_owned()),
            channel_id: reference.channel_id.clone(),
            service_url: reference.service_url.clone(),
            conversation: reference.conversation.clone(),
            from: reference.user.clone(),
            recipient: reference.bot.clone(),
            locale: reference.locale.clone(),
            ..Activity::default()
        };
        Ok(TurnContext::new(self.clone(), adapter, activity))
    }

    /// Opens a conversation in which nobody has spoken to the bot, and returns the way into it: for
    /// [`continue_conversation`](Self::continue_conversation), and, if it was opened with a message, to update or delete that.
    /// `service_url` is the one of any activity from that platform and region.
    ///
    /// ```no_run
    /// # use redraft_bot::{Bot, ConversationParameters, Error};
    /// # async fn greet(bot: Bot, service_url: &str) -> Result<(), Error> {
    /// let parameters = ConversationParameters::with_person("29:1x", "72f988bf-86f1-41af-91ab-2d7cd011db47");
    /// let reference = bot.create_conversation("msteams", service_url, &parameters).await?;
    /// bot.context_for(&reference)?.send_activity("Good morning!").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the bot is not on that platform; otherwise see [`Error`].
    pub async fn create_conversation(
        &self,
        channel_id: &str,
        service_url: &str,
        parameters: &ConversationParameters,
    ) -> Result<ConversationReference, Error> {
        let place = ConversationReference {
            channel_id: Some(channel_id.to_owned()),
            ..ConversationReference::default()
        };
        let adapter = self.adapter_for(&place)?;
        let created = adapter.create_conversation(service_url, parameters).await?;
        Ok(ConversationReference { channel_id: place.channel_id, ..created })
    }

    /// Runs a task that [`shutdown`](Self::shutdown) waits for. Once the bot is shut down it is dropped instead.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if !self.inner.tasks.spawn(task.in_current_span()) {
            tracing::warn!("the bot is shut down: a task was not started");
        }
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// Waits until the bot is told to stop.
    pub async fn stopped(&self) {
        self.inner.tasks.stopped().await;
    }

    /// Starts the connections that adapters keep by themselves, Slack's Socket Mode for one. Requests of platforms come in
    /// through [`service`](Self::service) or [`listen`](Self::listen).
    pub fn start(&self) {
        for adapter in self.adapters() {
            if let Some(connection) = Arc::clone(adapter).connect(self.clone()) {
                let channel = adapter.channel_id().to_owned();
                self.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::error!(%error, %channel, "the connection ended for good");
                    }
                });
            }
        }
    }

    /// Tells connections to end, and waits for what is under way: turns, tasks, last contents of live messages. After
    /// [`SHUTDOWN_MS_MAX`] tasks are cut off; returns how much was unfinished then. A turn that calls this waits for itself.
    pub async fn shutdown(&self) -> usize {
        self.inner.tasks.shutdown(Duration::from_millis(SHUTDOWN_MS_MAX)).await
    }
}
