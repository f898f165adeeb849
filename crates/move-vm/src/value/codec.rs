//! BCS of values, by layout.

use crate::{
    error::{StatusCode, VmError},
    identifier::Address,
    layout::{FieldLayout, Layout},
    u256::U256,
    uleb::write_uleb,
    value::{Container, Contents, ElementKind, Reference, Value, Vector, check_depth},
};

impl Value {
    /// The BCS of the value, or of the referent of a reference.
    ///
    /// # Errors
    /// [`StatusCode::InvariantViolation`] when the value does not have this layout.
    pub fn to_bcs(&self, layout: &Layout) -> Result<Vec<u8>, VmError> {
        let mut out = Vec::new();
        encode(self, layout, &mut out, 0)?;
        Ok(out)
    }

    /// Decodes a value, which must take up all of `bytes`.
    ///
    /// # Errors
    /// [`StatusCode::DeserializationError`] for bytes that are not the canonical BCS of a value of
    /// this layout.
    pub fn from_bcs(bytes: &[u8], layout: &Layout) -> Result<Self, VmError> {
        let mut rest = bytes;
        let value = decode(&mut rest, layout, 0)?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(malformed("bytes follow the value"))
        }
    }
}

fn malformed(message: &str) -> VmError {
    VmError::new(StatusCode::DeserializationError).with_message(message)
}

fn mismatch() -> VmError {
    VmError::invariant("value does not have its layout")
}

fn encode(value: &Value, layout: &Layout, out: &mut Vec<u8>, depth: usize) -> Result<(), VmError> {
    match (layout, value) {
        (Layout::Bool, Value::Bool(value)) => out.push(u8::from(*value)),
        (Layout::U8, Value::U8(value)) => out.push(*value),
        (Layout::U16, Value::U16(value)) => out.extend_from_slice(&value.to_le_bytes()),
        (Layout::U32, Value::U32(value)) => out.extend_from_slice(&value.to_le_bytes()),
        (Layout::U64, Value::U64(value)) => out.extend_from_slice(&value.to_le_bytes()),
        (Layout::U128, Value::U128(value)) => out.extend_from_slice(&value.to_le_bytes()),
        (Layout::U256, Value::U256(value)) => out.extend_from_slice(&value.to_le_bytes()),
        (Layout::Address, Value::Address(value)) => out.extend_from_slice(&value.0),
        (_, Value::Container(container)) => encode_container(container, layout, out, depth)?,
        (_, Value::Reference(Reference::Container(container))) => {
            encode_container(container, layout, out, depth)?;
        }
        (_, Value::Reference(reference)) => encode(&reference.read()?, layout, out, depth)?,
        _ => return Err(mismatch()),
    }
    Ok(())
}

fn encode_container(
    container: &Container,
    layout: &Layout,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), VmError> {
    check_depth(depth)?;
    container.read(|contents| match (layout, contents) {
        (Layout::Struct(layout), Contents::Struct(fields)) => {
            encode_fields(fields, &layout.fields, out, depth)
        }
        (Layout::Enum(layout), Contents::Variant(tag, fields)) => {
            let variant = layout
                .variants
                .get(usize::from(*tag))
                .ok_or_else(mismatch)?;
            write_uleb(u64::from(*tag), out);
            encode_fields(fields, &variant.fields, out, depth)
        }
        (Layout::Vector(element), Contents::Vector(vector)) => {
            encode_vector(vector, element, out, depth)
        }
        _ => Err(mismatch()),
    })
}

fn encode_fields(
    values: &[Value],
    layouts: &[FieldLayout],
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), VmError> {
    if values.len() != layouts.len() {
        return Err(mismatch());
    }
    values
        .iter()
        .zip(layouts)
        .try_for_each(|(value, field)| encode(value, &field.layout, out, depth + 1))
}

