//! What benchmarks have measured, as JSON or as a table.

use serde_json::{Value, json};

/// Larger is better.
pub fn rate(name: &str, value: f64, unit: &str, baseline: f64) -> Value {
    json!({"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": value / baseline})
}

/// Smaller is better.
pub fn amount(name: &str, value: f64, unit: &str, baseline: f64) -> Value {
    json!({"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": baseline / value})
}

/// Prints measurements: as JSON if the command line says `--json`, else for people.
///
/// # Panics
///
/// When a measurement has no name.
pub fn print(measurements: &[Value]) {
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", Value::from(measurements));
        return;
    }
    println!(
        "{:<48} {:>10} {:<12} {:>10} {:>7}",
        "name", "value", "unit", "baseline", "ratio"
    );
    for entry in measurements {
        let number = |key: &str| {
            entry[key]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
        };
        println!(
            "{:<48} {:>10} {:<12} {:>10} {:>7}",
            entry["name"].as_str().expect("a name"),
            number("value"),
            entry["unit"].as_str().expect("a unit"),
            number("baseline"),
            number("ratio"),
        );
    }
}
