//! The door to execution.

use super::{ChainEnv, Executed, InputError, Mode, ObjectSource};
use move_vm::{DatatypeDescription, FunctionSignature, Layout};
use std::sync::Arc;
use sui_sdk_types::{Address, Object, Transaction, TypeTag};

/// Executes transactions. Keeps loaded packages from one transaction to the next; share one between threads.
#[derive(Debug, Default)]
pub struct Engine {}

impl Engine {
    /// An engine without loaded packages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The framework packages as they are at genesis.
    pub fn framework_genesis() -> Vec<Object> {
        Vec::new()
    }

    /// Executes a transaction against `store`, changing nothing there.
    ///
    /// # Errors
    /// An [`InputError`] when the transaction is refused and has no effects. A failed execution is not an error: it
    /// has effects.
    pub fn execute(
        &self,
        store: &dyn ObjectSource,
        env: &ChainEnv,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<Executed, InputError> {
        let _ = (store, env, transaction, mode);
        Err(InputError::Unsupported("execution"))
    }

    /// A function of the package with this storage id. Type tags of its types have defining ids.
    pub fn function(
        &self,
        store: &dyn ObjectSource,
        package: &Address,
        module: &str,
        function: &str,
    ) -> Option<Arc<FunctionSignature>> {
        let _ = (store, package, module, function);
        None
    }

    /// A struct or enum of the package with this storage id.
    pub fn datatype(
        &self,
        store: &dyn ObjectSource,
        package: &Address,
        module: &str,
        datatype: &str,
    ) -> Option<DatatypeDescription> {
        let _ = (store, package, module, datatype);
        None
    }

    /// The shape of values of a type, which is named with defining ids.
    pub fn layout_of(&self, store: &dyn ObjectSource, tag: &TypeTag) -> Option<Arc<Layout>> {
        let _ = (store, tag);
        None
    }
}
