//! The index of a quilt: which columns each patch takes.

use std::ops::Range;

use walrus_core::{
    BlobId,
    quilt::{QuiltIndexV1, QuiltPatchId, QuiltPatchV1},
};

use super::QuiltError;

/// An entry of the index together with where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedPatch<'a> {
    /// The entry.
    pub patch: &'a QuiltPatchV1,
    start: u16,
}

impl IndexedPatch<'_> {
    /// The columns of the patch: the indices of the secondary slivers it lies on.
    pub fn columns(&self) -> Range<u16> {
        self.start..self.patch.end_index
    }

    /// The ID of the patch in the quilt with this blob ID.
    pub fn id(&self, quilt: BlobId) -> QuiltPatchId {
        QuiltPatchId::new(quilt, self.start, self.patch.end_index)
    }
}

/// The patches of a quilt, in the order of their identifiers' bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchList {
    index: QuiltIndexV1,
    /// The first column after the index.
    first: u16,
}

impl PatchList {
    /// Checks that the patches follow each other and end within `columns` columns.
    pub(super) fn new(index: QuiltIndexV1, first: u16, columns: usize) -> Result<Self, QuiltError> {
        let mut previous = first;
        for patch in &index.quilt_patches {
            if patch.end_index <= previous || usize::from(patch.end_index) > columns {
                let identifier = patch.identifier.chars().take(80).collect::<String>();
                let message = format!("{identifier:?} does not lie on columns of its own");
                return Err(QuiltError::InvalidIndex(message));
            }
            previous = patch.end_index;
        }
        Ok(Self { index, first })
    }

    /// All patches.
    pub fn iter(&self) -> impl Iterator<Item = IndexedPatch<'_>> {
        let ends = self.index.quilt_patches.iter().map(|patch| patch.end_index);
        let starts = std::iter::once(self.first).chain(ends);
        starts
            .zip(&self.index.quilt_patches)
            .map(|(start, patch)| IndexedPatch { patch, start })
    }

    /// The patch with this identifier.
    pub fn find(&self, identifier: &str) -> Option<IndexedPatch<'_>> {
        self.iter()
            .find(|entry| entry.patch.identifier == identifier)
    }

    /// The patches with this tag.
    pub fn with_tag<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
    ) -> impl Iterator<Item = IndexedPatch<'a>> {
        self.iter()
            .filter(move |entry| entry.patch.tags.get(key).is_some_and(|v| v == value))
    }

    /// The patches with these identifiers, in the order of the index; an unknown one is an error.
    pub fn find_all<'a>(
        &'a self,
        identifiers: &[&str],
    ) -> Result<Vec<IndexedPatch<'a>>, QuiltError> {
        for identifier in identifiers {
            if self.find(identifier).is_none() {
                return Err(QuiltError::NotFound((*identifier).to_owned()));
            }
        }
        Ok(self
            .iter()
            .filter(|e| identifiers.contains(&e.patch.identifier.as_str()))
            .collect())
    }

    /// The first column after the index.
    pub fn index_columns(&self) -> u16 {
        self.first
    }

    /// The index as it is stored.
    pub fn as_wire(&self) -> &QuiltIndexV1 {
        &self.index
    }
}
