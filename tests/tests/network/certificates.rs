//! The chain accepts exactly the certificates that a quorum of the current committee has signed for
//! the blob. Everything runs as Move bytecode on the embedded chain, with real BLS signatures.

use walrus_contracts::types::Blob;
use walrus_core::{
    ProtocolCertificate,
    messages::{ConfirmationBody, InvalidBlobId},
};
use walrus_sui::{
    Committee, SuiError,
    contract::{BlobToCertify, Persistence},
};
use walrus_tests::contracts::{ContractNetwork, certificate, deletable, permanent};

const NODES: u8 = 5;
const SHARDS: u16 = 10;

/// A network, its committee, and a registered permanent blob.
struct Setup {
    network: ContractNetwork,
    committee: Committee,
    blob: Blob,
}

impl Setup {
    async fn new() -> Self {
        let network = ContractNetwork::start(NODES, SHARDS).await;
        let committee = network.committee().await;
        let blob = network.register(1, 1000).await;
        Self {
            network,
            committee,
            blob,
        }
    }

    /// The certificate of all members for the blob.
    fn full(&self) -> ProtocolCertificate {
        self.sign(0..u16::from(NODES), &permanent(self.blob.blob_id))
    }

    fn sign(
        &self,
        signers: impl IntoIterator<Item = u16>,
        body: &ConfirmationBody,
    ) -> ProtocolCertificate {
        certificate(&self.committee, signers, self.committee.epoch, body)
    }

    async fn certify(&self, certificate: ProtocolCertificate) -> Result<(), SuiError> {
        let blob = BlobToCertify {
            object_id: self.blob.id,
            certificate,
        };
        self.network.user.certify(&[blob]).await.map(drop)
    }

    async fn refuse(&self, certificate: ProtocolCertificate, module: &str, code: u64) {
        let outcome = self.certify(certificate).await;
        self.assert_refused(outcome, module, code).await;
    }

    async fn refuse_bitmap(&self, certificate: ProtocolCertificate, bitmap: &[u8], code: u64) {
        let blob = BlobToCertify {
            object_id: self.blob.id,
            certificate,
        };
        let outcome = self
            .network
            .user
            .certify_with_bitmap(&blob, bitmap)
            .await
            .map(drop);
        self.assert_refused(outcome, "bls_aggregate", code).await;
    }

    async fn assert_refused(&self, outcome: Result<(), SuiError>, module: &str, code: u64) {
        let error = outcome.expect_err("the certificate is refused");
        assert!(
            error.is_abort(module, code),
            "expected {module} {code}, got: {error}"
        );
        assert_eq!(self.certified_epoch().await, None, "nothing changed");
    }

    async fn certified_epoch(&self) -> Option<u32> {
        self.network
            .reader
            .blob(self.blob.id)
            .await
            .expect("the blob exists")
            .certified_epoch
    }

    /// The most members, from the first on, that are no quorum.
    fn below_quorum(&self) -> u16 {
        (0..u16::from(NODES))
            .take_while(|last| !self.committee.is_quorum(self.committee.weight(0..=*last)))
            .count()
            .try_into()
            .expect("there are few members")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_quorum_of_valid_signatures_certifies() {
    let setup = Setup::new().await;
    let body = permanent(setup.blob.blob_id);

    // One signature fewer than a quorum.
    let few = setup.below_quorum();
    setup
        .refuse(setup.sign(0..few, &body), "bls_aggregate", 2)
        .await;

    // Signers that the bitmap claims but the signature lacks.
    let mut boast = setup.sign(0..few, &body);
    boast.signers = (0..u16::from(NODES)).collect();
    setup.refuse(boast, "bls_aggregate", 1).await;

    // One bit of the signature, in any part of it.
    for byte in [0, 47, 48, 95] {
        let mut flipped = setup.full();
        flipped.signature.0[byte] ^= 1;
        setup.refuse(flipped, "bls_aggregate", 1).await;
    }

    // One bit of the message.
    for byte in 0..4 {
        let mut flipped = setup.full();
        flipped.serialized_message[byte] ^= 1;
        setup.refuse(flipped, "bls_aggregate", 1).await;
    }

    // A signer that is no member; a bitmap that is too long.
    setup.refuse_bitmap(setup.full(), &[0b0011_1111], 0).await;
    setup
        .refuse_bitmap(setup.full(), &[0b0001_1111, 0], 0)
        .await;
    setup.refuse_bitmap(setup.full(), &[], 2).await;

    // What remains is a quorum without the rest.
    setup
        .certify(setup.sign(0..=few, &body))
        .await
        .expect("a quorum certifies");
    assert_eq!(setup.certified_epoch().await, Some(1));

    // But not twice.
    let error = setup
        .certify(setup.full())
        .await
        .expect_err("the blob is certified already");
    assert!(error.is_abort("blob", 5), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_for_one_blob_and_purpose() {
    let setup = Setup::new().await;
    let all = 0..u16::from(NODES);

    // Of another blob.
    let other = setup.network.register(2, 1000).await;
    setup
        .refuse(
            setup.sign(all.clone(), &permanent(other.blob_id)),
            "blob",
            6,
        )
        .await;

    // Of a deletable blob with the same data.
    let body = deletable(setup.blob.blob_id, setup.blob.id);
    setup
        .refuse(setup.sign(all.clone(), &body), "blob", 9)
        .await;

    // Of another type of message.
    let invalid = InvalidBlobId(setup.blob.blob_id);
    let of_other_type = certificate(&setup.committee, all.clone(), 1, &invalid);
    setup.refuse(of_other_type, "messages", 2).await;

    // Of an epoch that has not begun.
    let early = certificate(
        &setup.committee,
        all.clone(),
        2,
        &permanent(setup.blob.blob_id),
    );
    setup.refuse(early, "messages", 1).await;

    // A deletable blob needs a certificate for its own object.
    let blob = setup
        .network
        .register_as(3, 1000, Persistence::Deletable)
        .await;
    let deletable_setup = Setup { blob, ..setup };
    let blob = &deletable_setup.blob;
    deletable_setup
        .refuse(
            deletable_setup.sign(all.clone(), &deletable(blob.blob_id, other.id)),
            "blob",
            10,
        )
        .await;
    deletable_setup
        .refuse(
            deletable_setup.sign(all.clone(), &permanent(blob.blob_id)),
            "blob",
            9,
        )
        .await;
    let right = deletable_setup.sign(all, &deletable(blob.blob_id, blob.id));
    deletable_setup
        .certify(right)
        .await
        .expect("this is the right one");
    assert_eq!(deletable_setup.certified_epoch().await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_expire_with_their_epoch() {
    let setup = Setup::new().await;
    let old = setup.full();
    assert_eq!(setup.network.next_epoch().await, 2);
    setup.refuse(old, "messages", 1).await;

    let committee = setup.network.committee().await;
    assert_eq!(committee.epoch, 2);
    let body = permanent(setup.blob.blob_id);
    let fresh = certificate(&committee, 0..u16::from(NODES), 2, &body);
    setup
        .certify(fresh)
        .await
        .expect("the new committee certifies");
    assert_eq!(setup.certified_epoch().await, Some(2));
}
