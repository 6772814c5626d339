//! The write-ahead log as a file, read without SQLite: it ignores everything behind the first frame that is not whole, and
//! may remove the log when it closes it. And how a log, and what was brought from it into the database, is made durable
//! after a flush that failed.
//!
//! The format is SQLite's (<https://sqlite.org/walformat.html>): a header of 32 bytes, then frames, each with a header of
//! 24 bytes and a page. Each frame repeats two *salts* of the header, which change when the log begins anew, and carries a
//! checksum over itself and everything before it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::fault::Descriptor;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// What the log of a database is called.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// What a log holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Log {
    /// Frames up to the last one that commits, all whole: what SQLite reads.
    pub frames: u64,
    /// Bytes of them, with the header.
    pub bytes: u64,
    /// Whole frames behind them that nothing commits.
    pub uncommitted: u64,
    /// Frames behind the first one that is not whole which belong to the same log all the same.
    pub behind: u64,
    /// Whether the header is not whole though there are frames.
    pub headless: bool,
}

impl Log {
    /// What is wrong with it, in words; `None` if nothing is.
    pub fn doubt(&self) -> Option<String> {
        const LIKE: &str = "this is damage, or the end of a write that a power cut interrupted before it was acknowledged; the two cannot be told apart";
        if self.headless {
            return Some(format!("the head of the log cannot be read, so all of it is ignored: {LIKE}"));
        }
        (0 < self.behind).then(|| {
            let (whole, behind) = (self.frames + self.uncommitted, self.behind);
            format!("frame {} of the log is not whole, and {behind} behind it are ignored: {LIKE}", whole + 1)
        })
    }
}

struct Header {
    big_endian: bool,
    page_bytes: usize,
    salts: [u8; 8],
    sum: [u32; 2],
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_be_bytes)
}

/// SQLite's checksum, going on from an earlier one. `bytes` is a multiple of eight long.
fn checksum(mut sum: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    let word = |four: [u8; 4]| if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
    let (pairs, _) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in pairs {
        sum[0] = sum[0].wrapping_add(word([*a, *b, *c, *d])).wrapping_add(sum[1]);
        sum[1] = sum[1].wrapping_add(word([*e, *f, *g, *h])).wrapping_add(sum[0]);
    }
    sum
}

impl Header {
    fn of(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        const MAGIC: u32 = 0x377f_0682;
        let magic = number(bytes, 0);
        let big_endian = magic & 1 == 1;
        let page_bytes = usize::try_from(number(bytes, 8)).ok()?;
        let sum = checksum([0; 2], &bytes[..24], big_endian);
        let whole = magic & !1 == MAGIC && sum == [number(bytes, 24), number(bytes, 28)];
        let sensible = page_bytes.is_power_of_two() && (512..=65536).contains(&page_bytes);
        let salts = bytes[16..24].try_into().ok()?;
        (whole && sensible).then_some(Self { big_endian, page_bytes, salts, sum })
    }
}

/// Reads frames one after the other.
struct Frames<R> {
    from: R,
    header: Header,
    frame: Vec<u8>,
}

/// A frame of the log that is being read.
enum Frame {
    /// It is whole: its page, and the size of the database in pages if it commits.
    Whole { page: u32, commits: Option<u32> },
    /// It is not, but has the log's salts.
    Broken,
    /// It belongs to an earlier log that was overwritten up to here.
    Foreign,
}

