//! Loading: from packages to code that runs.

mod linkage;
mod session;
mod signature;
mod vm;

pub use linkage::{Linkage, LinkedPackage, PackageSource};
pub use session::Session;
pub use signature::{DatatypeDescription, DatatypeShape, FunctionSignature, LoadedFunction};
pub use vm::Vm;
