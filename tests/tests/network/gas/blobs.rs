//! Storage and blobs.

use walrus_core::{ObjectId, messages::InvalidBlobId};
use walrus_tests::{
    chain::BlobSpec,
    keys::{DenyListBlobDeleted, permanent},
};

use crate::gas::meter::{Meter, user};

const MIB: u64 = 1 << 20;

pub(crate) fn measure(meter: &mut Meter) {
    storage(meter);
    life_of_blobs(meter);
    attributes(meter);
    shared_blobs(meter);
}

fn storage(meter: &mut Meter) {
    let (system, coin) = (meter.walrus.ids.system, meter.coin());
    let reserved = meter.keep("walrus::system::reserve_space", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.pure(&MIB),
            ptb.pure(&4u32),
            ptb.object(coin),
        ]
    });
    meter.keep("walrus::system::reserve_space_for_epochs", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.pure(&MIB),
            ptb.pure(&3u32),
            ptb.pure(&7u32),
            ptb.object(coin),
        ]
    });
    let whole = reserved.only("storage_resource", "Storage");
    let later = meter
        .keep("walrus::storage_resource::split_by_epoch", user(), |ptb| {
            vec![ptb.object(whole), ptb.pure(&3u32)]
        })
        .only("storage_resource", "Storage");
    meter.call("walrus::storage_resource::fuse_periods", user(), |ptb| {
        vec![ptb.object(whole), ptb.object(later)]
    });
    for function in ["fuse_amount", "fuse"] {
        let label = if function == "fuse" { " again" } else { "" };
        let rest = meter
            .keep(
                &format!("walrus::storage_resource::split_by_size{label}"),
                user(),
                |ptb| vec![ptb.object(whole), ptb.pure(&(MIB / 2))],
            )
            .only("storage_resource", "Storage");
        meter.call(
            &format!("walrus::storage_resource::{function}"),
            user(),
            |ptb| vec![ptb.object(whole), ptb.object(rest)],
        );
    }
    meter.call("walrus::storage_resource::destroy", user(), |ptb| {
        vec![ptb.object(whole)]
    });
}

fn life_of_blobs(meter: &mut Meter) {
    let (system, coin) = (meter.walrus.ids.system, meter.coin());
    let spec = BlobSpec::new(1, 1000, false);
    let size = spec.encoded_length(meter.walrus.n_shards());
    let storage = meter.storage(size, 1, 3);
    let blob = meter
        .measure("walrus::system::register_blob", user(), |ptb, _| {
            let (system, storage, coin) =
                (ptb.object(system), ptb.object(storage), ptb.object(coin));
            let blob = walrus_tests::chain::register_blob(ptb, system, storage, &spec, coin);
            ptb.transfer(&[blob], user());
        })
        .only("blob", "Blob");
    let certificate = meter.walrus.certify(permanent(spec.blob_id()));
    meter.call("walrus::system::certify_blob", user(), |ptb| {
        let mut arguments = vec![ptb.object(system), ptb.object(blob)];
        arguments.extend(certificate.arguments(ptb));
        arguments
    });
    meter.call("walrus::system::extend_blob", user(), |ptb| {
        vec![
            ptb.object(system),
            ptb.object(blob),
            ptb.pure(&2u32),
            ptb.object(coin),
        ]
    });
    let extension = meter.storage(size, 5, 7);
    meter.call("walrus::system::extend_blob_with_resource", user(), |ptb| {
        vec![ptb.object(system), ptb.object(blob), ptb.object(extension)]
    });
    meter.call("walrus::blob::burn", user(), |ptb| vec![ptb.object(blob)]);
    let deletable = meter.blob(2, true);
    meter.keep("walrus::system::delete_blob", user(), |ptb| {
        vec![ptb.object(system), ptb.object(deletable)]
    });

    let certificate = meter.walrus.certify(InvalidBlobId(spec.blob_id()));
    meter.call("walrus::system::invalidate_blob_id", user(), |ptb| {
        let mut arguments = vec![ptb.object(system)];
        arguments.extend(certificate.arguments(ptb));
        arguments
    });
    let certificate = meter.walrus.certify(DenyListBlobDeleted(spec.blob_id()));
    meter.call("walrus::system::delete_deny_listed_blob", user(), |ptb| {
        let mut arguments = vec![ptb.object(system)];
        arguments.extend(certificate.arguments(ptb));
        arguments
    });
}

fn attributes(meter: &mut Meter) {
    let blob = meter.blob(3, false);
    fn metadata(ptb: &mut walrus_tests::chain::Ptb) -> walrus_tests::chain::Argument {
        ptb.call("walrus::metadata::new", &[])
    }
    meter.call("walrus::blob::add_metadata", user(), |ptb| {
        vec![ptb.object(blob), metadata(ptb)]
    });
    meter.call("walrus::blob::add_or_replace_metadata", user(), |ptb| {
        vec![ptb.object(blob), metadata(ptb)]
    });
    pair(meter, "insert_or_update_metadata_pair", blob, true);
    pair(meter, "remove_metadata_pair", blob, false);
    pair(meter, "remove_metadata_pair_if_exists", blob, false);
    meter.call("walrus::blob::take_metadata", user(), |ptb| {
        vec![ptb.object(blob)]
    });
}

fn pair(meter: &mut Meter, function: &str, blob: ObjectId, with_value: bool) {
    meter.call(&format!("walrus::blob::{function}"), user(), |ptb| {
        let mut arguments = vec![ptb.object(blob), ptb.pure("content-type")];
        if with_value {
            arguments.push(ptb.pure("text/plain"));
        }
        arguments
    });
}

fn shared_blobs(meter: &mut Meter) {
    let (system, coin) = (meter.walrus.ids.system, meter.coin());
    let blob = meter.blob(4, false);
    meter.call("walrus::shared_blob::new", user(), |ptb| {
        vec![ptb.object(blob)]
    });
    let blob = meter.certified_blob(5);
    let shared = meter
        .call("walrus::shared_blob::new_funded", user(), |ptb| {
            let coin = ptb.object(coin);
            vec![ptb.object(blob), ptb.split(coin, &[1000])]
        })
        .only("shared_blob", "SharedBlob");
    meter.call("walrus::shared_blob::fund", user(), |ptb| {
        let coin = ptb.object(coin);
        vec![ptb.object(shared), ptb.split(coin, &[1000])]
    });
    meter.call("walrus::shared_blob::extend", user(), |ptb| {
        vec![ptb.object(shared), ptb.object(system), ptb.pure(&2u32)]
    });
}
