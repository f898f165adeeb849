//! Places in the ledger, as stream cursors name them.

use super::errors;
use tonic::Status;

/// The place of an item: checkpoint, transaction in it, event in that. Items above the event level
/// leave the lower parts zero. Ordered as the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LedgerPosition {
    pub(crate) checkpoint: u64,
    pub(crate) transaction: u64,
    pub(crate) event: u64,
}

const ENCODED_LENGTH: usize = 24;

impl LedgerPosition {
    /// The first place of a checkpoint; not after any of its items.
    pub(crate) fn start_of(checkpoint: u64) -> Self {
        Self {
            checkpoint,
            transaction: 0,
            event: 0,
        }
    }

    /// A place after all items of a checkpoint.
    pub(crate) fn end_of(checkpoint: u64) -> Self {
        Self {
            checkpoint,
            transaction: u64::MAX,
            event: u64::MAX,
        }
    }

    /// The opaque bytes clients hand back.
    pub(crate) fn encode(self) -> prost::bytes::Bytes {
        let parts = [self.checkpoint, self.transaction, self.event];
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_be_bytes()).collect();
        bytes.into()
    }

    /// Reads a cursor of a request; absent and empty cursors are `None`.
    pub(crate) fn decode(field: &str, bytes: Option<&[u8]>) -> Result<Option<Self>, Status> {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        let bytes: &[u8; ENCODED_LENGTH] = bytes
            .try_into()
            .map_err(|_| errors::invalid_field(field, format!("invalid {field}")))?;
        let part = |index: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[index * 8..index * 8 + 8]);
            u64::from_be_bytes(part)
        };
        Ok(Some(Self {
            checkpoint: part(0),
            transaction: part(1),
            event: part(2),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_in_ledger_order() {
        let position = LedgerPosition {
            checkpoint: 1,
            transaction: 2,
            event: 3,
        };
        let decoded = LedgerPosition::decode("after", Some(&position.encode())).expect("own bytes");
        assert_eq!(decoded, Some(position));
        assert!(LedgerPosition::start_of(1) < position && position < LedgerPosition::end_of(1));
        assert!(LedgerPosition::end_of(1) < LedgerPosition::start_of(2));
        assert_eq!(
            LedgerPosition::decode("after", Some(&[])).expect("empty"),
            None
        );
        assert!(LedgerPosition::decode("after", Some(&[1, 2])).is_err());
    }
}
