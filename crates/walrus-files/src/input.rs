//! Reading what a path names, once and with a bound.
//!
//! A pipe can be read only once, and the size that a file reports is a promise at best: files of
//! `/proc` report none, files that somebody writes to outgrow it. So a path is opened once, and
//! what is read is what counts.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
};

/// Bytes that memory is reserved for on the word of a file; more is reserved as it arrives.
const RESERVED_MAX: u64 = 1 << 30;

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A directory is no input.
    #[error("it is a directory")]
    Directory,
    /// There is more than may be read.
    #[error("it has more than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: u64,
        /// The size that the file reports, where it is above the limit.
        reported: Option<u64>,
    },
}

/// A file, pipe or device that is open for reading.
#[derive(Debug)]
pub struct Input {
    file: File,
    metadata: Metadata,
}

impl Input {
    /// Opens what `path` names. Opening a named pipe waits for its writer.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(InputError::Directory);
        }
        Ok(Self { file, metadata })
    }

    /// The size that is reported in bytes, if it is a regular file. Zero means nothing: files that
    /// the kernel makes up while they are read report it.
    pub fn reported_size(&self) -> Option<u64> {
        self.metadata.is_file().then_some(self.metadata.len())
    }

    /// The open file, at its beginning.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Reads to the end, at most `limit` bytes and one more to know that there are more.
    pub fn read_at_most(self, limit: u64) -> Result<Vec<u8>, InputError> {
        let reported = self.reported_size().filter(|size| *size > limit);
        let too_long = InputError::TooLong { limit, reported };
        if reported.is_some() {
            return Err(too_long);
        }
        let expected = self.reported_size().unwrap_or(0).min(RESERVED_MAX);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        self.file
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(too_long);
        }
        Ok(bytes)
    }
}

/// Reads all of what `path` names, if it has at most `limit` bytes.
pub fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    Input::open(path)?.read_at_most(limit)
}

/// Reads a text of at most `limit` bytes, without the byte order mark that some editors put in
/// front.
pub fn read_text(path: &Path, limit: u64) -> Result<String, InputError> {
    let text = String::from_utf8(read_at_most(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_at_most(&path, 5).unwrap(), b"12345");
        assert!(matches!(
            read_at_most(&path, 4),
            Err(InputError::TooLong {
                limit: 4,
                reported: Some(5)
            })
        ));
        assert!(matches!(
            read_at_most(folder.path(), 4),
            Err(InputError::Directory)
        ));
        assert!(matches!(
            read_at_most(&folder.path().join("none"), 4),
            Err(InputError::Io(_))
        ));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_reported_size_of_zero_is_not_believed() {
        let path = Path::new("/proc/version");
        assert!(!read_at_most(path, 1 << 20).unwrap().is_empty());
        assert!(matches!(
            read_at_most(path, 3),
            Err(InputError::TooLong {
                limit: 3,
                reported: None
            })
        ));
        // A device without an end is read no further than the limit.
        assert!(read_at_most(Path::new("/dev/zero"), 1000).is_err());
    }

    #[test]
    fn byte_order_marks_are_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "\u{feff}a: 1").unwrap();
        assert_eq!(read_text(&path, 100).unwrap(), "a: 1");
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(
            read_text(&path, 100).unwrap_err().to_string(),
            "it is not UTF-8 text"
        );
    }
}
