//! Checked arithmetic, bits, casts and order.

use std::cmp::Ordering;

use crate::{
    error::{StatusCode, VmError},
    u256::U256,
    value::Value,
};

type Result = std::result::Result<Value, VmError>;

fn failure() -> VmError {
    VmError::new(StatusCode::ArithmeticError)
}

fn unequal_types(left: &Value) -> VmError {
    left.unexpected("two integers of the same type")
}

/// An operation on two integers of the same type that may fail.
macro_rules! checked {
    ($name:ident, $method:ident) => {
        #[inline]
        pub(super) fn $name(left: Value, right: Value) -> Result {
            match (left, right) {
                (Value::U64(left), Value::U64(right)) => left.$method(right).map(Value::U64),
                (Value::U8(left), Value::U8(right)) => left.$method(right).map(Value::U8),
                (Value::U16(left), Value::U16(right)) => left.$method(right).map(Value::U16),
                (Value::U32(left), Value::U32(right)) => left.$method(right).map(Value::U32),
                (Value::U128(left), Value::U128(right)) => left.$method(right).map(Value::U128),
                (Value::U256(left), Value::U256(right)) => left.$method(*right).map(Value::u256),
                (left, _) => return Err(unequal_types(&left)),
            }
            .ok_or_else(failure)
        }
    };
}

checked!(add, checked_add);
checked!(sub, checked_sub);
checked!(mul, checked_mul);
checked!(div, checked_div);
checked!(rem, checked_rem);

/// An operation on the bits of two integers of the same type.
macro_rules! bitwise {
    ($name:ident, $operator:tt) => {
        pub(super) fn $name(left: Value, right: Value) -> Result {
            Ok(match (left, right) {
                (Value::U8(left), Value::U8(right)) => Value::U8(left $operator right),
                (Value::U16(left), Value::U16(right)) => Value::U16(left $operator right),
                (Value::U32(left), Value::U32(right)) => Value::U32(left $operator right),
                (Value::U64(left), Value::U64(right)) => Value::U64(left $operator right),
                (Value::U128(left), Value::U128(right)) => Value::U128(left $operator right),
                (Value::U256(left), Value::U256(right)) => Value::u256(*left $operator *right),
                (left, _) => return Err(unequal_types(&left)),
            })
        }
    };
}

bitwise!(bit_or, |);
bitwise!(bit_and, &);
bitwise!(bit_xor, ^);

/// A shift by a `u8`; shifting by the width or more fails, bits shifted out are lost.
macro_rules! shift {
    ($name:ident, $method:ident) => {
        pub(super) fn $name(left: Value, right: Value) -> Result {
            let bits = u32::from(right.into_u8()?);
            match left {
                Value::U8(left) => left.$method(bits).map(Value::U8),
                Value::U16(left) => left.$method(bits).map(Value::U16),
                Value::U32(left) => left.$method(bits).map(Value::U32),
                Value::U64(left) => left.$method(bits).map(Value::U64),
                Value::U128(left) => left.$method(bits).map(Value::U128),
                Value::U256(left) => left.$method(bits).map(Value::u256),
                left => return Err(left.unexpected("an integer")),
            }
            .ok_or_else(failure)
        }
    };
}

shift!(shl, checked_shl);
shift!(shr, checked_shr);

pub(super) fn or(left: Value, right: Value) -> Result {
    let (left, right) = (left.into_bool()?, right.into_bool()?);
    Ok(Value::Bool(left || right))
}

pub(super) fn and(left: Value, right: Value) -> Result {
    let (left, right) = (left.into_bool()?, right.into_bool()?);
    Ok(Value::Bool(left && right))
}

/// Order of two integers of the same type.
#[inline]
pub(super) fn compare(left: &Value, right: &Value) -> std::result::Result<Ordering, VmError> {
    Ok(match (left, right) {
        (Value::U64(left), Value::U64(right)) => left.cmp(right),
        (Value::U8(left), Value::U8(right)) => left.cmp(right),
        (Value::U16(left), Value::U16(right)) => left.cmp(right),
        (Value::U32(left), Value::U32(right)) => left.cmp(right),
        (Value::U128(left), Value::U128(right)) => left.cmp(right),
        (Value::U256(left), Value::U256(right)) => left.cmp(right),
        (left, _) => return Err(unequal_types(left)),
    })
}

