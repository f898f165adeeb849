//! Commands that serve until they are told to stop: the ready line, and the end.

use std::net::SocketAddr;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    output::{print_json, print_text},
    signals::Signals,
};

/// Where something serves.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Its API.
    pub api: SocketAddr,
    /// Its metrics.
    pub metrics: SocketAddr,
}

/// The ready line as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    url: String,
    metrics_url: String,
}

/// Says that `name` is ready, and serves until SIGINT or SIGTERM; then `run` ends what is open. A
/// second signal ends at once.
pub async fn serve<F: Future<Output = ()>>(
    json: bool,
    name: &str,
    addresses: Addresses,
    run: impl FnOnce(CancellationToken) -> F,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let ready = Ready {
        url: format!("http://{}", addresses.api),
        metrics_url: format!("http://{}/metrics", addresses.metrics),
    };
    if json {
        print_json(&ready)?;
    } else {
        print_text(&format!(
            "The {name} serves on {}, and its metrics on {}",
            ready.url, ready.metrics_url
        ))?;
    }
    let stop = CancellationToken::new();
    let served = run(stop.clone());
    tokio::pin!(served);
    tokio::select! {
        () = &mut served => return Ok(()),
        _ = signals.next() => {}
    }
    eprintln!("Stopping: open requests are answered first");
    stop.cancel();
    signals.or_at_once(served).await
}
