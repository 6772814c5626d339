//! Messages that change often, at the pace that the platform allows.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use crate::activity::{Activity, ConversationReference};
use crate::adapter::Stream;
use crate::bot::Bot;
use crate::content::Content;
use crate::context::TurnContext;
use crate::error::Error;
use crate::tasks::Busy;

/// The longest time for which the last content of a live message is retried, in milliseconds. Slack asks to wait for up to a
/// minute.
pub const FINISH_MS_MAX: u64 = 120_000;
/// The first pause after a failed call whose answer names no time to wait, in milliseconds. It doubles each time.
const RETRY_MS: u64 = 500;
/// The longest such pause, in milliseconds.
const RETRY_MS_MAX: u64 = 30_000;
/// The length of a progress bar, in characters.
const BAR_SIGNS: u64 = 20;

const NO_UPDATES: Error = Error::Unsupported { platform: "this conversation", verb: "update messages" };

/// A message that is posted once and shows the content it was set to last.
///
/// [`set`](Self::set) never waits. A task of the bot sends the changes: one at a time, no more often than
/// [`Capabilities::update_interval_ms`](crate::Capabilities) and `Retry-After` allow, and always the newest content: contents in
/// between are skipped, and older content never replaces newer. A change that was not answered is sent again, with the
/// newest content; only a request that the network delays beyond its time limit can still arrive after that.
///
/// [`finish`](Self::finish) reports whether the last content is shown. If the message is dropped instead, a task of the bot
/// delivers the last content, and [`Bot::shutdown`] waits for it.
///
/// ```
/// use redraft_bot::testing::TestFlow;
/// use redraft_bot::{Bot, TurnContext};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bot = Bot::new(async |context: TurnContext| {
///     let message = context.live("0 of 1000 files").await?;
///     for done in 1..=1000 {
///         message.set(format!("{done} of 1000 files"));
///     }
///     message.finish().await?;
///     Ok(())
/// });
/// TestFlow::new(bot).test("copy", "0 of 1000 files").assert_update("1000 of 1000 files").assert_nothing_more().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "finish() delivers the last content and reports it; dropping leaves that to the bot's tasks"]
#[derive(Debug)]
pub struct LiveMessage {
    handle: Handle,
    reference: ConversationReference,
}

/// A live message with a progress bar: `Copying ▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 40 % (4/10)`.
///
/// ```
/// # async fn copy(context: redraft_bot::TurnContext) -> Result<(), redraft_bot::Error> {
/// let progress = context.progress("Copying").await?;
/// for done in 1..=10 {
///     progress.set(done, 10);
/// }
/// progress.finish().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "finish() delivers the last state and reports it; dropping leaves that to the bot's tasks"]
#[derive(Debug)]
pub struct Progress {
    message: LiveMessage,
    state: Mutex<(String, u64, u64)>,
}

/// An answer that grows while it is written, by the output of a language model for example.
///
/// Where the platform has streams of its own, they are used (they don't pass the turn's hooks); where it has none, or ends the
/// stream because it lasted or grew too long, the message is edited at the pace of a [`LiveMessage`].
///
/// ```
/// use redraft_bot::testing::TestFlow;
/// use redraft_bot::{Bot, TurnContext};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bot = Bot::new(async |context: TurnContext| {
///     let answer = context.stream().await?;
///     for word in ["To ", "be ", "continued."] {
///         answer.push(word);
///     }
///     answer.finish().await?;
///     Ok(())
/// });
/// TestFlow::new(bot).test("Tell me", "To be continued.").assert_nothing_more().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "finish() delivers the last words and reports them; dropping leaves that to the bot's tasks"]
#[derive(Debug)]
pub struct TokenStream {
    handle: Handle,
    reference: ConversationReference,
}

impl TurnContext {
    /// Posts a message in reply to the activity. It can be set to new content any number of times.
    ///
    /// # Errors
    /// Those of [`send_activity`](Self::send_activity). [`Error::Unsupported`] where messages can't be updated.
    pub async fn live(&self, content: impl Into<Content>) -> Result<LiveMessage, Error> {
        let content = content.into();
        if !self.capabilities().update || self.buffers_replies() {
            return Err(NO_UPDATES);
        }
        let id = self.send_content(&content).await?.id.ok_or(NO_UPDATES)?;
        let reference =
            ConversationReference { activity_id: Some(id.clone()), ..self.conversation_reference() };
        let handle = Handle::start(self, content, Stage::Message(id))?;
        Ok(LiveMessage { handle, reference })
    }

    /// Posts a message with a progress bar at 0 and this text before it.
    ///
    /// # Errors
    /// Those of [`live`](Self::live).
    pub async fn progress(&self, label: impl Into<String>) -> Result<Progress, Error> {
        let state = (label.into(), 0, 0);
        Ok(Progress { message: self.live(bar(&state)).await?, state: Mutex::new(state) })
    }

