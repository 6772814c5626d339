//! Cards of a message: what a person could press on them.
//!
//! Adaptive Cards are read by the rules of their
//! [schema](https://adaptivecards.io/explorer/), hero cards and their kin by the
//! [card actions](https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-actions) of
//! Teams.

use super::activity::get;
use super::input::Input;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::rc::Rc;

/// How deep cards are looked into: containers in containers, and the cards of `Action.ShowCard`. Deeper parts are not
/// seen.
pub const DEPTH_MAX: usize = 32;

/// How many actions of a message are seen.
pub const ACTIONS_MAX: usize = 200;

/// The content type of Adaptive Cards.
pub const ADAPTIVE: &str = "application/vnd.microsoft.card.adaptive";

/// Something on a message that a person can press.
#[derive(Clone, Debug)]
pub struct Action<'a> {
    /// Place among all actions of the message, counted from 0 in reading order.
    pub index: usize,
    /// Which attachment it is on; `None` for suggested actions.
    pub attachment: Option<usize>,
    /// What it does.
    pub kind: Kind,
    /// `id`, if it has one.
    pub id: Option<&'a str>,
    /// `title`: what stands on it.
    pub title: Option<&'a str>,
    /// `verb` of an `Action.Execute`.
    pub verb: Option<&'a str>,
    /// Whether it can be pressed: not with `isEnabled: false`.
    pub is_enabled: bool,
    pub(super) json: &'a Map<String, Value>,
    /// The inputs of its card, and of the cards around that one.
    pub(super) inputs: Rc<Inputs<'a>>,
}

/// What an action does when it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Action.OpenUrl`, `openUrl`.
    OpenUrl,
    /// `Action.Submit`.
    Submit,
    /// `Action.Execute`.
    Execute,
    /// `Action.ShowCard`, `Action.ToggleVisibility` and others that stay in the client.
    Local,
    /// `messageBack`.
    MessageBack,
    /// `imBack`.
    ImBack,
    /// `postBack`.
    PostBack,
    /// `invoke`.
    Invoke,
    /// `signin`.
    SignIn,
    /// One that is not known.
    Other,
}

/// The inputs of a card, and those of the cards around it.
#[derive(Debug, Default)]
pub(super) struct Inputs<'a> {
    own: Vec<Input<'a>>,
    around: Option<Rc<Inputs<'a>>>,
}

/// How somebody names an action: everything that is given has to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name<'a> {
    /// By `id`.
    pub id: Option<&'a str>,
    /// By `title`.
    pub title: Option<&'a str>,
    /// By `verb`.
    pub verb: Option<&'a str>,
    /// By its place among all actions of the message, from 0.
    pub index: Option<usize>,
}

/// Why a card cannot be used as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The reason, for people.
    pub message: String,
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no such action.
    NotFound,
    /// The name fits several actions.
    Ambiguous,
    /// The action is there, and cannot be pressed.
    NotPressable,
    /// An input is unknown, missing or wrong.
    BadInput,
}

/// All actions of an activity in reading order: those of its attachments, then the suggested ones.
///
/// Hidden elements count, since showing them is the client's own business. Parts that are not formed as they have to
/// be are passed over.
pub fn actions(activity: &Map<String, Value>) -> Vec<Action<'_>> {
    let mut found = Walk::default();
    for (index, attachment) in list(activity, "attachments").enumerate() {
        found.attachment = Some(index);
        let Some(content) = get(attachment, "content").and_then(Value::as_object) else { continue };
        match is_adaptive(attachment, content) {
            true => found.card(content, None, 0),
            false => found.hero(content),
        }
    }
    found.attachment = None;
    if let Some(suggested) = get(activity, "suggestedActions").and_then(Value::as_object) {
        found.buttons(suggested, "actions");
    }
    found.actions
}

