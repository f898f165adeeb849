//! Upgrade.

use super::Interpreter;
use super::values::ResultState;
use crate::execution::failure::Failure;
use sui_sdk_types::{ExecutionError, Upgrade};

impl Interpreter<'_> {
    pub(super) fn upgrade(
        &mut self,
        _index: usize,
        upgrade: &Upgrade,
    ) -> Result<Vec<ResultState>, Failure> {
        Err(Failure::from(ExecutionError::FeatureNotYetSupported)
            .with_detail(format!("package {}: upgrades are not supported by this chain", upgrade.package)))
    }
}
