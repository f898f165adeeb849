//! From what modules write to types and code.

use std::sync::Arc;

use crate::{
    error::{StatusCode, VmError},
    format::{DatatypeParameter, FieldDef, SignatureToken, TableIndex},
    identifier::{Identifier, ModuleId},
    loader::{
        Session,
        module::{
            Callee, DatatypeIndex, LoadedModule, SignatureTypes, bad_index, function_not_found, row,
        },
        signature::check_type_arguments,
    },
    type_tag::{StructTag, TypeTag},
    types::{Datatype, Declaration, Type},
};

impl Session<'_> {
    /// The module with this runtime id, loaded from the linked version of its package.
    pub(crate) fn module(&self, id: &ModuleId) -> Result<Arc<LoadedModule>, VmError> {
        if let Some(module) = self.program.module(id) {
            return Ok(module);
        }
        let package = self.linkage.get(&id.address).ok_or_else(|| {
            VmError::new(StatusCode::LinkageMissing)
                .with_message(format!("package {} is not linked", id.address))
        })?;
        let compiled = self
            .source
            .module(&package.storage_id, &id.name)
            .ok_or_else(|| {
                VmError::new(StatusCode::ModuleNotFound).with_message(format!(
                    "package {} has no module {}",
                    package.storage_id, id.name
                ))
            })?;
        if compiled.self_id() != *id {
            return Err(VmError::invariant(
                "module carries another address than its package",
            ));
        }
        Ok(self.program.add_module(LoadedModule::new(
            package.storage_id,
            compiled,
            &self.natives,
        )?))
    }

    /// The target of a function handle.
    pub(crate) fn callee(
        &self,
        module: &LoadedModule,
        handle: TableIndex,
    ) -> Result<Callee, VmError> {
        let cell = row(&module.callees, handle)?;
        if let Some(callee) = cell.get() {
            return Ok(callee.clone());
        }
        let (id, name) = module
            .compiled
            .function_name(handle)
            .ok_or_else(bad_index)?;
        let find = |target: &LoadedModule| {
            target
                .function_by_name
                .get(name)
                .copied()
                .ok_or_else(|| function_not_found(&id, name))
        };
        let callee = if id == module.id {
            Callee::Local(find(module)?)
        } else {
            let target = self.module(&id)?;
            let index = find(&target)?;
            Callee::Foreign(target, index)
        };
        Ok(cell.get_or_init(|| callee).clone())
    }

    /// The types of a signature; they may mention the enclosing function's type parameters.
    pub(crate) fn signature_types<'m>(
        &self,
        module: &'m LoadedModule,
        index: TableIndex,
    ) -> Result<&'m SignatureTypes, VmError> {
        let cell = row(&module.signature_types, index)?;
        if let Some(types) = cell.get() {
            return Ok(types);
        }
        let tokens = module.compiled.signature(index).ok_or_else(bad_index)?;
        let types = tokens
            .iter()
            .map(|token| self.token(module, token))
            .collect::<Result<_, _>>()?;
        Ok(cell.get_or_init(|| SignatureTypes::new(types)))
    }

    /// The type that a token of `module` stands for.
    pub(crate) fn token(
        &self,
        module: &LoadedModule,
        token: &SignatureToken,
    ) -> Result<Type, VmError> {
        let boxed = |inner| self.token(module, inner).map(Arc::new);
        Ok(match token {
            SignatureToken::Bool => Type::Bool,
            SignatureToken::U8 => Type::U8,
            SignatureToken::U16 => Type::U16,
            SignatureToken::U32 => Type::U32,
            SignatureToken::U64 => Type::U64,
            SignatureToken::U128 => Type::U128,
            SignatureToken::U256 => Type::U256,
            SignatureToken::Address => Type::Address,
            SignatureToken::Signer => Type::Signer,
            SignatureToken::Vector(element) => Type::Vector(boxed(element)?),
            SignatureToken::Reference(inner) => Type::Reference(boxed(inner)?),
            SignatureToken::MutableReference(inner) => Type::MutableReference(boxed(inner)?),
            SignatureToken::TypeParameter(index) => Type::TypeParameter(*index),
            SignatureToken::Datatype(handle) => Type::Datatype(Arc::new(Datatype {
                declaration: self.declaration_of_handle(module, *handle)?,
                type_arguments: Vec::new(),
            })),
            SignatureToken::DatatypeInstantiation(instance) => {
                let (handle, arguments) = &**instance;
                Type::Datatype(Arc::new(Datatype {
                    declaration: self.declaration_of_handle(module, *handle)?,
                    type_arguments: arguments
                        .iter()
                        .map(|argument| self.token(module, argument))
                        .collect::<Result<_, _>>()?,
                }))
            }
        })
    }

    pub(crate) fn declaration_of_handle(
        &self,
        module: &LoadedModule,
        handle: TableIndex,
    ) -> Result<Arc<Declaration>, VmError> {
        let cell = row(&module.declarations, handle)?;
        if let Some(declaration) = cell.get() {
            return Ok(Arc::clone(declaration));
        }
        let (id, name) = module
            .compiled
            .datatype_name(handle)
            .ok_or_else(bad_index)?;
        let declaration = self.declaration(id, name)?;
        Ok(Arc::clone(cell.get_or_init(|| declaration)))
    }

    /// The declaration of a datatype, from the module (runtime id) that defines it.
    pub(crate) fn declaration(
        &self,
        id: ModuleId,
        name: &Identifier,
    ) -> Result<Arc<Declaration>, VmError> {
        let key = (id, name.clone());
        if let Some(declaration) = self.program.declaration(&key) {
            return Ok(declaration);
        }
        let (id, name) = key;
        let module = self.module(&id)?;
        let not_found = || {
            VmError::new(StatusCode::TypeNotFound)
                .with_message(format!("module {id} has no datatype {name}"))
        };
        let index = module
            .datatype_by_name
            .get(&name)
            .copied()
            .ok_or_else(not_found)?;
        let handle = match index {
            DatatypeIndex::Struct(index) => row(&module.compiled.struct_defs, index)?.handle,
            DatatypeIndex::Enum(index) => row(&module.compiled.enum_defs, index)?.handle,
        };
        let handle = row(&module.compiled.datatype_handles, handle)?;
        let defining_id = self
            .source
            .defining_id(&module.storage_id, &id.name, &name)
            .ok_or_else(not_found)?;
        let (abilities, type_parameters) = (handle.abilities, handle.type_parameters.clone());
        Ok(self.program.add_declaration(Declaration::new(
            id,
            name,
            defining_id,
            abilities,
            type_parameters,
        )))
    }

    /// The type behind a tag with defining ids. The packages of all datatypes in it must be linked.
    ///
    /// # Errors
    /// [`StatusCode::LinkageMissing`], [`StatusCode::ModuleNotFound`],
    /// [`StatusCode::TypeNotFound`], [`StatusCode::TypeArityMismatch`],
    /// [`StatusCode::ConstraintNotSatisfied`], or a limit on types.
    pub fn load_type(&self, tag: &TypeTag) -> Result<Type, VmError> {
        let type_ = self.load_type_at(tag, 0)?;
        type_.check_size()?;
        Ok(type_)
    }

    fn load_type_at(&self, tag: &TypeTag, depth: usize) -> Result<Type, VmError> {
        if depth > Type::DEPTH_MAX {
            return Err(VmError::new(StatusCode::MaxTypeDepthReached));
        }
        Ok(match tag {
            TypeTag::Bool => Type::Bool,
            TypeTag::U8 => Type::U8,
            TypeTag::U16 => Type::U16,
            TypeTag::U32 => Type::U32,
            TypeTag::U64 => Type::U64,
            TypeTag::U128 => Type::U128,
            TypeTag::U256 => Type::U256,
            TypeTag::Address => Type::Address,
            TypeTag::Signer => Type::Signer,
            TypeTag::Vector(element) => {
                Type::Vector(Arc::new(self.load_type_at(element, depth + 1)?))
            }
            TypeTag::Struct(tag) => self.load_struct(tag, depth)?,
        })
    }

    fn load_struct(&self, tag: &StructTag, depth: usize) -> Result<Type, VmError> {
        let runtime_id = self.source.runtime_id(&tag.address).ok_or_else(|| {
            VmError::new(StatusCode::LinkageMissing)
                .with_message(format!("no package {}", tag.address))
        })?;
        let id = ModuleId {
            address: runtime_id,
            name: tag.module.clone(),
        };
        let declaration = self.declaration(id, &tag.name)?;
        let type_arguments = tag
            .type_params
            .iter()
            .map(|param| self.load_type_at(param, depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        let constraints = declaration
            .type_parameters
            .iter()
            .map(|parameter| parameter.constraints);
        check_type_arguments(constraints, &type_arguments)?;
        Ok(Type::Datatype(Arc::new(Datatype {
            declaration,
            type_arguments,
        })))
    }

    /// Names and types of fields, with the datatype's type arguments substituted.
    pub(crate) fn field_types(
        &self,
        module: &LoadedModule,
        fields: &[FieldDef],
        type_arguments: &[Type],
    ) -> Result<Vec<(Identifier, Type)>, VmError> {
        fields
            .iter()
            .map(|field| {
                let name = row(&module.compiled.identifiers, field.name)?.clone();
                let type_ = self
                    .token(module, &field.type_)?
                    .substitute(type_arguments)?;
                Ok((name, type_))
            })
            .collect()
    }
}

/// Placeholder arguments for a datatype's own type parameters.
pub(crate) fn own_parameters(parameters: &[DatatypeParameter]) -> Vec<Type> {
    (0..)
        .zip(parameters)
        .map(|(index, _)| Type::TypeParameter(index))
        .collect()
}
