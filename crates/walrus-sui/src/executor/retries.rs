//! One budget for everything about one transaction that is tried again, whatever the reason.

use std::time::Duration;

use tokio::time::Instant;

use crate::{error::SuiError, rpc::backoff};

/// How often a transaction is read for, built or sent.
const ATTEMPTS_MAX: u32 = 8;
/// How long all of that may take before no further attempt begins.
const TIME_MAX: Duration = Duration::from_secs(180);
/// How often an object may be missing: a coin may just have been merged into another, or a full
/// node be behind another, but most of what is missing never was.
const MISSING_MAX: u32 = 2;

/// How often state and prices are read anew.
const READS_MAX: u32 = 3;

/// From where on to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Send the same transaction. That is safe: it executes once.
    Send,
    /// Build the transaction on the newest objects.
    Build,
    /// Merge coins, then build.
    Merge,
    /// Read state and prices, then build.
    Read,
}

/// What is left of the budget.
#[derive(Debug)]
pub(super) struct Retries {
    attempts: u32,
    missing: u32,
    reads: u32,
    merged: bool,
    begun: Instant,
}

impl Retries {
    pub(super) fn new() -> Self {
        Self {
            attempts: 0,
            missing: 0,
            reads: 0,
            merged: false,
            begun: Instant::now(),
        }
    }

    /// What to do after `error`, and how long to wait before; `None` if it is final. `is_sent`: a
    /// transaction was sent and may still be executed. `is_outdated`: the error says that what was
    /// read is old.
    pub(super) fn after(
        &mut self,
        error: &SuiError,
        is_sent: bool,
        is_outdated: bool,
    ) -> Option<(Again, Duration)> {
        let again = match error {
            SuiError::ObjectsInUse(_) => Again::Build,
            SuiError::ObjectNotFound(_) => {
                self.missing += 1;
                (self.missing < MISSING_MAX).then_some(Again::Build)?
            }
            SuiError::CoinsScattered { coin, .. } if coin == "SUI" && !self.merged => {
                self.merged = true;
                Again::Merge
            }
            _ if is_outdated => {
                self.reads += 1;
                (self.reads < READS_MAX).then_some(Again::Read)?
            }
            // Everything before sending was tried again already, call by call.
            _ if is_sent && error.is_transient() => Again::Send,
            _ => return None,
        };
        self.attempts += 1;
        if self.attempts >= ATTEMPTS_MAX || self.begun.elapsed() >= TIME_MAX {
            return None;
        }
        Some((again, backoff(self.attempts)))
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{ObjectId, SuiAddress};

    use super::*;

    fn unavailable() -> SuiError {
        SuiError::Rpc {
            url: "http://a".to_owned(),
            method: "ExecuteTransaction",
            status: Box::new(tonic::Status::unavailable("gone")),
        }
    }

    fn again(error: &SuiError, is_sent: bool, is_outdated: bool) -> Option<Again> {
        let again = Retries::new().after(error, is_sent, is_outdated);
        again.map(|(again, _)| again)
    }

    #[test]
    fn each_reason_begins_where_it_must() {
        let in_use = SuiError::ObjectsInUse("x".to_owned());
        assert_eq!(again(&in_use, true, false), Some(Again::Build));
        assert_eq!(again(&unavailable(), true, false), Some(Again::Send));
        assert_eq!(again(&unavailable(), false, false), None);
        let refused = SuiError::InvalidInput("no".to_owned());
        assert_eq!(again(&refused, false, false), None);
        assert_eq!(again(&refused, false, true), Some(Again::Read));
    }

    #[test]
    fn all_reasons_share_one_budget() {
        let mut retries = Retries::new();
        let mut count = 0;
        let reasons = [SuiError::ObjectsInUse("x".to_owned()), unavailable()];
        for reason in reasons.iter().cycle() {
            if retries.after(reason, true, false).is_none() {
                break;
            }
            count += 1;
        }
        assert_eq!(count, ATTEMPTS_MAX - 1);
    }

    #[test]
    fn what_never_was_is_not_waited_for_and_coins_are_merged_once() {
        let mut retries = Retries::new();
        let missing = SuiError::ObjectNotFound(ObjectId([1; 32]));
        assert!(retries.after(&missing, false, false).is_some());
        assert!(retries.after(&missing, false, false).is_none());
        let scattered = SuiError::CoinsScattered {
            address: SuiAddress([1; 32]),
            coin: "SUI".to_owned(),
            usable: 1,
            have: 2,
        };
        assert!(retries.after(&scattered, false, false).is_some());
        assert!(retries.after(&scattered, false, false).is_none());
    }
}
