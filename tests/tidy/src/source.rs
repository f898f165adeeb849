//! Rust files, parsed.

use proc_macro2::Span;
use syn::{Attribute, File, Meta};

use crate::Tree;

/// All Rust files that can be parsed; what cannot does not get past the compiler anyway.
pub(crate) fn parsed(tree: &Tree) -> impl Iterator<Item = (&str, File)> {
    let files = tree.with_extension("rs");
    files.filter_map(|(path, text)| Some((path, syn::parse_file(text).ok()?)))
}

/// The line on which something starts.
pub(crate) fn line(span: Span) -> usize {
    span.start().line
}

/// Whether an item exists only in tests.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test")
        }
        _ => false,
    })
}

/// The code without comments and without the contents of strings; lines stay where they are.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = skipped(rest).unwrap_or(0);
        if length == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.push(' ');
            code.extend(rest[..length].chars().filter(|char| *char == '\n'));
            rest = &rest[length..];
        }
    }
    code
}

/// The length of the comment, string or character literal at the start of a text.
fn skipped(text: &str) -> Option<usize> {
    let up_to = |end: &str, from: usize| {
        let found = text[from..].find(end);
        found.map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(up_to("*/", 2));
    }
    if let Some(hashes) = text
        .strip_prefix("r")
        .filter(|raw| raw.starts_with(['#', '"']))
    {
        let count = hashes.bytes().take_while(|byte| *byte == b'#').count();
        return hashes[count..]
            .starts_with('"')
            .then(|| up_to(&format!("\"{}", "#".repeat(count)), count + 2));
    }
    if text.starts_with('"') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, char)| {
            let end = *char == '"' && !escaped;
            escaped = *char == '\\' && !escaped;
            end
        });
        return Some(end.map_or(text.len(), |(at, _)| at + 1));
    }
    // A quote that starts no character literal starts a lifetime.
    let literal = text.strip_prefix('\'')?;
    let mut chars = literal.char_indices();
    match chars.next()? {
        (_, '\\') => Some(1 + literal[2..].find('\'')? + 3),
        (_, char) => literal[char.len_utf8()..]
            .starts_with('\'')
            .then_some(char.len_utf8() + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_left_out() {
        let text =
            "let a = \"b \\\" c\"; // d\nlet r = r#\"e \" f\"#; /* g\n */ h('\\'', 'i', &'j k)";
        let code = code_only(text);
        let words: Vec<&str> = code.split_whitespace().collect();
        let expected = [
            "let", "a", "=", ";", "let", "r", "=", ";", "h(", ",", ",", "&'j", "k)",
        ];
        assert_eq!(words, expected);
        assert_eq!(code.lines().count(), text.lines().count());
    }
}
