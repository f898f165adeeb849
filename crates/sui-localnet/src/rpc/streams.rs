//! ListCheckpoints, ListTransactions and ListEvents.

use super::filter::{EventFilter, TransactionFilter};
use super::position::Position;
use super::render::Renderer;
use super::scan::{self, Frame, Items, Limits, Query};
use super::{Rpc, errors, masks};
use crate::ledger::{CheckpointRecord, Ledger, TransactionRecord};
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

const CHECKPOINT_LIMITS: Limits = Limits {
    default: 10,
    max: 100,
};
const TRANSACTION_LIMITS: Limits = Limits {
    default: 50,
    max: 500,
};
const EVENT_LIMITS: Limits = Limits {
    default: 50,
    max: 1000,
};
/// Frames rendered ahead of what the client has taken.
const FRAMES_AHEAD_MAX: usize = 16;

impl Rpc {
    pub(super) fn checkpoint_stream(
        &self,
        request: proto::ListCheckpointsRequest,
    ) -> Result<BoxStream<proto::ListCheckpointsResponse>, Status> {
        let mask =
            masks::read_mask::<proto::Checkpoint>(request.read_mask, "sequence_number,digest")?;
        let filter = request.filter.map(TransactionFilter::parse).transpose()?;
        let query = self.query(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
            CHECKPOINT_LIMITS,
        )?;
        let items = move |rpc: &Rpc, number: u64| {
            let record = checkpoint(rpc.ledger(), number)?;
            let selected = match &filter {
                Some(filter) => {
                    let transactions = rpc.ledger().transactions_of(&record)?;
                    transactions
                        .iter()
                        .any(|transaction| filter.matches(transaction))
                }
                None => true,
            };
            let rendered = selected
                .then(|| rpc.renderer().checkpoint(&record, &mask))
                .transpose()?;
            Ok(rendered
                .map(|checkpoint| (Position::start_of(number), checkpoint))
                .into_iter()
                .collect())
        };
        Ok(self.stream(query, true, items, |frame| {
            let mut response = proto::ListCheckpointsResponse::default();
            response.checkpoint = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        }))
    }

    pub(super) fn transaction_stream(
        &self,
        request: proto::ListTransactionsRequest,
    ) -> Result<BoxStream<proto::ListTransactionsResponse>, Status> {
        let mask = masks::read_mask::<proto::ExecutedTransaction>(request.read_mask, "digest")?;
        let filter = request.filter.map(TransactionFilter::parse).transpose()?;
        let query = self.query(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
            TRANSACTION_LIMITS,
        )?;
        let items = move |rpc: &Rpc, number: u64| {
            let record = checkpoint(rpc.ledger(), number)?;
            let transactions = rpc.ledger().transactions_of(&record)?;
            matching_transactions(&rpc.renderer(), &transactions, filter.as_ref(), &mask)
        };
        Ok(self.stream(query, false, items, |frame| {
            let mut response = proto::ListTransactionsResponse::default();
            response.transaction = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        }))
    }

    pub(super) fn event_stream(
        &self,
        request: proto::ListEventsRequest,
    ) -> Result<BoxStream<proto::ListEventsResponse>, Status> {
        let mask = masks::read_mask::<proto::Event>(request.read_mask, "event_type")?;
        let filter = request.filter.map(EventFilter::parse).transpose()?;
        let query = self.query(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
            EVENT_LIMITS,
        )?;
        let items = move |rpc: &Rpc, number: u64| {
            let record = checkpoint(rpc.ledger(), number)?;
            let transactions = rpc.ledger().transactions_of(&record)?;
            Ok(matching_events(
                &rpc.renderer(),
                &transactions,
                filter.as_ref(),
                &mask,
            ))
        };
        Ok(self.stream(query, false, items, |frame| {
            let mut response = proto::ListEventsResponse::default();
            response.event = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        }))
    }

    fn query(
        &self,
        start: Option<u64>,
        end: Option<u64>,
        options: Option<proto::QueryOptions>,
        limits: Limits,
    ) -> Result<Query, Status> {
        let tip = self.tip()?.checkpoint.summary.sequence_number;
        Query::new(start, end, options, limits, tip)
    }

    /// Walks on a blocking thread, at most a few frames ahead of the client; ends when the client goes away.
    fn stream<T, R>(
        &self,
        query: Query,
        covers: bool,
        items: impl Fn(&Rpc, u64) -> Result<Items<T>, Status> + Send + 'static,
        respond: impl Fn(Frame<T>) -> R + Send + 'static,
    ) -> BoxStream<R>
    where
        T: 'static,
        R: Send + 'static,
    {
        let (sender, receiver) = tokio::sync::mpsc::channel(FRAMES_AHEAD_MAX);
        let rpc = self.clone();
        tokio::task::spawn_blocking(move || {
            let walked = scan::run(
                &query,
                covers,
                |number| items(&rpc, number),
                |frame| sender.blocking_send(Ok(respond(frame))).is_ok(),
            );
            if let Err(status) = walked {
                // A client that is gone needs no status.
                let _ = sender.blocking_send(Err(status));
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

fn checkpoint(ledger: &Ledger, number: u64) -> Result<CheckpointRecord, Status> {
    ledger
        .checkpoint(number)?
        .ok_or_else(|| errors::not_found(format!("Checkpoint {number} not found")))
}

/// The transactions of a checkpoint that pass `filter`, rendered, with their positions.
pub(super) fn matching_transactions(
    renderer: &Renderer<'_>,
    transactions: &[TransactionRecord],
    filter: Option<&TransactionFilter>,
    mask: &FieldMaskTree,
) -> Result<Items<proto::ExecutedTransaction>, Status> {
    transactions
        .iter()
        .filter(|record| filter.is_none_or(|filter| filter.matches(record)))
        .map(|record| {
            let position = Position {
                checkpoint: record.checkpoint,
                transaction: record.index,
                event: 0,
            };
            Ok((position, renderer.transaction(record, mask)?))
        })
        .collect()
}

/// The events of a checkpoint that pass `filter`, rendered, with their positions.
pub(super) fn matching_events(
    renderer: &Renderer<'_>,
    transactions: &[TransactionRecord],
    filter: Option<&EventFilter>,
    mask: &FieldMaskTree,
) -> Items<proto::Event> {
    let mut found = Vec::new();
    for record in transactions {
        let events = record.events.iter().flat_map(|events| &events.0);
        for (index, event) in (0u32..).zip(events) {
            if filter.is_none_or(|filter| filter.matches(event)) {
                let position = Position {
                    checkpoint: record.checkpoint,
                    transaction: record.index,
                    event: u64::from(index),
                };
                let rendered = renderer.ledger_event(record, index, event, mask);
                found.push((position, rendered));
            }
        }
    }
    found
}
