//! `register-nodes` and `start-first-epoch`.

use std::fmt::Write as _;

use serde_json::json;
use walrus_deploy::NodeParams;

use super::{
    args::{RegisterArgs, StartArgs},
    open, print, wal,
};

pub(super) async fn register(args: RegisterArgs) -> anyhow::Result<()> {
    let nodes = args
        .param_files
        .iter()
        .map(|path| NodeParams::load(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut deployer = open(&args.common, args.dry.dry_run).await?;
    if args.dry.dry_run {
        let plan = deployer.plan_registration(&nodes).await?;
        return print(args.common.json, &plan, || plan.to_string());
    }
    let records = deployer.register_nodes(&nodes).await?;
    print(args.common.json, &records, || {
        let mut text = String::new();
        for record in &records {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{}: node {} capability {}",
                record.name, record.node_id, record.node_cap
            );
        }
        text.trim_end().to_owned()
    })
}

pub(super) async fn start_first_epoch(args: StartArgs) -> anyhow::Result<()> {
    let stake = wal(args.stake_amount)?;
    let deployer = open(&args.common, args.dry.dry_run).await?;
    if args.dry.dry_run {
        let plan = deployer.plan_first_epoch().await?;
        return print(args.common.json, &plan, || plan.to_string());
    }
    deployer.end_epoch_zero(stake).await?;
    print(args.common.json, &json!({ "started": true }), || {
        "Epoch 1 has started. It is complete when nodes with a quorum of shards attest that they are ready."
            .to_owned()
    })
}
