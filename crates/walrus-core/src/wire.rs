//! How byte strings are written in binary formats and in JSON.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeTuple,
};

/// Most bytes reserved on the word of a length prefix alone.
const MAX_PREALLOCATION: usize = 1 << 16;

/// Accepts bytes, an array of numbers, or standard base64.
struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, an array of bytes, or base64")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        STANDARD
            .decode(text)
            .map_err(|error| E::custom(format!("not standard base64: {error}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes =
            Vec::with_capacity(seq.size_hint().unwrap_or_default().min(MAX_PREALLOCATION));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// `bytes` in binary formats, an array of numbers in JSON; JSON readers accept base64 as well.
pub(crate) mod bytes {
    use super::{BytesVisitor, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u8>, D::Error> {
        if source.is_human_readable() {
            source.deserialize_any(BytesVisitor)
        } else {
            source.deserialize_byte_buf(BytesVisitor)
        }
    }
}

/// `bytes` in binary formats, standard base64 in JSON; JSON readers accept arrays as well.
pub(crate) mod base64_bytes {
    use base64::Engine as _;

    use super::{Deserializer, STANDARD, Serializer, bytes};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(bytes))
        } else {
            serializer.serialize_bytes(bytes)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u8>, D::Error> {
        bytes::deserialize(source)
    }
}

/// Raw bytes without length in binary formats, standard base64 in JSON.
pub(crate) fn serialize_fixed<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&STANDARD.encode(bytes))
    } else {
        serialize_array(bytes, serializer)
    }
}

/// `N` bytes: raw in binary formats, an array of numbers in JSON.
pub(crate) fn serialize_array<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(N)?;
    for byte in bytes {
        tuple.serialize_element(byte)?;
    }
    tuple.end()
}

/// Reads `N` raw bytes from binary formats; in human-readable ones an array of numbers, or text
/// that `parse` understands.
pub(crate) fn deserialize_array<'de, D, const N: usize>(
    source: D,
    parse: fn(&str) -> Result<[u8; N], String>,
) -> Result<[u8; N], D::Error>
where
    D: Deserializer<'de>,
{
    let visitor = ArrayVisitor { parse };
    if source.is_human_readable() {
        source.deserialize_any(visitor)
    } else {
        source.deserialize_tuple(N, visitor)
    }
}

/// Standard base64 of exactly `N` bytes.
pub(crate) fn parse_base64<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| format!("not standard base64: {error}"))?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| format!("expected {N} bytes, found {length}"))
}

struct ArrayVisitor<const N: usize> {
    parse: fn(&str) -> Result<[u8; N], String>,
}

impl<'de, const N: usize> Visitor<'de> for ArrayVisitor<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; N], E> {
        (self.parse)(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
        let mut array = [0; N];
        for (i, slot) in array.iter_mut().enumerate() {
            *slot = seq
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(i, &self))?;
        }
        if seq.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::invalid_length(N + 1, &self));
        }
        Ok(array)
    }
}

/// A field that carries a type and no data: nothing in binary formats, `null` in JSON.
#[derive(Serialize)]
pub(crate) struct Marker;
