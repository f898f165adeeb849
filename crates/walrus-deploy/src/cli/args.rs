//! Commands and their options.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};
use walrus_contracts::packages;
use walrus_core::{NShards, ObjectId};
use walrus_deploy::{Extra, parse_duration};
use walrus_sui::SuiNetwork;
use walrus_terminal::{completion::CompletionArgs, exit, man::ManArgs};

/// Creates Walrus deployments: packages, System and Staking, storage nodes, first epoch; and
/// upgrades them.
#[derive(Parser)]
#[command(version, about, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Publish the packages and create System and Staking; continues an interrupted run.
    DeploySystemContract(DeployArgs),
    /// Register storage nodes described by parameter files.
    RegisterNodes(RegisterArgs),
    /// Stake with every registered node and start epoch 1.
    StartFirstEpoch(StartArgs),
    /// Print the digest of a new version, its votes, and how its modules differ from the published
    /// ones.
    CheckUpgrade(CheckArgs),
    /// Upgrade the contracts to a version that the nodes have voted for.
    Upgrade(UpgradeArgs),
    /// Upgrade the contracts with the emergency capability of the deploying account, without votes.
    EmergencyUpgrade(UpgradeArgs),
    /// Make System and Staking work with the version that was committed last.
    Migrate(MigrateArgs),
    /// Upgrade the packages around the contracts so that they call the version in use.
    Relink(RelinkArgs),
    /// Print what is deployed.
    Status(StatusArgs),
    /// Print the completion script of a shell.
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command.
    Man(ManArgs),
}

#[derive(Args)]
pub(crate) struct CommonArgs {
    /// Directory of the state file, the admin wallet and the generated files.
    #[arg(long, default_value = "./working_dir")]
    pub(crate) working_dir: PathBuf,
    /// localnet, devnet, testnet, mainnet, or `<rpc-url>[;<faucet-url>]`.
    #[arg(long, default_value = "localnet")]
    pub(crate) sui_network: SuiNetwork,
    /// Wallet of the deploying account; created in the working directory if not given.
    #[arg(long)]
    pub(crate) admin_wallet_path: Option<PathBuf>,
    /// Gas budget of each transaction in MIST; estimated if not given.
    #[arg(long)]
    pub(crate) gas_budget: Option<u64>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct DryRunArgs {
    /// Print the steps, the sizes of packages and the cost of gas; send nothing and write no file.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) dry: DryRunArgs,
    /// Number of shards.
    #[arg(long, default_value = "1000")]
    pub(crate) n_shards: NShards,
    /// Duration of an epoch, such as 1h or 14d.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    pub(crate) epoch_duration: Duration,
    /// How long epoch 0 lasts at least.
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub(crate) epoch_zero_duration: Duration,
    /// Storage can be bought for at most this many epochs ahead.
    #[arg(long, default_value_t = 53)]
    pub(crate) max_epochs_ahead: u32,
    /// Packages to publish around the contracts, separated by commas: wal_exchange, subsidies,
    /// walrus_subsidies, blob_bucket, walrus_governance.
    #[arg(long, value_delimiter = ',')]
    pub(crate) with: Vec<Extra>,
    /// The same as `--with wal_exchange`.
    #[arg(long)]
    pub(crate) with_wal_exchange: bool,
    /// WAL in the exchange.
    #[arg(long, value_name = "WAL", default_value_t = 10_000_000)]
    pub(crate) exchange_funds: u64,
    /// WAL for the discount of `subsidies`.
    #[arg(long, value_name = "WAL", default_value_t = 1_000_000)]
    pub(crate) credit_funds: u64,
    /// Discount for buyers of storage, in hundredths of a percent.
    #[arg(long, value_name = "RATE", default_value_t = 1_000)]
    pub(crate) credit_rate: u16,
    /// WAL for the nodes in `walrus_subsidies`.
    #[arg(long, value_name = "WAL", default_value_t = 1_000_000)]
    pub(crate) subsidy_funds: u64,
    /// What is added to the rewards of nodes, in hundredths of a percent.
    #[arg(long, value_name = "RATE", default_value_t = 10_000)]
    pub(crate) subsidy_rate: u32,
    /// What a proposal to `walrus_governance` costs its proposer until it is decided.
    #[arg(long, value_name = "WAL", default_value_t = 1_000)]
    pub(crate) proposal_deposit: u64,
    /// Epochs in which a proposal is discussed before it is voted on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) discussion_epochs: u32,
    /// Whole epochs in which a proposal is voted on.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) voting_epochs: u32,
    /// Epochs between the decision and its execution.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) delay_epochs: u32,
}

#[derive(Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) dry: DryRunArgs,
    /// Parameter files, one per node.
    #[arg(long = "param-files", alias = "files", required = true, num_args = 1..)]
    pub(crate) param_files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) dry: DryRunArgs,
    /// WAL staked with each node.
    #[arg(long, default_value_t = 1000)]
    pub(crate) stake_amount: u64,
}

/// A deployment other than the one in the working directory.
#[derive(Args)]
#[allow(
    clippy::struct_field_names,
    reason = "the fields are named like the options"
)]
pub(crate) struct TargetArgs {
    /// The System object; with the two options below, names a deployment that was not made from the
    /// working directory.
    #[arg(long, requires_all = ["staking_object_id", "upgrade_manager_object_id"])]
    pub(crate) system_object_id: Option<ObjectId>,
    /// The Staking object.
    #[arg(long, requires = "system_object_id")]
    pub(crate) staking_object_id: Option<ObjectId>,
    /// The object that holds the upgrade capability.
    #[arg(long, requires = "system_object_id")]
    pub(crate) upgrade_manager_object_id: Option<ObjectId>,
}

/// Which version to upgrade to.
#[derive(Args)]
pub(crate) struct VersionArgs {
    /// The version, one of those inside this program.
    #[arg(
        long,
        default_value = newest_version(),
        value_parser = PossibleValuesParser::new(versions()),
    )]
    pub(crate) to: String,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) version: VersionArgs,
}

#[derive(Args)]
pub(crate) struct UpgradeArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) dry: DryRunArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) version: VersionArgs,
}

#[derive(Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) dry: DryRunArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Args)]
pub(crate) struct RelinkArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Upgrade the governance by approval of the nodes that have handed their authority over to it,
    /// instead of by the capability of the deploying account.
    #[arg(long)]
    pub(crate) by_approval: bool,
}

#[derive(Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Versions of the contracts inside this program, oldest first.
fn versions() -> Vec<&'static str> {
    packages::all()
        .map(|package| package.name)
        .filter(|name| *name == "walrus" || name.starts_with("walrus_v"))
        .collect()
}

fn newest_version() -> &'static str {
    versions().last().copied().unwrap_or("walrus")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
        assert!(versions().contains(&newest_version()));
    }

    #[test]
    fn help_names_every_command() {
        insta::assert_snapshot!("help", Cli::command().render_help());
    }
}
