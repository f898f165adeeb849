//! The stream of events against a full node whose connections keep breaking.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use sui_rpc::proto::sui::rpc::v2::{
    self as proto, QueryEndReason,
    ledger_service_server::{LedgerService, LedgerServiceServer},
    subscription_service_server::{SubscriptionService, SubscriptionServiceServer},
};
use sui_sdk_types::Digest;
use tokio::sync::watch;
use tonic::{Request, Response, Status, codegen::BoxStream};
use walrus_contracts::events::{EpochChangeDone, WalrusEvent};
use walrus_core::{EventId, ObjectId};
use walrus_sui::{EventStream, SuiError, SuiRpc};

use crate::listing::{end, end_of_list, first_listed, listed};

const PACKAGE: ObjectId = ObjectId([0xab; 32]);
/// Checkpoints the test reads: several connections' worth.
const CHECKPOINTS: u64 = 200;
/// Pause between two checkpoints.
const CHECKPOINT_DELAY: Duration = Duration::from_millis(5);
/// Frames after which a subscription breaks.
const SUBSCRIPTION_FRAMES: usize = 10;
/// Checkpoints on a page.
const PAGE: usize = 4;

/// Serves checkpoints 0 to the number in the channel.
#[derive(Clone)]
struct FullNode {
    tip: watch::Receiver<u64>,
    /// The first checkpoint it still has.
    lowest: u64,
}

/// Every second checkpoint has an event that names it.
fn checkpoint(number: u64) -> proto::Checkpoint {
    let events = if number.is_multiple_of(2) {
        let epoch = u32::try_from(number).unwrap();
        vec![
            proto::Event::default()
                .with_event_type(format!("{PACKAGE}::events::EpochChangeDone"))
                .with_contents(proto::Bcs::from(epoch.to_le_bytes().to_vec())),
        ]
    } else {
        vec![]
    };
    let transaction = proto::ExecutedTransaction::default()
        .with_digest(digest(number).to_string())
        .with_events(proto::TransactionEvents::default().with_events(events));
    proto::Checkpoint::default()
        .with_sequence_number(number)
        .with_summary(
            proto::CheckpointSummary::default().with_timestamp(prost_types::Timestamp::default()),
        )
        .with_transactions(vec![transaction])
}

fn digest(number: u64) -> Digest {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Digest::new(bytes)
}

#[tonic::async_trait]
impl LedgerService for FullNode {
    async fn get_service_info(
        &self,
        _: Request<proto::GetServiceInfoRequest>,
    ) -> Result<Response<proto::GetServiceInfoResponse>, Status> {
        let info = proto::GetServiceInfoResponse::default()
            .with_checkpoint_height(*self.tip.borrow())
            .with_lowest_available_checkpoint(self.lowest);
        Ok(Response::new(info))
    }

    async fn get_checkpoint(
        &self,
        _: Request<proto::GetCheckpointRequest>,
    ) -> Result<Response<proto::GetCheckpointResponse>, Status> {
        let tip = *self.tip.borrow();
        Ok(Response::new(
            proto::GetCheckpointResponse::default().with_checkpoint(checkpoint(tip)),
        ))
    }

    async fn list_checkpoints(
        &self,
        request: Request<proto::ListCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::ListCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        let start = first_listed(&request);
        if start < self.lowest {
            return Err(Status::out_of_range("checkpoints have been pruned"));
        }
        let tip = *self.tip.borrow();
        let last = request.end_checkpoint.map_or(tip, |end| tip.min(end - 1));
        let mut frames: VecDeque<_> = (start..=last)
            .take(PAGE)
            .map(|number| Ok(listed(number, checkpoint(number))))
            .collect();
        if frames.len() == PAGE {
            let Some(Ok(frame)) = frames.back_mut() else {
                unreachable!("a full page has frames");
            };
            frame.end = Some(end(QueryEndReason::ItemLimit));
        } else {
            let bounded = request.end_checkpoint.is_some_and(|end| end - 1 <= tip);
            let reason = if bounded {
                QueryEndReason::CheckpointBound
            } else {
                QueryEndReason::LedgerTip
            };
            frames.push_back(Ok(end_of_list(last, reason)));
        }
        Ok(Response::new(stream::iter(frames).boxed()))
    }
}

