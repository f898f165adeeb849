//! The objects of the companion package `walrus_governance`.

use std::collections::BTreeMap;

use serde::Serialize;
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_contracts::types::{
    Authorized, SlashingManager, SlashingProposal, VecMap,
    voting::{Approval, Census, Governance, Proposal, StakeVote, Tally, VotingStake},
};
use walrus_core::{ObjectId, SuiAddress};

use super::{
    SuiReader,
    origin::created_with,
    state::{dynamic_field_id, extended_field, field_value},
};
use crate::{
    deployment::ContractRefs,
    deployment::GovernanceRefs,
    error::SuiError,
    governance::{Approvals, ApprovingNode, Bar, CensusStanding, Outlook, Standing, bar, tally},
    ids::object_id,
};

/// The Governance object as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct GovernanceState {
    /// The object.
    pub governance: Governance,
    /// The package that defines the types.
    pub original_package: ObjectId,
}

impl GovernanceState {
    /// What transactions have to name. The newest version of the package is the one its upgrade
    /// capability names.
    pub fn refs(&self) -> GovernanceRefs {
        GovernanceRefs {
            package: self.governance.own_package.cap.package,
            original_package: self.original_package,
            object: self.governance.id,
        }
    }
}

/// A proposal and what follows from its votes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: Proposal,
    /// Its votes so far, or as counted; zero before the vote.
    pub tally: Tally,
    /// What it must reach.
    pub bar: Bar,
    /// Where it stands.
    pub standing: Standing,
}

impl ProposalView {
    /// What can still happen, if nobody changes a vote.
    pub fn outlook(&self) -> Outlook {
        self.bar.outlook(&self.tally)
    }
}

impl SuiReader {
    /// The Governance object `id`.
    pub async fn governance(&self, id: ObjectId) -> Result<GovernanceState, SuiError> {
        let object = self.rpc().object(id).await?;
        let tag = object
            .type_
            .as_ref()
            .filter(|_| object.is("governance", "Governance"));
        let Some(tag) = tag else {
            return Err(SuiError::unexpected_type(
                id,
                "a Governance object of Walrus",
                object.type_.as_ref(),
            ));
        };
        Ok(GovernanceState {
            original_package: object_id(*tag.address()),
            governance: object.decode("Governance")?,
        })
    }

    /// All proposals, in the order of their numbers.
    pub async fn proposals(
        &self,
        governance: &GovernanceState,
    ) -> Result<Vec<ProposalView>, SuiError> {
        let table = governance.governance.proposals.id;
        let ids: Vec<ObjectId> = (0..governance.governance.next_number)
            .map(|number| dynamic_field_id(table, &TypeTag::U64, &number))
            .collect();
        let mut views = Vec::with_capacity(ids.len());
        for field in self.rpc().try_objects(&ids).await?.into_iter().flatten() {
            let proposal = field_value::<u64, Proposal>(&field, "Proposal")?;
            views.push(self.proposal_view(proposal).await?);
        }
        Ok(views)
    }

    /// One proposal; `None` if there is none with this number.
    pub async fn proposal(
        &self,
        governance: &GovernanceState,
        number: u64,
    ) -> Result<Option<ProposalView>, SuiError> {
        let table = governance.governance.proposals.id;
        let id = dynamic_field_id(table, &TypeTag::U64, &number);
        let Some(field) = self.rpc().try_objects(&[id]).await?.pop().flatten() else {
            return Ok(None);
        };
        let proposal = field_value::<u64, Proposal>(&field, "Proposal")?;
        Ok(Some(self.proposal_view(proposal).await?))
    }

    async fn proposal_view(&self, proposal: Proposal) -> Result<ProposalView, SuiError> {
        let tally = match (&proposal.outcome, &proposal.ballot) {
            (Some(outcome), _) => *outcome,
            (None, Some(ballot)) => tally(ballot),
            (None, None) => Tally::default(),
        };
        let bar = bar(&proposal);
        let epoch = self.contract_state().await?.epoch();
        let has_ballot = proposal.ballot.is_some();
        Ok(ProposalView {
            standing: Standing::of(&proposal, epoch, has_ballot && bar.passes(&tally)),
            proposal,
            tally,
            bar,
        })
    }

    /// How far the census of the current epoch is, with the stakes that the chain has.
    pub async fn census_standing(
        &self,
        governance: &GovernanceState,
    ) -> Result<CensusStanding, SuiError> {
        let committee = self.current_committee().await?;
        let table = governance.governance.censuses.id;
        let epoch = committee.epoch;
        let census: Option<Census> = self
            .table_entry(table, &TypeTag::U32, &epoch, "Census")
            .await?;
        let totals = committee.members.iter().map(|member| member.stake.0);
        Ok(CensusStanding::of(
            epoch,
            committee.n_shards,
            totals.collect(),
            census.as_ref(),
        ))
    }

    /// Who votes for `node`, if it handed its authority over.
    pub async fn voting_key(
        &self,
        governance: &GovernanceState,
        node: ObjectId,
    ) -> Result<Option<Authorized>, SuiError> {
        let table = governance.governance.delegations.voting_keys.id;
        self.table_entry(table, &id_type(), &node, "the voting key")
            .await
    }

    /// The nodes among `nodes` that handed their authority over, with their voting keys.
    pub async fn voting_keys(
        &self,
        governance: &GovernanceState,
        nodes: &[ObjectId],
    ) -> Result<BTreeMap<ObjectId, Authorized>, SuiError> {
        let table = governance.governance.delegations.voting_keys.id;
        self.entries_by_id(table, nodes, "the voting key").await
    }

