//! A modal around its blocks.

use super::{Check, Object, Optional, Plain, Required, Surface};
use serde_json::Value;

/// Characters of `title`, `submit` and `close`.
const LABEL_MAX: usize = 24;
/// Characters of `private_metadata`.
const METADATA_MAX: usize = 3_000;
/// Characters of `callback_id` and `external_id`.
const NAME_MAX: usize = 255;

/// Checks and completes a modal in place; gives every broken rule with its JSON pointer below `/view`.
pub(crate) fn check_modal(view: &mut Object, new_id: &mut dyn FnMut() -> String) -> Vec<String> {
    let mut check = Check::new(Surface::Modal, "/view", new_id);
    match check.kind(view).as_deref() {
        Some("modal") => check.modal(view),
        Some(other) => check.unsupported(other),
        None => {}
    }
    check.reasons
}

impl Check<'_> {
    fn modal(&mut self, view: &mut Object) {
        self.text(view, "title", Required, Plain, LABEL_MAX);
        self.text(view, "submit", Optional, Plain, LABEL_MAX);
        self.text(view, "close", Optional, Plain, LABEL_MAX);
        self.string_min(view, "private_metadata", Optional, 0, METADATA_MAX);
        self.string_min(view, "callback_id", Optional, 0, NAME_MAX);
        self.string_min(view, "external_id", Optional, 0, NAME_MAX);
        for name in ["clear_on_close", "notify_on_close", "submit_disabled"] {
            self.boolean(view, name);
        }
        self.member(view, "blocks", Required, |check, blocks| match blocks.as_array_mut() {
            Some(blocks) => check.blocks(blocks),
            None => check.fail("must provide an array"),
        });
        let takes_input = |block: &Value| block.get("type").and_then(Value::as_str) == Some("input");
        let blocks = view.get("blocks").and_then(Value::as_array);
        if view.get("submit").is_none_or(Value::is_null)
            && blocks.is_some_and(|it| it.iter().any(takes_input))
        {
            self.missing("submit");
        }
    }
}