    /// Starts an answer that grows. Nothing is posted before the first words; people see that the bot is typing.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where messages can be neither streamed nor updated.
    pub async fn stream(&self) -> Result<TokenStream, Error> {
        let can = self.capabilities();
        if !(can.update || can.stream) || self.buffers_replies() {
            return Err(NO_UPDATES);
        }
        if can.typing
            && let Err(error) = self.send_activity(Activity::typing()).await
        {
            // The words follow in any case.
            tracing::debug!(%error, "nobody sees that the bot is typing");
        }
        let handle = Handle::start(self, Content::default(), Stage::Nothing { native: can.stream })?;
        Ok(TokenStream { handle, reference: self.conversation_reference() })
    }
}

impl Bot {
    /// Posts a message that can be set to new content when no turn is open.
    ///
    /// # Errors
    /// Those of [`TurnContext::live`], and [`Error::Misconfigured`] if the bot is not on that platform.
    pub async fn live(
        &self,
        reference: &ConversationReference,
        content: impl Into<Content>,
    ) -> Result<LiveMessage, Error> {
        self.context_for(reference)?.live(content).await
    }
}

impl LiveMessage {
    /// The message's reference. Store it in order to update or delete the message later.
    #[must_use]
    pub fn reference(&self) -> &ConversationReference {
        &self.reference
    }

    /// Shows this content as soon as the platform allows. Has no effect once the message [is closed](Self::is_closed).
    pub fn set(&self, content: impl Into<Content>) {
        let content = content.into();
        self.handle.change(|shown| *shown = content);
    }

    /// Whether nothing more can be shown, because somebody deleted the message.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Waits until the last content is shown. If the future is dropped, a task of the bot delivers it.
    ///
    /// # Errors
    /// The reason for which the last content is not shown: it was refused, the message was deleted
    /// ([`Error::is_message_not_found`]), or the platform did not answer, or asked to wait, for longer than [`FINISH_MS_MAX`].
    pub async fn finish(self) -> Result<ConversationReference, Error> {
        self.handle.finish().await?;
        Ok(self.reference.clone())
    }
}

impl Progress {
    /// Sets how much of a total is done, in units of your own. A total of 0 means unknown: the bar is hidden.
    pub fn set(&self, done: u64, total: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.1, state.2) = (done, total);
        // Under the lock, so that of two callers the later one is shown.
        self.message.set(bar(&state));
    }

    /// Sets the text before the bar.
    pub fn label(&self, label: impl Into<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = label.into();
        self.message.set(bar(&state));
    }

    /// Returns the live message, to show something else at the end.
    pub fn into_live(self) -> LiveMessage {
        self.message
    }

    /// As [`LiveMessage::is_closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.message.is_closed()
    }

    /// As [`LiveMessage::finish`].
    ///
    /// # Errors
    /// As there.
    pub async fn finish(self) -> Result<ConversationReference, Error> {
        self.message.finish().await
    }
}

impl TokenStream {
    /// Appends to the answer. Has no effect once it [is closed](Self::is_closed).
    pub fn push(&self, words: &str) {
        if !words.is_empty() {
            self.handle.change(|shown| shown.push_str(words));
        }
    }

    /// Whether nothing more can be shown, because the message was deleted or a person stopped the answer. Stop writing then.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Waits until all words are shown. `None` if there were none, so that nothing was posted.
    ///
    /// # Errors
    /// As [`LiveMessage::finish`]; [`Error::is_stopped`] says whether a person stopped it. Also when the first words could not be
    /// posted: after [`Error::Unanswered`] the message may exist.
    pub async fn finish(self) -> Result<Option<ConversationReference>, Error> {
        let id = self.handle.finish().await?;
        Ok(id.map(|id| ConversationReference { activity_id: Some(id), ..self.reference.clone() }))
    }
}

fn bar((label, done, total): &(String, u64, u64)) -> String {
    if *total == 0 {
        return label.clone();
    }
    let done = done.min(total);
    let share = |whole: u64| u128::from(whole) * u128::from(*done) / u128::from(*total);
    let full = share(BAR_SIGNS);
    let bar: String = (0..BAR_SIGNS).map(|place| if u128::from(place) < full { '▓' } else { '░' }).collect();
    format!("{label} {bar} {} % ({done}/{total})", share(100))
}

/// The handle of a live message. [`drive`] is the task behind it.
#[derive(Debug)]
struct Handle {
    wanted: Arc<watch::Sender<Wanted>>,
    bot: Bot,
}

