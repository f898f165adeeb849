//! Failures during execution: they become the status of the effects.

use super::convert::{from_move, identifier};
use move_vm::{Linkage, Location, StatusCode, VmError};
use stdx::SaturatingFrom as _;
use sui_sdk_types::{CommandArgumentError, ExecutionError, MoveLocation, TypeArgumentError};

/// Why an execution failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: Box<ExecutionError>,
    /// More than the status can say, for logs and people.
    pub(crate) detail: Option<String>,
    /// Position of the failed command, once known.
    pub(crate) command: Option<u64>,
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        Self {
            error: Box::new(error),
            detail: None,
            command: None,
        }
    }
}

/// A failure of the virtual machine outside of calls.
impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        Self::of_vm(&error, &Linkage::new())
    }
}

impl Failure {
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the command, unless one is named already.
    pub(crate) fn in_command(mut self, index: usize) -> Self {
        self.command = self.command.or(u64::try_from(index).ok());
        self
    }

    /// The executor met a state that checked transactions cannot reach.
    pub(crate) fn invariant(detail: impl Into<String>) -> Self {
        Self::from(ExecutionError::InvariantViolation).with_detail(detail)
    }

    /// A command argument that does not fit.
    pub(crate) fn argument(index: usize, kind: CommandArgumentError) -> Self {
        let argument = u16::saturating_from(index);
        ExecutionError::CommandArgumentError { argument, kind }.into()
    }

    /// A type argument that does not exist or does not fit.
    pub(crate) fn type_argument(index: usize, error: &VmError) -> Self {
        let kind = match error.status {
            StatusCode::TypeArityMismatch => {
                return Self::from(ExecutionError::TypeArityMismatch)
                    .with_detail(error.to_string());
            }
            StatusCode::ConstraintNotSatisfied => TypeArgumentError::ConstraintNotSatisfied,
            _ => TypeArgumentError::TypeNotFound,
        };
        let type_argument = u16::saturating_from(index);
        Self::from(ExecutionError::TypeArgumentError {
            type_argument,
            kind,
        })
        .with_detail(error.to_string())
    }

    /// A failure of the virtual machine under `linkage`.
    pub(crate) fn of_vm(error: &VmError, linkage: &Linkage) -> Self {
        let status = match error.status {
            StatusCode::OutOfGas => ExecutionError::InsufficientGas,
            StatusCode::Aborted => match (&error.location, error.sub_status) {
                (Some(location), Some(code)) => ExecutionError::MoveAbort {
                    location: linked_location(location, linkage),
                    code,
                },
                _ => ExecutionError::VmInvariantViolation,
            },
            StatusCode::ModuleNotFound | StatusCode::FunctionNotFound => {
                ExecutionError::FunctionNotFound
            }
            StatusCode::TypeArityMismatch => ExecutionError::TypeArityMismatch,
            StatusCode::ArityMismatch => ExecutionError::ArityMismatch,
            StatusCode::VerificationError | StatusCode::DeserializationError => {
                ExecutionError::VmVerificationOrDeserializationError
            }
            StatusCode::InvariantViolation
            | StatusCode::TypeNotFound
            | StatusCode::ConstraintNotSatisfied
            | StatusCode::LinkageMissing => ExecutionError::VmInvariantViolation,
            _ => ExecutionError::MovePrimitiveRuntimeError {
                location: error.location.as_deref().map(runtime_location),
            },
        };
        Self::from(status).with_detail(error.to_string())
    }
}

/// A location with the runtime id of its package, as primitive errors report it.
fn runtime_location(location: &Location) -> MoveLocation {
    MoveLocation {
        package: from_move(location.module.address),
        module: identifier(&location.module.name),
        function: location.function,
        instruction: location.instruction,
        function_name: Some(identifier(&location.function_name)),
    }
}

/// A location with the storage id of the linked package version, as aborts report it.
fn linked_location(location: &Location, linkage: &Linkage) -> MoveLocation {
    let mut found = runtime_location(location);
    if let Some(package) = linkage.get(&location.module.address) {
        found.package = from_move(package.storage_id);
    }
    found
}
