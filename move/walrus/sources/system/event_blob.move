/// Event blobs: the nodes' record of events, certified by the nodes' attestations.
module walrus::event_blob;

use sui::vec_map::{Self, VecMap};

// === Errors ===

/// An event blob must end after the one before it.
const EInvalidSequenceNumber: u64 = 0;

// === Structs ===

/// What a node attested last.
public struct EventBlobAttestation has copy, drop, store {
    checkpoint_sequence_num: u64,
    epoch: u32,
}

/// An event blob and the checkpoint it ends with.
public struct EventBlob has copy, drop, store {
    blob_id: u256,
    ending_checkpoint_sequence_number: u64,
}

/// The last certified event blob, and the weight of the attestations for each of the next ones.
public struct EventBlobCertificationState has store {
    latest_certified_blob: Option<EventBlob>,
    aggregate_weight_per_blob: VecMap<EventBlob, u16>,
}

// === Package functions ===

public(package) fun new_attestation(
    checkpoint_sequence_num: u64,
    epoch: u32,
): EventBlobAttestation {
    EventBlobAttestation { checkpoint_sequence_num, epoch }
}

/// Checkpoint that the attested event blob ends with.
public(package) fun last_attested_checkpoint(self: &EventBlobAttestation): u64 {
    self.checkpoint_sequence_num
}

/// Epoch of the attestation.
public(package) fun last_attested_epoch(self: &EventBlobAttestation): u32 {
    self.epoch
}

/// Nothing certified, nothing attested.
public(package) fun new_state(): EventBlobCertificationState {
    EventBlobCertificationState {
        latest_certified_blob: option::none(),
        aggregate_weight_per_blob: vec_map::empty(),
    }
}

/// Checkpoint that the last certified event blob ends with.
public(package) fun latest_certified_checkpoint(self: &EventBlobCertificationState): Option<u64> {
    self.latest_certified_blob.map_ref!(|blob| blob.ending_checkpoint_sequence_number)
}

/// Adds the weight of an attestation; returns the weight of all attestations for that event blob.
public(package) fun add_weight(
    self: &mut EventBlobCertificationState,
    blob_id: u256,
    ending_checkpoint_sequence_number: u64,
    weight: u16,
): u16 {
    let blob = EventBlob { blob_id, ending_checkpoint_sequence_number };
    if (!self.aggregate_weight_per_blob.contains(&blob)) {
        self.aggregate_weight_per_blob.insert(blob, 0);
    };
    let total = self.aggregate_weight_per_blob.get_mut(&blob);
    *total = *total + weight;
    *total
}

/// Makes an event blob the last certified one and forgets all attestations.
public(package) fun set_latest_certified(
    self: &mut EventBlobCertificationState,
    blob_id: u256,
    ending_checkpoint_sequence_number: u64,
) {
    self.latest_certified_checkpoint().do!(|latest| {
        assert!(ending_checkpoint_sequence_number > latest, EInvalidSequenceNumber);
    });
    self.latest_certified_blob =
        option::some(EventBlob { blob_id, ending_checkpoint_sequence_number });
    self.reset();
}

/// Forgets all attestations.
public(package) fun reset(self: &mut EventBlobCertificationState) {
    self.aggregate_weight_per_blob = vec_map::empty();
}

// === Test functions ===

#[test_only]
/// Number of event blobs that have attestations and are not certified.
public(package) fun tracked_for_testing(self: &EventBlobCertificationState): u64 {
    self.aggregate_weight_per_blob.length()
}
