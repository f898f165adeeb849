//! The chain, and the way each machine has to it.

mod garbled;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, response::Parts};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use stdx::Mutex;
use sui_localnet::EmbeddedChain;
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
/// Of so many questions that were answered before one gets the old answer, while answers are said
/// again.
const REPLAYED_ONE_IN: u32 = 3;
/// The only request that a full node which is behind hands on to those who are not.
const EXECUTE: &str = "ExecuteTransaction";
/// The request whose answer is a stream of checkpoints.
const SUBSCRIBE: &str = "SubscribeCheckpoints";

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
    replays: bool,
    garbles: bool,
    /// What was answered since answers are said again.
    told: BTreeMap<(String, Bytes), Told>,
    /// What the full node knows, if it has fallen behind.
    past: Option<Arc<EmbeddedChain>>,
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
                    replays: false,
                    garbles: false,
                    told: BTreeMap::new(),
                    past: None,
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
        self.cut();
    }

    fn cut(&self) {
        let streams = std::mem::take(&mut self.shared.state.lock().streams);
        streams.cancel();
    }

    /// Loses requests and answers from now on.
    pub(crate) fn lose(&self) {
        self.shared.state.lock().loses = true;
    }

    /// Says from now on what it has said before, now and then.
    pub(crate) fn replay(&self) {
        self.shared.state.lock().replays = true;
    }

    /// Leaves out, repeats and delays checkpoints from now on.
    pub(crate) fn garble(&self) {
        self.shared.state.lock().garbles = true;
        self.cut();
    }

    /// Knows no more than `past` from now on. Transactions reach the others, but what becomes of
    /// them cannot be seen.
    pub(crate) fn fall_behind(&self, past: Arc<EmbeddedChain>) {
        self.shared.state.lock().past = Some(past);
        self.cut();
    }

    /// Everything arrives again, and is what it is.
    pub(crate) fn heal(&self) {
        let mut state = self.shared.state.lock();
        state.loses = false;
        state.replays = false;
        state.told.clear();
        let was_behind = state.past.take().is_some();
        let garbled = std::mem::take(&mut state.garbles);
        drop(state);
        if was_behind || garbled {
            self.cut();
        }
        self.shared.stalled.send_replace(false);
    }

    async fn ask(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let path = request.uri().path().to_owned();
        let method = path.rsplit('/').next().unwrap_or_default().to_owned();
        let (delay, lost, answer_lost) = {
            let mut state = self.shared.state.lock();
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
        let answer = if self.shared.state.lock().replays && is_question(&method) {
            self.ask_replaying(method.clone(), request).await?
        } else {
            self.services_for(&method).oneshot(request).await?
        };
        if answer_lost {
            return Err(reset());
        }
        let garbles = {
            let mut state = self.shared.state.lock();
            let garbles = state.garbles && method == SUBSCRIBE;
            garbles.then(|| StdRng::seed_from_u64(state.rng.r#gen()))
        };
        let answer = match garbles {
            Some(rng) => answer.map(|body| garbled::garble(body, rng)),
            None => answer,
        };
        let cut = self.shared.state.lock().streams.clone();
        let cut = Box::pin(cut.cancelled_owned());
        Ok(answer.map(|body| Body::new(Answer { body, cut })))
    }

    /// The services that answer: those of the past if the full node has fallen behind.
    fn services_for(&self, method: &str) -> Router {
        match &self.shared.state.lock().past {
            Some(past) if method != EXECUTE => past.services(),
            _ => self.services.clone(),
        }
    }

    /// Asks unless the same was asked before, and often even then.
    async fn ask_replaying(
        &self,
        method: String,
        request: Request<axum::body::Body>,
    ) -> Result<Response<axum::body::Body>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let services = self.services_for(&method);
        let question = (method, body.clone());
        {
            let mut state = self.shared.state.lock();
            let told = state.told.get(&question).cloned();
            if let Some(told) = told
                && state.rng.gen_ratio(1, REPLAYED_ONE_IN)
            {
                return Ok(told.into_response());
            }
        }
        let request = Request::from_parts(head, axum::body::Body::from(body));
        let (head, body) = services.oneshot(request).await?.into_parts();
        let body = body.collect().await?;
        let told = Told {
            head,
            trailers: body.trailers().cloned(),
            body: body.to_bytes(),
        };
        let mut state = self.shared.state.lock();
        // The first one stays, so that it gets older and older.
        state.told.entry(question).or_insert_with(|| told.clone());
        Ok(told.into_response())
    }
}

/// Whether a method is a question with one answer.
fn is_question(method: &str) -> bool {
    method.starts_with("Get") || method.starts_with("BatchGet")
}

/// An answer that can be said again.
#[derive(Clone)]
struct Told {
    head: Parts,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Told {
    fn into_response(self) -> Response<axum::body::Body> {
        let trailers = self.trailers.map(Ok);
        let body = Full::new(self.body).with_trailers(async move { trailers });
        Response::from_parts(self.head, axum::body::Body::new(body))
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
