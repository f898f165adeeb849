//! What is stored: bytes or files, and in which batches.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use walrus_core::{VerifiedMetadata, params};
use walrus_encoder::Encoder;
use walrus_files::input::{InputError, read_at_most};
use walrus_sui::contract::Attributes;

use super::{
    encoded::EncodedBlob,
    outcome::{BlobError, TooLarge},
};
use crate::{
    error::ClientError,
    progress::{ProgressEvent, ProgressSink},
};

/// Encoded bytes held in memory at once; files beyond it are stored in further batches. A single
/// blob may be larger.
const BATCH_ENCODED_BYTES_MAX: u64 = 2 << 30;
/// Blobs of one batch.
const BATCH_BLOBS_MAX: usize = 100;

/// A blob to store.
#[derive(Debug, Clone)]
pub enum BlobInput {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, pipe or device; opened once, when its turn comes, and read to its end.
    File(PathBuf),
}

impl BlobInput {
    /// Size in bytes, where it is known before everything is read. What cannot be read has none;
    /// reading it says why.
    pub async fn known_size(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(path) => {
                let metadata = tokio::fs::metadata(path).await.ok()?;
                metadata.is_file().then_some(metadata.len())
            }
        }
    }

    /// The bytes, if they are no more than a blob of the network can have.
    async fn read(self, encoder: &Encoder) -> Result<Bytes, BlobError> {
        let n_shards = encoder.n_shards();
        let limit = params::max_blob_size(n_shards);
        let too_large = |what: String, size| TooLarge {
            what,
            size,
            limit,
            n_shards,
        };
        match self {
            Self::Bytes(bytes) if bytes.len() as u64 > limit => {
                Err(too_large("the blob".to_owned(), Some(bytes.len() as u64)).into())
            }
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(path) => {
                let file = path.clone();
                // Opening a pipe waits for its writer: not on the threads of the executor.
                let read = ambient::run_blocking(move || read_at_most(&file, limit))
                    .await
                    .expect("reading does not panic");
                read.map(Bytes::from).map_err(|error| match error {
                    InputError::TooLong { reported, .. } => {
                        too_large(path.display().to_string(), reported).into()
                    }
                    error => BlobError::Unreadable {
                        path,
                        cause: Arc::new(error),
                    },
                })
            }
        }
    }

    /// Reads and encodes the blob; only its metadata if it goes through a relay.
    pub(crate) async fn encode(
        self,
        encoder: &Encoder,
        blob: usize,
        progress: &ProgressSink,
        is_relayed: bool,
    ) -> Result<EncodedBlob, BlobError> {
        let bytes = self.read(encoder).await?;
        let size = bytes.len() as u64;
        progress.report(ProgressEvent::Encoding { blob, size });
        let started = tokio::time::Instant::now();
        let encoder = encoder.clone();
        let encode = move || {
            if is_relayed {
                EncodedBlob::for_relay(&encoder, bytes)
            } else {
                EncodedBlob::encode(&encoder, &bytes)
            }
        };
        let encoded = ambient::run_blocking(encode)
            .await
            .expect("encoding does not panic")?;
        let (blob_id, encoded_size) = (*encoded.blob_id(), encoded.metadata().encoded_length());
        tracing::info!(%blob_id, size, encoded_size, elapsed = ?started.elapsed(), "encoded");
        progress.report(ProgressEvent::Encoded {
            blob,
            blob_id,
            encoded_size,
        });
        Ok(encoded)
    }

    /// Computes the metadata of the blob, keeping no slivers. Needs no network.
    pub async fn metadata(self, encoder: &Encoder) -> Result<VerifiedMetadata, BlobError> {
        let bytes = self.read(encoder).await?;
        let encoder = encoder.clone();
        let metadata = ambient::run_blocking(move || encoder.metadata(&bytes))
            .await
            .expect("encoding does not panic")?;
        Ok(metadata)
    }
}

