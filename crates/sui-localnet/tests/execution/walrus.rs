//! The repository's own packages.

use crate::common::*;
use sui_sdk_types::{Address, Command, ObjectData, Publish};

#[test]
fn walrus_publishes_after_wal() {
    let mut chain = Chain::new();
    let (wal, _) = chain.publish(&Package::built("wal"));
    let linked = walrus_contracts::packages::walrus()
        .linked(&[walrus_contracts::packages::Link::to_first_version(
            walrus_contracts::packages::WAL_PLACEHOLDER,
            wal.into_inner(),
        )])
        .unwrap();
    let mut ptb = Ptb::default();
    let cap = ptb.command(Command::Publish(Publish {
        modules: linked.modules,
        dependencies: linked.dependencies.into_iter().map(Address::new).collect(),
    }));
    ptb.transfer(&[cap], ALICE);
    let executed = chain.succeed(ALICE, ptb);
    let package = package_of(&executed);
    let ObjectData::Package(stored) = chain.object(package).data() else {
        panic!("not a package");
    };
    assert_eq!(stored.linkage_table.len(), 3);
}
