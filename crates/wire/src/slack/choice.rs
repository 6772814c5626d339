//! What a person chooses or puts in, as apps get it.

use super::blocks::{is_day, is_moment, is_time};
use super::elements::{Element, Ids, Kind, Source, Words, list, named, string};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The longest text that a person may put in, in characters.
const TEXT_MAX: usize = 3_000;

/// How names become ids.
pub struct Names<'a> {
    /// The `U…` of a person or bot by id or name.
    pub user: &'a dyn Fn(&str) -> Option<String>,
    /// The id of a conversation by id or name, and whether it is a public channel; only those that the person sees.
    pub conversation: &'a dyn Fn(&str) -> Option<(String, bool)>,
}

/// What is chosen when a person gives this: the value of the member that says so. `null` chooses nothing.
///
/// Options are given by their value or their text, people and conversations by id or name, several things as a list.
/// An option that the app offered itself is given as the app offered it.
///
/// # Errors
///
/// In words, when the element does not take it.
pub fn chosen(element: &Element<'_>, given: &Value, names: &Names<'_>) -> Result<Value, String> {
    let Some(kind) = element.kind else {
        return Err(format!("a {} is not supported", element.name));
    };
    let one = |given: &Value| one(element, kind, given, names);
    if kind.is_several() {
        let given = match given {
            Value::Null => &[][..],
            Value::Array(list) => list,
            one => std::slice::from_ref(one),
        };
        let mut chosen: Vec<Value> = Vec::with_capacity(given.len());
        for given in given {
            let given = one(given)?;
            if !chosen.contains(&given) {
                chosen.push(given);
            }
        }
        let max = element.json.get("max_selected_items").and_then(Value::as_u64);
        if let Some(max) = max.filter(|max| u64::try_from(chosen.len()).is_ok_and(|count| *max < count)) {
            return Err(format!("{max} at most may be chosen"));
        }
        return Ok(Value::Array(chosen));
    }
    if given.is_null() { Ok(Value::Null) } else { one(given) }
}

fn one(element: &Element<'_>, kind: Kind, given: &Value, names: &Names<'_>) -> Result<Value, String> {
    match kind {
        Kind::Button => Err("a button takes nothing".into()),
        Kind::Option(Source::Listed) | Kind::Options(Source::Listed) => listed(element, given),
        Kind::Option(Source::App) | Kind::Options(Source::App) => offered(given),
        Kind::Id(ids) | Kind::Several(ids) => id(ids, given, names),
        Kind::Day => fits(given, is_day, "a day, such as 2026-08-01"),
        Kind::Time => fits(given, is_time, "a time of day, such as 17:30"),
        Kind::Moment => match given.as_i64().or_else(|| given.as_str()?.parse().ok()) {
            Some(seconds) if is_moment(seconds) => Ok(seconds.into()),
            _ => Err(format!("{given} is no time in Unix seconds")),
        },
        Kind::Text(words) => text(element, words, given),
        Kind::RichText => rich_text(given),
    }
}

fn listed(element: &Element<'_>, given: &Value) -> Result<Value, String> {
    let name = given.get("value").unwrap_or(given).as_str().unwrap_or_default();
    let by_value = |option: &&Value| option.get("value").and_then(Value::as_str) == Some(name);
    let by_text = |option: &&Value| option.pointer("/text/text").and_then(Value::as_str) == Some(name);
    let found = element.options().find(by_value).or_else(|| element.options().find(by_text));
    found.cloned().ok_or_else(|| {
        let options = element.options().filter_map(|option| option.get("value")?.as_str());
        format!("{given} is no option; there are {}", options.take(20).collect::<Vec<_>>().join(", "))
    })
}

fn offered(given: &Value) -> Result<Value, String> {
    let text = given.pointer("/text/text").and_then(Value::as_str);
    let value = given.get("value").and_then(Value::as_str);
    match (text, value) {
        (Some(_), Some(_)) => Ok(given.clone()),
        _ => Err("the app offers the options: ask for suggestions, and give one as it was offered".into()),
    }
}

fn id(ids: Ids, given: &Value, names: &Names<'_>) -> Result<Value, String> {
    let name = given.as_str().unwrap_or_default();
    match ids {
        Ids::User => (names.user)(name).map(Value::from).ok_or_else(|| format!("{given} is nobody")),
        Ids::Conversation | Ids::Channel => match (names.conversation)(name) {
            None => Err(format!("{given} is no conversation that the person sees")),
            Some((_, false)) if ids == Ids::Channel => Err(format!("{given} is no public channel")),
            Some((id, _)) => Ok(id.into()),
        },
    }
}

