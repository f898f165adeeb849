//! Storage pools.

use walrus_core::{EncodingType, ObjectId};
use walrus_tests::{chain::BlobSpec, keys::permanent};

use crate::gas::meter::{Meter, user};

const MIB: u64 = 1 << 20;

pub(crate) fn measure(meter: &mut Meter) {
    let pool = life_of_pools(meter);
    attributes(meter, pool);
    decreases(meter, pool);
    ends(meter);
}

fn register(meter: &mut Meter, label: Option<&str>, pool: ObjectId, blob: &BlobSpec) {
    let (system, coin) = (meter.walrus.ids.system, meter.coin());
    let function = "walrus::system::register_pooled_blob";
    let commands = |ptb: &mut walrus_tests::chain::Ptb| {
        let arguments = [
            ptb.object(system),
            ptb.object(pool),
            ptb.pure(&blob.blob_id().0),
            ptb.pure(&blob.root_hash()),
            ptb.pure(&blob.length),
            ptb.pure(&EncodingType::Rs2.as_u8()),
            ptb.pure(&blob.deletable),
            ptb.object(coin),
        ];
        ptb.call(function, &arguments);
    };
    match label {
        Some(label) => {
            meter.measure(label, user(), |ptb, _| commands(ptb));
        }
        None => {
            meter.walrus.run(user(), commands).expect("there is room");
        }
    }
}

fn life_of_pools(meter: &mut Meter) -> ObjectId {
    let (system, coin) = (meter.walrus.ids.system, meter.coin());
    let pool = meter
        .keep("walrus::system::create_storage_pool", user(), |ptb| {
            vec![
                ptb.object(system),
                ptb.pure(&(8 * MIB)),
                ptb.pure(&3u32),
                ptb.object(coin),
            ]
        })
        .only("storage_pool", "StoragePool");
    let (lasting, passing) = (BlobSpec::new(1, 1000, false), BlobSpec::new(2, 1000, true));
    register(
        meter,
        Some("walrus::system::register_pooled_blob"),
        pool,
        &lasting,
    );
    register(meter, None, pool, &passing);
    let certificate = meter.walrus.certify(permanent(lasting.blob_id()));
    meter.call("walrus::system::certify_pooled_blob", user(), |ptb| {
        let id = ptb.pure(&lasting.blob_id().0);
        let mut arguments = vec![ptb.object(system), ptb.object(pool), id];
        arguments.extend(certificate.arguments(ptb));
        arguments
    });
    meter.call("walrus::system::delete_pooled_blob", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.object(pool),
            ptb.pure(&passing.blob_id().0),
        ]
    });
    meter.call("walrus::system::extend_storage_pool", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.object(pool),
            ptb.pure(&2u32),
            ptb.object(coin),
        ]
    });
    meter.call(
        "walrus::system::increase_storage_pool_capacity",
        user(),
        |ptb| {
            vec![
                ptb.object(system),
                ptb.object(pool),
                ptb.pure(&MIB),
                ptb.object(coin),
            ]
        },
    );
    let storage = meter.storage(MIB, 1, 6);
    meter.call(
        "walrus::system::increase_storage_pool_capacity_with_storage",
        user(),
        |ptb| vec![ptb.object(system), ptb.object(pool), ptb.object(storage)],
    );
    pool
}

fn attributes(meter: &mut Meter, pool: ObjectId) {
    let blob_id = BlobSpec::new(1, 1000, false).blob_id();
    for function in ["add_blob_metadata", "add_or_replace_blob_metadata"] {
        meter.call(
            &format!("walrus::storage_pool::{function}"),
            user(),
            |ptb| {
                let metadata = ptb.call("walrus::metadata::new", &[]);
                vec![ptb.object(pool), ptb.pure(&blob_id.0), metadata]
            },
        );
    }
    for (function, with_value) in [
        ("insert_or_update_blob_metadata_pair", true),
        ("remove_blob_metadata_pair", false),
        ("remove_blob_metadata_pair_if_exists", false),
    ] {
        meter.call(
            &format!("walrus::storage_pool::{function}"),
            user(),
            |ptb| {
                let key = ptb.pure("content-type");
                let mut arguments = vec![ptb.object(pool), ptb.pure(&blob_id.0), key];
                if with_value {
                    arguments.push(ptb.pure("text/plain"));
                }
                arguments
            },
        );
    }
    meter.call("walrus::storage_pool::take_blob_metadata", user(), |ptb| {
        vec![ptb.object(pool), ptb.pure(&blob_id.0)]
    });
}

fn decreases(meter: &mut Meter, pool: ObjectId) {
    let system = meter.walrus.ids.system;
    meter.keep(
        "walrus::system::decrease_storage_pool_capacity_by_size",
        user(),
        |ptb| vec![ptb.object(system), ptb.object(pool), ptb.pure(&MIB)],
    );
    let label = "walrus::system::decrease_storage_pool_unused_capacity_by_percent";
    meter.keep(label, user(), |ptb| {
        vec![ptb.object(system), ptb.object(pool), ptb.pure(&50u8)]
    });
}

/// A pool that expires with a blob in it.
fn ends(meter: &mut Meter) {
    let system = meter.walrus.ids.system;
    let storage = meter.storage(4 * MIB, 1, 2);
    let pool = meter
        .keep(
            "walrus::system::create_storage_pool_with_storage",
            user(),
            |ptb| vec![ptb.object(system), ptb.object(storage)],
        )
        .only("storage_pool", "StoragePool");
    let blob = BlobSpec::new(3, 1000, false);
    register(meter, None, pool, &blob);
    meter.walrus.next_epoch();
    meter.call("walrus::system::burn_expired_pooled_blob", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.object(pool),
            ptb.pure(&blob.blob_id().0),
        ]
    });
    meter.keep("walrus::storage_pool::destroy", user(), |ptb| {
        vec![ptb.object(pool)]
    });
}