#[tonic::async_trait]
impl SubscriptionService for FullNode {
    async fn subscribe_checkpoints(
        &self,
        _: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeCheckpointsResponse>>, Status> {
        let mut tip = self.tip.clone();
        let mut next = *tip.borrow_and_update() + 1;
        let frames = async_stream(move || {
            let mut tip = tip.clone();
            let number = next;
            next += 1;
            async move {
                tip.wait_for(|tip| *tip >= number).await.ok()?;
                let mut frame = proto::SubscribeCheckpointsResponse::default();
                frame.cursor = Some(number);
                frame.checkpoint = Some(checkpoint(number));
                Some(Ok(frame))
            }
        });
        let broken = stream::iter([Err(Status::unavailable("connection lost"))]);
        Ok(Response::new(
            frames.take(SUBSCRIPTION_FRAMES).chain(broken).boxed(),
        ))
    }
}

/// Calls `next` for one item after another.
fn async_stream<T, F: Future<Output = Option<T>>>(
    next: impl FnMut() -> F,
) -> impl futures::Stream<Item = T> {
    stream::unfold(next, |mut next| async move {
        let item = next().await?;
        Some((item, next))
    })
}

/// Serves a node; returns its connection and the number of its latest checkpoint.
async fn serve(tip: u64, lowest: u64) -> (SuiRpc, watch::Sender<u64>) {
    let (sender, receiver) = watch::channel(tip);
    let node = Arc::new(FullNode {
        tip: receiver,
        lowest,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = tonic::transport::Server::builder()
        .add_service(LedgerServiceServer::from_arc(Arc::clone(&node)))
        .add_service(SubscriptionServiceServer::from_arc(node));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(routes.serve_with_incoming(incoming));
    (SuiRpc::new([url]).unwrap(), sender)
}

#[tokio::test]
async fn every_checkpoint_arrives_once_over_broken_connections() {
    let (rpc, tip) = serve(10, 0).await;
    // The chain grows until nobody looks: what a lost connection misses is announced or listed
    // later.
    tokio::spawn(async move {
        while !tip.is_closed() {
            tip.send_modify(|tip| *tip += 1);
            tokio::time::sleep(CHECKPOINT_DELAY).await;
        }
    });
    let mut events = EventStream::new(rpc, PACKAGE, 2);
    for number in 3..=CHECKPOINTS {
        let next = events.next().await.unwrap();
        assert_eq!(next.checkpoint, number);
        let id = EventId {
            tx_digest: digest(number).into_inner(),
            event_seq: 0,
        };
        let epoch = u32::try_from(number).unwrap();
        let expected: Vec<(EventId, WalrusEvent)> = if number.is_multiple_of(2) {
            vec![(id, EpochChangeDone { epoch }.into())]
        } else {
            vec![]
        };
        assert_eq!(next.events, expected);
    }
    assert_eq!(events.cursor(), CHECKPOINTS);
}

#[tokio::test]
async fn what_the_node_no_longer_has_is_an_error() {
    let (rpc, _tip) = serve(10, 5).await;
    let error = EventStream::new(rpc, PACKAGE, 2).next().await.unwrap_err();
    let expected = |error: &SuiError| {
        matches!(
            error,
            SuiError::Pruned {
                needed: 3,
                lowest: 5
            }
        )
    };
    assert!(expected(&error), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_chain_behind_the_cursor_was_reset() {
    let (rpc, _tip) = serve(10, 0).await;
    let mut events = EventStream::new(rpc, PACKAGE, 11);
    let error = events.next().await.unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::ChainReset {
                cursor: 11,
                latest: 10
            }
        ),
        "{error}"
    );
}
