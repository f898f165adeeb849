//! The tables of a module.

use crate::{
    ability::AbilitySet,
    format::{Instruction, TableIndex},
    identifier::{Address, Identifier, ModuleId},
};

/// Oldest accepted bytecode version.
pub const VERSION_MIN: u32 = 6;
/// Newest accepted bytecode version; from 7 on there are enums.
pub const VERSION_MAX: u32 = 7;

/// A module as stored on chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledModule {
    /// Bytecode version, without flavor.
    pub version: u32,
    /// Index of the module's own handle.
    pub self_handle: TableIndex,
    /// Modules mentioned, itself included.
    pub module_handles: Vec<ModuleHandle>,
    /// Structs and enums mentioned.
    pub datatype_handles: Vec<DatatypeHandle>,
    /// Functions mentioned.
    pub function_handles: Vec<FunctionHandle>,
    /// Instantiations of generic functions.
    pub function_instantiations: Vec<Instantiation>,
    /// Lists of types.
    pub signatures: Vec<Signature>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// Names.
    pub identifiers: Vec<Identifier>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Structs defined here.
    pub struct_defs: Vec<StructDef>,
    /// Instantiations of structs defined here.
    pub struct_instantiations: Vec<Instantiation>,
    /// Functions defined here.
    pub function_defs: Vec<FunctionDef>,
    /// Fields that are borrowed.
    pub field_handles: Vec<FieldHandle>,
    /// Fields of generic structs that are borrowed.
    pub field_instantiations: Vec<Instantiation>,
    /// Modules that may call functions of package visibility.
    pub friends: Vec<ModuleHandle>,
    /// Enums defined here.
    pub enum_defs: Vec<EnumDef>,
    /// Instantiations of enums defined here.
    pub enum_instantiations: Vec<Instantiation>,
    /// Variants of non-generic enums that are packed or unpacked.
    pub variant_handles: Vec<VariantHandle>,
    /// Variants of generic enums that are packed or unpacked.
    pub variant_instantiations: Vec<VariantHandle>,
}

/// A module by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModuleHandle {
    /// Into the addresses.
    pub address: TableIndex,
    /// Into the identifiers.
    pub name: TableIndex,
}

/// A struct or enum by name, with what its users must know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatatypeHandle {
    /// Into the module handles.
    pub module: TableIndex,
    /// Into the identifiers.
    pub name: TableIndex,
    /// Declared abilities.
    pub abilities: AbilitySet,
    /// Type parameters.
    pub type_parameters: Vec<DatatypeParameter>,
}

/// A type parameter of a struct or enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DatatypeParameter {
    /// Abilities that arguments must have.
    pub constraints: AbilitySet,
    /// Declared `phantom`.
    pub is_phantom: bool,
}

/// A function by name, with its type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionHandle {
    /// Into the module handles.
    pub module: TableIndex,
    /// Into the identifiers.
    pub name: TableIndex,
    /// Parameter types, into the signatures.
    pub parameters: TableIndex,
    /// Result types, into the signatures.
    pub returns: TableIndex,
    /// Abilities that each type argument must have.
    pub type_parameters: Vec<AbilitySet>,
}

/// Something generic with type arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instantiation {
    /// The generic thing, in its own table.
    pub target: TableIndex,
    /// Type arguments, into the signatures.
    pub type_arguments: TableIndex,
}

/// A list of types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signature(pub Vec<SignatureToken>);

/// A type as written in a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SignatureToken {
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
    Vector(Box<SignatureToken>),
    /// A struct or enum without type arguments, into the datatype handles.
    Datatype(TableIndex),
    /// A struct or enum with type arguments.
    DatatypeInstantiation(Box<(TableIndex, Vec<SignatureToken>)>),
    /// `&T`
    Reference(Box<SignatureToken>),
    /// `&mut T`
    MutableReference(Box<SignatureToken>),
    /// A type parameter of the enclosing function or datatype.
    TypeParameter(TableIndex),
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constant {
    /// Its type.
    pub type_: SignatureToken,
    /// Its BCS.
    pub data: Vec<u8>,
}

/// A field of a struct or variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldDef {
    /// Into the identifiers.
    pub name: TableIndex,
    /// Its type.
    pub type_: SignatureToken,
}

/// A struct definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructDef {
    /// Into the datatype handles.
    pub handle: TableIndex,
    /// Fields; `None` for native structs.
    pub fields: Option<Vec<FieldDef>>,
}

/// An enum definition; a variant's tag is its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumDef {
    /// Into the datatype handles.
    pub handle: TableIndex,
    /// The variants.
    pub variants: Vec<VariantDef>,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantDef {
    /// Into the identifiers.
    pub name: TableIndex,
    /// Fields of the variant.
    pub fields: Vec<FieldDef>,
}

/// A field of a struct defined here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldHandle {
    /// Into the struct definitions.
    pub owner: TableIndex,
    /// Position of the field.
    pub field: u16,
}

/// A variant: of an enum definition, or of an enum instantiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariantHandle {
    /// Into the enum definitions or enum instantiations.
    pub owner: TableIndex,
    /// The variant's tag.
    pub variant: u16,
}

/// Who may call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// The module itself.
    Private,
    /// Everybody.
    Public,
    /// The module's friends (`public(package)` in source).
    Friend,
}

/// A function definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDef {
    /// Into the function handles.
    pub handle: TableIndex,
    /// Who may call it.
    pub visibility: Visibility,
    /// Whether transactions may call it whatever its visibility.
    pub is_entry: bool,
    /// Obsolete list of struct definitions; always empty in practice.
    pub acquires: Vec<TableIndex>,
    /// Code; `None` for natives.
    pub code: Option<CodeUnit>,
}

