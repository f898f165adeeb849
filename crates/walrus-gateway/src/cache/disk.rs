//! Pages of blobs on disk.
//!
//! The disk is trusted as little as a storage node is. Of a page that was written by this process,
//! a hash is kept in memory; a page that was there before is compared with the hashes in its blob's
//! metadata, which are what a reader checks slivers with. Whatever is not right is deleted and
//! fetched again. So nobody who can write to the folder, and no bit that flips in it, gets a wrong
//! byte served.
//!
//! Nothing is synced: a page that is lost is fetched again.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use moka::{notification::RemovalCause, sync::Cache};
use tokio::sync::Semaphore;
use walrus_core::BlobId;
use walrus_files::{durable::Lock, input::read_at_most};

use super::PageKey;

/// Pages written at the same time; when the disk is slower than the network, the others are not
/// written.
const WRITES_AT_ONCE: usize = 8;
/// Ending of files that are being written.
const UNFINISHED: &str = "part";
/// File that one process at a time holds.
const LOCK: &str = "lock";

type Digest = [u8; 32];

/// What is known of a page on disk.
#[derive(Debug, Clone, Copy)]
struct Entry {
    length: u32,
    /// The hash of its bytes; absent for pages that were there before this process.
    digest: Option<Digest>,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskCacheError {
    /// The operating system refused.
    #[error("cannot use {path} as a cache: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process uses it.
    #[error(
        "cannot use {0} as a cache: another process does; every process needs a folder of its own"
    )]
    InUse(PathBuf),
}

/// A folder of pages, the least useful of which are deleted when there are too many.
pub(crate) struct DiskCache {
    folder: PathBuf,
    index: Cache<PageKey, Entry>,
    writes: Arc<Semaphore>,
    serial: AtomicU64,
    /// Whether the last write failed, so that a full disk is told of once.
    failing: AtomicBool,
    _lock: Lock,
}

impl fmt::Debug for DiskCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskCache")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// A page as it was found.
pub(crate) struct Found {
    pub bytes: Bytes,
    /// Whether it is known to be what was fetched once; if not, it has to be compared with the
    /// metadata.
    pub is_checked: bool,
}

impl DiskCache {
    /// Uses `folder`, which is made if it does not exist, for at most `bytes_max` bytes of pages.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> Result<Self, DiskCacheError> {
        let failed = |source| DiskCacheError::Io {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = Lock::try_now(&folder.join(LOCK))
            .map_err(failed)?
            .ok_or_else(|| DiskCacheError::InUse(folder.to_owned()))?;
        let evicted_from = folder.to_owned();
        let index = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(|_: &PageKey, entry: &Entry| entry.length)
            .eviction_listener(move |key: Arc<PageKey>, _, cause| {
                if cause != RemovalCause::Replaced {
                    // One that is gone already is gone.
                    let _ = fs::remove_file(evicted_from.join(file_name(&key)));
                }
            })
            .build();
        let cache = Self {
            folder: folder.to_owned(),
            index,
            writes: Arc::new(Semaphore::new(WRITES_AT_ONCE)),
            serial: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            _lock: lock,
        };
        cache.take_stock().map_err(failed)?;
        Ok(cache)
    }

    /// Enters the pages that are there, and deletes what was being written.
    fn take_stock(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if Path::new(name)
                .extension()
                .is_some_and(|ending| ending == UNFINISHED)
            {
                fs::remove_file(entry.path())?;
            } else if let Some(key) = key_of(name)
                && let Ok(length) = u32::try_from(entry.metadata()?.len())
            {
                let digest = None;
                self.index.insert(key, Entry { length, digest });
            }
        }
        self.index.run_pending_tasks();
        Ok(())
    }

    /// Bytes of pages there are.
    pub(crate) fn size(&self) -> u64 {
        self.index.weighted_size()
    }

    /// Reads a page. One that has changed since it was written is deleted and not given.
    pub(crate) async fn get(self: &Arc<Self>, key: PageKey) -> Option<Found> {
        let entry = self.index.get(&key)?;
        let path = self.folder.join(file_name(&key));
        let read = tokio::task::spawn_blocking(move || {
            let bytes = read_at_most(&path, u64::from(entry.length)).ok()?;
            let is_same = entry
                .digest
                .is_none_or(|digest| digest == digest_of(&bytes));
            is_same.then_some(bytes)
        });
        let Some(bytes) = read.await.expect("reading does not panic") else {
            tracing::warn!(
                ?key,
                "a page in the cache folder is damaged; it is fetched again"
            );
            self.remove(key);
            return None;
        };
        Some(Found {
            bytes: bytes.into(),
            is_checked: entry.digest.is_some(),
        })
    }

    /// Remembers that a page that was there before is right.
    pub(crate) fn trust(&self, key: PageKey, bytes: &[u8]) {
        self.enter(key, bytes);
    }

    /// Deletes a page.
    pub(crate) fn remove(&self, key: PageKey) {
        self.index.invalidate(&key);
    }

    /// Writes a page in the background; not at all when the disk cannot follow.
    pub(crate) fn put(self: &Arc<Self>, key: PageKey, bytes: Bytes) {
        let Ok(permit) = Arc::clone(&self.writes).try_acquire_owned() else {
            return;
        };
        let cache = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let written = cache.write(key, &bytes);
            drop(permit);
            let was_failing = cache.failing.swap(written.is_err(), Ordering::Relaxed);
            match written {
                Ok(()) => cache.enter(key, &bytes),
                Err(error) if !was_failing => {
                    tracing::warn!(folder = %cache.folder.display(), %error, "pages cannot be written to the cache folder");
                }
                Err(_) => {}
            }
        });
    }

    fn enter(&self, key: PageKey, bytes: &[u8]) {
        if let Ok(length) = u32::try_from(bytes.len()) {
            let digest = Some(digest_of(bytes));
            self.index.insert(key, Entry { length, digest });
        }
    }

    fn write(&self, key: PageKey, bytes: &[u8]) -> io::Result<()> {
        let name = file_name(&key);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(format!("{name}.{serial}.{UNFINISHED}"));
        let written = fs::write(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, self.folder.join(name)));
        if written.is_err() {
            // The first error is the one to tell of.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    let hash = blake2b_simd::Params::new()
        .hash_length(digest.len())
        .hash(bytes);
    digest.copy_from_slice(hash.as_bytes());
    digest
}

