//! Healing: slivers that are missing here come back from parts that other nodes give.
//!
//! * [`plan`] says, as pure functions, which way of getting slivers back is the cheapest, and whom
//!   to ask for what. `gather` asks, [`Healer`] heals one blob, and `invalidate` tells the chain
//!   about one that cannot be healed.
//! * [`BlobHealing`] heals blobs as they come up: just certified, found damaged, or found
//!   incomplete after a start.

mod gather;
mod heal;
mod healer;
mod healing;
mod invalidate;
pub mod plan;
mod queue;
mod read;
mod salvage;
mod together;

pub use heal::DECODED_BLOB_BYTES_MAX;
pub use healer::{HEALING_BYTES_MAX, HealError, Healed, Healer};
pub use healing::{BlobHealing, HEALING_BLOBS_MAX};
pub use queue::HEALING_QUEUE_MAX;
pub(crate) use together::TOGETHER_BLOBS_MAX;
