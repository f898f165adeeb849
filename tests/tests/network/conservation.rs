//! No WAL is created or lost: fifty epochs of everything that moves WAL, on the chain and in the
//! model side by side.
//!
//! After every epoch all WAL that objects hold, wherever it is, adds up to the supply, the supply
//! is what the model predicts, and so is every number of every pool. Operations that the model
//! refuses are refused by the contracts, for the same reason.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

mod long_away;
mod nodes;
mod payments;
mod pools;
mod stakes;
mod storage;
mod world;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use walrus_tests::{
    chain::EPOCH_MS,
    model::Phase,
    random::{SEED_VARIABLE, seed},
};

use world::World;

const EPOCHS: u32 = 50;
/// Things that happen in each phase of an epoch.
const SYNCING: usize = 5;
const VOTING: usize = 22;
const SELECTED: usize = 15;

#[test]
fn fifty_epochs_conserve_every_frost() {
    let seed = seed();
    println!("{SEED_VARIABLE}={seed}");
    let mut world = World::new(StdRng::seed_from_u64(seed));
    world.epoch_zero();
    for _ in 0..EPOCHS {
        epoch(&mut world);
        world.check();
    }
    assert_eq!(world.model.epoch, EPOCHS + 1);
    world.assert_eventful();
}

/// From the start of an epoch to that of the next.
fn epoch(world: &mut World) {
    for _ in 0..SYNCING {
        something(world);
    }
    world.attest_all();
    assert!(matches!(world.model.phase, Phase::Done(_)));
    for _ in 0..VOTING {
        something(world);
    }
    world.too_early_to_end_the_votes();
    let spare = world.rng.gen_range(0..EPOCH_MS / 4);
    world.advance_clock(EPOCH_MS / 2 + spare);
    world.voting_end();
    for _ in 0..SELECTED {
        something(world);
    }
    world.advance_clock(EPOCH_MS / 2);
    world.change_epoch();
}

/// One random thing, as likely as its weight says.
fn something(world: &mut World) {
    type Action = fn(&mut World);
    const ACTIONS: [(u32, Action); 28] = [
        (10, World::stake),
        (8, World::request_withdrawal),
        (10, World::withdraw),
        (2, World::split_stake),
        (2, World::join_stakes),
        (2, World::register_node),
        (3, World::vote),
        (2, World::update_prices),
        (2, World::set_commission),
        (4, World::collect_commission),
        (2, World::add_commission),
        (3, World::update_deny_list),
        (1, World::slash),
        (2, World::rejoin),
        (8, World::register_blob),
        (2, World::reserve_ahead),
        (6, World::certify_blob),
        (6, World::extend_blob),
        (4, World::delete_blob),
        (1, World::burn_blob),
        (2, World::share_blob),
        (2, World::extend_shared_blob),
        (2, World::create_pool),
        (3, World::register_pooled_blob),
        (3, World::change_pool),
        (3, World::subsidise_epochs),
        (3, World::subsidise_nodes),
        (1, World::burn_wal),
    ];
    let (_, action) = ACTIONS
        .choose_weighted(&mut world.rng, |(weight, _)| *weight)
        .expect("there are actions");
    action(world);
}
