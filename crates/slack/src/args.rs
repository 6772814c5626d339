//! The arguments of a call, from query string, form, multipart or JSON, with the platform's leniency.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde_json::value::RawValue;

use crate::reply::Error;

/// The longest name of an argument.
const NAME_CHARS_MAX: usize = 255;

/// Arguments of one call. Each is looked for among all of them.
const ARGUMENTS_MAX: usize = 1000;

/// One argument's value as it came.
#[derive(Debug)]
enum Value {
    Text(String),
    Json(Box<RawValue>),
}

/// All arguments of a call. What the query string and the body both name, the body decides.
#[derive(Debug, Default)]
pub(super) struct Args {
    given: Vec<(String, Value)>,
    /// The token that a form or multipart body carried.
    pub token: Option<String>,
    /// Warnings about the encoding.
    pub warnings: Vec<&'static str>,
}

/// The encodings of a body.
enum Encoding {
    None,
    Form,
    Json,
    Multipart(String),
}

impl Args {
    /// Reads the arguments.
    pub async fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, Error> {
        let mut args = Self::default();
        let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
        let encoding =
            encoding(content_type, body, &mut args.warnings).map_err(|error| error.warned(&args.warnings))?;
        let read = args.read_body(&encoding, content_type, body).await;
        read.map_err(|error| error.warned(&args.warnings))?;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name != "token" && !args.given.iter().any(|(given, _)| *given == name) {
                args.put(name.into_owned(), Value::Text(value.into_owned()))?;
            }
        }
        Ok(args)
    }

    /// The arguments of a JSON body that no token came with.
    pub fn from_json(body: &[u8]) -> Result<Self, Error> {
        let mut args = Self::default();
        args.read_json(body)?;
        Ok(args)
    }

    async fn read_body(
        &mut self,
        encoding: &Encoding,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<(), Error> {
        let body = if charset(content_type) == Some("iso-8859-1") {
            Cow::Owned(body.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
        } else {
            Cow::Borrowed(body)
        };
        match encoding {
            Encoding::None => Ok(()),
            Encoding::Form => self.read_form(&body),
            Encoding::Json => self.read_json(&body),
            Encoding::Multipart(boundary) => self.read_multipart(boundary, body.into_owned()).await,
        }
    }

    fn put(&mut self, name: String, value: Value) -> Result<(), Error> {
        if name.contains('[') {
            return Err(
                Error::new("invalid_array_arg").because(format!("argument is given as an array: {name}"))
            );
        }
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if NAME_CHARS_MAX < name.len() || name.is_empty() || !name.bytes().all(known) {
            return Err(Error::new("invalid_arg_name").because("argument names are letters, digits and _"));
        }
        if ARGUMENTS_MAX <= self.given.len() {
            return Err(Error::arguments(format!("a call has at most {ARGUMENTS_MAX} arguments")));
        }
        self.given.push((name, value));
        Ok(())
    }

    fn read_form(&mut self, body: &[u8]) -> Result<(), Error> {
        let undecodable = || Error::new("invalid_form_data").because("the form is not UTF-8");
        for part in body.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            let mut halves = part.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default()).ok_or_else(undecodable)?;
            let value = decoded(halves.next().unwrap_or_default()).ok_or_else(undecodable)?;
            if name == "token" {
                self.token = Some(value);
            } else {
                self.put(name, Value::Text(value))?;
            }
        }
        Ok(())
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), Error> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let unreadable = |error| Error::new("invalid_json").because(format!("the body is not JSON: {error}"));
        let members: Members =
            serde_json::from_slice(body).map_err(|error| {
                match serde_json::from_slice::<&RawValue>(body) {
                    Ok(whole) if !whole.get().starts_with('{') => {
                        Error::new("json_not_object").because("the body is not a JSON object")
                    }
                    _ => unreadable(error),
                }
            })?;
        for (name, value) in members.0 {
            match value.get().as_bytes().first() {
                Some(b'n') => {}
                Some(b'"') => {
                    let text = serde_json::from_str(value.get()).map_err(unreadable)?;
                    self.put(name, Value::Text(text))?;
                }
                _ => self.put(name, Value::Json(value))?,
            }
        }
        Ok(())
    }

    async fn read_multipart(&mut self, boundary: &str, body: Vec<u8>) -> Result<(), Error> {
        let unreadable = |_| Error::new("invalid_form_data").because("the multipart body cannot be read");
        let mut parts = multer::Multipart::new(Body::from(body).into_data_stream(), boundary);
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let Some(name) = part.name().map(str::to_owned) else { continue };
            let bytes = part.bytes().await.map_err(unreadable)?;
            let text = String::from_utf8(bytes.into())
                .map_err(|_| Error::new("invalid_form_data").because(format!("{name} is not UTF-8")))?;
            if name == "token" {
                self.token = Some(text);
            } else {
                self.put(name, Value::Text(text))?;
            }
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// Whether the argument was given at all.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A text; numbers and other JSON are taken as they are written.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Json(json) => Some(json.get()),
        }
    }

    /// A text that is not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// A text that has to be there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.filled(name).ok_or_else(|| Error::missing(name))
    }

    /// A yes or no: `true`, `false`, `1` or `0`. Anything else that is not empty is an error.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some("true" | "1" | "True") => Ok(Some(true)),
            Some("false" | "0" | "False") => Ok(Some(false)),
            Some(_) => Err(Error::arguments(format!("{name} must be a boolean"))),
        }
    }

    /// A whole number, as number or digits.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some(text) => {
                let number =
                    text.trim().parse().map_err(|_| Error::arguments(format!("{name} must be a number")))?;
                Ok(Some(number))
            }
        }
    }

    /// A list of ids: a JSON array of texts, or a text with commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Json(json)) => serde_json::from_str(json.get()).unwrap_or_default(),
            Some(Value::Text(text)) => serde_json::from_str(text).unwrap_or_else(|_| {
                text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
            }),
            None => Vec::new(),
        }
    }

    /// Everything, in the order given, for `api.test` and for digests.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(name, value)| match value {
            Value::Text(text) => (name.as_str(), text.as_str()),
            Value::Json(json) => (name.as_str(), json.get()),
        })
    }
}

