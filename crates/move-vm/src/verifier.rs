//! Verification of modules before they are published.
//!
//! [`verify_module`] checks a module on its own, pass by pass; each pass relies on the ones before
//! it. [`verify_linking`] checks modules that are published together against each other and against
//! the published modules they call. Rules of the chain (objects, one-time witnesses, private
//! generics) are the host's, on top of these.

mod borrow_graph;
mod bounds;
mod cfg;
mod constants;
mod control_flow;
mod data;
mod duplication;
mod instantiation_loops;
mod instructions;
mod limits;
mod linking;
mod locals;
mod reference_safety;
mod signatures;
mod stack_usage;
mod type_safety;
mod view;

pub use linking::verify_linking;

use stdx::SaturatingFrom as _;

use crate::{
    error::{Location, StatusCode, VmError},
    format::{CompiledModule, TableIndex},
    verifier::{
        cfg::ControlFlowGraph,
        view::{FunctionView, View},
    },
};

type Check = Result<(), VmError>;

/// Checks a module on its own against every rule of the language.
///
/// # Errors
/// [`StatusCode::VerificationError`] with a message that names the pass and the problem, located in
/// the function where there is one.
pub fn verify_module(module: &CompiledModule) -> Result<(), VmError> {
    bounds::check(module)?;
    let view = View::new(module);
    limits::check(view)?;
    duplication::check(view)?;
    signatures::check(view)?;
    constants::check(view)?;
    data::check_friends(view)?;
    data::check_natives(view)?;
    data::check_field_abilities(view)?;
    data::check_recursion(view)?;
    instantiation_loops::check(view)?;
    for (index, _) in (0..).zip(&module.function_defs) {
        verify_function(view, index)?;
    }
    Ok(())
}

fn verify_function(view: View<'_>, index: TableIndex) -> Check {
    let Some(function) = FunctionView::new(view, index) else {
        return Ok(());
    };
    instructions::check(&function)?;
    let cfg = ControlFlowGraph::new(&function.code.code, &function.code.jump_tables);
    control_flow::check(&function, &cfg)?;
    stack_usage::check(&function, &cfg)?;
    type_safety::check(&function, &cfg)?;
    locals::check(&function, &cfg)?;
    reference_safety::check(&function, &cfg)
}

/// A broken rule.
fn broken(pass: &str, message: impl std::fmt::Display) -> VmError {
    VmError::new(StatusCode::VerificationError).with_message(format!("{pass}: {message}"))
}

impl FunctionView<'_> {
    /// A broken rule at an instruction of the function.
    fn broken(&self, pass: &str, pc: usize, message: impl std::fmt::Display) -> VmError {
        broken(pass, message).at(Location {
            module: self.view.module.self_id(),
            function: self.index,
            instruction: u16::saturating_from(pc),
            function_name: self.view.identifier(self.handle.name).clone(),
        })
    }
}
