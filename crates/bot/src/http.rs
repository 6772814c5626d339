//! Calls to platforms over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::{Error, Repeat};

/// How long a call may take, in milliseconds.
pub const CALL_MS_MAX: u64 = 30_000;
/// How long connecting may take, in milliseconds.
const CONNECT_MS_MAX: u64 = 10_000;
/// The longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The HTTP client of a bot, shared by its adapters. It follows no redirect, so that no token goes astray.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    tls: Arc<ClientConfig>,
    #[cfg(test)]
    fake: Option<Fake>,
}

/// What answers in the place of the network.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct Fake(
    Arc<dyn Fn(reqwest::Request) -> crate::BoxFuture<'static, Result<Answer, Error>> + Send + Sync>,
);

#[cfg(test)]
impl std::fmt::Debug for Fake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fake")
    }
}

/// A platform's answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpClient {
    /// A client that trusts the machine's certificates.
    pub(crate) fn new() -> Result<Self, Error> {
        let tls = tls_versions().and_then(BuilderVerifierExt::with_platform_verifier);
        Self::with_tls(tls.map_err(|error| broken(&error))?.with_no_client_auth())
    }

    /// A client that trusts these certificates alone.
    #[cfg(test)]
    pub(crate) fn trusting(roots: rustls::RootCertStore) -> Self {
        let tls = tls_versions().expect("versions of TLS").with_root_certificates(roots);
        Self::with_tls(tls.with_no_client_auth()).expect("a client")
    }

    fn with_tls(tls: ClientConfig) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(CALL_MS_MAX))
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .user_agent(concat!("redraft-bot/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| broken(&error))?;
        #[cfg(test)]
        return Ok(Self { client, tls: Arc::new(tls), fake: None });
        #[cfg(not(test))]
        Ok(Self { client, tls: Arc::new(tls) })
    }

    /// A client whose calls are answered by this, so that a test can pause time.
    #[cfg(test)]
    pub(crate) fn fake<F>(answer: impl Fn(reqwest::Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Answer, Error>> + Send + 'static,
    {
        let fake = Fake(Arc::new(move |request| Box::pin(answer(request))));
        Self { fake: Some(fake), ..Self::new().expect("a client") }
    }

    /// How TLS connections are made, for what speaks something else than HTTP.
    pub(crate) fn tls(&self) -> &Arc<ClientConfig> {
        &self.tls
    }

    /// A request, to be handed to [`call`](Self::call).
    pub(crate) fn request(&self, method: http::Method, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// Makes a call. `name` is what errors call it; `repeat` is whether an unanswered one may be made again.
    pub(crate) async fn call(
        &self,
        name: &str,
        repeat: Repeat,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, Error> {
        let request = request.build().map_err(|error| {
            Error::Misconfigured(format!("{name} can't be called: {}", error.without_url()))
        })?;
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return (fake.0)(request).await;
        }
        let unanswered = |error: reqwest::Error| {
            let repeat = if error.is_connect() { Repeat::Safe } else { repeat };
            let error = error.without_url();
            let mut reason = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(deeper) = cause {
                reason = format!("{reason}: {deeper}");
                cause = deeper.source();
            }
            Error::Unanswered { method: name.to_owned(), reason, repeat }
        };
        let mut response = self.client.execute(request).await.map_err(unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let reason = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
                return Err(Error::Unanswered { method: name.to_owned(), reason, repeat });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.into() })
    }
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    Error::Misconfigured(format!("TLS can't be set up: {error}"))
}

fn tls_versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    // Given by hand: a process-wide provider is the application's to choose.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

impl Answer {
    /// How long the platform asks to wait, in whole seconds as both platforms say it.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}
