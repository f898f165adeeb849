//! What is stored: bytes or files, and in which batches.

use std::{io, path::PathBuf};

use bytes::Bytes;
use walrus_core::{VerifiedMetadata, params};
use walrus_encoder::Encoder;

use super::{encoded::EncodedBlob, result::BlobStoreResult};
use crate::{
    error::ClientError,
    progress::{ProgressEvent, ProgressSink},
};

/// Encoded bytes held in memory at once; files beyond it are stored in further batches. A single blob may
/// be larger.
const BATCH_ENCODED_BYTES_MAX: u64 = 2 << 30;
/// Blobs of one batch.
const BATCH_BLOBS_MAX: usize = 100;

/// A blob to store.
#[derive(Debug, Clone)]
pub enum BlobInput {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, read when its turn comes.
    File(PathBuf),
}

/// Phase names of errors.
const PHASE_READ: &str = "read input";
const PHASE_ENCODE: &str = "encode";

impl BlobInput {
    /// Size in bytes.
    pub(crate) async fn size(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => {
                let metadata = tokio::fs::metadata(path).await?;
                if metadata.is_dir() {
                    return Err(io::Error::new(
                        io::ErrorKind::IsADirectory,
                        "it is a directory",
                    ));
                }
                Ok(metadata.len())
            }
        }
    }

    /// The bytes, if they are no more than a blob of the network can have.
    pub(crate) async fn read(self, encoder: &Encoder) -> Result<Bytes, BlobStoreResult> {
        let unreadable = |path: &PathBuf, error: &io::Error| {
            failed(
                PHASE_READ,
                format!("cannot read {}: {error}", path.display()),
            )
        };
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(path) => {
                let size = Self::File(path.clone()).size().await;
                let size = size.map_err(|error| unreadable(&path, &error))?;
                let limit = params::max_blob_size(encoder.n_shards());
                if size > limit {
                    let message = format!(
                        "{} has {size} bytes; the network stores blobs of at most {limit} bytes",
                        path.display()
                    );
                    return Err(failed(PHASE_ENCODE, message));
                }
                let bytes = tokio::fs::read(&path).await;
                bytes
                    .map(Bytes::from)
                    .map_err(|error| unreadable(&path, &error))
            }
        }
    }

    /// Reads and encodes the blob.
    pub(crate) async fn encode(
        self,
        encoder: &Encoder,
        blob: usize,
        progress: &ProgressSink,
    ) -> Result<EncodedBlob, BlobStoreResult> {
        let bytes = self.read(encoder).await?;
        progress.report(ProgressEvent::Encoding {
            blob,
            size: bytes.len() as u64,
        });
        let encoder = encoder.clone();
        let encoded = tokio::task::spawn_blocking(move || EncodedBlob::encode(&encoder, &bytes))
            .await
            .expect("encoding does not panic")
            .map_err(|error| failed(PHASE_ENCODE, error.to_string()))?;
        progress.report(ProgressEvent::Encoded {
            blob,
            blob_id: *encoded.blob_id(),
            encoded_size: encoded.metadata().encoded_length(),
        });
        Ok(encoded)
    }
}

impl BlobInput {
    /// Computes the metadata of the blob, keeping no slivers. Needs no network.
    pub async fn metadata(self, encoder: &Encoder) -> Result<VerifiedMetadata, BlobStoreResult> {
        let bytes = self.read(encoder).await?;
        let encoder = encoder.clone();
        tokio::task::spawn_blocking(move || encoder.metadata(&bytes))
            .await
            .expect("encoding does not panic")
            .map_err(|error| failed(PHASE_ENCODE, error.to_string()))
    }
}

fn failed(phase: &str, message: String) -> BlobStoreResult {
    BlobStoreResult::Error {
        blob_id: None,
        failure_phase: phase.to_owned(),
        error_msg: message,
    }
}

/// Splits inputs into batches that fit into memory. More than one file is also bounded by `total_max`.
pub(crate) async fn batches(
    inputs: Vec<BlobInput>,
    encoder: &Encoder,
    total_max: u64,
) -> Result<Vec<Vec<BlobInput>>, ClientError> {
    let mut batches: Vec<Vec<BlobInput>> = Vec::new();
    let mut encoded_bytes = 0_u64;
    let mut total = 0_u64;
    let several = inputs.len() > 1;
    for input in inputs {
        // What cannot be read has no size; reading it later says why.
        let size = input.size().await.unwrap_or(0);
        total = total.saturating_add(size);
        let encoded = params::encoded_length(encoder.n_shards(), size).unwrap_or(0);
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

    fn blobs(count: usize, size: usize) -> Vec<BlobInput> {
        (0..count)
            .map(|_| BlobInput::Bytes(Bytes::from(vec![0; size])))
            .collect()
    }

    #[tokio::test]
    async fn batches_are_bounded_in_number() {
        let batches = batches(blobs(250, 1), &encoder(), 1 << 30).await.unwrap();
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [100, 100, 50]);
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
            let error = BlobInput::File(path.clone())
                .read(&encoder())
                .await
                .unwrap_err();
            let BlobStoreResult::Error { error_msg, .. } = error else {
                panic!("expected an error");
            };
            assert!(error_msg.contains(reason), "{error_msg}");
            assert!(
                error_msg.contains(&path.display().to_string()),
                "{error_msg}"
            );
        }
    }
}
