//! What functions and datatypes look like from outside.

use std::sync::Arc;

use stdx::SaturatingFrom as _;

use crate::{
    ability::AbilitySet,
    error::{StatusCode, VmError},
    format::{TableIndex, Visibility},
    identifier::{Identifier, ModuleId},
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

/// Checks number and abilities of type arguments.
pub(crate) fn check_type_arguments(
    constraints: impl ExactSizeIterator<Item = AbilitySet>,
    arguments: &[Type],
) -> Result<(), VmError> {
    if constraints.len() != arguments.len() {
        return Err(
            VmError::new(StatusCode::TypeArityMismatch).with_message(format!(
                "{} type arguments expected, {} given",
                constraints.len(),
                arguments.len()
            )),
        );
    }
    for (index, (constraint, argument)) in constraints.zip(arguments).enumerate() {
        if !constraint.is_subset(argument.abilities()) {
            return Err(VmError::new(StatusCode::ConstraintNotSatisfied)
                .with_sub_status(u64::saturating_from(index))
                .with_message(format!(
                    "type argument {index} lacks an ability of {constraint:?}"
                )));
        }
    }
    Ok(())
}
