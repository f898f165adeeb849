//! A look at the files of the store before it opens them.
//!
//! They end in a table of contents and a trailer that says where it begins. The store asks for
//! memory for as many entries as the table claims to have before it compares the checksum over it;
//! with a flipped bit that is more than any machine has, which ends the process without a word. So
//! the claim is compared with the room there is for entries.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::storage::StorageError;

/// Magic, version, kind of checksum, checksum, begin of the table of contents, its length.
const TRAILER_BYTES: u64 = 38;
const TRAILER_MAGIC: [u8; 4] = *b"SFA!";
/// Where in the trailer the begin of the table of contents is.
const BEGIN_OFFSET: usize = 22;
/// Magic and number of entries.
const CONTENTS_HEAD_BYTES: u64 = 8;
/// Position, length and length of the name; the name itself may be empty.
const ENTRY_BYTES_MIN: u64 = 18;

/// Fails if a file in `folder` or below claims more than it can hold. What else may be wrong with
/// it the store finds out.
pub(super) fn check(folder: &Path) -> Result<(), StorageError> {
    let failed = |source| StorageError::io("read", folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            check(&path)?;
            continue;
        }
        match is_possible(&path) {
            Ok(true) => {}
            Ok(false) => {
                return Err(StorageError::Damaged("a table of contents is malformed"));
            }
            // Of a store in use by another process, which is found out when it is locked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StorageError::io("read", &path, error)),
        }
    }
    Ok(())
}

/// Whether there is room for as many entries as the table of contents claims. `true` for files
/// without one.
fn is_possible(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(end) = length.checked_sub(TRAILER_BYTES) else {
        return Ok(true);
    };
    file.seek(SeekFrom::Start(end))?;
    let mut trailer = [0; BEGIN_OFFSET + 8];
    file.read_exact(&mut trailer)?;
    if !trailer.starts_with(&TRAILER_MAGIC) {
        return Ok(true);
    }
    let begin = trailer[BEGIN_OFFSET..].try_into().map(u64::from_le_bytes);
    let begin = begin.expect("the trailer has eight more bytes there");
    let Some(room) = end
        .checked_sub(begin)
        .and_then(|bytes| bytes.checked_sub(CONTENTS_HEAD_BYTES))
    else {
        return Ok(false);
    };
    file.seek(SeekFrom::Start(begin))?;
    let mut head = [0; 8];
    file.read_exact(&mut head)?;
    let claimed = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    Ok(u64::from(claimed) * ENTRY_BYTES_MIN <= room)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a file whose table of contents claims `claimed` entries and has room for `room`
    /// bytes of them.
    fn archive(claimed: u32, room: usize, begin: u64) -> Vec<u8> {
        let mut bytes = b"content".to_vec();
        bytes.extend(b"TOC!");
        bytes.extend(claimed.to_le_bytes());
        bytes.resize(bytes.len() + room, 0);
        bytes.extend(TRAILER_MAGIC);
        bytes.extend([1, 0]);
        bytes.extend([0; 16]);
        bytes.extend(begin.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<(), StorageError> {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(below.join("file"), bytes).unwrap();
        check(folder.path())
    }

    #[test]
    fn as_many_entries_as_there_is_room_for() {
        assert!(checked(&archive(2, 36, 7)).is_ok());
        assert!(checked(&archive(3, 36, 7)).is_err());
        assert!(checked(&archive(2 | 1 << 30, 36, 7)).is_err());
    }

    #[test]
    fn the_table_is_in_the_file() {
        assert!(checked(&archive(0, 0, 8)).is_err());
        assert!(checked(&archive(0, 0, u64::MAX)).is_err());
    }

    #[test]
    fn other_files_are_none_of_its_business() {
        for bytes in [&b""[..], b"short", &[0; 100]] {
            assert!(checked(bytes).is_ok());
        }
        assert!(check(Path::new("/nowhere/at/all")).is_ok());
    }
}
