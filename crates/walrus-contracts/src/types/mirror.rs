//! The mirror against the Move sources: every type of our packages that is on chain has a Rust type
//! that reads the encodings which follow from its declaration.
//!
//! The encodings are golden data in `tests/vectors/contracts-layouts.json` of the repository, so
//! that a change of a layout, on either side, is a change of that file. `WALRUS_UPDATE_VECTORS=1`
//! writes it anew.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor},
};

use super::*;
use crate::events::*;
use crate::{
    events::governance as proposals,
    move_source::{self, Declaration, Shape, layout::Layouts},
};

/// Reads bytes as a type of the mirror; returns what it writes, and the names of the fields if it
/// has some.
type Read = fn(&[u8]) -> Result<(Vec<u8>, Option<Vec<String>>), String>;

fn read<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
) -> Result<(Vec<u8>, Option<Vec<String>>), String> {
    let value: T = bcs::from_bytes(bytes).map_err(|error| error.to_string())?;
    let json = serde_json::to_string(&value).map_err(|error| error.to_string())?;
    let names = serde_json::from_str::<FieldNames>(&json).ok();
    Ok((bcs::to_bytes(&value).unwrap(), names.map(|names| names.0)))
}

macro_rules! mirror {
    ($($package:ident::$module:ident { $($name:ident => $type:ty),* $(,)? })*) => {
        /// Rust types by the Move types they mirror.
        const MIRROR: &[(&str, Read)] = &[$($((
            concat!(stringify!($package), "::", stringify!($module), "::", stringify!($name)),
            read::<$type> as Read,
        ),)*)*];
    };
}

