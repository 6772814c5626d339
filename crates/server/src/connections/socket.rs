//! What connections come from and run over, and how reads and writes are noted.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tracing::debug;

use super::gate::Gate;
use super::state::{Connection, Phase};

/// What a connection runs over.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Lets the system throw away what is unsent when the socket is dropped.
    fn discard_unsent(&self);
}

impl Socket for TcpStream {
    fn discard_unsent(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Socket for UnixStream {
    /// What is unsent there, is in memory of this machine only as long as the socket.
    fn discard_unsent(&self) {}
}

/// Where connections come from.
pub(crate) trait Accepts: Send + Sync + 'static {
    /// What they run over.
    type Socket: Socket;

    /// The next one, and who is at its other end.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Socket, Option<SocketAddr>)>> + Send;
}

impl Accepts for TcpListener {
    type Socket = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (socket, peer) = Self::accept(self).await?;
        if let Err(failed) = socket.set_nodelay(true) {
            debug!(error = %failed, "a connection keeps Nagle's delay");
        }
        Ok((socket, Some(peer)))
    }
}

/// A socket that notes what goes on.
pub(super) struct Noted<S: Socket> {
    pub(super) gate: Arc<Gate>,
    pub(super) socket: S,
    pub(super) connection: Arc<Connection>,
}

impl<S: Socket> Drop for Noted<S> {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Relaxed) {
            self.socket.discard_unsent();
        }
        self.gate.closed(&self.connection);
    }
}

impl<S: Socket> AsyncRead for Noted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.socket).poll_read(context, buffer);
        let connection = &this.connection;
        let read = (buffer.filled().len() - before) as u64;
        if 0 < read {
            let received = connection.received.load(Ordering::Relaxed);
            connection.received.store(received + read, Ordering::Relaxed);
            if connection.phase() == Phase::Idle {
                connection.enter(Phase::Head);
            }
        }
        connection.awaits_bytes.store(polled.is_pending(), Ordering::Relaxed);
        polled
    }
}

impl<S: Socket> Noted<S> {
    pub(super) fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = &polled {
            let sent = self.connection.sent.load(Ordering::Relaxed);
            self.connection.sent.store(sent + *written as u64, Ordering::Relaxed);
        }
        self.connection.awaits_room.store(polled.is_pending(), Ordering::Relaxed);
        polled
    }
}

impl<S: Socket> AsyncWrite for Noted<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.socket).poll_write(context, bytes);
        this.wrote(polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.socket).poll_write_vectored(context, parts);
        this.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
