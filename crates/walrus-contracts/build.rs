//! Embeds the compiled Move packages and generates the table of abort codes from the Move sources.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::exit;

/// Our packages; each has sources in `move/<name>` and bytecode in `move/build/<name>.json`.
const PACKAGES: [&str; 6] = [
    "wal",
    "wal_exchange",
    "walrus",
    "subsidies",
    "walrus_subsidies",
    "blob_bucket",
];

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by Cargo"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    let move_dir = manifest.join("../../move");
    embed_packages(&move_dir, &out);
    generate_abort_table(&move_dir, &out);
}

fn embed_packages(move_dir: &Path, out: &Path) {
    for package in PACKAGES {
        let compiled = move_dir.join("build").join(format!("{package}.json"));
        println!("cargo::rerun-if-changed={}", compiled.display());
        if fs::copy(&compiled, out.join(format!("{package}.json"))).is_err() {
            println!("cargo::error=Move packages are not compiled; run ./scripts/move build");
            exit(1);
        }
    }
}

/// Writes `abort_table.rs`: one entry per `const E…: u64 = N;` of our sources, with its doc comment.
fn generate_abort_table(move_dir: &Path, out: &Path) {
    let mut table = String::from("&[\n");
    for package in PACKAGES {
        let sources = move_dir.join(package).join("sources");
        println!("cargo::rerun-if-changed={}", sources.display());
        let mut files = Vec::new();
        collect_move_files(&sources, &mut files);
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
            for error in error_constants(&text) {
                let ErrorConstant {
                    module,
                    code,
                    name,
                    sentence,
                } = error;
                writeln!(
                    table,
                    "AbortCode {{ package: {package:?}, module: {module:?}, code: {code}, \
                     name: {name:?}, sentence: {sentence:?} }},"
                )
                .expect("writing to a string");
            }
        }
    }
    table.push_str("]\n");
    fs::write(out.join("abort_table.rs"), table).expect("OUT_DIR is writable");
}

fn collect_move_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect_move_files(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "move")
        {
            files.push(path);
        }
    }
}

struct ErrorConstant {
    module: String,
    code: u64,
    name: String,
    sentence: String,
}

/// The error constants of one module; test-only ones do not exist in our sources.
fn error_constants(text: &str) -> Vec<ErrorConstant> {
    let mut found = Vec::new();
    let mut module = "";
    let mut doc: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            doc.push(comment.trim());
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        if let Some(label) = line.strip_prefix("module ") {
            let path = label.trim_end_matches([';', '{', ' ']);
            module = path.rsplit("::").next().unwrap_or(path);
        } else if let Some((name, code)) = error_constant(line) {
            let sentence = doc.join(" ");
            assert!(!sentence.is_empty(), "{module}::{name} has no doc comment");
            found.push(ErrorConstant {
                module: module.to_owned(),
                code,
                name: name.to_owned(),
                sentence,
            });
        }
        doc.clear();
    }
    found
}

/// Parses `const EName: u64 = 7;`.
fn error_constant(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.strip_prefix("const ")?.split_once(':')?;
    let mut letters = name.chars();
    let is_error = letters.next() == Some('E') && letters.next().is_some_and(char::is_uppercase);
    let is_constant_case = !name.chars().any(char::is_lowercase);
    if !is_error || is_constant_case {
        return None;
    }
    let value = rest.trim().strip_prefix("u64")?.trim().strip_prefix('=')?;
    let code = value
        .split(';')
        .next()?
        .trim()
        .replace('_', "")
        .parse()
        .ok()?;
    Some((name, code))
}
