/// What is staked with each node in an epoch. Only `walrus` can read that on chain, so the committee
/// attests it: what more than a third of the shards says is true if less than a third lies.
module walrus_governance::census;

use sui::hash::blake2b256;
use sui::vec_map::{Self, VecMap};
use sui::vec_set::{Self, VecSet};
use walrus::committee::Committee;
use walrus_governance::events;
use walrus_governance::weights;

// === Errors ===

/// The list has to name the stake of every member of the committee, in its order.
const EWrongLength: u64 = 0;
/// Only members of the current committee attest.
const ENotInCommittee: u64 = 1;

// === Structs ===

/// The attestations of one epoch.
public struct Census has store {
    attesters: VecSet<ID>,
    /// Hash of a list → shards that attest it.
    candidates: VecMap<vector<u8>, u16>,
    /// The list that stands, in FROST, in the order of the committee.
    totals: Option<vector<u64>>,
}

// === Package functions ===

/// Nobody has attested anything.
public(package) fun new(): Census {
    Census { attesters: vec_set::empty(), candidates: vec_map::empty(), totals: option::none() }
}

/// The stake of each member of the committee, once it stands.
public(package) fun totals(self: &Census): Option<vector<u64>> {
    self.totals
}

/// A member attests a list; only its first one counts. Does nothing once a list stands, so that a late
/// attestation does not spoil the transaction it is in.
public(package) fun attest(
    self: &mut Census,
    committee: &Committee,
    epoch: u32,
    node_id: ID,
    totals: vector<u64>,
) {
    let weight = weights::of_node(committee, node_id);
    assert!(weight > 0, ENotInCommittee);
    assert!(totals.length() == committee.size(), EWrongLength);
    if (self.totals.is_some() || self.attesters.contains(&node_id)) return;

    self.attesters.insert(node_id);
    let totals_hash = blake2b256(&std::bcs::to_bytes(&totals));
    let attested = self.add_weight(totals_hash, weight);
    events::emit_stakes_attested(epoch, node_id, totals_hash, attested);
    if (weights::is_over_a_third(attested, weights::total(committee))) {
        self.totals = option::some(totals);
        events::emit_census_confirmed(epoch, totals);
    };
}

// === Private functions ===

/// Adds to the shards that attest a list; returns how many they are now.
fun add_weight(self: &mut Census, totals_hash: vector<u8>, weight: u16): u16 {
    if (!self.candidates.contains(&totals_hash)) {
        self.candidates.insert(totals_hash, 0);
    };
    let attested = self.candidates.get_mut(&totals_hash);
    *attested = *attested + weight;
    *attested
}

// === Test functions ===

#[test_only]
/// A census that stands without attestations.
public(package) fun confirmed_for_testing(totals: vector<u64>): Census {
    let mut census = new();
    census.totals = option::some(totals);
    census
}
