/// The shared object: its setup, the nodes that hand it their authority, and the life of proposals.
/// Votes are taken by `voting`, decisions carried out by `execution`; `self_upgrade` upgrades this
/// package.
module walrus_governance::governance;

use std::string::String;
use std::type_name;
use sui::bag::{Self, Bag};
use sui::balance::{Self, Balance};
use sui::coin::{Self, Coin};
use sui::package::UpgradeCap;
use sui::table::{Self, Table};
use wal::wal::{ProtectedTreasury, WAL};
use walrus::auth::Authorized;
use walrus::staking::Staking;
use walrus_governance::authority::{Self, Delegations};
use walrus_governance::census::{Self, Census};
use walrus_governance::content::{Body, Kind};
use walrus_governance::events;
use walrus_governance::identity::Identity;
use walrus_governance::own_package::{Self, OwnPackage};
use walrus_governance::parameters::Parameters;
use walrus_governance::proposal::{Self, Proposal, State};
use walrus_governance::tally::Tally;

// === Errors ===

/// The object works with another version of this package.
const EWrongVersion: u64 = 0;
/// The object is up to date.
const EInvalidMigration: u64 = 1;
/// The upgrade capability is of another package.
const EInvalidUpgradeCap: u64 = 2;
/// There is no proposal with this number.
const ENoProposal: u64 = 3;
/// The deposit is not exactly what the parameters ask for.
const EWrongDeposit: u64 = 4;
/// There is no committee yet that could vote.
const ENoCommittee: u64 = 5;
/// The list of stakes is of another epoch than the current one.
const EWrongEpoch: u64 = 6;
/// Nodes with more than a third of the shards have to attest the stakes of the current epoch before a vote
/// opens in it.
const ENoCensus: u64 = 7;

// === Constants ===

/// Version of the shared object that this package works with.
const VERSION: u64 = 1;

// === Structs ===

/// Allows to set the governance up, once.
public struct InitCap has key, store {
    id: UID,
}

/// Allows to upgrade this package until nodes with more than two thirds of all shards can: with the approval of
/// those that have handed their authority over, or alone if none has.
public struct BootstrapUpgradeCap has key, store {
    id: UID,
}

/// The shared object.
public struct Governance has key {
    id: UID,
    version: u64,
    parameters: Parameters,
    /// Number of the next proposal; they are counted from 0.
    next_number: u64,
    proposals: Table<u64, Proposal>,
    delegations: Delegations,
    /// Epoch → what is staked with each node.
    censuses: Table<u32, Census>,
    /// Deposits that are lost and not burnt yet.
    forfeited: Balance<WAL>,
    own_package: OwnPackage,
    /// For later versions.
    extra_fields: Bag,
}

// === Init ===

/// Gives the publisher of the package the right to set the governance up.
fun init(ctx: &mut TxContext) {
    transfer::transfer(InitCap { id: object::new(ctx) }, ctx.sender());
}

// === Public functions: setup ===

/// Creates and shares the governance, which keeps the right to upgrade this package.
public fun initialize(
    init_cap: InitCap,
    upgrade_cap: UpgradeCap,
    parameters: Parameters,
    ctx: &mut TxContext,
): BootstrapUpgradeCap {
    assert!(
        type_name::with_defining_ids<InitCap>().address_string() ==
        upgrade_cap.package().to_address().to_ascii_string(),
        EInvalidUpgradeCap,
    );
    create(init_cap, upgrade_cap, parameters, ctx)
}

/// Moves the object to this version of the package.
public fun migrate(self: &mut Governance) {
    assert!(self.version < VERSION, EInvalidMigration);
    self.version = VERSION;
    events::emit_governance_migrated(VERSION);
}

// === Public functions: nodes ===

/// A node of the committee lets decisions bind its vote in `walrus`. The identity, its governance
/// entity so far, becomes its voting key here.
public fun delegate_authority(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
) {
    self.assert_version();
    self.delegations.delegate(staking, identity, node_id);
    self.own_package.forget_approval(node_id);
    self.own_package.see_committee(staking.committee());
}

/// The voting key takes the authority of its node back, for `to`.
public fun revoke_authority(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
    to: Authorized,
) {
    self.assert_version();
    self.delegations.revoke(staking, &identity, node_id, to);
    self.own_package.forget_approval(node_id);
    self.own_package.see_committee(staking.committee());
}

