//! Reads struct declarations out of our Move sources, so that tests can compare them with the Rust mirror.

use std::path::Path;

/// Structs with named fields of a Move file (path relative to `move/`): name and field names, in order.
pub(crate) fn structs(file: &str) -> Vec<(String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../move")
        .join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(declaration) = line.strip_prefix("public struct ") else {
            continue;
        };
        if !declaration.ends_with('{') {
            continue;
        }
        let name = declaration
            .split([' ', '<'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let fields = lines
            .by_ref()
            .take_while(|line| *line != "}")
            .filter(|line| !line.starts_with("//"))
            .map(|line| line.split(':').next().unwrap_or_default().to_owned())
            .collect();
        found.push((name, fields));
    }
    found
}

/// Field names of one struct.
#[track_caller]
pub(crate) fn fields(file: &str, name: &str) -> Vec<String> {
    let structs = structs(file);
    let found = structs.into_iter().find(|(candidate, _)| candidate == name);
    found
        .unwrap_or_else(|| panic!("{file} does not declare {name}"))
        .1
}
