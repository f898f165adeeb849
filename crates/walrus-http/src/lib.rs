//! An HTTP server on the open internet: every resource has a bound, and peers share it fairly.
//!
//! The storage node and the gateway serve through it. It knows nothing of blobs.
//!
//! * [`budget`] shares what is scarce among peers.
//! * [`HttpServer`] accepts connections and closes those that break a limit of [`HttpLimits`].
//! * [`surround`] bounds and measures requests, [`Reception`] reads their bodies, [`HttpMetrics`]
//!   shows it all.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use axum::{Router, http::StatusCode, response::IntoResponse as _, routing::get};
//! use prometheus_client::registry::Registry;
//! use tokio_util::sync::CancellationToken;
//! use walrus_http::{HttpLimits, HttpMetrics, HttpServer, Scheme, surround};
//!
//! let metrics = HttpMetrics::register(&mut Registry::default());
//! let limits = HttpLimits::default();
//! let routes = Router::new().route("/status", get(|| async { "OK" }));
//! let busy = || StatusCode::SERVICE_UNAVAILABLE.into_response();
//! let router = surround(routes, &metrics, limits.requests_max, Scheme::Http.name(), busy);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let server = HttpServer::new(listener, router, Scheme::Http, limits, metrics);
//! server.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
pub mod budget;
mod connections;
mod exchange;
mod limits;
mod metrics;
mod network;
mod server;
mod surround;
mod timed_stream;

pub use body::{BodyError, Received, Reception, discard};
pub use exchange::Connection;
pub use limits::HttpLimits;
pub use metrics::{HttpMetrics, Name, RequestLabels, serve_metrics};
pub use network::{Network, Tcp};
pub use server::{HttpServer, Scheme};
pub use surround::surround;
