//! No reference outlives its referent, and nothing is written while somebody else refers to it.

use std::collections::BTreeMap;

use super::{
    Check,
    borrow_graph::{BorrowGraph, Label, RefId},
    cfg::ControlFlowGraph,
    stack_usage::effect,
    view::FunctionView,
};
use crate::{
    error::VmError,
    format::{Instruction, SignatureToken, TableIndex},
};

const PASS: &str = "references";
/// The node that local variables are borrowed from.
const ROOT: RefId = 0;
/// Most work on one function: instructions executed, each counting for the edges known at the start
/// of its block. Compiled code needs a few thousand.
const WORK_MAX: usize = 16_000_000;

pub(super) fn check(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    let mut before: Vec<Option<State>> = vec![None; cfg.blocks.len()];
    if let Some(entry) = before.first_mut() {
        *entry = Some(State::entry(function));
    }
    // Joining two paths forgets the references that only one of them holds, and what is forgotten
    // borrows nothing any more. So the verdict on a block depends on how much was joined before it
    // is checked: each block waits for the paths that lead to it, and a loop whose head has learned
    // something is checked again before what follows it.
    let traversal = cfg.traversal();
    let mut position = vec![0; cfg.blocks.len()];
    for (at, block) in traversal.order.iter().enumerate() {
        position[*block] = at;
    }
    // What a state allows only grows, within finitely many edges, so this ends.
    let mut next = 0;
    let mut work = 0;
    while let Some(index) = traversal.order.get(next).copied() {
        next += 1;
        let Some(state) = before[index].clone() else {
            continue;
        };
        let block = &cfg.blocks[index];
        work += (block.end - block.start) * (1 + state.graph.edge_count());
        if work > WORK_MAX {
            return Err(function.broken(PASS, block.start, "function is too complex to check"));
        }
        let after = execute(function, state, block.start..block.end)?;
        for successor in &block.successors {
            let grown = match &mut before[*successor] {
                Some(known) => known.join(after.clone()),
                unknown => {
                    *unknown = Some(after.clone());
                    false
                }
            };
            if grown && traversal.back_edges.contains(&(index, *successor)) {
                next = position[*successor];
                break;
            }
        }
    }
    Ok(())
}

/// What is known after the instructions of a block.
fn execute(
    function: &FunctionView<'_>,
    state: State,
    block: std::ops::Range<usize>,
) -> Result<State, VmError> {
    let mut run = Run {
        function,
        state,
        stack: Vec::new(),
        pc: block.start,
    };
    for pc in block {
        run.pc = pc;
        run.step(&function.code.code[pc])?;
    }
    Ok(run.state.canonical())
}

/// What is known between two instructions.
#[derive(Clone, PartialEq, Eq)]
struct State {
    /// The reference that a local holds, if it holds one.
    locals: Vec<Option<RefId>>,
    graph: BorrowGraph,
    next_id: RefId,
}

impl State {
    fn entry(function: &FunctionView<'_>) -> Self {
        let count = function.locals.len();
        let mut state = Self {
            locals: vec![None; count],
            graph: BorrowGraph::default(),
            next_id: count + 1,
        };
        state.graph.add(ROOT, true);
        for (local, type_) in function.parameters.iter().enumerate() {
            if type_.is_reference() {
                let id = state.new_reference(is_mutable(type_));
                state.locals[local] = Some(id);
            }
        }
        state.canonical()
    }

    fn new_reference(&mut self, mutable: bool) -> RefId {
        let id = self.next_id;
        self.next_id += 1;
        self.graph.add(id, mutable);
        id
    }

    /// The same knowledge, with references named after the locals that hold them.
    fn canonical(&self) -> Self {
        let held = self.locals.iter().enumerate();
        let names: BTreeMap<RefId, RefId> = held
            .filter_map(|(local, id)| id.map(|id| (id, local + 1)))
            .collect();
        let locals = (1..)
            .zip(&self.locals)
            .map(|(name, id)| id.map(|_| name))
            .collect();
        Self {
            locals,
            graph: self.graph.rename(&names),
            next_id: self.locals.len() + 1,
        }
    }

