//! A module whose bounds are verified: indexing cannot fail.

use crate::{
    ability::AbilitySet,
    format::{
        CodeUnit, CompiledModule, DatatypeHandle, EnumDef, FieldDef, FunctionDef, FunctionHandle,
        SignatureToken, StructDef, TableIndex, VariantDef,
    },
    identifier::Identifier,
};

/// A module whose bounds are verified.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) module: &'a CompiledModule,
}

/// A function with code in such a module.
pub(super) struct FunctionView<'a> {
    pub(super) view: View<'a>,
    pub(super) index: TableIndex,
    pub(super) handle: &'a FunctionHandle,
    pub(super) code: &'a CodeUnit,
    pub(super) parameters: &'a [SignatureToken],
    pub(super) returns: &'a [SignatureToken],
    /// Types of the locals, parameters first.
    pub(super) locals: Vec<&'a SignatureToken>,
}

impl<'a> View<'a> {
    pub(super) fn new(module: &'a CompiledModule) -> Self {
        Self { module }
    }

    pub(super) fn identifier(self, index: TableIndex) -> &'a Identifier {
        &self.module.identifiers[usize::from(index)]
    }

    pub(super) fn signature(self, index: TableIndex) -> &'a [SignatureToken] {
        &self.module.signatures[usize::from(index)].0
    }

    pub(super) fn datatype(self, index: TableIndex) -> &'a DatatypeHandle {
        &self.module.datatype_handles[usize::from(index)]
    }

    pub(super) fn function(self, index: TableIndex) -> &'a FunctionHandle {
        &self.module.function_handles[usize::from(index)]
    }

    pub(super) fn function_def(self, index: TableIndex) -> &'a FunctionDef {
        &self.module.function_defs[usize::from(index)]
    }

    pub(super) fn struct_def(self, index: TableIndex) -> &'a StructDef {
        &self.module.struct_defs[usize::from(index)]
    }

    pub(super) fn enum_def(self, index: TableIndex) -> &'a EnumDef {
        &self.module.enum_defs[usize::from(index)]
    }

    /// Fields of a struct; none for native structs, which instructions cannot name.
    pub(super) fn fields(self, index: TableIndex) -> &'a [FieldDef] {
        self.struct_def(index).fields.as_deref().unwrap_or_default()
    }

    pub(super) fn variant(self, index: TableIndex, tag: u16) -> &'a VariantDef {
        &self.enum_def(index).variants[usize::from(tag)]
    }

    /// Handle, and fields of every variant, for each datatype defined here. A struct counts as one
    /// variant.
    pub(super) fn definitions(
        self,
    ) -> impl Iterator<Item = (TableIndex, Vec<&'a [FieldDef]>)> + use<'a> {
        let structs = self
            .module
            .struct_defs
            .iter()
            .map(|def| (def.handle, vec![def.fields.as_deref().unwrap_or_default()]));
        let enums = self.module.enum_defs.iter().map(|def| {
            (
                def.handle,
                def.variants
                    .iter()
                    .map(|variant| variant.fields.as_slice())
                    .collect(),
            )
        });
        structs.chain(enums)
    }

    /// Abilities of a type where type parameters have the abilities `parameters`.
    pub(super) fn abilities(self, token: &SignatureToken, parameters: &[AbilitySet]) -> AbilitySet {
        match token {
            SignatureToken::Signer => AbilitySet::SIGNER,
            SignatureToken::Reference(_) | SignatureToken::MutableReference(_) => {
                AbilitySet::REFERENCES
            }
            SignatureToken::Vector(element) => {
                AbilitySet::PRIMITIVES.instantiated([self.abilities(element, parameters)])
            }
            SignatureToken::TypeParameter(index) => parameters
                .get(usize::from(*index))
                .copied()
                .unwrap_or(AbilitySet::EMPTY),
            SignatureToken::Datatype(handle) => self.datatype(*handle).abilities,
            SignatureToken::DatatypeInstantiation(instance) => {
                let (handle, arguments) = &**instance;
                let handle = self.datatype(*handle);
                handle.abilities.instantiated(
                    handle
                        .type_parameters
                        .iter()
                        .zip(arguments)
                        .filter(|(parameter, _)| !parameter.is_phantom)
                        .map(|(_, argument)| self.abilities(argument, parameters)),
                )
            }
            _ => AbilitySet::PRIMITIVES,
        }
    }
}

impl<'a> FunctionView<'a> {
    /// The function at `index`; `None` for natives.
    pub(super) fn new(view: View<'a>, index: TableIndex) -> Option<Self> {
        let def = view.function_def(index);
        let code = def.code.as_ref()?;
        let handle = view.function(def.handle);
        let parameters = view.signature(handle.parameters);
        let locals = parameters
            .iter()
            .chain(view.signature(code.locals))
            .collect();
        let returns = view.signature(handle.returns);
        Some(Self {
            view,
            index,
            handle,
            code,
            parameters,
            returns,
            locals,
        })
    }

    pub(super) fn abilities(&self, token: &SignatureToken) -> AbilitySet {
        self.view.abilities(token, &self.handle.type_parameters)
    }
}

impl SignatureToken {
    /// The type with type parameters replaced by `arguments`.
    pub(super) fn substitute(&self, arguments: &[SignatureToken]) -> SignatureToken {
        let boxed = |inner: &SignatureToken| Box::new(inner.substitute(arguments));
        match self {
            Self::Vector(element) => Self::Vector(boxed(element)),
            Self::Reference(inner) => Self::Reference(boxed(inner)),
            Self::MutableReference(inner) => Self::MutableReference(boxed(inner)),
            Self::TypeParameter(index) => {
                arguments.get(usize::from(*index)).unwrap_or(self).clone()
            }
            Self::DatatypeInstantiation(instance) => {
                let (handle, inner) = &**instance;
                let inner = inner
                    .iter()
                    .map(|argument| argument.substitute(arguments))
                    .collect();
                Self::DatatypeInstantiation(Box::new((*handle, inner)))
            }
            closed => closed.clone(),
        }
    }

    /// Visits the type and everything in it.
    pub(super) fn visit(&self, visitor: &mut dyn FnMut(&SignatureToken)) {
        visitor(self);
        match self {
            Self::Vector(inner) | Self::Reference(inner) | Self::MutableReference(inner) => {
                inner.visit(visitor);
            }
            Self::DatatypeInstantiation(instance) => {
                instance
                    .1
                    .iter()
                    .for_each(|argument| argument.visit(visitor));
            }
            _ => {}
        }
    }

    pub(super) const fn is_reference(&self) -> bool {
        matches!(self, Self::Reference(_) | Self::MutableReference(_))
    }

    pub(super) const fn is_integer(&self) -> bool {
        matches!(
            self,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 | Self::U128 | Self::U256
        )
    }
}
