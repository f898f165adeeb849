//! Packages of upgrades: loading, linking and finding the one that a proposal names.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use walrus_contracts::packages::{self, CompiledPackage, Link, LinkedPackage, WAL_PLACEHOLDER};
use walrus_sui::SuiReader;

/// Name of the package that is upgraded, and how names of its later versions begin.
const NAME: &str = "walrus";
/// Largest build result that is read, in bytes.
const BUILD_BYTES_MAX: u64 = 16 << 20;

/// What the compiler writes: the shape of `sui move build --dump-bytecode-as-base64`.
#[derive(Deserialize)]
struct Build {
    modules: Vec<String>,
    dependencies: Vec<String>,
}

/// The versions of the package inside this program, newest first.
fn embedded() -> Vec<&'static CompiledPackage> {
    let is_version = |name: &str| name == NAME || name.starts_with("walrus_v");
    let mut versions: Vec<_> = packages::all()
        .filter(|package| is_version(package.name))
        .collect();
    versions.sort_by_key(|package| std::cmp::Reverse(package.name));
    versions
}

/// Loads the package at `path`: the file that a build writes, or a folder with sources, which are built; the
/// newest version inside this program without a path.
pub(super) fn load(path: Option<&Path>) -> anyhow::Result<CompiledPackage> {
    let Some(path) = path else {
        let newest = embedded().first().copied().cloned();
        return newest.context("this program contains no version of package walrus");
    };
    if let Some(known) = path.to_str().and_then(packages::by_name)
        && !path.exists()
    {
        return Ok(known.clone());
    }
    let text = if path.is_dir() {
        rebuild(path)?
    } else {
        let size = std::fs::metadata(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        ensure!(
            size <= BUILD_BYTES_MAX,
            "{} is larger than any package",
            path.display()
        );
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    parse(&text).with_context(|| {
        format!(
            "{} is no build of a package: it should be the JSON that `sui move build --dump-bytecode-as-base64` or \
             `scripts/move build` writes",
            path.display()
        )
    })
}

/// Builds sources with the Sui command line.
fn rebuild(folder: &Path) -> anyhow::Result<Vec<u8>> {
    ensure!(
        folder.join("Move.toml").exists(),
        "{} has no Move.toml: it is no Move package",
        folder.display()
    );
    let output = Command::new("sui")
        .args(["move", "build", "--dump-bytecode-as-base64", "--path"])
        .arg(folder)
        .output()
        .context(
            "cannot run `sui` to build the package; give the JSON of a build instead of a folder",
        )?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default().to_owned();
        bail!("`sui move build` failed: {last}");
    }
    Ok(output.stdout)
}

fn parse(text: &[u8]) -> anyhow::Result<CompiledPackage> {
    let build: Build = serde_json::from_slice(text)?;
    ensure!(!build.modules.is_empty(), "it has no modules");
    let modules = build
        .modules
        .iter()
        .map(|module| BASE64_STANDARD.decode(module))
        .collect::<Result<Vec<_>, _>>()?;
    let dependencies = build
        .dependencies
        .iter()
        .map(|id| {
            let id: walrus_core::ObjectId = id.parse()?;
            Ok(id.0)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let digest = packages::package_digest(&modules, &dependencies);
    Ok(CompiledPackage {
        name: NAME,
        modules,
        dependencies,
        digest,
    })
}

/// Links a package to the deployment. One that was built against published packages stays as it is.
pub(super) async fn link(
    reader: &SuiReader,
    package: &CompiledPackage,
) -> anyhow::Result<LinkedPackage> {
    let wal = reader.wal_type().await?.address().into_inner();
    let link = Link::to_first_version(WAL_PLACEHOLDER, wal);
    Ok(package.linked(&[link])?)
}

/// The package with `digest`: the one at `path`, else any version inside this program.
pub(super) async fn find(
    reader: &SuiReader,
    path: Option<&Path>,
    digest: &[u8],
) -> anyhow::Result<LinkedPackage> {
    let candidates = match path {
        Some(path) => vec![load(Some(path))?],
        None => embedded().into_iter().cloned().collect(),
    };
    for candidate in &candidates {
        let linked = link(reader, candidate).await?;
        if linked.digest == digest {
            return Ok(linked);
        }
    }
    match path {
        Some(path) => bail!(
            "the package at {} has another digest than the proposal's {}; `walrus-admin proposals check` compares them",
            path.display(),
            hex::encode(digest)
        ),
        None => bail!(
            "no version of package walrus in this program has the digest {}; give the package with --package",
            hex::encode(digest)
        ),
    }
}
