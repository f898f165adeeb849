//! What to do about an abort, for those codes where the sender of the transaction can do something.

/// `package::module::Constant`, and the hint.
const HINTS: &[(&str, &str)] = &[
    // The framework.
    (
        "sui::balance::ENotEnough",
        "Check the WAL of the account and the present price, then try again.",
    ),
    (
        "sui::balance::ENonZero",
        "The price has fallen since it was computed; compute it again and retry.",
    ),
    (
        "sui::coin::ENotEnough",
        "Give the account more of this coin or ask for less.",
    ),
    (
        "sui::dynamic_field::EFieldDoesNotExist",
        "Check the ID of the node, blob or proposal, and the version of the contracts.",
    ),
    (
        "sui::dynamic_field::EFieldAlreadyExists",
        "It is there already: use or remove the existing entry.",
    ),
    (
        "sui::vec_map::EKeyDoesNotExist",
        "List what is there and check the key.",
    ),
    (
        "sui::transfer::EUnableToReceiveObject",
        "Check that the object was sent to the object that receives it.",
    ),
    (
        "std::string::EInvalidUTF8",
        "Give text, not arbitrary bytes.",
    ),
    // Versions.
    (
        "walrus::system::EWrongVersion",
        "Read the package ID from the System object again; after an upgrade that is not migrated yet, call the old \
         package.",
    ),
    (
        "walrus::staking::EWrongVersion",
        "Read the package ID from the Staking object again; after an upgrade that is not migrated yet, call the old \
         package.",
    ),
    ("walrus::storage_pool::EWrongVersion", "Use a newer client."),
    (
        "walrus::system::EInvalidMigration",
        "Upgrade the package first, with a new version; what is migrated already needs nothing.",
    ),
    (
        "walrus::staking::EInvalidMigration",
        "Upgrade the package first, with a new version; what is migrated already needs nothing.",
    ),
    (
        "walrus::init::EDeprecatedFunction",
        "Call init::migrate_v2 instead.",
    ),
    (
        "walrus::init::EInvalidUpgradeCap",
        "Give the upgrade capability that came with this package.",
    ),
    (
        "walrus::staking::EDeprecatedFunction",
        "Call staking::initiate_epoch_change_v2 with the treasury of WAL.",
    ),
    // Storage and blobs.
    (
        "walrus::system_state_inner::EStorageExceeded",
        "Reserve less or for a shorter time, or wait for an epoch with more capacity.",
    ),
    (
        "walrus::system_state_inner::EInvalidEpochsAhead",
        "Choose at least 1 epoch and at most as many as the system sells ahead; expired storage cannot be extended.",
    ),
    (
        "walrus::system_state_inner::EInvalidResourceSize",
        "Ask for at least 1 byte.",
    ),
    (
        "walrus::system_state_inner::EInvalidIdEpoch",
        "Sign and send again in the current epoch.",
    ),
    (
        "walrus::system_state_inner::ENotCommitteeMember",
        "Wait until the node is in the committee: it needs enough stake when the next one is chosen.",
    ),
    (
        "walrus::system_state_inner::EIncorrectDenyListSequence",
        "Use a sequence number above the one in the node's capability.",
    ),
    (
        "walrus::system_state_inner::EIncorrectDenyListNode",
        "Use the capability of the node that the certificate names.",
    ),
    (
        "walrus::storage_resource::EInvalidEpoch",
        "Split between the first and the last epoch of the storage.",
    ),
    (
        "walrus::storage_resource::EIncompatibleEpochs",
        "Fuse storage of the same period, or of periods that follow one another.",
    ),
    (
        "walrus::storage_resource::EIncompatibleAmount",
        "Fuse storage of the same size; split off less than there is.",
    ),
    (
        "walrus::blob::ENotCertified",
        "Store and certify the blob first.",
    ),
    (
        "walrus::blob::EBlobNotDeletable",
        "A permanent blob stays until it expires; register blobs that may go as deletable.",
    ),
    (
        "walrus::blob::EResourceBounds",
        "Use storage that covers the current epoch; an expired blob has to be stored again.",
    ),
    (
        "walrus::blob::EResourceSize",
        "Reserve storage for the encoded size of the blob.",
    ),
    (
        "walrus::blob::EAlreadyCertified",
        "Nothing is left to do for this blob.",
    ),
    (
        "walrus::blob::EInvalidBlobId",
        "Compute the blob ID from the root hash, size and encoding that are registered.",
    ),
    (
        "walrus::blob::EDuplicateMetadata",
        "Update the existing attributes instead.",
    ),
    ("walrus::blob::EMissingMetadata", "Set an attribute first."),
    (
        "walrus::blob::EInvalidBlobPersistenceType",
        "Collect confirmations for the kind of blob that is registered.",
    ),
    (
        "walrus::blob::EInvalidBlobObject",
        "Collect confirmations for this blob object: those of deletable blobs name it.",
    ),
    (
        "walrus::storage_pool::EBlobNotDeletable",
        "A permanent blob stays until the pool expires.",
    ),
    (
        "walrus::storage_pool::EResourceBounds",
        "Extend the pool before it expires, or use storage that has begun.",
    ),
    (
        "walrus::storage_pool::EAlreadyCertified",
        "Nothing is left to do for this blob.",
    ),
    (
        "walrus::storage_pool::EInvalidBlobId",
        "Compute the blob ID from the root hash, size and encoding that are registered.",
    ),
    (
        "walrus::storage_pool::EInsufficientCapacity",
        "Increase the capacity of the pool or delete blobs.",
    ),
    (
        "walrus::storage_pool::EPoolNotEmpty",
        "Delete all blobs of the pool first; burn those that have expired.",
    ),
    (
        "walrus::storage_pool::EIncompatibleEndEpoch",
        "Use storage that ends in the same epoch as the pool.",
    ),
    (
        "walrus::storage_pool::EDuplicateMetadata",
        "Update the existing attributes instead.",
    ),
    (
        "walrus::storage_pool::EMissingMetadata",
        "Set an attribute first.",
    ),
    (
        "walrus::encoding::EInvalidEncodingType",
        "Use encoding type RS2.",
    ),
    // Certificates.
    (
        "walrus::messages::EIncorrectEpoch",
        "The epoch has changed: collect new signatures from the present committee.",
    ),
    (
        "walrus::messages::EInvalidMsgType",
        "Send the certificate to the call that it is for.",
    ),
    (
        "walrus::messages::EInvalidKeyLength",
        "Give the public key in its compressed form of 48 bytes.",
    ),
    (
        "walrus::bls_aggregate::EInvalidBitmap",
        "Read the committee again: positions are those of the current one.",
    ),
    (
        "walrus::bls_aggregate::ESigVerification",
        "Read the committee again and check each node's signature with its registered key.",
    ),
    (
        "walrus::bls_aggregate::ENotEnoughStake",
        "Collect signatures from more nodes: their shards count, not their number.",
    ),
    // Epochs.
    (
        "walrus::staking_inner::EWrongEpochState",
        "Look at the state of the epoch and wait for the time of this step.",
    ),
    (
        "walrus::staking_inner::EInvalidSyncEpoch",
        "Attest the current epoch.",
    ),
    (
        "walrus::staking_inner::EDuplicateSyncDone",
        "Nothing is left to do for this node in this epoch.",
    ),
    (
        "walrus::staking_inner::ENoStake",
        "Stake with at least one node, then end the voting again.",
    ),
    (
        "walrus::staking_inner::ENotInCommittee",
        "Only nodes of the current committee can do this.",
    ),
    (
        "walrus::staking_inner::ENextCommitteeIsEmpty",
        "End the voting first, in the second half of the epoch.",
    ),
    (
        "walrus::staking_inner::EPoolNotFound",
        "Check the ID of the node.",
    ),
    // Stake and nodes.
    (
        "walrus::staking_pool::EInvalidProofOfPossession",
        "Make the proof again, with the current epoch and the address that sends the transaction.",
    ),
    ("walrus::staking_pool::EZeroStake", "Stake at least 1 WAL."),
    (
        "walrus::staking_pool::ENotStaked",
        "Wait for the epoch of the withdrawal that was requested, then withdraw.",
    ),
    (
        "walrus::staking_pool::EIncorrectPoolId",
        "Use the node that the stake is with.",
    ),
    (
        "walrus::staking_pool::ENotWithdrawing",
        "Request the withdrawal, and withdraw in the epoch that the stake then shows.",
    ),
    (
        "walrus::staking_pool::EWithdrawEpochNotReached",
        "Wait for the withdrawal epoch that the stake shows.",
    ),
    (
        "walrus::staking_pool::EActivationEpochNotReached",
        "Wait for the activation epoch that the stake shows.",
    ),
    (
        "walrus::staking_pool::EWithdrawDirectly",
        "Withdraw without a request.",
    ),
    (
        "walrus::staking_pool::EIncorrectCommissionRate",
        "Give a rate of at most 10000 hundredths of a percent.",
    ),
    (
        "walrus::staking_pool::EAuthorizationFailure",
        "Send it from the account, or with the object, that the node names for this.",
    ),
    (
        "walrus::staking_pool::EInvalidNetworkAddressLength",
        "Give an address of at most 259 bytes.",
    ),
    (
        "walrus::staking_pool::EInvalidNameLength",
        "Give a name of at most 100 bytes.",
    ),
    (
        "walrus::staking_pool::EZeroShares",
        "Join the stake with another one of the same node and epoch, then try again.",
    ),
    (
        "walrus::staked_wal::ENotWithdrawing",
        "Request the withdrawal first.",
    ),
    (
        "walrus::staked_wal::EMetadataMismatch",
        "Join stakes of the same node, activation epoch and state.",
    ),
    (
        "walrus::staked_wal::EInvalidAmount",
        "Split off less than the whole stake.",
    ),
    (
        "walrus::staked_wal::EStakeBelowThreshold",
        "Stake at least 1 WAL, and leave at least 1 WAL when splitting.",
    ),
    (
        "walrus::storage_node::EInvalidNetworkPublicKey",
        "Give the network key as a compressed point of 33 bytes.",
    ),
    // Votes.
    (
        "walrus::upgrade::EInvalidUpgradeManager",
        "Use the emergency capability of this deployment.",
    ),
    (
        "walrus::upgrade::ENotAuthorized",
        "Vote as the node's governance account, or with its governance object.",
    ),
    (
        "walrus::upgrade::EDuplicateVote",
        "Nothing is left to do for this node: its vote counts until the epoch ends.",
    ),
    (
        "walrus::upgrade::EInvalidPackageDigest",
        "Give the whole digest of 32 bytes.",
    ),
    (
        "walrus::upgrade::ENoProposalForDigest",
        "Check the digest; if it is right, nodes have to vote for it first.",
    ),
    (
        "walrus::upgrade::EWrongEpoch",
        "Votes hold for one epoch: the nodes have to vote again.",
    ),
    (
        "walrus::upgrade::ENotEnoughVotes",
        "Ask more nodes to vote in this epoch.",
    ),
    (
        "walrus::upgrade::EWrongVersion",
        "Another upgrade came first: rebuild on top of it and vote again.",
    ),
    (
        "walrus::slashing::ENotAuthorized",
        "Vote as the node's governance account, or with its governance object.",
    ),
    (
        "walrus::slashing::EDuplicateVote",
        "Nothing is left to do for this node: its vote counts until the epoch ends.",
    ),
    (
        "walrus::slashing::ENoProposalForNode",
        "Check the ID of the node; if it is right, nodes have to vote first.",
    ),
    (
        "walrus::slashing::EWrongEpoch",
        "Votes hold for one epoch: the nodes have to vote again.",
    ),
    (
        "walrus::slashing::ENotEnoughVotes",
        "Ask more nodes to vote in this epoch.",
    ),
    // Proposals.
    (
        "walrus_governance::governance::EWrongVersion",
        "Use a client of the version that the Governance object has, or migrate it.",
    ),
    (
        "walrus_governance::governance::EInvalidMigration",
        "Upgrade the package first, with a new version; what is migrated already needs nothing.",
    ),
    (
        "walrus_governance::governance::EInvalidUpgradeCap",
        "Give the upgrade capability that came with this package.",
    ),
    (
        "walrus_governance::governance::ENoProposal",
        "List the proposals and check the number.",
    ),
    (
        "walrus_governance::governance::EWrongDeposit",
        "Deposit exactly what the parameters of the Governance object say.",
    ),
    (
        "walrus_governance::governance::ENoCommittee",
        "Wait for epoch 1.",
    ),
    (
        "walrus_governance::governance::EWrongEpoch",
        "The epoch has changed since: read the stakes again and attest those of the current epoch.",
    ),
    (
        "walrus_governance::governance::ENoCensus",
        "Let nodes attest them (`walrus-admin proposals open`), then open the vote in the same epoch.",
    ),
    (
        "walrus_governance::parameters::EDepositOutOfBounds",
        "Propose a deposit within these bounds.",
    ),
    (
        "walrus_governance::parameters::EEpochsOutOfBounds",
        "Propose numbers of epochs within these bounds.",
    ),
    (
        "walrus_governance::parameters::EShareOutOfBounds",
        "Propose shares within these bounds.",
    ),
    (
        "walrus_governance::content::EInvalidTextLength",
        "Shorten the text, or store it as a blob and name the blob ID.",
    ),
    (
        "walrus_governance::content::EInvalidDigestLength",
        "Give the whole digest of 32 bytes.",
    ),
    (
        "walrus_governance::content::EEmptyAdvice",
        "Name at least one price, or the capacity.",
    ),
    (
        "walrus_governance::content::EWrongKind",
        "Execute the proposal with the call for its kind: upgrade, slashing, or all others.",
    ),
    (
        "walrus_governance::choice::EInvalidChoice",
        "Vote 0, 1 or 2.",
    ),
    (
        "walrus_governance::proposal::EInvalidTitleLength",
        "Shorten the title and say the rest in the text.",
    ),
    (
        "walrus_governance::proposal::EWrongState",
        "Look at the state of the proposal (`walrus-admin proposals show`) and do the step that comes next.",
    ),
    (
        "walrus_governance::proposal::ENotProposer",
        "Send it from the account that made the proposal; a node objects to what passed instead.",
    ),
    (
        "walrus_governance::proposal::ETooEarly",
        "Wait for the epoch that `walrus-admin proposals show` names.",
    ),
    (
        "walrus_governance::proposal::EAlreadyObjected",
        "Nothing is left to do for this node: its objection stands.",
    ),
    (
        "walrus_governance::ballot::EReasonTooLong",
        "Shorten the reason.",
    ),
    (
        "walrus_governance::ballot::ENotInSnapshot",
        "Only the nodes that `walrus-admin proposals show` lists take part; the next proposal asks the present \
         committee.",
    ),
    (
        "walrus_governance::census::EWrongLength",
        "Read the committee again and attest the stake of every member.",
    ),
    (
        "walrus_governance::census::ENotInCommittee",
        "Leave the attestation to members of the committee.",
    ),
    (
        "walrus_governance::voting_stake::EStillVoting",
        "Take the votes back (`walrus-admin proposals unlock --retract`), or wait until they have ended.",
    ),
    (
        "walrus_governance::voting_stake::ETooManyVotes",
        "Unlock the stake from votes that are over, or retract one, then vote again.",
    ),
    (
        "walrus_governance::voting_stake::ENotActiveAtSnapshot",
        "Vote with stake that was active when voting opened; this stake can vote on later proposals.",
    ),
    (
        "walrus_governance::voting_stake::ENoVote",
        "Nothing is left to do: there is no vote to take back.",
    ),
    (
        "walrus_governance::authority::ENotDelegated",
        "Leave the node out, or let it hand its authority over first (`walrus-admin delegate`).",
    ),
    (
        "walrus_governance::authority::ENotVotingKey",
        "Send it from the account, or with the object, that handed the authority of the node over.",
    ),
    (
        "walrus_governance::authority::ENotInCommittee",
        "Wait until the node is in the committee, then hand its authority over.",
    ),
    (
        "walrus_governance::own_package::EInvalidDigestLength",
        "Give the whole digest of 32 bytes.",
    ),
    (
        "walrus_governance::own_package::ENotEnoughApprovals",
        "Look at `walrus-admin proposals approvals`, and let more nodes approve this digest or wait for the day to pass.",
    ),
    // Packages around the contracts.
    (
        "wal_exchange::wal_exchange::EInsufficientFundsInExchange",
        "Exchange less, or use another exchange.",
    ),
    (
        "wal_exchange::wal_exchange::EInsufficientInputBalance",
        "Exchange at most what the coin holds.",
    ),
    (
        "subsidies::subsidies::EWrongVersion",
        "Read the package ID from the object again.",
    ),
    (
        "walrus_subsidies::walrus_subsidies::EWrongVersion",
        "Read the package ID from the object again.",
    ),
    (
        "walrus_subsidies::walrus_subsidies_inner::EInsufficientFundsInPool",
        "Add WAL to the subsidies.",
    ),
    (
        "blob_bucket::blob_bucket::EInvalidBlobBucketCap",
        "Use the capability of this bucket.",
    ),
    (
        "blob_bucket::blob_bucket_inner_v1::EBlobBucketStorageExpired",
        "Make a new bucket: an expired one cannot be extended.",
    ),
];

/// The hint for one constant.
pub(super) fn hint(package: &str, module: &str, name: &str) -> Option<&'static str> {
    let subject = format!("{package}::{module}::{name}");
    HINTS
        .iter()
        .find(|(of, _)| *of == subject)
        .map(|(_, hint)| *hint)
}

/// What the hints are about.
#[cfg(test)]
pub(super) fn subjects() -> impl Iterator<Item = &'static str> {
    HINTS.iter().map(|(subject, _)| *subject)
}
