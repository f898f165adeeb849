//! The chain's own rules for published modules, on top of those of the language.
//!
//! They keep object identity sound (keys, id leak), custom rules of modules enforceable (private
//! generics) and initialisation and one-time witnesses unique.

mod id_leak;

use move_vm::{
    Address,
    ability::{Ability, AbilitySet},
    format::{
        CompiledModule, FunctionDef, FunctionHandle, Instruction, SignatureToken, StructDef,
        TableIndex, Visibility,
    },
};

use super::private::{INIT, is_private_generic};

/// A rule that a module breaks, in words.
pub(crate) type Broken = String;

/// Checks a module that already passed the language's verifier.
pub(crate) fn check(module: &CompiledModule) -> Result<(), Broken> {
    check_natives(module)?;
    for def in &module.struct_defs {
        check_key_struct(module, def)?;
    }
    check_enums(module)?;
    for def in &module.function_defs {
        check_function(module, def)?;
    }
    let witness = one_time_witness(module)?;
    check_init(module, witness)?;
    id_leak::check(module)
}

fn incomplete() -> Broken {
    "an index is out of range".to_owned()
}

/// Only the framework has natives.
fn check_natives(module: &CompiledModule) -> Result<(), Broken> {
    let is_system =
        [Address::STD, Address::FRAMEWORK, Address::SYSTEM].contains(&module.self_id().address);
    match module.function_defs.iter().find(|def| def.is_native()) {
        Some(def) if !is_system => {
            Err(format!("function {} is native", function_name(module, def)))
        }
        _ => Ok(()),
    }
}

/// The first field of an object is `id: UID`.
fn check_key_struct(module: &CompiledModule, def: &StructDef) -> Result<(), Broken> {
    let handle = module.datatype_handle(def.handle).ok_or_else(incomplete)?;
    if !handle.abilities.has(Ability::Key) {
        return Ok(());
    }
    let first = def.fields.as_ref().and_then(|fields| fields.first());
    let is_id = first.is_some_and(|field| {
        module
            .identifier(field.name)
            .is_some_and(|name| name.as_str() == "id")
            && is_datatype(module, &field.type_, Address::FRAMEWORK, "object", "UID")
    });
    if is_id {
        Ok(())
    } else {
        let name = module.identifier(handle.name).ok_or_else(incomplete)?;
        Err(format!("the first field of object {name} is not `id: UID`"))
    }
}

fn check_enums(module: &CompiledModule) -> Result<(), Broken> {
    for def in &module.enum_defs {
        let handle = module.datatype_handle(def.handle).ok_or_else(incomplete)?;
        if handle.abilities.has(Ability::Key) {
            let name = module.identifier(handle.name).ok_or_else(incomplete)?;
            return Err(format!("enum {name} has the key ability"));
        }
    }
    Ok(())
}

/// Whether a token is a datatype without type arguments of this name.
pub(super) fn is_datatype(
    module: &CompiledModule,
    token: &SignatureToken,
    address: Address,
    module_name: &str,
    name: &str,
) -> bool {
    let SignatureToken::Datatype(handle) = token else {
        return false;
    };
    module.datatype_name(*handle).is_some_and(|(id, found)| {
        id.address == address && id.name.as_str() == module_name && found.as_str() == name
    })
}

fn function_name(module: &CompiledModule, def: &FunctionDef) -> String {
    module
        .function_def_name(def)
        .map_or_else(|| "?".to_owned(), ToString::to_string)
}

fn check_function(module: &CompiledModule, def: &FunctionDef) -> Result<(), Broken> {
    let Some(code) = &def.code else {
        return Ok(());
    };
    for instruction in &code.code {
        check_instruction(module, instruction)
            .map_err(|broken| format!("function {}: {broken}", function_name(module, def)))?;
    }
    Ok(())
}

fn check_instruction(module: &CompiledModule, instruction: &Instruction) -> Result<(), Broken> {
    match instruction {
        Instruction::GlobalStorage(..) => Err("uses account storage".to_owned()),
        Instruction::Call(handle) => check_callee(module, *handle),
        Instruction::CallGeneric(index) => {
            let instantiation = module
                .function_instantiations
                .get(usize::from(*index))
                .ok_or_else(incomplete)?;
            check_callee(module, instantiation.target)?;
            let arguments = module
                .signature(instantiation.type_arguments)
                .ok_or_else(incomplete)?;
            check_private_generics(module, instantiation.target, arguments)
        }
        Instruction::Pack(index) => check_witness_pack(module, *index),
        _ => Ok(()),
    }
}

/// Nobody calls `init`.
fn check_callee(module: &CompiledModule, handle: TableIndex) -> Result<(), Broken> {
    let (id, name) = module.function_name(handle).ok_or_else(incomplete)?;
    if name.as_str() == INIT {
        return Err(format!("calls {id}::init"));
    }
    Ok(())
}

