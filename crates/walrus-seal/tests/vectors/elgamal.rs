use walrus_seal::{
    EphemeralKey, IdentityPoint, MasterKey, PublicKey, UserSecretKey, WrappedKey,
    curve::{EncryptionKey, VerificationKey},
    elgamal::{AggregationError, aggregate},
};

use super::{Script, bytes, list, load, number, text};

#[test]
fn keys_are_wrapped_and_unwrapped() {
    for case in list(&load("seal-elgamal.json")["wrap"]) {
        let key = EphemeralKey::from_bytes(&bytes(&case["secret_key"])).unwrap();
        let to: EncryptionKey = text(&case["public_key_g1"]).parse().unwrap();
        let check: VerificationKey = text(&case["verification_key_g2"]).parse().unwrap();
        assert_eq!((key.encryption_key(), key.verification_key()), (to, check));
        assert!(to.matches(&check));
        let message = UserSecretKey::from_hex(text(&case["message_g1"])).unwrap();
        let mut rng = Script(vec![]).then_scalar(&bytes(&case["r"]));
        let wrapped = WrappedKey::wrap(&message, &to, &mut rng);
        assert_eq!(wrapped.0.to_bytes()[..], bytes(&case["c0"]));
        assert_eq!(wrapped.1.to_bytes()[..], bytes(&case["c1"]));
        assert_eq!(serde_json::to_value(wrapped).unwrap(), case["json"]);
        assert_eq!(key.unwrap_key(&wrapped).unwrap(), message);
        let other = EphemeralKey::generate(&mut rand::thread_rng());
        assert_ne!(other.unwrap_key(&wrapped).unwrap(), message);
        assert!(!to.matches(&other.verification_key()));
    }
}

fn wrapped(value: &serde_json::Value) -> WrappedKey {
    let [first, second] = list(value) else {
        panic!("two elements")
    };
    WrappedKey(text(first).parse().unwrap(), text(second).parse().unwrap())
}

#[test]
fn answers_of_a_committee_are_checked_and_put_together() {
    for case in list(&load("seal-elgamal.json")["committee"]) {
        let key = EphemeralKey::from_bytes(&bytes(&case["elgamal_secret_key"])).unwrap();
        let check = key.verification_key();
        let identity = IdentityPoint::of(&bytes(&case["full_id"]));
        let members: Vec<(u16, WrappedKey)> = list(&case["members"])
            .iter()
            .map(|member| {
                let share = MasterKey::from_hex(text(&member["master_share"])).unwrap();
                let public: PublicKey = text(&member["partial_pk"]).parse().unwrap();
                assert_eq!(share.public(), public);
                let mut rng = Script(vec![]).then_scalar(&bytes(&member["r"]));
                let part =
                    WrappedKey::wrap(&share.extract(&identity), &key.encryption_key(), &mut rng);
                assert_eq!(part, wrapped(&member["encrypted"]));
                assert!(part.verify(&identity, &check, &public));
                assert!(!part.verify(&IdentityPoint::of(b"other"), &check, &public));
                (number(&member["party_id"]), part)
            })
            .collect();
        let selected: Vec<u16> = list(&case["selected_party_ids"])
            .iter()
            .map(number)
            .collect();
        let chosen: Vec<_> = members
            .iter()
            .filter(|(party, _)| selected.contains(party))
            .copied()
            .collect();
        let together = aggregate(&chosen).unwrap();
        assert_eq!(together, wrapped(&case["aggregated"]));
        let user_key = key.unwrap_key(&together).unwrap();
        assert_eq!(user_key.to_bytes()[..], bytes(&case["user_secret_key"]));
        let committee: PublicKey = text(&case["public_key"]).parse().unwrap();
        assert!(user_key.verify(&identity, &committee));
        let twice = [members[0], members[0]];
        assert_eq!(aggregate(&twice), Err(AggregationError::Duplicate(0)));
        let invalid = [(u16::MAX, members[0].1)];
        assert_eq!(
            aggregate(&invalid),
            Err(AggregationError::InvalidParty(u16::MAX))
        );
        assert_eq!(aggregate(&[]), Err(AggregationError::Empty));
    }
}
