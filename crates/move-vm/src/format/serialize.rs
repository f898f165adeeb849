//! Writing.

use crate::format::CompiledModule;

impl CompiledModule {
    /// The module's bytes, with tables in the compiler's order.
    pub fn serialize(&self) -> Vec<u8> {
        Vec::new()
    }
}
