//! The paths that are Slack's, and who answers each.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use redraft_service::bounds::Sent;

use crate::state::Slack;
use crate::{files, hooks, request, socket_mode};

/// Answers a request whose path begins with `/api`, `/hooks`, `/upload` or `/files-pri`. A path that nothing has is an
/// unknown method of the Web API.
pub async fn answer(slack: &Arc<Slack>, parts: &Parts, body: Sent<'_>) -> Response<Body> {
    let (method, query, headers) = (&parts.method, parts.uri.query(), &parts.headers);
    let path = parts.uri.path().trim_start_matches('/');
    // Boxed, because the biggest of these would make every request's future as big.
    if let Some(rest) = path.strip_prefix("hooks/") {
        return Box::pin(hooks::handle(slack, method, rest, headers, body)).await;
    }
    if let Some(rest) = path.strip_prefix("upload/v1/") {
        return Box::pin(files::upload(&slack.service, rest, headers, body)).await;
    }
    if let Some(rest) = path.strip_prefix("files-pri/") {
        return Box::pin(files::download(&slack.service, rest, headers)).await;
    }
    let name = path.strip_prefix("api").unwrap_or_default().trim_matches('/');
    request::handle(slack, name, method, query, headers, body).await
}

/// Answers the handshake of a WebSocket at `/link`.
#[must_use]
pub fn link(slack: &Arc<Slack>, parts: Parts) -> Response<Body> {
    socket_mode::link(slack, parts)
}
