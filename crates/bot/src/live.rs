//! Messages that change as often as their author likes, at a pace that the platform bears.

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

/// How long the last content of a live message is tried for, in milliseconds. Slack asks to wait for up to a minute.
pub const FINISH_MS_MAX: u64 = 120_000;
/// The first pause after a call that failed without a word about how long to wait, in milliseconds. It doubles each time.
const RETRY_MS: u64 = 500;
/// The longest such pause, in milliseconds.
const RETRY_MS_MAX: u64 = 30_000;
/// How many signs a bar of progress has.
const BAR_SIGNS: u64 = 20;

const NO_UPDATES: Error = Error::Unsupported { platform: "this conversation", verb: "update messages" };

/// A message that was posted once and shows the latest content it was set to.
///
/// [`set`](Self::set) never waits. A task of the bot sends the changes: one at a time, no more often than
/// [`Capabilities::update_interval_ms`](crate::Capabilities) and `Retry-After` allow, and always the newest content, so that what
/// is overtaken is skipped and older content never replaces newer. A change that was not answered is sent again, with the
/// newest content; only a request that the network delays beyond its time limit can still arrive after that.
///
/// Finish it to learn whether the last content is shown. A dropped one is finished by the bot's task, for which
/// [`Bot::shutdown`] waits.
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

/// A live message that shows how far something has come: `Copying ▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 40 % (4/10)`.
#[must_use = "finish() delivers the last state and reports it; dropping leaves that to the bot's tasks"]
#[derive(Debug)]
pub struct Progress {
    message: LiveMessage,
    state: Mutex<(String, u64, u64)>,
}

/// An answer that grows while it is being written, by the words of a language model for one.
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
    /// Posts a message, as an answer to what came, that can be set to new content as often as one likes.
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

    /// Posts a [`Progress`] bar at zero, with these words before it.
    ///
    /// # Errors
    /// Those of [`live`](Self::live).
    pub async fn progress(&self, label: impl Into<String>) -> Result<Progress, Error> {
        let state = (label.into(), 0, 0);
        Ok(Progress { message: self.live(bar(&state)).await?, state: Mutex::new(state) })
    }

    /// Begins an answer that grows. Until the first words are pushed nothing is posted; people see that the bot is typing.
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
            // The words come all the same.
            tracing::debug!(%error, "nobody sees that the bot is typing");
        }
        let handle = Handle::start(self, Content::default(), Stage::Nothing { native: can.stream })?;
        Ok(TokenStream { handle, reference: self.conversation_reference() })
    }
}

impl Bot {
    /// Posts a message that can be set to new content, without having been spoken to.
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
    /// The message: what a bot keeps in order to update or delete it later.
    #[must_use]
    pub fn reference(&self) -> &ConversationReference {
        &self.reference
    }

    /// Has it show this, as soon as the platform allows. Does nothing once the message [is gone](Self::is_gone).
    pub fn set(&self, content: impl Into<Content>) {
        let content = content.into();
        self.handle.change(|shown| *shown = content);
    }

    /// Whether the message was deleted meanwhile, so that nothing more can be shown.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.handle.is_gone()
    }

    /// Waits until the last content is shown. Dropping the future leaves that to the bot's task.
    ///
    /// # Errors
    /// Why the last content is not shown: it was refused, the message is gone ([`Error::is_gone`]), or the platform was not
    /// reached, or asked to wait, for longer than [`FINISH_MS_MAX`].
    pub async fn finish(self) -> Result<ConversationReference, Error> {
        self.handle.finish().await?;
        Ok(self.reference.clone())
    }
}

impl Progress {
    /// Shows that so much of a total is done. A total of zero is not known yet.
    pub fn set(&self, done: u64, total: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.1, state.2) = (done, total);
        // Under the lock, so that of two callers the later one is shown.
        self.message.set(bar(&state));
    }

    /// Shows other words before the bar.
    pub fn label(&self, label: impl Into<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = label.into();
        self.message.set(bar(&state));
    }

    /// The live message, to show something else in the end.
    pub fn into_live(self) -> LiveMessage {
        self.message
    }

    /// As [`LiveMessage::is_gone`].
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.message.is_gone()
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
    /// Adds to the answer. Does nothing once it [is gone](Self::is_gone).
    pub fn push(&self, words: &str) {
        if !words.is_empty() {
            self.handle.change(|shown| shown.push_str(words));
        }
    }

    /// Whether nothing more can be shown: the message was deleted, or a person stopped the answer. Stop writing then.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.handle.is_gone()
    }

    /// Waits until all words are shown. `None` if there were none, so that nothing was posted.
    ///
    /// # Errors
    /// As [`LiveMessage::finish`]; [`Error::is_stopped`] says whether a person stopped it. Also when the first words could not be
    /// posted: after [`Error::Unanswered`] they may be there.
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

/// The author's end of a live message; the other end is [`drive`].
#[derive(Debug)]
struct Handle {
    wanted: Arc<watch::Sender<Wanted>>,
    bot: Bot,
}

/// What is to be shown.
#[derive(Debug)]
struct Wanted {
    content: Content,
    /// How often it was set.
    version: u64,
    /// Nothing new will come. The last content is tried until then.
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

    fn is_gone(&self) -> bool {
        match &self.wanted.borrow().end {
            Some(Err(error)) => error.is_gone() || error.is_stopped(),
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

/// Sets the end of a live message whose task is cut off.
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

/// What is known of the content that people see.
enum Shown {
    /// It is this.
    Certainly(Content),
    /// A change was not answered.
    Unknown,
}

/// Shows what is wanted until the author has finished. One call is under way at a time, and each takes the newest content.
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
            Err(error) if error.is_gone() || error.is_stopped() || shower.is_lost(&error) => {
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

/// How far the message has come.
enum Stage {
    /// It is not posted yet.
    Nothing {
        /// Whether the platform's own streams are tried.
        native: bool,
    },
    /// It grows by the platform's own stream.
    Stream {
        /// The stream.
        stream: Box<Stream>,
        /// A step was not answered: its words may be there twice, or not at all.
        doubtful: bool,
    },
    /// It is a message that is edited.
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
    refused && !error.is_retryable() && !error.is_gone() && !error.is_stopped()
}
