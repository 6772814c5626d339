//! Views: what `views.open`, `views.push` and `views.update` are given, and what they answer.

use super::{Fault, blocks};
use serde_json::{Map, Value, json};

/// The longest view that is stored, in bytes of compact JSON.
pub const VIEW_BYTES_MAX: usize = 250_000;

/// A modal as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modal {
    /// The normalised view as JSON text, without what the server adds.
    pub json: String,
    /// The app's own name for it.
    pub external_id: Option<String>,
    /// Whether the app wants to hear that it was closed.
    pub notify_on_close: bool,
    /// Whether closing it closes those below it.
    pub clear_on_close: bool,
}

/// Checks a modal, given as JSON text, and fills in ids and defaults: a stored view has every member, and `null` or an
/// empty text where nothing was given. Members that views do not have vanish, so that a view can be sent back as it came.
///
/// # Errors
///
/// `invalid_arguments` with every broken rule; `view_too_large` above [`VIEW_BYTES_MAX`].
pub fn normalise(given: &str, new_id: &mut dyn FnMut() -> String) -> Result<Modal, Fault> {
    if VIEW_BYTES_MAX < given.len() {
        return Err(too_large());
    }
    let Ok(Value::Object(mut given)) = serde_json::from_str(given) else {
        return Err(refused(vec!["must provide an object [json-pointer:/view]".to_owned()]));
    };
    let reasons = blocks::check_modal(&mut given, new_id);
    if !reasons.is_empty() {
        return Err(refused(reasons));
    }
    let flag = |name| given.get(name).and_then(Value::as_bool).unwrap_or(false);
    let text = |name| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let or_null = |name| given.get(name).cloned().unwrap_or_default();
    let view = json!({
        "type": "modal",
        "title": or_null("title"),
        "submit": or_null("submit"),
        "close": or_null("close"),
        "blocks": completed(&given),
        "private_metadata": text("private_metadata"),
        "callback_id": text("callback_id"),
        "external_id": text("external_id"),
        "clear_on_close": flag("clear_on_close"),
        "notify_on_close": flag("notify_on_close"),
        "submit_disabled": flag("submit_disabled"),
    });
    let json = view.to_string();
    if VIEW_BYTES_MAX < json.len() {
        return Err(too_large());
    }
    Ok(Modal {
        json,
        external_id: Some(text("external_id")).filter(|id| !id.is_empty()).map(str::to_owned),
        notify_on_close: flag("notify_on_close"),
        clear_on_close: flag("clear_on_close"),
    })
}

/// What the server adds to a stored view.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// `V…`.
    pub id: &'a str,
    /// Changes with every update.
    pub hash: &'a str,
    /// `T…`.
    pub team_id: &'a str,
    /// `A…`.
    pub app_id: &'a str,
    /// `B…`.
    pub bot_id: &'a str,
    /// The lowest view of the stack.
    pub root_view_id: &'a str,
    /// The view below, if there is one.
    pub previous_view_id: Option<&'a str>,
}

/// A stored view as apps get it. `values` is what the person put in, by block and action; nothing in answers of `views.*`.
pub fn shown(stored: &str, placed: &Placed<'_>, values: Map<String, Value>) -> Value {
    let mut view: Value = serde_json::from_str(stored).unwrap_or_else(|_| json!({}));
    view["id"] = placed.id.into();
    view["team_id"] = placed.team_id.into();
    view["state"] = json!({ "values": values });
    view["hash"] = placed.hash.into();
    view["root_view_id"] = placed.root_view_id.into();
    view["previous_view_id"] = placed.previous_view_id.into();
    view["app_id"] = placed.app_id.into();
    view["app_installed_team_id"] = placed.team_id.into();
    view["bot_id"] = placed.bot_id.into();
    view
}

/// The blocks, with the defaults that input blocks have in views.
fn completed(given: &Map<String, Value>) -> Value {
    let mut blocks = given.get("blocks").cloned().unwrap_or_default();
    for block in blocks.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if block.get("type").and_then(Value::as_str) == Some("input") {
            for name in ["dispatch_action", "optional"] {
                let given = block.get(name).and_then(Value::as_bool).unwrap_or(false);
                block.insert(name.to_owned(), given.into());
            }
        }
    }
    blocks
}

