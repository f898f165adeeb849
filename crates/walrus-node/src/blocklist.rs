//! Blobs that the operator does not serve.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use stdx::RwLock;
use walrus_core::BlobId;
use walrus_files::input::{InputError, read_text};

/// Longest block list in bytes: about a million blob IDs.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a block list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// The file cannot be read.
    #[error("cannot read the block list {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: InputError,
    },
    /// The file is not a list of blob IDs.
    #[error("the block list {} is not a YAML list of blob IDs: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
}

/// The blobs whose metadata, slivers and symbols are refused to readers with 451. Clones share the
/// list.
///
/// The node still stores, confirms and hands over what belongs to its shards: others may have to
/// serve it.
#[derive(Debug, Clone, Default)]
pub struct Blocklist {
    path: Option<PathBuf>,
    blobs: Arc<RwLock<HashSet<BlobId>>>,
}

impl Blocklist {
    /// The list in a file.
    pub fn load(path: &Path) -> Result<Self, BlocklistError> {
        Ok(Self {
            blobs: Arc::new(RwLock::new(read(path)?)),
            path: Some(path.to_owned()),
        })
    }

    /// Whether readers are refused this blob.
    pub fn contains(&self, blob_id: &BlobId) -> bool {
        self.blobs.read().contains(blob_id)
    }

    /// How many blobs are on the list.
    pub fn len(&self) -> usize {
        self.blobs.read().len()
    }

    /// Whether nothing is blocked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the file again; returns whether the list is another one now. On failure the old list
    /// stays.
    pub fn reload(&self) -> Result<bool, BlocklistError> {
        let Some(path) = &self.path else {
            return Ok(false);
        };
        let fresh = read(path)?;
        let mut blobs = self.blobs.write();
        let differs = *blobs != fresh;
        *blobs = fresh;
        Ok(differs)
    }
}

fn read(path: &Path) -> Result<HashSet<BlobId>, BlocklistError> {
    let text = read_text(path, FILE_BYTES_MAX).map_err(|source| BlocklistError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|reason| BlocklistError::Parse {
        path: path.to_owned(),
        reason,
    })
}

/// An empty file is an empty list.
fn parse(text: &str) -> Result<HashSet<BlobId>, String> {
    let is_blank = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    };
    if text.lines().all(is_blank) {
        return Ok(HashSet::new());
    }
    let entries: Vec<String> = serde_saphyr::from_str(text)
        .map_err(|error| crate::config::one_line(&error.to_string()))?;
    let blob_ids = entries.iter().map(|entry| entry.parse::<BlobId>());
    blob_ids
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lists_are_yaml() {
        let (one, two) = (BlobId([1; 32]), BlobId([0xfb; 32]));
        for text in [
            format!("- {one}\n- {two} # by court order\n"),
            format!("# both\n---\n- '{two}'\n- \"{one}\"\n- {one}\n"),
            format!("[{one}, {two}]"),
        ] {
            assert_eq!(parse(&text).unwrap(), HashSet::from([one, two]), "{text}");
        }
        for empty in ["", "\n", "# none yet\n", "[]"] {
            assert_eq!(parse(empty).unwrap(), HashSet::new(), "{empty:?}");
        }
        for wrong in ["- nonsense", "blobs: []", "- [x]", "{", &format!("{one}")] {
            let reason = parse(wrong).unwrap_err();
            assert!(!reason.contains('\n') && !reason.is_empty(), "{reason}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_leaves_the_list_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blocked.yaml");
        assert!(matches!(
            Blocklist::load(&path),
            Err(BlocklistError::Read { .. })
        ));
        let blob_id = BlobId([7; 32]);
        fs::write(&path, format!("- {blob_id}\n")).unwrap();
        let list = Blocklist::load(&path).unwrap();
        assert!(!list.reload().unwrap());
        fs::write(&path, "- half an I").unwrap();
        let error = list.reload().unwrap_err();
        assert!(error.to_string().contains("blocked.yaml"), "{error}");
        assert!(list.contains(&blob_id));
        fs::write(&path, "[]").unwrap();
        assert!(list.reload().unwrap());
        assert!(!list.contains(&blob_id) && list.is_empty());
        assert!(!Blocklist::default().reload().unwrap());
    }
}
