//! Faults on purpose. Each is a real thing that stands between, or works on, real processes;
//! nothing of the product knows
//! about it.
//!
//! * [`Link`]: a TCP connection that is slow, silent or cut, for everybody or for some.
//! * [`ByzantineNode`]: a server in front of an honest storage node that changes its answers as a
//!   [`Lie`] says.
//! * [`rot`]: bits that flip in files.
//!
//! Tests use them as a library; `walrus-localnet fault` puts them into a running network.

mod byzantine;
mod lie;
mod link;
pub mod rot;

pub use byzantine::ByzantineNode;
pub use lie::{Lie, LieParseError};
pub use link::{Link, LinkState, LinkStates, WhoIs};
