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
mod tests {
    use axum::http::HeaderMap;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::EncodingKey;

    use redraft_model::command::{Caller, Command, Verb};
    use redraft_model::content::Dialect;
    use redraft_model::control::Control;
    use redraft_model::directory::Directory;
    use redraft_model::id::{AppId, UserId, WorkspaceId};
    use redraft_model::time::Micros;
    use redraft_model::workspace::{Settings, User};
    use redraft_service::Service;
    use redraft_service::bounds::Bounds;
    use redraft_service::delivery::Outbox;
    use redraft_service::throttle::Throttle;
    use redraft_store::{MemoryStore, machine_clock};

    use super::*;
    use crate::authenticate::authenticate;
    use crate::state::Connector;

    /// A workspace of the tenant `the-tenant`, with one bot: `helpdesk`, of the app id `the-app`.
    fn directory() -> Directory {
        let mut directory = Directory::new(Workspace {
            id: WorkspaceId(0),
            team_id: "T1".into(),
            tenant_id: "the-tenant".into(),
            name: "Acme".into(),
            domain: "acme".into(),
            created_at: Micros(0),
            settings: Settings::default(),
            clock_offset_micros: 0,
        });
        directory.put_user(User {
            id: UserId(1),
            slack_id: "U1".into(),
            member_id: "28:the-app".into(),
            directory_id: mint::guid(),
            name: "helpdesk".into(),
            real_name: "helpdesk".into(),
            email: None,
            admin: false,
            bot_of: Some(AppId(1)),
            away: false,
            deactivated: false,
            updated_at: Micros(0),
        });
        directory.put_app(Bot {
            id: AppId(1),
            dialect: Dialect::Connector,
            slack_id: "A1".into(),
            bot_id: "B1".into(),
            app_id: "the-app".into(),
            name: "helpdesk".into(),
            bot_user: UserId(1),
            installed_by: None,
            signing_secret: None,
            password_hash: None,
            uninstalled: false,
            endpoint: None,
            hears_from: 0,
            reads_all: false,
            expects_replies: false,
            issuer: None,
            anonymous: false,
            slack: None,
            updated_at: Micros(0),
            old_secrets: Vec::new(),
        });
        directory
    }

