//! Writing what a path names.
//!
//! An output is opened before there is anything to write, so that a place that cannot be written
//! costs nobody the work. What exists stays what it is, with its mode, owner, links and kind: links
//! are followed, devices and pipes are written to, files are overwritten in place. What does not
//! exist appears only when it is complete.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Symbolic links followed before a path is taken for a circle, as in the kernel.
const LINKS_MAX: usize = 40;

/// Where something will be written.
#[derive(Debug)]
pub struct Output(Kind);

#[derive(Debug)]
enum Kind {
    /// The standard output or standard error of this process, under another name.
    Stream(Stream),
    /// A pipe, a terminal or another device.
    Device(File),
    /// A file that exists; it is overwritten in place.
    File(File),
    /// A file that does not exist.
    New(Unfinished),
}

/// A standard stream of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A file that is given its name when it is complete, and removed if it never is.
#[derive(Debug)]
struct Unfinished {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Output {
    /// Opens what `path` names. Opening a named pipe waits for its reader.
    pub fn open(path: &Path) -> io::Result<Self> {
        let existing = match fs::metadata(path) {
            Ok(existing) => existing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Unfinished::begin(path).map(|file| Self(Kind::New(file)));
            }
            Err(error) => return Err(error),
        };
        if existing.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory",
            ));
        }
        if let Some(stream) = Stream::that_is(&existing) {
            return Ok(Self(Kind::Stream(stream)));
        }
        // No other process learns of this: nothing is cut off yet.
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Self(if file.metadata()?.is_file() {
            Kind::File(file)
        } else {
            Kind::Device(file)
        }))
    }

    /// The standard stream that the bytes will go to, if it is one: text must go to the other.
    pub fn stream(&self) -> Option<Stream> {
        match &self.0 {
            Kind::Stream(stream) => Some(*stream),
            _ => None,
        }
    }

    /// Writes everything. A file that existed is as it was if there is not enough space.
    pub fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self.0 {
            Kind::Stream(Stream::Stdout) => write_stream(io::stdout().lock(), bytes),
            Kind::Stream(Stream::Stderr) => write_stream(io::stderr().lock(), bytes),
            Kind::Device(mut file) => file.write_all(bytes),
            Kind::File(file) => overwrite(&file, bytes),
            Kind::New(file) => file.finish(bytes),
        }
    }
}

/// A reader that has gone away is no error: it has seen what it wanted.
fn write_stream(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// What lies beyond the old end is written first: it is the part for which space may be missing.
fn overwrite(file: &File, bytes: &[u8]) -> io::Result<()> {
    let old_length = file.metadata()?.len();
    let split = usize::try_from(old_length).map_or(bytes.len(), |old| old.min(bytes.len()));
    let (head, tail) = bytes.split_at(split);
    if let Err(error) = file.write_all_at(tail, split as u64) {
        // The first error is the one to report.
        let _ = file.set_len(old_length);
        return Err(error);
    }
    file.write_all_at(head, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

impl Stream {
    /// The stream that is the same file, pipe or device as `existing`, as `/dev/stdout` is.
    fn that_is(existing: &Metadata) -> Option<Self> {
        let same = |stream: &dyn Fn() -> io::Result<File>| {
            let stream = stream().and_then(|file| file.metadata());
            stream.is_ok_and(|stream| {
                (stream.dev(), stream.ino()) == (existing.dev(), existing.ino())
            })
        };
        let copy = |stream: io::Result<std::os::fd::OwnedFd>| stream.map(File::from);
        if same(&|| copy(io::stdout().as_fd().try_clone_to_owned())) {
            Some(Self::Stdout)
        } else if same(&|| copy(io::stderr().as_fd().try_clone_to_owned())) {
            Some(Self::Stderr)
        } else {
            None
        }
    }
}

impl Unfinished {
    fn begin(path: &Path) -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let path = follow(path)?;
        let is_name =
            path.file_name().is_some() && !path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if !is_name {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not the name of a file",
            ));
        }
        // A name of its own length: one made from the file's could be too long.
        let name = format!(
            ".walrus-{}-{}.part",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let temporary = path.with_file_name(name);
        Ok(Self {
            file: File::create_new(&temporary)?,
            temporary,
            path,
        })
    }

    fn finish(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        // Unlike renaming, linking never replaces a file that somebody else has made meanwhile.
        match fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // Some file systems have no links.
            Err(_) => fs::rename(&self.temporary, &self.path),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was renamed, there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// The path at the end of a chain of symbolic links of which the last leads nowhere.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        Output::open(path)?.write(bytes)
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn new_files_appear_when_they_are_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a".repeat(255));
        let output = Output::open(&path).unwrap();
        assert!(!path.exists());
        output.write(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Output::open(&folder.path().join("never")).unwrap());
        assert_eq!(entries(folder.path()), 0);
    }

    #[test]
    fn files_are_overwritten_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other_name) = (folder.path().join("file"), folder.path().join("other"));
        for (old, new) in [
            ("old text", "new"),
            ("old", "new text"),
            ("", "x"),
            ("x", ""),
        ] {
            let _ = fs::remove_file(&other_name);
            fs::write(&path, old).unwrap();
            fs::hard_link(&path, &other_name).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
            let before = fs::metadata(&path).unwrap();
            // Opening alone changes nothing.
            drop(Output::open(&path).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), old);
            write(&path, new.as_bytes()).unwrap();
            let after = fs::metadata(&path).unwrap();
            assert_eq!(fs::read_to_string(&other_name).unwrap(), new);
            assert_eq!(
                (before.ino(), before.mode(), before.uid()),
                (after.ino(), after.mode(), after.uid())
            );
        }
        assert_eq!(entries(folder.path()), 2);
    }

    #[test]
    fn links_are_followed_also_when_they_lead_nowhere_yet() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        symlink("target", &first).unwrap();
        symlink(&first, &second).unwrap();
        for contents in ["made", "overwritten"] {
            write(&second, contents.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(&second).unwrap().is_symlink());
            assert!(fs::symlink_metadata(&first).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&target).unwrap(), contents);
        }
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(write(&circle, b"x").is_err());
    }

    #[test]
    fn what_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path().to_owned(),
            folder.path().join("none/out"),
            folder.path().join("none/"),
            PathBuf::from("/"),
            PathBuf::new(),
        ] {
            assert!(Output::open(&path).is_err(), "{}", path.display());
        }
        assert_eq!(entries(folder.path()), 0);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let output = Output::open(&path).unwrap();
        fs::write(&path, b"somebody else's").unwrap();
        assert!(output.write(b"ours").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn devices_stay_devices() {
        write(Path::new("/dev/null"), b"x").unwrap();
        let kind = fs::metadata("/dev/null").unwrap().file_type();
        assert!(kind.is_char_device());
    }

    #[test]
    fn named_pipes_are_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        write(&pipe, b"through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), b"through the pipe");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }
}
