/// A committee of key servers that no account changes alone. The package is published once for each committee.
///
/// Members register, make the key among themselves, and each proposes what came of it. When all have proposed the
/// same, the committee gets its `KeyServer`. A rotation hands that object on to a new committee, which holds new
/// shares of the same key. The right to upgrade the package is handed on with it; a threshold of members uses it.
module seal_committee::seal_committee;

use seal::key_server::{Self, KeyServer};
use std::string::String;
use std::type_name;
use sui::bls12381;
use sui::dynamic_object_field as dof;
use sui::event;
use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};
use sui::vec_map::{Self, VecMap};
use sui::vec_set::{Self, VecSet};

// === Errors ===

/// The sender is not a member.
const ENotMember: u64 = 0;
/// A member is named twice.
const EInvalidMembers: u64 = 1;
/// A threshold is at least 2 and at most the number of members.
const EInvalidThreshold: u64 = 2;
/// Fewer old members continue than the old threshold demands.
const EInsufficientOldMembers: u64 = 3;
/// The member has registered already.
const EAlreadyRegistered: u64 = 4;
/// A member has not registered yet.
const ENotRegistered: u64 = 5;
/// The member has proposed already.
const EAlreadyProposed: u64 = 6;
/// The proposal is not what others have proposed, or has not one key for each member.
const EInvalidProposal: u64 = 7;
/// The committee is not at a point where this is possible.
const EInvalidState: u64 = 8;
/// Another member has this name.
const ENameAlreadyTaken: u64 = 9;
/// Only members decide about upgrades.
const ENotAuthorized: u64 = 10;
/// A package digest is 32 bytes long.
const EInvalidPackageDigest: u64 = 11;
/// The members are not voting about this digest.
const ENoProposalForDigest: u64 = 12;
/// Fewer members have voted for this than the threshold demands.
const ENotEnoughVotes: u64 = 13;
/// The votes are for another version.
const EWrongVersion: u64 = 14;
/// The upgrade capability is of another package.
const EWrongUpgradeCap: u64 = 15;

// === Constants ===

const THRESHOLD_MIN: u16 = 2;
const DIGEST_LEN: u64 = 32;

// === Structs ===

/// A committee; shared. Its `KeyServer` is a dynamic object field under its own ID.
public struct Committee has key {
    id: UID,
    threshold: u16,
    /// The position of a member is its number.
    members: vector<address>,
    state: State,
    /// The committee whose key this one takes over.
    old_committee_id: Option<ID>,
}

/// How far a committee is.
public enum State has drop, store {
    /// Members register.
    Init { members_info: VecMap<address, MemberInfo> },
    /// Members propose.
    PostDKG {
        members_info: VecMap<address, MemberInfo>,
        partial_pks: vector<vector<u8>>,
        pk: vector<u8>,
        /// Commits to the messages of the ceremony.
        messages_hash: vector<u8>,
        approvals: VecSet<address>,
    },
    /// The key server exists.
    Finalized,
}

/// What a member registers with.
public struct MemberInfo has copy, drop, store {
    /// Messages of the ceremony are encrypted for it; compressed point of G1.
    enc_pk: vector<u8>,
    /// Messages of the ceremony are signed under it; compressed point of G2.
    signing_pk: vector<u8>,
    url: String,
    name: String,
}

/// Name of the dynamic object field with the upgrade manager.
public struct UpgradeManagerKey() has copy, drop, store;

/// Holds the right to upgrade this package.
public struct UpgradeManager has key, store {
    id: UID,
    cap: UpgradeCap,
    proposal: Option<UpgradeProposal>,
}

/// The votes about an upgrade. Who votes again changes its vote.
public struct UpgradeProposal has drop, store {
    digest: vector<u8>,
    version: u64,
    approvals: VecSet<address>,
    rejections: VecSet<address>,
}

// === Events ===

/// A committee is there that is to take over the key of an old one.
public struct CommitteeRotationInitiated has copy, drop {
    committee_id: ID,
    old_committee_id: ID,
}

