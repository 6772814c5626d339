//! What happens when a person presses something on a message.
//!
//! By the pages on
//! [card actions](https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-actions),
//! [`Action.Execute`](https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model) and
//! [feedback](https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bot-messages-ai-generated-content).

use super::activity::get;
use super::card::{Action, Fault, FaultKind, Kind, fault, is_adaptive, text};
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
        /// Its text.
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
        /// The address.
        url: String,
    },
    /// The client shows or hides something; the bot hears nothing.
    Nothing,
}

/// What a person thinks of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Thumb up.
    Like,
    /// Thumb down.
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
mod tests {
    use super::super::card::{Name, actions, actions_of_card, find};
    use super::*;
    use proptest::prelude::*;

    fn message(content_type: &str, content: Value) -> Map<String, Value> {
        let activity = json!({"attachments": [{"contentType": content_type, "content": content}]});
        activity.as_object().unwrap().clone()
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// Presses the only action of a card with two inputs.
    fn pressed(action: Value, given: Value) -> Result<Press, String> {
        let card = json!({"type": "AdaptiveCard", "actions": [action], "body": [
            {"type": "Input.Text", "id": "name", "value": "Ana"},
            {"type": "Input.Text", "id": "note"}]});
        let activity = message("application/vnd.microsoft.card.adaptive", card);
        let found = actions(&activity);
        press(&found[0], &map(given)).map_err(|fault| fault.message)
    }

    /// Presses a hero card's button.
    fn button(button: Value) -> Result<Press, String> {
        let activity = message("application/vnd.microsoft.card.hero", json!({"buttons": [button]}));
        press(&actions(&activity)[0], &Map::new()).map_err(|fault| fault.message)
    }

    fn said(value: Value) -> Result<Press, String> {
        Ok(Press::Message { text: None, value: Some(value), display_text: None })
    }

    fn asked(name: Option<&'static str>, value: Value) -> Result<Press, String> {
        Ok(Press::Invoke { name, value })
    }

    #[test]
    fn submitting() {
        let submit = |data: Value| json!({"type": "Action.Submit", "title": "Go", "data": data});
        for (data, given, wanted) in [
            (json!({"a": 1, "name": "x"}), json!({"note": "n"}), json!({"a": 1, "name": "Ana", "note": "n"})),
            (json!({"a": 1}), json!({"name": ""}), json!({"a": 1})),
            (Value::Null, json!({}), json!({"name": "Ana"})),
            (json!("text"), json!({}), json!({"name": "Ana"})),
            (json!([1]), json!({}), json!({"name": "Ana"})),
            (
                json!({"msteams": {"type": "else"}}),
                json!({}),
                json!({"msteams": {"type": "else"}, "name": "Ana"}),
            ),
            (json!({"msteams": {}}), json!({}), json!({"msteams": {}, "name": "Ana"})),
        ] {
            assert_eq!(pressed(submit(data.clone()), given), said(wanted), "{data}");
        }
        let alone = json!({"type": "Action.Submit", "associatedInputs": "None", "data": {"a": 1}});
        assert_eq!(pressed(alone, json!({"note": "n"})), said(json!({"a": 1})));
        let refused = pressed(submit(json!({})), json!({"nome": "x"})).unwrap_err();
        assert_eq!(refused, "there is no input 'nome'; there is 'name', 'note'");
        let disabled = json!({"type": "Action.Submit", "title": "Go", "isEnabled": false});
        let words = pressed(disabled, json!({})).unwrap_err();
        assert_eq!(words, "the action 0: Action.Submit title 'Go' (disabled) is disabled");
    }

    #[test]
    fn submitting_as_teams_extends_it() {
        let submit = |msteams: Value| json!({"type": "Action.Submit", "data": {"msteams": msteams, "k": "data", "o": 1}});
        let back = |text: Option<&str>, value: Value, shown: Option<&str>| {
            let (text, display_text) = (text.map(str::to_owned), shown.map(str::to_owned));
            Ok(Press::Message { text, value: Some(value), display_text })
        };
        for (msteams, wanted) in [
            (
                json!({"type": "messageBack", "text": "t", "displayText": "d", "value": "{\"k\": \"value\", \"name\": 0}"}),
                back(Some("t"), json!({"k": "value", "o": 1, "name": "Ana"}), Some("d")),
            ),
            (
                json!({"type": "messageBack", "value": {"v": 2}}),
                back(None, json!({"k": "data", "o": 1, "v": 2, "name": "Ana"}), None),
            ),
            (json!({"type": "messageBack"}), back(None, json!({"k": "data", "o": 1, "name": "Ana"}), None)),
            (json!({"type": "imBack", "value": "hello"}), Ok(Press::Post { text: "hello".into() })),
            (
                json!({"type": "task/fetch"}),
                asked(
                    Some("task/fetch"),
                    json!({"data": {"msteams": {"type": "task/fetch"}, "k": "data", "o": 1, "name": "Ana"},
                           "context": {"theme": "default"}}),
                ),
            ),
            (json!({"type": "invoke", "value": {"v": 2}}), asked(None, json!({"v": 2, "name": "Ana"}))),
            (
                json!({"type": "invoke", "value": {"type": "task/fetch"}}),
                asked(
                    Some("task/fetch"),
                    json!({"data": {"type": "task/fetch", "name": "Ana"}, "context": {"theme": "default"}}),
                ),
            ),
        ] {
            assert_eq!(pressed(submit(msteams.clone()), json!({})), wanted, "{msteams}");
        }
        let bare = json!({"type": "Action.Submit", "associatedInputs": "none", "data": {"msteams": {"type": "messageBack", "value": "plain"}}});
        assert_eq!(pressed(bare, json!({})), back(None, json!("plain"), None));
        let empty = json!({"type": "Action.Submit", "associatedInputs": "none", "data": {"msteams": {"type": "messageBack", "text": "t"}}});
        let silent = Press::Message { text: Some("t".into()), value: None, display_text: None };
        assert_eq!(pressed(empty, json!({})), Ok(silent));
        assert!(
            pressed(submit(json!({"type": "imBack"})), json!({})).unwrap_err().contains("no value to say")
        );
        let signin = pressed(submit(json!({"type": "signin", "value": "https://x/"})), json!({}));
        assert!(signin.unwrap_err().contains("not supported"));
    }

    #[test]
    fn executing() {
        let action =
            json!({"type": "Action.Execute", "id": "i", "verb": "v", "title": "T", "data": {"a": 1}});
        let wanted = json!({"action": {"type": "Action.Execute", "id": "i", "verb": "v", "data": {"a": 1, "name": "Ana"}},
                            "trigger": "manual"});
        assert_eq!(pressed(action, json!({})), asked(Some("adaptiveCard/action"), wanted));
        let wanted =
            json!({"action": {"type": "Action.Execute", "data": {"name": "Ana"}}, "trigger": "manual"});
        let bare = json!({"type": "Action.Execute", "data": "text"});
        assert_eq!(pressed(bare, json!({})), asked(Some("adaptiveCard/action"), wanted));
    }

    #[test]
    fn what_stays_in_the_client() {
        let open = json!({"type": "Action.OpenUrl", "url": "https://x/"});
        assert_eq!(pressed(open, json!({})), Ok(Press::Open { url: "https://x/".into() }));
        assert!(pressed(json!({"type": "Action.OpenUrl"}), json!({})).unwrap_err().contains("no address"));
        assert_eq!(pressed(json!({"type": "Action.ToggleVisibility"}), json!({})), Ok(Press::Nothing));
        assert_eq!(pressed(json!({"type": "Action.ShowCard"}), json!({})), Ok(Press::Nothing));
        assert!(pressed(json!({"type": "Action.Http"}), json!({})).unwrap_err().contains("not supported"));
    }

    #[test]
    fn buttons() {
        let back = |text: Option<&str>, value: Option<Value>, shown: Option<&str>| {
            let (text, display_text) = (text.map(str::to_owned), shown.map(str::to_owned));
            Ok(Press::Message { text, value, display_text })
        };
        for (pressed, wanted) in [
            (json!({"type": "imBack", "value": "hello"}), Ok(Press::Post { text: "hello".into() })),
            (
                json!({"type": "messageBack", "text": "t", "displayText": "d", "value": "{\"p\": 1}"}),
                back(Some("t"), Some(json!({"p": 1})), Some("d")),
            ),
            (json!({"type": "messageBack", "value": "plain"}), back(None, Some(json!("plain")), None)),
            (json!({"type": "messageBack"}), back(None, None, None)),
            (json!({"type": "postBack", "value": "v"}), back(Some("v"), Some(json!("v")), None)),
            (json!({"type": "postBack", "value": {"a": 1}}), back(None, Some(json!({"a": 1})), None)),
            (json!({"type": "invoke", "value": {"option": "1"}}), asked(None, json!({"option": "1"}))),
            (json!({"type": "invoke", "value": "{\"option\": 1}"}), asked(None, json!({"option": 1}))),
            (
                json!({"type": "invoke", "value": {"type": "task/fetch", "data": 1}}),
                asked(
                    Some("task/fetch"),
                    json!({"data": {"type": "task/fetch", "data": 1}, "context": {"theme": "default"}}),
                ),
            ),
            (json!({"type": "openUrl", "value": "https://x/"}), Ok(Press::Open { url: "https://x/".into() })),
        ] {
            assert_eq!(button(pressed.clone()), wanted, "{pressed}");
        }
        for (pressed, part) in [
            (json!({"type": "imBack"}), "no value"),
            (json!({"type": "signin", "value": "https://x/"}), "not supported"),
            (json!({"type": "call", "value": "tel:1"}), "not supported"),
        ] {
            assert!(button(pressed).unwrap_err().contains(part));
        }
        let hero = message(
            "application/vnd.microsoft.card.hero",
            json!({"buttons": [{"type": "imBack", "value": "a"}]}),
        );
        let fault = press(&actions(&hero)[0], &map(json!({"x": 1}))).unwrap_err();
        assert_eq!(
            (fault.kind, fault.message.as_str()),
            (FaultKind::BadInput, "there is no input 'x'; the action has no inputs")
        );
    }

    #[test]
    fn dialogs() {
        let card = map(
            json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "name", "isRequired": true}],
            "actions": [{"type": "Action.Submit", "title": "Save", "data": {"msteams": {"type": "messageBack"}}},
                        {"type": "Action.Execute"}, {"type": "Action.OpenUrl", "url": "u"}]}),
        );
        let found = actions_of_card(&card);
        let save = find(&found, &Name { title: Some("Save"), ..Name::default() }).unwrap();
        let wanted = json!({"data": {"msteams": {"type": "messageBack"}, "name": "Ana"}, "context": {"theme": "default"}});
        assert_eq!(
            press_in_dialog(save, &map(json!({"name": "Ana"}))),
            Ok(Press::Invoke { name: Some("task/submit"), value: wanted })
        );
        let fault = press_in_dialog(save, &Map::new()).unwrap_err();
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::BadInput, "input 'name' is required"));
        assert_eq!(press_in_dialog(&found[1], &Map::new()).unwrap_err().kind, FaultKind::NotPressable);
        assert_eq!(press_in_dialog(&found[2], &Map::new()), Ok(Press::Open { url: "u".into() }));
        let value = json!({"actionName": "feedback", "actionValue": {"reaction": "dislike",
            "feedback": "{\"msteams\":{\"type\":\"messageBack\"},\"name\":\"x\"}"}});
        assert_eq!(
            feedback_of_form(Opinion::Dislike, save, &map(json!({"name": "x"}))),
            Ok(Press::Invoke { name: Some("message/submitAction"), value })
        );
        assert!(feedback_of_form(Opinion::Like, &found[2], &Map::new()).is_err());
    }

    #[test]
    fn refreshing() {
        let ids: Vec<String> = (0..=REFRESH_USERS_MAX).map(|number| format!("29:{number}")).collect();
        let card =
            |refresh: Value| message("application/vnd.microsoft.card.adaptive", json!({"refresh": refresh}));
        let action = json!({"type": "Action.Execute", "verb": "view", "data": {"a": 1}});
        let named = card(json!({"action": action, "userIds": ids}));
        let found = refreshes(&named);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].user_ids.as_ref().unwrap().len(), REFRESH_USERS_MAX);
        let value = json!({"action": {"type": "Action.Execute", "verb": "view", "data": {"a": 1}}, "trigger": "automatic"});
        assert_eq!(found[0].press, Press::Invoke { name: Some("adaptiveCard/action"), value });
        let everyone = card(json!({"action": action}));
        assert_eq!(refreshes(&everyone)[0].user_ids, None);
        let nobody = card(json!({"action": action, "userIds": []}));
        assert_eq!(refreshes(&nobody)[0].user_ids, Some(vec![]));
        assert_eq!(refreshes(&card(json!({"action": {"type": "Action.Submit"}}))), []);
        assert_eq!(refreshes(&card(Value::Null)), []);
    }

    #[test]
    fn giving_feedback() {
        let on = |data: Value| map(json!({"channelData": data}));
        let value = json!({"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "{\"feedbackText\":\"Good\"}"}});
        let submitted = Ok(Press::Invoke { name: Some("message/submitAction"), value });
        for data in [json!({"feedbackLoopEnabled": true}), json!({"feedbackLoop": {"type": "default"}})] {
            assert_eq!(feedback(&on(data), Opinion::Like, "Good"), submitted);
        }
        let value = json!({"actionName": "feedback", "actionValue": {"reaction": "dislike"},
            "data": {"actionName": "feedback", "actionValue": {"reaction": "dislike"}}});
        assert_eq!(
            feedback(&on(json!({"feedbackLoop": {"type": "custom"}})), Opinion::Dislike, ""),
            Ok(Press::Invoke { name: Some("message/fetchTask"), value })
        );
        for data in
            [Value::Null, json!({}), json!({"feedbackLoopEnabled": false}), json!({"feedbackLoop": {}})]
        {
            assert_eq!(feedback(&on(data), Opinion::Like, "").unwrap_err().kind, FaultKind::NotPressable);
        }
    }

    proptest! {
        /// Inputs win over `data`, and nothing else of it changes.
        #[test]
        fn merging(
            data in prop::collection::btree_map("[a-d]", any::<i32>(), 0..4),
            given in prop::collection::btree_map("[a-d]", "[a-z]{1,4}", 0..4),
        ) {
            let body: Vec<Value> = ["a", "b", "c", "d"].map(|id| json!({"type": "Input.Text", "id": id})).into();
            let action = json!({"type": "Action.Submit", "data": data});
            let card = map(json!({"body": body, "actions": [action]}));
            let found = actions_of_card(&card);
            let mut wanted = map(json!(data));
            wanted.extend(map(json!(given)));
            let sent = press(&found[0], &map(json!(given))).unwrap();
            prop_assert_eq!(sent, Press::Message { text: None, value: Some(Value::Object(wanted)), display_text: None });
        }
    }
}
