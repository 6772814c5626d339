//! Messages as narrow rows: what the row's own key says is left out, and what is yes or no is one bit. Twice as many
//! messages fit on a page, so that changing messages all over a channel reads and writes half as many pages.

use std::sync::Arc;

use redraft_model::content::Parts;
use redraft_model::id::{AppId, MessageKey, UserId};
use redraft_model::message::{Appended, Audience, Edited, Gone, Kind, Message, State, Thread};
use redraft_model::time::{Micros, Ts};

use super::keys::Timeline;
use crate::record::Field;

/// The first byte of a message's row.
const MESSAGE: u8 = 1;

/// The first byte of a row that names the root of the broadcast reply which stands there.
const BROADCAST: u8 = 2;

/// The first byte of a row of a deleted message.
const GONE: u8 = 3;

/// A row of `message`: the message itself, or in the channel's timeline the root of the broadcast reply that stands there.
pub(super) enum Row {
    Message(Message),
    Broadcast(Ts),
}

const IS_BROADCAST: u8 = 1;
const AS_APP: u8 = 1 << 1;
const ME: u8 = 1 << 2;
const ONLY: u8 = 1 << 3;
const TOMBSTONE: u8 = 1 << 4;
const EDITED: u8 = 1 << 5;
const THREAD: u8 = 1 << 6;
const APP: u8 = 1 << 7;

const BLOCKS: u8 = 1;
const ATTACHMENTS: u8 = 1 << 1;
const METADATA: u8 = 1 << 2;
const ACTIVITY: u8 = 1 << 3;
/// Of an ephemeral reply, whose row is not in its thread's line.
const ROOT: u8 = 1 << 4;
const STREAMING: u8 = 1 << 5;
const MARKED: u8 = 1 << 6;
/// A third byte of flags follows.
const MORE: u8 = 1 << 7;

const FILES: u8 = 1;
/// Above it stands the number of a kind that the platform writes.
const KIND_SHIFT: u32 = 4;

/// Messages of the platform itself, by number.
const KINDS: [Kind; 7] =
    [Kind::Join, Kind::Leave, Kind::Topic, Kind::Purpose, Kind::Name, Kind::Archive, Kind::Unarchive];

/// What is known of a stream, after its sequence number.
const INFORMATIVE: u8 = 1;
const STOPPED: u8 = 1 << 1;
const IN_PIECES: u8 = 1 << 2;
const UNTOLD: u8 = 1 << 3;

/// The flags whose conditions hold.
fn flags<const N: usize>(conditions: [(u8, bool); N]) -> u8 {
    conditions.into_iter().filter(|(_, holds)| *holds).fold(0, |all, (flag, _)| all | flag)
}

/// The row of a message.
pub(super) fn message(it: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    let (edited, deleted_at, revision) = match it.state {
        State::Live { revision, edited } => (edited, None, Some(revision)),
        State::Streaming { .. } => (None, None, None),
        State::Tombstone { deleted_at } => (None, Some(deleted_at), None),
    };
    let stream = match it.state {
        State::Streaming { sequence, informative, stopped, appended } => {
            let flags = flags([
                (INFORMATIVE, informative),
                (STOPPED, stopped),
                (IN_PIECES, appended.is_some()),
                (UNTOLD, appended.is_some_and(|appended| appended.untold)),
            ]);
            Some((sequence, flags, appended))
        }
        State::Live { .. } | State::Tombstone { .. } => None,
    };
    let only = match it.audience {
        Audience::Everyone => None,
        Audience::Only(reader) => Some(reader),
    };
    let root = it.root.filter(|_| only.is_some());
    let kind = KINDS.iter().zip(1_u8..).find(|(kind, _)| **kind == it.kind).map_or(0, |(_, number)| number);
    let more = flags([(FILES, it.parts.files)]) | kind << KIND_SHIFT;
    out.push(MESSAGE);
    out.push(flags([
        (IS_BROADCAST, it.broadcast),
        (AS_APP, it.as_app),
        (ME, it.kind == Kind::Me),
        (ONLY, only.is_some()),
        (TOMBSTONE, deleted_at.is_some()),
        (EDITED, edited.is_some()),
        (THREAD, it.thread.is_some()),
        (APP, it.app.is_some()),
    ]));
    out.push(flags([
        (BLOCKS, it.parts.blocks),
        (ATTACHMENTS, it.parts.attachments),
        (METADATA, it.parts.metadata),
        (ACTIVITY, it.parts.activity),
        (ROOT, root.is_some()),
        (STREAMING, stream.is_some()),
        (MARKED, it.marked),
        (MORE, more != 0),
    ]));
    out.extend((more != 0).then_some(more));
    it.author.put(&mut out);
    it.content_at.put(&mut out);
    it.app.iter().for_each(|app| app.put(&mut out));
    only.iter().for_each(|reader| reader.put(&mut out));
    root.iter().for_each(|root| root.put(&mut out));
    revision.iter().for_each(|revision| revision.put(&mut out));
    if let Some((sequence, flags, appended)) = stream {
        sequence.put(&mut out);
        out.push(flags);
        if let Some(Appended { bytes, told_at, .. }) = appended {
            bytes.put(&mut out);
            put_since(it.key, told_at, &mut out);
        }
    }
    deleted_at.iter().for_each(|at| put_since(it.key, *at, &mut out));
    if let Some(Edited { by, at }) = edited {
        by.put(&mut out);
        put_since(it.key, at, &mut out);
    }
    it.thread.iter().for_each(|thread| thread.put(&mut out));
    out
}

