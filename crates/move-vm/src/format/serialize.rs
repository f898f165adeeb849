//! Writing.

use crate::{
    format::{
        CodeUnit, CompiledModule, FieldDef, FunctionDef, Instantiation, ModuleHandle,
        SignatureToken, VariantHandle, Visibility,
        code::write_instruction,
        wire::{
            ENTRY_FLAG, FLAVOR_SHIFT, FLAVOR_SUI, JUMP_TABLE_FULL, MAGIC, NATIVE_FLAG,
            STRUCT_DECLARED, STRUCT_NATIVE, TableKind, VERSION_WITH_ENUMS, VERSION_WITH_FLAVOR,
        },
    },
    uleb::write_uleb,
};

impl CompiledModule {
    /// The module's bytes, with tables in the compiler's order. A module parsed from the compiler's
    /// bytes is written back to the same bytes.
    pub fn serialize(&self) -> Vec<u8> {
        let tables: Vec<(TableKind, Vec<u8>)> = TableKind::WRITE_ORDER
            .into_iter()
            .map(|kind| (kind, self.table_bytes(kind)))
            .filter(|(_, bytes)| !bytes.is_empty())
            .collect();
        let mut out = MAGIC.to_vec();
        let flavor = if self.version >= VERSION_WITH_FLAVOR {
            FLAVOR_SUI
        } else {
            0
        };
        out.extend_from_slice(&(flavor << FLAVOR_SHIFT | self.version).to_le_bytes());
        write_len(tables.len(), &mut out);
        let mut offset = 0;
        for (kind, bytes) in &tables {
            out.push(*kind as u8);
            write_len(offset, &mut out);
            write_len(bytes.len(), &mut out);
            offset += bytes.len();
        }
        for (_, bytes) in &tables {
            out.extend_from_slice(bytes);
        }
        index(self.self_handle, &mut out);
        out
    }

    fn table_bytes(&self, kind: TableKind) -> Vec<u8> {
        let mut out = Vec::new();
        let o = &mut out;
        match kind {
            TableKind::ModuleHandles => module_handles(&self.module_handles, o),
            TableKind::DatatypeHandles => self.datatype_handle_rows(o),
            TableKind::FunctionHandles => self.function_handle_rows(o),
            TableKind::FunctionInstantiations => instantiations(&self.function_instantiations, o),
            TableKind::Signatures => {
                self.signatures
                    .iter()
                    .for_each(|signature| tokens(&signature.0, o));
            }
            TableKind::Constants => {
                for constant in &self.constants {
                    token(&constant.type_, o);
                    bytes(&constant.data, o);
                }
            }
            TableKind::Identifiers => {
                self.identifiers
                    .iter()
                    .for_each(|name| bytes(name.as_bytes(), o));
            }
            TableKind::Addresses => {
                self.addresses
                    .iter()
                    .for_each(|address| o.extend_from_slice(&address.0));
            }
            TableKind::StructDefs => self.struct_def_rows(o),
            TableKind::StructInstantiations => instantiations(&self.struct_instantiations, o),
            TableKind::FunctionDefs => {
                self.function_defs
                    .iter()
                    .for_each(|def| function_def(def, self.version, o));
            }
            TableKind::FieldHandles => {
                for handle in &self.field_handles {
                    index(handle.owner, o);
                    index(handle.field, o);
                }
            }
            TableKind::FieldInstantiations => instantiations(&self.field_instantiations, o),
            TableKind::Friends => module_handles(&self.friends, o),
            TableKind::EnumDefs => self.enum_def_rows(o),
            TableKind::EnumInstantiations => instantiations(&self.enum_instantiations, o),
            TableKind::VariantHandles => variant_handles(&self.variant_handles, o),
            TableKind::VariantInstantiations => variant_handles(&self.variant_instantiations, o),
        }
        out
    }

    fn datatype_handle_rows(&self, out: &mut Vec<u8>) {
        for handle in &self.datatype_handles {
            index(handle.module, out);
            index(handle.name, out);
            out.push(handle.abilities.bits());
            write_len(handle.type_parameters.len(), out);
            for parameter in &handle.type_parameters {
                out.push(parameter.constraints.bits());
                out.push(u8::from(parameter.is_phantom));
            }
        }
    }

    fn function_handle_rows(&self, out: &mut Vec<u8>) {
        for handle in &self.function_handles {
            index(handle.module, out);
            index(handle.name, out);
            index(handle.parameters, out);
            index(handle.returns, out);
            write_len(handle.type_parameters.len(), out);
            out.extend(
                handle
                    .type_parameters
                    .iter()
                    .map(|abilities| abilities.bits()),
            );
        }
    }

