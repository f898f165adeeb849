//! What can go wrong in the virtual machine, and where.

use std::fmt;

use crate::identifier::{Identifier, ModuleId};

/// Outcome of a failed load, verification or call.
///
/// Variants with a documented number of their own carry it; the others report the number of their
/// class (1000 verification, 2000 invariant violation, 3000 deserialization).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// No module of that name in the linked packages.
    ModuleNotFound,
    /// No function of that name in the module.
    FunctionNotFound,
    /// No datatype of that name in the module.
    TypeNotFound,
    /// Wrong number of type arguments.
    TypeArityMismatch,
    /// A type argument lacks an ability its parameter requires.
    ConstraintNotSatisfied,
    /// Wrong number of arguments.
    ArityMismatch,
    /// A package is not part of the linkage.
    LinkageMissing,
    /// The module breaks a rule of the verifier.
    VerificationError,
    /// The virtual machine met a state that verified code cannot reach.
    InvariantViolation,
    /// The bytes are not a module, or not a value of the type.
    DeserializationError,
    /// The meter is exhausted.
    OutOfGas,
    /// Move code aborted; the sub-status is the abort code.
    Aborted,
    /// Overflow, division by zero, shift too far, or a lossy cast.
    ArithmeticError,
    /// Vector index or length error; see [`vector_error`] for the sub-status.
    VectorOperationError,
    /// More values on the operand stack than allowed.
    ExecutionStackOverflow,
    /// More nested calls than allowed.
    CallStackOverflow,
    /// A type nests too deep.
    MaxTypeDepthReached,
    /// A value would nest too deep.
    MaxValueDepthReached,
    /// A limit on memory or on the host's objects is exceeded.
    MemoryLimitExceeded,
    /// A type or layout has too many nodes.
    MaxTypeNodesReached,
}

/// Sub-status of [`StatusCode::VectorOperationError`].
pub mod vector_error {
    /// The index is not below the length.
    pub const INDEX_OUT_OF_BOUNDS: u64 = 1;
    /// Pop from an empty vector.
    pub const POP_EMPTY: u64 = 2;
    /// Unpack of a vector of another length.
    pub const UNPACK_LENGTH: u64 = 3;
    /// Push over the length limit.
    pub const TOO_LONG: u64 = 4;
}

impl StatusCode {
    /// The status number.
    pub const fn number(self) -> u64 {
        match self {
            Self::ModuleNotFound
            | Self::FunctionNotFound
            | Self::TypeNotFound
            | Self::TypeArityMismatch
            | Self::ConstraintNotSatisfied
            | Self::ArityMismatch
            | Self::LinkageMissing => 0,
            Self::VerificationError => 1000,
            Self::InvariantViolation => 2000,
            Self::DeserializationError => 3000,
            Self::OutOfGas => 4002,
            Self::Aborted => 4016,
            Self::ArithmeticError => 4017,
            Self::VectorOperationError => 4018,
            Self::ExecutionStackOverflow => 4020,
            Self::CallStackOverflow => 4021,
            Self::MaxTypeDepthReached => 4024,
            Self::MaxValueDepthReached => 4025,
            Self::MemoryLimitExceeded => 4028,
            Self::MaxTypeNodesReached => 4029,
        }
    }

    /// The status in capitals, as logs and test annotations write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModuleNotFound => "MODULE_NOT_FOUND",
            Self::FunctionNotFound => "FUNCTION_NOT_FOUND",
            Self::TypeNotFound => "TYPE_NOT_FOUND",
            Self::TypeArityMismatch => "TYPE_ARITY_MISMATCH",
            Self::ConstraintNotSatisfied => "CONSTRAINT_NOT_SATISFIED",
            Self::ArityMismatch => "ARITY_MISMATCH",
            Self::LinkageMissing => "LINKAGE_MISSING",
            Self::VerificationError => "VERIFICATION_ERROR",
            Self::InvariantViolation => "INVARIANT_VIOLATION",
            Self::DeserializationError => "DESERIALIZATION_ERROR",
            Self::OutOfGas => "OUT_OF_GAS",
            Self::Aborted => "ABORTED",
            Self::ArithmeticError => "ARITHMETIC_ERROR",
            Self::VectorOperationError => "VECTOR_OPERATION_ERROR",
            Self::ExecutionStackOverflow => "EXECUTION_STACK_OVERFLOW",
            Self::CallStackOverflow => "CALL_STACK_OVERFLOW",
            Self::MaxTypeDepthReached => "VM_MAX_TYPE_DEPTH_REACHED",
            Self::MaxValueDepthReached => "VM_MAX_VALUE_DEPTH_REACHED",
            Self::MemoryLimitExceeded => "MEMORY_LIMIT_EXCEEDED",
            Self::MaxTypeNodesReached => "VM_MAX_TYPE_NODES_REACHED",
        }
    }
}

/// A position in bytecode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The module, by runtime id.
    pub module: ModuleId,
    /// Index into the module's function definitions.
    pub function: u16,
    /// Instruction index; 0 inside natives.
    pub instruction: u16,
    /// Name of the function.
    pub function_name: Identifier,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}::{} (function {}, instruction {})",
            self.module, self.function_name, self.function, self.instruction
        )
    }
}

/// A failure of the virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmError {
    /// What happened.
    pub status: StatusCode,
    /// The abort code of [`StatusCode::Aborted`], or detail of a vector error.
    pub sub_status: Option<u64>,
    /// Where, when bytecode was running.
    pub location: Option<Box<Location>>,
    /// More about it, for people.
    pub message: Option<Box<str>>,
}

impl VmError {
    /// An error of this status.
    pub const fn new(status: StatusCode) -> Self {
        Self {
            status,
            sub_status: None,
            location: None,
            message: None,
        }
    }

    /// An abort with a code.
    pub const fn abort(code: u64) -> Self {
        Self {
            status: StatusCode::Aborted,
            sub_status: Some(code),
            location: None,
            message: None,
        }
    }

    /// An invariant violation: verified code cannot cause it.
    pub fn invariant(message: &str) -> Self {
        Self::new(StatusCode::InvariantViolation).with_message(message)
    }

    /// Sets the sub-status.
    #[must_use]
    pub const fn with_sub_status(mut self, sub_status: u64) -> Self {
        self.sub_status = Some(sub_status);
        self
    }

    /// Sets the message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Box<str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the location, unless one is set already.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location.get_or_insert_with(|| Box::new(location));
        self
    }

    /// The abort code, if this is an abort.
    pub fn abort_code(&self) -> Option<u64> {
        self.sub_status
            .filter(|_| self.status == StatusCode::Aborted)
    }
}

impl fmt::Display for VmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.name())?;
        if let Some(sub_status) = self.sub_status {
            write!(f, " {sub_status}")?;
        }
        if let Some(location) = &self.location {
            write!(f, " in {location}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for VmError {}
