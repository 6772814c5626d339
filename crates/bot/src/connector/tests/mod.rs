//! The Connector's client, tokens and adapter, against answers given by hand, so that time can stand still.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

mod client;
mod receive;
mod token;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::token::Tokens;
use super::trust::TrustedServices;
use super::{Anonymous, Cloud, ConnectorClient, TokenProvider};
use crate::http::{Answer, HttpClient};

/// A request as the network would see it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The other side: gives its prepared answers in order, then `201 {"id": "1"}` for ever.
#[derive(Clone, Default)]
struct Service {
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

fn reply(status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn reply_after(status: u16, seconds: u64) -> Answer {
    let mut answer = reply(status, r#"{"error":{"code":"Throttled","message":"Too many requests."}}"#);
    answer.headers.insert("retry-after", HeaderValue::from(seconds));
    answer
}

impl Service {
    fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    fn http(&self) -> HttpClient {
        let service = self.clone();
        HttpClient::fake(move |request| {
            let headers = request.headers().iter();
            let seen = Seen {
                method: request.method().to_string(),
                url: request.url().to_string(),
                headers: headers
                    .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()))
                    .collect(),
                body: request
                    .body()
                    .and_then(|body| body.as_bytes())
                    .map(|body| String::from_utf8_lossy(body).into_owned())
                    .unwrap_or_default(),
            };
            service.seen.lock().unwrap().push(seen);
            let answer = service.answers.lock().unwrap().pop_front();
            async move { Ok(answer.unwrap_or_else(|| reply(201, r#"{"id":"1"}"#))) }
        })
    }

    fn client(&self) -> ConnectorClient {
        self.client_with(Anonymous, Cloud::public())
    }

    fn client_with(&self, provider: impl TokenProvider, cloud: Cloud) -> ConnectorClient {
        let stores_keys = cloud.stores_keys;
        let trusted = TrustedServices::new(&cloud, &["https://smba.example".to_owned()]);
        let tokens = Tokens::new(Arc::new(provider), cloud, self.http());
        ConnectorClient::new(self.http(), tokens, trusted, stores_keys)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

const HOUR: Duration = Duration::from_secs(3600);
