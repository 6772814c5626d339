//! Cards, pictures and suggested actions as Slack's blocks. What Slack has no block for becomes words, never nothing.

use serde_json::{Map, Value, json};

use super::events::SAYS;
use crate::activity::{Activity, Attachment, CardAction};
use crate::factory::CardFactory;

/// Buttons of one block of actions.
const ACTIONS_MAX: usize = 25;
/// Characters of a header block.
const HEADER_CHARS_MAX: usize = 150;
/// Characters of a button's title and of an option's.
const TITLE_CHARS_MAX: usize = 75;

/// Blocks under construction. Every button has a number, since two of a message can't share an `action_id`.
#[derive(Default)]
pub(super) struct Blocks {
    blocks: Vec<Value>,
    buttons: usize,
    /// The words, for notifications.
    words: Vec<String>,
}

impl Blocks {
    /// The blocks of an activity, none if it is but a text, and the words for notifications.
    pub(super) fn of(activity: &Activity) -> (Vec<Value>, String) {
        let mut all = Self::default();
        for attachment in &activity.attachments {
            all.attachment(attachment);
        }
        if let Some(suggested) = &activity.suggested_actions {
            all.card_actions(&suggested.actions);
        }
        let text = activity.text.as_deref().unwrap_or_default();
        let words = match activity.summary.as_deref().filter(|summary| !summary.is_empty()) {
            Some(summary) => summary.to_owned(),
            None if !text.is_empty() => text.to_owned(),
            None => all.words.join("\n"),
        };
        if !all.blocks.is_empty() && !text.is_empty() {
            all.blocks.insert(0, markdown(text));
        }
        (all.blocks, words)
    }

