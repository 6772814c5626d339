//! What a bot answers to an `invoke`, and to a message that asks for its replies at once.
//!
//! A bot answers with a status and a body. What is read here is lenient where clients are, and says in words what is
//! wrong with the rest. Sources:
//! [`adaptiveCard/action`](https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model),
//! [dialogs](https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/task-modules/task-modules-bots).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How many activities are taken from one answer.
pub const REPLIES_MAX: usize = 100;

/// The answer to `adaptiveCard/action`.
#[derive(Clone, Debug, PartialEq)]
pub enum CardAnswer {
    /// An Adaptive Card for the person who pressed, until the message changes.
    Card(Map<String, Value>),
    /// A short notice for that person.
    Message(String),
    /// The person has to sign in first: an OAuth card.
    LoginRequest(Value),
    /// The code with which the person signed in was wrong.
    IncorrectAuthCode,
    /// Signing in without asking failed.
    PreconditionFailed(Failure),
    /// The bot could not do it.
    Error {
        /// `statusCode`, 400 or 500 mostly.
        status_code: u64,
        /// Why the answer cannot be used.
        failure: Failure,
    },
}

/// A bot's own words for what went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// `code`; empty when absent.
    pub code: String,
    /// `message`; empty when absent.
    pub message: String,
}

/// The answer to `task/fetch`, `task/submit` and `message/fetchTask`.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskAnswer {
    /// A dialog with an Adaptive Card.
    Card {
        /// Title and size of the dialog, and what it shows.
        info: TaskInfo,
        /// The card itself, out of its attachment.
        card: Map<String, Value>,
    },
    /// A dialog with a page.
    Url {
        /// Title and size of the dialog, and what it shows.
        info: TaskInfo,
        /// Address of the page.
        url: String,
    },
    /// A notice in the dialog.
    Message(String),
    /// The bot answered that the dialog closes.
    Closed,
}

/// How a dialog looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskInfo {
    /// `title`.
    pub title: Option<String>,
    /// `height`: pixels, or `small`, `medium`, `large`.
    pub height: Option<Value>,
    /// `width`, likewise.
    pub width: Option<Value>,
    /// `fallbackUrl`.
    pub fallback_url: Option<String>,
    /// `completionBotId`.
    pub completion_bot_id: Option<String>,
}

/// Why a bot's answer is none: a sentence for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Reads the answer to `adaptiveCard/action`.
///
/// # Errors
///
/// A status of failure without a well-formed body, and a body that is no `AdaptiveCardInvokeResponse`.
pub fn card_answer(status: u16, body: &[u8]) -> Result<CardAnswer, Malformed> {
    const NAME: &str = "adaptiveCard/action";
    let parsed = json(body, NAME);
    // SDKs answer 400 and 500 with the same kind of body.
    let is_answer = |value: &Value| value.get("type").is_some_and(Value::is_string);
    if !matches!(&parsed, Ok(Some(value)) if is_answer(value)) {
        accepted(NAME, status)?;
    }
    let Some(Value::Object(answer)) = parsed? else {
        return Err(wrong(
            NAME,
            "without a body; it has to be an object with statusCode, type and value, as in \
             {\"statusCode\": 200, \"type\": \"application/vnd.microsoft.activity.message\", \"value\": \"Done\"}",
        ));
    };
    let status_code = match answer.get("statusCode") {
        None | Some(Value::Null) => 200,
        Some(code) => code.as_u64().ok_or_else(|| wrong(NAME, "with a statusCode that is no number"))?,
    };
    let value = answer.get("value").unwrap_or(&Value::Null);
    let kind = string(&answer, "type").unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        // The second spelling is that of older pages.
        "application/vnd.microsoft.card.adaptive" | "application/vnd.microsoft.adaptive.card" => {
            card_of(value)
                .map(CardAnswer::Card)
                .ok_or_else(|| wrong(NAME, "with a card, but value is no object of type AdaptiveCard"))
        }
        "application/vnd.microsoft.activity.message" => match value.as_str() {
            Some(message) => Ok(CardAnswer::Message(message.to_owned())),
            None => Err(wrong(NAME, "with a message, but value is no string")),
        },
        "application/vnd.microsoft.activity.loginrequest" => Ok(CardAnswer::LoginRequest(value.clone())),
        // The second spelling is that of the page.
        "application/vnd.microsoft.error.incorrectauthcode"
        | "application/vnd.microsoft.error.inccorectauthcode" => Ok(CardAnswer::IncorrectAuthCode),
        "application/vnd.microsoft.error.preconditionfailed" => {
            Ok(CardAnswer::PreconditionFailed(failure(value)))
        }
        "application/vnd.microsoft.error" => Ok(CardAnswer::Error { status_code, failure: failure(value) }),
        "" => Err(wrong(NAME, "without type; it says what value is")),
        _ => Err(wrong(NAME, &format!("with a type that is not known: {}", shortened(&kind)))),
    }
}

