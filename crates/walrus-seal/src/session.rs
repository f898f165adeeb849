//! Session keys: an account signs once, and for some minutes a key in memory asks key servers in
//! its name.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_with::{DisplayFromStr, serde_as};
use sui_crypto::{
    Signer as _, SuiVerifier as _, UserSignatureVerifier, Verifier as _,
    ed25519::{Ed25519PrivateKey, Ed25519VerifyingKey},
};
use sui_sdk_types::{Ed25519PublicKey, Ed25519Signature, PersonalMessage, UserSignature};
use thiserror::Error;
use walrus_core::{ObjectId, SuiAddress};
use zeroize::{Zeroize as _, Zeroizing};

use crate::curve::{deserialize_base64, serialize_base64};

/// Longest validity of a session key that clients ask for, in minutes.
pub const TTL_MIN_MAX: u16 = 30;
/// A session key is not used any more this long before it expires, so that servers still accept it
/// on arrival.
const EXPIRY_MARGIN_MS: u64 = 10_000;
const MS_PER_MIN: u64 = 60_000;

/// Why a session key cannot be made or used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// It would be valid for too long, or not at all.
    #[error("a session key is valid for 1 to {TTL_MIN_MAX} minutes, not for {0}")]
    InvalidTtl(u16),
    /// Its time has no date.
    #[error("{0} ms since 1970 is no time that can be written as a date")]
    InvalidTime(u64),
    /// It is over.
    #[error("the session key has expired")]
    Expired,
    /// The account has not signed yet.
    #[error("the account has not signed the session key yet")]
    NotSigned,
    /// The signature is not the account's.
    #[error("the signature is not by account {0}")]
    WrongSignature(SuiAddress),
    /// The signature is of a kind that only a full node can check.
    #[error("signatures of this kind can only be checked by a full node")]
    NeedsFullNode,
    /// The text is no private key.
    #[error("the session key cannot be read")]
    InvalidKey,
}

/// What an account signs, in the words that wallets show.
pub fn personal_message(
    package: &str,
    ttl_min: u16,
    creation_time_ms: u64,
    session_key: &Ed25519PublicKey,
) -> Result<String, SessionError> {
    let invalid = || SessionError::InvalidTime(creation_time_ms);
    let ms = i64::try_from(creation_time_ms).map_err(|_| invalid())?;
    let time = Timestamp::from_millisecond(ms).map_err(|_| invalid())?;
    let time = time.strftime("%Y-%m-%d %H:%M:%S");
    let key = STANDARD.encode(session_key.as_bytes());
    Ok(format!(
        "Accessing keys of package {package} for {ttl_min} mins from {time} UTC, session key {key}"
    ))
}

/// What a session key shows key servers: the account's permission.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The account.
    #[serde_as(as = "DisplayFromStr")]
    pub user: SuiAddress,
    /// The session key.
    #[serde(
        serialize_with = "serialize_session_vk",
        deserialize_with = "deserialize_session_vk"
    )]
    pub session_vk: Ed25519PublicKey,
    /// In ms since 1970.
    pub creation_time: u64,
    /// Validity, in minutes.
    pub ttl_min: u16,
    /// The account's signature of [`Certificate::message`].
    #[serde(
        serialize_with = "serialize_signature",
        deserialize_with = "deserialize_signature"
    )]
    pub signature: UserSignature,
    /// The registered name of the package, if the account signed that instead of its ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mvr_name: Option<String>,
}

fn serialize_session_vk<S: Serializer>(key: &Ed25519PublicKey, to: S) -> Result<S::Ok, S::Error> {
    serialize_base64(key.as_bytes(), to)
}

fn deserialize_session_vk<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Ed25519PublicKey, D::Error> {
    let bytes = deserialize_base64(source)?;
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| D::Error::custom("a session key has 32 bytes"))?;
    Ok(Ed25519PublicKey::new(bytes))
}

fn serialize_signature<S: Serializer>(signature: &UserSignature, to: S) -> Result<S::Ok, S::Error> {
    serialize_base64(signature.to_bytes(), to)
}

