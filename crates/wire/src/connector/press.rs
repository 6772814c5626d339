//! What happens when a person presses something on a message.
//!
//! By the pages on
//! [card actions](https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-actions),
//! [`Action.Execute`](https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model) and
//! [feedback](https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bot-messages-ai-generated-content).

use super::card::{Action, Fault, FaultKind, Kind, fault, is_adaptive};
use super::json::get;
use super::json::text;
use serde_json::{Map, Value, json};

/// How many people a card refreshes itself for. Without a list of people it does so in conversations of at most as
/// many members.
pub const REFRESH_USERS_MAX: usize = 60;

/// What a press becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Press {
    /// A `message` for the bot that nobody sees; its id is that of an event.
    Message {
        /// `text`.
        text: Option<String>,
        /// `value`.
        value: Option<Value>,
        /// What the conversation is shown as the person's words. The bot does not get it.
        display_text: Option<String>,
    },
    /// A message of the person, as if it had been typed.
    Post {
        /// The text that the person sends.
        text: String,
    },
    /// An `invoke`, to which the bot answers.
    Invoke {
        /// `name`; buttons of hero cards may have none.
        name: Option<&'static str>,
        /// `value`.
        value: Value,
    },
    /// The client opens an address; the bot hears nothing.
    Open {
        /// The address that the client opens.
        url: String,
    },
    /// The client shows or hides something; the bot hears nothing.
    Nothing,
}

/// What a person thinks of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// The feedback button with the thumb up.
    Like,
    /// The feedback button with the thumb down.
    Dislike,
}

/// A card that wants to be refreshed when it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh<'a> {
    /// Which attachment the card is.
    pub attachment: usize,
    /// For whom, at most [`REFRESH_USERS_MAX`]; `None` for everybody in a conversation of at most as many.
    pub user_ids: Option<Vec<&'a str>>,
    /// The `adaptiveCard/action` invoke, with trigger `automatic`.
    pub press: Press,
}

/// Presses an action, with what a person puts into the inputs.
///
/// # Errors
///
/// [`FaultKind::NotPressable`] for disabled actions and those that are not supported, [`FaultKind::BadInput`] for
/// unknown inputs and values that a client would not send.
pub fn press(action: &Action<'_>, given: &Map<String, Value>) -> Result<Press, Fault> {
    let inputs = values(action, given)?;
    match action.kind {
        Kind::Local => Ok(Press::Nothing),
        Kind::OpenUrl => open(action),
        Kind::Submit => submit(action, inputs),
        Kind::Execute => Ok(execute(action.json, inputs, "manual")),
        Kind::ImBack => imback(text_of(action, "value")),
        Kind::MessageBack => Ok(Press::Message {
            text: text_of(action, "text"),
            value: action.json.get("value").filter(|value| !value.is_null()).map(unwrapped),
            display_text: text_of(action, "displayText"),
        }),
        Kind::PostBack => Ok(Press::Message {
            text: text_of(action, "text").or_else(|| text_of(action, "value")),
            value: action.json.get("value").filter(|value| !value.is_null()).map(unwrapped),
            display_text: None,
        }),
        Kind::Invoke => Ok(invoke(action.json.get("value").unwrap_or(&Value::Null))),
        Kind::SignIn => Err(signing_in(action)),
        Kind::Other => Err(not_pressable(action, "is of a kind that is not supported")),
    }
}

/// Presses an action of the card in a dialog: what is submitted there goes to the bot as `task/submit`.
///
/// # Errors
///
/// As [`press`]. `Action.Execute` has no meaning in a dialog.
pub fn press_in_dialog(action: &Action<'_>, given: &Map<String, Value>) -> Result<Press, Fault> {
    match action.kind {
        Kind::Submit => {
            let data = merged(action.json.get("data"), values(action, given)?);
            Ok(Press::Invoke { name: Some("task/submit"), value: task(Value::Object(data)) })
        }
        Kind::Execute => Err(not_pressable(action, "cannot be used in a dialog, Action.Submit can")),
        _ => press(action, given),
    }
}

/// The cards of an activity that want to be refreshed when they are shown.
pub fn refreshes(activity: &Map<String, Value>) -> Vec<Refresh<'_>> {
    let attachments = get(activity, "attachments").and_then(Value::as_array).into_iter().flatten();
    let refreshes = attachments.enumerate().filter_map(|(index, attachment)| {
        let attachment = attachment.as_object()?;
        let content = get(attachment, "content")?.as_object().filter(|card| is_adaptive(attachment, card))?;
        let refresh = content.get("refresh")?.as_object()?;
        let action = refresh.get("action")?.as_object()?;
        let user_ids = refresh.get("userIds").and_then(Value::as_array);
        (text(action, "type") == Some("Action.Execute")).then(|| Refresh {
            attachment: index,
            user_ids: user_ids
                .map(|ids| ids.iter().filter_map(Value::as_str).take(REFRESH_USERS_MAX).collect()),
            press: execute(action, Map::new(), "automatic"),
        })
    });
    refreshes.collect()
}

