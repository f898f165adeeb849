module wal::wal_tests;

use std::unit_test::assert_eq;
use sui::coin::{Coin, CoinMetadata, TreasuryCap};
use sui::test_scenario;
use wal::wal::{Self, ProtectedTreasury, WAL};

const PUBLISHER: address = @0xA;
const INITIAL_SUPPLY: u64 = 5_000_000_000_000_000_000;

#[test]
fun publication_mints_the_whole_supply_to_the_publisher() {
    let mut scenario = test_scenario::begin(PUBLISHER);
    wal::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);

    let supply = scenario.take_from_sender<Coin<WAL>>();
    assert_eq!(supply.value(), INITIAL_SUPPLY);
    scenario.return_to_sender(supply);

    let treasury = scenario.take_shared<ProtectedTreasury>();
    assert_eq!(treasury.total_supply(), INITIAL_SUPPLY);
    test_scenario::return_shared(treasury);

    let metadata = scenario.take_immutable<CoinMetadata<WAL>>();
    assert_eq!(metadata.get_decimals(), 9);
    assert_eq!(metadata.get_symbol(), b"WAL".to_ascii_string());
    assert_eq!(metadata.get_name(), b"WAL Token".to_string());
    assert_eq!(
        metadata.get_description(),
        b"The native token for the Walrus Protocol.".to_string(),
    );
    let icon_url = metadata.get_icon_url().destroy_some();
    assert_eq!(icon_url.inner_url(), b"https://www.walrus.xyz/wal-icon.svg".to_ascii_string());
    test_scenario::return_immutable(metadata);
    scenario.end();
}

#[test]
fun burning_lowers_the_supply() {
    let mut scenario = test_scenario::begin(PUBLISHER);
    wal::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);

    let mut supply = scenario.take_from_sender<Coin<WAL>>();
    let mut treasury = scenario.take_shared<ProtectedTreasury>();
    let part = supply.split(1_000, scenario.ctx());
    treasury.burn(part);
    assert_eq!(treasury.total_supply(), INITIAL_SUPPLY - 1_000);
    treasury.burn(supply);
    assert_eq!(treasury.total_supply(), 0);
    test_scenario::return_shared(treasury);
    scenario.end();
}

#[test]
fun nobody_holds_the_treasury_capability() {
    let mut scenario = test_scenario::begin(PUBLISHER);
    wal::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);
    assert!(scenario.ids_for_sender<TreasuryCap<WAL>>().is_empty());
    assert!(!test_scenario::has_most_recent_shared<TreasuryCap<WAL>>());
    assert!(!test_scenario::has_most_recent_immutable<TreasuryCap<WAL>>());
    scenario.end();
}
