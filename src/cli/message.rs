//! `redraft message`: posts, updates and deletes messages for scripts and pipelines, on the platforms as on Redraft.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use redraft_bot::{
    Activity, Bot, CardFactory, Certainty, ConnectorAdapter, ConnectorSettings, Content, ConversationAccount,
    ConversationReference, Error, MessageBook, MessageFactory, Removed, Repeat, SlackAdapter,
    SqliteBookStore, TurnContext, Upserted,
};
use serde_json::{Value, json};

use super::terminal::{complain, say};

/// The most that is read from a file or from standard input, in bytes: more than either platform takes.
const CONTENT_BYTES_MAX: u64 = 1 << 20;

/// What the exit codes mean; scripts rely on them.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something here failed: a file, the book
  2  the command line or the content is wrong
  3  the platform refused; nothing changed, and the same call fails again
  4  the platform wants fewer calls; nothing changed, and standard error says how long to wait
  5  no answer came; it may or may not have happened, and standard error says whether to ask again
  6  a setting is missing or wrong; nothing was sent

Environment:
  Slack  SLACK_BOT_TOKEN; SLACK_API_URL where it is not https://slack.com/api/
  Teams  CLIENT_ID, CLIENT_SECRET, TENANT_ID (or MicrosoftAppId and so on), SERVICE_URL; CLOUD is the address of a
         Redraft server, or a sovereign cloud";

/// Posts, updates and deletes messages of a bot, on Slack and Teams as on Redraft. Credentials come from the environment.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct Message {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Posts a message and prints its id.
    #[command(after_help = EXIT_CODES)]
    Post {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        what: What,
    },
    /// Replaces the content of a message and prints its id.
    #[command(after_help = EXIT_CODES)]
    Update {
        #[command(flatten)]
        place: Place,
        /// The message's id: a ts of Slack, an activity id of Teams.
        #[arg(long)]
        id: String,
        #[command(flatten)]
        what: What,
    },
    /// Deletes a message, by its id or by the key that `upsert` gave it.
    #[command(after_help = EXIT_CODES)]
    Delete {
        #[command(flatten)]
        place: Place,
        /// The message's id: a ts of Slack, an activity id of Teams.
        #[arg(long, required_unless_present = "key", conflicts_with = "key")]
        id: Option<String>,
        /// Instead: the key that it was posted under.
        #[arg(long, requires = "book")]
        key: Option<String>,
        /// The file that remembers keys.
        #[arg(long, env = "REDRAFT_BOOK")]
        book: Option<PathBuf>,
    },
    /// Posts a message under a key, or updates the one that is there, and prints its id. From any process that has the book.
    #[command(after_help = EXIT_CODES)]
    Upsert {
        #[command(flatten)]
        place: Place,
        /// What you call the message, such as deploy-1234.
        #[arg(long)]
        key: String,
        /// The file that remembers keys; made if it is not there.
        #[arg(long, env = "REDRAFT_BOOK")]
        book: PathBuf,
        #[command(flatten)]
        what: What,
    },
}

/// Where the message is.
#[derive(Args)]
struct Place {
    /// The platform.
    #[arg(long)]
    to: Platform,
    /// A channel's id (C… of Slack, 19:… of Teams), or a person's at Slack (U…).
    #[arg(long, env = "REDRAFT_CONVERSATION")]
    conversation: String,
    /// The id of the message that the thread began with.
    #[arg(long)]
    thread: Option<String>,
    /// Teams: the service to call.
    #[arg(long, env = "SERVICE_URL", required_if_eq("to", "teams"))]
    service_url: Option<String>,
    /// What is printed: the message's id, or all that is known as JSON.
    #[arg(long, value_enum, default_value_t = Output::Id)]
    output: Output,
}

/// What the message says.
#[derive(Args)]
struct What {
    /// The content; standard input without it or with -.
    content: Option<String>,
    /// A file with the content.
    #[arg(long, conflicts_with = "content")]
    file: Option<PathBuf>,
    /// The content is JSON. Slack: blocks, or arguments of chat.postMessage. Teams: an activity, or an Adaptive Card. Otherwise
    /// it is a text in Markdown.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Platform {
    Slack,
    Teams,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Id,
    Json,
}

/// Why it did not work.
enum Failed {
    /// The platform, the settings or the book.
    Bot(Box<Error>),
    /// The content cannot be used.
    Content(String),
    /// Something on this machine.
    Here(String),
    /// Whether there is a message to delete is not known.
    Unknown,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Bot(Box::new(error))
    }
}

