//! Calls and returns.

use std::sync::Arc;

use super::{
    FRAMES_MAX, Flow, Interpreter,
    frame::{Frame, FrameContext, location},
    stack::Local,
};
use crate::{
    error::{StatusCode, VmError},
    format::TableIndex,
    host::{NativeContext, NativeError, UNSUPPORTED_NATIVE_ABORT},
    loader::{
        NativeFunction,
        module::{Callee, FunctionInfo, LoadedModule, row},
    },
    meter::CALL_UNITS,
    natives,
    types::Type,
};

impl Interpreter<'_, '_> {
    /// Calls a non-generic function by handle.
    pub(super) fn call_handle(
        &mut self,
        context: &FrameContext,
        handle: TableIndex,
    ) -> Result<Flow, VmError> {
        let no_types = Arc::clone(&self.no_types);
        self.call_with_types(context, handle, no_types)
    }

    /// Calls a generic function by instantiation.
    pub(super) fn call_generic(
        &mut self,
        context: &FrameContext,
        index: TableIndex,
    ) -> Result<Flow, VmError> {
        let instantiation = row(&context.module.compiled.function_instantiations, index)?;
        let types = self.instantiate(context, instantiation.type_arguments)?;
        self.call_with_types(context, instantiation.target, types)
    }

    fn call_with_types(
        &mut self,
        context: &FrameContext,
        handle: TableIndex,
        types: Arc<[Type]>,
    ) -> Result<Flow, VmError> {
        match self.session.callee(&context.module, handle)? {
            Callee::Local(function) => self.call(&context.module, function, types),
            Callee::Foreign(module, function) => self.call(&module, function, types),
        }
    }

    /// Types of a signature with the frame's type arguments substituted.
    pub(super) fn instantiate(
        &self,
        context: &FrameContext,
        signature: TableIndex,
    ) -> Result<Arc<[Type]>, VmError> {
        let signature = self.session.signature_types(&context.module, signature)?;
        if signature.is_closed {
            return Ok(Arc::clone(&signature.types));
        }
        signature
            .types
            .iter()
            .map(|type_| type_.substitute(&context.type_arguments))
            .collect()
    }

    /// Calls a function whose arguments are on the operand stack.
    pub(super) fn call(
        &mut self,
        module: &Arc<LoadedModule>,
        function: TableIndex,
        type_arguments: Arc<[Type]>,
    ) -> Result<Flow, VmError> {
        let info = module.function(function)?;
        if let Some(native) = info.native {
            self.call_native(module, info, native, &type_arguments)
                .map_err(|error| error.at(location(module, function, 0)))?;
            // The caller's frame goes on: reload it only because a native may be the outermost
            // call.
            return Ok(if self.frames.is_empty() {
                Flow::Switch
            } else {
                Flow::Next
            });
        }
        self.meter.charge(CALL_UNITS)?;
        if self.frames.len() >= FRAMES_MAX {
            let error = VmError::new(StatusCode::CallStackOverflow);
            return Err(error.at(location(module, function, 0)));
        }
        let rest = self.operands.len().checked_sub(info.parameter_count);
        let rest = rest.ok_or_else(|| VmError::invariant("operand stack is too short"))?;
        let base = self.locals.len();
        self.locals
            .extend(self.operands.drain(rest..).map(Local::Value));
        self.locals
            .resize_with(base + info.local_count, || Local::Invalid);
        let module = Arc::clone(module);
        self.frames.push(Frame {
            module,
            function,
            type_arguments,
            pc: 0,
            base,
        });
        Ok(Flow::Switch)
    }

    fn call_native(
        &mut self,
        module: &LoadedModule,
        info: &FunctionInfo,
        native: NativeFunction,
        type_arguments: &[Type],
    ) -> Result<(), VmError> {
        let arguments = self.pop_many(info.parameter_count)?;
        self.meter.begin_native()?;
        let mut context = NativeContext::new(self.session, self.meter);
        let results = match native {
            NativeFunction::At(position) => match natives::at(position) {
                Ok((units, native)) => context
                    .charge(units)
                    .and_then(|()| native(&mut context, type_arguments, arguments)),
                Err(index) => self
                    .host
                    .call_native(&mut context, index, type_arguments, arguments),
            },
            NativeFunction::Missing => Err(NativeError::Unsupported),
        };
        let results = results.map_err(|error| match error {
            NativeError::Abort(code) => VmError::abort(code),
            NativeError::Unsupported => VmError::abort(UNSUPPORTED_NATIVE_ABORT)
                .with_message(format!("unsupported native {}::{}", module.id, info.name)),
            NativeError::Vm(error) => error,
        })?;
        if results.len() != info.return_count {
            return Err(VmError::invariant(
                "native returned a wrong number of values",
            ));
        }
        let mut size = 0_u64;
        for result in &results {
            size = size.saturating_add(result.shallow_abstract_size()?);
        }
        self.meter.charge_results(results.len(), size)?;
        self.push_many(results)
    }

    /// Leaves the topmost frame; its results are on the operand stack.
    pub(super) fn ret(&mut self) -> Result<Flow, VmError> {
        let frame = self
            .frames
            .pop()
            .ok_or_else(|| VmError::invariant("no frame to leave"))?;
        self.locals.truncate(frame.base);
        Ok(Flow::Switch)
    }
}