impl<R: Read> Frames<R> {
    /// `None` at the end.
    fn next(&mut self) -> std::io::Result<Option<Frame>> {
        self.frame.resize(FRAME_HEADER_BYTES + self.header.page_bytes, 0);
        match self.from.read_exact(&mut self.frame) {
            Err(failed) if failed.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let frame = &self.frame;
        if frame[8..16] != self.header.salts {
            return Ok(Some(Frame::Foreign));
        }
        let big_endian = self.header.big_endian;
        let sum = checksum(self.header.sum, &frame[..8], big_endian);
        let sum = checksum(sum, &frame[FRAME_HEADER_BYTES..], big_endian);
        let page = number(frame, 0);
        if page == 0 || sum != [number(frame, 16), number(frame, 20)] {
            return Ok(Some(Frame::Broken));
        }
        self.header.sum = sum;
        let size = number(frame, 4);
        Ok(Some(Frame::Whole { page, commits: (size != 0).then_some(size) }))
    }
}

/// The frames of a log; `None` if there is no log, or none with a header. The second value is whether there are bytes
/// behind a header that is not whole.
fn frames(wal: &Path) -> std::io::Result<(Option<Frames<BufReader<File>>>, bool)> {
    let file = match File::open(wal) {
        Err(failed) if failed.kind() == ErrorKind::NotFound => return Ok((None, false)),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    let mut from = BufReader::with_capacity(1 << 16, file);
    let mut bytes = [0; HEADER_BYTES];
    match from.read_exact(&mut bytes) {
        Err(failed) if failed.kind() == ErrorKind::UnexpectedEof => return Ok((None, false)),
        read => read?,
    }
    match Header::of(&bytes) {
        Some(header) => Ok((Some(Frames { from, header, frame: Vec::new() }), false)),
        None => Ok((None, HEADER_BYTES as u64 + FRAME_HEADER_BYTES as u64 + 512 <= length)),
    }
}

/// How far a log was flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flushed {
    /// What tells this log from earlier ones in the same file.
    salts: [u8; 8],
    /// The frames that are on the disk.
    pub frames: u64,
}

/// The log of an open database, for a look at its header after each commit. SQLite keeps the file as long as any
/// connection is open.
#[derive(Default)]
pub(super) struct LogFile(Option<File>);

impl LogFile {
    /// So many frames of the log that is there now; `None` if there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn flushed(&mut self, database: &Path, frames: u64) -> std::io::Result<Option<Flushed>> {
        let file = match &self.0 {
            Some(file) => file,
            None => match File::open(path_of(database)) {
                Err(failed) if failed.kind() == ErrorKind::NotFound => return Ok(None),
                opened => self.0.insert(opened?),
            },
        };
        Ok(header_in(file)?.map(|header| Flushed { salts: header.salts, frames }))
    }
}

fn header_of(database: &Path) -> std::io::Result<Option<Header>> {
    match File::open(path_of(database)) {
        Err(failed) if failed.kind() == ErrorKind::NotFound => Ok(None),
        opened => header_in(&opened?),
    }
}

fn header_in(log: &File) -> std::io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    match log.read_exact_at(&mut bytes, 0) {
        Err(failed) if failed.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Header::of(&bytes)),
    }
}

/// Reads a log through. Of one that is being written meanwhile the end may look broken.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn examine(wal: &Path) -> std::io::Result<Log> {
    let (frames, headless) = frames(wal)?;
    let Some(mut frames) = frames else { return Ok(Log { headless, ..Log::default() }) };
    let mut log = Log { bytes: HEADER_BYTES as u64, ..Log::default() };
    let frame_bytes = (FRAME_HEADER_BYTES + frames.header.page_bytes) as u64;
    let mut broken = false;
    while let Some(frame) = frames.next()? {
        match frame {
            Frame::Whole { commits, .. } if !broken => {
                log.uncommitted += 1;
                if commits.is_some() {
                    log.frames += std::mem::take(&mut log.uncommitted);
                    log.bytes = HEADER_BYTES as u64 + log.frames * frame_bytes;
                }
            }
            // The first one that is not whole may have lost its salts; those behind it are counted.
            Frame::Whole { .. } | Frame::Broken => {
                log.behind += u64::from(broken);
                broken = true;
            }
            Frame::Foreign => broken = true,
        }
    }
    Ok(log)
}

/// A file that the store writes itself, beside SQLite.
pub(super) struct Beside {
    file: File,
    fault: Option<Descriptor>,
}

impl Beside {
    /// Opens a file that is there.
    ///
    /// A process that closes any descriptor of the *database* loses all its locks on it (POSIX), SQLite's among them: one
    /// of the database has to be kept until every connection is closed. SQLite puts no locks on the log.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path, vfs: Option<&str>) -> std::io::Result<Self> {
        let fault = vfs.map(|vfs| Descriptor::open(vfs, path)).transpose()?.flatten();
        Ok(Self { file: File::options().read(true).write(true).open(path)?, fault })
    }

    fn write(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        if let Some(fault) = &self.fault {
            fault.write(bytes, offset)?;
        }
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&self) -> std::io::Result<()> {
        match &self.fault {
            Some(fault) => fault.flush(|| self.file.sync_data()),
            None => self.file.sync_data(),
        }
    }

    /// Writes with `write`, and flushes. A first flush may still report what failed before, so there is a second attempt
    /// of both.
    fn write_durably(&self, write: impl Fn(&Self) -> std::io::Result<()>) -> std::io::Result<()> {
        write(self)?;
        self.flush().or_else(|_| {
            write(self)?;
            self.flush()
        })
    }
}

