//! Exchange rates, and the whole life of stake in a pool.

use std::cell::RefCell;

use proptest::prelude::*;
use walrus_contracts::types::{
    Authorized, Balance, Collection, ExtendedField, GroupElement, PendingValues, PoolExchangeRate,
    PoolState, StakingPool, StorageNodeInfo, VotingParams,
};
use walrus_core::{ObjectId, SuiAddress};
use walrus_tests::{
    agreement::{assert_pool, rate_of, stake_of},
    machine::{Abort, Arg, Held, Machine, bcs, context},
    model::{Pool, Rate, Refused, Stake, Standing},
    random::for_all,
};

const WAL: u64 = 1_000_000_000;

#[test]
fn shares_convert_at_the_rate() {
    let machine = RefCell::new(Machine::new());
    let amount = prop_oneof![0u64..10, 0u64..5_000_000_000_000_000_000];
    let rates = amount.clone().prop_flat_map(|wal| (Just(wal), 0..=wal));
    for_all(3000, &(rates, amount), |((wal, shares), amount)| {
        let mut machine = machine.borrow_mut();
        let arguments = [bcs(&wal), bcs(&shares)];
        let rate = machine
            .make("walrus::pool_exchange_rate::new", arguments)
            .unwrap();
        let expected = Rate::of(wal, shares);
        let mut convert = |function: &str, amount: u64| {
            let path = format!("walrus::pool_exchange_rate::{function}");
            machine.get::<u64>(&path, [Arg::Ref(&rate), bcs(&amount)])
        };
        let bought = expected.to_shares(amount);
        assert_eq!(convert("convert_to_share_amount", amount), Ok(bought));
        let worth = convert("convert_to_wal_amount", bought).unwrap();
        assert_eq!(worth, expected.to_wal(bought));
        assert!(worth <= amount, "rounding is for the pool");
    });
}

#[test]
fn a_share_is_never_worth_less_than_one_frost() {
    let mut machine = Machine::new();
    let abort = machine.make("walrus::pool_exchange_rate::new", [bcs(&5u64), bcs(&6u64)]);
    assert!(abort.err().unwrap().is("pool_exchange_rate", 0));
}

/// What happens to a pool. Indices are taken modulo the number of stakes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Stake(u64),
    Request(usize),
    Withdraw(usize),
    /// Everybody leaves who can, or asks for it.
    Leave,
    Split(usize, u64),
    Join(usize, usize),
    NextCommission(u16),
    AddCommission(u64),
    CollectCommission,
    UnblockCommission,
    Slash,
    /// The next committee is chosen, with or without the node. That happens once in an epoch.
    Select(bool),
    /// The next epoch starts; the node gets rewards if it was in the committee.
    NextEpoch(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let stake = prop_oneof![
        Just(0),
        1u64..WAL,
        // What leaves again, rounded down, leaves some dust.
        WAL..WAL + 5,
        WAL..10_000 * WAL,
        WAL..50_000_000 * WAL
    ];
    let rewards = prop_oneof![Just(0), 1u64..100, 1u64..1000 * WAL, 1u64..10_000_000 * WAL];
    let stakes = 0..1000usize;
    prop_oneof![
        4 => stake.clone().prop_map(Step::Stake),
        4 => stakes.clone().prop_map(Step::Request),
        4 => stakes.clone().prop_map(Step::Withdraw),
        2 => Just(Step::Leave),
        1 => (stakes.clone(), stake).prop_map(|(index, amount)| Step::Split(index, amount)),
        1 => (stakes.clone(), stakes).prop_map(|(first, second)| Step::Join(first, second)),
        1 => (0u16..10_100).prop_map(Step::NextCommission),
        1 => (0u64..WAL).prop_map(Step::AddCommission),
        1 => Just(Step::CollectCommission),
        1 => Just(Step::UnblockCommission),
        1 => Just(Step::Slash),
        4 => prop::bool::weighted(0.7).prop_map(Step::Select),
        6 => rewards.prop_map(Step::NextEpoch),
    ]
}