/// The row of a broadcast reply in the channel's timeline.
pub(super) fn broadcast(root: Ts) -> Vec<u8> {
    let mut out = vec![BROADCAST];
    root.put(&mut out);
    out
}

/// A row of `message` with this key in this timeline; `None` if it is damaged.
pub(super) fn row(bytes: &[u8], key: MessageKey, timeline: Timeline) -> Option<Row> {
    let (kind, mut rest) = bytes.split_first()?;
    let row = match *kind {
        MESSAGE => Row::Message(take_message(&mut rest, key, timeline)?),
        BROADCAST => Row::Broadcast(Ts::take(&mut rest)?),
        _ => return None,
    };
    rest.is_empty().then_some(row)
}

fn take_message(from: &mut &[u8], key: MessageKey, timeline: Timeline) -> Option<Message> {
    let ([first, second], rest) = from.split_first_chunk()?;
    *from = rest;
    let (has, made_of) = (|flag| first & flag != 0, |flag| second & flag != 0);
    let mut more = 0;
    if made_of(MORE) {
        let (third, rest) = from.split_first()?;
        (more, *from) = (*third, rest);
    }
    let kind = match more >> KIND_SHIFT {
        0 if has(ME) => Kind::Me,
        0 => Kind::Plain,
        number => *KINDS.get(usize::from(number) - 1)?,
    };
    let author = UserId::take(from)?;
    let content_at = u64::take(from)?;
    let app = if has(APP) { Some(AppId::take(from)?) } else { None };
    let audience = if has(ONLY) { Audience::Only(UserId::take(from)?) } else { Audience::Everyone };
    let root = match timeline {
        Timeline::Ephemeral if made_of(ROOT) => Some(Ts::take(from)?),
        Timeline::Ephemeral | Timeline::Channel => None,
        Timeline::Thread(root) => Some(root),
    };
    let state = if has(TOMBSTONE) {
        State::Tombstone { deleted_at: take_since(key, from)? }
    } else if made_of(STREAMING) {
        let sequence = u32::take(from)?;
        let (flags, rest) = from.split_first()?;
        *from = rest;
        let appended = if flags & IN_PIECES != 0 {
            let (bytes, told_at) = (u32::take(from)?, take_since(key, from)?);
            Some(Appended { bytes, told_at, untold: flags & UNTOLD != 0 })
        } else {
            None
        };
        let (informative, stopped) = (flags & INFORMATIVE != 0, flags & STOPPED != 0);
        State::Streaming { sequence, informative, stopped, appended }
    } else {
        let revision = Field::take(from)?;
        let edited = if has(EDITED) {
            Some(Edited { by: UserId::take(from)?, at: take_since(key, from)? })
        } else {
            None
        };
        State::Live { revision, edited }
    };
    Some(Message {
        key,
        root,
        broadcast: has(IS_BROADCAST),
        audience,
        author,
        app,
        as_app: has(AS_APP),
        kind,
        state,
        content_at,
        parts: Parts {
            blocks: made_of(BLOCKS),
            attachments: made_of(ATTACHMENTS),
            metadata: made_of(METADATA),
            activity: made_of(ACTIVITY),
            files: more & FILES != 0,
        },
        thread: if has(THREAD) { Some(Thread::take(from)?) } else { None },
        marked: made_of(MARKED),
    })
}