// === Public functions: committees ===

/// Shares the first committee of this publication, which gets the right to upgrade the package.
public fun init_committee(
    cap: UpgradeCap,
    threshold: u16,
    members: vector<address>,
    ctx: &mut TxContext,
) {
    let own = type_name::with_defining_ids<Committee>().address_string();
    assert!(own == cap.package().to_address().to_ascii_string(), EWrongUpgradeCap);
    create(cap, threshold, members, ctx);
}

/// Shares a committee that is to take over the key of an old one, enough of whose members continue.
public fun init_rotation(
    old: &Committee,
    threshold: u16,
    members: vector<address>,
    ctx: &mut TxContext,
) {
    assert!(old.members.contains(&ctx.sender()), ENotMember);
    assert!(old.has_key_server(), EInvalidState);
    let continuing = old.members.count!(|member| members.contains(member));
    assert!(continuing >= old.threshold as u64, EInsufficientOldMembers);
    let old_committee_id = object::id(old);
    let committee = new(threshold, members, option::some(old_committee_id), ctx);
    let committee_id = object::id(&committee);
    event::emit(CommitteeRotationInitiated { committee_id, old_committee_id });
    transfer::share_object(committee);
}

/// Registers the sender, who is named a member.
public fun register(
    self: &mut Committee,
    enc_pk: vector<u8>,
    signing_pk: vector<u8>,
    url: String,
    name: String,
    ctx: &TxContext,
) {
    let sender = ctx.sender();
    assert!(self.members.contains(&sender), ENotMember);
    bls12381::g1_from_bytes(&enc_pk);
    bls12381::g2_from_bytes(&signing_pk);
    match (&mut self.state) {
        State::Init { members_info } => {
            assert!(!members_info.contains(&sender), EAlreadyRegistered);
            members_info.length().do!(|i| {
                let (_, other) = members_info.get_entry_by_idx(i);
                assert!(other.name != name, ENameAlreadyTaken);
            });
            members_info.insert(sender, MemberInfo { enc_pk, signing_pk, url, name });
        },
        _ => abort EInvalidState,
    }
}

/// Proposes the keys of a new committee. The last of all members that agree creates the key server.
public fun propose(
    self: &mut Committee,
    partial_pks: vector<vector<u8>>,
    pk: vector<u8>,
    messages_hash: vector<u8>,
    ctx: &mut TxContext,
) {
    assert!(self.old_committee_id.is_none(), EInvalidState);
    if (!self.approve(partial_pks, pk, messages_hash, ctx)) return;
    let members = self.finalize();
    let committee_id = object::id(self);
    let name = committee_id.to_address().to_string();
    let server = key_server::create_committee_v2(name, self.threshold, pk, members, ctx);
    dof::add(&mut self.id, committee_id, server);
}

/// Proposes the new shares of an old key. The last of all members that agree takes the key server over, and with
/// it the right to upgrade the package; votes about an upgrade begin anew.
public fun propose_for_rotation(
    self: &mut Committee,
    partial_pks: vector<vector<u8>>,
    messages_hash: vector<u8>,
    old: &mut Committee,
    ctx: &TxContext,
) {
    let old_id = object::id(old);
    assert!(self.old_committee_id == option::some(old_id), EInvalidState);
    assert!(old.has_key_server(), EInvalidState);
    let pk = *old.key_server().pk();
    if (!self.approve(partial_pks, pk, messages_hash, ctx)) return;
    let members = self.finalize();
    let mut server: KeyServer = dof::remove(&mut old.id, old_id);
    server.update_partial_key_servers(self.threshold, members);
    let committee_id = object::id(self);
    dof::add(&mut self.id, committee_id, server);
    let mut manager: UpgradeManager = dof::remove(&mut old.id, UpgradeManagerKey());
    manager.proposal = option::none();
    dof::add(&mut self.id, UpgradeManagerKey(), manager);
}