#[test]
fn pools_live_as_the_model_says() {
    let machine = RefCell::new(Machine::new());
    let histories = (0u16..=10_000, 0u32..5, prop::collection::vec(step(), 1..80));
    for_all(3000, &histories, |(commission_rate, epoch, steps)| {
        let mut machine = machine.borrow_mut();
        machine.forget();
        let mut life = Life::new(&mut machine, commission_rate, epoch);
        for step in steps {
            life.take(step);
            life.compare();
        }
        life.end();
    });
}

/// A pool in the machine and in the model, step by step.
struct Life<'m> {
    machine: &'m mut Machine,
    pool: Held,
    stakes: Vec<(Held, Stake)>,
    model: Pool,
    standing: Standing,
}

const NODE: u8 = 1;

impl<'m> Life<'m> {
    fn new(machine: &'m mut Machine, commission_rate: u16, epoch: u32) -> Self {
        let standing = Standing {
            epoch,
            selected: false,
            current: false,
            next: false,
        };
        let mut pool = empty_pool(machine, NODE, epoch);
        pool.commission_rate = commission_rate;
        Self {
            pool: machine.hold("walrus::staking_pool::StakingPool", &pool),
            model: Pool::new(standing, commission_rate).expect("the rate is valid"),
            stakes: Vec::new(),
            machine,
            standing,
        }
    }

