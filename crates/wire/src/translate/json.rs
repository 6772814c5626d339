//! Reading JSON that anybody may have written.

use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// A string that is not empty. Names of members match in any case.
pub(super) fn string<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    crate::connector::json::get(object, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The objects of a list; none when it is no list.
pub(super) fn objects<'a>(object: &'a Object, name: &str) -> impl DoubleEndedIterator<Item = &'a Object> {
    let list = crate::connector::json::get(object, name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

pub(super) fn object<'a>(object: &'a Object, name: &str) -> Option<&'a Object> {
    crate::connector::json::get(object, name).and_then(Value::as_object)
}

pub(super) fn is_true(object: &Object, name: &str) -> bool {
    crate::connector::json::get(object, name).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn is_false(object: &Object, name: &str) -> bool {
    crate::connector::json::get(object, name).and_then(Value::as_bool) == Some(false)
}

/// Whether a member is this word, in any case.
pub(super) fn is(object: &Object, name: &str, word: &str) -> bool {
    string(object, name).is_some_and(|value| value.eq_ignore_ascii_case(word))
}

/// An address that a client of either API can open.
pub(super) fn web_address(url: &str) -> Option<&str> {
    let url = url.trim();
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = matches!(scheme.as_deref(), Some("http" | "https"));
    (known && !url.contains(char::is_whitespace)).then_some(url)
}
