//! SubscriptionService: what is sealed from now on, in order, without gaps.
//!
//! A subscriber is a cursor into the ledger, not a queue: a slow one falls behind and catches up,
//! it never loses checkpoints and never holds memory.

use std::collections::VecDeque;

use sui_rpc::proto::sui::rpc::{v2 as proto, v2::subscription_service_server::SubscriptionService};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::{
    Rpc, errors,
    filter::{EventFilter, TransactionFilter},
    masks,
    position::LedgerPosition,
    scan::Items,
    streams::{matching_events, matching_transactions},
};
use crate::ledger::{CheckpointRecord, TransactionRecord};

#[tonic::async_trait]
impl SubscriptionService for Rpc {
    async fn subscribe_checkpoints(
        &self,
        request: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        let mask =
            masks::read_mask::<proto::Checkpoint>(request.read_mask, "sequence_number,digest")?;
        let filter = request.filter.map(TransactionFilter::parse).transpose()?;
        let tip = self.tip()?.checkpoint.summary.sequence_number;
        // An unfiltered stream consists of checkpoints only; a filtered one first says where it
        // starts.
        let first = filter.as_ref().map(|_| checkpoint_frame(tip, None));
        let frames = move |rpc: &Rpc, record: &CheckpointRecord| {
            let selected = match &filter {
                Some(filter) => {
                    let transactions = rpc.ledger().transactions_of(record)?;
                    transactions
                        .iter()
                        .any(|transaction| filter.matches(transaction))
                }
                None => true,
            };
            let rendered = selected
                .then(|| rpc.renderer().checkpoint(record, &mask))
                .transpose()?;
            Ok(vec![checkpoint_frame(
                record.summary.sequence_number,
                rendered,
            )])
        };
        Ok(Response::new(self.follow(tip, first, frames)))
    }

    async fn subscribe_transactions(
        &self,
        request: Request<proto::SubscribeTransactionsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeTransactionsResponse>>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::ExecutedTransaction>(request.read_mask, "digest")?;
        let filter = request.filter.map(TransactionFilter::parse).transpose()?;
        let respond = |transaction, watermark| {
            let mut response = proto::SubscribeTransactionsResponse::default();
            response.transaction = transaction;
            response.watermark = Some(watermark);
            response
        };
        self.follow_items(respond, move |rpc, transactions| {
            matching_transactions(&rpc.renderer(), transactions, filter.as_ref(), &mask)
        })
    }

    async fn subscribe_events(
        &self,
        request: Request<proto::SubscribeEventsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeEventsResponse>>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::Event>(request.read_mask, "event_type")?;
        let filter = request.filter.map(EventFilter::parse).transpose()?;
        let respond = |event, watermark| {
            let mut response = proto::SubscribeEventsResponse::default();
            response.event = event;
            response.watermark = Some(watermark);
            response
        };
        self.follow_items(respond, move |rpc, transactions| {
            Ok(matching_events(
                &rpc.renderer(),
                transactions,
                filter.as_ref(),
                &mask,
            ))
        })
    }
}

fn checkpoint_frame(
    cursor: u64,
    checkpoint: Option<proto::Checkpoint>,
) -> proto::SubscribeCheckpointsResponse {
    let mut response = proto::SubscribeCheckpointsResponse::default();
    response.cursor = Some(cursor);
    response.checkpoint = checkpoint;
    response
}

fn watermark(cursor: LedgerPosition, covered: Option<u64>) -> proto::Watermark {
    let mut watermark = proto::Watermark::default();
    watermark.cursor = Some(cursor.encode());
    watermark.checkpoint = covered;
    watermark
}

struct Follower<R, F> {
    rpc: Rpc,
    sealed: tokio::sync::watch::Receiver<u64>,
    next: u64,
    ready: VecDeque<R>,
    frames: F,
}

impl Rpc {
    /// A stream of `first`, then the frames of every checkpoint after `tip`, for as long as the
    /// chain runs.
    fn follow<R, F>(&self, tip: u64, first: Option<R>, frames: F) -> BoxStream<R>
    where
        R: Send + 'static,
        F: Fn(&Rpc, &CheckpointRecord) -> Result<Vec<R>, Status> + Send + 'static,
    {
        let follower = Follower {
            rpc: self.clone(),
            sealed: self.chain().sealed(),
            next: tip + 1,
            ready: first.into_iter().collect(),
            frames,
        };
        let stopped = self.chain().stopped();
        let stream = futures::stream::try_unfold(follower, |mut follower| async move {
            let frame = follower.frame().await?;
            Ok(frame.map(|frame| (frame, follower)))
        });
        // A stopping chain ends its subscriptions: they would keep the connection open for ever.
        Box::pin(futures::StreamExt::take_until(stream, stopped))
    }

    /// [`Self::follow`] for streams whose items are parts of checkpoints.
    fn follow_items<T, R>(
        &self,
        respond: impl Fn(Option<T>, proto::Watermark) -> R + Send + 'static,
        items: impl Fn(&Rpc, &[TransactionRecord]) -> Result<Items<T>, Status> + Send + 'static,
    ) -> Result<Response<BoxStream<R>>, Status>
    where
        R: Send + 'static,
    {
        let tip = self.tip()?.checkpoint.summary.sequence_number;
        let first = respond(None, watermark(LedgerPosition::end_of(tip), Some(tip)));
        let frames = move |rpc: &Rpc, record: &CheckpointRecord| {
            let number = record.summary.sequence_number;
            let transactions = rpc.ledger().transactions_of(record)?;
            let mut frames: Vec<R> = items(rpc, &transactions)?
                .into_iter()
                .map(|(position, item)| {
                    respond(Some(item), watermark(position, number.checked_sub(1)))
                })
                .collect();
            let covered = watermark(LedgerPosition::end_of(number), Some(number));
            frames.push(respond(None, covered));
            Ok(frames)
        };
        Ok(Response::new(self.follow(tip, Some(first), frames)))
    }
}

impl<R, F> Follower<R, F>
where
    F: Fn(&Rpc, &CheckpointRecord) -> Result<Vec<R>, Status>,
{
    /// The next frame; `None` once the chain is gone.
    async fn frame(&mut self) -> Result<Option<R>, Status> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            let next = self.next;
            if self
                .sealed
                .wait_for(|sealed| *sealed >= next)
                .await
                .is_err()
            {
                return Ok(None);
            }
            let record = self
                .rpc
                .ledger()
                .checkpoint(next)?
                .ok_or_else(|| errors::internal(format!("checkpoint {next} is missing")))?;
            self.ready.extend((self.frames)(&self.rpc, &record)?);
            self.next += 1;
        }
    }
}
