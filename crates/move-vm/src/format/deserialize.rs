//! Parsing.

use crate::{
    ability::AbilitySet,
    format::{
        CodeUnit, CompiledModule, Constant, DatatypeHandle, DatatypeParameter, EnumDef, FieldDef,
        FieldHandle, FormatError, FunctionDef, FunctionHandle, Instantiation, JumpTable,
        ModuleHandle, Signature, SignatureToken, StructDef, VERSION_MAX, VERSION_MIN, VariantDef,
        VariantHandle, Visibility,
        code::read_instruction,
        reader::Reader,
        wire::{
            ENTRY_FLAG, FLAVOR_SHIFT, FLAVOR_SUI, JUMP_TABLE_FULL, LIST_MAX, MAGIC, NATIVE_FLAG,
            STRUCT_DECLARED, STRUCT_NATIVE, TOKEN_DEPTH_MAX, TableKind, VARIANTS_MAX,
            VERSION_WITH_ENUMS, VERSION_WITH_FLAVOR,
        },
    },
    identifier::{ADDRESS_LENGTH, Address, Identifier},
};

impl CompiledModule {
    /// Parses a module. Accepts exactly the bytes that a chain accepts: no metadata, no test-mode
    /// modules, nothing after the end.
    pub fn deserialize(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, 0);
        if reader.take(MAGIC.len()).is_ok_and(|magic| magic == MAGIC) {
            let version = read_version(&mut reader)?;
            read_tables(&mut reader, bytes, version)
        } else {
            Err(FormatError::BadMagic)
        }
    }
}

fn read_version(reader: &mut Reader<'_>) -> Result<u32, FormatError> {
    let word = u32::from_le_bytes(reader.array()?);
    let version = word & ((1 << FLAVOR_SHIFT) - 1);
    let flavor = word >> FLAVOR_SHIFT;
    let expected_flavor = if version >= VERSION_WITH_FLAVOR {
        FLAVOR_SUI
    } else {
        0
    };
    if flavor != expected_flavor || !(VERSION_MIN..=VERSION_MAX).contains(&version) {
        return Err(FormatError::UnsupportedVersion(word));
    }
    Ok(version)
}

/// One entry of the table directory.
struct TableEntry {
    kind: TableKind,
    offset: usize,
    length: usize,
}

fn read_tables(
    reader: &mut Reader<'_>,
    bytes: &[u8],
    version: u32,
) -> Result<CompiledModule, FormatError> {
    let mut entries = Vec::new();
    for _ in 0..reader.count(u16::from(u8::MAX))? {
        let kind = TableKind::from_byte(reader.u8()?)
            .filter(|kind| version >= VERSION_WITH_ENUMS || !kind.needs_enums())
            .ok_or(FormatError::BadTables("unknown table kind"))?;
        let offset = read_u32_as_usize(reader)?;
        let length = read_u32_as_usize(reader)?;
        if entries.iter().any(|entry: &TableEntry| entry.kind == kind) {
            return Err(FormatError::BadTables("a table kind appears twice"));
        }
        entries.push(TableEntry {
            kind,
            offset,
            length,
        });
    }
    entries.sort_by_key(|entry| entry.offset);
    let base = reader.offset();
    let mut module = CompiledModule {
        version,
        ..CompiledModule::default()
    };
    let mut expected_offset = 0;
    for entry in &entries {
        if entry.offset != expected_offset {
            return Err(FormatError::BadTables("tables are not contiguous"));
        }
        if entry.length == 0 {
            return Err(FormatError::BadTables("empty table"));
        }
        let start = reader.offset();
        let contents = reader.take(entry.length)?;
        read_table(&mut module, entry.kind, &mut Reader::new(contents, start))?;
        expected_offset += entry.length;
    }
    debug_assert_eq!(
        reader.offset(),
        base + expected_offset,
        "tables were read in order"
    );
    module.self_handle = reader.index()?;
    match reader.remaining() {
        0 => Ok(module),
        rest => {
            debug_assert!(rest < bytes.len());
            Err(FormatError::TrailingBytes(rest))
        }
    }
}

fn read_u32_as_usize(reader: &mut Reader<'_>) -> Result<usize, FormatError> {
    let start = reader.offset();
    let value = reader.uleb_max(u64::from(u32::MAX))?;
    usize::try_from(value).map_err(|_| FormatError::BadInteger(start))
}

/// Reads rows until the table's bytes are used up.
fn rows<'a, T>(
    reader: &mut Reader<'a>,
    row: impl Fn(&mut Reader<'a>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let mut rows = Vec::new();
    while reader.remaining() > 0 {
        // Rows beyond what an index can name could never be used.
        if rows.len() > usize::from(u16::MAX) {
            return Err(FormatError::BadTables("table has too many rows"));
        }
        rows.push(row(reader)?);
    }
    Ok(rows)
}

