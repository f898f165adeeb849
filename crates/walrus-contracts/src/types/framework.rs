//! Structs of the Move framework that ours contain.

use std::fmt;

use serde::{Deserialize, Serialize};
use walrus_core::ObjectId;

/// `0x2::balance::Balance<T>`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The amount, in the smallest unit of the coin.
    pub value: u64,
}

/// `0x2::coin::Coin<T>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coin {
    /// Id of the coin object.
    pub id: ObjectId,
    /// What the coin is worth.
    pub balance: Balance,
}

/// A Move struct without fields, such as the name of a dynamic field: one byte, 0.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyStruct {
    /// What the Move compiler puts in; always false.
    pub dummy_field: bool,
}

/// `Table`, `ObjectTable`, `Bag` or `ObjectBag`: the entries are dynamic fields of `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Parent of the entries.
    pub id: ObjectId,
    /// Number of entries.
    pub size: u64,
}

/// `0x2::dynamic_field::Field<N, V>`: the object that holds a dynamic field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicField<N, V> {
    /// Id of the field object, derived from its parent and name.
    pub id: ObjectId,
    /// Name of the field.
    pub name: N,
    /// Value of the field.
    pub value: V,
}

/// `0x2::dynamic_field::Field<0x2::dynamic_object_field::Wrapper<N>, ID>`: names an object that is
/// a child.
pub type ObjectField<N> = DynamicField<N, ObjectId>;

/// `0x2::vec_map::VecMap<K, V>`: pairs in insertion order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VecMap<K, V> {
    /// The pairs.
    pub contents: Vec<(K, V)>,
}

impl<K: PartialEq, V> VecMap<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.iter()
            .find(|(candidate, _)| candidate == key)
            .map(|(_, value)| value)
    }
}

impl<K, V> VecMap<K, V> {
    /// The pairs in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.contents.iter()
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }
}

impl<K, V> Default for VecMap<K, V> {
    fn default() -> Self {
        Self {
            contents: Vec::new(),
        }
    }
}

impl<K, V> FromIterator<(K, V)> for VecMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            contents: pairs.into_iter().collect(),
        }
    }
}

impl<'a, K, V> IntoIterator for &'a VecMap<K, V> {
    type Item = &'a (K, V);
    type IntoIter = std::slice::Iter<'a, (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// `0x2::vec_set::VecSet<K>`: keys in insertion order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VecSet<K> {
    /// The keys.
    pub contents: Vec<K>,
}

/// A Move `u256` as its 32 bytes, least significant first.
#[derive(Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct U256(pub [u8; 32]);

impl fmt::Debug for U256 {
    /// Hexadecimal, most significant digit first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0
            .iter()
            .rev()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `0x2::group_ops::Element<G>`: a BLS12-381 group element. `Element<G1>` has 48 bytes
/// (compressed), `Element<UncompressedG1>` 96 (the coordinates x and y, most significant byte
/// first).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupElement {
    /// The encoding.
    pub bytes: Vec<u8>,
}

/// Flags in the first byte of an encoding, as ZCash defines them.
const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const LARGER_Y: u8 = 0x20;
/// Length of one coordinate.
const COORDINATE_LEN: usize = 48;

/// (p − 1) / 2 for the base field of BLS12-381: a larger y sets a flag in the compressed form.
const HALF_MODULUS: [u8; COORDINATE_LEN] = [
    0x0d, 0x00, 0x88, 0xf5, 0x1c, 0xbf, 0xf3, 0x4d, 0x25, 0x8d, 0xd3, 0xdb, 0x21, 0xa5, 0xd6, 0x6b,
    0xb2, 0x3b, 0xa5, 0xc2, 0x79, 0xc2, 0x89, 0x5f, 0xb3, 0x98, 0x69, 0x50, 0x7b, 0x58, 0x7b, 0x12,
    0x0f, 0x55, 0xff, 0xff, 0x58, 0xa9, 0xff, 0xff, 0xdc, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xd5, 0x55,
];

impl GroupElement {
    /// The compressed form of a G1 element in either encoding; `None` if the length or the flags
    /// are wrong. Whether the point is on the curve is for the parser of keys to check.
    pub fn to_compressed_g1(&self) -> Option<[u8; COORDINATE_LEN]> {
        let first = *self.bytes.first()?;
        if self.bytes.len() == COORDINATE_LEN {
            return (first & COMPRESSED != 0)
                .then(|| self.bytes[..].try_into().ok())
                .flatten();
        }
        if self.bytes.len() != 2 * COORDINATE_LEN || first & (COMPRESSED | LARGER_Y) != 0 {
            return None;
        }
        let (x, y) = self.bytes.split_at(COORDINATE_LEN);
        let mut compressed: [u8; COORDINATE_LEN] = x.try_into().ok()?;
        compressed[0] |= COMPRESSED;
        if first & INFINITY == 0 && y > &HALF_MODULUS[..] {
            compressed[0] |= LARGER_Y;
        }
        Some(compressed)
    }
}
