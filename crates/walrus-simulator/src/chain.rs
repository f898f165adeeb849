//! The chain, and the way each machine has to it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tower::{Service, ServiceExt as _};
use walrus_sui::{SuiError, SuiRpc};

use crate::trace::Trace;

/// The name of the full node.
const URL: &str = "http://chain.example.org:9000";
/// Longest time of a request on its way.
const LATENCY_MS_MAX: u64 = 8;
/// Of so many requests one is lost on its way there, and one on the way back, while requests are
/// lost.
const LOST_ONE_IN: u32 = 20;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One machine's way to the chain; clones are the same one.
#[derive(Clone)]
pub(crate) struct ChainLink {
    services: Router,
    who: String,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    stalled: watch::Sender<bool>,
    trace: Trace,
}

struct State {
    rng: StdRng,
    loses: bool,
    /// Ends the streams that are open.
    streams: CancellationToken,
}

impl ChainLink {
    /// The way of `who` to the chain that `services` serve.
    pub(crate) fn new(services: Router, who: String, seed: u64, trace: Trace) -> Self {
        Self {
            services,
            who,
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    rng: StdRng::seed_from_u64(seed),
                    loses: false,
                    streams: CancellationToken::new(),
                }),
                stalled: watch::channel(false).0,
                trace,
            }),
        }
    }

    /// A client that goes this way.
    pub(crate) fn rpc(&self) -> Result<SuiRpc, SuiError> {
        SuiRpc::in_process(URL, self)
    }

    /// Ends what is open, and lets nothing through until [`Self::heal`].
    pub(crate) fn stall(&self) {
        self.shared.stalled.send_replace(true);
        let streams = std::mem::take(&mut self.lock().streams);
        streams.cancel();
    }

    /// Loses requests and answers from now on.
    pub(crate) fn lose(&self) {
        self.lock().loses = true;
    }

    /// Everything arrives again.
    pub(crate) fn heal(&self) {
        self.lock().loses = false;
        self.shared.stalled.send_replace(false);
    }

    async fn ask(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let path = request.uri().path().to_owned();
        let method = path.rsplit('/').next().unwrap_or_default().to_owned();
        let (delay, lost, answer_lost) = {
            let mut state = self.lock();
            let lost = state.loses && state.rng.gen_ratio(1, LOST_ONE_IN);
            let answer_lost = state.loses && state.rng.gen_ratio(1, LOST_ONE_IN);
            (state.rng.gen_range(0..=LATENCY_MS_MAX), lost, answer_lost)
        };
        sleep(Duration::from_millis(delay)).await;
        let mut stalled = self.shared.stalled.subscribe();
        stalled.wait_for(|stalled| !stalled).await?;
        self.shared
            .trace
            .note(format_args!("{} chain {method}", self.who));
        if lost {
            return Err(reset());
        }
        let request = request.map(axum::body::Body::new);
        let answer = self.services.clone().oneshot(request).await?;
        if answer_lost {
            return Err(reset());
        }
        let cut = self.lock().streams.clone();
        let cut = Box::pin(cut.cancelled_owned());
        Ok(answer.map(|body| Body::new(Answer { body, cut })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn reset() -> BoxError {
    tonic::Status::unavailable("connection reset").into()
}

impl Service<Request<Body>> for ChainLink {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

/// The body of an answer, which breaks when the way is cut.
struct Answer {
    body: axum::body::Body,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(reset())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }
}