    async fn connector() -> Connector {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(machine_clock()));
        let verb = Verb::Control(Box::new(Control::CreateWorkspace(Arc::new(directory()))));
        let (workspace, caller) = (WorkspaceId(0), Caller::Control);
        let command = Command { workspace, caller, idempotency: None, verb, source: None };
        let service = Service {
            store,
            public_url: "http://127.0.0.1:1".into(),
            local_url: "http://127.0.0.1:1".into(),
            tls_url: None,
            loopback: true,
            outbox: Outbox::new(std::time::Duration::from_secs(1), false).unwrap(),
            throttle: Throttle::default(),
            bounds: Bounds::default(),
        };
        assert!(service.submit(command).await.is_ok());
        let connector = Connector::new(Arc::new(service), false);
        connector.authority.prepare(&*connector.service.store).await.unwrap();
        connector
    }

    fn claims() -> Claims {
        Claims {
            aud: AUDIENCE.into(),
            iss: issuer("the-tenant"),
            iat: now(),
            nbf: now(),
            exp: now() + 60,
            appid: "the-app".into(),
            tid: "the-tenant".into(),
            ver: "1.0".into(),
            kid: String::new(),
        }
    }

    fn outcome(connector: &Connector, token: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        authenticate(connector, &headers, None)
            .map_or_else(|error| error.message, |(_, bot)| bot.name.clone())
    }

    /// What only the holder of the real key can sign, and each way in which even that is refused.
    #[tokio::test]
    async fn claims_are_checked_on_every_call() {
        let connector = connector().await;
        let keys = connector.authority.keys().unwrap();
        for (claims, expected) in [
            (claims(), "helpdesk"),
            (Claims { exp: now() - 1, ..claims() }, "expired"),
            (Claims { exp: 0, ..claims() }, "expired"),
            (Claims { nbf: now() + 60, ..claims() }, "helpdesk"),
            (Claims { nbf: now() + 600, ..claims() }, "not valid yet"),
            (Claims { aud: "https://graph.microsoft.com".into(), ..claims() }, "audience"),
            (Claims { aud: String::new(), ..claims() }, "audience"),
            (Claims { iss: issuer("another"), ..claims() }, "issuer"),
            (Claims { iss: String::new(), ..claims() }, "issuer"),
            (Claims { tid: "another".into(), ..claims() }, "tenant"),
            (Claims { tid: "the-app".into(), ..claims() }, "helpdesk"),
            (Claims { appid: "another".into(), ..claims() }, "app id"),
            (Claims { appid: "ada".into(), ..claims() }, "app id"),
        ] {
            let token = signed(keys.signing(), &claims).unwrap();
            for time in ["first", "second, from memory"] {
                let outcome = outcome(&connector, &token);
                assert!(outcome.contains(expected), "{claims:?} {time}: {outcome}");
            }
        }
    }

    /// The public key is no secret: a token that is "signed" with it as if it were one is not accepted.
    #[tokio::test]
    async fn other_signatures_are_not_accepted() {
        let connector = connector().await;
        let keys = connector.authority.keys().unwrap();
        let published = keys.published()["keys"][0].clone();
        let texts = ["n", "kid", "x5t"].map(|name| published[name].as_str().unwrap().to_owned());
        let modulus = URL_SAFE_NO_PAD.decode(&texts[0]).unwrap();
        let certificate = published["x5c"][0].as_str().unwrap();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
        let texts = texts.iter().map(|text| text.as_bytes());
        for secret in texts.chain([&modulus[..], certificate.as_bytes(), pem.as_bytes(), b""]) {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header { kid: Some(keys.signing().id.clone()), ..Header::new(algorithm) };
                let token =
                    jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
                assert!(outcome(&connector, &token).contains("not valid"), "{algorithm:?}");
            }
        }
        let foreign = Keys::first().unwrap();
        let own = signed(foreign.signing(), &claims()).unwrap();
        assert!(outcome(&connector, &own).contains("not valid"), "a key of somebody else");
        let header = Header { kid: Some(keys.signing().id.clone()), ..Header::new(Algorithm::RS256) };
        for header in [header, Header::new(Algorithm::RS256)] {
            let named = jsonwebtoken::encode(&header, &claims(), &foreign.signing().encoding).unwrap();
            assert!(
                outcome(&connector, &named).contains("not valid"),
                "the same under our key's name, and under none"
            );
        }
    }

    fn parts(token: &str) -> (Value, Value) {
        let parts: Vec<Value> = token
            .split('.')
            .take(2)
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        (parts[0].clone(), parts[1].clone())
    }

    /// One token for each bot and address, with the claims that SDKs want and none that they take for something else.
    #[tokio::test]
    async fn calls_to_bots() {
        let connector = connector().await;
        let (url, other) = ("http://127.0.0.1:1/teams/the-tenant/", "http://127.0.0.1:1/teams/another/");
        let token = connector.authority.for_bot(ISSUER, "the-app", url).unwrap();
        let (header, claims) = parts(&token);
        let published = connector.authority.published().unwrap()["keys"][0].clone();
        assert_eq!(header["alg"], "RS256");
        assert_eq!((&header["kid"], &header["x5t"]), (&published["kid"], &published["x5t"]));
        let named: Vec<&String> = claims.as_object().unwrap().keys().collect();
        assert_eq!(named, ["aud", "exp", "iat", "iss", "nbf", "serviceurl"]);
        assert_eq!([&claims["iss"], &claims["aud"], &claims["serviceurl"]], [ISSUER, "the-app", url]);
        let time = |name: &str| claims[name].as_u64().unwrap();
        assert_eq!((time("exp") - time("iat"), time("iat") - time("nbf")), (3600, 300));
        let mut tokens = vec![token];
        for names in
            [(ISSUER, "the-app", other), (ISSUER, "another-app", url), ("http://own", "the-app", url)]
        {
            let token = connector.authority.for_bot(names.0, names.1, names.2).unwrap();
            assert_eq!(connector.authority.for_bot(names.0, names.1, names.2).as_ref(), Some(&token));
            assert!(!tokens.contains(&token));
            tokens.push(token);
        }
        assert_eq!(connector.authority.for_bot(ISSUER, "the-app", url).as_ref(), tokens.first());
        for token in &tokens {
            assert!(
                outcome(&connector, token).contains("not valid"),
                "a token that calls a bot is none of a bot"
            );
        }
        for call in connector.authority.calls.lock().unwrap().values_mut() {
            call.exp = now() + 100;
        }
        connector.authority.for_bot(ISSUER, "the-app", url).unwrap();
        let calls = connector.authority.calls.lock().unwrap();
        let renewed = calls.values().filter(|call| now() + 1000 < call.exp);
        assert_eq!(renewed.count(), 1, "one that is about to end is not used any more");
    }

    /// While a new key takes the old one's place, tokens of both are valid as long as each key is published.
    #[tokio::test]
    async fn a_new_key_takes_the_old_ones_place() {
        let connector = connector().await;
        let store = Arc::clone(&connector.service.store);
        let token = || {
            let keys = connector.authority.keys().unwrap();
            signed(keys.signing(), &claims()).unwrap()
        };
        let call = || connector.authority.for_bot(ISSUER, "the-app", "http://here/").unwrap();
        let kid = |token: &str| parts(token).0["kid"].as_str().unwrap().to_owned();
        let published = || connector.authority.published().unwrap()["keys"].as_array().unwrap().len();
        let (before, call_before) = (token(), call());
        assert_eq!((outcome(&connector, &before).as_str(), published()), ("helpdesk", 1));

        assert!(connector.authority.turn(&*store, Step::Publish).await.is_ok());
        let during = token();
        assert_eq!((kid(&during), kid(&call()), published()), (kid(&before), kid(&before), 2));

        assert!(connector.authority.turn(&*store, Step::Use).await.is_ok());
        let after = token();
        assert_ne!(kid(&after), kid(&before));
        assert_eq!((kid(&call()), kid(&call_before), published()), (kid(&after), kid(&before), 2));
        for token in [&before, &during, &after] {
            assert_eq!(outcome(&connector, token), "helpdesk");
        }
        assert!(connector.authority.turn(&*store, Step::Publish).await.is_err());

        assert!(connector.authority.turn(&*store, Step::Retire).await.is_ok());
        assert!(outcome(&connector, &before).contains("no longer"), "though it was remembered");
        assert_eq!((outcome(&connector, &after).as_str(), published()), ("helpdesk", 1));

        let again = Authority::default();
        again.prepare(&*store).await.unwrap();
        assert_eq!(again.published(), connector.authority.published(), "the store has what is in use");
    }
}
