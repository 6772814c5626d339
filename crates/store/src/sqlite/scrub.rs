//! What is left of deleted rows within pages. `secure_delete` zeroes the place of a row that is deleted; but when SQLite
//! rebuilds a page, it moves rows and leaves what was at their old places, in the gap between the page's directory of rows
//! and its first row. When such a row is deleted later, its old bytes stay. So the pages are looked through from time to
//! time, by a reader, and the writer zeroes what nothing uses. That changes nothing that can be read.
//!
//! The format of a page is SQLite's (<https://sqlite.org/fileformat2.html>).

use std::collections::HashSet;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use super::engine::SqliteEngine;

/// Pages that one step looks at: four megabytes.
pub(super) const PAGES_MAX: u32 = 1024;

/// From so many pages on, 128 GiB, the first byte of a page does not tell what it is: it may be a part of a number.
const TELLING_PAGES_MAX: u32 = 1 << 25;

/// What part of the file a page is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of a table or an index, or the rest of a long row.
    InUse,
    /// Free, and the list of other free pages.
    Trunk,
    /// A page that no table uses.
    Free,
}

impl SqliteEngine {
    /// Zeroes what nothing uses in these pages.
    pub(super) fn scrub(&self, pages: &[u32]) -> rusqlite::Result<()> {
        let free = free_pages(&self.db)?;
        for number in pages {
            let Some(mut page) = page(&self.db, *number)? else { continue };
            let mut changed = false;
            for range in unused(&page, *number, free.kind(*number)) {
                let bytes = &mut page[range];
                changed |= bytes.iter().any(|byte| *byte != 0);
                bytes.fill(0);
            }
            if changed {
                self.write("UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1", params![number, page])?;
            }
        }
        Ok(())
    }
}

/// Looks at some pages from this one on; returns those in which something is left, and where to go on.
pub(super) fn look(db: &Connection, from: u32) -> rusqlite::Result<(Vec<u32>, Option<u32>)> {
    let count: u32 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if TELLING_PAGES_MAX <= count {
        return Ok((Vec::new(), None));
    }
    let free = free_pages(db)?;
    let end = from.saturating_add(PAGES_MAX).min(count + 1);
    let mut left = Vec::new();
    for number in from..end {
        let Some(page) = page(db, number)? else { continue };
        let parts = unused(&page, number, free.kind(number));
        if parts.into_iter().any(|range| page[range].iter().any(|byte| *byte != 0)) {
            left.push(number);
        }
    }
    Ok((left, (end <= count).then_some(end)))
}

fn page(db: &Connection, number: u32) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = db.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    statement.query_row([number], |row| row.get(0)).optional()
}

#[derive(Default)]
struct FreePages {
    trunks: HashSet<u32>,
    others: HashSet<u32>,
}

impl FreePages {
    fn kind(&self, number: u32) -> Kind {
        if self.trunks.contains(&number) {
            Kind::Trunk
        } else if self.others.contains(&number) {
            Kind::Free
        } else {
            Kind::InUse
        }
    }
}

/// The list of free pages begins in the header of the file.
fn free_pages(db: &Connection) -> rusqlite::Result<FreePages> {
    let mut free = FreePages::default();
    let mut next = page(db, 1)?.map_or(0, |header| number(&header, 32));
    while next != 0 && free.trunks.insert(next) {
        let Some(trunk) = page(db, next)? else { break };
        let count = usize::try_from(number(&trunk, 4)).unwrap_or(0).min(trunk.len() / 4 - 2);
        free.others.extend((0..count).map(|at| number(&trunk, 8 + 4 * at)));
        next = number(&trunk, 0);
    }
    Ok(free)
}

/// The parts of a page that hold nothing; none of a page that is not as it should be.
fn unused(page: &[u8], number: u32, kind: Kind) -> Vec<Range<usize>> {
    match kind {
        Kind::Free => only(0..page.len()),
        Kind::Trunk => {
            let count = usize::try_from(self::number(page, 4)).unwrap_or(usize::MAX);
            let end = count.saturating_mul(4).saturating_add(8);
            if end <= page.len() { only(end..page.len()) } else { vec![] }
        }
        Kind::InUse => of_tree(page, if number == 1 { 100 } else { 0 }).unwrap_or_default(),
    }
}

/// Of a page of a table or an index: the gap behind its directory, and the blocks that were freed behind that.
fn of_tree(page: &[u8], header: usize) -> Option<Vec<Range<usize>>> {
    let directory = match page.get(header)? {
        0x0d | 0x0a => header + 8,
        0x05 | 0x02 => header + 12,
        _ => return None,
    };
    let half = |at: usize| page.get(at..at + 2).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    let gap = directory + 2 * half(header + 3)?;
    let rows = match half(header + 5)? {
        0 => 1 << 16,
        start => start,
    };
    if rows < gap || page.len() < rows {
        return None;
    }
    let mut parts = only(gap..rows);
    let (mut block, mut before) = (half(header + 1)?, rows);
    while block != 0 {
        let end = block + half(block + 2)?;
        if block < before || page.len() < end || end < block + 4 {
            return None;
        }
        // Its first four bytes are the next one and its length.
        parts.push(block + 4..end);
        (before, block) = (end, half(block)?);
    }
    Some(parts)
}

fn only(range: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(range).collect()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_uses_of_a_page() {
        let mut page = vec![7; 512];
        page[..8].copy_from_slice(&[0x0d, 1, 0x90, 0, 3, 1, 0x80, 0]);
        page[0x190..0x194].copy_from_slice(&[0, 0, 0, 20]);
        assert_eq!(unused(&page, 2, Kind::InUse), [14..0x180, 0x194..0x1a4]);
        for (at, value) in [(0, 0), (0x193, 3), (0x192, 9), (1, 1), (0x190, 1)] {
            let mut damaged = page.clone();
            damaged[at] = value;
            if at == 1 {
                damaged[2] = 0x10;
            }
            assert_eq!(unused(&damaged, 2, Kind::InUse), [], "{at}");
        }
        assert_eq!(unused(&page, 2, Kind::Free), only(0..512));
        page[4..8].copy_from_slice(&[0, 0, 0, 2]);
        assert_eq!(unused(&page, 2, Kind::Trunk), only(16..512));
        page[5] = 1;
        assert_eq!(unused(&page, 2, Kind::Trunk), []);
    }
}
