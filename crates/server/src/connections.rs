//! Connections: how many there may be, how long each part of a request may take, and which ends first when there are too
//! many. Every listener accepts through here.
//!
//! Time limits are on progress. What goes on at a connection is noted in a few atomic numbers by whoever reads, writes or
//! answers there; one task looks at all connections about once a second and cuts those that exceed a limit. So a request
//! costs no timer and no task of its own.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use body::{NotedAnswer, NotedBody};
use gate::{ACCEPT_PAUSE, ended};
use redraft_service::bounds::AnswerRoom;
use socket::Noted;
use state::Phase;

mod body;
mod gate;
mod seldom;
mod socket;
mod state;

pub use gate::Gate;
pub(crate) use seldom::Seldom;
pub(crate) use socket::{Accepts, Socket};
pub(crate) use state::{Connection, Room};

/// The biggest head of a request, in bytes; a bigger one is answered with 431.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Answers requests of one listener.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    fn answer(
        &self,
        request: Request,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Accepts connections and serves them until `stopped` changes. Each is a task of its own that holds a receiver of
/// `stopped` until it has ended.
pub(crate) async fn accept(
    gate: Arc<Gate>,
    listener: impl Accepts,
    tls: Option<TlsAcceptor>,
    answers: impl Answers,
    mut stopped: watch::Receiver<bool>,
) {
    let first = if tls.is_some() { Phase::Handshake } else { Phase::Head };
    let failures = Seldom::default();
    let ending = stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut stopped) => return,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(failed) => {
                let now = gate.turn_clock();
                gate.close_some(&mut gate.table(), now);
                if let Some(count) = failures.turn(now) {
                    warn!(error = %failed, count, "connections could not be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(connection) = gate.admit_soon(peer, first).await else { continue };
        let served = serve(
            Arc::clone(&gate),
            socket,
            Arc::clone(&connection),
            tls.clone(),
            answers.clone(),
            ending.clone(),
        );
        let task = tokio::spawn(served);
        // One that was cut meanwhile is no longer in the table, and so it is ended here.
        let _ = connection.task.set(task.abort_handle());
        if !gate.table().open.contains_key(&connection.number) {
            task.abort();
        }
    }
}

/// Serves one connection to its end.
async fn serve<S: Socket>(
    gate: Arc<Gate>,
    socket: S,
    connection: Arc<Connection>,
    tls: Option<TlsAcceptor>,
    answers: impl Answers,
    stopped: watch::Receiver<bool>,
) {
    let socket = Noted { gate, socket, connection: Arc::clone(&connection) };
    match tls {
        None => serve_http(socket, connection, answers, stopped).await,
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(socket) => {
                connection.enter(Phase::Head);
                serve_http(socket, connection, answers, stopped).await;
            }
            Err(failed) => debug!(error = %failed, "a TLS handshake failed"),
        },
    }
}

async fn serve_http(
    socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    connection: Arc<Connection>,
    answers: impl Answers,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (connection, answers) = (Arc::clone(&connection), answers.clone());
        async move {
            let whole = request.body().is_end_stream();
            connection.enter(if whole { Phase::Answering } else { Phase::Body });
            let request = request.map(|body| {
                if whole {
                    Body::empty()
                } else {
                    Body::new(NotedBody { body, connection: Arc::clone(&connection) })
                }
            });
            let answer = answers.answer(request, &connection).await;
            let (mut parts, body) = answer.into_parts();
            let room = parts.extensions.remove::<AnswerRoom>();
            let body = NotedAnswer { body, status: parts.status, connection, room };
            Ok::<_, std::convert::Infallible>(Response::from_parts(parts, body))
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_BYTES_MAX);
    let mut serving = pin!(http.serve_connection(TokioIo::new(socket), service).with_upgrades());
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        () = ended(&mut stopped) => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(failed) = served {
        debug!(error = %failed, "a connection broke");
    }
}

#[cfg(test)]
mod tests;
