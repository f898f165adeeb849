//! What `walrus store` is given: files, folders, patterns, stdin. Small files of a folder become
//! quilts.

use std::{
    fs::{self, File},
    io::{BufWriter, IntoInnerError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};
use walkdir::WalkDir;
use walrus_client::{BlobInput, BlobToStore, NewQuilt, QuiltPiece, StorageDuration, WalrusClient};
use walrus_core::{Frost, NShards, params};
use walrus_files::input::read_at_most;
use walrus_sui::contract::Attributes;

use crate::{commands::encrypt::Encryptor, output::path_text};

/// How stdin is written.
pub(crate) const STDIN: &str = "-";
/// What it is to the system.
const STDIN_PATH: &str = "/dev/stdin";
/// Files larger than this, in bytes, are stored on their own: they would gain nothing in a quilt.
const PIECE_BYTES_MAX: u64 = 8 << 20;
/// Bytes of the files of one quilt.
const QUILT_BYTES_MAX: u64 = 128 << 20;
/// Files below one folder.
const FOLDER_FILES_MAX: usize = 100_000;

/// Something that becomes one blob.
pub(crate) enum Unit {
    /// A file.
    File(PathBuf),
    /// A file that was encrypted.
    Encrypted {
        /// The file.
        path: PathBuf,
        /// What it became.
        content: Encrypted,
    },
    /// Files of a folder.
    Quilt {
        /// The folder.
        folder: PathBuf,
        /// The files together.
        quilt: NewQuilt,
        /// What they would cost one by one, and cost like this.
        prices: Option<(Frost, Frost)>,
    },
}

/// What an encrypted file became.
pub(crate) enum Encrypted {
    /// An object in memory.
    Bytes(Bytes),
    /// An envelope in a file, which is removed with this value.
    File(TempPath),
}

impl Unit {
    /// How it is called.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Encrypted { path, .. } => path,
            Self::Quilt { folder, .. } => folder,
        }
    }

    /// The quilt, if it is one.
    pub(crate) fn quilt(&self) -> Option<&NewQuilt> {
        match self {
            Self::File(_) | Self::Encrypted { .. } => None,
            Self::Quilt { quilt, .. } => Some(quilt),
        }
    }

    /// What is stored, labelled.
    pub(crate) fn to_blob(&self, attributes: Attributes) -> BlobToStore {
        match self {
            Self::File(_) | Self::Encrypted { .. } => BlobToStore {
                input: self.input(),
                attributes,
            },
            Self::Quilt { quilt, .. } => quilt.to_blob(attributes),
        }
    }

    /// What is stored.
    pub(crate) fn input(&self) -> BlobInput {
        match self {
            Self::File(path) if path.as_os_str() == STDIN => BlobInput::File(STDIN_PATH.into()),
            Self::File(path) => BlobInput::File(path.clone()),
            Self::Encrypted { content, .. } => match content {
                Encrypted::Bytes(bytes) => BlobInput::Bytes(bytes.clone()),
                Encrypted::File(path) => BlobInput::File(path.to_path_buf()),
            },
            Self::Quilt { quilt, .. } => BlobInput::Bytes(quilt.bytes().clone()),
        }
    }

    /// Encrypts a file, as a whole or chunk by chunk; a quilt stays what it is.
    pub(crate) fn encrypt(&mut self, encryptor: &Encryptor, envelope: bool) -> anyhow::Result<()> {
        if let Self::File(path) = self {
            let source = if path.as_os_str() == STDIN {
                Path::new(STDIN_PATH)
            } else {
                &**path
            };
            let content = if envelope {
                // Nothing but ciphertext is written.
                let file =
                    NamedTempFile::new().context("there is no place for a temporary file")?;
                let mut buffered = BufWriter::new(file);
                encryptor.encrypt_envelope(source, &mut buffered)?;
                let file = buffered.into_inner();
                let file = file.map_err(IntoInnerError::into_error);
                Encrypted::File(
                    file.context("cannot write a temporary file")?
                        .into_temp_path(),
                )
            } else {
                Encrypted::Bytes(encryptor.encrypt_file(source)?.into())
            };
            let path = std::mem::take(path);
            *self = Self::Encrypted { path, content };
        }
        Ok(())
    }
}

/// A path that was given, and what it names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// A file, pipe or device, or stdin.
    File(PathBuf),
    /// A folder and the files below it, in the order of their paths.
    Folder(PathBuf, Vec<PathBuf>),
}

/// Looks at what was given. What cannot be read is reported before anything is paid for the rest.
/// Pipes are opened once only: when their turn comes.
pub(crate) fn look(paths: &[PathBuf]) -> anyhow::Result<Vec<Given>> {
    let stdin = paths.iter().filter(|path| path.as_os_str() == STDIN);
    ensure!(stdin.count() <= 1, "stdin (`-`) can be read only once");
    let mut given = Vec::with_capacity(paths.len());
    for path in paths {
        for path in matches(path)? {
            given.push(look_at(path)?);
        }
    }
    Ok(given)
}