fn refused(reasons: Vec<String>) -> Fault {
    let mut messages = vec!["failed to match all allowed schemas [json-pointer:/view]".to_owned()];
    messages.extend(reasons);
    Fault { code: "invalid_arguments", messages }
}

fn too_large() -> Fault {
    Fault::new("view_too_large", format!("the view has more than {VIEW_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(given: &Value) -> Result<Modal, Fault> {
        let mut made = 0;
        normalise(&given.to_string(), &mut || {
            made += 1;
            format!("n{made}")
        })
    }

    fn plain(text: &str) -> Value {
        json!({"type": "plain_text", "text": text})
    }

    #[test]
    fn a_stored_view_has_every_member() {
        let input = json!({"type": "input", "label": plain("Why"), "element": {"type": "plain_text_input"}});
        let given = json!({"type": "modal", "title": plain("T"), "submit": plain("Go"), "blocks": [input],
            "id": "V1", "hash": "h", "state": {"values": {}}});
        let modal = run(&given).unwrap();
        let full = |text: &str| json!({"type": "plain_text", "text": text, "emoji": true});
        let stored = json!({
            "type": "modal", "title": full("T"), "submit": full("Go"), "close": null,
            "blocks": [{"type": "input", "block_id": "n1", "label": full("Why"), "optional": false,
                "dispatch_action": false, "element": {"type": "plain_text_input", "action_id": "n2"}}],
            "private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": false,
            "notify_on_close": false, "submit_disabled": false,
        });
        assert_eq!(serde_json::from_str::<Value>(&modal.json).unwrap(), stored);
        assert_eq!((modal.external_id, modal.notify_on_close, modal.clear_on_close), (None, false, false));
        let placed = Placed {
            id: "V2",
            hash: "1.h",
            team_id: "T1",
            app_id: "A1",
            bot_id: "B1",
            root_view_id: "V1",
            previous_view_id: Some("V1"),
        };
        let mut wanted = stored;
        let added = json!({"id": "V2", "hash": "1.h", "team_id": "T1", "app_id": "A1", "bot_id": "B1",
            "root_view_id": "V1", "previous_view_id": "V1", "app_installed_team_id": "T1",
            "state": {"values": {}}});
        wanted.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
        let shown = shown(&modal.json, &placed, Map::new());
        assert_eq!(shown, wanted);
        let again = run(&shown).unwrap();
        assert_eq!(again.json, modal.json, "a view can be sent back as it came");
    }

    #[test]
    fn what_views_may_not_say() {
        let with = |more: Value| {
            let mut view = json!({"type": "modal", "title": plain("T"), "blocks": []});
            view.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            view
        };
        let input = |element: Value| {
            with(json!({"submit": plain("Go"),
                "blocks": [{"type": "input", "label": plain("L"), "element": element}]}))
        };
        let option = |value: &str| json!({"text": plain(value), "value": value});
        let (at, element) = ("[json-pointer:/view", "[json-pointer:/view/blocks/0/element");
        for (given, reason) in [
            (json!([]), format!("must provide an object {at}]")),
            (json!({}), format!("missing required field: type {at}]")),
            (json!({"type": "home", "blocks": []}), format!("unsupported type: home {at}/type]")),
            (with(json!({"title": null})), format!("missing required field: title {at}]")),
            (
                with(json!({"title": {"type": "mrkdwn", "text": "T"}})),
                format!("unsupported type: mrkdwn {at}/title/type]"),
            ),
            (
                with(json!({"title": plain(&"x".repeat(25))})),
                format!("must be less than 25 characters {at}/title/text]"),
            ),
            (
                with(json!({"submit": plain(&"x".repeat(25))})),
                format!("must be less than 25 characters {at}/submit/text]"),
            ),
            (
                with(json!({"close": plain(&"x".repeat(25))})),
                format!("must be less than 25 characters {at}/close/text]"),
            ),
            (with(json!({"blocks": null})), format!("missing required field: blocks {at}]")),
            (with(json!({"blocks": {}})), format!("must provide an array {at}/blocks]")),
            (
                with(json!({"blocks": vec![json!({"type": "divider"}); 101]})),
                format!("no more than 100 items allowed {at}/blocks]"),
            ),
            (
                with(json!({"blocks": [{"type": "markdown", "text": "x"}]})),
                format!("unsupported type: markdown {at}/blocks/0/type]"),
            ),
            (
                with(json!({"private_metadata": "x".repeat(3001)})),
                format!("must be less than 3001 characters {at}/private_metadata]"),
            ),
            (
                with(json!({"callback_id": "x".repeat(256)})),
                format!("must be less than 256 characters {at}/callback_id]"),
            ),
            (
                with(json!({"external_id": "x".repeat(256)})),
                format!("must be less than 256 characters {at}/external_id]"),
            ),
            (with(json!({"callback_id": 5})), format!("must provide a string {at}/callback_id]")),
            (with(json!({"clear_on_close": "yes"})), format!("must provide a boolean {at}/clear_on_close]")),
            (
                with(
                    json!({"blocks": [{"type": "input", "label": plain("L"), "element": {"type": "plain_text_input"}}]}),
                ),
                format!("missing required field: submit {at}]"),
            ),
            (
                input(json!({"type": "button", "text": plain("x")})),
                format!("unsupported type: button {element}/type]"),
            ),
            (
                input(json!({"type": "plain_text_input", "max_length": 3001})),
                format!("must be a whole number from 1 to 3000 {element}/max_length]"),
            ),
            (
                input(json!({"type": "plain_text_input", "min_length": 5, "max_length": 4})),
                format!("must be no more than max_length {element}/min_length]"),
            ),
            (
                input(json!({"type": "number_input"})),
                format!("missing required field: is_decimal_allowed {element}]"),
            ),
            (
                input(json!({"type": "datepicker", "initial_date": "2026-02-29"})),
                format!("must be a day, YYYY-MM-DD {element}/initial_date]"),
            ),
            (
                input(json!({"type": "timepicker", "initial_time": "24:00"})),
                format!("must be a time, HH:mm {element}/initial_time]"),
            ),
            (
                input(json!({"type": "datetimepicker", "initial_date_time": 5})),
                format!("must be a time in Unix seconds of 10 digits {element}/initial_date_time]"),
            ),
            (
                input(
                    json!({"type": "static_select", "options": [option("a")], "initial_option": option("b")}),
                ),
                format!("must exactly match one of the options {element}/initial_option]"),
            ),
            (
                input(
                    json!({"type": "checkboxes", "options": [option("a")], "initial_options": option("a")}),
                ),
                format!("must provide an array {element}/initial_options]"),
            ),
            (
                input(json!({"type": "multi_users_select", "max_selected_items": 0})),
                format!("must be a whole number from 1 on {element}/max_selected_items]"),
            ),
        ] {
            let fault = run(&given).unwrap_err();
            assert_eq!(fault.code, "invalid_arguments", "{given}");
            assert_eq!(fault.messages[0], "failed to match all allowed schemas [json-pointer:/view]");
            assert_eq!(fault.messages[1..], [reason], "{given}");
        }
        let divider = json!({"type": "divider"});
        assert!(run(&with(json!({"blocks": vec![divider; 100], "title": plain(&"x".repeat(24))}))).is_ok());
        let twice = json!({"type": "divider", "block_id": "a"});
        assert!(run(&with(json!({"blocks": [twice, twice]}))).is_err());
        let large = with(json!({"blocks": vec![json!({"type": "section",
            "text": plain(&"x".repeat(2990))}); 84]}));
        assert_eq!(run(&large).unwrap_err().code, "view_too_large");
        assert_eq!(normalise("{", &mut String::new).unwrap_err().code, "invalid_arguments");
    }
}
