//! Tokens of Teams bots: signed here, checked here. A signature is checked once per token and process; claims, app and
//! tenant are checked on every call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use redraft_model::directory::Directory;
use redraft_model::workspace::{App as Bot, Workspace};
use redraft_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::reply::Error;
use crate::app::App;
use crate::mint;

/// How long a token is valid.
pub(super) const TOKEN_SECONDS: u32 = 3599;

/// Tokens whose checked signatures are remembered; there are two generations of so many.
const CHECKED_TOKENS_MAX: usize = 4096;

/// The audience of every token that a bot sends to the Connector.
const AUDIENCE: &str = "https://api.botframework.com";

/// The name under which the store keeps the signing key.
const KEY_NAME: &str = "connector_signing_key";

/// What a bot's token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    appid: String,
    tid: String,
    ver: String,
}

/// Signs and checks tokens. The key is made when first needed and kept in the store.
#[derive(Default)]
pub struct Authority {
    keys: OnceLock<Keys>,
    checked: Mutex<Checked>,
}

struct Keys {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Default)]
struct Checked {
    young: HashMap<[u8; 32], Arc<Claims>>,
    old: HashMap<[u8; 32], Arc<Claims>>,
}

impl Authority {
    /// Reads the key from the store, or makes it. Takes a moment the first time; until then no token is issued and
    /// none can be valid.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prepare(&self, store: &dyn Store) -> Result<(), StoreError> {
        if self.keys.get().is_some() {
            return Ok(());
        }
        let pkcs8 = match store.kept(KEY_NAME).await? {
            Some(kept) => kept,
            None => {
                let made = tokio::task::spawn_blocking(generate).await.map_err(|_| StoreError::Failed)??;
                store.keep(KEY_NAME, made).await?
            }
        };
        let keys = Keys::read(&pkcs8).ok_or(StoreError::Failed)?;
        let _ = self.keys.set(keys);
        Ok(())
    }

    /// A new token for this bot.
    pub(super) fn issue(&self, workspace: &Workspace, bot: &Bot) -> Option<String> {
        let now = now();
        let claims = Claims {
            aud: AUDIENCE.into(),
            iss: issuer(&workspace.tenant_id),
            iat: now,
            nbf: now,
            exp: now + u64::from(TOKEN_SECONDS),
            appid: bot.app_id.clone(),
            tid: workspace.tenant_id.clone(),
            ver: "1.0".into(),
        };
        let keys = self.keys.get()?;
        let header = Header { kid: Some(keys.id.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &keys.encoding).ok()
    }

    fn claims(&self, token: &str) -> Result<Arc<Claims>, String> {
        let hash = mint::sha256(token.as_bytes());
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = checked.get(&hash) {
            return Ok(known);
        }
        drop(checked);
        let claims = Arc::new(self.check(token)?);
        checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.put(hash, Arc::clone(&claims));
        Ok(claims)
    }

    fn check(&self, token: &str) -> Result<Claims, String> {
        let keys = self.keys.get().ok_or("no token has been issued yet")?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss"]);
        validation.validate_exp = false;
        validation.validate_nbf = true;
        jsonwebtoken::decode::<Claims>(token, &keys.decoding, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|failed| format!("the token is not valid: {failed}"))
    }
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

impl Keys {
    fn read(pkcs8: &[u8]) -> Option<Self> {
        let pair = KeyPair::from_pkcs8(pkcs8).ok()?;
        let public = pair.public_key().as_ref().to_vec();
        let id = mint::hex(&mint::sha256(&public)[..10]);
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8));
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
        Some(Self { id, encoding, decoding: DecodingKey::from_rsa_der(&public) })
    }
}

fn generate() -> Result<Vec<u8>, StoreError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| StoreError::Failed)?;
    let der: Pkcs8V1Der = pair.as_der().map_err(|_| StoreError::Failed)?;
    Ok(der.as_ref().to_vec())
}

