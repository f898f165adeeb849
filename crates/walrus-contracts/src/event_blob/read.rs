//! Reading event blobs.

use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, Epoch, EventId};

use super::{
    ENTRY_BYTES_MAX, ENTRY_ENCODING, EventBlobError, HEADER_BYTES, MAGIC, PREVIOUS_BLOB_OFFSET,
    PREVIOUS_EVENT_OFFSET, Position, StreamElement, TRAILER_BYTES, VERSION, element::decode_entry,
};
use crate::events::WalrusEvent;

/// An event blob that was checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBlob {
    bytes: Vec<u8>,
    epoch: Epoch,
    end_epoch: Epoch,
    first_checkpoint: u64,
    last_checkpoint: u64,
    first_index: u64,
    end_index: u64,
}

/// A checkpoint in an event blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointElements {
    /// Its sequence number.
    pub checkpoint: u64,
    /// Position of its first element in the whole stream.
    pub first_index: u64,
    /// Its events in order.
    pub events: Vec<(EventId, WalrusEvent)>,
}

impl EventBlob {
    /// Takes an event blob apart, whole: every entry is read once.
    ///
    /// # Errors
    ///
    /// The bytes are not an event blob, or not one that an
    /// [`EventBlobBuilder`](super::EventBlobBuilder) made of consecutive checkpoints.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, EventBlobError> {
        let header = Header::parse(&bytes)?;
        let mut blob = Self {
            epoch: header.epoch,
            end_epoch: header.epoch,
            first_checkpoint: header.first_checkpoint,
            last_checkpoint: header.last_checkpoint,
            first_index: 0,
            end_index: 0,
            bytes,
        };
        let (mut first, mut end, mut end_epoch, mut last) = (None, 0, blob.epoch, None);
        for checkpoint in blob.checkpoints() {
            let checkpoint = checkpoint?;
            first.get_or_insert(checkpoint.first_index);
            end = checkpoint.end_index();
            last = Some(checkpoint.checkpoint);
            for (_, event) in &checkpoint.events {
                if let WalrusEvent::EpochChangeStart(start) = event {
                    end_epoch = start.epoch;
                }
            }
        }
        let (Some(first_index), true) = (first, last == Some(blob.last_checkpoint)) else {
            return Err(blob.wrong_checkpoints());
        };
        blob.first_index = first_index;
        blob.end_index = end;
        blob.end_epoch = end_epoch;
        Ok(blob)
    }

    /// The epoch it begins in.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The epoch it ends in.
    pub fn end_epoch(&self) -> Epoch {
        self.end_epoch
    }

    /// The event blob before it; `None` if it is the first.
    pub fn previous(&self) -> Option<BlobId> {
        let id = BlobId(fixed(&self.bytes, PREVIOUS_BLOB_OFFSET).unwrap_or_default());
        (id.0 != [0; 32]).then_some(id)
    }

    /// Its first checkpoint.
    pub fn first_checkpoint(&self) -> u64 {
        self.first_checkpoint
    }

    /// Its last checkpoint.
    pub fn last_checkpoint(&self) -> u64 {
        self.last_checkpoint
    }

    /// Position of its first element in the whole stream.
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// Position after its last element.
    pub fn end_index(&self) -> u64 {
        self.end_index
    }

    /// Its checkpoints in order. They were all read before, so none fails.
    pub fn checkpoints(&self) -> Checkpoints<'_> {
        let end = self.bytes.len().saturating_sub(TRAILER_BYTES);
        Checkpoints {
            entries: self.bytes.get(..end).unwrap_or_default(),
            offset: HEADER_BYTES,
            next: None,
            first_checkpoint: self.first_checkpoint,
            mismatch: self.wrong_checkpoints(),
        }
    }

    fn wrong_checkpoints(&self) -> EventBlobError {
        EventBlobError::Checkpoints {
            first: self.first_checkpoint,
            last: self.last_checkpoint,
        }
    }
}

impl CheckpointElements {
    /// Position in the whole stream after its last element, the boundary.
    pub fn end_index(&self) -> u64 {
        let events = u64::saturating_from(self.events.len());
        self.first_index.saturating_add(events).saturating_add(1)
    }
}

