//! A running key server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use walrus_core::ObjectId;
use walrus_http::{HttpLimits, HttpServer, Scheme, serve_metrics};
use walrus_seal::PublicKey;
use walrus_sui::{SuiError, SuiRpc};

use crate::{
    committee::{Membership, MembershipError},
    config::{ConfigError, KeyServerConfig},
    http::{App, Requirements, router},
    keys::{Environment, KeyError, KeySource, Keys},
    metrics::Metrics,
    service::Service,
};

/// The variable with the URL of the full node.
const NODE_URL_VARIABLE: &str = "NODE_URL";
/// The chain is not asked more often than this.
pub(crate) const POLL_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Why a key server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A port cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The chain cannot be asked.
    #[error("cannot read the chain: {0}")]
    Chain(#[from] SuiError),
    /// A registered key server has another key.
    #[error(
        "key server {server} is registered with another public key than that of the key given here, {expected}"
    )]
    WrongKey {
        /// The registered key server.
        server: ObjectId,
        /// The public key of the key that was given.
        expected: Box<PublicKey>,
    },
    /// This is no member of the committee.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The HTTP server could not be made.
    #[error("{0}")]
    Http(String),
}

/// A key server that runs until it is shut down.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    metrics_address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl KeyServer {
    /// Starts a server, with secrets from the environment of the process.
    pub async fn start(config: &KeyServerConfig) -> Result<Self, StartError> {
        Self::start_with(config, &Environment).await
    }

    /// The same, with secrets from elsewhere.
    pub async fn start_with(
        config: &KeyServerConfig,
        source: &dyn KeySource,
    ) -> Result<Self, StartError> {
        let keys = Keys::load(config, source)?;
        let node = source.variable(NODE_URL_VARIABLE);
        let node = config.full_node(node.map(|url| url.to_string()))?;
        let rpc = SuiRpc::new([node])?;
        check_registrations(&rpc, &keys).await?;
        let membership = membership(&rpc, &keys).await?;
        let metrics = Metrics::new();
        let service = Service::new(config, rpc, keys, membership, metrics.clone());
        let service = Arc::new(service);
        service.refresh().await?;

        let listener = listen(config.listen_address).await?;
        let metrics_listener = listen(config.metrics_address()).await?;
        let address = local_address(&listener, config.listen_address)?;
        let metrics_address = local_address(&metrics_listener, config.metrics_address())?;
        let stop = CancellationToken::new();
        let limits = HttpLimits {
            shutdown_grace: Some(config.shutdown_grace.0),
            ..HttpLimits::default()
        };
        let app = App {
            service: Arc::clone(&service),
            requirements: Arc::new(Requirements::new(config)),
            address_header: config.client_address_header.clone(),
        };
        let router = router(app, &limits, Scheme::Http.name());
        let http = metrics.http.clone();
        let server = HttpServer::new(listener, router, Scheme::Http, limits, http);
        let render = move || metrics.render();
        let mut tasks = vec![
            ambient::spawn(server.run(stop.clone())),
            ambient::spawn(serve_metrics(metrics_listener, render, stop.clone())),
            ambient::spawn(refresh(
                Arc::clone(&service),
                config.rgp_update_interval.0,
                stop.clone(),
            )),
        ];
        if service.membership().is_some() {
            let interval = config.committee_update_interval.0;
            let following = follow_committee(service, interval, stop.clone());
            tasks.push(ambient::spawn(following));
        }
        Ok(Self {
            address,
            metrics_address,
            stop,
            tasks,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves metrics.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Lets open requests finish, and ends.
    pub async fn shutdown(self) {
        self.stop.cancel();
        for task in self.tasks {
            // One that panicked has said so.
            let _ = task.await;
        }
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| StartError::Listen { address, source })
}

pub(crate) fn local_address(
    listener: &TcpListener,
    address: SocketAddr,
) -> Result<SocketAddr, StartError> {
    let local = listener.local_addr();
    local.map_err(|source| StartError::Listen { address, source })
}

/// A server with another key than the one that is registered would give out keys that nobody can
/// use.
async fn check_registrations(rpc: &SuiRpc, keys: &Keys) -> Result<(), StartError> {
    for key in keys.registered() {
        let info = rpc.key_server(key.server).await?;
        let expected = key.master.public();
        if info.public_key != expected.to_bytes() {
            return Err(StartError::WrongKey {
                server: key.server,
                expected: Box::new(expected),
            });
        }
    }
    Ok(())
}

async fn membership(rpc: &SuiRpc, keys: &Keys) -> Result<Option<Membership>, StartError> {
    let Keys::Committee {
        server,
        party_id,
        shares,
    } = keys
    else {
        return Ok(None);
    };
    let membership = Membership::new(*server, *party_id, shares.clone());
    membership.refresh(rpc).await?;
    Ok(Some(membership))
}

/// Reads price and clock again and again.
async fn refresh(service: Arc<Service>, interval: Duration, stop: CancellationToken) {
    let interval = interval.max(POLL_INTERVAL_MIN);
    while pause(interval, &stop).await {
        if let Err(error) = service.refresh().await {
            service.metrics().refresh_failures.inc();
            tracing::warn!(%error, "cannot read the price of gas and the clock");
        }
    }
}

async fn follow_committee(service: Arc<Service>, interval: Duration, stop: CancellationToken) {
    let Some(membership) = service.membership() else {
        return;
    };
    let interval = interval.max(POLL_INTERVAL_MIN);
    while pause(interval, &stop).await {
        if let Err(error) = membership.refresh(service.rpc()).await {
            tracing::error!(%error, "cannot follow the committee");
        }
    }
}

/// Waits; false when it is time to stop.
pub(crate) async fn pause(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
