//! What a person can act on in the blocks of a message or a view.

use super::blocks;
use serde_json::{Map, Value};

/// An element that a person can act on.
#[derive(Clone, Debug, PartialEq)]
pub struct Element<'a> {
    /// Of the block that it stands in.
    pub block_id: &'a str,
    /// The element's `action_id`.
    pub action_id: &'a str,
    /// `type`, as it is sent.
    pub name: &'a str,
    /// What it takes; `None` for kinds that are not supported.
    pub kind: Option<Kind>,
    /// The element as it is stored.
    pub json: &'a Map<String, Value>,
    /// What stands on it or beside it: a button's text, an input's label, a placeholder.
    pub label: Option<&'a str>,
    /// Of an `input` block.
    pub input: Option<Input>,
}

/// How an `input` block treats its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// May be left empty.
    pub optional: bool,
    /// The app hears of it at once, and not only when the view is submitted.
    pub dispatches: bool,
}

/// What an element takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pressed; nothing is chosen.
    Button,
    /// One of its options.
    Option(Source),
    /// Some of its options.
    Options(Source),
    /// The id of one user, conversation or channel.
    Id(Ids),
    /// The ids of several users, conversations or channels.
    Several(Ids),
    /// `2026-08-01`.
    Day,
    /// `17:30`.
    Time,
    /// A time in Unix seconds.
    Moment,
    /// Words of a kind.
    Text(Words),
    /// A `rich_text` value.
    RichText,
}

/// Where options come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The element has them.
    Listed,
    /// The app is asked for them.
    App,
}

/// What ids are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Ids of users.
    User,
    /// Conversations of any kind.
    Conversation,
    /// Ids of public channels.
    Channel,
}

/// What words have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Any text.
    Plain,
    /// A mail address.
    Email,
    /// An address with its scheme.
    Url,
    /// A number.
    Number,
}

impl Kind {
    /// What an element of this `type` takes; `None` for what is not supported.
    #[must_use]
    pub fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "button" | "feedback_buttons" | "icon_button" => Kind::Button,
            "static_select" | "overflow" | "radio_buttons" => Kind::Option(Source::Listed),
            "external_select" => Kind::Option(Source::App),
            "multi_static_select" | "checkboxes" => Kind::Options(Source::Listed),
            "multi_external_select" => Kind::Options(Source::App),
            "users_select" => Kind::Id(Ids::User),
            "conversations_select" => Kind::Id(Ids::Conversation),
            "channels_select" => Kind::Id(Ids::Channel),
            "multi_users_select" => Kind::Several(Ids::User),
            "multi_conversations_select" => Kind::Several(Ids::Conversation),
            "multi_channels_select" => Kind::Several(Ids::Channel),
            "datepicker" => Kind::Day,
            "timepicker" => Kind::Time,
            "datetimepicker" => Kind::Moment,
            "plain_text_input" => Kind::Text(Words::Plain),
            "email_text_input" => Kind::Text(Words::Email),
            "url_text_input" => Kind::Text(Words::Url),
            "number_input" => Kind::Text(Words::Number),
            "rich_text_input" => Kind::RichText,
            _ => return None,
        })
    }

    /// The member that says what is chosen; `None` of buttons.
    #[must_use]
    pub fn member(self) -> Option<&'static str> {
        Some(match self {
            Kind::Button => return None,
            Kind::Option(_) => "selected_option",
            Kind::Options(_) => "selected_options",
            Kind::Id(Ids::User) => "selected_user",
            Kind::Id(Ids::Conversation) => "selected_conversation",
            Kind::Id(Ids::Channel) => "selected_channel",
            Kind::Several(Ids::User) => "selected_users",
            Kind::Several(Ids::Conversation) => "selected_conversations",
            Kind::Several(Ids::Channel) => "selected_channels",
            Kind::Day => "selected_date",
            Kind::Time => "selected_time",
            Kind::Moment => "selected_date_time",
            Kind::Text(_) => "value",
            Kind::RichText => "rich_text_value",
        })
    }

    /// The member that says what is chosen at first.
    #[must_use]
    pub fn initial_member(self) -> Option<&'static str> {
        Some(match self {
            Kind::Button => return None,
            Kind::Option(_) => "initial_option",
            Kind::Options(_) => "initial_options",
            Kind::Id(Ids::User) => "initial_user",
            Kind::Id(Ids::Conversation) => "initial_conversation",
            Kind::Id(Ids::Channel) => "initial_channel",
            Kind::Several(Ids::User) => "initial_users",
            Kind::Several(Ids::Conversation) => "initial_conversations",
            Kind::Several(Ids::Channel) => "initial_channels",
            Kind::Day => "initial_date",
            Kind::Time => "initial_time",
            Kind::Moment => "initial_date_time",
            Kind::Text(_) | Kind::RichText => "initial_value",
        })
    }

    /// Several things can be chosen.
    #[must_use]
    pub fn is_several(self) -> bool {
        matches!(self, Kind::Options(_) | Kind::Several(_))
    }
}

