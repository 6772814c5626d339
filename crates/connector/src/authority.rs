//! Tokens of Teams bots, in both directions: signed here, checked here. A signature is checked once per token and process;
//! claims, app, tenant and the key's validity are checked on every call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, Validation};
use redraft_model::workspace::{App as Bot, Workspace};
use redraft_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::keys::Step;
use crate::keys::{Key, Keys};
use redraft_service::mint;

/// How long a token is valid.
pub(super) const TOKEN_SECONDS: u32 = 3599;

/// Tokens whose checked signatures are remembered; there are two generations of so many.
const CHECKED_TOKENS_MAX: usize = 4096;

/// How long a token that calls a bot is valid, in both directions from now.
const CALL_SECONDS: u64 = 3600;
/// Bots' clocks may be behind by as much.
const CALL_SECONDS_BACK: u64 = 300;
/// A token that is valid for less than this is not used any more.
const CALL_SECONDS_MIN: u64 = 600;
/// Tokens for calls to bots that are remembered, one for each bot and address.
const CALL_TOKENS_MAX: usize = 4096;

/// The audience of every token that a bot sends to the Connector.
pub(crate) const AUDIENCE: &str = "https://api.botframework.com";

/// Who signs calls to bots, where a bot's registration says nothing else.
pub const ISSUER: &str = "https://api.botframework.com";

/// The name under which the store keeps the signing keys.
const KEY_NAME: &str = "connector_signing_key";

/// What a bot's token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub appid: String,
    pub tid: String,
    pub ver: String,
    /// The key that signed it.
    #[serde(skip)]
    pub kid: String,
}

/// What a token says that calls a bot. No `ver` and no `appid`: SDKs take a token with these for one of another bot.
#[derive(Serialize)]
struct CallClaims<'a> {
    aud: &'a str,
    iss: &'a str,
    serviceurl: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// Signs and checks tokens. The keys are made when first needed and stored.
#[derive(Default)]
pub struct Authority {
    keys: RwLock<Option<Arc<Keys>>>,
    /// Held while keys are changed, so that one change follows another.
    changing: tokio::sync::Mutex<()>,
    checked: Mutex<Checked>,
    calls: Mutex<HashMap<[String; 3], CallToken>>,
}

/// A token for calls to one bot.
struct CallToken {
    kid: String,
    exp: u64,
    token: String,
}

#[derive(Default)]
struct Checked {
    young: HashMap<[u8; 32], Arc<Claims>>,
    old: HashMap<[u8; 32], Arc<Claims>>,
}

/// How far the machine's clock may have gone back since a token was signed.
pub(crate) const CLOCK_SECONDS_OFF: u64 = 300;

/// Why the keys were not changed.
pub enum NotTurned {
    /// It is not the next step; says which is.
    Step(&'static str),
    /// The store failed.
    Store(StoreError),
}

impl Authority {
    /// Reads the keys from the store, or makes the first. Takes a moment the first time; until then no token is issued
    /// and none can be valid.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prepare(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.recall(store).await?;
        if self.keys().is_some() {
            return Ok(());
        }
        let first = blocking(|| Keys::first().map(|keys| keys.kept())).await?;
        self.set(store.keep(KEY_NAME, first).await?).await
    }

