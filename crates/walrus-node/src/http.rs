//! The HTTP interface of the node.

mod body;
pub mod document;
mod error;
mod handlers;
mod limits;
mod path;
mod recovery;
mod router;
mod schema;
mod sync;
mod tls;

pub use router::router;
pub use tls::{Certificate, TlsError, TlsIdentity, server_config};
