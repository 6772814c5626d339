//! Checks of the elements that a person can act on.

use serde_json::Value;

use super::Form::{Any, Plain};
use super::Need::{Optional, Required};
use super::{Check, Form, ID_MAX, Need, OPTION_TEXT_MAX, Object, Place, URL_MAX, is_missing, present_str};

impl Check<'_> {
    pub(super) fn action(&mut self, element: &mut Value) {
        self.element(element, Place::Actions);
    }

    pub(super) fn context_action(&mut self, element: &mut Value) {
        let Some(element) = element.as_object_mut() else { return self.fail("must provide an object") };
        match self.kind(element).as_deref() {
            Some("feedback_buttons") => {
                for name in ["positive_button", "negative_button"] {
                    self.object(element, name, Required, |check, button| {
                        check.text(button, "text", Required, Plain, OPTION_TEXT_MAX);
                        check.string(button, "value", Required, 2_000);
                    });
                }
            }
            Some("icon_button") => {
                self.text(element, "text", Required, Plain, OPTION_TEXT_MAX);
                self.string(element, "icon", Required, ID_MAX);
                self.object(element, "confirm", Optional, Check::confirm);
            }
            Some(other) => return self.unsupported(other),
            None => return,
        }
        self.action_id(element);
    }

    pub(super) fn element(&mut self, element: &mut Value, place: Place) {
        let Some(element) = element.as_object_mut() else { return self.fail("must provide an object") };
        let Some(kind) = self.kind(element) else { return };
        if !place.allows(&kind) {
            return self.unsupported(&kind);
        }
        if kind == "image" {
            return self.image(element);
        }
        self.action_id(element);
        self.text(element, "placeholder", Optional, Plain, 150);
        self.object(element, "confirm", Optional, Check::confirm);
        match kind.as_str() {
            "button" | "workflow_button" => self.button(element),
            "static_select" | "multi_static_select" => self.static_select(element),
            "overflow" => self.options(element, Required, 5, Plain),
            "radio_buttons" | "checkboxes" => self.options(element, Required, 10, Any),
            _ => {}
        }
        self.input_rules(&kind, element);
    }

    pub(super) fn button(&mut self, button: &mut Object) {
        self.text(button, "text", Required, Plain, 75);
        self.string_min(button, "value", Optional, 0, 2_000);
        self.string(button, "url", Optional, URL_MAX);
        let style = present_str(button, "style");
        if style.is_some_and(|style| !matches!(style, "primary" | "danger" | "default" | "")) {
            self.fail_at("style", "must be one of primary, danger");
        }
    }

    pub(super) fn static_select(&mut self, select: &mut Object) {
        if is_missing(select, "option_groups") {
            return self.options(select, Required, 100, Plain);
        }
        if !is_missing(select, "options") {
            self.fail("only one of options and option_groups allowed");
        }
        self.list(select, "option_groups", Required, 100, |check, group| {
            let Some(group) = group.as_object_mut() else { return check.fail("must provide an object") };
            check.text(group, "label", Required, Plain, OPTION_TEXT_MAX);
            check.options(group, Required, 100, Plain);
        });
    }

    pub(super) fn options(&mut self, element: &mut Object, need: Need, max: usize, form: Form) {
        self.list(element, "options", need, max, |check, option| {
            let Some(option) = option.as_object_mut() else { return check.fail("must provide an object") };
            check.text(option, "text", Required, form, OPTION_TEXT_MAX);
            check.string_min(option, "value", Required, 0, 150);
            check.text(option, "description", Optional, form, OPTION_TEXT_MAX);
            check.string(option, "url", Optional, URL_MAX);
        });
        if element.get("options").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.fail_at("options", "no fewer than 1 items allowed");
        }
    }

    fn confirm(&mut self, confirm: &mut Object) {
        self.text(confirm, "title", Required, Plain, 100);
        self.text(confirm, "text", Required, Any, 300);
        self.text(confirm, "confirm", Required, Plain, 30);
        self.text(confirm, "deny", Required, Plain, 30);
    }

    pub(super) fn action_id(&mut self, element: &mut Object) {
        if is_missing(element, "action_id") {
            let id = (self.new_id)();
            element.insert("action_id".to_owned(), Value::String(id));
        } else {
            self.string(element, "action_id", Optional, ID_MAX);
        }
    }
}