/// What was done, for those who want to know everything.
struct Done {
    /// `posted`, `updated` and so on.
    how: &'static str,
    id: Option<String>,
    certainty: Certainty,
}

impl Message {
    pub fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = match runtime {
            Ok(runtime) => runtime.block_on(self.verb.run()),
            Err(failed) => Err(Failed::Here(failed.to_string())),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failed) => {
                complain(&failed.words());
                ExitCode::from(failed.code())
            }
        }
    }
}

impl Verb {
    async fn run(self) -> Result<(), Failed> {
        let (place, done) = match self {
            Self::Post { place, what } => {
                let activity = what.read(place.to)?.to_activity(place.channel_id());
                let sent = place.context()?.send_activity(activity).await?;
                (place, Done { how: "posted", id: sent.id, certainty: Certainty::Certain })
            }
            Self::Update { place, id, what } => {
                let activity = what.read(place.to)?.to_activity(place.channel_id()).with_id(&id);
                let updated = place.context()?.update_activity(activity).await?;
                let id = updated.id.or(Some(id));
                (place, Done { how: "updated", id, certainty: Certainty::Certain })
            }
            Self::Delete { place, id: Some(id), .. } => {
                place.context()?.delete_activity(id.as_str()).await?;
                (place, Done { how: "deleted", id: Some(id), certainty: Certainty::Certain })
            }
            Self::Delete { place, id: None, key, book } => {
                let book = place.book(book.unwrap_or_default()).await?;
                let how = match book.delete(&key.unwrap_or_default()).await? {
                    Removed::Deleted => "deleted",
                    Removed::NotThere => "not_there",
                    Removed::Unknown => return Err(Failed::Unknown),
                };
                (place, Done { how, id: None, certainty: Certainty::Certain })
            }
            Self::Upsert { place, key, book, what } => {
                let content = what.read(place.to)?;
                let entry = place.book(book).await?.upsert(&key, &place.reference(), content).await?;
                let how = match entry.how {
                    Upserted::Posted => "posted",
                    Upserted::Updated => "updated",
                    Upserted::Unchanged => "unchanged",
                    Upserted::FoundAgain => "found_again",
                };
                (place, Done { how, id: entry.reference.activity_id, certainty: entry.certainty })
            }
        };
        place.tell(&done);
        Ok(())
    }
}

impl Place {
    /// The platform's name in activities.
    fn channel_id(&self) -> &'static str {
        match self.to {
            Platform::Slack => "slack",
            Platform::Teams => "msteams",
        }
    }

    /// The conversation, or the thread in it.
    fn reference(&self) -> ConversationReference {
        let mut conversation = ConversationAccount::new(&self.conversation);
        match (self.to, &self.thread) {
            (_, None) => {}
            (Platform::Slack, Some(root)) => conversation.thread_ts = Some(root.clone()),
            (Platform::Teams, Some(root)) => {
                conversation.id = Some(format!("{};messageid={root}", self.conversation))
            }
        }
        let mut reference = ConversationReference::default();
        reference.conversation = Some(conversation);
        reference.channel_id = Some(self.channel_id().to_owned());
        reference.service_url.clone_from(&self.service_url);
        reference
    }

    /// A bot that receives nothing.
    fn bot(&self) -> Result<Bot, Failed> {
        let bot = Bot::new(async |_: TurnContext| Ok(()));
        Ok(match self.to {
            Platform::Slack => bot.with_adapter(SlackAdapter::from_env()?),
            Platform::Teams => {
                if ["CLIENT_ID", "MicrosoftAppId"]
                    .iter()
                    .all(|name| std::env::var_os(name).is_none_or(|it| it.is_empty()))
                {
                    return Err(
                        Error::Misconfigured("CLIENT_ID is not set: it is the bot's app id.".into()).into()
                    );
                }
                // Whoever types a command vouches for the service in it.
                let settings = ConnectorSettings::from_env()?
                    .trust_service_url(self.service_url.clone().unwrap_or_default());
                bot.with_adapter(ConnectorAdapter::new(settings)?)
            }
        })
    }

    fn context(&self) -> Result<TurnContext, Failed> {
        Ok(self.bot()?.context_for(&self.reference())?)
    }

    async fn book(&self, path: PathBuf) -> Result<MessageBook, Failed> {
        let bot = self.bot()?;
        Ok(MessageBook::new(&bot, Arc::new(SqliteBookStore::open(path).await?)))
    }

    fn tell(&self, done: &Done) {
        let certain = done.certainty == Certainty::Certain;
        if !certain {
            complain(
                "an earlier attempt was never answered; there may be one more message that nobody remembers",
            );
        }
        match self.output {
            Output::Id => {
                if let Some(id) = &done.id {
                    say(id);
                }
            }
            Output::Json => say(&json!({
                "how": done.how,
                "id": done.id,
                "to": match self.to { Platform::Slack => "slack", Platform::Teams => "teams" },
                "conversation": self.conversation,
                "thread": self.thread,
                "certain": certain,
            })
            .to_string()),
        }
    }
}

