//! What requests may cost beside their connections: bodies, answers and pages in memory, requests of one token under way,
//! and time on the runtime's threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use metrics::{counter, gauge};
use redraft_model::id::{AppId, TokenHash, WorkspaceId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::limits::{BODY_BYTES_MAX, DRAIN_BYTES_MAX, Limits};

/// So much of a body counts for nothing: connections are bounded themselves.
const UNCOUNTED_BYTES: usize = 16 << 10;

/// An answer of this size or less needs no room.
const UNCOUNTED_ANSWER_BYTES: usize = 64 << 10;

/// Work on so many bytes leaves the runtime's threads: it takes about a millisecond.
const HEAVY_BYTES: usize = 128 << 10;

/// Pages of lists that are read and written at a time; further ones wait. More than the store reads at a time.
const PAGES_AT_ONCE: usize = 8;

/// The same of the control API, which does not wait for the others.
const CONTROL_PAGES_AT_ONCE: usize = 4;

/// A body whose size was not announced takes room in steps of this size.
const STEP_BYTES: usize = 256 << 10;

/// A body that was not read.
pub enum Unread {
    /// It has more bytes than are read.
    TooBig,
    /// The connection ended early.
    Cut,
    /// There was no room for it in time.
    NoRoom,
}

/// Whom requests under way are counted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A Slack token.
    Token(TokenHash),
    /// A Teams bot, whose tokens change all the time.
    Bot(WorkspaceId, AppId),
}

/// The bounds of a running server.
pub struct Bounds {
    bodies: Budget,
    control_bodies: Budget,
    answers: Budget,
    pages: Semaphore,
    control_pages: Semaphore,
    wait: Duration,
    requests_of_token_max: u32,
    under_way: Mutex<HashMap<Holder, u32>>,
}

/// Bytes of bodies that may be in memory at a time.
struct Budget {
    free: Arc<Semaphore>,
    bytes_max: usize,
}

impl Budget {
    fn new(bytes_max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes_max)), bytes_max }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

impl Bounds {
    /// Bounds as these limits say; all of them are free.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            bodies: Budget::new(limits.bodies_bytes_max),
            control_bodies: Budget::new(limits.control_bodies_bytes_max),
            answers: Budget::new(limits.answers_bytes_max),
            pages: Semaphore::new(PAGES_AT_ONCE),
            control_pages: Semaphore::new(CONTROL_PAGES_AT_ONCE),
            wait: Duration::from_millis(limits.bodies_wait_ms),
            requests_of_token_max: u32::try_from(limits.requests_of_token_max).unwrap_or(u32::MAX),
            under_way: Mutex::default(),
        }
    }

    /// Counts a request until what is returned is dropped; `None` if its holder has as many as it may have.
    pub fn begin(&self, holder: Holder) -> Option<UnderWay<'_>> {
        let mut all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(holder).or_default();
        if self.requests_of_token_max <= *count {
            drop(all);
            counter!("redraft_requests_refused_total", "reason" => "token").increment(1);
            return None;
        }
        *count += 1;
        Some(UnderWay { bounds: self, holder })
    }

    /// The right to read and write one page of a list. The caller holds it until the answer is made, so that pages in memory are as
    /// few.
    pub async fn page(&self) -> Option<SemaphorePermit<'_>> {
        self.pages.acquire().await.ok()
    }

    /// The same for the control API.
    pub async fn control_page(&self) -> Option<SemaphorePermit<'_>> {
        self.control_pages.acquire().await.ok()
    }

    /// Room for an answer until it is written; a small one needs none.
    ///
    /// # Errors
    /// When others take all of it: their readers are slow.
    pub fn room_for_answer(&self, body: &Body) -> Result<Option<AnswerRoom>, NoRoom> {
        let bytes = usize::try_from(HttpBody::size_hint(body).lower()).unwrap_or(usize::MAX);
        if bytes <= UNCOUNTED_ANSWER_BYTES {
            return Ok(None);
        }
        let permits = u32::try_from(bytes.min(self.answers.bytes_max)).unwrap_or(u32::MAX);
        match Arc::clone(&self.answers.free).try_acquire_many_owned(permits) {
            Ok(room) => Ok(Some(AnswerRoom(Arc::new(room)))),
            Err(_) => {
                counter!("redraft_requests_refused_total", "reason" => "answers").increment(1);
                Err(NoRoom)
            }
        }
    }

    /// Shows in the metrics how much of the bounds is used.
    pub fn measure(&self) {
        for (name, budget) in
            [("bodies", &self.bodies), ("control_bodies", &self.control_bodies), ("answers", &self.answers)]
        {
            let used = budget.bytes_max - budget.free.available_permits();
            let number = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
            gauge!("redraft_memory_bytes", "of" => name).set(number(used));
            gauge!("redraft_memory_bytes_max", "of" => name).set(number(budget.bytes_max));
        }
    }
}

