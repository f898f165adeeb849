//! What a node keeps an eye on besides blobs and epochs: the files an operator changes while it
//! runs, its money, and the price of WAL.

mod balance;
mod blocklist;
mod price;
mod reload;

pub use blocklist::{Blocklist, BlocklistError};
pub use price::{PriceError, PriceSource};
pub use reload::Reloader;

pub(crate) use balance::watch_balance;
pub(crate) use price::to_frost;