impl What {
    fn read(&self, to: Platform) -> Result<Content, Failed> {
        let text = match (&self.content, &self.file) {
            (Some(text), _) if text != "-" => text.clone(),
            (_, Some(path)) => {
                let file = std::fs::File::open(path);
                bounded(file.map_err(|failed| Failed::Here(format!("{}: {failed}", path.display())))?)?
            }
            _ => bounded(std::io::stdin().lock())?,
        };
        if text.trim().is_empty() {
            return Err(Failed::Content(
                "there is no content; give it as an argument, by --file or on standard input".into(),
            ));
        }
        if !self.json {
            return Ok(Content::text(text));
        }
        let json: Value = serde_json::from_str(&text)
            .map_err(|failed| Failed::Content(format!("the content is no JSON: {failed}")))?;
        match to {
            Platform::Slack => slack(json),
            Platform::Teams => teams(json),
        }
    }
}

/// All of it, without the line break at its end.
fn bounded(from: impl Read) -> Result<String, Failed> {
    let mut text = String::new();
    let read = from.take(CONTENT_BYTES_MAX + 1).read_to_string(&mut text);
    let read = read.map_err(|failed| Failed::Here(format!("the content cannot be read: {failed}")))?;
    if CONTENT_BYTES_MAX < read as u64 {
        return Err(Failed::Content(format!("the content has more than {CONTENT_BYTES_MAX} bytes")));
    }
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn slack(json: Value) -> Result<Content, Failed> {
    let arguments = match json {
        Value::Array(blocks) => json!({ "blocks": blocks }),
        Value::Object(arguments) => Value::Object(arguments),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(Failed::Content(
                "for Slack it is a list of blocks, or an object with arguments".into(),
            ));
        }
    };
    let text = arguments["text"].as_str().unwrap_or_default().to_owned();
    Ok(Content::text(text).for_slack(arguments))
}

fn teams(json: Value) -> Result<Content, Failed> {
    if !json.is_object() {
        return Err(Failed::Content("for Teams it is an object: an activity or an Adaptive Card".into()));
    }
    let activity = if json["type"] == "AdaptiveCard" {
        MessageFactory::attachment(CardFactory::adaptive_card(json))
    } else {
        let activity: Result<Activity, _> = serde_json::from_value(json);
        activity.map_err(|failed| Failed::Content(format!("the content is no activity: {failed}")))?
    };
    Ok(Content::text(activity.text.clone().unwrap_or_default()).for_teams(activity))
}

impl Failed {
    fn code(&self) -> u8 {
        match self {
            Self::Here(_) => 1,
            Self::Content(_) => 2,
            Self::Unknown => 5,
            Self::Bot(error) => code(error),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Here(words) | Self::Content(words) => words.clone(),
            Self::Unknown => {
                "the attempt to post it was never answered, and it cannot be looked for; there may be a message".into()
            }
            Self::Bot(error) => words(error),
        }
    }
}

/// [`EXIT_CODES`].
fn code(error: &Error) -> u8 {
    match error {
        Error::Refused(_) => 3,
        Error::RateLimited(_) => 4,
        Error::Unanswered { .. } => 5,
        Error::Misconfigured(_) | Error::UntrustedService { .. } | Error::Unsupported { .. } => 6,
        Error::Partly { source, .. } => code(source),
        // `Own`, and what a later version of the SDK may have.
        _ => 1,
    }
}

fn words(error: &Error) -> String {
    let wait = error.retry_after().map(|wait| format!("; wait {} s", wait.as_secs())).unwrap_or_default();
    let repeat = match error {
        Error::Unanswered { repeat: Repeat::Safe, .. } => "; it can be asked again",
        Error::Unanswered { repeat: Repeat::MayDuplicate, .. } => "; asked again, it may be there twice",
        _ => "",
    };
    format!("{error}{wait}{repeat}")
}
