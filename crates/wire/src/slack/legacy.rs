//! Buttons and menus of legacy attachments.

use super::elements::{Name, list, string};
use serde_json::{Map, Value, json};

/// A button or menu of a legacy attachment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegacyAction<'a> {
    /// The attachment's `id`.
    pub attachment_id: u64,
    /// The attachment's `callback_id`.
    pub callback_id: &'a str,
    /// The action as it is stored.
    pub json: &'a Map<String, Value>,
}

impl<'a> LegacyAction<'a> {
    /// `name`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        string(self.json, "name")
    }

    fn is_menu(&self) -> bool {
        string(self.json, "type") == "select"
    }

    /// Whether the app is asked for its options.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.is_menu() && string(self.json, "data_source") == "external"
    }
}

/// The buttons and menus of attachments, given as they are stored.
#[must_use]
pub fn legacy_actions(attachments: &[Value]) -> Vec<LegacyAction<'_>> {
    let mut found = Vec::new();
    for attachment in attachments.iter().filter_map(Value::as_object) {
        for json in list(attachment, "actions").filter_map(Value::as_object) {
            found.push(LegacyAction {
                attachment_id: attachment.get("id").and_then(Value::as_u64).unwrap_or(0),
                callback_id: string(attachment, "callback_id"),
                json,
            });
        }
    }
    found
}

/// The action of this name: by its text, its `name` or its value, whichever fits first; `action_id` is its `name`,
/// `block_id` the attachment's `callback_id`. Without a name the only one there is.
///
/// # Errors
///
/// In words, when there is none or more than one.
pub fn find_legacy<'a, 'b>(
    actions: &'b [LegacyAction<'a>],
    name: &Name<'_>,
) -> Result<&'b LegacyAction<'a>, String> {
    let fits = |action: &&LegacyAction<'_>| {
        name.block_id.is_none_or(|id| action.callback_id == id)
            && name.action_id.is_none_or(|id| action.name() == id)
    };
    let mut left: Vec<&LegacyAction<'_>> = match name.index {
        Some(index) => actions.get(index).into_iter().filter(fits).collect(),
        None => actions.iter().filter(fits).collect(),
    };
    if let Some(text) = name.text {
        let by = ["text", "name", "value"];
        let matching = by.map(|by| {
            left.iter().copied().filter(|action| string(action.json, by) == text).collect::<Vec<_>>()
        });
        left = matching.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    }
    match left[..] {
        [one] => Ok(one),
        [] => Err(format!("there is no such button or menu; there are {}", named(actions))),
        _ => Err("several buttons or menus fit; name it more closely".into()),
    }
}

fn named(actions: &[LegacyAction<'_>]) -> String {
    let shown = actions.iter().take(10).map(|it| format!("\"{}\" ({})", string(it.json, "text"), it.name()));
    shown.collect::<Vec<_>>().join(", ")
}

/// What is sent of it. `given` is what is chosen in a menu: an option by value or text, an id, or an option as the app
/// offered it.
///
/// # Errors
///
/// In words, when there is nothing to send or the menu has no such option.
pub fn legacy_action(action: &LegacyAction<'_>, given: &Value) -> Result<Value, String> {
    let name = action.name();
    if !action.is_menu() {
        if action.json.contains_key("url") {
            return Err("the button opens an address; the app does not hear of it".into());
        }
        if !given.is_null() {
            return Err("a button takes nothing".into());
        }
        return Ok(json!({ "name": name, "type": "button", "value": string(action.json, "value") }));
    }
    let chosen = given.get("value").unwrap_or(given).as_str().unwrap_or_default();
    let value = match string(action.json, "data_source") {
        "" | "static" => listed(action, chosen)?,
        _ if chosen.is_empty() => return Err("nothing is chosen".into()),
        _ => chosen.to_owned(),
    };
    Ok(json!({ "name": name, "type": "select", "selected_options": [{ "value": value }] }))
}

fn listed(action: &LegacyAction<'_>, chosen: &str) -> Result<String, String> {
    let groups = list(action.json, "option_groups").filter_map(Value::as_object);
    let options: Vec<&Map<String, Value>> = list(action.json, "options")
        .chain(groups.flat_map(|group| list(group, "options")))
        .filter_map(Value::as_object)
        .collect();
    let by = |name: &str| options.iter().find(|option| string(option, name) == chosen);
    let found = by("value").or_else(|| by("text")).filter(|_| !chosen.is_empty());
    found.map(|option| string(option, "value").to_owned()).ok_or_else(|| {
        let values = options.iter().take(20).map(|option| string(option, "value"));
        format!("{chosen} is no option; there are {}", values.collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_and_menus() {
        let attachments = vec![
            json!({"id": 1, "callback_id": "poll", "actions": [
                {"name": "vote", "text": "Yes", "type": "button", "value": "y"},
                {"name": "vote", "text": "No", "type": "button", "value": "n"},
                {"name": "docs", "text": "Docs", "type": "button", "url": "https://x.example"}]}),
            json!({"id": 2, "callback_id": "pick", "actions": [
                {"name": "size", "text": "Size", "type": "select", "options": [{"text": "Small", "value": "s"}]},
                {"name": "who", "text": "Who", "type": "select", "data_source": "users"},
                {"name": "bug", "text": "Bug", "type": "select", "data_source": "external"},
                {"name": "team", "text": "Team", "type": "select",
                 "option_groups": [{"text": "G", "options": [{"text": "Red", "value": "r"}]}]}]}),
            json!("x"),
        ];
        let actions = legacy_actions(&attachments);
        let select = |name: &str, value: &str| json!({"name": name, "type": "select", "selected_options": [{"value": value}]});
        let button = |value: &str| json!({"name": "vote", "type": "button", "value": value});
        for (text, given, wanted) in [
            ("Yes", Value::Null, Ok(button("y"))),
            ("n", Value::Null, Ok(button("n"))),
            ("Yes", json!("x"), Err("a button takes nothing")),
            ("Docs", Value::Null, Err("the button opens an address; the app does not hear of it")),
            ("size", json!("Small"), Ok(select("size", "s"))),
            ("size", json!("s"), Ok(select("size", "s"))),
            ("size", json!("m"), Err("m is no option; there are s")),
            ("size", Value::Null, Err(" is no option; there are s")),
            ("team", json!("r"), Ok(select("team", "r"))),
            ("who", json!("U1"), Ok(select("who", "U1"))),
            ("who", Value::Null, Err("nothing is chosen")),
            ("bug", json!({"text": "B", "value": "7"}), Ok(select("bug", "7"))),
        ] {
            let found = find_legacy(&actions, &Name { text: Some(text), ..Name::default() }).unwrap();
            assert_eq!(legacy_action(found, &given), wanted.map_err(str::to_owned), "{text}");
        }
        let find = |name: Name<'_>| find_legacy(&actions, &name).map(|it| (it.attachment_id, it.name()));
        assert_eq!(find(Name { index: Some(4), ..Name::default() }), Ok((2, "who")));
        assert_eq!(
            find(Name { block_id: Some("pick"), action_id: Some("bug"), ..Name::default() }),
            Ok((2, "bug"))
        );
        assert!(
            find(Name { action_id: Some("vote"), ..Name::default() }).unwrap_err().starts_with("several")
        );
        assert!(
            find(Name { text: Some("Maybe"), ..Name::default() })
                .unwrap_err()
                .starts_with("there is no such")
        );
        assert!(actions[5].is_external() && !actions[4].is_external());
    }
}
