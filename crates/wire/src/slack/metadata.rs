//! Message metadata: `{event_type, event_payload}` and work-object `entities`.

use super::Fault;
use super::json::push_member;
use serde_json::{Map, Value};

/// The longest metadata that is stored, in bytes of compact JSON.
pub const METADATA_BYTES_MAX: usize = 16_000;

/// Checks a `metadata` argument and gives it back as compact JSON.
///
/// With `entities_only` nothing but `entities` may be there, as in an ephemeral message.
///
/// # Errors
///
/// `invalid_metadata_format` unless it is a JSON object, `invalid_metadata_schema` for wrong or missing members, and
/// `metadata_too_large` above [`METADATA_BYTES_MAX`].
pub fn normalise(given: &str, entities_only: bool) -> Result<String, Fault> {
    let Ok(Value::Object(object)) = serde_json::from_str(given) else {
        return Err(Fault::new("invalid_metadata_format", "must be a valid object [json-pointer:/metadata]"));
    };
    check(&object, entities_only).map_err(|reason| Fault::new("invalid_metadata_schema", reason))?;
    let json = Value::Object(object).to_string();
    if json.len() > METADATA_BYTES_MAX {
        let reason = format!("must be less than {} bytes [json-pointer:/metadata]", METADATA_BYTES_MAX + 1);
        return Err(Fault::new("metadata_too_large", reason));
    }
    Ok(json)
}

/// What readers see who did not ask for all metadata: the `event_type` alone, or `{}` when there is none.
pub fn event_type_only(json: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Type {
        event_type: Option<String>,
    }
    let mut out = String::from("{");
    if let Ok(Type { event_type: Some(event_type) }) = serde_json::from_str(json) {
        push_member(&mut out, "event_type", &event_type);
    }
    out.push('}');
    out
}

fn check(object: &Map<String, Value>, entities_only: bool) -> Result<(), String> {
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    if entities_only && let Some(name) = object.keys().find(|name| *name != "entities") {
        return Err(format!("only entities allowed [json-pointer:/metadata/{name}]"));
    }
    let entities = given("entities");
    if let Some(entities) = entities {
        let valid = entities.as_array().is_some_and(|list| list.iter().all(Value::is_object));
        if !valid {
            return Err("must be an array of objects [json-pointer:/metadata/entities]".to_owned());
        }
    }
    let event = given("event_type").is_some() || given("event_payload").is_some();
    if entities.is_some() && !event {
        return Ok(());
    }
    match given("event_type") {
        None => return Err("missing required field: event_type [json-pointer:/metadata]".to_owned()),
        Some(Value::String(name)) if !name.is_empty() => {}
        Some(_) => return Err("must be a non-empty string [json-pointer:/metadata/event_type]".to_owned()),
    }
    match given("event_payload") {
        None => Err("missing required field: event_payload [json-pointer:/metadata]".to_owned()),
        Some(Value::Object(_)) => Ok(()),
        Some(_) => Err("must be an object [json-pointer:/metadata/event_payload]".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted() {
        let cases: [(&str, bool, Result<&str, &str>); 12] = [
            (
                r#"{"event_payload":{"n":1.1333333333333333e+84},"event_type":"t"}"#,
                false,
                Ok(r#"{"event_payload":{"n":1.1333333333333333e+84},"event_type":"t"}"#),
            ),
            (
                r#"{"event_type": "t", "event_payload": {}}"#,
                false,
                Ok(r#"{"event_payload":{},"event_type":"t"}"#),
            ),
            (r#"{"entities": [{}]}"#, false, Ok(r#"{"entities":[{}]}"#)),
            (r#"{"entities": []}"#, true, Ok(r#"{"entities":[]}"#)),
            (r#"{"event_type": "t", "event_payload": {}}"#, true, Err("invalid_metadata_schema")),
            ("{}", false, Err("invalid_metadata_schema")),
            (r#"{"event_type": "t"}"#, false, Err("invalid_metadata_schema")),
            (r#"{"event_type": 1, "event_payload": {}}"#, false, Err("invalid_metadata_schema")),
            (r#"{"event_type": "t", "event_payload": []}"#, false, Err("invalid_metadata_schema")),
            (r#"{"entities": [1]}"#, false, Err("invalid_metadata_schema")),
            ("[]", false, Err("invalid_metadata_format")),
            ("{", false, Err("invalid_metadata_format")),
        ];
        for (given, entities_only, wanted) in cases {
            let got = normalise(given, entities_only).map_err(|fault| fault.code);
            assert_eq!(got.as_deref().map_err(|code| *code), wanted, "{given}");
        }
    }

    #[test]
    fn size_is_bounded() {
        let text = |len| format!(r#"{{"event_payload":{{"x":"{}"}},"event_type":"t"}}"#, "a".repeat(len));
        let fits = METADATA_BYTES_MAX - text(0).len();
        assert!(normalise(&text(fits), false).is_ok());
        assert_eq!(normalise(&text(fits + 1), false).unwrap_err().code, "metadata_too_large");
    }

    #[test]
    fn the_short_view() {
        for (json, wanted) in [
            (r#"{"event_payload":{"a":1},"event_type":"t"}"#, r#"{"event_type":"t"}"#),
            (r#"{"entities":[]}"#, "{}"),
            ("", "{}"),
        ] {
            assert_eq!(event_type_only(json), wanted);
        }
    }
}
