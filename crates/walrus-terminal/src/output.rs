//! Everything that reaches stdout.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a command's result to stdout. A reader that has gone away (`walrus … | head`) is no error.
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}

/// Writes text and a line end.
pub fn print_text(text: &str) -> anyhow::Result<()> {
    let mut line = text.trim_end().to_owned();
    line.push('\n');
    print_bytes(line.as_bytes())
}

/// Writes pretty-printed JSON and a line end.
pub fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    print_text(&serde_json::to_string_pretty(value)?)
}