    fn struct_def_rows(&self, out: &mut Vec<u8>) {
        for def in &self.struct_defs {
            index(def.handle, out);
            match &def.fields {
                None => out.push(STRUCT_NATIVE),
                Some(list) => {
                    out.push(STRUCT_DECLARED);
                    fields(list, out);
                }
            }
        }
    }

    fn enum_def_rows(&self, out: &mut Vec<u8>) {
        for def in &self.enum_defs {
            index(def.handle, out);
            out.push(STRUCT_DECLARED);
            write_len(def.variants.len(), out);
            for variant in &def.variants {
                index(variant.name, out);
                fields(&variant.fields, out);
            }
        }
    }
}

fn write_len(length: usize, out: &mut Vec<u8>) {
    write_uleb(u64::try_from(length).expect("a length fits 64 bits"), out);
}

fn index(index: u16, out: &mut Vec<u8>) {
    write_uleb(u64::from(index), out);
}

fn bytes(data: &[u8], out: &mut Vec<u8>) {
    write_len(data.len(), out);
    out.extend_from_slice(data);
}

fn module_handles(handles: &[ModuleHandle], out: &mut Vec<u8>) {
    for handle in handles {
        index(handle.address, out);
        index(handle.name, out);
    }
}

fn instantiations(rows: &[Instantiation], out: &mut Vec<u8>) {
    for row in rows {
        index(row.target, out);
        index(row.type_arguments, out);
    }
}

fn variant_handles(rows: &[VariantHandle], out: &mut Vec<u8>) {
    for row in rows {
        index(row.owner, out);
        index(row.variant, out);
    }
}

fn fields(list: &[FieldDef], out: &mut Vec<u8>) {
    write_len(list.len(), out);
    for field in list {
        index(field.name, out);
        token(&field.type_, out);
    }
}

fn tokens(list: &[SignatureToken], out: &mut Vec<u8>) {
    write_len(list.len(), out);
    for item in list {
        token(item, out);
    }
}

fn token(type_: &SignatureToken, out: &mut Vec<u8>) {
    match type_ {
        SignatureToken::Bool => out.push(0x01),
        SignatureToken::U8 => out.push(0x02),
        SignatureToken::U64 => out.push(0x03),
        SignatureToken::U128 => out.push(0x04),
        SignatureToken::Address => out.push(0x05),
        SignatureToken::Reference(inner) => {
            out.push(0x06);
            token(inner, out);
        }
        SignatureToken::MutableReference(inner) => {
            out.push(0x07);
            token(inner, out);
        }
        SignatureToken::Datatype(handle) => {
            out.push(0x08);
            index(*handle, out);
        }
        SignatureToken::TypeParameter(parameter) => {
            out.push(0x09);
            index(*parameter, out);
        }
        SignatureToken::Vector(inner) => {
            out.push(0x0A);
            token(inner, out);
        }
        SignatureToken::DatatypeInstantiation(instance) => {
            out.push(0x0B);
            index(instance.0, out);
            tokens(&instance.1, out);
        }
        SignatureToken::Signer => out.push(0x0C),
        SignatureToken::U16 => out.push(0x0D),
        SignatureToken::U32 => out.push(0x0E),
        SignatureToken::U256 => out.push(0x0F),
    }
}

fn function_def(def: &FunctionDef, version: u32, out: &mut Vec<u8>) {
    index(def.handle, out);
    out.push(match def.visibility {
        Visibility::Private => 0,
        Visibility::Public => 1,
        Visibility::Friend => 3,
    });
    let native = if def.is_native() { NATIVE_FLAG } else { 0 };
    out.push(native | if def.is_entry { ENTRY_FLAG } else { 0 });
    write_len(def.acquires.len(), out);
    def.acquires
        .iter()
        .for_each(|acquired| index(*acquired, out));
    if let Some(code) = &def.code {
        code_unit(code, version, out);
    }
}

fn code_unit(unit: &CodeUnit, version: u32, out: &mut Vec<u8>) {
    index(unit.locals, out);
    write_len(unit.code.len(), out);
    for instruction in &unit.code {
        write_instruction(instruction, out);
    }
    if version >= VERSION_WITH_ENUMS {
        write_len(unit.jump_tables.len(), out);
        for table in &unit.jump_tables {
            index(table.enum_def, out);
            write_len(table.targets.len(), out);
            out.push(JUMP_TABLE_FULL);
            table.targets.iter().for_each(|target| index(*target, out));
        }
    }
}