fn issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The bot behind a call.
pub(super) fn authenticate(app: &App, headers: &HeaderMap) -> Result<(Arc<Directory>, Arc<Bot>), Error> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match given.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Error::unauthorized("Authorization has been denied: no bearer token was given.")),
    };
    let denied = |why: &str| Error::unauthorized(format!("Authorization has been denied: {why}."));
    let claims = app.authority.claims(token).map_err(|why| denied(&why))?;
    if claims.exp <= now() {
        return Err(denied("the token is expired; get a new one"));
    }
    let directory =
        app.workspace_named(&claims.tid).ok_or_else(|| denied("the token's tenant is not here"))?;
    if claims.iss != issuer(&directory.workspace.tenant_id) {
        return Err(denied("the token's issuer is not its tenant's"));
    }
    let bot = directory.app_named(&claims.appid).filter(|bot| bot.app_id == claims.appid && !bot.uninstalled);
    let bot = bot.cloned().ok_or_else(|| denied("no bot of this tenant has the token's app id"))?;
    Ok((directory, bot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::serve::Server;

    const SEED: &str = "
        workspace: {tenant_id: the-tenant}
        people: [{name: ada, admin: true}]
        apps: [{kind: teams, name: helpdesk, app_id: the-app}]";

    async fn app(name: &str) -> Arc<App> {
        let seed = std::env::temp_dir().join(format!("redraft-{name}-{}.yaml", std::process::id()));
        std::fs::write(&seed, SEED).unwrap();
        let listen = "127.0.0.1:0".into();
        let config =
            Config { listen, data: None, public_url: None, seed: Some(seed.clone()), ready_file: None };
        let server = Server::start(config).await.unwrap();
        std::fs::remove_file(seed).unwrap();
        server.app.authority.prepare(&*server.app.store).await.unwrap();
        server.app
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
        }
    }

    fn outcome(app: &App, token: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        authenticate(app, &headers).map_or_else(|error| error.message, |(_, bot)| bot.name.clone())
    }

    /// What only the holder of the real key can sign, and each way in which even that is refused.
    #[tokio::test]
    async fn claims_are_checked_on_every_call() {
        let app = app("claims").await;
        let keys = app.authority.keys.get().unwrap();
        let signed = |claims: &Claims| {
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &keys.encoding).unwrap()
        };
        for (claims, expected) in [
            (claims(), "helpdesk"),
            (Claims { exp: now() - 1, ..claims() }, "expired"),
            (Claims { exp: 0, ..claims() }, "expired"),
            (Claims { nbf: now() + 600, ..claims() }, "not valid"),
            (Claims { aud: "https://graph.microsoft.com".into(), ..claims() }, "not valid"),
            (Claims { aud: String::new(), ..claims() }, "not valid"),
            (Claims { iss: issuer("another"), ..claims() }, "issuer"),
            (Claims { iss: String::new(), ..claims() }, "issuer"),
            (Claims { tid: "another".into(), ..claims() }, "tenant"),
            (Claims { tid: "the-app".into(), ..claims() }, "helpdesk"),
            (Claims { appid: "another".into(), ..claims() }, "app id"),
            (Claims { appid: "ada".into(), ..claims() }, "app id"),
        ] {
            let token = signed(&claims);
            for time in ["first", "second, from memory"] {
                let outcome = outcome(&app, &token);
                assert!(outcome.contains(expected), "{claims:?} {time}: {outcome}");
            }
        }
    }

    /// The public key is no secret: a token that is "signed" with it as if it were one is not accepted.
    #[tokio::test]
    async fn other_signatures_are_not_accepted() {
        let app = app("signatures").await;
        let kept = app.store.kept(KEY_NAME).await.unwrap().unwrap();
        let pair = KeyPair::from_pkcs8(&kept).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        let text = STANDARD.encode(&public);
        let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{text}\n-----END RSA PUBLIC KEY-----\n");
        let kid = app.authority.keys.get().unwrap().id.clone();
        for secret in [&public[..], pem.as_bytes(), text.as_bytes(), kid.as_bytes(), b""] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header { kid: Some(kid.clone()), ..Header::new(algorithm) };
                let token =
                    jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
                assert!(outcome(&app, &token).contains("not valid"), "{algorithm:?}");
            }
        }
        let foreign = Keys::read(&generate().unwrap()).unwrap();
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::RS256) };
        let token = jsonwebtoken::encode(&header, &claims(), &foreign.encoding).unwrap();
        assert!(outcome(&app, &token).contains("not valid"));
    }
}
