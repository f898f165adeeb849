//! The authority of nodes: who votes for them, `walrus-admin delegate` and `walrus-admin revoke`.

use anyhow::{bail, ensure};
use walrus_contracts::types::{Authorized, StakingPool};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    contract::{Call, Proof},
    reader::NodeRef,
};

use super::{Forum, open};
use crate::{
    args::{DelegateArgs, RevokeArgs},
    commands::authorize::receiver,
    context::{Context, node_id, title},
    send::{SendPlan, Sending},
};

/// A node for which the account can vote.
pub(super) struct VotingNode {
    /// Its pool.
    pub(super) pool: StakingPool,
    /// What proves it.
    pub(super) proof: Proof,
}

impl Forum {
    /// Who votes for the node of `pool`: its voting key if it handed its authority over, else its
    /// governance entity.
    async fn voter(&self, pool: &StakingPool) -> anyhow::Result<Authorized> {
        let present = pool.governance_authorized;
        if !self.has_authority(pool) {
            return Ok(present);
        }
        let key = self.reader.voting_key(&self.state, pool.id).await?;
        Ok(key.unwrap_or(present))
    }

    /// Whether the node of `pool` handed its authority over.
    pub(super) fn has_authority(&self, pool: &StakingPool) -> bool {
        let authority = self.state.governance.delegations.authority.id;
        pool.governance_authorized == Authorized::ObjectId(authority)
    }

    /// The node `node`, for which `sender` must be able to vote.
    pub(super) async fn voting_node(
        &self,
        node: ObjectId,
        sender: SuiAddress,
    ) -> anyhow::Result<VotingNode> {
        let pool = self.reader.staking_pool(node).await?;
        let voter = self.voter(&pool).await?;
        let what = format!("the vote of {}", title(&pool));
        let proof = Proof::find(&self.reader, &voter, sender, &what).await?;
        Ok(VotingNode { pool, proof })
    }

    /// The nodes among `nodes` for which `sender` can vote.
    pub(super) async fn voting_nodes(
        &self,
        nodes: &[ObjectId],
        sender: SuiAddress,
    ) -> anyhow::Result<Vec<VotingNode>> {
        let mut own = Vec::new();
        for pool in self.reader.staking_pools(nodes).await? {
            let voter = self.voter(&pool).await?;
            if let Some(proof) = Proof::try_find(&self.reader, &voter, sender).await? {
                own.push(VotingNode { pool, proof });
            }
        }
        Ok(own)
    }

    /// The node `node`, or the only one among `nodes` for which `sender` can vote; `None` without
    /// any.
    pub(super) async fn choose_node(
        &self,
        node: Option<&NodeRef>,
        nodes: &[ObjectId],
        sender: SuiAddress,
    ) -> anyhow::Result<Option<VotingNode>> {
        if let Some(node) = node_id(&self.reader, node).await? {
            return Ok(Some(self.voting_node(node, sender).await?));
        }
        let mut own = self.voting_nodes(nodes, sender).await?;
        if own.len() > 1 {
            let ids: Vec<String> = own.iter().map(|node| node.pool.id.to_string()).collect();
            bail!(
                "account {sender} can vote for {} nodes; choose one with --node: {}",
                ids.len(),
                ids.join(", ")
            );
        }
        Ok(own.pop())
    }

    /// IDs of the nodes of the current committee, in its order.
    pub(super) async fn committee_ids(&self) -> anyhow::Result<Vec<ObjectId>> {
        let state = self.reader.contract_state().await?;
        let committee = state.staking_inner.committee.0.iter();
        Ok(committee.map(|(node, _)| *node).collect())
    }
}

async fn node(
    sending: &Sending,
    forum: &Forum,
    node: Option<&NodeRef>,
) -> anyhow::Result<VotingNode> {
    let sender = sending.sender();
    let committee = forum.committee_ids().await?;
    match forum.choose_node(node, &committee, sender).await? {
        Some(node) => Ok(node),
        None => bail!("account {sender} can vote for no node of the committee"),
    }
}

/// Hands the authority of a node over.
pub(crate) async fn delegate(context: &Context, args: DelegateArgs) -> anyhow::Result<()> {
    let (sending, forum) = open(context, args.governance, &args.node.send).await?;
    let node = node(&sending, &forum, args.node.node.as_ref()).await?;
    let name = title(&node.pool);
    ensure!(
        !forum.has_authority(&node.pool),
        "{name} has handed its authority over already"
    );
    ensure!(
        forum.committee_ids().await?.contains(&node.pool.id),
        "{name} is not in the committee; only its members hand their authority over"
    );
    let plan = SendPlan::new(format!(
        "{name} hands its authority in package walrus over to the governance: what proposals decide is carried out \
         with its vote, too. You keep its vote on proposals, and can take the authority back with `walrus-admin \
         revoke`."
    ));
    let call = Call::delegate_authority(forum.refs(), node.pool.id, node.proof);
    let success = format!("{name} has handed its authority over");
    sending.send_and_report(&call, plan, &success).await
}

/// Takes the authority of a node back.
pub(crate) async fn revoke(context: &Context, args: RevokeArgs) -> anyhow::Result<()> {
    let (sending, forum) = open(context, args.governance, &args.node.send).await?;
    let node = node(&sending, &forum, args.node.node.as_ref()).await?;
    let name = title(&node.pool);
    ensure!(
        forum.has_authority(&node.pool),
        "{name} has not handed its authority over"
    );
    let (to, receiver) = receiver(&sending, args.address, args.object).await?;
    let plan = SendPlan::new(format!(
        "{name} takes its authority back from the governance and gives it to {receiver}."
    ));
    let call = Call::revoke_authority(forum.refs(), node.pool.id, node.proof, to);
    let success = format!("the authority of {name} is in the hands of {receiver}");
    sending.send_and_report(&call, plan, &success).await
}
