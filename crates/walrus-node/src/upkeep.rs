//! What a node does unasked while it runs: it moves epochs on, keeps the chain's word about it and
//! its key in step with the configuration, and watches the files an operator changes, its money,
//! and the price of WAL.

mod announce;
mod balance;
mod epochs;
mod keys;
mod price;
mod reload;

pub use price::{PriceError, PriceSource};
pub use reload::Reloader;

pub(crate) use announce::announce_config;
pub(crate) use balance::watch_balance;
pub(crate) use epochs::drive_epochs;
pub(crate) use keys::rotate_key;
