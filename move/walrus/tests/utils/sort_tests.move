module walrus::sort_tests;

use std::unit_test::assert_eq;
use sui::vec_map;
use walrus::sort;

#[test]
fun nodes_are_ordered_by_number() {
    assert_eq!(sort::node_order(&@0x1FF.to_id()), 0x1FF);
    let mut map = vec_map::empty();
    map.insert(@0x100.to_id(), 1u8);
    map.insert(@0xFF.to_id(), 2u8);
    assert!(!sort::is_vec_map_sorted_by_node_id!(&map));
    let sorted = sort::sort_vec_map_by_node_id!(map);
    assert!(sort::is_vec_map_sorted_by_node_id!(&sorted));
    assert_eq!(sorted.keys(), vector[@0xFF.to_id(), @0x100.to_id()]);
}
