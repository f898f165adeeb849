//! Facts about blobs and the network.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use utoipa::ToSchema;
use walrus_core::{BlobId, node_api::BlobStatus, params};

use super::Aggregator;
use crate::{error::ApiError, extract::PathOf, paths};

/// Time for a quorum of the nodes to agree on a status.
const STATUS_PATIENCE: Duration = Duration::from_secs(10);

/// What the nodes know about a blob.
#[serde_as]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusAnswer {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    status: BlobStatus,
}

/// How large blobs can be, and what storage costs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkAnswer {
    current_epoch: u32,
    /// Epochs for which storage can be bought.
    max_epochs_ahead: u32,
    n_shards: u16,
    /// Bytes.
    max_blob_size: u64,
    /// Bytes of one unit.
    storage_unit_size: u64,
    /// FROST for one unit and epoch.
    storage_price_per_unit_size: u64,
    /// FROST for one unit, once.
    write_price_per_unit_size: u64,
}

/// What the storage nodes know about a blob
#[utoipa::path(get, path = paths::BLOB_STATUS, tag = "aggregator",
    params(("blob_id" = String, Path, description = "The blob")),
    responses(
        (status = 200, description = "The blob ID and its status, as `walrus blob-status --json`"),
        (status = 400, description = "The ID is none"),
        (status = 503, description = "BLOB_UNAVAILABLE: too few nodes answer; try again later"),
    ))]
pub(crate) async fn status(
    State(aggregator): State<Aggregator>,
    PathOf(blob_id): PathOf<BlobId>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let client = aggregator.blobs.client();
    let status = client.blob_status(&blob_id, STATUS_PATIENCE).await;
    let status = status.map_err(|error| ApiError::of_read(&error))?;
    Ok(Json(StatusAnswer { blob_id, status }))
}

/// How large blobs can be, and what storage costs
#[utoipa::path(get, path = paths::INFO, tag = "aggregator",
    responses(
        (status = 200, description = "Sizes in bytes, prices in FROST", body = NetworkAnswer),
        (status = 503, description = "UNAVAILABLE: the chain cannot be read; try again later"),
    ))]
pub(crate) async fn info(
    State(aggregator): State<Aggregator>,
) -> Result<Json<NetworkAnswer>, ApiError> {
    let reader = aggregator.blobs.client().reader();
    let read = async { tokio::try_join!(reader.contract_state(), reader.epoch_info()) };
    let (state, epoch) = read.await.map_err(|error| ApiError::of_chain(&error))?;
    let prices = state.prices();
    Ok(Json(NetworkAnswer {
        current_epoch: epoch.epoch,
        max_epochs_ahead: epoch.max_epochs_ahead,
        n_shards: state.n_shards.get(),
        max_blob_size: params::max_blob_size(state.n_shards),
        storage_unit_size: params::BYTES_PER_STORAGE_UNIT,
        storage_price_per_unit_size: prices.storage_per_unit.0,
        write_price_per_unit_size: prices.write_per_unit.0,
    }))
}
