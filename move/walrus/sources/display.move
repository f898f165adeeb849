/// How wallets show our objects.
module walrus::display;

use std::string::String;
use std::type_name;
use sui::display::{Self, Display};
use sui::object_bag::{Self, ObjectBag};
use sui::package::Publisher;
use walrus::blob::Blob;
use walrus::staked_wal::StakedWal;
use walrus::storage_resource::Storage;

// === Constants ===

const PROJECT_URL: vector<u8> = b"https://walrus.xyz/";

// === Structs ===

/// Shared object that holds a `Display` per type, and the publisher who may change them.
public struct ObjectDisplay has key {
    id: UID,
    inner: ObjectBag,
}

/// Key of the publisher.
public struct PublisherKey() has copy, drop, store;

// === Package functions ===

/// Creates and shares the displays.
public(package) fun create(publisher: Publisher, ctx: &mut TxContext) {
    let mut inner = object_bag::new(ctx);
    inner.add(
        type_name::with_defining_ids<Blob>(),
        new_display<Blob>(
            &publisher,
            b"Walrus Blob ({size}b)",
            b"Registered: {registered_epoch}; certified: {certified_epoch}; deletable: {deletable}",
            b"https://www.walrus.xyz/walrus-blob",
            ctx,
        ),
    );
    inner.add(
        type_name::with_defining_ids<Storage>(),
        new_display<Storage>(
            &publisher,
            b"Walrus Storage Resource ({storage_size}b)",
            b"Start: {start_epoch}; end: {end_epoch}",
            b"https://www.walrus.xyz/walrus-storage",
            ctx,
        ),
    );
    inner.add(
        type_name::with_defining_ids<StakedWal>(),
        new_display<StakedWal>(
            &publisher,
            b"Staked WAL ({principal} FROST)",
            b"Staked for node: {node_id}, activates at: {activation_epoch}",
            b"https://www.walrus.xyz/walrus-stakedwal",
            ctx,
        ),
    );
    inner.add(PublisherKey(), publisher);
    transfer::share_object(ObjectDisplay { id: object::new(ctx), inner });
}

// === Private functions ===

fun new_display<T: key>(
    publisher: &Publisher,
    name: vector<u8>,
    description: vector<u8>,
    image_url: vector<u8>,
    ctx: &mut TxContext,
): Display<T> {
    let fields: vector<String> = vector[
        b"name".to_string(),
        b"description".to_string(),
        b"image_url".to_string(),
        b"project_url".to_string(),
        b"link".to_string(),
    ];
    let values = vector[
        name.to_string(),
        description.to_string(),
        image_url.to_string(),
        PROJECT_URL.to_string(),
        b"".to_string(),
    ];
    let mut display = display::new_with_fields<T>(publisher, fields, values, ctx);
    display.update_version();
    display
}
