//! A server in front of a storage node that changes what the node says.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use futures::{StreamExt as _, stream};
use http::{StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use stdx::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::lie::{Deed, Lie, REFUSAL};

/// Pause between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(200);

/// A storage node that lies: to everybody else it looks like the node it stands in front of.
///
/// Uploads reach the honest node. It speaks plain HTTP on both sides.
#[derive(Debug)]
pub struct ByzantineNode {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    client: Client<HttpConnector, Body>,
    lie: Mutex<Lie>,
    /// How paths end that it does not know.
    hidden: Mutex<Vec<&'static str>>,
    requests: AtomicUsize,
    lies: AtomicUsize,
}

impl ByzantineNode {
    /// Listens on `listen` in front of the node at `upstream`. It tells the truth until
    /// [`Self::tell`] is called.
    pub async fn start(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let shared = Arc::new(Shared {
            upstream,
            client: Client::builder(TokioExecutor::new()).build_http(),
            lie: Mutex::default(),
            hidden: Mutex::default(),
            requests: AtomicUsize::new(0),
            lies: AtomicUsize::new(0),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        Ok(Self {
            address: listener.local_addr()?,
            shared,
            serving: tokio::spawn(async move {
                // It serves until it is dropped.
                let _ = axum::serve(listener, app).await;
            }),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lies like this from now on.
    pub fn tell(&self, lie: Lie) {
        *self.shared.lie.lock() = lie;
    }

    /// Answers requests for paths with this end as nodes do that do not know them.
    pub fn hide(&self, end: &'static str) {
        self.shared.hidden.lock().push(end);
    }

    /// How many answers were not those of the honest node.
    pub fn lies_told(&self) -> usize {
        self.shared.lies.load(Ordering::SeqCst)
    }
}

impl Drop for ByzantineNode {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    async fn hand_on(&self, mut request: Request) -> Option<Response> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let uri: Uri = format!("http://{}{path}", self.upstream).parse().ok()?;
        *request.uri_mut() = uri;
        request.headers_mut().remove(header::HOST);
        let answer = self.client.request(request).await.ok()?;
        Some(answer.map(Body::new))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let lie = *shared.lie.lock();
    let turn = shared.requests.fetch_add(1, Ordering::SeqCst);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_hidden = |path: &str| shared.hidden.lock().iter().any(|end| path.ends_with(end));
    if is_hidden(&path) {
        return status_only(StatusCode::NOT_FOUND);
    }
    let Some(honest) = shared.hand_on(request).await else {
        return status_only(StatusCode::BAD_GATEWAY);
    };
    if lie == Lie::Truth || !honest.status().is_success() {
        return honest;
    }
    let (head, body) = honest.into_parts();
    let Ok(body) = body.collect().await else {
        return status_only(StatusCode::BAD_GATEWAY);
    };
    let body = body.to_bytes();
    let deed = lie.deed(&method, &path, &body, turn);
    if deed != Deed::Nothing {
        shared.lies.fetch_add(1, Ordering::SeqCst);
    }
    let told = match deed {
        Deed::Nothing => return Response::from_parts(head, Body::from(body)),
        Deed::Body(other) => Body::from(other),
        Deed::Drip => drip(body),
        Deed::Refusal => return status_only(REFUSAL),
        Deed::Silence => std::future::pending().await,
    };
    let mut response = Response::from_parts(head, told);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// A body that comes a byte at a time.
fn drip(body: Bytes) -> Body {
    let bytes = stream::iter(0..body.len()).then(move |position| {
        let byte = body.slice(position..=position);
        async move {
            tokio::time::sleep(DRIP).await;
            Ok::<_, Infallible>(byte)
        }
    });
    Body::from_stream(bytes)
}

fn status_only(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
