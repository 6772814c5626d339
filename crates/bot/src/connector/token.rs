//! The tokens that a bot shows to the Connector.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cloud::Cloud;
use crate::adapter::BoxFuture;
use crate::error::{Error, Refusal, Repeat};
use crate::http::{Answer, HttpClient};

/// How long before its end a token is renewed, in milliseconds. A short-lived one is renewed when a quarter is left.
const RENEW_AHEAD_MS: u64 = 300_000;
/// How long a failed early renewal is left alone, in milliseconds. The old token serves meanwhile.
const RENEWAL_PAUSE_MS: u64 = 30_000;
/// How long a client assertion is valid, in seconds. It is used at once.
const ASSERTION_SECONDS: u64 = 600;

/// A secret, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

/// A token and its lifetime. `Debug` does not show the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    secret: Secret,
    lifetime: Duration,
}

impl AccessToken {
    /// A token that expires after this time.
    #[must_use]
    pub fn new(secret: impl Into<String>, lifetime: Duration) -> Self {
        Self { secret: Secret(secret.into()), lifetime }
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret.0
    }
}

/// The purpose of a token.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenRequest<'a> {
    /// The tenant of the conversation; empty if it is not known.
    pub tenant: &'a str,
    /// The authority, and the scope that the token is for.
    pub cloud: &'a Cloud,
    http: &'a HttpClient,
}

/// The source of the tokens with which a bot calls the Connector. The SDK caches a token until shortly before it expires, and
/// asks once for all calls that wait for one.
///
/// ```
/// use redraft_bot::{AccessToken, BoxFuture, Error, TokenProvider, TokenRequest};
///
/// struct Vault;
///
/// impl TokenProvider for Vault {
///     fn token<'a>(&'a self, _: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
///         Box::pin(async { Ok(Some(AccessToken::new("from the vault", std::time::Duration::from_secs(3600)))) })
///     }
/// }
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// A new token. `None` if calls are made without one.
    ///
    /// # Errors
    /// The reason for which there is no token. The call that needs it fails with this error, and nothing was sent.
    fn token<'a>(&'a self, request: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>>;

    /// The name of the cached token for a tenant's calls. Tenants with the same name share a token; by default all do.
    fn account<'a>(&'a self, tenant: &'a str) -> &'a str {
        let _ = tenant;
        ""
    }
}

/// Calls without a token, for local work.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous;

impl TokenProvider for Anonymous {
    fn token<'a>(&'a self, _: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        Box::pin(async { Ok(None) })
    }
}

/// An app that authenticates with a client secret.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    app_id: String,
    secret: Secret,
    tenant: Option<String>,
}

impl ClientSecret {
    /// The secret of an app.
    #[must_use]
    pub fn new(app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { app_id: app_id.into(), secret: Secret(secret.into()), tenant: None }
    }

    /// Sets the tenant, of an app that is registered in one tenant alone.
    #[must_use]
    pub fn tenant(mut self, tenant_id: impl Into<String>) -> Self {
        self.tenant = Some(tenant_id.into());
        self
    }
}

impl TokenProvider for ClientSecret {
    fn token<'a>(&'a self, request: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        let endpoint = endpoint(request.cloud, self.tenant.as_deref());
        Box::pin(async move {
            let proof = [("client_secret", self.secret.0.as_str())];
            ask(&request, &endpoint, &self.app_id, &proof).await
        })
    }
}

/// An app that authenticates with a certificate, which is registered for it by its thumbprint.
#[derive(Clone)]
pub struct Certificate {
    app_id: String,
    tenant: Option<String>,
    thumbprint: String,
    key: Arc<RsaKeyPair>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { app_id, tenant, thumbprint, .. } = self;
        let mut shown = formatter.debug_struct("Certificate");
        shown.field("app_id", app_id).field("tenant", tenant).field("thumbprint", thumbprint);
        shown.finish_non_exhaustive()
    }
}

