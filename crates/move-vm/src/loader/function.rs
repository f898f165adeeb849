//! Functions ready to be called.

use std::sync::Arc;

use crate::{
    loader::{module::LoadedModule, signature::FunctionSignature},
    types::Type,
};

/// A function with its type arguments, ready to be called.
#[derive(Clone)]
pub struct LoadedFunction {
    /// The function as declared.
    pub signature: Arc<FunctionSignature>,
    /// Type arguments; they satisfy the constraints.
    pub type_arguments: Vec<Type>,
    /// Parameter types with type arguments substituted.
    pub parameters: Vec<Type>,
    /// Result types with type arguments substituted.
    pub returns: Vec<Type>,
    pub(crate) module: Arc<LoadedModule>,
}

impl std::fmt::Debug for LoadedFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedFunction")
            .field("signature", &self.signature)
            .field("type_arguments", &self.type_arguments)
            .finish_non_exhaustive()
    }
}
