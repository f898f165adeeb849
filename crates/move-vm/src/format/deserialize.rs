//! Parsing.

use crate::format::{CompiledModule, FormatError};

impl CompiledModule {
    /// Parses a module.
    pub fn deserialize(_bytes: &[u8]) -> Result<Self, FormatError> {
        Err(FormatError::BadMagic)
    }
}
