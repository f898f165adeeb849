//! Sizes, rates and paths as people write them. Every number is exact: no floating point.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use walrus_core::{Frost, FrostParseError};

/// Units of sizes, in bytes.
const SIZE_UNITS: [(&str, u64); 13] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("pb", 1_000_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
    ("eib", 1 << 60),
];
/// Most digits after the point: more than any unit has zeros, and few enough not to overflow.
const DECIMALS_MAX: usize = 18;

/// Reads a path, with `~` replaced where no shell has done it: inside quotes, after `=`.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| walrus_files::path::expand_home(&path))
}

/// Reads a size in bytes: `1500`, `1.5TB` (powers of 1000) or `2TiB` (powers of 1024).
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is no size; write it like 1500000, 1.5TB or 2TiB");
    let (number, unit) = split_unit(text);
    let unit = unit.to_ascii_lowercase();
    let (_, bytes) = SIZE_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(expected)?;
    let (mantissa, scale) = decimal(number).ok_or_else(expected)?;
    let product = mantissa
        .checked_mul(u128::from(*bytes))
        .ok_or_else(|| format!("`{text}` is too large"))?;
    if product % scale != 0 {
        return Err(format!("`{text}` has parts of a byte"));
    }
    u64::try_from(product / scale).map_err(|_| format!("`{text}` is too large"))
}

/// Reads `KEY=VALUE`; the value may be empty and may contain `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

/// Reads an amount of WAL: `1.5WAL`, `250000FROST`, or a bare number of FROST, as existing scripts
/// write it.
pub fn frost(text: &str) -> Result<Frost, String> {
    match text.parse::<u64>() {
        Ok(frost) => Ok(Frost(frost)),
        Err(_) => text
            .parse()
            .map_err(|error: FrostParseError| error.to_string()),
    }
}

/// Reads a share such as `5%` or `12.34%` as hundredths of a percent; at most 100%.
pub fn rate(text: &str) -> Result<u16, String> {
    const HUNDREDTHS: u128 = 100;
    const RATE_MAX: u128 = 10_000;
    let expected = || format!("`{text}` is no share; write it like 5% or 12.34%");
    let number = text.trim().strip_suffix('%').ok_or_else(expected)?;
    let (mantissa, scale) = decimal(number.trim_end()).ok_or_else(expected)?;
    let product = mantissa.checked_mul(HUNDREDTHS).ok_or_else(expected)?;
    if product % scale != 0 {
        return Err(format!("`{text}` is finer than a hundredth of a percent"));
    }
    let rate = product / scale;
    if rate > RATE_MAX {
        return Err(format!("`{text}` is more than 100%"));
    }
    u16::try_from(rate).map_err(|_| expected())
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.trim_end(), unit)
}

/// A decimal number as mantissa and power of ten to divide it by.
fn decimal(text: &str) -> Option<(u128, u128)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let is_number = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || fraction.len() > DECIMALS_MAX {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    Some((digits.parse().ok()?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_without_a_unit_are_frost() {
        assert_eq!(frost("1500"), Ok(Frost(1_500)));
        assert_eq!(frost("1.5WAL"), Ok(Frost(1_500_000_000)));
        for text in ["", "-1", "1.5", "one", "18446744073709551616"] {
            assert!(frost(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_and_values_are_split_at_the_first_sign() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(key_value("a=b=c"), pair("a", "b=c"));
        assert_eq!(key_value("a="), pair("a", ""));
        assert!(key_value("=b").is_err() && key_value("a").is_err());
    }

    #[test]
    fn sizes_are_exact() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("1.5TB", 1_500_000_000_000),
            ("2 TiB", 2 << 40),
            ("0.5kib", 512),
            ("16EiB", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            match size(text) {
                Ok(found) => assert_eq!(found, bytes, "{text}"),
                Err(error) => assert_eq!(error, format!("`{text}` is too large")),
            }
        }
        for text in ["", "TB", "1.5", "-1", "1 TX", "1e3", "1.0001kb"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(
            size("1.0001kb"),
            Err("`1.0001kb` has parts of a byte".to_owned())
        );
    }

    #[test]
    fn rates_are_exact() {
        for (text, hundredths) in [
            ("0%", 0),
            ("5%", 500),
            ("12.34%", 1234),
            ("100 %", 10_000),
            ("0.010%", 1),
        ] {
            assert_eq!(rate(text), Ok(hundredths), "{text}");
        }
        for text in ["5", "100.01%", "0.001%", "%", "-1%", "1%%", "five%"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
