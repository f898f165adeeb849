//! Move bytecode: load, verify, execute.
//!
//! This crate knows values, types and bytecode. It knows nothing of objects, owners, gas coins or
//! transactions: those belong to its host, which provides packages through [`PackageSource`] and
//! natives through [`Host`].
//!
//! * [`mod@format`] parses and writes modules;
//! * [`verifier`] decides whether a module may be trusted;
//! * [`Vm`] holds loaded code, [`Session`] runs one transaction command under one [`Linkage`];
//! * [`Value`], [`Layout`] and [`Type`] describe data; [`TypeTag`] names types outside.
//!
//! ```
//! use std::sync::Arc;
//! use move_vm::{
//!     Address, CompiledModule, Linkage, Meter, NoHost, PackageSource, Value, Vm, verifier,
//! };
//!
//! // module t::t; public fun f(x: u64): u64 { if (x > 9) abort 7; x + 1 }
//! let bytes = hex::decode(concat!(
//!     "a11ceb0b0700000506010002030205050703070a04080e200c2e2c00010000000000",
//!     "01030001660174000000000000000000000000000000000000000000000000000000",
//!     "000000000000010000010a0a00060900000000000000240406060700000000000000",
//!     "270b0006010000000000000016020000",
//! ))?;
//! let module = Arc::new(CompiledModule::deserialize(&bytes)?);
//! verifier::verify_module(&module)?;
//!
//! struct OneModule(Arc<CompiledModule>);
//! impl PackageSource for OneModule {
//!     fn module(&self, _: &Address, _: &str) -> Option<Arc<CompiledModule>> {
//!         Some(self.0.clone())
//!     }
//!     fn runtime_id(&self, storage_id: &Address) -> Option<Address> {
//!         Some(*storage_id)
//!     }
//!     fn defining_id(&self, storage_id: &Address, _: &str, _: &str) -> Option<Address> {
//!         Some(*storage_id)
//!     }
//! }
//!
//! let source = OneModule(module);
//! let mut linkage = Linkage::new();
//! linkage.insert(Address::ZERO, Address::ZERO, 1);
//! let session = Vm::new().session(&source, linkage);
//! let f = session.load_function(&Address::ZERO, "t", "f", &[])?;
//! let mut meter = Meter::new(100_000);
//! let results = session.call(&f, vec![Value::U64(4)], &mut NoHost, &mut meter)?;
//! assert!(results[0].equals(&Value::U64(5))?);
//! let error = session.call(&f, vec![Value::U64(10)], &mut NoHost, &mut meter).unwrap_err();
//! assert_eq!(error.abort_code(), Some(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
mod uleb;
pub mod value;
pub mod verifier;
mod vm;

pub use ability::{Ability, AbilitySet};
pub use error::{Location, StatusCode, VmError};
pub use format::{CompiledModule, FormatError, Visibility};
pub use host::{Host, NativeContext, NativeError, NoHost, UNSUPPORTED_NATIVE_ABORT};
pub use identifier::{Address, Identifier, ModuleId};
pub use layout::Layout;
pub use loader::{
    DatatypeDescription, DatatypeShape, FunctionSignature, Linkage, LoadedFunction, NativeName,
    PackageSource, Session,
};
pub use meter::Meter;
pub use type_tag::{StructTag, TypeTag};
pub use types::{Datatype, Declaration, Type};
pub use u256::U256;
pub use value::{ElementKind, Reference, Slot, Value, Vector};
pub use vm::Vm;
