//! Verification of the token that a call to the bot brings.
//!
//! Source: <https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication>

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method, StatusCode};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;
use tokio::time::Instant;

use super::client::tenant_of;
use super::cloud::Cloud;
use crate::activity::Activity;
use crate::error::{Error, Repeat};
use crate::http::HttpClient;

/// For how long fetched keys are fresh, in milliseconds: a day. A new key is published that long before its use.
pub const KEYS_FRESH_MS: u64 = 86_400_000;
/// How long the bot does not fetch the keys again for a key id that they did not hold, in milliseconds.
pub const KEYS_PAUSE_MS: u64 = 10_000;
/// How many times the keys are fetched within [`KEYS_PAUSE_MS`]: the first time, and for other key ids that are not among them.
/// A key that is used at once after it was published is found, and whoever invents key ids causes no more fetches than this.
pub const KEYS_FETCHES_MAX: usize = 5;
/// How long a call waits for fresh keys while there are old ones, in milliseconds.
const KEYS_WAIT_MS_MAX: u64 = 5_000;
/// The most keys that are read. The public cloud has about a dozen.
const KEYS_MAX: usize = 100;
/// The longest token that is read, in bytes. Real ones have about a thousand.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// How far two clocks may be apart, in seconds; as the official SDKs have it.
const SKEW_SECONDS: i64 = 300;

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Untrusted {
    pub(super) status: StatusCode,
    pub(super) words: &'static str,
}

const fn unauthorized(words: &'static str) -> Untrusted {
    Untrusted { status: StatusCode::UNAUTHORIZED, words }
}

/// Checks the tokens of calls to one bot.
#[derive(Debug)]
pub(super) struct Verifier {
    issuer: String,
    audiences: Vec<String>,
    tenants: Option<Vec<String>>,
    keys: Keys,
}

/// A token whose signature, issuer, audience and time are right. What it says of the activity is still to be seen.
#[derive(Debug)]
pub(super) struct Caller {
    service_url: String,
    endorsements: Vec<String>,
}

impl Verifier {
    pub(super) fn new(
        http: HttpClient,
        cloud: &Cloud,
        audiences: Vec<String>,
        tenants: Option<Vec<String>>,
    ) -> Self {
        let keys = Keys {
            http,
            address: cloud.openid_metadata.clone(),
            kept: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        };
        Self { issuer: cloud.issuer.clone(), audiences, tenants, keys }
    }

    /// Checks what a token says by itself, at this time in seconds since 1970.
    pub(super) async fn verify(
        &self,
        authorization: Option<&HeaderValue>,
        now_seconds: u64,
    ) -> Result<Caller, Untrusted> {
        let header = authorization.ok_or(unauthorized("A token is missing."))?;
        let header = header.to_str().map_err(|_| unauthorized("The token is malformed."))?;
        let (scheme, token) = header.split_once(' ').ok_or(unauthorized("A bearer token is missing."))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(unauthorized("A bearer token is missing."));
        }
        let token = Token::read(token.trim())?;
        let key = self.keys.get(&token.key_id).await?;
        let components = RsaPublicKeyComponents { n: &key.n, e: &key.e };
        components
            .verify(&RSA_PKCS1_2048_8192_SHA256, token.signed.as_bytes(), &token.signature)
            .map_err(|_| unauthorized("The token's signature is not the channel's."))?;
        let service_url = self.check(&token.claims, now_seconds)?;
        Ok(Caller { service_url, endorsements: key.endorsements.clone() })
    }

    fn check(&self, claims: &Value, now_seconds: u64) -> Result<String, Untrusted> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(self.issuer.as_str()) {
            return Err(unauthorized("The token's issuer is not the channel's."));
        }
        let audience = text("aud").unwrap_or_default();
        if !self.audiences.iter().any(|ours| ours == audience) {
            return Err(unauthorized("The token is for another bot."));
        }
        // Such a token is another app's that calls the bot as its skill, or the emulator's.
        if text("appid").or(text("azp")).is_some_and(|app| app != audience) {
            return Err(unauthorized("The token is another app's."));
        }
        let now = i64::try_from(now_seconds).unwrap_or(i64::MAX);
        let expires = seconds(claims, "exp").ok_or(unauthorized("The token has no end."))?;
        if expires.saturating_add(SKEW_SECONDS) < now {
            return Err(unauthorized("The token has expired."));
        }
        if seconds(claims, "nbf").is_some_and(|begins| begins.saturating_sub(SKEW_SECONDS) > now) {
            return Err(unauthorized("The token is not valid yet."));
        }
        text("serviceurl").map(str::to_owned).ok_or(unauthorized("The token names no service URL."))
    }

    /// Checks what a token says of the activity that came with it.
    pub(super) fn bind(&self, caller: &Caller, activity: &Activity) -> Result<(), Untrusted> {
        let channel_id = activity.channel_id.as_deref().unwrap_or_default();
        let endorsements = &caller.endorsements;
        if !endorsements.is_empty() && !endorsements.iter().any(|channel| channel == channel_id) {
            return Err(unauthorized("The token's key does not speak for this channel."));
        }
        let named = activity.service_url.as_deref().unwrap_or_default();
        if same_service(named) != same_service(&caller.service_url) {
            return Err(unauthorized("The activity's service URL is not the token's."));
        }
        let tenant = tenant_of(activity);
        if self.tenants.as_ref().is_some_and(|allowed| !allowed.iter().any(|allowed| allowed == tenant)) {
            return Err(Untrusted {
                status: StatusCode::FORBIDDEN,
                words: "The bot does not serve this tenant.",
            });
        }
        Ok(())
    }
}

