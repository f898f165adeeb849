/// Entry points for storage: reserving, registering, certifying. The shared object keeps its state
/// in a dynamic field, so that an upgrade can replace the layout.
module walrus::system;

use sui::balance::Balance;
use sui::coin::Coin;
use sui::dynamic_field as df;
use sui::vec_map::VecMap;
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::bls_aggregate::BlsCommittee;
use walrus::epoch_parameters::EpochParams;
use walrus::pooled_storage;
use walrus::release;
use walrus::storage_accounting::FutureAccountingRingBuffer;
use walrus::storage_node::StorageNodeCap;
use walrus::storage_pool::StoragePool;
use walrus::storage_resource::Storage;
use walrus::system_state_inner::{Self, SystemStateInnerV1};

// === Errors ===

/// The object cannot be migrated: it is up to date, or no upgrade was committed.
const EInvalidMigration: u64 = 0;
/// The object works with another version of this package.
const EWrongVersion: u64 = 1;
/// Nothing would be taken out.
const EZeroExtractSize: u64 = 2;

// === Structs ===

/// The shared object of all storage.
public struct System has key {
    id: UID,
    version: u64,
    package_id: ID,
    new_package_id: Option<ID>,
}

// === Public functions: storage ===

/// Buys storage for `epochs_ahead` epochs from the current one on.
public fun reserve_space(
    self: &mut System,
    storage_amount: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    self.inner_mut().reserve_space(storage_amount, epochs_ahead, payment, ctx)
}

/// Buys storage from `start_epoch` until before `end_epoch`.
public fun reserve_space_for_epochs(
    self: &mut System,
    storage_amount: u64,
    start_epoch: u32,
    end_epoch: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    self.inner_mut().reserve_space_for_epochs(storage_amount, start_epoch, end_epoch, payment, ctx)
}

