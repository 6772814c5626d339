//! The door: every request comes in here, its host is checked, its body read within limits, and it goes to the one part
//! that answers it.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use redraft_store::StoreError;

use crate::app::App;
use crate::config::{BODY_BYTES_MAX, DRAIN_BYTES_MAX};
use crate::{connector, control, slack};

/// A body that was not read.
pub(crate) enum Unread {
    /// It has more than [`BODY_BYTES_MAX`] bytes.
    TooBig,
    /// The connection ended early.
    Cut,
}

/// Answers a request, whatever it is.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    answer_at(&app, request, false).await
}

/// Answers a request that came over TLS.
pub(crate) async fn answer_over_tls(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    answer_at(&app, request, true).await
}

/// Answers the owner of the data folder, who came through the socket in it and needs no token. Nothing but the control
/// API is there.
pub(crate) async fn answer_owner(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let (method, path, query) = (&parts.method, parts.uri.path(), parts.uri.query());
    let response = Box::pin(control::handle_owner(&app, method, path, query, read(body).await)).await;
    count(Part::Control, response.status(), start);
    response
}

async fn answer_at(app: &Arc<App>, request: Request, over_tls: bool) -> Response<Body> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let part = part(parts.uri.path());
    let response = if allowed(app, &parts.headers, &parts.uri) {
        route(app, part, parts, body, over_tls).await
    } else {
        refused_host(part)
    };
    count(part, response.status(), start);
    response
}

/// Who answers a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Slack,
    Connector,
    Control,
    Watch,
    Sockets,
}

const PARTS: [&str; 5] = ["slack", "connector", "control", "watch", "sockets"];
const STATUSES: [&str; 4] = ["2xx", "4xx", "5xx", "other"];

fn part(path: &str) -> Part {
    match path.trim_start_matches('/').split('/').next() {
        Some("api" | "hooks" | "upload" | "files-pri") => Part::Slack,
        Some("control") => Part::Control,
        Some("link") => Part::Sockets,
        Some("healthz" | "readyz" | "metrics") => Part::Watch,
        _ => Part::Connector,
    }
}

/// Counts an answer. The counters are looked up once, since that costs more than counting.
fn count(part: Part, status: StatusCode, start: Instant) {
    static ANSWERS: LazyLock<[[Counter; 4]; 5]> = LazyLock::new(|| {
        PARTS.map(|part| {
            STATUSES
                .map(|status| metrics::counter!("redraft_requests_total", "part" => part, "status" => status))
        })
    });
    static TIMES: LazyLock<[Histogram; 5]> =
        LazyLock::new(|| PARTS.map(|part| metrics::histogram!("redraft_request_seconds", "part" => part)));
    let status = match status.as_u16() {
        200..300 => 0,
        400..500 => 1,
        500.. => 2,
        _ => 3,
    };
    ANSWERS[part as usize][status].increment(1);
    TIMES[part as usize].record(start.elapsed());
}

async fn route(
    app: &Arc<App>,
    part: Part,
    parts: axum::http::request::Parts,
    body: Body,
    over_tls: bool,
) -> Response<Body> {
    let (method, path, query, headers) = (&parts.method, parts.uri.path(), parts.uri.query(), &parts.headers);
    match part {
        Part::Slack => {
            if let Some(rest) = path.trim_start_matches('/').strip_prefix("hooks/") {
                let body = read(body).await;
                return Box::pin(slack::hooks::handle(app, method, rest, headers, body)).await;
            }
            if let Some(rest) = path.trim_start_matches('/').strip_prefix("upload/v1/") {
                let body = read_at_most(body, slack::files::FILE_BYTES_MAX).await;
                return Box::pin(slack::files::upload(app, rest, headers, body)).await;
            }
            if let Some(rest) = path.trim_start_matches('/').strip_prefix("files-pri/") {
                return Box::pin(slack::files::download(app, rest, headers)).await;
            }
            let name = path.trim_start_matches('/').strip_prefix("api").unwrap_or_default().trim_matches('/');
            slack::handle(app, name, method, query, headers, read(body).await).await
        }
        // Boxed, because the biggest of these would make every request's future as big.
        Part::Control => {
            let body = read(body).await;
            Box::pin(control::handle(app, method, path, query, headers, body)).await
        }
        Part::Watch => watch(app, path).await,
        Part::Sockets => slack::sockets::link(app, parts),
        Part::Connector => {
            let body = read(body).await;
            let answer = connector::handle(app, method, path, query, headers, body, over_tls);
            Box::pin(answer).await.unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "There is nothing here.\n"))
        }
    }
}

