//! What a simulation runs takes time, chance, tasks and threads from where a simulation can replace
//! them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Crates that a simulation runs.
const CRATES: [&str; 5] = [
    "walrus-node",
    "walrus-http",
    "walrus-client",
    "walrus-sui",
    "sui-localnet",
];

/// What would come from the system, and what to use instead.
const FOREIGN: [(&str, &str); 9] = [
    ("SystemTime::now", "ambient::now"),
    ("std::time::Instant", "tokio::time::Instant"),
    ("thread_rng", "ambient::rng"),
    ("from_entropy", "ambient::rng"),
    ("OsRng", "ambient::rng"),
    ("spawn_blocking", "ambient::run_blocking"),
    ("thread::spawn", "ambient::run_beside"),
    ("thread::Builder", "ambient::spawn_worker"),
    ("tokio::spawn", "ambient::spawn"),
];

/// Files of commands and of tests, which no simulation runs.
const NOT_SIMULATED: [&str; 5] = [
    "walrus-node/src/cli",
    "walrus-client/src/test_network.rs",
    "walrus-client/src/protocol_tests.rs",
    "walrus-sui/src/faucet.rs",
    "walrus-sui/src/wallet",
];

#[test]
fn nothing_is_taken_from_the_system_directly() {
    let mut found = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file is text");
        if imports_instant(&text) {
            let place = file.display();
            found.push(format!(
                "{place}: use tokio::time::Instant instead of that of the standard library"
            ));
        }
        for (number, line) in product_lines(&text) {
            for (foreign, instead) in FOREIGN {
                if line.contains(foreign) {
                    let place = format!("{}:{number}", file.display());
                    found.push(format!("{place}: use {instead} instead of {foreign}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Chance decides which branch of `tokio::select!` is looked at first, unless it is told.
#[test]
fn the_order_of_branches_is_written_down() {
    let mut found = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file is text");
        let lines: Vec<_> = product_lines(&text).collect();
        for pair in lines.windows(2) {
            let [(number, line), (_, next)] = pair else {
                continue;
            };
            if line.contains("tokio::select! {") && next.trim() != "biased;" {
                found.push(format!("{}:{number}: begin with `biased;`", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether `Instant` is imported from the standard library, alone or with other things.
fn imports_instant(text: &str) -> bool {
    let product = text.split("#[cfg(test)]").next().unwrap_or(text);
    product.split("use std::").skip(1).any(|rest| {
        let import = rest.split(';').next().unwrap_or(rest);
        import.contains("Instant")
    })
}

/// Lines with their numbers, up to the tests at the end of a file.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("crates lie in a folder");
    let mut files = Vec::new();
    for name in CRATES {
        collect(&crates.join(name).join("src"), &mut files);
    }
    files.retain(|file| {
        let path = file.strip_prefix(crates).unwrap_or(file);
        let is_test = file.file_name().is_some_and(|name| name == "tests.rs");
        !is_test && !NOT_SIMULATED.iter().any(|part| path.starts_with(part))
    });
    assert!(files.len() > 100, "the crates have been found");
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
