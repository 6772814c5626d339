//! What apps answer in their acknowledgements: to a submitted view, and to a question for options.

use super::elements::Element;
use super::{Fault, view};
use serde_json::{Map, Value};

/// Options that an app may offer at once, and groups of them.
pub const OPTIONS_MAX: usize = 100;

/// An answer that makes no sense, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// What an app answers to a submitted view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Nothing: the view closes.
    Close,
    /// The view stays, with these words beside its inputs, by block.
    Errors(Vec<(String, String)>),
    /// Another view in its place.
    Update(view::Modal),
    /// Another view on top of it.
    Push(view::Modal),
    /// `response_action: clear`: all views of the stack close.
    Clear,
}

/// Reads the answer to a submitted view with these elements.
///
/// # Errors
///
/// [`Malformed`] for what is no `response_action`, errors beside no input of the view, and views that break a rule.
pub fn submitted(
    body: &[u8],
    elements: &[Element<'_>],
    new_id: &mut dyn FnMut() -> String,
) -> Result<Submitted, Malformed> {
    let Some(answer) = object(body)? else { return Ok(Submitted::Close) };
    let view = |new_id| match answer.get("view") {
        Some(given) => {
            // Some frameworks send the view as JSON text, as methods take it.
            let given = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            view::normalise(&given, new_id).map_err(refused)
        }
        None => Err(Malformed("response_action is without its view".into())),
    };
    match answer.get("response_action").and_then(Value::as_str) {
        None if answer.is_empty() => Ok(Submitted::Close),
        None => Err(Malformed("the answer is not empty and has no response_action".into())),
        Some("errors") => errors(&answer, elements).map(Submitted::Errors),
        Some("update") => view(new_id).map(Submitted::Update),
        Some("push") => view(new_id).map(Submitted::Push),
        Some("clear") => Ok(Submitted::Clear),
        Some(other) => {
            Err(Malformed(format!("{other} is no response_action; there are errors, update, push, clear")))
        }
    }
}

fn errors(answer: &Map<String, Value>, elements: &[Element<'_>]) -> Result<Vec<(String, String)>, Malformed> {
    let Some(Value::Object(errors)) =
        answer.get("errors").filter(|it| it.as_object().is_none_or(|it| !it.is_empty()))
    else {
        return Err(Malformed("response_action errors is without errors".into()));
    };
    let mut read = Vec::with_capacity(errors.len());
    for (block_id, words) in errors {
        let Some(words) = words.as_str() else {
            return Err(Malformed(format!("the error of {block_id} is no text")));
        };
        if !elements.iter().any(|it| it.input.is_some() && it.block_id == block_id) {
            return Err(Malformed(format!("errors names {block_id}, which is no input block of the view")));
        }
        read.push((block_id.clone(), words.to_owned()));
    }
    Ok(read)
}

/// Reads the options that an app offers for a select menu: `{"options": […]}` or `{"option_groups": […]}`, completed
/// with the defaults of text objects.
///
/// # Errors
///
/// [`Malformed`] for anything else and for more than [`OPTIONS_MAX`] options.
pub fn options(body: &[u8]) -> Result<Value, Malformed> {
    offered(body, &|option| {
        let text = option.get_mut("text").and_then(Value::as_object_mut);
        let is_plain = |text: &Map<String, Value>| {
            text.get("type").and_then(Value::as_str) == Some("plain_text")
                && text.get("text").is_some_and(Value::is_string)
        };
        let text =
            text.filter(|text| is_plain(text)).ok_or("the text of an option is no plain_text object")?;
        text.entry("emoji").or_insert(Value::Bool(true));
        Ok(())
    })
}

/// The same of a legacy menu, whose texts are strings.
///
/// # Errors
///
/// As [`options`].
pub fn legacy_options(body: &[u8]) -> Result<Value, Malformed> {
    offered(body, &|option| match option.get("text") {
        Some(Value::String(_)) => Ok(()),
        _ => Err("the text of an option is no string"),
    })
}

type Completed<'a> = &'a dyn Fn(&mut Map<String, Value>) -> Result<(), &'static str>;

fn offered(body: &[u8], complete: Completed<'_>) -> Result<Value, Malformed> {
    let words = |words: &str| Malformed(words.to_owned());
    let mut answer = object(body)?.ok_or_else(|| words("the answer is empty; it has to have options"))?;
    let (name, mut offered) = match (answer.remove("options"), answer.remove("option_groups")) {
        (Some(options), None) => ("options", options),
        (None, Some(groups)) => ("option_groups", groups),
        _ => return Err(words("the answer has to have either options or option_groups")),
    };
    if name == "options" {
        each(&mut offered, complete)?;
    } else {
        let Some(groups) = offered.as_array_mut().filter(|groups| groups.len() <= OPTIONS_MAX) else {
            return Err(Malformed(format!("option_groups is no list of at most {OPTIONS_MAX}")));
        };
        for group in groups {
            let options = group.get_mut("options").ok_or_else(|| words("a group has no options"))?;
            each(options, complete)?;
        }
    }
    Ok(Value::Object(Map::from_iter([(name.to_owned(), offered)])))
}

fn each(options: &mut Value, complete: Completed<'_>) -> Result<(), Malformed> {
    let Some(options) = options.as_array_mut().filter(|options| options.len() <= OPTIONS_MAX) else {
        return Err(Malformed(format!("options is no list of at most {OPTIONS_MAX}")));
    };
    for option in options {
        let option = option.as_object_mut().ok_or_else(|| Malformed("an option is no object".into()))?;
        complete(option).map_err(|why| Malformed(why.to_owned()))?;
        if !option.get("value").is_some_and(Value::is_string) {
            return Err(Malformed("the value of an option is no string".into()));
        }
    }
    Ok(())
}

/// The answer as an object; `None` if it is empty.
fn object(body: &[u8]) -> Result<Option<Map<String, Value>>, Malformed> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(answer)) => Ok(Some(answer)),
        Ok(_) => Err(Malformed("the answer is JSON and no object".into())),
        Err(_) => Err(Malformed("the answer is neither empty nor JSON".into())),
    }
}

