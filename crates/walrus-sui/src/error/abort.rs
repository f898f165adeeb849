//! Aborts of Move functions, in sentences.

use std::fmt;

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::Address;
use walrus_contracts::abort::{self, AbortCode, ContractError};

/// An abort of a Move function, with the name our contracts give to its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAbort {
    /// Package of the aborting function, `0x` and hex.
    pub package: String,
    /// Module of the aborting function.
    pub module: String,
    /// Name of the aborting function, if known.
    pub function: Option<String>,
    /// The code.
    pub code: u64,
    /// Index of the failed command in the transaction.
    pub command: Option<u64>,
    /// What the aborting module itself says, if its code refers to a text.
    pub message: Option<String>,
}

/// IDs of the framework's packages that our table covers, and their names there.
const FRAMEWORK_PACKAGES: [(Address, &str); 2] =
    [(Address::from_static("0x1"), "std"), (Address::TWO, "sui")];

impl MoveAbort {
    pub(super) fn new(abort: &proto::MoveAbort, command: Option<u64>) -> Self {
        let location = abort.location.as_ref();
        let message = abort
            .clever_error
            .as_ref()
            .and_then(|clever| match &clever.value {
                Some(proto::clever_error::Value::Rendered(text)) => Some(text.clone()),
                _ => clever.constant_name.clone(),
            });
        Self {
            package: location.and_then(|l| l.package.clone()).unwrap_or_default(),
            module: location.and_then(|l| l.module.clone()).unwrap_or_default(),
            function: location.and_then(|l| l.function_name.clone()),
            code: abort.abort_code(),
            command,
            message,
        }
    }

    /// What the code means, if it is one of our contracts or one of the framework that users meet.
    pub fn explanation(&self) -> Option<&'static AbortCode> {
        let package: Option<Address> = self.package.parse().ok();
        let framework = FRAMEWORK_PACKAGES
            .iter()
            .find(|(id, _)| Some(*id) == package);
        match framework {
            Some((_, name)) => abort::describe_in(name, &self.module, self.code),
            None => abort::describe(&self.module, self.code),
        }
    }

    /// The error of our contracts, as a type to match on.
    pub fn contract_error(&self) -> Option<ContractError> {
        self.explanation().and_then(ContractError::of)
    }

    /// What the sender can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.explanation().and_then(AbortCode::hint)
    }

    /// `module::function`, or the module if the function is not known.
    fn place(&self) -> String {
        match &self.function {
            Some(function) => format!("{}::{function}", self.module),
            None => self.module.clone(),
        }
    }
}

impl fmt::Display for MoveAbort {
    /// What went wrong and what to do, and in parentheses where and with which code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, code) = (self.place(), self.code);
        if let Some(entry) = self.explanation() {
            write!(f, "{}", entry.sentence)?;
            if let Some(hint) = entry.hint() {
                write!(f, " {hint}")?;
            }
            let name = entry.name;
            return write!(f, " ({place} aborted with {name}, code {code})");
        }
        match &self.message {
            Some(message) => write!(f, "{message} ({place} of package {} refused)", self.package),
            None => write!(
                f,
                "{place} of package {} refused for a reason that this program does not know: abort code {code}; look \
                 it up in the source of that package",
                self.package
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SuiError;

    fn abort(package: &str, module: &str, function: &str, code: u64) -> MoveAbort {
        MoveAbort {
            package: package.to_owned(),
            module: module.to_owned(),
            function: Some(function.to_owned()),
            code,
            command: Some(0),
            message: None,
        }
    }

    #[test]
    fn aborts_of_our_contracts_are_sentences_with_a_hint_and_a_type() {
        use walrus_contracts::abort::walrus::BlsAggregateError;
        let abort = abort("0xabc", "bls_aggregate", "verify", 2);
        assert_eq!(
            abort.to_string(),
            "The signers do not have enough shards. Collect signatures from more nodes: their shards count, not their \
             number. (bls_aggregate::verify aborted with ENotEnoughStake, code 2)"
        );
        let error = SuiError::MoveAbort(abort);
        assert_eq!(
            error.contract_error(),
            Some(BlsAggregateError::NotEnoughStake.into())
        );
    }

    #[test]
    fn aborts_of_the_framework_are_told_apart_by_package() {
        for package in ["0x2", &format!("0x{:0>64}", "2")] {
            let text = abort(package, "balance", "split", 2).to_string();
            assert!(
                text.starts_with("The coin or fund holds less than the call takes from it."),
                "{text}"
            );
        }
        let foreign = abort("0xabc", "balance", "split", 2);
        assert_eq!(foreign.explanation(), None);
        assert_eq!(abort("0x2", "blob", "certify", 5).explanation(), None);
    }

    #[test]
    fn unknown_aborts_are_printed_with_what_is_known() {
        let mut abort = abort("0xabc", "game", "play", 7);
        let text = abort.to_string();
        assert!(text.contains("game::play of package 0xabc"), "{text}");
        assert!(
            text.contains("abort code 7") && !text.contains("MoveAbort"),
            "{text}"
        );
        abort.message = Some("No lives left".to_owned());
        assert_eq!(
            abort.to_string(),
            "No lives left (game::play of package 0xabc refused)"
        );
    }
}
