/// The committee as signers: verification of aggregated BLS signatures.
module walrus::bls_aggregate;

use sui::bls12381::{Self, G1, UncompressedG1};
use sui::group_ops::Element;
use sui::vec_map::VecMap;
use walrus::messages::{Self, CertifiedMessage};

// === Errors ===

/// The signers' bitmap is too long or names members that do not exist.
const EInvalidBitmap: u64 = 0;
/// The aggregate signature is not valid.
const ESigVerification: u64 = 1;
/// The signers do not have enough shards.
const ENotEnoughStake: u64 = 2;
/// Every member of a committee has a shard.
const EIncorrectCommittee: u64 = 3;

// === Structs ===

/// A member, its BLS key and its number of shards.
public struct BlsCommitteeMember has copy, drop, store {
    public_key: Element<UncompressedG1>,
    weight: u16,
    node_id: ID,
}

/// The members in node order: bit `i` of a bitmap is member `i`.
public struct BlsCommittee has copy, drop, store {
    members: vector<BlsCommitteeMember>,
    n_shards: u16,
    epoch: u32,
    total_aggregated_key: Element<G1>,
}

/// How many shards must have signed.
public enum RequiredWeight {
    /// Enough that no other such group can disagree: `3w >= 2n + 1`.
    Quorum,
    /// Enough that one of them is correct: `3w >= n + 1`.
    OneCorrectNode,
}

// === Package functions ===

/// A committee. The number of shards is the sum of the weights.
public(package) fun new_bls_committee(
    epoch: u32,
    members: vector<BlsCommitteeMember>,
): BlsCommittee {
    let mut n_shards = 0;
    members.do_ref!(|member| {
        assert!(member.weight > 0, EIncorrectCommittee);
        n_shards = n_shards + member.weight;
    });
    let total_aggregated_key = sum_keys(&members.map_ref!(|member| member.public_key));
    BlsCommittee { members, n_shards, epoch, total_aggregated_key }
}

public(package) fun new_bls_committee_member(
    public_key: Element<UncompressedG1>,
    weight: u16,
    node_id: ID,
): BlsCommitteeMember {
    BlsCommitteeMember { public_key, weight, node_id }
}

public(package) fun node_id(self: &BlsCommitteeMember): ID {
    self.node_id
}

/// The epoch in which the committee serves.
public(package) fun epoch(self: &BlsCommittee): u32 {
    self.epoch
}

public(package) fun n_shards(self: &BlsCommittee): u16 {
    self.n_shards
}

public(package) fun n_members(self: &BlsCommittee): u64 {
    self.members.length()
}

/// Whether the node is a member.
public(package) fun contains(self: &BlsCommittee, node_id: &ID): bool {
    self.members.any!(|member| &member.node_id == node_id)
}

/// Number of shards of a node; 0 if it is not a member.
public(package) fun member_weight(self: &BlsCommittee, node_id: &ID): u16 {
    let index = self.members.find_index!(|member| &member.node_id == node_id);
    if (index.is_some()) self.members[*index.borrow()].weight else 0
}

/// The members and their numbers of shards, in order.
public(package) fun to_weights(self: &BlsCommittee): VecMap<ID, u16> {
    sui::vec_map::from_keys_values(
        self.members.map_ref!(|member| member.node_id),
        self.members.map_ref!(|member| member.weight),
    )
}

/// Whether so many shards are a quorum.
public(package) fun is_quorum(self: &BlsCommittee, weight: u16): bool {
    3 * (weight as u64) >= 2 * (self.n_shards as u64) + 1
}

/// Verifies a quorum certificate over a message of the committee's epoch.
public(package) fun verify_quorum_in_epoch(
    self: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): CertifiedMessage {
    self.verify_certificate(&signature, &signers_bitmap, &message, RequiredWeight::Quorum);
    messages::new_certified_message(message, self.epoch)
}

/// Verifies a certificate by at least one correct node over a message of the committee's epoch.
public(package) fun verify_one_correct_node_in_epoch(
    self: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): CertifiedMessage {
    self.verify_certificate(&signature, &signers_bitmap, &message, RequiredWeight::OneCorrectNode);
    messages::new_certified_message(message, self.epoch)
}

// === Private functions ===

/// Verifies an aggregate signature of enough members over the bytes of a message.
fun verify_certificate(
    self: &BlsCommittee,
    signature: &vector<u8>,
    signers_bitmap: &vector<u8>,
    message: &vector<u8>,
    required: RequiredWeight,
) {
    let (non_signer_keys, non_signer_weight) = self.non_signers(signers_bitmap);
    let weight = self.n_shards - non_signer_weight;
    assert!(self.is_sufficient(weight, required), ENotEnoughStake);
    // Usually most members sign: subtracting the others is cheaper than adding the signers.
    let signers_key = bls12381::g1_sub(&self.total_aggregated_key, &sum_keys(&non_signer_keys));
    assert!(
        bls12381::bls12381_min_pk_verify(signature, signers_key.bytes(), message),
        ESigVerification,
    );
}

/// Keys and total weight of the members whose bit is not set. Members beyond the bitmap did not sign.
fun non_signers(
    self: &BlsCommittee,
    signers_bitmap: &vector<u8>,
): (vector<Element<UncompressedG1>>, u16) {
    let n_members = self.members.length();
    assert!(signers_bitmap.length() <= n_members.divide_and_round_up(8), EInvalidBitmap);
    let mut keys = vector[];
    let mut weight = 0;
    n_members.do!(|i| {
        if (!is_set(signers_bitmap, i)) {
            let member = &self.members[i];
            keys.push_back(member.public_key);
            weight = weight + member.weight;
        };
    });
    n_members.range_do!(signers_bitmap.length() * 8, |i| {
        assert!(!is_set(signers_bitmap, i), EInvalidBitmap);
    });
    (keys, weight)
}

fun is_set(bitmap: &vector<u8>, index: u64): bool {
    let byte = index / 8;
    byte < bitmap.length() && (bitmap[byte] >> ((index % 8) as u8)) & 1 == 1
}

fun is_sufficient(self: &BlsCommittee, weight: u16, required: RequiredWeight): bool {
    match (required) {
        RequiredWeight::Quorum => self.is_quorum(weight),
        RequiredWeight::OneCorrectNode => 3 * (weight as u64) >= (self.n_shards as u64) + 1,
    }
}

/// Sum of keys; the identity if there are none.
fun sum_keys(keys: &vector<Element<UncompressedG1>>): Element<G1> {
    if (keys.is_empty()) return bls12381::g1_identity();
    bls12381::uncompressed_g1_to_g1(&bls12381::uncompressed_g1_sum(keys))
}
