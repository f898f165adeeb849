//! The framework packages 0x1 and 0x2, embedded at build time.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// A package as the compiler wrote it.
#[derive(Clone, Debug)]
pub(crate) struct FrameworkPackage {
    /// Bytecode of the modules.
    pub(crate) modules: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct Compiled {
    modules: Vec<String>,
}

static MOVE_STDLIB: LazyLock<FrameworkPackage> =
    LazyLock::new(|| parse(include_str!(concat!(env!("OUT_DIR"), "/move-stdlib.json"))));
static SUI_FRAMEWORK: LazyLock<FrameworkPackage> = LazyLock::new(|| {
    parse(include_str!(concat!(
        env!("OUT_DIR"),
        "/sui-framework.json"
    )))
});

/// Package 0x1, the standard library.
pub(crate) fn move_stdlib() -> &'static FrameworkPackage {
    &MOVE_STDLIB
}

/// Package 0x2, the chain's framework.
pub(crate) fn sui_framework() -> &'static FrameworkPackage {
    &SUI_FRAMEWORK
}

fn parse(json: &str) -> FrameworkPackage {
    let compiled: Compiled =
        serde_json::from_str(json).expect("the build embeds what the Move compiler wrote");
    let modules = compiled
        .modules
        .iter()
        .map(|module| {
            STANDARD
                .decode(module)
                .expect("the Move compiler writes base64")
        })
        .collect();
    FrameworkPackage { modules }
}
