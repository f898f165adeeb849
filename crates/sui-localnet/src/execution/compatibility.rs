//! Which new version of a package may follow an old one.

use std::sync::Arc;

use move_vm::{CompiledModule, format::Visibility};

use super::normal::{Datatype, Function, Module};

/// A rule that the new version breaks, in words.
type Broken = String;

/// How much an upgrade may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Everything that keeps other packages working.
    Compatible,
    /// Additions only.
    Additive,
    /// Dependencies only.
    DependenciesOnly,
}

impl Policy {
    /// The policy of a number as upgrade capabilities hold it.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Compatible),
            128 => Some(Self::Additive),
            192 => Some(Self::DependenciesOnly),
            _ => None,
        }
    }
}

/// Checks a new version (at the old one's address) against the old one.
pub(crate) fn check(
    old: &[Arc<CompiledModule>],
    new: &[CompiledModule],
    policy: Policy,
) -> Result<(), Broken> {
    if policy == Policy::DependenciesOnly && old.len() != new.len() {
        return Err("modules were added".to_owned());
    }
    for old in old {
        let name = old.self_id().name;
        let new = new
            .iter()
            .find(|module| module.self_id().name == name)
            .ok_or_else(|| format!("module {name} is gone"))?;
        let old = Module::of(old).ok_or_else(|| "an old module is malformed".to_owned())?;
        let new = Module::of(new).ok_or_else(|| "a new module is malformed".to_owned())?;
        check_module(&old, &new, policy).map_err(|broken| format!("module {name}: {broken}"))?;
    }
    Ok(())
}

fn check_module(old: &Module, new: &Module, policy: Policy) -> Result<(), Broken> {
    for (name, datatype) in &old.datatypes {
        check_datatype(datatype, new.datatypes.get(name))
            .map_err(|broken| format!("type {name} {broken}"))?;
    }
    for (name, function) in &old.functions {
        let found = new.functions.get(name);
        match policy {
            Policy::Compatible => check_public(function, found),
            Policy::Additive | Policy::DependenciesOnly => check_unchanged(function, found),
        }
        .map_err(|broken| format!("function {name} {broken}"))?;
    }
    if policy != Policy::Compatible && new.version < old.version {
        return Err("the bytecode version went down".to_owned());
    }
    if policy == Policy::DependenciesOnly {
        let added = new.datatypes.len() != old.datatypes.len()
            || new.functions.len() != old.functions.len()
            || new.friends != old.friends;
        if added {
            return Err("something was added".to_owned());
        }
    }
    Ok(())
}

fn check_datatype(old: &Datatype, new: Option<&Datatype>) -> Result<(), Broken> {
    match new {
        Some(new) if new == old => Ok(()),
        Some(_) => Err("changed".to_owned()),
        None => Err("is gone".to_owned()),
    }
}

/// A public function stays callable as before.
fn check_public(old: &Function, new: Option<&Function>) -> Result<(), Broken> {
    if old.visibility != Visibility::Public {
        return Ok(());
    }
    let new = new.ok_or_else(|| "is gone".to_owned())?;
    if new.visibility != Visibility::Public {
        return Err("is not public any more".to_owned());
    }
    if (&new.parameters, &new.returns) != (&old.parameters, &old.returns) {
        return Err("has another signature".to_owned());
    }
    let relaxed = old.type_parameters.len() == new.type_parameters.len()
        && new
            .type_parameters
            .iter()
            .zip(&old.type_parameters)
            .all(|(new, old)| new.is_subset(*old));
    if relaxed {
        Ok(())
    } else {
        Err("asks more of its type arguments".to_owned())
    }
}

/// A function stays as it is, code included.
fn check_unchanged(old: &Function, new: Option<&Function>) -> Result<(), Broken> {
    match new {
        Some(new) if new == old => Ok(()),
        Some(_) => Err("changed".to_owned()),
        None => Err("is gone".to_owned()),
    }
}
