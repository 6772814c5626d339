//! The envelope: what is around every answer of the Web API, accepted or refused.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use redraft_wire::slack::json::push_string;
use serde_json::value::RawValue;

/// An accepted call's answer.
pub(super) struct Reply {
    /// The answer so far, as JSON text without its end.
    body: String,
    /// Warning codes.
    pub warnings: Vec<&'static str>,
    /// Sentences for people.
    pub messages: Vec<String>,
    /// The cursor of the next page; empty on the last one.
    pub next_cursor: Option<String>,
    /// The revision of the message that the answer is about.
    pub revision: Option<u32>,
}

impl Reply {
    /// An answer without members of its own.
    pub fn new() -> Self {
        let mut body = String::with_capacity(1024);
        body.push_str("{\"ok\":true");
        Self { body, warnings: Vec::new(), messages: Vec::new(), next_cursor: None, revision: None }
    }

    /// One more member, whose JSON text `write` appends.
    pub fn written(mut self, name: &str, write: impl FnOnce(&mut String)) -> Self {
        self.body.push_str(",\"");
        self.body.push_str(name);
        self.body.push_str("\":");
        write(&mut self.body);
        self
    }

    /// One more member, given as JSON text.
    pub fn raw(self, name: &str, json: &str) -> Self {
        self.written(name, |body| body.push_str(json))
    }

    /// One more member.
    pub fn with(self, name: &str, value: &(impl serde::Serialize + ?Sized)) -> Self {
        let json = serde_json::to_string(value).unwrap_or_else(|_| "null".into());
        self.raw(name, &json)
    }

    /// One more member that is a text.
    pub fn text(self, name: &str, text: &str) -> Self {
        self.written(name, |body| push_string(body, text))
    }
}

/// A refused call's answer.
#[derive(Debug)]
pub(super) struct Error {
    /// The platform's code.
    pub code: Cow<'static, str>,
    /// Further members beside it.
    members: Vec<(&'static str, Box<RawValue>)>,
    /// Sentences for people, without their `[ERROR]`.
    pub reasons: Vec<String>,
    warnings: Vec<&'static str>,
    /// The revision that a compare-and-set met.
    revision: Option<u32>,
    /// 429 or 503 where the platform does not answer 200, with seconds to wait.
    status: Option<(StatusCode, u32)>,
}

impl Error {
    pub fn new(code: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: code.into(),
            members: Vec::new(),
            reasons: Vec::new(),
            warnings: Vec::new(),
            revision: None,
            status: None,
        }
    }

    /// `invalid_arguments`, with the reason.
    pub fn arguments(reason: impl Into<String>) -> Self {
        Self::new("invalid_arguments").because(reason)
    }

    /// A required argument that was not given.
    pub fn missing(name: &str) -> Self {
        Self::arguments(format!("missing required field: {name}"))
    }

    /// One more sentence that says why.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// One more member.
    pub fn with(mut self, name: &'static str, value: &impl serde::Serialize) -> Self {
        if let Ok(json) = serde_json::value::to_raw_value(value) {
            self.members.push((name, json));
        }
        self
    }

    /// The revision that a compare-and-set met.
    pub fn at_revision(mut self, revision: u32) -> Self {
        self.revision = Some(revision);
        self
    }

    /// A status other than 200, and how many seconds to wait.
    pub fn with_status(mut self, status: StatusCode, seconds: u32) -> Self {
        self.status = Some((status, seconds));
        self
    }

    /// Warnings stand beside errors as well.
    pub fn warned(mut self, warnings: &[&'static str]) -> Self {
        self.warnings.extend(warnings);
        self
    }
}

/// Headers of an answer, so that their table is made once.
const HEADERS: usize = 16;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-slack-req-id");
const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");
const ACCEPTED_SCOPES: HeaderName = HeaderName::from_static("x-accepted-oauth-scopes");

/// Headers and ids that surround one answer.
pub(super) struct Envelope<'a> {
    pub request_id: String,
    /// What the token may do.
    pub scopes: Option<&'a [String]>,
    /// What would allow the call.
    pub accepted: Option<String>,
}

/// Writes the answer.
pub(super) fn write(
    answer: Result<Reply, Error>,
    envelope: &Envelope,
    warnings: &[&'static str],
) -> Response<Body> {
    let (body, revision, status) = match answer {
        Ok(reply) => {
            let revision = reply.revision;
            (accepted(reply, warnings), revision, None)
        }
        Err(error) => {
            let body = refused(&error);
            (body, error.revision, error.status)
        }
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache, no-store, must-revalidate"),
    );
    headers.insert(header::EXPIRES, HeaderValue::from_static("Mon, 26 Jul 1997 05:00:00 GMT"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let exposed = HeaderValue::from_static("x-slack-req-id, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(REQUEST_ID, &envelope.request_id);
    if let Some(scopes) = envelope.scopes {
        put(SCOPES, &scopes.join(","));
    }
    if let Some(accepted) = &envelope.accepted {
        put(ACCEPTED_SCOPES, accepted);
    }
    if let Some(revision) = revision {
        put(header::ETAG, &format!("\"{revision}\""));
    }
    if let Some((status, seconds)) = status {
        put(header::RETRY_AFTER, &seconds.to_string());
        *response.status_mut() = status;
    }
    response
}

fn accepted(reply: Reply, encoding: &[&'static str]) -> String {
    let mut body = reply.body;
    let warnings: Vec<&str> = encoding.iter().chain(&reply.warnings).copied().collect();
    let messages: Vec<String> = reply.messages.iter().map(|message| format!("[WARN] {message}")).collect();
    metadata(&mut body, reply.next_cursor.as_deref(), &warnings, messages);
    body.push('}');
    body
}

fn refused(error: &Error) -> String {
    let mut body = String::from("{\"ok\":false,\"error\":");
    push_string(&mut body, &error.code);
    for (name, json) in &error.members {
        body.push_str(&format!(",\"{name}\":{}", json.get()));
    }
    let messages = error.reasons.iter().map(|reason| format!("[ERROR] {reason}")).collect();
    metadata(&mut body, None, &error.warnings, messages);
    body.push('}');
    body
}

/// `warning` and `response_metadata`, which pagination, warnings and reasons share.
fn metadata(body: &mut String, cursor: Option<&str>, warnings: &[&str], mut messages: Vec<String>) {
    if warnings.contains(&"missing_charset") {
        messages.push(
            "[WARN] A Content-Type HTTP header was presented but did not declare a charset, such as a 'utf-8'".into(),
        );
    }
    if cursor.is_none() && warnings.is_empty() && messages.is_empty() {
        return;
    }
    let mut members = Vec::new();
    if let Some(cursor) = cursor {
        members.push(format!("\"next_cursor\":{}", json(cursor)));
    }
    if !warnings.is_empty() {
        body.push_str(&format!(",\"warning\":{}", json(&warnings.join(","))));
        members.push(format!("\"warnings\":{}", json(warnings)));
    }
    if !messages.is_empty() {
        members.push(format!("\"messages\":{}", json(&messages)));
    }
    body.push_str(&format!(",\"response_metadata\":{{{}}}", members.join(",")));
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}