/// The body of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUnit {
    /// Types of the locals after the parameters, into the signatures.
    pub locals: TableIndex,
    /// Instructions.
    pub code: Vec<Instruction>,
    /// Jump tables of `VariantSwitch`.
    pub jump_tables: Vec<JumpTable>,
}

/// Where to go for each variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpTable {
    /// Into the enum definitions.
    pub enum_def: TableIndex,
    /// Instruction index by variant tag.
    pub targets: Vec<u16>,
}

impl FunctionDef {
    /// Whether the function is implemented by the host.
    pub const fn is_native(&self) -> bool {
        self.code.is_none()
    }
}

/// Accessors by index. They return `None` only for modules whose bounds were not verified.
impl CompiledModule {
    /// The module's own id.
    ///
    /// Falls back to the zero address and the name `_0` when the self handle is out of range, which
    /// no verified module is.
    pub fn self_id(&self) -> ModuleId {
        self.module_id(self.self_handle)
            .unwrap_or_else(|| ModuleId {
                address: Address::ZERO,
                name: Identifier::new("_0").expect("a valid identifier"),
            })
    }

    /// The id of the module behind a handle.
    pub fn module_id(&self, handle: TableIndex) -> Option<ModuleId> {
        let handle = self.module_handles.get(usize::from(handle))?;
        self.resolve_module_handle(handle)
    }

    /// The id that a handle (also of the friend list) stands for.
    pub fn resolve_module_handle(&self, handle: &ModuleHandle) -> Option<ModuleId> {
        Some(ModuleId {
            address: *self.addresses.get(usize::from(handle.address))?,
            name: self.identifiers.get(usize::from(handle.name))?.clone(),
        })
    }

    /// A name.
    pub fn identifier(&self, index: TableIndex) -> Option<&Identifier> {
        self.identifiers.get(usize::from(index))
    }

    /// A list of types.
    pub fn signature(&self, index: TableIndex) -> Option<&[SignatureToken]> {
        self.signatures
            .get(usize::from(index))
            .map(|signature| signature.0.as_slice())
    }

    /// A datatype handle.
    pub fn datatype_handle(&self, index: TableIndex) -> Option<&DatatypeHandle> {
        self.datatype_handles.get(usize::from(index))
    }

    /// A function handle.
    pub fn function_handle(&self, index: TableIndex) -> Option<&FunctionHandle> {
        self.function_handles.get(usize::from(index))
    }

    /// Module and name of the datatype behind a handle.
    pub fn datatype_name(&self, index: TableIndex) -> Option<(ModuleId, &Identifier)> {
        let handle = self.datatype_handle(index)?;
        Some((
            self.module_id(handle.module)?,
            self.identifier(handle.name)?,
        ))
    }

    /// Module and name of the function behind a handle.
    pub fn function_name(&self, index: TableIndex) -> Option<(ModuleId, &Identifier)> {
        let handle = self.function_handle(index)?;
        Some((
            self.module_id(handle.module)?,
            self.identifier(handle.name)?,
        ))
    }

    /// Name of a function defined here.
    pub fn function_def_name(&self, def: &FunctionDef) -> Option<&Identifier> {
        self.identifier(self.function_handle(def.handle)?.name)
    }

    /// Index and definition of the function of that name.
    pub fn find_function(&self, name: &str) -> Option<(TableIndex, &FunctionDef)> {
        (0..).zip(&self.function_defs).find(|(_, def)| {
            self.function_def_name(def)
                .is_some_and(|identifier| identifier.as_str() == name)
        })
    }

    /// Index and definition of the struct of that name.
    pub fn find_struct(&self, name: &str) -> Option<(TableIndex, &StructDef)> {
        (0..)
            .zip(&self.struct_defs)
            .find(|(_, def)| self.is_datatype_named(def.handle, name))
    }

    /// Index and definition of the enum of that name.
    pub fn find_enum(&self, name: &str) -> Option<(TableIndex, &EnumDef)> {
        (0..)
            .zip(&self.enum_defs)
            .find(|(_, def)| self.is_datatype_named(def.handle, name))
    }

    /// Names of all datatypes defined here: structs, then enums, in definition order.
    pub fn datatype_names(&self) -> impl Iterator<Item = &Identifier> {
        let structs = self.struct_defs.iter().map(|def| def.handle);
        let enums = self.enum_defs.iter().map(|def| def.handle);
        structs
            .chain(enums)
            .filter_map(|handle| self.identifier(self.datatype_handle(handle)?.name))
    }

    /// The modules that this module mentions, itself excluded, in handle order.
    pub fn dependencies(&self) -> impl Iterator<Item = ModuleId> {
        (0..)
            .zip(&self.module_handles)
            .filter(|(index, _)| *index != self.self_handle)
            .filter_map(|(_, handle)| self.resolve_module_handle(handle))
    }

    /// Replaces the address entry of the module's own handle. Everything else that uses this entry
    /// (friends, siblings of the package) moves with it. Returns whether the self handle was valid.
    pub fn relocate_self(&mut self, address: Address) -> bool {
        let entry = self
            .module_handles
            .get(usize::from(self.self_handle))
            .and_then(|handle| self.addresses.get_mut(usize::from(handle.address)));
        match entry {
            Some(entry) => {
                *entry = address;
                true
            }
            None => false,
        }
    }

    fn is_datatype_named(&self, handle: TableIndex, name: &str) -> bool {
        self.datatype_handle(handle)
            .and_then(|handle| self.identifier(handle.name))
            .is_some_and(|identifier| identifier.as_str() == name)
    }
}
