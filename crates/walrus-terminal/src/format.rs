//! Sizes, amounts of money, shares and durations as people read them.

use std::fmt;

pub use walrus_core::thousands;
use walrus_core::{Frost, coins};

/// An amount in FROST, as [`Frost`] is printed. All money reads like this, small or large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wal(pub u64);

impl fmt::Display for Wal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Frost(self.0).fmt(f)
    }
}

/// An amount in MIST: exact, in SUI. Gas is negative when more was given back than taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sui(pub i128);

impl fmt::Display for Sui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{} SUI", coins(self.0.unsigned_abs()))
    }
}

/// A size in bytes: base 1024, three significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

const SIZE_UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut unit: u128 = 1024;
        for name in SIZE_UNITS {
            for decimals in (0..=2).rev() {
                let scale = 10_u128.pow(decimals);
                let scaled = (u128::from(self.0) * scale + unit / 2) / unit;
                // Three significant digits; the last form of a unit reaches up to 1023.
                let limit = if decimals == 0 { 1024 } else { 1000 };
                if scaled < limit {
                    return match decimals {
                        0 => write!(f, "{scaled} {name}"),
                        1 => write!(f, "{}.{} {name}", scaled / scale, scaled % scale),
                        _ => write!(f, "{}.{:02} {name}", scaled / scale, scaled % scale),
                    };
                }
            }
            unit *= 1024;
        }
        write!(f, "{} B", self.0)
    }
}

/// A share in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u16);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 100, self.0 % 100);
        match fraction {
            0 => write!(f, "{whole}%"),
            _ if fraction.is_multiple_of(10) => write!(f, "{whole}.{}%", fraction / 10),
            _ => write!(f, "{whole}.{fraction:02}%"),
        }
    }
}

/// A number of bytes that somebody has chosen, as they would write it: `10 TB`, `1.5 TiB`. What no
/// unit tells exactly in two decimals is rounded, with the bytes beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(pub u64);

const CAPACITY_UNITS: [(&str, u64); 11] = [
    ("EiB", 1 << 60),
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
];

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = u128::from(self.0) * 100;
        let fitting = CAPACITY_UNITS
            .iter()
            .find(|(_, unit)| self.0 >= *unit && hundredths % u128::from(*unit) == 0);
        match fitting {
            Some((name, unit)) => {
                let amount = hundredths / u128::from(*unit);
                let (whole, fraction) = (amount / 100, amount % 100);
                match fraction {
                    0 => write!(f, "{whole} {name}"),
                    _ if fraction % 10 == 0 => write!(f, "{whole}.{} {name}", fraction / 10),
                    _ => write!(f, "{whole}.{fraction:02} {name}"),
                }
            }
            None if self.0 < CAPACITY_UNITS[CAPACITY_UNITS.len() - 1].1 => {
                write!(f, "{} B", self.0)
            }
            None => write!(f, "{} ({} bytes)", Size(self.0), thousands(self.0)),
        }
    }
}

/// A duration in ms: its two largest units, such as `3d 4h` or `12min 5s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

const SPAN_UNITS: [(&str, u64); 4] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = SPAN_UNITS.iter().position(|(_, ms)| self.0 >= *ms) else {
            return f.write_str(if self.0 == 0 { "0s" } else { "1s" });
        };
        let (name, ms) = SPAN_UNITS[first];
        write!(f, "{}{name}", self.0 / ms)?;
        match SPAN_UNITS.get(first + 1) {
            Some((name, smaller)) if self.0 % ms / smaller > 0 => {
                write!(f, " {}{name}", self.0 % ms / smaller)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_significant_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (10 * 1024, "10.0 KiB"),
            (100 * 1024, "100 KiB"),
            (1023 * 1024, "1023 KiB"),
            (1024 * 1024 - 1, "1.00 MiB"),
            (10_234_567, "9.76 MiB"),
            (10_480_000, "9.99 MiB"),
            (10_484_000, "10.0 MiB"),
            (66_034_000, "63.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn capacities_read_as_they_were_written() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (10_000_000_000_000, "10 TB"),
            (1_500_000_000_000, "1.5 TB"),
            (2 << 40, "2 TiB"),
            (3 << 39, "1.5 TiB"),
            (1_234_567, "1.18 MiB (1,234,567 bytes)"),
            (u64::MAX, "16.0 EiB (18,446,744,073,709,551,615 bytes)"),
        ] {
            assert_eq!(Capacity(bytes).to_string(), text);
        }
    }

    #[test]
    fn amounts_are_exact_and_have_one_form() {
        assert_eq!(Wal(12_345_500_000_000).to_string(), "12,345.5 WAL");
        for (mist, text) in [
            (0, "0 SUI"),
            (1_500_000_000, "1.5 SUI"),
            (1_234_500_000_000, "1,234.5 SUI"),
            (-2_000_000, "-0.002 SUI"),
        ] {
            assert_eq!(Sui(mist).to_string(), text);
        }
    }

    #[test]
    fn shares_have_no_needless_digits() {
        for (rate, text) in [
            (0, "0%"),
            (500, "5%"),
            (1250, "12.5%"),
            (1234, "12.34%"),
            (1, "0.01%"),
        ] {
            assert_eq!(Rate(rate).to_string(), text);
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1s"),
            (59_999, "59s"),
            (60_000, "1min"),
            (725_000, "12min 5s"),
            (3_600_000, "1h"),
            (3_605_000, "1h"),
            (277_200_000, "3d 5h"),
        ] {
            assert_eq!(Span(ms).to_string(), text);
        }
    }
}
