//! Connections: how many there may be, how long each part of a request may take, and which ends first when there are too
//! many. Every listener accepts through here.
//!
//! Time limits are on progress. What goes on at a connection is noted in a few atomic numbers by whoever reads, writes or
//! answers there; one task looks at all connections about once a second and cuts those that are over a limit. So a request
//! costs no timer and no task of its own.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics::{counter, gauge};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::bounds::AnswerRoom;
use crate::config::Limits;

/// The biggest head of a request, in bytes; a bigger one is answered with 431.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Files that are kept for anything but connections: the store, the log, the listeners, the runtime.
const FILES_RESERVED: usize = 64;

/// How long accepting rests after it failed, for want of files for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection that has sent a part of a head may be closed for another one after this time.
const HEAD_PROTECTED_MS: u64 = 1000;

/// The same of one that has sent nothing: what it sent may not have been read yet. And of one in the reserve, where heads
/// are short and come at once: whoever asks for health waits no longer for those that hold the reserve.
const SILENT_PROTECTED_MS: u64 = 100;

/// How often accepting waits for connections that are no longer protected, before one is refused.
const WAITS_MAX: usize = 3;

/// Of the connections that may be, one in so many is closed at once when room is needed, so that looking for them is rare.
const CLOSED_AT_ONCE: usize = 32;

/// Lines in the log about refused connections: one in this time, with how many it stands for.
const REFUSALS_PAUSE: Duration = Duration::from_secs(10);

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Phase {
    /// TLS shakes hands.
    Handshake,
    /// A head is awaited of which a part has come, or the first one.
    Head,
    /// A body is awaited.
    Body,
    /// A request is there as a whole and is being answered.
    Answering,
    /// Nothing is under way.
    Idle,
    /// It became a WebSocket, which has limits of its own.
    Upgraded,
}

impl Phase {
    const ALL: [Self; 6] =
        [Self::Handshake, Self::Head, Self::Body, Self::Answering, Self::Idle, Self::Upgraded];

    fn of(number: u8) -> Self {
        Self::ALL[usize::from(number).min(Self::ALL.len() - 1)]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Body => "body",
            Self::Answering => "answering",
            Self::Idle => "idle",
            Self::Upgraded => "upgraded",
        }
    }
}

/// Why a connection was cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    Handshake,
    Head,
    Body,
    Write,
    Idle,
    /// Another one needed its place.
    Pressure,
    Stopping,
}

impl Cut {
    fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Body => "body",
            Self::Write => "write",
            Self::Idle => "idle",
            Self::Pressure => "pressure",
            Self::Stopping => "stopping",
        }
    }
}

/// Whom a connection serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// Everything.
    Ordinary,
    /// Only health, metrics and the control API: all other places are taken.
    Reserved,
}

/// One connection, as whoever reads, writes or answers there notes it. Times are milliseconds of the gate's clock, which
/// moves when the gate looks.
pub(crate) struct Connection {
    gate: Arc<Gate>,
    number: u64,
    /// Who is at the other end; none on a Unix socket.
    pub peer: Option<SocketAddr>,
    pub room: Room,
    phase: AtomicU8,
    since: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    /// Reading, or writing, waits for the other end.
    awaits_bytes: AtomicBool,
    awaits_room: AtomicBool,
    /// What is unsent is thrown away when the connection is dropped, instead of being kept by the system.
    reset: AtomicBool,
    task: OnceLock<AbortHandle>,
}

impl Connection {
    fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    /// How long it may be in a handshake or a head before it gives way to another one, and in which turn.
    fn protected_ms(&self) -> (u8, u64) {
        let silent = self.received.load(Ordering::Relaxed) == 0;
        match self.room {
            _ if silent => (0, SILENT_PROTECTED_MS),
            Room::Reserved => (1, SILENT_PROTECTED_MS),
            Room::Ordinary => (1, HEAD_PROTECTED_MS),
        }
    }