/// What a pattern stands for; a path that exists is none, whatever its characters.
fn matches(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let pattern = match path.to_str() {
        Some(text) if text.contains(['*', '?', '[']) && fs::symlink_metadata(path).is_err() => text,
        _ => return Ok(vec![path.to_owned()]),
    };
    let cannot_read = || format!("cannot read {}", path_text(path));
    let found: Vec<PathBuf> = glob::glob(pattern)
        .with_context(cannot_read)?
        .collect::<Result<_, _>>()
        .with_context(cannot_read)?;
    ensure!(
        !found.is_empty(),
        "cannot read {}: no file fits this pattern",
        path_text(path)
    );
    Ok(found)
}

fn look_at(path: PathBuf) -> anyhow::Result<Given> {
    if path.as_os_str() == STDIN {
        return Ok(Given::File(path));
    }
    let cannot_read = || format!("cannot read {}", path_text(&path));
    let metadata = fs::metadata(&path).with_context(cannot_read)?;
    if metadata.is_file() {
        File::open(&path).with_context(cannot_read)?;
    }
    if !metadata.is_dir() {
        return Ok(Given::File(path));
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(&path).sort_by_file_name() {
        let entry = entry.with_context(cannot_read)?;
        // What a link points to may be outside of the folder; pipes and devices have no place in
        // it.
        if !entry.file_type().is_file() {
            continue;
        }
        let file = entry.into_path();
        File::open(&file).with_context(|| format!("cannot read {}", path_text(&file)))?;
        files.push(file);
        ensure!(
            files.len() <= FOLDER_FILES_MAX,
            "{} has more than {FOLDER_FILES_MAX} files: store its folders one by one",
            path_text(&path)
        );
    }
    if files.is_empty() {
        bail!("{} has no files", path_text(&path));
    }
    Ok(Given::Folder(path, files))
}

/// How the files of folders become blobs.
pub(crate) struct Packing<'a> {
    pub(crate) client: &'a WalrusClient,
    pub(crate) duration: StorageDuration,
    /// Whether small files are stored together.
    pub(crate) quilts: bool,
}

impl Packing<'_> {
    /// The blobs to store.
    pub(crate) async fn units(&self, given: Vec<Given>) -> anyhow::Result<Vec<Unit>> {
        let mut units = Vec::new();
        for given in given {
            match given {
                Given::File(path) => units.push(Unit::File(path)),
                Given::Folder(_, files) if !self.quilts => {
                    units.extend(files.into_iter().map(Unit::File));
                }
                Given::Folder(folder, files) => self.pack(&folder, files, &mut units).await?,
            }
        }
        Ok(units)
    }

    async fn pack(
        &self,
        folder: &Path,
        files: Vec<PathBuf>,
        units: &mut Vec<Unit>,
    ) -> anyhow::Result<()> {
        let n_shards = self.client.encoder().await?.n_shards();
        let mut sized = Vec::with_capacity(files.len());
        for path in files {
            let size = fs::metadata(&path).map_or(u64::MAX, |metadata| metadata.len());
            sized.push((size, path));
        }
        let limit = QUILT_BYTES_MAX.min(params::max_blob_size(n_shards) / 2);
        let (groups, alone) = groups(sized, pieces_max(n_shards), limit);
        units.extend(alone.into_iter().map(Unit::File));
        for group in groups {
            self.pack_group(folder, n_shards, group, units).await?;
        }
        Ok(())
    }

    /// Makes a quilt of files if they fit and it is cheaper than storing them one by one. What does
    /// not fit is tried in halves.
    async fn pack_group(
        &self,
        folder: &Path,
        n_shards: NShards,
        group: Vec<PathBuf>,
        units: &mut Vec<Unit>,
    ) -> anyhow::Result<()> {
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            if group.len() < 2 {
                units.extend(group.into_iter().map(Unit::File));
                continue;
            }
            let pieces = read_pieces(folder, &group)?;
            let Ok(quilt) = NewQuilt::build(n_shards, &pieces) else {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
                continue;
            };
            let sizes: Vec<u64> = pieces.iter().map(|piece| piece.data.len() as u64).collect();
            let together = [quilt.bytes().len() as u64];
            let together = self.client.price(&together, self.duration).await?;
            let apart = self.client.price(&sizes, self.duration).await?;
            match (together, apart) {
                (Some(together), Some(apart)) if together >= apart => {
                    units.extend(group.into_iter().map(Unit::File));
                }
                (None, _) => {
                    let half = group.split_off(group.len() / 2);
                    groups.extend([half, group]);
                }
                (Some(together), apart) => units.push(Unit::Quilt {
                    folder: folder.to_owned(),
                    quilt,
                    prices: apart.map(|apart| (apart, together)),
                }),
            }
        }
        Ok(())
    }
}