fn deserialize_signature<'de, D: Deserializer<'de>>(source: D) -> Result<UserSignature, D::Error> {
    UserSignature::from_bytes(&deserialize_base64(source)?).map_err(D::Error::custom)
}

impl Certificate {
    /// The text that the account signed, for the first version of a package.
    pub fn message(&self, package: ObjectId) -> Result<String, SessionError> {
        let name = match &self.mvr_name {
            Some(name) => name.clone(),
            None => package.to_string(),
        };
        personal_message(&name, self.ttl_min, self.creation_time, &self.session_vk)
    }

    /// Checks that it is valid at `now_ms`, and not for longer than `ttl_max_ms`.
    pub fn is_current(&self, now_ms: u64, ttl_max_ms: u64) -> bool {
        let ttl_ms = u64::from(self.ttl_min) * MS_PER_MIN;
        let age_ms = now_ms.checked_sub(self.creation_time);
        ttl_ms <= ttl_max_ms && age_ms.is_some_and(|age| age <= ttl_ms)
    }

    /// Checks that the account signed it for this package. Signatures of zkLogin need a full
    /// node.
    pub fn verify(&self, package: ObjectId) -> Result<(), SessionError> {
        let message = self.message(package)?;
        verify_personal_message(self.user, message.as_bytes(), &self.signature)
    }

    /// Checks a signature by the session key.
    pub fn verify_request(&self, bytes: &[u8], signature: &Ed25519Signature) -> bool {
        Ed25519VerifyingKey::new(&self.session_vk)
            .is_ok_and(|key| key.verify(bytes, signature).is_ok())
    }
}

/// Checks the signature of a message by an account.
fn verify_personal_message(
    user: SuiAddress,
    message: &[u8],
    signature: &UserSignature,
) -> Result<(), SessionError> {
    let signer = match signature {
        UserSignature::Simple(signature) => match signature {
            sui_sdk_types::SimpleSignature::Ed25519 { public_key, .. } => {
                public_key.derive_address()
            }
            sui_sdk_types::SimpleSignature::Secp256k1 { public_key, .. } => {
                public_key.derive_address()
            }
            sui_sdk_types::SimpleSignature::Secp256r1 { public_key, .. } => {
                public_key.derive_address()
            }
            _ => return Err(SessionError::NeedsFullNode),
        },
        UserSignature::Multisig(multisig) => multisig.committee().derive_address(),
        UserSignature::Passkey(passkey) => passkey.public_key().derive_address(),
        _ => return Err(SessionError::NeedsFullNode),
    };
    let is_valid = signer.into_inner() == user.0
        && UserSignatureVerifier::new()
            .verify_personal_message(&PersonalMessage(message.into()), signature)
            .is_ok();
    if is_valid {
        Ok(())
    } else {
        Err(SessionError::WrongSignature(user))
    }
}

/// A session key of an account and a policy package. Its secret is not printed.
#[derive(Clone)]
pub struct SessionKey {
    user: SuiAddress,
    package: ObjectId,
    mvr_name: Option<String>,
    creation_time_ms: u64,
    ttl_min: u16,
    key: Ed25519PrivateKey,
    signature: Option<UserSignature>,
}

