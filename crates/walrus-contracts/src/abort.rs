//! What the abort codes of Move modules mean: a sentence for people, and an enum per module for
//! programs.
//!
//! The enums are generated from the error constants of our Move sources when this crate is built,
//! one per module, in a Rust module per package; [`ContractError`] is any of them. Errors of the
//! Sui framework are in the same table without an enum.
//!
//! ```
//! use walrus_contracts::abort::{self, ContractError, walrus::BlobError};
//!
//! let code = abort::describe("blob", 5).unwrap();
//! assert_eq!(code.name, "EAlreadyCertified");
//! assert_eq!(ContractError::of(code), Some(BlobError::AlreadyCertified.into()));
//! assert_eq!(abort::describe_in("sui", "balance", 2).unwrap().name, "ENotEnough");
//! ```

mod framework;
mod hints;

use std::fmt;

/// One error constant of a Move module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortCode {
    /// Package the module is in, such as `walrus`; `sui` and `std` are the framework.
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

impl AbortCode {
    /// What the sender of the transaction can do about it, in a sentence; `None` where there is
    /// nothing.
    pub fn hint(&self) -> Option<&'static str> {
        hints::hint(self.package, self.module, self.name)
    }
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

/// Defines the enum of one module's errors.
macro_rules! module_errors {
    ($enum:ident, $package:literal, $module:literal, {
        $($variant:ident = $code:literal, $constant:literal, $sentence:literal;)*
    }) => {
        #[doc = concat!("Errors of module `", $package, "::", $module, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum {
            $(#[doc = $sentence] $variant,)*
        }

        impl $enum {
            /// All errors of the module, in the order of the source.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The error that the module reports with `code`.
            pub fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Code, constant and sentence.
            pub const fn describe(self) -> &'static $crate::abort::AbortCode {
                match self {
                    $(Self::$variant => &$crate::abort::AbortCode {
                        package: $package,
                        module: $module,
                        code: $code,
                        name: $constant,
                        sentence: $sentence,
                    },)*
                }
            }
        }

        impl ::std::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.describe().sentence)
            }
        }

        impl ::std::error::Error for $enum {}
    };
}

/// Defines the enum over the errors of all modules, and the table.
macro_rules! contract_errors {
    ($($variant:ident($package:ident::$enum:ident)),*) => {
        /// An error of one of our Move modules.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the enum of each variant says which module it is")]
        pub enum ContractError {
            $($variant($package::$enum),)*
        }

        impl ContractError {
            /// Code, constant and sentence.
            pub fn describe(self) -> &'static AbortCode {
                match self {
                    $(Self::$variant(error) => error.describe(),)*
                }
            }

            /// All errors, by package and module.
            pub fn all() -> impl Iterator<Item = Self> {
                const MODULES: &[&[ContractError]] = &[$(&{
                    const COUNT: usize = $package::$enum::ALL.len();
                    let mut errors = [ContractError::$variant($package::$enum::ALL[0]); COUNT];
                    let mut index = 1;
                    while index < COUNT {
                        errors[index] = ContractError::$variant($package::$enum::ALL[index]);
                        index += 1;
                    }
                    errors
                }),*];
                MODULES.iter().copied().flatten().copied()
            }
        }

        $(impl From<$package::$enum> for ContractError {
            fn from(error: $package::$enum) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

include!(concat!(env!("OUT_DIR"), "/errors.rs"));

impl ContractError {
    /// The typed form of an entry of the table; `None` for entries of the framework.
    pub fn of(code: &AbortCode) -> Option<Self> {
        Self::all().find(|error| error.describe() == code)
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().sentence)
    }
}

impl std::error::Error for ContractError {}

/// What abort `code` of our module `module` means; `None` if it is not an error constant of ours.
///
/// Names of modules are enough: no two of our packages report the same code from modules of the
/// same name with different meanings.
pub fn describe(module: &str, code: u64) -> Option<&'static AbortCode> {
    ours().find(|entry| entry.module == module && entry.code == code)
}

/// What abort `code` of `module` in `package` means. Packages of the framework are `std` (0x1) and
/// `sui` (0x2).
pub fn describe_in(package: &str, module: &str, code: u64) -> Option<&'static AbortCode> {
    ours()
        .find(|entry| entry.package == package && entry.module == module && entry.code == code)
        .or_else(|| framework::describe(package, module, code))
}

/// All abort codes of our packages, grouped by package and module.
pub fn ours() -> impl Iterator<Item = &'static AbortCode> {
    ContractError::all().map(ContractError::describe)
}

/// All abort codes: ours, then those of the framework.
pub fn all() -> impl Iterator<Item = &'static AbortCode> {
    ours().chain(framework::all())
}

#[cfg(test)]
mod tests;
