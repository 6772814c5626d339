//! The one HTTP client of these tests: form, JSON, GET, and bytes as they are.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;

/// One answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Answer {
    pub fn new(status: u16, headers: BTreeMap<String, String>, body: String) -> Self {
        let json = serde_json::from_str(&body).unwrap_or_default();
        Self { status, headers, body, json }
    }

    /// A header's value, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `ok` or the error code of the Web API.
    pub fn code(&self) -> &str {
        if self.json["ok"] == true { "ok" } else { self.json["error"].as_str().unwrap_or("?") }
    }

    /// `200` or `404 ConversationNotFound`: status and code of the Connector and of the control API.
    pub fn outcome(&self) -> String {
        match self.json["error"]["code"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The sentences for people of the Web API.
    pub fn reasons(&self) -> String {
        let messages = self.json["response_metadata"]["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// A body with its content type; the empty type sends none.
pub type Typed<'a> = (&'a str, &'a [u8]);

thread_local! {
    static AGENT: ureq::Agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build(),
    );
}

/// Sends a request; `None` if the connection failed.
pub fn try_send(verb: &str, url: &str, headers: &[(&str, &str)], body: Typed<'_>) -> Option<Answer> {
    let mut request = Request::builder().method(verb).uri(url);
    if !body.0.is_empty() {
        request = request.header("content-type", body.0);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.1.to_vec()).unwrap();
    let mut response = AGENT.with(|agent| agent.run(request)).ok()?;
    let named = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap_or("?").to_owned())
    };
    let (status, headers) = (response.status().as_u16(), response.headers().iter().map(named).collect());
    let body = response.body_mut().with_config().limit(64 << 20).read_to_string().ok()?;
    Some(Answer::new(status, headers, body))
}

/// Sends a request that has to be answered.
pub fn send(verb: &str, url: &str, headers: &[(&str, &str)], body: Typed<'_>) -> Answer {
    try_send(verb, url, headers, body).unwrap_or_else(|| panic!("{verb} {url} was not answered"))
}

/// A value as a form field: texts as they are, all else as JSON.
pub fn field(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Arguments as a form or a query string.
pub fn form(args: &Value) -> String {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let members = args.as_object().unwrap().iter();
    members
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(&field(value))))
        .collect::<Vec<_>>()
        .join("&")
}

/// Sends these bytes on a connection of their own, and reads the answer until the server closes it.
pub fn raw(url: &str, bytes: &[u8]) -> Answer {
    let answer = exchange(url, bytes, false);
    parse(&answer).unwrap_or_else(|| {
        let sent = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
        panic!("no whole answer to {sent}: {}", String::from_utf8_lossy(&answer))
    })
}

/// Sends these bytes, closes the sending side if `cut`, and gives back everything that the server says until it closes.
pub fn exchange(url: &str, bytes: &[u8], cut: bool) -> Vec<u8> {
    let mut stream = connect(url);
    // A server that has heard enough may close before all was written.
    let _ = stream.write_all(bytes);
    if cut {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A connection to a server.
pub fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// A whole answer with a `Content-Length`, or `None` if something of it is missing.
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(Answer::new(status, headers, String::from_utf8_lossy(body).into_owned()))
}