fn refused(fault: Fault) -> Malformed {
    Malformed(format!("the view of the answer: {}: {}", fault.code, fault.messages.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::elements::elements;
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> Value {
        json!({"type": "plain_text", "text": text})
    }

    #[test]
    fn answers_to_submissions() {
        let blocks = vec![json!({"type": "input", "block_id": "b", "label": plain("L"),
            "element": {"type": "plain_text_input", "action_id": "a"}})];
        let found = elements(&blocks);
        let modal = json!({"type": "modal", "title": plain("T"), "blocks": []});
        let run = |body: &str| submitted(body.as_bytes(), &found, &mut || "n".to_owned());
        let as_view = |answer: &str| run(&json!({"response_action": answer, "view": modal}).to_string());
        assert_eq!(run(""), Ok(Submitted::Close));
        assert_eq!(run(" \n"), Ok(Submitted::Close));
        assert_eq!(run("{}"), Ok(Submitted::Close));
        assert_eq!(run(r#"{"response_action":"clear"}"#), Ok(Submitted::Clear));
        assert_eq!(
            run(r#"{"response_action":"errors","errors":{"b":"no"}}"#),
            Ok(Submitted::Errors(vec![("b".to_owned(), "no".to_owned())]))
        );
        assert!(matches!(as_view("update"), Ok(Submitted::Update(_))));
        assert!(matches!(as_view("push"), Ok(Submitted::Push(_))));
        let as_text = json!({"response_action": "update", "view": modal.to_string()}).to_string();
        assert!(matches!(run(&as_text), Ok(Submitted::Update(_))));
        for (body, words) in [
            ("ok", "the answer is neither empty nor JSON"),
            ("[]", "the answer is JSON and no object"),
            (r#"{"ok":true}"#, "the answer is not empty and has no response_action"),
            (
                r#"{"response_action":"shut"}"#,
                "shut is no response_action; there are errors, update, push, clear",
            ),
            (r#"{"response_action":"update"}"#, "response_action is without its view"),
            (
                r#"{"response_action":"push","view":{"type":"modal"}}"#,
                "the view of the answer: invalid_arguments: failed",
            ),
            (r#"{"response_action":"errors"}"#, "response_action errors is without errors"),
            (r#"{"response_action":"errors","errors":{}}"#, "response_action errors is without errors"),
            (r#"{"response_action":"errors","errors":{"b":5}}"#, "the error of b is no text"),
            (
                r#"{"response_action":"errors","errors":{"c":"no"}}"#,
                "errors names c, which is no input block of the view",
            ),
        ] {
            let Err(Malformed(said)) = run(body) else { panic!("{body} is taken") };
            assert!(said.starts_with(words), "{body}: {said}");
        }
    }

    #[test]
    fn options_that_apps_offer() {
        let option = json!({"text": plain("A"), "value": "a"});
        let full = json!({"text": {"type": "plain_text", "text": "A", "emoji": true}, "value": "a"});
        let run = |body: &Value| options(body.to_string().as_bytes());
        assert_eq!(run(&json!({"options": [option]})), Ok(json!({"options": [full]})));
        assert_eq!(run(&json!({"options": []})), Ok(json!({"options": []})));
        let groups = |option: &Value| json!({"option_groups": [{"label": plain("G"), "options": [option]}]});
        assert_eq!(run(&groups(&option)), Ok(groups(&full)));
        let legacy = json!({"options": [{"text": "A", "value": "a"}]});
        assert_eq!(legacy_options(legacy.to_string().as_bytes()), Ok(legacy.clone()));
        for (body, words) in [
            (json!({}), "the answer has to have either options or option_groups"),
            (
                json!({"options": [], "option_groups": []}),
                "the answer has to have either options or option_groups",
            ),
            (json!({"options": {}}), "options is no list of at most 100"),
            (json!({"options": vec![option.clone(); 101]}), "options is no list of at most 100"),
            (json!({"option_groups": {}}), "option_groups is no list of at most 100"),
            (json!({"option_groups": [{}]}), "a group has no options"),
            (json!({"options": ["a"]}), "an option is no object"),
            (json!({"options": [{"text": plain("A")}]}), "the value of an option is no string"),
            (legacy, "the text of an option is no plain_text object"),
        ] {
            assert_eq!(run(&body), Err(Malformed(words.to_owned())));
        }
        assert_eq!(options(b""), Err(Malformed("the answer is empty; it has to have options".to_owned())));
    }

    /// Whatever bytes come, nothing panics.
    #[test]
    fn hostile_answers_are_survived() {
        let deep = "[".repeat(100_000);
        for body in
            ["\u{0}", "nul", "{\"a\":", deep.as_str(), "{\"options\":null}", "{\"response_action\":null}"]
        {
            let _ = submitted(body.as_bytes(), &[], &mut String::new);
            let _ = options(body.as_bytes());
            let _ = legacy_options(body.as_bytes());
            let _ = view::normalise(body, &mut String::new);
        }
    }
}
