//! Services in front of a local network: programs of their own, started beside the nodes.

use std::{ffi::OsString, fs, net::Ipv4Addr, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, ensure};
use walrus_core::Frost;
use walrus_deploy::Deployer;

use crate::{
    accounts::{Account, Role},
    report::S3Key,
    service_kind::ServiceKind,
    setup::create_wallet,
    state::{NetworkState, ServiceRecord, StateDir},
    writing::{write_atomically, write_secret},
};

/// Money of the account of a service, each in the smallest unit.
const MIST_PER_SERVICE: u64 = 10_000 * 1_000_000_000;
const FROST_PER_SERVICE: u64 = 10_000 * 1_000_000_000;
/// Accounts between which a service divides its stores.
const SUB_WALLETS: &str = "2";
/// What the relay asks for.
const RELAY_CONFIG: &str = "\
tip_config: !no_tip
tx_freshness_threshold_secs: 36000
tx_max_future_threshold: { secs: 36000, nanos: 0 }
";

/// What S3 clients of a local network present; well known, like the keys of its accounts.
const S3_ACCESS_KEY: &str = "walrus";
const S3_SECRET_KEY: &str = "walrus-local-network";

/// The key of the S3 server.
pub(crate) fn s3_key() -> S3Key {
    S3Key {
        access_key_id: S3_ACCESS_KEY.to_owned(),
        secret_access_key: S3_SECRET_KEY.to_owned(),
    }
}

/// Writes what the services need, and gives money to those that pay.
pub(crate) async fn prepare(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<()> {
    for service in &state.services {
        let kind = service.kind;
        let folder = state_dir.service_dir(kind);
        fs::create_dir_all(folder.join("data"))
            .with_context(|| format!("cannot create {}", folder.display()))?;
        if kind == ServiceKind::Relay {
            write_atomically(&folder.join("relay.yaml"), RELAY_CONFIG)?;
        }
        if kind == ServiceKind::S3 {
            let key = format!("{S3_ACCESS_KEY}:{S3_SECRET_KEY}\n");
            write_secret(&folder.join("s3.keys"), &key)?;
        }
        if kind.pays() {
            create_wallet(&folder.join("sui_client.yaml"), state, Role::Service(kind))?;
            fund(deployer, kind).await?;
        }
    }
    Ok(())
}

async fn fund(deployer: &Deployer, kind: ServiceKind) -> anyhow::Result<()> {
    let account = Account::of(Role::Service(kind)).signer().address();
    let reader = deployer.reader()?;
    if reader.wal_balance(account).await? > Frost(0) {
        return Ok(());
    }
    let executor = deployer.executor();
    executor.send_sui(&[(account, MIST_PER_SERVICE)]).await?;
    // Last: who has WAL has everything.
    let wal = [(account, Frost(FROST_PER_SERVICE))];
    executor.send_wal(&reader.wal_type().await?, &wal).await?;
    Ok(())
}

/// How a service is started.
pub(crate) struct CommandLine {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// The program of a service and its arguments.
pub(crate) fn command_line(
    state_dir: &StateDir,
    service: &ServiceRecord,
) -> anyhow::Result<CommandLine> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    let program = this.with_file_name(service.kind.program());
    ensure!(
        program.exists(),
        "{} is missing: build it with `cargo build --workspace --bins`",
        program.display()
    );
    let folder = state_dir.service_dir(service.kind);
    let address = |port| OsString::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
    let (api, metrics) = (address(service.port), address(service.metrics_port));
    let config = state_dir.client_config().into_os_string();
    let arguments: Vec<OsString> = match service.kind {
        ServiceKind::Gateway => vec![
            "daemon".into(),
            "--config".into(),
            config,
            "--wallet".into(),
            folder.join("sui_client.yaml").into(),
            "--sub-wallets-dir".into(),
            folder.join("data").into(),
            "--n-clients".into(),
            SUB_WALLETS.into(),
            "--bind-address".into(),
            api,
            "--metrics-address".into(),
            metrics,
        ],
        ServiceKind::S3 => vec![
            "s3".into(),
            "--config".into(),
            config,
            "--wallet".into(),
            folder.join("sui_client.yaml").into(),
            "--credentials".into(),
            folder.join("s3.keys").into(),
            "--data-dir".into(),
            folder.join("data").into(),
            "--bind-address".into(),
            api,
            "--metrics-address".into(),
            metrics,
        ],
        ServiceKind::Relay => vec![
            "--walrus-config".into(),
            config,
            "--relay-config".into(),
            folder.join("relay.yaml").into(),
            "--server-address".into(),
            api,
            "--metrics-address".into(),
            metrics,
        ],
    };
    Ok(CommandLine { program, arguments })
}
