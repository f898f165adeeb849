//! Shards that change hands: the new owner takes them over from the old one.

mod pass;
mod request;
mod work;

pub use work::{SYNC_SHARDS_MAX, ShardCompletion};
