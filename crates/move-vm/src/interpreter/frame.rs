//! Frames.

use std::sync::Arc;

use stdx::SaturatingFrom as _;

use crate::{
    error::{Location, VmError},
    format::TableIndex,
    identifier::Identifier,
    loader::module::{LoadedModule, row},
    types::Type,
};

/// An activation of a function.
pub(super) struct Frame {
    pub(super) module: Arc<LoadedModule>,
    pub(super) function: TableIndex,
    pub(super) type_arguments: Arc<[Type]>,
    /// Next instruction, while the frame is suspended.
    pub(super) pc: usize,
    /// Position of local 0 in the stack of locals.
    pub(super) base: usize,
}

/// The constant parts of the running frame, held apart from the stacks.
pub(super) struct FrameContext {
    pub(super) module: Arc<LoadedModule>,
    pub(super) function: TableIndex,
    pub(super) type_arguments: Arc<[Type]>,
    pub(super) base: usize,
}

impl FrameContext {
    pub(super) fn of(frame: &Frame) -> Self {
        Self {
            module: Arc::clone(&frame.module),
            function: frame.function,
            type_arguments: Arc::clone(&frame.type_arguments),
            base: frame.base,
        }
    }

    /// Tag of a variant of a non-generic enum.
    pub(super) fn variant_tag(&self, handle: TableIndex) -> Result<u16, VmError> {
        Ok(row(&self.module.compiled.variant_handles, handle)?.variant)
    }

    /// Tag of a variant of a generic enum.
    pub(super) fn generic_variant_tag(&self, handle: TableIndex) -> Result<u16, VmError> {
        Ok(row(&self.module.compiled.variant_instantiations, handle)?.variant)
    }
}

/// A position in a function.
pub(super) fn location(module: &LoadedModule, function: TableIndex, pc: usize) -> Location {
    let function_name = module.function(function).map_or_else(
        |_| Identifier::new("unknown").expect("a valid identifier"),
        |info| info.name.clone(),
    );
    Location {
        module: module.id.clone(),
        function,
        instruction: u16::saturating_from(pc),
        function_name,
    }
}
