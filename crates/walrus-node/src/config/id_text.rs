//! Object IDs and addresses in configuration files: `0x…`, as people write them.
//!
//! YAML readers take a short unquoted `0x6` for a number, so numbers are read as what they were; a
//! list of 32 bytes, the form these IDs have in other JSON, is read as well.

use std::{
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

const ID_BYTES: usize = 32;

/// An ID on its way to or from a configuration file.
struct Text<T>(T);

impl<T: Display> Serialize for Text<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

impl<'de, T: FromStr<Err: Display> + From<[u8; ID_BYTES]>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(IdVisitor(PhantomData)).map(Self)
    }
}

struct IdVisitor<T>(PhantomData<T>);

impl<'de, T: FromStr<Err: Display> + From<[u8; ID_BYTES]>> Visitor<'de> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x and up to 64 hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(de::Error::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_u128(number.into())
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<T, E> {
        let mut bytes = [0; ID_BYTES];
        bytes[ID_BYTES - size_of::<u128>()..].copy_from_slice(&number.to_be_bytes());
        Ok(bytes.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        let mut bytes = [0; ID_BYTES];
        for (position, byte) in bytes.iter_mut().enumerate() {
            *byte = list
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(position, &self))?;
        }
        if list.next_element::<u8>()?.is_some() {
            return Err(de::Error::invalid_length(ID_BYTES + 1, &self));
        }
        Ok(bytes.into())
    }
}

pub(super) fn serialize<T: Display, S: Serializer>(
    id: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Text(id).serialize(serializer)
}

pub(super) fn deserialize<'de, T, D>(source: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display> + From<[u8; ID_BYTES]>,
    D: Deserializer<'de>,
{
    Text::deserialize(source).map(|Text(id)| id)
}

/// The same for IDs that may be absent.
pub(super) mod option {
    use super::{
        Deserialize, Deserializer, Display, FromStr, ID_BYTES, Serialize, Serializer, Text,
    };

    #[allow(clippy::ref_option, reason = "the signature serde calls")]
    pub(in crate::config) fn serialize<T: Display, S: Serializer>(
        id: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        id.as_ref().map(Text).serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, T, D>(source: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display> + From<[u8; ID_BYTES]>,
        D: Deserializer<'de>,
    {
        Ok(Option::<Text<T>>::deserialize(source)?.map(|Text(id)| id))
    }
}
