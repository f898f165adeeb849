//! Query strings of the node's endpoints.

use serde::{Deserialize, Serialize};

/// Query of the two PUT endpoints. Unknown fields are refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PendingQuery {
    /// Accept the data before the registration of the blob is seen, into a bounded cache.
    #[serde(default)]
    pub pending: bool,
}

/// Query of the confirmation endpoints. Unknown fields are ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ConfirmationQuery {
    /// Wait for the registration if data of the blob is buffered.
    #[serde(default)]
    pub wait_for_registration: bool,
    /// Longest wait the caller wants; the node has its own bound.
    #[serde(default)]
    pub wait_millis: Option<u64>,
}

/// Query of the health endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct HealthQuery {
    /// List every shard.
    #[serde(default)]
    pub detailed: bool,
}
