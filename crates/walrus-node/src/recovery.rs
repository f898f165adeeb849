//! Healing: slivers that are missing here come back from parts that other nodes give, and others
//! get such parts from here.
//!
//! * `expansions` and `symbols` answer the requests of other nodes and of readers; `proof` judges
//!   proofs that a blob was encoded wrongly.
//! * [`plan`] says, as pure functions, which way of getting slivers back is the cheapest, and whom
//!   to ask for what. `gather` asks, [`Healer`] heals one blob, and `invalidate` tells the chain
//!   about one that cannot be healed.
//! * [`BlobHealing`] heals blobs as they come up: just certified, found damaged, or found
//!   incomplete after a start.

mod expansions;
mod gather;
mod heal;
mod healer;
mod invalidate;
pub mod plan;
mod proof;
mod queue;
mod read;
mod symbols;

pub use expansions::{EXPANSION_BYTES_MAX, EXPANSIONS_MAX};
pub use heal::{DECODED_BLOB_BYTES_MAX, HEALING_BYTES_MAX, HealError, Healed, Healer};
pub use healer::{BlobHealing, HEALING_BLOBS_MAX};
pub use queue::HEALING_QUEUE_MAX;
pub(crate) use symbols::SymbolServer;
pub use symbols::{SYMBOL_BYTES_MAX, SYMBOL_REQUESTS_MAX};
