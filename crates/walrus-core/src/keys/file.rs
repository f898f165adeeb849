//! The text of key files: standard base64 of a flag byte and the 32 bytes of the secret key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

/// Length of every secret key, in bytes.
pub(crate) const SECRET_KEY_LENGTH: usize = 32;

/// The kinds of keys that are kept in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// BLS12-381.
    Protocol,
    /// NIST P-256.
    Network,
}

impl KeyKind {
    const fn flag(self) -> u8 {
        match self {
            Self::Network => 2,
            Self::Protocol => 4,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Network => "network key (P-256, flag 2)",
            Self::Protocol => "protocol key (BLS12-381, flag 4)",
        }
    }

    fn describe(flag: u8) -> String {
        [Self::Protocol, Self::Network]
            .into_iter()
            .find(|kind| kind.flag() == flag)
            .map_or_else(
                || format!("key of an unknown kind (flag {flag})"),
                |kind| kind.name().into(),
            )
    }
}

/// Why the text of a key file holds no key of the expected kind. Never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyFileError {
    /// The text is not base64 (nor PEM, where that is accepted).
    #[error("the key file is not base64 of a flag byte and a secret key")]
    NotBase64,
    /// The decoded text does not have 33 bytes.
    #[error("the key file holds {actual} bytes; a flag byte and 32 bytes of key are expected")]
    WrongLength {
        /// Bytes found.
        actual: usize,
    },
    /// The key is of another kind.
    #[error("the key file holds a {actual}; a {expected} is expected")]
    WrongKind {
        /// The kind found.
        actual: String,
        /// The kind expected.
        expected: &'static str,
    },
    /// The bytes are not a secret key: zero, or not below the order of the group.
    #[error("the key file does not hold a valid secret key")]
    InvalidKey,
    /// The text looks like PEM but is not a PKCS#8 key on P-256.
    #[error("the key file is not a PKCS#8 private key on the curve P-256")]
    InvalidPem,
}

pub(crate) fn encode(kind: KeyKind, secret: &[u8; SECRET_KEY_LENGTH]) -> String {
    let mut bytes = [kind.flag(); 1 + SECRET_KEY_LENGTH];
    bytes[1..].copy_from_slice(secret);
    STANDARD.encode(bytes)
}

pub(crate) fn decode(kind: KeyKind, text: &str) -> Result<[u8; SECRET_KEY_LENGTH], KeyFileError> {
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| KeyFileError::NotBase64)?;
    let actual = bytes.len();
    let bytes: [u8; 1 + SECRET_KEY_LENGTH] = bytes
        .try_into()
        .map_err(|_| KeyFileError::WrongLength { actual })?;
    let [flag, secret @ ..] = bytes;
    if flag != kind.flag() {
        let actual = KeyKind::describe(flag);
        return Err(KeyFileError::WrongKind {
            actual,
            expected: kind.name(),
        });
    }
    Ok(secret)
}
