use walrus_seal::sharing::{self, Share, SharingError, field};
use zeroize::Zeroizing;

use super::{Script, bytes, list, load, number};

/// Shares of shorter secrets are those of the secret with zeros behind it.
fn padded(value: &serde_json::Value) -> Zeroizing<[u8; 32]> {
    let bytes = bytes(value);
    let mut padded = Zeroizing::new([0; 32]);
    padded[..bytes.len()].copy_from_slice(&bytes);
    padded
}

fn share(value: &serde_json::Value) -> Share {
    Share::new(number(&value["index"]), padded(&value["share"])).unwrap()
}

#[test]
fn arithmetic_of_the_field() {
    for case in list(&load("seal-sharing.json")["field"]) {
        let (a, b) = (number(&case["a"]), number::<u8>(&case["b"]));
        assert_eq!(a ^ b, number::<u8>(&case["sum"]));
        assert_eq!(field::mul(a, b), number::<u8>(&case["product"]));
        if case["inverse_of_b"].is_null() {
            continue;
        }
        let inverse = field::inverse(b);
        assert_eq!(inverse, number::<u8>(&case["inverse_of_b"]));
        assert_eq!(field::mul(a, inverse), number::<u8>(&case["quotient"]));
    }
    for a in 1..=u8::MAX {
        assert_eq!(field::mul(a, field::inverse(a)), 1);
    }
}

#[test]
fn secrets_are_split_and_combined() {
    for case in list(&load("seal-sharing.json")["deterministic_split"]) {
        let threshold: u8 = number(&case["threshold"]);
        let per_byte: Vec<_> = list(&case["coefficients_per_byte_low_to_high"])
            .iter()
            .map(bytes)
            .collect();
        // We draw all bytes of one coefficient after the other.
        let drawn = (1..usize::from(threshold)).flat_map(|degree| {
            let mut coefficient: Vec<u8> = per_byte.iter().map(|byte| byte[degree]).collect();
            coefficient.resize(32, 0);
            coefficient
        });
        let mut rng = Script(drawn.collect());
        let shares = sharing::split(
            &padded(&case["secret"]),
            threshold,
            number(&case["total"]),
            &mut rng,
        )
        .unwrap();
        for (share, expected) in shares.iter().zip(list(&case["shares"])) {
            assert_eq!(share.index.get(), number::<u8>(&expected["index"]));
            assert_eq!(share.value, padded(&expected["share"]));
        }
        assert_eq!(shares.len(), list(&case["shares"]).len());
        let chosen: Vec<u8> = list(&case["combine_indices"]).iter().map(number).collect();
        let chosen: Vec<_> = shares
            .iter()
            .filter(|share| chosen.contains(&share.index.get()))
            .cloned()
            .collect();
        let combined = sharing::combine(&chosen).unwrap();
        assert_eq!(combined, padded(&case["secret"]));
        assert_eq!(sharing::are_consistent(&shares, threshold), Ok(true));
    }
}

#[test]
fn shares_of_others_combine() {
    for case in list(&load("seal-sharing.json")["sdk_random_split"]) {
        let shares: Vec<_> = list(&case["shares"]).iter().map(share).collect();
        let combined = sharing::combine(&shares).unwrap();
        assert_eq!(combined, padded(&case["secret"]));
        assert_eq!(
            sharing::are_consistent(&shares, number(&case["threshold"])),
            Ok(true)
        );
    }
}

#[test]
fn too_few_shares_give_something_else() {
    let case = &load("seal-sharing.json")["below_threshold_gives_wrong_result_not_error"];
    let shares: Vec<_> = list(&case["shares"]).iter().map(share).collect();
    let combined = sharing::combine(&shares).unwrap();
    assert_eq!(combined, padded(&case["result"]));
    assert_ne!(combined, padded(&case["secret"]));
}

#[test]
fn impossible_shares_are_refused() {
    let value = Zeroizing::new([1; 32]);
    let one = Share::new(1, value.clone()).unwrap();
    assert_eq!(sharing::combine(&[]).unwrap_err(), SharingError::NoShares);
    assert_eq!(
        sharing::combine(&[one.clone(), one.clone()]).unwrap_err(),
        SharingError::DuplicateIndex(one.index)
    );
    assert_eq!(
        Share::new(0, value.clone()).err(),
        Some(SharingError::ZeroIndex)
    );
    let mut rng = rand::thread_rng();
    for (threshold, count) in [(0, 1), (2, 1)] {
        assert!(sharing::split(&value, threshold, count, &mut rng).is_err());
    }
    assert_eq!(
        sharing::split(&value, 1, 255, &mut rng).err(),
        Some(SharingError::TooManyShares(255))
    );
}
