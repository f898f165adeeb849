//! Everything that reaches stdout.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use walrus_core::text::{printable, printable_lines};
use walrus_files::output::Stream;

/// Writes a command's result to stdout. A reader that has gone away (`walrus … | head`) is no
/// error.
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    print_bytes_to(Stream::Stdout, bytes)
}

/// Writes text and a line end.
pub fn print_text(text: &str) -> anyhow::Result<()> {
    print_text_to(Stream::Stdout, text)
}

/// Writes pretty-printed JSON and a line end.
pub fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    print_json_to(Stream::Stdout, value)
}

/// [`print_text`] to a stream of choice: to stderr when stdout carries data.
pub fn print_text_to(stream: Stream, text: &str) -> anyhow::Result<()> {
    let mut line = printable_lines(text.trim_end()).into_owned();
    line.push('\n');
    print_bytes_to(stream, line.as_bytes())
}

/// [`print_json`] to a stream of choice.
pub fn print_json_to<T: Serialize>(stream: Stream, value: &T) -> anyhow::Result<()> {
    let mut json = harmless_json(&serde_json::to_string_pretty(value)?);
    json.push('\n');
    print_bytes_to(stream, json.as_bytes())
}

/// A path on one line of text: lossy where it is no UTF-8, with escapes where it would control the
/// terminal.
pub fn path_text(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// A path as a value of JSON: lossy where it is no UTF-8, so that a name never fails a command that
/// has done its work.
pub fn path_json(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn print_bytes_to(stream: Stream, bytes: &[u8]) -> anyhow::Result<()> {
    let (written, name) = match stream {
        Stream::Stdout => (write(io::stdout().lock(), bytes), "standard output"),
        Stream::Stderr => (write(io::stderr().lock(), bytes), "standard error"),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context(format!("cannot write to {name}"))),
        Ok(()) => Ok(()),
    }
}

fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// JSON leaves DEL, C1 and marks of direction in strings as they are; escaped they mean the same.
/// Outside strings there are only line feeds, spaces and punctuation.
fn harmless_json(json: &str) -> String {
    use std::fmt::Write as _;
    let mut harmless = String::with_capacity(json.len());
    let (mut bytes, mut units) = ([0; 4], [0; 2]);
    for char in json.chars() {
        let text: &str = char.encode_utf8(&mut bytes);
        if char == '\n' || matches!(printable(text), Cow::Borrowed(_)) {
            harmless.push(char);
        } else {
            for unit in char.encode_utf16(&mut units) {
                write!(harmless, "\\u{unit:04x}").expect("writing to a string cannot fail");
            }
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_after_escaping() {
        let value = vec!["harbour\x1b[31m\u{9b}\u{7f}\u{202e}\u{e0041}\n\"ä", "plain"];
        let json = harmless_json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(
            json,
            "[\n  \"harbour\\u001b[31m\\u009b\\u007f\\u202e\\udb40\\udc41\\n\\\"ä\",\n  \"plain\"\n]"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), value);
    }

    #[cfg(unix)]
    #[test]
    fn paths_are_shown_whatever_their_bytes() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let path = Path::new(OsStr::from_bytes(b"caf\xe9\n\x1b.bin"));
        assert_eq!(path_text(path), "caf\u{fffd}\\n\\u{1b}.bin");
        assert_eq!(path_json(path), "caf\u{fffd}\n\x1b.bin");
    }
}