mirror! {
    wal::wal { ProtectedTreasury => ProtectedTreasury, TreasuryCapKey => EmptyStruct }
    wal_exchange::wal_exchange {
        Exchange => Exchange, ExchangeRate => ExchangeRate, AdminCap => ExchangeAdminCap,
    }
    subsidies::subsidies { Subsidies => Subsidies, AdminCap => SubsidiesAdminCap }
    walrus_subsidies::walrus_subsidies {
        WalrusSubsidies => WalrusSubsidies, SubsidiesInnerKey => EmptyStruct,
        AdminCap => SubsidiesAdminCap,
    }
    walrus_subsidies::walrus_subsidies_inner {
        WalrusSubsidiesInnerV1 => WalrusSubsidiesInnerV1, UsageBudgetKey => EmptyStruct,
        UsageBudget => UsageBudget,
    }
    walrus_subsidies::epoch_balance {
        EpochBalance => EpochBalance, EpochBalanceRingBuffer => EpochBalanceRingBuffer,
    }
    blob_bucket::blob_bucket { BlobBucket => BlobBucket, BlobBucketCap => BlobBucketCap }
    blob_bucket::blob_bucket_inner_v1 { BlobBucketInnerV1 => BlobBucketInnerV1 }
    walrus_governance::governance {
        Governance => voting::Governance, InitCap => voting::InitCap,
        BootstrapUpgradeCap => voting::BootstrapUpgradeCap,
    }
    walrus_governance::parameters { Parameters => voting::Parameters }
    walrus_governance::content { Body => voting::Body, Kind => voting::Kind }
    walrus_governance::choice { Choice => voting::Choice }
    walrus_governance::tally { Tally => voting::Tally }
    walrus_governance::proposal { State => voting::ProposalState, Proposal => voting::Proposal }
    walrus_governance::ballot {
        Ballot => voting::Ballot, NodeBallot => voting::NodeBallot, StakeVote => voting::StakeVote,
    }
    walrus_governance::census { Census => voting::Census }
    walrus_governance::authority {
        Authority => voting::Authority, Delegations => voting::Delegations,
    }
    walrus_governance::own_package {
        OwnPackage => voting::OwnPackage,
        Approval => voting::Approval,
    }
    walrus_governance::voting_stake { VotingStake => voting::VotingStake }
    walrus_governance::events {
        GovernanceCreated => proposals::GovernanceCreated,
        GovernanceMigrated => proposals::GovernanceMigrated,
        AuthorityDelegated => proposals::AuthorityDelegated,
        AuthorityRevoked => proposals::AuthorityRevoked,
        StakesAttested => proposals::StakesAttested, CensusConfirmed => proposals::CensusConfirmed,
        ProposalCreated => proposals::ProposalCreated, VotingOpened => proposals::VotingOpened,
        NodeVoted => proposals::NodeVoted, StakeVoted => proposals::StakeVoted,
        StakeVoteRetracted => proposals::StakeVoteRetracted,
        VotingClosed => proposals::VotingClosed,
        DepositReturned => proposals::DepositReturned,
        DepositForfeited => proposals::DepositForfeited,
        ForfeitedBurnt => proposals::ForfeitedBurnt, ProposalQueued => proposals::ProposalQueued,
        NodeObjected => proposals::NodeObjected, VotesCast => proposals::VotesCast,
        ProposalExecuted => proposals::ProposalExecuted,
        ProposalExpired => proposals::ProposalExpired,
        ProposalCancelled => proposals::ProposalCancelled,
        ParametersChanged => proposals::ParametersChanged,
        SelfUpgradeApproved => proposals::SelfUpgradeApproved,
        SelfUpgradeAuthorized => proposals::SelfUpgradeAuthorized,
        SelfUpgradeCommitted => proposals::SelfUpgradeCommitted,
    }
    walrus::init { InitCap => InitCap }
    walrus::system { System => System }
    walrus::staking { Staking => Staking }
    walrus::display { ObjectDisplay => ObjectDisplay, PublisherKey => EmptyStruct }
    walrus::upgrade {
        PackageDigest => Vec<u8>, UpgradeProposal => UpgradeProposal,
        UpgradeManager => UpgradeManager,
        EmergencyUpgradeCap => EmergencyUpgradeCap,
    }
    walrus::slashing { SlashingManager => SlashingManager, SlashingProposal => SlashingProposal }
    walrus::system_state_inner { SystemStateInnerV1 => SystemStateInnerV1 }
    walrus::bls_aggregate { BlsCommittee => BlsCommittee, BlsCommitteeMember => BlsCommitteeMember }
    walrus::storage_accounting {
        FutureAccounting => FutureAccounting,
        FutureAccountingRingBuffer => FutureAccountingRingBuffer,
    }
    walrus::event_blob {
        EventBlobCertificationState => EventBlobCertificationState, EventBlob => EventBlob,
        EventBlobAttestation => EventBlobAttestation,
    }
    walrus::epoch_parameters { EpochParams => EpochParams }
    walrus::extended_field { ExtendedField => ExtendedField, Key => EmptyStruct }
    walrus::storage_resource { Storage => Storage }
    walrus::blob { Blob => Blob }
    walrus::metadata { Metadata => Metadata }
    walrus::shared_blob { SharedBlob => SharedBlob }
    walrus::storage_pool {
        StoragePool => StoragePool, StoragePoolInnerV1 => StoragePoolInnerV1,
        PooledBlob => PooledBlob,
    }
    walrus::staking_inner { StakingInnerV1 => StakingInnerV1, EpochState => EpochState }
    walrus::committee { Committee => Committee }
    walrus::active_set { ActiveSet => ActiveSet, ActiveSetEntry => ActiveSetEntry }
    walrus::pending_values { PendingValues => PendingValues }
    walrus::pool_exchange_rate { PoolExchangeRate => PoolExchangeRate }
    walrus::auth { Authorized => Authorized }
    walrus::node_metadata { NodeMetadata => NodeMetadata }
    walrus::storage_node { StorageNodeInfo => StorageNodeInfo, StorageNodeCap => StorageNodeCap }
    walrus::staked_wal { StakedWal => StakedWal, StakedWalState => StakedWalState }
    walrus::staking_pool {
        StakingPool => StakingPool, PoolState => PoolState, VotingParams => VotingParams,
        NewEpochCommissionBlockedForCollection => EmptyStruct, RateGapsKey => EmptyStruct,
        RateGap => RateGap,
    }
    walrus::events {
        BlobRegistered => BlobRegistered, BlobCertified => BlobCertified,
        BlobDeleted => BlobDeleted,
        InvalidBlobID => InvalidBlobID, EpochParametersSelected => EpochParametersSelected,
        EpochChangeStart => EpochChangeStart, EpochChangeDone => EpochChangeDone,
        ShardsReceived => ShardsReceived,
        ShardRecoveryStart => ShardRecoveryStart, ContractUpgraded => ContractUpgraded,
        ContractUpgradeProposed => ContractUpgradeProposed,
        ContractUpgradeQuorumReached => ContractUpgradeQuorumReached,
        RegisterDenyListUpdate => RegisterDenyListUpdate, DenyListUpdate => DenyListUpdate,
        DenyListBlobDeleted => DenyListBlobDeleted,
        ProtocolVersionUpdated => ProtocolVersionUpdated,
        PricesUpdated => PricesUpdated, StoragePoolCreated => StoragePoolCreated,
        StoragePoolExtended => StoragePoolExtended, PooledBlobRegistered => PooledBlobRegistered,
        PooledBlobCertified => PooledBlobCertified, PooledBlobDeleted => PooledBlobDeleted,
    }
}

