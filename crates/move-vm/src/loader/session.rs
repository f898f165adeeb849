//! Running one transaction command.

use std::sync::Arc;

use crate::{
    error::VmError,
    host::Host,
    identifier::Address,
    layout::Layout,
    loader::{DatatypeDescription, FunctionSignature, Linkage, LoadedFunction, PackageSource},
    meter::Meter,
    type_tag::TypeTag,
    types::Type,
    value::Value,
};

/// Code and types under one linkage.
pub struct Session<'a> {
    source: &'a dyn PackageSource,
    linkage: Linkage,
}

fn unfinished<T>() -> Result<T, VmError> {
    Err(VmError::invariant("unfinished"))
}

impl<'a> Session<'a> {
    pub(crate) fn new(source: &'a dyn PackageSource, linkage: Linkage) -> Self {
        Self { source, linkage }
    }

    /// The linkage.
    pub fn linkage(&self) -> &Linkage {
        &self.linkage
    }

    /// The packages.
    pub fn source(&self) -> &'a dyn PackageSource {
        self.source
    }

    /// The type behind a tag with defining ids. The packages of all datatypes in it must be linked.
    pub fn load_type(&self, _tag: &TypeTag) -> Result<Type, VmError> {
        unfinished()
    }

    /// The layout of a type without type parameters and references.
    pub fn layout(&self, _type: &Type) -> Result<Arc<Layout>, VmError> {
        unfinished()
    }

    /// Fields or variants of a datatype, with its type arguments substituted.
    pub fn describe(&self, _type: &Type) -> Result<DatatypeDescription, VmError> {
        unfinished()
    }

    /// Fields or variants of the datatype `name` as declared, in the package with this storage id.
    pub fn datatype(
        &self,
        _storage_id: &Address,
        _module: &str,
        _name: &str,
    ) -> Result<DatatypeDescription, VmError> {
        unfinished()
    }

    /// The type of a function of the package with this storage id, which must be linked.
    pub fn function_signature(
        &self,
        _storage_id: &Address,
        _module: &str,
        _function: &str,
    ) -> Result<Arc<FunctionSignature>, VmError> {
        unfinished()
    }

    /// A function of the package with this storage id, which must be linked, with type arguments.
    ///
    /// # Errors
    /// `ModuleNotFound`, `FunctionNotFound`, `TypeArityMismatch`, `ConstraintNotSatisfied`, and
    /// those of loading the type arguments.
    pub fn load_function(
        &self,
        _storage_id: &Address,
        _module: &str,
        _function: &str,
        _type_arguments: &[TypeTag],
    ) -> Result<LoadedFunction, VmError> {
        unfinished()
    }

    /// Runs a function to completion and returns its results in declaration order. Visibility is
    /// not checked. Arguments must have the parameter types (references: reference values).
    pub fn call(
        &self,
        _function: &LoadedFunction,
        _arguments: Vec<Value>,
        _host: &mut dyn Host,
        _meter: &mut Meter,
    ) -> Result<Vec<Value>, VmError> {
        unfinished()
    }
}
