module walrus_governance::weights_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::test_network;
use walrus_governance::weights;

#[test]
fun weights_of_a_committee() {
    let mut network = test_network::running();
    let ids = vector::tabulate!(4, |i| network.node_id(i));
    let (_, staking, _, _, _) = network.staking_parts();
    let committee = staking.committee();
    assert_eq!(weights::total(committee), 10);
    let expected = vector[3, 3, 2, 2];
    4u64.do!(|i| assert_eq!(weights::of_node(committee, ids[i]), expected[i]));
    assert_eq!(weights::of_node(committee, @0xBAD.to_id()), 0);
    destroy(network);
}

#[test]
fun thirds() {
    assert!(!weights::is_over_a_third(3, 10));
    assert!(weights::is_over_a_third(4, 10));
    assert!(!weights::is_over_a_third(333, 999));
    assert!(weights::is_over_a_third(334, 999));
    assert!(!weights::is_over_a_third(0, 0));
    assert_eq!(weights::over_two_thirds(10), 7);
    assert_eq!(weights::over_two_thirds(9), 7);
    assert_eq!(weights::over_two_thirds(1000), 667);
    // Nobody can approve anything for nobody.
    assert_eq!(weights::over_two_thirds(0), 1);
    assert_eq!(weights::over_two_thirds(65_535), 43_691);
}
