//! gRPC statuses with the `google.rpc` details clients parse.

use std::fmt::Write as _;

use prost::Message;
use sui_rpc::proto::{
    TryFromProtoError,
    google::rpc::{self, BadRequest, bad_request::FieldViolation},
    sui::rpc::v2::ErrorReason,
};
use tonic::{Code, Status};

use crate::ledger::StoreError;

/// Longest message of an error, before it is cut: HTTP headers carry it.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// A status whose details hold the same code and message as `google.rpc.Status`, plus `details`.
fn with_details(code: Code, message: String, details: Vec<prost_types::Any>) -> Status {
    let message = bounded(message);
    let status = rpc::Status {
        code: code.into(),
        message: message.clone(),
        details,
    };
    Status::with_details(code, message, status.encode_to_vec().into())
}

/// A message that echoes no more of a request than helps to find the mistake.
fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let mut end = MESSAGE_BYTES_MAX;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        let left_out = message.len() - end;
        message.truncate(end);
        let _ = write!(message, "... ({left_out} bytes left out)");
    }
    message
}

/// A status with nothing but code and message.
pub(crate) fn plain(code: Code, message: impl Into<String>) -> Status {
    with_details(code, message.into(), Vec::new())
}

/// The thing asked for does not exist.
pub(crate) fn not_found(message: impl Into<String>) -> Status {
    plain(Code::NotFound, message)
}

/// The request as a whole is not acceptable.
pub(crate) fn invalid(message: impl Into<String>) -> Status {
    plain(Code::InvalidArgument, message)
}

/// The server failed.
pub(crate) fn internal(message: impl Into<String>) -> Status {
    plain(Code::Internal, message)
}

/// The server panicked over the request.
pub(crate) fn defect() -> Status {
    internal("the request met a defect of the chain; see its log")
}

/// A known method or feature this chain does not offer.
pub(crate) fn unimplemented(message: impl Into<String>) -> Status {
    plain(Code::Unimplemented, message)
}

/// A field of the request is malformed.
pub(crate) fn invalid_field(field: &str, description: impl Into<String>) -> Status {
    violation(field, description.into(), ErrorReason::FieldInvalid)
}

/// A required field of the request is missing.
pub(crate) fn missing_field(field: &str) -> Status {
    violation(field, format!("missing {field}"), ErrorReason::FieldMissing)
}

fn violation(field: &str, description: String, reason: ErrorReason) -> Status {
    let description = bounded(description);
    let mut violation = FieldViolation::new(field);
    violation.description.clone_from(&description);
    reason.as_str_name().clone_into(&mut violation.reason);
    let mut bad_request = BadRequest::default();
    bad_request.field_violations.push(violation);
    // Encoding into memory cannot fail; an empty detail list is the harmless answer if it ever did.
    let details = prost_types::Any::from_msg(&bad_request)
        .into_iter()
        .collect();
    with_details(Code::InvalidArgument, description, details)
}

/// A structured message that cannot be converted, located below `field`.
pub(crate) fn conversion(field: &str, error: TryFromProtoError) -> Status {
    let nested = error.nested(field);
    let found = nested.field_violation();
    let reason = if found.reason == ErrorReason::FieldMissing.as_str_name() {
        ErrorReason::FieldMissing
    } else {
        ErrorReason::FieldInvalid
    };
    let description = if found.description.is_empty() {
        format!("missing {}", found.field)
    } else {
        format!("invalid {}: {}", found.field, found.description)
    };
    violation(&found.field, description, reason)
}

/// The `google.rpc.Status` form of a status, for per-item errors of batch answers.
pub(crate) fn as_item(status: &Status) -> rpc::Status {
    rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "reading the ledger failed");
        internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_problem_carries_a_bad_request() {
        let status = invalid_field("read_mask", "invalid read_mask path: nonsense");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "invalid read_mask path: nonsense");
        let details = rpc::Status::decode(status.details()).expect("google.rpc.Status");
        assert_eq!(details.code, 3);
        let bad_request: BadRequest = details.details[0].to_msg().expect("BadRequest");
        assert_eq!(bad_request.field_violations[0].field, "read_mask");
        assert_eq!(bad_request.field_violations[0].reason, "FIELD_INVALID");
    }
}
