/// A storage node: how to reach it, the keys it signs with, and the capability it acts with.
module walrus::storage_node;

use std::string::String;
use sui::bls12381::{Self, UncompressedG1};
use sui::group_ops::Element;
use walrus::event_blob::EventBlobAttestation;
use walrus::extended_field::{Self, ExtendedField};
use walrus::node_metadata::NodeMetadata;

// === Errors ===

/// A network public key is a compressed point of 33 bytes.
const EInvalidNetworkPublicKey: u64 = 0;

// === Constants ===

const NETWORK_PUBLIC_KEY_LEN: u64 = 33;

// === Structs ===

/// Description of a node, kept in its staking pool.
public struct StorageNodeInfo has store {
    name: String,
    node_id: ID,
    network_address: String,
    public_key: Element<UncompressedG1>,
    next_epoch_public_key: Option<Element<UncompressedG1>>,
    network_public_key: vector<u8>,
    metadata: ExtendedField<NodeMetadata>,
}

/// Allows to act for a node.
public struct StorageNodeCap has key, store {
    id: UID,
    node_id: ID,
    last_epoch_sync_done: u32,
    last_event_blob_attestation: Option<EventBlobAttestation>,
    deny_list_root: u256,
    deny_list_sequence: u64,
    deny_list_size: u64,
}

// === Public functions ===

/// Id of the node.
public fun id(self: &StorageNodeInfo): ID {
    self.node_id
}

/// Id of the node.
public fun node_id(cap: &StorageNodeCap): ID {
    cap.node_id
}

/// Last epoch in which the node attested that it has its shards.
public fun last_epoch_sync_done(cap: &StorageNodeCap): u32 {
    cap.last_epoch_sync_done
}

/// Last event blob the node attested.
public fun last_event_blob_attestation(cap: &mut StorageNodeCap): Option<EventBlobAttestation> {
    cap.last_event_blob_attestation
}

/// Root hash of the node's deny list.
public fun deny_list_root(cap: &StorageNodeCap): u256 {
    cap.deny_list_root
}

/// Sequence number of the node's deny list.
public fun deny_list_sequence(cap: &StorageNodeCap): u64 {
    cap.deny_list_sequence
}

// === Package functions ===

/// Describes a new node. `public_key` is a compressed BLS key.
public(package) fun new(
    name: String,
    node_id: ID,
    network_address: String,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    metadata: NodeMetadata,
    ctx: &mut TxContext,
): StorageNodeInfo {
    assert!(network_public_key.length() == NETWORK_PUBLIC_KEY_LEN, EInvalidNetworkPublicKey);
    StorageNodeInfo {
        name,
        node_id,
        network_address,
        public_key: uncompress(&public_key),
        next_epoch_public_key: option::none(),
        network_public_key,
        metadata: extended_field::new(metadata, ctx),
    }
}

/// Creates the capability of a node.
public(package) fun new_cap(node_id: ID, ctx: &mut TxContext): StorageNodeCap {
    StorageNodeCap {
        id: object::new(ctx),
        node_id,
        last_epoch_sync_done: 0,
        last_event_blob_attestation: option::none(),
        deny_list_root: 0,
        deny_list_sequence: 0,
        deny_list_size: 0,
    }
}

/// Remembers the epoch of the last sync attestation.
public(package) fun set_last_epoch_sync_done(cap: &mut StorageNodeCap, epoch: u32) {
    cap.last_epoch_sync_done = epoch;
}

/// Remembers the last attested event blob.
public(package) fun set_last_event_blob_attestation(
    cap: &mut StorageNodeCap,
    attestation: EventBlobAttestation,
) {
    cap.last_event_blob_attestation = option::some(attestation);
}

/// Remembers the node's approved deny list.
public(package) fun set_deny_list(cap: &mut StorageNodeCap, root: u256, sequence: u64, size: u64) {
    cap.deny_list_root = root;
    cap.deny_list_sequence = sequence;
    cap.deny_list_size = size;
}

/// The key of the current epoch.
public(package) fun public_key(self: &StorageNodeInfo): &Element<UncompressedG1> {
    &self.public_key
}

/// The key the node will have in the next epoch.
public(package) fun next_epoch_public_key(self: &StorageNodeInfo): &Element<UncompressedG1> {
    self.next_epoch_public_key.borrow_with_default(&self.public_key)
}

/// Sets the key for the next epoch.
public(package) fun set_next_public_key(self: &mut StorageNodeInfo, public_key: vector<u8>) {
    self.next_epoch_public_key = option::some(uncompress(&public_key));
}

/// Makes the next key the current one, if there is a next key.
public(package) fun rotate_public_key(self: &mut StorageNodeInfo) {
    if (self.next_epoch_public_key.is_some()) {
        self.public_key = self.next_epoch_public_key.extract();
    };
}

public(package) fun set_name(self: &mut StorageNodeInfo, name: String) {
    self.name = name;
}

public(package) fun set_network_address(self: &mut StorageNodeInfo, network_address: String) {
    self.network_address = network_address;
}

public(package) fun set_network_public_key(
    self: &mut StorageNodeInfo,
    network_public_key: vector<u8>,
) {
    assert!(network_public_key.length() == NETWORK_PUBLIC_KEY_LEN, EInvalidNetworkPublicKey);
    self.network_public_key = network_public_key;
}

/// What the node says about itself.
public(package) fun metadata(self: &StorageNodeInfo): NodeMetadata {
    *self.metadata.borrow()
}

public(package) fun set_metadata(self: &mut StorageNodeInfo, metadata: NodeMetadata) {
    self.metadata.swap(metadata);
}

// === Private functions ===

/// Checks a compressed key and uncompresses it; committees add many keys, which is cheaper so.
fun uncompress(public_key: &vector<u8>): Element<UncompressedG1> {
    bls12381::g1_to_uncompressed_g1(&bls12381::g1_from_bytes(public_key))
}

// === Test functions ===

#[test_only]
public(package) fun name_for_testing(self: &StorageNodeInfo): String {
    self.name
}

#[test_only]
public(package) fun network_address_for_testing(self: &StorageNodeInfo): String {
    self.network_address
}

#[test_only]
/// Whether another key waits for the next epoch.
public(package) fun has_next_public_key_for_testing(self: &StorageNodeInfo): bool {
    self.next_epoch_public_key.is_some()
}
