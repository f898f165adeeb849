//! Blobs that are not served, listed in a file that is read again when it changes.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use stdx::RwLock;
use tokio_util::sync::CancellationToken;
use walrus_core::BlobId;
use walrus_files::input::{InputError, read_at_most};

/// The largest list, in bytes: more than a million blob IDs.
const BLOCKLIST_BYTES_MAX: u64 = 64 << 20;
/// How often the file is looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// The file cannot be read.
    #[error("cannot read the block list {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InputError,
    },
    /// The file is no list of blob IDs.
    #[error("the block list {path} is no YAML list of blob IDs: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The blobs that are not served. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Blocklist {
    blobs: Arc<RwLock<HashSet<BlobId>>>,
}

impl Blocklist {
    /// The list in a file.
    pub fn load(path: &Path) -> Result<Self, BlocklistError> {
        Ok(Self {
            blobs: Arc::new(RwLock::new(read(path)?)),
        })
    }

    /// Whether a blob is blocked.
    pub fn contains(&self, blob_id: &BlobId) -> bool {
        self.blobs.read().contains(blob_id)
    }

    /// Reads the file again whenever it has changed, until `stop`. A file that cannot be used
    /// changes nothing.
    pub async fn follow(self, path: PathBuf, stop: CancellationToken) {
        // Whatever was there when the list was loaded may have been older.
        let mut seen = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RELOAD_INTERVAL) => {}
            }
            let state = state_of(&path);
            if state == seen {
                continue;
            }
            seen = state;
            match read(&path) {
                Ok(blobs) => {
                    let count = blobs.len();
                    *self.blobs.write() = blobs;
                    tracing::info!(blobs = count, "the block list was read");
                }
                Err(error) => tracing::warn!(%error, "the block list is kept as it was"),
            }
        }
    }
}

/// What changes when a file is written or replaced.
fn state_of(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<HashSet<BlobId>, BlocklistError> {
    let malformed = |reason| BlocklistError::Malformed {
        path: path.to_owned(),
        reason,
    };
    let bytes =
        read_at_most(path, BLOCKLIST_BYTES_MAX).map_err(|source| BlocklistError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    let text = String::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    if text.trim().is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<String> =
        serde_saphyr::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    ids.iter()
        .map(|id| {
            id.parse()
                .map_err(|error| malformed(format!("{id:?}: {error}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_blob_ids_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blocked.yaml");
        let id = BlobId([7; 32]);
        std::fs::write(&path, format!("- {id}\n- \"{}\"\n", BlobId([0; 32]))).unwrap();
        let list = Blocklist::load(&path).unwrap();
        assert!(list.contains(&id) && list.contains(&BlobId([0; 32])));
        assert!(!list.contains(&BlobId([1; 32])));
        std::fs::write(&path, "").unwrap();
        assert!(!Blocklist::load(&path).unwrap().contains(&id));
        for wrong in ["- short\n", "{a: 1}", "- [", "\u{0}"] {
            std::fs::write(&path, wrong).unwrap();
            let error = Blocklist::load(&path).unwrap_err();
            assert!(
                matches!(error, BlocklistError::Malformed { .. }),
                "{wrong:?}: {error}"
            );
        }
        let missing = Blocklist::load(&folder.path().join("none"));
        assert!(matches!(missing, Err(BlocklistError::Unreadable { .. })));
    }
}
