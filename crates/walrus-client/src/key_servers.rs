//! Key servers of private data: asking them for the keys that a policy grants.
//!
//! [`KeyServerHttp`] is one exchange with one server, whose answer is not believed. [`KeyServers`]
//! knows what is registered on chain, asks all servers that matter at the same time, checks each
//! key that comes back, and stops when there are enough.

mod collect;
mod http;
mod session;

pub use collect::{FetchError, Fetched, KeyRequest, KeyServers, KnownKeyServer, Settings};
pub use http::{Credentials, KeyServerError, KeyServerHttp, SdkType};
pub use session::Session;
