//! Answers of the Connector: JSON with a status, errors as `{"error": {"code", "message"}}`.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use redraft_wire::connector::errors::ErrorBody;
use serde::Serialize;

/// An accepted call's answer.
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: String,
    /// The revision of the message that the answer is about.
    pub revision: Option<u32>,
}

impl Reply {
    pub fn new(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_string(body).unwrap_or_else(|_| "{}".into()), revision: None }
    }

    /// The one form of an empty success that satisfies every SDK.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: "{}".into(), revision: None }
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

/// Writes the answer.
pub(super) fn write(answer: Result<Reply, Error>) -> Response<Body> {
    let (status, body, revision) = match &answer {
        Ok(reply) => (reply.status, reply.body.clone(), reply.revision),
        Err(error) => {
            let body = serde_json::to_string(&ErrorBody::new(error.code, &error.message));
            (error.status, body.unwrap_or_else(|_| "{}".into()), error.revision)
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let (name, value) = super::json_type();
    headers.insert(name, value);
    let mut put = |name: header::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    if let Some(revision) = revision {
        put(header::ETAG, format!("\"{revision}\""));
    }
    if let Err(error) = &answer {
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