/// Names of the fields of a struct, in order.
struct FieldNames(Vec<String>);

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = FieldNames;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a struct")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldNames, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(FieldNames(names))
            }
        }
        source.deserialize_map(Names)
    }
}

/// Hex encodings of values of each type.
type Vectors = BTreeMap<String, Vec<String>>;

fn vectors_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/contracts-layouts.json")
}

fn committed() -> Vectors {
    serde_json::from_str(&std::fs::read_to_string(vectors_path()).unwrap()).unwrap()
}

fn on_chain() -> Vec<Declaration> {
    let mut declared = move_source::declarations();
    declared.retain(Declaration::is_on_chain);
    declared
}

#[test]
fn golden_encodings_follow_from_the_move_declarations() {
    let layouts = Layouts::new(move_source::declarations());
    let computed: Vectors = on_chain()
        .iter()
        .map(|declaration| {
            let examples = layouts.examples(declaration);
            (
                declaration.path(),
                examples.iter().map(hex::encode).collect(),
            )
        })
        .collect();
    if std::env::var_os("WALRUS_UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&computed).unwrap() + "\n";
        std::fs::write(vectors_path(), text).unwrap();
    }
    let committed = committed();
    for (path, examples) in &computed {
        assert_eq!(
            committed.get(path),
            Some(examples),
            "{path}: the layout changed"
        );
    }
    assert_eq!(committed.len(), computed.len(), "a type is gone");
}

#[test]
fn every_type_on_chain_is_mirrored() {
    let declared: Vec<String> = on_chain().iter().map(Declaration::path).collect();
    for path in &declared {
        assert!(
            MIRROR.iter().any(|(mirrored, _)| mirrored == path),
            "{path} has no mirror"
        );
    }
    for (path, _) in MIRROR {
        assert!(
            declared.iter().any(|name| name == path),
            "{path} is not declared"
        );
    }
}

#[test]
fn the_mirror_reads_and_writes_the_golden_encodings() {
    let vectors = committed();
    for (path, read) in MIRROR {
        for example in &vectors[*path] {
            let bytes = hex::decode(example).unwrap();
            let (written, _) = read(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(hex::encode(written), *example, "{path}");
            let longer = [&bytes[..], &[0]].concat();
            assert!(read(&longer).is_err(), "{path} leaves bytes over");
            assert!(
                read(&bytes[..bytes.len() - 1]).is_err(),
                "{path} misses no byte"
            );
        }
    }
}

#[test]
fn fields_have_the_names_of_the_move_declarations() {
    let vectors = committed();
    for declaration in on_chain() {
        let path = declaration.path();
        let Shape::Struct(fields) = &declaration.shape else {
            continue;
        };
        let (_, read) = MIRROR
            .iter()
            .find(|(mirrored, _)| *mirrored == path)
            .unwrap();
        let bytes = hex::decode(&vectors[&path][0]).unwrap();
        // Positional fields have no names; their mirror is a newtype, or the value itself.
        let positional = !fields.is_empty() && fields.iter().all(|(name, _)| name.is_empty());
        if positional {
            continue;
        }
        let ours = read(&bytes).unwrap().1;
        let ours = ours.unwrap_or_else(|| panic!("{path} has names in Move only"));
        let theirs: Vec<_> = fields.iter().map(|(name, _)| name.clone()).collect();
        let is_empty = theirs.is_empty() && ours == ["dummy_field"];
        assert!(
            is_empty || ours == theirs,
            "{path}: {ours:?} instead of {theirs:?}"
        );
    }
}
