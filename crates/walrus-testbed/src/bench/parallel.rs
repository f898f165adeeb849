//! Many small blobs at the same time, through the client library.

use std::{path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_client::{
    BlobInput, ObjectReuse, SigningOptions, StorageDuration, StoreOptions, WalrusClient, config,
    progress,
};
use walrus_core::BlobId;
use walrus_encoder::ConsistencyCheck;

use super::{
    random_bytes,
    report::{MIB, Measurement, as_float},
};
use crate::{
    accounts::{Account, Role},
    report::ReadyReport,
};

/// Seeds of these blobs begin here, so that nobody else has stored them.
const FIRST_SEED: u64 = 10_000;

const OPTIONS: StoreOptions = StoreOptions {
    duration: StorageDuration::Epochs(1),
    deletable: false,
    force: false,
    ignore_resources: false,
    needs_object: false,
    reuse: ObjectReuse::Any,
};

/// Stores `count` blobs of 1 MiB at the same time, then reads them at the same time.
///
/// The stores are shared by all accounts of the network, one client each: transactions of one
/// account go one after the other.
pub(super) async fn measure(
    report: &ReadyReport,
    count: usize,
) -> anyhow::Result<Vec<Measurement>> {
    let clients = clients(report)?;
    let numbered = || (0..count).zip(clients.iter().cycle());
    let started = Instant::now();
    let stores = numbered().map(|(number, client)| store(client, number));
    let blobs: Vec<BlobId> = stream::iter(stores).buffered(count).try_collect().await?;
    let stored = started.elapsed();

    let started = Instant::now();
    let reads = numbered().zip(blobs);
    let reads = reads.map(|((number, client), blob)| read(client, number, blob));
    let mut reads = stream::iter(reads).buffer_unordered(count);
    while reads.try_next().await?.is_some() {}
    let read = started.elapsed();
    let rate = |what, elapsed: std::time::Duration| {
        Measurement::plain(
            format!("{what} of 1 MiB, {count} at the same time"),
            as_float(count) / elapsed.as_secs_f64(),
            "blobs/s",
        )
    };
    Ok(vec![rate("stores", stored), rate("reads", read)])
}

/// A client for each account.
fn clients(report: &ReadyReport) -> anyhow::Result<Vec<WalrusClient>> {
    let loaded = config::load(Some(Path::new(&report.client_config)), None, || None)?;
    let count = u16::try_from(report.accounts.len()).context("too many accounts")?;
    let clients = (0..count).map(|index| {
        let signing = SigningOptions {
            signer: Account::of(Role::User(index)).signer(),
            gas_budget: None,
        };
        let config = loaded.parsed.config.clone();
        let rpc = [report.rpc.clone()];
        Ok(WalrusClient::new(config, &rpc, Some(signing))?)
    });
    clients.collect()
}

fn contents(number: usize) -> Vec<u8> {
    random_bytes(MIB, FIRST_SEED + number as u64)
}

async fn store(client: &WalrusClient, number: usize) -> anyhow::Result<BlobId> {
    let input = BlobInput::Bytes(contents(number).into());
    let quiet = progress::no_progress();
    let results = client.store(vec![input], &OPTIONS, &quiet).await?;
    let stored = results.into_iter().next().context("no result")??;
    Ok(stored.blob_id())
}

async fn read(client: &WalrusClient, number: usize, blob: BlobId) -> anyhow::Result<()> {
    let quiet = progress::no_progress();
    let bytes = client.read(&blob, ConsistencyCheck::Default, &quiet);
    ensure!(
        bytes.await? == contents(number),
        "what was read is not what was stored"
    );
    Ok(())
}
