//! What is sold and paid for each epoch, and who gets it.

use std::cell::RefCell;

use proptest::prelude::*;
use walrus_contracts::types::{
    BlsCommittee, BlsCommitteeMember, Coin, EpochParams, ExtendedField, GroupElement,
    SystemStateInnerV1, VecMap,
};
use walrus_core::ObjectId;
use walrus_tests::{
    agreement::assert_accounting,
    machine::{Arg, Held, Machine, bcs, context},
    model::{self, Accounting},
    random::for_all,
};

use super::pools::agreed;

/// Positions among the fields of `SystemStateInnerV1`.
const COMMITTEE: usize = 0;
const DENY_LIST_SIZES: usize = 7;

const MIB: u64 = 1 << 20;
const WALLET: u64 = 1_000_000_000_000;

#[derive(Debug, Clone, Copy)]
enum Step {
    Reserve(u64, u32),
    ReservePeriod(u64, u32, u32),
    /// Bytes, end of the storage relative to now, epochs.
    Extend(u64, u32, u32),
    Write(u64),
    Subsidise(u64, u32),
    /// Prices of storage and writing.
    Prices(u64, u64),
    /// The capacity that the next epoch gets.
    NextEpoch(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop_oneof![Just(0), Just(1), Just(MIB), Just(MIB + 1), 1..500 * MIB];
    let epochs = || 0..14u32;
    prop_oneof![
        4 => (bytes(), epochs()).prop_map(|(bytes, epochs)| Step::Reserve(bytes, epochs)),
        3 => (bytes(), 0..30u32, 0..30u32)
            .prop_map(|(bytes, start, end)| Step::ReservePeriod(bytes, start, end)),
        3 => (bytes(), 1..9u32, epochs())
            .prop_map(|(bytes, end, epochs)| Step::Extend(bytes, end, epochs)),
        2 => bytes().prop_map(Step::Write),
        2 => (0..1_000_000u64, epochs())
            .prop_map(|(amount, epochs)| Step::Subsidise(amount, epochs)),
        1 => (0..100_000u64, 0..1_000u64).prop_map(|(storage, write)| Step::Prices(storage, write)),
        2 => (0..5_000 * MIB).prop_map(Step::NextEpoch),
    ]
}

#[test]
fn storage_is_sold_as_the_model_says() {
    let machine = RefCell::new(Machine::new());
    for_all(
        1200,
        &(1u32..10, prop::collection::vec(step(), 1..60)),
        |(epochs_max, steps)| {
            let mut machine = machine.borrow_mut();
            machine.forget();
            let mut market = Market::new(&mut machine, epochs_max);
            market.take(Step::NextEpoch(4_000 * MIB));
            for step in steps {
                market.take(step);
                market.compare();
            }
        },
    );
}

struct Market<'m> {
    machine: &'m mut Machine,
    state: Held,
    payment: Held,
    budget: u64,
    model: Accounting,
}

impl<'m> Market<'m> {
    fn new(machine: &'m mut Machine, epochs_max: u32) -> Self {
        let state = empty_system(machine, epochs_max);
        Self {
            payment: wallet(machine),
            state,
            budget: WALLET,
            model: Accounting::new(epochs_max),
            machine,
        }
    }

