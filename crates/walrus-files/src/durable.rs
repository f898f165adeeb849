//! Files that programs keep for themselves: keys, states, records of what was sent.
//!
//! They are replaced as a whole, outlive a power cut once [`write()`] has returned, and are changed
//! by one process at a time under a [`Lock`].

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Between two attempts to get a lock.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Who can read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner only.
    Owner,
    /// Everybody whom the mask of the process allows.
    Everybody,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o666,
        }
    }
}

/// Replaces a file, all of it or nothing, whoever else does the same. Creates its folder.
///
/// When this returns, the file is on the disk, and so is its name.
pub fn write(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    // Made of no part of the file's name: that may be as long as names can be.
    let temporary = folder.join(format!(
        ".walrus-{}-{}.tmp",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let written = write_new(&temporary, contents, readers)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(folder));
    if written.is_err() {
        // What is left of it would only take the space that is missing. It is gone if only the last
        // step failed.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let options = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(readers.mode());
        options
    };
    let mut file = match options().open(path) {
        // Of a process that had our number, and died.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options().open(path)?
        }
        opened => opened?,
    };
    file.write_all(contents)?;
    file.sync_all()
}

/// Removes a file for good; one that is not there is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder_of(path)),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The right to change a file. It ends with the value, and with the process however that ends.
///
/// The lock is on a file beside it, `NAME.lock`, which stays: the file itself is replaced by every
/// change.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing it is what unlocks")] File);

impl Lock {
    /// Waits until nobody else has the lock, at most for `patience`; then the error is
    /// [`io::ErrorKind::WouldBlock`].
    pub fn wait(path: &Path, patience: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + patience;
        loop {
            match Self::try_now(path)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() >= deadline => {
                    let text = "another process is changing it";
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
                }
                None => thread::sleep(LOCK_POLL),
            }
        }
    }

    /// The lock, or `None` if somebody has it.
    pub fn try_now(path: &Path) -> io::Result<Option<Self>> {
        let lock_path = lock_path(path);
        fs::create_dir_all(folder_of(&lock_path))?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&lock_path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn many_writers_leave_one_whole_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub").join("n".repeat(255));
        thread::scope(|scope| {
            for byte in b'a'..=b'h' {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write(path, &[byte; 10_000], Readers::Owner).unwrap();
                    }
                });
            }
        });
        let contents = fs::read(&path).unwrap();
        assert_eq!(contents.len(), 10_000);
        assert!(contents.iter().all(|byte| *byte == contents[0]));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn secrets_become_private_when_they_are_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new", Readers::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        write(&path, b"for all", Readers::Everybody).unwrap();
        assert_ne!(mode(&path) & 0o400, 0);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn one_at_a_time_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let lock = Lock::try_now(&path).unwrap().unwrap();
        assert!(Lock::try_now(&path).unwrap().is_none());
        let error = Lock::wait(&path, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        Lock::wait(&path, Duration::ZERO).unwrap();
        assert!(!path.exists());
    }
}
