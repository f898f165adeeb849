//! The nodes of a committee, each with its client and its weight, and asking many of them for the
//! same thing.

mod fan_out;

use std::sync::Arc;

use walrus_core::{Epoch, NShards, ShardIndex, text::printable};
use walrus_sui::{Committee, CommitteeMember};

pub(crate) use fan_out::{FanOut, FanOutEvent, FanOutLimits, ShardTally};

use crate::{
    config::CommunicationConfig,
    environment::Environment,
    node::{InvalidNode, NodeClient, NodeError},
    report::NodeFailure,
};

/// A committee and how to reach its members.
#[derive(Debug)]
pub(crate) struct CommitteeClients {
    committee: Arc<Committee>,
    clients: Vec<Result<NodeClient, InvalidNode>>,
    environment: Environment,
}

/// One member of a [`CommitteeClients`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    /// Position in the committee, and in the bitmap of a certificate.
    pub position: usize,
    /// What the chain says about it.
    pub member: &'a CommitteeMember,
    client: &'a Result<NodeClient, InvalidNode>,
}

impl CommitteeClients {
    pub(crate) fn new(
        committee: Arc<Committee>,
        config: &CommunicationConfig,
        environment: Environment,
    ) -> Self {
        let clients = committee
            .members
            .iter()
            .map(|member| {
                NodeClient::new(
                    &member.network_address,
                    member.network_public_key.as_ref(),
                    committee.n_shards,
                    config,
                )
                .map(|client| match environment.transport() {
                    Some(transport) => client.over(Arc::clone(transport)),
                    None => client,
                })
            })
            .collect();
        Self {
            committee,
            clients,
            environment,
        }
    }

    pub(crate) fn is_of(&self, committee: &Committee) -> bool {
        *self.committee == *committee
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.committee.epoch
    }

    pub(crate) fn n_shards(&self) -> NShards {
        self.committee.n_shards
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn node(&self, position: usize) -> Node<'_> {
        Node {
            position,
            member: &self.committee.members[position],
            client: &self.clients[position],
        }
    }

    /// Positions of the members that own shards, in random order, so that no node is everybody's
    /// first.
    pub(crate) fn shuffled(&self) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..self.len())
            .filter(|position| self.node(*position).weight() > 0)
            .collect();
        self.shuffle(&mut positions);
        positions
    }

    /// Puts candidates in random order.
    pub(crate) fn shuffle<T>(&self, candidates: &mut [T]) {
        self.environment.shuffle(candidates);
    }

    /// Clock and randomness of the client.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl<'a> Node<'a> {
    /// The client, or the reason why there can be none.
    pub(crate) fn client(&self) -> Result<&'a NodeClient, NodeError> {
        self.client
            .as_ref()
            .map_err(|error| NodeError::Misconfigured(error.clone()))
    }

    /// Shards the node owns.
    pub(crate) fn weight(&self) -> u16 {
        self.member.weight()
    }

    pub(crate) fn shards(&self) -> &'a [ShardIndex] {
        &self.member.shards
    }

    pub(crate) fn failure(&self, error: NodeError) -> NodeFailure {
        NodeFailure {
            node: self.name(),
            shards: self.weight(),
            error,
        }
    }

    /// The name on chain, or the address for a node without one; fit to be shown.
    pub(crate) fn name(&self) -> String {
        let name = match self.member.name.trim() {
            "" => &self.member.network_address,
            name => name,
        };
        printable(name).into_owned()
    }
}
