//! LedgerService: objects, transactions, checkpoints, epochs by name, and the List streams.

use sui_rpc::{
    field::FieldMaskTree,
    proto::{
        sui::rpc::{
            v2 as proto,
            v2::{get_checkpoint_request::CheckpointId, ledger_service_server::LedgerService},
        },
        timestamp_ms_to_proto,
    },
};
use sui_sdk_types::{Address, Digest};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::{Rpc, epoch, errors, masks, parse};
use crate::ledger::CheckpointRecord;

/// Most items of a batch request.
const BATCH_OBJECTS_MAX: usize = 1000;
const BATCH_TRANSACTIONS_MAX: usize = 200;

const OBJECT_MASK: &str = "object_id,version,digest";
const TRANSACTION_MASK: &str = "digest";
const CHECKPOINT_MASK: &str = "sequence_number,digest";

impl Rpc {
    fn read_object(
        &self,
        id: Option<&str>,
        version: Option<u64>,
        mask: &FieldMaskTree,
    ) -> Result<proto::Object, Status> {
        let id: Address = parse::required("object_id", id)?;
        let object = match version {
            Some(version) => self.ledger().object_version(&id, version)?.ok_or_else(|| {
                errors::not_found(format!("Object {id} with version {version} not found"))
            })?,
            None => self
                .ledger()
                .object(&id)?
                .ok_or_else(|| errors::not_found(format!("Object {id} not found")))?,
        };
        Ok(self.renderer().object(&object, mask))
    }

    fn read_transaction(
        &self,
        digest: Option<&str>,
        mask: &FieldMaskTree,
    ) -> Result<proto::ExecutedTransaction, Status> {
        let digest: Digest = parse::required("digest", digest)?;
        let record = self
            .ledger()
            .transaction(&digest)?
            .ok_or_else(|| errors::not_found(format!("Transaction {digest} not found")))?;
        Ok(self.renderer().transaction(&record, mask)?)
    }

    fn find_checkpoint(&self, id: Option<CheckpointId>) -> Result<CheckpointRecord, Status> {
        let (found, name) = match id {
            None => return Ok(self.tip()?.checkpoint),
            Some(CheckpointId::SequenceNumber(number)) => {
                (self.ledger().checkpoint(number)?, number.to_string())
            }
            Some(CheckpointId::Digest(digest)) => {
                let digest: Digest = parse::required("digest", Some(&digest))?;
                (
                    self.ledger().checkpoint_by_digest(&digest)?,
                    digest.to_string(),
                )
            }
            Some(_) => {
                return Err(errors::invalid_field(
                    "checkpoint_id",
                    "unknown checkpoint_id",
                ));
            }
        };
        let lowest = self.tip()?.lowest;
        found
            .filter(|record| record.summary.sequence_number >= lowest)
            .ok_or_else(|| errors::not_found(format!("Checkpoint {name} not found")))
    }
}

#[tonic::async_trait]
impl LedgerService for Rpc {
    async fn get_service_info(
        &self,
        _request: Request<proto::GetServiceInfoRequest>,
    ) -> Result<Response<proto::GetServiceInfoResponse>, Status> {
        let tip = self.tip()?;
        let summary = &tip.checkpoint.summary;
        let mut response = proto::GetServiceInfoResponse::default();
        response.chain_id = Some(tip.chain_id.to_string());
        response.chain = Some(crate::chain::CHAIN_NAME.to_owned());
        response.epoch = Some(summary.epoch);
        response.checkpoint_height = Some(summary.sequence_number);
        response.timestamp = Some(timestamp_ms_to_proto(summary.timestamp_ms));
        response.lowest_available_checkpoint = Some(tip.lowest);
        response.lowest_available_checkpoint_objects = Some(tip.lowest);
        response.server = Some(concat!("sui-localnet/", env!("CARGO_PKG_VERSION")).to_owned());
        Ok(Response::new(response))
    }