    fn take(&mut self, step: Step) {
        // What an aborted call leaves behind does not count.
        let (state, payment) = (
            self.machine.copy(&self.state),
            self.machine.copy(&self.payment),
        );
        let (on, from) = (Arg::Ref(&state), Arg::Ref(&payment));
        let expected;
        let found = match step {
            Step::Reserve(bytes, epochs) => {
                let epoch = self.model.epoch;
                expected = self
                    .model
                    .reserve(bytes, epoch, epoch + epochs, self.budget);
                let arguments = [on, bcs(&bytes), bcs(&epochs), from, context()];
                self.machine
                    .call("walrus::system_state_inner::reserve_space", arguments)
            }
            Step::ReservePeriod(bytes, start, end) => {
                expected = self.model.reserve(bytes, start, end, self.budget);
                let arguments = [on, bcs(&bytes), bcs(&start), bcs(&end), from, context()];
                let path = "walrus::system_state_inner::reserve_space_for_epochs";
                self.machine.call(path, arguments)
            }
            Step::Extend(bytes, ahead, epochs) => {
                // Blobs and pools are extended by this; their storage has a size, and is extended
                // by some epochs.
                let (bytes, epochs) = (bytes.max(1), epochs.max(1));
                let start = self.model.epoch;
                let end = start + ahead.clamp(1, self.model.epochs_max);
                expected = self.model.extend(bytes, end, epochs, self.budget);
                let storage = (ObjectId([7; 32]), start, end, bytes);
                let arguments = [on, bcs(&storage), bcs(&epochs), from];
                self.machine
                    .call("walrus::system_state_inner::sell_extension", arguments)
            }
            Step::Write(bytes) => {
                expected = self.model.write(bytes, self.budget);
                let arguments = [on, bcs(&bytes), from];
                self.machine
                    .call("walrus::system_state_inner::charge_for_writing", arguments)
            }
            Step::Subsidise(amount, epochs) => {
                expected = self.model.subsidise(amount, epochs).map(|()| 0);
                let coin = (ObjectId([8; 32]), amount);
                let arguments = [on, bcs(&coin), bcs(&epochs)];
                self.machine
                    .call("walrus::system_state_inner::add_subsidy", arguments)
            }
            Step::Prices(storage, write) => {
                (self.model.storage_price, self.model.write_price) = (storage, write);
                expected = Ok(0);
                let arguments = [on, bcs(&storage), bcs(&write)];
                self.machine
                    .call("walrus::system_state_inner::update_prices", arguments)
            }
            Step::NextEpoch(capacity) => {
                let ended = self.model.end_epoch(capacity);
                // Nobody is in the committee, so that everything is left to the next epoch.
                self.model.pay(self.model.epoch, ended.rewards);
                expected = Ok(0);
                let arguments = [
                    on,
                    bcs(&committee(self.model.epoch, &[])),
                    bcs(&params(capacity)),
                ];
                self.machine
                    .call("walrus::system_state_inner::advance_epoch", arguments)
            }
        };
        if agreed(found, expected).is_some() {
            self.budget -= expected.expect("it was accepted");
            (self.state, self.payment) = (state, payment);
        }
    }

    fn compare(&self) {
        let state: SystemStateInnerV1 = self.machine.read(&self.state);
        assert_eq!(
            self.machine.read::<Coin>(&self.payment).balance.value,
            self.budget
        );
        assert_accounting(&state, &self.model);
    }
}

