//! Writing event blobs.

use walrus_core::{BlobId, Epoch};

use super::{
    ENTRY_ENCODING, EncodedElement, HEADER_BYTES, MAGIC, PREVIOUS_EVENT_OFFSET, Position, VERSION,
};

/// Where an event blob ends. It is asked at the end of every checkpoint.
///
/// All nodes of a network have to use the same rule, or none of their event blobs is certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutRule {
    /// The file ends when it has more bytes than this, without its trailer.
    pub bytes_max: u64,
    /// The file ends when it has so many checkpoints.
    pub checkpoints_max: u64,
}

impl Default for CutRule {
    /// The rule of the public networks: 100 MiB, or 216 000 checkpoints (about half a day).
    fn default() -> Self {
        Self {
            bytes_max: 100 * 1024 * 1024,
            checkpoints_max: 216_000,
        }
    }
}

impl CutRule {
    /// Whether a file ends with `checkpoint` that began with `first_checkpoint` and has `bytes` by
    /// now.
    pub fn ends_with(&self, bytes: u64, first_checkpoint: u64, checkpoint: u64) -> bool {
        let end = first_checkpoint.saturating_add(self.checkpoints_max);
        bytes > self.bytes_max || checkpoint.saturating_add(1) >= end
    }
}

/// Puts an event blob together.
#[derive(Debug)]
pub struct EventBlobBuilder {
    bytes: Vec<u8>,
}

impl EventBlobBuilder {
    /// The beginning of a file: the epoch it begins in, and the event blob before it (all zeros for
    /// the first).
    pub fn new(epoch: Epoch, previous: BlobId) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_be_bytes());
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(epoch.to_be_bytes());
        bytes.extend(previous.0);
        // Every file ends with the end of a checkpoint, which is no event: so no event is the one
        // before.
        bytes.extend([0; HEADER_BYTES - PREVIOUS_EVENT_OFFSET]);
        Self { bytes }
    }

    /// Adds the next element.
    pub fn push(&mut self, element: &EncodedElement, position: Position) {
        let mut length = element.data_bytes();
        while length > 0x7f {
            self.bytes.push(low_bits(length) | 0x80);
            length >>= 7;
        }
        self.bytes.push(low_bits(length));
        self.bytes.push(ENTRY_ENCODING);
        self.bytes.extend_from_slice(element.as_bytes());
        let Position {
            checkpoint,
            counter,
            index,
        } = position;
        for number in [checkpoint, counter, index] {
            self.bytes.extend(number.to_le_bytes());
        }
    }

    /// The whole file, with its first and its last checkpoint.
    pub fn finish(mut self, first_checkpoint: u64, last_checkpoint: u64) -> Vec<u8> {
        self.bytes.extend(first_checkpoint.to_be_bytes());
        self.bytes.extend(last_checkpoint.to_be_bytes());
        self.bytes
    }
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}
