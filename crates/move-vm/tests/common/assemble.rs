//! Hand-made modules, for code that the compiler never emits.

use move_vm::{
    AbilitySet, Address, CompiledModule, Identifier, Visibility,
    format::{
        CodeUnit, DatatypeHandle, EnumDef, FieldDef, FunctionDef, FunctionHandle, Instruction,
        JumpTable, ModuleHandle, Signature, SignatureToken, TableIndex, VariantDef, VariantHandle,
    },
};

/// A module at 0xbb named `made`, to which functions are added one by one.
pub struct Assembler {
    pub module: CompiledModule,
}

impl Assembler {
    pub fn new() -> Self {
        let module = CompiledModule {
            version: 7,
            module_handles: vec![ModuleHandle {
                address: 0,
                name: 0,
            }],
            identifiers: vec![Identifier::new("made").unwrap()],
            addresses: vec![Address::from_u8(0xbb)],
            ..CompiledModule::default()
        };
        Self { module }
    }

    pub fn identifier(&mut self, name: &str) -> TableIndex {
        position_or_push(&mut self.module.identifiers, Identifier::new(name).unwrap())
    }

    pub fn signature(&mut self, tokens: &[SignatureToken]) -> TableIndex {
        position_or_push(&mut self.module.signatures, Signature(tokens.to_vec()))
    }

    /// Adds an enum: names and types of the fields of each variant. The first one of a module is
    /// datatype handle and definition 0, and has variant handles from 0 on.
    pub fn add_enum(&mut self, name: &str, variants: &[(&str, &[SignatureToken])]) {
        let name = self.identifier(name);
        let variants: Vec<VariantDef> = variants
            .iter()
            .map(|(variant, types)| VariantDef {
                name: self.identifier(variant),
                fields: types
                    .iter()
                    .enumerate()
                    .map(|(position, type_)| FieldDef {
                        name: self.identifier(&format!("pos{position}")),
                        type_: type_.clone(),
                    })
                    .collect(),
            })
            .collect();
        let module = &mut self.module;
        let index = |length: usize| TableIndex::try_from(length).unwrap();
        let (handle, owner) = (
            index(module.datatype_handles.len()),
            index(module.enum_defs.len()),
        );
        module.datatype_handles.push(DatatypeHandle {
            module: 0,
            name,
            abilities: AbilitySet::PRIMITIVES,
            type_parameters: Vec::new(),
        });
        let handles = (0..index(variants.len())).map(|variant| VariantHandle { owner, variant });
        module.variant_handles.extend(handles);
        module.enum_defs.push(EnumDef { handle, variants });
    }

    /// Adds a public function and returns its handle.
    pub fn function(
        &mut self,
        name: &str,
        parameters: &[SignatureToken],
        returns: &[SignatureToken],
        locals: &[SignatureToken],
        code: Vec<Instruction>,
    ) -> TableIndex {
        self.generic_function(name, &[], parameters, returns, locals, code)
    }

    pub fn generic_function(
        &mut self,
        name: &str,
        type_parameters: &[AbilitySet],
        parameters: &[SignatureToken],
        returns: &[SignatureToken],
        locals: &[SignatureToken],
        code: Vec<Instruction>,
    ) -> TableIndex {
        let handle = FunctionHandle {
            module: 0,
            name: self.identifier(name),
            parameters: self.signature(parameters),
            returns: self.signature(returns),
            type_parameters: type_parameters.to_vec(),
        };
        let handle = position_or_push(&mut self.module.function_handles, handle);
        let locals = self.signature(locals);
        self.module.function_defs.push(FunctionDef {
            handle,
            visibility: Visibility::Public,
            is_entry: false,
            acquires: Vec::new(),
            code: Some(CodeUnit {
                locals,
                code,
                jump_tables: Vec::new(),
            }),
        });
        handle
    }

    /// Gives the newest function a jump table.
    pub fn jump_table(&mut self, enum_def: TableIndex, targets: &[u16]) {
        let def = self.module.function_defs.last_mut().unwrap();
        let tables = &mut def.code.as_mut().unwrap().jump_tables;
        tables.push(JumpTable {
            enum_def,
            targets: targets.to_vec(),
        });
    }

    /// Writes and reads the module, so that tests see what a chain would.
    pub fn finish(self) -> CompiledModule {
        CompiledModule::deserialize(&self.module.serialize()).unwrap()
    }
}

/// Position of a row, which is added when it is new.
pub fn position_or_push<T: PartialEq>(table: &mut Vec<T>, row: T) -> TableIndex {
    let position = table
        .iter()
        .position(|other| *other == row)
        .unwrap_or_else(|| {
            table.push(row);
            table.len() - 1
        });
    TableIndex::try_from(position).unwrap()
}
