//! Tokens that were used, until they expire: in memory, and in a file that a restart reads.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use blake2b_simd::Params;
use walrus_files::{
    durable::{self, Readers},
    input::read_at_most,
};

/// What a token is remembered by, whatever the length of its ID.
type Fingerprint = [u8; 32];

/// Fingerprint, time of expiry, and a sum over both, by which a record that was half written is
/// known.
const RECORD_BYTES: usize = 32 + 8 + 8;
/// The largest file: millions of tokens.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Records of a file that is not worth writing anew.
const RECORDS_KEPT_MIN: usize = 1_024;

/// Why a token is not accepted.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It was used before.
    Used,
    /// Too many are remembered.
    Full,
    /// It cannot be remembered.
    File(io::Error),
}

/// The tokens. A token counts as used once its record is on the disk.
#[derive(Debug)]
pub(super) struct UsedTokens {
    expiries: HashMap<Fingerprint, i64>,
    tokens_max: usize,
    file: Option<Log>,
}

/// The file, to whose end records are written.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    records: usize,
}

impl UsedTokens {
    /// Reads what a file remembers, and goes on writing to it. Without one, a restart forgets
    /// everything.
    pub(super) fn open(path: Option<&Path>, tokens_max: usize, now: i64) -> io::Result<Self> {
        let mut used = Self {
            expiries: HashMap::new(),
            tokens_max,
            file: None,
        };
        if let Some(path) = path {
            used.expiries = read(path)?;
            used.expiries.retain(|_, expiry| *expiry >= now);
            used.file = Some(rewrite(path, &used.expiries)?);
        }
        Ok(used)
    }

    /// Uses up a token that is good until `expiry`, which counts the leeway.
    pub(super) fn take(&mut self, id: &str, expiry: i64, now: i64) -> Result<(), Refusal> {
        let fingerprint = fingerprint(id);
        if self.expiries.contains_key(&fingerprint) {
            return Err(Refusal::Used);
        }
        if self.expiries.len() >= self.tokens_max {
            self.expiries.retain(|_, expiry| *expiry >= now);
        }
        if self.expiries.len() >= self.tokens_max {
            return Err(Refusal::Full);
        }
        if let Some(log) = &mut self.file {
            if log.records >= RECORDS_KEPT_MIN.max(self.expiries.len().saturating_mul(2)) {
                self.expiries.retain(|_, expiry| *expiry >= now);
                *log = rewrite(&log.path, &self.expiries).map_err(Refusal::File)?;
            }
            log.append(&fingerprint, expiry).map_err(Refusal::File)?;
        }
        self.expiries.insert(fingerprint, expiry);
        Ok(())
    }
}

impl Log {
    fn append(&mut self, fingerprint: &Fingerprint, expiry: i64) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        let written = self
            .file
            .write_all(&record(fingerprint, expiry))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a record would shift those that follow.
            self.file.set_len(before)?;
            return Err(error);
        }
        self.records += 1;
        Ok(())
    }
}

fn fingerprint(id: &str) -> Fingerprint {
    let hash = Params::new().hash_length(32).hash(id.as_bytes());
    hash.as_bytes()
        .try_into()
        .expect("the hash has the length that was asked for")
}

fn record(fingerprint: &Fingerprint, expiry: i64) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..32].copy_from_slice(fingerprint);
    record[32..40].copy_from_slice(&expiry.to_le_bytes());
    let sum = Params::new().hash_length(8).hash(&record[..40]);
    record[40..].copy_from_slice(sum.as_bytes());
    record
}

