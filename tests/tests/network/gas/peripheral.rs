//! The packages around `walrus`.

use walrus_contracts::packages;
use walrus_core::{EncodingType, ObjectId};
use walrus_tests::{
    chain::{Argument, BlobSpec, Ptb},
    keys::{admin, permanent},
};

use crate::gas::meter::{Meter, user};

const WAL: u64 = 1_000_000_000;
const MIB: u64 = 1 << 20;

pub(crate) fn measure(meter: &mut Meter) {
    for package in [
        packages::wal_exchange(),
        packages::subsidies(),
        packages::walrus_subsidies(),
        packages::blob_bucket(),
    ] {
        meter.walrus.publish(package);
    }
    exchange(meter);
    subsidies(meter);
    walrus_subsidies(meter);
    blob_buckets(meter);
}

fn exchange(meter: &mut Meter) {
    let coin = meter.coin();
    meter.keep("wal_exchange::wal_exchange::new", user(), |_| vec![]);
    let created = meter.keep("wal_exchange::wal_exchange::new_funded", user(), |ptb| {
        vec![ptb.object(coin), ptb.pure(&(100 * WAL))]
    });
    let exchange = created.only("wal_exchange", "Exchange");
    let cap = created.only("wal_exchange", "AdminCap");
    meter.call("wal_exchange::wal_exchange::add_wal", user(), |ptb| {
        vec![ptb.object(exchange), ptb.object(coin), ptb.pure(&WAL)]
    });
    meter.call("wal_exchange::wal_exchange::add_all_wal", user(), |ptb| {
        let coin = ptb.object(coin);
        vec![ptb.object(exchange), ptb.split(coin, &[WAL])]
    });
    meter.call("wal_exchange::wal_exchange::add_sui", user(), |ptb| {
        vec![ptb.object(exchange), Argument::Gas, ptb.pure(&WAL)]
    });
    meter.call("wal_exchange::wal_exchange::add_all_sui", user(), |ptb| {
        vec![ptb.object(exchange), ptb.split(Argument::Gas, &[WAL])]
    });
    meter.keep(
        "wal_exchange::wal_exchange::exchange_all_for_wal",
        user(),
        |ptb| vec![ptb.object(exchange), ptb.split(Argument::Gas, &[WAL])],
    );
    meter.keep(
        "wal_exchange::wal_exchange::exchange_for_wal",
        user(),
        |ptb| vec![ptb.object(exchange), Argument::Gas, ptb.pure(&WAL)],
    );
    meter.keep(
        "wal_exchange::wal_exchange::exchange_all_for_sui",
        user(),
        |ptb| {
            let coin = ptb.object(coin);
            vec![ptb.object(exchange), ptb.split(coin, &[WAL])]
        },
    );
    meter.keep(
        "wal_exchange::wal_exchange::exchange_for_sui",
        user(),
        |ptb| vec![ptb.object(exchange), ptb.object(coin), ptb.pure(&WAL)],
    );
    for function in ["withdraw_wal", "withdraw_sui"] {
        meter.keep(
            &format!("wal_exchange::wal_exchange::{function}"),
            user(),
            |ptb| vec![ptb.object(exchange), ptb.pure(&WAL), ptb.object(cap)],
        );
    }
    meter.call(
        "wal_exchange::wal_exchange::set_exchange_rate",
        user(),
        |ptb| {
            vec![
                ptb.object(exchange),
                ptb.pure(&2u64),
                ptb.pure(&1u64),
                ptb.object(cap),
            ]
        },
    );
}

fn subsidies(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let coin = meter.coin();
    meter.keep("subsidies::subsidies::new", user(), |ptb| {
        vec![ptb.pure(&ids.package)]
    });
    let label = "subsidies::subsidies::new_with_initial_rates_and_funds";
    let created = meter.keep(label, user(), |ptb| {
        let coin = ptb.object(coin);
        let package = ptb.pure(&ids.package);
        vec![
            package,
            ptb.pure(&1000u16),
            ptb.pure(&500u16),
            ptb.split(coin, &[WAL]),
        ]
    });
    let object = created.only("subsidies", "Subsidies");
    let cap = created.only("subsidies", "AdminCap");
    meter.call("subsidies::subsidies::add_funds", user(), |ptb| {
        let coin = ptb.object(coin);
        vec![ptb.object(object), ptb.split(coin, &[WAL])]
    });
    for function in ["set_buyer_subsidy_rate", "set_system_subsidy_rate"] {
        meter.call(
            &format!("subsidies::subsidies::{function}"),
            user(),
            |ptb| vec![ptb.object(object), ptb.object(cap), ptb.pure(&2000u16)],
        );
    }
    let spec = BlobSpec::new(20, 1000, false);
    let size = spec.encoded_length(meter.walrus.n_shards());
    let storage = meter
        .keep("subsidies::subsidies::reserve_space", user(), |ptb| {
            let (object, system) = (ptb.object(object), ptb.object(ids.system));
            vec![
                object,
                system,
                ptb.pure(&size),
                ptb.pure(&3u32),
                ptb.object(coin),
            ]
        })
        .only("storage_resource", "Storage");
    meter.keep("subsidies::subsidies::register_blob", user(), |ptb| {
        vec![
            ptb.object(object),
            ptb.object(ids.system),
            ptb.object(storage),
            ptb.pure(&spec.blob_id().0),
            ptb.pure(&spec.root_hash()),
            ptb.pure(&spec.length),
            ptb.pure(&EncodingType::Rs2.as_u8()),
            ptb.pure(&false),
            ptb.object(coin),
        ]
    });
    let blob = meter.certified_blob(21);
    meter.call("subsidies::subsidies::extend_blob", user(), |ptb| {
        let (object, system) = (ptb.object(object), ptb.object(ids.system));
        vec![
            object,
            system,
            ptb.object(blob),
            ptb.pure(&2u32),
            ptb.object(coin),
        ]
    });
    let wal = sui_sdk_types::TypeTag::from(meter.walrus.wal_type.clone());
    meter.measure(
        "subsidies::subsidies::withdraw_balance",
        user(),
        |ptb, function| {
            let arguments = [ptb.object(object), ptb.object(cap)];
            let rest = ptb.call(function, &arguments);
            let rest = ptb.call_generic("sui::coin::from_balance", &[wal], &[rest]);
            ptb.transfer(&[rest], user());
        },
    );
}

