//! Answers of the control API: JSON with a status, and errors with a code and a sentence.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use redraft_model::time::Ts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A refusal: status, code, and a sentence.
#[derive(Debug)]
pub(super) struct Error(pub StatusCode, pub &'static str, pub String);

/// What a call comes to.
pub(super) type Answer = Result<(StatusCode, Value), Error>;

impl Error {
    pub fn not_found(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// What was made could not be written as JSON.
    pub fn unwritten(failed: &serde_json::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "failed", format!("it is done, but not written: {failed}"))
    }

    pub fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", why.into())
    }

    pub fn shown(self) -> (StatusCode, Value) {
        (self.0, json!({ "error": { "code": self.1, "message": self.2 } }))
    }
}

pub(super) fn ok(value: Value) -> Answer {
    Ok((StatusCode::OK, value))
}

pub(super) fn created(value: Value) -> Answer {
    Ok((StatusCode::CREATED, value))
}

/// Shows what a command made or changed. The command has succeeded, so a thing that was deleted since is shown as an empty object.
pub(super) fn done(shown: Option<Value>) -> Value {
    shown.unwrap_or_else(|| json!({}))
}

pub(super) fn written(status: StatusCode, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Tells a member that is null from one that is not there.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|failed| Error::bad(format!("the body cannot be read: {failed}")))
}

/// The id of a message, in either spelling.
pub(super) fn time(given: &str) -> Result<Ts, Error> {
    let ts = Ts::from_dotted(given).or_else(|| Ts::from_digits(given));
    ts.ok_or_else(|| Error::bad(format!("{given} is not a message's id")))
}