/// Sets the URL of the sender.
public fun update_member_url(self: &mut Committee, url: String, ctx: &TxContext) {
    let sender = ctx.sender();
    let (is_member, party_id) = self.members.index_of(&sender);
    assert!(is_member, ENotMember);
    match (&mut self.state) {
        State::Init { members_info } => {
            assert!(members_info.contains(&sender), ENotRegistered);
            members_info.get_mut(&sender).url = url;
        },
        State::PostDKG { members_info, .. } => members_info.get_mut(&sender).url = url,
        State::Finalized => {
            assert!(self.has_key_server(), EInvalidState);
            let committee_id = object::id(self);
            let server: &mut KeyServer = dof::borrow_mut(&mut self.id, committee_id);
            server.update_member_url(url, party_id as u16);
        },
    }
}

// === Public functions: upgrades ===

/// Votes for the upgrade to the package with a digest; the first such vote opens the proposal.
public fun approve_digest_for_upgrade(self: &mut Committee, digest: vector<u8>, ctx: &TxContext) {
    let manager = self.manager_mut(&digest, ctx);
    if (manager.proposal.is_none()) {
        manager.proposal =
            option::some(UpgradeProposal {
                digest,
                version: manager.cap.version() + 1,
                approvals: vec_set::empty(),
                rejections: vec_set::empty(),
            });
    };
    let proposal = manager.proposal_mut(&digest);
    move_vote(&mut proposal.rejections, &mut proposal.approvals, ctx.sender());
}

/// Votes against the upgrade that is proposed.
public fun reject_digest_for_upgrade(self: &mut Committee, digest: vector<u8>, ctx: &TxContext) {
    let proposal = self.manager_mut(&digest, ctx).proposal_mut(&digest);
    move_vote(&mut proposal.approvals, &mut proposal.rejections, ctx.sender());
}

/// Authorizes the upgrade that enough members have voted for.
public fun authorize_upgrade(
    self: &mut Committee,
    digest: vector<u8>,
    ctx: &TxContext,
): UpgradeTicket {
    let threshold = self.threshold as u64;
    let manager = self.manager_mut(&digest, ctx);
    let version = manager.cap.version() + 1;
    let proposal = manager.proposal_mut(&digest);
    assert!(proposal.approvals.length() >= threshold, ENotEnoughVotes);
    assert!(proposal.version == version, EWrongVersion);
    manager.proposal = option::none();
    let policy = manager.cap.policy();
    manager.cap.authorize(policy, digest)
}

/// Finishes an upgrade.
public fun commit_upgrade(self: &mut Committee, receipt: UpgradeReceipt) {
    assert!(dof::exists_(&self.id, UpgradeManagerKey()), EInvalidState);
    let manager: &mut UpgradeManager = dof::borrow_mut(&mut self.id, UpgradeManagerKey());
    manager.cap.commit(receipt)
}

/// Removes the proposal that enough members have voted against.
public fun reset_proposal(self: &mut Committee, digest: vector<u8>, ctx: &TxContext) {
    let threshold = self.threshold as u64;
    let manager = self.manager_mut(&digest, ctx);
    let proposal = manager.proposal_mut(&digest);
    assert!(proposal.rejections.length() >= threshold, ENotEnoughVotes);
    manager.proposal = option::none();
}

// === Public functions: accessors ===

/// The key server of a committee, until another committee takes it over.
public fun key_server(self: &Committee): &KeyServer {
    assert!(self.has_key_server(), EInvalidState);
    dof::borrow(&self.id, object::id(self))
}

// === Private functions ===

/// Shares a first committee.
fun create(cap: UpgradeCap, threshold: u16, members: vector<address>, ctx: &mut TxContext) {
    let mut committee = new(threshold, members, option::none(), ctx);
    let manager = UpgradeManager { id: object::new(ctx), cap, proposal: option::none() };
    dof::add(&mut committee.id, UpgradeManagerKey(), manager);
    transfer::share_object(committee);
}