struct Header {
    epoch: Epoch,
    first_checkpoint: u64,
    last_checkpoint: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, EventBlobError> {
        let number = |offset| fixed(bytes, offset).map(u32::from_be_bytes);
        if number(0) != Some(MAGIC) {
            return Err(EventBlobError::NotAnEventBlob);
        }
        let version = number(4).ok_or(EventBlobError::TooShort)?;
        if version != VERSION {
            return Err(EventBlobError::Version(version));
        }
        let epoch = number(8).ok_or(EventBlobError::TooShort)?;
        let trailer = bytes
            .len()
            .checked_sub(TRAILER_BYTES)
            .filter(|offset| *offset >= HEADER_BYTES)
            .ok_or(EventBlobError::TooShort)?;
        let checkpoint = |offset| {
            let number = fixed(bytes, offset).map(u64::from_be_bytes);
            number.ok_or(EventBlobError::TooShort)
        };
        let previous_event = bytes.get(PREVIOUS_EVENT_OFFSET..HEADER_BYTES);
        if previous_event.is_none_or(|id| id.iter().any(|byte| *byte != 0)) {
            return Err(EventBlobError::Entry {
                offset: PREVIOUS_EVENT_OFFSET,
                reason: "an event is named as the one before the file".to_owned(),
            });
        }
        Ok(Self {
            epoch,
            first_checkpoint: checkpoint(trailer)?,
            last_checkpoint: checkpoint(trailer + 8)?,
        })
    }
}

/// The checkpoints of an event blob. Ends after the first error.
#[derive(Debug)]
pub struct Checkpoints<'a> {
    entries: &'a [u8],
    offset: usize,
    /// The position of the next entry; `None` before the first one, whose index can be any.
    next: Option<Position>,
    first_checkpoint: u64,
    mismatch: EventBlobError,
}

impl Checkpoints<'_> {
    fn read(&mut self) -> Result<CheckpointElements, EventBlobError> {
        let mut events = Vec::new();
        loop {
            if self.offset >= self.entries.len() {
                return Err(self.mismatch.clone());
            }
            let begin = self.offset;
            let (element, position) = self.read_entry()?;
            let expected = self.next.unwrap_or(Position {
                checkpoint: self.first_checkpoint,
                counter: 0,
                index: position.index,
            });
            if position != expected {
                return Err(EventBlobError::Order {
                    offset: begin,
                    found: position,
                    expected,
                });
            }
            let end_of_numbers = || entry_error(begin, "the numbers of the stream end");
            let index = position.index.checked_add(1).ok_or_else(end_of_numbers)?;
            let (checkpoint, counter) = match element {
                StreamElement::Event(id, event) => {
                    events.push((id, event));
                    (position.checkpoint, position.counter + 1)
                }
                StreamElement::CheckpointBoundary => {
                    let following = position.checkpoint.checked_add(1);
                    (following.ok_or_else(end_of_numbers)?, 0)
                }
            };
            self.next = Some(Position {
                checkpoint,
                counter,
                index,
            });
            if counter == 0 {
                return Ok(CheckpointElements {
                    checkpoint: position.checkpoint,
                    first_index: position.index - position.counter,
                    events,
                });
            }
        }
    }

    fn read_entry(&mut self) -> Result<(StreamElement, Position), EventBlobError> {
        let begin = self.offset;
        let length = self.read_length()?;
        let encoding = self.entries.get(self.offset).copied();
        if encoding != Some(ENTRY_ENCODING) {
            return Err(entry_error(begin, "its encoding is not BCS"));
        }
        let data = self.offset + 1;
        let end = data + length;
        let bytes = self
            .entries
            .get(data..end)
            .ok_or(EventBlobError::TooShort)?;
        self.offset = end;
        decode_entry(bytes).map_err(|reason| EventBlobError::Entry {
            offset: begin,
            reason,
        })
    }

    /// LEB128, in its shortest form.
    fn read_length(&mut self) -> Result<usize, EventBlobError> {
        let begin = self.offset;
        let mut length = 0_usize;
        for shift in (0..).step_by(7) {
            let byte = *self
                .entries
                .get(self.offset)
                .ok_or(EventBlobError::TooShort)?;
            self.offset += 1;
            length |= usize::from(byte & 0x7f) << shift;
            if length > ENTRY_BYTES_MAX || shift > LENGTH_SHIFT_MAX {
                return Err(entry_error(begin, "it is too long"));
            }
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(entry_error(begin, "its length is not in the shortest form"));
                }
                break;
            }
        }
        Ok(length)
    }
}

/// The last seven bits a length up to [`ENTRY_BYTES_MAX`] can have.
const LENGTH_SHIFT_MAX: u32 = ENTRY_BYTES_MAX.ilog2() / 7 * 7;

impl Iterator for Checkpoints<'_> {
    type Item = Result<CheckpointElements, EventBlobError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.entries.len() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.offset = self.entries.len();
        }
        Some(read)
    }
}

fn entry_error(offset: usize, reason: &str) -> EventBlobError {
    EventBlobError::Entry {
        offset,
        reason: reason.to_owned(),
    }
}

fn fixed<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}