    /// Whether it is worth waiting until it gives way to another one.
    fn gives_way_soon(&self) -> bool {
        matches!(self.phase(), Phase::Handshake | Phase::Head) && self.protected_ms().1 == SILENT_PROTECTED_MS
    }

    fn enter(&self, phase: Phase) {
        self.since.store(self.gate.now_ms(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The body has come as a whole. If the answer came first, there is nothing to note.
    fn body_ended(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Answering);
        }
    }

    /// The answer is written as far as the server is concerned.
    fn answered(&self, status: StatusCode) {
        self.enter(match self.phase() {
            _ if status == StatusCode::SWITCHING_PROTOCOLS => Phase::Upgraded,
            // What is left of the body is awaited no longer than a head.
            Phase::Body => Phase::Head,
            Phase::Handshake | Phase::Head | Phase::Answering | Phase::Idle | Phase::Upgraded => Phase::Idle,
        });
    }
}

/// What the gate remembers of a connection between two looks.
struct Watched {
    connection: Arc<Connection>,
    /// Since when reading waits, and how much had come then; and when that phase began.
    reading: Option<Window>,
    writing: Option<Window>,
}

#[derive(Clone, Copy)]
struct Window {
    start_ms: u64,
    bytes: u64,
    phase_since: u64,
}

impl Window {
    /// Whether there was too little progress for too long; begins a new window after enough of it.
    fn stalled(
        window: &mut Option<Self>,
        now_ms: u64,
        bytes: u64,
        phase_since: u64,
        limits: &Limits,
    ) -> bool {
        let fresh = Self { start_ms: now_ms, bytes, phase_since };
        match window {
            Some(known)
                if known.phase_since == phase_since && bytes - known.bytes < limits.progress_bytes =>
            {
                limits.progress_ms < now_ms.saturating_sub(known.start_ms)
            }
            _ => {
                *window = Some(fresh);
                false
            }
        }
    }
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Watched>,
    /// How many of them are ordinary.
    ordinary: usize,
    /// Connections, and requests that trusted proxies pass on, of each address that is counted.
    of_address: HashMap<IpAddr, usize>,
}

/// Whether there is a place for a connection.
enum Admission {
    Admitted(Arc<Connection>),
    /// There will be one in a moment.
    Soon,
    Refused(&'static str),
}

/// Counts and watches the connections of all listeners.
pub struct Gate {
    limits: Limits,
    /// Connections in all, without the reserved ones.
    connections_max: usize,
    trusted_proxies: Vec<IpAddr>,
    begin: Instant,
    now_ms: AtomicU64,
    table: Mutex<Table>,
    refusals: Seldom,
    stopping: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(Limits::default(), Vec::new())
    }
}

impl Gate {
    pub(crate) fn new(limits: Limits, trusted_proxies: Vec<IpAddr>) -> Self {
        let connections_max = connections_max(&limits, files_max());
        Self {
            limits,
            connections_max,
            trusted_proxies,
            begin: Instant::now(),
            now_ms: AtomicU64::new(0),
            table: Mutex::default(),
            refusals: Seldom::default(),
            stopping: watch::Sender::new(false),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn turn_clock(&self) -> u64 {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now_ms.store(now, Ordering::Relaxed);
        now
    }

    /// A place for a connection, if there is one. When there is none, the connections that are idle longest are closed
    /// for it, then those whose head is late; then there is the reserve.
    fn admit(self: &Arc<Self>, peer: Option<SocketAddr>, phase: Phase) -> Admission {
        let now = self.turn_clock();
        let mut table = self.table();
        let address = peer.map(|peer| peer.ip()).filter(|address| self.is_counted(*address));
        if let Some(address) = address {
            let count = table.of_address.entry(address).or_default();
            if self.limits.connections_of_address_max <= *count {
                return Admission::Refused("address");
            }
            *count += 1;
        }
        if self.connections_max <= table.ordinary {
            self.close_some(&mut table, now);
        }
        let room = if table.ordinary < self.connections_max { Room::Ordinary } else { Room::Reserved };
        if self.connections_max + self.limits.connections_reserved <= table.open.len() {
            release(&mut table, address);
            let soon = table.open.values().any(|watched| watched.connection.gives_way_soon());
            return if soon { Admission::Soon } else { Admission::Refused("full") };
        }
        table.next += 1;
        table.ordinary += usize::from(room == Room::Ordinary);
        let number = table.next;
        let connection = Arc::new(Connection {
            gate: Arc::clone(self),
            number,
            peer,
            room,
            phase: AtomicU8::new(phase as u8),
            since: AtomicU64::new(now),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            awaits_bytes: AtomicBool::new(false),
            awaits_room: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            task: OnceLock::new(),
        });
        let watched = Watched { connection: Arc::clone(&connection), reading: None, writing: None };
        table.open.insert(number, watched);
        Admission::Admitted(connection)
    }

    /// The same, after a moment where that helps; a refusal is counted.
    async fn admit_soon(self: &Arc<Self>, peer: Option<SocketAddr>, phase: Phase) -> Option<Arc<Connection>> {
        for _ in 0..WAITS_MAX {
            match self.admit(peer, phase) {
                Admission::Admitted(connection) => return Some(connection),
                Admission::Soon => tokio::time::sleep(ACCEPT_PAUSE).await,
                Admission::Refused(reason) => {
                    self.refused(reason, peer);
                    return None;
                }
            }
        }
        self.refused("full", peer);
        None
    }

    /// Closes connections that wait for nothing of this server, those first that do so longest. Returns how many.
    fn close_some(&self, table: &mut Table, now_ms: u64) -> usize {
        let mut idle: Vec<(u8, u64, u64)> = table
            .open
            .iter()
            .filter_map(|(number, watched)| {
                let connection = &watched.connection;
                let since = connection.since.load(Ordering::Relaxed);
                let age = now_ms.saturating_sub(since);
                let rank = match connection.phase() {
                    Phase::Idle => 0,
                    Phase::Head | Phase::Handshake => {
                        let (turn, protected_ms) = connection.protected_ms();
                        (protected_ms <= age).then_some(turn)?
                    }
                    Phase::Body | Phase::Answering | Phase::Upgraded => return None,
                };
                let writes = connection.awaits_room.load(Ordering::Relaxed);
                (!writes).then_some((rank, since, *number))
            })
            .collect();
        idle.sort_unstable();
        idle.truncate((self.connections_max / CLOSED_AT_ONCE).max(1));
        for (_, _, number) in &idle {
            self.cut(table, *number, Cut::Pressure);
        }
        idle.len()
    }

    fn cut(&self, table: &mut Table, number: u64, why: Cut) {
        let Some(watched) = self.remove(table, number) else { return };
        watched.connection.reset.store(why == Cut::Write, Ordering::Relaxed);
        counter!("redraft_connections_cut_total", "reason" => why.name()).increment(1);
        debug!(peer = ?watched.connection.peer, reason = why.name(), "a connection is cut");
        if let Some(task) = watched.connection.task.get() {
            task.abort();
        }
    }

    fn remove(&self, table: &mut Table, number: u64) -> Option<Watched> {
        let watched = table.open.remove(&number)?;
        table.ordinary -= usize::from(watched.connection.room == Room::Ordinary);
        let address = watched.connection.peer.map(|peer| peer.ip());
        release(table, address.filter(|address| self.is_counted(*address)));
        Some(watched)
    }

    fn closed(&self, connection: &Connection) {
        self.remove(&mut self.table(), connection.number);
    }

    fn is_counted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !address.is_loopback() && !self.trusted_proxies.contains(&address)
    }

    fn refused(&self, reason: &'static str, peer: Option<SocketAddr>) {
        counter!("redraft_connections_refused_total", "reason" => reason).increment(1);
        if let Some(count) = self.refusals.turn(self.now_ms()) {
            warn!(reason, ?peer, count, "connections were refused");
        }
    }

    /// Whom a request is from: the last address that a trusted proxy names and that is none itself, or the peer.
    pub(crate) fn client(&self, connection: &Connection, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = connection.peer?.ip().to_canonical();
        if !self.trusted_proxies.contains(&peer) {
            return Some(peer);
        }
        let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let mut named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
        while let Some(last) = named.pop() {
            match last.parse::<IpAddr>().map(|address| address.to_canonical()) {
                Ok(address) if self.trusted_proxies.contains(&address) => {}
                Ok(address) => return Some(address),
                Err(_) => return Some(peer),
            }
        }
        Some(peer)
    }

    /// A place for a request that a trusted proxy passes on, counted with the connections of its sender's address. Others
    /// are counted by their connections and need none.
    ///
    /// # Errors
    /// When that address has as many as it may have.
    pub(crate) fn admit_forwarded(
        self: &Arc<Self>,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Option<Forwarded>, ()> {
        let peer = connection.peer.map(|peer| peer.ip().to_canonical());
        if self.trusted_proxies.is_empty() || !peer.is_some_and(|it| self.trusted_proxies.contains(&it)) {
            return Ok(None);
        }
        let Some(address) = self.client(connection, headers).filter(|it| self.is_counted(*it)) else {
            return Ok(None);
        };
        let mut table = self.table();
        let count = table.of_address.entry(address).or_default();
        if self.limits.connections_of_address_max <= *count {
            drop(table);
            self.refused("address", Some(SocketAddr::new(address, 0)));
            return Err(());
        }
        *count += 1;
        Ok(Some(Forwarded { gate: Arc::clone(self), address }))
    }

    /// Looks at all connections, and cuts those that are over a limit.
    fn look(&self) {
        let now = self.turn_clock();
        let stopping = *self.stopping.borrow();
        let limits = &self.limits;
        let mut table = self.table();
        let mut over = Vec::new();
        for (number, watched) in &mut table.open {
            let connection = &watched.connection;
            let since = connection.since.load(Ordering::Relaxed);
            let age = now.saturating_sub(since);
            let mut why = match connection.phase() {
                Phase::Upgraded => continue,
                Phase::Handshake => (limits.handshake_ms < age).then_some(Cut::Handshake),
                Phase::Head => (limits.head_ms < age).then_some(Cut::Head),
                Phase::Idle => (limits.idle_ms < age).then_some(Cut::Idle),
                Phase::Body if stopping && limits.stop_body_ms < age => Some(Cut::Stopping),
                Phase::Body if connection.awaits_bytes.load(Ordering::Relaxed) => {
                    let received = connection.received.load(Ordering::Relaxed);
                    let stalled = Window::stalled(&mut watched.reading, now, received, since, limits);
                    stalled.then_some(Cut::Body)
                }
                Phase::Body | Phase::Answering => {
                    watched.reading = None;
                    None
                }
            };
            if connection.awaits_room.load(Ordering::Relaxed) {
                let sent = connection.sent.load(Ordering::Relaxed);
                if Window::stalled(&mut watched.writing, now, sent, 0, limits) {
                    why = Some(Cut::Write);
                }
            } else {
                watched.writing = None;
            }
            over.extend(why.map(|why| (*number, why)));
        }
        for (number, why) in over {
            self.cut(&mut table, number, why);
        }
    }

    /// Looks again and again.
    pub(crate) async fn watch(self: Arc<Self>) {
        let shortest = [
            self.limits.handshake_ms,
            self.limits.head_ms,
            self.limits.idle_ms,
            self.limits.progress_ms,
            self.limits.stop_body_ms,
        ];
        let period_ms = shortest.into_iter().min().unwrap_or(1000).clamp(40, 4000) / 4;
        let mut period = tokio::time::interval(Duration::from_millis(period_ms));
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            period.tick().await;
            self.look();
        }
    }

    /// Ends what has no whole request; what is under way goes on, but bodies have to come soon.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
        let now = self.turn_clock();
        let mut table = self.table();
        let mut ended = Vec::new();
        for (number, watched) in &table.open {
            match watched.connection.phase() {
                Phase::Handshake | Phase::Head | Phase::Idle
                    if !watched.connection.awaits_room.load(Ordering::Relaxed) =>
                {
                    ended.push(*number);
                }
                Phase::Body => watched.connection.since.store(now, Ordering::Relaxed),
                Phase::Handshake | Phase::Head | Phase::Idle | Phase::Answering | Phase::Upgraded => {}
            }
        }
        for number in ended {
            self.cut(&mut table, number, Cut::Stopping);
        }
    }

