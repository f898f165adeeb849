//! What stakers and receivers of commission call.

use sui_sdk_types::TypeTag;
use walrus_tests::{
    chain::Ptb,
    keys::{admin, staker},
};

use crate::gas::meter::{Meter, user};

const WAL: u64 = 1_000_000_000;

pub(crate) fn measure(meter: &mut Meter) {
    stakes(meter);
    commission(meter);
    token(meter);
}

fn stakes(meter: &mut Meter) {
    let (staking, coin) = (meter.walrus.ids.staking, meter.coin());
    let (node, other) = (meter.walrus.nodes[0].id, meter.walrus.nodes[1].id);
    let staked = meter
        .keep("walrus::staking::stake_with_pool", user(), |ptb| {
            let coin = ptb.object(coin);
            vec![
                ptb.object(staking),
                ptb.split(coin, &[10 * WAL]),
                ptb.pure(&node),
            ]
        })
        .only("staked_wal", "StakedWal");
    let part = meter
        .keep("walrus::staked_wal::split", user(), |ptb| {
            vec![ptb.object(staked), ptb.pure(&WAL)]
        })
        .only("staked_wal", "StakedWal");
    meter.call("walrus::staked_wal::join", user(), |ptb| {
        vec![ptb.object(staked), ptb.object(part)]
    });
    let early = meter
        .walrus
        .stake(user(), other, WAL)
        .expect("the user has WAL");
    meter.keep(
        "walrus::staking::withdraw_stake (before it is active)",
        user(),
        |ptb| vec![ptb.object(staking), ptb.object(early)],
    );
    meter.walrus.next_epoch();
    meter.call("walrus::staking::request_withdraw_stake", user(), |ptb| {
        vec![ptb.object(staking), ptb.object(staked)]
    });
    meter.walrus.next_epoch();
    meter.keep("walrus::staking::withdraw_stake", user(), |ptb| {
        vec![ptb.object(staking), ptb.object(staked)]
    });
}

fn sender(ptb: &mut Ptb) -> walrus_tests::chain::Argument {
    ptb.call("walrus::auth::authenticate_sender", &[])
}

fn commission(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let node = meter.walrus.nodes[0];
    let me = node.operator;
    let coin = meter.coin();
    let wal = TypeTag::from(meter.walrus.wal_type.clone());
    let cap_type = TypeTag::from(meter.walrus.struct_tag("storage_node", "StorageNodeCap"));
    let balance = format!("0x2::balance::Balance<{wal}>");
    let balance: TypeTag = balance.parse().expect("a type");
    meter.measure(
        "walrus::staking::add_commission_to_pools",
        user(),
        |ptb, function| {
            let coin = ptb.object(coin);
            let part = ptb.split(coin, &[WAL]);
            let part = ptb.call_generic(
                "sui::coin::into_balance",
                std::slice::from_ref(&wal),
                &[part],
            );
            let parts = ptb.vector(balance.clone(), &[part]);
            let arguments = [ptb.object(ids.staking), ptb.pure(&vec![node.id]), parts];
            ptb.call(function, &arguments);
        },
    );
    meter.measure(
        "walrus::system::add_per_epoch_subsidies",
        user(),
        |ptb, function| {
            let coin = ptb.object(coin);
            let part = ptb.split(coin, &[WAL]);
            let part = ptb.call_generic(
                "sui::coin::into_balance",
                std::slice::from_ref(&wal),
                &[part],
            );
            let parts = ptb.vector(balance.clone(), &[part]);
            let arguments = [ptb.object(ids.system), parts];
            ptb.call(function, &arguments);
        },
    );
    meter.call("walrus::system::add_subsidy", user(), |ptb| {
        let coin = ptb.object(coin);
        vec![
            ptb.object(ids.system),
            ptb.split(coin, &[WAL]),
            ptb.pure(&5u32),
        ]
    });
    meter.walrus.next_epoch();
    meter.measure(
        "walrus::staking::collect_commission",
        me,
        |ptb, function| {
            let cap = ptb.object(node.cap);
            let auth = "walrus::auth::authenticate_with_object";
            let auth = ptb.call_generic(auth, std::slice::from_ref(&cap_type), &[cap]);
            let arguments = [ptb.object(ids.staking), ptb.pure(&node.id), auth];
            let collected = ptb.call(function, &arguments);
            ptb.transfer(&[collected], me);
        },
    );
    meter.measure(
        "walrus::staking::set_commission_receiver",
        me,
        |ptb, function| {
            let cap = ptb.object(node.cap);
            let auth = "walrus::auth::authenticate_with_object";
            let auth = ptb.call_generic(auth, std::slice::from_ref(&cap_type), &[cap]);
            let receiver = ptb.pure(&staker(1).address());
            let receiver = ptb.call("walrus::auth::authorized_address", &[receiver]);
            let arguments = [ptb.object(ids.staking), ptb.pure(&node.id), auth, receiver];
            ptb.call(function, &arguments);
        },
    );
    meter.measure(
        "walrus::staking::set_governance_authorized",
        me,
        |ptb, function| {
            let auth = sender(ptb);
            let voter = ptb.pure(&me);
            let voter = ptb.call("walrus::auth::authorized_address", &[voter]);
            let arguments = [ptb.object(ids.staking), ptb.pure(&node.id), auth, voter];
            ptb.call(function, &arguments);
        },
    );
}

fn token(meter: &mut Meter) {
    let (treasury, coin) = (
        meter.walrus.ids.treasury,
        meter.walrus.wal_coin(admin().address()),
    );
    meter.call("wal::wal::burn", admin().address(), |ptb| {
        let coin = ptb.object(coin);
        vec![ptb.object(treasury), ptb.split(coin, &[WAL])]
    });
}