    async fn get_object(
        &self,
        request: Request<proto::GetObjectRequest>,
    ) -> Result<Response<proto::GetObjectResponse>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::Object>(request.read_mask, OBJECT_MASK)?;
        self.answer(move |rpc| {
            let object = rpc.read_object(request.object_id.as_deref(), request.version, &mask)?;
            Ok(proto::GetObjectResponse::new(object))
        })
        .await
    }

    async fn batch_get_objects(
        &self,
        request: Request<proto::BatchGetObjectsRequest>,
    ) -> Result<Response<proto::BatchGetObjectsResponse>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::Object>(request.read_mask, OBJECT_MASK)?;
        check_batch(request.requests.len(), BATCH_OBJECTS_MAX, "requests")?;
        self.answer(move |rpc| {
            let objects = request
                .requests
                .iter()
                .map(
                    |item| match rpc.read_object(item.object_id.as_deref(), item.version, &mask) {
                        Ok(object) => proto::GetObjectResult::new_object(object),
                        Err(status) => proto::GetObjectResult::new_error(errors::as_item(&status)),
                    },
                )
                .collect();
            Ok(proto::BatchGetObjectsResponse::new(objects))
        })
        .await
    }

    async fn get_transaction(
        &self,
        request: Request<proto::GetTransactionRequest>,
    ) -> Result<Response<proto::GetTransactionResponse>, Status> {
        let request = request.into_inner();
        let mask =
            masks::read_mask::<proto::ExecutedTransaction>(request.read_mask, TRANSACTION_MASK)?;
        self.answer(move |rpc| {
            let transaction = rpc.read_transaction(request.digest.as_deref(), &mask)?;
            Ok(proto::GetTransactionResponse::new(transaction))
        })
        .await
    }

    async fn batch_get_transactions(
        &self,
        request: Request<proto::BatchGetTransactionsRequest>,
    ) -> Result<Response<proto::BatchGetTransactionsResponse>, Status> {
        let request = request.into_inner();
        let mask =
            masks::read_mask::<proto::ExecutedTransaction>(request.read_mask, TRANSACTION_MASK)?;
        check_batch(request.digests.len(), BATCH_TRANSACTIONS_MAX, "digests")?;
        self.answer(move |rpc| {
            let transactions = request
                .digests
                .iter()
                .map(|digest| match rpc.read_transaction(Some(digest), &mask) {
                    Ok(found) => proto::GetTransactionResult::new_transaction(found),
                    Err(status) => proto::GetTransactionResult::new_error(errors::as_item(&status)),
                })
                .collect();
            Ok(proto::BatchGetTransactionsResponse::new(transactions))
        })
        .await
    }

    async fn get_checkpoint(
        &self,
        request: Request<proto::GetCheckpointRequest>,
    ) -> Result<Response<proto::GetCheckpointResponse>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::Checkpoint>(request.read_mask, CHECKPOINT_MASK)?;
        self.answer(move |rpc| {
            let record = rpc.find_checkpoint(request.checkpoint_id)?;
            let checkpoint = rpc.renderer().checkpoint(&record, &mask)?;
            Ok(proto::GetCheckpointResponse::new(checkpoint))
        })
        .await
    }

    async fn get_epoch(
        &self,
        request: Request<proto::GetEpochRequest>,
    ) -> Result<Response<proto::GetEpochResponse>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::Epoch>(request.read_mask, epoch::DEFAULT_MASK)?;
        let tip = self.tip()?;
        let current = tip.checkpoint.summary.epoch;
        let asked = request.epoch.unwrap_or(current);
        if asked != current {
            return Err(errors::not_found(format!("Epoch {asked} not found")));
        }
        let epoch = epoch::render(&tip, &mask);
        Ok(Response::new(proto::GetEpochResponse::new(epoch)))
    }

    async fn list_checkpoints(
        &self,
        request: Request<proto::ListCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::ListCheckpointsResponse>>, Status> {
        self.checkpoint_stream(request).map(Response::new)
    }

    async fn list_transactions(
        &self,
        request: Request<proto::ListTransactionsRequest>,
    ) -> Result<Response<BoxStream<proto::ListTransactionsResponse>>, Status> {
        self.transaction_stream(request).map(Response::new)
    }

    async fn list_events(
        &self,
        request: Request<proto::ListEventsRequest>,
    ) -> Result<Response<BoxStream<proto::ListEventsResponse>>, Status> {
        self.event_stream(request).map(Response::new)
    }
}

fn check_batch(count: usize, max: usize, field: &str) -> Result<(), Status> {
    if count > max {
        return Err(errors::invalid_field(
            field,
            format!("number of {field} exceeds the limit of {max}"),
        ));
    }
    Ok(())
}
