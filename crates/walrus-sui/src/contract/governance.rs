//! Proposals and votes of the companion package `walrus_governance`.

use walrus_contracts::{
    packages::LinkedPackage,
    types::{
        Authorized,
        voting::{Body, Choice, Kind, Parameters},
    },
};
use walrus_core::{Epoch, Frost, ObjectId};

use super::call::{Call, Proof, authorized};
use crate::{
    deployment::GovernanceRefs, error::SuiError, executor::Executed, ptb::Ptb,
    transaction::Argument,
};

/// A proposal to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProposal {
    /// 1 to 200 bytes.
    pub title: String,
    /// Text of 1 to 4096 bytes, or a blob that holds it.
    pub body: Body,
    /// What it does.
    pub kind: Kind,
}

/// Stake that votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voter {
    /// A `StakedWal` of the sender, which becomes a `VotingStake`.
    Stake(ObjectId),
    /// A `VotingStake` of the sender.
    VotingStake(ObjectId),
}

/// A vote and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The proposal.
    pub number: u64,
    /// What it says.
    pub choice: Choice,
    /// Why, at most 512 bytes.
    pub reason: Option<String>,
}

/// Adds calls of the governance package.
struct Calls<'a, 'p> {
    ptb: &'a mut Ptb<'p>,
    refs: GovernanceRefs,
}

impl Calls<'_, '_> {
    fn call(
        &mut self,
        module: &'static str,
        function: &'static str,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.ptb
            .call_package(self.refs.package, module, function, vec![], arguments)
    }

    /// Calls a function of `module` with the Governance object before its other arguments.
    fn on_governance(
        &mut self,
        module: &'static str,
        function: &'static str,
        mut arguments: Vec<Argument>,
    ) -> Argument {
        arguments.insert(0, self.ptb.shared(self.refs.object));
        self.call(module, function, arguments)
    }

    fn identity(&mut self, proof: &Proof) -> Argument {
        match proof {
            Proof::Sender => self.call("identity", "of_sender", vec![]),
            Proof::Object { id, type_ } => {
                let object = self.ptb.owned(*id);
                let types = vec![type_.clone().into()];
                self.ptb.call_package(
                    self.refs.package,
                    "identity",
                    "of_object",
                    types,
                    vec![object],
                )
            }
        }
    }

    fn parameters(&mut self, new: &Parameters) -> Argument {
        let arguments = vec![
            self.ptb.pure(&new.deposit),
            self.ptb.pure(&new.discussion_epochs),
            self.ptb.pure(&new.voting_epochs),
            self.ptb.pure(&new.delay_epochs),
            self.ptb.pure(&new.execution_epochs),
            self.ptb.pure(&new.quorum_bps),
            self.ptb.pure(&new.threshold_bps),
            self.ptb.pure(&new.forfeit_bps),
        ];
        self.call("parameters", "new", arguments)
    }

    fn kind(&mut self, kind: &Kind) -> Argument {
        let (function, arguments) = match kind {
            Kind::Upgrade { digest } => ("upgrade", vec![self.ptb.bytes(digest)]),
            Kind::Slash { node_id } => ("slash", vec![self.ptb.raw32(node_id.0)]),
            Kind::ParameterAdvice {
                storage_price,
                write_price,
                total_capacity,
            } => {
                let values = [storage_price, write_price, total_capacity];
                let arguments = values.map(|value| self.ptb.pure(value));
                ("parameter_advice", arguments.to_vec())
            }
            Kind::GovernanceParameters { parameters } => {
                ("governance_parameters", vec![self.parameters(parameters)])
            }
            Kind::FreeText => ("free_text", vec![]),
        };
        self.call("content", function, arguments)
    }

    fn body(&mut self, body: &Body) -> Argument {
        let (function, argument) = match body {
            Body::Text(text) => ("text", self.ptb.pure(text)),
            Body::Blob(blob_id) => ("blob", self.ptb.raw32(blob_id.0)),
        };
        self.call("content", function, vec![argument])
    }
}

/// A number of a choice, as the package takes it.
fn choice_number(choice: Choice) -> u8 {
    match choice {
        Choice::Yes => 0,
        Choice::No => 1,
        Choice::Abstain => 2,
    }
}

impl Call {
    /// A call of the governance package that pays nothing.
    fn governance(
        refs: GovernanceRefs,
        commands: impl Fn(&mut Calls<'_, '_>) + Send + Sync + 'static,
    ) -> Self {
        Self::free(move |ptb| commands(&mut Calls { ptb, refs }))
    }

    /// A function that takes Staking and the number of a proposal, and that anybody may call when
    /// its time has come.
    fn proposal_step(refs: GovernanceRefs, number: u64, function: &'static str) -> Self {
        Self::governance(refs, move |calls| {
            let arguments = vec![calls.ptb.staking_read(), calls.ptb.pure(&number)];
            calls.on_governance("governance", function, arguments);
        })
    }

