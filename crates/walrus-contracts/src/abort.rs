//! Abort codes of our Move modules. The table is generated from the sources when this crate is built.

use std::fmt;

/// One error constant of a Move module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortCode {
    /// Package the module is in, such as `walrus`.
    pub package: &'static str,
    /// Module that aborts.
    pub module: &'static str,
    /// The code it aborts with.
    pub code: u64,
    /// Name of the constant, such as `EAlreadyCertified`.
    pub name: &'static str,
    /// What went wrong, in a sentence: the doc comment of the constant.
    pub sentence: &'static str,
}

impl fmt::Display for AbortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            module,
            code,
            name,
            sentence,
            ..
        } = self;
        write!(f, "{sentence} ({module}::{name}, code {code})")
    }
}

static TABLE: &[AbortCode] = include!(concat!(env!("OUT_DIR"), "/abort_table.rs"));

/// What abort `code` of `module` means; `None` if it is not an error constant of ours.
pub fn describe(module: &str, code: u64) -> Option<&'static AbortCode> {
    TABLE
        .iter()
        .find(|entry| entry.module == module && entry.code == code)
}

/// All abort codes, grouped by package and module.
pub fn all() -> &'static [AbortCode] {
    TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_module_uses_a_code_twice() {
        for (index, entry) in TABLE.iter().enumerate() {
            let twin = TABLE[..index]
                .iter()
                .find(|other| other.module == entry.module && other.code == entry.code);
            assert_eq!(twin, None, "{entry}");
        }
    }

    #[test]
    fn foreign_codes_are_unknown() {
        assert_eq!(describe("balance", 2), None);
        assert_eq!(describe("blob", 999), None);
    }
}