    /// Keeps what is so in both states; true if that says less than before.
    fn join(&mut self, mut other: Self) -> bool {
        let mut changed = false;
        for (own, other_id) in self.locals.iter_mut().zip(&other.locals) {
            match (*own, *other_id) {
                (Some(id), None) => {
                    self.graph.release(id);
                    *own = None;
                    changed = true;
                }
                (None, Some(id)) => other.graph.release(id),
                _ => {}
            }
        }
        self.graph.join(&other.graph) || changed
    }
}

fn is_mutable(type_: &SignatureToken) -> bool {
    matches!(type_, SignatureToken::MutableReference(_))
}

/// Execution of one block.
struct Run<'f, 'a> {
    function: &'f FunctionView<'a>,
    state: State,
    /// The reference that each operand is, if it is one.
    stack: Vec<Option<RefId>>,
    pc: usize,
}

impl Run<'_, '_> {
    fn broken(&self, message: &str) -> VmError {
        self.function.broken(PASS, self.pc, message)
    }

    fn require(&self, holds: bool, message: &str) -> Check {
        if holds {
            Ok(())
        } else {
            Err(self.broken(message))
        }
    }

    fn pop(&mut self) -> Result<Option<RefId>, VmError> {
        self.stack
            .pop()
            .ok_or_else(|| self.broken("operand stack is empty"))
    }

    fn pop_reference(&mut self) -> Result<RefId, VmError> {
        self.pop()?
            .ok_or_else(|| self.broken("expected a reference"))
    }

    fn is_writable(&self, id: RefId) -> bool {
        !self.state.graph.is_borrowed(id, None)
    }

    fn is_readable(&self, id: RefId, label: Option<Label>) -> bool {
        let graph = &self.state.graph;
        !graph.is_mutable(id) || !graph.is_mutably_borrowed(id, label)
    }

    fn is_local_borrowed(&self, local: u8) -> bool {
        self.state
            .graph
            .is_borrowed(ROOT, Some(Label::Local(local)))
    }

    fn is_local_mutably_borrowed(&self, local: u8) -> bool {
        self.state
            .graph
            .is_mutably_borrowed(ROOT, Some(Label::Local(local)))
    }

    fn release(&mut self, reference: Option<RefId>) {
        if let Some(id) = reference {
            self.state.graph.release(id);
        }
    }

