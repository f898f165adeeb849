//! The log of events: elements by checkpoint and position, and where the log stands.
//!
//! Elements are written in the batch that moves the event cursor. A crash takes back both or
//! neither, so that what is read from the chain again continues the log.

use std::ops::Bound;

use fjall::UserValue;
use stdx::SaturatingFrom as _;
use walrus_contracts::event_blob::{
    CutRule, EncodedElement, EventBlobBuilder, Position, StreamElement,
};

use super::{Cursor, Index, META_CURSOR, META_EVENT_LOG, WriteBatch, encode, get};
use crate::{
    event_log::{Anchor, Kind, LogEntry, LogState, Offered, Section},
    storage::StorageError,
};

/// Elements removed in one batch.
const REMOVAL_BATCH: usize = 10_000;

/// Elements of the event stream to write down, and where files of them end.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The rule of the network.
    pub rule: CutRule,
    /// The elements, in order.
    pub entries: Vec<LogEntry>,
}

impl Index {
    /// Where the log of events stands.
    pub fn event_log(&self) -> LogState {
        self.event_log_state.lock().clone()
    }

    pub(super) fn load_event_log(&self) -> Result<(), StorageError> {
        let stored: Option<LogState> = get(&self.meta, META_EVENT_LOG, "state of the event log")?;
        *self.event_log_state.lock() = stored.unwrap_or_default();
        Ok(())
    }

    /// Moves the cursor over elements that change no record. Returns whether a section of the log
    /// is complete now.
    pub fn advance(&self, cursor: &Cursor, recording: &Recording) -> Result<bool, StorageError> {
        let batch = WriteBatch::volatile(self);
        self.commit_recorded(batch, cursor, recording)
    }

    /// Commits a batch together with the cursor and the elements it moves over. Returns whether a
    /// section is complete now.
    pub(super) fn commit_recorded(
        &self,
        mut batch: WriteBatch<'_>,
        cursor: &Cursor,
        recording: &Recording,
    ) -> Result<bool, StorageError> {
        let mut present = self.event_log_state.lock();
        let mut state = present.clone();
        for entry in &recording.entries {
            match state.offer(entry, &recording.rule) {
                Offered::Skipped => continue,
                Offered::Appended => {}
                // What is there joins nothing that follows. It goes first, so that a crash leaves
                // no element after a gap.
                Offered::Restarted => self.remove_elements(None)?,
            }
            let key = element_key(entry.checkpoint, entry.counter);
            batch.insert(&self.event_log, key, entry.element.as_bytes());
        }
        if state != *present {
            batch.insert(&self.meta, META_EVENT_LOG, encode(&state));
        }
        batch.insert(&self.meta, META_CURSOR, encode(cursor));
        batch.commit()?;
        let is_longer = state.complete().len() > present.complete().len();
        *present = state;
        Ok(is_longer)
    }

    /// The event blob of a section of the log.
    pub fn event_blob(&self, anchor: &Anchor, section: &Section) -> Result<Vec<u8>, StorageError> {
        let mut builder = EventBlobBuilder::new(section.epoch, anchor.blob_id);
        let mut elements = 0;
        let range = (
            Bound::Included(element_key(section.first_checkpoint, 0)),
            Bound::Included(element_key(section.last_checkpoint, u64::MAX)),
        );
        for item in self.event_log.range(range) {
            let (key, value) = item.into_inner()?;
            let (checkpoint, counter) = parse_key(&key)?;
            let position = Position {
                checkpoint,
                counter,
                index: anchor.next_index.saturating_add(elements),
            };
            builder.push(&stored_element(&value)?, position);
            elements += 1;
        }
        if elements != section.elements {
            return Err(StorageError::Corrupt("event log"));
        }
        Ok(builder.finish(section.first_checkpoint, section.last_checkpoint))
    }

    /// Makes the oldest section the event blob the log begins after, and forgets its elements.
    pub fn certify_oldest_section(
        &self,
        blob_id: walrus_core::BlobId,
    ) -> Result<Option<Anchor>, StorageError> {
        let anchor = {
            let mut present = self.event_log_state.lock();
            let mut state = present.clone();
            let Some(anchor) = state.certify_oldest(blob_id) else {
                return Ok(None);
            };
            self.put_event_log(&state)?;
            *present = state;
            anchor
        };
        self.remove_elements(anchor.last_checkpoint)?;
        Ok(Some(anchor))
    }

    /// Lets the log begin after `anchor`: forgets elements before, and cuts what follows into
    /// sections anew. Without elements that follow, the log is empty.
    pub fn begin_event_log(
        &self,
        anchor: Anchor,
        rule: &CutRule,
    ) -> Result<LogState, StorageError> {
        let mut present = self.event_log_state.lock();
        let last = anchor.last_checkpoint;
        let keeps = last.is_some_and(|last| present.continues(last));
        let mut state = LogState::after(anchor);
        if keeps {
            let lower = last.map_or(Bound::Unbounded, |last| {
                Bound::Excluded(element_key(last, u64::MAX))
            });
            for item in self.event_log.range((lower, Bound::Unbounded)) {
                let (key, value) = item.into_inner()?;
                let element = stored_element(&value)?;
                let kind = Kind::of(&decoded(&element)?);
                let bytes = u64::saturating_from(element.entry_bytes());
                state.take(parse_key(&key)?, kind, bytes, rule);
            }
        } else {
            self.remove_elements(None)?;
        }
        self.put_event_log(&state)?;
        *present = state.clone();
        drop(present);
        self.remove_elements(last)?;
        Ok(state)
    }

    fn put_event_log(&self, state: &LogState) -> Result<(), StorageError> {
        let mut batch = self.durable_batch();
        batch.insert(&self.meta, META_EVENT_LOG, encode(state));
        batch.commit()
    }

    /// Removes elements up to and with checkpoint `last`; all of them without one.
    fn remove_elements(&self, last: Option<u64>) -> Result<(), StorageError> {
        let upper = last.map_or(Bound::Unbounded, |last| {
            Bound::Included(element_key(last, u64::MAX))
        });
        loop {
            let mut batch = WriteBatch::volatile(self);
            let mut removed = 0;
            let range = self.event_log.range((Bound::Unbounded, upper));
            for item in range.take(REMOVAL_BATCH) {
                batch.remove(&self.event_log, item.key()?);
                removed += 1;
            }
            batch.commit()?;
            if removed < REMOVAL_BATCH {
                return Ok(());
            }
        }
    }
}

fn element_key(checkpoint: u64, counter: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&checkpoint.to_be_bytes());
    key[8..].copy_from_slice(&counter.to_be_bytes());
    key
}

fn parse_key(key: &[u8]) -> Result<(u64, u64), StorageError> {
    let (Some(checkpoint), Some(counter), 16) = (key.first_chunk(), key.last_chunk(), key.len())
    else {
        return Err(StorageError::Corrupt("key of the event log"));
    };
    Ok((
        u64::from_be_bytes(*checkpoint),
        u64::from_be_bytes(*counter),
    ))
}

fn stored_element(value: &UserValue) -> Result<EncodedElement, StorageError> {
    EncodedElement::from_bytes(value.to_vec())
        .map_err(|_| StorageError::Corrupt("element of the event log"))
}

fn decoded(element: &EncodedElement) -> Result<StreamElement, StorageError> {
    element
        .decode()
        .map_err(|_| StorageError::Corrupt("element of the event log"))
}
