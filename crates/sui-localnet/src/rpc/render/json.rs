//! Move values as JSON: BCS bytes read along a layout.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use move_vm::{
    Layout, StructTag, U256,
    layout::{FieldLayout, StructLayout},
};
use prost_types::{ListValue, Struct, Value, value::Kind};

/// Deepest nesting that is rendered.
const DEPTH_MAX: usize = 80;
/// Largest value that is rendered; bigger ones have no JSON form.
const BYTES_MAX: usize = 1024 * 1024;
/// Key that holds the name of an enum's variant.
const VARIANT_KEY: &str = "@variant";

/// The JSON form of the value whose BCS is exactly `bytes`; `None` if it does not fit the layout or
/// the limits.
pub(crate) fn render(layout: &Layout, bytes: &[u8]) -> Option<Value> {
    if bytes.len() > BYTES_MAX {
        return None;
    }
    let mut reader = Reader { rest: bytes };
    let value = reader.value(layout, 0)?;
    reader.rest.is_empty().then_some(value)
}

/// How many bytes at the start of `bytes` are one value of `layout`.
pub(crate) fn value_length(layout: &Layout, bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader { rest: bytes };
    reader.value(layout, 0)?;
    Some(bytes.len() - reader.rest.len())
}

struct Reader<'a> {
    rest: &'a [u8],
}

fn number(value: impl Into<f64>) -> Value {
    Value {
        kind: Some(Kind::NumberValue(value.into())),
    }
}

fn string(value: impl Into<String>) -> Value {
    Value {
        kind: Some(Kind::StringValue(value.into())),
    }
}

fn null() -> Value {
    Value {
        kind: Some(Kind::NullValue(0)),
    }
}

/// How a framework struct is shown when not as an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    /// One field that is shown itself: ids, balances.
    Transparent,
    /// One field that holds the bytes of a text.
    Text,
    /// A vector of no or one element.
    Option,
}

fn special(tag: &StructTag) -> Option<Special> {
    let names = (tag.module.as_str(), tag.name.as_str());
    match tag.address.0 {
        address if address == move_vm::Address::STD.0 => match names {
            ("string" | "ascii", "String") => Some(Special::Text),
            ("type_name", "TypeName") => Some(Special::Transparent),
            ("option", "Option") => Some(Special::Option),
            _ => None,
        },
        address if address == move_vm::Address::FRAMEWORK.0 => match names {
            ("object", "UID" | "ID") | ("balance", "Balance") | ("url", "Url") => {
                Some(Special::Transparent)
            }
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A ULEB128 length of at most 32 bits.
    fn length(&mut self) -> Option<usize> {
        let mut value: u64 = 0;
        for shift in (0..32).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(u32::try_from(value).ok()?).ok();
            }
        }
        None
    }

    fn value(&mut self, layout: &Layout, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        Some(match layout {
            Layout::Bool => match self.array()? {
                [0] => Value {
                    kind: Some(Kind::BoolValue(false)),
                },
                [1] => Value {
                    kind: Some(Kind::BoolValue(true)),
                },
                _ => return None,
            },
            Layout::U8 => number(u8::from_le_bytes(self.array()?)),
            Layout::U16 => number(u16::from_le_bytes(self.array()?)),
            Layout::U32 => number(u32::from_le_bytes(self.array()?)),
            Layout::U64 => string(u64::from_le_bytes(self.array()?).to_string()),
            Layout::U128 => string(u128::from_le_bytes(self.array()?).to_string()),
            Layout::U256 => string(U256::from_le_bytes(&self.array()?).to_string()),
            Layout::Address | Layout::Signer => {
                string(sui_sdk_types::Address::new(self.array()?).to_string())
            }
            Layout::Vector(element) => self.vector(element, depth)?,
            Layout::Struct(layout) => self.structure(layout, depth)?,
            Layout::Enum(layout) => {
                let variant = layout.variants.get(self.length()?)?;
                let mut fields = self.fields(&variant.fields, depth)?;
                fields.insert(VARIANT_KEY.to_owned(), string(variant.name.as_str()));
                object(fields)
            }
        })
    }

    fn vector(&mut self, element: &Layout, depth: usize) -> Option<Value> {
        let length = self.length()?;
        if *element == Layout::U8 {
            return Some(string(STANDARD.encode(self.take(length)?)));
        }
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(self.value(element, depth + 1)?);
        }
        Some(Value {
            kind: Some(Kind::ListValue(ListValue { values })),
        })
    }

    fn structure(&mut self, layout: &StructLayout, depth: usize) -> Option<Value> {
        match (special(&layout.tag), layout.fields.as_slice()) {
            (Some(Special::Transparent), [field]) => self.value(&field.layout, depth + 1),
            (Some(Special::Text), [_]) => {
                let length = self.length()?;
                let text = std::str::from_utf8(self.take(length)?).ok()?;
                Some(string(text))
            }
            (Some(Special::Option), [field]) => {
                let Layout::Vector(element) = &field.layout else {
                    return None;
                };
                match self.length()? {
                    0 => Some(null()),
                    1 => self.value(element, depth + 1),
                    _ => None,
                }
            }
            _ => self.fields(&layout.fields, depth).map(object),
        }
    }

    fn fields(&mut self, fields: &[FieldLayout], depth: usize) -> Option<BTreeMap<String, Value>> {
        fields
            .iter()
            .map(|field| {
                let value = self.value(&field.layout, depth + 1)?;
                Some((field.name.as_str().to_owned(), value))
            })
            .collect()
    }
}

