//! Shards that change hands: the old owner gives them away, the new one takes them over.

mod pass;
mod request;
mod serve;
mod work;

pub use serve::{SYNC_BYTES_MAX, SYNC_SLIVERS_MAX, SYNC_STREAMS_MAX, ShardPart};
pub use work::{SYNC_SHARDS_MAX, ShardCompletion};