/// The actions of a single Adaptive Card, such as the one in a dialog.
pub fn actions_of_card(card: &Map<String, Value>) -> Vec<Action<'_>> {
    let mut found = Walk { attachment: Some(0), ..Walk::default() };
    found.card(card, None, 0);
    found.actions
}

/// Finds the one action that fits a name. The empty name means the only action there is.
///
/// # Errors
///
/// [`FaultKind::NotFound`] and [`FaultKind::Ambiguous`], with a list of what there is.
pub fn find<'a, 'b>(actions: &'b [Action<'a>], name: &Name<'_>) -> Result<&'b Action<'a>, Fault> {
    let fitting: Vec<&Action<'_>> = actions.iter().filter(|action| action.fits(name)).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        [] if actions.is_empty() => {
            Err(fault(FaultKind::NotFound, "the message has nothing to press".to_owned()))
        }
        [] => Err(fault(FaultKind::NotFound, format!("no action has {name}; there is {}", listed(actions)))),
        several => {
            let several = listed(several.iter().copied());
            let message = match *name == Name::default() {
                true => format!("the message has several actions, say which one: {several}"),
                false => format!("{name} fits several actions, say which one by its index: {several}"),
            };
            Err(fault(FaultKind::Ambiguous, message))
        }
    }
}

impl<'a> Action<'a> {
    /// The inputs whose values go with this action: those of its card and, for a card shown by `Action.ShowCard`,
    /// those of the cards around it, but none of sibling or inner cards
    /// ([which inputs are submitted](https://learn.microsoft.com/adaptive-cards/authoring-cards/input-validation)).
    ///
    /// Of two inputs with one id the outer one counts.
    pub fn inputs(&self) -> Vec<&Input<'a>> {
        let mut found: Vec<&Input<'a>> = Vec::new();
        let mut level = Some(&self.inputs);
        while let Some(inputs) = level {
            for input in &inputs.own {
                match found.iter().position(|other| other.id == input.id) {
                    Some(at) => found[at] = input,
                    None => found.push(input),
                }
            }
            level = inputs.around.as_ref();
        }
        found
    }

    /// A member of the action's own JSON.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.json.get(name).and_then(Value::as_str)
    }

    fn fits(&self, name: &Name<'_>) -> bool {
        name.id.is_none_or(|id| self.id == Some(id))
            && name.title.is_none_or(|title| self.title == Some(title))
            && name.verb.is_none_or(|verb| self.verb == Some(verb))
            && name.index.is_none_or(|index| self.index == index)
    }
}

impl std::fmt::Display for Action<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.text("type").unwrap_or("button");
        write!(out, "{}: {kind}", self.index)?;
        for (name, value) in [("title", self.title), ("id", self.id), ("verb", self.verb)] {
            if let Some(value) = value {
                write!(out, " {name} '{value}'")?;
            }
        }
        if !self.is_enabled {
            out.write_str(" (disabled)")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        for (name, value) in [("id", self.id), ("title", self.title), ("verb", self.verb)] {
            parts.extend(value.map(|value| format!("{name} '{value}'")));
        }
        parts.extend(self.index.map(|index| format!("index {index}")));
        out.write_str(&parts.join(" and "))
    }
}

pub(super) fn fault(kind: FaultKind, message: String) -> Fault {
    Fault { kind, message }
}

/// Whether an attachment is an Adaptive Card: by its content type, or without one by its content.
pub(super) fn is_adaptive(attachment: &Map<String, Value>, content: &Map<String, Value>) -> bool {
    match get(attachment, "contentType").and_then(Value::as_str) {
        Some(kind) => kind.eq_ignore_ascii_case(ADAPTIVE),
        None => text(content, "type") == Some("AdaptiveCard"),
    }
}

/// How many actions an error names.
const LISTED_MAX: usize = 20;

