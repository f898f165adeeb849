//! `check-upgrade`, `upgrade`, `emergency-upgrade` and `migrate`.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use walrus_contracts::packages::{self, CompiledPackage, ModuleChange};
use walrus_deploy::{Authority, Deployer, Extra, UpgradeCheck, UpgradeTarget};
use walrus_sui::ContractIds;

use super::{
    args::{CheckArgs, MigrateArgs, RelinkArgs, TargetArgs, UpgradeArgs, VersionArgs},
    open, print, write_files,
};

/// `check-upgrade --json`.
#[derive(Serialize)]
struct Check<'a> {
    name: &'a str,
    digest: String,
    current_package: String,
    current_version: u64,
    epoch: u32,
    votes: u16,
    votes_needed: u16,
    modules: Vec<Module<'a>>,
}

#[derive(Serialize)]
struct Module<'a> {
    name: &'a str,
    change: &'static str,
    bytes: usize,
    digest: String,
    published_digest: Option<String>,
}

fn hex32(bytes: [u8; 32]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn word(change: ModuleChange) -> &'static str {
    match change {
        ModuleChange::Same => "same",
        ModuleChange::Changed => "changed",
        ModuleChange::Added => "added",
        ModuleChange::Removed => "removed",
    }
}

impl<'a> From<&'a UpgradeCheck> for Check<'a> {
    fn from(check: &'a UpgradeCheck) -> Self {
        let module = |module: &'a packages::ComparedModule| Module {
            name: &module.name,
            change: word(module.change),
            bytes: module.bytes,
            digest: hex32(module.digest),
            published_digest: module.published_digest.map(hex32),
        };
        Self {
            name: check.package.name,
            digest: hex32(check.package.digest),
            current_package: check.current.to_string(),
            current_version: check.current_version,
            epoch: check.epoch,
            votes: check.votes,
            votes_needed: check.votes_needed,
            modules: check.modules.iter().map(module).collect(),
        }
    }
}

impl Check<'_> {
    fn describe(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(text, "New version: {}", self.name);
        let _ = writeln!(text, "Digest to vote for: {}", self.digest);
        let _ = writeln!(
            text,
            "Follows: package {} (version {})",
            self.current_package, self.current_version
        );
        let _ = writeln!(
            text,
            "Votes in epoch {}: {} of {} shards needed",
            self.epoch, self.votes, self.votes_needed
        );
        for module in &self.modules {
            let _ = writeln!(
                text,
                "  {:<8} {:<28} {:>6} bytes  {}",
                module.change, module.name, module.bytes, module.digest
            );
        }
        text.trim_end().to_owned()
    }
}

pub(super) async fn check(args: CheckArgs) -> anyhow::Result<()> {
    let deployer = open(&args.common, true).await?;
    let target = target(&deployer, &args.target)?;
    let check = deployer
        .check_upgrade(&target, version(&args.version)?)
        .await?;
    let check = Check::from(&check);
    print(args.common.json, &check, || check.describe())
}

pub(super) async fn upgrade(args: UpgradeArgs, authority: Authority) -> anyhow::Result<()> {
    let mut deployer = open(&args.common, args.dry.dry_run).await?;
    let target = target(&deployer, &args.target)?;
    let package = version(&args.version)?;
    if args.dry.dry_run {
        let plan = deployer.plan_upgrade(&target, package, authority).await?;
        return print(args.common.json, &plan, || plan.to_string());
    }
    let record = deployer.upgrade(&target, package, authority).await?;
    print(args.common.json, &record, || {
        let next = if record.migrated {
            "System and Staking work with it."
        } else {
            "System and Staking still work with the old version; run `walrus-deploy migrate`."
        };
        format!(
            "Upgraded to {}: package {} version {}\n{next}",
            record.name, record.package, record.version
        )
    })
}

pub(super) async fn migrate(args: MigrateArgs) -> anyhow::Result<()> {
    let mut deployer = open(&args.common, args.dry.dry_run).await?;
    let target = target(&deployer, &args.target)?;
    if args.dry.dry_run {
        let plan = deployer.plan_migration(&target).await?;
        return print(args.common.json, &plan, || plan.to_string());
    }
    let package = deployer.migrate(&target).await?;
    write_files(&deployer, &args.common)?;
    let result = json!({ "package": package.to_string() });
    print(args.common.json, &result, || {
        format!("System and Staking work with package {package}")
    })
}

pub(super) async fn relink(args: RelinkArgs) -> anyhow::Result<()> {
    let mut deployer = open(&args.common, false).await?;
    let authority = if args.by_approval {
        Authority::Votes
    } else {
        Authority::Emergency
    };
    let mut relinked = Vec::new();
    for extra in Extra::ALL {
        if deployer.relink(extra, authority).await? {
            relinked.push(extra.name());
        }
    }
    write_files(&deployer, &args.common)?;
    let is_ahead = !relinked.is_empty()
        && deployer.extra(Extra::WalrusGovernance).is_some()
        && deployer.reader()?.pending_migration().await?.is_some();
    let result = json!({ "relinked": relinked, "needs_migration": is_ahead });
    print(args.common.json, &result, || {
        if relinked.is_empty() {
            return "All packages call the version they should.".to_owned();
        }
        let relinked = format!("Linked anew: {}", relinked.join(", "));
        if is_ahead {
            format!(
                "{relinked}\nThe governance calls a version that System and Staking do not work with yet, and rests until \
                 they do; run `walrus-deploy migrate`."
            )
        } else {
            relinked
        }
    })
}

/// The deployment that the options name, else the one of the state file.
fn target(deployer: &Deployer, args: &TargetArgs) -> anyhow::Result<UpgradeTarget> {
    let (Some(system_object), Some(staking_object), Some(upgrade_manager)) = (
        args.system_object_id,
        args.staking_object_id,
        args.upgrade_manager_object_id,
    ) else {
        return Ok(deployer.target()?);
    };
    Ok(UpgradeTarget {
        ids: ContractIds {
            system_object,
            staking_object,
            treasury_object: None,
        },
        upgrade_manager,
    })
}

fn version(args: &VersionArgs) -> anyhow::Result<&'static CompiledPackage> {
    packages::by_name(&args.to)
        .with_context(|| format!("there is no version {:?} in this program", args.to))
}

#[cfg(test)]
mod tests {
    use walrus_contracts::packages::{ComparedModule, LinkedPackage};
    use walrus_core::ObjectId;

    use super::*;

    #[test]
    fn checks_are_read_by_people_and_programs() {
        let module = |name: &str, change, published| ComparedModule {
            name: name.to_owned(),
            change,
            digest: [0x11; 32],
            published_digest: published,
            bytes: 1234,
        };
        let check = UpgradeCheck {
            package: LinkedPackage {
                name: "walrus_v4",
                modules: vec![],
                dependencies: vec![],
                digest: [0xAB; 32],
            },
            current: ObjectId([7; 32]),
            current_version: 1,
            modules: vec![
                module("blob", ModuleChange::Same, Some([0x11; 32])),
                module("init", ModuleChange::Changed, Some([0x22; 32])),
                module("news", ModuleChange::Added, None),
            ],
            votes: 3,
            votes_needed: 7,
            epoch: 2,
        };
        let check = Check::from(&check);
        insta::assert_snapshot!("check_text", check.describe());
        insta::assert_snapshot!("check_json", serde_json::to_string_pretty(&check).unwrap());
    }
}
