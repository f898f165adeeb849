//! A network in the middle of its history, and everything that can happen to it.

mod faults;

use std::{net::IpAddr, sync::Arc, time::Duration};

use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use sui_localnet::EmbeddedChain;
use tokio::time::sleep;
use walrus_core::{FROST_PER_WAL, Frost};
use walrus_sui::{SuiReader, WalrusContract};

use crate::{
    Options,
    base::{Base, NODES_MAX, USERS, admin, node_ip, user, user_ip},
    chain::ChainLink,
    event::Event,
    network::Network,
    node::SimulatedNode,
    trace::Trace,
    user::{Action, SharedKnown, User},
};

/// Fewest nodes of a history.
const NODES_MIN: u8 = 4;
/// Of so many nodes one has no endpoints but those that every implementation has.
const REFERENCE_ONE_IN: u32 = 4;
/// Stake of every node at the beginning.
const STAKE: Frost = Frost(1_000 * FROST_PER_WAL);
/// Longest time without a checkpoint.
const HEARTBEAT: Duration = Duration::from_secs(4);
/// How often whoever operates the nodes looks after them.
const TEND_INTERVAL: Duration = Duration::from_secs(1);
/// How long something happens to nobody, at most.
const PAUSE_MS_MAX: u64 = 4_000;
/// Largest blob, in bytes.
const BLOB_BYTES_MAX: usize = 4_000;

/// The network.
pub(crate) struct World {
    pub(crate) nodes: Vec<SimulatedNode>,
    pub(crate) users: Vec<User>,
    pub(crate) known: SharedKnown,
    pub(crate) reader: SuiReader,
    pub(crate) trace: Trace,
    chain: EmbeddedChain,
    network: Network,
    staker: WalrusContract,
    /// What comes next.
    rng: StdRng,
    /// The node that may lie, and whose disk may lose what was synced: more than one could be more
    /// than may fail.
    victim: usize,
    /// Nodes that may join.
    spares: Vec<SimulatedNode>,
    /// What the chain was at some time before.
    past: Option<Arc<EmbeddedChain>>,
    /// The only fault there is.
    only: Option<Event>,
}

impl World {
    /// Starts a network in its first epoch.
    pub(crate) async fn begin(
        base: &Base,
        seed: u64,
        options: Options,
        trace: Trace,
    ) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Network::new(rng.r#gen(), trace.clone());
        let chain = EmbeddedChain::resume(&base.snapshot)?;
        chain.set_heartbeat(Some(HEARTBEAT));
        let mut link =
            |who: String| ChainLink::new(chain.services(), who, rng.r#gen(), trace.clone());
        let admin_link = link("admin".to_owned());
        let user_links: Vec<_> = (0..USERS)
            .map(|index| link(format!("user-{index}")))
            .collect();
        let node_links: Vec<_> = (0..NODES_MAX)
            .map(|index| link(format!("node-{index}")))
            .collect();
        let ids = base.deployment.ids();
        let reader = SuiReader::with_cache_ttl(admin_link.rpc()?, ids, Duration::ZERO);
        let staker = WalrusContract::new(reader.clone(), admin());
        let count = rng.gen_range(NODES_MIN..=NODES_MAX);
        trace.note(format_args!("seed {seed}: {count} nodes"));
        let mut nodes = Vec::new();
        for (index, link) in (0..NODES_MAX).zip(node_links) {
            let seed = rng.r#gen();
            nodes.push(SimulatedNode::new(
                index, base, link, &network, seed, &trace,
            )?);
            if rng.gen_ratio(1, REFERENCE_ONE_IN) {
                network.know_the_reference_only(node_ip(index));
            }
        }
        let spares = nodes.split_off(usize::from(count));
        let known = SharedKnown::default();
        let mut users = Vec::new();
        for (index, link) in (0..USERS).zip(user_links) {
            let seed = rng.r#gen();
            users.push(User::new(
                index, base, link, &network, seed, &known, &trace,
            )?);
        }
        let stakes: Vec<_> = base.nodes[..usize::from(count)]
            .iter()
            .map(|node| (node.node_id, STAKE))
            .collect();
        walrus_sui::fleet::start_first_epoch(&staker, &stakes).await?;
        for node in &mut nodes {
            node.disk.set_syncs_lie(options.disks_lie);
            node.start()?;
        }
        let victim = rng.gen_range(0..nodes.len());
        Ok(Self {
            nodes,
            users,
            known,
            reader,
            trace,
            chain,
            network,
            staker,
            rng,
            victim,
            spares,
            past: None,
            only: options.only,
        })
    }

    /// Lets a while pass and something happen.
    pub(crate) async fn step(&mut self) -> anyhow::Result<()> {
        let pause = self.rng.gen_range(0..PAUSE_MS_MAX);
        sleep(Duration::from_millis(pause)).await;
        self.restart_failed().await?;
        let event = Event::choose(&mut self.rng, self.only);
        if event != Event::Act {
            self.trace.note(format_args!("{event:?}"));
        }
        self.happen(event).await
    }

    /// Ends everything that is wrong, and lets the users finish.
    pub(crate) async fn heal(&mut self) -> anyhow::Result<()> {
        self.trace.note(format_args!("everything heals"));
        self.network.heal();
        self.heal_chain();
        self.mend_disks();
        self.restart_failed().await?;
        self.start_all()?;
        while self.users.iter().any(User::is_busy) {
            sleep(TEND_INTERVAL).await;
            self.restart_failed().await?;
        }
        Ok(())
    }

    /// Starts nodes again that have given up, as whoever operates them would.
    pub(crate) async fn restart_failed(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            if let Some(reason) = node.failure() {
                let index = node.index;
                self.trace
                    .note(format_args!("node-{index} has failed: {reason}"));
                node.crash(&mut self.rng).await;
                node.start()?;
            }
        }
        Ok(())
    }

