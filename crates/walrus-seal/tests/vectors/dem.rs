use walrus_seal::{Ciphertext, DemKey};

use super::{array, bytes, key, list, load};

/// Encryption is compared in the tests of objects, where keys are not chosen.
#[test]
fn aes() {
    for case in list(&load("seal-dem.json")["aes256gcm"]) {
        let key = DemKey::from_bytes(key(&case["key"]));
        let mut blob = bytes(&case["blob"]);
        let ciphertext = |blob| Ciphertext::Aes256Gcm {
            blob,
            aad: Some(bytes(&case["aad"])),
        };
        let plaintext = ciphertext(blob.clone()).decrypt(&key).unwrap();
        assert_eq!(plaintext, bytes(&case["plaintext"]));
        blob[0] ^= 1;
        assert!(ciphertext(blob).decrypt(&key).is_err());
        assert!(ciphertext(vec![0; 15]).decrypt(&key).is_err());
    }
}

#[test]
fn hmac() {
    for case in list(&load("seal-dem.json")["hmac256ctr"]) {
        let key = DemKey::from_bytes(key(&case["key"]));
        let mut mac: [u8; 32] = array(&case["mac"]);
        let ciphertext = |mac| Ciphertext::Hmac256Ctr {
            blob: bytes(&case["blob"]),
            aad: Some(bytes(&case["aad"])),
            mac,
        };
        let plaintext = ciphertext(mac).decrypt(&key).unwrap();
        assert_eq!(plaintext, bytes(&case["plaintext"]));
        mac[31] ^= 1;
        assert!(ciphertext(mac).decrypt(&key).is_err());
    }
}
