//! The C interface of [`Faults`]: a `sqlite3_vfs` before the machine's own, and files before its files.
//!
//! Of the file system only opening and deleting are ours. All else stays the machine's function, which SQLite then calls
//! with our structure: it is a copy of the machine's, so those functions find in it what they look for.

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

use super::{Descriptor, Faults, Operation, Pending};

#[repr(C)]
struct Vfs {
    /// Has to come first: SQLite hands out pointers to it.
    base: ffi::sqlite3_vfs,
    machine: *mut ffi::sqlite3_vfs,
    faults: &'static Faults,
}

/// An open file. The machine's own file follows it in memory.
#[repr(C)]
struct File {
    /// Has to come first: SQLite hands out pointers to it.
    base: ffi::sqlite3_file,
    /// `None` of a temporary file, which no fault befalls.
    descriptor: Option<Descriptor>,
    is_log: bool,
}

const FILE_SIZE: usize = size_of::<File>().next_multiple_of(8);

pub(super) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn register(faults: &'static Faults) -> &'static Faults {
    // SAFETY: null asks for the default file system, which stays registered for good.
    let machine = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    assert!(!machine.is_null(), "SQLite has a file system");
    // SAFETY: just found not to be null, and nobody writes to it but SQLite when it registers others, which changes
    // `pNext` only.
    let mut base = unsafe { *machine };
    base.pNext = ptr::null_mut();
    base.zName = CString::new(faults.vfs_name()).unwrap_or_default().into_raw();
    base.szOsFile += c_int::try_from(FILE_SIZE).unwrap_or(c_int::MAX);
    base.xOpen = Some(open);
    base.xDelete = Some(delete);
    let vfs = Box::leak(Box::new(Vfs { base, machine, faults }));
    // SAFETY: the structure is leaked, so it outlives every connection, and it is whole.
    let code = unsafe { ffi::sqlite3_vfs_register((&raw mut *vfs).cast(), 0) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes another file system");
    faults
}

/// Finds the machine's file behind ours.
///
/// # Safety
/// `file` was given to us by SQLite, which allocated `szOsFile` bytes for it.
unsafe fn machine_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the machine's `szOsFile` bytes follow ours, as `register` asked for, aligned to eight.
    unsafe { file.cast::<u8>().add(FILE_SIZE).cast() }
}

/// # Safety
/// `file` was opened by [`open`] and not closed.
unsafe fn ours<'a>(file: *mut ffi::sqlite3_file) -> &'a File {
    // SAFETY: then it is a whole `File`, and no one changes it while it is open.
    unsafe { &*file.cast::<File>() }
}

/// Calls the machine's method on the machine's file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls methods on open files only, so the machine's file is open too and has its methods; the
        // arguments are handed on as they came.
        unsafe {
            let file = machine_file($file);
            match (*(*file).pMethods).$method {
                Some(method) => method(file $(, $argument)*),
                None => ffi::SQLITE_IOERR,
            }
        }
    }};
}

fn code(done: Result<(), c_int>) -> c_int {
    done.err().unwrap_or(ffi::SQLITE_OK)
}

fn place(offset: ffi::sqlite3_int64) -> usize {
    usize::try_from(offset).unwrap_or_default()
}

unsafe fn path(name: *const c_char) -> PathBuf {
    // SAFETY: SQLite's names are texts that end in zero; the callers have excluded null.
    PathBuf::from(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    const OURS: c_int = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    // SAFETY: SQLite calls this with the structure that `register` gave it, which is a leaked `Vfs`, and with a file of
    // `szOsFile` bytes. A file without methods is not closed by SQLite.
    let (this, machine) = unsafe {
        (*file).pMethods = ptr::null();
        (&*vfs.cast::<Vfs>(), machine_file(file))
    };
    let descriptor = if !name.is_null() && flags & OURS != 0 {
        // SAFETY: not null.
        match this.faults.open(unsafe { path(name) }) {
            Ok(descriptor) => Some(descriptor),
            Err(failure) => return failure,
        }
    } else {
        None
    };
    // SAFETY: the machine's own function on its own structure and file.
    let opened = unsafe {
        match (*this.machine).xOpen {
            Some(open) => open(this.machine, name, machine, flags, out_flags),
            None => ffi::SQLITE_CANTOPEN,
        }
    };
    if opened == ffi::SQLITE_OK {
        let base = ffi::sqlite3_file { pMethods: &raw const METHODS };
        let is_log = flags & ffi::SQLITE_OPEN_WAL != 0;
        // SAFETY: there is room for it, and nothing in it needs to be dropped.
        unsafe { file.cast::<File>().write(File { base, descriptor, is_log }) };
    }
    opened
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, flush: c_int) -> c_int {
    // SAFETY: as in `open`.
    let this = unsafe { &*vfs.cast::<Vfs>() };
    if let Err(failure) = this.faults.step(Operation::Delete) {
        return failure;
    }
    // SAFETY: the machine's own function on its own structure; the name is as it came, and not null.
    let (deleted, path) = unsafe {
        match (*this.machine).xDelete {
            Some(delete) => (delete(this.machine, name, flush), path(name)),
            None => return ffi::SQLITE_IOERR_DELETE,
        }
    };
    if deleted == ffi::SQLITE_OK {
        this.faults.deleted(&path);
    }
    deleted
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2 leaves memory-mapped reading out.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this on open files.
    let ours = unsafe { ours(file) };
    let Some(descriptor) = &ours.descriptor else { return pass!(file, xWrite, bytes, amount, offset) };
    if let Err(failure) = descriptor.faults.step(Operation::Write) {
        return failure;
    }
    if descriptor.faults.is_full() {
        let mut size = 0;
        let known = pass!(file, xFileSize, &raw mut size);
        if known != ffi::SQLITE_OK || size < offset + ffi::sqlite3_int64::from(amount) {
            return ffi::SQLITE_FULL;
        }
    }
    let written = pass!(file, xWrite, bytes, amount, offset);
    if written == ffi::SQLITE_OK {
        descriptor.changed(|| {
            let length = usize::try_from(amount).unwrap_or_default();
            // SAFETY: SQLite promises `amount` readable bytes for the time of the call.
            let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
            Pending::Write(place(offset), bytes.to_vec())
        });
    }
    written
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this on open files.
    let ours = unsafe { ours(file) };
    let Some(descriptor) = &ours.descriptor else { return pass!(file, xTruncate, size) };
    if let Err(failure) = descriptor.faults.step(Operation::Truncate) {
        return failure;
    }
    let truncated = pass!(file, xTruncate, size);
    if truncated == ffi::SQLITE_OK {
        descriptor.changed(|| Pending::Truncate(place(size)));
    }
    truncated
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite calls this on open files.
    let ours = unsafe { ours(file) };
    let Some(descriptor) = &ours.descriptor else { return pass!(file, xSync, flags) };
    let below = match descriptor.begin_flush(ours.is_log) {
        Ok(below) => below,
        Err(failure) => return failure,
    };
    match pass!(file, xSync, flags) {
        ffi::SQLITE_OK => code(descriptor.flushed(ours.is_log, below)),
        failure => failure,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xClose)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    pass!(file, xRead, into, amount, offset)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, reserved)
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    pass!(file, xFileControl, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    found: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, region, size, extend, found)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    amount: c_int,
    flags: c_int,
) -> c_int {
    pass!(file, xShmLock, offset, amount, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as in `pass!`; this one method returns nothing.
    unsafe {
        let file = machine_file(file);
        if let Some(barrier) = (*(*file).pMethods).xShmBarrier {
            barrier(file);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}
