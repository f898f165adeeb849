//! Type tags: types by name, as transactions, objects and events carry them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use stdx::SaturatingFrom as _;

use crate::identifier::{Address, Identifier, ModuleId, ParseNameError};

/// Deepest nesting of a type tag read from text.
const TAG_DEPTH_MAX: usize = 16;

/// A type without references or parameters. BCS is that of Sui's `TypeTag`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TypeTag {
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u64`
    U64,
    /// `u128`
    U128,
    /// `address`
    Address,
    /// `signer`
    Signer,
    /// `vector<T>`
    Vector(Box<TypeTag>),
    /// A struct or enum.
    Struct(Box<StructTag>),
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u256`
    U256,
}

/// A struct or enum type by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StructTag {
    /// Package address; which id (defining or runtime) depends on the context.
    pub address: Address,
    /// Module name.
    pub module: Identifier,
    /// Datatype name.
    pub name: Identifier,
    /// Type arguments.
    pub type_params: Vec<TypeTag>,
}

impl StructTag {
    /// The module that the tag names.
    pub fn module_id(&self) -> ModuleId {
        ModuleId {
            address: self.address,
            name: self.module.clone(),
        }
    }

    /// Text with 64-digit addresses; `prefix` is `""` or `"0x"`.
    pub fn to_canonical(&self, prefix: &str) -> String {
        let mut out = format!(
            "{prefix}{}::{}::{}",
            self.address.to_canonical(),
            self.module,
            self.name
        );
        if !self.type_params.is_empty() {
            let params: Vec<_> = self
                .type_params
                .iter()
                .map(|tag| tag.to_canonical(prefix))
                .collect();
            out.push('<');
            out.push_str(&params.join(","));
            out.push('>');
        }
        out
    }
}

/// A type tag without what is in it, in the eyes of the gas model.
const TAG_SIZE: u64 = 24;

impl StructTag {
    /// How large the tag is in the eyes of the gas model.
    pub fn abstract_size(&self) -> u64 {
        let names = self.module.as_str().len() + self.name.as_str().len();
        let own = u64::saturating_from(names).saturating_add(32);
        let arguments = self.type_params.iter().map(TypeTag::abstract_size);
        arguments.fold(own, u64::saturating_add)
    }
}

impl TypeTag {
    /// How large the tag is in the eyes of the gas model.
    pub fn abstract_size(&self) -> u64 {
        TAG_SIZE.saturating_add(match self {
            Self::Vector(inner) => inner.abstract_size(),
            Self::Struct(tag) => tag.abstract_size(),
            _ => 0,
        })
    }

    /// Text with 64-digit addresses and no spaces; `prefix` is `""` (as `std::type_name`) or
    /// `"0x"`.
    pub fn to_canonical(&self, prefix: &str) -> String {
        match self {
            Self::Vector(element) => format!("vector<{}>", element.to_canonical(prefix)),
            Self::Struct(tag) => tag.to_canonical(prefix),
            primitive => primitive.to_string(),
        }
    }

    /// The struct tag, if this is a datatype.
    pub fn as_struct(&self) -> Option<&StructTag> {
        match self {
            Self::Struct(tag) => Some(tag),
            _ => None,
        }
    }

    /// Visits every datatype in the tag, outermost first.
    pub fn for_each_struct<'a>(&'a self, visit: &mut dyn FnMut(&'a StructTag)) {
        match self {
            Self::Vector(element) => element.for_each_struct(visit),
            Self::Struct(tag) => {
                visit(tag);
                for param in &tag.type_params {
                    param.for_each_struct(visit);
                }
            }
            _ => {}
        }
    }
}

/// Display form: short addresses, comma and space between arguments.
impl fmt::Display for TypeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::U8 => f.write_str("u8"),
            Self::U16 => f.write_str("u16"),
            Self::U32 => f.write_str("u32"),
            Self::U64 => f.write_str("u64"),
            Self::U128 => f.write_str("u128"),
            Self::U256 => f.write_str("u256"),
            Self::Address => f.write_str("address"),
            Self::Signer => f.write_str("signer"),
            Self::Vector(element) => write!(f, "vector<{element}>"),
            Self::Struct(tag) => fmt::Display::fmt(tag, f),
        }
    }
}

