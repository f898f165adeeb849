//! Whatever the compiler accepts can be published: random functions, compiled many at a time.
//!
//! `WALRUS_PROGRAMS=20000` asks for so many functions that compile, instead of a few;
//! `WALRUS_PROGRAMS_SEED` for others.

pub(crate) mod generator;
pub(crate) mod random;

use std::{collections::BTreeSet, path::Path, process::Command};

use generator::{Function, PRELUDE};
use move_vm::CompiledModule;
use random::Random;

use crate::common::{Chain, Package};

/// Functions that must compile and publish when nothing else is asked for.
const PROGRAMS: usize = 40;
/// Functions per compilation: two of three compile, and the package must stay below the size that
/// can be published.
const BATCH_MAX: usize = 400;
/// Folder of the package inside the temporary one, and the file with the functions.
const SOURCE: &str = "sources/programs.move";
/// What the compiler says when it does not refuse a program but ends itself.
const COMPILER_FAULT: &str = "panicked at ";
const MANIFEST: &str =
    "[package]\nname = \"programs\"\nedition = \"2024\"\n\n[addresses]\nprograms = \"0x0\"\n";

#[test]
fn random_programs_that_compile_also_publish() {
    let wanted = number("WALRUS_PROGRAMS").unwrap_or(PROGRAMS);
    let seed = number("WALRUS_PROGRAMS_SEED").unwrap_or(1);
    let mut random = Random(u64::try_from(seed).unwrap());
    let mut compiled = 0;
    while compiled < wanted {
        let batch = (2 * (wanted - compiled)).min(BATCH_MAX);
        let functions = (0..batch)
            .map(|index| Function::generate(&mut random, &format!("f{index}")))
            .collect();
        let (package, functions) = compile(functions);
        for bytes in package.bytes() {
            let module = CompiledModule::deserialize(&bytes).unwrap();
            if let Err(error) = move_vm::verifier::verify_module(&module) {
                panic!("seed {seed}: {error}\n{}", culprit(&error, &functions));
            }
        }
        // The rules of the chain, on top of those of the language.
        Chain::new().publish(&package);
        compiled += functions.len();
        if wanted > PROGRAMS {
            println!("{compiled} programs of {wanted}");
        }
    }
}

fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// Source of the function that an error is about.
fn culprit<'f>(error: &move_vm::VmError, functions: &'f [String]) -> &'f str {
    let name = error
        .location
        .as_ref()
        .map(|location| &location.function_name);
    let head = name.map(|name| format!("public fun {name}("));
    let found = functions
        .iter()
        .find(|text| head.as_ref().is_some_and(|head| text.starts_with(head)));
    found.map_or("in the prelude", String::as_str)
}

/// Compiles the functions as one module, without those that the compiler refuses.
fn compile(mut functions: Vec<String>) -> (Package, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sources")).unwrap();
    std::fs::write(folder.path().join("Move.toml"), MANIFEST).unwrap();
    loop {
        // Line, counted from 1, on which each function begins.
        let mut starts = Vec::with_capacity(functions.len());
        let mut source = PRELUDE.to_owned();
        for function in &functions {
            starts.push(source.lines().count() + 1);
            source.push_str(function);
        }
        std::fs::write(folder.path().join(SOURCE), source).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/move");
        let output = Command::new(script)
            .arg("compile")
            .arg(folder.path())
            .output()
            .unwrap();
        if output.status.success() {
            return (serde_json::from_slice(&output.stdout).unwrap(), functions);
        }
        let messages = String::from_utf8(output.stderr).unwrap();
        if messages.starts_with(COMPILER_FAULT) {
            // The compiler has a fault of its own, in one of the functions: half of them at a time
            // go on without it.
            functions.truncate(functions.len() / 2);
            continue;
        }
        let refused: BTreeSet<usize> = error_lines(&messages)
            .map(|line| starts.partition_point(|start| *start <= line))
            .collect();
        assert!(
            !refused.is_empty() && !refused.contains(&0),
            "the fault is not that of a function:\n{messages}"
        );
        let mut position = 0;
        functions.retain(|_| {
            position += 1;
            !refused.contains(&position)
        });
    }
}

/// The first line that each error message of the compiler points at.
fn error_lines(messages: &str) -> impl Iterator<Item = usize> {
    let mut in_error = false;
    messages.lines().filter_map(move |line| {
        if line.starts_with("error[") || line.starts_with("warning[") {
            in_error = line.starts_with("error[");
        }
        let (_, place) = line.split_once("programs.move:").filter(|_| in_error)?;
        in_error = false;
        place.split(':').next()?.parse().ok()
    })
}
