//! Quilts: many small files in one blob, each readable alone.
//!
//! A quilt is a blob whose columns, the systematic secondary slivers, are used as pages. An index
//! takes the first columns; each file, a *patch*, takes whole columns after it. So whoever knows
//! the metadata of the quilt reads a file from the few slivers that it lies on.
//!
//! ```
//! use walrus_encoder::{Encoder, NShards, quilt::{Quilt, QuiltFile, QuiltSlivers}};
//!
//! let n = NShards::new(10).expect("not zero");
//! let quilt = Quilt::build(n, &[
//!     QuiltFile::new("notes.txt", b"remember the milk"),
//!     QuiltFile::new("todo.txt", b"buy milk").with_tag("kind", "list"),
//! ])?;
//! let (pairs, metadata) = Encoder::new(n)?.encode(quilt.as_bytes())?;
//!
//! // The index, then one file, from single columns.
//! let mut columns = pairs.into_iter().rev().map(|pair| pair.secondary);
//! let mut slivers = QuiltSlivers::new(&metadata);
//! let index = loop {
//!     match slivers.index() {
//!         Ok(index) => break index,
//!         Err(_) => slivers.insert(columns.next().expect("the index has a column"))?,
//!     }
//! };
//! let range = index.find("notes.txt").expect("listed").columns();
//! columns.take(4).try_for_each(|column| slivers.insert(column))?;
//! assert_eq!(slivers.patch(range)?.data, b"remember the milk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod error;
mod index;
mod read;

pub use build::QuiltFile;
pub use error::QuiltError;
pub use index::{IndexedPatch, PatchList};
pub use read::{Patch, Quilt, QuiltSlivers};

/// The version byte that quilts and patches start with.
const VERSION: u8 = walrus_core::quilt::QUILT_VERSION_V1;

/// Bytes before the index: the version and the length of the index.
const INDEX_PREFIX_LEN: usize = 5;

/// Bytes before the rest of a patch: the version, the length of the rest, and a mask.
const PATCH_HEADER_LEN: usize = 6;

/// Most columns that the index may take.
const MAX_INDEX_COLUMNS: usize = 10;

/// Bit of a patch's mask: the patch has tags.
const MASK_TAGS: u8 = 1;