/// A JSON object's members with their values untouched.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn decoded(part: &[u8]) -> Option<String> {
    if !part.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(part).ok().map(str::to_owned);
    }
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    String::from_utf8(bytes).ok()
}

fn untyped() -> Error {
    Error::new("missing_post_type").because("the body has no Content-Type")
}

fn charset(content_type: Option<&str>) -> Option<&str> {
    let parameters = content_type?.split(';').skip(1);
    let value =
        parameters.filter_map(|parameter| parameter.trim().split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        })?;
    ["utf-8", "iso-8859-1"].into_iter().find(|known| value.eq_ignore_ascii_case(known)).or(Some("?"))
}

fn encoding(
    content_type: Option<&str>,
    body: &[u8],
    warnings: &mut Vec<&'static str>,
) -> Result<Encoding, Error> {
    let Some(content_type) = content_type else {
        return if body.is_empty() { Ok(Encoding::None) } else { Err(untyped()) };
    };
    let charset = charset(Some(content_type));
    if charset == Some("?") {
        return Err(Error::new("invalid_charset").because("the charset must be utf-8 or iso-8859-1"));
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => {
            if charset.is_none() && !body.is_empty() {
                warnings.push("missing_charset");
            }
            Ok(Encoding::Json)
        }
        "application/x-www-form-urlencoded" | "text/plain" => {
            if charset.is_some() {
                warnings.push("superfluous_charset");
            }
            Ok(Encoding::Form)
        }
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(content_type)
                .map_err(|_| Error::new("invalid_form_data").because("the multipart boundary is missing"))?;
            Ok(Encoding::Multipart(boundary))
        }
        "" if body.is_empty() => Ok(Encoding::None),
        _ => Err(Error::new("invalid_post_type").because(format!("{kind} is not a type that the API reads"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 1001st is too many, wherever it comes from.
    #[tokio::test]
    async fn a_call_has_so_many_arguments() {
        let form = |from: usize, to: usize| -> String { (from..to).map(|n| format!("a{n}=1&")).collect() };
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded".parse().unwrap(),
        )]);
        for (in_body, in_query, taken) in [(1000, 0, true), (1001, 0, false), (999, 1, true), (999, 2, false)]
        {
            let query = form(in_body, in_body + in_query);
            let read = Args::read(Some(&query), &headers, form(0, in_body).as_bytes()).await;
            assert_eq!(read.is_ok(), taken, "{in_body} and {in_query}");
        }
        // What both name counts once.
        assert!(Args::read(Some(&form(0, 1000)), &headers, form(0, 1000).as_bytes()).await.is_ok());
    }
}