/// The content to show, and what the task needs to know about it.
#[derive(Debug)]
struct Wanted {
    content: Content,
    /// The number of times it was set.
    version: u64,
    /// Set when the author has finished: the last content is retried until then.
    finish_by: Option<Instant>,
    /// Held while there is something to show, so that a shutdown waits for it.
    busy: Option<Busy>,
    /// Set once, when nothing more will be shown: the message's id, if there is one, or why the last content isn't shown.
    end: Option<Result<Option<String>, Error>>,
}

impl Handle {
    fn start(context: &TurnContext, content: Content, stage: Stage) -> Result<Self, Error> {
        let wanted = Wanted { content: content.clone(), version: 0, finish_by: None, busy: None, end: None };
        let wanted = Arc::new(watch::Sender::new(wanted));
        let shower = Shower { context: context.clone(), stage };
        let task = drive(Arc::clone(&wanted), shower, content).in_current_span();
        let bot = context.bot().clone();
        if !bot.tasks().spawn_idle(task) {
            return Err(shut_down());
        }
        Ok(Self { wanted, bot })
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        self.wanted.send_if_modified(|wanted| {
            if wanted.end.is_some() {
                return false;
            }
            change(&mut wanted.content);
            wanted.version += 1;
            wanted.busy.get_or_insert_with(|| self.bot.tasks().busy());
            true
        });
    }

    fn is_closed(&self) -> bool {
        match &self.wanted.borrow().end {
            Some(Err(error)) => error.is_message_not_found() || error.is_stopped(),
            Some(Ok(_)) | None => false,
        }
    }

    fn close(&self) {
        self.wanted.send_if_modified(|wanted| {
            if wanted.end.is_some() || wanted.finish_by.is_some() {
                return false;
            }
            wanted.finish_by = Some(Instant::now() + Duration::from_millis(FINISH_MS_MAX));
            wanted.busy.get_or_insert_with(|| self.bot.tasks().busy());
            true
        });
    }

