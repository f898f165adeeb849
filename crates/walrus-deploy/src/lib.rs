//! Creates Walrus deployments: publishes the packages, creates System and Staking, registers
//! storage nodes and starts the first epoch.
//!
//! Works on any Sui network. Every transaction is written to a state file before it is sent, and
//! what it did afterwards, so that a run which was interrupted anywhere continues where it stopped.
//! Later it upgrades the contracts to a new version and migrates their objects.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use walrus_deploy::{DeployConfig, Deployer};
//! use walrus_sui::{Signer, SuiRpc};
//!
//! let rpc = SuiRpc::new(["http://127.0.0.1:9000"])?;
//! let state = Some("deployment.json".as_ref());
//! let mut deployer = Deployer::open(rpc, Signer::from_seed([7; 32]), state).await?;
//! let deployment = deployer.deploy(&DeployConfig::default()).await?;
//! println!("{deployment}");
//! # Ok(())
//! # }
//! ```

mod deployer;
mod duration;
mod error;
mod extras;
mod files;
mod nodes;
mod plan;
mod relink;
mod state;
mod step;
mod upgrade;

pub use self::{
    deployer::{DeployConfig, Deployer},
    duration::{DurationParseError, parse_duration},
    error::DeployError,
    extras::{Extra, ExtraParseError, ExtrasConfig},
    files::{
        ClientConfigFile, EncryptionSection, KeyServerEntry, PublishedPackage, write_published_toml,
    },
    nodes::NodeParams,
    plan::{DeployPlan, Gas, PlannedStep},
    state::{Deployment, ExtraRecord, NodeRecord, Status, UpgradeRecord},
    upgrade::{Authority, UpgradeCheck, UpgradeTarget},
};
