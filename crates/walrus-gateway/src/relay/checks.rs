//! Whether a transaction paid for an upload: decisions without effects.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use walrus_core::{
    SuiAddress,
    upload_relay::{AuthPayload, TipKind},
};
use walrus_sui::rpc::{FirstInput, Payment};

use super::{config::RelayConfig, error::RelayError};

/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 32;

/// Whether the transaction is of a time that counts.
pub(super) fn check_time(
    payment: &Payment,
    config: &RelayConfig,
    now: Duration,
) -> Result<(), RelayError> {
    let made = Duration::from_millis(payment.timestamp_ms);
    let age = now.saturating_sub(made);
    if age > config.freshness {
        return Err(RelayError::TooOld {
            age_secs: age.as_secs(),
            max_secs: config.freshness.as_secs(),
        });
    }
    let ahead = made.saturating_sub(now);
    if ahead > config.future_max {
        return Err(RelayError::InFuture {
            ahead_secs: ahead.as_secs(),
        });
    }
    Ok(())
}

/// Whether enough was paid. The length of the blob is what the payload says; that is compared with
/// the blob later.
pub(super) fn check_tip(
    payment: &Payment,
    receiver: SuiAddress,
    expected: u64,
) -> Result<(), RelayError> {
    if payment.sui_changes.is_empty() {
        return Err(RelayError::NoBalanceChanges);
    }
    let paid = payment
        .sui_changes
        .iter()
        .find(|(account, _)| *account == receiver);
    match paid {
        None => Err(RelayError::NoTip(receiver)),
        Some((_, paid)) if *paid < i128::from(expected) => Err(RelayError::TipTooSmall {
            paid: *paid,
            expected,
        }),
        Some(_) => Ok(()),
    }
}

/// What the transaction was made for, if it was made by who knows the nonce.
pub(super) fn check_payload(
    payment: &Payment,
    nonce: &[u8; NONCE_BYTES],
) -> Result<AuthPayload, RelayError> {
    let payload = match &payment.first_input {
        FirstInput::Pure(bytes) => AuthPayload::from_bytes(bytes),
        FirstInput::NoValue => None,
        FirstInput::NotProgrammable => return Err(RelayError::NotProgrammable),
    };
    let payload = payload.ok_or(RelayError::NoPayload(AuthPayload::LENGTH))?;
    if Sha256::digest(nonce)[..] != payload.nonce_digest {
        return Err(RelayError::WrongNonce);
    }
    Ok(payload)
}

/// Whether a blob is the one that was paid for.
pub(super) fn check_blob(payload: &AuthPayload, blob: &[u8]) -> Result<(), RelayError> {
    let actual = blob.len() as u64;
    if actual != payload.unencoded_length {
        return Err(RelayError::WrongLength {
            actual,
            expected: payload.unencoded_length,
        });
    }
    if Sha256::digest(blob)[..] != payload.blob_digest {
        return Err(RelayError::WrongDigest);
    }
    Ok(())
}

/// The tip for a blob that has `encoded_length` bytes with the metadata; what no account can hold
/// counts as everything.
pub(super) fn tip_amount(kind: &TipKind, encoded_length: u64) -> u64 {
    kind.amount(encoded_length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use walrus_core::upload_relay::TipConfig;

    use super::*;

    const RELAY: SuiAddress = SuiAddress([1; 32]);
    const OTHER: SuiAddress = SuiAddress([2; 32]);
    const NONCE: [u8; NONCE_BYTES] = [0x17; NONCE_BYTES];
    const BLOB: &[u8] = b"hello walrus";
    const MADE: Duration = Duration::from_secs(1_000_000);

    fn payment(first_input: FirstInput) -> Payment {
        Payment {
            timestamp_ms: 1_000_000_000,
            sui_changes: vec![(OTHER, -100), (RELAY, 42), (RELAY, 1_000)],
            first_input,
        }
    }

    fn payload() -> AuthPayload {
        AuthPayload {
            blob_digest: Sha256::digest(BLOB).into(),
            nonce_digest: Sha256::digest(NONCE).into(),
            unencoded_length: BLOB.len() as u64,
        }
    }

    #[test]
    fn only_transactions_of_this_time_count() {
        let config = RelayConfig {
            tip: TipConfig::NoTip,
            freshness: Duration::from_secs(60),
            future_max: Duration::from_secs(30),
        };
        let payment = payment(FirstInput::NoValue);
        let second = Duration::from_secs(1);
        let check = |now| check_time(&payment, &config, now);
        assert!(check(MADE).is_ok() && check(MADE + second * 60).is_ok());
        assert!(check(Duration::from_secs(999_970)).is_ok());
        let old = check(MADE + second * 61);
        assert!(matches!(old, Err(RelayError::TooOld { age_secs: 61, .. })));
        let early = check(Duration::from_secs(999_969));
        assert!(matches!(
            early,
            Err(RelayError::InFuture { ahead_secs: 31 })
        ));
    }

    #[test]
    fn the_first_change_of_the_relays_account_is_the_tip() {
        let payment = payment(FirstInput::NoValue);
        assert!(check_tip(&payment, RELAY, 42).is_ok());
        let small = check_tip(&payment, RELAY, 43);
        let expected = RelayError::TipTooSmall {
            paid: 42,
            expected: 43,
        };
        assert_eq!(small.unwrap_err().to_string(), expected.to_string());
        let negative = check_tip(&payment, OTHER, 0);
        assert!(matches!(negative, Err(RelayError::TipTooSmall { .. })));
        let none = check_tip(&payment, SuiAddress([3; 32]), 0);
        assert!(matches!(none, Err(RelayError::NoTip(_))));
        let nothing = Payment {
            sui_changes: Vec::new(),
            ..payment
        };
        let nothing = check_tip(&nothing, RELAY, 0);
        assert!(matches!(nothing, Err(RelayError::NoBalanceChanges)));
    }

    #[test]
    fn the_payload_ties_the_tip_to_a_client_and_a_blob() {
        let bytes = payload().to_bytes().to_vec();
        let good = payment(FirstInput::Pure(bytes.clone()));
        let checked = check_payload(&good, &NONCE).unwrap();
        assert!(check_blob(&checked, BLOB).is_ok());
        let longer = check_blob(&checked, b"hello walruses");
        assert!(matches!(longer, Err(RelayError::WrongLength { .. })));
        let other = check_blob(&checked, b"hello walrut");
        assert!(matches!(other, Err(RelayError::WrongDigest)));
        let stolen = check_payload(&good, &[0x18; NONCE_BYTES]);
        assert!(matches!(stolen, Err(RelayError::WrongNonce)));
        for input in [
            FirstInput::NoValue,
            FirstInput::Pure(Vec::new()),
            FirstInput::Pure(bytes[1..].to_vec()),
        ] {
            let refused = check_payload(&payment(input), &NONCE);
            assert!(matches!(refused, Err(RelayError::NoPayload(72))));
        }
        let system = check_payload(&payment(FirstInput::NotProgrammable), &NONCE);
        assert!(matches!(system, Err(RelayError::NotProgrammable)));
    }
}
