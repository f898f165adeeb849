//! ListCheckpoints, ListTransactions and ListEvents.

use std::net::IpAddr;

use futures::TryStreamExt;
use sui_rpc::{field::FieldMaskTree, proto::sui::rpc::v2 as proto};
use tonic::{Request, Status, codegen::BoxStream};

use super::{
    Rpc, errors,
    filter::{EventFilter, TransactionFilter},
    masks, peers,
    position::LedgerPosition,
    render::Renderer,
    scan::{Frame, Items, Limits, Query, Step, Walk},
};
use crate::ledger::{CheckpointRecord, Ledger, TransactionRecord};

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
impl Rpc {
    pub(super) fn checkpoint_stream(
        &self,
        request: Request<proto::ListCheckpointsRequest>,
    ) -> Result<BoxStream<proto::ListCheckpointsResponse>, Status> {
        let peer = peers::of(&request);
        let request = request.into_inner();
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
                .map(|checkpoint| (LedgerPosition::start_of(number), checkpoint))
                .into_iter()
                .collect())
        };
        self.stream(peer, Walk::new(query, true), items, |frame| {
            let mut response = proto::ListCheckpointsResponse::default();
            response.checkpoint = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        })
    }

    pub(super) fn transaction_stream(
        &self,
        request: Request<proto::ListTransactionsRequest>,
    ) -> Result<BoxStream<proto::ListTransactionsResponse>, Status> {
        let peer = peers::of(&request);
        let request = request.into_inner();
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
        self.stream(peer, Walk::new(query, false), items, |frame| {
            let mut response = proto::ListTransactionsResponse::default();
            response.transaction = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        })
    }

    pub(super) fn event_stream(
        &self,
        request: Request<proto::ListEventsRequest>,
    ) -> Result<BoxStream<proto::ListEventsResponse>, Status> {
        let peer = peers::of(&request);
        let request = request.into_inner();
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
        self.stream(peer, Walk::new(query, false), items, |frame| {
            let mut response = proto::ListEventsResponse::default();
            response.event = frame.item;
            response.watermark = Some(frame.watermark);
            response.end = frame.end;
            response
        })
    }

    fn query(
        &self,
        start: Option<u64>,
        end: Option<u64>,
        options: Option<proto::QueryOptions>,
        limits: Limits,
    ) -> Result<Query, Status> {
        let tip = self.tip()?;
        let newest = tip.checkpoint.summary.sequence_number;
        let start = start.unwrap_or(tip.lowest);
        let query = Query::new(Some(start), end, options, limits, newest)?;
        if query.lowest() < tip.lowest {
            let number = query.lowest();
            return Err(errors::not_found(format!("Checkpoint {number} not found")));
        }
        Ok(query)
    }

    /// A stream of the frames of a walk. It goes on only when the client has taken what was there:
    /// a stream that nobody reads holds one checkpoint's items and no thread.
    fn stream<T, R>(
        &self,
        peer: IpAddr,
        walk: Walk<T>,
        items: impl Fn(&Rpc, u64) -> Result<Items<T>, Status> + Send + 'static,
        respond: impl Fn(Frame<T>) -> R + Send + Sync + 'static,
    ) -> Result<BoxStream<R>, Status>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let lease = self.list_streams.admit(peer)?;
        let state = (self.clone(), walk, items, lease);
        let frames = futures::stream::try_unfold(state, |mut state| async move {
            loop {
                let stepped = ambient::run_blocking(move || {
                    let (rpc, walk, items, _) = &mut state;
                    let step = walk.step(|number| items(rpc, number));
                    (state, step)
                });
                let (back, step) = stepped.await.map_err(|_| errors::defect())?;
                state = back;
                match step? {
                    Step::Frame(frame) => return Ok(Some((frame, state))),
                    Step::More => {}
                    Step::End => return Ok(None),
                }
            }
        });
        Ok(Box::pin(frames.map_ok(respond)))
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
            let position = LedgerPosition {
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
                let position = LedgerPosition {
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
