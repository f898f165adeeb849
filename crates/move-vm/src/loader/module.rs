//! A module prepared for execution.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crate::{
    error::{StatusCode, VmError},
    format::{
        CodeUnit, CompiledModule, FieldDef, FunctionDef, SignatureToken, TableIndex, VariantDef,
    },
    identifier::{Address, Identifier, ModuleId},
    layout::Layout,
    loader::{
        native_names::{NativeFunction, NativeNames},
        signature::FunctionSignature,
    },
    types::{Declaration, Type},
};

/// A module under one linkage: the compiled module, and tables that turn an instruction's operand
/// into what the interpreter needs in one step. Other modules are resolved on first use.
pub(crate) struct LoadedModule {
    pub(crate) id: ModuleId,
    /// Object id of the package version that this module comes from.
    pub(crate) storage_id: Address,
    pub(crate) compiled: Arc<CompiledModule>,
    pub(crate) functions: Vec<FunctionInfo>,
    pub(crate) function_by_name: HashMap<Identifier, TableIndex>,
    pub(crate) datatype_by_name: HashMap<Identifier, DatatypeIndex>,
    /// By function handle.
    pub(crate) callees: Vec<OnceLock<Callee>>,
    /// By datatype handle.
    pub(crate) declarations: Vec<OnceLock<Arc<Declaration>>>,
    /// By signature; types may mention the enclosing function's type parameters.
    pub(crate) signature_types: Vec<OnceLock<SignatureTypes>>,
    /// Layouts of constants; `None` for types that constants cannot have.
    pub(crate) constant_layouts: Vec<Option<Layout>>,
    /// By struct definition: whether values may be built (they do not nest too deep).
    pub(crate) struct_checked: Vec<OnceLock<bool>>,
    /// By enum definition: the same.
    pub(crate) enum_checked: Vec<OnceLock<bool>>,
}

/// What a call needs to know about a function.
pub(crate) struct FunctionInfo {
    pub(crate) name: Identifier,
    pub(crate) parameter_count: usize,
    pub(crate) return_count: usize,
    /// Parameters included.
    pub(crate) local_count: usize,
    /// Which native it is, if it is one.
    pub(crate) native: Option<NativeFunction>,
    pub(crate) signature: OnceLock<Arc<FunctionSignature>>,
}

/// Target of a call.
#[derive(Clone)]
pub(crate) enum Callee {
    /// In the same module.
    Local(TableIndex),
    /// In another module.
    Foreign(Arc<LoadedModule>, TableIndex),
}

/// A resolved signature.
pub(crate) struct SignatureTypes {
    pub(crate) types: Arc<[Type]>,
    /// Whether no type mentions a type parameter.
    pub(crate) is_closed: bool,
}

/// A datatype defined in a module.
#[derive(Clone, Copy)]
pub(crate) enum DatatypeIndex {
    Struct(TableIndex),
    Enum(TableIndex),
}

/// The error for an index that bounds verification would have refused.
pub(crate) fn bad_index() -> VmError {
    VmError::invariant("index out of bounds in a loaded module")
}

/// The error for a missing function.
pub(crate) fn function_not_found(id: &ModuleId, name: &str) -> VmError {
    VmError::new(StatusCode::FunctionNotFound)
        .with_message(format!("module {id} has no function {name}"))
}

/// Row `index` of a table.
pub(crate) fn row<T>(table: &[T], index: TableIndex) -> Result<&T, VmError> {
    table.get(usize::from(index)).ok_or_else(bad_index)
}

fn locks<T, U>(table: &[T]) -> Vec<OnceLock<U>> {
    table.iter().map(|_| OnceLock::new()).collect()
}

