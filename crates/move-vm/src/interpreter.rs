//! The interpreter: one operand stack, one stack of locals, one of frames.
//!
//! Instructions are executed as parsed; their operands index tables that the loader prepared.
//! Nothing here trusts the verifier for memory safety: a state that verified code cannot reach ends
//! in an invariant violation.

mod arithmetic;
mod call;
mod data;
mod frame;
mod stack;
mod vector;

use std::sync::Arc;

use crate::{
    error::{Location, StatusCode, VmError},
    format::Instruction,
    host::Host,
    interpreter::{
        frame::{Frame, FrameContext},
        stack::Local,
    },
    loader::{LoadedFunction, Session},
    meter::Meter,
    types::Type,
    value::Value,
};

/// Frames that may be live at once: the running one and 1024 suspended.
pub(crate) const FRAMES_MAX: usize = 1025;
/// Values that the operand stack may hold, over all frames.
pub(crate) const OPERANDS_MAX: usize = 1024;

impl Session<'_> {
    /// Runs a function to completion and returns its results in declaration order. Visibility is
    /// not checked. Arguments must have the parameter types (references: reference values).
    ///
    /// # Errors
    /// Whatever the execution ends with; [`StatusCode::ArityMismatch`] for a wrong number of
    /// arguments.
    pub fn call(
        &self,
        function: &LoadedFunction,
        arguments: Vec<Value>,
        host: &mut dyn Host,
        meter: &mut Meter,
    ) -> Result<Vec<Value>, VmError> {
        if arguments.len() != function.parameters.len() {
            return Err(
                VmError::new(StatusCode::ArityMismatch).with_message(format!(
                    "{} arguments expected, {} given",
                    function.parameters.len(),
                    arguments.len()
                )),
            );
        }
        Interpreter::new(self, host, meter).run(function, arguments)
    }
}

/// State of one call from outside.
struct Interpreter<'s, 'a> {
    session: &'s Session<'a>,
    host: &'s mut dyn Host,
    meter: &'s mut Meter,
    operands: Vec<Value>,
    locals: Vec<Local>,
    frames: Vec<Frame>,
    no_types: Arc<[Type]>,
}

/// What to do after an instruction.
enum Flow {
    Next,
    Jump(u16),
    /// The topmost frame changed.
    Switch,
}

impl<'s, 'a> Interpreter<'s, 'a> {
    fn new(session: &'s Session<'a>, host: &'s mut dyn Host, meter: &'s mut Meter) -> Self {
        Self {
            session,
            host,
            meter,
            operands: Vec::with_capacity(64),
            locals: Vec::with_capacity(64),
            frames: Vec::with_capacity(16),
            no_types: Arc::new([]),
        }
    }

    /// Calls a function and runs until it returns.
    fn run(
        mut self,
        function: &LoadedFunction,
        arguments: Vec<Value>,
    ) -> Result<Vec<Value>, VmError> {
        let type_arguments: Arc<[Type]> = function.type_arguments.as_slice().into();
        self.operands = arguments;
        self.call(&function.module, function.signature.index, type_arguments)?;
        while let Some(frame) = self.frames.last() {
            let context = FrameContext::of(frame);
            let start = frame.pc;
            self.run_frame(&context, start)?;
        }
        if self.operands.len() == function.returns.len() {
            Ok(self.operands)
        } else {
            Err(VmError::invariant("wrong number of results"))
        }
    }

    /// Runs the topmost frame until another one takes its place.
    fn run_frame(&mut self, context: &FrameContext, start: usize) -> Result<(), VmError> {
        let code = &context.module.code(context.function)?.code;
        let mut pc = start;
        loop {
            let outcome = match code.get(pc) {
                Some(instruction) if self.meter.try_instruction() => {
                    self.step(context, instruction, pc)
                }
                Some(_) => Err(VmError::new(StatusCode::OutOfGas)),
                None => Err(VmError::invariant(
                    "control falls off the end of a function",
                )),
            };
            match outcome {
                Ok(Flow::Next) => pc += 1,
                Ok(Flow::Jump(target)) => pc = usize::from(target),
                Ok(Flow::Switch) => return Ok(()),
                Err(error) => return Err(error.at(context.location(pc))),
            }
        }
    }