    fn finish(&self) -> impl Future<Output = Result<Option<String>, Error>> + Send + use<> {
        self.close();
        let mut wanted = self.wanted.subscribe();
        async move {
            // The task sets the end in any case.
            let end = wanted.wait_for(|wanted| wanted.end.is_some()).await;
            end.ok().and_then(|wanted| wanted.end.clone()).unwrap_or_else(|| Err(shut_down()))
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

fn shut_down() -> Error {
    Error::own("the bot was shut down before the last content was shown")
}

/// Ends a live message whose task is aborted.
struct CutOff(Arc<watch::Sender<Wanted>>);

impl CutOff {
    fn end(&self, with: Result<Option<String>, Error>) {
        self.0.send_modify(|wanted| {
            wanted.end.get_or_insert(with);
            wanted.busy = None;
        });
    }
}

impl Drop for CutOff {
    fn drop(&mut self) {
        self.end(Err(shut_down()));
    }
}

/// The content that people see.
enum Shown {
    /// This content.
    Certainly(Content),
    /// Unknown: an update was not answered.
    Unknown,
}

/// Shows the wanted content until the author has finished. One call runs at a time, and each takes the newest content.
async fn drive(wanted: Arc<watch::Sender<Wanted>>, mut shower: Shower, first: Content) {
    let end = CutOff(Arc::clone(&wanted));
    let mut news = wanted.subscribe();
    // Counted from an answer to the next call, so that calls keep the distance on the platform too, however slow the network.
    let interval = Duration::from_millis(shower.context.capabilities().update_interval_ms);
    let mut shown = Shown::Certainly(first);
    let mut version = 0;
    let mut refused = None;
    let mut failures = 0;
    let mut not_before = Instant::now();
    loop {
        release(&wanted, version);
        // The sender lives as long as this.
        let _ = news.wait_for(|wanted| wanted.version != version || wanted.finish_by.is_some()).await;
        let (content, latest, finish_by) = {
            let wanted = news.borrow_and_update();
            (wanted.content.clone(), wanted.version, wanted.finish_by)
        };
        let last = finish_by.is_some();
        let same = matches!(&shown, Shown::Certainly(shown) if *shown == content);
        if same && latest != version {
            refused = None;
        }
        if (same || latest == version && refused.is_some()) && !(last && shower.is_streaming()) {
            version = latest;
            if last {
                return end.end(refused.map_or_else(|| Ok(shower.id()), Err));
            }
            continue;
        }
        if Instant::now() < not_before {
            tokio::time::sleep_until(not_before).await;
            // What was newest may be overtaken.
            continue;
        }
        match shower.show(&content, last).await {
            Ok(()) => {
                (shown, version, refused, failures) = (Shown::Certainly(content), latest, None, 0);
                not_before = Instant::now() + interval;
            }
            Err(error) if error.is_message_not_found() || error.is_stopped() || shower.is_lost(&error) => {
                return end.end(Err(error));
            }
            Err(error) if error.is_retryable() || matches!(error, Error::Unanswered { .. }) => {
                if matches!(error, Error::Unanswered { .. }) {
                    shown = Shown::Unknown;
                }
                let wait = error.retry_after().unwrap_or_else(|| pause(failures));
                failures += 1;
                not_before = Instant::now() + wait.max(interval);
                tracing::debug!(%error, ?wait, "a live message waits");
                if finish_by.is_some_and(|finish_by| not_before > finish_by) {
                    return end.end(Err(error));
                }
            }
            Err(error) => {
                // The next content may be accepted.
                tracing::warn!(%error, "the content of a live message was refused");
                (version, refused) = (latest, Some(error));
                not_before = Instant::now() + interval;
            }
        }
    }
}

/// A shutdown needn't wait for this message, unless it was set again meanwhile.
fn release(wanted: &watch::Sender<Wanted>, version: u64) {
    wanted.send_if_modified(|wanted| {
        if wanted.version == version && wanted.finish_by.is_none() {
            wanted.busy = None;
        }
        false
    });
}

fn pause(failures: u32) -> Duration {
    let factor = 2_u64.checked_pow(failures).unwrap_or(u64::MAX);
    Duration::from_millis(RETRY_MS.saturating_mul(factor).min(RETRY_MS_MAX))
}

/// The state of the message.
enum Stage {
    /// Not posted yet.
    Nothing {
        /// Whether the platform's own streams are tried.
        native: bool,
    },
    /// Grows by the platform's stream calls.
    Stream {
        /// The stream.
        stream: Box<Stream>,
        /// A step was not answered: its words may be shown twice, or not at all.
        doubtful: bool,
    },
    /// Posted; further content updates it.
    Message(String),
}

struct Shower {
    context: TurnContext,
    stage: Stage,
}

impl Shower {
    fn id(&self) -> Option<String> {
        match &self.stage {
            Stage::Nothing { .. } => None,
            Stage::Stream { stream, .. } => Some(stream.id.clone()),
            Stage::Message(id) => Some(id.clone()),
        }
    }

    fn is_streaming(&self) -> bool {
        matches!(self.stage, Stage::Stream { .. })
    }

    /// Whether an error leaves no message to go on with, or maybe one that can't be found.
    fn is_lost(&self, error: &Error) -> bool {
        matches!(self.stage, Stage::Nothing { .. }) && !error.is_retryable()
    }

    async fn show(&mut self, content: &Content, last: bool) -> Result<(), Error> {
        if let Stage::Nothing { native: true } = &self.stage {
            let first = self.context.outgoing(self.context.activity_of(content));
            match self.context.adapter().start_stream(&first).await {
                Ok(stream) => {
                    self.stage = Stage::Stream { stream: Box::new(stream), doubtful: false };
                    if !last {
                        return Ok(());
                    }
                }
                Err(error) if goes_over(&error) => self.stage = Stage::Nothing { native: false },
                Err(error) => return Err(error),
            }
        }
        let activity = self.context.activity_of(content);
        match &mut self.stage {
            Stage::Nothing { .. } => {
                let id = self.context.send_activity(activity).await?.id.ok_or(NO_UPDATES)?;
                self.stage = Stage::Message(id);
                Ok(())
            }
            Stage::Message(id) => self.context.update_activity(activity.with_id(id.as_str())).await.map(drop),
            Stage::Stream { stream, doubtful } => {
                let id = stream.id.clone();
                let step = self.context.outgoing(activity.clone());
                let adapter = self.context.adapter();
                let stepped = if last {
                    adapter.finish_stream(stream, &step).await
                } else {
                    adapter.append_stream(stream, &step).await
                };
                match stepped {
                    Ok(()) if !last => return Ok(()),
                    Ok(()) => {
                        let exact = !*doubtful;
                        self.stage = Stage::Message(id.clone());
                        if exact {
                            return Ok(());
                        }
                    }
                    Err(error) if goes_over(&error) => {
                        // It may be open still, and could not be edited then.
                        let shown = Activity { text: Some(stream.text.clone()), ..step };
                        let _ = adapter.finish_stream(stream, &shown).await;
                        self.stage = Stage::Message(id.clone());
                    }
                    Err(error) => {
                        *doubtful |= matches!(error, Error::Unanswered { .. });
                        return Err(error);
                    }
                }
                self.context.update_activity(activity.with_id(id)).await.map(drop)
            }
        }
    }
}

/// Whether the platform refuses to stream (on), so that the message is edited instead.
fn goes_over(error: &Error) -> bool {
    let refused = match error {
        Error::Refused(_) | Error::Unsupported { .. } | Error::Misconfigured(_) => true,
        Error::UntrustedService { .. } | Error::RateLimited(_) | Error::Unanswered { .. } => false,
        Error::Partly { .. } | Error::Own(_) => false,
    };
    refused && !error.is_retryable() && !error.is_message_not_found() && !error.is_stopped()
}