/// A blob to store, and what its object is to be labelled with.
#[derive(Debug, Clone)]
pub struct BlobToStore {
    /// The content.
    pub input: BlobInput,
    /// Names and values.
    pub attributes: Attributes,
}

impl From<BlobInput> for BlobToStore {
    fn from(input: BlobInput) -> Self {
        Self {
            input,
            attributes: Attributes::new(),
        }
    }
}

/// Splits inputs into batches that fit into memory; what has no known size is stored alone. More
/// than one input is also bounded by `total_max` bytes, as far as sizes are known.
pub(crate) async fn batches(
    inputs: Vec<BlobToStore>,
    encoder: &Encoder,
    total_max: u64,
) -> Result<Vec<Vec<BlobToStore>>, ClientError> {
    let mut batches: Vec<Vec<BlobToStore>> = Vec::new();
    let mut encoded_bytes = 0_u64;
    let mut total = 0_u64;
    let several = inputs.len() > 1;
    for input in inputs {
        let size = input.input.known_size().await;
        total = total.saturating_add(size.unwrap_or(0));
        let encoded = match size {
            Some(size) => params::encoded_length(encoder.n_shards(), size).unwrap_or(0),
            None => BATCH_ENCODED_BYTES_MAX,
        };
        encoded_bytes = encoded_bytes.saturating_add(encoded);
        match batches.last_mut() {
            Some(batch)
                if encoded_bytes <= BATCH_ENCODED_BYTES_MAX && batch.len() < BATCH_BLOBS_MAX =>
            {
                batch.push(input);
            }
            _ => {
                encoded_bytes = encoded;
                batches.push(vec![input]);
            }
        }
    }
    if several && total > total_max {
        return Err(ClientError::TotalTooLarge {
            total,
            limit: total_max,
        });
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use walrus_core::NShards;

    use super::*;

    fn encoder() -> Encoder {
        Encoder::new(NShards::new(10).unwrap()).unwrap()
    }

    fn blobs(count: usize, size: usize) -> Vec<BlobToStore> {
        (0..count)
            .map(|_| BlobInput::Bytes(Bytes::from(vec![0; size])).into())
            .collect()
    }

    #[tokio::test]
    async fn batches_are_bounded_in_number() {
        let batches = batches(blobs(250, 1), &encoder(), 1 << 30).await.unwrap();
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [100, 100, 50]);
    }

    #[tokio::test]
    async fn what_has_no_size_is_stored_alone() {
        let mut inputs = blobs(3, 1);
        inputs.insert(1, BlobInput::File("/dev/null".into()).into());
        let batches = batches(inputs, &encoder(), 1 << 30).await.unwrap();
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 2]);
    }

    #[tokio::test]
    async fn the_total_of_several_blobs_is_bounded() {
        assert!(batches(blobs(1, 11), &encoder(), 10).await.is_ok());
        assert!(batches(blobs(2, 5), &encoder(), 10).await.is_ok());
        let error = batches(blobs(2, 6), &encoder(), 10).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the files have 12 bytes together; the limit for one store is 10 (`max_total_blob_size`)"
        );
    }

    #[tokio::test]
    async fn unreadable_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        for (path, reason) in [
            (directory.path().join("missing"), "No such file"),
            (directory.path().to_owned(), "it is a directory"),
        ] {
            let error = BlobInput::File(path.clone()).read(&encoder()).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[tokio::test]
    async fn inputs_without_an_end_are_read_no_further_than_a_blob() {
        for (path, size) in [("/dev/zero", "more than")] {
            let error = BlobInput::File(path.into()).read(&encoder()).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains(size) && error.contains(path), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_reports_no_size_is_read_all_the_same() {
        let read = BlobInput::File("/proc/version".into())
            .read(&encoder())
            .await;
        assert_eq!(read.unwrap(), std::fs::read("/proc/version").unwrap());
    }
}
