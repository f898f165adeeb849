//! Loading: from packages to code that runs.
//!
//! A [`Vm`](crate::Vm) keeps one program per [`Linkage`]; a [`Session`] is a program together with
//! the [`PackageSource`] that it loads missing modules from.

mod depth;
mod function;
mod layouts;
mod linkage;
pub(crate) mod module;
mod native_names;
mod program;
mod resolve;
mod session;
mod signature;

pub use function::LoadedFunction;
pub use linkage::{Linkage, LinkedPackage, PackageSource};
pub use native_names::NativeName;
pub(crate) use native_names::{NativeFunction, NativeNames};
pub(crate) use program::Program;
pub use session::Session;
pub use signature::{DatatypeDescription, DatatypeShape, FunctionSignature};
