//! Cards of a message: what a person could press on them.
//!
//! Adaptive Cards are read by the rules of their
//! [schema](https://adaptivecards.io/explorer/), hero cards and their kin by the
//! [card actions](https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-actions) of
//! Teams.

use super::input::Input;
use super::json::{get, text};
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
    /// What pressing it does.
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
    /// The rule that the card breaks.
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

/// The objects of a list.
fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// As [`objects`], with the name in any case.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    get(object, name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests;
