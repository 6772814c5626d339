//! Requests of platforms: a tower service, and a small HTTP server for bots without a router.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower_service::Service;

use crate::adapter::BoxFuture;
use crate::bot::Bot;
use crate::error::BoxError;

/// The largest request body that is accepted, in bytes. Both platforms send far less.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The longest time in which a request's body must arrive, in milliseconds.
pub const BODY_MS_MAX: u64 = 10_000;
/// The longest time in which a request's head must arrive, in milliseconds.
const HEAD_MS_MAX: u64 = 10_000;
/// The most connections that [`Bot::listen`] serves at once. Further ones wait.
pub const CONNECTIONS_MAX: usize = 1000;

/// Answers the requests of all platforms that the bot is on, each on its adapter's path. Mount it at the root of a router.
#[derive(Clone, Debug)]
pub struct BotService {
    bot: Bot,
}

impl<B> Service<Request<B>> for BotService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let bot = self.bot.clone();
        Box::pin(async move { Ok(answer(bot, request).await.map(Full::new)) })
    }
}

async fn answer<B>(bot: Bot, request: Request<B>) -> Response<Bytes>
where
    B: http_body::Body + Send,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    let Some(adapter) =
        bot.adapters().iter().find(|adapter| adapter.path() == Some(head.uri.path())).cloned()
    else {
        return plain(StatusCode::NOT_FOUND, "No platform of this bot calls here.");
    };
    if head.method != http::Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Platforms call with POST.");
    }
    let read = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(Duration::from_millis(BODY_MS_MAX), read).await {
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "The body took too long."),
        Ok(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long, or broke off."),
        Ok(Ok(body)) => adapter.receive(bot, Request::from_parts(head, body.to_bytes())).await,
    }
}

/// A short answer in words.
pub(crate) fn plain(status: StatusCode, words: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(words.as_bytes()));
    *response.status_mut() = status;
    response
}

impl Bot {
    /// The bot as a tower service, for a router such as axum's: `.fallback_service(bot.service())`.
    #[must_use]
    pub fn service(&self) -> BotService {
        BotService { bot: self.clone() }
    }

    /// Starts the adapters' connections and answers requests on this address, until the bot is shut down.
    ///
    /// # Errors
    /// If the address can't be listened on.
    pub async fn listen(&self, address: impl tokio::net::ToSocketAddrs) -> std::io::Result<()> {
        self.serve(TcpListener::bind(address).await?).await;
        Ok(())
    }

    /// As [`listen`](Self::listen), on a listener that is open already. Returns when the bot is shut down.
    pub async fn serve(&self, listener: TcpListener) {
        self.start();
        let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
        let listening: Option<SocketAddr> = listener.local_addr().ok();
        tracing::info!(address = listening.map(tracing::field::display), "the bot listens");
        let accept = async {
            loop {
                // It is never closed.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let connection = self.clone().answer_connection(TokioIo::new(stream));
                        self.spawn(async move {
                            connection.await;
                            drop(place);
                        });
                    }
                    // Too many open files, or a connection that broke off at once.
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = self.stopped() => {}
        }
    }

    async fn answer_connection(self, stream: TokioIo<tokio::net::TcpStream>) {
        let bot = self.clone();
        let service = hyper::service::service_fn(move |request| {
            let bot = bot.clone();
            async move { Ok::<_, Infallible>(answer(bot, request).await.map(Full::new)) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(HEAD_MS_MAX));
        let connection = builder.serve_connection(stream, service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopped() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}
