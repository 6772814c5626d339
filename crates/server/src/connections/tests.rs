use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::HeaderMap;

use super::gate::{Admission, Gate, connections_max};
use super::state::{Connection, Phase, Room, SILENT_PROTECTED_MS, Window};
use crate::config::Limits;

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
