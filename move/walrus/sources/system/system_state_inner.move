/// The state of the system: committee, capacity, prices, payments.
module walrus::system_state_inner;

use sui::balance::Balance;
use sui::coin::Coin;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::blob::{Self, Blob};
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::encoding;
use walrus::epoch_parameters::EpochParams;
use walrus::event_blob::{Self, EventBlobCertificationState};
use walrus::events;
use walrus::extended_field::{Self, ExtendedField};
use walrus::rewards;
use walrus::storage_accounting::{Self, FutureAccountingRingBuffer};
use walrus::storage_node::StorageNodeCap;
use walrus::storage_resource::{Self, Storage};

// === Errors ===

/// Storage is sold for at most 1000 epochs.
const EInvalidMaxEpochsAhead: u64 = 0;
/// The capacity of the system is exceeded.
const EStorageExceeded: u64 = 1;
/// The number of epochs is 0, or reaches beyond the last epoch for which storage is sold.
const EInvalidEpochsAhead: u64 = 2;
/// The epoch is not the current one.
const EInvalidIdEpoch: u64 = 3;
/// The committee is not the one of the next epoch.
const EIncorrectCommittee: u64 = 4;
/// The accounting is not of the epoch that ends.
const EInvalidAccountingEpoch: u64 = 5;
/// The node's last attestation is not settled yet.
const EIncorrectAttestation: u64 = 6;
/// The node has attested this event blob already.
const ERepeatedAttestation: u64 = 7;
/// The node is not in the committee.
const ENotCommitteeMember: u64 = 8;
/// The sequence number of a deny list must grow.
const EIncorrectDenyListSequence: u64 = 9;
/// The deny list is of another node.
const EIncorrectDenyListNode: u64 = 10;
/// Storage has a size.
const EInvalidResourceSize: u64 = 11;
/// The epoch is in the past.
const EInvalidStartEpoch: u64 = 12;

// === Constants ===

/// Storage is counted in units of 1 MiB.
const BYTES_PER_UNIT_SIZE: u64 = 1_024 * 1_024;
/// Upper bound of the number of epochs for which storage is sold.
const MAX_MAX_EPOCHS_AHEAD: u32 = 1000;

// === Structs ===

/// Version 1 of the state.
public struct SystemStateInnerV1 has store {
    committee: BlsCommittee,
    total_capacity_size: u64,
    used_capacity_size: u64,
    storage_price_per_unit_size: u64,
    write_price_per_unit_size: u64,
    future_accounting: FutureAccountingRingBuffer,
    event_blob_certification_state: EventBlobCertificationState,
    deny_list_sizes: ExtendedField<VecMap<ID, u64>>,
}

// === Package functions: life cycle ===

/// The state of epoch 0: no committee, no capacity.
public(package) fun create_empty(max_epochs_ahead: u32, ctx: &mut TxContext): SystemStateInnerV1 {
    assert!(max_epochs_ahead <= MAX_MAX_EPOCHS_AHEAD, EInvalidMaxEpochsAhead);
    SystemStateInnerV1 {
        committee: bls_aggregate::new_bls_committee(0, vector[]),
        total_capacity_size: 0,
        used_capacity_size: 0,
        storage_price_per_unit_size: 0,
        write_price_per_unit_size: 0,
        future_accounting: storage_accounting::ring_new(max_epochs_ahead),
        event_blob_certification_state: event_blob::new_state(),
        deny_list_sizes: extended_field::new(vec_map::empty(), ctx),
    }
}

/// Takes the part of the current epoch's payments that is to be burnt.
public(package) fun take_burn_share(self: &mut SystemStateInnerV1): Balance<WAL> {
    rewards::split_burn_share(self.future_accounting.ring_lookup_mut(0).rewards_balance())
}

