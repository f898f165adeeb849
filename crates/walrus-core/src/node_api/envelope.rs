//! The two JSON envelopes every answer of a node travels in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ErrorReason, ErrorStatus};

/// `domain` of the errors of the storage service.
pub const ERROR_DOMAIN: &str = "storage.walrus.space";
/// `domain` of bare internal errors.
pub const GLOBAL_ERROR_DOMAIN: &str = "global";

/// The domain a reason belongs to: `global` for internal errors, the storage service's for all
/// others.
pub fn domain_of(reason: ErrorReason) -> &'static str {
    match reason {
        ErrorReason::InternalError => GLOBAL_ERROR_DOMAIN,
        _ => ERROR_DOMAIN,
    }
}

/// A successful answer: `{"success":{"code":200,"data":…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Success<T> {
    /// The only field of the envelope.
    pub success: SuccessBody<T>,
}

/// Inside of [`Success`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuccessBody<T> {
    /// HTTP status code of the answer.
    pub code: u16,
    /// The value asked for.
    pub data: T,
}

impl<T> Success<T> {
    /// Wraps `data` as the answer with HTTP status `code`.
    pub fn new(code: u16, data: T) -> Self {
        Self {
            success: SuccessBody { code, data },
        }
    }
}

/// A failed answer: `{"error":{"status":…,"code":…,"message":…,"details":[…]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorEnvelope {
    /// The only field of the envelope.
    pub error: ErrorBody,
}

/// Inside of [`ErrorEnvelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// Name of the status; always agrees with `code`.
    pub status: ErrorStatus,
    /// HTTP status code.
    pub code: u16,
    /// A sentence for people. Clients do not parse it.
    pub message: String,
    /// Machine-readable parts; an [`ErrorDetail::ErrorInfo`] comes first.
    #[serde(default)]
    pub details: Vec<ErrorDetail>,
}

/// One entry of [`ErrorBody::details`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "@type")]
pub enum ErrorDetail {
    /// Why the request failed, in the vocabulary of [`ErrorReason`].
    ErrorInfo {
        /// `SCREAMING_CASE` name of the reason.
        reason: String,
        /// Who defines the reason.
        domain: String,
        /// Values that belong to the reason, such as the epochs of `INVALID_EPOCH`.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        metadata: Map<String, Value>,
    },
    /// How to find the failure in the node's log.
    #[serde(rename_all = "camelCase")]
    DebugInfo {
        /// Always empty: stacks do not leave the node.
        #[serde(default)]
        stack_entries: Vec<String>,
        /// `TraceID: <hex>`, the number the node logged with the failure.
        #[serde(default)]
        detail: String,
    },
    /// A kind of detail this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorEnvelope {
    /// An error with its `ErrorInfo` and nothing else.
    pub fn new(status: ErrorStatus, reason: ErrorReason, message: impl Into<String>) -> Self {
        Self::with_metadata(status, reason, message, Map::new())
    }

    /// An error whose `ErrorInfo` carries values.
    pub fn with_metadata(
        status: ErrorStatus,
        reason: ErrorReason,
        message: impl Into<String>,
        metadata: Map<String, Value>,
    ) -> Self {
        let info = ErrorDetail::ErrorInfo {
            reason: reason.as_str().to_owned(),
            domain: domain_of(reason).to_owned(),
            metadata,
        };
        Self {
            error: ErrorBody {
                status,
                code: status.code(),
                message: message.into(),
                details: vec![info],
            },
        }
    }

    /// Adds the `DebugInfo` that every 500 answer carries.
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: u64) -> Self {
        self.error.details.push(ErrorDetail::DebugInfo {
            stack_entries: Vec::new(),
            detail: format!("TraceID: {trace_id:016x}"),
        });
        self
    }

    /// The reason named by the first `ErrorInfo`, if it is one this version knows.
    pub fn reason(&self) -> Option<ErrorReason> {
        self.reason_text().and_then(|text| text.parse().ok())
    }

    /// The reason named by the first `ErrorInfo`, known or not.
    pub fn reason_text(&self) -> Option<&str> {
        self.error.details.iter().find_map(|detail| match detail {
            ErrorDetail::ErrorInfo { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_text_is_exact() {
        let text = serde_json::to_string(&Success::new(200, "stored")).unwrap();
        assert_eq!(text, r#"{"success":{"code":200,"data":"stored"}}"#);
    }

    #[test]
    fn error_text_is_exact() {
        let envelope = ErrorEnvelope::new(
            ErrorStatus::FailedPrecondition,
            ErrorReason::NotRegistered,
            "human text",
        );
        assert_eq!(
            serde_json::to_string(&envelope).unwrap(),
            concat!(
                r#"{"error":{"status":"FAILED_PRECONDITION","code":400,"message":"human text","#,
                r#""details":[{"@type":"ErrorInfo","reason":"NOT_REGISTERED","#,
                r#""domain":"storage.walrus.space","metadata":{}}]}}"#
            )
        );
    }

    #[test]
    fn internal_errors_are_global_and_carry_a_trace_id() {
        let envelope = ErrorEnvelope::new(
            ErrorStatus::Internal,
            ErrorReason::InternalError,
            "disk full",
        )
        .with_trace_id(0xab);
        let text = serde_json::to_string(&envelope).unwrap();
        assert!(text.contains(r#""domain":"global""#), "{text}");
        assert!(
            text.contains(
                r#"{"@type":"DebugInfo","stackEntries":[],"detail":"TraceID: 00000000000000ab"}"#
            ),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<ErrorEnvelope>(&text).unwrap(),
            envelope
        );
    }

    #[test]
    fn unknown_details_and_reasons_are_tolerated() {
        let text = r#"{"error":{"status":"NOT_FOUND","code":404,"message":"m","details":[
            {"@type":"Novel","x":1},
            {"@type":"ErrorInfo","reason":"SOMETHING_NEW","domain":"d","metadata":{}}]}}"#;
        let envelope: ErrorEnvelope = serde_json::from_str(text).unwrap();
        assert_eq!(envelope.reason(), None);
        assert_eq!(envelope.reason_text(), Some("SOMETHING_NEW"));
    }
}