impl<'a> Element<'a> {
    /// Whether it keeps what a person put in: buttons and overflow menus do not.
    #[must_use]
    pub fn is_stateful(&self) -> bool {
        !matches!(self.name, "overflow" | "workflow_button")
            && self.kind.is_none_or(|kind| kind != Kind::Button)
    }

    /// Whether an act on it reaches the app at once.
    #[must_use]
    pub fn dispatches(&self) -> bool {
        self.input.is_none_or(|input| input.dispatches)
    }

    /// Its options, those of its groups included.
    pub fn options(&self) -> impl Iterator<Item = &'a Value> {
        blocks::options(self.json)
    }

    fn read(block_id: &'a str, json: &'a Map<String, Value>, input: Option<&'a Map<String, Value>>) -> Self {
        let text = |object: &'a Map<String, Value>, name: &str| {
            object.get(name).and_then(|text| text.get("text")).and_then(Value::as_str)
        };
        let flag = |block: &Map<String, Value>, name| block.get(name) == Some(&Value::Bool(true));
        let name = string(json, "type");
        let label = input.and_then(|block| text(block, "label"));
        Element {
            block_id,
            action_id: string(json, "action_id"),
            name,
            kind: Kind::of(name),
            json,
            label: label.or_else(|| text(json, "text")).or_else(|| text(json, "placeholder")),
            input: input.map(|block| Input {
                optional: flag(block, "optional"),
                dispatches: flag(block, "dispatch_action"),
            }),
        }
    }
}

