//! Failures of transactions that are no aborts.

use std::fmt;

use sui_rpc::proto::sui::rpc::v2::{self as proto, execution_error::ExecutionErrorKind};

/// What failures other than aborts mean, for those that people meet.
pub(super) fn meaning(kind: ExecutionErrorKind) -> Option<&'static str> {
    use ExecutionErrorKind as Kind;
    Some(match kind {
        Kind::InsufficientGas => "the gas budget does not suffice; raise it or let it be estimated",
        Kind::InsufficientCoinBalance => "a coin holds less than should be taken from it",
        Kind::MovePrimitiveRuntimeError => {
            "a calculation of the contract left the range of its numbers; check the amounts"
        }
        Kind::FunctionNotFound => {
            "the package has no such function; the contracts are of another version than this program expects"
        }
        Kind::CommandArgumentError | Kind::TypeArgumentError | Kind::ArityMismatch => {
            "the arguments do not fit; check that every object ID names an object of the right kind"
        }
        Kind::PackageTooBig | Kind::ObjectTooBig => {
            "an object or package exceeds what the chain stores"
        }
        Kind::PublishUpgradeMissingDependency => {
            "a package that the new one depends on is not listed; link it again"
        }
        Kind::PublishUpgradeDependencyDowngrade => {
            "the new package is linked to an older version of a package than its dependencies need; link it to the \
             newest"
        }
        Kind::SuiMoveVerificationError | Kind::VmVerificationOrDeserializationError => {
            "the chain does not accept the bytecode"
        }
        Kind::ExecutionCanceledDueToConsensusObjectCongestion => {
            "too many transactions use the same shared objects; try again"
        }
        _ => return None,
    })
}

/// Why a new version of a package was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgradeRefusal {
    /// The package to upgrade does not exist or is no package.
    NoPackage,
    /// The new version breaks what others may rely on.
    Incompatible {
        /// What the full node says about it; may be empty.
        detail: String,
    },
    /// The package is not the one that was authorized.
    OtherDigest {
        /// Digest of the package that was sent, in base58; empty if the full node does not say.
        sent: String,
    },
    /// The ticket is for another package.
    OtherPackage,
    /// The ticket has an unknown policy, or the reason is not known to this program.
    Other {
        /// The reason as the protocol names it.
        reason: String,
    },
}

impl UpgradeRefusal {
    pub(super) fn new(refusal: &proto::PackageUpgradeError, description: &str) -> Self {
        use proto::package_upgrade_error::PackageUpgradeErrorKind as Kind;
        match refusal.kind() {
            Kind::UnableToFetchPackage | Kind::NotAPackage => Self::NoPackage,
            Kind::IncompatibleUpgrade => Self::Incompatible {
                detail: description.to_owned(),
            },
            Kind::DigestDoesNotMatch => Self::OtherDigest {
                sent: refusal.digest().to_owned(),
            },
            Kind::PackageIdDoesNotMatch => Self::OtherPackage,
            kind => Self::Other {
                reason: kind.as_str_name().to_owned(),
            },
        }
    }
}

impl fmt::Display for UpgradeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPackage => write!(
                f,
                "the package to upgrade does not exist on this chain; check the upgrade manager"
            ),
            Self::Incompatible { detail } => {
                write!(
                    f,
                    "the new version is not compatible with the published one: types and public functions must stay \
                     as they are"
                )?;
                if detail.is_empty() {
                    return Ok(());
                }
                write!(f, " ({detail})")
            }
            Self::OtherDigest { sent } => {
                write!(f, "the package is not the one that was authorized; ")?;
                if !sent.is_empty() {
                    write!(f, "its digest is {sent}; ")?;
                }
                write!(
                    f,
                    "build it with the same compiler and dependencies as the voters"
                )
            }
            Self::OtherPackage => write!(
                f,
                "the upgrade was authorized for another version of the package; read the upgrade manager again"
            ),
            Self::Other { reason } => write!(f, "the chain refused the upgrade: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SuiError;

    #[test]
    fn failures_without_abort_have_a_meaning() {
        let error = proto::ExecutionError::default()
            .with_kind(ExecutionErrorKind::InsufficientGas)
            .with_command(2u64);
        let text = SuiError::from_execution(&error).to_string();
        assert_eq!(
            text,
            "transaction failed in command 2: the gas budget does not suffice; raise it or let it be estimated"
        );
    }

    #[test]
    fn refused_upgrades_are_told_apart() {
        use proto::package_upgrade_error::PackageUpgradeErrorKind as Kind;
        let refusal = |kind| {
            let refusal = proto::PackageUpgradeError::default()
                .with_kind(kind)
                .with_digest("abc");
            let error = proto::ExecutionError::default()
                .with_kind(ExecutionErrorKind::PackageUpgradeError)
                .with_package_upgrade_error(refusal);
            match SuiError::from_execution(&error) {
                SuiError::UpgradeRefused(refusal) => refusal,
                other => panic!("{other}"),
            }
        };
        assert!(matches!(
            refusal(Kind::IncompatibleUpgrade),
            UpgradeRefusal::Incompatible { .. }
        ));
        let other = refusal(Kind::DigestDoesNotMatch);
        assert!(other.to_string().contains("its digest is abc"), "{other}");
        assert_eq!(
            refusal(Kind::PackageIdDoesNotMatch),
            UpgradeRefusal::OtherPackage
        );
        assert_eq!(refusal(Kind::NotAPackage), UpgradeRefusal::NoPackage);
    }
}
