//! Certificates of blobs in storage pools.

use walrus_contracts::{
    events::{self, WalrusEvent},
    types::{PooledBlob, StoragePool, StoragePoolInnerV1},
};
use walrus_core::{BlobId, EncodingType, ObjectId, messages::InvalidBlobId};
use walrus_tests::{
    chain::{BlobSpec, Certificate, Failure, Receipt, Walrus},
    keys::{deletable, permanent},
};

use super::{QUORUM, assert_refused, network, user};

fn create_pool(walrus: &mut Walrus) -> ObjectId {
    let (system, coin) = (walrus.ids.system, walrus.wal_coin(user()));
    let receipt = walrus.run(user(), |ptb| {
        let arguments = [
            ptb.object(system),
            ptb.pure(&(1u64 << 24)),
            ptb.pure(&2u32),
            ptb.object(coin),
        ];
        let pool = ptb.call("walrus::system::create_storage_pool", &arguments);
        ptb.transfer(&[pool], user());
    });
    receipt.unwrap().only("storage_pool", "StoragePool")
}

fn register(walrus: &mut Walrus, pool: ObjectId, blob: &BlobSpec) -> ObjectId {
    let (system, coin) = (walrus.ids.system, walrus.wal_coin(user()));
    let receipt = walrus.run(user(), |ptb| {
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
        ptb.call("walrus::system::register_pooled_blob", &arguments);
    });
    receipt.unwrap().only("storage_pool", "PooledBlob")
}

fn certify(
    walrus: &mut Walrus,
    pool: ObjectId,
    blob_id: BlobId,
    certificate: &Certificate,
) -> Result<Receipt, Failure> {
    let system = walrus.ids.system;
    walrus.run(user(), |ptb| {
        let mut arguments = vec![ptb.object(system), ptb.object(pool), ptb.pure(&blob_id.0)];
        arguments.extend(certificate.arguments(ptb));
        ptb.call("walrus::system::certify_pooled_blob", &arguments);
    })
}

#[test]
fn pooled_blobs_are_certified_by_their_own_certificate() {
    let mut walrus = network();
    let pool = create_pool(&mut walrus);
    let lasting = BlobSpec::new(1, 1000, false);
    let passing = BlobSpec::new(2, 1000, true);
    let lasting_object = register(&mut walrus, pool, &lasting);
    let passing_object = register(&mut walrus, pool, &passing);
    let (lasting, passing) = (lasting.blob_id(), passing.blob_id());

    let few = walrus.signers_of_weight(QUORUM).end - 1;
    let refused = [
        (
            "too few",
            walrus.sign(0..few, permanent(lasting)),
            lasting,
            ("bls_aggregate", 2),
        ),
        (
            "type",
            walrus.certify(InvalidBlobId(lasting)),
            lasting,
            ("messages", 2),
        ),
        (
            "other blob",
            walrus.certify(permanent(passing)),
            lasting,
            ("storage_pool", 3),
        ),
        (
            "deletable for permanent",
            walrus.certify(deletable(lasting, lasting_object)),
            lasting,
            ("storage_pool", 4),
        ),
        (
            "permanent for deletable",
            walrus.certify(permanent(passing)),
            passing,
            ("storage_pool", 4),
        ),
        (
            "another object",
            walrus.certify(deletable(passing, lasting_object)),
            passing,
            ("storage_pool", 5),
        ),
        (
            "the pool as object",
            walrus.certify(deletable(passing, pool)),
            passing,
            ("storage_pool", 5),
        ),
        (
            "a blob that is not there",
            walrus.certify(permanent(BlobId([8; 32]))),
            BlobId([8; 32]),
            ("dynamic_field", 1),
        ),
    ];
    for (what, certificate, blob_id, (module, code)) in refused {
        let outcome = certify(&mut walrus, pool, blob_id, &certificate);
        assert_refused(outcome, module, code, what);
    }

    for (blob_id, object_id, body) in [
        (lasting, lasting_object, permanent(lasting)),
        (passing, passing_object, deletable(passing, passing_object)),
    ] {
        let certificate = walrus.certify(body);
        let receipt = certify(&mut walrus, pool, blob_id, &certificate).unwrap();
        let event = events::PooledBlobCertified {
            epoch: 1,
            blob_id,
            deletable: blob_id == passing,
            object_id,
            storage_pool_id: pool,
        };
        assert_eq!(receipt.events, [WalrusEvent::PooledBlobCertified(event)]);
        let blob: PooledBlob = walrus.chain.read(object_id);
        assert_eq!((blob.certified_epoch, blob.blob_id), (Some(1), blob_id));
        let outcome = certify(&mut walrus, pool, blob_id, &certificate);
        assert_refused(outcome, "storage_pool", 2, "twice");
    }
    let outer: StoragePool = walrus.chain.read(pool);
    let inner: StoragePoolInnerV1 = walrus
        .chain
        .field(pool, &sui_sdk_types::TypeTag::U64, &outer.version)
        .unwrap();
    assert_eq!(inner.blob_count, 2);
}

#[test]
fn nothing_is_certified_in_an_expired_pool() {
    let mut walrus = network();
    let pool = create_pool(&mut walrus);
    let spec = BlobSpec::new(1, 1000, false);
    register(&mut walrus, pool, &spec);
    walrus.next_epoch();
    walrus.next_epoch();
    let certificate = walrus.certify(permanent(spec.blob_id()));
    let outcome = certify(&mut walrus, pool, spec.blob_id(), &certificate);
    assert_refused(outcome, "storage_pool", 1, "expired");
}