fn check_private_generics(
    module: &CompiledModule,
    callee: TableIndex,
    arguments: &[SignatureToken],
) -> Result<(), Broken> {
    let (id, name) = module.function_name(callee).ok_or_else(incomplete)?;
    // The framework module itself defines the wrappers.
    if !is_private_generic(&id, name.as_str()) || id == module.self_id() {
        return Ok(());
    }
    match arguments.first() {
        Some(argument) if is_own_datatype(module, argument) => Ok(()),
        _ => Err(format!(
            "calls {id}::{name} with a type that this module does not define"
        )),
    }
}

fn is_own_datatype(module: &CompiledModule, token: &SignatureToken) -> bool {
    let handle = match token {
        SignatureToken::Datatype(handle) => *handle,
        SignatureToken::DatatypeInstantiation(instance) => instance.0,
        _ => return false,
    };
    module
        .datatype_handle(handle)
        .is_some_and(|handle| handle.module == module.self_handle)
}

/// Name of the struct that could be the one-time witness: the module's name in upper case.
fn witness_name(module: &CompiledModule) -> String {
    module.self_id().name.as_str().to_ascii_uppercase()
}

/// The one-time witness of a module, if it has one: the struct of that name with exactly one `bool`
/// field.
fn one_time_witness(module: &CompiledModule) -> Result<Option<&StructDef>, Broken> {
    let name = witness_name(module);
    let Some((_, def)) = module.find_struct(&name) else {
        return Ok(None);
    };
    let [field] = def.fields.as_deref().unwrap_or_default() else {
        return Ok(None);
    };
    if field.type_ != SignatureToken::Bool || is_exempt(module) {
        return Ok(None);
    }
    let handle = module.datatype_handle(def.handle).ok_or_else(incomplete)?;
    if handle.abilities != AbilitySet::EMPTY.with(Ability::Drop) {
        return Err(format!(
            "one-time witness {name} must have the ability drop and no other"
        ));
    }
    if !handle.type_parameters.is_empty() {
        return Err(format!("one-time witness {name} has type parameters"));
    }
    Ok(Some(def))
}

/// `0x2::sui` makes its witness at genesis.
fn is_exempt(module: &CompiledModule) -> bool {
    let id = module.self_id();
    id.address == Address::FRAMEWORK && id.name.as_str() == "sui"
}

/// Nobody makes a one-time witness.
fn check_witness_pack(module: &CompiledModule, index: TableIndex) -> Result<(), Broken> {
    let Some(witness) = one_time_witness(module)? else {
        return Ok(());
    };
    let packed = module
        .struct_defs
        .get(usize::from(index))
        .ok_or_else(incomplete)?;
    if packed == witness {
        return Err(format!(
            "makes the one-time witness {}",
            witness_name(module)
        ));
    }
    Ok(())
}

fn check_init(module: &CompiledModule, witness: Option<&StructDef>) -> Result<(), Broken> {
    let Some((_, def)) = module.find_function(INIT) else {
        return Ok(());
    };
    let handle = module.function_handle(def.handle).ok_or_else(incomplete)?;
    if def.visibility != Visibility::Private || def.is_entry {
        return Err("init must be private and not entry".to_owned());
    }
    if !handle.type_parameters.is_empty() {
        return Err("init has type parameters".to_owned());
    }
    if !module
        .signature(handle.returns)
        .ok_or_else(incomplete)?
        .is_empty()
    {
        return Err("init returns values".to_owned());
    }
    check_init_parameters(module, handle, witness)
}

fn check_init_parameters(
    module: &CompiledModule,
    handle: &FunctionHandle,
    witness: Option<&StructDef>,
) -> Result<(), Broken> {
    let parameters = module.signature(handle.parameters).ok_or_else(incomplete)?;
    let (context, rest) = parameters
        .split_last()
        .ok_or_else(|| "init has no parameters".to_owned())?;
    if !is_context(module, context) {
        return Err("the last parameter of init is not a reference to TxContext".to_owned());
    }
    match (rest, witness) {
        ([], None) => Ok(()),
        ([SignatureToken::Datatype(first)], Some(witness)) if *first == witness.handle => Ok(()),
        (_, Some(_)) => Err(format!(
            "init must take the one-time witness {} first",
            witness_name(module)
        )),
        (_, None) => Err("init has a parameter that is no one-time witness".to_owned()),
    }
}

fn is_context(module: &CompiledModule, token: &SignatureToken) -> bool {
    match token {
        SignatureToken::Reference(inner) | SignatureToken::MutableReference(inner) => {
            is_datatype(module, inner, Address::FRAMEWORK, "tx_context", "TxContext")
        }
        _ => false,
    }
}