/// Gives feedback on a message. A bot with a form of its own is asked for it first; what the form takes then goes to
/// [`feedback_of_form`].
///
/// # Errors
///
/// [`FaultKind::NotPressable`] if the message has no feedback buttons.
pub fn feedback(activity: &Map<String, Value>, opinion: Opinion, words: &str) -> Result<Press, Fault> {
    let data = get(activity, "channelData").and_then(Value::as_object);
    let member = |name| data.and_then(|data| get(data, name));
    let form = member("feedbackLoop").and_then(Value::as_object).and_then(|form| get(form, "type"));
    match form.and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("custom") => {
            let asked = json!({"actionName": "feedback", "actionValue": {"reaction": opinion.name()}});
            // The page on feedback has the two members at the top, one SDK reads them below `data`.
            let mut value = asked.clone();
            value["data"] = asked;
            Ok(Press::Invoke { name: Some("message/fetchTask"), value })
        }
        Some("default") => Ok(submitted(opinion, &json!({"feedbackText": words}))),
        _ if member("feedbackLoopEnabled") == Some(&Value::Bool(true)) => {
            Ok(submitted(opinion, &json!({"feedbackText": words})))
        }
        _ => Err(fault(
            FaultKind::NotPressable,
            "the message has no feedback buttons: its channelData has neither feedbackLoopEnabled nor feedbackLoop"
                .to_owned(),
        )),
    }
}

/// Hands in a bot's own feedback form: an `Action.Submit` of the card that it answered.
///
/// # Errors
///
/// As [`press`]; and [`FaultKind::NotPressable`] for other actions.
pub fn feedback_of_form(
    opinion: Opinion,
    action: &Action<'_>,
    given: &Map<String, Value>,
) -> Result<Press, Fault> {
    match action.kind {
        Kind::Submit => {
            let data = merged(action.json.get("data"), values(action, given)?);
            Ok(submitted(opinion, &Value::Object(data)))
        }
        _ => Err(not_pressable(action, "hands in nothing, Action.Submit does")),
    }
}

impl Opinion {
    fn name(self) -> &'static str {
        match self {
            Opinion::Like => "like",
            Opinion::Dislike => "dislike",
        }
    }
}

/// The feedback is JSON in a text, as clients send it.
fn submitted(opinion: Opinion, feedback: &Value) -> Press {
    let value = json!({
        "actionName": "feedback",
        "actionValue": {"reaction": opinion.name(), "feedback": feedback.to_string()},
    });
    Press::Invoke { name: Some("message/submitAction"), value }
}

