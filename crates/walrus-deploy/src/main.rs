//! `walrus-deploy`: creates a Walrus deployment on a Sui network.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use walrus_core::{FROST_PER_WAL, Frost, NShards};
use walrus_deploy::{
    ClientConfigFile, DeployConfig, Deployer, NodeParams, SuiNetwork, parse_duration,
    write_published_toml,
};
use walrus_sui::{Executor, Signer, SuiRpc, Wallet, WalletEnv, faucet};

const STATE_FILE: &str = "deployment.json";
const ADMIN_WALLET_FILE: &str = "sui_admin.yaml";
const CLIENT_CONFIG_FILE: &str = "client_config.yaml";

/// Creates Walrus deployments: packages, System and Staking, storage nodes, first epoch.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Publish the packages and create System and Staking; continues an interrupted run.
    DeploySystemContract(DeployArgs),
    /// Register storage nodes described by parameter files.
    RegisterNodes(RegisterArgs),
    /// Stake with every registered node and start epoch 1.
    StartFirstEpoch(StartArgs),
}

#[derive(Args)]
struct CommonArgs {
    /// Directory of the state file, the admin wallet and the generated files.
    #[arg(long, default_value = "./working_dir")]
    working_dir: PathBuf,
    /// localnet, devnet, testnet, mainnet, or `<rpc-url>[;<faucet-url>]`.
    #[arg(long, default_value = "localnet")]
    sui_network: SuiNetwork,
    /// Wallet of the deploying account; created in the working directory if not given.
    #[arg(long)]
    admin_wallet_path: Option<PathBuf>,
    /// Gas budget of each transaction in MIST; estimated if not given.
    #[arg(long)]
    gas_budget: Option<u64>,
}

#[derive(Args)]
struct DeployArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Number of shards.
    #[arg(long, default_value = "1000")]
    n_shards: NShards,
    /// Duration of an epoch, such as 1h or 14d.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    epoch_duration: Duration,
    /// How long epoch 0 lasts at least.
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    epoch_zero_duration: Duration,
    /// Storage can be bought for at most this many epochs ahead.
    #[arg(long, default_value_t = 53)]
    max_epochs_ahead: u32,
}

#[derive(Args)]
struct RegisterArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Parameter files, one per node.
    #[arg(long = "param-files", alias = "files", required = true, num_args = 1..)]
    param_files: Vec<PathBuf>,
}

#[derive(Args)]
struct StartArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// WAL staked with each node.
    #[arg(long, default_value_t = 1000)]
    stake_amount: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::DeploySystemContract(args) => deploy(args).await,
        Command::RegisterNodes(args) => register_nodes(args).await,
        Command::StartFirstEpoch(args) => start_first_epoch(args).await,
    }
}

async fn deploy(args: DeployArgs) -> anyhow::Result<()> {
    let mut deployer = open(&args.common).await?;
    if let Some(url) = &args.common.sui_network.faucet {
        fund(&deployer, url).await?;
    }
    let config = DeployConfig {
        n_shards: args.n_shards,
        epoch_zero_duration: args.epoch_zero_duration,
        epoch_duration: args.epoch_duration,
        max_epochs_ahead: args.max_epochs_ahead,
    };
    let deployment = deployer.deploy(&config).await?;
    let directory = &args.common.working_dir;
    let network = &args.common.sui_network;
    ClientConfigFile::new(&deployment, None, vec![network.rpc.clone()])
        .save(&directory.join(CLIENT_CONFIG_FILE))?;
    write_published_toml(directory, &deployment, &network.alias)?;
    println!("{deployment}");
    Ok(())
}

async fn register_nodes(args: RegisterArgs) -> anyhow::Result<()> {
    let nodes = args
        .param_files
        .iter()
        .map(|path| NodeParams::load(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut deployer = open(&args.common).await?;
    for record in deployer.register_nodes(&nodes).await? {
        println!(
            "{}: node {} capability {}",
            record.name, record.node_id, record.node_cap
        );
    }
    Ok(())
}

async fn start_first_epoch(args: StartArgs) -> anyhow::Result<()> {
    let stake = args
        .stake_amount
        .checked_mul(FROST_PER_WAL)
        .map(Frost)
        .context("the stake exceeds all WAL there is")?;
    let deployer = open(&args.common).await?;
    deployer.end_epoch_zero(stake).await?;
    println!(
        "Epoch 1 has started. It is complete when nodes with a quorum of shards attest that they are ready."
    );
    Ok(())
}

async fn open(args: &CommonArgs) -> anyhow::Result<Deployer> {
    let signer = admin(args)?;
    let rpc = SuiRpc::new([&args.sui_network.rpc])?;
    let executor = Executor::with_options(rpc, signer, args.gas_budget, None);
    let state_file = args.working_dir.join(STATE_FILE);
    Ok(Deployer::with_executor(executor, Some(&state_file)).await?)
}

/// The deploying account, in a new wallet if there is none.
fn admin(args: &CommonArgs) -> anyhow::Result<Signer> {
    let own = args.working_dir.join(ADMIN_WALLET_FILE);
    let path: &Path = args.admin_wallet_path.as_deref().unwrap_or(&own);
    let wallet = if path.exists() || args.admin_wallet_path.is_some() {
        Wallet::load(path)?
    } else {
        let signer = Signer::generate(&mut rand::rngs::OsRng);
        let env = WalletEnv::new(&args.sui_network.alias, &args.sui_network.rpc);
        Wallet::create(path, env, &signer)?
    };
    Ok(wallet.active_signer()?)
}

/// Gets SUI from the faucet if the account has none.
async fn fund(deployer: &Deployer, faucet_url: &str) -> anyhow::Result<()> {
    let sui = walrus_sui::StructTag::sui();
    let rpc = deployer.executor().rpc();
    if rpc.balance(deployer.address(), &sui).await? == 0 {
        faucet::request(faucet_url, deployer.address()).await?;
    }
    Ok(())
}
