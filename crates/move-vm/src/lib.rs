//! Move bytecode: load, verify, execute.
//!
//! This crate knows values, types and bytecode. It knows nothing of objects, owners, gas coins or
//! transactions: those belong to its host, which provides packages through [`PackageSource`] and
//! natives through [`Host`].
//!
//! * [`format`] parses and writes modules;
//! * [`verifier`] decides whether a module may be trusted;
//! * [`Vm`] holds loaded code, [`Session`] runs one transaction command under one [`Linkage`];
//! * [`Value`], [`Layout`] and [`Type`] describe data; [`TypeTag`] names types outside.

pub mod ability;
pub mod error;
pub mod format;
pub mod host;
pub mod identifier;
mod interpreter;
pub mod layout;
pub mod loader;
pub mod meter;
mod natives;
pub mod type_tag;
pub mod types;
mod u256;
pub mod value;
pub mod verifier;

pub use ability::{Ability, AbilitySet};
pub use error::{Location, StatusCode, VmError};
pub use format::{CompiledModule, FormatError, Visibility};
pub use host::{Host, NativeContext, NativeError, NoHost, UNSUPPORTED_NATIVE_ABORT};
pub use identifier::{Address, Identifier, ModuleId};
pub use layout::Layout;
pub use loader::{
    DatatypeDescription, DatatypeShape, FunctionSignature, Linkage, LoadedFunction, PackageSource,
    Session, Vm,
};
pub use meter::Meter;
pub use type_tag::{StructTag, TypeTag};
pub use types::{Datatype, Declaration, Type};
pub use u256::U256;
pub use value::{ElementKind, Reference, Slot, Value, Vector};