/// A node of the committee attests what is staked with every member in `epoch`, in FROST and in the
/// order of the committee: the `wal_balance` of the pools, which changes at the epoch change only.
/// `epoch` is the current one; it is named so that a list does not become one of the next epoch on its way.
public fun attest_stakes(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
    epoch: u32,
    totals: vector<u64>,
) {
    assert!(epoch == staking.epoch(), EWrongEpoch);
    self.assert_speaks_for(staking, identity, node_id);
    if (!self.censuses.contains(epoch)) self.censuses.add(epoch, census::new());
    self.censuses[epoch].attest(staking.committee(), epoch, node_id, totals);
}

// === Public functions: proposals ===

/// Proposes something; returns the number of the proposal.
public fun propose(
    self: &mut Governance,
    staking: &Staking,
    title: String,
    body: Body,
    kind: Kind,
    deposit: Coin<WAL>,
    ctx: &mut TxContext,
): u64 {
    self.assert_version();
    assert!(deposit.value() == self.parameters.deposit(), EWrongDeposit);
    // The only call to `walrus` that tells, with an error of its own, that a node exists.
    kind.try_slashed_node().do!(|node_id| {
        staking.calculate_rewards(node_id, 0, 0, 0);
    });
    let number = self.next_number;
    self.next_number = number + 1;
    let deposit = deposit.into_balance();
    let epoch = staking.epoch();
    let parameters = self.parameters;
    let proposal = proposal::new(number, title, body, kind, parameters, deposit, epoch, ctx);
    self.proposals.add(number, proposal);
    number
}

/// Opens the vote with a snapshot of the present committee and of what is staked with it, when the
/// discussion is over. Without a census of this very epoch no vote opens: whoever opens it could choose a
/// moment after which none comes, and with it what delegators weigh.
public fun open(self: &mut Governance, staking: &Staking, number: u64, ctx: &mut TxContext) {
    let committee = staking.committee();
    let epoch = staking.epoch();
    assert!(committee.size() > 0, ENoCommittee);
    assert!(self.census_confirmed(epoch), ENoCensus);
    let stakes = self.censuses[epoch].totals().destroy_some();
    self.proposal_mut(number).open(committee, stakes, epoch, ctx);
    self.own_package.see_committee(committee);
}

/// Counts the votes when voting is over, and decides on the deposit.
public fun close(self: &mut Governance, staking: &Staking, number: u64, ctx: &mut TxContext) {
    let (deposit, is_forfeited) = self.proposal_mut(number).close(staking.epoch());
    self.settle(number, deposit, is_forfeited, ctx);
}

/// Queues what passed; the delay begins.
public fun queue(self: &mut Governance, staking: &Staking, number: u64) {
    self.proposal_mut(number).queue(staking.epoch());
}

/// The proposer gives up: at no cost before voting opens, for the deposit while votes are taken.
public fun cancel(self: &mut Governance, staking: &Staking, number: u64, ctx: &mut TxContext) {
    let (deposit, is_forfeited) = self.proposal_mut(number).cancel(staking.epoch(), ctx);
    self.settle(number, deposit, is_forfeited, ctx);
}

/// Records that nobody took the next step in time.
public fun expire(self: &mut Governance, staking: &Staking, number: u64, ctx: &mut TxContext) {
    let deposit = self.proposal_mut(number).expire(staking.epoch());
    self.settle(number, deposit, false, ctx);
}

/// Burns the deposits that are lost.
public fun burn_forfeited(
    self: &mut Governance,
    treasury: &mut ProtectedTreasury,
    ctx: &mut TxContext,
) {
    self.assert_version();
    let amount = self.forfeited.value();
    treasury.burn(coin::from_balance(self.forfeited.withdraw_all(), ctx));
    events::emit_forfeited_burnt(amount);
}

// === Public functions: accessors ===

/// Version of the package that the object works with.
public fun version(self: &Governance): u64 {
    self.version
}

/// The rules for new proposals.
public fun parameters(self: &Governance): Parameters {
    self.parameters
}

/// Number of the next proposal.
public fun next_number(self: &Governance): u64 {
    self.next_number
}

/// Deposits that are lost and not burnt yet, in FROST.
public fun forfeited(self: &Governance): u64 {
    self.forfeited.value()
}

/// A proposal.
public fun proposal(self: &Governance, number: u64): &Proposal {
    assert!(self.proposals.contains(number), ENoProposal);
    &self.proposals[number]
}

/// State of a proposal in an epoch, even if nobody has recorded it yet.
public fun state_at(self: &Governance, number: u64, epoch: u32): State {
    self.proposal(number).state_at(epoch)
}

/// The votes on a proposal so far, or its result.
public fun tally(self: &Governance, number: u64): Tally {
    self.proposal(number).count()
}

