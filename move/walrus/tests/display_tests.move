/// What wallets show of our objects.
module walrus::display_tests;

use std::string::String;
use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::clock;
use sui::display::VersionUpdated;
use sui::event;
use sui::package;
use sui::test_scenario;
use sui::vec_map::{Self, VecMap};
use walrus::blob::Blob;
use walrus::init::{Self, InitCap};
use walrus::staked_wal::StakedWal;
use walrus::storage_resource::Storage;

const PUBLISHER: address = @0xAD;

fun fields(name: vector<u8>, description: vector<u8>, image: vector<u8>): VecMap<String, String> {
    let mut fields = vec_map::empty();
    fields.insert(b"name".to_string(), name.to_string());
    fields.insert(b"description".to_string(), description.to_string());
    let mut image_url = b"https://www.walrus.xyz/walrus-".to_string();
    image_url.append(image.to_string());
    fields.insert(b"image_url".to_string(), image_url);
    fields.insert(b"project_url".to_string(), b"https://walrus.xyz/".to_string());
    fields.insert(b"link".to_string(), b"".to_string());
    fields
}

/// Checks what was published for a type: it is in its first version and has these fields.
fun assert_display<T: key>(expected: VecMap<String, String>) {
    let updates = event::events_by_type<VersionUpdated<T>>();
    assert_eq!(updates.length(), 1);
    let mut bytes = bcs::new(bcs::to_bytes(&updates[0]));
    bytes.peel_address();
    assert_eq!(bytes.peel_u16(), 1);
    assert_eq!(bytes.into_remainder_bytes(), bcs::to_bytes(&expected));
}

#[test]
fun initialisation_publishes_the_templates() {
    let mut scenario = test_scenario::begin(PUBLISHER);
    init::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);
    let clock = clock::create_for_testing(scenario.ctx());
    let init_cap = scenario.take_from_sender<InitCap>();
    let upgrade_cap = package::test_publish(@walrus.to_id(), scenario.ctx());
    let ctx = scenario.ctx();
    destroy(init::initialize_walrus(init_cap, upgrade_cap, 0, 1, 1, 1, &clock, ctx));
    assert_display<Blob>(
        fields(
            b"Walrus Blob ({size}b)",
            b"Registered: {registered_epoch}; certified: {certified_epoch}; deletable: {deletable}",
            b"blob",
        ),
    );
    assert_display<Storage>(
        fields(
            b"Walrus Storage Resource ({storage_size}b)",
            b"Start: {start_epoch}; end: {end_epoch}",
            b"storage",
        ),
    );
    assert_display<StakedWal>(
        fields(
            b"Staked WAL ({principal} FROST)",
            b"Staked for node: {node_id}, activates at: {activation_epoch}",
            b"stakedwal",
        ),
    );
    destroy(clock);
    destroy(scenario);
}