fn read_table(
    module: &mut CompiledModule,
    kind: TableKind,
    reader: &mut Reader<'_>,
) -> Result<(), FormatError> {
    match kind {
        TableKind::ModuleHandles => module.module_handles = rows(reader, module_handle)?,
        TableKind::DatatypeHandles => module.datatype_handles = rows(reader, datatype_handle)?,
        TableKind::FunctionHandles => module.function_handles = rows(reader, function_handle)?,
        TableKind::FunctionInstantiations => {
            module.function_instantiations = rows(reader, instantiation)?;
        }
        TableKind::Signatures => module.signatures = rows(reader, signature)?,
        TableKind::Constants => module.constants = rows(reader, constant)?,
        TableKind::Identifiers => module.identifiers = rows(reader, identifier)?,
        TableKind::Addresses => {
            if !reader.remaining().is_multiple_of(ADDRESS_LENGTH) {
                return Err(FormatError::BadTables("address table length"));
            }
            module.addresses = rows(reader, |reader| reader.array().map(Address))?;
        }
        TableKind::StructDefs => module.struct_defs = rows(reader, struct_def)?,
        TableKind::StructInstantiations => {
            module.struct_instantiations = rows(reader, instantiation)?;
        }
        TableKind::FunctionDefs => {
            let version = module.version;
            module.function_defs = rows(reader, |reader| function_def(reader, version))?;
        }
        TableKind::FieldHandles => module.field_handles = rows(reader, field_handle)?,
        TableKind::FieldInstantiations => {
            module.field_instantiations = rows(reader, instantiation)?;
        }
        TableKind::Friends => module.friends = rows(reader, module_handle)?,
        TableKind::EnumDefs => module.enum_defs = rows(reader, enum_def)?,
        TableKind::EnumInstantiations => module.enum_instantiations = rows(reader, instantiation)?,
        TableKind::VariantHandles => module.variant_handles = rows(reader, variant_handle)?,
        TableKind::VariantInstantiations => {
            module.variant_instantiations = rows(reader, variant_handle)?;
        }
    }
    Ok(())
}

fn module_handle(reader: &mut Reader<'_>) -> Result<ModuleHandle, FormatError> {
    Ok(ModuleHandle {
        address: reader.index()?,
        name: reader.index()?,
    })
}

fn abilities(reader: &mut Reader<'_>) -> Result<AbilitySet, FormatError> {
    let bits = reader.uleb()?;
    u8::try_from(bits)
        .ok()
        .and_then(AbilitySet::from_bits)
        .ok_or_else(|| reader.malformed("ability set"))
}

fn datatype_handle(reader: &mut Reader<'_>) -> Result<DatatypeHandle, FormatError> {
    Ok(DatatypeHandle {
        module: reader.index()?,
        name: reader.index()?,
        abilities: abilities(reader)?,
        type_parameters: reader.list(LIST_MAX, |reader| {
            Ok(DatatypeParameter {
                constraints: abilities(reader)?,
                is_phantom: reader.uleb_max(1)? == 1,
            })
        })?,
    })
}

fn function_handle(reader: &mut Reader<'_>) -> Result<FunctionHandle, FormatError> {
    Ok(FunctionHandle {
        module: reader.index()?,
        name: reader.index()?,
        parameters: reader.index()?,
        returns: reader.index()?,
        type_parameters: reader.list(LIST_MAX, abilities)?,
    })
}

fn instantiation(reader: &mut Reader<'_>) -> Result<Instantiation, FormatError> {
    Ok(Instantiation {
        target: reader.index()?,
        type_arguments: reader.index()?,
    })
}

fn signature(reader: &mut Reader<'_>) -> Result<Signature, FormatError> {
    reader
        .list(LIST_MAX, |reader| token(reader, 0))
        .map(Signature)
}

fn token(reader: &mut Reader<'_>, depth: usize) -> Result<SignatureToken, FormatError> {
    if depth >= TOKEN_DEPTH_MAX {
        return Err(reader.malformed("type: nested too deep"));
    }
    let boxed = |reader: &mut Reader<'_>| token(reader, depth + 1).map(Box::new);
    Ok(match reader.u8()? {
        0x01 => SignatureToken::Bool,
        0x02 => SignatureToken::U8,
        0x03 => SignatureToken::U64,
        0x04 => SignatureToken::U128,
        0x05 => SignatureToken::Address,
        0x06 => SignatureToken::Reference(boxed(reader)?),
        0x07 => SignatureToken::MutableReference(boxed(reader)?),
        0x08 => SignatureToken::Datatype(reader.index()?),
        0x09 => SignatureToken::TypeParameter(reader.index()?),
        0x0A => SignatureToken::Vector(boxed(reader)?),
        0x0B => {
            let handle = reader.index()?;
            let arguments = reader.list(LIST_MAX, |reader| token(reader, depth + 1))?;
            if arguments.is_empty() {
                return Err(reader.malformed("type: no type arguments"));
            }
            SignatureToken::DatatypeInstantiation(Box::new((handle, arguments)))
        }
        0x0C => SignatureToken::Signer,
        0x0D => SignatureToken::U16,
        0x0E => SignatureToken::U32,
        0x0F => SignatureToken::U256,
        _ => return Err(reader.malformed("type")),
    })
}