    /// Makes a proposal; the sender pays the deposit.
    pub fn propose(refs: GovernanceRefs, proposal: NewProposal, deposit: Frost) -> Self {
        Self::new(move |ptb, _, _| {
            let coin = ptb.wal(deposit);
            let mut calls = Calls { ptb, refs };
            let body = calls.body(&proposal.body);
            let kind = calls.kind(&proposal.kind);
            let arguments = vec![
                calls.ptb.staking_read(),
                calls.ptb.pure(&proposal.title),
                body,
                kind,
                coin,
            ];
            calls.on_governance("governance", "propose", arguments);
            Ok(deposit)
        })
    }

    /// Opens the vote on a proposal.
    pub fn open_vote(refs: GovernanceRefs, number: u64) -> Self {
        Self::proposal_step(refs, number, "open")
    }

    /// Counts the votes on a proposal and settles its deposit.
    pub fn close_vote(refs: GovernanceRefs, number: u64) -> Self {
        Self::proposal_step(refs, number, "close")
    }

    /// Queues a proposal that passed.
    pub fn queue_proposal(refs: GovernanceRefs, number: u64) -> Self {
        Self::proposal_step(refs, number, "queue")
    }

    /// Takes a proposal of the sender back.
    pub fn cancel_proposal(refs: GovernanceRefs, number: u64) -> Self {
        Self::proposal_step(refs, number, "cancel")
    }

    /// Records that a proposal expired, and settles its deposit.
    pub fn expire_proposal(refs: GovernanceRefs, number: u64) -> Self {
        Self::proposal_step(refs, number, "expire")
    }

    /// Executes a proposal that acts on nothing outside the governance package.
    pub fn execute_proposal(refs: GovernanceRefs, number: u64) -> Self {
        Self::governance(refs, move |calls| {
            let arguments = vec![calls.ptb.staking_read(), calls.ptb.pure(&number)];
            calls.on_governance("execution", "execute", arguments);
        })
    }