impl Certificate {
    /// The certificate of an app and its RSA key, both as PEM. The key is PKCS#8 or PKCS#1, without a password.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if one of them is something else.
    pub fn from_pem(app_id: impl Into<String>, certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        // The cause is left out: it could quote the key.
        let broken = |what: &str| Error::Misconfigured(format!("The {what} can't be read."));
        let certificate = CertificateDer::from_pem_slice(certificate)
            .map_err(|_| broken("certificate (PEM, BEGIN CERTIFICATE)"))?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(),
            Ok(_) | Err(_) => None,
        };
        let key = key.ok_or_else(|| broken("certificate's key (PEM, RSA of at least 2048 bits)"))?;
        let thumbprint = ring::digest::digest(&ring::digest::SHA256, &certificate);
        let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint);
        Ok(Self { app_id: app_id.into(), tenant: None, thumbprint, key: Arc::new(key) })
    }

    /// Sets the tenant, of an app that is registered in one tenant alone.
    #[must_use]
    pub fn tenant(mut self, tenant_id: impl Into<String>) -> Self {
        self.tenant = Some(tenant_id.into());
        self
    }

    /// What the app says of itself, signed.
    fn assertion(&self, audience: &str, now_seconds: u64) -> Result<String, Error> {
        let failed = |_| Error::own("signing a client assertion failed");
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(Error::own)?;
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience, "iss": self.app_id, "sub": self.app_id, "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now_seconds, "iat": now_seconds, "exp": now_seconds + ASSERTION_SECONDS,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature).map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl TokenProvider for Certificate {
    fn token<'a>(&'a self, request: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        let endpoint = endpoint(request.cloud, self.tenant.as_deref());
        Box::pin(async move {
            let assertion = self.assertion(&endpoint, now_seconds())?;
            let proof = [
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.as_str()),
            ];
            ask(&request, &endpoint, &self.app_id, &proof).await
        })
    }
}

/// A bot in Azure with a managed identity.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    client_id: Option<String>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// App Service, Functions and Container Apps: an address and a password in the environment.
    Endpoint { url: String, header: Secret },
    /// Virtual machines: the metadata service.
    Metadata,
}

impl ManagedIdentity {
    /// The identity that was assigned to the bot, by its client id: the app id. Where it is asked for is taken from
    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`; without these it is the virtual machine's metadata service.
    #[must_use]
    pub fn user_assigned(client_id: impl Into<String>) -> Self {
        Self { client_id: Some(client_id.into()), ..Self::system_assigned() }
    }

    /// The identity of the machine itself.
    #[must_use]
    pub fn system_assigned() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
            (Some(url), Some(header)) => {
                Self { client_id: None, source: Source::Endpoint { url, header: Secret(header) } }
            }
            _ => Self { client_id: None, source: Source::Metadata },
        }
    }

    /// Sets the endpoint and the header's value, in the place of `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    #[must_use]
    pub fn at(mut self, endpoint: impl Into<String>, header: impl Into<String>) -> Self {
        self.source = Source::Endpoint { url: endpoint.into(), header: Secret(header.into()) };
        self
    }
}

impl TokenProvider for ManagedIdentity {
    fn token<'a>(&'a self, request: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        let (url, version, header, word) = match &self.source {
            Source::Endpoint { url, header } => {
                (url.as_str(), "2019-08-01", "x-identity-header", &header.0[..])
            }
            Source::Metadata => {
                ("http://169.254.169.254/metadata/identity/oauth2/token", "2018-02-01", "metadata", "true")
            }
        };
        let scope = request.cloud.scope.as_str();
        let mut fields = vec![("api-version", version), ("resource", scope.trim_end_matches("/.default"))];
        fields.extend(self.client_id.as_deref().map(|id| ("client_id", id)));
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}{}", form(&fields));
        Box::pin(async move {
            let asking = request.http.request(Method::GET, &url).header(header, word);
            let answer = request.http.call("the managed identity's token", Repeat::Safe, asking).await?;
            issued(answer, "the managed identity's token")
        })
    }
}

fn endpoint(cloud: &Cloud, tenant: Option<&str>) -> String {
    let tenant = utf8_percent_encode(tenant.unwrap_or(&cloud.login_tenant), FIELD);
    format!("{}/{tenant}/oauth2/v2.0/token", cloud.login_endpoint.trim_end_matches('/'))
}

const FIELD: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, FIELD), utf8_percent_encode(value, FIELD))
        })
        .collect();
    fields.join("&")
}

async fn ask(
    request: &TokenRequest<'_>,
    endpoint: &str,
    app_id: &str,
    proof: &[(&str, &str)],
) -> Result<Option<AccessToken>, Error> {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", app_id),
        ("scope", request.cloud.scope.as_str()),
    ];
    fields.extend_from_slice(proof);
    let asking = request
        .http
        .request(Method::POST, endpoint)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::ACCEPT, "application/json")
        .body(form(&fields));
    let answer = request.http.call("the bot's token", Repeat::Safe, asking).await?;
    issued(answer, "the bot's token")
}

