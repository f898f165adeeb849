//! Embeds the compiled framework packages.

use std::{path::PathBuf, process::exit};

const PACKAGES: [&str; 2] = ["move-stdlib", "sui-framework"];

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by Cargo"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    for package in PACKAGES {
        let file = format!("{package}.json");
        let compiled = manifest.join("../../move/build").join(&file);
        println!("cargo::rerun-if-changed={}", compiled.display());
        if std::fs::copy(&compiled, out.join(&file)).is_err() {
            println!("cargo::error=Move packages are not compiled; run ./scripts/move build");
            exit(1);
        }
    }
}