/// Answers that are not yet written take all the room that answers may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;

/// Room for an answer, as a part of it.
#[derive(Clone)]
pub struct AnswerRoom(Arc<OwnedSemaphorePermit>);

impl AnswerRoom {
    /// Bytes that take this room as long as they are there.
    pub fn of(&self, bytes: Bytes) -> impl AsRef<[u8]> + Send + 'static {
        Occupying { bytes, _room: Arc::clone(&self.0) }
    }
}

struct Occupying {
    bytes: Bytes,
    _room: Arc<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Occupying {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Does work on so many bytes where it holds up nobody.
pub fn heavy<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let on_threads = || {
        let runtime = tokio::runtime::Handle::try_current();
        runtime.is_ok_and(|it| it.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread)
    };
    if HEAVY_BYTES < bytes && on_threads() { tokio::task::block_in_place(work) } else { work() }
}

/// A request that is counted for its holder.
pub struct UnderWay<'a> {
    bounds: &'a Bounds,
    holder: Holder,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.bounds.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.holder);
            }
        }
    }
}

/// A request's body before it is read. Whoever answers reads it when it knows that it wants it. When it is dropped
/// unread, what still comes is read and thrown away for a while, so that the sender reads the answer.
pub struct Sent<'a> {
    /// Whence it comes; `None` through the socket in the data folder.
    pub address: Option<IpAddr>,
    body: Option<Body>,
    bounds: &'a Bounds,
    of_control: bool,
    /// The sender waits for a word before it sends.
    waits: bool,
}

/// A body that was read. Its room in memory is taken until it is dropped.
pub struct Read {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Read {
    /// The bytes, which others may keep longer than this.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl Deref for Read {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> Sent<'a> {
    /// A body that is not read yet. `address` is whence it comes, `of_control` whether it takes the room of the control API.
    #[must_use]
    pub fn new(
        body: Body,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        bounds: &'a Bounds,
        of_control: bool,
    ) -> Self {
        let waits = headers.contains_key(header::EXPECT);
        Self { address, body: Some(body), bounds, of_control, waits }
    }

    /// The announced size; `None` if it is not known before the end.
    pub fn announced(&self) -> Option<u64> {
        self.body.as_ref().and_then(|body| HttpBody::size_hint(body).exact())
    }

    /// Reads a body of at most [`BODY_BYTES_MAX`] bytes.
    pub async fn read(self) -> Result<Read, Unread> {
        self.read_at_most(BODY_BYTES_MAX).await
    }

