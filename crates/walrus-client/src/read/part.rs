//! Reading parts of a blob: ranges of bytes, files of a quilt.
//!
//! A blob is the rows of its matrix one after the other, and every row is hashed by the metadata on
//! its own. So bytes can leave as soon as the rows they lie on are checked: nothing has to be known
//! of the rest of the blob.

use std::{ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_core::{
    BlobId, Epoch, PrimarySliver, SecondarySliver, SliverIndex, SliverType,
    metadata::VerifiedMetadata, params, quilt::QuiltPatchId,
};
use walrus_encoder::{
    ConsistencyCheck, Encoder,
    quilt::{Patch, PatchList, QuiltError, QuiltSlivers},
};
use walrus_sui::Committees;

use super::{ReadError, committee_to_read, decode_blob, recover::SliverSource};
use crate::{
    client::WalrusClient, committee::CommitteeClients, error::ClientError, progress::no_progress,
};

/// Rows or columns fetched at the same time, as long as they fit into the data in flight.
const CONCURRENT_SLIVERS: usize = 16;

/// A certified blob whose metadata was checked against its ID. Parts of it can be read; clones
/// share the metadata.
#[derive(Clone)]
pub struct OpenBlob {
    client: WalrusClient,
    metadata: Arc<VerifiedMetadata>,
    encoder: Encoder,
    certified: Option<Epoch>,
}

impl WalrusClient {
    /// Finds out that a blob can be read, and reads its metadata.
    pub async fn open(&self, blob_id: &BlobId) -> Result<OpenBlob, ClientError> {
        let blob_id = *blob_id;
        let encoder = self.encoder().await?;
        let progress = no_progress();
        self.with_committees(&progress, |committees| {
            let encoder = encoder.clone();
            async move {
                let config = &self.shared.communication;
                let fetch = |committee: Arc<CommitteeClients>| async move {
                    super::metadata::fetch(&committee, blob_id, config).await
                };
                let (metadata, certified) = self.with_status(&committees, blob_id, fetch).await?;
                Ok(OpenBlob {
                    client: self.clone(),
                    metadata: Arc::new(metadata),
                    encoder,
                    certified,
                })
            }
        })
        .await
    }
}

impl OpenBlob {
    /// The blob.
    pub fn blob_id(&self) -> &BlobId {
        self.metadata.blob_id()
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.metadata.unencoded_length()
    }

    /// The length in bytes of a row: what is fetched and checked as a whole. The last row with
    /// bytes may have fewer.
    pub fn row_length(&self) -> u64 {
        self.metadata.sliver_size(SliverType::Primary) as u64
    }

    /// The length in bytes of a column: what is fetched and checked as a whole for a file of a
    /// quilt.
    pub fn column_length(&self) -> u64 {
        self.metadata.sliver_size(SliverType::Secondary) as u64
    }

    /// Reads a range of bytes, which must lie within the blob. Every row it lies on is checked.
    ///
    /// Takes memory for the rows; those of the whole blob are decoded from whichever slivers arrive
    /// first.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>, ClientError> {
        let progress = no_progress();
        self.client
            .with_committees(&progress, |committees| {
                let range = range.clone();
                async move { Ok(self.source(&committees).range(self, range).await?) }
            })
            .await
    }

    /// Whether `bytes` are those of the blob from `start` on. Both must lie on whole rows, but for
    /// the end of the blob.
    ///
    /// Hashes everything: not for the threads of an executor.
    pub fn is_at(&self, start: u64, bytes: &[u8]) -> bool {
        let row_length = self.row_length();
        let end = start.saturating_add(bytes.len() as u64);
        let whole_rows = start.is_multiple_of(row_length)
            && (end.is_multiple_of(row_length) || end == self.size());
        let (Ok(row_length), Ok(first)) = (
            usize::try_from(row_length),
            u16::try_from(start / row_length),
        ) else {
            return false;
        };
        whole_rows
            && end <= self.size()
            && (first..).zip(bytes.chunks(row_length)).all(|(row, data)| {
                let mut data = data.to_vec();
                data.resize(row_length, 0);
                let symbol_size = self.metadata.symbol_size();
                let sliver = PrimarySliver::new(data, symbol_size, SliverIndex(row));
                self.encoder.verify_sliver(&sliver, &self.metadata).is_ok()
            })
    }

    /// Opens the blob as a quilt and reads its index.
    pub async fn quilt(&self) -> Result<OpenQuilt, ClientError> {
        let mut columns = QuiltSlivers::new(&self.metadata);
        let patches = self.with_columns(&mut columns, QuiltSlivers::index).await?;
        Ok(OpenQuilt {
            blob: self.clone(),
            patches,
        })
    }

    /// Reads the patch on these columns of the blob, which must be a quilt.
    pub async fn quilt_patch(&self, columns: Range<u16>) -> Result<Patch, ClientError> {
        let mut slivers = QuiltSlivers::new(&self.metadata);
        self.with_columns(&mut slivers, |slivers| slivers.patch(columns.clone()))
            .await
    }

    /// Fetches columns until `read` misses none.
    async fn with_columns<T>(
        &self,
        columns: &mut QuiltSlivers,
        read: impl Fn(&QuiltSlivers) -> Result<T, QuiltError>,
    ) -> Result<T, ClientError> {
        loop {
            let missing = match read(columns) {
                Ok(found) => return Ok(found),
                Err(QuiltError::MissingSlivers(missing)) => missing,
                Err(source) => return Err(self.quilt_error(source)),
            };
            let (_, source_columns) = params::source_symbols(self.metadata.n_shards());
            if missing.iter().any(|column| *column >= source_columns) {
                return Err(self.quilt_error(QuiltError::MissingSlivers(missing)));
            }
            let progress = no_progress();
            let fetched = self
                .client
                .with_committees(&progress, |committees| {
                    let missing = missing.clone();
                    async move { Ok(self.source(&committees).columns(&missing).await?) }
                })
                .await?;
            for column in fetched {
                columns
                    .insert(column)
                    .map_err(|source| self.quilt_error(source))?;
            }
        }
    }

    fn quilt_error(&self, source: QuiltError) -> ClientError {
        ClientError::Quilt {
            quilt_id: *self.blob_id(),
            source,
        }
    }

    fn source(&self, committees: &Committees) -> SliverSource {
        let committee = committee_to_read(committees, self.certified);
        SliverSource {
            committee: self.client.clients(committee),
            metadata: Arc::clone(&self.metadata),
            encoder: self.encoder.clone(),
        }
    }

    fn concurrency(&self, axis: SliverType) -> usize {
        let sliver = self.metadata.sliver_size(axis).max(1);
        let fitting = self.client.shared.communication.max_data_in_flight / sliver;
        fitting.clamp(1, CONCURRENT_SLIVERS)
    }
}

