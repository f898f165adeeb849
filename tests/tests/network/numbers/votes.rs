//! Selection of prices and capacity.

use std::cell::RefCell;

use proptest::prelude::*;
use walrus_contracts::types::{StorageNodeCap, VecMap};
use walrus_core::ObjectId;
use walrus_tests::{
    machine::{Arg, Held, Machine, bcs, context},
    model,
    random::for_all,
};

use super::pools::empty_pool;

/// Position of the committee among the fields of `StakingInnerV1`.
const COMMITTEE: usize = 7;

#[derive(Debug, Clone, Copy)]
struct Voter {
    storage_price: u64,
    write_price: u64,
    capacity: u64,
    shards: u16,
}

fn voters() -> impl Strategy<Value = Vec<Voter>> {
    let price = prop_oneof![0u64..5, any::<u64>()];
    let capacity = prop_oneof![0u64..1000, Just(1 << 40), any::<u64>()];
    let voter = (price.clone(), price, capacity, 1u16..40).prop_map(
        |(storage_price, write_price, capacity, shards)| Voter {
            storage_price,
            write_price,
            capacity,
            shards,
        },
    );
    prop::collection::vec(voter, 1..25)
}

#[test]
fn prices_and_capacity_follow_the_votes() {
    let machine = RefCell::new(Machine::new());
    for_all(1000, &voters(), |voters| {
        let mut machine = machine.borrow_mut();
        machine.forget();
        let n_shards = voters.iter().map(|voter| voter.shards).sum::<u16>();
        let staking = empty_staking(&mut machine, n_shards);
        let mut next_shard = 0..;
        let mut committee = VecMap::default();
        for (number, voter) in (1..).zip(&voters) {
            let node = register(&mut machine, &staking, number, *voter);
            let shards: Vec<u16> = next_shard.by_ref().take(voter.shards.into()).collect();
            committee.contents.push((node, shards));
        }
        staking.set_field(&machine, COMMITTEE, &committee);

        let weighted = |vote: fn(&Voter) -> u64| -> Vec<_> {
            voters
                .iter()
                .map(|voter| (vote(voter), voter.shards))
                .collect()
        };
        let prices = machine
            .call("walrus::staking_inner::voted_prices", [Arg::Ref(&staking)])
            .unwrap();
        let expected = model::price(&weighted(|voter| voter.storage_price), n_shards);
        assert_eq!(machine.read::<u64>(&prices[0]), expected);
        let expected = model::price(&weighted(|voter| voter.write_price), n_shards);
        assert_eq!(machine.read::<u64>(&prices[1]), expected);

        let arguments = [Arg::Ref(&staking), bcs(&committee)];
        let found: u64 = machine
            .get("walrus::staking_inner::voted_capacity", arguments)
            .unwrap();
        let expected = model::capacity(&weighted(|voter| voter.capacity), n_shards);
        assert_eq!(found, expected);
    });
}

fn empty_staking(machine: &mut Machine, n_shards: u16) -> Held {
    let clock = bcs(&(ObjectId([6; 32]), 0u64));
    let arguments = [bcs(&0u64), bcs(&1u64), bcs(&n_shards), clock, context()];
    machine
        .make("walrus::staking_inner::new", arguments)
        .unwrap()
}

fn register(machine: &mut Machine, staking: &Held, number: u8, voter: Voter) -> ObjectId {
    let mut pool = empty_pool(machine, number, 0);
    pool.voting_params.storage_price = voter.storage_price;
    pool.voting_params.write_price = voter.write_price;
    pool.voting_params.node_capacity = voter.capacity;
    let arguments = [Arg::Ref(staking), bcs(&pool), context()];
    let cap: StorageNodeCap = machine
        .get("walrus::staking_inner::add_pool", arguments)
        .unwrap();
    cap.node_id
}