    /// The nodes that decide about upgrades of the governance package itself, and what they
    /// approve.
    pub async fn self_upgrade_approvals(
        &self,
        governance: &GovernanceState,
    ) -> Result<Approvals, SuiError> {
        let own = &governance.governance.own_package;
        let original = self.contract_state().await?.original_package;
        let what = "the committee that the governance has seen";
        let weights: VecMap<ObjectId, u16> =
            extended_field(self.rpc(), original, own.weights.id, what).await?;
        let ids: Vec<ObjectId> = weights.iter().map(|(node, _)| *node).collect();
        let keys = self.voting_keys(governance, &ids).await?;
        let table = own.approvals.id;
        let mut approvals: BTreeMap<ObjectId, Approval> =
            self.entries_by_id(table, &ids, "Approval").await?;
        let nodes = weights
            .iter()
            .filter(|(node, _)| keys.contains_key(node))
            .map(|(node, weight)| ApprovingNode {
                node_id: *node,
                weight: *weight,
                approval: approvals.remove(node),
            })
            .collect();
        Ok(Approvals {
            version: own.cap.version,
            total_weight: weights.iter().map(|(_, weight)| *weight).sum(),
            nodes,
        })
    }

    /// The vote of a stake on a proposal.
    pub async fn stake_vote(
        &self,
        proposal: &Proposal,
        stake: ObjectId,
    ) -> Result<Option<StakeVote>, SuiError> {
        match &proposal.ballot {
            Some(ballot) => {
                self.table_entry(ballot.stake_votes.id, &id_type(), &stake, "StakeVote")
                    .await
            }
            None => Ok(None),
        }
    }

    /// The reasons given by nodes.
    pub async fn vote_reasons(
        &self,
        proposal: &Proposal,
        voters: &[ObjectId],
    ) -> Result<BTreeMap<ObjectId, String>, SuiError> {
        let Some(ballot) = &proposal.ballot else {
            return Ok(BTreeMap::new());
        };
        let table = ballot.reasons.id;
        self.entries_by_id(table, voters, "the reason of a vote")
            .await
    }

    /// The stake of an account that is locked for voting.
    pub async fn owned_voting_stake(
        &self,
        governance: &GovernanceState,
        owner: SuiAddress,
    ) -> Result<Vec<VotingStake>, SuiError> {
        let tag = ContractRefs::tag_of(governance.original_package, "voting_stake", "VotingStake");
        let objects = self.rpc().owned_objects(owner, &tag.to_string()).await?;
        objects
            .iter()
            .map(|object| object.decode("VotingStake"))
            .collect()
    }

    /// The votes for slashing `node`; `None` if nobody has voted for it. They count only if they
    /// are of the current epoch.
    pub async fn slashing_proposal(
        &self,
        slashing_manager: ObjectId,
        node: ObjectId,
    ) -> Result<Option<SlashingProposal>, SuiError> {
        let object = self.rpc().object(slashing_manager).await?;
        if !object.is("slashing", "SlashingManager") {
            return Err(SuiError::unexpected_type(
                slashing_manager,
                "a Walrus slashing manager",
                object.type_.as_ref(),
            ));
        }
        let manager: SlashingManager = object.decode("SlashingManager")?;
        let table = manager.slashing_candidates.id;
        self.table_entry(table, &id_type(), &node, "SlashingProposal")
            .await
    }

    /// IDs of the objects of type `upgrade::UpgradeManager` and `slashing::SlashingManager`, which
    /// were made together with the System object. A deployment may have no slashing.
    pub async fn find_managers(&self) -> Result<(ObjectId, Option<ObjectId>), SuiError> {
        let created = created_with(self.rpc(), self.ids().system_object).await?;
        let upgrade = created.only_created("upgrade", "UpgradeManager")?;
        let slashing = created.created("slashing", "SlashingManager").next();
        Ok((upgrade, slashing.map(|object| object.id)))
    }

    async fn table_entry<
        N: Serialize + serde::de::DeserializeOwned,
        V: serde::de::DeserializeOwned,
    >(
        &self,
        table: ObjectId,
        name_type: &TypeTag,
        name: &N,
        what: &'static str,
    ) -> Result<Option<V>, SuiError> {
        let id = dynamic_field_id(table, name_type, name);
        let found = self.rpc().try_objects(&[id]).await?.pop().flatten();
        found
            .map(|field| field_value::<N, V>(&field, what))
            .transpose()
    }
}

impl SuiReader {
    /// The entries that a table has under some IDs.
    pub(super) async fn entries_by_id<V: serde::de::DeserializeOwned>(
        &self,
        table: ObjectId,
        keys: &[ObjectId],
        what: &'static str,
    ) -> Result<BTreeMap<ObjectId, V>, SuiError> {
        let ids: Vec<ObjectId> = keys
            .iter()
            .map(|key| dynamic_field_id(table, &id_type(), key))
            .collect();
        let mut entries = BTreeMap::new();
        for (key, field) in keys.iter().zip(self.rpc().try_objects(&ids).await?) {
            if let Some(field) = field {
                entries.insert(*key, field_value::<ObjectId, V>(&field, what)?);
            }
        }
        Ok(entries)
    }
}

/// `0x2::object::ID`.
pub(super) fn id_type() -> TypeTag {
    TypeTag::from(StructTag::new(
        Address::TWO,
        Identifier::from_static("object"),
        Identifier::from_static("ID"),
        vec![],
    ))
}
