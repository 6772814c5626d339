//! A checksum behind every row's body. It covers the row's table and key as well, so that a row that turns up under
//! another key is found out. CRC-32 finds every change of up to 32 bits in a row, a flipped byte among them, with
//! certainty, and others but for one in four thousand million.

use crc32fast::Hasher;

use redraft_model::content::Piece;
use redraft_model::event::Event;
use redraft_model::item::Item;
use redraft_model::message::{PersonalView, Replier};
use redraft_model::time::Ts;
use redraft_model::view::Remembered;
use rusqlite::types::{FromSql, ValueRef};

use super::keys::{ConversationKey, LogKey, Timeline};
use super::packed;
use crate::Delivery;
use crate::record::{Entry, RevisionRow, decode};

use crate::record::CHECKSUM_BYTES as SUM_BYTES;

/// Which row of which table a body is in.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    /// The message's ts is the last.
    Message(ConversationKey, Timeline, i64),
    /// The ts of the root and the number of the user.
    Replier(ConversationKey, i64, i64),
    /// The event that wrote the content.
    Revision(LogKey),
    /// The key of the event.
    Log(LogKey),
    /// The ts of the message that was deleted.
    Gone(ConversationKey, i64),
    /// Identity, key.
    Remembered(&'a [u8], &'a str),
    /// The message's ts and the piece's number.
    Piece(ConversationKey, i64, i64),
    /// The message's ts and the user.
    View(ConversationKey, i64, i64),
    /// Workspace, app, position, part.
    Delivery(i64, i64, i64, i64),
    /// Workspace, key.
    Item(i64, &'a [u8]),
    /// Workspace, whether it is as it was made, key.
    Directory(i64, bool, &'a [u8]),
    /// Workspace, digest.
    Blob(i64, &'a [u8]),
    /// The name of the value.
    Meta(&'a str),
    /// The message's ts, since when, and the user.
    Reaction(ConversationKey, i64, i64, i64),
}

impl Row<'_> {
    /// The checksum of a body in this row. The number of a table is stored in every sum and never given anew.
    fn sum(self, body: &[u8]) -> [u8; SUM_BYTES] {
        let mut hasher = Hasher::new();
        match self {
            Self::Message(conversation, timeline, ts) => {
                number(&mut hasher, 1, [conversation.number(), timeline.number(), ts])
            }
            Self::Replier(conversation, root, user) => {
                number(&mut hasher, 2, [conversation.number(), root, user])
            }
            Self::Revision(log_key) => number(&mut hasher, 3, [log_key.number()]),
            Self::Log(log_key) => number(&mut hasher, 4, [log_key.number()]),
            Self::Gone(conversation, ts) => number(&mut hasher, 5, [conversation.number(), ts]),
            Self::Remembered(identity, key) => text(&mut hasher, 6, 0, &[identity, key.as_bytes()]),
            Self::Piece(conversation, ts, piece) => {
                number(&mut hasher, 7, [conversation.number(), ts, piece])
            }
            Self::View(conversation, ts, user) => number(&mut hasher, 8, [conversation.number(), ts, user]),
            Self::Delivery(workspace, app, position, part) => {
                number(&mut hasher, 9, [workspace, app, position, part]);
            }
            Self::Item(workspace, key) => text(&mut hasher, 10, workspace, &[key]),
            Self::Directory(workspace, origin, key) => {
                text(&mut hasher, 11, workspace << 1 | i64::from(origin), &[key]);
            }
            Self::Blob(workspace, digest) => text(&mut hasher, 12, workspace, &[digest]),
            Self::Meta(name) => text(&mut hasher, 13, 0, &[name.as_bytes()]),
            Self::Reaction(conversation, ts, since, user) => {
                number(&mut hasher, 14, [conversation.number(), ts, since, user])
            }
        }
        hasher.update(body);
        hasher.finalize().to_le_bytes()
    }
}

fn number<const N: usize>(hasher: &mut Hasher, table: u8, key: [i64; N]) {
    let mut bytes = [0; 40];
    bytes[0] = table;
    for (at, part) in key.into_iter().enumerate() {
        bytes[1 + 8 * at..9 + 8 * at].copy_from_slice(&part.to_le_bytes());
    }
    hasher.update(&bytes[..1 + 8 * N]);
}

/// Each part has its length before it, so that two keys are never the same bytes.
fn text(hasher: &mut Hasher, table: u8, first: i64, parts: &[&[u8]]) {
    number(hasher, table, [first]);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
}

/// The body with its checksum behind it, as it is stored.
pub(super) fn seal(row: Row, mut body: Vec<u8>) -> Vec<u8> {
    let sum = row.sum(&body);
    body.extend_from_slice(&sum);
    body
}

/// The body of a row; `None` if it is not what was stored there.
pub(super) fn unseal<'a>(row: Row, sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (body, sum) = sealed.split_last_chunk::<SUM_BYTES>()?;
    (row.sum(body) == *sum).then_some(body)
}

/// A table whose rows have checksums.
pub(super) struct Table {
    /// Its number in the sums.
    pub number: i64,
    /// The table's name in the schema.
    pub name: &'static str,
    /// The column with the body and its sum.
    pub body: &'static str,
    /// The columns that make the row's name.
    pub key: &'static str,
}

const fn table(number: i64, name: &'static str, body: &'static str, key: &'static str) -> Table {
    Table { number, name, body, key }
}

/// Every table whose rows are sealed. The numbers are part of the sums: none is given anew.
pub(super) const TABLES: [Table; 14] = [
    table(1, "message", "body", "place, line, ts"),
    table(2, "replier", "body", "place, root, user"),
    table(3, "revision", "body", "spot"),
    table(4, "log", "body", "spot"),
    table(5, "gone", "body", "place, ts"),
    table(6, "remembered", "body", "identity, key"),
    table(7, "piece", "body", "place, ts, number"),
    table(8, "view", "body", "place, ts, user"),
    table(9, "delivery", "body", "workspace, app, position, part"),
    table(10, "item", "body", "workspace, key"),
    table(11, "directory", "body", "workspace, key, origin"),
    table(12, "blob", "bytes", "workspace, digest"),
    table(13, "meta", "value", "name"),
    table(14, "reaction", "name", "place, ts, since, user"),
];

/// The sealed body of a row of schema 3. One that cannot be read stays as it is: it is damaged, and a checksum would
/// say that it is not.
pub(super) fn of_schema_3(table: i64, body: &[u8], key: &[ValueRef]) -> Vec<u8> {
    let whole = row_of(table, key).filter(|row| readable(*row, body));
    whole.map_or_else(|| body.to_vec(), |row| seal(row, body.to_vec()))
}

/// A row's name from the values of its key columns, as [`TABLES`] has them.
pub(super) fn row_of<'a>(table: i64, key: &[ValueRef<'a>]) -> Option<Row<'a>> {
    let number = |at: usize| key.get(at).and_then(|value| value.as_i64().ok());
    let bytes = |at: usize| key.get(at).and_then(|value| value.as_bytes().ok());
    let text = |at: usize| key.get(at).and_then(|value| value.as_str().ok());
    let conversation = |at: usize| key.get(at).and_then(|value| ConversationKey::column_result(*value).ok());
    let log_key = |at: usize| key.get(at).and_then(|value| LogKey::column_result(*value).ok());
    Some(match table {
        1 => Row::Message(conversation(0)?, Timeline::from_number(number(1)?), number(2)?),
        2 => Row::Replier(conversation(0)?, number(1)?, number(2)?),
        3 => Row::Revision(log_key(0)?),
        4 => Row::Log(log_key(0)?),
        5 => Row::Gone(conversation(0)?, number(1)?),
        6 => Row::Remembered(bytes(0)?, text(1)?),
        7 => Row::Piece(conversation(0)?, number(1)?, number(2)?),
        8 => Row::View(conversation(0)?, number(1)?, number(2)?),
        9 => Row::Delivery(number(0)?, number(1)?, number(2)?, number(3)?),
        10 => Row::Item(number(0)?, bytes(1)?),
        11 => Row::Directory(number(0)?, number(2)? != 0, bytes(1)?),
        12 => Row::Blob(number(0)?, bytes(1)?),
        13 => Row::Meta(text(0)?),
        14 => Row::Reaction(conversation(0)?, number(1)?, number(2)?, number(3)?),
        _ => return None,
    })
}