/// Everything that a person can act on, in its order. The two buttons of `feedback_buttons` count as one each.
#[must_use]
pub fn elements<'a>(blocks: &'a [Value]) -> Vec<Element<'a>> {
    let mut found = Vec::new();
    for block in blocks.iter().filter_map(Value::as_object) {
        let block_id = string(block, "block_id");
        let mut add = |element: Option<&'a Value>, input: Option<&'a Map<String, Value>>| {
            if let Some(json) = element.and_then(Value::as_object)
                && string(json, "type") != "image"
            {
                found.push(Element::read(block_id, json, input));
            }
        };
        match string(block, "type") {
            "section" => add(block.get("accessory"), None),
            "input" => add(block.get("element"), Some(block)),
            "actions" => list(block, "elements").for_each(|element| add(Some(element), None)),
            "context_actions" => {
                for element in list(block, "elements") {
                    feedback(block_id, element, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

fn feedback<'a>(block_id: &'a str, element: &'a Value, found: &mut Vec<Element<'a>>) {
    let Some(json) = element.as_object() else { return };
    if string(json, "type") != "feedback_buttons" {
        return found.push(Element::read(block_id, json, None));
    }
    let action_id = string(json, "action_id");
    for name in ["positive_button", "negative_button"] {
        if let Some(button) = json.get(name).and_then(Value::as_object) {
            let read = Element::read(block_id, button, None);
            let kind = Some(Kind::Button);
            found.push(Element { action_id, name: "feedback_buttons", kind, ..read });
        }
    }
}

/// By what a person names what they act on. All that is given has to fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Name<'a> {
    /// `block_id`.
    pub block_id: Option<&'a str>,
    /// `action_id`.
    pub action_id: Option<&'a str>,
    /// What stands on it, its `action_id` or a button's value, whichever fits first.
    pub text: Option<&'a str>,
    /// Its place among all of them, from 0.
    pub index: Option<usize>,
}

/// The element of this name; without a name the only one there is.
///
/// # Errors
///
/// In words, when there is none or more than one.
pub fn find<'a, 'b>(elements: &'b [Element<'a>], name: &Name<'_>) -> Result<&'b Element<'a>, String> {
    if elements.is_empty() {
        return Err("there is nothing to act on".into());
    }
    let fits = |element: &&'b Element<'a>| {
        name.block_id.is_none_or(|id| element.block_id == id)
            && name.action_id.is_none_or(|id| element.action_id == id)
    };
    let mut left: Vec<&Element<'_>> = match name.index {
        Some(index) => elements.get(index).into_iter().filter(fits).collect(),
        None => elements.iter().filter(fits).collect(),
    };
    if let Some(text) = name.text {
        let value = |element: &Element<'_>| element.json.get("value").and_then(Value::as_str) == Some(text);
        let by: [&dyn Fn(&Element<'_>) -> bool; 3] =
            [&|element| element.label == Some(text), &|element| element.action_id == text, &value];
        let matching = by.iter().map(|by| left.iter().copied().filter(|it| by(it)).collect::<Vec<_>>());
        left = matching.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    }
    match left[..] {
        [one] => Ok(one),
        [] => Err(format!("there is no such element; there are {}", named(elements.iter()))),
        _ => Err(format!("several elements fit: {}; name the block_id as well", named(left.iter().copied()))),
    }
}

/// Elements in words: `"Ship" (button b1/ship)`.
pub(crate) fn named<'a, 'b: 'a>(elements: impl Iterator<Item = &'a Element<'b>>) -> String {
    /// More would not help anybody.
    const NAMED_MAX: usize = 10;
    let shown = elements.take(NAMED_MAX).map(|element| {
        let label = element.label.map(|label| format!("\"{label}\" ")).unwrap_or_default();
        format!("{label}({} {}/{})", element.name, element.block_id, element.action_id)
    });
    shown.collect::<Vec<_>>().join(", ")
}

pub(crate) fn string<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn list<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> Value {
        json!({"type": "plain_text", "text": text, "emoji": true})
    }

    fn blocks() -> Vec<Value> {
        let button = |id: &str, text: &str, value: &str| json!({"type": "button", "action_id": id, "text": plain(text), "value": value});
        vec![
            json!({"type": "section", "block_id": "s1", "text": plain("x"), "accessory": button("ship", "Ship", "7")}),
            json!({"type": "section", "block_id": "s2", "text": plain("x"), "accessory": {"type": "image"}}),
            json!({"type": "actions", "block_id": "a", "elements": [
                button("ship", "Ship", "8"), button("halt", "Halt", "9"),
                {"type": "static_select", "action_id": "size", "placeholder": plain("Size"), "options": []}]}),
            json!({"type": "input", "block_id": "i", "label": plain("Why"), "optional": true, "dispatch_action": true,
                "element": {"type": "plain_text_input", "action_id": "why", "placeholder": plain("p")}}),
            json!({"type": "input", "block_id": "j", "label": plain("File"), "element": {"type": "file_input", "action_id": "file"}}),
            json!({"type": "context_actions", "block_id": "c", "elements": [
                {"type": "feedback_buttons", "action_id": "fb",
                 "positive_button": {"text": plain("Good"), "value": "up"}, "negative_button": {"text": plain("Bad"), "value": "down"}},
                {"type": "icon_button", "action_id": "bin", "icon": "trash", "text": plain("Delete")}]}),
            json!({"type": "divider", "block_id": "d"}),
        ]
    }

    #[test]
    fn what_can_be_acted_on() {
        let blocks = blocks();
        let found = elements(&blocks);
        let shown: Vec<_> = found.iter().map(|it| (it.block_id, it.action_id, it.name, it.label)).collect();
        assert_eq!(
            shown,
            [
                ("s1", "ship", "button", Some("Ship")),
                ("a", "ship", "button", Some("Ship")),
                ("a", "halt", "button", Some("Halt")),
                ("a", "size", "static_select", Some("Size")),
                ("i", "why", "plain_text_input", Some("Why")),
                ("j", "file", "file_input", Some("File")),
                ("c", "fb", "feedback_buttons", Some("Good")),
                ("c", "fb", "feedback_buttons", Some("Bad")),
                ("c", "bin", "icon_button", Some("Delete")),
            ]
        );
        let stateful: Vec<_> = found.iter().filter(|it| it.is_stateful()).map(|it| it.action_id).collect();
        assert_eq!(stateful, ["size", "why", "file"]);
        assert_eq!(found[4].input, Some(Input { optional: true, dispatches: true }));
        assert!(!found[5].dispatches() && found[5].kind.is_none());
    }

    #[test]
    fn by_name() {
        let blocks = blocks();
        let found = elements(&blocks);
        let none = Name::default();
        for (name, expected) in [
            (Name { text: Some("Halt"), ..none }, Ok("a/halt")),
            (Name { text: Some("halt"), ..none }, Ok("a/halt")),
            (Name { text: Some("8"), ..none }, Ok("a/ship")),
            (Name { text: Some("Bad"), ..none }, Ok("c/fb")),
            (Name { text: Some("Ship"), block_id: Some("s1"), ..none }, Ok("s1/ship")),
            (Name { action_id: Some("why"), ..none }, Ok("i/why")),
            (Name { index: Some(1), ..none }, Ok("a/ship")),
            (Name { index: Some(9), ..none }, Err("there is no such element")),
            (Name { index: Some(1), block_id: Some("s1"), ..none }, Err("there is no such element")),
            (Name { text: Some("Ship"), ..none }, Err("several elements fit")),
            (
                Name { text: Some("x"), ..none },
                Err("there is no such element; there are \"Ship\" (button s1/ship)"),
            ),
            (Name { action_id: Some("Ship"), ..none }, Err("there is no such element")),
            (none, Err("several elements fit")),
        ] {
            match (find(&found, &name), expected) {
                (Ok(one), Ok(wanted)) => assert_eq!(format!("{}/{}", one.block_id, one.action_id), wanted),
                (Err(words), Err(wanted)) => assert!(words.starts_with(wanted), "{words}"),
                (got, wanted) => panic!("{name:?}: {got:?}, not {wanted:?}"),
            }
        }
        assert!(find(&found[2..3], &none).is_ok(), "the only one needs no name");
        assert_eq!(find(&[], &none).unwrap_err(), "there is nothing to act on");
    }
}
