//! The log of events from which event blobs are made: where it stands, as pure functions.
//!
//! The log holds the elements of the event stream that are in no certified event blob yet. It
//! begins after an [`Anchor`], the last certified event blob, and is cut into [`Section`]s, each
//! the content of an event blob. Where sections end and what they are is a function of the anchor,
//! the elements and the [`CutRule`] alone: a node that was killed, was away or has begun anew comes
//! to the same files as everybody else.

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;
use walrus_contracts::event_blob::{
    CutRule, EncodedElement, EventBlobError, HEADER_BYTES, StreamElement,
};
use walrus_core::{BlobId, Epoch};

/// The ID that stands for no event blob.
const NO_BLOB: BlobId = BlobId([0; 32]);

/// The event blob after which the log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its ID; zeros before the first one.
    pub blob_id: BlobId,
    /// Its last checkpoint; `None` before the first one.
    pub last_checkpoint: Option<u64>,
    /// Position in the stream after its last element.
    pub next_index: u64,
    /// The epoch it ends in.
    pub epoch: Epoch,
}

impl Anchor {
    /// The beginning of the stream.
    pub const GENESIS: Self = Self {
        blob_id: NO_BLOB,
        last_checkpoint: None,
        next_index: 0,
        epoch: 0,
    };
}

/// The content of an event blob that is complete and not certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// First checkpoint.
    pub first_checkpoint: u64,
    /// Last checkpoint.
    pub last_checkpoint: u64,
    /// The epoch it begins in.
    pub epoch: Epoch,
    /// The epoch it ends in.
    pub end_epoch: Epoch,
    /// Number of elements.
    pub elements: u64,
}

/// An element to write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its checkpoint.
    pub checkpoint: u64,
    /// Its position in the checkpoint.
    pub counter: u64,
    /// Its position in the stream.
    pub index: u64,
    /// The element.
    pub element: EncodedElement,
    kind: Kind,
}

/// What matters of an element for where files end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An event that begins an epoch.
    EpochStart(Epoch),
    /// Another event.
    Event,
    /// The end of a checkpoint.
    Boundary,
}

impl Kind {
    /// The kind of an element.
    pub fn of(element: &StreamElement) -> Self {
        match (element, element.begins_epoch()) {
            (_, Some(epoch)) => Self::EpochStart(epoch),
            (StreamElement::CheckpointBoundary, _) => Self::Boundary,
            (StreamElement::Event(..), None) => Self::Event,
        }
    }
}

impl LogEntry {
    /// An element at its place. Fails for an event that files have no place for.
    pub fn new(
        element: &StreamElement,
        checkpoint: u64,
        counter: u64,
        index: u64,
    ) -> Result<Self, EventBlobError> {
        Ok(Self {
            checkpoint,
            counter,
            index,
            element: element.encode()?,
            kind: Kind::of(element),
        })
    }
}

/// What becomes of an element that is offered to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is the next one.
    Appended,
    /// The log has it, or has no use for it.
    Skipped,
    /// It does not follow what is there: the log is emptied and begins with it.
    Restarted,
}

/// Where the log stands. Everything in it can be found out again from the elements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// What the log begins after; `None` if it does not join anything known.
    anchor: Option<Anchor>,
    /// Complete sections, in order.
    complete: Vec<Section>,
    /// The section that is being filled.
    open: Option<Section>,
    /// Bytes of its file so far.
    open_bytes: u64,
    /// First checkpoint in the log.
    first_checkpoint: Option<u64>,
    /// Checkpoint and position there of the next element; `None` while the log is new.
    next: Option<(u64, u64)>,
}

