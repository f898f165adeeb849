//! What the fuzz target of event blobs does with its input.

use walrus_contracts::event_blob::{EventBlob, EventBlobBuilder, Position, StreamElement};
use walrus_core::BlobId;

/// Event blobs: what is accepted is what a node writes.
pub(crate) fn event_blob(bytes: &[u8]) {
    let Ok(blob) = EventBlob::parse(bytes.to_vec()) else {
        return;
    };
    let previous = blob.previous().unwrap_or(BlobId([0; 32]));
    let mut builder = EventBlobBuilder::new(blob.epoch(), previous);
    for checkpoint in blob.checkpoints() {
        let checkpoint = checkpoint.expect("it was read before");
        let events = checkpoint.events.into_iter();
        let elements = events
            .map(|(id, event)| StreamElement::Event(id, event))
            .chain([StreamElement::CheckpointBoundary]);
        for (counter, element) in (0..).zip(elements) {
            let position = Position {
                checkpoint: checkpoint.checkpoint,
                counter,
                index: checkpoint.first_index + counter,
            };
            let element = element.encode().expect("it was read");
            builder.push(&element, position);
        }
    }
    let written = builder.finish(blob.first_checkpoint(), blob.last_checkpoint());
    assert!(written == bytes, "one form for each value");
}