impl LoadedModule {
    pub(crate) fn new(
        storage_id: Address,
        compiled: Arc<CompiledModule>,
        natives: &NativeNames,
    ) -> Result<Self, VmError> {
        let id = compiled.self_id();
        let module = &*compiled;
        let functions = module
            .function_defs
            .iter()
            .map(|def| FunctionInfo::new(module, &id, def, natives))
            .collect::<Result<Vec<_>, _>>()?;
        let function_by_name = functions
            .iter()
            .map(|function| function.name.clone())
            .zip(0..)
            .collect();
        let datatype_by_name = datatype_names(module)?;
        let constant_layouts = module
            .constants
            .iter()
            .map(|constant| constant_layout(&constant.type_))
            .collect();
        Ok(Self {
            callees: locks(&module.function_handles),
            declarations: locks(&module.datatype_handles),
            signature_types: locks(&module.signatures),
            struct_checked: locks(&module.struct_defs),
            enum_checked: locks(&module.enum_defs),
            id,
            storage_id,
            functions,
            function_by_name,
            datatype_by_name,
            constant_layouts,
            compiled,
        })
    }

    pub(crate) fn function(&self, index: TableIndex) -> Result<&FunctionInfo, VmError> {
        row(&self.functions, index)
    }

    pub(crate) fn code(&self, index: TableIndex) -> Result<&CodeUnit, VmError> {
        row(&self.compiled.function_defs, index)?
            .code
            .as_ref()
            .ok_or_else(|| VmError::invariant("native function has no code"))
    }

    /// Fields of a struct defined here.
    pub(crate) fn struct_fields(&self, index: TableIndex) -> Result<&[FieldDef], VmError> {
        row(&self.compiled.struct_defs, index)?
            .fields
            .as_deref()
            .ok_or_else(|| VmError::invariant("native struct has no fields"))
    }

    /// A variant by tag of an enum defined here.
    pub(crate) fn variant(&self, index: TableIndex, tag: u16) -> Result<&VariantDef, VmError> {
        row(&row(&self.compiled.enum_defs, index)?.variants, tag)
    }
}

impl FunctionInfo {
    fn new(
        module: &CompiledModule,
        id: &ModuleId,
        def: &FunctionDef,
        natives: &NativeNames,
    ) -> Result<Self, VmError> {
        let handle = row(&module.function_handles, def.handle)?;
        let name = row(&module.identifiers, handle.name)?.clone();
        let count = |index| {
            module
                .signature(index)
                .map(<[_]>::len)
                .ok_or_else(bad_index)
        };
        let parameter_count = count(handle.parameters)?;
        let extra_locals = def.code.as_ref().map_or(Ok(0), |code| count(code.locals))?;
        Ok(Self {
            parameter_count,
            return_count: count(handle.returns)?,
            local_count: parameter_count + extra_locals,
            native: def.is_native().then(|| natives.find(id, &name)),
            signature: OnceLock::new(),
            name,
        })
    }
}

impl SignatureTypes {
    pub(crate) fn new(types: Vec<Type>) -> Self {
        Self {
            is_closed: types.iter().all(Type::is_closed),
            types: types.into(),
        }
    }
}

fn datatype_names(module: &CompiledModule) -> Result<HashMap<Identifier, DatatypeIndex>, VmError> {
    let name = |handle| -> Result<Identifier, VmError> {
        let handle = row(&module.datatype_handles, handle)?;
        row(&module.identifiers, handle.name).cloned()
    };
    let mut names = HashMap::new();
    for (index, def) in (0..).zip(&module.struct_defs) {
        names.insert(name(def.handle)?, DatatypeIndex::Struct(index));
    }
    for (index, def) in (0..).zip(&module.enum_defs) {
        names.insert(name(def.handle)?, DatatypeIndex::Enum(index));
    }
    Ok(names)
}

/// The layout of a type that constants may have: primitives, addresses, vectors of those.
pub(crate) fn constant_layout(token: &SignatureToken) -> Option<Layout> {
    Some(match token {
        SignatureToken::Bool => Layout::Bool,
        SignatureToken::U8 => Layout::U8,
        SignatureToken::U16 => Layout::U16,
        SignatureToken::U32 => Layout::U32,
        SignatureToken::U64 => Layout::U64,
        SignatureToken::U128 => Layout::U128,
        SignatureToken::U256 => Layout::U256,
        SignatureToken::Address => Layout::Address,
        SignatureToken::Vector(element) => Layout::Vector(Arc::new(constant_layout(element)?)),
        _ => return None,
    })
}