impl SessionKey {
    /// A fresh key, which the account has to sign. `package` is the first version of the policy
    /// package.
    pub fn generate<R: RngCore + CryptoRng>(
        user: SuiAddress,
        package: ObjectId,
        ttl_min: u16,
        now_ms: u64,
        rng: &mut R,
    ) -> Result<Self, SessionError> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut());
        let key = Self {
            user,
            package,
            mvr_name: None,
            creation_time_ms: now_ms,
            ttl_min,
            key: Ed25519PrivateKey::new(*secret),
            signature: None,
        };
        key.check()?;
        Ok(key)
    }

    fn check(&self) -> Result<(), SessionError> {
        if !(1..=TTL_MIN_MAX).contains(&self.ttl_min) {
            return Err(SessionError::InvalidTtl(self.ttl_min));
        }
        self.message().map(drop)
    }

    /// The text that the account has to sign, as a personal message.
    pub fn message(&self) -> Result<String, SessionError> {
        let name = match &self.mvr_name {
            Some(name) => name.clone(),
            None => self.package.to_string(),
        };
        let key = self.key.public_key();
        personal_message(&name, self.ttl_min, self.creation_time_ms, &key)
    }

    /// Takes the account's signature, if it is one.
    pub fn set_signature(&mut self, signature: UserSignature) -> Result<(), SessionError> {
        let message = self.message()?;
        match verify_personal_message(self.user, message.as_bytes(), &signature) {
            // Key servers ask a full node about these.
            Ok(()) | Err(SessionError::NeedsFullNode) => self.signature = Some(signature),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The account.
    pub fn user(&self) -> SuiAddress {
        self.user
    }

    /// The first version of the policy package.
    pub fn package(&self) -> ObjectId {
        self.package
    }

    /// Whether it is too late to use it.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        let ttl_ms = u64::from(self.ttl_min) * MS_PER_MIN;
        let end = self.creation_time_ms.saturating_add(ttl_ms);
        now_ms.saturating_add(EXPIRY_MARGIN_MS) > end
    }

    /// What key servers are shown.
    pub fn certificate(&self) -> Result<Certificate, SessionError> {
        Ok(Certificate {
            user: self.user,
            session_vk: self.key.public_key(),
            creation_time: self.creation_time_ms,
            ttl_min: self.ttl_min,
            signature: self.signature.clone().ok_or(SessionError::NotSigned)?,
            mvr_name: self.mvr_name.clone(),
        })
    }

    /// Signs bytes as they are.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Ed25519Signature {
        self.key
            .try_sign(bytes)
            .expect("signing with a key in memory does not fail")
    }

    /// The form in which it is kept: secret, until it expires.
    pub fn export(&self) -> ExportedSessionKey {
        let secret = self.key.to_suiprivkey();
        ExportedSessionKey {
            address: self.user,
            package_id: self.package,
            mvr_name: self.mvr_name.clone(),
            creation_time_ms: self.creation_time_ms,
            ttl_min: self.ttl_min,
            personal_message_signature: self.signature.as_ref().map(UserSignature::to_base64),
            session_key: secret.expect("33 bytes fit into a bech32 string"),
        }
    }

    /// Takes a key that was kept, unless it has expired.
    pub fn import(exported: &ExportedSessionKey, now_ms: u64) -> Result<Self, SessionError> {
        let mut key = Self {
            user: exported.address,
            package: exported.package_id,
            mvr_name: exported.mvr_name.clone(),
            creation_time_ms: exported.creation_time_ms,
            ttl_min: exported.ttl_min,
            key: Ed25519PrivateKey::from_suiprivkey(&exported.session_key)
                .map_err(|_| SessionError::InvalidKey)?,
            signature: None,
        };
        key.check()?;
        if key.is_expired(now_ms) {
            return Err(SessionError::Expired);
        }
        if let Some(signature) = &exported.personal_message_signature {
            let wrong = |_| SessionError::WrongSignature(key.user);
            let signature = UserSignature::from_base64(signature).map_err(wrong)?;
            key.set_signature(signature)?;
        }
        Ok(key)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey")
            .field("user", &self.user)
            .field("package", &self.package)
            .field("creation_time_ms", &self.creation_time_ms)
            .field("ttl_min", &self.ttl_min)
            .finish_non_exhaustive()
    }
}

/// A session key as it is kept, with the names that other clients use. Secret.
#[serde_as]
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedSessionKey {
    /// The account.
    #[serde_as(as = "DisplayFromStr")]
    pub address: SuiAddress,
    /// The first version of the policy package.
    #[serde_as(as = "DisplayFromStr")]
    pub package_id: ObjectId,
    /// Its registered name, if the account signed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mvr_name: Option<String>,
    /// In ms since 1970.
    pub creation_time_ms: u64,
    /// Validity, in minutes.
    pub ttl_min: u16,
    /// The account's signature, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_message_signature: Option<String>,
    /// The secret: `suiprivkey1…`.
    pub session_key: String,
}

impl Drop for ExportedSessionKey {
    fn drop(&mut self) {
        self.session_key.zeroize();
    }
}
