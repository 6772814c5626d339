//! The door: every request comes in here, its host is checked, its body read within limits, and it goes to the one part
//! that answers it.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use redraft_model::command::Via;
use redraft_store::StoreError;

use redraft_service::hosts::{authority, host_of, loopback, without_port};

use crate::app::App;
use crate::connections::{Connection, Room};
use crate::control;
use redraft_service::bounds::{NoRoom, Sent};
use redraft_service::source;

/// By which listener a request came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    Plain,
    Tls,
    /// The one for metrics, where nothing else is answered.
    Metrics,
    /// The socket in the data folder, whose owner needs no token. Nothing but the control API is there.
    Owner,
}

/// Answers a request, whatever it is; `connection` is the one that it came by.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: Request,
    entrance: Entrance,
    connection: Option<&Arc<Connection>>,
) -> Response<Body> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let part = part(parts.uri.path());
    let reserved = connection.is_some_and(|connection| connection.room == Room::Reserved);
    let address = connection.and_then(|connection| app.gate.client(connection, &parts.headers));
    let sent = Sent::new(body, &parts.headers, address, &app.service.bounds, part == Part::Control);
    let mut response = if entrance == Entrance::Metrics {
        watch(app, parts.uri.path(), true).await
    } else if entrance == Entrance::Owner {
        let (method, path, query) = (&parts.method, parts.uri.path(), parts.uri.query());
        Box::pin(control::handle_owner(app, method, path, query, sent)).await
    } else if !allowed(app, &parts.headers, &parts.uri) {
        refused_host(part)
    } else if reserved && !matches!(part, Part::Watch | Part::Control) {
        busy(part)
    } else {
        match connection.map(|connection| app.gate.admit_forwarded(connection, &parts.headers)) {
            Some(Err(())) => busy(part),
            None | Some(Ok(_)) => {
                let via = match part {
                    Part::Slack | Part::Sockets => Via::Slack,
                    Part::Control => Via::Control,
                    Part::Connector | Part::Watch => Via::Connector,
                };
                // Boxed, because a future is copied by whoever takes it, and this one has some kilobytes.
                source::scope(via, address, Box::pin(route(app, part, parts, sent, entrance))).await
            }
        }
    };
    match app.service.bounds.room_for_answer(response.body()) {
        Ok(None) => {}
        Ok(Some(room)) => drop(response.extensions_mut().insert(room)),
        Err(NoRoom) => response = busy(part),
    }
    if reserved {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
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
    body: Sent<'_>,
    entrance: Entrance,
) -> Response<Body> {
    let (method, path, query, headers) = (&parts.method, parts.uri.path(), parts.uri.query(), &parts.headers);
    match part {
        Part::Slack => redraft_slack::routes::answer(&app.slack, &parts, body).await,
        // Boxed, because the biggest of these would make every request's future as big.
        Part::Control => Box::pin(control::handle(app, method, path, query, headers, body)).await,
        Part::Watch => watch(app, path, !app.metrics_apart).await,
        Part::Sockets => redraft_slack::routes::link(&app.slack, parts),
        Part::Connector => {
            let over_tls = entrance == Entrance::Tls;
            let answer = redraft_connector::request::handle(
                &app.connector,
                method,
                path,
                query,
                headers,
                body,
                over_tls,
            );
            Box::pin(answer).await.unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "There is nothing here.\n"))
        }
    }
}

async fn watch(app: &App, path: &str, shows_metrics: bool) -> Response<Body> {
    match path {
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/readyz" => readiness(app).await,
        "/metrics" if shows_metrics => {
            metrics::counter!("redraft_commits_total").absolute(app.service.store.published().commits());
            app.gate.measure();
            app.service.bounds.measure();
            app.slack.sockets.measure();
            let waiting = u32::try_from(app.service.store.waiting()).unwrap_or(u32::MAX);
            metrics::gauge!("redraft_queue_commands").set(waiting);
            let text = recorder().render() + &app.service.outbox.metrics(app.service.store.published());
            plain(StatusCode::OK, &text)
        }
        _ => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    }
}

/// How long somebody who asks whether the server is ready waits for the disk.
const READY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Ready means that what is asked for now would be written ([`redraft_store::Store::writable`]).
async fn readiness(app: &App) -> Response<Body> {
    let why = match tokio::time::timeout(READY_WAIT_MAX, app.service.store.writable()).await {
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
        let commands = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
        let builder = PrometheusBuilder::new()
            .set_buckets(&buckets)
            .and_then(|it| it.set_buckets_for_metric(Matcher::Full("redraft_batch_jobs".into()), &commands))
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// Whether the request means this server: its host, and the page that sent it if there is one, is the public address or
/// loopback. A server on loopback trusts whoever reaches it, so a page of another host must not. The login hosts of
/// Microsoft may resolve to this server; on them only the few paths of the login service are answered.
fn allowed(app: &App, headers: &HeaderMap, uri: &Uri) -> bool {
    let named = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = [
        &app.service.public_url,
        &app.service.local_url,
        app.service.tls_url.as_ref().unwrap_or(&app.service.local_url),
    ];
    let known = |host: &str| known(&own.map(String::as_str), host);
    let host = uri.authority().map(|authority| authority.as_str()).or(named(header::HOST));
    let origin = named(header::ORIGIN).is_none_or(|origin| authority(origin).is_some_and(known));
    origin
        && host
            .is_some_and(|host| known(host) || redraft_connector::routes::stands_for_login(host, uri.path()))
}

fn known(own_urls: &[&str], host: &str) -> bool {
    let name = without_port(host);
    let mut own = own_urls.iter().filter_map(|url| host_of(url));
    loopback(name) || own.any(|own| name.eq_ignore_ascii_case(own))
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

/// What is said when there is room for nothing but health, metrics and control.
fn busy(part: Part) -> Response<Body> {
    let reason = "the server has as many connections or unread answers as it may have; try again";
    let body = match part {
        Part::Slack => format!(
            "{{\"ok\":false,\"error\":\"service_unavailable\",\"response_metadata\":{{\"messages\":[\"[ERROR] {reason}\"]}}}}"
        ),
        Part::Connector | Part::Control | Part::Watch | Part::Sockets => {
            format!("{{\"error\":{{\"code\":\"ServiceUnavailable\",\"message\":\"{reason}\"}}}}")
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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
