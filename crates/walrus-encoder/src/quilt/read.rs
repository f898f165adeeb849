//! Reading quilts: from the whole blob, or from single columns.

use std::{collections::BTreeMap, ops::Range};

use walrus_core::{NShards, SecondarySliver, VerifiedMetadata, params, quilt::QuiltIndexV1};

use super::{
    INDEX_PREFIX_LEN, MASK_TAGS, MAX_INDEX_COLUMNS, PATCH_HEADER_LEN, PatchList, QuiltError,
    VERSION,
};
use crate::matrix::Shape;

/// A file of a quilt, as the file's own patch describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The name of the file.
    pub identifier: String,
    /// What it is tagged with.
    pub tags: BTreeMap<String, String>,
    /// The content.
    pub data: Vec<u8>,
}

/// A whole quilt in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quilt {
    pub(super) shape: Shape,
    pub(super) bytes: Vec<u8>,
    pub(super) patches: PatchList,
}

impl Quilt {
    /// Opens a blob that is a quilt, and reads its index.
    pub fn open(n: NShards, bytes: Vec<u8>) -> Result<Self, QuiltError> {
        match bytes.first() {
            None => return Err(QuiltError::Empty),
            Some(&VERSION) => {}
            Some(&other) => return Err(QuiltError::Version(other)),
        }
        // A quilt is the matrix of the blob, to the last symbol.
        let symbols = params::source_symbols_per_blob(n);
        let symbol_size = params::symbol_size(n, bytes.len() as u64)
            .ok()
            .filter(|size| symbols * u64::from(size.get()) == bytes.len() as u64)
            .ok_or(QuiltError::NotAligned(bytes.len()))?;
        let shape = Shape::new(n, symbol_size);
        let patches = read_index(&WholeQuilt {
            shape,
            bytes: &bytes,
        })?;
        Ok(Self {
            shape,
            bytes,
            patches,
        })
    }

    /// The index.
    pub fn index(&self) -> &PatchList {
        &self.patches
    }

    /// Reads the file with this identifier.
    pub fn file(&self, identifier: &str) -> Result<Patch, QuiltError> {
        let entry = self.patches.find(identifier);
        let entry = entry.ok_or_else(|| QuiltError::NotFound(identifier.to_owned()))?;
        self.patch(entry.columns())
    }

    /// Reads the patch on these columns.
    pub fn patch(&self, columns: Range<u16>) -> Result<Patch, QuiltError> {
        read_patch(
            &WholeQuilt {
                shape: self.shape,
                bytes: &self.bytes,
            },
            columns,
        )
    }

    /// The length of the symbols with which the quilt is encoded as a blob.
    pub fn symbol_size(&self) -> usize {
        self.shape.symbol
    }

    /// The blob.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The blob, taken out.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Some columns of a quilt: verified secondary slivers, collected one by one.
#[derive(Debug, Clone)]
pub struct QuiltSlivers {
    shape: Shape,
    columns: BTreeMap<usize, Vec<u8>>,
}

impl QuiltSlivers {
    /// No columns yet of the quilt with this metadata.
    pub fn new(metadata: &VerifiedMetadata) -> Self {
        let shape = Shape::new(metadata.n_shards(), metadata.symbol_size());
        Self {
            shape,
            columns: BTreeMap::new(),
        }
    }

    /// Adds a secondary sliver, which must have been verified. Those that hold no source symbols
    /// are of no use and refused, as are those of another size.
    pub fn insert(&mut self, sliver: SecondarySliver) -> Result<(), QuiltError> {
        let index = sliver.index.as_usize();
        let data = sliver.symbols.data;
        if index >= self.shape.columns || data.len() != self.shape.column_len() {
            return Err(QuiltError::ColumnMismatch);
        }
        self.columns.insert(index, data);
        Ok(())
    }

    /// Reads the index. [`QuiltError::MissingSlivers`] tells which columns to insert first.
    pub fn index(&self) -> Result<PatchList, QuiltError> {
        read_index(self)
    }

    /// Reads the patch on these columns. [`QuiltError::MissingSlivers`] tells which of them to
    /// insert first.
    pub fn patch(&self, columns: Range<u16>) -> Result<Patch, QuiltError> {
        let missing: Vec<u16> = columns
            .clone()
            .filter(|column| !self.columns.contains_key(&usize::from(*column)))
            .collect();
        if !missing.is_empty() {
            return Err(QuiltError::MissingSlivers(missing));
        }
        read_patch(self, columns)
    }
}

/// Where columns come from.
trait ColumnSource {
    fn shape(&self) -> Shape;

    /// Copies the bytes of a column from an offset; both are within the quilt.
    fn read(&self, column: usize, offset: usize, target: &mut [u8]) -> Result<(), QuiltError>;
}

struct WholeQuilt<'a> {
    shape: Shape,
    bytes: &'a [u8],
}

impl ColumnSource for WholeQuilt<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&self, column: usize, offset: usize, target: &mut [u8]) -> Result<(), QuiltError> {
        for (position, range) in symbol_runs(self.shape, column, offset, target.len()) {
            let length = range.len();
            target[range].copy_from_slice(&self.bytes[position..position + length]);
        }
        Ok(())
    }
}

impl ColumnSource for QuiltSlivers {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&self, column: usize, offset: usize, target: &mut [u8]) -> Result<(), QuiltError> {
        let missing = || {
            u16::try_from(column).map_or(QuiltError::ColumnMismatch, |c| {
                QuiltError::MissingSlivers(vec![c])
            })
        };
        let data = self.columns.get(&column).ok_or_else(missing)?;
        target.copy_from_slice(&data[offset..offset + target.len()]);
        Ok(())
    }
}