/// A time as the distance from the message's own, which is short.
fn put_since(key: MessageKey, at: Micros, out: &mut Vec<u8>) {
    at.0.wrapping_sub(key.ts.0).put(out);
}

fn take_since(key: MessageKey, from: &mut &[u8]) -> Option<Micros> {
    Some(Micros(i64::take(from)?.wrapping_add(key.ts.0)))
}

/// The row of a deleted message's record.
pub(super) fn gone(it: &Gone) -> Vec<u8> {
    let mut out = vec![GONE];
    it.by.put(&mut out);
    put_since(it.last.key, it.at, &mut out);
    Timeline::of(&it.last).number().put(&mut out);
    out.extend(message(&it.last));
    out
}

/// A row of `gone` with this key; `None` if it is damaged.
pub(super) fn gone_row(bytes: &[u8], key: MessageKey) -> Option<Gone> {
    let (kind, mut rest) = bytes.split_first()?;
    let by = UserId::take(&mut rest)?;
    let at = take_since(key, &mut rest)?;
    let timeline = Timeline::from_number(i64::take(&mut rest)?);
    let Row::Message(last) = row(rest, key, timeline)? else { return None };
    (*kind == GONE).then(|| Gone { last: Arc::new(last), by, at })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use redraft_model::id::{ConversationId, WorkspaceId};

    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let key = MessageKey {
            workspace: WorkspaceId(3),
            conversation: ConversationId(7),
            ts: Ts(1_700_000_000_000_100),
        };
        let plain = Message {
            key,
            root: None,
            broadcast: false,
            audience: Audience::Everyone,
            author: UserId(9),
            app: Some(AppId(2)),
            as_app: true,
            kind: Kind::Plain,
            state: State::Live { revision: NonZeroU32::MIN, edited: None },
            content_at: 300,
            parts: Parts::default(),
            thread: None,
            marked: false,
        };
        let (root, at) = (Some(Ts(1_600_000_000_000_000)), Micros(1_700_000_009_000_000));
        let edited = Some(Edited { by: UserId(4), at });
        let thread =
            Thread { replies: 2, repliers: 1, latest: Ts(1_700_000_001_000_000), users: vec![UserId(1)] };
        let all = Parts { blocks: true, attachments: true, metadata: true, activity: true, files: true };
        let tombstone = State::Tombstone { deleted_at: at };
        let streaming = State::Streaming { sequence: 300, informative: true, stopped: true, appended: None };
        let appended = Some(Appended { bytes: 70_000, told_at: at, untold: true });
        let growing = State::Streaming { sequence: 300, informative: false, stopped: false, appended };
        for (message, number) in [
            (plain.clone(), 0),
            (Message { app: None, as_app: false, kind: Kind::Me, parts: all, ..plain.clone() }, 0),
            (Message { state: State::Live { revision: NonZeroU32::MAX, edited }, ..plain.clone() }, 0),
            (Message { kind: Kind::Join, ..plain.clone() }, 0),
            (Message { kind: Kind::Unarchive, parts: all, ..plain.clone() }, 0),
            (Message { state: tombstone, thread: Some(thread), ..plain.clone() }, 0),
            (Message { state: streaming, marked: true, ..plain.clone() }, 0),
            (Message { state: growing, ..plain.clone() }, 0),
            (Message { root, broadcast: true, ..plain.clone() }, 1_600_000_000_000_000),
            (Message { audience: Audience::Only(UserId(5)), ..plain.clone() }, -1),
            (Message { audience: Audience::Only(UserId(5)), root, ..plain.clone() }, -1),
        ] {
            let timeline = Timeline::from_number(number);
            assert_eq!(Timeline::of(&message), timeline);
            let bytes = super::message(&message);
            assert!(bytes.len() < 40, "{message:?}");
            let Some(Row::Message(again)) = row(&bytes, key, timeline) else { panic!("{message:?}") };
            assert_eq!(again, message);
            assert!(row(&bytes[..bytes.len() - 1], key, timeline).is_none(), "cut short: {message:?}");
            let lost = Gone { last: Arc::new(message), by: UserId(4), at };
            assert_eq!(gone_row(&gone(&lost), key), Some(lost));
        }
        let Some(Row::Broadcast(again)) = row(&broadcast(Ts(5)), key, Timeline::Channel) else {
            panic!("a broadcast")
        };
        assert_eq!(again, Ts(5));
    }
}
