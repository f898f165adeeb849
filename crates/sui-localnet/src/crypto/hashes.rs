//! Hash functions of the framework.

use fastcrypto::hash::{Blake2b256, HashFunction as _, Keccak256, Sha3_256};

/// Block size of SHA3-256 in bytes, to which HMAC pads its key.
const SHA3_256_BLOCK_BYTES: usize = 136;

/// BLAKE2b with a digest of 32 bytes.
pub(crate) fn blake2b256(data: &[u8]) -> [u8; 32] {
    Blake2b256::digest(data).digest
}

/// Keccak-256, which differs from SHA3-256 in its padding.
pub(crate) fn keccak256(data: &[u8]) -> [u8; 32] {
    Keccak256::digest(data).digest
}

/// HMAC (RFC 2104) with SHA3-256; keys of any length.
pub(crate) fn hmac_sha3_256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; SHA3_256_BLOCK_BYTES];
    if key.len() > SHA3_256_BLOCK_BYTES {
        let digest = Sha3_256::digest(key).digest;
        block[..digest.len()].copy_from_slice(&digest);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, data: &[u8]| {
        let mut hash = Sha3_256::default();
        hash.update(block.map(|byte| byte ^ pad));
        hash.update(data);
        hash.finalize().digest
    };
    keyed(0x5c, &keyed(0x36, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(
            hex::encode(hmac_sha3_256(b"key", b"hello")),
            "a59b86b015726e63cb275f18729321e3b59068796945c7c99ddb7438b7539854"
        );
        assert_eq!(
            hex::encode(keccak256(b"")),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
        assert_eq!(
            hex::encode(blake2b256(b"")),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
        );
    }

    #[test]
    fn a_long_key_is_its_digest() {
        let key = [7; SHA3_256_BLOCK_BYTES + 1];
        let digest = Sha3_256::digest(key).digest;
        assert_eq!(hmac_sha3_256(&key, b"m"), hmac_sha3_256(&digest, b"m"));
    }
}
