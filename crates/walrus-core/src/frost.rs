//! Amounts of WAL.

use std::{fmt, iter::Sum, ops::Add, str::FromStr};

use serde::{Deserialize, Serialize};

/// An amount of WAL in its smallest unit; 1 WAL = 10⁹ FROST.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Frost(pub u64);

/// FROST in one WAL.
pub const FROST_PER_WAL: u64 = 1_000_000_000;
/// Digits after the point that an amount in WAL can have.
const WAL_DECIMALS: usize = 9;

/// The text is no amount of WAL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrostParseError {
    /// A bare number: a thousandfold mistake in waiting.
    #[error("`{0}` has no unit; write `{0}WAL` or `{0}FROST`")]
    NoUnit(String),
    /// Not a number.
    #[error("`{0}` is no amount; write it like 12.5WAL or 250000FROST")]
    Syntax(String),
    /// Parts of a FROST.
    #[error("`{0}` has parts smaller than 1 FROST, a billionth of a WAL")]
    TooFine(String),
    /// More than there can be.
    #[error("`{0}` is more WAL than there can be")]
    TooLarge(String),
}

impl fmt::Display for Frost {
    /// Writes the amount in WAL, exactly, with as many decimals as it needs: `12,345.5 WAL`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} WAL", coins(self.0.into()))
    }
}

/// An amount in billionths of a coin (FROST of a WAL, MIST of a SUI) in coins: digits in groups of
/// three, and as many decimals as are not zero.
pub fn coins(units: u128) -> String {
    let units_per_coin = u128::from(FROST_PER_WAL);
    let whole = thousands(units / units_per_coin);
    let fraction = format!("{:0WAL_DECIMALS$}", units % units_per_coin);
    match fraction.trim_end_matches('0') {
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Decimal digits in groups of three.
pub fn thousands(value: impl Into<u128>) -> String {
    let digits = value.into().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl FromStr for Frost {
    type Err = FrostParseError;

    /// Reads `12.5WAL` or `250000FROST`, exactly. The unit is required, in any case, with or
    /// without a space before it; digits may be grouped with `_` or `,`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let digits_end = trimmed
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits_end);
        let number: String = number
            .trim_end()
            .chars()
            .filter(|c| !matches!(c, '_' | ','))
            .collect();
        let syntax = || FrostParseError::Syntax(text.to_owned());
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if number.is_empty() || number == "." || !is_number(whole) || !is_number(fraction) {
            return Err(syntax());
        }
        let decimals = match unit.to_ascii_lowercase().as_str() {
            "wal" => WAL_DECIMALS,
            "frost" => 0,
            "" => return Err(FrostParseError::NoUnit(trimmed.to_owned())),
            _ => return Err(syntax()),
        };
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return Err(FrostParseError::TooFine(text.to_owned()));
        }
        let digits = format!("{whole}{fraction:0<decimals$}");
        let digits = if digits.is_empty() { "0" } else { &digits };
        digits
            .parse()
            .map(Self)
            .map_err(|_| FrostParseError::TooLarge(text.to_owned()))
    }
}

impl Add for Frost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sum for Frost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), |total, amount| total + amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_have_one_form() {
        for (frost, text) in [
            (0, "0 WAL"),
            (1, "0.000000001 WAL"),
            (132_300, "0.0001323 WAL"),
            (1_000_000, "0.001 WAL"),
            (1_999_900_000, "1.9999 WAL"),
            (100_000_000_000, "100 WAL"),
            (12_345_500_000_000, "12,345.5 WAL"),
            (u64::MAX, "18,446,744,073.709551615 WAL"),
        ] {
            assert_eq!(Frost(frost).to_string(), text);
        }
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (text, frost) in [
            ("12.5WAL", 12_500_000_000),
            ("12.5 wal", 12_500_000_000),
            ("0.000000001WAL", 1),
            (".5WAL", 500_000_000),
            ("5.WAL", 5_000_000_000),
            ("1.10000000000WAL", 1_100_000_000),
            ("250000FROST", 250_000),
            ("250_000 Frost", 250_000),
            ("1,000WAL", 1_000_000_000_000),
            ("3.0FROST", 3),
            ("18446744073.709551615WAL", u64::MAX),
            ("18446744073709551615FROST", u64::MAX),
            ("0WAL", 0),
        ] {
            assert_eq!(text.parse(), Ok(Frost(frost)), "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for frost in [
            0,
            1,
            999_999_999,
            1_000_000_000,
            1_230_000_000_000,
            u64::MAX,
        ] {
            assert_eq!(Frost(frost).to_string().parse(), Ok(Frost(frost)));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        use FrostParseError::{NoUnit, Syntax, TooFine, TooLarge};
        let error = |text: &str| text.parse::<Frost>().unwrap_err();
        assert_eq!(error("12.5"), NoUnit("12.5".to_owned()));
        for text in [
            "", "WAL", ".WAL", "-1WAL", "+1WAL", "1e3WAL", "1.2.3WAL", "1SUI", "one WAL", "1 2WAL",
            "1WAL2",
        ] {
            assert!(
                matches!(error(text), Syntax(_)),
                "{text}: {:?}",
                error(text)
            );
        }
        assert!(matches!(error("0.0000000001WAL"), TooFine(_)));
        assert!(matches!(error("1.5FROST"), TooFine(_)));
        assert!(matches!(error("18446744073.709551616WAL"), TooLarge(_)));
        assert!(matches!(error("99999999999999999999999FROST"), TooLarge(_)));
    }
}
