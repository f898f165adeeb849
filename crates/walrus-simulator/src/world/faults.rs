//! How each thing that can happen is done.

use std::{sync::Arc, time::Duration};

use rand::{Rng as _, seq::SliceRandom as _};
use sui_localnet::EmbeddedChain;
use tokio::time::sleep;
use walrus_core::{FROST_PER_WAL, Frost};

use super::{STAKE, World};
use crate::{
    base::{EPOCH_DURATION, NODES_MAX, USERS, node_ip, user_ip},
    event::Event,
    node::SimulatedNode,
};

/// Stake that moves at once, at most: no node comes to have more shards than may fail.
const STAKE_MOVED_WAL_MAX: u64 = 150;
/// Changes of a disk after which it stops at the latest.
const STOP_AFTER_MAX: u32 = 12;
/// Delay of a slow host at most.
const SLOW_MS_MAX: u64 = 2_000;
/// Time that a slow disk takes for anything, at most.
const DEVICE_MS_MAX: u64 = 3_000;
/// By how much a clock is wrong, at most.
const CLOCK_WRONG_MS_MAX: i64 = 60 * 60 * 1_000;
/// Epochs in which nobody does anything.
const EMPTY_EPOCHS: u32 = 3;

impl World {
    /// Lets something happen.
    pub(super) async fn happen(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Act => self.act(),
            Event::Start => self.start_all()?,
            Event::Crash => {
                let index = self.rng.gen_range(0..self.nodes.len());
                self.nodes[index].crash(&mut self.rng).await;
            }
            Event::PowerCut => {
                for node in &mut self.nodes {
                    node.crash(&mut self.rng).await;
                }
            }
            Event::LoseDisk => {
                let node = &mut self.nodes[self.victim];
                node.crash(&mut self.rng).await;
                node.lose_disk();
            }
            Event::CrashUser => {
                let user = self.rng.gen_range(0..self.users.len());
                self.users[user].crash().await;
            }
            Event::MoveStake => self.move_stake().await,
            Event::Join => self.join().await?,
            Event::JumpClock => {
                // The chain's clock goes ahead of everybody's.
                let ms = self.rng.gen_range(0..60_000);
                self.chain.advance_clock(ms).await?;
            }
            Event::SkewClock => {
                let ms = self.rng.gen_range(-CLOCK_WRONG_MS_MAX..=CLOCK_WRONG_MS_MAX);
                self.any_node().set_clock_ahead_ms(ms);
            }
            Event::EmptyEpochs => sleep(EPOCH_DURATION * EMPTY_EPOCHS).await,
            Event::RotateKey => self.rotate_key().await?,
            Event::StallChain
            | Event::LoseRequests
            | Event::ReplayChain
            | Event::FallBehind
            | Event::GarbleEvents
            | Event::HealChain => self.spoil_chain(event).await?,
            Event::StopDisk
            | Event::FlipBit
            | Event::FillDisk
            | Event::FailSyncs
            | Event::SlowDisk
            | Event::MendDisk => self.spoil_disk(event),
            Event::Isolate
            | Event::Cut
            | Event::Slow
            | Event::HealLinks
            | Event::BreakConnections
            | Event::Lie => self.spoil_network(event),
        }
        Ok(())
    }

    fn spoil_disk(&mut self, event: Event) {
        match event {
            Event::StopDisk => {
                let changes = self.rng.gen_range(0..STOP_AFTER_MAX);
                self.any_node().disk.stop_after(changes);
            }
            Event::FlipBit => {
                let disk = self.nodes[self.victim].disk.clone();
                disk.flip_bit(&mut self.rng);
            }
            Event::FillDisk => self.any_node().disk.set_full(true),
            Event::FailSyncs => self.any_node().disk.set_syncs_fail(true),
            Event::SlowDisk => {
                let time = Duration::from_millis(self.rng.gen_range(1..=DEVICE_MS_MAX));
                self.any_node().set_device_time_max(time);
            }
            _ => self.mend_disks(),
        }
    }

    async fn spoil_chain(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::StallChain => self.any_link().stall(),
            Event::LoseRequests => self.any_link().lose(),
            Event::ReplayChain => self.any_link().replay(),
            Event::GarbleEvents => self.any_link().garble(),
            Event::FallBehind => {
                let now = Arc::new(EmbeddedChain::resume(&self.chain.snapshot().await?)?);
                let past = self.past.replace(Arc::clone(&now)).unwrap_or(now);
                self.any_link().fall_behind(past);
            }
            _ => self.heal_chain(),
        }
        Ok(())
    }

    fn spoil_network(&mut self, event: Event) {
        match event {
            Event::Isolate => {
                let alone = self.any_ip();
                let nodes = (0..NODES_MAX).map(node_ip);
                let users = (0..USERS).map(user_ip);
                for other in nodes.chain(users).filter(|other| *other != alone) {
                    self.network.cut(alone, other);
                }
            }
            Event::Cut => {
                let (one, other) = (self.any_ip(), self.any_ip());
                self.network.cut(one, other);
            }
            Event::Slow => {
                let delay = Duration::from_millis(self.rng.gen_range(0..SLOW_MS_MAX));
                let host = self.any_ip();
                self.network.slow_down(host, delay);
            }
            Event::BreakConnections => self.network.set_breaks(true),
            Event::Lie => {
                let liar = self.nodes[self.victim].index;
                self.network.let_lie(node_ip(liar));
            }
            _ => self.network.heal_links(),
        }
    }

    async fn move_stake(&mut self) {
        let amount = Frost(self.rng.gen_range(1..=STAKE_MOVED_WAL_MAX) * FROST_PER_WAL);
        let Ok(committee) = self.reader.current_committee().await else {
            return;
        };
        if let Some(member) = committee.members.choose(&mut self.rng) {
            let stakes = [(member.node_id, amount)];
            let staked = self.staker.stake_with_pools(&stakes).await;
            let outcome = staked.map_or_else(|error| error.to_string(), |_| "done".to_owned());
            self.trace
                .note(format_args!("stake with {}: {outcome}", member.name));
        }
    }

    /// A registered node that nobody has staked with gets as much stake as the others had in the
    /// beginning, and starts.
    async fn join(&mut self) -> anyhow::Result<()> {
        let Some(mut node) = self.spares.pop() else {
            return Ok(());
        };
        let stakes = [(node.node_id, STAKE)];
        self.staker.stake_with_pools(&stakes).await?;
        node.start()?;
        self.trace.note(format_args!("node-{} joins", node.index));
        self.nodes.push(node);
        Ok(())
    }

    /// A node gets another key to sign with, or loses the old one once the committee knows the new
    /// one.
    async fn rotate_key(&mut self) -> anyhow::Result<()> {
        let committee = self.reader.current_committee().await?;
        let index = self.rng.gen_range(0..self.nodes.len());
        let node: &mut SimulatedNode = &mut self.nodes[index];
        node.crash(&mut self.rng).await;
        match node.next_key() {
            None => node.set_next_key(),
            Some(next) => {
                let member = committee.member(node.node_id);
                if member.is_some_and(|(_, member)| member.public_key == next) {
                    node.forget_old_key();
                }
            }
        }
        node.start()
    }
}