    /// The sequence number of the newest checkpoint.
    pub(crate) fn chain_height(&self) -> u64 {
        self.chain.height()
    }

    fn act(&mut self) {
        let idle: Vec<_> = self.users.iter().filter(|user| !user.is_busy()).collect();
        let Some(index) = idle.choose(&mut self.rng).map(|user| user.index) else {
            return;
        };
        let action = self.action(index);
        self.users[usize::from(index)].begin(action);
    }

    fn action(&mut self, user: u8) -> Action {
        let mut known = self.known.lock();
        let own: Vec<_> = known
            .stored
            .iter()
            .filter(|(owner, ..)| *owner == user)
            .copied()
            .collect();
        let any = known.stored.choose(&mut self.rng).copied();
        let own = own.choose(&mut self.rng).copied();
        match (self.rng.gen_range(0..40), any, own) {
            (0..=15, Some((_, blob_id, _)), _) => Action::Read(blob_id),
            (16..=18, _, Some((_, _, object))) => {
                known.stored.retain(|(_, _, stored)| *stored != object);
                Action::Delete(object)
            }
            (19..=20, _, Some((_, _, object))) => Action::Extend(object, self.rng.gen_range(1..4)),
            (21, ..) => Action::StoreInconsistently(content(&mut self.rng, BLOB_BYTES_MAX)),
            _ => {
                let length = self.rng.gen_range(1..=BLOB_BYTES_MAX);
                let bytes = content(&mut self.rng, length);
                Action::Store {
                    bytes,
                    epochs: *[1, 2, 15, 18].choose(&mut self.rng).unwrap_or(&1),
                    deletable: self.rng.gen_bool(0.5),
                }
            }
        }
    }

    fn start_all(&mut self) -> anyhow::Result<()> {
        self.nodes.iter_mut().try_for_each(SimulatedNode::start)
    }

    fn heal_chain(&mut self) {
        for link in self.links() {
            link.heal();
        }
    }

    fn mend_disks(&mut self) {
        for node in &mut self.nodes {
            node.disk.keep_going();
            node.disk.set_full(false);
            node.disk.set_syncs_fail(false);
            node.set_device_time_max(Duration::ZERO);
        }
    }

    fn any_node(&mut self) -> &mut SimulatedNode {
        let index = self.rng.gen_range(0..self.nodes.len());
        &mut self.nodes[index]
    }

    fn any_ip(&mut self) -> IpAddr {
        let nodes = self.nodes.len();
        match self.rng.gen_range(0..nodes + self.users.len()) {
            index if index < nodes => node_ip(self.nodes[index].index),
            index => user_ip(self.users[index - nodes].index),
        }
    }

    fn any_link(&mut self) -> &ChainLink {
        let nodes = self.nodes.len();
        match self.rng.gen_range(0..nodes + self.users.len()) {
            index if index < nodes => &self.nodes[index].chain,
            index => &self.users[index - nodes].chain,
        }
    }

    fn links(&self) -> impl Iterator<Item = &ChainLink> {
        let nodes = self.nodes.iter().map(|node| &node.chain);
        nodes.chain(self.users.iter().map(|user| &user.chain))
    }
}

/// A blob that nobody has seen before.
fn content(rng: &mut StdRng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Accounts of the users, in order.
pub(crate) fn user_addresses() -> impl Iterator<Item = walrus_core::SuiAddress> {
    (0..USERS).map(|index| user(index).address())
}
