//! Outgoing requests: to addresses that an app's registration names, and nowhere else.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use redraft_store::Cause;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::address::is_public;

/// Bytes of an answer that are read; a longer one is a failure.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long to wait for a connection.
const CONNECT_SECONDS_MAX: u64 = 5;

/// How long a connection is kept for the next request. Many servers close theirs after five seconds, and a request that
/// crosses with that is lost.
const IDLE_SECONDS_MAX: u64 = 4;

/// Over which connection a request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// One that an earlier request left open, if there is one. The app may close it at that very moment; then nobody can
    /// tell whether the request was read. For what is sent again after a failure.
    Pooled,
    /// A new one. For what is sent once: a person's click must not be lost because a connection was idle for too long.
    Fresh,
}

/// What is sent to an app, ready-made by its dialect.
pub struct Request {
    /// Where to; from the app's registration.
    pub url: String,
    /// What the body is.
    pub content_type: &'static str,
    /// The body, ready to be sent.
    pub body: String,
    /// Besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// How long the whole answer may take, if the server itself waits so long.
    pub timeout_max: Duration,
    /// How often an answer may send the request on, unchanged, to another address.
    pub redirects_max: u32,
    /// Over which connection it goes.
    pub connection: Connection,
}

/// What came back in time.
#[derive(Debug)]
pub struct Answered {
    /// The status of the answer, whichever it is.
    pub status: StatusCode,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The whole body, a megabyte at most.
    pub body: Vec<u8>,
}

/// Why nothing usable came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unanswered {
    /// In words, for the one who looks at the list of failed deliveries.
    pub reason: String,
    /// The kind of failure, which the next attempt may tell the app.
    pub cause: Cause,
}

impl Unanswered {
    /// When nothing could be sent at all.
    pub fn unsent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cause: Cause::Other }
    }
}

/// Sends requests to apps. Uses no proxy.
pub struct Client {
    pooled: reqwest::Client,
    fresh: reqwest::Client,
    timeout: Duration,
    may_call: MayCall,
}

/// Whether an address may be called.
type MayCall = fn(IpAddr) -> bool;

impl Client {
    /// A client that waits so long for a whole answer, and reaches private addresses only if that is allowed.
    pub fn new(timeout: Duration, private_allowed: bool) -> reqwest::Result<Self> {
        Self::calling(timeout, if private_allowed { |_| true } else { is_public })
    }

    /// A name is resolved and its addresses are judged where the connection is made, so no later answer of a name server
    /// leads elsewhere.
    fn calling(timeout: Duration, may_call: MayCall) -> reqwest::Result<Self> {
        let builder = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
                .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
                .dns_resolver(Resolver(may_call))
        };
        let (pooled, fresh) = (builder().build()?, builder().pool_max_idle_per_host(0).build()?);
        Ok(Self { pooled, fresh, timeout, may_call })
    }

    /// One attempt.
    pub async fn send(&self, request: Request) -> Result<Answered, Unanswered> {
        let limit = self.timeout.min(request.timeout_max);
        tokio::time::timeout(limit, self.follow(request)).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} ms", limit.as_millis());
            Err(Unanswered { reason, cause: Cause::TimedOut })
        })
    }

    /// Sends a request, and sends it on where an answer says so.
    async fn follow(&self, request: Request) -> Result<Answered, Unanswered> {
        let unread = |_| Unanswered::unsent("the address cannot be read");
        let mut url = reqwest::Url::parse(&request.url).map_err(unread)?;
        let mut redirects = 0;
        loop {
            let answered = self.once(&url, &request).await?;
            let elsewhere = match answered.status {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
                    if 0 < request.redirects_max =>
                {
                    answered.headers.get(header::LOCATION)
                }
                _ => None,
            };
            let Some(elsewhere) = elsewhere else { return Ok(answered) };
            if redirects == request.redirects_max {
                let reason = format!("sent on more than {redirects} times");
                return Err(Unanswered { reason, cause: Cause::Redirects });
            }
            redirects += 1;
            let elsewhere = elsewhere.to_str().ok().and_then(|elsewhere| url.join(elsewhere).ok());
            url = elsewhere
                .ok_or_else(|| Unanswered::unsent("the address that it was sent on to cannot be read"))?;
        }
    }

    async fn once(&self, url: &reqwest::Url, request: &Request) -> Result<Answered, Unanswered> {
        if literal(url).is_some_and(|address| !(self.may_call)(address)) {
            let reason = "the address is a private one, which this server does not call".into();
            return Err(Unanswered { reason, cause: Cause::Connection });
        }
        let client = match request.connection {
            Connection::Pooled => &self.pooled,
            Connection::Fresh => &self.fresh,
        };
        let mut sent = client.post(url.clone()).header(header::CONTENT_TYPE, request.content_type);
        for (name, value) in &request.headers {
            sent = sent.header(*name, value);
        }
        let mut answer = sent.body(request.body.clone()).send().await.map_err(|error| unanswered(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| unanswered(&error))? {
            if ANSWER_BYTES_MAX < body.len() + part.len() {
                let reason = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
                return Err(Unanswered { reason, cause: Cause::Other });
            }
            body.extend_from_slice(&part);
        }
        Ok(Answered { status, headers, body })
    }
}