    fn context(&self) -> Arg<'static> {
        let Standing {
            epoch,
            selected,
            current,
            next,
        } = self.standing;
        bcs(&(epoch, selected, current, next))
    }

    fn take(&mut self, step: Step) {
        let node = ObjectId([NODE; 32]);
        match step {
            Step::Stake(amount) => {
                let expected = self.model.stake(node, amount, self.standing);
                let payment = Arg::Own(self.machine.wal(amount));
                let pool = self.machine.copy(&self.pool);
                let arguments = [Arg::Ref(&pool), payment, self.context(), context()];
                let found = self.machine.make("walrus::staking_pool::stake", arguments);
                if let Some(held) = agreed(found, expected) {
                    self.pool = pool;
                    self.stakes.push((held, expected.expect("it was accepted")));
                }
            }
            Step::Request(index) => {
                let Some(index) = self.index(index) else {
                    return;
                };
                let mut stake = self.stakes[index].1;
                let expected = self.model.request_withdrawal(&mut stake, self.standing);
                let (pool, staked) = self.copies(index);
                let arguments = [Arg::Ref(&pool), Arg::Ref(&staked), self.context()];
                let path = "walrus::staking_pool::request_withdraw_stake";
                if agreed(self.machine.call(path, arguments), expected).is_some() {
                    self.pool = pool;
                    self.stakes[index] = (staked, stake);
                }
            }
            Step::Withdraw(index) => {
                let Some(index) = self.index(index) else {
                    return;
                };
                let expected = self.model.withdraw(&self.stakes[index].1, self.standing);
                let (pool, staked) = self.copies(index);
                let arguments = [Arg::Ref(&pool), Arg::Own(staked), self.context()];
                let path = "walrus::staking_pool::withdraw_stake";
                if let Some(paid) = agreed(self.machine.make(path, arguments), expected) {
                    assert_eq!(Ok(self.machine.read::<u64>(&paid)), expected);
                    self.pool = pool;
                    self.stakes.swap_remove(index);
                }
            }
            Step::Leave => {
                for index in (0..self.stakes.len()).rev() {
                    self.take(Step::Request(index));
                    self.take(Step::Withdraw(index));
                }
            }
            Step::Split(index, amount) => {
                let Some(index) = self.index(index) else {
                    return;
                };
                let mut stake = self.stakes[index].1;
                let expected = stake.split(amount);
                let staked = self.machine.copy(&self.stakes[index].0);
                let arguments = [Arg::Ref(&staked), bcs(&amount), context()];
                let found = self.machine.make("walrus::staked_wal::split", arguments);
                if let Some(part) = agreed(found, expected) {
                    self.stakes[index] = (staked, stake);
                    self.stakes.push((part, expected.expect("it was accepted")));
                }
            }
            Step::Join(first, second) => {
                let (Some(first), Some(second)) = (self.index(first), self.index(second)) else {
                    return;
                };
                if first == second {
                    return;
                }
                let mut stake = self.stakes[first].1;
                let expected = stake.join(self.stakes[second].1);
                let joined = self.machine.copy(&self.stakes[first].0);
                let other = self.machine.copy(&self.stakes[second].0);
                let arguments = [Arg::Ref(&joined), Arg::Own(other)];
                let found = self.machine.call("walrus::staked_wal::join", arguments);
                if agreed(found, expected).is_some() {
                    self.stakes[first] = (joined, stake);
                    self.stakes.swap_remove(second);
                }
            }
            Step::NextCommission(rate) => {
                let expected = self.model.set_next_commission(self.standing.epoch, rate);
                let arguments = [Arg::Ref(&self.pool), bcs(&rate), self.context()];
                let path = "walrus::staking_pool::set_next_commission";
                agreed(self.machine.call(path, arguments), expected);
            }
            Step::AddCommission(amount) => {
                let blocked = !self.standing.selected;
                self.model.add_commission(amount, blocked);
                let commission = Arg::Own(self.machine.wal(amount));
                let arguments = [Arg::Ref(&self.pool), commission, bcs(&blocked)];
                done(
                    self.machine
                        .call("walrus::staking_pool::add_commission", arguments),
                );
            }
            Step::CollectCommission => {
                let expected = self.model.collect_commission();
                // Variant 0: the sender, who is the receiver of `empty_pool`.
                let sender = bcs(&(0u8, SuiAddress([NODE; 32])));
                let arguments = [Arg::Ref(&self.pool), sender];
                let path = "walrus::staking_pool::collect_commission";
                assert_eq!(self.machine.get::<u64>(path, arguments), Ok(expected));
            }
            Step::UnblockCommission => {
                self.model.blocked = 0;
                let pool = Arg::Ref(&self.pool);
                self.machine
                    .call("walrus::staking_pool::unblock_commission", [pool])
                    .unwrap();
            }
            Step::Slash => {
                let expected = self.model.slash();
                let path = "walrus::staking_pool::take_commission";
                let found = self.machine.get::<u64>(path, [Arg::Ref(&self.pool)]);
                assert_eq!(found, Ok(expected));
            }
            Step::Select(next) => {
                self.standing.next |= next && !self.standing.selected;
                self.standing.selected = true;
            }
            Step::NextEpoch(rewards) => self.next_epoch(rewards),
        }
    }

    fn next_epoch(&mut self, rewards: u64) {
        let is_paid = self.standing.current && self.model.balance > 0;
        let is_advanced = self.standing.current || self.standing.next;
        let epoch = self.standing.epoch + 1;
        self.standing = Standing {
            epoch,
            selected: false,
            current: self.standing.next,
            next: false,
        };
        if !is_advanced {
            return;
        }
        let rewards = if is_paid { rewards } else { 0 };
        let projected = self.model.balance_in(epoch);
        // A pool that was away for one epoch looks two ahead like one that was not, which can
        // differ by a share.
        let is_projection_exact = rewards == 0 && epoch != self.model.latest + 2;
        self.model.advance(epoch, rewards);
        if is_projection_exact {
            assert_eq!(self.model.balance, projected);
        }
        let rewards = Arg::Own(self.machine.wal(rewards));
        let arguments = [Arg::Ref(&self.pool), rewards, bcs(&epoch)];
        let path = "walrus::staking_pool::advance_epoch";
        done(self.machine.call(path, arguments));
    }

    /// Whatever has happened: outside the committees everybody can leave, and the node can come
    /// back.
    fn end(&mut self) {
        for _ in 0..3 {
            for step in [Step::Leave, Step::Select(false), Step::NextEpoch(0)] {
                self.take(step);
                self.compare();
            }
        }
        self.take(Step::Leave);
        assert!(self.stakes.is_empty());
        for step in [Step::Select(true), Step::NextEpoch(0)] {
            self.take(step);
            self.compare();
        }
        assert!(self.model.leaving_shares.is_empty() && self.model.pending_stake.is_empty());
    }

    fn index(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.stakes.len())
    }

    /// What an aborted call leaves behind does not count.
    fn copies(&self, index: usize) -> (Held, Held) {
        let staked = &self.stakes[index].0;
        (self.machine.copy(&self.pool), self.machine.copy(staked))
    }

    fn compare(&mut self) {
        let pool: StakingPool = self.machine.read(&self.pool);
        let blocked = self.number("blocked_commission", None);
        assert_pool(&pool, blocked, &self.model);
        let epoch = self.standing.epoch;
        for ahead in [epoch + 1, epoch + 2] {
            let found = self.number("wal_balance_at_epoch", Some(ahead));
            assert_eq!(found, self.model.balance_in(ahead));
        }
        let arguments = [Arg::Ref(&self.pool), bcs(&epoch)];
        let rate: PoolExchangeRate = self
            .machine
            .get("walrus::staking_pool::rate_at", arguments)
            .unwrap();
        assert_eq!(rate_of(rate), self.model.rate_at(epoch));
        for (held, stake) in &self.stakes {
            assert_eq!(stake_of(&self.machine.read(held)), *stake);
        }
        // If more were owned than the pool has given out, more could leave than there is.
        let active = self.stakes.iter().map(|(_, stake)| stake).filter(|stake| {
            stake.activation <= pool.latest_epoch
                && stake.withdrawal.is_none_or(|due| due > pool.latest_epoch)
        });
        let owned: u64 = active
            .map(|stake| {
                self.model
                    .rate_at(stake.activation)
                    .to_shares(stake.principal)
            })
            .sum();
        assert!(owned <= pool.num_shares);
    }

    fn number(&mut self, function: &str, argument: Option<u32>) -> u64 {
        let path = format!("walrus::staking_pool::{function}");
        let arguments = [
            Some(Arg::Ref(&self.pool)),
            argument.map(|argument| bcs(&argument)),
        ];
        self.machine
            .get(&path, arguments.into_iter().flatten())
            .unwrap()
    }
}