/// The integer as u128; `Err` holds a u256 that does not fit.
fn widen(value: Value) -> std::result::Result<std::result::Result<u128, U256>, VmError> {
    Ok(match value {
        Value::U8(value) => Ok(u128::from(value)),
        Value::U16(value) => Ok(u128::from(value)),
        Value::U32(value) => Ok(u128::from(value)),
        Value::U64(value) => Ok(u128::from(value)),
        Value::U128(value) => Ok(value),
        Value::U256(value) => value.to_u128().ok_or(*value),
        other => return Err(other.unexpected("an integer")),
    })
}

/// A cast that fails when the value does not fit.
macro_rules! cast {
    ($name:ident, $variant:ident, $type:ty) => {
        pub(super) fn $name(value: Value) -> Result {
            let wide = widen(value)?.map_err(|_| failure())?;
            <$type>::try_from(wide)
                .map(Value::$variant)
                .map_err(|_| failure())
        }
    };
}

cast!(cast_u8, U8, u8);
cast!(cast_u16, U16, u16);
cast!(cast_u32, U32, u32);
cast!(cast_u64, U64, u64);
cast!(cast_u128, U128, u128);

pub(super) fn cast_u256(value: Value) -> Result {
    Ok(Value::u256(
        widen(value)?.map_or_else(|large| large, U256::from),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(result: Result) -> bool {
        result.is_err_and(|error| error.status == StatusCode::ArithmeticError)
    }

    #[test]
    fn overflow_underflow_and_zero_divisors_fail() {
        assert!(fails(add(Value::U8(255), Value::U8(1))));
        assert!(fails(add(Value::u256(U256::MAX), Value::u256(U256::ONE))));
        assert!(fails(sub(Value::U64(0), Value::U64(1))));
        assert!(fails(mul(Value::U128(1 << 127), Value::U128(2))));
        assert!(fails(mul(
            Value::u256(U256::MAX),
            Value::u256(U256::from(2u64))
        )));
        assert!(fails(div(Value::U16(1), Value::U16(0))));
        assert!(fails(rem(Value::u256(U256::ONE), Value::u256(U256::ZERO))));
    }

    #[test]
    fn shifts_lose_bits_but_not_beyond_the_width() {
        assert!(
            shl(Value::U8(0xff), Value::U8(4))
                .unwrap()
                .equals(&Value::U8(0xf0))
                .unwrap()
        );
        assert!(
            shr(Value::U32(0x10), Value::U8(31))
                .unwrap()
                .equals(&Value::U32(0))
                .unwrap()
        );
        assert!(fails(shl(Value::U8(1), Value::U8(8))));
        assert!(fails(shr(Value::U64(1), Value::U8(64))));
        assert!(fails(shl(Value::U128(1), Value::U8(128))));
        let top = shl(Value::u256(U256::ONE), Value::U8(255)).unwrap();
        let back = shr(top, Value::U8(255)).unwrap();
        assert!(back.equals(&Value::u256(U256::ONE)).unwrap());
    }

    #[test]
    fn casts_keep_the_value_or_fail() {
        assert!(
            cast_u8(Value::U64(255))
                .unwrap()
                .equals(&Value::U8(255))
                .unwrap()
        );
        assert!(fails(cast_u8(Value::U64(256))));
        assert!(fails(cast_u128(Value::u256(U256::MAX))));
        let kept = cast_u256(Value::u256(U256::MAX)).unwrap();
        assert!(kept.equals(&Value::u256(U256::MAX)).unwrap());
    }

    #[test]
    fn mixed_types_are_an_invariant_violation() {
        let error = add(Value::U8(1), Value::U64(1)).unwrap_err();
        assert_eq!(error.status, StatusCode::InvariantViolation);
        assert!(compare(&Value::Bool(true), &Value::Bool(false)).is_err());
    }
}
