//! Building packages from sources, to compare them with what others propose.
//!
//! Whoever can choose the compiler can let it write anything. So the pinned one is taken from the
//! checkout that this program comes from, never from the folder that is looked at.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

use crate::args::{CompilerArg, PackageArgs};

/// The door of the Move toolchain, inside a checkout.
const DOOR: &str = "scripts/move";

/// Compiles the package in `folder`; returns what the compiler writes. Its messages go to stderr
/// when it fails.
pub(super) fn compile(folder: &Path, args: &PackageArgs) -> anyhow::Result<Vec<u8>> {
    match args.compiler {
        CompilerArg::Pinned => {
            let checkout = checkout(args.toolchain.as_deref())?;
            let mut command = Command::new(checkout.join(DOOR));
            run(command.arg("compile").arg(folder), folder)
        }
        CompilerArg::Sui => {
            ensure!(
                folder.join("Move.toml").exists(),
                "{} has no Move.toml: it is no Move package",
                folder.display()
            );
            let mut command = Command::new("sui");
            command.args(["move", "build", "--dump-bytecode-as-base64", "--path"]);
            run(command.arg(folder), folder)
        }
    }
}

/// The checkout with the pinned compiler.
fn checkout(explicit: Option<&Path>) -> anyhow::Result<PathBuf> {
    let has_door = |folder: &Path| folder.join(DOOR).is_file();
    if let Some(folder) = explicit {
        ensure!(
            has_door(folder),
            "{} is no checkout of this project: it has no {DOOR}",
            folder.display()
        );
        return Ok(folder.to_owned());
    }
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let found = program.ancestors().skip(1).find(|folder| has_door(folder));
    found.map(Path::to_owned).with_context(|| {
        "this program is not inside a checkout of the project, which holds the compiler: name one with --toolchain, use \
         --compiler sui, or give the JSON of a build instead of a folder"
    })
}

fn run(command: &mut Command, folder: &Path) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "there is no `{name}` to build {}; leave --compiler out, or give the JSON of a build instead of a folder",
            folder.display()
        ),
        Err(error) => return Err(error).with_context(|| format!("cannot run `{name}`")),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    bail!(
        "{} could not be built; the messages of `{name}` are above",
        folder.display()
    )
}
