//! Between the names of the transaction format and those of the virtual machine.

use move_vm::{
    Address as MoveAddress, Identifier as MoveIdentifier, StructTag as MoveStructTag,
    TypeTag as MoveTypeTag,
};
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

/// Address in the virtual machine's type.
pub(crate) fn to_move(address: Address) -> MoveAddress {
    MoveAddress(address.into_inner())
}

/// Address in the transaction format's type.
pub(crate) fn from_move(address: MoveAddress) -> Address {
    Address::new(address.0)
}

/// A name of verified bytecode as the transaction format writes it.
pub(crate) fn identifier(name: &MoveIdentifier) -> Identifier {
    Identifier::new(name.as_str()).expect("both sides have the same grammar for names")
}

/// `None` for names that no module can have.
pub(crate) fn to_move_identifier(name: &Identifier) -> Option<MoveIdentifier> {
    MoveIdentifier::new(name.as_str()).ok()
}

/// The tag for the virtual machine; `None` for names that no module can have.
pub(crate) fn to_move_tag(tag: &TypeTag) -> Option<MoveTypeTag> {
    Some(match tag {
        TypeTag::Bool => MoveTypeTag::Bool,
        TypeTag::U8 => MoveTypeTag::U8,
        TypeTag::U16 => MoveTypeTag::U16,
        TypeTag::U32 => MoveTypeTag::U32,
        TypeTag::U64 => MoveTypeTag::U64,
        TypeTag::U128 => MoveTypeTag::U128,
        TypeTag::U256 => MoveTypeTag::U256,
        TypeTag::Address => MoveTypeTag::Address,
        TypeTag::Signer => MoveTypeTag::Signer,
        TypeTag::Vector(element) => MoveTypeTag::Vector(Box::new(to_move_tag(element)?)),
        TypeTag::Struct(tag) => MoveTypeTag::Struct(Box::new(to_move_struct(tag)?)),
    })
}

/// As [`to_move_tag`], for a datatype.
pub(crate) fn to_move_struct(tag: &StructTag) -> Option<MoveStructTag> {
    Some(MoveStructTag {
        address: to_move(*tag.address()),
        module: to_move_identifier(tag.module())?,
        name: to_move_identifier(tag.name())?,
        type_params: tag
            .type_params()
            .iter()
            .map(to_move_tag)
            .collect::<Option<_>>()?,
    })
}

/// The tag for the transaction format.
pub(crate) fn from_move_tag(tag: &MoveTypeTag) -> TypeTag {
    match tag {
        MoveTypeTag::Bool => TypeTag::Bool,
        MoveTypeTag::U8 => TypeTag::U8,
        MoveTypeTag::U16 => TypeTag::U16,
        MoveTypeTag::U32 => TypeTag::U32,
        MoveTypeTag::U64 => TypeTag::U64,
        MoveTypeTag::U128 => TypeTag::U128,
        MoveTypeTag::U256 => TypeTag::U256,
        MoveTypeTag::Address => TypeTag::Address,
        MoveTypeTag::Signer => TypeTag::Signer,
        MoveTypeTag::Vector(element) => TypeTag::Vector(Box::new(from_move_tag(element))),
        MoveTypeTag::Struct(tag) => TypeTag::Struct(Box::new(from_move_struct(tag))),
    }
}

/// As [`from_move_tag`], for a datatype.
pub(crate) fn from_move_struct(tag: &MoveStructTag) -> StructTag {
    StructTag::new(
        from_move(tag.address),
        identifier(&tag.module),
        identifier(&tag.name),
        tag.type_params.iter().map(from_move_tag).collect(),
    )
}

/// The tag of a framework datatype without type arguments.
pub(crate) fn framework_tag(package: MoveAddress, module: &str, name: &str) -> MoveTypeTag {
    generic_framework_tag(package, module, name, Vec::new())
}

/// The tag of a framework datatype.
pub(crate) fn generic_framework_tag(
    package: MoveAddress,
    module: &str,
    name: &str,
    type_params: Vec<MoveTypeTag>,
) -> MoveTypeTag {
    let identifier =
        |name| MoveIdentifier::new(name).expect("names of framework types are identifiers");
    MoveTypeTag::Struct(Box::new(MoveStructTag {
        address: package,
        module: identifier(module),
        name: identifier(name),
        type_params,
    }))
}

/// `0x2::coin::Coin<0x2::sui::SUI>`.
pub(crate) fn gas_coin_tag() -> MoveTypeTag {
    let sui = framework_tag(MoveAddress::FRAMEWORK, "sui", "SUI");
    generic_framework_tag(MoveAddress::FRAMEWORK, "coin", "Coin", vec![sui])
}
