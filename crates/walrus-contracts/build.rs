//! Embeds the compiled Move packages and generates typed errors from the error constants of the
//! Move sources.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::exit,
};

/// Our packages; each has sources in `move/<name>` and bytecode in `move/build/<name>.json`.
const PACKAGES: [&str; 7] = [
    "wal",
    "wal_exchange",
    "walrus",
    "subsidies",
    "walrus_subsidies",
    "blob_bucket",
    "walrus_governance",
];

/// Packages of their own, which the contracts do not know: bytecode only, because their errors
/// come as text, from the simulations of key servers.
const ACCESS: [&str; 2] = ["seal", "policies"];

/// Later versions of packages: bytecode of their own, and the error constants of the package they
/// follow.
const UPGRADES: [&str; 1] = ["walrus_v4"];

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by Cargo"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    let move_dir = manifest.join("../../move");
    embed_packages(&move_dir, &out);
    generate_errors(&move_dir, &out);
    generate_framework_errors(&move_dir, &out);
}

/// Writes `framework_errors.rs`: a table made of `move/framework-errors.txt`.
fn generate_framework_errors(move_dir: &Path, out: &Path) {
    let list = move_dir.join("framework-errors.txt");
    println!("cargo::rerun-if-changed={}", list.display());
    let lines = fs::read_to_string(&list).expect("the list is part of the repository");
    // A module may give one code to two constants: the first name stands for both.
    let mut table: BTreeMap<(&str, &str, u64), (&str, String)> = BTreeMap::new();
    for line in lines.lines() {
        let (path, rest) = line.split_once(" = ").expect("a path, then a code");
        let (code, sentence) = rest.split_once(": ").expect("a code, then a sentence");
        let [package, module, name] = path.split("::").collect::<Vec<_>>()[..] else {
            panic!("{path} is not package::module::EName");
        };
        let code = code.parse().expect("a number");
        table
            .entry((package, module, code))
            .and_modify(|(_, known)| *known = format!("{known} Or: {sentence}"))
            .or_insert((name, sentence.to_owned()));
    }
    let mut text = String::from("&[\n");
    for ((package, module, code), (name, sentence)) in table {
        writeln!(
            text,
            "    {package}({module:?}, {code}, {name:?}, {sentence:?}),"
        )
        .expect("writing to a string");
    }
    text.push_str("]\n");
    fs::write(out.join("framework_errors.rs"), text).expect("OUT_DIR is writable");
}

fn embed_packages(move_dir: &Path, out: &Path) {
    for package in PACKAGES.iter().chain(&UPGRADES).chain(&ACCESS) {
        let compiled = move_dir.join("build").join(format!("{package}.json"));
        println!("cargo::rerun-if-changed={}", compiled.display());
        if fs::copy(&compiled, out.join(format!("{package}.json"))).is_err() {
            println!("cargo::error=Move packages are not compiled; run ./scripts/move build");
            exit(1);
        }
    }
}

/// Writes `errors.rs`: an enum per module with error constants, in a module per package, and the
/// list of all. `src/abort.rs` defines the macros that the file calls.
fn generate_errors(move_dir: &Path, out: &Path) {
    let mut text = String::new();
    let mut variants = Vec::new();
    let packages: BTreeMap<&str, Vec<Module>> = PACKAGES
        .iter()
        .map(|package| (*package, modules(move_dir, package)))
        .collect();
    for package in PACKAGES {
        let modules = &packages[package];
        if modules.is_empty() {
            continue;
        }
        writeln!(
            text,
            "/// Errors of package `{package}`.\npub mod {package} {{"
        )
        .expect("writing to a string");
        for module in modules {
            write_module(&mut text, package, module);
            let shared = packages
                .values()
                .flatten()
                .filter(|other| other.name == module.name)
                .count()
                > 1;
            let prefix = if shared {
                pascal(package)
            } else {
                String::new()
            };
            let name = pascal(&module.name);
            variants.push(format!("{prefix}{name}({package}::{name}Error)"));
        }
        text.push_str("}\n");
    }
    writeln!(text, "contract_errors! {{ {} }}", variants.join(", ")).expect("writing to a string");
    fs::write(out.join("errors.rs"), text).expect("OUT_DIR is writable");
}

fn write_module(text: &mut String, package: &str, module: &Module) {
    let name = pascal(&module.name);
    writeln!(
        text,
        "module_errors! {{ {name}Error, {package:?}, {:?}, {{",
        module.name
    )
    .expect("writing to a string");
    for error in &module.errors {
        let ErrorConstant {
            code,
            name,
            sentence,
        } = error;
        let variant = &name[1..];
        writeln!(text, "    {variant} = {code}, {name:?}, {sentence:?};")
            .expect("writing to a string");
    }
    text.push_str("} }\n");
}

/// `staking_pool` becomes `StakingPool`.
fn pascal(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1.min(word.len()));
            first.to_uppercase() + rest
        })
        .collect()
}

/// A Move module that declares errors.
struct Module {
    name: String,
    errors: Vec<ErrorConstant>,
}

struct ErrorConstant {
    code: u64,
    name: String,
    sentence: String,
}

/// The modules of a package that declare errors, by name.
fn modules(move_dir: &Path, package: &str) -> Vec<Module> {
    let sources = move_dir.join(package).join("sources");
    println!("cargo::rerun-if-changed={}", sources.display());
    let mut files = Vec::new();
    collect_move_files(&sources, &mut files);
    let mut found: Vec<Module> = files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
            parse_module(&text)
        })
        .filter(|module| !module.errors.is_empty())
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
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

/// The error constants of a module; test-only ones do not exist in our sources.
fn parse_module(text: &str) -> Module {
    let mut module = Module {
        name: String::new(),
        errors: Vec::new(),
    };
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
            path.rsplit("::")
                .next()
                .unwrap_or(path)
                .clone_into(&mut module.name);
        } else if let Some((name, code)) = error_constant(line) {
            let sentence = doc.join(" ");
            assert!(
                !sentence.is_empty(),
                "{}::{name} has no doc comment",
                module.name
            );
            module.errors.push(ErrorConstant {
                code,
                name: name.to_owned(),
                sentence,
            });
        }
        doc.clear();
    }
    module
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
