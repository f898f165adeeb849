//! Whatever a manifest asks for is used.

use crate::{Finding, Tree, source};

/// Dependencies that no file of the crate names, and entries of the workspace that no crate asks
/// for.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests: Vec<(&str, &str)> = tree
        .with_extension("toml")
        .filter(|(path, _)| path.rsplit('/').next() == Some("Cargo.toml"))
        .collect();
    let mut findings = Vec::new();
    for (path, text) in &manifests {
        let folder = path.trim_end_matches("Cargo.toml").trim_end_matches('/');
        let code = match folder {
            "" => String::new(),
            folder => code_of(tree, folder),
        };
        for dependency in dependencies(text) {
            let used = if dependency.section == "workspace.dependencies" {
                let asked_for = |(other, text): &(&str, &str)| {
                    other != path && dependencies(text).any(|asked| asked.name == dependency.name)
                };
                manifests.iter().any(asked_for)
            } else {
                uses(&code, &dependency.name.replace('-', "_"))
            };
            if !used {
                let what = format!("{} is a dependency that nothing uses", dependency.name);
                findings.push(Finding::new(path, dependency.line, what));
            }
        }
    }
    findings
}

struct Dependency<'a> {
    section: &'a str,
    name: &'a str,
    line: usize,
}

/// The dependencies of a manifest, of whatever kind.
fn dependencies(manifest: &str) -> impl Iterator<Item = Dependency<'_>> {
    let mut section = "";
    manifest.lines().enumerate().filter_map(move |(at, line)| {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
        }
        let end = line.find([' ', '.', '='])?;
        let name = &line[..end];
        let is_entry = !name.is_empty() && !line.starts_with(['[', '#', ' ']);
        (section.ends_with("dependencies") && is_entry).then_some(Dependency {
            section,
            name,
            line: at + 1,
        })
    })
}

/// The code of all files of a crate, with the examples in its documentation.
fn code_of(tree: &Tree, folder: &str) -> String {
    let files = tree.with_extension("rs");
    let ours = files.filter(|(path, _)| tree.crate_of(path) == Some(folder));
    let is_example = |line: &&str| line.contains("::") && line.trim_start().starts_with("//");
    ours.flat_map(|(_, text)| {
        let examples = text.lines().filter(is_example).map(str::to_owned);
        examples.chain([source::code_only(text)])
    })
    .collect()
}

fn uses(code: &str, name: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    code.match_indices(name).any(|(at, _)| {
        !code[..at].ends_with(is_part) && !code[at + name.len()..].starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_dependencies_are_found() {
        let found = check(&Tree::of([
            (
                "Cargo.toml",
                "[workspace.dependencies]\nserde = \"1\"\nserde-with = \"1\"\nhex = \"1\"\n",
            ),
            (
                "crates/a/Cargo.toml",
                "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true\n\
                 serde-with = { workspace = true }\n[[test]]\nname = \"hex\"\n",
            ),
            ("crates/a/src/lib.rs", "use serde_with::As; // serde"),
        ]));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "Cargo.toml:4: hex is a dependency that nothing uses",
            "crates/a/Cargo.toml:4: serde is a dependency that nothing uses",
        ];
        assert_eq!(found, expected);
    }
}
