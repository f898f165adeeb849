//! An encoded blob in the form in which it goes over the wire.

use bytes::Bytes;
use walrus_core::{
    BlobId, SliverPairIndex, SliverType, metadata::VerifiedMetadata, sliver::SliverPair,
};
use walrus_encoder::{EncodeError, Encoder};

use crate::node::SliverBody;

/// Metadata and slivers of a blob; requests and retries share the bytes, which are never copied.
#[derive(Debug)]
pub(crate) struct EncodedBlob {
    metadata: VerifiedMetadata,
    metadata_body: Bytes,
    /// Bodies of the primary and the secondary sliver, by pair index.
    pairs: Vec<[SliverBody; 2]>,
    /// The blob itself, if a relay makes the slivers.
    whole: Option<Bytes>,
}

impl EncodedBlob {
    /// Encodes a blob. Uses all cores for as long as it takes: not for the threads of an executor.
    pub(crate) fn encode(encoder: &Encoder, blob: &[u8]) -> Result<Self, EncodeError> {
        let (pairs, metadata) = encoder.encode(blob)?;
        let bodies = |pair: SliverPair| {
            [
                SliverBody::new(pair.primary),
                SliverBody::new(pair.secondary),
            ]
        };
        Ok(Self {
            metadata_body: metadata_body(&metadata),
            pairs: pairs.into_iter().map(bodies).collect(),
            whole: None,
            metadata,
        })
    }

    /// A blob whose slivers a relay makes: only its metadata is computed. Uses all cores, too.
    pub(crate) fn for_relay(encoder: &Encoder, blob: Bytes) -> Result<Self, EncodeError> {
        let metadata = encoder.metadata(&blob)?;
        Ok(Self {
            metadata_body: metadata_body(&metadata),
            pairs: Vec::new(),
            whole: Some(blob),
            metadata,
        })
    }

    /// The blob itself, if a relay makes the slivers.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        self.whole.as_ref()
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
    pub(crate) fn sliver_body(&self, pair: SliverPairIndex, axis: SliverType) -> &SliverBody {
        let [primary, secondary] = &self.pairs[pair.as_usize()];
        match axis {
            SliverType::Primary => primary,
            SliverType::Secondary => secondary,
        }
    }
}

fn metadata_body(metadata: &VerifiedMetadata) -> Bytes {
    bcs::to_bytes(&metadata.as_wire().metadata)
        .expect("metadata serializes: its length is below the limits of the format")
        .into()
}
