//! What was measured, as a table or as JSON.

use std::time::Duration;

use serde::Serialize;

/// Bytes of a megabyte, in which speeds are told.
pub(super) const MEGABYTE: f64 = 1e6;

/// Bytes of a mebibyte, in which sizes are told.
pub(super) const MIB: usize = 1 << 20;

/// One measured number.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    name: String,
    value: f64,
    unit: &'static str,
    /// What the value is compared with; `null` where there is nothing to compare with.
    baseline: Option<f64>,
    /// How many times better than the baseline.
    ratio: Option<f64>,
}

impl Measurement {
    /// A number by itself.
    pub(super) fn plain(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            baseline: None,
            ratio: None,
        }
    }

    /// A size, if it is known.
    pub(super) fn memory((name, bytes): (impl Into<String>, Option<u64>)) -> Option<Self> {
        let bytes = usize::try_from(bytes?).ok()?;
        Some(Self::plain(name, as_float(bytes) / as_float(MIB), "MiB"))
    }

    /// Smaller is better.
    pub(super) fn seconds(name: &'static str, value: Duration, baseline: Duration) -> Self {
        let (value, baseline) = (value.as_secs_f64(), baseline.as_secs_f64());
        Self {
            baseline: Some(baseline),
            ratio: Some(baseline / value),
            ..Self::plain(name, value, "s")
        }
    }

    /// Bytes per second; larger is better.
    pub(super) fn speed(name: impl Into<String>, value: f64, baseline: f64) -> Self {
        Self {
            baseline: Some(baseline / MEGABYTE),
            ratio: Some(value / baseline),
            ..Self::plain_speed(name, value)
        }
    }

    /// Bytes per second by themselves.
    pub(super) fn plain_speed(name: impl Into<String>, value: f64) -> Self {
        Self::plain(name, value / MEGABYTE, "MB/s")
    }
}

/// Prints a table, or one JSON array.
pub(super) fn print(json: bool, measurements: &[Measurement]) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(measurements)?);
        return Ok(());
    }
    println!(
        "{:<48} {:>10} {:<8} {:>10} {:>7}",
        "name", "value", "unit", "baseline", "ratio"
    );
    for Measurement {
        name,
        value,
        unit,
        baseline,
        ratio,
    } in measurements
    {
        let optional = |number: &Option<f64>| {
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
        };
        println!(
            "{name:<48} {value:>10.2} {unit:<8} {:>10} {:>7}",
            optional(baseline),
            optional(ratio)
        );
    }
    Ok(())
}

/// A number for people.
#[allow(
    clippy::cast_precision_loss,
    reason = "sizes and counts are far below 2^53"
)]
pub(super) fn as_float(number: usize) -> f64 {
    number as f64
}