#[test]
fn rewards_are_split_to_the_last_frost() {
    let machine = RefCell::new(Machine::new());
    let size = || prop_oneof![Just(0), 0u64..1000, 0u64..1 << 40, any::<u64>()];
    let node = (1u16..100, prop::option::of(size()));
    let rewards = prop_oneof![0u64..1000, 0u64..5_000_000_000_000_000_000];
    let cases = (rewards, size(), prop::collection::vec(node, 1..30));
    for_all(2000, &cases, |(rewards, used, nodes)| {
        let mut machine = machine.borrow_mut();
        machine.forget();
        let state = empty_system(&mut machine, 2);
        let weights: Vec<_> = nodes.iter().map(|(weight, _)| *weight).collect();
        state.set_field(&machine, COMMITTEE, &committee(0, &weights));
        let denied = (1..).zip(&nodes);
        let denied =
            denied.filter_map(|(number, (_, size))| Some((ObjectId([number; 32]), (*size)?)));
        set_deny_lists(&mut machine, &state, &denied.collect());
        // Payment and capacity of the epoch that ends.
        let arguments = [
            Arg::Ref(&state),
            bcs(&(ObjectId([8; 32]), rewards)),
            bcs(&1u32),
        ];
        machine
            .call("walrus::system_state_inner::add_subsidy", arguments)
            .unwrap();
        let arguments = [Arg::Ref(&state), bcs(&used), bcs(&0u32), bcs(&1u32)];
        machine
            .call("walrus::system_state_inner::count_capacity", arguments)
            .unwrap();

        let burnt: u64 = machine
            .get(
                "walrus::system_state_inner::take_burn_share",
                [Arg::Ref(&state)],
            )
            .unwrap();
        assert_eq!(burnt, model::burn_share(rewards));
        let arguments = [Arg::Ref(&state), bcs(&committee(1, &[])), bcs(&params(0))];
        let found: VecMap<ObjectId, u64> = machine
            .get("walrus::system_state_inner::advance_epoch", arguments)
            .unwrap();
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(weight, size)| (*weight, size.unwrap_or(0)))
            .collect();
        let expected = model::split_rewards(rewards - burnt, used, &nodes);
        let shares: Vec<_> = found.iter().map(|(_, share)| *share).collect();
        assert_eq!(shares, expected);
        let order: Vec<_> = found.iter().map(|(node, _)| node.0[0]).collect();
        assert!(order.is_sorted() && order.len() == nodes.len());

        // Nothing is lost.
        let state: SystemStateInnerV1 = machine.read(&state);
        let ring = &state.future_accounting;
        let left_over = ring
            .ring_buffer
            .iter()
            .map(|entry| entry.rewards_to_distribute.value);
        assert_eq!(
            burnt + shares.iter().sum::<u64>() + left_over.sum::<u64>(),
            rewards
        );
    });
}

fn empty_system(machine: &mut Machine, epochs_max: u32) -> Held {
    // The committee of epoch 0 is built with group operations, which this machine lacks: decode the
    // state instead.
    let deny_lists = machine
        .call_generic(
            "walrus::extended_field::new",
            &["sui::vec_map::VecMap<sui::object::ID, u64>"],
            [bcs(&VecMap::<ObjectId, u64>::default()), context()],
        )
        .unwrap();
    let ring = machine
        .make("walrus::storage_accounting::ring_new", [bcs(&epochs_max)])
        .unwrap();
    let state = SystemStateInnerV1 {
        committee: committee(0, &[]),
        total_capacity_size: 0,
        used_capacity_size: 0,
        storage_price_per_unit_size: 0,
        write_price_per_unit_size: 0,
        future_accounting: machine.read(&ring),
        event_blob_certification_state: walrus_contracts::types::EventBlobCertificationState {
            latest_certified_blob: None,
            aggregate_weight_per_blob: VecMap::default(),
        },
        deny_list_sizes: machine.read(&deny_lists[0]),
    };
    machine.hold("walrus::system_state_inner::SystemStateInnerV1", &state)
}

fn set_deny_lists(machine: &mut Machine, state: &Held, sizes: &VecMap<ObjectId, u64>) {
    let field = machine
        .call_generic(
            "walrus::extended_field::new",
            &["sui::vec_map::VecMap<sui::object::ID, u64>"],
            [bcs(sizes), context()],
        )
        .unwrap();
    let field: ExtendedField = machine.read(&field[0]);
    state.set_field(machine, DENY_LIST_SIZES, &field);
}

fn wallet(machine: &Machine) -> Held {
    machine.hold(
        "sui::coin::Coin<wal::wal::WAL>",
        &(ObjectId([9; 32]), WALLET),
    )
}

fn committee(epoch: u32, weights: &[u16]) -> BlsCommittee {
    let member = |(number, weight): (u8, &u16)| BlsCommitteeMember {
        public_key: GroupElement { bytes: vec![0; 96] },
        weight: *weight,
        node_id: ObjectId([number; 32]),
    };
    BlsCommittee {
        members: (1..).zip(weights).map(member).collect(),
        n_shards: weights.iter().sum(),
        epoch,
        total_aggregated_key: GroupElement { bytes: vec![0; 48] },
    }
}

fn params(capacity: u64) -> EpochParams {
    EpochParams {
        total_capacity_size: capacity,
        storage_price_per_unit_size: u64::MAX,
        write_price_per_unit_size: u64::MAX,
    }
}