    /// Reads the body. One that is announced as too big is not read.
    pub async fn read_at_most(mut self, bytes_max: usize) -> Result<Read, Unread> {
        let announced = self.announced().unwrap_or(0);
        if (bytes_max as u64) < announced {
            return Err(Unread::TooBig);
        }
        let announced = usize::try_from(announced).unwrap_or(bytes_max);
        let mut room = None;
        let mut counted = UNCOUNTED_BYTES;
        if counted < announced {
            take_room(self.bounds, self.of_control, &mut room, announced).await?;
            counted = announced;
        }
        let mut first: Option<Bytes> = None;
        let mut rest = Vec::new();
        let mut length = 0;
        while let Some(body) = &mut self.body
            && let Some(frame) = body.frame().await
        {
            let Ok(data) = frame.map_err(|_| Unread::Cut)?.into_data() else { continue };
            length += data.len();
            if bytes_max < length {
                return Err(Unread::TooBig);
            }
            while counted < length {
                take_room(self.bounds, self.of_control, &mut room, STEP_BYTES).await?;
                counted += STEP_BYTES;
            }
            match first.take() {
                None if rest.is_empty() => first = Some(data),
                None => rest.extend_from_slice(&data),
                Some(start) => {
                    rest.reserve(announced.max(start.len() + data.len()));
                    rest.extend_from_slice(&start);
                    rest.extend_from_slice(&data);
                }
            }
        }
        self.body = None;
        Ok(Read { bytes: first.unwrap_or_else(|| rest.into()), _room: room })
    }
}

async fn take_room(
    bounds: &Bounds,
    of_control: bool,
    room: &mut Option<OwnedSemaphorePermit>,
    bytes: usize,
) -> Result<(), Unread> {
    let budget = if of_control { &bounds.control_bodies } else { &bounds.bodies };
    let permits = u32::try_from(bytes.min(budget.bytes_max)).unwrap_or(u32::MAX);
    let taken = Arc::clone(&budget.free).acquire_many_owned(permits);
    let Ok(Ok(taken)) = tokio::time::timeout(bounds.wait, taken).await else {
        counter!("redraft_requests_refused_total", "reason" => "bodies").increment(1);
        return Err(Unread::NoRoom);
    };
    match room {
        Some(room) => room.merge(taken),
        None => *room = Some(taken),
    }
    Ok(())
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let announced = self.announced();
        let Some(mut body) = self.body.take() else { return };
        let small = announced.is_none_or(|bytes| bytes <= DRAIN_BYTES_MAX as u64);
        if HttpBody::is_end_stream(&body) || self.waits || !small {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let mut drained = 0;
                while drained <= DRAIN_BYTES_MAX
                    && let Some(Ok(frame)) = body.frame().await
                {
                    drained += frame.data_ref().map_or(0, Bytes::len);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(bodies_bytes_max: usize) -> Bounds {
        Bounds::new(&Limits {
            bodies_bytes_max,
            bodies_wait_ms: 1,
            requests_of_token_max: 2,
            ..Limits::default()
        })
    }

    fn sent(bounds: &Bounds, bytes: usize) -> Sent<'_> {
        Sent::new(Body::from(vec![b'x'; bytes]), &HeaderMap::new(), None, bounds, false)
    }

    fn streamed(bounds: &Bounds, bytes: usize) -> Sent<'_> {
        let part = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes / 8]));
        let body = Body::from_stream(futures_util::stream::iter((0..8).map(part)));
        Sent::new(body, &HeaderMap::new(), None, bounds, false)
    }

    /// Announced or not, a body takes room while it is there, and no more than there is.
    #[tokio::test]
    async fn bodies_have_their_room() {
        let bounds = bounds(1 << 20);
        for make in [sent, streamed] {
            let held = make(&bounds, 900 << 10).read().await.ok().unwrap();
            assert_eq!(held.len(), 900 << 10);
            assert!(matches!(make(&bounds, 600 << 10).read().await, Err(Unread::NoRoom)));
            assert!(make(&bounds, 8 << 10).read().await.is_ok(), "small ones need none");
            drop(held);
            assert!(make(&bounds, 600 << 10).read().await.is_ok(), "there is room again");
            assert_eq!(bounds.bodies.free.available_permits(), 1 << 20);
        }
    }

    #[tokio::test]
    async fn too_big_a_body() {
        let bounds = bounds(64 << 20);
        for make in [sent, streamed] {
            assert!(make(&bounds, BODY_BYTES_MAX).read().await.is_ok());
            assert!(matches!(make(&bounds, BODY_BYTES_MAX + 8).read().await, Err(Unread::TooBig)));
        }
    }

    #[test]
    fn requests_of_one_token() {
        let bounds = bounds(1);
        let (one, other) = (Holder::Bot(WorkspaceId(1), AppId(1)), Holder::Bot(WorkspaceId(1), AppId(2)));
        let first = bounds.begin(one).unwrap();
        let _second = bounds.begin(one).unwrap();
        assert!(bounds.begin(one).is_none());
        assert!(bounds.begin(other).is_some());
        drop(first);
        assert!(bounds.begin(one).is_some());
    }
}
