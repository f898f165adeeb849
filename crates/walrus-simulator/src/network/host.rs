//! A machine on the network: what it listens on, and how it asks others.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use rand::Rng as _;
use reqwest::{Body, Request, Response};
use walrus_client::node::{Transport, TransportError};

use super::{
    Listener, Network,
    connector::{Connector, OwnTasks},
};

/// Of so many requests one is sent twice.
const TWICE_ONE_IN: u32 = 25;
/// Idle connections that are kept to each node.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// One machine; clones are the same one, and share connections.
#[derive(Clone)]
pub(crate) struct Host {
    network: Network,
    ip: IpAddr,
    client: Client<Connector, Body>,
}

/// What a liar makes of an answer.
enum Lie {
    FlippedBit(usize),
    CutShort,
    Refusal(u16),
}

impl Host {
    /// The machine at an address.
    pub(crate) fn new(network: &Network, ip: IpAddr) -> Self {
        let connector = Connector {
            network: network.clone(),
            from: ip,
        };
        let client = Client::builder(OwnTasks)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Self {
            network: network.clone(),
            ip,
            client,
        }
    }

    /// The same as what others ask through.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    async fn ask(self, request: Request) -> Result<Response, TransportError> {
        let (method, url) = (request.method().clone(), request.url().clone());
        let copy = request.try_clone();
        let twice = self
            .network
            .shared
            .state
            .lock()
            .rng
            .gen_ratio(1, TWICE_ONE_IN);
        if let (true, Some(copy)) = (twice, copy) {
            // The first answer is lost.
            let _ = self.exchange(copy).await;
        }
        let answer = self.exchange(request).await;
        let (from, to) = (self.ip, url.authority());
        let outcome = match &answer {
            Ok(response) => response.status().as_str().to_owned(),
            Err(error) => error.to_string(),
        };
        let trace = &self.network.shared.trace;
        trace.note(format_args!(
            "{from} {method} {to}{} -> {outcome}",
            url.path()
        ));
        let response = answer?;
        let host = url.host_str().and_then(|host| host.parse().ok());
        match host.and_then(|host| self.lie(host)) {
            Some(lie) => told(response, lie).await,
            None => Ok(response),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let host = request.url().host_str().and_then(|host| host.parse().ok());
        let is_other =
            host.is_some_and(|host| self.network.shared.state.lock().others.contains(&host));
        if is_other && !is_known_to_all(request.url().path()) {
            let answer = http::Response::builder().status(http::StatusCode::NOT_FOUND);
            let answer = answer.body(Body::from("not found"));
            let answer = answer.map_err(|error| TransportError::Broken(error.to_string()))?;
            return Ok(Response::from(answer));
        }
        let broken = |error: &dyn std::fmt::Display| TransportError::Broken(error.to_string());
        let request = http::Request::try_from(request).map_err(|error| broken(&error))?;
        let answer = self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                TransportError::Unreachable(error.to_string())
            } else {
                broken(&error)
            }
        })?;
        Ok(Response::from(answer.map(Body::wrap)))
    }

    fn lie(&self, host: IpAddr) -> Option<Lie> {
        let mut state = self.network.shared.state.lock();
        if !state.liars.contains(&host) {
            return None;
        }
        match state.rng.gen_range(0..5) {
            0 => Some(Lie::CutShort),
            1 => Some(Lie::Refusal(404)),
            2 => Some(Lie::Refusal(500)),
            3 => Some(Lie::FlippedBit(state.rng.gen_range(0..usize::MAX))),
            _ => None,
        }
    }
}

impl Transport for Host {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        Box::pin(self.clone().ask(request))
    }
}

impl walrus_http::Network for Host {
    type Listener = Listener;

    async fn bind(&self, address: SocketAddr) -> io::Result<Listener> {
        self.network.listen(address)
    }
}

/// Whether every implementation has the endpoint, whatever else this one comes to have.
fn is_known_to_all(path: &str) -> bool {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["v1", "health"] | ["v1", "migrate", "sync_shard"] => true,
        ["v1", "blobs", _, rest @ ..] => matches!(
            rest,
            ["metadata" | "status" | "recoverySymbols" | "decodingSymbols"]
                | ["metadata", "status"]
                | ["slivers", _, _]
                | ["slivers", _, _, "status"]
                | ["confirmation", "permanent"]
                | ["confirmation", "deletable", _]
                | ["inconsistencyProof", _]
        ),
        _ => false,
    }
}

async fn told(response: Response, lie: Lie) -> Result<Response, TransportError> {
    let (mut head, body) = http::Response::<Body>::from(response).into_parts();
    let body = body.collect().await;
    let body = body.map_err(|error| TransportError::Broken(error.to_string()))?;
    let mut bytes = body.to_bytes().to_vec();
    match lie {
        Lie::FlippedBit(position) if !bytes.is_empty() => {
            let position = position % (bytes.len() * 8);
            bytes[position / 8] ^= 1 << (position % 8);
        }
        Lie::FlippedBit(_) => {}
        Lie::CutShort => bytes.truncate(bytes.len() / 2),
        Lie::Refusal(status) => {
            head.status = http::StatusCode::from_u16(status).unwrap_or_default();
            bytes.clear();
        }
    }
    head.headers.remove(http::header::CONTENT_LENGTH);
    let told = http::Response::from_parts(head, Body::from(bytes));
    Ok(Response::from(told))
}