    /// Waits for a change that a long poll is about, but not beyond `end`, and not in a server that stops. Returns whether
    /// there was one.
    pub(crate) async fn changed_before(&self, end: tokio::time::Instant, change: impl Future) -> bool {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            _ = change => true,
            () = tokio::time::sleep_until(end) => false,
            () = ended(&mut stopping) => false,
        }
    }

    /// Shows in the metrics what the connections do.
    pub(crate) fn measure(&self) {
        let mut counts = [0_u32; Phase::ALL.len()];
        let table = self.table();
        for watched in table.open.values() {
            counts[watched.connection.phase() as usize] += 1;
        }
        drop(table);
        for (phase, count) in Phase::ALL.into_iter().zip(counts) {
            gauge!("redraft_connections", "state" => phase.name()).set(count);
        }
        gauge!("redraft_connections_max").set(u32::try_from(self.connections_max).unwrap_or(u32::MAX));
    }
}

fn release(table: &mut Table, address: Option<IpAddr>) {
    let Some(address) = address else { return };
    if let Some(count) = table.of_address.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            table.of_address.remove(&address);
        }
    }
}

/// A request of an address behind a proxy, until it is answered.
pub(crate) struct Forwarded {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        release(&mut self.gate.table(), Some(self.address));
    }
}