fn constant(reader: &mut Reader<'_>) -> Result<Constant, FormatError> {
    let type_ = token(reader, 0)?;
    let length = reader.count(u16::MAX)?;
    Ok(Constant {
        type_,
        data: reader.take(length)?.to_vec(),
    })
}

fn identifier(reader: &mut Reader<'_>) -> Result<Identifier, FormatError> {
    let length = reader.count(u16::MAX)?;
    let bytes = reader.take(length)?;
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|name| Identifier::new(name).ok())
        .ok_or_else(|| reader.malformed("identifier"))
}

fn fields(reader: &mut Reader<'_>) -> Result<Vec<FieldDef>, FormatError> {
    reader.list(LIST_MAX, |reader| {
        Ok(FieldDef {
            name: reader.index()?,
            type_: token(reader, 0)?,
        })
    })
}

fn struct_def(reader: &mut Reader<'_>) -> Result<StructDef, FormatError> {
    let handle = reader.index()?;
    let fields = match reader.u8()? {
        STRUCT_NATIVE => None,
        STRUCT_DECLARED => Some(fields(reader)?),
        _ => return Err(reader.malformed("struct definition")),
    };
    Ok(StructDef { handle, fields })
}

fn enum_def(reader: &mut Reader<'_>) -> Result<EnumDef, FormatError> {
    let handle = reader.index()?;
    if reader.u8()? != STRUCT_DECLARED {
        return Err(reader.malformed("enum definition"));
    }
    let variants = reader.list(VARIANTS_MAX, |reader| {
        Ok(VariantDef {
            name: reader.index()?,
            fields: fields(reader)?,
        })
    })?;
    if variants.is_empty() {
        return Err(reader.malformed("enum definition: no variants"));
    }
    Ok(EnumDef { handle, variants })
}

fn field_handle(reader: &mut Reader<'_>) -> Result<FieldHandle, FormatError> {
    Ok(FieldHandle {
        owner: reader.index()?,
        field: reader.uleb_u16(LIST_MAX)?,
    })
}

fn variant_handle(reader: &mut Reader<'_>) -> Result<VariantHandle, FormatError> {
    Ok(VariantHandle {
        owner: reader.index()?,
        variant: reader.uleb_u16(VARIANTS_MAX)?,
    })
}

fn function_def(reader: &mut Reader<'_>, version: u32) -> Result<FunctionDef, FormatError> {
    let handle = reader.index()?;
    let visibility = match reader.u8()? {
        0 => Visibility::Private,
        1 => Visibility::Public,
        3 => Visibility::Friend,
        _ => return Err(reader.malformed("function visibility")),
    };
    let flags = reader.u8()?;
    if flags & !(NATIVE_FLAG | ENTRY_FLAG) != 0 {
        return Err(reader.malformed("function flags"));
    }
    let acquires = reader.list(LIST_MAX, Reader::index)?;
    let code = if flags & NATIVE_FLAG == 0 {
        Some(code_unit(reader, version)?)
    } else {
        None
    };
    let is_entry = flags & ENTRY_FLAG != 0;
    Ok(FunctionDef {
        handle,
        visibility,
        is_entry,
        acquires,
        code,
    })
}

fn code_unit(reader: &mut Reader<'_>, version: u32) -> Result<CodeUnit, FormatError> {
    let locals = reader.index()?;
    let code = reader.list(u16::MAX, |reader| read_instruction(reader, version))?;
    let jump_tables = if version >= VERSION_WITH_ENUMS {
        reader.list(VARIANTS_MAX, jump_table)?
    } else {
        Vec::new()
    };
    Ok(CodeUnit {
        locals,
        code,
        jump_tables,
    })
}

fn jump_table(reader: &mut Reader<'_>) -> Result<JumpTable, FormatError> {
    let enum_def = reader.index()?;
    let count = reader.count(VARIANTS_MAX)?;
    if reader.u8()? != JUMP_TABLE_FULL {
        return Err(reader.malformed("jump table"));
    }
    let targets = (0..count)
        .map(|_| reader.index())
        .collect::<Result<_, _>>()?;
    Ok(JumpTable { enum_def, targets })
}
