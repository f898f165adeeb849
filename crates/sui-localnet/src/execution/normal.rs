//! Modules in a form that can be compared: names and values instead of indexes.

use std::collections::BTreeMap;

use move_vm::{
    CompiledModule,
    ability::AbilitySet,
    format::{
        CodeUnit, DatatypeParameter, FieldDef, FunctionDef, Instantiation, Instruction,
        SignatureToken, TableIndex, VariantHandle, Visibility,
    },
};

/// A module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) version: u32,
    pub(crate) friends: usize,
    pub(crate) datatypes: BTreeMap<String, Datatype>,
    pub(crate) functions: BTreeMap<String, Function>,
}

/// A struct or enum.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datatype {
    is_enum: bool,
    abilities: AbilitySet,
    type_parameters: Vec<DatatypeParameter>,
    /// Variants with their fields; a struct is one variant without name.
    variants: Vec<(String, Vec<(String, String)>)>,
}

/// A function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) visibility: Visibility,
    pub(crate) is_entry: bool,
    pub(crate) type_parameters: Vec<AbilitySet>,
    pub(crate) parameters: Vec<String>,
    pub(crate) returns: Vec<String>,
    code: Option<Vec<String>>,
}

impl Module {
    /// The form of a verified module; `None` if an index is out of range.
    pub(crate) fn of(module: &CompiledModule) -> Option<Self> {
        let names = Names(module);
        let mut datatypes = BTreeMap::new();
        for def in &module.struct_defs {
            let fields = names.fields(def.fields.as_deref().unwrap_or_default())?;
            datatypes.extend([names.datatype(def.handle, false, vec![(String::new(), fields)])?]);
        }
        for def in &module.enum_defs {
            let variants = def
                .variants
                .iter()
                .map(|variant| Some((names.name(variant.name)?, names.fields(&variant.fields)?)));
            datatypes.extend([names.datatype(
                def.handle,
                true,
                variants.collect::<Option<_>>()?,
            )?]);
        }
        let functions = module.function_defs.iter().map(|def| names.function(def));
        Some(Self {
            version: module.version,
            friends: module.friends.len(),
            datatypes,
            functions: functions.collect::<Option<_>>()?,
        })
    }
}

/// Resolves indexes of one module.
struct Names<'m>(&'m CompiledModule);

