//! A writer whose slivers do not belong to one blob.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use walrus_client::{
    WalrusClient,
    node::{NodeClient, SliverBody, Transport},
};
use walrus_core::{
    BlobId, SliverIndex, SliverType, StorageConfirmation, bft,
    certificate::ProtocolCertificate,
    messages::{BlobPersistence, ConfirmationBody},
    metadata::VerifiedMetadata,
    sliver::SliverPair,
};
use walrus_sui::contract::{BlobToCertify, BlobToRegister, Persistence, StorageSource};

/// Epochs for which the blob is paid: longer than any history.
const EPOCHS: u32 = 20;
/// How long a node may wait for the registration.
const LONG_POLL: Duration = Duration::from_secs(2);
/// The sliver whose hash is another's.
const WRONG: SliverIndex = SliverIndex(2);
/// The other.
const OTHER: SliverIndex = SliverIndex(3);

/// What is stored: slivers, and metadata of which one hash is wrong.
struct Inconsistent {
    pairs: Vec<SliverPair>,
    metadata: VerifiedMetadata,
}

/// Stores and certifies an inconsistent blob; returns its ID. Nodes that hold the wrong sliver
/// refuse it, a quorum of the others is enough.
pub(crate) async fn store(
    client: &WalrusClient,
    transport: Arc<dyn Transport>,
    bytes: &[u8],
) -> anyhow::Result<BlobId> {
    let blob = encode(client, bytes).await?;
    let blob_id = *blob.metadata.blob_id();
    let storage = StorageSource::Buy(EPOCHS);
    let request = BlobToRegister::new(&blob.metadata, Persistence::Permanent, storage);
    let contract = client.contract()?;
    let registered = contract.reserve_and_register(&[request]).await?;
    let object = registered.first().context("one blob was registered")?;
    let certificate = upload(client, &transport, &blob).await?;
    let certify = BlobToCertify {
        object_id: object.blob.id,
        certificate,
    };
    contract.certify(&[certify]).await?;
    Ok(blob_id)
}

async fn encode(client: &WalrusClient, bytes: &[u8]) -> anyhow::Result<Inconsistent> {
    let encoder = client.encoder().await?;
    let n_shards = encoder.n_shards();
    let (pairs, metadata) = encoder.encode(bytes)?;
    let mut hashes = metadata.metadata().hashes().to_vec();
    let axis = SliverType::Primary;
    let other = hashes[OTHER.to_pair(axis, n_shards).as_usize()].primary_hash;
    let wrong = &mut hashes[WRONG.to_pair(axis, n_shards).as_usize()].primary_hash;
    ensure!(
        *wrong != other,
        "two slivers of a blob this small are the same"
    );
    *wrong = other;
    let metadata = VerifiedMetadata::compute(n_shards, metadata.unencoded_length(), hashes)?;
    Ok(Inconsistent { pairs, metadata })
}

async fn upload(
    client: &WalrusClient,
    transport: &Arc<dyn Transport>,
    blob: &Inconsistent,
) -> anyhow::Result<ProtocolCertificate> {
    let committee = client.reader().current_committee().await?;
    let mut confirmations = BTreeMap::new();
    let mut weight = 0;
    for (position, member) in (0_u16..).zip(&committee.members) {
        let node = NodeClient::new(
            &member.network_address,
            None,
            committee.n_shards,
            &client.config().communication,
        )?;
        let node = node.over(Arc::clone(transport));
        let Ok(StorageConfirmation::Signed(signed)) =
            serve(&node, blob, &member.shards, committee.n_shards).await
        else {
            continue;
        };
        let expected = ConfirmationBody {
            blob_id: *blob.metadata.blob_id(),
            persistence: BlobPersistence::Permanent,
        };
        if signed
            .verify(&member.public_key, committee.epoch, &expected)
            .is_ok()
        {
            confirmations.insert(position, signed);
            weight += usize::from(member.weight());
        }
    }
    let is_enough = bft::is_quorum(weight, committee.n_shards);
    ensure!(is_enough, "only {weight} shards have confirmed");
    Ok(ProtocolCertificate::aggregate(confirmations)?)
}

async fn serve(
    node: &NodeClient,
    blob: &Inconsistent,
    shards: &[walrus_core::ShardIndex],
    n_shards: walrus_core::NShards,
) -> anyhow::Result<StorageConfirmation> {
    let blob_id = blob.metadata.blob_id();
    let metadata = bcs::to_bytes(&blob.metadata.as_wire().metadata)?;
    node.store_metadata(blob_id, metadata.into()).await?;
    for shard in shards {
        let pair = shard.to_pair(blob_id, n_shards);
        let slivers = &blob.pairs[pair.as_usize()];
        let bodies = [
            (
                SliverType::Primary,
                SliverBody::new(slivers.primary.clone()),
            ),
            (
                SliverType::Secondary,
                SliverBody::new(slivers.secondary.clone()),
            ),
        ];
        for (axis, body) in bodies {
            node.store_sliver(blob_id, pair, axis, &body).await?;
        }
    }
    let persistence = BlobPersistence::Permanent;
    Ok(node.confirmation(blob_id, &persistence, LONG_POLL).await?)
}