fn listed<'a: 'b, 'b>(actions: impl IntoIterator<Item = &'b Action<'a>>) -> String {
    let mut out = String::new();
    for (count, action) in actions.into_iter().enumerate() {
        if count == LISTED_MAX {
            out.push_str(", …");
            break;
        }
        let separator = if count == 0 { "" } else { ", " };
        let _ = write!(out, "{separator}{action}");
    }
    out
}

/// Goes through cards and collects.
#[derive(Default)]
struct Walk<'a> {
    actions: Vec<Action<'a>>,
    attachment: Option<usize>,
}

/// Where elements and actions have further elements. In reading order.
const CHILDREN: [&str; 8] = ["body", "items", "columns", "rows", "cells", "pages", "inlines", "images"];

impl<'a> Walk<'a> {
    fn card(&mut self, card: &'a Map<String, Value>, around: Option<Rc<Inputs<'a>>>, depth: usize) {
        let mut own = Vec::new();
        collect_inputs(card, depth, &mut own);
        let inputs = Rc::new(Inputs { own, around });
        self.element(card, &inputs, depth);
    }

    /// The actions of an element: its own, those within, those below it.
    fn element(&mut self, element: &'a Map<String, Value>, inputs: &Rc<Inputs<'a>>, depth: usize) {
        let element = or_fallback(element);
        for name in ["selectAction", "inlineAction"] {
            if let Some(action) = element.get(name).and_then(Value::as_object) {
                self.action(action, inputs, depth + 1);
            }
        }
        if DEPTH_MAX <= depth {
            return;
        }
        for child in CHILDREN.into_iter().flat_map(|name| objects(element, name)) {
            self.element(child, inputs, depth + 1);
        }
        for action in objects(element, "actions") {
            self.action(action, inputs, depth + 1);
        }
    }

    fn action(&mut self, action: &'a Map<String, Value>, inputs: &Rc<Inputs<'a>>, depth: usize) {
        if DEPTH_MAX < depth {
            return;
        }
        let kind = adaptive_kind(action);
        if kind == Kind::Other
            && let Some(fallback) = action.get("fallback")
        {
            // `"drop"`, the other thing that may stand here, shows nothing.
            if let Some(fallback) = fallback.as_object() {
                self.action(fallback, inputs, depth + 1);
            }
            return;
        }
        self.push(action, kind, Rc::clone(inputs));
        if let Some(card) = action.get("card").and_then(Value::as_object) {
            self.card(card, Some(Rc::clone(inputs)), depth + 1);
        }
        for further in objects(action, "menuActions") {
            self.action(further, inputs, depth + 1);
        }
    }

    /// Buttons and taps of hero cards and their kin.
    fn hero(&mut self, content: &'a Map<String, Value>) {
        self.tap(content);
        for item in objects(content, "items") {
            self.tap(item);
        }
        self.buttons(content, "buttons");
    }

    fn tap(&mut self, content: &'a Map<String, Value>) {
        if let Some(tap) = get(content, "tap").and_then(Value::as_object) {
            self.push(tap, button_kind(tap), Rc::default());
        }
    }

    fn buttons(&mut self, holder: &'a Map<String, Value>, name: &str) {
        for button in list(holder, name) {
            self.push(button, button_kind(button), Rc::default());
        }
    }

    fn push(&mut self, json: &'a Map<String, Value>, kind: Kind, inputs: Rc<Inputs<'a>>) {
        if self.actions.len() == ACTIONS_MAX {
            return;
        }
        self.actions.push(Action {
            index: self.actions.len(),
            attachment: self.attachment,
            kind,
            id: text(json, "id"),
            title: text(json, "title"),
            verb: text(json, "verb"),
            is_enabled: json.get("isEnabled") != Some(&Value::Bool(false)),
            json,
            inputs,
        });
    }
}

/// The inputs of a card without those of cards that its actions show.
fn collect_inputs<'a>(element: &'a Map<String, Value>, depth: usize, found: &mut Vec<Input<'a>>) {
    let element = or_fallback(element);
    found.extend(Input::read(element));
    if depth < DEPTH_MAX {
        for child in CHILDREN.into_iter().flat_map(|name| objects(element, name)) {
            collect_inputs(child, depth + 1, found);
        }
    }
}

