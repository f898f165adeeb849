//! What the members of a committee send each other: files of JSON, and the secrets that stay.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use walrus_files::durable::{Readers, write};
use walrus_seal::{MasterKey, committee::MemberSecret};
use zeroize::Zeroizing;

use super::Failure;

/// Longest file of a member: a deal for as many members as there can be.
const LETTER_BYTES_MAX: u64 = 1 << 20;
/// A secret in a file is shorter than this.
const SECRET_BYTES_MAX: u64 = 1_024;

/// Reads what somebody has sent.
pub(super) fn receive<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = walrus_files::input::read_text(path, LETTER_BYTES_MAX).map_err(Failure::input)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::input(format!("{} cannot be used: {error}", path.display())))
}

/// Writes what others are to get.
pub(super) fn send(path: &Path, letter: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(letter).map_err(Failure::running)?;
    write(path, format!("{text}\n").as_bytes(), Readers::Everybody)
        .map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))
}

/// Writes a secret where there is none yet.
pub(super) fn keep(path: &Path, secret: &[u8]) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::input(format!(
            "{} exists; a secret is not overwritten",
            path.display()
        )));
    }
    let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(secret))));
    write(path, text.as_bytes(), Readers::Owner)
        .map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))
}

fn secret_text(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = walrus_files::input::read_text(path, SECRET_BYTES_MAX);
    text.map(Zeroizing::new).map_err(Failure::input)
}

fn no_secret(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::input(format!("{} holds no secret: {error}", path.display()))
}

/// The secret that `join` has made.
pub(super) fn member_secret(path: &Path) -> Result<MemberSecret, Failure> {
    MemberSecret::from_hex(&secret_text(path)?).map_err(|error| no_secret(path, error))
}

/// A key or a share of one.
pub(super) fn master_key(path: &Path) -> Result<MasterKey, Failure> {
    MasterKey::from_hex(&secret_text(path)?).map_err(|error| no_secret(path, error))
}