/// Registers a blob in storage, and pays for writing it.
public fun register_blob(
    self: &mut System,
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Blob {
    self
        .inner_mut()
        .register_blob(
            storage,
            blob_id,
            root_hash,
            size,
            encoding_type,
            deletable,
            write_payment,
            ctx,
        )
}

/// Certifies that the nodes store a blob, by a certificate of a quorum of the current committee.
public fun certify_blob(
    self: &System,
    blob: &mut Blob,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner().certify_blob(blob, signature, signers_bitmap, message);
}

/// Deletes a deletable blob and returns its storage.
public fun delete_blob(self: &System, blob: Blob): Storage {
    self.inner().delete_blob(blob)
}

/// Extends a certified blob by storage of the same size that follows its own.
public fun extend_blob_with_resource(self: &System, blob: &mut Blob, extension: Storage) {
    self.inner().extend_blob_with_resource(blob, extension);
}

/// Extends a certified blob by epochs, counted from its present end.
public fun extend_blob(
    self: &mut System,
    blob: &mut Blob,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.inner_mut().extend_blob(blob, extended_epochs, payment);
}

/// Tells everybody that the slivers of a blob disagree, by a certificate of one correct node.
public fun invalidate_blob_id(
    self: &System,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
): u256 {
    self.inner().invalidate_blob_id(signature, members_bitmap, message)
}

/// A node attests an event blob; the attestation of a quorum certifies it.
public fun certify_event_blob(
    self: &mut System,
    cap: &mut StorageNodeCap,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    ending_checkpoint_sequence_num: u64,
    epoch: u32,
    ctx: &mut TxContext,
) {
    self
        .inner_mut()
        .certify_event_blob(
            cap,
            blob_id,
            root_hash,
            size,
            encoding_type,
            ending_checkpoint_sequence_num,
            epoch,
            ctx,
        )
}

// === Public functions: deny lists and protocol version ===

/// Tells everybody the protocol version that a quorum has agreed on, as a member of the committee.
public fun update_protocol_version(
    self: &mut System,
    cap: &StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner_mut().update_protocol_version(cap, signature, members_bitmap, message);
}

/// A node asks for approval of its new deny list. The sequence number must grow.
public fun register_deny_list_update(
    self: &mut System,
    cap: &StorageNodeCap,
    deny_list_root: u256,
    deny_list_sequence: u64,
) {
    self.inner_mut().register_deny_list_update(cap, deny_list_root, deny_list_sequence);
}

/// Installs a node's new deny list, approved by a quorum. Its size lowers the node's rewards.
public fun update_deny_list(
    self: &mut System,
    cap: &mut StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner_mut().update_deny_list(cap, signature, members_bitmap, message);
}

/// Tells everybody that a blob on deny lists was deleted, by a certificate of one correct node.
public fun delete_deny_listed_blob(
    self: &System,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner().delete_deny_listed_blob(signature, members_bitmap, message);
}

// === Public functions: storage pools ===

/// Buys storage for `epochs_ahead` epochs from the current one on, and makes a pool of it.
public fun create_storage_pool(
    self: &mut System,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): StoragePool {
    pooled_storage::create(
        self.inner_mut(),
        reserved_encoded_capacity_bytes,
        epochs_ahead,
        payment,
        ctx,
    )
}

/// Makes a pool of storage that is valid now.
public fun create_storage_pool_with_storage(
    self: &System,
    storage: Storage,
    ctx: &mut TxContext,
): StoragePool {
    pooled_storage::create_with_storage(self.inner(), storage, ctx)
}

/// Registers a blob in a pool, and pays for writing it. A pool holds a blob only once.
public fun register_pooled_blob(
    self: &mut System,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    pooled_storage::register_blob(
        self.inner_mut(),
        storage_pool,
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        write_payment,
        ctx,
    );
}

/// Certifies that the nodes store a blob of a pool, by a certificate of a quorum of the current
/// committee.
public fun certify_pooled_blob(
    self: &System,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    pooled_storage::certify_blob(
        self.inner(),
        storage_pool,
        blob_id,
        signature,
        signers_bitmap,
        message,
    );
}

/// Deletes a deletable blob from a pool, which frees its capacity.
public fun delete_pooled_blob(self: &System, storage_pool: &mut StoragePool, blob_id: u256) {
    pooled_storage::delete_blob(self.inner(), storage_pool, blob_id);
}

/// Removes any blob from a pool that has expired.
public fun burn_expired_pooled_blob(self: &System, storage_pool: &mut StoragePool, blob_id: u256) {
    pooled_storage::burn_expired_blob(self.inner(), storage_pool, blob_id);
}

/// Extends a pool with all its blobs by epochs, counted from its present end.
public fun extend_storage_pool(
    self: &mut System,
    storage_pool: &mut StoragePool,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    pooled_storage::extend(self.inner_mut(), storage_pool, extended_epochs, payment);
}

/// Buys more capacity for a pool, for the current epoch and those that are left to it.
public fun increase_storage_pool_capacity(
    self: &mut System,
    storage_pool: &mut StoragePool,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    pooled_storage::increase_capacity(
        self.inner_mut(),
        storage_pool,
        additional_encoded_capacity_bytes,
        payment,
    );
}

/// Adds storage to a pool: it must be valid now and end together with the pool.
public fun increase_storage_pool_capacity_with_storage(
    self: &System,
    storage_pool: &mut StoragePool,
    storage: Storage,
) {
    pooled_storage::increase_capacity_with_storage(self.inner(), storage_pool, storage);
}

/// Takes unused capacity out of a pool, as storage.
public fun decrease_storage_pool_capacity_by_size(
    self: &System,
    storage_pool: &mut StoragePool,
    size: u64,
    ctx: &mut TxContext,
): Storage {
    let storage = pooled_storage::decrease_capacity_by_size(self.inner(), storage_pool, size, ctx);
    assert!(storage.size() > 0, EZeroExtractSize);
    storage
}

/// Takes a part of the unused capacity out of a pool, as storage, rounded down to bytes.
public fun decrease_storage_pool_unused_capacity_by_percent(
    self: &System,
    storage_pool: &mut StoragePool,
    percent: u8,
    ctx: &mut TxContext,
): Storage {
    let storage = pooled_storage::decrease_unused_capacity_by_percent(
        self.inner(),
        storage_pool,
        percent,
        ctx,
    );
    assert!(storage.size() > 0, EZeroExtractSize);
    storage
}

// === Public functions: subsidies ===

/// Adds to the payments of the next `epochs_ahead` epochs, in equal parts.
public fun add_subsidy(system: &mut System, subsidy: Coin<WAL>, epochs_ahead: u32) {
    system.inner_mut().add_subsidy(subsidy, epochs_ahead);
}

/// Adds the i-th balance to the payments of the i-th epoch from now.
public fun add_per_epoch_subsidies(system: &mut System, subsidies: vector<Balance<WAL>>) {
    system.inner_mut().add_per_epoch_subsidies(subsidies);
}

// === Public functions: accessors ===

/// The current epoch.
public fun epoch(self: &System): u32 {
    self.inner().epoch()
}

/// Bytes of encoded blobs that the system can hold.
public fun total_capacity_size(self: &System): u64 {
    self.inner().total_capacity_size()
}

/// Bytes of encoded blobs that are sold for the current epoch.
public fun used_capacity_size(self: &System): u64 {
    self.inner().used_capacity_size()
}

/// Number of shards.
public fun n_shards(self: &System): u16 {
    self.inner().n_shards()
}

/// Version of this package that the object works with.
public fun version(self: &System): u64 {
    self.version
}

/// What is sold and paid for the current epoch and those after it.
public fun future_accounting(self: &System): &FutureAccountingRingBuffer {
    self.inner().future_accounting()
}

// === Package functions ===

/// Creates and shares the object.
public(package) fun create_empty(max_epochs_ahead: u32, package_id: ID, ctx: &mut TxContext) {
    let mut system = System {
        id: object::new(ctx),
        version: release::version(),
        package_id,
        new_package_id: option::none(),
    };
    df::add(
        &mut system.id,
        release::version(),
        system_state_inner::create_empty(max_epochs_ahead, ctx),
    );
    transfer::share_object(system);
}

/// Moves the state to this version of the package.
public(package) fun migrate(system: &mut System) {
    assert!(system.version < release::version(), EInvalidMigration);
    assert!(system.new_package_id.is_some(), EInvalidMigration);
    let inner: SystemStateInnerV1 = df::remove(&mut system.id, system.version);
    df::add(&mut system.id, release::version(), inner);
    system.version = release::version();
    system.package_id = system.new_package_id.extract();
}

/// Remembers the package of a committed upgrade.
public(package) fun set_new_package_id(system: &mut System, new_package_id: ID) {
    system.new_package_id = option::some(new_package_id);
}

public(package) fun package_id(system: &System): ID {
    system.package_id
}

/// Takes the part of the current epoch's payments that is to be burnt.
public(package) fun take_burn_share(self: &mut System): Balance<WAL> {
    self.inner_mut().take_burn_share()
}

/// Starts the next epoch; returns the rewards of the old committee.
public(package) fun advance_epoch(
    self: &mut System,
    new_committee: BlsCommittee,
    new_epoch_params: &EpochParams,
): VecMap<ID, Balance<WAL>> {
    self.inner_mut().advance_epoch(new_committee, new_epoch_params)
}

/// Sets the prices.
public(package) fun update_prices(self: &mut System, storage_price: u64, write_price: u64) {
    self.inner_mut().update_prices(storage_price, write_price);
}

// === Private functions ===

fun inner(system: &System): &SystemStateInnerV1 {
    assert!(system.version == release::version(), EWrongVersion);
    df::borrow(&system.id, release::version())
}

fun inner_mut(system: &mut System): &mut SystemStateInnerV1 {
    assert!(system.version == release::version(), EWrongVersion);
    df::borrow_mut(&mut system.id, release::version())
}

// === Test functions ===

#[test_only]
public(package) fun inner_mut_for_testing(system: &mut System): &mut SystemStateInnerV1 {
    system.inner_mut()
}

#[test_only]
/// Pretends that the object works with another version of the package.
public fun set_version_for_testing(system: &mut System, version: u64) {
    let inner: SystemStateInnerV1 = df::remove(&mut system.id, system.version);
    df::add(&mut system.id, version, inner);
    system.version = version;
}

#[test_only]
/// Package of a committed upgrade.
public(package) fun new_package_id_for_testing(system: &System): Option<ID> {
    system.new_package_id
}