impl Names<'_> {
    fn name(&self, index: TableIndex) -> Option<String> {
        self.0.identifier(index).map(ToString::to_string)
    }

    fn token(&self, token: &SignatureToken) -> Option<String> {
        Some(match token {
            SignatureToken::Vector(inner) => format!("vector<{}>", self.token(inner)?),
            SignatureToken::Reference(inner) => format!("&{}", self.token(inner)?),
            SignatureToken::MutableReference(inner) => format!("&mut {}", self.token(inner)?),
            SignatureToken::Datatype(handle) => self.datatype_name(*handle)?,
            SignatureToken::DatatypeInstantiation(instance) => {
                let (handle, arguments) = &**instance;
                format!(
                    "{}<{}>",
                    self.datatype_name(*handle)?,
                    self.tokens(arguments)?.join(", ")
                )
            }
            other => format!("{other:?}"),
        })
    }

    fn tokens(&self, tokens: &[SignatureToken]) -> Option<Vec<String>> {
        tokens.iter().map(|token| self.token(token)).collect()
    }

    fn signature(&self, index: TableIndex) -> Option<Vec<String>> {
        self.tokens(self.0.signature(index)?)
    }

    fn datatype_name(&self, handle: TableIndex) -> Option<String> {
        let (module, name) = self.0.datatype_name(handle)?;
        Some(format!("{module}::{name}"))
    }

    fn fields(&self, fields: &[FieldDef]) -> Option<Vec<(String, String)>> {
        fields
            .iter()
            .map(|field| Some((self.name(field.name)?, self.token(&field.type_)?)))
            .collect()
    }

    fn datatype(
        &self,
        handle: TableIndex,
        is_enum: bool,
        variants: Vec<(String, Vec<(String, String)>)>,
    ) -> Option<(String, Datatype)> {
        let handle = self.0.datatype_handle(handle)?;
        let datatype = Datatype {
            is_enum,
            abilities: handle.abilities,
            type_parameters: handle.type_parameters.clone(),
            variants,
        };
        Some((self.name(handle.name)?, datatype))
    }

    fn function(&self, def: &FunctionDef) -> Option<(String, Function)> {
        let handle = self.0.function_handle(def.handle)?;
        let function = Function {
            visibility: def.visibility,
            is_entry: def.is_entry,
            type_parameters: handle.type_parameters.clone(),
            parameters: self.signature(handle.parameters)?,
            returns: self.signature(handle.returns)?,
            code: match &def.code {
                Some(code) => Some(self.code(code)?),
                None => None,
            },
        };
        Some((self.name(handle.name)?, function))
    }

    fn code(&self, code: &CodeUnit) -> Option<Vec<String>> {
        let locals = self.signature(code.locals)?.join(", ");
        let instructions = code.code.iter().map(|step| self.instruction(code, step));
        std::iter::once(Some(format!("locals {locals}")))
            .chain(instructions)
            .collect()
    }

    fn instruction(&self, code: &CodeUnit, step: &Instruction) -> Option<String> {
        use Instruction as I;
        let resolved = match step {
            I::LdConst(index) => {
                let constant = self.0.constants.get(usize::from(*index))?;
                format!("{}: {:?}", self.token(&constant.type_)?, constant.data)
            }
            I::Call(index) => self.function_name(*index)?,
            I::CallGeneric(index) => {
                let instances = &self.0.function_instantiations;
                self.instance(instances, *index, |target| self.function_name(target))?
            }
            I::Pack(index) | I::Unpack(index) => self.struct_name(*index)?,
            I::PackGeneric(index) | I::UnpackGeneric(index) => {
                let instances = &self.0.struct_instantiations;
                self.instance(instances, *index, |target| self.struct_name(target))?
            }
            I::MutBorrowField(index) | I::ImmBorrowField(index) => self.field_name(*index)?,
            I::MutBorrowFieldGeneric(index) | I::ImmBorrowFieldGeneric(index) => {
                let instances = &self.0.field_instantiations;
                self.instance(instances, *index, |target| self.field_name(target))?
            }
            I::PackVariant(index)
            | I::UnpackVariant(index)
            | I::UnpackVariantImmRef(index)
            | I::UnpackVariantMutRef(index) => {
                let handle = self.0.variant_handles.get(usize::from(*index))?;
                Self::variant(*handle, &self.enum_name(handle.owner)?)
            }
            I::PackVariantGeneric(index)
            | I::UnpackVariantGeneric(index)
            | I::UnpackVariantImmRefGeneric(index)
            | I::UnpackVariantMutRefGeneric(index) => {
                let handle = self.0.variant_instantiations.get(usize::from(*index))?;
                let instances = &self.0.enum_instantiations;
                let owner =
                    self.instance(instances, handle.owner, |target| self.enum_name(target))?;
                Self::variant(*handle, &owner)
            }
            I::VariantSwitch(index) => {
                let table = code.jump_tables.get(usize::from(*index))?;
                format!("{} {:?}", self.enum_name(table.enum_def)?, table.targets)
            }
            I::VecPack(index, count) | I::VecUnpack(index, count) => {
                format!("{} {count}", self.signature(*index)?.join(", "))
            }
            I::VecLen(index)
            | I::VecImmBorrow(index)
            | I::VecMutBorrow(index)
            | I::VecPushBack(index)
            | I::VecPopBack(index)
            | I::VecSwap(index) => self.signature(*index)?.join(", "),
            plain => return Some(format!("{plain:?}")),
        };
        // The instruction's own name, without its index.
        let text = format!("{step:?}");
        let name = text.split('(').next().unwrap_or_default();
        Some(format!("{name} {resolved}"))
    }

    fn function_name(&self, handle: TableIndex) -> Option<String> {
        let (module, name) = self.0.function_name(handle)?;
        Some(format!("{module}::{name}"))
    }

    fn struct_name(&self, index: TableIndex) -> Option<String> {
        self.datatype_name(self.0.struct_defs.get(usize::from(index))?.handle)
    }

    fn enum_name(&self, index: TableIndex) -> Option<String> {
        self.datatype_name(self.0.enum_defs.get(usize::from(index))?.handle)
    }

    fn field_name(&self, index: TableIndex) -> Option<String> {
        let field = self.0.field_handles.get(usize::from(index))?;
        Some(format!(
            "{}.{}",
            self.struct_name(field.owner)?,
            field.field
        ))
    }

    fn variant(handle: VariantHandle, owner: &str) -> String {
        format!("{owner}.{}", handle.variant)
    }

    fn instance(
        &self,
        table: &[Instantiation],
        index: TableIndex,
        name: impl Fn(TableIndex) -> Option<String>,
    ) -> Option<String> {
        let instance = table.get(usize::from(index))?;
        let arguments = self.signature(instance.type_arguments)?.join(", ");
        Some(format!("{}<{arguments}>", name(instance.target)?))
    }
}
