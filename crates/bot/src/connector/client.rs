//! Calls to the Connector's REST API.

use std::fmt::Write as _;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use super::token::Tokens;
use super::trust::TrustedServices;
use crate::activity::{
    Activity, ChannelAccount, ConversationAccount, ConversationParameters, ConversationReference,
    ResourceResponse,
};
use crate::adapter::BoxFuture;
use crate::error::{Error, Refusal, Repeat};
use crate::http::{Answer, HttpClient};

/// The most repetitions of a call that the service asked to repeat later.
pub const RETRIES_MAX: u32 = 4;
/// The longest time that a call waits between all its attempts, in milliseconds. If the service asks for more, the caller gets
/// the error with the time to wait.
pub const RETRY_MS_TOTAL_MAX: u64 = 30_000;
/// How long the first pause is where the service says nothing, in milliseconds. It doubles.
const RETRY_MS_FIRST: u64 = 1000;
/// The longest idempotency key, in bytes. Redraft looks at no more.
const KEY_BYTES_MAX: usize = 255;
/// How many pages of members are read. A page has 500, and Teams' largest teams 25 000.
const PAGES_MAX: usize = 100;
/// The most characters of a body that is no JSON that an error quotes.
const WORDS_CHARS_MAX: usize = 500;

/// What stays as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The Connector's REST API. Cheap to clone; the clones share connections and tokens.
///
/// The methods are the operations that bots use most; [`call`](Self::call) reaches all the others, with the same tokens, tries
/// and errors. If a call is dropped before its end, the service may or may not have received it.
#[derive(Clone, Debug)]
pub struct ConnectorClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: HttpClient,
    tokens: Tokens,
    trusted: TrustedServices,
    stores_keys: bool,
}

/// A call, which is made when it is awaited.
#[derive(Debug)]
#[must_use = "a call is made when it is awaited"]
pub struct ConnectorCall {
    client: ConnectorClient,
    method: Method,
    /// Or why there is none.
    url: Result<String, Error>,
    /// Verb and path, for errors.
    name: String,
    json: Option<Bytes>,
    tenant: String,
    key: Option<String>,
}

/// The answer to a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectorAnswer {
    /// The status, 200 to 299.
    pub status: u16,
    /// The body as it came. Many answers have none.
    pub body: Bytes,
}

impl ConnectorAnswer {
    /// The body as JSON; null if there is none, or if it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl ConnectorClient {
    pub(crate) fn new(http: HttpClient, tokens: Tokens, trusted: TrustedServices, stores_keys: bool) -> Self {
        Self { inner: Arc::new(Inner { http, tokens, trusted, stores_keys }) }
    }

    /// Sends tokens to the service that a verified activity names.
    pub(super) fn trust(&self, service_url: &str) {
        self.inner.trusted.trust(service_url);
    }

    /// Any operation of the API, by its path below the service URL. The segments are given as they are, and escaped here. The
    /// token goes only to the cloud's services, to those of verified activities and to those that the settings name.
    ///
    /// ```no_run
    /// # use redraft_bot::{ConnectorClient, Error};
    /// # async fn heart(client: ConnectorClient, service_url: &str, conversation: &str, id: &str) -> Result<(), Error> {
    /// let path = ["v3", "conversations", conversation, "activities", id, "reactions", "heart"];
    /// client.call(service_url, http::Method::PUT, &path).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Awaiting it: see [`Error`].
    pub fn call(&self, service_url: &str, method: Method, path: &[&str]) -> ConnectorCall {
        let mut tail = String::new();
        for segment in path {
            // Writing to a string does not fail.
            let _ = write!(tail, "/{}", utf8_percent_encode(segment, SEGMENT));
        }
        // What the way there would take for "here" and "up".
        let lost = path.iter().any(|segment| matches!(*segment, "" | "." | ".."));
        let service = service_url.trim_end_matches('/');
        let url = if lost {
            Err(Error::Misconfigured(format!(
                "{method} {tail} can't be called: an id in its path is empty or consists of dots."
            )))
        } else if service.starts_with("https://") || service.starts_with("http://") {
            Ok(format!("{service}{tail}"))
        } else {
            Err(Error::Misconfigured(format!("{service_url:?} is no service URL: it starts with https://.")))
        };
        let name = format!("{method} {tail}");
        let client = self.clone();
        ConnectorCall { client, method, url, name, json: None, tenant: String::new(), key: None }
    }

