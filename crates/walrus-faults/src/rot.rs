//! Bits that flip in files, as they do on disks.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::Serialize;
use stdx::SaturatingFrom as _;

/// A bit that was flipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// The file.
    pub path: PathBuf,
    /// Position of the byte.
    pub offset: u64,
    /// Which of its bits, counted from the lowest.
    pub bit: u8,
}

/// Flips one bit in each of `count` files below `folder`, fewer if there are not so many with
/// something in them. The same seed
/// chooses the same bits of the same files.
pub fn flip_bits(folder: &Path, count: usize, seed: u64) -> io::Result<Vec<Flip>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut rng = StdRng::seed_from_u64(seed);
    files.shuffle(&mut rng);
    files
        .into_iter()
        .take(count)
        .map(|path| {
            let length = fs::metadata(&path)?.len();
            let (offset, bit) = (rng.gen_range(0..length), rng.gen_range(0..8));
            flip_bit(&path, offset, bit)?;
            Ok(Flip { path, offset, bit })
        })
        .collect()
}

/// Flips a bit of the first place where `needle` stands in a file below `folder`; `None` if it
/// stands nowhere.
pub fn flip_within(folder: &Path, needle: &[u8], bit: u8) -> io::Result<Option<Flip>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    for path in files {
        let bytes = fs::read(&path)?;
        let found = bytes
            .windows(needle.len().max(1))
            .position(|window| window == needle);
        if let Some(position) = found {
            let offset = u64::saturating_from(position);
            flip_bit(&path, offset, bit)?;
            return Ok(Some(Flip { path, offset, bit }));
        }
    }
    Ok(None)
}

fn flip_bit(path: &Path, offset: u64, bit: u8) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)?;
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, offset)?;
    file.sync_all()
}

/// All files with something in them.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if entry.metadata()?.len() > 0 {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_chooses_the_bits() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("file"), [0; 100]).unwrap();
        }
        fs::write(folder.path().join("empty"), []).unwrap();
        let flips = flip_bits(folder.path(), 9, 7).unwrap();
        assert_eq!(flips.len(), 3);
        for flip in &flips {
            let bytes = fs::read(&flip.path).unwrap();
            assert_eq!(bytes[usize::try_from(flip.offset).unwrap()], 1 << flip.bit);
        }
        // The same bits once more: all are as they were.
        assert_eq!(flip_bits(folder.path(), 9, 7).unwrap(), flips);
        assert!(flip_within(folder.path(), &[1], 0).unwrap().is_none());
        assert!(flip_within(folder.path(), &[0; 50], 3).unwrap().is_some());
    }
}
