//! What must hold in the end, whatever has happened.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use walrus_client::progress::no_progress;
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, Epoch, ShardIndex, node_api::BlobStatus};
use walrus_encoder::ConsistencyCheck;
use walrus_node::service::Service;

use crate::world::{World, user_addresses};

/// How long the nodes may take until everything is well: epochs, the longest pauses between
/// attempts, and scrubs.
const HEALING_TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// How often is looked whether it is.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Blobs that are looked at per node.
const BLOBS_MAX: usize = 10_000;

/// Checks everything. `Err` says in words what is wrong.
pub(crate) async fn check(world: &mut World) -> Result<(), String> {
    let deadline = Instant::now() + HEALING_TIME_MAX;
    loop {
        let revived = world.restart_failed().await;
        revived.map_err(|error| format!("a node does not start: {error:#}"))?;
        let well = match is_well(world).await {
            Ok(()) => are_rejected(world).await,
            unwell => unwell,
        };
        let Err(reason) = well else {
            break;
        };
        if Instant::now() > deadline {
            let minutes = HEALING_TIME_MAX.as_secs() / 60;
            return Err(format!("after {minutes} minutes of peace: {reason}"));
        }
        sleep(LOOK_INTERVAL).await;
    }
    world.trace.note(format_args!("everything is well"));
    everything_reads(world).await?;
    let known = world.known.lock();
    match known.wrong.first() {
        Some(wrong) => Err(wrong.clone()),
        None => Ok(()),
    }
}

/// Whether all nodes are in full health, lack nothing, and keep nothing that nobody pays for.
async fn is_well(world: &World) -> Result<(), String> {
    let info = world.reader.epoch_info().await;
    let epoch = info.map_err(|error| error.to_string())?.epoch;
    for node in &world.nodes {
        let name = format!("node-{}", node.index);
        let service = node
            .service()
            .ok_or_else(|| format!("{name} does not serve"))?;
        let well = is_node_well(&service, epoch).await;
        well.map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(())
}

async fn is_node_well(service: &Service, epoch: Epoch) -> Result<(), String> {
    let health = service.health(false);
    let shards = health.shard_summary;
    if health.epoch != epoch {
        return Err(format!("is in epoch {}, not {epoch}", health.epoch));
    }
    if !matches!(health.node_status.as_str(), "Active" | "Standby") {
        return Err(format!("is {}", health.node_status));
    }
    if let Some(away) = health.chain_unavailable {
        return Err(format!("does not hear the chain {away}"));
    }
    if shards.owned_shard_status.ready != shards.owned {
        return Err(format!("its shards are not ready: {shards:?}"));
    }
    let view = service.state().view();
    let owned = view.owned.clone();
    let stored: Vec<ShardIndex> = view.shards.keys().copied().collect();
    let storage = service.state().storage();
    let found = storage.with_index(move |index| {
        let incomplete = index.incomplete_blobs(None, &owned, epoch, BLOBS_MAX)?;
        let mut garbage: Vec<BlobId> = Vec::new();
        for blob_id in index.stored_blobs(None, &stored, BLOBS_MAX)? {
            let record = index.blob(&blob_id)?;
            if !record.is_some_and(|record| record.is_registered(epoch)) {
                garbage.push(blob_id);
            }
        }
        let first = match incomplete.blobs.first() {
            Some(blob_id) => index.blob(blob_id)?.map(|record| (*blob_id, record)),
            None => None,
        };
        Ok((first, garbage))
    });
    let (incomplete, garbage) = found.await.map_err(|error| error.to_string())?;
    if let Some((blob_id, record)) = incomplete {
        return Err(format!("lacks slivers of {blob_id}: {record:?}"));
    }
    if let Some(blob_id) = garbage.first() {
        return Err(format!("keeps {blob_id}, for which nobody pays"));
    }
    Ok(())
}

/// Whether all nodes have come to the same verdict about blobs that were encoded inconsistently:
/// they are no blobs.
async fn are_rejected(world: &World) -> Result<(), String> {
    let inconsistent = world.known.lock().inconsistent.clone();
    for node in &world.nodes {
        let Some(service) = node.service() else {
            return Err(format!("node-{} does not serve", node.index));
        };
        for blob_id in &inconsistent {
            let status = service.blob_status(*blob_id).await;
            let status = status.map_err(|error| error.to_string())?;
            if !matches!(status, BlobStatus::Invalid { .. }) {
                return Err(format!(
                    "node-{} takes {blob_id} for a blob, which is none: {status:?}",
                    node.index
                ));
            }
        }
    }
    Ok(())
}

/// Whether every certified blob reads back as what it was.
async fn everything_reads(world: &World) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the chain cannot be read: {error}");
    let mut read = 0;
    for owner in user_addresses() {
        let owned = world.reader.owned_blobs(owner).await;
        let info = world
            .reader
            .epoch_info()
            .await
            .map_err(|error| failed(&error))?;
        for blob in owned.map_err(|error| failed(&error))? {
            if world.known.lock().inconsistent.contains(&blob.blob_id) {
                continue;
            }
            // One that ends while it is read may be gone.
            if blob.certified_epoch.is_some() && blob.storage.end_epoch > info.epoch + 1 {
                reads(world, &blob).await?;
                read += 1;
            }
        }
    }
    world.trace.note(format_args!("{read} blobs read back"));
    Ok(())
}

async fn reads(world: &World, blob: &Blob) -> Result<(), String> {
    let (blob_id, client) = (blob.blob_id, &world.users[0].client);
    let expected = world.known.lock().contents.get(&blob_id).cloned();
    let expected = expected.ok_or_else(|| format!("nobody has stored {blob_id}"))?;
    let unwatched = no_progress();
    let read = client.read(&blob_id, ConsistencyCheck::Strict, &unwatched);
    match read.await {
        Ok(bytes) if bytes == expected => Ok(()),
        Ok(_) => Err(format!(
            "certified blob {blob_id} reads back as something else"
        )),
        Err(error) => Err(format!("certified blob {blob_id} cannot be read: {error}")),
    }
}