fn object(fields: BTreeMap<String, Value>) -> Value {
    Value {
        kind: Some(Kind::StructValue(Struct { fields })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use move_vm::Identifier;
    use std::sync::Arc;

    fn structure(address: u8, module: &str, name: &str, fields: &[(&str, Layout)]) -> Layout {
        let identifier = |name| Identifier::new(name).expect("identifier");
        Layout::Struct(Arc::new(StructLayout {
            tag: StructTag {
                address: move_vm::Address::from_u8(address),
                module: identifier(module),
                name: identifier(name),
                type_params: Vec::new(),
            },
            fields: fields
                .iter()
                .map(|(name, layout)| FieldLayout {
                    name: identifier(name),
                    layout: layout.clone(),
                })
                .collect(),
        }))
    }

    fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
        match &value.kind {
            Some(Kind::StructValue(object)) => &object.fields[name],
            other => panic!("not an object: {other:?}"),
        }
    }

    #[test]
    fn framework_types_are_shown_as_what_they_mean() {
        let bytes = Layout::Vector(Arc::new(Layout::U8));
        let id = structure(2, "object", "ID", &[("bytes", Layout::Address)]);
        let uid = structure(2, "object", "UID", &[("id", id)]);
        let text = structure(1, "string", "String", &[("bytes", bytes.clone())]);
        let maybe = structure(
            1,
            "option",
            "Option",
            &[("vec", Layout::Vector(Arc::new(Layout::U64)))],
        );
        let layout = structure(
            9,
            "blob",
            "Blob",
            &[
                ("id", uid),
                ("name", text),
                ("raw", bytes),
                ("size", Layout::U64),
                ("end", maybe),
            ],
        );
        let mut value = vec![7; 32];
        value.extend([2, b'h', b'i', 2, 0, 255]);
        value.extend(5u64.to_le_bytes());
        value.push(0);
        let json = render(&layout, &value).expect("fits");
        assert_eq!(
            *field(&json, "id"),
            string(format!("0x{}", "07".repeat(32)))
        );
        assert_eq!(*field(&json, "name"), string("hi"));
        assert_eq!(*field(&json, "raw"), string("AP8="));
        assert_eq!(*field(&json, "size"), string("5"));
        assert_eq!(*field(&json, "end"), null());
    }

    proptest::proptest! {
        /// Bytes from anywhere either fit or have no JSON; a value never claims more bytes than
        /// there are.
        #[test]
        fn any_bytes_are_answered(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ) {
            let number = Layout::Vector(Arc::new(Layout::U256));
            let text = structure(1, "string", "String", &[("bytes", Layout::Vector(Arc::new(Layout::U8)))]);
            let layout = structure(9, "m", "T", &[("n", number), ("t", text), ("b", Layout::Bool)]);
            if let Some(length) = value_length(&layout, &bytes) {
                proptest::prop_assert!(length <= bytes.len());
                proptest::prop_assert!(render(&layout, &bytes[..length]).is_some());
            } else {
                proptest::prop_assert!(render(&layout, &bytes).is_none());
            }
        }
    }

    #[test]
    fn bytes_that_do_not_fit_have_no_json() {
        let numbers = Layout::Vector(Arc::new(Layout::U64));
        assert_eq!(render(&Layout::U64, &[1; 7]), None);
        assert_eq!(render(&Layout::U64, &[1; 9]), None);
        assert_eq!(render(&Layout::Bool, &[2]), None);
        assert_eq!(render(&numbers, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1]), None);
        assert_eq!(value_length(&Layout::U16, &[1, 2, 3]), Some(2));
    }
}
