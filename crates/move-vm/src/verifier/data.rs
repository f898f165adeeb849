//! Rules on definitions: friends, natives, abilities of fields, recursion.

use std::collections::HashMap;

use super::{Check, broken, view::View};
use crate::{
    ability::{Ability, AbilitySet},
    format::{FieldDef, SignatureToken, TableIndex},
    identifier::Address,
};

/// Friends are other modules of the same package.
pub(super) fn check_friends(view: View<'_>) -> Check {
    let own = view.module.module_handles[usize::from(view.module.self_handle)];
    for friend in &view.module.friends {
        if *friend == own {
            return Err(broken("friends", "module is its own friend"));
        }
        if friend.address != own.address {
            return Err(broken("friends", "friend in another package"));
        }
    }
    Ok(())
}

/// Only the system packages have natives.
pub(super) fn check_natives(view: View<'_>) -> Check {
    let module = view.module;
    let is_system =
        [Address::STD, Address::FRAMEWORK, Address::SYSTEM].contains(&module.self_id().address);
    let has_natives = module.function_defs.iter().any(|def| def.code.is_none())
        || module.struct_defs.iter().any(|def| def.fields.is_none());
    if has_natives && !is_system {
        return Err(broken(
            "natives",
            "native function or struct outside the system packages",
        ));
    }
    Ok(())
}

/// Fields have what the abilities of their datatype need, supposing that type arguments do: a type
/// argument without an ability takes it from the instance.
pub(super) fn check_field_abilities(view: View<'_>) -> Check {
    for (handle, variants) in view.definitions() {
        let handle = view.datatype(handle);
        let generous = vec![AbilitySet::ALL; handle.type_parameters.len()];
        for field in variants.into_iter().flatten() {
            let found = view.abilities(&field.type_, &generous);
            for ability in Ability::ALL {
                if handle.abilities.has(ability) && !found.has(ability.required_of_fields()) {
                    let (datatype, field) =
                        (view.identifier(handle.name), view.identifier(field.name));
                    return Err(broken(
                        "abilities",
                        format_args!("{datatype}.{field} lacks what {ability:?} needs"),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// No datatype contains itself, however indirectly. Only datatypes of the module itself can:
/// modules do not depend on each other in cycles.
pub(super) fn check_recursion(view: View<'_>) -> Check {
    let edges: HashMap<TableIndex, Vec<TableIndex>> = view
        .definitions()
        .map(|(handle, variants)| (handle, mentioned(variants.into_iter().flatten())))
        .collect();
    let mut done = HashMap::new();
    for handle in edges.keys() {
        visit(*handle, &edges, &mut done)?;
    }
    Ok(())
}

fn mentioned<'a>(fields: impl Iterator<Item = &'a FieldDef>) -> Vec<TableIndex> {
    let mut handles = Vec::new();
    for field in fields {
        field.type_.visit(&mut |token| match token {
            SignatureToken::Datatype(handle) => handles.push(*handle),
            SignatureToken::DatatypeInstantiation(instance) => handles.push(instance.0),
            _ => {}
        });
    }
    handles
}

/// Depth-first search; `done` maps a datatype to whether its search has ended. Recursion is bounded
/// by the number of definitions, which has a limit.
fn visit(
    handle: TableIndex,
    edges: &HashMap<TableIndex, Vec<TableIndex>>,
    done: &mut HashMap<TableIndex, bool>,
) -> Check {
    match done.get(&handle) {
        Some(true) => return Ok(()),
        Some(false) => return Err(broken("recursion", "datatype contains itself")),
        None => {}
    }
    done.insert(handle, false);
    for next in edges.get(&handle).into_iter().flatten() {
        visit(*next, edges, done)?;
    }
    done.insert(handle, true);
    Ok(())
}