/// A time in seconds since 1970, which may come with a fraction.
fn seconds(claims: &Value, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// A service URL as it is compared: a slash at the end and the host's case don't matter.
fn same_service(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    format!("{}://{}{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), path.trim_end_matches('/'))
}

/// A token taken apart. Nothing of it is true yet.
struct Token<'a> {
    key_id: String,
    signed: &'a str,
    signature: Vec<u8>,
    claims: Value,
}

impl<'a> Token<'a> {
    fn read(token: &'a str) -> Result<Self, Untrusted> {
        const BROKEN: Untrusted = unauthorized("The token is malformed.");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(unauthorized("The token is too long."));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(BROKEN)?;
        let (header, claims) = signed.split_once('.').ok_or(BROKEN)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| BROKEN);
        let object = |part: &str| {
            let value = serde_json::from_slice(&bytes(part)?).ok();
            value.filter(Value::is_object).ok_or(BROKEN)
        };
        let header = object(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if text("alg") != Some("RS256") {
            return Err(unauthorized("The token is signed in a way that the channel does not use."));
        }
        // An extension that must be understood, and none is.
        if header.get("crit").is_some() {
            return Err(unauthorized("The token is signed in a way that the channel does not use."));
        }
        let key_id = text("kid").ok_or(unauthorized("The token names no key."))?.to_owned();
        Ok(Self { key_id, signed, signature: bytes(signature)?, claims: object(claims)? })
    }
}

/// One of the channel's public keys.
#[derive(Debug, PartialEq)]
struct Key {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
    endorsements: Vec<String>,
}

/// The channel's keys, as they were published.
#[derive(Debug)]
struct Keys {
    http: HttpClient,
    address: String,
    kept: Mutex<Arc<KeySet>>,
    /// Held by whoever asks for them.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct KeySet {
    keys: Vec<Arc<Key>>,
    fetched: Option<Instant>,
    /// The fetches of the last [`KEYS_PAUSE_MS`], and the key id that each was for. At most [`KEYS_FETCHES_MAX`].
    recent: Vec<(Instant, String)>,
}

impl KeySet {
    fn find(&self, key_id: &str) -> Option<Arc<Key>> {
        self.keys.iter().find(|key| key.id == key_id).cloned()
    }

    fn is_fresh(&self) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < Duration::from_millis(KEYS_FRESH_MS))
    }

    fn recent(&self) -> impl Iterator<Item = &(Instant, String)> {
        let pause = Duration::from_millis(KEYS_PAUSE_MS);
        self.recent.iter().filter(move |(at, _)| at.elapsed() < pause)
    }

    /// Whether the keys may be fetched for this key id now. A known one can wait for longer than an unknown one.
    fn may_fetch_for(&self, key_id: &str) -> bool {
        let fetches = self.recent().count();
        let again = self.find(key_id).is_some() || self.recent().any(|(_, other)| other == key_id);
        fetches == 0 || !again && fetches < KEYS_FETCHES_MAX
    }
}

