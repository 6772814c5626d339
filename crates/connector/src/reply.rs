//! Answers of the Connector: JSON with a status, errors as `{"error": {"code", "message"}}`.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use redraft_model::time::Ts;
use redraft_wire::connector::conversation::ResourceResponse;
use redraft_wire::connector::errors::ErrorBody;
use serde::Serialize;

/// An accepted call's answer.
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Bytes,
    /// What the body is, if not JSON: bytes that somebody handed in.
    pub kind: Option<HeaderValue>,
    /// The revision of the message that the answer is about.
    pub revision: Option<u32>,
}

impl Reply {
    pub fn new(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).map_or_else(|_| "{}".into(), Bytes::from);
        Self { status, body, kind: None, revision: None }
    }

    /// The one form of an empty success that satisfies every SDK.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: "{}".into(), kind: None, revision: None }
    }

    /// An activity's id, and the revision that it is at.
    pub fn of_activity(status: StatusCode, ts: Ts, revision: u32) -> Self {
        let id = ts.digits();
        Self { revision: Some(revision), ..Self::new(status, &ResourceResponse { id: &id }) }
    }
}

/// A refused call's answer.
#[derive(Debug)]
pub(crate) struct Error {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    /// The verbs that the path takes.
    pub allow: Option<&'static str>,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
    /// The revision that a compare-and-set met.
    pub revision: Option<u32>,
}

impl Error {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), allow: None, retry_after: None, revision: None }
    }

    /// A token that is not accepted.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "BotNotRegistered", message)
    }
}

/// `application/json`, for every answer.
pub(crate) fn json_type() -> (header::HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))
}

/// Writes the answer.
pub(super) fn write(answer: Result<Reply, Error>) -> Response<Body> {
    let (reply, error) = match answer {
        Ok(reply) => (reply, None),
        Err(error) => {
            let body = Reply::new(error.status, &ErrorBody::new(error.code, &error.message));
            (Reply { revision: error.revision, ..body }, Some(error))
        }
    };
    let Reply { status, body, kind, revision } = reply;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let (name, value) = json_type();
    headers.insert(name, value);
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, kind);
        // Whatever it is, no browser makes a page of it.
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    let mut put = |name: header::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    if let Some(revision) = revision {
        put(header::ETAG, format!("\"{revision}\""));
    }
    if let Some(error) = &error {
        if status == StatusCode::UNAUTHORIZED {
            put(header::WWW_AUTHENTICATE, "Bearer".into());
        }
        if let Some(allow) = error.allow {
            put(header::ALLOW, allow.into());
        }
        if let Some(seconds) = error.retry_after {
            put(header::RETRY_AFTER, seconds.to_string());
        }
    }
    response
}