impl LogState {
    /// What the log begins after.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_ref()
    }

    /// Complete sections, in order.
    pub fn complete(&self) -> &[Section] {
        &self.complete
    }

    /// The complete section that is certified next.
    pub fn oldest(&self) -> Option<Section> {
        self.complete.first().copied()
    }

    /// Whether everything after `checkpoint` up to the present is in the log.
    pub fn continues(&self, checkpoint: u64) -> bool {
        let (Some(first), Some((next, _))) = (self.first_checkpoint, self.next) else {
            return false;
        };
        next > checkpoint && first <= checkpoint.saturating_add(1)
    }

    /// Takes note of an element. The caller writes down what is appended, and empties the log first
    /// if it restarts.
    pub fn offer(&mut self, entry: &LogEntry, rule: &CutRule) -> Offered {
        let place = (entry.checkpoint, entry.counter);
        let mut outcome = Offered::Appended;
        match self.next {
            Some(next) if place == next => {}
            Some(next) if place < next => return Offered::Skipped,
            next => {
                // What begins in the middle of a checkpoint joins nothing.
                if entry.counter != 0 {
                    return Offered::Skipped;
                }
                if next.is_some() {
                    outcome = Offered::Restarted;
                }
                *self = Self {
                    anchor: (entry.index == 0).then_some(Anchor::GENESIS),
                    ..Self::default()
                };
            }
        }
        self.first_checkpoint.get_or_insert(entry.checkpoint);
        self.take(place, entry.kind, to_u64(entry.element.entry_bytes()), rule);
        outcome
    }

    /// The log after an anchor, empty.
    pub fn after(anchor: Anchor) -> Self {
        let next = anchor.last_checkpoint.map(|last| (last + 1, 0));
        Self {
            anchor: Some(anchor),
            next,
            first_checkpoint: next.map(|(checkpoint, _)| checkpoint),
            ..Self::default()
        }
    }

    /// Takes an element that follows.
    pub fn take(&mut self, place: (u64, u64), kind: Kind, entry_bytes: u64, rule: &CutRule) {
        let (checkpoint, counter) = place;
        let Some(anchor) = self.anchor else {
            // Without a beginning there are no sections, only elements.
            self.next = Some(following(place, kind));
            return;
        };
        let epoch = self
            .complete
            .last()
            .map_or(anchor.epoch, |last| last.end_epoch);
        let header = to_u64(HEADER_BYTES);
        let open = self.open.get_or_insert_with(|| {
            self.open_bytes = header;
            Section {
                first_checkpoint: checkpoint,
                last_checkpoint: checkpoint,
                epoch,
                end_epoch: epoch,
                elements: 0,
            }
        });
        open.elements += 1;
        open.last_checkpoint = checkpoint;
        self.open_bytes += entry_bytes;
        if let Kind::EpochStart(epoch) = kind {
            open.end_epoch = epoch;
        }
        self.next = Some(following((checkpoint, counter), kind));
        if kind == Kind::Boundary
            && rule.ends_with(self.open_bytes, open.first_checkpoint, checkpoint)
        {
            self.complete.push(*open);
            self.open = None;
        }
    }

    /// Makes the oldest section the event blob the log begins after. Returns the new anchor.
    pub fn certify_oldest(&mut self, blob_id: BlobId) -> Option<Anchor> {
        let before = self.anchor?;
        let section = self.oldest()?;
        self.complete.remove(0);
        let anchor = Anchor {
            blob_id,
            last_checkpoint: Some(section.last_checkpoint),
            next_index: before.next_index.saturating_add(section.elements),
            epoch: section.end_epoch,
        };
        self.anchor = Some(anchor);
        self.first_checkpoint = section.last_checkpoint.checked_add(1);
        Some(anchor)
    }
}

fn following((checkpoint, counter): (u64, u64), kind: Kind) -> (u64, u64) {
    match kind {
        Kind::Boundary => (checkpoint.saturating_add(1), 0),
        _ => (checkpoint, counter.saturating_add(1)),
    }
}