fn fits(given: &Value, fits: impl Fn(&str) -> bool, what: &str) -> Result<Value, String> {
    match given.as_str() {
        Some(text) if fits(text) => Ok(text.into()),
        _ => Err(format!("{given} is not {what}")),
    }
}

fn text(element: &Element<'_>, words: Words, given: &Value) -> Result<Value, String> {
    let text = match given {
        Value::String(text) => text.clone(),
        Value::Number(number) if words == Words::Number => number.to_string(),
        other => return Err(format!("{other} is no text")),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match words {
        Words::Plain => length(element, &text)?,
        Words::Email => {
            let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
            parts.map(drop).ok_or_else(|| format!("{given} is no mail address"))?;
        }
        Words::Url => {
            let parts =
                text.split_once("://").filter(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
            parts.map(drop).ok_or_else(|| format!("{given} is no address"))?;
        }
        Words::Number => number(element, &text)?,
    }
    Ok(text.into())
}

fn length(element: &Element<'_>, text: &str) -> Result<(), String> {
    let bound = |name| element.json.get(name).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let (min, max) =
        (bound("min_length").unwrap_or(0), bound("max_length").unwrap_or(TEXT_MAX).min(TEXT_MAX));
    match text.chars().count() {
        count if count < min => Err(format!("it has {count} characters, {min} are needed")),
        count if max < count => Err(format!("it has {count} characters, {max} are allowed")),
        _ => Ok(()),
    }
}

fn number(element: &Element<'_>, text: &str) -> Result<(), String> {
    let number = text.parse::<f64>().ok().filter(|it| it.is_finite());
    let number = number.ok_or_else(|| format!("{text} is no number"))?;
    if element.json.get("is_decimal_allowed") != Some(&Value::Bool(true)) && number.fract() != 0.0 {
        return Err(format!("{text} is no whole number"));
    }
    let bound = |name| string(element.json, name).parse::<f64>().ok();
    if bound("min_value").is_some_and(|min| number < min) {
        return Err(format!("{text} is below {}", string(element.json, "min_value")));
    }
    if bound("max_value").is_some_and(|max| max < number) {
        return Err(format!("{text} is above {}", string(element.json, "max_value")));
    }
    Ok(())
}

/// Words become one section; what is formatted is given as a `rich_text` block.
fn rich_text(given: &Value) -> Result<Value, String> {
    match given {
        Value::String(words) if words.is_empty() => Ok(Value::Null),
        Value::String(words) if words.chars().count() <= TEXT_MAX => Ok(json!({
            "type": "rich_text",
            "elements": [{ "type": "rich_text_section", "elements": [{ "type": "text", "text": words }] }],
        })),
        Value::String(_) => Err(format!("{TEXT_MAX} characters are allowed")),
        Value::Object(block) if string(block, "type") == "rich_text" && block.contains_key("elements") => {
            Ok(given.clone())
        }
        other => Err(format!("{other} is neither a text nor a rich_text block")),
    }
}

/// What a person has put into the elements of a message or a view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// `state.values`: by block and action.
    pub values: Map<String, Value>,
    /// What is wrong with it, by block: inputs that have to be filled and are empty. Only submissions are held up by it.
    pub missing: BTreeMap<String, String>,
}

/// The state of all elements: what they have at first, and over it what the person put in. Names of inputs are an
/// `action_id`, a `block_id` or a label.
///
/// # Errors
///
/// In words, for an input that is not there or does not take what is given.
pub fn state(
    elements: &[Element<'_>],
    inputs: &Map<String, Value>,
    names: &Names<'_>,
) -> Result<State, String> {
    let mut given: Vec<Option<Value>> = vec![None; elements.len()];
    for (name, value) in inputs {
        let at = input_named(elements, name)?;
        given[at] = Some(chosen(&elements[at], value, names).map_err(|why| format!("{name}: {why}"))?);
    }
    let mut state = State::default();
    for (element, given) in elements.iter().zip(given).filter(|(element, _)| element.is_stateful()) {
        let value = given.unwrap_or_else(|| initial(element));
        let required = element.input.is_some_and(|input| !input.optional);
        if required && is_empty(&value) {
            let label = element.label.unwrap_or(element.action_id);
            state.missing.insert(element.block_id.to_owned(), format!("{label}: this has to be filled in"));
        }
        put(&mut state.values, element, value);
    }
    Ok(state)
}

/// Puts what is chosen now into `state.values`.
pub fn put(values: &mut Map<String, Value>, element: &Element<'_>, value: Value) {
    let mut held = Map::from_iter([("type".to_owned(), element.name.into())]);
    if let Some(member) = element.kind.and_then(Kind::member) {
        held.insert(member.to_owned(), value);
    }
    if let Some(timezone) = element.json.get("timezone") {
        held.insert("timezone".to_owned(), timezone.clone());
    }
    let block = values.entry(element.block_id).or_insert_with(|| Value::Object(Map::new()));
    if let Some(block) = block.as_object_mut() {
        block.insert(element.action_id.to_owned(), held.into());
    }
}

/// The element at `place` is used: what is chosen by it, which buttons have none of, and the state of all elements
/// with it. Without a value it is what the person has put into it, or what it has at first.
///
/// # Errors
///
/// In words, when the element does not take the value, does not reach its app at once, or an input is wrong.
pub fn used(
    elements: &[Element<'_>],
    place: usize,
    value: Option<&Value>,
    inputs: &Map<String, Value>,
    names: &Names<'_>,
) -> Result<(Option<Value>, State), String> {
    let element = elements.get(place).ok_or("there is no such element")?;
    let Some(kind) = element.kind else {
        return Err(format!("a {} is not supported", element.name));
    };
    if !element.dispatches() {
        return Err(format!(
            "its app hears of {} when the view is submitted (dispatch_action is false); give it among the inputs",
            named(std::iter::once(element))
        ));
    }
    let mut state = state(elements, inputs, names)?;
    let given = value.filter(|value| kind != Kind::Button || !value.is_null());
    let chosen = match (given, kind) {
        (Some(given), _) => Some(chosen(element, given, names)?),
        (None, Kind::Button) => None,
        (None, _) if !element.is_stateful() => return Err("say which option is chosen".into()),
        (None, _) => {
            let held = state.values.get(element.block_id).and_then(|block| block.get(element.action_id));
            kind.member().and_then(|member| held?.get(member)).cloned()
        }
    };
    if let Some(chosen) = chosen.clone().filter(|_| element.is_stateful()) {
        put(&mut state.values, element, chosen);
    }
    Ok((chosen, state))
}

fn input_named(elements: &[Element<'_>], name: &str) -> Result<usize, String> {
    let by: [&dyn Fn(&Element<'_>) -> bool; 3] =
        [&|it| it.action_id == name, &|it| it.block_id == name, &|it| it.label == Some(name)];
    for by in by {
        let mut found =
            elements.iter().enumerate().filter(|(_, it)| it.is_stateful() && by(it)).map(|(at, _)| at);
        match (found.next(), found.next()) {
            (Some(at), None) => return Ok(at),
            (Some(_), Some(_)) => return Err(format!("several inputs are named {name}; use the block_id")),
            (None, _) => {}
        }
    }
    let inputs = named(elements.iter().filter(|element| element.is_stateful()));
    Err(format!("there is no input {name}; there are {inputs}"))
}

fn initial(element: &Element<'_>) -> Value {
    let Some(kind) = element.kind else { return Value::Null };
    let given = kind.initial_member().and_then(|name| element.json.get(name)).cloned();
    let given = given.filter(|given| *given != Value::String(String::new()));
    given.unwrap_or_else(|| if kind.is_several() { json!([]) } else { Value::Null })
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// The element of `actions` for what was done. `value` is what is chosen by it; buttons have none.
#[must_use]
pub fn action(element: &Element<'_>, value: Option<Value>, action_ts: &str) -> Value {
    let mut action = Map::new();
    for name in ["text", "value", "style", "confirm", "placeholder", "url", "icon", "timezone"] {
        // Of what holds a person's words the value is what they put in.
        let kept = element.json.get(name).filter(|_| name != "value" || element.kind == Some(Kind::Button));
        if let Some(kept) = kept.filter(|kept| !kept.is_null()) {
            action.insert(name.to_owned(), kept.clone());
        }
    }
    if let Some(kind) = element.kind {
        let initial = kind.initial_member().and_then(|name| Some((name, element.json.get(name)?)));
        if let Some((name, initial)) = initial {
            action.insert(name.to_owned(), initial.clone());
        }
        if let Some(member) = kind.member() {
            action.insert(member.to_owned(), value.unwrap_or_default());
        }
    }
    action.insert("type".to_owned(), element.name.into());
    action.insert("block_id".to_owned(), element.block_id.into());
    action.insert("action_id".to_owned(), element.action_id.into());
    action.insert("action_ts".to_owned(), action_ts.into());
    Value::Object(action)
}

/// The conversations that were chosen where the app wants a `response_url` for what is chosen: `(block_id, action_id,
/// conversation)`.
#[must_use]
pub fn answerable(elements: &[Element<'_>], values: &Map<String, Value>) -> Vec<(String, String, String)> {
    let enabled =
        elements.iter().filter(|it| it.json.get("response_url_enabled") == Some(&Value::Bool(true)));
    let chosen = enabled.filter_map(|element| {
        let member =
            element.kind.filter(|kind| matches!(kind, Kind::Id(Ids::Conversation | Ids::Channel)))?;
        let held = values.get(element.block_id)?.get(element.action_id)?;
        let id = held.get(member.member()?)?.as_str()?;
        Some((element.block_id.to_owned(), element.action_id.to_owned(), id.to_owned()))
    });
    chosen.collect()
}

/// The blocks of a message or a view, from their JSON text; none if it is not a list.
#[must_use]
pub fn blocks_of(json: &str) -> Vec<Value> {
    match serde_json::from_str(json) {
        Ok(Value::Array(blocks)) => blocks,
        Ok(Value::Object(view)) => list(&view, "blocks").cloned().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::elements::elements;
    use super::*;

    fn plain(text: &str) -> Value {
        json!({"type": "plain_text", "text": text, "emoji": true})
    }

    fn option(value: &str) -> Value {
        json!({"text": plain(&value.to_uppercase()), "value": value})
    }

    fn names() -> Names<'static> {
        Names {
            user: &|name| ["ada", "U1"].contains(&name).then(|| "U1".to_owned()),
            conversation: &|name| match name {
                "ops" | "C1" => Some(("C1".to_owned(), true)),
                "leads" => Some(("C2".to_owned(), false)),
                _ => None,
            },
        }
    }

    fn in_input(element: &Value) -> Vec<Value> {
        vec![json!({"type": "input", "block_id": "b", "label": plain("L"), "element": element})]
    }

    fn with(kind: &str, more: Value) -> Value {
        let mut element = json!({"type": kind, "action_id": "a"});
        element.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        element
    }

    /// Every type of element: what is put in, and what the app gets in `actions` and in `state.values`.
    #[test]
    fn what_apps_get_of_every_kind() {
        let options = json!([option("x"), option("y")]);
        let groups = json!([{"label": plain("G"), "options": options}]);
        let rich = json!({"type": "rich_text", "elements": [{"type": "rich_text_section",
            "elements": [{"type": "text", "text": "hi"}]}]});
        let none = json!({});
        for (kind, more, given, wanted) in [
            (
                "static_select",
                json!({"options": options}),
                json!("x"),
                json!({"selected_option": option("x")}),
            ),
            (
                "static_select",
                json!({"options": options}),
                json!("Y"),
                json!({"selected_option": option("y")}),
            ),
            (
                "static_select",
                json!({"options": options}),
                option("y"),
                json!({"selected_option": option("y")}),
            ),
            (
                "static_select",
                json!({"option_groups": groups}),
                json!("y"),
                json!({"selected_option": option("y")}),
            ),
            ("static_select", json!({"options": options}), Value::Null, json!({"selected_option": null})),
            ("external_select", none.clone(), option("z"), json!({"selected_option": option("z")})),
            (
                "radio_buttons",
                json!({"options": options}),
                json!("x"),
                json!({"selected_option": option("x")}),
            ),
            ("overflow", json!({"options": options}), json!("x"), json!({"selected_option": option("x")})),
            (
                "checkboxes",
                json!({"options": options}),
                json!(["x", "X"]),
                json!({"selected_options": [option("x")]}),
            ),
            ("checkboxes", json!({"options": options}), Value::Null, json!({"selected_options": []})),
            (
                "multi_static_select",
                json!({"options": options}),
                json!(["y", "x"]),
                json!({"selected_options": [option("y"), option("x")]}),
            ),
            (
                "multi_external_select",
                none.clone(),
                json!([option("z")]),
                json!({"selected_options": [option("z")]}),
            ),
            ("users_select", none.clone(), json!("ada"), json!({"selected_user": "U1"})),
            ("conversations_select", none.clone(), json!("leads"), json!({"selected_conversation": "C2"})),
            ("channels_select", none.clone(), json!("ops"), json!({"selected_channel": "C1"})),
            ("multi_users_select", none.clone(), json!("ada"), json!({"selected_users": ["U1"]})),
            (
                "multi_conversations_select",
                none.clone(),
                json!(["ops", "leads"]),
                json!({"selected_conversations": ["C1", "C2"]}),
            ),
            ("multi_channels_select", none.clone(), json!(["ops"]), json!({"selected_channels": ["C1"]})),
            ("datepicker", none.clone(), json!("2024-02-29"), json!({"selected_date": "2024-02-29"})),
            (
                "timepicker",
                json!({"timezone": "Etc/UTC"}),
                json!("17:30"),
                json!({"selected_time": "17:30", "timezone": "Etc/UTC"}),
            ),
            (
                "datetimepicker",
                none.clone(),
                json!(1_700_000_000),
                json!({"selected_date_time": 1_700_000_000}),
            ),
            ("plain_text_input", none.clone(), json!("why"), json!({"value": "why"})),
            ("plain_text_input", none.clone(), json!(""), json!({"value": null})),
            ("email_text_input", none.clone(), json!("a@x.example"), json!({"value": "a@x.example"})),
            (
                "url_text_input",
                none.clone(),
                json!("https://x.example"),
                json!({"value": "https://x.example"}),
            ),
            ("number_input", json!({"is_decimal_allowed": true}), json!(1.5), json!({"value": "1.5"})),
            ("rich_text_input", none.clone(), json!("hi"), json!({"rich_text_value": rich})),
            ("rich_text_input", none.clone(), rich.clone(), json!({"rich_text_value": rich})),
        ] {
            let blocks = in_input(&with(kind, more));
            let found = elements(&blocks);
            let value =
                chosen(&found[0], &given, &names()).unwrap_or_else(|why| panic!("{kind} {given}: {why}"));
            let mut action_wanted = wanted.clone();
            let said = json!({"type": kind, "block_id": "b", "action_id": "a", "action_ts": "1.5"});
            action_wanted.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
            assert_eq!(action(&found[0], Some(value), "1.5"), action_wanted, "{kind}");
            if kind == "overflow" {
                continue;
            }
            let mut held = wanted;
            held["type"] = kind.into();
            let inputs = Map::from_iter([("a".to_owned(), given)]);
            let state = state(&found, &inputs, &names()).unwrap();
            assert_eq!(Value::Object(state.values), json!({"b": {"a": held}}), "{kind}");
        }
    }

    #[test]
    fn what_stands_at_first() {
        for (kind, more, member, initial, empty) in [
            ("static_select", json!({"options": [option("x")]}), "initial_option", option("x"), Value::Null),
            (
                "multi_static_select",
                json!({"options": [option("x")]}),
                "initial_options",
                json!([option("x")]),
                json!([]),
            ),
            ("multi_users_select", json!({}), "initial_users", json!(["U1"]), json!([])),
            ("users_select", json!({}), "initial_user", json!("U1"), Value::Null),
            ("conversations_select", json!({}), "initial_conversation", json!("C1"), Value::Null),
            ("channels_select", json!({}), "initial_channel", json!("C1"), Value::Null),
            ("datepicker", json!({}), "initial_date", json!("2026-08-01"), Value::Null),
            ("timepicker", json!({}), "initial_time", json!("17:30"), Value::Null),
            ("datetimepicker", json!({}), "initial_date_time", json!(1_700_000_000), Value::Null),
            ("plain_text_input", json!({}), "initial_value", json!("v"), Value::Null),
            ("number_input", json!({}), "initial_value", json!("5"), Value::Null),
        ] {
            let bare = in_input(&with(kind, more.clone()));
            let mut full = with(kind, more);
            full[member] = initial.clone();
            let full = in_input(&full);
            let held = |blocks: &[Value]| {
                let found = elements(blocks);
                let state = state(&found, &Map::new(), &names()).unwrap();
                let member = found[0].kind.unwrap().member().unwrap();
                (state.values["b"]["a"][member].clone(), state.missing.len())
            };
            assert_eq!(held(&bare), (empty, 1), "{kind} is empty and has to be filled");
            assert_eq!(held(&full), (initial.clone(), 0), "{kind}");
            let found = elements(&full);
            assert_eq!(action(&found[0], None, "1.5")[member], initial, "{kind}");
        }
    }

    #[test]
    fn what_is_not_taken() {
        let listed = json!({"options": [option("x"), option("y")]});
        for (kind, more, given, words) in [
            ("static_select", listed.clone(), json!("z"), "\"z\" is no option; there are x, y"),
            ("static_select", listed.clone(), json!(5), "5 is no option; there are x, y"),
            (
                "multi_static_select",
                {
                    let mut more = listed.clone();
                    more["max_selected_items"] = json!(1);
                    more
                },
                json!(["x", "y"]),
                "1 at most may be chosen",
            ),
            (
                "external_select",
                json!({}),
                json!("z"),
                "the app offers the options: ask for suggestions, and give one as it was offered",
            ),
            ("users_select", json!({}), json!("nobody"), "\"nobody\" is nobody"),
            (
                "conversations_select",
                json!({}),
                json!("attic"),
                "\"attic\" is no conversation that the person sees",
            ),
            ("channels_select", json!({}), json!("leads"), "\"leads\" is no public channel"),
            ("datepicker", json!({}), json!("2023-02-29"), "\"2023-02-29\" is not a day, such as 2026-08-01"),
            ("timepicker", json!({}), json!("17:60"), "\"17:60\" is not a time of day, such as 17:30"),
            ("datetimepicker", json!({}), json!(5), "5 is no time in Unix seconds"),
            ("plain_text_input", json!({}), json!(5), "5 is no text"),
            ("plain_text_input", json!({"min_length": 3}), json!("ab"), "it has 2 characters, 3 are needed"),
            (
                "plain_text_input",
                json!({"max_length": 3}),
                json!("abcd"),
                "it has 4 characters, 3 are allowed",
            ),
            (
                "plain_text_input",
                json!({}),
                json!("x".repeat(3001)),
                "it has 3001 characters, 3000 are allowed",
            ),
            ("email_text_input", json!({}), json!("ada"), "\"ada\" is no mail address"),
            ("url_text_input", json!({}), json!("x.example"), "\"x.example\" is no address"),
            ("number_input", json!({}), json!("five"), "five is no number"),
            ("number_input", json!({}), json!("NaN"), "NaN is no number"),
            ("number_input", json!({"is_decimal_allowed": false}), json!("1.5"), "1.5 is no whole number"),
            ("number_input", json!({"min_value": "2"}), json!("1"), "1 is below 2"),
            ("number_input", json!({"max_value": "2"}), json!(3), "3 is above 2"),
            ("rich_text_input", json!({}), json!(["x"]), "[\"x\"] is neither a text nor a rich_text block"),
            ("file_input", json!({}), json!("F1"), "a file_input is not supported"),
            ("something_new", json!({}), json!("x"), "a something_new is not supported"),
        ] {
            let blocks = in_input(&with(kind, more));
            let found = elements(&blocks);
            assert_eq!(chosen(&found[0], &given, &names()).unwrap_err(), words, "{kind}");
        }
    }

    #[test]
    fn names_of_inputs_and_what_is_missing() {
        let text = |block: &str, action: &str, label: &str, optional: bool| {
            json!({"type": "input", "block_id": block, "label": plain(label), "optional": optional,
                "element": {"type": "plain_text_input", "action_id": action}})
        };
        let blocks = vec![
            text("b1", "a1", "One", false),
            text("b2", "a2", "Two", true),
            text("b3", "a2", "Three", true),
        ];
        let found = elements(&blocks);
        let run = |inputs: Value| state(&found, inputs.as_object().unwrap(), &names());
        let values = |inputs: Value| {
            let values = run(inputs).unwrap().values;
            ["b1/a1", "b2/a2", "b3/a2"].map(|at| {
                let (block, action) = at.split_once('/').unwrap();
                values[block][action]["value"].as_str().unwrap_or("-").to_owned()
            })
        };
        assert_eq!(values(json!({"a1": "x", "b2": "y", "Three": "z"})), ["x", "y", "z"]);
        let empty = run(json!({})).unwrap();
        assert_eq!(empty.missing, [("b1".to_owned(), "One: this has to be filled in".to_owned())].into());
        assert_eq!(run(json!({"a2": "x"})).unwrap_err(), "several inputs are named a2; use the block_id");
        assert!(
            run(json!({"zzz": "x"}))
                .unwrap_err()
                .starts_with("there is no input zzz; there are \"One\" (plain_text_input b1/a1)")
        );
        assert_eq!(run(json!({"a1": 5})).unwrap_err(), "a1: 5 is no text");
    }

    #[test]
    fn a_pressed_button_says_what_it_is() {
        let button = json!({"type": "button", "action_id": "ship", "text": plain("Ship"), "value": "7", "style": "primary",
            "url": "https://x.example", "confirm": {"title": plain("Sure?")}});
        let blocks = vec![json!({"type": "actions", "block_id": "b", "elements": [button]})];
        let mut wanted = button;
        wanted["block_id"] = "b".into();
        wanted["action_ts"] = "1.5".into();
        let found = elements(&blocks);
        assert_eq!(action(&found[0], None, "1.5"), wanted);
        assert_eq!(chosen(&found[0], &json!("x"), &names()).unwrap_err(), "a button takes nothing");
    }

    /// What is used is in the state with the rest.
    #[test]
    fn using_an_element() {
        let options = json!([option("x"), option("y")]);
        let blocks = vec![
            json!({"type": "actions", "block_id": "b", "elements": [
                {"type": "static_select", "action_id": "size", "options": options, "initial_option": option("x")},
                {"type": "overflow", "action_id": "more", "options": options},
                {"type": "button", "action_id": "go", "text": plain("Go")},
                {"type": "workflow_button", "action_id": "flow", "text": plain("Flow")}]}),
            json!({"type": "input", "block_id": "i", "label": plain("Why"), "dispatch_action": true,
                "element": {"type": "plain_text_input", "action_id": "why"}}),
            json!({"type": "input", "block_id": "j", "label": plain("Who"),
                "element": {"type": "users_select", "action_id": "who"}}),
        ];
        let found = elements(&blocks);
        let inputs = json!({"why": "so"});
        let run = |place, value: Option<Value>| {
            let used = used(&found, place, value.as_ref(), inputs.as_object().unwrap(), &names());
            used.map(|(chosen, state)| (chosen, Value::Object(state.values)))
        };
        let state = |size: &str, why: &str| {
            json!({"b": {"size": {"type": "static_select", "selected_option": option(size)}},
                "i": {"why": {"type": "plain_text_input", "value": why}},
                "j": {"who": {"type": "users_select", "selected_user": null}}})
        };
        for (place, value, wanted) in [
            (0, Some(json!("y")), Ok((Some(option("y")), state("y", "so")))),
            (0, None, Ok((Some(option("x")), state("x", "so")))),
            (1, Some(json!("y")), Ok((Some(option("y")), state("x", "so")))),
            (1, None, Err("say which option is chosen")),
            (2, None, Ok((None, state("x", "so")))),
            (2, Some(Value::Null), Ok((None, state("x", "so")))),
            (2, Some(json!("x")), Err("a button takes nothing")),
            (3, None, Err("a workflow_button is not supported")),
            (4, None, Ok((Some(json!("so")), state("x", "so")))),
            (4, Some(json!("other")), Ok((Some(json!("other")), state("x", "other")))),
            (
                5,
                Some(json!("ada")),
                Err(
                    "its app hears of \"Who\" (users_select j/who) when the view is submitted (dispatch_action is false); give it among the inputs",
                ),
            ),
            (9, None, Err("there is no such element")),
        ] {
            assert_eq!(run(place, value), wanted.map_err(str::to_owned), "{place}");
        }
    }

    #[test]
    fn conversations_to_answer_in() {
        let select = |block: &str, kind: &str, enabled: bool| {
            json!({"type": "input", "block_id": block, "label": plain("Where"),
                "element": {"type": kind, "action_id": "a", "response_url_enabled": enabled}})
        };
        let blocks = vec![
            select("b1", "conversations_select", true),
            select("b2", "channels_select", true),
            select("b3", "channels_select", false),
            select("b4", "conversations_select", true),
        ];
        let found = elements(&blocks);
        let inputs = json!({"b1": "leads", "b2": "ops", "b3": "ops"});
        let state = state(&found, inputs.as_object().unwrap(), &names()).unwrap();
        let wanted = [("b1", "a", "C2"), ("b2", "a", "C1")];
        let wanted = wanted.map(|(block, action, id)| (block.to_owned(), action.to_owned(), id.to_owned()));
        assert_eq!(answerable(&found, &state.values), wanted);
    }
}