/// Reads the answer to an invoke that asks for a dialog or hands one in; `name` is the invoke's.
///
/// Nothing at all closes the dialog. That is an answer to what was handed in only: who asks for a dialog has to get
/// one.
///
/// # Errors
///
/// A status of failure, and a body that is no task.
pub fn task_answer(name: &str, status: u16, body: &[u8]) -> Result<TaskAnswer, Malformed> {
    accepted(name, status)?;
    let answer = json(body, name)?.unwrap_or(Value::Null);
    let Some(task) = answer.get("task").and_then(Value::as_object) else {
        return match name {
            "task/fetch" | "message/fetchTask" => {
                Err(wrong(name, "without task; there is no dialog to show"))
            }
            _ => Ok(TaskAnswer::Closed),
        };
    };
    let value = task.get("value").unwrap_or(&Value::Null);
    let kind = string(task, "type").unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "message" => match value.as_str() {
            Some(message) => Ok(TaskAnswer::Message(message.to_owned())),
            None => Err(wrong(name, "with a message, but task.value is no string")),
        },
        "continue" => dialog(name, value),
        "" => Err(wrong(name, "with a task without type; it is 'continue' or 'message'")),
        _ => {
            let reason = format!("with a task of a type that is not known: {}", shortened(&kind));
            Err(wrong(name, &reason))
        }
    }
}

/// Reads the answer to an invoke that needs no more than a yes, such as a hero card's.
///
/// # Errors
///
/// A status of failure.
pub fn plain_answer(name: &str, status: u16) -> Result<(), Malformed> {
    accepted(name, status)
}

/// Reads the answer to `message/submitAction`, which has to be empty or `{}`.
///
/// # Errors
///
/// A status of failure, and a body that says something.
pub fn feedback_answer(status: u16, body: &[u8]) -> Result<(), Malformed> {
    const NAME: &str = "message/submitAction";
    accepted(NAME, status)?;
    match json(body, NAME)? {
        None => Ok(()),
        Some(Value::Object(empty)) if empty.is_empty() => Ok(()),
        Some(_) => Err(wrong(NAME, "with a body; it has to be empty")),
    }
}

/// Reads the answer to a message with `deliveryMode: expectReplies`: activities as they came, in order.
///
/// # Errors
///
/// A status of failure, a body without `activities`, and more than [`REPLIES_MAX`] of them.
pub fn replies(status: u16, body: &[u8]) -> Result<Vec<Box<RawValue>>, Malformed> {
    #[derive(Deserialize)]
    struct Replies {
        activities: Vec<Box<RawValue>>,
    }
    const NAME: &str = "a message that expects replies";
    accepted(NAME, status)?;
    let replies: Replies = serde_json::from_slice(body)
        .map_err(|error| wrong(NAME, &format!("without {{\"activities\": [...]}}: {error}")))?;
    match replies.activities.len() <= REPLIES_MAX {
        true => Ok(replies.activities),
        false => Err(wrong(NAME, &format!("with more than {REPLIES_MAX} activities"))),
    }
}

fn dialog(name: &str, value: &Value) -> Result<TaskAnswer, Malformed> {
    let Value::Object(task) = value else {
        return Err(wrong(name, "with a task to continue with, but task.value is no object"));
    };
    let size = |name| task.get(name).filter(|size| size.is_number() || size.is_string()).cloned();
    let info = TaskInfo {
        title: string(task, "title"),
        height: size("height"),
        width: size("width"),
        fallback_url: string(task, "fallbackUrl"),
        completion_bot_id: string(task, "completionBotId"),
    };
    if let Some(card) = task.get("card").filter(|card| !card.is_null()) {
        return match card_of(card).or_else(|| card_of(card.get("content")?)) {
            Some(card) => Ok(TaskAnswer::Card { info, card }),
            None => Err(wrong(
                name,
                "with a dialog, but task.value.card is no attachment with an AdaptiveCard as content",
            )),
        };
    }
    match string(task, "url") {
        Some(url) => Ok(TaskAnswer::Url { info, url }),
        None => Err(wrong(name, "with a dialog that has neither card nor url")),
    }
}

fn card_of(value: &Value) -> Option<Map<String, Value>> {
    let card = value.as_object()?;
    (card.get("type").and_then(Value::as_str) == Some("AdaptiveCard")).then(|| card.clone())
}

fn failure(value: &Value) -> Failure {
    let member = |name| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    match value {
        Value::String(message) => Failure { code: String::new(), message: message.clone() },
        _ => Failure { code: member("code"), message: member("message") },
    }
}

/// Whether the status says yes.
fn accepted(name: &str, status: u16) -> Result<(), Malformed> {
    let reason = match status {
        200..=299 => return Ok(()),
        501 => format!(": it has no handler for {name}"),
        400 => ": it took the request for wrong".to_owned(),
        401 | 403 => ": it did not accept the sender".to_owned(),
        404 => ": its endpoint is not there".to_owned(),
        500..=599 => ": it failed".to_owned(),
        _ => String::new(),
    };
    Err(Malformed(format!("the bot answered {} with status {status}{reason}", asked(name))))
}

/// The body as JSON; `None` if it is empty or `null`.
fn json(body: &[u8], name: &str) -> Result<Option<Value>, Malformed> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(wrong(name, &format!("with a body that is not JSON: {error}"))),
    }
}

fn wrong(name: &str, reason: &str) -> Malformed {
    Malformed(format!("the bot answered {} {reason}", asked(name)))
}

fn asked(name: &str) -> String {
    match name {
        "" => "the invoke".to_owned(),
        name if name.contains(' ') => name.to_owned(),
        name => format!("the invoke {name}"),
    }
}

fn string(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The beginning of a text that comes from outside, for an error.
fn shortened(text: &str) -> &str {
    const CHARS_MAX: usize = 100;
    text.char_indices().nth(CHARS_MAX).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests;