/// One thing in a while, with how many it stands for.
#[derive(Default)]
pub(crate) struct Seldom {
    next_ms: AtomicU64,
    count: AtomicU64,
}

impl Seldom {
    /// Whether it is time again, and for how many it stands then.
    pub fn turn(&self, now_ms: u64) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        if now_ms < self.next_ms.load(Ordering::Relaxed) {
            return None;
        }
        let pause_ms = u64::try_from(REFUSALS_PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.next_ms.store(now_ms.saturating_add(pause_ms).max(1), Ordering::Relaxed);
        Some(self.count.swap(0, Ordering::Relaxed))
    }
}

/// Connections in all: of the files that may be open, those are left out that the store needs, and a quarter of the rest
/// for calls to apps.
fn connections_max(limits: &Limits, files_max: usize) -> usize {
    let files = files_max.saturating_sub(FILES_RESERVED) / 4 * 3;
    files.saturating_sub(limits.connections_reserved).clamp(1, limits.connections_max)
}

/// How many files the process may have open.
fn files_max() -> usize {
    let current = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

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
struct Noted<S: Socket> {
    socket: S,
    connection: Arc<Connection>,
}

impl<S: Socket> Drop for Noted<S> {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Relaxed) {
            self.socket.discard_unsent();
        }
        self.connection.gate.closed(&self.connection);
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
    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
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

/// A request's body, which notes its end.
struct NotedBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl HttpBody for NotedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if frame.is_none() || this.body.is_end_stream() {
            this.connection.body_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, whose end is the answer's.
struct NotedAnswer {
    body: Body,
    status: StatusCode,
    connection: Arc<Connection>,
    room: Option<AnswerRoom>,
}

impl Drop for NotedAnswer {
    fn drop(&mut self) {
        self.connection.answered(self.status);
    }
}

impl HttpBody for NotedAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        // The room is taken until the last byte is written, not only until it waits to be.
        Poll::Ready(match (frame, &this.room) {
            (Some(Ok(frame)), Some(room)) => {
                Some(Ok(frame.map_data(|bytes| Bytes::from_owner(room.of(bytes)))))
            }
            (frame, _) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

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
        let served = serve(socket, Arc::clone(&connection), tls.clone(), answers.clone(), ending.clone());
        let task = tokio::spawn(served);
        // One that was cut meanwhile is no longer in the table, and so it is ended here.
        let _ = connection.task.set(task.abort_handle());
        if !gate.table().open.contains_key(&connection.number) {
            task.abort();
        }
    }
}

/// Returns when the server stops.
async fn ended(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Serves one connection to its end.
pub(crate) async fn serve<S: Socket>(
    socket: S,
    connection: Arc<Connection>,
    tls: Option<TlsAcceptor>,
    answers: impl Answers,
    stopped: watch::Receiver<bool>,
) {
    let socket = Noted { socket, connection: Arc::clone(&connection) };
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
mod tests {
    use super::*;

    fn gate(limits: Limits) -> Arc<Gate> {
        Arc::new(Gate::new(limits, vec![[10, 0, 0, 9].into()]))
    }

    fn admit(gate: &Arc<Gate>, peer: Option<SocketAddr>, phase: Phase) -> Option<Arc<Connection>> {
        match gate.admit(peer, phase) {
            Admission::Admitted(connection) => Some(connection),
            Admission::Soon | Admission::Refused(_) => None,
        }
    }

    fn peer(last: u8) -> Option<SocketAddr> {
        Some(SocketAddr::from(([10, 0, 0, last], 1)))
    }

    /// Room is left for the store and for calls to apps, and there is always room for one.
    #[test]
    fn connections_follow_the_files() {
        let limits = Limits { connections_max: 10_000, connections_reserved: 16, ..Limits::default() };
        for (files, expected) in
            [(0, 1), (64, 1), (256, 128), (1024, 704), (65_536, 10_000), (usize::MAX, 10_000)]
        {
            assert_eq!(connections_max(&limits, files), expected, "{files}");
        }
    }

    #[test]
    fn idle_ones_are_closed_first_and_the_oldest_of_them() {
        let limits = Limits { connections_max: 3, connections_reserved: 1, ..Limits::default() };
        let gate = gate(limits);
        let admit = |phase| {
            let connection = admit(&gate, peer(1), phase).unwrap();
            connection.received.store(1, Ordering::Relaxed);
            connection
        };
        let (old, young, busy) = (admit(Phase::Idle), admit(Phase::Idle), admit(Phase::Body));
        old.since.store(0, Ordering::Relaxed);
        young.since.store(5, Ordering::Relaxed);
        let is_open = |it: &Arc<Connection>| gate.table().open.contains_key(&it.number);
        let next = admit(Phase::Answering);
        assert_eq!((is_open(&old), is_open(&young), is_open(&busy)), (false, true, true));
        assert_eq!(next.room, Room::Ordinary);
        admit(Phase::Answering);
        assert!(!is_open(&young));
        let reserved = admit(Phase::Answering);
        assert_eq!(reserved.room, Room::Reserved, "nothing is idle any more");
        assert!(
            matches!(gate.admit(peer(1), Phase::Head), Admission::Refused("full")),
            "the reserve is taken, too"
        );
    }

    /// Half heads may fill the reserve as well, but whoever asks for health gets a place there in a moment.
    #[test]
    fn a_half_head_does_not_hold_the_reserve() {
        let limits = Limits { connections_max: 1, connections_reserved: 1, ..Limits::default() };
        let mut gate = Gate::new(limits, Vec::new());
        gate.begin -= Duration::from_secs(60);
        let gate = Arc::new(gate);
        let half = |age_ms| {
            let connection = admit(&gate, peer(1), Phase::Head).unwrap();
            connection.received.store(1, Ordering::Relaxed);
            connection.since.store(gate.now_ms() - age_ms, Ordering::Relaxed);
            connection
        };
        let (ordinary, reserved) = (half(SILENT_PROTECTED_MS), half(0));
        assert_eq!((ordinary.room, reserved.room), (Room::Ordinary, Room::Reserved));
        assert!(matches!(gate.admit(peer(1), Phase::Head), Admission::Soon), "neither has had its time");
        reserved.since.store(gate.now_ms() - SILENT_PROTECTED_MS, Ordering::Relaxed);
        let next = admit(&gate, peer(1), Phase::Head).unwrap();
        assert_eq!(next.room, Room::Reserved, "what goes from the reserve leaves a place in it");
        let is_open = |it: &Arc<Connection>| gate.table().open.contains_key(&it.number);
        assert_eq!((is_open(&ordinary), is_open(&reserved)), (true, false));
    }

    #[test]
    fn so_many_of_one_address() {
        let limits = Limits { connections_of_address_max: 2, ..Limits::default() };
        let gate = gate(limits);
        let first = admit(&gate, peer(1), Phase::Head);
        assert!(first.is_some() && admit(&gate, peer(1), Phase::Head).is_some());
        assert!(admit(&gate, peer(1), Phase::Head).is_none());
        assert!(admit(&gate, peer(2), Phase::Head).is_some(), "another address");
        for _ in 0..3 {
            assert!(admit(&gate, peer(9), Phase::Head).is_some(), "a trusted proxy");
            assert!(admit(&gate, Some(([127, 0, 0, 1], 1).into()), Phase::Head).is_some());
        }
        gate.closed(&first.unwrap());
        assert!(admit(&gate, peer(1), Phase::Head).is_some(), "there is room again");
    }

    /// Only a trusted proxy is believed, and of what it says, what the proxies before it have added.
    #[test]
    fn who_a_request_is_from() {
        let gate = gate(Limits { connections_of_address_max: 1, ..Limits::default() });
        let by_proxy = admit(&gate, peer(9), Phase::Head).unwrap();
        let direct = admit(&gate, peer(1), Phase::Head).unwrap();
        let headers = |value: &'static str| {
            HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())])
        };
        let from = |connection, value| gate.client(connection, &headers(value)).unwrap().to_string();
        assert_eq!(from(&direct, "1.2.3.4"), "10.0.0.1");
        assert_eq!(from(&by_proxy, "1.2.3.4"), "1.2.3.4");
        assert_eq!(from(&by_proxy, "6.6.6.6, 1.2.3.4, 10.0.0.9"), "1.2.3.4");
        assert_eq!(from(&by_proxy, "1.2.3.4, junk"), "10.0.0.9");
        let held = gate.admit_forwarded(&by_proxy, &headers("1.2.3.4")).ok().unwrap();
        assert!(held.is_some() && gate.admit_forwarded(&by_proxy, &headers("1.2.3.4")).is_err());
        assert!(gate.admit_forwarded(&direct, &headers("1.2.3.4")).is_ok_and(|it| it.is_none()));
        drop(held);
        assert!(gate.admit_forwarded(&by_proxy, &headers("1.2.3.4")).is_ok());
    }

    #[test]
    fn progress_counts_and_not_time() {
        let limits = Limits { progress_ms: 100, progress_bytes: 10, ..Limits::default() };
        let mut window = None;
        let mut at = |now, bytes| Window::stalled(&mut window, now, bytes, 0, &limits);
        assert!(!at(0, 0) && !at(90, 9), "slow so far");
        assert!(!at(100, 10) && !at(190, 10) && !at(200, 20), "enough in time, again and again");
        assert!(!at(290, 29));
        assert!(at(301, 29), "a trickle");
    }
}
