//! Cursors: opaque to callers, a place in a list to us. They name a time or a number, never an offset.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::call::Call;
use crate::reply::Error;
use redraft_service::bounds::heavy;

/// A cursor that continues after `place` in lists of this kind.
pub(super) fn write(kind: &str, place: i64) -> String {
    STANDARD.encode(format!("{kind}:{place}"))
}

fn read(kind: &str, cursor: &str) -> Option<i64> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(kind)?.strip_prefix(':')?.parse().ok()
}

impl Call<'_> {
    /// The place after which the page begins, from the argument `cursor`.
    pub(super) fn cursor(&self, kind: &str) -> Result<Option<i64>, Error> {
        let Some(cursor) = self.args.filled("cursor") else { return Ok(None) };
        let unreadable = || Error::new("invalid_cursor").because("the cursor is not one of this method's");
        read(kind, cursor).map(Some).ok_or_else(unreadable)
    }

    /// How many items a page has: larger wishes are cut to `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Error> {
        match self.args.number("limit").map_err(|_| invalid_limit())? {
            None | Some(0) => Ok(default),
            Some(limit) => usize::try_from(limit).map(|limit| limit.min(max)).map_err(|_| invalid_limit()),
        }
    }
}

fn invalid_limit() -> Error {
    Error::new("invalid_limit").because("limit must be a number above zero")
}

/// A page of a list: the items, and the cursor of the next page, empty on the last one.
pub(super) fn page<T>(
    items: impl Iterator<Item = T>,
    limit: usize,
    place: impl Fn(&T) -> String,
) -> (Vec<T>, String) {
    let mut page: Vec<T> = items.take(limit + 1).collect();
    if page.len() <= limit {
        return (page, String::new());
    }
    page.truncate(limit);
    let next = page.last().map(place).unwrap_or_default();
    (page, next)
}

/// Bytes of JSON of one page of people or conversations.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// Bytes of one of them as JSON, about.
const ITEM_BYTES: usize = 1000;

/// A page of a list as a JSON array, and the cursor of the next page, empty on the last one. It ends after `limit` items or
/// [`PAGE_BYTES_MAX`], but has one at least.
pub(super) fn written_page<T>(
    call: &Call<'_>,
    items: impl Iterator<Item = T>,
    limit: usize,
    write: impl Fn(&T) -> String,
    place: impl Fn(&T) -> String,
) -> (String, String) {
    let bytes = limit.min(call.directory.entries()).saturating_mul(ITEM_BYTES);
    heavy(bytes, || page_of(items, limit, write, place))
}

fn page_of<T>(
    items: impl Iterator<Item = T>,
    limit: usize,
    write: impl Fn(&T) -> String,
    place: impl Fn(&T) -> String,
) -> (String, String) {
    let mut json = String::from("[");
    let mut last: Option<String> = None;
    for (count, item) in items.enumerate() {
        let written = if count < limit { write(&item) } else { String::new() };
        if limit <= count || (last.is_some() && PAGE_BYTES_MAX < json.len() + written.len()) {
            json.push(']');
            return (json, last.unwrap_or_default());
        }
        if last.is_some() {
            json.push(',');
        }
        json.push_str(&written);
        last = Some(place(&item));
    }
    json.push(']');
    (json, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and bytes both end a page, one item always fits, and a walk finds everything once.
    #[test]
    fn pages_end_by_rows_or_bytes() {
        for (limit, bytes, expected) in [
            (3, 1, vec![3, 3, 1]),
            (7, 1, vec![7]),
            (9, 1, vec![7]),
            (7, 400_000, vec![2, 2, 2, 1]),
            (7, 2 << 20, vec![1; 7]),
        ] {
            let (mut sizes, mut from) = (Vec::new(), 0);
            loop {
                let write = |_: &usize| format!("\"{}\"", "x".repeat(bytes));
                let (json, next) = page_of(from..7, limit, write, usize::to_string);
                sizes.push(serde_json::from_str::<Vec<String>>(&json).unwrap().len());
                if next.is_empty() {
                    break;
                }
                from = next.parse::<usize>().unwrap() + 1;
            }
            assert_eq!(sizes, expected, "{limit} {bytes}");
        }
    }
}