    fn step(&mut self, instruction: &Instruction) -> Check {
        use Instruction as I;
        let view = self.function.view;
        let module = view.module;
        match instruction {
            I::Pop | I::VariantSwitch(_) => {
                let operand = self.pop()?;
                self.release(operand);
            }
            I::Ret => self.ret()?,
            I::CopyLoc(local) => self.copy_local(*local)?,
            I::MoveLoc(local) => self.move_local(*local)?,
            I::StLoc(local) => self.store_local(*local)?,
            I::MutBorrowLoc(local) => self.borrow_local(*local, true)?,
            I::ImmBorrowLoc(local) => self.borrow_local(*local, false)?,
            I::MutBorrowField(index) => self.borrow_field(*index, true)?,
            I::ImmBorrowField(index) => self.borrow_field(*index, false)?,
            I::MutBorrowFieldGeneric(index) => {
                self.borrow_field(
                    module.field_instantiations[usize::from(*index)].target,
                    true,
                )?;
            }
            I::ImmBorrowFieldGeneric(index) => {
                self.borrow_field(
                    module.field_instantiations[usize::from(*index)].target,
                    false,
                )?;
            }
            I::FreezeRef => self.freeze()?,
            I::ReadRef => {
                let id = self.pop_reference()?;
                self.require(
                    self.is_readable(id, None),
                    "read of what is mutably borrowed",
                )?;
                self.release(Some(id));
                self.stack.push(None);
            }
            I::WriteRef => {
                let id = self.pop_reference()?;
                self.require(self.is_writable(id), "write to what is borrowed")?;
                self.pop()?;
                self.release(Some(id));
            }
            I::Eq | I::Neq => {
                let operands = [self.pop()?, self.pop()?];
                for id in operands.into_iter().flatten() {
                    let readable = self.is_readable(id, None);
                    self.require(readable, "comparison with what is mutably borrowed")?;
                }
                for operand in operands {
                    self.release(operand);
                }
                self.stack.push(None);
            }
            I::Call(handle) => self.call(*handle)?,
            I::CallGeneric(index) => {
                self.call(module.function_instantiations[usize::from(*index)].target)?;
            }
            I::VecLen(_) => {
                let id = self.pop_reference()?;
                self.release(Some(id));
                self.stack.push(None);
            }
            I::VecImmBorrow(_) => self.borrow_element(false)?,
            I::VecMutBorrow(_) => self.borrow_element(true)?,
            I::VecPushBack(_) => {
                self.pop()?;
                self.change_vector()?;
            }
            I::VecPopBack(_) => {
                self.change_vector()?;
                self.stack.push(None);
            }
            I::VecSwap(_) => {
                self.pop()?;
                self.pop()?;
                self.change_vector()?;
            }
            I::UnpackVariantImmRef(index) | I::UnpackVariantMutRef(index) => {
                let handle = module.variant_handles[usize::from(*index)];
                let fields = view.variant(handle.owner, handle.variant).fields.len();
                let mutable = matches!(instruction, I::UnpackVariantMutRef(_));
                self.unpack_reference(handle.variant, fields, mutable)?;
            }
            I::UnpackVariantImmRefGeneric(index) | I::UnpackVariantMutRefGeneric(index) => {
                let handle = module.variant_instantiations[usize::from(*index)];
                let owner = module.enum_instantiations[usize::from(handle.owner)].target;
                let fields = view.variant(owner, handle.variant).fields.len();
                let mutable = matches!(instruction, I::UnpackVariantMutRefGeneric(_));
                self.unpack_reference(handle.variant, fields, mutable)?;
            }
            // The rest neither takes nor gives references.
            other => {
                let (popped, pushed) = effect(self.function, other);
                for _ in 0..popped {
                    self.pop()?;
                }
                self.stack.extend(std::iter::repeat_n(None, pushed));
            }
        }
        Ok(())
    }

    fn copy_local(&mut self, local: u8) -> Check {
        if let Some(id) = self.state.locals[usize::from(local)] {
            let copy = self.state.new_reference(self.state.graph.is_mutable(id));
            self.state.graph.add_copy(id, copy);
            self.stack.push(Some(copy));
        } else {
            let free = !self.is_local_mutably_borrowed(local);
            self.require(free, "copy of a local that is mutably borrowed")?;
            self.stack.push(None);
        }
        Ok(())
    }

    fn move_local(&mut self, local: u8) -> Check {
        let held = self.state.locals[usize::from(local)].take();
        if held.is_none() {
            self.require(
                !self.is_local_borrowed(local),
                "move of a local that is borrowed",
            )?;
        }
        self.stack.push(held);
        Ok(())
    }

    fn store_local(&mut self, local: u8) -> Check {
        let value = self.pop()?;
        self.require(
            !self.is_local_borrowed(local),
            "store to a local that is borrowed",
        )?;
        let old = std::mem::replace(&mut self.state.locals[usize::from(local)], value);
        self.release(old);
        Ok(())
    }

    fn borrow_local(&mut self, local: u8, mutable: bool) -> Check {
        // A mutable borrow becomes the parent of those that exist, and waits for them.
        let free = mutable || !self.is_local_mutably_borrowed(local);
        self.require(free, "borrow of a local that is mutably borrowed")?;
        let id = self.state.new_reference(mutable);
        self.state.graph.add_label(ROOT, Label::Local(local), id);
        self.stack.push(Some(id));
        Ok(())
    }