impl SliverSource {
    async fn range(&self, blob: &OpenBlob, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let blob_id = *self.metadata.blob_id();
        let decode_error = |source| ReadError::Decode { blob_id, source };
        let rows = self
            .encoder
            .rows_of_range(&self.metadata, range.clone())
            .map_err(decode_error)?;
        if range == (0..blob.size()) {
            let config = &blob.client.shared.communication;
            let (metadata, check) = (Arc::clone(&self.metadata), ConsistencyCheck::Default);
            let progress = no_progress();
            return decode_blob(
                &self.committee,
                &self.encoder,
                metadata,
                check,
                config,
                &*progress,
            )
            .await;
        }
        let slivers: Vec<PrimarySliver> = stream::iter(rows)
            .map(|row| self.sliver(SliverIndex(row)))
            .buffered(blob.concurrency(SliverType::Primary))
            .try_collect()
            .await?;
        self.encoder
            .decode_range(&self.metadata, &slivers, range)
            .map_err(decode_error)
    }

    async fn columns(&self, columns: &[u16]) -> Result<Vec<SecondarySliver>, ReadError> {
        // Owned, because a closure over references is not general enough for the compiler in a
        // future that is sent.
        stream::iter(columns.to_vec())
            .map(|column| self.sliver(SliverIndex(column)))
            .buffered(CONCURRENT_SLIVERS)
            .try_collect()
            .await
    }
}

/// A quilt whose index was read.
#[derive(Clone)]
pub struct OpenQuilt {
    blob: OpenBlob,
    patches: PatchList,
}

impl OpenQuilt {
    /// The files it holds.
    pub fn patches(&self) -> &PatchList {
        &self.patches
    }

    /// The ID of the file with this identifier.
    pub fn patch_id(&self, identifier: &str) -> Option<QuiltPatchId> {
        let entry = self.patches.find(identifier)?;
        Some(entry.id(*self.blob.blob_id()))
    }
}
