//! A full node that lies: a proxy in front of an honest one that changes the transactions which
//! SimulateTransaction answers.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message as _;
use stdx::Mutex;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::Transaction;
use tokio::{net::TcpListener, task::JoinHandle};

const SIMULATE: &str = "/SimulateTransaction";
const EXECUTE: &str = "/ExecuteTransaction";
/// Before every gRPC message: whether it is compressed, and its length.
const FRAME_BYTES: usize = 5;

type Lie = Box<dyn Fn(&mut Transaction) + Send + Sync>;

/// The full node.
pub struct Liar {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    client: Client<HttpConnector, Body>,
    lie: Mutex<Lie>,
    simulations: AtomicUsize,
    executions: AtomicUsize,
}

impl Liar {
    /// A full node in front of the one at `url`, on any port. It says the truth until
    /// [`Liar::tell`] is called.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port");
        let shared = Arc::new(Shared {
            upstream: url.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new())
                .http2_only(true)
                .build_http(),
            lie: Mutex::new(Box::new(|_| ())),
            simulations: AtomicUsize::new(0),
            executions: AtomicUsize::new(0),
        });
        let app = Router::new()
            .fallback(hand_on)
            .with_state(Arc::clone(&shared));
        Self {
            address: listener.local_addr().expect("it is bound"),
            shared,
            serving: tokio::spawn(async move {
                axum::serve(listener, app).await.expect("it serves");
            }),
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it changes every transaction like this.
    pub fn tell(&self, lie: impl Fn(&mut Transaction) + Send + Sync + 'static) {
        *self.shared.lie.lock() = Box::new(lie);
    }

    /// How many transactions it was asked to simulate, and to execute.
    pub fn asked(&self) -> (usize, usize) {
        (
            self.shared.simulations.load(Ordering::SeqCst),
            self.shared.executions.load(Ordering::SeqCst),
        )
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    /// The answer to SimulateTransaction with another transaction in it.
    fn change(&self, frame: &[u8]) -> Bytes {
        let message = frame.get(FRAME_BYTES..).expect("an uncompressed frame");
        let mut answer = proto::SimulateTransactionResponse::decode(message).expect("an answer");
        let told = answer.transaction_mut();
        if let Ok(mut transaction) = told.transaction().bcs().deserialize::<Transaction>() {
            (self.lie.lock())(&mut transaction);
            told.set_digest(transaction.digest().to_string());
            told.set_transaction(proto::Transaction::from(transaction));
        }
        let message = answer.encode_to_vec();
        let length = u32::try_from(message.len()).expect("a small message");
        [&[0], &length.to_be_bytes()[..], &message].concat().into()
    }
}

async fn hand_on(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path.ends_with(EXECUTE) {
        shared.executions.fetch_add(1, Ordering::SeqCst);
    }
    let uri: Uri = format!("{}{path}", shared.upstream).parse().expect("a URL");
    *request.uri_mut() = uri;
    let Ok(answer) = shared.client.request(request).await else {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::BAD_GATEWAY;
        return refused;
    };
    let (head, body) = answer.into_parts();
    if !path.ends_with(SIMULATE) {
        return Response::from_parts(head, Body::new(body));
    }
    shared.simulations.fetch_add(1, Ordering::SeqCst);
    let body = body.collect().await.expect("the honest full node answers");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let message = body.to_bytes();
    if message.is_empty() {
        let body = Full::new(message).with_trailers(async move { Some(Ok(trailers)) });
        return Response::from_parts(head, Body::new(body));
    }
    let body = Full::new(shared.change(&message)).with_trailers(async move { Some(Ok(trailers)) });
    Response::from_parts(head, Body::new(body))
}
