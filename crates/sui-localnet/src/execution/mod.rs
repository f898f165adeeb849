//! Execution of transactions: from a transaction and live objects to effects and new objects.
//!
//! [`Engine::execute`] checks the inputs, runs the commands on the Move virtual machine, charges gas and assembles
//! the effects. It reads objects through an [`ObjectSource`] and writes nothing: the caller stores what
//! [`Executed`] holds.

mod engine;
mod error;
pub mod limits;
pub mod system;
mod types;

pub use engine::Engine;
pub use error::InputError;
pub use types::{ChainEnv, CommandOutput, Executed, Mode, ObjectSource};