/// What the inputs of an action send.
fn values(action: &Action<'_>, given: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    if !action.is_enabled {
        return Err(not_pressable(action, "is disabled"));
    }
    let inputs = action.inputs();
    let unknown = given.keys().filter(|id| !inputs.iter().any(|input| input.id == id.as_str()));
    let mut wrong: Vec<String> = unknown.map(|id| format!("there is no input '{id}'")).collect();
    if !wrong.is_empty() {
        let ids: Vec<String> = inputs.iter().map(|input| format!("'{}'", input.id)).collect();
        wrong.push(match ids.is_empty() {
            true => "the action has no inputs".to_owned(),
            false => format!("there is {}", ids.join(", ")),
        });
    }
    let mut values = Map::new();
    // Clients neither check nor send what an action leaves aside.
    if matches!(action.kind, Kind::Submit | Kind::Execute) && !is_without_inputs(action) {
        for input in inputs {
            match input.value(given.get(input.id)) {
                Ok(Some(value)) => {
                    values.insert(input.id.to_owned(), Value::String(value));
                }
                Ok(None) => {}
                Err(reason) => wrong.push(reason),
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(values),
        false => Err(fault(FaultKind::BadInput, wrong.join("; "))),
    }
}

fn is_without_inputs(action: &Action<'_>) -> bool {
    action.text("associatedInputs").is_some_and(|which| which.eq_ignore_ascii_case("none"))
}

/// The values of inputs over an action's `data`. Teams passes on objects only: any other `data` is lost
/// (observed in BotBuilder-MicrosoftTeams#191).
fn merged(data: Option<&Value>, inputs: Map<String, Value>) -> Map<String, Value> {
    let mut value = data.and_then(Value::as_object).cloned().unwrap_or_default();
    value.extend(inputs);
    value
}

fn submit(action: &Action<'_>, inputs: Map<String, Value>) -> Result<Press, Fault> {
    let data = action.json.get("data");
    let teams = data.and_then(|data| data.get("msteams")).and_then(Value::as_object);
    let Some((teams, kind)) = teams.and_then(|teams| Some((teams, text(teams, "type")?))) else {
        let value = Some(Value::Object(merged(data, inputs)));
        return Ok(Press::Message { text: None, value, display_text: None });
    };
    match kind {
        "messageBack" => Ok(message_back(teams, data, inputs)),
        "imBack" => imback(text(teams, "value").map(str::to_owned)),
        "task/fetch" => {
            let value = task(Value::Object(merged(data, inputs)));
            Ok(Press::Invoke { name: Some("task/fetch"), value })
        }
        "invoke" => {
            let mut asked = unwrapped(teams.get("value").unwrap_or(&Value::Null));
            if let Value::Object(asked) = &mut asked {
                asked.extend(inputs);
            }
            Ok(invoke(&asked))
        }
        "signin" => Err(signing_in(action)),
        _ => Ok(Press::Message {
            text: None,
            value: Some(Value::Object(merged(data, inputs))),
            display_text: None,
        }),
    }
}

/// The inputs over `msteams.value` over the other members of `data`. Which of the first two wins where they share a
/// name is a guess; that `msteams` itself is not passed on is observed (msteams-docs#13461).
fn message_back(teams: &Map<String, Value>, data: Option<&Value>, inputs: Map<String, Value>) -> Press {
    let mut value = merged(data, Map::new());
    value.remove("msteams");
    let own = teams.get("value").filter(|own| !own.is_null()).map(unwrapped);
    let value = match own {
        Some(Value::Object(own)) => {
            value.extend(own);
            value.extend(inputs);
            Some(Value::Object(value))
        }
        Some(other) if value.is_empty() && inputs.is_empty() => Some(other),
        _ => {
            value.extend(inputs);
            Some(Value::Object(value)).filter(|value| *value != json!({}))
        }
    };
    Press::Message {
        text: text(teams, "text").map(str::to_owned),
        value,
        display_text: text(teams, "displayText").map(str::to_owned),
    }
}

fn execute(action: &Map<String, Value>, inputs: Map<String, Value>, trigger: &str) -> Press {
    let mut sent = Map::new();
    for name in ["type", "id", "verb"] {
        if let Some(value) = text(action, name) {
            sent.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    }
    sent.insert("data".to_owned(), Value::Object(merged(action.get("data"), inputs)));
    Press::Invoke { name: Some("adaptiveCard/action"), value: json!({"action": sent, "trigger": trigger}) }
}

/// An invoke of a hero card's button: `task/fetch` opens a dialog, anything else goes without a name.
fn invoke(value: &Value) -> Press {
    let value = unwrapped(value);
    match value.get("type").and_then(Value::as_str) {
        Some("task/fetch") => Press::Invoke { name: Some("task/fetch"), value: task(value) },
        _ => Press::Invoke { name: None, value },
    }
}

/// The value of `task/fetch` and `task/submit`.
fn task(data: Value) -> Value {
    json!({"data": data, "context": {"theme": "default"}})
}

/// A value that is an object spelled out in a text, as that object; others as they are.
fn unwrapped(value: &Value) -> Value {
    let inside = value.as_str().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    inside.map_or_else(|| value.clone(), Value::Object)
}

fn imback(text: Option<String>) -> Result<Press, Fault> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => Ok(Press::Post { text }),
        None => Err(fault(FaultKind::NotPressable, "the imBack action has no value to say".to_owned())),
    }
}

fn open(action: &Action<'_>) -> Result<Press, Fault> {
    match text_of(action, "url").or_else(|| text_of(action, "value")) {
        Some(url) => Ok(Press::Open { url }),
        None => Err(not_pressable(action, "has no address to open")),
    }
}

fn signing_in(action: &Action<'_>) -> Fault {
    not_pressable(action, "signs people in elsewhere, which is not supported")
}

fn not_pressable(action: &Action<'_>, reason: &str) -> Fault {
    fault(FaultKind::NotPressable, format!("the action {action} {reason}"))
}

fn text_of(action: &Action<'_>, name: &str) -> Option<String> {
    action.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