/// Starts the next epoch: installs its committee and capacity. Returns what each member of the old
/// committee gets of the old epoch's payments; the undistributed rest goes to the new epoch.
public(package) fun advance_epoch(
    self: &mut SystemStateInnerV1,
    new_committee: BlsCommittee,
    new_epoch_params: &EpochParams,
): VecMap<ID, Balance<WAL>> {
    let old_epoch = self.epoch();
    assert!(new_committee.epoch() == old_epoch + 1, EIncorrectCommittee);
    let old_committee = self.committee;
    self.committee = new_committee;

    let (epoch, used_capacity, mut payments) = self.future_accounting.ring_pop_expand().unwrap();
    assert!(epoch == old_epoch, EInvalidAccountingEpoch);
    self.used_capacity_size = self.future_accounting.ring_lookup(0).used_capacity();
    self.total_capacity_size = new_epoch_params.capacity().max(self.used_capacity_size);
    self.event_blob_certification_state.reset();

    let shares = rewards::split_among(
        &mut payments,
        &old_committee,
        used_capacity,
        self.deny_list_sizes.borrow(),
    );
    self.future_accounting.ring_lookup_mut(0).rewards_balance().join(payments);
    shares
}

/// Sets the prices and tells everybody.
public(package) fun update_prices(
    self: &mut SystemStateInnerV1,
    storage_price: u64,
    write_price: u64,
) {
    self.storage_price_per_unit_size = storage_price;
    self.write_price_per_unit_size = write_price;
    events::emit_prices_updated(self.epoch(), storage_price, write_price);
}

// === Package functions: storage ===

/// Sells storage from the current epoch on.
public(package) fun reserve_space(
    self: &mut SystemStateInnerV1,
    storage_amount: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    assert!(epochs_ahead > 0, EInvalidEpochsAhead);
    assert!(epochs_ahead <= self.future_accounting.max_epochs_ahead(), EInvalidEpochsAhead);
    let epoch = self.epoch();
    self.reserve_space_for_epochs(storage_amount, epoch, epoch + epochs_ahead, payment, ctx)
}

/// Sells storage for a period; the part of it that is past is left out.
public(package) fun reserve_space_for_epochs(
    self: &mut SystemStateInnerV1,
    storage_amount: u64,
    start_epoch: u32,
    end_epoch: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    let epoch = self.epoch();
    let start_epoch = start_epoch.max(epoch);
    assert!(end_epoch > start_epoch, EInvalidEpochsAhead);
    assert!(end_epoch - epoch <= self.future_accounting.max_epochs_ahead(), EInvalidEpochsAhead);
    assert!(storage_amount > 0, EInvalidResourceSize);
    self.sell(storage_amount, start_epoch - epoch, end_epoch - epoch, payment);
    storage_resource::create_storage(start_epoch, end_epoch, storage_amount, ctx)
}