impl Keys {
    /// The key with this id. It is asked for if it is unknown, or if the keys are old.
    async fn get(&self, key_id: &str) -> Result<Arc<Key>, Untrusted> {
        let kept = self.kept();
        let known = kept.find(key_id);
        if let Some(key) = known.clone().filter(|_| kept.is_fresh() || !kept.may_fetch_for(key_id)) {
            return Ok(key);
        }
        if let Some(old) = known {
            // Good enough, if newer ones don't come soon.
            let wait = Duration::from_millis(KEYS_WAIT_MS_MAX);
            let asked = tokio::time::timeout(wait, self.ask_unless_known(key_id)).await;
            return Ok(asked.ok().and_then(Result::ok).flatten().unwrap_or(old));
        }
        match self.ask_unless_known(key_id).await {
            Ok(Some(key)) => Ok(key),
            Ok(None) if self.kept().fetched.is_none() => Err(NO_KEYS),
            Ok(None) => Err(unauthorized("The token's key is not the channel's.")),
            Err(error) => {
                tracing::warn!(%error, "the channel's keys could not be read");
                Err(NO_KEYS)
            }
        }
    }

    async fn ask_unless_known(&self, key_id: &str) -> Result<Option<Arc<Key>>, Error> {
        let _asking = self.asking.lock().await;
        let kept = self.kept();
        // Somebody may have fetched them meanwhile.
        if !kept.may_fetch_for(key_id) || (kept.is_fresh() && kept.find(key_id).is_some()) {
            return Ok(kept.find(key_id));
        }
        let recent: Vec<_> = kept.recent().cloned().chain([(Instant::now(), key_id.to_owned())]).collect();
        self.keep(KeySet { recent: recent.clone(), ..(*kept).clone() });
        let keys = self.ask().await?;
        self.keep(KeySet { keys, fetched: Some(Instant::now()), recent });
        Ok(self.kept().find(key_id))
    }

    async fn ask(&self) -> Result<Vec<Arc<Key>>, Error> {
        let metadata = self.document(&self.address).await?;
        let address = metadata.get("jwks_uri").and_then(Value::as_str);
        let broken = |reason: &str| Error::Unanswered {
            method: "the channel's keys".to_owned(),
            reason: reason.to_owned(),
            repeat: Repeat::Safe,
        };
        let address = address.ok_or_else(|| broken("the metadata name no address of keys"))?;
        let document = self.document(address).await?;
        let entries = document.get("keys").and_then(Value::as_array);
        let keys: Vec<Arc<Key>> =
            entries.into_iter().flatten().take(KEYS_MAX).filter_map(key).map(Arc::new).collect();
        if keys.is_empty() { Err(broken("there is no key")) } else { Ok(keys) }
    }

    async fn document(&self, address: &str) -> Result<Value, Error> {
        let name = "the channel's keys";
        let request = self.http.request(Method::GET, address);
        let answer = self.http.call(name, Repeat::Safe, request).await?;
        if !answer.status.is_success() {
            return Err(super::client::refused(name, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| Error::Unanswered {
            method: name.to_owned(),
            reason: error.to_string(),
            repeat: Repeat::Safe,
        })
    }

    fn kept(&self) -> Arc<KeySet> {
        Arc::clone(&self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, set: KeySet) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }
}

const NO_KEYS: Untrusted =
    Untrusted { status: StatusCode::SERVICE_UNAVAILABLE, words: "The channel's keys can't be had now." };

/// One entry of a JWKS; `None` if it is no key that the channel signs with.
fn key(entry: &Value) -> Option<Key> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok()?;
        let leading = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(leading..).map(<[u8]>::to_vec)
    };
    if text("kty") != Some("RSA") || text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let endorsements = entry.get("endorsements").and_then(Value::as_array);
    let endorsements = endorsements.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Some(Key {
        id: text("kid")?.to_owned(),
        n: bytes("n")?,
        e: bytes("e")?,
        endorsements: endorsements.collect(),
    })
}