    /// Reads the keys from the store, if it has any. Before that, tokens issued by an earlier process are not valid.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recall(&self, store: &dyn Store) -> Result<(), StoreError> {
        if self.keys().is_some() {
            return Ok(());
        }
        match store.kept(KEY_NAME).await? {
            Some(kept) => self.set(kept).await,
            None => Ok(()),
        }
    }

    async fn set(&self, kept: Vec<u8>) -> Result<(), StoreError> {
        let keys = blocking(move || Keys::read(&kept)).await?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(Arc::new(keys));
        Ok(())
    }

    /// Takes one step of putting a new key in the old one's place; it is on disk when this returns.
    ///
    /// # Errors
    /// When it is not the next step, or the store fails.
    pub async fn turn(&self, store: &dyn Store, step: Step) -> Result<Value, NotTurned> {
        let _changing = self.changing.lock().await;
        self.prepare(store).await.map_err(NotTurned::Store)?;
        let keys = self.keys().ok_or(NotTurned::Store(StoreError::Failed))?;
        let after = blocking(move || Some(keys.after(step))).await.map_err(NotTurned::Store)?;
        let after = after.map_err(NotTurned::Step)?;
        store.replace(KEY_NAME, after.kept()).await.map_err(NotTurned::Store)?;
        let shown = after.shown();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(after));
        Ok(shown)
    }

    /// The names of the keys and what each is for now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn shown(&self, store: &dyn Store) -> Result<Value, StoreError> {
        self.prepare(store).await?;
        self.keys().map(|keys| keys.shown()).ok_or(StoreError::Failed)
    }

    /// The list of keys for those who check tokens; `None` before [`Authority::prepare`].
    pub(super) fn published(&self) -> Option<Value> {
        self.keys().map(|keys| keys.published())
    }

    /// A new token for this bot, and when it ends (seconds since 1970).
    pub(super) fn issue(&self, workspace: &Workspace, bot: &Bot) -> Option<(String, u64)> {
        let now = now();
        let exp = now + u64::from(TOKEN_SECONDS);
        let claims = Claims {
            aud: AUDIENCE.into(),
            iss: issuer(&workspace.tenant_id),
            iat: now,
            nbf: now,
            exp,
            appid: bot.app_id.clone(),
            tid: workspace.tenant_id.clone(),
            ver: "1.0".into(),
            kid: String::new(),
        };
        Some((signed(self.keys()?.signing(), &claims)?, exp))
    }

    /// The token with which a bot is called: `issuer` as its registration has it ([`ISSUER`] by default), `app_id` its
    /// Teams app id, `service_url` exactly the activity's. One token serves until it is about to end or the key changes.
    /// `None` before [`Authority::prepare`].
    #[must_use]
    pub fn for_bot(&self, issuer: &str, app_id: &str, service_url: &str) -> Option<String> {
        let keys = self.keys()?;
        let key = keys.signing();
        let names = [issuer, app_id, service_url].map(str::to_owned);
        let now = now();
        let known = |calls: &HashMap<_, CallToken>| {
            let known = calls.get(&names).filter(|known| known.kid == key.id)?;
            (now + CALL_SECONDS_MIN < known.exp).then(|| known.token.clone())
        };
        if let Some(token) = known(&self.calls.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Some(token);
        }
        let exp = now + CALL_SECONDS;
        let nbf = now.saturating_sub(CALL_SECONDS_BACK);
        let claims = CallClaims { aud: app_id, iss: issuer, serviceurl: service_url, iat: now, nbf, exp };
        let token = signed(key, &claims)?;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if CALL_TOKENS_MAX <= calls.len() {
            calls.clear();
        }
        calls.insert(names, CallToken { kid: key.id.clone(), exp, token: token.clone() });
        Some(token)
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a token says, if it was signed here with a key that is valid now. Nothing of what it says is checked.
    pub(crate) fn claims(&self, token: &str) -> Result<Arc<Claims>, String> {
        let keys = self.keys().ok_or("no token has been issued yet")?;
        let hash = mint::sha256(token.as_bytes());
        let known = self.checked.lock().unwrap_or_else(PoisonError::into_inner).get(&hash);
        if let Some(known) = known {
            keys.named(&known.kid).ok_or(RETIRED)?;
            return Ok(known);
        }
        let claims = Arc::new(check(&keys, token)?);
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).put(hash, Arc::clone(&claims));
        Ok(claims)
    }
}

const RETIRED: &str =
    "the token is not valid: it is signed with a key that is not this server's, or no longer";

fn check(keys: &Keys, token: &str) -> Result<Claims, String> {
    let not_valid = |failed| format!("the token is not valid: {failed}");
    let kid = jsonwebtoken::decode_header(token).map_err(not_valid)?.kid.unwrap_or_default();
    let key = keys.named(&kid).ok_or(RETIRED)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss"]);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).map_err(not_valid)?;
    Ok(Claims { kid, ..decoded.claims })
}

fn signed(key: &Key, claims: &impl Serialize) -> Option<String> {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key.id.clone());
    header.x5t = Some(key.thumbprint.clone());
    jsonwebtoken::encode(&header, claims, &key.encoding).ok()
}

/// Work that would hold up everyone else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.ok().flatten().ok_or(StoreError::Failed)
}

impl Checked {
    fn get(&mut self, hash: &[u8; 32]) -> Option<Arc<Claims>> {
        if let Some(known) = self.young.get(hash) {
            return Some(Arc::clone(known));
        }
        let known = self.old.remove(hash)?;
        self.put(*hash, Arc::clone(&known));
        Some(known)
    }

    fn put(&mut self, hash: [u8; 32], claims: Arc<Claims>) {
        if CHECKED_TOKENS_MAX <= self.young.len() {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, claims);
    }
}

pub(crate) fn issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
