//! The control API for the command line: a Unix socket in the data folder, which only the folder's owner reaches.
//!
//! No token is needed and none is sent. The folder has mode 0700 and one owner at a time, and both sides look at who the
//! other one is, so whoever answers is the process that holds the folder's lock, or one that its user runs anyway.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use crate::connections::Accepts;

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "control.sock";

/// Bytes of a path that every system takes for a socket (104 on some, with the byte that ends it).
const PATH_BYTES_MAX: usize = 100;

/// What others must not be allowed to do with the folder.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The root user reaches every file anyway.
const ROOT: u32 = 0;

/// Listens in a folder whose lock this process holds; a socket that a killed server left is removed.
///
/// # Errors
/// When the file system has no sockets, or something that is no socket has the name.
pub(crate) fn listen(folder: &Path) -> io::Result<ControlListener> {
    let path = folder.join(SOCKET_FILE);
    if path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(&path)?;
    }
    let listener = short(folder, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(ControlListener { listener, path })
}

/// Connects to the server that owns a folder.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] and [`io::ErrorKind::ConnectionRefused`] if none runs;
/// [`io::ErrorKind::PermissionDenied`] if somebody else could have put the socket there.
pub async fn connect(folder: &Path) -> io::Result<UnixStream> {
    let folder = folder.canonicalize()?;
    let found = folder.metadata()?;
    let me = me();
    if me != ROOT && found.uid() != me {
        return Err(denied(format!("it belongs to another user (uid {})", found.uid())));
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(denied("others may write to it (chmod 700)"));
    }
    let connection = short(&folder, |path| std::os::unix::net::UnixStream::connect(path))?;
    connection.set_nonblocking(true)?;
    let connection = UnixStream::from_std(connection)?;
    let owner = connection.peer_cred()?.uid();
    if owner != found.uid() && owner != ROOT {
        return Err(denied(format!("another user answers at its socket (uid {owner})")));
    }
    Ok(connection)
}

fn denied(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.into())
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Uses a path of the socket that is short enough for an address: through the open folder, if its own is too long.
fn short<T>(folder: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;
    let path = folder.join(SOCKET_FILE);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return with(&path);
    }
    let open = std::fs::File::open(folder)?;
    with(&PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_FILE}", open.as_raw_fd())))
}

/// Accepts the folder's owner, and nobody else. The socket's file goes with it.
pub(crate) struct ControlListener {
    listener: UnixListener,
    path: PathBuf,
}

impl Accepts for ControlListener {
    type Socket = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Option<SocketAddr>)> {
        loop {
            let (connection, _) = self.listener.accept().await?;
            match connection.peer_cred() {
                Ok(peer) if [me(), ROOT].contains(&peer.uid()) => return Ok((connection, None)),
                Ok(peer) => warn!(uid = peer.uid(), "another user connected to the control socket"),
                Err(failed) => warn!(error = %failed, "who connected to the control socket is unknown"),
            }
        }
    }
}

impl Drop for ControlListener {
    fn drop(&mut self) {
        if let Err(failed) = std::fs::remove_file(&self.path) {
            warn!(error = %failed, "the control socket could not be removed");
        }
    }
}
