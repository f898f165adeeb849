//! The commands of `walrus-deploy`. Results go to stdout, as text or JSON; everything else goes to
//! stderr.

mod args;
mod deploy;
mod nodes;
mod upgrade;

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use serde::Serialize;
use walrus_core::{FROST_PER_WAL, Frost};
use walrus_deploy::{ClientConfigFile, Deployer, write_published_toml};
use walrus_sui::{Executor, Signer, SuiRpc, Wallet, WalletEnv, faucet};
use walrus_terminal::{
    completion, man,
    output::{print_json, print_text},
};

pub(crate) use self::args::Cli;
use self::args::{Command, CommonArgs};

const STATE_FILE: &str = "deployment.json";
const ADMIN_WALLET_FILE: &str = "sui_admin.yaml";
const CLIENT_CONFIG_FILE: &str = "client_config.yaml";

/// Runs one command.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::DeploySystemContract(args) => deploy::deploy(args).await,
        Command::RegisterNodes(args) => nodes::register(args).await,
        Command::StartFirstEpoch(args) => nodes::start_first_epoch(args).await,
        Command::CheckUpgrade(args) => upgrade::check(args).await,
        Command::Upgrade(args) => upgrade::upgrade(args, walrus_deploy::Authority::Votes).await,
        Command::EmergencyUpgrade(args) => {
            upgrade::upgrade(args, walrus_deploy::Authority::Emergency).await
        }
        Command::Migrate(args) => upgrade::migrate(args).await,
        Command::Relink(args) => upgrade::relink(args).await,
        Command::Status(args) => deploy::status(args).await,
        Command::Completion(args) => completion::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}

/// Prints a result: as JSON if asked for, else as `text`.
fn print(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    if json {
        print_json(value)
    } else {
        print_text(&text())
    }
}

/// Opens what was done so far. A dry run makes no wallet: without one it looks from a made-up
/// account.
async fn open(args: &CommonArgs, dry_run: bool) -> anyhow::Result<Deployer> {
    let signer = admin(args, dry_run)?;
    let rpc = SuiRpc::new([&args.sui_network.rpc])?;
    let executor = Executor::with_options(rpc, signer, args.gas_budget, None);
    let state_file = args.working_dir.join(STATE_FILE);
    Ok(Deployer::with_executor(executor, Some(&state_file)).await?)
}

/// The deploying account, in a new wallet if there is none.
fn admin(args: &CommonArgs, dry_run: bool) -> anyhow::Result<Signer> {
    let own = args.working_dir.join(ADMIN_WALLET_FILE);
    let path: &Path = args.admin_wallet_path.as_deref().unwrap_or(&own);
    if path.exists() || args.admin_wallet_path.is_some() {
        return Ok(Wallet::load(path)?.active_signer()?);
    }
    let signer = Signer::generate(&mut rand::rngs::OsRng);
    if !dry_run {
        let env = WalletEnv::new(&args.sui_network.alias, &args.sui_network.rpc);
        Wallet::create(path, env, &signer)?;
    }
    Ok(signer)
}

/// Gets SUI from the faucet if the account has none.
async fn fund(deployer: &Deployer, args: &CommonArgs) -> anyhow::Result<()> {
    let Some(faucet_url) = &args.sui_network.faucet else {
        return Ok(());
    };
    let sui = walrus_sui::StructTag::sui();
    let rpc = deployer.executor().rpc();
    if rpc.balance(deployer.address(), &sui).await? == 0 {
        faucet::request(faucet_url, deployer.address()).await?;
    }
    Ok(())
}

/// Writes the files for users of the deployment.
fn write_files(deployer: &Deployer, args: &CommonArgs) -> anyhow::Result<()> {
    let Some(deployment) = deployer.deployment() else {
        return Ok(());
    };
    let directory = &args.working_dir;
    let network = &args.sui_network;
    ClientConfigFile::new(deployment, None, vec![network.rpc.clone()])
        .with_extras(deployer)
        .save(&directory.join(CLIENT_CONFIG_FILE))?;
    write_published_toml(
        directory,
        &deployment.chain_id,
        &network.alias,
        &deployer.published_packages(),
    )?;
    Ok(())
}

fn wal(amount: u64) -> anyhow::Result<Frost> {
    amount
        .checked_mul(FROST_PER_WAL)
        .map(Frost)
        .with_context(|| format!("{amount} WAL exceed all WAL there is"))
}