fn done(found: Result<Vec<Held>, Abort>) {
    if let Err(abort) = found {
        panic!("it is refused: {}", abort.text);
    }
}

/// Asserts that machine and model agree about a refusal; returns the result unless it is one.
pub(crate) fn agreed<T, M>(found: Result<T, Abort>, expected: Result<M, Refused>) -> Option<T> {
    match (found, expected) {
        (Ok(found), Ok(_)) => Some(found),
        (Err(abort), Err(Refused(module, code))) => {
            assert!(
                abort.is(module, code),
                "expected {module} {code}: {}",
                abort.text
            );
            None
        }
        (Ok(_), Err(refused)) => panic!("it is accepted instead of {refused:?}"),
        (Err(abort), Ok(_)) => panic!("it is refused: {}", abort.text),
    }
}

/// The pool of a node that registers in an epoch. Its keys and description do not matter here.
pub(crate) fn empty_pool(machine: &mut Machine, number: u8, epoch: u32) -> StakingPool {
    let id = ObjectId([number; 32]);
    let rates = machine
        .call_generic(
            "sui::table::new",
            &["u32", "walrus::pool_exchange_rate::PoolExchangeRate"],
            [context()],
        )
        .unwrap()
        .pop()
        .unwrap();
    machine
        .call_generic(
            "sui::table::add",
            &["u32", "walrus::pool_exchange_rate::PoolExchangeRate"],
            [Arg::Ref(&rates), bcs(&epoch), bcs(&PoolExchangeRate::Flat)],
        )
        .unwrap();
    let extra_fields = machine.make("sui::bag::new", [context()]).unwrap();
    let exchange_rates: Collection = machine.read(&rates);
    StakingPool {
        id,
        state: PoolState::Active,
        voting_params: VotingParams {
            storage_price: 0,
            write_price: 0,
            node_capacity: 0,
        },
        node_info: StorageNodeInfo {
            name: String::new(),
            node_id: id,
            network_address: String::new(),
            public_key: GroupElement { bytes: vec![0; 96] },
            next_epoch_public_key: None,
            network_public_key: vec![2; 33],
            metadata: ExtendedField { id },
        },
        activation_epoch: epoch,
        latest_epoch: epoch,
        wal_balance: 0,
        num_shares: 0,
        pending_shares_withdraw: PendingValues::default(),
        pre_active_withdrawals: PendingValues::default(),
        pending_commission_rate: PendingValues::default(),
        commission_rate: 0,
        exchange_rates,
        pending_stake: PendingValues::default(),
        rewards_pool: Balance::default(),
        commission: Balance::default(),
        commission_receiver: Authorized::Address(SuiAddress([number; 32])),
        governance_authorized: Authorized::Address(SuiAddress([number; 32])),
        extra_fields: machine.read(&extra_fields),
    }
}
