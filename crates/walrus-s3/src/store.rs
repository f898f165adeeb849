//! Buckets and objects: what is known, what waits, and what happens to it.

mod buckets;
mod keeper;
mod objects;
mod parcels;
mod reading;
mod recover;
mod remover;
mod state;
mod uploads;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard},
    time::Duration,
};

use stdx::Mutex;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use walrus_client::WalrusClient;
use walrus_core::{EpochCount, Frost, params};
use walrus_gateway::reader::BlobReader;

use crate::{
    StartError, failure::Failure, index::Index, journal::Journal, metrics::Metrics, pack::Bounds,
    tables::DiskError,
};
pub use recover::Rebuilt;
use state::State;

pub(crate) use objects::{Condition, NewObject};
pub(crate) use uploads::{CompleteError, NamedPart, PARTS_MAX};

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// When the network has certified it.
    Certified,
    /// When it is written to the journal on the disk of this server.
    Journal,
}

/// How buckets and objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Folder of the index and the journal.
    pub data_folder: PathBuf,
    /// When a write is acknowledged.
    pub acknowledge: Acknowledge,
    /// Epochs for which objects are kept and renewed, in buckets that have no number of their own.
    pub epochs: EpochCount,
    /// Objects up to this size share quilts.
    pub small_bytes_max: u64,
    /// Objects beyond this size are several blobs; also what is held in memory at a time.
    pub chunk_bytes_max: u64,
    /// Bytes that may wait on disk to be certified, uploads in parts included.
    pub spool_bytes_max: u64,
    /// How long small objects wait for others to share a quilt with, if nobody waits for their
    /// certification.
    pub pack_delay: Duration,
    /// How renewal goes; `None` if something else renews.
    pub renewal: Option<RenewalOptions>,
}

/// How objects are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalOptions {
    /// What expires within this many epochs is renewed.
    pub within: EpochCount,
    /// The most to spend as long as the server runs.
    pub cost_max: Frost,
    /// Time between two looks.
    pub interval: Duration,
}

/// The store. Clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    client: WalrusClient,
    reader: BlobReader,
    index: Index,
    journal: Journal,
    options: StoreOptions,
    bounds: Bounds,
    state: Mutex<State>,
    /// There is something to store.
    written: Notify,
    /// There is something to remove.
    removed: Notify,
    metrics: Metrics,
    /// Writes that go on, whether or not a client waits for them.
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Bytes of a quilt.
const QUILT_BYTES_MAX: u64 = 16 << 20;

impl Store {
    /// Opens what is on disk, and makes it agree with the chain.
    pub(crate) async fn open(
        client: WalrusClient,
        reader: BlobReader,
        options: StoreOptions,
        metrics: Metrics,
    ) -> Result<(Self, Rebuilt), StartError> {
        let n_shards = client.encoder().await?.n_shards();
        let blob_max = params::max_blob_size(n_shards);
        let chunk_bytes_max = options.chunk_bytes_max.clamp(1, blob_max);
        let (_, columns) = params::source_symbols(n_shards);
        let quilt_bytes_max = QUILT_BYTES_MAX.min(blob_max / 2).min(chunk_bytes_max);
        let bounds = Bounds {
            files_max: usize::from(columns).saturating_sub(1),
            quilt_bytes_max,
            small_bytes_max: options.small_bytes_max.min(quilt_bytes_max / 2),
            chunk_bytes_max,
            round_bytes_max: chunk_bytes_max,
        };
        let folder = options.data_folder.clone();
        let spool_bytes_max = options.spool_bytes_max;
        let (index, journal) = blocking(move || {
            std::fs::create_dir_all(&folder).map_err(DiskError::io(&folder))?;
            let journal = Journal::open(&folder.join("journal"), spool_bytes_max)?;
            Ok::<_, DiskError>((open_index(&folder)?, journal))
        })
        .await?;
        let store = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(journal.last_version()?)),
                client,
                reader,
                index,
                journal,
                options,
                bounds,
                written: Notify::new(),
                removed: Notify::new(),
                metrics,
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        };
        let rebuilt = store.recover().await?;
        Ok((store, rebuilt))
    }

    /// Stores, removes and renews until `stop`; what is under way is brought to its end.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let background = TaskTracker::new();
        background.spawn(self.clone().write());
        background.spawn(self.clone().remove());
        background.spawn(self.clone().keep());
        background.close();
        stop.cancelled().await;
        self.shared.stop.cancel();
        self.shared.tasks.close();
        background.wait().await;
        self.shared.tasks.wait().await;
    }

    /// Brings the metrics up to date.
    pub(crate) fn sample(&self) {
        self.shared.reader.sample();
        let state = self.lock();
        let (objects, removals) = (state.pending.len(), state.removals.len());
        let is_hindered = state.obstacle.is_some();
        drop(state);
        let bytes = self.shared.journal.spool.bytes();
        self.shared
            .metrics
            .show(objects, removals, bytes, is_hindered);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// Runs something to its end, also if nobody waits for it any more.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.shared.tasks.spawn(work).await;
        done.map_err(|error| Failure::Internal(error.to_string()))?
    }
}

/// The folder of the index.
fn index_folder(data_folder: &Path) -> PathBuf {
    data_folder.join("index")
}

/// Opens the index; one that was not built to its end, or in another form, begins anew.
fn open_index(data_folder: &Path) -> Result<Index, DiskError> {
    let path = index_folder(data_folder);
    if path.exists() {
        let index = Index::open(&path)?;
        if index.is_complete()? {
            return Ok(index);
        }
        drop(index);
        std::fs::remove_dir_all(&path).map_err(DiskError::io(&path))?;
    }
    Index::open(&path)
}

/// Deletes the index of a store that does not run.
pub(crate) async fn delete_index(data_folder: &Path) -> Result<(), DiskError> {
    let path = index_folder(data_folder);
    if !path.exists() {
        return Ok(());
    }
    blocking(move || {
        // Somebody who uses it would go on with files that are gone.
        drop(Index::open(&path)?);
        std::fs::remove_dir_all(&path).map_err(DiskError::io(&path))
    })
    .await
}

/// Why nobody waits any longer.
fn stopping() -> Failure {
    Failure::Unavailable("the server is stopping".to_owned())
}

/// Runs something that waits for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = ambient::run_blocking(work).await;
    done.expect("work on the disk does not panic")
}
