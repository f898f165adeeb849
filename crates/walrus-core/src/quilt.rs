//! Wire types of quilts: many small files in one blob.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BlobId, BlobMetadata, wire};

/// The version byte of quilts and of the IDs of their patches.
pub const QUILT_VERSION_V1: u8 = 1;

/// Length of the part of a version 1 patch ID that names the patch within its quilt.
const INTERNAL_ID_LEN: usize = 5;

/// A format of quilts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QuiltVersion {
    /// The only one so far.
    #[default]
    V1,
}

/// An entry of the index of a quilt: one file.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuiltPatchV1 {
    /// The column after the last one of the patch. Patches follow each other, so where one starts
    /// is where the one before ends.
    pub end_index: u16,
    /// The name of the file, unique in the quilt.
    pub identifier: String,
    /// What the file is tagged with.
    pub tags: BTreeMap<String, String>,
}

/// The index of a version 1 quilt: its patches, sorted by the bytes of their identifiers.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuiltIndexV1 {
    /// The patches.
    pub quilt_patches: Vec<QuiltPatchV1>,
}

/// The index of a quilt with its version, as it travels; a quilt itself holds the bare index.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuiltIndex {
    /// The only version so far.
    V1(QuiltIndexV1),
}

/// What is known of a quilt besides its slivers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QuiltMetadata {
    /// The only version so far.
    V1 {
        /// The blob ID of the quilt.
        quilt_id: BlobId,
        /// Its metadata as a blob.
        metadata: BlobMetadata,
        /// Its index.
        index: QuiltIndexV1,
    },
}

/// Names a patch of a quilt: the quilt's blob ID and the columns of the patch.
///
/// Text: URL-safe base64 without padding of `blob ID ‖ 1 ‖ start u16 ‖ end u16`, 50 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuiltPatchId {
    /// The blob ID of the quilt.
    pub quilt_id: BlobId,
    /// Names the patch within the quilt.
    #[serde(with = "wire::bytes")]
    pub patch_id_bytes: Vec<u8>,
}

/// Why something does not name a patch of a quilt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuiltPatchIdError {
    /// The text is not base64, or too short.
    #[error("a quilt patch ID is 50 characters of URL-safe base64 without padding")]
    Text,
    /// The part that names the patch has the wrong length.
    #[error("the internal part of a quilt patch ID has 5 bytes, not {0}")]
    Length(usize),
    /// The patch belongs to a quilt of another version.
    #[error("the quilt has version {0}; only version 1 is supported")]
    Version(u8),
    /// The range of columns is empty or reversed.
    #[error("the quilt patch ID names no columns: {start}..{end}")]
    EmptyRange {
        /// First column.
        start: u16,
        /// Column after the last.
        end: u16,
    },
}

impl QuiltPatchId {
    /// The ID of the patch that occupies the columns `start..end` of the quilt.
    pub fn new(quilt_id: BlobId, start: u16, end: u16) -> Self {
        let [s0, s1] = start.to_le_bytes();
        let [e0, e1] = end.to_le_bytes();
        Self {
            quilt_id,
            patch_id_bytes: vec![QUILT_VERSION_V1, s0, s1, e0, e1],
        }
    }

    /// The columns of the patch.
    pub fn columns(&self) -> Result<std::ops::Range<u16>, QuiltPatchIdError> {
        let internal: [u8; INTERNAL_ID_LEN] = self
            .patch_id_bytes
            .as_slice()
            .try_into()
            .map_err(|_| QuiltPatchIdError::Length(self.patch_id_bytes.len()))?;
        let [version, s0, s1, e0, e1] = internal;
        if version != QUILT_VERSION_V1 {
            return Err(QuiltPatchIdError::Version(version));
        }
        let (start, end) = (u16::from_le_bytes([s0, s1]), u16::from_le_bytes([e0, e1]));
        if start >= end {
            return Err(QuiltPatchIdError::EmptyRange { start, end });
        }
        Ok(start..end)
    }
}

impl fmt::Display for QuiltPatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.quilt_id.0[..], &self.patch_id_bytes].concat();
        f.pad(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for QuiltPatchId {
    type Err = QuiltPatchIdError;

    /// Reads the text form. That the part after the blob ID makes sense is checked by
    /// [`QuiltPatchId::columns`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| QuiltPatchIdError::Text)?;
        match bytes.split_first_chunk() {
            Some((quilt_id, patch)) if !patch.is_empty() => Ok(Self {
                quilt_id: BlobId(*quilt_id),
                patch_id_bytes: patch.to_vec(),
            }),
            _ => Err(QuiltPatchIdError::Text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patch_ids_round_trip() {
        let id = QuiltPatchId::new(BlobId([3; 32]), 1, 258);
        let text = id.to_string();
        assert_eq!(text.len(), 50);
        assert_eq!(text.parse(), Ok(id.clone()));
        assert_eq!(id.columns(), Ok(1..258));
    }

    #[test]
    fn broken_patch_ids_are_errors() {
        assert_eq!("".parse::<QuiltPatchId>(), Err(QuiltPatchIdError::Text));
        let blob_id = BlobId([3; 32]);
        assert_eq!(
            blob_id.to_string().parse::<QuiltPatchId>(),
            Err(QuiltPatchIdError::Text)
        );
        let patch = |bytes: &[u8]| QuiltPatchId {
            quilt_id: blob_id,
            patch_id_bytes: bytes.into(),
        };
        assert_eq!(
            patch(&[1, 0, 0]).columns(),
            Err(QuiltPatchIdError::Length(3))
        );
        assert_eq!(
            patch(&[2, 0, 0, 1, 0]).columns(),
            Err(QuiltPatchIdError::Version(2))
        );
        assert!(patch(&[1, 1, 0, 1, 0]).columns().is_err());
    }
}
