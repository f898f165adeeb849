//! IDs of events on chain.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire;

/// The ID of an event: the transaction that emitted it, and its position there.
///
/// JSON: `{"txDigest":"<base58>","eventSeq":"<decimal>"}`. BCS: the digest as length-prefixed
/// bytes, then a `u64`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Digest of the transaction.
    pub tx_digest: [u8; 32],
    /// Position among the events of the transaction, from 0.
    pub event_seq: u64,
}

impl EventId {
    /// The digest of the transaction in base58, as explorers print it.
    pub fn tx_digest_base58(&self) -> String {
        bs58::encode(self.tx_digest).into_string()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tx_digest_base58(), self.event_seq)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename = "EventID", rename_all = "camelCase")]
struct Json {
    tx_digest: String,
    event_seq: String,
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for EventId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Json::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for EventId {}

#[derive(Serialize, Deserialize)]
#[serde(rename = "EventID")]
struct Binary {
    #[serde(with = "wire::bytes")]
    tx_digest: Vec<u8>,
    event_seq: u64,
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let event_seq = self.event_seq.to_string();
            Json {
                tx_digest: self.tx_digest_base58(),
                event_seq,
            }
            .serialize(serializer)
        } else {
            let tx_digest = self.tx_digest.to_vec();
            Binary {
                tx_digest,
                event_seq: self.event_seq,
            }
            .serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let (digest, event_seq) = if source.is_human_readable() {
            let json = Json::deserialize(source)?;
            let digest = bs58::decode(&json.tx_digest)
                .into_vec()
                .map_err(de::Error::custom)?;
            (digest, json.event_seq.parse().map_err(de::Error::custom)?)
        } else {
            let binary = Binary::deserialize(source)?;
            (binary.tx_digest, binary.event_seq)
        };
        let tx_digest = digest
            .try_into()
            .map_err(|_| de::Error::custom("a transaction digest has 32 bytes"))?;
        Ok(Self {
            tx_digest,
            event_seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_bcs_round_trip() {
        let id = EventId {
            tx_digest: [7; 32],
            event_seq: u64::MAX,
        };
        let json = serde_json::to_string(&id).unwrap();
        assert!(
            json.ends_with(r#","eventSeq":"18446744073709551615"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<EventId>(&json).unwrap(), id);
        let bytes = bcs::to_bytes(&id).unwrap();
        assert_eq!((bytes.len(), bytes[0]), (41, 32));
        assert_eq!(bcs::from_bytes::<EventId>(&bytes).unwrap(), id);
    }

    #[test]
    fn short_digests_are_refused() {
        assert!(serde_json::from_str::<EventId>(r#"{"txDigest":"11","eventSeq":"0"}"#).is_err());
        assert!(bcs::from_bytes::<EventId>(&[1, 7, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