    fn borrow_field(&mut self, handle: TableIndex, mutable: bool) -> Check {
        let field = self.function.view.module.field_handles[usize::from(handle)].field;
        let parent = self.pop_reference()?;
        let id = self.borrow_label(parent, Label::Field(field), mutable)?;
        self.release(Some(parent));
        self.stack.push(Some(id));
        Ok(())
    }

    fn borrow_label(
        &mut self,
        parent: RefId,
        label: Label,
        mutable: bool,
    ) -> Result<RefId, VmError> {
        let free = if mutable {
            !self.state.graph.has_full_borrows(parent)
        } else {
            self.is_readable(parent, Some(label))
        };
        self.require(free, "borrow of a field that is borrowed")?;
        let id = self.state.new_reference(mutable);
        self.state.graph.add_label(parent, label, id);
        Ok(id)
    }

    fn unpack_reference(&mut self, variant: u16, fields: usize, mutable: bool) -> Check {
        let parent = self.pop_reference()?;
        // Which variant it is depends on all of the value, so this is asked of variants without
        // fields too.
        let free = if mutable {
            !self.state.graph.has_full_borrows(parent)
        } else {
            self.is_readable(parent, None)
        };
        self.require(free, "unpacking of a variant that is borrowed")?;
        for field in (0..).take(fields) {
            let id = self.borrow_label(parent, Label::VariantField(variant, field), mutable)?;
            self.stack.push(Some(id));
        }
        self.release(Some(parent));
        Ok(())
    }

    fn borrow_element(&mut self, mutable: bool) -> Check {
        self.pop()?;
        let parent = self.pop_reference()?;
        let free = if mutable {
            self.is_writable(parent)
        } else {
            self.is_readable(parent, None)
        };
        self.require(free, "borrow of an element of a vector that is borrowed")?;
        let id = self.state.new_reference(mutable);
        self.state.graph.add_part(parent, id);
        self.release(Some(parent));
        self.stack.push(Some(id));
        Ok(())
    }

    fn change_vector(&mut self) -> Check {
        let id = self.pop_reference()?;
        self.require(self.is_writable(id), "change of a vector that is borrowed")?;
        self.release(Some(id));
        Ok(())
    }

    fn freeze(&mut self) -> Check {
        let id = self.pop_reference()?;
        let free = !self.state.graph.is_mutably_borrowed(id, None);
        self.require(free, "freeze of what is mutably borrowed")?;
        let frozen = self.state.new_reference(false);
        self.state.graph.add_copy(id, frozen);
        self.release(Some(id));
        self.stack.push(Some(frozen));
        Ok(())
    }

    /// Results may refer to parts of every reference argument, mutable ones of mutable arguments.
    fn call(&mut self, handle: TableIndex) -> Check {
        let view = self.function.view;
        let handle = view.function(handle);
        let mut arguments = Vec::new();
        for _ in view.signature(handle.parameters) {
            arguments.extend(self.pop()?);
        }
        for id in &arguments {
            let usable = !self.state.graph.is_mutable(*id) || self.is_writable(*id);
            self.require(usable, "mutable argument that is borrowed")?;
        }
        for type_ in view.signature(handle.returns) {
            let result = type_.is_reference().then(|| {
                let mutable = is_mutable(type_);
                let id = self.state.new_reference(mutable);
                for argument in &arguments {
                    if !mutable || self.state.graph.is_mutable(*argument) {
                        self.state.graph.add_part(*argument, id);
                    }
                }
                id
            });
            self.stack.push(result);
        }
        for id in arguments {
            self.release(Some(id));
        }
        Ok(())
    }

    fn ret(&mut self) -> Check {
        for local in 0..self.state.locals.len() {
            let held = self.state.locals[local].take();
            self.release(held);
        }
        let outlived = self.state.graph.is_borrowed(ROOT, None);
        self.require(!outlived, "reference to a local is returned")?;
        for _ in self.function.returns {
            if let Some(id) = self.pop()? {
                let usable = !self.state.graph.is_mutable(id) || self.is_writable(id);
                self.require(usable, "mutable reference is returned while it is borrowed")?;
            }
        }
        Ok(())
    }
}