    /// Sends an activity to the conversation that it names, as a reply if it has a `reply_to_id`.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Unanswered`] the message may exist.
    pub async fn send(&self, activity: &Activity) -> Result<ResourceResponse, Error> {
        self.sending(activity)?.await.map(|answer| resource(&answer))
    }

    /// As [`send`](Self::send), with an idempotency key, under which Redraft posts once. Other services ignore it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_once(&self, activity: &Activity, key: &str) -> Result<ResourceResponse, Error> {
        self.sending(activity)?.idempotency_key(key).await.map(|answer| resource(&answer))
    }

    fn sending(&self, activity: &Activity) -> Result<ConnectorCall, Error> {
        let (service_url, conversation) = place(&activity.service_url, &activity.conversation)?;
        let mut path = vec!["v3", "conversations", conversation, "activities"];
        path.extend(activity.reply_to_id.as_deref().filter(|id| !id.is_empty()));
        let call = self.call(service_url, Method::POST, &path).json(activity);
        Ok(call.tenant(tenant_of(activity)).targeted(activity.is_targeted()))
    }

    /// Replaces the message that `activity.id` names.
    ///
    /// # Errors
    /// See [`Error`]. Repeating the call is safe.
    pub async fn update(&self, activity: &Activity) -> Result<ResourceResponse, Error> {
        let (service_url, conversation) = place(&activity.service_url, &activity.conversation)?;
        let id = id_of(activity.id.as_deref())?;
        // An update moves nothing, and whom a message is for never changes: Teams refuses a body that names them.
        let mut body = activity.clone();
        body.reply_to_id = None;
        if activity.is_targeted() {
            body.recipient = None;
        }
        let path = ["v3", "conversations", conversation, "activities", id];
        let call = self.call(service_url, Method::PUT, &path).json(&body).tenant(tenant_of(activity));
        let response = resource(&call.targeted(activity.is_targeted()).await?);
        Ok(if response.id.is_some() { response } else { ResourceResponse::new(id) })
    }

    /// Deletes the message that `reference.activity_id` names. Of a targeted message, `reference.user` says `is_targeted`.
    ///
    /// # Errors
    /// See [`Error`]. A second deletion is refused, see [`Error::is_message_not_found`].
    pub async fn delete(&self, reference: &ConversationReference) -> Result<(), Error> {
        let (service_url, conversation) = place(&reference.service_url, &reference.conversation)?;
        let path =
            ["v3", "conversations", conversation, "activities", id_of(reference.activity_id.as_deref())?];
        let targeted = reference.user.as_ref().is_some_and(|user| user.is_targeted == Some(true));
        let call = self.call(service_url, Method::DELETE, &path).tenant(tenant_in(&reference.conversation));
        call.targeted(targeted).await.map(|_| ())
    }

    /// Opens a conversation and returns its reference, with the id of its first message if the service names it.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Unanswered`] a thread may exist.
    pub async fn create_conversation(
        &self,
        service_url: &str,
        parameters: &ConversationParameters,
    ) -> Result<ConversationReference, Error> {
        let tenant = parameters.tenant_id.as_deref().unwrap_or_default();
        let call = self.call(service_url, Method::POST, &["v3", "conversations"]).json(parameters);
        let name = call.name.clone();
        let answer = call.tenant(tenant).await?.json();
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = text("id") else {
            let reason = "the answer names no conversation".to_owned();
            return Err(Error::Unanswered { method: name, reason, repeat: Repeat::MayDuplicate });
        };
        let conversation = ConversationAccount {
            is_group: parameters.is_group,
            conversation_type: match parameters.is_group {
                Some(true) => Some("channel".to_owned()),
                Some(false) => Some("personal".to_owned()),
                None => None,
            },
            tenant_id: parameters.tenant_id.clone(),
            ..ConversationAccount::new(id)
        };
        Ok(ConversationReference {
            activity_id: text("activityId"),
            user: parameters.members.first().cloned(),
            bot: parameters.bot.clone(),
            conversation: Some(conversation),
            service_url: text("serviceUrl").or(Some(service_url.to_owned())),
            ..ConversationReference::default()
        })
    }

    /// The members of a conversation. All pages are read.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn members(&self, reference: &ConversationReference) -> Result<Vec<ChannelAccount>, Error> {
        let (service_url, conversation) = place(&reference.service_url, &reference.conversation)?;
        let path = ["v3", "conversations", conversation, "pagedmembers"];
        let mut members = Vec::new();
        let mut from: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut call = self.call(service_url, Method::GET, &path);
            if let Some(from) = &from {
                call = call.query("continuationToken", from);
            }
            let page = call.tenant(tenant_in(&reference.conversation)).await?.json();
            let people = page.get("members").and_then(Value::as_array);
            members.extend(people.into_iter().flatten().filter_map(read));
            from = page.get("continuationToken").and_then(Value::as_str).map(str::to_owned);
            if from.as_ref().is_none_or(String::is_empty) {
                break;
            }
        }
        Ok(members)
    }

    /// One member of a conversation, by the id in it or by the one in Microsoft's directory.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn member(
        &self,
        reference: &ConversationReference,
        member_id: &str,
    ) -> Result<ChannelAccount, Error> {
        let (service_url, conversation) = place(&reference.service_url, &reference.conversation)?;
        let path = ["v3", "conversations", conversation, "members", member_id];
        let call = self.call(service_url, Method::GET, &path).tenant(tenant_in(&reference.conversation));
        Ok(read(&call.await?.json()).unwrap_or_default())
    }
}