fn walrus_subsidies(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let coin = meter.coin();
    let created = meter.keep("walrus_subsidies::walrus_subsidies::new", user(), |ptb| {
        vec![
            ptb.object(ids.system),
            ptb.object(ids.staking),
            ptb.pure(&1000u32),
            ptb.pure(&100u64),
            ptb.pure(&10u64),
        ]
    });
    let object = created.only("walrus_subsidies", "WalrusSubsidies");
    let cap = created.only("walrus_subsidies", "AdminCap");
    meter.call(
        "walrus_subsidies::walrus_subsidies::add_coin",
        user(),
        |ptb| {
            let coin = ptb.object(coin);
            vec![ptb.object(object), ptb.split(coin, &[10 * WAL])]
        },
    );
    let wal = sui_sdk_types::TypeTag::from(meter.walrus.wal_type.clone());
    meter.measure(
        "walrus_subsidies::walrus_subsidies::add_balance",
        user(),
        |ptb, function| {
            let coin = ptb.object(coin);
            let part = ptb.split(coin, &[WAL]);
            let part = ptb.call_generic("sui::coin::into_balance", &[wal], &[part]);
            let arguments = [ptb.object(object), part];
            ptb.call(function, &arguments);
        },
    );
    meter.call(
        "walrus_subsidies::walrus_subsidies::set_system_subsidy_rate",
        user(),
        |ptb| vec![ptb.object(object), ptb.object(cap), ptb.pure(&2000u32)],
    );
    for function in ["set_base_subsidy", "set_per_shard_subsidy"] {
        meter.call(
            &format!("walrus_subsidies::walrus_subsidies::{function}"),
            user(),
            |ptb| vec![ptb.object(object), ptb.object(cap), ptb.pure(&200u64)],
        );
    }
    meter.call(
        "walrus_subsidies::walrus_subsidies::set_usage_budget",
        user(),
        |ptb| {
            vec![
                ptb.object(object),
                ptb.object(cap),
                ptb.object(ids.system),
                ptb.pure(&Some(100 * WAL)),
            ]
        },
    );
    meter.walrus.next_epoch();
    meter.call(
        "walrus_subsidies::walrus_subsidies::process_subsidies",
        admin().address(),
        |ptb| {
            vec![
                ptb.object(object),
                ptb.object(ids.staking),
                ptb.object(ids.system),
                ptb.clock(),
            ]
        },
    );
}

fn blob_buckets(meter: &mut Meter) {
    let system = meter.walrus.ids.system;
    let coin = meter.coin();
    let created = meter.keep("blob_bucket::blob_bucket::new", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.pure(&(4 * MIB)),
            ptb.pure(&3u32),
            ptb.object(coin),
        ]
    });
    let bucket = created.only("blob_bucket", "BlobBucket");
    let cap = created.only("blob_bucket", "BlobBucketCap");
    let (lasting, passing) = (
        BlobSpec::new(30, 1000, false),
        BlobSpec::new(31, 1000, true),
    );
    let register = |ptb: &mut Ptb, spec: &BlobSpec| -> Vec<Argument> {
        vec![
            ptb.object(bucket),
            ptb.object(cap),
            ptb.object(system),
            ptb.pure(&spec.blob_id().0),
            ptb.pure(&spec.root_hash()),
            ptb.pure(&spec.length),
            ptb.pure(&EncodingType::Rs2.as_u8()),
            ptb.pure(&spec.deletable),
            ptb.object(coin),
        ]
    };
    meter.call("blob_bucket::blob_bucket::register_blob", user(), |ptb| {
        register(ptb, &lasting)
    });
    meter.call(
        "blob_bucket::blob_bucket::register_blob (second)",
        user(),
        |ptb| register(ptb, &passing),
    );
    let certificate = meter.walrus.certify(permanent(lasting.blob_id()));
    meter.call("blob_bucket::blob_bucket::certify_blob", user(), |ptb| {
        let id = ptb.pure(&lasting.blob_id().0);
        let mut arguments = vec![ptb.object(bucket), ptb.object(system), id];
        arguments.extend(certificate.arguments(ptb));
        arguments
    });
    let changed = |ptb: &mut Ptb, rest: Argument, payment: Option<ObjectId>| -> Vec<Argument> {
        let mut arguments = vec![
            ptb.object(bucket),
            ptb.object(cap),
            ptb.object(system),
            rest,
        ];
        arguments.extend(payment.map(|coin| ptb.object(coin)));
        arguments
    };
    meter.call("blob_bucket::blob_bucket::delete_blob", user(), |ptb| {
        let id = ptb.pure(&passing.blob_id().0);
        changed(ptb, id, None)
    });
    meter.call(
        "blob_bucket::blob_bucket::extend_storage_pool",
        user(),
        |ptb| {
            let epochs = ptb.pure(&2u32);
            changed(ptb, epochs, Some(coin))
        },
    );
    meter.call(
        "blob_bucket::blob_bucket::increase_storage_pool_capacity",
        user(),
        |ptb| {
            let bytes = ptb.pure(&MIB);
            changed(ptb, bytes, Some(coin))
        },
    );
}