fun new(
    threshold: u16,
    members: vector<address>,
    old_committee_id: Option<ID>,
    ctx: &mut TxContext,
): Committee {
    let size = members.length();
    assert!(threshold >= THRESHOLD_MIN && (threshold as u64) <= size, EInvalidThreshold);
    size.do!(|i| {
        let (_, first) = members.index_of(&members[i]);
        assert!(first == i, EInvalidMembers);
    });
    let state = State::Init { members_info: vec_map::empty() };
    Committee { id: object::new(ctx), threshold, members, state, old_committee_id }
}

fun has_key_server(self: &Committee): bool {
    dof::exists_(&self.id, object::id(self))
}

/// Counts the sender's proposal. Returns whether all members have made the same.
fun approve(
    self: &mut Committee,
    partial_pks: vector<vector<u8>>,
    pk: vector<u8>,
    messages_hash: vector<u8>,
    ctx: &TxContext,
): bool {
    let sender = ctx.sender();
    let size = self.members.length();
    assert!(self.members.contains(&sender), ENotMember);
    assert!(partial_pks.length() == size, EInvalidProposal);
    match (&mut self.state) {
        State::Init { members_info } => {
            assert!(members_info.length() == size, ENotRegistered);
            let members_info = *members_info;
            let approvals = vec_set::singleton(sender);
            self.state = State::PostDKG { members_info, partial_pks, pk, messages_hash, approvals };
            false
        },
        State::PostDKG {
            partial_pks: first_partial_pks,
            pk: first_pk,
            messages_hash: first_messages_hash,
            approvals,
            ..,
        } => {
            assert!(!approvals.contains(&sender), EAlreadyProposed);
            let same =
                *first_partial_pks == partial_pks && *first_pk == pk &&
                *first_messages_hash == messages_hash;
            assert!(same, EInvalidProposal);
            approvals.insert(sender);
            approvals.length() == size
        },
        State::Finalized => abort EInvalidState,
    }
}

/// Ends the proposals. Returns the members as the key server lists them.
fun finalize(self: &mut Committee): vector<key_server::PartialKeyServer> {
    let members = match (&self.state) {
        State::PostDKG { members_info, partial_pks, .. } => {
            vector::tabulate!(self.members.length(), |i| {
                let info = members_info.get(&self.members[i]);
                key_server::create_partial_key_server(
                    info.name,
                    info.url,
                    partial_pks[i],
                    i as u16,
                )
            })
        },
        _ => abort EInvalidState,
    };
    self.state = State::Finalized;
    members
}

/// The upgrade manager, for a member and a digest.
fun manager_mut(self: &mut Committee, digest: &vector<u8>, ctx: &TxContext): &mut UpgradeManager {
    assert!(self.members.contains(&ctx.sender()), ENotAuthorized);
    assert!(digest.length() == DIGEST_LEN, EInvalidPackageDigest);
    assert!(dof::exists_(&self.id, UpgradeManagerKey()), EInvalidState);
    dof::borrow_mut(&mut self.id, UpgradeManagerKey())
}

fun proposal_mut(self: &mut UpgradeManager, digest: &vector<u8>): &mut UpgradeProposal {
    let found = self.proposal.is_some_and!(|proposal| &proposal.digest == digest);
    assert!(found, ENoProposalForDigest);
    self.proposal.borrow_mut()
}

fun move_vote(from: &mut VecSet<address>, to: &mut VecSet<address>, voter: address) {
    if (from.contains(&voter)) from.remove(&voter);
    if (!to.contains(&voter)) to.insert(voter);
}

// === Test functions ===

#[test_only]
/// A first committee with the right to upgrade any package: that of a test stands at an address without upgrades.
public(package) fun init_any_for_testing(
    cap: UpgradeCap,
    threshold: u16,
    members: vector<address>,
    ctx: &mut TxContext,
) {
    create(cap, threshold, members, ctx);
}

#[test_only]
public(package) fun rotation_for_testing(event: &CommitteeRotationInitiated): (ID, ID) {
    (event.committee_id, event.old_committee_id)
}