fn read(path: &Path) -> io::Result<HashMap<Fingerprint, i64>> {
    if !path.try_exists()? {
        return Ok(HashMap::new());
    }
    let bytes = read_at_most(path, FILE_BYTES_MAX).map_err(io::Error::other)?;
    let (records, _half_written) = bytes.as_chunks::<RECORD_BYTES>();
    let mut damaged = 0_usize;
    let mut expiries = HashMap::with_capacity(records.len());
    for bytes in records {
        let (fingerprint, rest) = bytes.split_first_chunk::<32>().expect("it is longer");
        let (expiry, _sum) = rest.split_first_chunk::<8>().expect("it is longer");
        let expiry = i64::from_le_bytes(*expiry);
        if record(fingerprint, expiry) == *bytes {
            expiries.insert(*fingerprint, expiry);
        } else {
            damaged += 1;
        }
    }
    if damaged > 0 {
        tracing::error!(path = %path.display(), damaged, "used tokens are forgotten: their records are damaged");
    }
    Ok(expiries)
}

/// Replaces the file by one with these tokens only, all of it or nothing.
fn rewrite(path: &Path, expiries: &HashMap<Fingerprint, i64>) -> io::Result<Log> {
    let records = expiries
        .iter()
        .flat_map(|(fingerprint, expiry)| record(fingerprint, *expiry));
    durable::write(path, &records.collect::<Vec<u8>>(), Readers::Owner)?;
    Ok(Log {
        file: OpenOptions::new().append(true).open(path)?,
        path: path.to_owned(),
        records: expiries.len(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: i64 = 1_000;

    fn open(path: &Path) -> UsedTokens {
        UsedTokens::open(Some(path), 10_000, NOW).unwrap()
    }

    #[test]
    fn a_restart_forgets_nothing_that_is_still_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("used");
        let mut used = open(&path);
        used.take("a", NOW + 10, NOW).unwrap();
        used.take("b", NOW - 1, NOW).unwrap();
        drop(used);
        // A record that was half written when the power went.
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([7; RECORD_BYTES / 2]);
        fs::write(&path, bytes).unwrap();
        let mut again = open(&path);
        assert!(matches!(again.take("a", NOW + 10, NOW), Err(Refusal::Used)));
        again.take("b", NOW + 10, NOW).unwrap();
        again.take("c", NOW + 10, NOW).unwrap();
        drop(again);
        let mut last = open(&path);
        for id in ["a", "b", "c"] {
            let refused = last.take(id, NOW + 10, NOW);
            assert!(matches!(refused, Err(Refusal::Used)), "{id}");
        }
    }

    #[test]
    fn a_damaged_record_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("used");
        let mut used = open(&path);
        for id in ["a", "b", "c"] {
            used.take(id, NOW + 10, NOW).unwrap();
        }
        let mut bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 3 * RECORD_BYTES);
        bytes[RECORD_BYTES] ^= 1;
        fs::write(&path, bytes).unwrap();
        let mut again = open(&path);
        assert!(matches!(again.take("a", NOW, NOW), Err(Refusal::Used)));
        assert!(again.take("b", NOW, NOW).is_ok());
        assert!(matches!(again.take("c", NOW, NOW), Err(Refusal::Used)));
    }

    #[test]
    fn the_file_is_as_large_as_what_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("used");
        let mut used = UsedTokens::open(Some(&path), 10, NOW).unwrap();
        for index in 0..3 * i64::try_from(RECORDS_KEPT_MIN).unwrap() {
            let now = NOW + index;
            used.take(&index.to_string(), now + 1, now).unwrap();
        }
        let bytes = fs::metadata(&path).unwrap().len();
        let most = (RECORDS_KEPT_MIN + 1) * RECORD_BYTES;
        assert!(bytes <= most as u64, "{bytes}");
        for index in 0..20 {
            let _ = used.take(&format!("more {index}"), i64::MAX, NOW * 100);
        }
        let full = used.take("one more", i64::MAX, NOW * 100);
        assert!(matches!(full, Err(Refusal::Full)));
    }

    #[test]
    fn a_token_that_cannot_be_remembered_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("used");
        let mut used = open(&path);
        // Opened for reading: nothing can be appended.
        used.file.as_mut().unwrap().file = File::open(&path).unwrap();
        let refused = used.take("a", NOW + 10, NOW);
        assert!(matches!(refused, Err(Refusal::File(_))));
        assert!(UsedTokens::open(Some(folder.path()), 1, NOW).is_err());
    }
}