fn unanswered(error: &reqwest::Error) -> Unanswered {
    let (reason, cause) = if error.is_timeout() {
        ("no connection in time", Cause::TimedOut)
    } else if !error.is_connect() {
        ("the connection broke before the answer was whole", Cause::Connection)
    } else if is_tls(error) {
        ("the endpoint's certificate is not trusted, or it does not speak TLS", Cause::Tls)
    } else {
        ("the connection was refused or could not be made", Cause::Connection)
    };
    Unanswered { reason: reason.into(), cause }
}

/// Whether a connection stood and the two sides did not come to terms. What rustls finds wrong is invalid data to those
/// that use it.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if cause.downcast_ref().is_some_and(is_invalid) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// An error of I/O is not the source of the one that is wrapped around it.
fn is_invalid(error: &io::Error) -> bool {
    let wrapped = || error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(is_invalid);
    error.kind() == io::ErrorKind::InvalidData || wrapped()
}

/// The address that stands in a URL where others have a name.
fn literal(url: &reqwest::Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Resolves names and leaves out what may not be called, so that nobody makes this server call what only it can reach.
struct Resolver(MayCall);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let may_call = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| may_call(address.ip())).collect();
            if allowed.is_empty() {
                return Err("no address that may be called has this name".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever answers in plain HTTP where TLS is spoken is no broken connection.
    #[tokio::test]
    async fn no_tls() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", plain.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut connection, _) = plain.accept().await.unwrap();
            assert!(0 < connection.read(&mut [0; 1 << 16]).await.unwrap());
            connection.write_all(b"HTTP/1.1 400 X\r\n\r\n").await.unwrap();
        });
        let client = Client::new(Duration::from_secs(5), true).unwrap();
        let error = client.pooled.post(&url).send().await.unwrap_err();
        answering.await.unwrap();
        assert_eq!(unanswered(&error).cause, Cause::Tls);
    }

    fn request(url: String, redirects_max: u32) -> Request {
        Request {
            url,
            content_type: "application/json",
            body: String::new(),
            headers: Vec::new(),
            timeout_max: Duration::from_secs(5),
            redirects_max,
            connection: Connection::Pooled,
        }
    }

    #[tokio::test]
    async fn private_addresses_are_not_called() {
        let client = Client::new(Duration::from_secs(5), false).unwrap();
        for url in [
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
            "http://localhost:9/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://0x7f.1/",
            "http://2130706433/",
        ] {
            let refused = client.send(request(url.into(), 0)).await.map_err(|unanswered| unanswered.reason);
            let refused = refused.unwrap_err();
            assert!(refused.contains("private") || refused.contains("could not be made"), "{url}: {refused}");
        }
    }

    /// Where a request is sent on to is judged like where it went first, by address and by name.
    #[tokio::test]
    async fn no_redirect_leads_to_a_private_address() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let first = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let second = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
        let (url, port) =
            (format!("http://{}/", first.local_addr().unwrap()), second.local_addr().unwrap().port());
        let client =
            Client::calling(Duration::from_secs(5), |address| address.to_string() == "127.0.0.1").unwrap();
        for (elsewhere, status) in [
            (format!("http://127.0.0.2:{port}/"), 302),
            (format!("//127.0.0.2:{port}/"), 308),
            ("http://ip6-loopback:9/".into(), 307),
            ("http://[::1]:9/".into(), 301),
        ] {
            let sending = client.send(request(url.clone(), 2));
            let answering = async {
                let (mut connection, _) = first.accept().await.unwrap();
                assert!(0 < connection.read(&mut [0; 1 << 16]).await.unwrap());
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nlocation: {elsewhere}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                connection.write_all(answer.as_bytes()).await.unwrap();
            };
            let (sent, ()) = tokio::join!(sending, answering);
            assert_eq!(sent.unwrap_err().cause, Cause::Connection, "{elsewhere}");
        }
        let nobody =
            std::future::poll_fn(|context| std::task::Poll::Ready(second.poll_accept(context).is_pending()));
        assert!(nobody.await, "the private address was called");
    }
}
