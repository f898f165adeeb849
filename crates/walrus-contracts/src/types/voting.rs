//! Objects of the package `walrus_governance`: proposals to the committee, and votes about them.
//!
//! As in the rest of [`types`](super), names and order of the fields are those of the Move sources,
//! and fields without a comment mean what their name says. The events are in
//! [`events::governance`](crate::events::governance).

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, ObjectId, SuiAddress};

use super::{Balance, Collection, ExtendedField, StakedWal, UpgradeCap, VecMap, VecSet};

/// `governance::Governance`: the shared object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Governance {
    pub id: ObjectId,
    pub version: u64,
    pub parameters: Parameters,
    /// Number of the next proposal; they are counted from 0.
    pub next_number: u64,
    /// Number → [`Proposal`].
    pub proposals: Collection,
    pub delegations: Delegations,
    /// Epoch → [`Census`].
    pub censuses: Collection,
    /// Deposits that are lost and not burnt yet.
    pub forfeited: Balance,
    pub own_package: OwnPackage,
    pub extra_fields: Collection,
}

/// `governance::InitCap`: allows to set the governance up, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitCap {
    /// The capability.
    pub id: ObjectId,
}

/// `governance::BootstrapUpgradeCap`: allows to upgrade the package together with the nodes that
/// have handed their authority over, or alone if none has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapUpgradeCap {
    /// The capability.
    pub id: ObjectId,
}

/// `parameters::Parameters`: the rules. A proposal keeps those of its creation to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// What a proposer deposits, in FROST.
    pub deposit: u64,
    /// Epochs from creation until voting can open.
    pub discussion_epochs: u32,
    /// Whole epochs of voting.
    pub voting_epochs: u32,
    /// Epochs from queueing until execution.
    pub delay_epochs: u32,
    /// Epochs in which a decision can be queued, and later executed.
    pub execution_epochs: u32,
    /// Part of all shards that has to take part, in hundredths of a percent.
    pub quorum_bps: u16,
    /// Part of yes and no that has to be exceeded by yes, in hundredths of a percent.
    pub threshold_bps: u16,
    /// Part of yes and no above which no costs the deposit, in hundredths of a percent.
    pub forfeit_bps: u16,
}

/// `content::Body`: what a proposal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// The text itself.
    Text(String),
    /// The blob that holds the text.
    Blob(BlobId),
}

/// `content::Kind`: what happens when a proposal is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The nodes vote for the upgrade of `walrus` to the package with this digest.
    Upgrade {
        /// 32 bytes.
        digest: Vec<u8>,
    },
    /// The nodes vote for burning the commission of a node.
    Slash {
        /// The node.
        node_id: ObjectId,
    },
    /// Nothing by itself: operators are asked to vote for these values.
    ParameterAdvice {
        /// In FROST per MiB and epoch.
        storage_price: Option<u64>,
        /// In FROST per MiB.
        write_price: Option<u64>,
        /// In bytes.
        total_capacity: Option<u64>,
    },
    /// The rules of the governance change.
    GovernanceParameters {
        /// The new rules.
        parameters: Parameters,
    },
    /// Nothing.
    FreeText,
}

/// `proposal::State`: where a proposal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProposalState {
    /// Under discussion, or waiting for somebody to open the vote.
    Pending,
    /// Votes are taken.
    Active,
    /// The vote ended without a decision for the proposal.
    Defeated,
    /// The vote ended with a decision for the proposal.
    Passed,
    /// Waits for the delay to end, then for execution.
    Queued,
    /// Carried out.
    Executed,
    /// Nobody took the next step in time.
    Expired,
    /// By the proposer, or by objection of nodes.
    Cancelled,
}

/// `proposal::Proposal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub number: u64,
    pub proposer: SuiAddress,
    pub title: String,
    pub body: Body,
    pub kind: Kind,
    /// The rules when it was created.
    pub parameters: Parameters,
    pub deposit: Balance,
    /// The last state that was recorded; time may have moved it on.
    pub state: ProposalState,
    pub created_epoch: Epoch,
    /// Since voting opened.
    pub ballot: Option<Ballot>,
    /// Since voting closed.
    pub outcome: Option<Tally>,
    /// Since it was queued.
    pub executable_epoch: Option<Epoch>,
    /// Nodes of the snapshot that object to the execution.
    pub objections: VecSet<ObjectId>,
    /// Their weight, in shards.
    pub objecting_weight: u16,
}

/// `ballot::Ballot`: all votes on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    pub opened_epoch: Epoch,
    /// First epoch in which no vote is taken.
    pub end_epoch: Epoch,
    /// Shards of all nodes.
    pub total_weight: u16,
    /// In the order of the committee.
    pub nodes: Vec<NodeBallot>,
    /// Id of the stake → [`StakeVote`].
    pub stake_votes: Collection,
    /// Id of the node or the stake → why it chose so.
    pub reasons: Collection,
}

/// `ballot::NodeBallot`: the vote of a node and of its delegators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeBallot {
    pub node_id: ObjectId,
    /// In shards.
    pub weight: u16,
    /// What is staked with the node, as the committee attested, in FROST.
    pub stake: u64,
    /// What the node chose, for what its delegators do not speak for themselves.
    pub choice: Option<Choice>,
    /// Stake of delegators who speak for themselves, in FROST.
    pub yes_stake: u64,
    pub no_stake: u64,
    pub abstain_stake: u64,
}

/// `ballot::StakeVote`: the vote of a delegator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeVote {
    pub node_id: ObjectId,
    pub choice: Choice,
    /// What the stake was worth in the epoch of the snapshot, in FROST.
    pub value: u64,
}

/// `choice::Choice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// For the proposal.
    Yes,
    /// Against it.
    No,
    /// Takes part, for neither side.
    Abstain,
}

/// `tally::Tally`: weights in millionths of a shard.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub yes: u64,
    pub no: u64,
    pub abstain: u64,
    /// Weight of the whole committee.
    pub total: u64,
}

/// `census::Census`: what is staked with each node, as the committee attests it in an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    pub attesters: VecSet<ObjectId>,
    /// Hash of a list → shards that attest it.
    pub candidates: VecMap<Vec<u8>, u16>,
    /// The list that stands, in FROST, in the order of the committee.
    pub totals: Option<Vec<u64>>,
}

/// `authority::Delegations`: the nodes that have handed their authority over, and who speaks for
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegations {
    pub authority: Authority,
    /// Node → [`Authorized`](crate::types::Authorized).
    pub voting_keys: Collection,
}

/// `authority::Authority`: the object that nodes hand their authority to. It never leaves
/// [`Governance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// What nodes name as their governance object.
    pub id: ObjectId,
}

/// `own_package::OwnPackage`: the capability to upgrade the governance itself, and who approves
/// what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPackage {
    pub cap: UpgradeCap,
    /// Shards of the nodes of the last committee that was seen.
    pub weights: ExtendedField,
    /// Node → [`Approval`].
    pub approvals: Collection,
}

/// `own_package::Approval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Version of the package that is upgraded.
    pub version: u64,
    /// 32 bytes.
    pub digest: Vec<u8>,
    /// When it was given, in ms since 1970.
    pub given_at_ms: u64,
}

/// `voting_stake::VotingStake`: stake that votes, owned by the delegator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VotingStake {
    pub id: ObjectId,
    pub staked_wal: StakedWal,
    /// Proposal → first epoch in which its vote is over.
    pub votes: VecMap<u64, Epoch>,
}