/// What a proposal misses, in micro-shards: weight to the quorum, yes to the threshold.
public fun missing(self: &Governance, number: u64): (u64, u64) {
    self.proposal(number).missing()
}

/// Whether the stakes of an epoch are attested.
public fun census_confirmed(self: &Governance, epoch: u32): bool {
    self.censuses.contains(epoch) && self.censuses[epoch].totals().is_some()
}

/// Id of the object that nodes authorize.
public fun authority_id(self: &Governance): ID {
    self.delegations.id()
}

/// Whether a node has handed its authority over.
public fun is_delegated(self: &Governance, node_id: ID): bool {
    self.delegations.contains(node_id)
}

/// Who speaks for a node that has handed its authority over.
public fun voting_key(self: &Governance, node_id: ID): Option<Authorized> {
    self.delegations.voting_key(node_id)
}

// === Package functions ===

/// A proposal, for its next step.
public(package) fun proposal_mut(self: &mut Governance, number: u64): &mut Proposal {
    self.assert_version();
    assert!(self.proposals.contains(number), ENoProposal);
    &mut self.proposals[number]
}

/// The nodes that have handed their authority over.
public(package) fun delegations(self: &Governance): &Delegations {
    &self.delegations
}

/// Aborts unless the identity speaks for the node.
public(package) fun assert_speaks_for(
    self: &mut Governance,
    staking: &mut Staking,
    identity: Identity,
    node_id: ID,
) {
    self.assert_version();
    self.delegations.assert_speaks_for(staking, identity, node_id);
}

/// The right to upgrade this package, and the nodes that decide about it.
public(package) fun own_package_mut(self: &mut Governance): (&mut OwnPackage, &Delegations) {
    self.assert_version();
    (&mut self.own_package, &self.delegations)
}

/// Sets the rules for new proposals.
public(package) fun set_parameters(self: &mut Governance, number: u64, parameters: Parameters) {
    self.parameters = parameters;
    events::emit_parameters_changed(number, parameters);
}

// === Private functions ===

fun create(
    init_cap: InitCap,
    upgrade_cap: UpgradeCap,
    parameters: Parameters,
    ctx: &mut TxContext,
): BootstrapUpgradeCap {
    let InitCap { id } = init_cap;
    id.delete();
    let governance = Governance {
        id: object::new(ctx),
        version: VERSION,
        parameters,
        next_number: 0,
        proposals: table::new(ctx),
        delegations: authority::new(ctx),
        censuses: table::new(ctx),
        forfeited: balance::zero(),
        own_package: own_package::new(upgrade_cap, ctx),
        extra_fields: bag::new(ctx),
    };
    events::emit_governance_created(object::id(&governance), governance.delegations.id());
    transfer::share_object(governance);
    BootstrapUpgradeCap { id: object::new(ctx) }
}

fun assert_version(self: &Governance) {
    assert!(self.version == VERSION, EWrongVersion);
}

/// Gives a deposit back, or keeps it to be burnt.
fun settle(
    self: &mut Governance,
    number: u64,
    deposit: Balance<WAL>,
    is_forfeited: bool,
    ctx: &mut TxContext,
) {
    let amount = deposit.value();
    if (amount == 0) {
        deposit.destroy_zero();
    } else if (is_forfeited) {
        self.forfeited.join(deposit);
        events::emit_deposit_forfeited(number, amount);
    } else {
        let proposer = self.proposal(number).proposer();
        transfer::public_transfer(coin::from_balance(deposit, ctx), proposer);
        events::emit_deposit_returned(number, proposer, amount);
    }
}

// === Test functions ===

#[test_only]
/// Shares a governance with any upgrade capability.
public(package) fun create_for_testing(
    upgrade_cap: UpgradeCap,
    parameters: Parameters,
    ctx: &mut TxContext,
): BootstrapUpgradeCap {
    create(InitCap { id: object::new(ctx) }, upgrade_cap, parameters, ctx)
}

#[test_only]
/// Records what is staked with each node of the current epoch, as if the committee had attested it.
public(package) fun confirm_census_for_testing(
    self: &mut Governance,
    staking: &Staking,
    totals: vector<u64>,
) {
    self.censuses.add(staking.epoch(), census::confirmed_for_testing(totals));
}

#[test_only]
/// Runs `init` as at publication.
public(package) fun init_for_testing(ctx: &mut TxContext) {
    init(ctx);
}

#[test_only]
/// Pretends that the object works with another version of the package.
public(package) fun set_version_for_testing(self: &mut Governance, version: u64) {
    self.version = version;
}
