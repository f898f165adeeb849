/// What each storage node gets of the payments for an epoch.
module walrus::rewards;

use sui::balance::Balance;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::bls_aggregate::BlsCommittee;

// === Constants ===

/// Part of the payments that is burnt at the end of an epoch, in percent.
const BURN_PERCENT: u128 = 3;

// === Package functions ===

/// Splits off the part of an epoch's payments that is to be burnt, rounded down.
public(package) fun split_burn_share(payments: &mut Balance<WAL>): Balance<WAL> {
    let amount = (payments.value() as u128) * BURN_PERCENT / 100;
    payments.split(amount as u64)
}

/// Splits off each member's part: by the bytes it stores, which are its shards' part of what is sold
/// less its deny list. What rounding leaves over, and everything if nothing is stored, stays.
public(package) fun split_among(
    payments: &mut Balance<WAL>,
    committee: &BlsCommittee,
    used_capacity: u64,
    deny_list_sizes: &VecMap<ID, u64>,
): VecMap<ID, Balance<WAL>> {
    let (node_ids, weights) = committee.to_weights().into_keys_values();
    let stored = node_ids.zip_map_ref!(&weights, |node_id, weight| {
        let denied = deny_list_sizes.try_get(node_id).destroy_or!(0).min(used_capacity);
        (*weight as u128) * ((used_capacity - denied) as u128)
    });
    let total_stored = stored.fold!(0, |sum: u128, part| sum + part).max(1);
    // The product of the two 128-bit numbers can need more than 128 bits.
    let total_payments = payments.value() as u256;
    let shares = stored.map!(|part| {
        let share = (part as u256) * total_payments / (total_stored as u256);
        payments.split(share as u64)
    });
    vec_map::from_keys_values(node_ids, shares)
}
