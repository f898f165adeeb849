//! What becomes of a transaction whose commands are done: its changes, what it pays, its effects.

mod changes;
mod effects;
mod gas;

pub(super) use changes::{Changes, collect};
pub(super) use effects::{Summary, assemble};
pub(super) use gas::ExecutionEnding;
