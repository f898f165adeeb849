//! Which native a function is.

use std::collections::HashMap;

use crate::identifier::{Address, ModuleId};

/// Name of a native: package (runtime id), module, function.
pub type NativeName = (Address, &'static str, &'static str);

/// The natives that loaded code may call, by their names.
pub(crate) struct NativeNames {
    positions: HashMap<NativeName, usize>,
}

/// What a function without code is.
#[derive(Clone, Copy)]
pub(crate) enum NativeFunction {
    /// The native at this position of the names.
    At(usize),
    /// Nothing that anybody implements.
    Missing,
}

impl NativeNames {
    /// Of natives with the same name the first one counts.
    pub(crate) fn new(names: impl IntoIterator<Item = NativeName>) -> Self {
        let mut positions = HashMap::new();
        for (position, name) in names.into_iter().enumerate() {
            positions.entry(name).or_insert(position);
        }
        Self { positions }
    }

    /// Which native `function` of `module` is.
    pub(crate) fn find(&self, module: &ModuleId, function: &str) -> NativeFunction {
        let name = (module.address, module.name.as_str(), function);
        let position = self.positions.get(&name).copied();
        position.map_or(NativeFunction::Missing, NativeFunction::At)
    }
}
