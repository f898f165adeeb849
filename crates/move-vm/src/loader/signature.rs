//! What functions and datatypes look like from outside.

use std::sync::Arc;

use crate::{
    ability::AbilitySet,
    format::{TableIndex, Visibility},
    identifier::{Identifier, ModuleId},
    loader::module::LoadedModule,
    types::{Declaration, Type},
};

/// A function's type, as declared.
#[derive(Clone, Debug)]
pub struct FunctionSignature {
    /// The module, by runtime id.
    pub module: ModuleId,
    /// The name.
    pub name: Identifier,
    /// Index into the module's function definitions.
    pub index: TableIndex,
    /// Who may call it.
    pub visibility: Visibility,
    /// Whether transactions may call it whatever its visibility.
    pub is_entry: bool,
    /// Whether it is a native.
    pub is_native: bool,
    /// Abilities that each type argument must have.
    pub type_parameters: Vec<AbilitySet>,
    /// Parameter types; may mention type parameters.
    pub parameters: Vec<Type>,
    /// Result types; may mention type parameters.
    pub returns: Vec<Type>,
}

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

/// A struct or enum: declaration and shape.
#[derive(Clone, Debug)]
pub struct DatatypeDescription {
    /// Module, name, defining id, abilities and type parameters.
    pub declaration: Arc<Declaration>,
    /// Fields or variants. For a description by name the types may mention type parameters.
    pub shape: DatatypeShape,
}

/// Fields or variants of a datatype.
#[derive(Clone, Debug)]
pub enum DatatypeShape {
    /// Fields of a struct.
    Struct(Vec<(Identifier, Type)>),
    /// Variants of an enum: name and fields.
    Enum(Vec<(Identifier, Vec<(Identifier, Type)>)>),
}

impl DatatypeDescription {
    /// The fields, if this is a struct.
    pub fn struct_fields(&self) -> Option<&[(Identifier, Type)]> {
        match &self.shape {
            DatatypeShape::Struct(fields) => Some(fields),
            DatatypeShape::Enum(_) => None,
        }
    }
}