/// Registers a blob in storage and charges for writing it.
public(package) fun register_blob(
    self: &mut SystemStateInnerV1,
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Blob {
    let blob = blob::new(
        storage,
        blob_id,
        root_hash,
        size,
        encoding_type,
        deletable,
        self.epoch(),
        self.n_shards(),
        ctx,
    );
    let encoded_size = blob.encoded_size(self.n_shards());
    self.charge_for_writing(encoded_size, write_payment);
    blob
}

/// Certifies a blob by a certificate of a quorum.
public(package) fun certify_blob(
    self: &SystemStateInnerV1,
    blob: &mut Blob,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certified = self.committee.verify_quorum_in_epoch(signature, signers_bitmap, message);
    blob.certify_with_certified_msg(self.epoch(), certified.certify_blob_message());
}

/// Deletes a deletable blob and returns its storage.
public(package) fun delete_blob(self: &SystemStateInnerV1, blob: Blob): Storage {
    blob.delete(self.epoch())
}

/// Extends a blob by storage that follows its own.
public(package) fun extend_blob_with_resource(
    self: &SystemStateInnerV1,
    blob: &mut Blob,
    extension: Storage,
) {
    blob.extend_with_resource(extension, self.epoch());
}

/// Extends a blob by epochs, counted from the present end, and charges for them.
public(package) fun extend_blob(
    self: &mut SystemStateInnerV1,
    blob: &mut Blob,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    blob.assert_certified_not_expired(self.epoch());
    self.sell_extension(blob.storage(), extended_epochs, payment);
    blob.extend_end_epoch(extended_epochs);
}

/// Tells everybody that the slivers of a blob disagree, on a certificate of one correct node.
public(package) fun invalidate_blob_id(
    self: &SystemStateInnerV1,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
): u256 {
    let certified = self
        .committee
        .verify_one_correct_node_in_epoch(signature, members_bitmap, message);
    assert!(certified.cert_epoch() == self.epoch(), EInvalidIdEpoch);
    let blob_id = certified.invalid_blob_id_message().certified_invalid_blob_id();
    events::emit_invalid_blob_id(self.epoch(), blob_id);
    blob_id
}

/// Tells everybody about an agreement on a protocol version, on a certificate of a quorum.
public(package) fun update_protocol_version(
    self: &SystemStateInnerV1,
    cap: &StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    assert!(self.committee.contains(&cap.node_id()), ENotCommitteeMember);
    let certified = self.committee.verify_quorum_in_epoch(signature, members_bitmap, message);
    assert!(certified.cert_epoch() == self.epoch(), EInvalidIdEpoch);
    let agreement = certified.protocol_version_message();
    assert!(agreement.start_epoch() >= self.epoch(), EInvalidStartEpoch);
    events::emit_protocol_version_updated(
        self.epoch(),
        agreement.start_epoch(),
        agreement.protocol_version(),
    );
}

/// Tells everybody that a node has a new deny list, for which it asks approval.
public(package) fun register_deny_list_update(
    self: &SystemStateInnerV1,
    cap: &StorageNodeCap,
    deny_list_root: u256,
    deny_list_sequence: u64,
) {
    assert!(self.committee.contains(&cap.node_id()), ENotCommitteeMember);
    assert!(deny_list_sequence > cap.deny_list_sequence(), EIncorrectDenyListSequence);
    events::emit_register_deny_list_update(
        self.epoch(),
        deny_list_root,
        deny_list_sequence,
        cap.node_id(),
    );
}

/// Installs a node's new deny list, on a certificate of a quorum.
public(package) fun update_deny_list(
    self: &mut SystemStateInnerV1,
    cap: &mut StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let node_id = cap.node_id();
    assert!(self.committee.contains(&node_id), ENotCommitteeMember);
    let certified = self.committee.verify_quorum_in_epoch(signature, members_bitmap, message);
    let epoch = self.epoch();
    assert!(certified.cert_epoch() == epoch, EInvalidIdEpoch);
    let update = certified.deny_list_update_message();
    assert!(update.deny_list_node_id() == node_id, EIncorrectDenyListNode);
    let (root, sequence) = (update.deny_list_root(), update.deny_list_sequence_number());
    assert!(cap.deny_list_sequence() < sequence, EIncorrectDenyListSequence);

    cap.set_deny_list(root, sequence, update.deny_list_size());
    let sizes = self.deny_list_sizes.borrow_mut();
    if (sizes.contains(&node_id)) {
        *sizes.get_mut(&node_id) = update.deny_list_size();
    } else {
        sizes.insert(node_id, update.deny_list_size());
    };
    events::emit_deny_list_update(epoch, root, sequence, node_id);
}

/// Tells everybody that a blob on deny lists was deleted, on a certificate of one correct node.
public(package) fun delete_deny_listed_blob(
    self: &SystemStateInnerV1,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certified = self
        .committee
        .verify_one_correct_node_in_epoch(signature, members_bitmap, message);
    assert!(certified.cert_epoch() == self.epoch(), EInvalidIdEpoch);
    let blob_id = certified.deny_list_blob_deleted_message().deleted_blob_id();
    events::emit_deny_list_blob_deleted(self.epoch(), blob_id);
}

/// Counts a node's attestation of an event blob; on a quorum the event blob is registered and
/// certified without payment, for as long as storage is sold.
public(package) fun certify_event_blob(
    self: &mut SystemStateInnerV1,
    cap: &mut StorageNodeCap,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    ending_checkpoint_sequence_num: u64,
    epoch: u32,
    ctx: &mut TxContext,
) {
    assert!(self.committee.contains(&cap.node_id()), ENotCommitteeMember);
    assert!(epoch == self.epoch(), EInvalidIdEpoch);
    let latest = self.event_blob_certification_state.latest_certified_checkpoint();
    assert_may_attest(cap, &latest, ending_checkpoint_sequence_num, epoch);
    cap.set_last_event_blob_attestation(
        event_blob::new_attestation(ending_checkpoint_sequence_num, epoch),
    );
    if (latest.is_some_and!(|checkpoint| *checkpoint >= ending_checkpoint_sequence_num)) return;

    let weight = self
        .event_blob_certification_state
        .add_weight(
            blob_id,
            ending_checkpoint_sequence_num,
            self.committee.member_weight(&cap.node_id()),
        );
    if (!self.committee.is_quorum(weight)) return;

    let storage = self.reserve_free_space(size, encoding_type, ctx);
    let mut blob = blob::new(
        storage,
        blob_id,
        root_hash,
        size,
        encoding_type,
        false,
        epoch,
        self.n_shards(),
        ctx,
    );
    blob.certify(epoch);
    self
        .event_blob_certification_state
        .set_latest_certified(blob_id, ending_checkpoint_sequence_num);
    blob.burn();
}

// === Package functions: for storage pools ===

/// Charges for the epochs by which storage is extended beyond its end, and counts their capacity.
public(package) fun sell_extension(
    self: &mut SystemStateInnerV1,
    storage: &Storage,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    assert!(extended_epochs > 0, EInvalidEpochsAhead);
    self.assert_not_expired(storage);
    let first = storage.end_epoch() - self.epoch();
    // In u64, so that no sum of two epochs overflows.
    let max_epochs_ahead = self.future_accounting.max_epochs_ahead() as u64;
    assert!((first as u64) + (extended_epochs as u64) <= max_epochs_ahead, EInvalidEpochsAhead);
    self.sell(storage.size(), first, first + extended_epochs, payment);
}

/// Charges for capacity that is added to storage, for the current epoch and those that are left to it.
public(package) fun sell_capacity(
    self: &mut SystemStateInnerV1,
    storage: &Storage,
    additional_size: u64,
    payment: &mut Coin<WAL>,
) {
    assert!(additional_size > 0, EInvalidResourceSize);
    self.assert_not_expired(storage);
    let last = storage.end_epoch() - self.epoch();
    self.sell(additional_size, 0, last, payment);
}

/// Moves the price of writing an encoded blob from the payment to the current epoch.
public(package) fun charge_for_writing(
    self: &mut SystemStateInnerV1,
    encoded_size: u64,
    payment: &mut Coin<WAL>,
) {
    let price = self.write_price_per_unit_size * storage_units(encoded_size);
    self.future_accounting.pay_per_epoch(0, 1, price, payment.balance_mut());
}

/// Aborts unless the storage has a size and is valid in the current epoch.
public(package) fun assert_usable(self: &SystemStateInnerV1, storage: &Storage) {
    assert!(storage.size() > 0, EInvalidResourceSize);
    self.assert_current(storage);
}

/// Aborts unless the storage is valid in the current epoch.
public(package) fun assert_current(self: &SystemStateInnerV1, storage: &Storage) {
    assert!(storage.start_epoch() <= self.epoch(), EInvalidEpochsAhead);
    self.assert_not_expired(storage);
}

/// Aborts unless the storage lasts beyond the current epoch.
public(package) fun assert_not_expired(self: &SystemStateInnerV1, storage: &Storage) {
    assert!(storage.end_epoch() > self.epoch(), EInvalidEpochsAhead);
}

/// Aborts unless the storage has expired.
public(package) fun assert_expired(self: &SystemStateInnerV1, storage: &Storage) {
    assert!(storage.end_epoch() <= self.epoch(), EInvalidEpochsAhead);
}

// === Package functions: subsidies ===

/// Adds a coin to the payments of the next epochs, in equal parts; the current one gets the remainder.
public(package) fun add_subsidy(
    self: &mut SystemStateInnerV1,
    subsidy: Coin<WAL>,
    epochs_ahead: u32,
) {
    assert!(epochs_ahead > 0, EInvalidEpochsAhead);
    assert!(epochs_ahead <= self.future_accounting.max_epochs_ahead(), EInvalidEpochsAhead);
    self.future_accounting.spread(subsidy.into_balance(), epochs_ahead);
}

/// Adds the i-th balance to the payments of the i-th epoch from now.
public(package) fun add_per_epoch_subsidies(
    self: &mut SystemStateInnerV1,
    subsidies: vector<Balance<WAL>>,
) {
    let max_epochs_ahead = self.future_accounting.max_epochs_ahead() as u64;
    assert!(subsidies.length() <= max_epochs_ahead, EInvalidEpochsAhead);
    self.future_accounting.add_to_epochs(subsidies);
}

// === Package functions: accessors ===

/// The current committee, to verify its certificates.
public(package) fun committee(self: &SystemStateInnerV1): &BlsCommittee {
    &self.committee
}

/// The current epoch.
public(package) fun epoch(self: &SystemStateInnerV1): u32 {
    self.committee.epoch()
}

public(package) fun n_shards(self: &SystemStateInnerV1): u16 {
    self.committee.n_shards()
}

public(package) fun total_capacity_size(self: &SystemStateInnerV1): u64 {
    self.total_capacity_size
}

public(package) fun used_capacity_size(self: &SystemStateInnerV1): u64 {
    self.used_capacity_size
}

public(package) fun future_accounting(self: &SystemStateInnerV1): &FutureAccountingRingBuffer {
    &self.future_accounting
}

// === Private functions ===

/// Number of storage units that hold so many bytes.
fun storage_units(bytes: u64): u64 {
    bytes.divide_and_round_up(BYTES_PER_UNIT_SIZE)
}

/// Charges for storage in each epoch from `first` to before `last`, counted from now, and counts its
/// capacity, up to the limit.
fun sell(
    self: &mut SystemStateInnerV1,
    storage_size: u64,
    first: u32,
    last: u32,
    payment: &mut Coin<WAL>,
) {
    let price = self.storage_price_per_unit_size * storage_units(storage_size);
    self.future_accounting.pay_per_epoch(first, last, price, payment.balance_mut());
    self.use_capacity(storage_size, first, last);
}

/// Counts sold capacity in each epoch from `first` to before `last`, up to the limit.
fun use_capacity(self: &mut SystemStateInnerV1, storage_size: u64, first: u32, last: u32) {
    self.count_capacity(storage_size, first, last);
    let used = self.future_accounting.max_used_capacity(first, last);
    assert!(used <= self.total_capacity_size, EStorageExceeded);
}

/// Counts capacity without a limit.
fun count_capacity(self: &mut SystemStateInnerV1, storage_size: u64, first: u32, last: u32) {
    self.future_accounting.use_capacity(first, last, storage_size);
    self.used_capacity_size = self.future_accounting.ring_lookup(0).used_capacity();
}

/// Storage for an event blob: free of charge, and even when the capacity is sold out.
fun reserve_free_space(
    self: &mut SystemStateInnerV1,
    size: u64,
    encoding_type: u8,
    ctx: &mut TxContext,
): Storage {
    let storage_size = encoding::encoded_blob_length(size, encoding_type, self.n_shards());
    let epochs = self.future_accounting.max_epochs_ahead();
    self.count_capacity(storage_size, 0, epochs);
    let epoch = self.epoch();
    storage_resource::create_storage(epoch, epoch + epochs, storage_size, ctx)
}

/// A node has at most one outstanding attestation in an epoch, and its attestations go forward.
fun assert_may_attest(cap: &mut StorageNodeCap, latest: &Option<u64>, checkpoint: u64, epoch: u32) {
    cap.last_event_blob_attestation().do!(|attestation| {
        let attested = attestation.last_attested_checkpoint();
        let is_past = attestation.last_attested_epoch() < epoch;
        assert!(is_past || checkpoint > attested, ERepeatedAttestation);
        let is_settled = latest.is_some_and!(|certified| attested <= *certified);
        assert!(is_past || is_settled, EIncorrectAttestation);
    });
}

// === Test functions ===

#[test_only]
/// A system in epoch 0 with the given committee, capacity and prices.
public(package) fun new_for_testing(
    committee: BlsCommittee,
    total_capacity_size: u64,
    storage_price: u64,
    write_price: u64,
    max_epochs_ahead: u32,
    ctx: &mut TxContext,
): SystemStateInnerV1 {
    let mut state = create_empty(max_epochs_ahead, ctx);
    state.committee = committee;
    state.total_capacity_size = total_capacity_size;
    state.storage_price_per_unit_size = storage_price;
    state.write_price_per_unit_size = write_price;
    state
}

#[test_only]
public(package) fun deny_list_sizes_for_testing(
    self: &mut SystemStateInnerV1,
): &mut VecMap<ID, u64> {
    self.deny_list_sizes.borrow_mut()
}

#[test_only]
public(package) fun use_capacity_for_testing(self: &mut SystemStateInnerV1, amount: u64) {
    self.use_capacity(amount, 0, 1);
}

#[test_only]
public(package) fun event_blobs_for_testing(
    self: &SystemStateInnerV1,
): &EventBlobCertificationState {
    &self.event_blob_certification_state
}
