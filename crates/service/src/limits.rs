//! What connections, requests and bodies may cost.

/// The biggest request body that is read.
pub const BODY_BYTES_MAX: usize = 2 << 20;

/// Of a body that is too big, so much is read and thrown away, so that the client reads the answer.
pub const DRAIN_BYTES_MAX: usize = 16 << 20;

/// What connections and requests may cost. No option sets these; tests use smaller ones.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all, without the reserved ones; fewer if fewer files may be open.
    pub connections_max: usize,
    /// Connections beyond these, which are for health, metrics and the control API only.
    pub connections_reserved: usize,
    /// Connections of one address, or requests of it at a time that a trusted proxy passes on. This machine's addresses and
    /// trusted proxies are not counted.
    pub connections_of_address_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_ms: u64,
    /// How long the head of a request may take, and how long a new connection may wait with it.
    pub head_ms: u64,
    /// How long a connection may be idle between two requests.
    pub idle_ms: u64,
    /// In this time a body that is awaited, or an answer that is written, has to advance by `progress_bytes`.
    pub progress_ms: u64,
    /// See `progress_ms`. 16 KiB in 20 seconds is less than the slowest mobile network gives.
    pub progress_bytes: u64,
    /// How long a stopping server waits for the rest of a body.
    pub stop_body_ms: u64,
    /// Bytes of request bodies in memory at a time, without those of the control API.
    pub bodies_bytes_max: usize,
    /// The same of the control API.
    pub control_bodies_bytes_max: usize,
    /// Bytes of answers above 64 KiB that are not yet written.
    pub answers_bytes_max: usize,
    /// How long a request waits for room for its body before it is refused.
    pub bodies_wait_ms: u64,
    /// Requests of one token that are under way at a time.
    pub requests_of_token_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_reserved: 16,
            connections_of_address_max: 512,
            handshake_ms: 10_000,
            head_ms: 20_000,
            idle_ms: 300_000,
            progress_ms: 20_000,
            progress_bytes: 16 << 10,
            stop_body_ms: 2_000,
            bodies_bytes_max: 128 << 20,
            control_bodies_bytes_max: 16 << 20,
            answers_bytes_max: 128 << 20,
            bodies_wait_ms: 2_000,
            requests_of_token_max: 256,
        }
    }
}