/// The runs of `length` bytes of a column from `offset`: where each is in the row-major blob, and
/// which part of the bytes it is.
fn symbol_runs(
    shape: Shape,
    column: usize,
    offset: usize,
    length: usize,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        (done < length).then(|| {
            let (row, within) = (
                (offset + done) / shape.symbol,
                (offset + done) % shape.symbol,
            );
            let run = (shape.symbol - within).min(length - done);
            let position = row * shape.row_len() + column * shape.symbol + within;
            let range = done..done + run;
            done += run;
            (position, range)
        })
    })
}

/// Writes bytes into the stream that starts with `column`, from `offset`.
pub(super) fn write_stream(
    shape: Shape,
    quilt: &mut [u8],
    column: usize,
    offset: usize,
    bytes: &[u8],
) {
    let mut done = 0;
    while done < bytes.len() {
        let at = offset + done;
        let (column, within) = (column + at / shape.column_len(), at % shape.column_len());
        let run = (shape.column_len() - within).min(bytes.len() - done);
        for (position, range) in symbol_runs(shape, column, within, run) {
            let source = &bytes[done..done + run][range];
            quilt[position..position + source.len()].copy_from_slice(source);
        }
        done += run;
    }
}

/// Reads bytes of the stream that starts with `column`, from `offset`; checks the bounds before it
/// allocates.
fn read_stream(
    source: &impl ColumnSource,
    column: usize,
    offset: usize,
    length: usize,
) -> Result<Vec<u8>, QuiltError> {
    let shape = source.shape();
    let available = shape.columns.saturating_sub(column) * shape.column_len();
    if offset.checked_add(length).is_none_or(|end| end > available) {
        return Err(QuiltError::InvalidPatch("it reaches beyond the quilt"));
    }
    let mut bytes = vec![0; length];
    let mut done = 0;
    while done < length {
        let at = offset + done;
        let (column, within) = (column + at / shape.column_len(), at % shape.column_len());
        let run = (shape.column_len() - within).min(length - done);
        source.read(column, within, &mut bytes[done..done + run])?;
        done += run;
    }
    Ok(bytes)
}

fn read_index(source: &impl ColumnSource) -> Result<PatchList, QuiltError> {
    let shape = source.shape();
    let prefix = read_stream(source, 0, 0, INDEX_PREFIX_LEN)?;
    let (version, length) = parse_prefix(&prefix).ok_or(QuiltError::Empty)?;
    if version != VERSION {
        return Err(QuiltError::Version(version));
    }
    let end = length.saturating_add(INDEX_PREFIX_LEN);
    if end > MAX_INDEX_COLUMNS * shape.column_len() {
        return Err(QuiltError::InvalidIndex(format!(
            "it claims to have {length} bytes"
        )));
    }
    let first = end.div_ceil(shape.column_len());
    let first = u16::try_from(first).expect("at most MAX_INDEX_COLUMNS");
    let serialized = read_stream(source, 0, INDEX_PREFIX_LEN, length)?;
    let index: QuiltIndexV1 =
        bcs::from_bytes(&serialized).map_err(|e| QuiltError::InvalidIndex(e.to_string()))?;
    PatchList::new(index, first, shape.columns)
}

/// Splits a version byte and a little-endian length.
fn parse_prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let (version, rest) = bytes.split_first()?;
    let length = u32::from_le_bytes(*rest.first_chunk()?);
    Some((*version, usize::try_from(length).ok()?))
}

fn read_patch(source: &impl ColumnSource, columns: Range<u16>) -> Result<Patch, QuiltError> {
    let shape = source.shape();
    let (start, end) = (usize::from(columns.start), usize::from(columns.end));
    if start >= end || end > shape.columns {
        return Err(QuiltError::InvalidPatch("its columns are not in the quilt"));
    }
    let header = read_stream(source, start, 0, PATCH_HEADER_LEN)?;
    let (version, length) =
        parse_prefix(&header).ok_or(QuiltError::InvalidPatch("its header is too short"))?;
    if version != VERSION {
        return Err(QuiltError::InvalidPatch("it has an unknown version"));
    }
    if length > ((end - start) * shape.column_len()).saturating_sub(PATCH_HEADER_LEN) {
        return Err(QuiltError::InvalidPatch("it is longer than its columns"));
    }
    let mask = header[PATCH_HEADER_LEN - 1];
    let mut body = read_stream(source, start, PATCH_HEADER_LEN, length)?;
    let mut rest = body.as_slice();
    let identifier = parse_section(&mut rest)?;
    let tags = if mask & MASK_TAGS == 0 {
        BTreeMap::new()
    } else {
        parse_section(&mut rest)?
    };
    let content = body.len() - rest.len();
    body.drain(..content);
    Ok(Patch {
        identifier,
        tags,
        data: body,
    })
}

/// Takes a section with its 16-bit length off the front.
fn parse_section<T: serde::de::DeserializeOwned>(rest: &mut &[u8]) -> Result<T, QuiltError> {
    let error = QuiltError::InvalidPatch("it is shorter than its identifier and tags");
    let (length, tail) = rest.split_first_chunk().ok_or_else(|| error.clone())?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (section, tail) = tail.split_at_checked(length).ok_or(error)?;
    *rest = tail;
    bcs::from_bytes(section)
        .map_err(|_| QuiltError::InvalidPatch("its identifier or tags are not valid BCS"))
}
