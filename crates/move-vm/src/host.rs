//! The host: whoever runs the virtual machine, and the natives it provides.

use std::sync::Arc;

use stdx::SaturatingFrom as _;

use crate::{
    ability::AbilitySet,
    error::{StatusCode, VmError},
    layout::Layout,
    loader::{DatatypeDescription, Session},
    meter::Meter,
    type_tag::TypeTag,
    types::Type,
    value::Value,
};

/// Code of the abort that a missing native raises when its module defines none: "NATI".
pub const UNSUPPORTED_NATIVE_ABORT: u64 = 0x4E41_5449;

/// Implements the natives that the virtual machine does not have itself.
pub trait Host {
    /// Runs the native at position `index` of the names given to
    /// [`Vm::with_natives`](crate::Vm::with_natives). Reference arguments are reference values;
    /// results in declaration order.
    fn call_native(
        &mut self,
        ctx: &mut NativeContext<'_>,
        index: usize,
        ty_args: &[Type],
        args: Vec<Value>,
    ) -> Result<Vec<Value>, NativeError>;
}

/// A host without natives, for pure code.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call_native(
        &mut self,
        _: &mut NativeContext<'_>,
        _: usize,
        _: &[Type],
        _: Vec<Value>,
    ) -> Result<Vec<Value>, NativeError> {
        Err(NativeError::Unsupported)
    }
}

/// A failed native.
#[derive(Clone, Debug)]
pub enum NativeError {
    /// The native aborts with a code of its module.
    Abort(u64),
    /// Nobody implements the native: aborts with [`UNSUPPORTED_NATIVE_ABORT`] and a message that
    /// names it.
    Unsupported,
    /// Any other failure. A missing location becomes the native's.
    Vm(VmError),
}

impl From<VmError> for NativeError {
    fn from(error: VmError) -> Self {
        Self::Vm(error)
    }
}

impl NativeError {
    /// A status without sub-status.
    pub fn status(status: StatusCode, message: &str) -> Self {
        Self::Vm(VmError::new(status).with_message(message))
    }

    /// An argument that verified code cannot pass.
    pub fn bad_argument(message: &str) -> Self {
        Self::Vm(VmError::invariant(message))
    }
}

/// What natives may ask of the virtual machine.
pub struct NativeContext<'a> {
    session: &'a Session<'a>,
    meter: &'a mut Meter,
}

impl<'a> NativeContext<'a> {
    /// Binds a session and a meter; hosts use it to share code between natives and their own needs.
    pub fn new(session: &'a Session<'a>, meter: &'a mut Meter) -> Self {
        Self { session, meter }
    }

    /// The session of the running command.
    pub fn session(&self) -> &Session<'a> {
        self.session
    }

    /// Charges units of work, before it is done.
    pub fn charge(&mut self, units: u64) -> Result<(), NativeError> {
        Ok(self.meter.charge_native(units)?)
    }

    /// Charges so many units for each of a number of things.
    pub fn charge_each(&mut self, count: usize, units: u64) -> Result<(), NativeError> {
        let count = u64::saturating_from(count);
        self.charge(count.saturating_mul(units))
    }

    /// The type tag of a type, with defining ids.
    pub fn type_tag(&self, type_: &Type) -> Result<TypeTag, NativeError> {
        type_
            .to_tag()
            .ok_or_else(|| NativeError::bad_argument("type has no type tag"))
    }

    /// The type tag of a type, with runtime (original) ids.
    pub fn original_tag(&self, type_: &Type) -> Result<TypeTag, NativeError> {
        type_
            .to_original_tag()
            .ok_or_else(|| NativeError::bad_argument("type has no type tag"))
    }

    /// The type behind a tag with defining ids.
    pub fn load_type(&self, tag: &TypeTag) -> Result<Type, NativeError> {
        Ok(self.session.load_type(tag)?)
    }

    /// The layout of a type.
    pub fn layout(&self, type_: &Type) -> Result<Arc<Layout>, NativeError> {
        Ok(self.session.layout(type_)?)
    }

    /// Abilities of a type.
    pub fn abilities(&self, type_: &Type) -> AbilitySet {
        type_.abilities()
    }

    /// Fields, variants and type parameters of a datatype, with type arguments substituted.
    pub fn describe(&self, type_: &Type) -> Result<DatatypeDescription, NativeError> {
        Ok(self.session.describe(type_)?)
    }

    /// BCS of a value (of the referent, for a reference). What it costs is the native's business.
    pub fn to_bcs(&mut self, value: &Value, type_: &Type) -> Result<Vec<u8>, NativeError> {
        let layout = self.layout(type_)?;
        Ok(value.to_bcs(&layout)?)
    }

    /// Strictly decodes a value. What it costs is the native's business.
    pub fn from_bcs(&mut self, bytes: &[u8], type_: &Type) -> Result<Value, NativeError> {
        let layout = self.layout(type_)?;
        Ok(Value::from_bcs(bytes, &layout)?)
    }

    /// Whether a type is a one-time witness: a non-generic struct with exactly one `bool` field and
    /// the name of its module in upper case.
    pub fn is_one_time_witness(&self, type_: &Type) -> Result<bool, NativeError> {
        let Some(datatype) = type_.as_datatype() else {
            return Ok(false);
        };
        let declaration = &datatype.declaration;
        let is_named = declaration.name.as_str() == declaration.module.name.to_ascii_uppercase();
        if !is_named || !declaration.type_parameters.is_empty() {
            return Ok(false);
        }
        let description = self.describe(type_)?;
        Ok(matches!(
            description.struct_fields(),
            Some([(_, Type::Bool)])
        ))
    }
}
