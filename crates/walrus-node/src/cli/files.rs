//! Writing files that must not be overwritten by accident.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::Failure;

/// Exit code of files that cannot be written.
const FILE_FAILURE: u8 = 2;

/// Only the owner reads keys.
const OWNER_ONLY: u32 = 0o600;

/// Writes `text` to a file only its owner can read.
pub(super) fn write_private(path: &Path, text: &str, overwrite: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).mode(OWNER_ONLY);
    if overwrite {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let path = path.display();
        let message = if error.kind() == ErrorKind::AlreadyExists {
            format!("{path} exists; use --force to overwrite it")
        } else {
            format!("cannot write {path}: {error}")
        };
        Failure::new(message, FILE_FAILURE)
    })
}