fn encode_vector(
    vector: &Vector,
    element: &Layout,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), VmError> {
    write_uleb(u64::try_from(vector.len()).map_err(|_| mismatch())?, out);
    match (element, vector) {
        (Layout::Bool, Vector::Bool(items)) => out.extend(items.iter().map(|item| u8::from(*item))),
        (Layout::U8, Vector::U8(items)) => out.extend_from_slice(items),
        (Layout::U16, Vector::U16(items)) => out.extend(items.iter().flat_map(|x| x.to_le_bytes())),
        (Layout::U32, Vector::U32(items)) => out.extend(items.iter().flat_map(|x| x.to_le_bytes())),
        (Layout::U64, Vector::U64(items)) => out.extend(items.iter().flat_map(|x| x.to_le_bytes())),
        (Layout::U128, Vector::U128(items)) => {
            out.extend(items.iter().flat_map(|x| x.to_le_bytes()));
        }
        (Layout::U256, Vector::U256(items)) => {
            out.extend(items.iter().flat_map(|x| x.to_le_bytes()));
        }
        (Layout::Address, Vector::Address(items)) => out.extend(items.iter().flat_map(|x| x.0)),
        (_, Vector::Values(items)) => {
            for item in items {
                encode(item, element, out, depth + 1)?;
            }
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

fn decode(rest: &mut &[u8], layout: &Layout, depth: usize) -> Result<Value, VmError> {
    check_depth(depth)?;
    Ok(match layout {
        Layout::Bool => Value::Bool(take_bool(rest)?),
        Layout::U8 => Value::U8(u8::from_le_bytes(take(rest)?)),
        Layout::U16 => Value::U16(u16::from_le_bytes(take(rest)?)),
        Layout::U32 => Value::U32(u32::from_le_bytes(take(rest)?)),
        Layout::U64 => Value::U64(u64::from_le_bytes(take(rest)?)),
        Layout::U128 => Value::U128(u128::from_le_bytes(take(rest)?)),
        Layout::U256 => Value::u256(U256::from_le_bytes(&take(rest)?)),
        Layout::Address => Value::address(Address(take(rest)?)),
        Layout::Signer => return Err(malformed("signer values do not exist")),
        Layout::Vector(element) => Value::vector(decode_vector(rest, element, depth)?),
        Layout::Struct(layout) => Value::structure(decode_fields(rest, &layout.fields, depth)?),
        Layout::Enum(layout) => {
            let tag = take_uleb32(rest)?;
            let variant = usize::try_from(tag)
                .ok()
                .and_then(|tag| layout.variants.get(tag))
                .ok_or_else(|| malformed("unknown enum variant"))?;
            let tag = u16::try_from(tag).map_err(|_| malformed("unknown enum variant"))?;
            Value::variant(tag, decode_fields(rest, &variant.fields, depth)?)
        }
    })
}

fn decode_fields(
    rest: &mut &[u8],
    fields: &[FieldLayout],
    depth: usize,
) -> Result<Vec<Value>, VmError> {
    fields
        .iter()
        .map(|field| decode(rest, &field.layout, depth + 1))
        .collect()
}

fn decode_vector(rest: &mut &[u8], element: &Layout, depth: usize) -> Result<Vector, VmError> {
    let length = usize::try_from(take_uleb32(rest)?).map_err(|_| malformed("vector too long"))?;
    // Every element takes at least one byte (empty structs hold a dummy field), so a longer vector
    // cannot be right, and its length must not reserve memory.
    if length > rest.len() {
        return Err(malformed("vector longer than the bytes left"));
    }
    macro_rules! packed {
        ($kind:ident, $item:expr) => {
            Vector::$kind((0..length).map(|_| $item).collect::<Result<_, VmError>>()?)
        };
    }
    Ok(match ElementKind::of_layout(element) {
        ElementKind::Bool => packed!(Bool, take_bool(rest)),
        ElementKind::U8 => {
            let (bytes, after) = rest.split_at(length);
            *rest = after;
            Vector::U8(bytes.to_vec())
        }
        ElementKind::U16 => packed!(U16, take(rest).map(u16::from_le_bytes)),
        ElementKind::U32 => packed!(U32, take(rest).map(u32::from_le_bytes)),
        ElementKind::U64 => packed!(U64, take(rest).map(u64::from_le_bytes)),
        ElementKind::U128 => packed!(U128, take(rest).map(u128::from_le_bytes)),
        ElementKind::U256 => packed!(U256, take(rest).map(|bytes| U256::from_le_bytes(&bytes))),
        ElementKind::Address => packed!(Address, take(rest).map(Address)),
        ElementKind::Values => packed!(Values, decode(rest, element, depth + 1)),
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], VmError> {
    let (taken, after) = rest
        .split_first_chunk::<N>()
        .ok_or_else(|| malformed("value ends early"))?;
    *rest = after;
    Ok(*taken)
}

fn take_bool(rest: &mut &[u8]) -> Result<bool, VmError> {
    match take(rest)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(malformed("boolean is neither 0 nor 1")),
    }
}

/// A canonical ULEB128 integer of at most 32 bits, as BCS lengths and variant tags are.
fn take_uleb32(rest: &mut &[u8]) -> Result<u32, VmError> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let [byte] = take(rest)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if shift > 0 && byte == 0 {
                break;
            }
            return u32::try_from(value).map_err(|_| malformed("length over 32 bits"));
        }
    }
    Err(malformed("length is not canonical"))
}
