//! Cursors: opaque to callers, a place in a list to us. They name a time or a number, never an offset.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Call;
use super::reply::Error;

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
