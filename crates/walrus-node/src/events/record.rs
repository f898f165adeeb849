//! Collecting the elements of the event stream that are to be written down.

use tracing::error;
use walrus_contracts::event_blob::{CutRule, StreamElement};
use walrus_core::EventId;

use crate::{
    chain::WalrusEvent,
    event_log::LogEntry,
    storage::{Cursor, Recording},
};

/// The elements between the cursor on disk and the one in memory.
pub(super) struct Recorder {
    rule: CutRule,
    unwritten: Vec<LogEntry>,
    is_on: bool,
}

impl Recorder {
    /// A recorder for files that end by `rule`; without one it never records.
    pub(super) fn new(rule: Option<CutRule>) -> Self {
        Self {
            rule: rule.unwrap_or_default(),
            unwritten: Vec::new(),
            is_on: rule.is_some(),
        }
    }

    /// Where files end; `None` if nothing is recorded.
    pub(super) fn rule(&self) -> Option<CutRule> {
        self.is_on.then_some(self.rule)
    }

    /// What is unwritten, and an event after it: the one the cursor stands before.
    pub(super) fn with_event(
        &self,
        cursor: &Cursor,
        checkpoint: u64,
        id: &EventId,
        event: &WalrusEvent,
    ) -> Recording {
        let mut recording = self.unwritten();
        if self.is_on {
            let element = StreamElement::Event(*id, event.clone());
            recording
                .entries
                .extend(entry(&element, cursor, checkpoint));
        }
        recording
    }

    /// Adds the end of a checkpoint, which the cursor stands before.
    pub(super) fn add_boundary(&mut self, cursor: &Cursor, checkpoint: u64) {
        if self.is_on {
            let element = StreamElement::CheckpointBoundary;
            self.unwritten.extend(entry(&element, cursor, checkpoint));
        }
    }

    /// What is unwritten.
    pub(super) fn unwritten(&self) -> Recording {
        Recording {
            rule: self.rule,
            entries: self.unwritten.clone(),
        }
    }

    /// Notes that it is written.
    pub(super) fn written(&mut self) {
        self.unwritten.clear();
    }
}

fn entry(element: &StreamElement, cursor: &Cursor, checkpoint: u64) -> Option<LogEntry> {
    let entry = LogEntry::new(
        element,
        checkpoint,
        cursor.events_of_next,
        cursor.next_index,
    );
    // Without the element the log has a gap, and begins anew after the next event blob that others
    // certify.
    entry
        .inspect_err(|error| error!(%error, checkpoint, "an event cannot be part of an event blob"))
        .ok()
}