/// Whether a body is one that could stand in its row.
pub(super) fn readable(row: Row, body: &[u8]) -> bool {
    match row {
        Row::Message(conversation, timeline, ts) => {
            packed::row(body, conversation.message(Ts(ts)), timeline).is_some()
        }
        Row::Replier(..) => decode::<Replier>(body).is_some(),
        Row::Revision(log_key) => decode::<RevisionRow>(body)
            .is_some_and(|row| LogKey::new(row.revision.key.workspace, row.revision.position) == log_key),
        Row::Log(log_key) => decode::<Event>(body).is_some_and(|event| {
            i64::try_from(event.position).is_ok_and(|position| position == log_key.position())
        }),
        Row::Gone(conversation, ts) => packed::gone_row(body, conversation.message(Ts(ts))).is_some(),
        Row::Remembered(..) => decode::<Remembered>(body).is_some(),
        Row::Piece(..) => decode::<Piece>(body).is_some(),
        Row::View(..) => decode::<PersonalView>(body).is_some(),
        Row::Delivery(..) => decode::<Delivery>(body).is_some(),
        Row::Item(..) => decode::<Item>(body).is_some(),
        Row::Directory(..) => decode::<Entry>(body).is_some(),
        Row::Blob(..) | Row::Meta(_) => true,
        Row::Reaction(..) => std::str::from_utf8(body).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use redraft_model::id::WorkspaceId;

    use super::*;

    #[test]
    fn every_flipped_byte_and_every_other_key_is_found() {
        let row = Row::Delivery(1, 2, 300, 0);
        let body = b"a body of some length".to_vec();
        let sealed = seal(row, body.clone());
        assert_eq!(unseal(row, &sealed), Some(&body[..]));
        for at in 0..sealed.len() {
            for flip in 1..=255 {
                let mut flipped = sealed.clone();
                flipped[at] ^= flip;
                assert_eq!(unseal(row, &flipped), None, "{at} {flip}");
            }
        }
        for other in [
            Row::Delivery(1, 2, 300, 1),
            Row::Delivery(2, 1, 300, 0),
            Row::Log(LogKey::new(WorkspaceId(0), 300)),
            Row::Meta("a"),
        ] {
            assert_eq!(unseal(other, &sealed), None);
        }
        assert_eq!(unseal(Row::Log(LogKey::new(WorkspaceId(0), 1)), b""), None);
    }
}
