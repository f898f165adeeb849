//! An encoded blob in the form in which it goes over the wire.

use bytes::Bytes;
use walrus_core::{
    BlobId, SliverPairIndex, SliverType, metadata::VerifiedMetadata, sliver::SliverPair,
};
use walrus_encoder::{EncodeError, Encoder};

/// Metadata and slivers of a blob, serialized once; requests and retries share the bytes.
#[derive(Debug)]
pub(crate) struct EncodedBlob {
    metadata: VerifiedMetadata,
    metadata_body: Bytes,
    /// Bodies of the primary and the secondary sliver, by pair index.
    pairs: Vec<[Bytes; 2]>,
}

impl EncodedBlob {
    /// Encodes a blob. Uses all cores for as long as it takes: not for the threads of an executor.
    pub(crate) fn encode(encoder: &Encoder, blob: &[u8]) -> Result<Self, EncodeError> {
        let (pairs, metadata) = encoder.encode(blob)?;
        let metadata_body = body(&metadata.as_wire().metadata);
        // Each pair is dropped as soon as it is serialized: at no time are there two copies of the blob.
        let pairs = pairs
            .into_iter()
            .map(|pair: SliverPair| [body(&pair.primary), body(&pair.secondary)]);
        Ok(Self {
            metadata_body,
            pairs: pairs.collect(),
            metadata,
        })
    }

    pub(crate) fn blob_id(&self) -> &BlobId {
        self.metadata.blob_id()
    }

    pub(crate) fn metadata(&self) -> &VerifiedMetadata {
        &self.metadata
    }

    /// The body of the metadata request.
    pub(crate) fn metadata_body(&self) -> Bytes {
        self.metadata_body.clone()
    }

    /// The body of a sliver request.
    pub(crate) fn sliver_body(&self, pair: SliverPairIndex, sliver_type: SliverType) -> Bytes {
        let [primary, secondary] = &self.pairs[pair.as_usize()];
        match sliver_type {
            SliverType::Primary => primary.clone(),
            SliverType::Secondary => secondary.clone(),
        }
    }
}

fn body<T: serde::Serialize>(value: &T) -> Bytes {
    bcs::to_bytes(value)
        .expect("metadata and slivers serialize: their lengths are below the limits of the format")
        .into()
}
