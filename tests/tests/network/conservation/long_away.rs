//! Stake with a node that is outside the committees for longer than a transaction can look back.

use walrus_core::ObjectId;
use walrus_tests::{
    chain::{NODE_STAKE, Walrus},
    keys::admin,
};

use crate::conservation::world::WAL;

/// A transaction can touch so many dynamic fields.
const CHILDREN_MAX: u32 = 1_000;

fn request(walrus: &mut Walrus, stake: ObjectId) {
    let staking = walrus.ids.staking;
    let requested = walrus.run(admin().address(), |ptb| {
        let arguments = [ptb.object(staking), ptb.object(stake)];
        ptb.call("walrus::staking::request_withdraw_stake", &arguments);
    });
    requested.expect("the node is in the committee");
}

/// Withdraws stake of the admin; returns what is paid out.
fn withdraw(walrus: &mut Walrus, stake: ObjectId) -> u64 {
    let account = admin().address();
    let (staking, coin) = (walrus.ids.staking, walrus.wal_coin(account));
    let before = walrus.wal_balance(account);
    let withdrawn = walrus.run(account, |ptb| {
        let arguments = [ptb.object(staking), ptb.object(stake)];
        let paid = ptb.call("walrus::staking::withdraw_stake", &arguments);
        let coin = ptb.object(coin);
        ptb.merge(coin, &[paid]);
    });
    withdrawn.expect("the stake can leave");
    walrus.wal_balance(account) - before
}

#[test]
fn stake_leaves_after_a_thousand_epochs_outside_the_committees() {
    let staker = admin().address();
    let mut walrus = Walrus::start(10, 1);
    let node = walrus.register(1).expect("the node is valid");
    let is_member = |walrus: &Walrus| walrus.members().iter().any(|member| member.id == node.id);
    let stake =
        |walrus: &mut Walrus, amount| walrus.stake(staker, node.id, amount).expect("there is WAL");

    // In the committee of epoch 2, and out again.
    let first = stake(&mut walrus, NODE_STAKE);
    walrus.next_epoch();
    assert!(is_member(&walrus));
    request(&mut walrus, first);
    let left = walrus.next_epoch();
    assert!(!is_member(&walrus));
    assert_eq!(withdraw(&mut walrus, first), NODE_STAKE);

    // Stake that is too little for a shard becomes active when the last rate is out of reach.
    while walrus.epoch() <= left + CHILDREN_MAX {
        walrus.next_epoch();
    }
    let late = stake(&mut walrus, WAL);
    for _ in 0..2 {
        walrus.next_epoch();
        assert!(!is_member(&walrus));
    }

    // The node is back: the stake needs a request and an epoch, and gets what it is worth.
    stake(&mut walrus, NODE_STAKE);
    walrus.next_epoch();
    assert!(is_member(&walrus));
    request(&mut walrus, late);
    walrus.next_epoch();
    assert_eq!(withdraw(&mut walrus, late), WAL);
}
