//! Loading: from packages to code that runs.
//!
//! A [`Vm`] keeps one program per [`Linkage`]; a [`Session`] is a program together with the
//! [`PackageSource`] that it loads missing modules from.

mod depth;
mod layouts;
mod linkage;
pub(crate) mod module;
mod resolve;
mod session;
mod signature;
mod vm;

pub use linkage::{Linkage, LinkedPackage, PackageSource};
pub use session::Session;
pub use signature::{DatatypeDescription, DatatypeShape, FunctionSignature, LoadedFunction};
pub use vm::Vm;
