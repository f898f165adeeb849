//! Execution of transactions: from a transaction and live objects to effects and new objects.
//!
//! [`Engine::execute`] checks the inputs, runs the commands on the Move virtual machine, charges
//! gas and assembles the effects. It reads objects through an [`ObjectSource`] and writes nothing:
//! the caller stores what [`Executed`] holds.
//!
//! One transaction goes through these stages, each a module: `validity` (form), `inputs` (objects
//! named), `ptb` (commands, with `runtime` as the memory that `natives` share) and `settle` (what
//! changed, gas, versions, effects).

mod compatibility;
pub(crate) mod convert;
mod engine;
mod error;
mod failure;
mod gas;
mod inputs;
pub mod limits;
mod natives;
mod normal;
mod packages;
mod private;
mod ptb;
mod publish_checks;
pub(crate) mod runtime;
mod settle;
pub mod system;
mod types;
mod validity;

pub use engine::Engine;
pub use error::InputError;
pub(crate) use inputs::CLOCK;
pub use types::{ChainEnv, CommandOutput, Executed, Mode, ObjectSource};
