//! Outgoing requests: to addresses that an app's registration names, and nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

/// Bytes of an answer that are read; a longer one is a failure.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long to wait for a connection.
const CONNECT_SECONDS_MAX: u64 = 5;

/// How long a connection is kept for the next request. Many servers close theirs after five seconds, and a request that
/// crosses with that is lost.
const IDLE_SECONDS_MAX: u64 = 4;

/// What is sent to an app, ready-made by its dialect.
pub(crate) struct Request {
    /// Where to; from the app's registration.
    pub url: String,
    /// The body is JSON.
    pub body: String,
    /// Besides the content type.
    pub headers: Vec<(&'static str, String)>,
}

/// What came back in time.
pub(crate) struct Answered {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Why nothing usable came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unanswered {
    /// In words, for the one who looks at the list of failed deliveries.
    pub reason: String,
    /// The app did not answer in time.
    pub timed_out: bool,
}

/// Sends requests to apps. Follows no redirect and uses no proxy.
pub(crate) struct Client {
    http: reqwest::Client,
    timeout: Duration,
    private_allowed: bool,
}

impl Client {
    /// A client that waits so long for a whole answer, and reaches private addresses only if that is allowed.
    pub fn new(timeout: Duration, private_allowed: bool) -> reqwest::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .timeout(timeout);
        if !private_allowed {
            builder = builder.dns_resolver(PublicOnly);
        }
        Ok(Self { http: builder.build()?, timeout, private_allowed })
    }

    /// One attempt.
    pub async fn send(&self, request: Request) -> Result<Answered, Unanswered> {
        let failed = |reason: String| Unanswered { reason, timed_out: false };
        let url =
            reqwest::Url::parse(&request.url).map_err(|_| failed("the address cannot be read".into()))?;
        if !self.private_allowed && is_private_literal(&url) {
            return Err(failed("the address is a private one, which this server does not call".into()));
        }
        let mut sent = self.http.post(url).header("content-type", "application/json; charset=utf-8");
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        let mut answer = sent.body(request.body).send().await.map_err(|error| self.unanswered(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.unanswered(&error))? {
            if ANSWER_BYTES_MAX < body.len() + part.len() {
                return Err(failed(format!("the answer has more than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answered { status, body })
    }

    fn unanswered(&self, error: &reqwest::Error) -> Unanswered {
        let timed_out = error.is_timeout();
        let reason = if timed_out {
            format!("no answer within {} ms", self.timeout.as_millis())
        } else if error.is_connect() {
            "the connection was refused or could not be made".into()
        } else {
            "the connection broke before the answer was whole".into()
        };
        Unanswered { reason, timed_out }
    }
}

fn is_private_literal(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).parse().is_ok_and(is_private)
}

/// Resolves names and leaves out what is not on the public network, so that nobody makes this server call what only it
/// can reach.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err("no public address has this name".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_private_v4(mapped),
            None => is_private_v6(address),
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 0
        // Shared by the customers of a provider (RFC 6598).
        || (first == 100 && (64..128).contains(&second))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses() {
        for (address, private) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("0.0.0.0", true),
            ("0.1.2.3", true),
            ("255.255.255.255", true),
            ("224.0.0.1", true),
            ("8.8.8.8", false),
            ("::1", true),
            ("::", true),
            ("fe80::1", true),
            ("fc00::1", true),
            ("ff02::1", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("2001:4860:4860::8888", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }

    #[tokio::test]
    async fn private_addresses_are_not_called() {
        let client = Client::new(Duration::from_secs(5), false).unwrap();
        for url in
            ["http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/", "http://[::ffff:10.0.0.1]/"]
        {
            let request = Request { url: url.into(), body: String::new(), headers: Vec::new() };
            let refused = client.send(request).await.err().map(|unanswered| unanswered.reason).unwrap();
            assert!(refused.contains("private") || refused.contains("could not be made"), "{url}: {refused}");
        }
    }
}
