//! The executable as a process of its own, and where it is found.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::Error;
use crate::log::Log;

/// How long a server may take until it answers. It takes milliseconds; a machine full of builds takes seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server that was asked to stop may take: it waits at most 30 s for what is under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// Folders of one process that are tried until one is new.
const FOLDERS_TRIED_MAX: u32 = 10_000;

/// What runs the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An executable.
    Executable(PathBuf),
    /// This process.
    Embedded,
}

/// Where somebody may have put a server.
pub(crate) struct Places<'a> {
    /// A path given in code.
    pub(crate) given: Option<&'a Path>,
    /// `REDRAFT_BIN`.
    pub(crate) variable: Option<OsString>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// Whether the feature `embedded` is on.
    pub(crate) embedded: bool,
}

impl Places<'_> {
    /// The first one that there is: a given path, `REDRAFT_BIN`, this process, the `PATH`. One that is named but not there
    /// is an error, since another server would be tested than the one that is meant.
    pub(crate) fn find(self) -> Result<Source, Error> {
        let named = self.given.map(|path| ("the path given in code", path.to_owned()));
        let variable = self.variable.filter(|value| !value.is_empty());
        if let Some((what, path)) = named.or_else(|| Some(("REDRAFT_BIN", variable?.into()))) {
            if path.is_file() {
                // It is started in a folder of its own.
                return Ok(Source::Executable(std::path::absolute(&path).unwrap_or(path)));
            }
            return Err(Error::NotInstalled {
                looked: format!("{what} is {path:?}, and there is no such file"),
            });
        }
        if self.embedded {
            return Ok(Source::Embedded);
        }
        let folders: Vec<PathBuf> = self.path.iter().flat_map(std::env::split_paths).collect();
        let found = folders.iter().map(|folder| folder.join("redraft")).find(|path| path.is_file());
        found.map(Source::Executable).ok_or_else(|| Error::NotInstalled {
            looked: "REDRAFT_BIN is not set, and no folder of the PATH has a `redraft`".into(),
        })
    }
}

/// A folder for its owner alone, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (all, process) = (std::env::temp_dir(), std::process::id());
        let mut last = None;
        for _ in 0..FOLDERS_TRIED_MAX {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = all.join(format!("redraft-test-{process}-{count}"));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                // Another process of this number left it.
                Err(failed) if failed.kind() == std::io::ErrorKind::AlreadyExists => last = Some(failed),
                Err(failed) => {
                    return Err(not_started(format!("{} cannot be used: {failed}", all.display())));
                }
            }
        }
        let why = last.map(|failed| failed.to_string()).unwrap_or_default();
        Err(not_started(format!("no new folder can be made in {}: {why}", all.display())))
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        std::fs::write(&path, content)
            .map_err(|failed| not_started(format!("{} cannot be written: {failed}", path.display())))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn not_started(reason: impl Into<String>) -> Error {
    Error::NotStarted { reason: reason.into(), log: String::new() }
}

