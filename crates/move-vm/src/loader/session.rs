//! Code and types for one transaction command.

use std::sync::Arc;

use crate::{
    error::{StatusCode, VmError},
    identifier::Address,
    loader::{
        FunctionSignature, Linkage, LoadedFunction, PackageSource,
        module::{LoadedModule, function_not_found, row},
        native_names::NativeNames,
        program::Program,
        signature::check_type_arguments,
    },
    type_tag::TypeTag,
    types::Type,
};

/// Code and types under one linkage.
pub struct Session<'a> {
    pub(crate) source: &'a dyn PackageSource,
    pub(crate) linkage: Linkage,
    pub(crate) program: Arc<Program>,
    pub(crate) natives: Arc<NativeNames>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        source: &'a dyn PackageSource,
        linkage: Linkage,
        program: Arc<Program>,
        natives: Arc<NativeNames>,
    ) -> Self {
        Self {
            source,
            linkage,
            program,
            natives,
        }
    }

    /// The linkage.
    pub fn linkage(&self) -> &Linkage {
        &self.linkage
    }

    /// The packages.
    pub fn source(&self) -> &'a dyn PackageSource {
        self.source
    }

    /// The type of a function of the package with this storage id, which must be linked.
    ///
    /// # Errors
    /// [`StatusCode::LinkageMissing`], [`StatusCode::ModuleNotFound`],
    /// [`StatusCode::FunctionNotFound`].
    pub fn function_signature(
        &self,
        storage_id: &Address,
        module: &str,
        function: &str,
    ) -> Result<Arc<FunctionSignature>, VmError> {
        let module = self.module(&self.module_id_in(storage_id, module)?)?;
        self.signature_of(&module, function)
    }

    /// A function of the package with this storage id, which must be linked, with type arguments.
    ///
    /// # Errors
    /// As [`Self::function_signature`] and [`Self::load_type`]; for the number of type arguments
    /// and their abilities [`StatusCode::TypeArityMismatch`] and
    /// [`StatusCode::ConstraintNotSatisfied`], the latter with the argument's position as
    /// sub-status.
    pub fn load_function(
        &self,
        storage_id: &Address,
        module: &str,
        function: &str,
        type_arguments: &[TypeTag],
    ) -> Result<LoadedFunction, VmError> {
        let module = self.module(&self.module_id_in(storage_id, module)?)?;
        let signature = self.signature_of(&module, function)?;
        if signature.type_parameters.len() != type_arguments.len() {
            return Err(VmError::new(StatusCode::TypeArityMismatch));
        }
        let type_arguments = type_arguments
            .iter()
            .map(|tag| self.load_type(tag))
            .collect::<Result<Vec<_>, _>>()?;
        check_type_arguments(signature.type_parameters.iter().copied(), &type_arguments)?;
        let substitute = |types: &[Type]| -> Result<Vec<Type>, VmError> {
            types
                .iter()
                .map(|type_| type_.substitute(&type_arguments))
                .collect()
        };
        Ok(LoadedFunction {
            parameters: substitute(&signature.parameters)?,
            returns: substitute(&signature.returns)?,
            signature,
            type_arguments,
            module,
        })
    }

    fn signature_of(
        &self,
        module: &LoadedModule,
        name: &str,
    ) -> Result<Arc<FunctionSignature>, VmError> {
        let index = module
            .function_by_name
            .get(name)
            .copied()
            .ok_or_else(|| function_not_found(&module.id, name))?;
        let info = module.function(index)?;
        if let Some(signature) = info.signature.get() {
            return Ok(Arc::clone(signature));
        }
        let def = row(&module.compiled.function_defs, index)?;
        let handle = row(&module.compiled.function_handles, def.handle)?;
        let types = |index| Ok::<_, VmError>(self.signature_types(module, index)?.types.to_vec());
        let signature = Arc::new(FunctionSignature {
            module: module.id.clone(),
            name: info.name.clone(),
            index,
            visibility: def.visibility,
            is_entry: def.is_entry,
            is_native: def.is_native(),
            type_parameters: handle.type_parameters.clone(),
            parameters: types(handle.parameters)?,
            returns: types(handle.returns)?,
        });
        Ok(Arc::clone(info.signature.get_or_init(|| signature)))
    }
}
