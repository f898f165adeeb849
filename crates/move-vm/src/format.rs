//! The module file format: tables, instructions, parser and writer.
//!
//! [`CompiledModule::deserialize`] accepts versions 6 and 7 and is strict (canonical integers,
//! contiguous tables, nothing after the end); [`CompiledModule::serialize`] writes the tables in
//! the compiler's order, so that a parsed module is written back to identical bytes. Parsing
//! promises only that the bytes have the grammar of the format; indexes are checked by the
//! [verifier](crate::verifier).

mod code;
mod deserialize;
mod instruction;
mod reader;
mod serialize;
mod stack_effect;
mod tables;
mod wire;

pub use instruction::Instruction;
pub use reader::FormatError;
pub use tables::*;

/// Index into one of a module's tables.
pub type TableIndex = u16;
