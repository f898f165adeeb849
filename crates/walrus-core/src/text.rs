//! Text from outside, made fit to be shown.
//!
//! Names of nodes, answers of servers, file names: whoever chose them may have put in what moves
//! the cursor of a terminal, hides text, turns its direction round, or begins a line that looks
//! like one of ours. Every program of Walrus shows such text through [`printable`].

use std::{borrow::Cow, fmt::Write as _};

/// Characters that are shown as they are only when they are our own.
fn is_unprintable(char: char) -> bool {
    // C0 with the line feed, DEL, C1.
    char.is_control()
        || matches!(
            char,
            // Marks, embeddings, overrides and isolates of the direction of writing.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Separators of lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // What nobody sees: soft hyphen, spaces without width, invisible operators, shaping,
            // annotations, tags.
            | '\u{00ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text from outside on one line: characters that control a terminal, end a line, turn the
/// direction of writing or are invisible are replaced by their escapes, such as `\u{1b}`, `\n` or
/// `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// The same for our own text of several lines with text from outside in it: line feeds stay. This
/// is the last line of defence; what comes from outside must go through [`printable`] before it
/// becomes part of a text.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escape(text, |char| char == '\n')
}

fn escape(text: &str, is_ours: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_harmful = |char: char| is_unprintable(char) && !is_ours(char);
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_harmful(char) {
            write!(escaped, "{}", char.escape_default()).expect("writing to a string cannot fail");
        } else {
            escaped.push(char);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_controls_a_terminal_is_escaped() {
        for (text, shown) in [
            (
                "harbour \x1b[31m\x07\nNode ID fake",
                r"harbour \u{1b}[31m\u{7}\nNode ID fake",
            ),
            ("a\r\tb\0", r"a\r\tb\u{0}"),
            ("\u{7f}\u{9b}31m\u{85}", r"\u{7f}\u{9b}31m\u{85}"),
            ("\u{202e}gnp.exe\u{2066}", r"\u{202e}gnp.exe\u{2066}"),
            (
                "\u{2028}\u{2029}\u{200b}\u{feff}\u{e0041}",
                r"\u{2028}\u{2029}\u{200b}\u{feff}\u{e0041}",
            ),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn ordinary_text_of_any_language_stays() {
        for text in [
            "",
            "node-1",
            "Hafen Süd",
            "港の節点",
            "عقدة",
            "🦭 walrus 👩\u{200d}🔬",
            r"C:\temp",
        ] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn our_own_lines_stay_lines() {
        assert_eq!(printable_lines("a\nb\x1b[2J\rc"), "a\nb\\u{1b}[2J\\rc");
    }
}
