//! Every event of the package `walrus_governance`. All are structs of its module `events`.

use serde::{Deserialize, Serialize};
use walrus_core::{Epoch, ObjectId, SuiAddress};

use super::{EventError, MODULE, define_events};
use crate::types::{
    Authorized,
    voting::{Choice, Kind, Parameters, Tally},
};

define_events! {
    /// An event of the `walrus_governance` package.
    enum GovernanceEvent;

    /// The governance was set up.
    GovernanceCreated {
        governance_id: ObjectId,
        authority_id: ObjectId,
    }
    /// The shared object works with a new version of the package.
    GovernanceMigrated {
        version: u64,
    }
    /// A node handed its authority over.
    AuthorityDelegated {
        node_id: ObjectId,
        voting_key: Authorized,
    }
    /// A node has its authority back.
    AuthorityRevoked {
        node_id: ObjectId,
        to: Authorized,
    }
    /// A node attested what is staked with each node.
    StakesAttested {
        epoch: Epoch,
        node_id: ObjectId,
        totals_hash: Vec<u8>,
        /// Shards that attest this list.
        weight: u16,
    }
    /// A list of stakes stands.
    CensusConfirmed {
        epoch: Epoch,
        totals: Vec<u64>,
    }
    /// There is a new proposal.
    ProposalCreated {
        number: u64,
        proposer: SuiAddress,
        title: String,
        kind: Kind,
        deposit: u64,
        epoch: Epoch,
    }
    /// Votes are taken.
    VotingOpened {
        number: u64,
        epoch: Epoch,
        end_epoch: Epoch,
        total_weight: u16,
    }
    /// A node voted, or changed its vote.
    NodeVoted {
        number: u64,
        node_id: ObjectId,
        choice: Choice,
        weight: u16,
        reason: Option<String>,
    }
    /// A delegator voted, or changed the vote.
    StakeVoted {
        number: u64,
        staked_wal_id: ObjectId,
        node_id: ObjectId,
        choice: Choice,
        value: u64,
        reason: Option<String>,
    }
    /// A delegator took a vote back.
    StakeVoteRetracted {
        number: u64,
        staked_wal_id: ObjectId,
    }
    /// The votes are counted: Defeated or Passed.
    VotingClosed {
        number: u64,
        epoch: Epoch,
        passed: bool,
        tally: Tally,
    }
    /// A proposer has the deposit back.
    DepositReturned {
        number: u64,
        proposer: SuiAddress,
        amount: u64,
    }
    /// A deposit is lost.
    DepositForfeited {
        number: u64,
        amount: u64,
    }
    /// Lost deposits are burnt.
    ForfeitedBurnt {
        amount: u64,
    }
    /// A decision waits for its execution.
    ProposalQueued {
        number: u64,
        epoch: Epoch,
        executable_epoch: Epoch,
        expiry_epoch: Epoch,
    }
    /// A node objects to an execution.
    NodeObjected {
        number: u64,
        node_id: ObjectId,
        objecting_weight: u16,
    }
    /// Votes of nodes were cast in `walrus`.
    VotesCast {
        number: u64,
        epoch: Epoch,
        node_ids: Vec<ObjectId>,
        weight: u16,
    }
    /// A decision is carried out.
    ProposalExecuted {
        number: u64,
        epoch: Epoch,
        kind: Kind,
    }
    /// Nobody took the next step in time.
    ProposalExpired {
        number: u64,
        epoch: Epoch,
    }
    /// The proposer gave up, or nodes objected.
    ProposalCancelled {
        number: u64,
        epoch: Epoch,
        by_objection: bool,
    }
    /// The rules changed.
    ParametersChanged {
        number: u64,
        parameters: Parameters,
    }
    /// A node approved an upgrade of the governance itself.
    SelfUpgradeApproved {
        node_id: ObjectId,
        digest: Vec<u8>,
        /// Shards that approve this digest.
        weight: u16,
        /// How many have to.
        needed: u16,
    }
    /// An upgrade of the governance itself was authorized.
    SelfUpgradeAuthorized {
        digest: Vec<u8>,
        bootstrap: bool,
    }
    /// The governance itself was upgraded.
    SelfUpgradeCommitted {
        package_id: ObjectId,
        version: u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_move_module_declares_the_same_events() {
        let declared: Vec<_> = crate::move_source::declarations()
            .into_iter()
            .filter(|declaration| {
                declaration.package == "walrus_governance" && declaration.module == MODULE
            })
            .map(|declaration| declaration.name)
            .collect();
        assert_eq!(declared, NAMES);
    }

    #[test]
    fn events_of_both_packages_are_told_apart() {
        let bytes = [3_u64.to_le_bytes().to_vec(), vec![9, 0, 0, 0]].concat();
        let event = GovernanceEvent::from_bcs(MODULE, "ProposalExpired", &bytes).unwrap();
        assert_eq!(
            event,
            ProposalExpired {
                number: 3,
                epoch: 9
            }
            .into()
        );
        assert_eq!(event.name(), "ProposalExpired");
        let foreign = GovernanceEvent::from_bcs(MODULE, "BlobCertified", &bytes);
        assert!(matches!(foreign, Err(EventError::Unknown { .. })));
    }
}
