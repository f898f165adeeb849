//! Layout of the ledger's keys. Integers are big-endian so that byte order is numeric order.

use sui_sdk_types::{Address, Object, StructTag};

/// Ends a type string inside a key: below every character a type string can hold, so `A` sorts
/// before `A<…>`.
const TYPE_END: u8 = 0;

/// Key of an object version in `Objects`, and of a package version in `Packages`.
pub(super) fn versioned(id: &Address, version: u64) -> Vec<u8> {
    let mut key = id.as_bytes().to_vec();
    key.extend(version.to_be_bytes());
    key
}

/// Key of a checkpoint in `Checkpoints`.
pub(super) fn sequence(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Key of a dynamic field in `Fields`.
pub(super) fn field(parent: &Address, field: &Address) -> Vec<u8> {
    [parent.as_bytes(), field.as_bytes()].concat()
}

/// Key of an owned object in `Owned`: per owner by type, coins of a type by descending balance,
/// then by id.
pub(super) fn owned(owner: &Address, object: &Object) -> Vec<u8> {
    let mut key = owner.as_bytes().to_vec();
    key.extend(type_string(object).as_bytes());
    key.push(TYPE_END);
    key.extend((u64::MAX - coin_balance(object).unwrap_or(0)).to_be_bytes());
    key.extend(object.object_id().as_bytes());
    key
}

/// Prefix of the keys in `Owned` of one owner whose type string starts with `type_prefix`.
pub(super) fn owned_prefix(owner: &Address, type_prefix: &str) -> Vec<u8> {
    [owner.as_bytes(), type_prefix.as_bytes()].concat()
}

/// A decoded key of `Owned`.
pub(super) struct OwnedKey<'a> {
    pub(super) type_string: &'a str,
    pub(super) balance: u64,
    pub(super) id: Address,
}

/// Takes apart a key built by [`owned`]; `None` if it is not one.
pub(super) fn parse_owned(key: &[u8]) -> Option<OwnedKey<'_>> {
    let rest = key.get(Address::LENGTH..)?;
    let (rest, id) = rest.split_last_chunk::<{ Address::LENGTH }>()?;
    let (rest, balance) = rest.split_last_chunk::<8>()?;
    let (end, type_string) = rest.split_last()?;
    (*end == TYPE_END).then_some(())?;
    Some(OwnedKey {
        type_string: std::str::from_utf8(type_string).ok()?,
        balance: u64::MAX - u64::from_be_bytes(*balance),
        id: Address::new(*id),
    })
}

/// The canonical type string of an object; `package` for packages.
pub(crate) fn type_string(object: &Object) -> String {
    match object.as_struct() {
        Some(object) => object.object_type().to_string(),
        None => "package".to_owned(),
    }
}

/// The balance of a coin object; `None` for every other object.
pub(crate) fn coin_balance(object: &Object) -> Option<u64> {
    let object = object.as_struct()?;
    object.object_type().is_coin()?;
    let balance = object
        .contents()
        .get(Address::LENGTH..Address::LENGTH + 8)?;
    Some(u64::from_le_bytes(balance.try_into().ok()?))
}

/// Whether `tag` is `0x2::dynamic_field::Field<…>`.
pub(crate) fn is_dynamic_field(tag: &StructTag) -> bool {
    tag.address() == &Address::TWO
        && tag.module().as_str() == "dynamic_field"
        && tag.name().as_str() == "Field"
}

/// Whether objects of type `tag` describe a coin type and are found through `CoinRecords`.
pub(super) fn is_coin_record(tag: &StructTag) -> bool {
    tag.address() == &Address::TWO
        && matches!(
            (tag.module().as_str(), tag.name().as_str()),
            (
                "coin",
                "CoinMetadata" | "TreasuryCap" | "RegulatedCoinMetadata"
            ) | ("coin_registry", "Currency")
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_sdk_types::{Digest, MoveStruct, ObjectData, Owner};

    fn coin(id: u8, balance: u64) -> Object {
        let mut contents = vec![id; Address::LENGTH];
        contents.extend(balance.to_le_bytes());
        let coin = MoveStruct::new(StructTag::gas_coin(), true, 1, contents).expect("has an id");
        Object::new(
            ObjectData::Struct(coin),
            Owner::Address(Address::TWO),
            Digest::ZERO,
            0,
        )
    }

    #[test]
    fn richer_coins_sort_first_and_keys_parse_back() {
        let rich = owned(&Address::TWO, &coin(9, 1_000));
        let poor = owned(&Address::TWO, &coin(1, 999));
        assert!(rich < poor);
        let parsed = parse_owned(&rich).expect("own key");
        assert_eq!(parsed.type_string, StructTag::gas_coin().to_string());
        assert_eq!(parsed.balance, 1_000);
        assert_eq!(parsed.id, Address::new([9; 32]));
    }

    #[test]
    fn foreign_bytes_are_not_owned_keys() {
        assert!(parse_owned(&[]).is_none());
        assert!(parse_owned(&[7; 60]).is_none());
        assert!(parse_owned(&[7; 80]).is_none());
    }
}
