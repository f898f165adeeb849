//! `deploy-system-contract` and `status`.

use std::fmt::Write as _;

use walrus_contracts::types::voting::Parameters;
use walrus_core::Frost;
use walrus_deploy::{DeployConfig, Deployer, Extra, ExtrasConfig};
use walrus_sui::contract::{CreditRates, NodeSubsidies};

use super::{
    args::{DeployArgs, StatusArgs},
    fund, open, print, wal, write_files,
};

pub(super) async fn deploy(args: DeployArgs) -> anyhow::Result<()> {
    let config = DeployConfig {
        n_shards: args.n_shards,
        epoch_zero_duration: args.epoch_zero_duration,
        epoch_duration: args.epoch_duration,
        max_epochs_ahead: args.max_epochs_ahead,
    };
    let extras = extras(&args)?;
    let mut deployer = open(&args.common, args.dry.dry_run).await?;
    if args.dry.dry_run {
        let plan = deployer.plan_deploy(&config, &extras).await?;
        return print(args.common.json, &plan, || plan.to_string());
    }
    fund(&deployer, &args.common).await?;
    deployer.deploy(&config).await?;
    // The files are of use even if a package around the contracts cannot be deployed.
    write_files(&deployer, &args.common)?;
    deployer.deploy_extras(&extras).await?;
    write_files(&deployer, &args.common)?;
    let status = deployer.status();
    print(args.common.json, &status, || describe(&deployer))
}

fn extras(args: &DeployArgs) -> anyhow::Result<ExtrasConfig> {
    let mut packages = args.with.clone();
    if args.with_wal_exchange {
        packages.push(Extra::WalExchange);
    }
    Ok(ExtrasConfig {
        packages,
        exchange_funds: wal(args.exchange_funds)?,
        credit_funds: wal(args.credit_funds)?,
        credit_rates: CreditRates {
            buyer: args.credit_rate,
            system: 0,
        },
        subsidy_funds: wal(args.subsidy_funds)?,
        subsidies: NodeSubsidies {
            system_rate: args.subsidy_rate,
            base: Frost(0),
            per_shard: Frost(0),
        },
        governance: Parameters {
            deposit: wal(args.proposal_deposit)?.0,
            discussion_epochs: args.discussion_epochs,
            voting_epochs: args.voting_epochs,
            delay_epochs: args.delay_epochs,
            ..ExtrasConfig::default().governance
        },
    })
}

pub(super) async fn status(args: StatusArgs) -> anyhow::Result<()> {
    let deployer = open(&args.common, true).await?;
    print(args.common.json, &deployer.status(), || describe(&deployer))
}

/// The lines that scripts parse, and what else there is.
fn describe(deployer: &Deployer) -> String {
    let mut text = match deployer.deployment() {
        Some(deployment) => deployment.to_string(),
        None => "The contracts are not deployed yet.".to_owned(),
    };
    let mut line = |name: &str, id: walrus_core::ObjectId| {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{name}: {id}");
    };
    for extra in Extra::ALL {
        let Some(record) = deployer.extra(extra) else {
            continue;
        };
        line(&format!("{}_package_id", extra.name()), record.package);
        let object = match extra {
            Extra::WalExchange => "exchange_object",
            Extra::Subsidies => "credits_object",
            Extra::WalrusSubsidies => "walrus_subsidies_object",
            Extra::WalrusGovernance => "governance_object",
            Extra::BlobBucket | Extra::Seal | Extra::Policies => continue,
        };
        if let Some(id) = record.object {
            line(object, id);
        }
    }
    for upgrade in deployer.upgrades() {
        let state = if upgrade.migrated {
            "in use"
        } else {
            "committed, not migrated to"
        };
        let _ = write!(
            text,
            "\nUpgrade to {}: package {} ({state})",
            upgrade.name, upgrade.package
        );
    }
    if let Some(step) = deployer.interrupted_step() {
        let _ = write!(
            text,
            "\nAn earlier run was interrupted: {step}. Run its command again."
        );
    }
    text
}
