//! Nothing is listed twice, and everything of the module itself has a definition.

use std::{collections::HashSet, hash::Hash};

use super::{Check, broken, view::View};
use crate::format::FieldDef;

const PASS: &str = "duplication";

pub(super) fn check(view: View<'_>) -> Check {
    let module = view.module;
    unique("identifier", &module.identifiers)?;
    unique("address", &module.addresses)?;
    unique("signature", &module.signatures)?;
    unique("constant", &module.constants)?;
    unique("module handle", &module.module_handles)?;
    unique("friend", &module.friends)?;
    let names = module
        .datatype_handles
        .iter()
        .map(|handle| (handle.module, handle.name));
    unique("datatype handle", names)?;
    let names = module
        .function_handles
        .iter()
        .map(|handle| (handle.module, handle.name));
    unique("function handle", names)?;
    unique("function instantiation", &module.function_instantiations)?;
    unique("struct instantiation", &module.struct_instantiations)?;
    unique("enum instantiation", &module.enum_instantiations)?;
    unique("field handle", &module.field_handles)?;
    unique("field instantiation", &module.field_instantiations)?;
    unique("variant handle", &module.variant_handles)?;
    unique("variant instantiation", &module.variant_instantiations)?;
    unique(
        "function definition",
        module.function_defs.iter().map(|def| def.handle),
    )?;
    let definitions: Vec<_> = view.definitions().collect();
    unique(
        "datatype definition",
        definitions.iter().map(|(handle, _)| *handle),
    )?;
    for (_, variants) in &definitions {
        variants
            .iter()
            .try_for_each(|fields| unique_fields(fields))?;
    }
    for def in &module.struct_defs {
        if def.fields.as_ref().is_some_and(Vec::is_empty) {
            return Err(broken(PASS, "struct without fields"));
        }
    }
    for def in &module.enum_defs {
        unique("variant", def.variants.iter().map(|variant| variant.name))?;
    }
    own_handles_are_defined(view)
}

fn own_handles_are_defined(view: View<'_>) -> Check {
    let module = view.module;
    let datatypes: HashSet<_> = view.definitions().map(|(handle, _)| handle).collect();
    let functions: HashSet<_> = module.function_defs.iter().map(|def| def.handle).collect();
    for (index, handle) in (0..).zip(&module.datatype_handles) {
        if handle.module == module.self_handle && !datatypes.contains(&index) {
            return Err(broken(PASS, "datatype of this module without definition"));
        }
    }
    for (index, handle) in (0..).zip(&module.function_handles) {
        if handle.module == module.self_handle && !functions.contains(&index) {
            return Err(broken(PASS, "function of this module without definition"));
        }
    }
    Ok(())
}

fn unique_fields(fields: &[FieldDef]) -> Check {
    unique("field", fields.iter().map(|field| field.name))
}

fn unique<T: Hash + Eq>(name: &str, rows: impl IntoIterator<Item = T>) -> Check {
    let mut seen = HashSet::new();
    match rows.into_iter().position(|row| !seen.insert(row)) {
        None => Ok(()),
        Some(index) => Err(broken(
            PASS,
            format_args!("{name} {index} repeats an earlier one"),
        )),
    }
}
