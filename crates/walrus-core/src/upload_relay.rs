//! What clients and upload relays say to each other.
//!
//! A relay encodes and distributes a blob for a client that registers and certifies it. It may ask
//! for a tip: a payment in a transaction whose first input is an [`AuthPayload`], which ties it to
//! one blob and to one client.

use serde::{Deserialize, Serialize};

use crate::{BlobId, ProtocolCertificate, SuiAddress};

/// Path of the question what a relay asks for.
pub const TIP_CONFIG_PATH: &str = "/v1/tip-config";
/// Path of an upload.
pub const UPLOAD_PATH: &str = "/v1/blob-upload-relay";
/// Bytes for which a linear tip grows by one step.
const TIP_STEP_BYTES: u64 = 1024;

/// What a relay asks for.
///
/// JSON: `"no_tip"`, or `{"send_tip":{"address":"0x…","kind":{"const":42}}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipConfig {
    /// Nothing, and no transaction either.
    NoTip,
    /// A payment in SUI.
    SendTip {
        /// Who is paid.
        #[serde(with = "address_text")]
        address: SuiAddress,
        /// How much.
        kind: TipKind,
    },
}

/// How the amount of a tip follows from the size of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipKind {
    /// The same for every blob, in MIST.
    Const(u64),
    /// It grows with the encoded size, metadata included.
    Linear {
        /// MIST for any blob.
        base: u64,
        /// MIST for every KiB, also for one that is begun.
        encoded_size_mul_per_kib: u64,
    },
}

impl TipKind {
    /// The tip in MIST for a blob with this encoded length; `None` if it is more than there can be.
    pub fn amount(&self, encoded_length: u64) -> Option<u64> {
        match *self {
            Self::Const(amount) => Some(amount),
            Self::Linear {
                base,
                encoded_size_mul_per_kib,
            } => encoded_length
                .div_ceil(TIP_STEP_BYTES)
                .checked_mul(encoded_size_mul_per_kib)?
                .checked_add(base),
        }
    }
}

/// What the first input of a tip's transaction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthPayload {
    /// SHA-256 of the blob.
    pub blob_digest: [u8; 32],
    /// SHA-256 of the nonce, which only who made the transaction knows.
    pub nonce_digest: [u8; 32],
    /// Length of the blob in bytes.
    pub unencoded_length: u64,
}

impl AuthPayload {
    /// Bytes of a payload.
    pub const LENGTH: usize = 72;

    /// The bytes, which are the input as it is: they have no length in front.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..32].copy_from_slice(&self.blob_digest);
        bytes[32..64].copy_from_slice(&self.nonce_digest);
        bytes[64..].copy_from_slice(&self.unencoded_length.to_le_bytes());
        bytes
    }

    /// The payload of these bytes; `None` if they have another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (blob_digest, rest) = bytes.split_first_chunk::<32>()?;
        let (nonce_digest, rest) = rest.split_first_chunk::<32>()?;
        Some(Self {
            blob_digest: *blob_digest,
            nonce_digest: *nonce_digest,
            unencoded_length: u64::from_le_bytes(rest.try_into().ok()?),
        })
    }
}

/// What a relay answers when enough nodes have confirmed.
///
/// JSON: `{"blob_id":[1,2,…],"confirmation_certificate":{"signers":[0],…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedBlob {
    /// The blob, as numbers.
    pub blob_id: BlobId,
    /// What certifies it.
    pub confirmation_certificate: ProtocolCertificate,
}

/// An account as text.
mod address_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::SuiAddress;

    pub(super) fn serialize<S: Serializer>(
        address: &SuiAddress,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(address)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SuiAddress, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProtocolSignature;

    #[test]
    fn tip_configurations_have_one_form() {
        let address = SuiAddress([7; 32]);
        let send = |kind| TipConfig::SendTip { address, kind };
        let linear = TipKind::Linear {
            base: 1000,
            encoded_size_mul_per_kib: 10,
        };
        for (config, text) in [
            (TipConfig::NoTip, r#""no_tip""#.to_owned()),
            (
                send(TipKind::Const(42)),
                format!(r#"{{"send_tip":{{"address":"{address}","kind":{{"const":42}}}}}}"#),
            ),
            (
                send(linear),
                format!(
                    r#"{{"send_tip":{{"address":"{address}","kind":{{"linear":{{"base":1000,"encoded_size_mul_per_kib":10}}}}}}}}"#
                ),
            ),
        ] {
            assert_eq!(serde_json::to_string(&config).unwrap(), text);
            assert_eq!(serde_json::from_str::<TipConfig>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_kib_that_is_begun_counts_whole() {
        let kind = TipKind::Linear {
            base: 5,
            encoded_size_mul_per_kib: 2,
        };
        let amounts = [0, 1, 1024, 1025].map(|length| kind.amount(length));
        assert_eq!(amounts, [Some(5), Some(7), Some(7), Some(9)]);
        assert_eq!(TipKind::Const(3).amount(u64::MAX), Some(3));
        let dear = TipKind::Linear {
            base: 0,
            encoded_size_mul_per_kib: u64::MAX,
        };
        assert_eq!(dear.amount(1025), None);
    }

    #[test]
    fn payloads_are_72_bytes() {
        // `hello walrus` and a nonce of 32 bytes 0x17.
        let bytes = hex::decode(
            "ab3bdd2c63ade2bd0d8f4a87ad6a32e364f94c9bea3256c7ae626b9f1f2c8b54\
             78b37abf24aecb9a7dea23f58120c6257872846a097471296c9947182aa1c875\
             0c00000000000000",
        )
        .unwrap();
        let payload = AuthPayload::from_bytes(&bytes).unwrap();
        assert_eq!(payload.unencoded_length, 12);
        assert_eq!(payload.blob_digest[..2], [0xab, 0x3b]);
        assert_eq!(payload.nonce_digest[..2], [0x78, 0xb3]);
        assert_eq!(payload.to_bytes()[..], bytes[..]);
        for length in [0, 31, 71, 73, 80] {
            assert_eq!(AuthPayload::from_bytes(&vec![0; length]), None, "{length}");
        }
    }

    #[test]
    fn answers_are_numbers_and_a_signature_in_base64() {
        let signature = ProtocolSignature([0xfb; 96]);
        let answer = RelayedBlob {
            blob_id: BlobId([1; 32]),
            confirmation_certificate: ProtocolCertificate {
                signers: vec![0, 3],
                serialized_message: vec![1, 2],
                signature,
            },
        };
        let text = serde_json::to_string(&answer).unwrap();
        let ones = vec!["1"; 32].join(",");
        let expected = format!(
            r#"{{"blob_id":[{ones}],"confirmation_certificate":{{"signers":[0,3],"serialized_message":[1,2],"signature":"{}"}}}}"#,
            "+/v7".repeat(32)
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<RelayedBlob>(&text).unwrap(), answer);
        assert!(serde_json::from_str::<RelayedBlob>(&text.replacen("1,", "", 1)).is_err());
    }
}