/// The files that a quilt takes at most: it has a column for each, and one for the index.
fn pieces_max(n_shards: NShards) -> usize {
    let (_, columns) = params::source_symbols(n_shards);
    usize::from(columns).saturating_sub(1)
}

/// Files in groups that may become quilts, and those that are too large for that. Files of similar
/// size are together: every file takes whole columns, and the largest says how long these are.
fn groups(
    mut sized: Vec<(u64, PathBuf)>,
    pieces_max: usize,
    bytes_max: u64,
) -> (Vec<Vec<PathBuf>>, Vec<PathBuf>) {
    sized.sort();
    let piece_max = PIECE_BYTES_MAX.min(bytes_max);
    let first_large = sized.partition_point(|(size, _)| *size <= piece_max);
    let alone = sized.split_off(first_large);
    let mut groups: Vec<Vec<PathBuf>> = Vec::new();
    let mut bytes = 0_u64;
    for (size, path) in sized {
        bytes = bytes.saturating_add(size);
        match groups.last_mut() {
            Some(group) if group.len() < pieces_max && bytes <= bytes_max => group.push(path),
            _ => {
                bytes = size;
                groups.push(vec![path]);
            }
        }
    }
    (groups, alone.into_iter().map(|(_, path)| path).collect())
}

/// Reads files; each is named by its path below `folder`.
pub(crate) fn read_pieces(folder: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<QuiltPiece>> {
    let piece = |path: &PathBuf| {
        let below = path.strip_prefix(folder).unwrap_or(path);
        Ok(QuiltPiece {
            identifier: identifier(below)?,
            tags: std::collections::BTreeMap::new(),
            data: read_piece(path)?,
        })
    };
    files.iter().map(piece).collect()
}

/// The content of a file that becomes part of a quilt.
pub(crate) fn read_piece(path: &Path) -> anyhow::Result<Bytes> {
    let bytes = read_at_most(path, QUILT_BYTES_MAX)
        .with_context(|| format!("cannot read {}", path_text(path)))?;
    Ok(Bytes::from(bytes))
}

/// A relative path as the name of a file in a quilt, with `/` between its parts.
pub(crate) fn identifier(path: &Path) -> anyhow::Result<String> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    let parts = parts.with_context(|| {
        let path = path_text(path);
        format!("{path} cannot be named in a quilt, because its name is no text; use --no-quilts")
    })?;
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_patterns_stand_for_the_files_below_them() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        fs::create_dir_all(path("d/e")).unwrap();
        for name in ["b.txt", "a.txt", "c.md", "d/2", "d/e/1", "x[1].txt"] {
            fs::write(path(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", path("d/link")).unwrap();
        let file = |name: &str| Given::File(path(name));
        let folder = Given::Folder(path("d"), vec![path("d/2"), path("d/e/1")]);
        assert_eq!(
            look(&[path("d"), path("a.txt")]).unwrap(),
            [folder, file("a.txt")]
        );
        assert_eq!(
            look(&[path("?.txt"), path("x[1].txt"), STDIN.into()]).unwrap(),
            [
                file("a.txt"),
                file("b.txt"),
                file("x[1].txt"),
                Given::File(STDIN.into())
            ]
        );
        fs::create_dir(path("empty")).unwrap();
        for (given, reason) in [
            (vec![path("*.png")], "no file fits"),
            (vec![path("none")], "No such file"),
            (vec![path("empty")], "has no files"),
            (vec![STDIN.into(), STDIN.into()], "only once"),
        ] {
            let error = format!("{:#}", look(&given).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn groups_are_bounded_in_number_and_bytes() {
        let sized = |sizes: &[u64]| {
            let named = sizes.iter().enumerate();
            named
                .map(|(index, size)| (*size, PathBuf::from(format!("{index}"))))
                .collect::<Vec<_>>()
        };
        let lengths = |sizes: &[u64]| {
            let (groups, alone) = groups(sized(sizes), 3, 100);
            (groups.iter().map(Vec::len).collect::<Vec<_>>(), alone.len())
        };
        assert_eq!(lengths(&[1; 7]), (vec![3, 3, 1], 0));
        assert_eq!(lengths(&[60, 60, 1, 101, 100]), (vec![2, 1, 1], 1));
        assert_eq!(lengths(&[]), (vec![], 0));
    }

    #[test]
    fn names_in_a_quilt_are_paths_below_the_folder() {
        assert_eq!(identifier(Path::new("a/b c.txt")).unwrap(), "a/b c.txt");
        let strange: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
        assert!(identifier(Path::new(strange)).is_err());
    }
}