/// Display form: short addresses, comma and space between arguments.
impl fmt::Display for StructTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}::{}", self.address, self.module, self.name)?;
        for (index, param) in self.type_params.iter().enumerate() {
            write!(f, "{}{param}", if index == 0 { "<" } else { ", " })?;
        }
        if self.type_params.is_empty() {
            Ok(())
        } else {
            f.write_str(">")
        }
    }
}

impl FromStr for TypeTag {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        parse_tag(&mut rest, 0)
            .filter(|_| rest.trim().is_empty())
            .ok_or_else(|| ParseNameError::new("type", text))
    }
}

impl FromStr for StructTag {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse()? {
            TypeTag::Struct(tag) => Ok(*tag),
            _ => Err(ParseNameError::new("struct type", text)),
        }
    }
}

/// Takes one tag off the front of `rest`.
fn parse_tag(rest: &mut &str, depth: usize) -> Option<TypeTag> {
    if depth > TAG_DEPTH_MAX {
        return None;
    }
    let word = take_word(rest);
    Some(match word {
        "bool" => TypeTag::Bool,
        "u8" => TypeTag::U8,
        "u16" => TypeTag::U16,
        "u32" => TypeTag::U32,
        "u64" => TypeTag::U64,
        "u128" => TypeTag::U128,
        "u256" => TypeTag::U256,
        "address" => TypeTag::Address,
        "signer" => TypeTag::Signer,
        "vector" => {
            let [element] = parse_arguments(rest, depth)?.try_into().ok()?;
            TypeTag::Vector(Box::new(element))
        }
        path => {
            let mut parts = path.split("::");
            let (address, module, name) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let type_params = if rest.trim_start().starts_with('<') {
                parse_arguments(rest, depth)?
            } else {
                Vec::new()
            };
            TypeTag::Struct(Box::new(StructTag {
                address: address.parse().ok()?,
                module: Identifier::new(module).ok()?,
                name: Identifier::new(name).ok()?,
                type_params,
            }))
        }
    })
}

/// Takes `<tag, tag, …>` off the front of `rest`.
fn parse_arguments(rest: &mut &str, depth: usize) -> Option<Vec<TypeTag>> {
    *rest = rest.trim_start().strip_prefix('<')?;
    let mut tags = vec![parse_tag(rest, depth + 1)?];
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
            tags.push(parse_tag(rest, depth + 1)?);
        } else {
            *rest = rest.strip_prefix('>')?;
            return Some(tags);
        }
    }
}

/// Takes the longest run of identifier characters and colons off the front of `rest`.
fn take_word<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_has_three_forms() {
        let text = "0x2::a::B<u64, vector<0x2::c::D>>";
        let tag: TypeTag = text.parse().unwrap();
        assert_eq!(tag.to_string(), text);
        let zeros = "0".repeat(63);
        assert_eq!(
            tag.to_canonical("0x"),
            format!("0x{zeros}2::a::B<u64,vector<0x{zeros}2::c::D>>")
        );
        assert_eq!(tag.to_canonical("").parse::<TypeTag>().unwrap(), tag);
        assert_eq!(
            " vector < u8 >".parse::<TypeTag>().unwrap().to_string(),
            "vector<u8>"
        );
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [
            "",
            "u7",
            "vector",
            "vector<u8",
            "vector<u8,u8>",
            "0x2::a",
            "0x2::a::B<>",
            "u8 u8",
            "0x2::a::B::C",
            "0xg::a::B",
            "0x2::1a::B",
            "0x2::a::B<u8>>",
            "::a::B",
        ] {
            assert!(text.parse::<TypeTag>().is_err(), "{text}");
        }
        let deep = format!("{}u8{}", "vector<".repeat(40), ">".repeat(40));
        assert!(deep.parse::<TypeTag>().is_err());
    }

    #[test]
    fn bcs_has_the_variant_numbers_of_the_chain() {
        let bytes = |text: &str| bcs::to_bytes(&text.parse::<TypeTag>().unwrap()).unwrap();
        let numbers = ["bool", "u8", "u64", "u128", "address", "signer"];
        for (number, text) in (0u8..).zip(numbers) {
            assert_eq!(bytes(text), [number]);
        }
        assert_eq!(bytes("vector<u16>"), [6, 8]);
        assert_eq!((bytes("u32"), bytes("u256")), (vec![9], vec![10]));
        let tag = bytes("0x2::sui::SUI");
        assert_eq!(tag[0], 7);
        assert_eq!(&tag[1..33], Address::FRAMEWORK.0);
        assert_eq!(&tag[33..], b"\x03sui\x03SUI\x00");
    }
}
