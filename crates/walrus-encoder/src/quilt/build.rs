//! Building quilts.

use std::{collections::BTreeMap, num::NonZeroU16};

use walrus_core::{
    NShards,
    params::{MAX_SYMBOL_SIZE, SYMBOL_ALIGNMENT},
    quilt::{QuiltIndexV1, QuiltPatchV1},
};

use super::{
    INDEX_PREFIX_LEN, MASK_TAGS, MAX_INDEX_COLUMNS, PATCH_HEADER_LEN, PatchList, Quilt, QuiltError,
    VERSION, read::write_stream,
};
use crate::{MIN_SHARDS, UnsupportedShardCount, matrix::Shape};

/// A file to be put into a quilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuiltFile<'a> {
    /// Names the file in the quilt.
    pub identifier: String,
    /// What the file is tagged with.
    pub tags: BTreeMap<String, String>,
    /// The content.
    pub data: &'a [u8],
}

impl<'a> QuiltFile<'a> {
    /// A file without tags.
    pub fn new(identifier: impl Into<String>, data: &'a [u8]) -> Self {
        Self {
            identifier: identifier.into(),
            tags: BTreeMap::new(),
            data,
        }
    }

    /// The file with one more tag.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    fn check_identifier(&self) -> Result<(), QuiltError> {
        let identifier = &self.identifier;
        let valid = !identifier.is_empty()
            && to_bcs(identifier).len() < usize::from(u16::MAX)
            && identifier.trim_end() == identifier
            && !identifier.chars().any(char::is_control);
        if valid {
            Ok(())
        } else {
            Err(QuiltError::InvalidIdentifier(identifier.clone()))
        }
    }

    /// What precedes the content.
    fn header(&self) -> Result<Vec<u8>, QuiltError> {
        self.check_identifier()?;
        let mut sections = Vec::new();
        let identifier = to_bcs(&self.identifier);
        let length = u16::try_from(identifier.len())
            .map_err(|_| QuiltError::InvalidIdentifier(self.identifier.clone()))?;
        sections.extend(length.to_le_bytes());
        sections.extend(identifier);
        let mask = if self.tags.is_empty() { 0 } else { MASK_TAGS };
        if !self.tags.is_empty() {
            let tags = to_bcs(&self.tags);
            let length = u16::try_from(tags.len())
                .map_err(|_| QuiltError::TagsTooLarge(self.identifier.clone()))?;
            sections.extend(length.to_le_bytes());
            sections.extend(tags);
        }
        let rest =
            u32::try_from(sections.len() + self.data.len()).map_err(|_| QuiltError::TooLarge)?;
        let mut header = vec![VERSION];
        header.extend(rest.to_le_bytes());
        header.push(mask);
        debug_assert_eq!(header.len(), PATCH_HEADER_LEN);
        header.extend(sections);
        Ok(header)
    }
}

fn to_bcs<T: serde::Serialize>(value: &T) -> Vec<u8> {
    bcs::to_bytes(value).expect("strings in memory are shorter than BCS's limit of 2 GiB")
}

impl Quilt {
    /// Builds a quilt of the files; their order does not matter.
    pub fn build(n: NShards, files: &[QuiltFile<'_>]) -> Result<Self, QuiltError> {
        if n.get() < MIN_SHARDS {
            return Err(UnsupportedShardCount(n).into());
        }
        let mut files: Vec<&QuiltFile<'_>> = files.iter().collect();
        files.sort_by(|a, b| a.identifier.as_bytes().cmp(b.identifier.as_bytes()));
        if let Some(pair) = files
            .windows(2)
            .find(|pair| pair[0].identifier == pair[1].identifier)
        {
            return Err(QuiltError::DuplicateIdentifier(pair[0].identifier.clone()));
        }
        let headers: Vec<Vec<u8>> = files
            .iter()
            .map(|file| file.header())
            .collect::<Result<_, _>>()?;
        // The length of the index does not depend on where the patches end.
        let mut index = QuiltIndexV1 {
            quilt_patches: files
                .iter()
                .map(|file| QuiltPatchV1 {
                    end_index: 0,
                    identifier: file.identifier.clone(),
                    tags: file.tags.clone(),
                })
                .collect(),
        };
        let index_size = INDEX_PREFIX_LEN + to_bcs(&index).len();
        let patch_sizes = headers
            .iter()
            .zip(&files)
            .map(|(header, file)| header.len() + file.data.len());
        let sizes: Vec<usize> = std::iter::once(index_size).chain(patch_sizes).collect();

        let shape = Shape::new(n, symbol_size(n, &sizes)?);
        let ends: Vec<usize> = sizes
            .iter()
            .scan(0, |column, size| {
                *column += size.div_ceil(shape.column_len());
                Some(*column)
            })
            .collect();
        for (patch, end) in index.quilt_patches.iter_mut().zip(&ends[1..]) {
            patch.end_index = column_index(*end);
        }

        let mut bytes = vec![0; shape.message_len()];
        let serialized = to_bcs(&index);
        let length = u32::try_from(serialized.len()).map_err(|_| QuiltError::TooLarge)?;
        let prefix = [&[VERSION][..], &length.to_le_bytes(), &serialized].concat();
        write_stream(shape, &mut bytes, 0, 0, &prefix);
        for ((start, header), file) in ends.iter().zip(&headers).zip(&files) {
            write_stream(shape, &mut bytes, *start, 0, header);
            write_stream(shape, &mut bytes, *start, header.len(), file.data);
        }
        let patches = PatchList::new(index, column_index(ends[0]), shape.columns)?;
        Ok(Self {
            shape,
            bytes,
            patches,
        })
    }
}

fn column_index(column: usize) -> u16 {
    u16::try_from(column).expect("columns are below the number of shards, a u16")
}

/// The smallest symbol size with which the index (first) and all patches fit into the columns.
fn symbol_size(n: NShards, sizes: &[usize]) -> Result<NonZeroU16, QuiltError> {
    let (rows, columns) = walrus_core::params::source_symbols(n);
    let (rows, columns) = (usize::from(rows), usize::from(columns));
    if sizes.len() > columns {
        return Err(QuiltError::TooManyFiles {
            count: sizes.len() - 1,
            max: columns - 1,
        });
    }
    let lowest = (sizes.iter().sum::<usize>().div_ceil(rows * columns))
        .max(sizes[0].div_ceil(MAX_INDEX_COLUMNS * rows))
        .max(INDEX_PREFIX_LEN.div_ceil(rows));
    let fits = |symbol: usize| {
        sizes
            .iter()
            .map(|size| size.div_ceil(symbol * rows))
            .sum::<usize>()
            <= columns
    };
    let (mut low, mut high) = (lowest, usize::from(MAX_SYMBOL_SIZE));
    if low > high || !fits(high) {
        return Err(QuiltError::TooLarge);
    }
    while low < high {
        let middle = low.midpoint(high);
        if fits(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let even = low.next_multiple_of(usize::from(SYMBOL_ALIGNMENT));
    u16::try_from(even)
        .ok()
        .and_then(NonZeroU16::new)
        .ok_or(QuiltError::TooLarge)
}
