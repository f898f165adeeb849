//! The HTTP interface of the node.

mod body;
mod error;
mod handlers;
mod later;
mod limits;
mod path;
mod recovery;
mod router;
mod sync;
mod tls;

pub use router::router;
pub use tls::{TlsError, TlsIdentity, server_config};
