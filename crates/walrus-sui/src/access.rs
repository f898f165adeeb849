//! Access to private data: the key servers that are registered, and programs that ask a policy
//! whether somebody may read.

mod key_server;
mod program;
mod simulate;
mod user;

pub use key_server::{KeyServerInfo, KeyServerKind};
pub use program::{ApprovalArgument, ApprovalCall};
pub use simulate::{ApprovalError, Freshness};
