//! A whole deployment as numbers.

use std::collections::BTreeMap;

use walrus_core::ObjectId;

use super::{
    Accounting, ActiveSet, Assignment, Pool, Refused, Stake, Standing, Subsidies, burn_share,
    capacity, first_committee, is_quorum, next_committee, price, shard_counts, split_rewards,
};

/// Most candidates for a committee.
const CANDIDATES_MAX: usize = 111;

const WRONG_STATE: Refused = Refused("staking_inner", 0);
const DUPLICATE_SYNC: Refused = Refused("staking_inner", 2);
const NO_STAKE: Refused = Refused("staking_inner", 3);
const NOT_IN_COMMITTEE: Refused = Refused("staking_inner", 4);
const NO_NEXT_COMMITTEE: Refused = Refused("staking_inner", 6);

/// Where in the epoch the network is. Times are in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// So many shards have arrived.
    Sync(u16),
    /// A quorum of shards had arrived at this time.
    Done(u64),
    /// The next committee is chosen; the time is that of the phase before.
    Selected(u64),
}

/// The network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Number of shards.
    pub n_shards: u16,
    /// The current epoch.
    pub epoch: u32,
    /// Where in it the network is.
    pub phase: Phase,
    /// What is sold and paid.
    pub accounting: Accounting,
    /// All nodes.
    pub pools: BTreeMap<ObjectId, Pool>,
    /// The candidates for the next committee.
    pub active_set: ActiveSet,
    /// The committee of the epoch before.
    pub previous: Assignment,
    /// The committee.
    pub current: Assignment,
    /// The committee of the next epoch, once it is chosen.
    pub next: Option<Assignment>,
    /// Capacity of the next epoch, once it is chosen.
    pub next_capacity: u64,
    /// Bytes that the nodes' deny lists take from what they store.
    pub deny_list_sizes: BTreeMap<ObjectId, u64>,
    /// All WAL there is, in FROST.
    pub supply: u64,
    epoch_ms: u64,
    first_epoch_start_ms: u64,
    attested: BTreeMap<ObjectId, u32>,
}

impl Network {
    /// A network in epoch 0, created at the given time, which may end that epoch at once.
    pub fn new(n_shards: u16, epochs_max: u32, epoch_ms: u64, supply: u64, now_ms: u64) -> Self {
        Self {
            n_shards,
            epoch: 0,
            phase: Phase::Done(now_ms),
            accounting: Accounting::new(epochs_max),
            pools: BTreeMap::new(),
            active_set: ActiveSet::new(CANDIDATES_MAX),
            previous: Assignment::new(),
            current: Assignment::new(),
            next: None,
            next_capacity: 0,
            deny_list_sizes: BTreeMap::new(),
            supply,
            epoch_ms,
            first_epoch_start_ms: now_ms,
            attested: BTreeMap::new(),
        }
    }

    /// Where a node stands.
    pub fn standing(&self, node: ObjectId) -> Standing {
        let next = self.next.as_ref();
        Standing {
            epoch: self.epoch,
            selected: next.is_some(),
            current: self.current.contains_key(&node),
            next: next.is_some_and(|next| next.contains_key(&node)),
        }
    }

    /// Registers a node with its votes: storage price, write price, capacity.
    ///
    /// # Errors
    ///
    /// As [`Pool::new`].
    pub fn register(
        &mut self,
        node: ObjectId,
        commission_rate: u16,
        (storage_price, write_price, capacity): (u64, u64, u64),
    ) -> Result<(), Refused> {
        let pool = Pool::new(self.standing(node), commission_rate)?;
        let pool = Pool {
            storage_price,
            write_price,
            capacity,
            ..pool
        };
        self.pools.insert(node, pool);
        Ok(())
    }

    /// The pool of a node.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn pool(&mut self, node: ObjectId) -> &mut Pool {
        self.pools.get_mut(&node).expect("the node is registered")
    }
}

/// Stake.
impl Network {
    /// Stakes with a node.
    ///
    /// # Errors
    ///
    /// As [`Pool::stake`].
    pub fn stake(&mut self, node: ObjectId, amount: u64) -> Result<Stake, Refused> {
        let standing = self.standing(node);
        let stake = self.pool(node).stake(node, amount, standing)?;
        self.refresh(node);
        Ok(stake)
    }

    /// Announces that stake leaves.
    ///
    /// # Errors
    ///
    /// As [`Pool::request_withdrawal`].
    pub fn request_withdrawal(&mut self, stake: &mut Stake) -> Result<(), Refused> {
        let standing = self.standing(stake.node);
        self.pool(stake.node).request_withdrawal(stake, standing)?;
        self.refresh(stake.node);
        Ok(())
    }

    /// Pays stake out; returns the amount.
    ///
    /// # Errors
    ///
    /// As [`Pool::withdraw`].
    pub fn withdraw(&mut self, stake: &Stake) -> Result<u64, Refused> {
        let standing = self.standing(stake.node);
        let paid = self.pool(stake.node).withdraw(stake, standing)?;
        self.refresh(stake.node);
        Ok(paid)
    }

    /// Puts what a node will have in the first epoch that is not decided yet into the active set.
    pub fn refresh(&mut self, node: ObjectId) {
        let ahead = if matches!(self.phase, Phase::Selected(_)) {
            2
        } else {
            1
        };
        let epoch = self.epoch + ahead;
        let balance = self.pool(node).balance_in(epoch);
        self.active_set.set(node, balance);
    }
}

