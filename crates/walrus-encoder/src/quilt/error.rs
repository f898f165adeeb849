//! What can be wrong with a quilt.

use thiserror::Error;

/// Why a quilt cannot be built or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuiltError {
    /// The number of shards is not supported.
    #[error(transparent)]
    Shards(#[from] crate::UnsupportedShardCount),
    /// More files than columns.
    #[error("{count} files are too many for one quilt; it takes {max}")]
    TooManyFiles {
        /// Files given.
        count: usize,
        /// Files that a quilt takes.
        max: usize,
    },
    /// The files do not fit.
    #[error("the files are too large for one quilt on this number of shards")]
    TooLarge,
    /// The identifier is empty, too long, ends in white space or contains control characters.
    #[error(
        "{0:?} cannot be the identifier of a file: it must not be empty, longer than 65534 bytes, \
         end in white space or contain control characters"
    )]
    InvalidIdentifier(String),
    /// Identifiers are unique.
    #[error("two files have the identifier {0:?}")]
    DuplicateIdentifier(String),
    /// Tags take at most 65535 bytes.
    #[error("the tags of {0:?} are too large: they take at most 65535 bytes")]
    TagsTooLarge(String),
    /// There are no bytes.
    #[error("the quilt is empty")]
    Empty,
    /// The quilt or patch has an unknown version.
    #[error("version {0} of quilts is not supported; version 1 is")]
    Version(u8),
    /// The length is not one that a quilt has.
    #[error("{0} bytes are not a quilt: the length is not that of whole symbols of an even size")]
    NotAligned(usize),
    /// The index is malformed.
    #[error("the index of the quilt is malformed: {0}")]
    InvalidIndex(String),
    /// A patch is malformed.
    #[error("the patch of the quilt is malformed: {0}")]
    InvalidPatch(&'static str),
    /// There is no patch with this identifier.
    #[error("the quilt has no file {0:?}")]
    NotFound(String),
    /// The columns given do not contain all that is to be read. These are missing.
    #[error("secondary slivers {0:?} are needed")]
    MissingSlivers(Vec<u16>),
    /// A column is not one of this quilt.
    #[error("the sliver does not have the index and size of a column of the quilt")]
    ColumnMismatch,
}
