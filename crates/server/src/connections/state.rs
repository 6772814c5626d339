//! What one connection is doing, as atomic numbers that its own tasks write and the gate reads.
//!
//! It lives as long as the connection. Nothing here waits or takes a lock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use tokio::task::AbortHandle;

use crate::config::Limits;

/// A connection that has sent a part of a head may be closed for another one after this time.
const HEAD_PROTECTED_MS: u64 = 1000;

/// The same of one that has sent nothing: what it sent may not have been read yet. And of one in the reserve, where heads
/// are short and come at once: whoever asks for health waits no longer for those that hold the reserve.
pub(super) const SILENT_PROTECTED_MS: u64 = 100;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Phase {
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
    pub(super) const ALL: [Self; 6] =
        [Self::Handshake, Self::Head, Self::Body, Self::Answering, Self::Idle, Self::Upgraded];

    pub(super) fn of(number: u8) -> Self {
        Self::ALL[usize::from(number).min(Self::ALL.len() - 1)]
    }

    pub(super) fn name(self) -> &'static str {
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
pub(super) enum Cut {
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
    pub(super) fn name(self) -> &'static str {
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
    pub(super) now_ms: Arc<AtomicU64>,
    pub(super) number: u64,
    /// Who is at the other end; none on a Unix socket.
    pub peer: Option<SocketAddr>,
    pub room: Room,
    pub(super) phase: AtomicU8,
    pub(super) since: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    /// Reading, or writing, waits for the other end.
    pub(super) awaits_bytes: AtomicBool,
    pub(super) awaits_room: AtomicBool,
    /// Unsent bytes are discarded when the connection is dropped; the system does not hold them.
    pub(super) reset: AtomicBool,
    pub(super) task: OnceLock<AbortHandle>,
}

impl Connection {
    pub(super) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    /// How long it may be in a handshake or a head before it gives way to another one, and in which turn.
    pub(super) fn protected_ms(&self) -> (u8, u64) {
        let silent = self.received.load(Ordering::Relaxed) == 0;
        match self.room {
            _ if silent => (0, SILENT_PROTECTED_MS),
            Room::Reserved => (1, SILENT_PROTECTED_MS),
            Room::Ordinary => (1, HEAD_PROTECTED_MS),
        }
    }

    /// Whether it is worth waiting until it gives way to another one.
    pub(super) fn gives_way_soon(&self) -> bool {
        matches!(self.phase(), Phase::Handshake | Phase::Head) && self.protected_ms().1 == SILENT_PROTECTED_MS
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since.store(self.now_ms.load(Ordering::Relaxed), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The body has come as a whole. If the answer came first, there is nothing to note.
    pub(super) fn body_ended(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Answering);
        }
    }

    /// The answer is written as far as the server is concerned.
    pub(super) fn answered(&self, status: StatusCode) {
        self.enter(match self.phase() {
            _ if status == StatusCode::SWITCHING_PROTOCOLS => Phase::Upgraded,
            // What is left of the body is awaited no longer than a head.
            Phase::Body => Phase::Head,
            Phase::Handshake | Phase::Head | Phase::Answering | Phase::Idle | Phase::Upgraded => Phase::Idle,
        });
    }
}

#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) start_ms: u64,
    pub(super) bytes: u64,
    pub(super) phase_since: u64,
}

impl Window {
    /// Whether there was too little progress for too long; begins a new window after enough of it.
    pub(super) fn stalled(
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
