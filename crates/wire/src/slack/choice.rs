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
mod tests;