/// `<blob ID>.<first byte>`: neither has a point in it.
fn file_name(key: &PageKey) -> String {
    format!("{}.{}", key.blob_id, key.start)
}

fn key_of(name: &str) -> Option<PageKey> {
    let (blob_id, start) = name.split_once('.')?;
    let key = PageKey {
        blob_id: blob_id.parse::<BlobId>().ok()?,
        start: start.parse().ok()?,
    };
    (file_name(&key) == name).then_some(key)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn key(start: u64) -> PageKey {
        PageKey {
            blob_id: BlobId([3; 32]),
            start,
        }
    }

    /// Waits for a page to be written.
    async fn written(cache: &Arc<DiskCache>, key: PageKey) {
        let started = Instant::now();
        while !cache.index.contains_key(&key) {
            assert!(started.elapsed() < Duration::from_secs(60), "never written");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn pages_survive_a_restart_but_not_their_trust() {
        let folder = tempfile::tempdir().unwrap();
        let page = Bytes::from(vec![7; 1000]);
        let cache = Arc::new(DiskCache::open(folder.path(), 10_000).unwrap());
        assert!(cache.get(key(0)).await.is_none());
        cache.put(key(0), page.clone());
        written(&cache, key(0)).await;
        let found = cache.get(key(0)).await.unwrap();
        assert!(found.is_checked && found.bytes == page);
        assert!(matches!(
            DiskCache::open(folder.path(), 10_000),
            Err(DiskCacheError::InUse(_))
        ));
        drop(cache);

        fs::write(
            folder.path().join(format!("{}.9.part", file_name(&key(5)))),
            "x",
        )
        .unwrap();
        fs::write(folder.path().join("something else"), "stays").unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 10_000).unwrap());
        let found = cache.get(key(0)).await.unwrap();
        assert!(!found.is_checked && found.bytes == page);
        cache.trust(key(0), &page);
        assert!(cache.get(key(0)).await.unwrap().is_checked);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[tokio::test]
    async fn damage_is_noticed_and_the_page_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 10_000).unwrap());
        for damage in [&b"y"[..], &[7; 999], &[7; 1001], &[]] {
            cache.put(key(0), Bytes::from(vec![7; 1000]));
            written(&cache, key(0)).await;
            let path = folder.path().join(file_name(&key(0)));
            fs::write(&path, damage).unwrap();
            assert!(cache.get(key(0)).await.is_none(), "{} bytes", damage.len());
            cache.index.run_pending_tasks();
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 3_000).unwrap());
        for start in 0..20 {
            let bytes = Bytes::from(vec![1; 1000]);
            cache.write(key(start), &bytes).unwrap();
            cache.enter(key(start), &bytes);
            cache.index.run_pending_tasks();
        }
        assert!(cache.size() <= 3_000);
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert!(files <= 4, "three pages and the lock, not {files}");
    }

    #[test]
    fn names_lead_to_keys_and_nowhere_else() {
        assert_eq!(key_of(&file_name(&key(17))), Some(key(17)));
        let id = BlobId([3; 32]);
        for name in [
            format!("{id}.017"),
            format!("{id}"),
            "lock".into(),
            format!("{id}.-1"),
            format!("{id}.+1"),
        ] {
            assert_eq!(key_of(&name), None, "{name}");
        }
    }
}
