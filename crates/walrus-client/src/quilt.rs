//! Storing many files as one blob.

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use walrus_core::{
    BlobId, NShards,
    quilt::{QuiltIndexV1, QuiltPatchId},
};
use walrus_encoder::quilt::{Quilt, QuiltError, QuiltFile};
use walrus_sui::contract::Attributes;

use crate::store::{BlobInput, BlobToStore};

/// The attribute that says what kind of blob an object is of.
const TYPE_ATTRIBUTE: &str = "_walrusBlobType";
/// Its value for quilts.
const QUILT_TYPE: &str = "quilt";

/// A file that becomes part of a quilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuiltPiece {
    /// Names it in the quilt.
    pub identifier: String,
    /// What it is tagged with.
    pub tags: BTreeMap<String, String>,
    /// The content.
    pub data: Bytes,
}

/// A quilt that is to be stored: the blob, and where its files are in it.
#[derive(Debug, Clone)]
pub struct NewQuilt {
    bytes: Bytes,
    index: QuiltIndexV1,
    columns: Vec<Range<u16>>,
}

/// A file of a stored quilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPatch {
    /// Its name.
    pub identifier: String,
    /// With which it can be read without the index.
    pub id: QuiltPatchId,
    /// The columns that it lies on.
    pub columns: Range<u16>,
}

impl NewQuilt {
    /// Puts files together. Takes as long as copying them.
    pub fn build(n_shards: NShards, pieces: &[QuiltPiece]) -> Result<Self, QuiltError> {
        let files: Vec<QuiltFile<'_>> = pieces
            .iter()
            .map(|piece| QuiltFile {
                identifier: piece.identifier.clone(),
                tags: piece.tags.clone(),
                data: &piece.data,
            })
            .collect();
        let quilt = Quilt::build(n_shards, &files)?;
        Ok(Self {
            index: quilt.index().as_wire().clone(),
            columns: quilt.index().iter().map(|entry| entry.columns()).collect(),
            bytes: quilt.into_bytes().into(),
        })
    }

    /// The blob.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The index as it is stored.
    pub fn index(&self) -> &QuiltIndexV1 {
        &self.index
    }

    /// The quilt as a blob to store; its object gets `attributes`, and the one by which clients
    /// recognise quilts.
    pub fn to_blob(&self, mut attributes: Attributes) -> BlobToStore {
        attributes.retain(|(key, _)| key != TYPE_ATTRIBUTE);
        attributes.push((TYPE_ATTRIBUTE.to_owned(), QUILT_TYPE.to_owned()));
        BlobToStore {
            input: BlobInput::Bytes(self.bytes.clone()),
            attributes,
        }
    }

    /// The files, once the quilt has an ID.
    pub fn patches(&self, quilt_id: BlobId) -> Vec<StoredPatch> {
        let patches = self.index.quilt_patches.iter().zip(&self.columns);
        patches
            .map(|(patch, columns)| StoredPatch {
                identifier: patch.identifier.clone(),
                id: QuiltPatchId::new(quilt_id, columns.start, columns.end),
                columns: columns.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quilt_tells_where_its_files_are_and_what_it_is() {
        let piece = |identifier: &str, data: &'static [u8]| QuiltPiece {
            identifier: identifier.to_owned(),
            tags: BTreeMap::from([("kind".to_owned(), "text".to_owned())]),
            data: Bytes::from_static(data),
        };
        let n_shards = NShards::new(10).unwrap();
        let pieces = [piece("b", b"second"), piece("a", b"first")];
        let quilt = NewQuilt::build(n_shards, &pieces).unwrap();
        let id = BlobId([7; 32]);
        let read = Quilt::open(n_shards, quilt.bytes().to_vec()).unwrap();
        let patches = quilt.patches(id);
        assert_eq!(patches.len(), 2);
        for (patch, content) in patches.iter().zip([&b"first"[..], b"second"]) {
            assert_eq!(patch.id.columns().unwrap(), patch.columns);
            let file = read.patch(patch.columns.clone()).unwrap();
            assert_eq!(
                (file.identifier.as_str(), &file.data[..]),
                (patch.identifier.as_str(), content)
            );
        }
        let type_ = |value: &str| (TYPE_ATTRIBUTE.to_owned(), value.to_owned());
        let blob = quilt.to_blob(vec![type_("forged")]);
        assert_eq!(blob.attributes, [type_(QUILT_TYPE)]);
        assert!(NewQuilt::build(n_shards, &[piece("a", b"1"), piece("a", b"2")]).is_err());
    }
}