async fn watch(app: &App, path: &str) -> Response<Body> {
    match path {
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/readyz" => readiness(app).await,
        "/metrics" => {
            metrics::counter!("redraft_commits_total").absolute(app.store.published().commits());
            plain(StatusCode::OK, &recorder().render())
        }
        _ => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    }
}

/// How long somebody who asks whether the server is ready waits for the disk.
const READY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Ready means that what is asked for now would be written ([`redraft_store::Store::writable`]).
async fn readiness(app: &App) -> Response<Body> {
    let why = match tokio::time::timeout(READY_WAIT_MAX, app.store.writable()).await {
        Ok(Ok(())) => return plain(StatusCode::OK, "ready\n"),
        Ok(Err(StoreError::Busy)) => "more is asked than can be written\n",
        Ok(Err(StoreError::Stopping)) => "the server is stopping\n",
        Ok(Err(StoreError::Failed | StoreError::Damaged | StoreError::Unknown)) => {
            "the last write to the data folder failed; is the disk full?\n"
        }
        Err(_) => "the disk does not answer\n",
    };
    plain(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// The one recorder of the process.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
        let builder =
            PrometheusBuilder::new().set_buckets(&buckets).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// Reads a body within the limit. Of one that is too big some more is read, so that its sender hears the answer.
async fn read(body: Body) -> Result<Bytes, Unread> {
    read_at_most(body, BODY_BYTES_MAX).await
}

async fn read_at_most(mut body: Body, bytes_max: usize) -> Result<Bytes, Unread> {
    let mut first: Option<Bytes> = None;
    let mut rest = Vec::new();
    let mut drained = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Cut)?.into_data() else { continue };
        drained += data.len();
        if DRAIN_BYTES_MAX.max(bytes_max) < drained {
            return Err(Unread::TooBig);
        }
        if bytes_max < drained {
            rest = Vec::new();
            first = None;
            continue;
        }
        match &first {
            None if rest.is_empty() => first = Some(data),
            Some(start) => {
                rest.extend_from_slice(start);
                rest.extend_from_slice(&data);
                first = None;
            }
            None => rest.extend_from_slice(&data),
        }
    }
    if bytes_max < drained {
        return Err(Unread::TooBig);
    }
    Ok(first.unwrap_or_else(|| rest.into()))
}

/// Whether the request means this server: its host, and the page that sent it if there is one, is the public address or
/// loopback. A server on loopback trusts whoever reaches it, so a page of another host must not. The login hosts of
/// Microsoft may be led here, and mean the few paths that stand for them.
fn allowed(app: &App, headers: &HeaderMap, uri: &Uri) -> bool {
    let named = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = [&app.public_url, &app.local_url, app.tls_url.as_ref().unwrap_or(&app.local_url)];
    let known = |host: &str| known(&own.map(String::as_str), host);
    let host = uri.authority().map(|authority| authority.as_str()).or(named(header::HOST));
    let origin = named(header::ORIGIN).is_none_or(|origin| authority(origin).is_some_and(known));
    origin && host.is_some_and(|host| known(host) || connector::stands_for_login(host, uri.path()))
}

/// The host in an address, without its port.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    authority(url).map(without_port)
}

fn authority(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default())
}

fn known(own_urls: &[&str], host: &str) -> bool {
    let name = without_port(host);
    let mut own = own_urls.iter().filter_map(|url| host_of(url));
    own.any(|own| name.eq_ignore_ascii_case(own)) || loopback(name)
}

/// Whether a host is one of these names, whatever its port.
pub(crate) fn named_in(names: &[&str], host: &str) -> bool {
    names.iter().any(|name| without_port(host).eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Whether a host is this machine.
pub(crate) fn loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn refused_host(part: Part) -> Response<Body> {
    let reason = "the request names a host that is not this server's; see --public-url";
    let body = match part {
        Part::Slack => format!(
            "{{\"ok\":false,\"error\":\"access_denied\",\"response_metadata\":{{\"messages\":[\"[ERROR] {reason}\"]}}}}"
        ),
        _ => format!("{{\"error\":{{\"code\":\"InvalidBotApiHost\",\"message\":\"{reason}\"}}}}"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn hosts_that_mean_this_server() {
        for (host, expected) in [
            ("127.0.0.1:3000", true),
            ("127.0.0.1", true),
            ("127.8.9.1:1", true),
            ("localhost:99", true),
            ("[::1]:3000", true),
            ("[::1]", true),
            ("Chat.Example:443", true),
            ("chat.example", true),
            ("chat.example.evil.test", false),
            ("evil.test:3000", false),
            ("10.0.0.1", false),
            ("10.0.0.9:80", true),
            ("127.0.0.1.evil.test", false),
            ("", false),
            ("?", false),
        ] {
            assert_eq!(known(&["https://chat.example", "http://10.0.0.9:80"], host), expected, "{host}");
        }
    }
}
