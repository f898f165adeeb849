//! Which blobs count: a pure function from chain events to records.
//!
//! Every honest node must answer the same blob status, so the rules here are the protocol's and not
//! a matter of taste. [`apply`] takes an event and a view of the present records and returns the
//! records to write; the caller writes them in one batch with the event cursor, which makes replays
//! after a crash harmless. `expire` does the same for what the beginning of an epoch ends.

mod apply;
mod expire;
mod record;
mod status;
#[cfg(test)]
mod tests;

pub use apply::{Changes, RecordView, apply};
pub use expire::{EXPIRY_BATCH, expire_object, expire_pooled_object};
pub use record::{BlobRecord, Invalidation, ObjectRecord, PermanentRefs, PoolRecord, PooledRecord};