/// Writes the log over itself and flushes it, so that what can be read of it is on the disk. What a failed flush has lost
/// is still in memory, but marked as written: nothing but another write brings it to the disk.
///
/// # Errors
/// When the log cannot be read, written or flushed.
pub(super) fn harden(database: &Path, vfs: Option<&str>, log: &Log) -> std::io::Result<()> {
    if log.frames == 0 { Ok(()) } else { write_again(database, vfs, log.bytes, None) }
}

/// The same for the frames that were flushed before a commit failed. What that commit has written behind them can never
/// count from then on.
///
/// # Errors
/// When the log cannot be read, written or flushed, or has lost what was flushed.
pub(super) fn harden_up_to(
    database: &Path,
    vfs: Option<&str>,
    flushed: Option<Flushed>,
) -> std::io::Result<()> {
    let Some(header) = header_of(database)? else { return Ok(()) };
    // Of a log that began anew with the commit that failed, nothing was flushed, and the one before was brought over.
    let frames = flushed.filter(|flushed| flushed.salts == header.salts).map_or(0, |flushed| flushed.frames);
    let found = examine(&path_of(database))?.frames;
    if found < frames {
        return Err(Error::other(format!(
            "the log has lost {} frames that were acknowledged",
            frames - found
        )));
    }
    let frame_bytes = (FRAME_HEADER_BYTES + header.page_bytes) as u64;
    let bytes = HEADER_BYTES as u64 + frames * frame_bytes;
    write_again(database, vfs, bytes, Some([0; FRAME_HEADER_BYTES]))
}

/// Writes so many bytes of the log again, and `behind` after them.
fn write_again(
    database: &Path,
    vfs: Option<&str>,
    bytes: u64,
    behind: Option<[u8; FRAME_HEADER_BYTES]>,
) -> std::io::Result<()> {
    const CHUNK: usize = 1 << 20;
    let file = Beside::open(&path_of(database), vfs)?;
    file.write_durably(|file| {
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        while at < bytes {
            let length = usize::try_from(bytes - at).unwrap_or(CHUNK).min(CHUNK);
            file.file.read_exact_at(&mut chunk[..length], at)?;
            file.write(&chunk[..length], at)?;
            at += length as u64;
        }
        behind.map_or(Ok(()), |behind| file.write(&behind, bytes))
    })
}

/// Writes the pages of a log that are all in the database already into it again, and flushes it. Nobody may write to
/// either meanwhile.
///
/// # Errors
/// When one cannot be read or the other not be written or flushed.
pub(super) fn write_pages_again(database: &Path, into: &Beside) -> std::io::Result<()> {
    let wal = path_of(database);
    let (Some(mut frames), _) = frames(&wal)? else { return Ok(()) };
    let page_bytes = frames.header.page_bytes as u64;
    let frame_bytes = FRAME_HEADER_BYTES as u64 + page_bytes;
    let (mut last, mut since, mut size) = (HashMap::new(), Vec::new(), 0);
    let mut at = HEADER_BYTES as u64;
    while let Some(Frame::Whole { page, commits }) = frames.next()? {
        since.push((page, at + FRAME_HEADER_BYTES as u64));
        at += frame_bytes;
        if let Some(pages) = commits {
            last.extend(since.drain(..));
            size = pages;
        }
    }
    let log = File::open(&wal)?;
    let mut pages: Vec<(u32, u64)> = last.into_iter().filter(|(page, _)| *page <= size).collect();
    pages.sort_unstable();
    into.write_durably(|into| {
        let mut bytes = vec![0; frames.header.page_bytes];
        for (page, from) in &pages {
            log.read_exact_at(&mut bytes, *from)?;
            into.write(&bytes, (u64::from(*page) - 1) * page_bytes)?;
        }
        Ok(())
    })
}
