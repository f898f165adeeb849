//! Event blobs: the events of the contracts, as the nodes publish them in Walrus itself.
//!
//! Every node writes the same file, byte for byte, because the file is a function of the event
//! stream: an [`EventBlobBuilder`] puts encoded elements between a header and a trailer, a
//! [`CutRule`] says where one file ends and the next begins. [`EventBlob::parse`] takes a file
//! apart again and accepts nothing that a builder does not make.
//!
//! | Offset | Bytes | Field |
//! |---|---|---|
//! | 0 | 4 | magic number [`MAGIC`] |
//! | 4 | 4 | [`VERSION`] |
//! | 8 | 4 | epoch in which the file begins |
//! | 12 | 32 | ID of the event blob before it; zeros for the first |
//! | 44 | 40 | ID of the event before it; zeros, because a file ends with a checkpoint and not with an event |
//! | 84 | … | entries |
//! | end − 16 | 8 + 8 | first and last checkpoint |
//!
//! Numbers are big-endian here and little-endian inside entries. An entry is the length of its data
//! in LEB128, the byte 1 for BCS, and the data: an element, its checkpoint, its position among the
//! elements of the checkpoint, and its position in the whole stream.
//!
//! ```
//! use walrus_contracts::{
//!     event_blob::{EventBlob, EventBlobBuilder, EventBlobError, Position, StreamElement},
//!     events::EpochChangeStart,
//! };
//! use walrus_core::{BlobId, EventId};
//!
//! let id = EventId { tx_digest: [7; 32], event_seq: 0 };
//! let event = StreamElement::Event(id, EpochChangeStart { epoch: 1 }.into());
//! let mut builder = EventBlobBuilder::new(0, BlobId([0; 32]));
//! builder.push(&event.encode()?, Position { checkpoint: 12, counter: 0, index: 0 });
//! let end = StreamElement::CheckpointBoundary.encode()?;
//! builder.push(&end, Position { checkpoint: 12, counter: 1, index: 1 });
//!
//! let blob = EventBlob::parse(builder.finish(12, 12))?;
//! assert_eq!((blob.epoch(), blob.end_epoch(), blob.end_index()), (0, 1, 2));
//! # Ok::<(), EventBlobError>(())
//! ```

mod element;
mod read;
mod write;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use element::{EncodedElement, Position, StreamElement};
pub use read::{CheckpointElements, Checkpoints, EventBlob};
pub use write::{CutRule, EventBlobBuilder};

/// The first four bytes of an event blob.
pub const MAGIC: u32 = 0x005E_A1CE;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Bytes before the entries.
pub const HEADER_BYTES: usize = 84;

/// Bytes after the entries.
pub const TRAILER_BYTES: usize = 16;

/// Most bytes of the data of an entry. An event has at most 250 KiB on any Sui network.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Where the ID of the event blob before begins, and the ID of the event before.
const PREVIOUS_BLOB_OFFSET: usize = 12;
const PREVIOUS_EVENT_OFFSET: usize = 44;

/// The only encoding of entries: BCS.
const ENTRY_ENCODING: u8 = 1;

/// Why bytes are not an event blob, or an event cannot be put into one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventBlobError {
    /// The file does not begin as event blobs do.
    #[error("not an event blob")]
    NotAnEventBlob,
    /// The file has another format.
    #[error("an event blob of version {0}; only {VERSION} is known")]
    Version(u32),
    /// The file is shorter than it says.
    #[error("the event blob is cut off")]
    TooShort,
    /// An entry cannot be read.
    #[error("entry at byte {offset}: {reason}")]
    Entry {
        /// Where it begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry is not the one that follows.
    #[error("entry at byte {offset}: {found} where {expected} belongs")]
    Order {
        /// Where it begins.
        offset: usize,
        /// Its position.
        found: Position,
        /// The position of the one that follows.
        expected: Position,
    },
    /// The file does not end with a whole checkpoint, or says that it has others.
    #[error("the entries are not those of checkpoints {first} to {last}")]
    Checkpoints {
        /// First checkpoint by the trailer.
        first: u64,
        /// Last checkpoint by the trailer.
        last: u64,
    },
    /// The event has a value the format has no place for.
    #[error("{event} cannot be written: {reason}")]
    Unwritable {
        /// Name of the event.
        event: &'static str,
        /// Why.
        reason: String,
    },
}
