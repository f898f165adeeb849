//! Pure arguments: bytes that a command decodes by the type it expects.

use move_vm::{Address, Type};

/// Whether bytes are the canonical encoding of a value that a transaction may make up: primitives,
/// ids, texts, and vectors and options of those. `None` if the type is not of this kind.
pub(super) fn check(type_: &Type, bytes: &[u8]) -> Option<bool> {
    if !is_pure(type_) {
        return None;
    }
    let mut rest = bytes;
    Some(skip(type_, &mut rest).is_some() && rest.is_empty())
}

fn is_pure(type_: &Type) -> bool {
    match type_ {
        Type::Bool
        | Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::U128
        | Type::U256
        | Type::Address => true,
        Type::Vector(element) => is_pure(element),
        _ => match special(type_) {
            Some(Special::Id | Special::Utf8 | Special::Ascii) => true,
            Some(Special::Option(element)) => is_pure(element),
            None => false,
        },
    }
}

enum Special<'t> {
    Id,
    Utf8,
    Ascii,
    Option(&'t Type),
}

fn special(type_: &Type) -> Option<Special<'_>> {
    if type_.is_datatype(Address::FRAMEWORK, "object", "ID") {
        Some(Special::Id)
    } else if type_.is_datatype(Address::STD, "string", "String") {
        Some(Special::Utf8)
    } else if type_.is_datatype(Address::STD, "ascii", "String") {
        Some(Special::Ascii)
    } else if type_.is_datatype(Address::STD, "option", "Option") {
        type_
            .as_datatype()?
            .type_arguments
            .first()
            .map(Special::Option)
    } else {
        None
    }
}

/// Reads one value off the front of `rest`.
fn skip(type_: &Type, rest: &mut &[u8]) -> Option<()> {
    match type_ {
        Type::Bool => take(rest, 1).filter(|byte| byte[0] <= 1).map(drop),
        Type::U8 => take(rest, 1).map(drop),
        Type::U16 => take(rest, 2).map(drop),
        Type::U32 => take(rest, 4).map(drop),
        Type::U64 => take(rest, 8).map(drop),
        Type::U128 => take(rest, 16).map(drop),
        Type::U256 | Type::Address => take(rest, 32).map(drop),
        Type::Vector(element) => {
            let length = uleb(rest)?;
            if matches!(**element, Type::U8) {
                return take(rest, length).map(drop);
            }
            (0..length).try_for_each(|_| skip(element, rest))
        }
        _ => match special(type_)? {
            Special::Id => take(rest, 32).map(drop),
            Special::Utf8 => {
                let length = uleb(rest)?;
                std::str::from_utf8(take(rest, length)?).ok().map(drop)
            }
            Special::Ascii => {
                let length = uleb(rest)?;
                take(rest, length)?.is_ascii().then_some(())
            }
            Special::Option(element) => match uleb(rest)? {
                0 => Some(()),
                1 => skip(element, rest),
                _ => None,
            },
        },
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

/// A canonical length of at most 32 bits.
fn uleb(rest: &mut &[u8]) -> Option<usize> {
    let mut value: u64 = 0;
    for shift in (0..35).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let canonical = byte != 0 || shift == 0;
            return canonical.then_some(usize::try_from(u32::try_from(value).ok()?).ok()?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn vector(element: Type) -> Type {
        Type::Vector(Arc::new(element))
    }

    #[test]
    fn canonical_values_only() {
        assert_eq!(check(&Type::Bool, &[1]), Some(true));
        assert_eq!(check(&Type::Bool, &[2]), Some(false));
        assert_eq!(check(&Type::U64, &[0; 8]), Some(true));
        assert_eq!(check(&Type::U64, &[0; 9]), Some(false));
        assert_eq!(check(&Type::U64, &[0; 7]), Some(false));
        assert_eq!(check(&Type::U256, &[0; 32]), Some(true));
        assert_eq!(check(&vector(Type::U8), &[2, 7, 7]), Some(true));
        assert_eq!(
            check(&vector(Type::U8), &[0x82, 0, 7, 7]),
            Some(false),
            "padded length"
        );
        assert_eq!(
            check(&vector(vector(Type::U16)), &[2, 0, 1, 5, 0]),
            Some(true)
        );
        assert_eq!(check(&vector(Type::U8), &[0xff; 8]), Some(false));
        assert_eq!(
            check(&vector(Type::Bool), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Some(false)
        );
    }

    #[test]
    fn a_signer_cannot_be_made_up() {
        assert_eq!(check(&Type::Signer, &[0; 32]), None);
    }
}