/// A running `redraft serve`. Its standard input is a pipe whose other end is here, so it ends when this process does,
/// however that ends. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Log>,
    /// Reads the log until the server ends.
    reader: Option<JoinHandle<()>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Process {
    /// Starts it and waits until it answers; also gives back what it wrote into its ready file.
    pub(crate) async fn start(
        executable: &Path,
        folder: &Folder,
        options: &[&OsStr],
        log: Arc<Log>,
    ) -> Result<(Self, Value), Error> {
        let ready_file = folder.0.join("ready.json");
        let mut command = Command::new(executable);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command.args(["serve", "--memory", "--listen", "127.0.0.1:0", "--log", "info", "--stop-with-stdin"]);
        command.arg("--ready-file").arg(&ready_file).args(options).current_dir(&folder.0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started
            .map_err(|failed| not_started(format!("{} cannot be run: {failed}", executable.display())))?;
        let (answers, answering) = oneshot::channel();
        let (ends, ended) = oneshot::channel();
        let reader = child.stderr.take().map(|said| {
            let (log, ready_file) = (Arc::clone(&log), ready_file.clone());
            std::thread::spawn(move || {
                read(said, &log, &ready_file, answers);
                log.end();
                let _ = ends.send(());
            })
        });
        let process = Self { child, log, reader, ended: Some(ended) };
        let failed = |reason: &str| Error::NotStarted { reason: reason.into(), log: process.log.tail() };
        match timeout(START_TIMEOUT, answering).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(failed("it ended at once")),
            Err(_) => return Err(failed("it took too long")),
        }
        let ready = std::fs::read(&ready_file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let ready = ready.ok_or_else(|| failed("its ready file cannot be read"))?;
        Ok((process, ready))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        if let Some(ended) = self.ended.take()
            && timeout(STOP_TIMEOUT, ended).await.is_err()
        {
            return Err(self.bad_end("it went on when it was asked to stop, and was killed"));
        }
        // It has closed its standard error, so it ends now or has ended.
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.bad_end(&status.to_string())),
            Err(failed) => Err(self.bad_end(&failed.to_string())),
        }
    }

    fn bad_end(&self, reason: &str) -> Error {
        Error::BadEnd { reason: reason.into(), log: self.log.tail() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Settings of the caller's own server are none of this one's.
fn is_ours(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("REDRAFT_")
}

/// Reads the log until its end. The server says a line after it has written the ready file.
fn read(said: ChildStderr, log: &Log, ready_file: &Path, answers: oneshot::Sender<()>) {
    let mut answers = Some(answers);
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        log.push(String::from_utf8_lossy(&line).into_owned());
        if ready_file.exists()
            && let Some(answers) = answers.take()
        {
            let _ = answers.send(());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_looked_for_in_this_order() {
        let folder = Folder::new().unwrap();
        let file = folder.write("redraft", "").unwrap();
        let other = folder.write("other", "").unwrap();
        let path = || Some(folder.0.clone().into_os_string());
        let find = |given: Option<&Path>, variable: Option<&Path>, path, embedded| {
            let variable = variable.map(|it| it.as_os_str().to_owned());
            Places { given, variable, path, embedded }.find()
        };
        let executable = |path: &Path| Source::Executable(path.to_owned());
        assert_eq!(find(Some(&other), Some(&file), path(), true).unwrap(), executable(&other));
        assert_eq!(find(None, Some(&other), path(), true).unwrap(), executable(&other));
        assert_eq!(find(None, None, path(), true).unwrap(), Source::Embedded);
        assert_eq!(find(None, Some(Path::new("")), path(), false).unwrap(), executable(&file));
        assert_eq!(find(None, None, path(), false).unwrap(), executable(&file));
    }

    #[test]
    fn a_missing_server_is_said_with_what_to_do() {
        let find = |given, variable: Option<&str>, path: Option<&str>, embedded| {
            let places =
                Places { given, variable: variable.map(Into::into), path: path.map(Into::into), embedded };
            places.find().unwrap_err().to_string()
        };
        let nowhere = Path::new("/nowhere/redraft");
        for said in [
            find(None, None, None, false),
            find(None, None, Some("/nowhere"), false),
            // What was named is never replaced by something else.
            find(Some(nowhere), None, None, true),
            find(None, Some("/nowhere/redraft"), None, true),
        ] {
            for part in ["install", "REDRAFT_BIN", "embedded"] {
                assert!(said.contains(part), "{said}");
            }
        }
        assert!(find(None, Some("/nowhere/redraft"), None, true).contains("/nowhere/redraft"));
    }

    #[test]
    fn a_folder_is_its_owners_alone_and_goes() {
        use std::os::unix::fs::PermissionsExt;
        let (one, other) = (Folder::new().unwrap(), Folder::new().unwrap());
        assert_ne!(one.0, other.0);
        let path = one.0.clone();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        one.write("file", "text").unwrap();
        drop(one);
        assert!(!path.exists());
    }

    /// A program that ends, or says nothing and ends, is reported with what it said.
    #[tokio::test]
    async fn what_is_no_server_is_reported() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new().unwrap();
        let script = folder.write("redraft", "#!/bin/sh\necho \"no such option\" >&2\nexit 3\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let failed = Process::start(&script, &folder, &[], Arc::default()).await.err().unwrap();
        assert!(failed.to_string().contains("no such option"), "{failed}");
    }
}
