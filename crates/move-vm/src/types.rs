//! Run-time types.

use std::sync::{Arc, OnceLock};

use crate::{
    ability::{Ability, AbilitySet},
    error::{StatusCode, VmError},
    format::DatatypeParameter,
    identifier::{Address, Identifier, ModuleId},
    type_tag::{StructTag, TypeTag},
};

/// A type at run time. Cheap to clone. Only signatures of generic functions contain
/// [`Type::TypeParameter`]; types of values never do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `u128`
    U128,
    /// `u256`
    U256,
    /// `address`
    Address,
    /// `signer`
    Signer,
    /// `vector<T>`
    Vector(Arc<Type>),
    /// A struct or enum.
    Datatype(Arc<Datatype>),
    /// `&T`
    Reference(Arc<Type>),
    /// `&mut T`
    MutableReference(Arc<Type>),
    /// A type parameter, by position.
    TypeParameter(u16),
}

/// A struct or enum with its type arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Datatype {
    /// The declaration.
    pub declaration: Arc<Declaration>,
    /// Type arguments, one per type parameter.
    pub type_arguments: Vec<Type>,
}

/// A struct or enum as declared.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The module, by runtime id.
    pub module: ModuleId,
    /// The name.
    pub name: Identifier,
    /// Id of the package version that introduced the datatype; the address of its type tags.
    pub defining_id: Address,
    /// Declared abilities.
    pub abilities: AbilitySet,
    /// Type parameters.
    pub type_parameters: Vec<DatatypeParameter>,
    /// How deep values nest, once computed.
    pub(crate) depth: OnceLock<DepthFormula>,
}

/// Nesting depth of a datatype's values, as a function of its type arguments' depths: the maximum
/// of a constant and, for each used type parameter, an offset plus that argument's depth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DepthFormula {
    pub(crate) constant: usize,
    /// By type parameter; `None` when no value of the argument is inside.
    pub(crate) offsets: Vec<Option<usize>>,
}

impl Declaration {
    pub(crate) fn new(
        module: ModuleId,
        name: Identifier,
        defining_id: Address,
        abilities: AbilitySet,
        type_parameters: Vec<DatatypeParameter>,
    ) -> Self {
        let depth = OnceLock::new();
        Self {
            module,
            name,
            defining_id,
            abilities,
            type_parameters,
            depth,
        }
    }
}

/// Run-time identity: module (runtime id) and name.
impl PartialEq for Declaration {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.name == other.name && self.module == other.module)
    }
}

impl Eq for Declaration {}

impl std::hash::Hash for Declaration {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.module.hash(state);
        self.name.hash(state);
    }
}

impl Type {
    /// Deepest nesting of a type.
    pub const DEPTH_MAX: usize = 256;
    /// Most nodes of a type that execution builds.
    pub const NODES_MAX: usize = 128;

    /// The type with type parameters replaced by `arguments`.
    ///
    /// # Errors
    /// A limit on types; an invariant violation when a parameter has no argument.
    pub fn substitute(&self, arguments: &[Type]) -> Result<Type, VmError> {
        if self.is_closed() {
            return Ok(self.clone());
        }
        let mut budget = Self::NODES_MAX;
        self.substitute_within(arguments, &mut budget)
    }

    fn substitute_within(&self, arguments: &[Type], budget: &mut usize) -> Result<Type, VmError> {
        let boxed = |inner: &Type, budget: &mut usize| {
            inner.substitute_within(arguments, budget).map(Arc::new)
        };
        if let Self::TypeParameter(index) = self {
            let argument = arguments
                .get(usize::from(*index))
                .ok_or_else(|| VmError::invariant("type parameter without argument"))?;
            argument.spend_nodes(budget)?;
            return Ok(argument.clone());
        }
        spend(budget)?;
        Ok(match self {
            Self::Vector(element) => Self::Vector(boxed(element, budget)?),
            Self::Reference(inner) => Self::Reference(boxed(inner, budget)?),
            Self::MutableReference(inner) => Self::MutableReference(boxed(inner, budget)?),
            Self::Datatype(datatype) if !datatype.type_arguments.is_empty() => {
                let substitute = |argument: &Type| argument.substitute_within(arguments, budget);
                Self::Datatype(Arc::new(Datatype {
                    declaration: Arc::clone(&datatype.declaration),
                    type_arguments: datatype
                        .type_arguments
                        .iter()
                        .map(substitute)
                        .collect::<Result<_, _>>()?,
                }))
            }
            closed => closed.clone(),
        })
    }

    /// Counts the type's nodes against a budget.
    fn spend_nodes(&self, budget: &mut usize) -> Result<(), VmError> {
        spend(budget)?;
        match self {
            Self::Vector(inner) | Self::Reference(inner) | Self::MutableReference(inner) => {
                inner.spend_nodes(budget)
            }
            Self::Datatype(datatype) => datatype
                .type_arguments
                .iter()
                .try_for_each(|argument| argument.spend_nodes(budget)),
            _ => Ok(()),
        }
    }