/// Reads either kind of answer. Lengths and times come as numbers and as strings.
fn issued(answer: Answer, name: &str) -> Result<Option<AccessToken>, Error> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number =
        |name: &str| body.get(name).and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    if !answer.status.is_success() {
        let refusal = Refusal {
            method: name.to_owned(),
            status: answer.status.as_u16(),
            code: text("error").unwrap_or("no_token").to_owned(),
            message: text("error_description").or(text("message")).unwrap_or_default().to_owned(),
            retry_after: answer.retry_after(),
            ..Refusal::default()
        };
        return Err(match refusal.status {
            429 => Error::RateLimited(refusal),
            _ => Error::Refused(refusal),
        });
    }
    let until = number("expires_on").map(|until| until.saturating_sub(now_seconds()));
    let (Some(token), Some(seconds)) = (text("access_token"), number("expires_in").or(until)) else {
        let reason = "the answer holds no token".to_owned();
        return Err(Error::Unanswered { method: name.to_owned(), reason, repeat: Repeat::Safe });
    };
    Ok(Some(AccessToken::new(token, Duration::from_secs(seconds))))
}

pub(super) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The tokens of a bot, as long as they are good.
pub(crate) struct Tokens {
    source: Arc<TokenSource>,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    /// Early renewals. They end with this.
    renewals: Mutex<JoinSet<()>>,
}

struct TokenSource {
    provider: Arc<dyn TokenProvider>,
    cloud: Cloud,
    http: HttpClient,
}

#[derive(Default)]
struct Account {
    kept: Mutex<Option<Kept>>,
    /// Held by whoever asks for a token; holds how the last asking failed, and when.
    asking: Arc<tokio::sync::Mutex<Option<(Instant, Error)>>>,
}

#[derive(Clone)]
struct Kept {
    token: AccessToken,
    renew: Instant,
    expires: Instant,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").field("cloud", &self.source.cloud).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn new(provider: Arc<dyn TokenProvider>, cloud: Cloud, http: HttpClient) -> Self {
        let source = Arc::new(TokenSource { provider, cloud, http });
        Self { source, accounts: Mutex::default(), renewals: Mutex::default() }
    }

    /// The token for a call to this tenant. Waits for the authority only if there is none that is good.
    pub(crate) async fn get(&self, tenant: &str) -> Result<Option<AccessToken>, Error> {
        let account = self.account(tenant);
        let now = Instant::now();
        let good = |kept: Option<Kept>| kept.filter(|kept| Instant::now() < kept.expires);
        let kept = good(account.kept().clone());
        if let Some(kept) = kept {
            if kept.renew <= now {
                self.renew(account, tenant);
            }
            return Ok(Some(kept.token));
        }
        let asking = Arc::clone(&account.asking);
        let mut failed = asking.lock().await;
        let kept = good(account.kept().clone());
        if let Some(kept) = kept {
            return Ok(Some(kept.token));
        }
        // Whoever asked while this call waited has failed: so has this one.
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| *at > now) {
            return Err(error.clone());
        }
        let asked = self.source.ask(tenant).await;
        match &asked {
            Ok(token) => *account.kept() = token.clone().map(Kept::new),
            Err(error) => *failed = Some((Instant::now(), error.clone())),
        }
        asked
    }

    /// Drops a token that the service did not take.
    pub(crate) fn forget(&self, tenant: &str, token: &AccessToken) {
        let account = self.account(tenant);
        account.kept().take_if(|kept| kept.token == *token);
    }

    fn account(&self, tenant: &str) -> Arc<Account> {
        let name = self.source.provider.account(tenant);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(name) {
            return Arc::clone(account);
        }
        Arc::clone(accounts.entry(name.to_owned()).or_default())
    }

    /// Asks for the next token while the old one serves, unless somebody does already.
    fn renew(&self, account: Arc<Account>, tenant: &str) {
        let Ok(asking) = Arc::clone(&account.asking).try_lock_owned() else { return };
        let (source, tenant) = (Arc::clone(&self.source), tenant.to_owned());
        let mut renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
        while renewals.try_join_next().is_some() {}
        renewals.spawn(async move {
            match source.ask(&tenant).await {
                Ok(token) => *account.kept() = token.map(Kept::new),
                Err(error) => {
                    tracing::warn!(%error, "a token was not renewed ahead of time; the old one serves on");
                    if let Some(kept) = account.kept().as_mut() {
                        kept.renew = Instant::now() + Duration::from_millis(RENEWAL_PAUSE_MS);
                    }
                }
            }
            drop(asking);
        });
    }
}

impl TokenSource {
    async fn ask(&self, tenant: &str) -> Result<Option<AccessToken>, Error> {
        let Self { provider, cloud, http } = self;
        provider.token(TokenRequest { tenant, cloud, http }).await
    }
}

impl Account {
    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn new(token: AccessToken) -> Self {
        let ahead = Duration::from_millis(RENEW_AHEAD_MS).min(token.lifetime / 4);
        let now = Instant::now();
        Self { renew: now + token.lifetime - ahead, expires: now + token.lifetime, token }
    }
}
