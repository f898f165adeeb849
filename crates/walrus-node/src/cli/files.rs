//! Writing files that must not be lost or overwritten by accident, and that only their owner may
//! read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::Failure;

/// Exit code of files that cannot be written.
const FILE_FAILURE: u8 = 2;

/// Only the owner reads keys.
const OWNER_ONLY: u32 = 0o600;

/// Writes `text` to a file only its owner can read.
///
/// The file is a new one, complete and synced before it gets its name. So a crash leaves the old
/// file or the new one, and a file that others could read, or have open, never holds the new
/// secret.
pub(super) fn write_private(path: &Path, text: &str, overwrite: bool) -> Result<(), Failure> {
    // An empty file is what an interrupted write of other programs leaves; nothing in it can be
    // lost.
    let is_empty = path
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
    replace(path, text, overwrite || is_empty).map_err(|error| {
        let path = path.display();
        let message = if error.kind() == ErrorKind::AlreadyExists {
            format!("{path} exists; use --force to overwrite it")
        } else {
            format!("cannot write {path}: {error}")
        };
        Failure::new(message, FILE_FAILURE)
    })
}

fn replace(path: &Path, text: &str, overwrite: bool) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory"));
    }
    let temporary = Temporary::create(path)?;
    (&temporary.file).write_all(text.as_bytes())?;
    temporary.file.sync_all()?;
    if overwrite {
        fs::rename(&temporary.path, path)?;
    } else {
        // Unlike renaming, linking never replaces a file.
        fs::hard_link(&temporary.path, path)?;
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// A file beside the one to write, with a name nobody else uses. Goes when it is dropped.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn create(beside: &Path) -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            ".walrus-node-{}-{}.part",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let path = beside.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_others_could_read_is_replaced_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("protocol.key");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let reader = File::open(&path).unwrap();
        write_private(&path, "secret", true).ok().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "secret");
        assert_eq!(mode(&path), OWNER_ONLY);
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
        assert_eq!(names(folder.path()), ["protocol.key"]);
    }

    #[test]
    fn nothing_is_overwritten_or_left_half_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("protocol.key");
        fs::write(&path, "old").unwrap();
        assert!(write_private(&path, "new", false).is_err());
        // A write that is cut off has touched only a file with another name.
        let unfinished = Temporary::create(&path).unwrap();
        (&unfinished.file).write_all(b"half a sec").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(mode(&unfinished.path), OWNER_ONLY);
        drop(unfinished);
        assert_eq!(names(folder.path()), ["protocol.key"]);
        let other = folder.path().join("network.key");
        fs::write(&other, "").unwrap();
        write_private(&other, "new", false).ok().unwrap();
        assert_eq!(mode(&other), OWNER_ONLY);
    }
}
