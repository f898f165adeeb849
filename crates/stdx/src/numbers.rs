//! Conversions between integers that have no error.

/// Conversion of an unsigned integer to one that may be narrower: what is too large becomes the
/// largest.
///
/// It is for lengths and counts, which fit on every platform we have, and for limits, sizes in
/// reports and times, where the largest number means the same. What must not be changed is
/// converted with `try_from`, and its error told.
pub trait SaturatingFrom<S> {
    /// The number, or the largest if it is larger than that.
    fn saturating_from(number: S) -> Self;
}

macro_rules! saturating_from {
    ($($source:ty),* => $targets:tt) => { $(saturating_from!(@one $source => $targets);)* };
    (@one $source:ty => [$($target:ty),*]) => { $(
        impl SaturatingFrom<$source> for $target {
            fn saturating_from(number: $source) -> Self {
                Self::try_from(number).unwrap_or(Self::MAX)
            }
        }
    )* };
}

saturating_from!(u32, u64, u128, usize => [u8, u16, u32, u64, usize, i64, isize]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_becomes_the_largest() {
        assert_eq!(u8::saturating_from(255_u32), 255);
        assert_eq!(u8::saturating_from(256_u32), 255);
        assert_eq!(u64::saturating_from(u128::MAX), u64::MAX);
        assert_eq!(u64::saturating_from(7_usize), 7);
        assert_eq!(i64::saturating_from(u64::MAX), i64::MAX);
        assert_eq!(u16::saturating_from(usize::MAX), u16::MAX);
    }
}