fn to_u64(number: usize) -> u64 {
    u64::saturating_from(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use walrus_contracts::events::{EpochChangeDone, EpochChangeStart};
    use walrus_core::EventId;

    use super::*;

    const RULE: CutRule = CutRule {
        bytes_max: 2_000,
        checkpoints_max: 5,
    };

    /// The elements of checkpoints from 10 on; a checkpoint has events, of which some begin an
    /// epoch.
    fn stream(checkpoints: &[Vec<bool>]) -> Vec<LogEntry> {
        let (mut entries, mut index, mut epoch) = (Vec::new(), 0, 0);
        for (checkpoint, events) in (10..).zip(checkpoints) {
            let mut elements = Vec::new();
            for begins_epoch in events {
                epoch += u32::from(*begins_epoch);
                let event = if *begins_epoch {
                    EpochChangeStart { epoch }.into()
                } else {
                    EpochChangeDone { epoch }.into()
                };
                let id = EventId {
                    tx_digest: [1; 32],
                    event_seq: 0,
                };
                elements.push(StreamElement::Event(id, event));
            }
            elements.push(StreamElement::CheckpointBoundary);
            for (counter, element) in (0..).zip(elements) {
                entries.push(LogEntry::new(&element, checkpoint, counter, index).unwrap());
                index += 1;
            }
        }
        entries
    }

    fn fold(mut state: LogState, entries: &[LogEntry]) -> LogState {
        for entry in entries {
            state.offer(entry, &RULE);
        }
        state
    }

    fn empty(checkpoints: usize) -> Vec<Vec<bool>> {
        vec![Vec::new(); checkpoints]
    }

    #[test]
    fn sections_end_at_checkpoints_and_carry_the_epoch_on() {
        let mut checkpoints = empty(12);
        checkpoints[2] = vec![false, true];
        checkpoints[7] = vec![true];
        let state = fold(LogState::default(), &stream(&checkpoints));
        let section = |first_checkpoint, epoch, end_epoch, elements| Section {
            first_checkpoint,
            last_checkpoint: first_checkpoint + 4,
            epoch,
            end_epoch,
            elements,
        };
        assert_eq!(state.anchor(), Some(&Anchor::GENESIS));
        assert_eq!(
            state.complete(),
            [section(10, 0, 1, 7), section(15, 1, 2, 6)]
        );
        assert!(state.continues(21) && !state.continues(22));
        assert!(state.continues(9) && !state.continues(8));
    }

    #[test]
    fn elements_come_again_and_gaps_begin_the_log_anew() {
        let entries = stream(&empty(20));
        let mut state = fold(LogState::default(), &entries[..7]);
        let before = state.clone();
        assert_eq!(state.offer(&entries[3], &RULE), Offered::Skipped);
        assert_eq!(state, before);
        assert_eq!(state.offer(&entries[9], &RULE), Offered::Restarted);
        assert_eq!((state.anchor(), state.complete()), (None, &[][..]));
        assert!(state.continues(18) && !state.continues(17));
        // What is not a beginning is no beginning of a log.
        let mut state = LogState::default();
        let middle = stream(&[vec![false]])[1].clone();
        assert_eq!(state.offer(&middle, &RULE), Offered::Skipped);
        assert_eq!(state, LogState::default());
    }

    #[test]
    fn a_certified_section_is_the_next_anchor() {
        let mut state = fold(LogState::default(), &stream(&empty(11)));
        let anchor = state.certify_oldest(BlobId([7; 32])).unwrap();
        let expected = Anchor {
            blob_id: BlobId([7; 32]),
            last_checkpoint: Some(14),
            next_index: 5,
            epoch: 0,
        };
        assert_eq!(anchor, expected);
        assert_eq!(state.oldest().unwrap().first_checkpoint, 15);
        assert!(state.certify_oldest(BlobId([8; 32])).is_some());
        assert_eq!(state.certify_oldest(BlobId([9; 32])), None);
    }

    proptest! {
        /// Certified or not, killed or not: what comes of the elements after an anchor is the same.
        #[test]
        fn sections_are_a_function_of_anchor_and_elements(
            checkpoints in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..4), 6..40),
            repeated in any::<prop::sample::Index>(),
        ) {
            let entries = stream(&checkpoints);
            let whole = fold(LogState::default(), &entries);
            // Elements that come again change nothing.
            let repeated = repeated.index(entries.len());
            let again = fold(fold(LogState::default(), &entries[..repeated]), &entries);
            prop_assert_eq!(&again, &whole);
            // A log that begins after the first section comes to the same ones.
            let mut certified = whole.clone();
            let anchor = certified.certify_oldest(BlobId([7; 32])).unwrap();
            let after: Vec<_> = entries
                .iter()
                .filter(|entry| Some(entry.checkpoint) > anchor.last_checkpoint)
                .cloned()
                .collect();
            prop_assert_eq!(fold(LogState::after(anchor), &after), certified);
            // Every element before the open section is in exactly one.
            let sum: u64 = whole.complete().iter().map(|section| section.elements).sum();
            prop_assert!(sum <= to_u64(entries.len()));
            for pair in whole.complete().windows(2) {
                prop_assert_eq!(pair[0].last_checkpoint + 1, pair[1].first_checkpoint);
                prop_assert_eq!(pair[0].end_epoch, pair[1].epoch);
            }
        }
    }
}