/// The life of epochs.
impl Network {
    /// The committee that the present stake leads to.
    ///
    /// # Errors
    ///
    /// When nobody has staked.
    ///
    /// # Panics
    ///
    /// When the limit per node leaves shards without a holder.
    pub fn compute_next_committee(&self) -> Result<Assignment, Refused> {
        if self.active_set.total_stake() == 0 {
            return Err(NO_STAKE);
        }
        let nodes = &self.active_set.nodes;
        let stakes: Vec<_> = nodes.iter().map(|(_, stake)| *stake).collect();
        let counts = shard_counts(self.n_shards, &stakes).expect("there are enough shards");
        let counts: Vec<_> = nodes.iter().map(|(node, _)| *node).zip(counts).collect();
        Ok(if self.current.is_empty() {
            first_committee(&counts)
        } else {
            next_committee(&self.current, &counts)
        })
    }

    /// Ends the votes.
    ///
    /// # Errors
    ///
    /// When it is not the time for it.
    pub fn voting_end(&mut self, now_ms: u64) -> Result<(), Refused> {
        let Phase::Done(since) = self.phase else {
            return Err(WRONG_STATE);
        };
        if now_ms < self.earliest(since, self.epoch_ms / 2) {
            return Err(WRONG_STATE);
        }
        let next = self.compute_next_committee()?;
        for node in self.previous.keys() {
            let pool = self.pools.get_mut(node);
            pool.expect("members are registered").blocked = 0;
        }
        let votes: Vec<_> = next
            .iter()
            .map(|(node, shards)| (self.pools[node].capacity, count(shards)))
            .collect();
        self.next_capacity = capacity(&votes, self.n_shards);
        self.next = Some(next);
        self.phase = Phase::Selected(since);
        Ok(())
    }

    /// Starts the next epoch: burns a part of the payments and rewards the nodes with the rest.
    ///
    /// # Errors
    ///
    /// When it is not the time for it.
    pub fn change_epoch(&mut self, now_ms: u64) -> Result<(), Refused> {
        let Some(next) = self.next.clone() else {
            return Err(NO_NEXT_COMMITTEE);
        };
        let Phase::Selected(since) = self.phase else {
            return Err(WRONG_STATE);
        };
        if now_ms < self.earliest(since, self.epoch_ms) {
            return Err(WRONG_STATE);
        }
        let ended = self.accounting.end_epoch(self.next_capacity);
        let burnt = burn_share(ended.rewards);
        self.supply -= burnt;
        let rewards = ended.rewards - burnt;
        let members: Vec<_> = self
            .current
            .iter()
            .map(|(node, shards)| {
                let denied = self.deny_list_sizes.get(node).copied().unwrap_or(0);
                (count(shards), denied)
            })
            .collect();
        let shares = split_rewards(rewards, ended.used, &members);
        self.epoch += 1;
        let left_over = rewards - shares.iter().sum::<u64>();
        self.accounting.pay(self.epoch, left_over);

        self.previous = std::mem::replace(&mut self.current, next);
        self.next = None;
        self.phase = Phase::Sync(0);
        let old: Vec<_> = self.previous.keys().copied().zip(shares).collect();
        let new = self
            .current
            .keys()
            .filter(|node| !self.previous.contains_key(*node));
        let new: Vec<_> = new.map(|node| (*node, 0)).collect();
        for (node, share) in old.into_iter().chain(new) {
            let epoch = self.epoch;
            self.pool(node).advance(epoch, share);
            self.refresh(node);
        }
        self.update_prices();
        Ok(())
    }

    /// A node attests that it has its shards.
    ///
    /// # Errors
    ///
    /// When it did so already, or has no shards.
    pub fn attest(&mut self, node: ObjectId, now_ms: u64) -> Result<(), Refused> {
        if self.attested.get(&node) == Some(&self.epoch) || self.epoch == 0 {
            return Err(DUPLICATE_SYNC);
        }
        let shards = self.current.get(&node).ok_or(NOT_IN_COMMITTEE)?;
        self.attested.insert(node, self.epoch);
        if let Phase::Sync(arrived) = self.phase {
            let arrived = arrived + count(shards);
            self.phase = if is_quorum(arrived, self.n_shards) {
                Phase::Done(now_ms)
            } else {
                Phase::Sync(arrived)
            };
        }
        Ok(())
    }

    /// Computes the prices from the votes of the committee.
    pub fn update_prices(&mut self) {
        let votes = |vote: fn(&Pool) -> u64| -> Vec<_> {
            let members = self.current.iter();
            members
                .map(|(node, shards)| (vote(&self.pools[node]), count(shards)))
                .collect()
        };
        let storage = price(&votes(|pool| pool.storage_price), self.n_shards);
        let write = price(&votes(|pool| pool.write_price), self.n_shards);
        self.accounting.storage_price = storage;
        self.accounting.write_price = write;
    }

    fn earliest(&self, since: u64, duration: u64) -> u64 {
        if self.epoch == 0 {
            self.first_epoch_start_ms
        } else {
            since + duration
        }
    }
}

/// Commission and subsidies.
impl Network {
    /// Gives commission to nodes from outside.
    pub fn add_commission(&mut self, commissions: &[(ObjectId, u64)]) {
        let blocked = !matches!(self.phase, Phase::Selected(_));
        for (node, amount) in commissions {
            self.pool(*node).add_commission(*amount, blocked);
        }
    }

    /// Burns all commission of a node.
    pub fn slash(&mut self, node: ObjectId) {
        self.supply -= self.pool(node).slash();
    }

    /// Pays the subsidies that are due.
    pub fn process_subsidies(&mut self, subsidies: &mut Subsidies) {
        let commissions = subsidies.process(&mut self.accounting, &self.previous);
        self.add_commission(&commissions);
    }
}

fn count(shards: &[u16]) -> u16 {
    u16::try_from(shards.len()).expect("there are at most 65535 shards")
}