impl ConnectorCall {
    /// Sets the body.
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.json = Some(json.into()),
            Err(error) => self.url = Err(Error::Misconfigured(format!("{} has no body: {error}", self.name))),
        }
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if let Ok(url) = &mut self.url {
            let (name, value) = (utf8_percent_encode(name, SEGMENT), utf8_percent_encode(value, SEGMENT));
            let mark = if url.contains('?') { '&' } else { '?' };
            // Writing to a string does not fail.
            let _ = write!(url, "{mark}{name}={value}");
        }
        self
    }

    /// Uses the token that the [`TokenProvider`](crate::TokenProvider) gives for this tenant.
    pub fn tenant(mut self, tenant_id: &str) -> Self {
        tenant_id.clone_into(&mut self.tenant);
        self
    }

    /// Sets an idempotency key, of at most 255 bytes: Redraft carries the call out once in 24 hours and repeats its answer.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        let key = utf8_percent_encode(key, percent_encoding::CONTROLS).to_string();
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let words = format!("An idempotency key has 1 to {KEY_BYTES_MAX} bytes.");
            self.url = Err(Error::Misconfigured(words));
        }
        self.key = Some(key);
        self
    }

    fn targeted(self, targeted: bool) -> Self {
        if targeted { self.query("isTargetedActivity", "true") } else { self }
    }

    /// Whether doing it twice is the same as once.
    fn repeat(&self) -> Repeat {
        let same = self.method != Method::POST || (self.key.is_some() && self.client.inner.stores_keys);
        if same { Repeat::Safe } else { Repeat::MayDuplicate }
    }

    async fn make(self) -> Result<ConnectorAnswer, Error> {
        let url = self.url.clone()?;
        let Inner { http, tokens, trusted, .. } = &*self.client.inner;
        let until = Instant::now() + Duration::from_millis(RETRY_MS_TOTAL_MAX);
        let mut renewed = false;
        let mut tries = 0;
        loop {
            let token = tokens.get(&self.tenant).await?;
            if token.is_some() && !trusted.is_trusted(&url) {
                let service_url = super::trust::origin(&url).unwrap_or_default();
                return Err(Error::UntrustedService { service_url });
            }
            let mut request = http.request(self.method.clone(), &url).header(ACCEPT, "application/json");
            if let Some(json) = &self.json {
                request = request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(json.clone());
            }
            if let Some(key) = &self.key {
                request = request.header("idempotency-key", key);
            }
            if let Some(token) = &token {
                request = request.header(http::header::AUTHORIZATION, bearer(token.secret())?);
            }
            let answer = http.call(&self.name, self.repeat(), request).await?;
            if answer.status.is_success() {
                return Ok(ConnectorAnswer { status: answer.status.as_u16(), body: answer.body });
            }
            if let (StatusCode::UNAUTHORIZED, Some(token), false) = (answer.status, token, renewed) {
                // Nothing was done. The service may have other keys by now; one new token shows.
                renewed = true;
                tokens.forget(&self.tenant, &token);
                continue;
            }
            let pause = answer.retry_after().unwrap_or_else(|| pause(tries));
            let waits = tries < RETRIES_MAX && self.asks_again(answer.status);
            let error = refused(&self.name, &answer);
            if !waits || Instant::now() + pause > until {
                return Err(error);
            }
            tries += 1;
            let pause = pause + jitter(pause);
            tracing::debug!(call = %self.name, status = answer.status.as_u16(), ?pause, "asking again later");
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether a call with this answer is made again: if it did nothing, or does the same twice.
    fn asks_again(&self, status: StatusCode) -> bool {
        match status.as_u16() {
            412 | 429 => true,
            502..=504 => self.repeat() == Repeat::Safe,
            _ => false,
        }
    }
}

impl IntoFuture for ConnectorCall {
    type Output = Result<ConnectorAnswer, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

fn pause(tries: u32) -> Duration {
    Duration::from_millis(RETRY_MS_FIRST << tries)
}

/// Up to a quarter more, so that the bots that were refused together don't come back together.
fn jitter(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default() % 1000;
    pause * random / 4000
}

fn bearer(secret: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| {
        Error::Misconfigured(
            "The token provider returned a token with characters that no header can have.".to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the service said that it did not do.
pub(super) fn refused(name: &str, answer: &Answer) -> Error {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").or_else(|| body.get("errorCode").map(Value::to_string));
    let words = || match &body {
        Value::Null => String::from_utf8_lossy(&answer.body).chars().take(WORDS_CHARS_MAX).collect(),
        _ => String::new(),
    };
    let refusal = Refusal {
        method: name.to_owned(),
        status: answer.status.as_u16(),
        code: code.unwrap_or_else(|| answer.status.canonical_reason().unwrap_or("refused").to_owned()),
        message: text("message").unwrap_or_else(words),
        retry_after: answer.retry_after(),
        ..Refusal::default()
    };
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        Error::RateLimited(refusal)
    } else {
        Error::Refused(refusal)
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn resource(answer: &ConnectorAnswer) -> ResourceResponse {
    read(&answer.json()).unwrap_or_default()
}

fn id_of(id: Option<&str>) -> Result<&str, Error> {
    id.ok_or_else(|| Error::Misconfigured("The id of the message is missing. Sending returns it.".to_owned()))
}

/// Where to call, and which conversation.
fn place<'a>(
    service_url: &'a Option<String>,
    conversation: &'a Option<ConversationAccount>,
) -> Result<(&'a str, &'a str), Error> {
    let id = conversation.as_ref().and_then(|conversation| conversation.id.as_deref());
    match (service_url, id) {
        (Some(service_url), Some(id)) => Ok((service_url, id)),
        (None, _) => Err(Error::Misconfigured(
            "The conversation reference has no service URL. Store the whole reference.".to_owned(),
        )),
        (_, None) => Err(Error::Misconfigured(
            "The conversation reference has no conversation. Store the whole reference.".to_owned(),
        )),
    }
}

/// The tenant that an activity comes from or goes to; empty if it says none.
pub(super) fn tenant_of(activity: &Activity) -> &str {
    let named = activity.channel_data.as_ref().and_then(|data| data.pointer("/tenant/id"));
    match tenant_in(&activity.conversation) {
        "" => named.and_then(Value::as_str).unwrap_or_default(),
        tenant => tenant,
    }
}

fn tenant_in(conversation: &Option<ConversationAccount>) -> &str {
    conversation.as_ref().and_then(|conversation| conversation.tenant_id.as_deref()).unwrap_or_default()
}