    fn say(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.blocks.push(markdown(text));
            self.words.push(text.to_owned());
        }
    }

    fn head(&mut self, text: &str) {
        if text.trim().is_empty() || HEADER_CHARS_MAX < text.chars().count() {
            return self.say(text);
        }
        self.blocks.push(json!({"type": "header", "text": plain(text)}));
        self.words.push(text.to_owned());
    }

    fn image(&mut self, url: &str, alt: &str) {
        let alt = if alt.is_empty() { "Image" } else { alt };
        self.blocks.push(json!({"type": "image", "image_url": url, "alt_text": alt}));
    }

    fn attachment(&mut self, attachment: &Attachment) {
        let kind = attachment.content_type.as_deref().unwrap_or_default();
        let name = attachment.name.as_deref().unwrap_or_default();
        match (kind, &attachment.content, attachment.content_url.as_deref()) {
            (CardFactory::ADAPTIVE, Some(card), _) => self.card(card),
            (CardFactory::HERO | CardFactory::THUMBNAIL, Some(card), _) => self.hero(card),
            (_, _, Some(url)) if kind.starts_with("image/") => self.image(url, name),
            (_, _, Some(url)) => {
                let shown = if name.is_empty() { url } else { name };
                self.say(&format!("[{shown}]({url})"));
            }
            (_, Some(content), None) => self.other(content, kind),
            (_, None, None) => self.other(&Value::Null, kind),
        }
    }

    /// What can't be shown, in the words that it has for that.
    fn other(&mut self, content: &Value, kind: &str) {
        let names = ["fallbackText", "altText", "title", "text", "summary", "name", "label"];
        let words = names.iter().find_map(|name| content.get(name)?.as_str().filter(|text| !text.is_empty()));
        match words {
            Some(words) => self.say(words),
            None => {
                self.say(&format!("({} can't be shown here)", if kind.is_empty() { "This" } else { kind }))
            }
        }
    }

    fn hero(&mut self, card: &Value) {
        self.head(text(card, "title"));
        self.say(text(card, "subtitle"));
        self.say(text(card, "text"));
        for image in list(card, "images") {
            self.image(text(image, "url"), text(image, "alt"));
        }
        let buttons = list(card, "buttons").iter();
        let buttons: Vec<CardAction> =
            buttons.filter_map(|button| serde_json::from_value(button.clone()).ok()).collect();
        self.card_actions(&buttons);
    }

    fn card_actions(&mut self, actions: &[CardAction]) {
        let mut buttons = Vec::new();
        let mut others = Vec::new();
        for action in actions {
            let value = action.value.clone().unwrap_or_default();
            let words = |value: &Value| value.as_str().map(str::to_owned);
            let title = action.title.clone().or_else(|| words(&value)).unwrap_or_default();
            let says = |text: Option<String>, value: Value| {
                json!({"text": text.unwrap_or_else(|| title.clone()), "value": value}).to_string()
            };
            let kind = action.r#type.as_deref().unwrap_or_default();
            match kind {
                "openUrl" => buttons.push(self.link(&title, value.as_str().unwrap_or_default())),
                "imBack" => {
                    let brings = says(words(&value), Value::Null);
                    buttons.push(self.button(&title, &format!("{SAYS}{kind}"), "", &brings));
                }
                "messageBack" | "postBack" => {
                    let text = action.text.clone().or_else(|| words(&value));
                    let brings = says(text, value);
                    buttons.push(self.button(&title, &format!("{SAYS}{kind}"), "", &brings));
                }
                "invoke" => buttons.push(self.data_button(&title, "invoke", &value)),
                _ => others.push(title),
            }
        }
        self.actions(buttons);
        for title in others {
            self.say(&title);
        }
    }

    fn actions(&mut self, buttons: Vec<Value>) {
        for buttons in buttons.chunks(ACTIONS_MAX) {
            self.blocks.push(json!({"type": "actions", "elements": buttons}));
        }
    }

    fn button(&mut self, title: &str, verb: &str, mark: &str, value: &str) -> Value {
        let action_id = format!("{verb}.{mark}{}", self.buttons);
        self.buttons += 1;
        json!({"type": "button", "text": plain(&cut(title)), "action_id": action_id, "value": value})
    }

    fn data_button(&mut self, title: &str, verb: &str, data: &Value) -> Value {
        let data = match data {
            Value::Object(_) => data.clone(),
            Value::Null => json!({}),
            other => json!({"value": other}),
        };
        self.button(title, verb, "d", &data.to_string())
    }

    fn link(&mut self, title: &str, url: &str) -> Value {
        let mut button = self.button(title, "openUrl", "", "");
        if let Some(button) = button.as_object_mut() {
            button.remove("value");
            button.insert("url".to_owned(), url.into());
        }
        button
    }

    fn card(&mut self, card: &Value) {
        let before = self.blocks.len();
        self.elements(list(card, "body"));
        self.card_buttons(list(card, "actions"));
        if self.blocks.len() == before {
            self.other(card, "An empty card");
        }
    }

    fn elements(&mut self, elements: &[Value]) {
        for element in elements.iter().filter(|element| element.get("isVisible") != Some(&false.into())) {
            self.element(element);
        }
    }

    fn element(&mut self, element: &Value) {
        let kind = text(element, "type");
        match kind {
            "TextBlock" => {
                let words = text(element, "text");
                let large =
                    matches!(text(element, "size").to_ascii_lowercase().as_str(), "large" | "extralarge");
                if large || text(element, "style") == "heading" {
                    self.head(words);
                } else if text(element, "weight").eq_ignore_ascii_case("bolder") && !words.is_empty() {
                    self.say(&format!("**{words}**"));
                } else {
                    self.say(words);
                }
            }
            "RichTextBlock" => {
                let inlines = list(element, "inlines").iter();
                let words: String =
                    inlines.map(|inline| inline.as_str().unwrap_or_else(|| text(inline, "text"))).collect();
                self.say(&words);
            }
            "Image" => self.image(text(element, "url"), text(element, "altText")),
            "ImageSet" => self.elements(list(element, "images")),
            "FactSet" => {
                let facts = list(element, "facts").iter();
                let facts = facts.map(|fact| format!("**{}** {}", text(fact, "title"), text(fact, "value")));
                self.say(&facts.collect::<Vec<_>>().join("\n"));
            }
            "Container" | "Column" | "TableCell" => self.elements(list(element, "items")),
            "ColumnSet" => self.elements(list(element, "columns")),
            "Table" => self.elements(list(element, "rows")),
            "TableRow" => self.elements(list(element, "cells")),
            "ActionSet" => self.card_buttons(list(element, "actions")),
            _ if kind.starts_with("Input.") => self.input(element, kind),
            _ => match element.get("fallback") {
                Some(fallback @ Value::Object(_)) => self.element(fallback),
                Some(Value::String(drop)) if drop == "drop" => {}
                _ => self.other(element, kind),
            },
        }
    }

    /// An input. What it holds when a button is pressed is among the button's data, under its id.
    fn input(&mut self, input: &Value, kind: &str) {
        let id = text(input, "id");
        let label = ["label", "title", "placeholder"].into_iter().map(|name| text(input, name));
        let label = label.into_iter().find(|label| !label.is_empty()).unwrap_or(id);
        let value = text(input, "value");
        let mut element = Map::new();
        let mut put = |name: &str, value: Value| drop(element.insert(name.to_owned(), value));
        put("action_id", id.into());
        let option = |title: &str, value: &str| json!({"text": plain(&cut(title)), "value": value});
        match kind {
            "Input.ChoiceSet" if !list(input, "choices").is_empty() => {
                let choices = list(input, "choices").iter();
                let options: Vec<Value> =
                    choices.map(|choice| option(text(choice, "title"), text(choice, "value"))).collect();
                let chosen: Vec<&Value> = options
                    .iter()
                    .filter(|option| value.split(',').any(|value| option["value"] == value))
                    .collect();
                if input.get("isMultiSelect") == Some(&true.into()) {
                    put("type", "multi_static_select".into());
                    if !chosen.is_empty() {
                        put("initial_options", json!(chosen));
                    }
                } else {
                    put("type", "static_select".into());
                    if let Some(chosen) = chosen.first() {
                        put("initial_option", json!(chosen));
                    }
                }
                put("options", options.into());
            }
            "Input.Toggle" => {
                let on = Some(text(input, "valueOn")).filter(|on| !on.is_empty()).unwrap_or("true");
                let on_option = option(text(input, "title"), on);
                put("type", "checkboxes".into());
                if value == on {
                    put("initial_options", json!([on_option]));
                }
                put("options", json!([on_option]));
            }
            "Input.Date" => {
                put("type", "datepicker".into());
                if !value.is_empty() {
                    put("initial_date", value.into());
                }
            }
            "Input.Time" => {
                put("type", "timepicker".into());
                if !value.is_empty() {
                    put("initial_time", value.into());
                }
            }
            _ => {
                put("type", "plain_text_input".into());
                put("multiline", (input.get("isMultiline") == Some(&true.into())).into());
                let value = match input.get("value") {
                    Some(Value::Number(number)) => number.to_string(),
                    _ => value.to_owned(),
                };
                if !value.is_empty() {
                    put("initial_value", value.into());
                }
            }
        }
        let label = if label.is_empty() { "Input" } else { label };
        let optional = input.get("isRequired") != Some(&true.into());
        self.blocks
            .push(json!({"type": "input", "label": plain(label), "element": element, "optional": optional}));
    }

    fn card_buttons(&mut self, actions: &[Value]) {
        let mut buttons = Vec::new();
        for action in actions {
            let (kind, title) = (text(action, "type"), text(action, "title"));
            let data = action.get("data").unwrap_or(&Value::Null);
            match kind {
                "Action.Execute" | "Action.Submit" => {
                    let verbs = [text(action, "verb"), text(data, "verb"), text(action, "id")];
                    let verb = verbs.into_iter().find(|verb| !verb.is_empty()).unwrap_or("submit");
                    buttons.push(self.data_button(title, verb, data));
                }
                "Action.OpenUrl" => buttons.push(self.link(title, text(action, "url"))),
                "Action.ShowCard" => {
                    self.actions(std::mem::take(&mut buttons));
                    self.say(title);
                    self.card(action.get("card").unwrap_or(&Value::Null));
                }
                _ => match action.get("fallback") {
                    Some(fallback @ Value::Object(_)) => {
                        self.actions(std::mem::take(&mut buttons));
                        self.card_buttons(std::slice::from_ref(fallback));
                    }
                    Some(Value::String(drop)) if drop == "drop" => {}
                    _ => self.other(action, kind),
                },
            }
        }
        self.actions(buttons);
    }
}

pub(super) fn markdown(text: &str) -> Value {
    json!({"type": "markdown", "text": text})
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

fn cut(title: &str) -> String {
    if title.chars().count() <= TITLE_CHARS_MAX {
        return if title.is_empty() { "…".to_owned() } else { title.to_owned() };
    }
    title.chars().take(TITLE_CHARS_MAX - 1).chain(['…']).collect()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