    #[inline]
    fn step(
        &mut self,
        context: &FrameContext,
        instruction: &Instruction,
        pc: usize,
    ) -> Result<Flow, VmError> {
        use Instruction as I;
        match instruction {
            I::Pop => drop(self.pop()?),
            I::Ret => return self.ret(),
            I::BrTrue(target) => {
                if self.pop()?.into_bool()? {
                    return Ok(Flow::Jump(*target));
                }
            }
            I::BrFalse(target) => {
                if !self.pop()?.into_bool()? {
                    return Ok(Flow::Jump(*target));
                }
            }
            I::Branch(target) => return Ok(Flow::Jump(*target)),
            I::LdU8(value) => self.push(Value::U8(*value))?,
            I::LdU16(value) => self.push(Value::U16(*value))?,
            I::LdU32(value) => self.push(Value::U32(*value))?,
            I::LdU64(value) => self.push(Value::U64(*value))?,
            I::LdU128(value) => self.push(Value::U128(**value))?,
            I::LdU256(value) => self.push(Value::U256(value.clone()))?,
            I::LdConst(index) => self.load_constant(context, *index)?,
            I::LdTrue => self.push(Value::Bool(true))?,
            I::LdFalse => self.push(Value::Bool(false))?,
            I::CopyLoc(index) => self.copy_local(context, *index)?,
            I::MoveLoc(index) => self.move_local(context, *index)?,
            I::StLoc(index) => self.store_local(context, *index)?,
            I::MutBorrowLoc(index) | I::ImmBorrowLoc(index) => {
                self.borrow_local(context, *index)?;
            }
            I::MutBorrowField(index) | I::ImmBorrowField(index) => {
                self.borrow_field(context, *index)?;
            }
            I::MutBorrowFieldGeneric(index) | I::ImmBorrowFieldGeneric(index) => {
                self.borrow_field_generic(context, *index)?;
            }
            I::Call(handle) => {
                self.suspend(pc);
                return self.call_handle(context, *handle);
            }
            I::CallGeneric(index) => {
                self.suspend(pc);
                return self.call_generic(context, *index);
            }
            I::Pack(index) => self.pack(context, *index)?,
            I::PackGeneric(index) => self.pack_generic(context, *index)?,
            I::Unpack(index) => self.unpack(context, *index)?,
            I::UnpackGeneric(index) => self.unpack_generic(context, *index)?,
            I::ReadRef => self.read_ref()?,
            I::WriteRef => self.write_ref()?,
            I::Add => self.binary(arithmetic::add)?,
            I::Sub => self.binary(arithmetic::sub)?,
            I::Mul => self.binary(arithmetic::mul)?,
            I::Mod => self.binary(arithmetic::rem)?,
            I::Div => self.binary(arithmetic::div)?,
            I::BitOr => self.binary(arithmetic::bit_or)?,
            I::BitAnd => self.binary(arithmetic::bit_and)?,
            I::Xor => self.binary(arithmetic::bit_xor)?,
            I::Shl => self.binary(arithmetic::shl)?,
            I::Shr => self.binary(arithmetic::shr)?,
            I::Or => self.binary(arithmetic::or)?,
            I::And => self.binary(arithmetic::and)?,
            I::Not => {
                let value = self.pop()?.into_bool()?;
                self.push(Value::Bool(!value))?;
            }
            I::Eq => self.compare(true)?,
            I::Neq => self.compare(false)?,
            I::Lt => self.order(std::cmp::Ordering::is_lt)?,
            I::Gt => self.order(std::cmp::Ordering::is_gt)?,
            I::Le => self.order(std::cmp::Ordering::is_le)?,
            I::Ge => self.order(std::cmp::Ordering::is_ge)?,
            I::Abort => return Err(VmError::abort(self.pop()?.into_u64()?)),
            // Immutable and mutable references look the same.
            I::Nop | I::FreezeRef => {}
            I::CastU8 => self.unary(arithmetic::cast_u8)?,
            I::CastU16 => self.unary(arithmetic::cast_u16)?,
            I::CastU32 => self.unary(arithmetic::cast_u32)?,
            I::CastU64 => self.unary(arithmetic::cast_u64)?,
            I::CastU128 => self.unary(arithmetic::cast_u128)?,
            I::CastU256 => self.unary(arithmetic::cast_u256)?,
            I::VecPack(signature, count) => self.vec_pack(context, *signature, *count)?,
            I::VecLen(_) => self.vec_len()?,
            I::VecImmBorrow(_) | I::VecMutBorrow(_) => self.vec_borrow()?,
            I::VecPushBack(_) => self.vec_push_back()?,
            I::VecPopBack(_) => self.vec_pop_back()?,
            I::VecUnpack(_, count) => self.vec_unpack(*count)?,
            I::VecSwap(_) => self.vec_swap()?,
            I::PackVariant(handle) => self.pack_variant(context, *handle)?,
            I::PackVariantGeneric(handle) => self.pack_variant_generic(context, *handle)?,
            I::UnpackVariant(handle) => {
                let tag = context.variant_tag(*handle)?;
                self.unpack_variant(tag)?;
            }
            I::UnpackVariantGeneric(handle) => {
                let tag = context.generic_variant_tag(*handle)?;
                self.unpack_variant(tag)?;
            }
            I::UnpackVariantImmRef(handle) | I::UnpackVariantMutRef(handle) => {
                let tag = context.variant_tag(*handle)?;
                self.unpack_variant_ref(tag)?;
            }
            I::UnpackVariantImmRefGeneric(handle) | I::UnpackVariantMutRefGeneric(handle) => {
                let tag = context.generic_variant_tag(*handle)?;
                self.unpack_variant_ref(tag)?;
            }
            I::VariantSwitch(table) => return self.variant_switch(context, *table),
            I::GlobalStorage(..) => {
                return Err(VmError::invariant("global storage does not exist"));
            }
        }
        Ok(Flow::Next)
    }

    /// Remembers where the topmost frame continues after a call.
    fn suspend(&mut self, pc: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.pc = pc + 1;
        }
    }
}

impl FrameContext {
    /// The position `pc` of this frame.
    fn location(&self, pc: usize) -> Location {
        frame::location(&self.module, self.function, pc)
    }
}
