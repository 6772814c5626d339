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

/// The result of a turn.
pub type TurnResult = Result<(), BoxError>;

/// The longest time that [`Bot::shutdown`] waits for background work, in milliseconds.
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

/// Code that every turn passes before it reaches the bot: a closure `|context, next| async { … }`, or a type of your own. If it
/// does not run `next`, the turn ends there.
///
/// ```
/// use redraft_bot::{Bot, Next, TurnContext, TurnResult};
///
/// async fn on_turn(_: TurnContext) -> TurnResult {
///     Ok(())
/// }
///
/// let bot = Bot::new(on_turn).with_middleware(async |context: TurnContext, next: Next| {
///     println!("{:?}", context.activity().text);
///     next.run(context).await
/// });
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Handles one turn before the bot does.
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

/// The middleware and the bot that a turn has not reached yet.
pub struct Next {
    bot: Bot,
    passed: usize,
}

impl Next {
    /// Passes the turn on.
    ///
    /// # Errors
    /// The error of the middleware or the bot that failed.
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

/// The outcome of a turn, from which an adapter makes the answer to the request.
#[derive(Debug)]
#[non_exhaustive]
pub enum TurnOutcome {
    /// The turn succeeded; the answer has no body.
    Done,
    /// The answer to the invoke. Its status is 501 if the bot has none.
    Invoke(InvokeResponse),
    /// The activities that the bot sent, for a caller that expects them in the answer.
    Replies(Vec<Activity>),
    /// The bot's code failed. The handler of [`Bot::on_turn_error`], if there is one, has run.
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

    /// Adds a platform.
    #[must_use]
    pub fn with_adapter(self, adapter: impl Adapter) -> Self {
        self.change(|inner| inner.adapters.push(Arc::new(adapter)))
    }

    /// Adds a middleware, which turns pass after those added before.
    #[must_use]
    pub fn with_middleware(self, middleware: impl Middleware) -> Self {
        let middleware = Arc::new(middleware);
        let pass: Pass = Arc::new(move |context, next| {
            let middleware = Arc::clone(&middleware);
            Box::pin(async move { middleware.on_turn(context, next).await })
        });
        self.change(|inner| inner.middleware.push(pass))
    }

    /// Runs this when a turn fails. Failures are logged in any case.
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

    /// Whether [`on_turn_error`](Self::on_turn_error) set a handler.
    pub(crate) fn has_error_handler(&self) -> bool {
        self.inner.fail.is_some()
    }

    /// The platforms of the bot.
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

    /// Runs a turn for an activity that this adapter received. Adapters call it once they have verified the sender.
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

    /// Runs code in a conversation when no turn is open. The activity of its context is an event named `ContinueConversation`.
    /// Messages that it sends are no replies; they go to the thread if the reference names one.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the bot is not on that platform; otherwise the error of the code.
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

    /// A context for a conversation when no turn is open, to send, update and delete. Middleware does not run.
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

    /// Opens a conversation and returns its reference, for [`continue_conversation`](Self::continue_conversation) and, if it
    /// was opened with a message, to update or delete that. `service_url` is that of any activity from the platform and region.
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

    /// Waits until [`shutdown`](Self::shutdown) is called.
    pub async fn stopped(&self) {
        self.inner.tasks.stopped().await;
    }

    /// Starts the connections that adapters maintain by themselves, such as Slack's Socket Mode. Requests of platforms come in
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

    /// Closes connections and waits for running turns, tasks and the last contents of live messages, at most
    /// [`SHUTDOWN_MS_MAX`]. Then it aborts the rest and returns how many turns and tasks it aborted. A turn that calls this
    /// waits for itself.
    pub async fn shutdown(&self) -> usize {
        self.inner.tasks.shutdown(Duration::from_millis(SHUTDOWN_MS_MAX)).await
    }
}
