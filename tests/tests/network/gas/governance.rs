//! Votes about upgrades and slashing, and upgrades.

use walrus_contracts::packages::{self, Link, LinkedPackage, WAL_PLACEHOLDER};
use walrus_tests::{
    chain::Ptb,
    keys::{admin, staker},
};

use crate::gas::meter::Meter;

pub(crate) fn measure(meter: &mut Meter) {
    slashing(meter);
    upgrades(meter);
}

fn slashing(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let candidate = meter.walrus.nodes[4].id;
    let remarks = ["", " (second)", " (third)", " (quorum)"];
    for (voter, remark) in meter.walrus.members().into_iter().zip(remarks) {
        let label = format!("walrus::slashing::vote_for_slashing{remark}");
        meter.measure(&label, voter.operator, |ptb, function| {
            let auth = ptb.call("walrus::auth::authenticate_sender", &[]);
            let arguments = [
                ptb.object(ids.slashing_manager),
                ptb.object(ids.staking),
                auth,
                ptb.pure(&voter.id),
                ptb.pure(&candidate),
            ];
            ptb.call(function, &arguments);
        });
    }
    meter.call(
        "walrus::slashing::execute_slashing",
        staker(0).address(),
        |ptb| {
            vec![
                ptb.object(ids.slashing_manager),
                ptb.object(ids.staking),
                ptb.object(ids.treasury),
                ptb.pure(&candidate),
            ]
        },
    );
    let voter = meter.walrus.members()[0];
    meter
        .walrus
        .run(voter.operator, |ptb| {
            let auth = ptb.call("walrus::auth::authenticate_sender", &[]);
            let arguments = [
                ptb.object(ids.slashing_manager),
                ptb.object(ids.staking),
                auth,
                ptb.pure(&voter.id),
                ptb.pure(&candidate),
            ];
            ptb.call("walrus::slashing::vote_for_slashing", &arguments);
        })
        .expect("a member may vote");
    meter.walrus.next_epoch();
    meter.call(
        "walrus::slashing::cleanup_slashing_proposals",
        staker(0).address(),
        |ptb| {
            vec![
                ptb.object(ids.slashing_manager),
                ptb.object(ids.staking),
                ptb.pure(&vec![candidate]),
            ]
        },
    );
}

/// The package itself, as a newer version of itself.
fn next_package(meter: &Meter) -> LinkedPackage {
    let wal = meter.walrus.wal_type.address().into_inner();
    packages::walrus()
        .linked(&[Link::to_first_version(WAL_PLACEHOLDER, wal)])
        .expect("wal is published")
}

fn upgrades(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let next = next_package(meter);
    let digest = next.digest.to_vec();
    let stale = vec![7u8; 32];
    let remarks = ["", " (second)", " (third)", " (quorum)"];
    for (voter, remark) in meter.walrus.members().into_iter().zip(remarks) {
        let vote = |ptb: &mut Ptb, digest: &Vec<u8>| {
            let auth = ptb.call("walrus::auth::authenticate_sender", &[]);
            let arguments = [
                ptb.object(ids.upgrade_manager),
                ptb.object(ids.staking),
                auth,
                ptb.pure(&voter.id),
                ptb.pure(digest),
            ];
            ptb.call("walrus::upgrade::vote_for_upgrade", &arguments);
        };
        let label = format!("walrus::upgrade::vote_for_upgrade{remark}");
        meter.measure(&label, voter.operator, |ptb, _| vote(ptb, &digest));
        if remark.is_empty() {
            meter
                .walrus
                .run(voter.operator, |ptb| vote(ptb, &stale))
                .expect("a member may vote for several");
        }
    }
    // An upgrade is one transaction: the ticket and the receipt cannot leave it.
    let (modules, dependencies) = (next.modules.clone(), next.dependencies.clone());
    let receipt = meter
        .walrus
        .run(staker(0).address(), |ptb| {
            let arguments = [
                ptb.object(ids.upgrade_manager),
                ptb.object(ids.staking),
                ptb.pure(&digest),
            ];
            let ticket = ptb.call("walrus::upgrade::authorize_upgrade", &arguments);
            commit(ptb, ids, ids.package, (modules, &dependencies), ticket);
        })
        .unwrap_or_else(|failure| panic!("the upgrade: {failure}"));
    meter.record(
        "walrus::upgrade::authorize_upgrade (with the upgrade)",
        receipt.gas,
    );
    meter.record(
        "walrus::upgrade::commit_upgrade (with the upgrade)",
        receipt.gas,
    );
    let package = receipt.package.expect("the package is upgraded");

    let cap = ids.emergency_upgrade_cap;
    let label = "walrus::upgrade::authorize_emergency_upgrade (with the upgrade)";
    meter.measure(label, admin().address(), |ptb, function| {
        let arguments = [
            ptb.object(ids.upgrade_manager),
            ptb.object(cap),
            ptb.pure(&digest),
        ];
        let ticket = ptb.call(function, &arguments);
        commit(
            ptb,
            ids,
            package,
            (next.modules, &next.dependencies),
            ticket,
        );
    });
    meter.call(
        "walrus::upgrade::cleanup_upgrade_proposals",
        staker(0).address(),
        |ptb| {
            vec![
                ptb.object(ids.upgrade_manager),
                ptb.object(ids.staking),
                ptb.pure(&vec![stale]),
            ]
        },
    );
    meter.call(
        "walrus::upgrade::burn_emergency_upgrade_cap",
        admin().address(),
        |ptb| vec![ptb.object(cap)],
    );
}

fn commit(
    ptb: &mut Ptb,
    ids: walrus_tests::chain::Ids,
    package: walrus_core::ObjectId,
    (modules, dependencies): (Vec<Vec<u8>>, &[[u8; 32]]),
    ticket: walrus_tests::chain::Argument,
) {
    let receipt = ptb.upgrade(modules, dependencies, package, ticket);
    let arguments = [
        ptb.object(ids.upgrade_manager),
        ptb.object(ids.staking),
        ptb.object(ids.system),
        receipt,
    ];
    ptb.call("walrus::upgrade::commit_upgrade", &arguments);
}
