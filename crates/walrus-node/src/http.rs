//! The HTTP interface of the node.

mod answer;
mod body;
mod connections;
mod error;
mod exchange;
mod handlers;
mod later;
mod limits;
mod metrics_server;
mod path;
mod recovery;
mod router;
mod server;
mod sync;
mod timed_stream;
mod tls;

pub use limits::HttpLimits;
pub use metrics_server::serve_metrics;
pub use router::router;
pub use server::{HttpServer, Scheme};
pub use tls::{TlsError, TlsIdentity, server_config};