/// What is shown of an element: itself, or what it gives for clients that do not know its type.
fn or_fallback(element: &Map<String, Value>) -> &Map<String, Value> {
    const KNOWN: [&str; 19] = [
        "ActionSet",
        "AdaptiveCard",
        "Badge",
        "Carousel",
        "CarouselPage",
        "CodeBlock",
        "Column",
        "ColumnSet",
        "Container",
        "FactSet",
        "Icon",
        "Image",
        "ImageSet",
        "Media",
        "RichTextBlock",
        "Table",
        "TableCell",
        "TableRow",
        "TextBlock",
    ];
    match (text(element, "type"), element.get("fallback").and_then(Value::as_object)) {
        (Some(kind), Some(fallback)) if !KNOWN.contains(&kind) && !kind.starts_with("Input.") => fallback,
        _ => element,
    }
}

fn adaptive_kind(action: &Map<String, Value>) -> Kind {
    match text(action, "type").unwrap_or_default() {
        "Action.OpenUrl" => Kind::OpenUrl,
        "Action.Submit" => Kind::Submit,
        "Action.Execute" => Kind::Execute,
        "Action.ShowCard" | "Action.ToggleVisibility" | "Action.Popover" | "Action.ResetInputs" => {
            Kind::Local
        }
        _ => Kind::Other,
    }
}

fn button_kind(button: &Map<String, Value>) -> Kind {
    match text(button, "type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "openurl" => Kind::OpenUrl,
        "messageback" => Kind::MessageBack,
        "imback" => Kind::ImBack,
        "postback" => Kind::PostBack,
        "invoke" => Kind::Invoke,
        "signin" => Kind::SignIn,
        _ => Kind::Other,
    }
}

pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The objects of a list.
fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// As [`objects`], with the name in any case.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    get(object, name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use super::super::{invoke, press, stream};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn activity(attachment: &str, content: Value) -> Map<String, Value> {
        let activity =
            json!({"type": "message", "attachments": [{"contentType": attachment, "content": content}]});
        activity.as_object().unwrap().clone()
    }

    fn adaptive(content: Value) -> Map<String, Value> {
        activity(ADAPTIVE, content)
    }

    /// What is seen of a card, one word an action.
    fn seen(activity: &Map<String, Value>) -> String {
        let names = actions(activity).into_iter().map(|action| action.title.unwrap_or("-").to_owned());
        names.collect::<Vec<_>>().join(" ")
    }

    fn submit(title: &str) -> Value {
        json!({"type": "Action.Submit", "title": title})
    }

    #[test]
    fn actions_in_reading_order() {
        for (content, wanted) in [
            (json!({"actions": [submit("a"), submit("b")]}), "a b"),
            (
                json!({"selectAction": submit("card"), "body": [
                    {"type": "ActionSet", "actions": [submit("a")]},
                    {"type": "Container", "selectAction": submit("b"), "items": [
                        {"type": "Image", "selectAction": submit("c")}]},
                    {"type": "ColumnSet", "columns": [
                        {"type": "Column", "selectAction": submit("d"), "items": [
                            {"type": "ActionSet", "actions": [submit("e")]}]}]},
                    {"type": "Table", "rows": [{"type": "TableRow", "cells": [
                        {"type": "TableCell", "items": [{"type": "ActionSet", "actions": [submit("f")]}]}]}]},
                    {"type": "RichTextBlock", "inlines": ["x", {"type": "TextRun", "selectAction": submit("g")}]},
                    {"type": "ImageSet", "images": [{"type": "Image", "selectAction": submit("h")}]},
                    {"type": "Input.Text", "id": "i", "inlineAction": submit("i"), "fallback": {"type": "TextBlock"}},
                    {"type": "Carousel", "pages": [{"type": "CarouselPage", "items": [
                        {"type": "ActionSet", "actions": [submit("j")]}]}]},
                ], "actions": [submit("k")]}),
                "card a b c d e f g h i j k",
            ),
            (
                json!({"actions": [
                    {"type": "Action.ShowCard", "title": "more", "card": {"body": [
                        {"type": "ActionSet", "actions": [submit("in")]}], "actions": [submit("ner")]}},
                    {"type": "Action.Submit", "title": "menu", "menuActions": [submit("item")]},
                    {"type": "Action.ToggleVisibility", "title": "toggle", "targetElements": ["x"]},
                    {"type": "Action.OpenUrl", "title": "open", "url": "https://x/"},
                    {"type": "Action.Execute", "title": "run"},
                ]}),
                "more in ner menu item toggle open run",
            ),
            // What clients do not know shows its fallback, or nothing.
            (
                json!({"body": [{"type": "Hologram", "fallback": {"type": "ActionSet", "actions": [submit("a")]}},
                                {"type": "Hologram", "items": [{"type": "ActionSet", "actions": [submit("b")]}]}],
                       "actions": [{"type": "Action.Hologram", "fallback": submit("c")},
                                   {"type": "Action.Hologram", "fallback": "drop"},
                                   {"type": "Action.Execute", "title": "d", "fallback": submit("not")}]}),
                "a b c d",
            ),
            (json!({"body": [7, null, "x", []], "actions": {"type": "Action.Submit"}}), ""),
            (json!("text"), ""),
        ] {
            assert_eq!(seen(&adaptive(content.clone())), wanted, "{content}");
        }
    }

    #[test]
    fn other_cards_and_suggestions() {
        let hero = json!({"tap": {"type": "openUrl", "title": "tap"}, "items": [{"tap": {"type": "imBack", "title": "item"}}],
                          "buttons": [{"type": "messageBack", "title": "a"}, {"type": "invoke", "title": "b"}]});
        let mut message = activity("application/vnd.microsoft.card.hero", hero);
        message.insert("suggestedActions".into(), json!({"actions": [{"type": "imBack", "title": "s"}]}));
        assert_eq!(seen(&message), "tap item a b s");
        let found = actions(&message);
        let kinds: Vec<Kind> = found.iter().map(|action| action.kind).collect();
        use Kind::{ImBack, Invoke, MessageBack, OpenUrl};
        assert_eq!(kinds, [OpenUrl, ImBack, MessageBack, Invoke, ImBack]);
        assert_eq!((found[0].attachment, found[4].attachment), (Some(0), None));
        for (name, kind) in [
            ("postBack", Kind::PostBack),
            ("signin", Kind::SignIn),
            ("call", Kind::Other),
            ("IMBACK", ImBack),
        ] {
            let button = json!({"type": name});
            assert_eq!(button_kind(button.as_object().unwrap()), kind);
        }
        // Without a content type the content says what it is.
        let bare =
            json!({"attachments": [{"content": {"type": "AdaptiveCard", "actions": [submit("a")]}}, {}, 7]});
        assert_eq!(seen(bare.as_object().unwrap()), "a");
    }

    #[test]
    fn finding_by_name() {
        let message = adaptive(json!({"actions": [
            {"type": "Action.Execute", "id": "1", "title": "Vote", "verb": "up"},
            {"type": "Action.Execute", "id": "2", "title": "Vote", "verb": "down", "isEnabled": false},
            {"type": "Action.Submit", "title": "Close"},
        ]}));
        let found = actions(&message);
        let name = Name::default();
        let of = |name: Name<'_>| find(&found, &name).map(|action| action.index);
        assert_eq!(of(Name { id: Some("2"), ..name }), Ok(1));
        assert_eq!(of(Name { title: Some("Close"), ..name }), Ok(2));
        assert_eq!(of(Name { verb: Some("up"), ..name }), Ok(0));
        assert_eq!(of(Name { index: Some(1), ..name }), Ok(1));
        assert_eq!(of(Name { title: Some("Vote"), verb: Some("down"), ..name }), Ok(1));
        let all = "0: Action.Execute title 'Vote' id '1' verb 'up', \
                   1: Action.Execute title 'Vote' id '2' verb 'down' (disabled)";
        let fails = |name: Name<'_>, kind: FaultKind, words: &str| {
            let message = words.to_owned();
            assert_eq!(of(name), Err(Fault { kind, message }));
        };
        fails(
            Name { title: Some("Vote"), ..name },
            FaultKind::Ambiguous,
            &format!("title 'Vote' fits several actions, say which one by its index: {all}"),
        );
        fails(
            name,
            FaultKind::Ambiguous,
            &format!("the message has several actions, say which one: {all}, 2: Action.Submit title 'Close'"),
        );
        fails(
            Name { id: Some("1"), index: Some(2), ..name },
            FaultKind::NotFound,
            &format!("no action has id '1' and index 2; there is {all}, 2: Action.Submit title 'Close'"),
        );
        assert_eq!(find(&found[2..], &name).unwrap().title, Some("Close"));
        assert_eq!(find(&[], &name).unwrap_err().message, "the message has nothing to press");
    }

    #[test]
    fn which_inputs_belong_to_an_action() {
        let input = |id: &str, label: &str| json!({"type": "Input.Text", "id": id, "label": label});
        let shown = |title: &str, id: &str| {
            json!({"type": "Action.ShowCard", "title": title, "card": {
                "body": [input(id, "inner"), input("same", "inner")], "actions": [submit(title)]}})
        };
        let message = adaptive(json!({
            "body": [{"type": "Container", "items": [input("outer", ""), input("same", "outer"), {"type": "Input.Text"}]},
                     {"type": "ActionSet", "actions": [shown("first", "one")]}],
            "actions": [shown("second", "two"), submit("last")]}));
        let found = actions(&message);
        let inputs = |index: usize| -> String {
            let inputs = found[index].inputs();
            inputs.iter().map(|input| input.id).collect::<Vec<_>>().join(" ")
        };
        let wanted = ["outer same", "one same outer", "outer same", "two same outer", "outer same"];
        for (index, wanted) in wanted.into_iter().enumerate() {
            assert_eq!(inputs(index), wanted, "{}", found[index]);
        }
        let label =
            |index: usize| found[index].inputs().iter().find(|input| input.id == "same").unwrap().label;
        assert_eq!(label(1), Some("outer"));
    }

    /// A card that shows a card that shows a card …, and containers in containers.
    fn nested(depth: usize) -> [Value; 3] {
        let mut shown = json!({"actions": [submit("last")]});
        let mut boxed = json!({"type": "ActionSet", "actions": [submit("last")]});
        let mut fallback = submit("last");
        for _ in 0..depth {
            shown = json!({"actions": [{"type": "Action.ShowCard", "title": "more", "card": shown}]});
            boxed = json!({"type": "Container", "items": [boxed]});
            fallback = json!({"type": "Action.Hologram", "fallback": fallback});
        }
        [shown, json!({"body": [boxed]}), json!({"actions": [fallback]})]
    }

    #[test]
    fn depth_has_a_limit() {
        for card in nested(DEPTH_MAX / 2 - 1) {
            assert!(seen(&adaptive(card)).ends_with("last"));
        }
        for card in nested(DEPTH_MAX * 3) {
            assert!(!seen(&adaptive(card)).contains("last"));
        }
    }

    /// `{name: [{name: [… {}]}]}`, too deep for any stack if it were followed to its end.
    fn bottomless(name: &str, is_list: bool) -> Map<String, Value> {
        let mut inner = Map::new();
        for _ in 0..20_000 {
            let value = Value::Object(inner);
            inner = Map::from_iter([
                (name.to_owned(), if is_list { Value::Array(vec![value]) } else { value }),
                ("type".to_owned(), Value::String("Action.Hologram".to_owned())),
            ]);
        }
        inner
    }

    #[test]
    fn no_depth_overflows_the_stack() {
        for (name, is_list) in
            [("items", true), ("actions", true), ("menuActions", true), ("card", false), ("fallback", false)]
        {
            let card = Map::from_iter([("actions".to_owned(), vec![bottomless(name, is_list)].into())]);
            let body = Map::from_iter([("body".to_owned(), vec![bottomless(name, is_list)].into())]);
            for card in [card, body] {
                let seen = actions_of_card(&card).len();
                // serde_json would follow it to its end to drop it.
                std::mem::forget(card);
                assert!(seen <= DEPTH_MAX + 1, "{name}");
            }
        }
    }

    #[test]
    fn the_number_of_actions_has_a_limit() {
        let many = vec![submit("a"); ACTIONS_MAX + 1];
        let message = adaptive(json!({"actions": many}));
        assert_eq!(actions(&message).len(), ACTIONS_MAX);
        let error = find(&actions(&message), &Name::default()).unwrap_err();
        assert!(error.message.ends_with("19: Action.Submit title 'a', …"), "{error:?}");
    }

    /// JSON with a liking for the names that cards use.
    fn any_json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "type",
            "id",
            "title",
            "value",
            "body",
            "items",
            "columns",
            "rows",
            "cells",
            "actions",
            "card",
            "content",
            "contentType",
            "attachments",
            "selectAction",
            "inlineAction",
            "fallback",
            "data",
            "msteams",
            "choices",
            "min",
            "max",
            "regex",
            "isRequired",
            "isMultiSelect",
            "buttons",
            "tap",
            "suggestedActions",
            "channelData",
            "feedbackLoop",
            "refresh",
            "action",
            "userIds",
            "verb",
            "statusCode",
            "task",
            "entities",
            "streamType",
            "streamId",
            "streamSequence",
            "text",
        ]);
        let texts = prop::sample::select(vec![
            "Action.Submit",
            "Action.Execute",
            "Action.ShowCard",
            "Action.OpenUrl",
            "AdaptiveCard",
            "Container",
            "ActionSet",
            "Input.Text",
            "Input.Number",
            "Input.Date",
            "Input.Time",
            "Input.Toggle",
            "Input.ChoiceSet",
            "messageBack",
            "imBack",
            "invoke",
            "task/fetch",
            "a",
            "",
            "1",
            "(",
            "2026-01-01",
            "10:30",
            ADAPTIVE,
            "continue",
            "message",
            "typing",
            "streaminfo",
            "custom",
            "application/vnd.microsoft.card.adaptive",
            "{\"type\":\"task/fetch\"}",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            texts.prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 96, 6, move |inner| {
            let members = prop::collection::vec((names.clone(), inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                members.prop_map(|members| {
                    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                    Value::Object(members.collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(content in any_json(), attachment in any_json(), given in any_json()) {
            let given = given.as_object().cloned().unwrap_or_default();
            let mut message = adaptive(content.clone());
            message.insert("suggestedActions".into(), attachment.clone());
            let hero = activity("application/vnd.microsoft.card.hero", content);
            let all = [message, hero, attachment.as_object().cloned().unwrap_or_default()];
            for message in all {
                for action in actions(&message) {
                    let _ = press::press(&action, &given);
                    let _ = press::press_in_dialog(&action, &given);
                    let _ = action.to_string();
                }
                let _ = press::refreshes(&message);
                let _ = press::feedback(&message, press::Opinion::Like, "");
                let _ = stream::step(&message);
                let body = serde_json::to_vec(&message).unwrap();
                let _ = invoke::card_answer(200, &body);
                let _ = invoke::task_answer("task/fetch", 200, &body);
                let _ = invoke::replies(200, &body);
            }
        }
    }
}
