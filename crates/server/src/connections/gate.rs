//! How many connections there may be, and which of them ends first.
//!
//! The gate lives as long as the server and owns the table of open connections. Its lock is held for a look at the table and
//! never while something waits.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use metrics::{counter, gauge};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::seldom::Seldom;
use super::state::{Connection, Cut, Phase, Room, Window};
use crate::config::Limits;

/// File descriptors reserved for the store, the log, the listeners and the runtime.
const FILES_RESERVED: usize = 64;

/// How long accepting rests after it failed, for want of files for instance.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often accepting waits for connections that are no longer protected, before one is refused.
const WAITS_MAX: usize = 3;

/// Of the connections that may be, one in so many is closed at once when room is needed, so that looking for them is rare.
const CLOSED_AT_ONCE: usize = 32;

/// What the gate remembers of a connection between two looks.
pub(super) struct Watched {
    pub(super) connection: Arc<Connection>,
    /// Since when reading waits, and how much had come then; and when that phase began.
    pub(super) reading: Option<Window>,
    pub(super) writing: Option<Window>,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) next: u64,
    pub(super) open: HashMap<u64, Watched>,
    /// How many of them are ordinary.
    pub(super) ordinary: usize,
    /// Connections, and requests that trusted proxies pass on, of each address that is counted.
    pub(super) of_address: HashMap<IpAddr, usize>,
}

/// Whether there is a place for a connection.
pub(super) enum Admission {
    Admitted(Arc<Connection>),
    /// There will be one in a moment.
    Soon,
    Refused(&'static str),
}

/// Counts and watches the connections of all listeners.
pub struct Gate {
    pub(super) limits: Limits,
    /// Connections in all, without the reserved ones.
    pub(super) connections_max: usize,
    pub(super) trusted_proxies: Vec<IpAddr>,
    pub(super) begin: Instant,
    /// Milliseconds since the beginning, as the gate looked last. Connections read it.
    pub(super) now_ms: Arc<AtomicU64>,
    pub(super) table: Mutex<Table>,
    pub(super) refusals: Seldom,
    pub(super) stopping: watch::Sender<bool>,
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
            now_ms: Arc::default(),
            table: Mutex::default(),
            refusals: Seldom::default(),
            stopping: watch::Sender::new(false),
        }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub(super) fn turn_clock(&self) -> u64 {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now_ms.store(now, Ordering::Relaxed);
        now
    }

    /// A place for a connection, if there is one. When there is none, the connections that are idle longest are closed
    /// for it, then those whose head is late; then there is the reserve.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<SocketAddr>, phase: Phase) -> Admission {
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
            now_ms: Arc::clone(&self.now_ms),
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
    pub(super) async fn admit_soon(
        self: &Arc<Self>,
        peer: Option<SocketAddr>,
        phase: Phase,
    ) -> Option<Arc<Connection>> {
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
    pub(super) fn close_some(&self, table: &mut Table, now_ms: u64) -> usize {
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

    pub(super) fn cut(&self, table: &mut Table, number: u64, why: Cut) {
        let Some(watched) = self.remove(table, number) else { return };
        watched.connection.reset.store(why == Cut::Write, Ordering::Relaxed);
        counter!("redraft_connections_cut_total", "reason" => why.name()).increment(1);
        debug!(peer = ?watched.connection.peer, reason = why.name(), "a connection is cut");
        if let Some(task) = watched.connection.task.get() {
            task.abort();
        }
    }

    pub(super) fn remove(&self, table: &mut Table, number: u64) -> Option<Watched> {
        let watched = table.open.remove(&number)?;
        table.ordinary -= usize::from(watched.connection.room == Room::Ordinary);
        let address = watched.connection.peer.map(|peer| peer.ip());
        release(table, address.filter(|address| self.is_counted(*address)));
        Some(watched)
    }

    pub(super) fn closed(&self, connection: &Connection) {
        self.remove(&mut self.table(), connection.number);
    }

    pub(super) fn is_counted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !address.is_loopback() && !self.trusted_proxies.contains(&address)
    }

    pub(super) fn refused(&self, reason: &'static str, peer: Option<SocketAddr>) {
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

    /// Looks at all connections, and cuts those that exceed a limit.
    pub(super) fn look(&self) {
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
    pub(super) gate: Arc<Gate>,
    pub(super) address: IpAddr,
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        release(&mut self.gate.table(), Some(self.address));
    }
}

/// Connections in all: of the files that may be open, those are left out that the store needs, and a quarter of the rest
/// for calls to apps.
pub(super) fn connections_max(limits: &Limits, files_max: usize) -> usize {
    let files = files_max.saturating_sub(FILES_RESERVED) / 4 * 3;
    files.saturating_sub(limits.connections_reserved).clamp(1, limits.connections_max)
}

/// How many files the process may have open.
fn files_max() -> usize {
    let current = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Returns when the server stops.
pub(super) async fn ended(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