    /// Refuses types with too many nodes.
    pub(crate) fn check_size(&self) -> Result<(), VmError> {
        self.spend_nodes(&mut { Self::NODES_MAX })
    }

    /// Whether no type parameter is mentioned.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::TypeParameter(_) => false,
            Self::Vector(inner) | Self::Reference(inner) | Self::MutableReference(inner) => {
                inner.is_closed()
            }
            Self::Datatype(datatype) => datatype.type_arguments.iter().all(Self::is_closed),
            _ => true,
        }
    }

    /// The datatype, if this is one.
    pub fn as_datatype(&self) -> Option<&Datatype> {
        match self {
            Self::Datatype(datatype) => Some(datatype),
            _ => None,
        }
    }

    /// The referenced type and whether the reference is mutable, if this is a reference.
    pub fn as_reference(&self) -> Option<(&Type, bool)> {
        match self {
            Self::Reference(inner) => Some((inner, false)),
            Self::MutableReference(inner) => Some((inner, true)),
            _ => None,
        }
    }

    /// How many types it is made of, itself included.
    pub fn node_count(&self) -> u64 {
        match self {
            Self::Vector(inner) | Self::Reference(inner) | Self::MutableReference(inner) => {
                inner.node_count().saturating_add(1)
            }
            Self::Datatype(datatype) => datatype
                .type_arguments
                .iter()
                .fold(1, |sum, argument| sum.saturating_add(argument.node_count())),
            _ => 1,
        }
    }

    /// Whether this is the datatype `name` of `module` (runtime id).
    pub fn is_datatype(&self, address: Address, module: &str, name: &str) -> bool {
        self.as_datatype().is_some_and(|datatype| {
            let declaration = &datatype.declaration;
            declaration.name == name
                && declaration.module.name == module
                && declaration.module.address == address
        })
    }

    /// The type tag with defining ids; `None` for references and types with parameters.
    pub fn to_tag(&self) -> Option<TypeTag> {
        self.to_tag_with(&|declaration| declaration.defining_id)
    }

    /// The type tag with runtime (original) ids; `None` for references and types with parameters.
    pub fn to_original_tag(&self) -> Option<TypeTag> {
        self.to_tag_with(&|declaration| declaration.module.address)
    }

    fn to_tag_with(&self, address: &dyn Fn(&Declaration) -> Address) -> Option<TypeTag> {
        Some(match self {
            Self::Bool => TypeTag::Bool,
            Self::U8 => TypeTag::U8,
            Self::U16 => TypeTag::U16,
            Self::U32 => TypeTag::U32,
            Self::U64 => TypeTag::U64,
            Self::U128 => TypeTag::U128,
            Self::U256 => TypeTag::U256,
            Self::Address => TypeTag::Address,
            Self::Signer => TypeTag::Signer,
            Self::Vector(element) => TypeTag::Vector(Box::new(element.to_tag_with(address)?)),
            Self::Datatype(datatype) => TypeTag::Struct(Box::new(StructTag {
                address: address(&datatype.declaration),
                module: datatype.declaration.module.name.clone(),
                name: datatype.declaration.name.clone(),
                type_params: datatype
                    .type_arguments
                    .iter()
                    .map(|argument| argument.to_tag_with(address))
                    .collect::<Option<_>>()?,
            })),
            Self::Reference(_) | Self::MutableReference(_) | Self::TypeParameter(_) => return None,
        })
    }

    /// Abilities of values of this type; type parameters have the abilities in `parameters`.
    pub fn abilities_with(&self, parameters: &[AbilitySet]) -> AbilitySet {
        match self {
            Self::Signer => AbilitySet::SIGNER,
            Self::Reference(_) | Self::MutableReference(_) => AbilitySet::REFERENCES,
            Self::TypeParameter(index) => parameters
                .get(usize::from(*index))
                .copied()
                .unwrap_or(AbilitySet::EMPTY),
            Self::Vector(element) => {
                AbilitySet::PRIMITIVES.instantiated([element.abilities_with(parameters)])
            }
            Self::Datatype(datatype) => {
                let declaration = &datatype.declaration;
                let arguments = declaration
                    .type_parameters
                    .iter()
                    .zip(&datatype.type_arguments);
                declaration.abilities.instantiated(
                    arguments
                        .filter(|(parameter, _)| !parameter.is_phantom)
                        .map(|(_, argument)| argument.abilities_with(parameters)),
                )
            }
            _ => AbilitySet::PRIMITIVES,
        }
    }

    /// Abilities of values of this type, which must be free of type parameters.
    pub fn abilities(&self) -> AbilitySet {
        self.abilities_with(&[])
    }

    /// Whether values of the type have an ability.
    pub fn has(&self, ability: Ability) -> bool {
        self.abilities().has(ability)
    }
}

fn spend(budget: &mut usize) -> Result<(), VmError> {
    *budget = budget
        .checked_sub(1)
        .ok_or_else(|| VmError::new(StatusCode::MaxTypeNodesReached))?;
    Ok(())
}