    /// Votes for a node.
    pub fn vote_as_node(refs: GovernanceRefs, node_id: ObjectId, proof: Proof, vote: Vote) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let arguments = vec![
                calls.ptb.staking(),
                identity,
                calls.ptb.raw32(node_id.0),
                calls.ptb.pure(&vote.number),
                calls.ptb.pure(&choice_number(vote.choice)),
                calls.ptb.pure(&vote.reason),
            ];
            calls.on_governance("voting", "vote_as_node", arguments);
        })
    }

    /// Votes with stake of the sender.
    pub fn vote_with_stake(refs: GovernanceRefs, voters: Vec<Voter>, vote: Vote) -> Self {
        Self::new(move |ptb, _, sender| {
            let mut locked = Vec::new();
            let mut calls = Calls { ptb, refs };
            for voter in &voters {
                let stake = match voter {
                    Voter::VotingStake(id) => calls.ptb.owned(*id),
                    Voter::Stake(id) => {
                        let stake = calls.ptb.owned(*id);
                        let stake = calls.call("voting_stake", "lock", vec![stake]);
                        locked.push(stake);
                        stake
                    }
                };
                let arguments = vec![
                    calls.ptb.staking_read(),
                    stake,
                    calls.ptb.pure(&vote.number),
                    calls.ptb.pure(&choice_number(vote.choice)),
                    calls.ptb.pure(&vote.reason),
                ];
                calls.on_governance("voting", "vote_with_stake", arguments);
            }
            if !locked.is_empty() {
                ptb.transfer(locked, sender);
            }
            Ok(Frost(0))
        })
    }

    /// Takes the votes of a `VotingStake` back; of proposals whose vote is over it only forgets
    /// them.
    pub fn retract_stake_votes(refs: GovernanceRefs, stake: ObjectId, numbers: Vec<u64>) -> Self {
        Self::governance(refs, move |calls| {
            for number in &numbers {
                let arguments = vec![
                    calls.ptb.staking_read(),
                    calls.ptb.owned(stake),
                    calls.ptb.pure(number),
                ];
                calls.on_governance("voting", "retract_stake_vote", arguments);
            }
        })
    }

    /// Turns a `VotingStake` back into stake.
    pub fn unlock_stake(refs: GovernanceRefs, stakes: Vec<ObjectId>) -> Self {
        Self::new(move |ptb, _, sender| {
            let mut unlocked = Vec::new();
            let mut calls = Calls { ptb, refs };
            for stake in &stakes {
                let arguments = vec![calls.ptb.owned(*stake), calls.ptb.staking_read()];
                unlocked.push(calls.call("voting_stake", "unlock", arguments));
            }
            ptb.transfer(unlocked, sender);
            Ok(Frost(0))
        })
    }

    /// Says for a node what is staked with every member of the committee in `epoch`, in committee
    /// order.
    pub fn attest_stakes(
        refs: GovernanceRefs,
        node_id: ObjectId,
        proof: Proof,
        epoch: Epoch,
        totals: Vec<u64>,
    ) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let arguments = vec![
                calls.ptb.staking(),
                identity,
                calls.ptb.raw32(node_id.0),
                calls.ptb.pure(&epoch),
                calls.ptb.pure(&totals),
            ];
            calls.on_governance("governance", "attest_stakes", arguments);
        })
    }

    /// Objects, for a node, to a proposal that passed.
    pub fn object_to_proposal(
        refs: GovernanceRefs,
        node_id: ObjectId,
        proof: Proof,
        number: u64,
    ) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let arguments = vec![
                calls.ptb.staking(),
                identity,
                calls.ptb.raw32(node_id.0),
                calls.ptb.pure(&number),
            ];
            calls.on_governance("voting", "object_to", arguments);
        })
    }

    /// Hands the authority of a node over to the governance package; who proves to have it now
    /// becomes its voting key.
    pub fn delegate_authority(refs: GovernanceRefs, node_id: ObjectId, proof: Proof) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let arguments = vec![calls.ptb.staking(), identity, calls.ptb.raw32(node_id.0)];
            calls.on_governance("governance", "delegate_authority", arguments);
        })
    }

    /// Approves, for a node that handed its authority over, an upgrade of the governance package
    /// itself to the package with `digest`, instead of any that it approved before. `proof` is that
    /// of the node's voting key.
    pub fn approve_self_upgrade(
        refs: GovernanceRefs,
        node_id: ObjectId,
        proof: Proof,
        digest: [u8; 32],
    ) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let arguments = vec![
                identity,
                calls.ptb.raw32(node_id.0),
                calls.ptb.bytes(&digest),
                calls.ptb.clock(),
            ];
            calls.on_governance("self_upgrade", "approve", arguments);
        })
    }

    /// Takes the authority of a node back from the governance package and gives it to `to`.
    pub fn revoke_authority(
        refs: GovernanceRefs,
        node_id: ObjectId,
        proof: Proof,
        to: Authorized,
    ) -> Self {
        Self::governance(refs, move |calls| {
            let identity = calls.identity(&proof);
            let to = authorized(calls.ptb, to);
            let arguments = vec![
                calls.ptb.staking(),
                identity,
                calls.ptb.raw32(node_id.0),
                to,
            ];
            calls.on_governance("governance", "revoke_authority", arguments);
        })
    }

    /// Upgrades package `walrus` as a queued proposal says. `nodes`, which handed their authority
    /// over, vote for it in `walrus`; together with nodes that voted there in this epoch they must
    /// be a quorum. `current` is the version that `package` follows.
    pub fn execute_upgrade(
        refs: GovernanceRefs,
        number: u64,
        upgrade_manager: ObjectId,
        nodes: Vec<ObjectId>,
        package: LinkedPackage,
        current: ObjectId,
    ) -> Self {
        Self::governance(refs, move |calls| {
            let arguments = vec![
                calls.ptb.staking_read(),
                calls.ptb.shared(upgrade_manager),
                calls.ptb.pure(&number),
                calls.ptb.pure(&nodes),
            ];
            let ticket = calls.on_governance("execution", "authorize_upgrade", arguments);
            let receipt = calls.ptb.upgrade(&package, current, ticket);
            let arguments = vec![
                calls.ptb.shared(upgrade_manager),
                calls.ptb.staking(),
                calls.ptb.system(),
                receipt,
            ];
            calls.ptb.call("upgrade", "commit_upgrade", arguments);
        })
    }

    /// Slashes the node of a queued proposal; `nodes` vote for it as in [`Call::execute_upgrade`].
    pub fn execute_slashing(
        refs: GovernanceRefs,
        number: u64,
        slashing_manager: ObjectId,
        treasury: ObjectId,
        nodes: Vec<ObjectId>,
    ) -> Self {
        Self::governance(refs, move |calls| {
            let arguments = vec![
                calls.ptb.staking(),
                calls.ptb.shared(slashing_manager),
                calls.ptb.shared(treasury),
                calls.ptb.pure(&number),
                calls.ptb.pure(&nodes),
            ];
            calls.on_governance("execution", "execute_slashing", arguments);
        })
    }
}

impl Executed {
    /// Number of the proposal that a transaction with [`Call::propose`] made.
    pub fn proposal_number(&self) -> Result<u64, SuiError> {
        let event = self.events.iter().find(|event| {
            event.type_.module().as_str() == "events"
                && event.type_.name().as_str() == "ProposalCreated"
        });
        // The number is the first field.
        event
            .and_then(|event| event.contents.first_chunk())
            .map(|bytes| u64::from_le_bytes(*bytes))
            .ok_or_else(|| SuiError::UnexpectedEffects {
                digest: self.digest,
                missing: "it made no proposal".to_owned(),
            })
    }
}
