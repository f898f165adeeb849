//! Packages of upgrades: loading, linking and finding the one that a proposal names.

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use walrus_contracts::packages::{self, CompiledPackage, LinkedPackage};
use walrus_sui::SuiReader;

use super::compiler::compile;
use crate::args::PackageArgs;

/// A package that nodes decide to upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgradable {
    /// `walrus`, by proposals.
    Contracts,
    /// `walrus_governance` itself, by approvals.
    Governance,
}

impl Upgradable {
    /// Name of the package, and how names of its later versions begin.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Contracts => "walrus",
            Self::Governance => "walrus_governance",
        }
    }

    /// The versions inside this program, newest first.
    fn embedded(self) -> Vec<&'static CompiledPackage> {
        let later = format!("{}_v", self.name());
        let mut versions: Vec<_> = packages::all()
            .filter(|package| package.name == self.name() || package.name.starts_with(&later))
            .collect();
        versions.sort_by_key(|package| std::cmp::Reverse(package.name));
        versions
    }
}

/// Largest build result that is read, in bytes.
const BUILD_BYTES_MAX: u64 = 16 << 20;

/// What the compiler writes: the shape of `sui move build --dump-bytecode-as-base64`.
#[derive(Deserialize)]
struct Build {
    modules: Vec<String>,
    dependencies: Vec<String>,
}

/// Loads the package that the options name: the file that a build writes, a folder with sources,
/// which are built, or the newest version inside this program.
pub(super) fn load(of: Upgradable, args: &PackageArgs) -> anyhow::Result<CompiledPackage> {
    let Some(path) = &args.package else {
        let newest = of.embedded().first().copied().cloned();
        return newest
            .with_context(|| format!("this program contains no version of package {}", of.name()));
    };
    if let Some(known) = path.to_str().and_then(packages::by_name)
        && !path.exists()
    {
        return Ok(known.clone());
    }
    let text = if path.is_dir() {
        compile(path, args)?
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
    parse(of, &text).with_context(|| {
        format!(
            "{} is no build of a package: it should be the JSON that `sui move build --dump-bytecode-as-base64` or \
             `scripts/move build` writes",
            path.display()
        )
    })
}

fn parse(of: Upgradable, text: &[u8]) -> anyhow::Result<CompiledPackage> {
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
        name: of.name(),
        modules,
        dependencies,
        digest,
    })
}

/// Links a package to the deployment. One that was built against published packages stays as it is.
///
/// The governance is linked to the version of the contracts that was committed last: it can follow
/// an upgrade of them before the migration.
pub(super) async fn link(
    reader: &SuiReader,
    of: Upgradable,
    package: &CompiledPackage,
) -> anyhow::Result<LinkedPackage> {
    let links = match of {
        Upgradable::Contracts => reader.links().await?,
        Upgradable::Governance => reader.links_to_newest().await?,
    };
    Ok(package.linked(&links)?)
}

/// The version of the contracts with `digest`: the one that the options name, else any version
/// inside this program.
pub(super) async fn find(
    reader: &SuiReader,
    args: &PackageArgs,
    digest: &[u8],
) -> anyhow::Result<LinkedPackage> {
    let candidates = if args.package.is_some() {
        vec![load(Upgradable::Contracts, args)?]
    } else {
        let embedded = Upgradable::Contracts.embedded();
        embedded.into_iter().cloned().collect()
    };
    for candidate in &candidates {
        let linked = link(reader, Upgradable::Contracts, candidate).await?;
        if linked.digest == digest {
            return Ok(linked);
        }
    }
    match &args.package {
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
