//! `walrus-node leave`

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use walrus_core::{FROST_PER_WAL, Frost, ObjectId};
use walrus_sui::{
    contract::{Call, STAKES_PER_TRANSACTION_MAX},
    staking::Exit,
};

use super::{Failure, chain, report};

/// Exit code of a node that cannot leave.
const REFUSED: u8 = 2;

#[derive(Debug, Args)]
#[command(
    after_help = "A node serves as long as its stake makes it a member of the committee. This command announces that the \
    stake of the node's own account leaves. Keep the node running until `walrus-node status` says that it can be turned off."
)]
pub(super) struct Leave {
    /// The configuration file of the node
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Left {
    node_id: ObjectId,
    /// Paid out at once.
    withdrawn: Frost,
    /// Announced.
    requested: Frost,
    /// From when on what was announced is paid out.
    #[serde(skip_serializing_if = "Option::is_none")]
    payable_from: Option<u32>,
    /// Stake of others, which keeps the node in the committee.
    stake_of_others: Frost,
}

impl Leave {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let config = chain::load_config(&self.config_path)?;
        let Some(cap) = config.storage_node_cap else {
            return Err(Failure::new("the node is not registered", REFUSED));
        };
        let contract = chain::contract(&config)?;
        let reader = contract.reader();
        let read = async {
            let node_id = reader.node_cap(cap).await?.node_id;
            let pool = reader.staking_pool(node_id).await?;
            let stakes = reader.stakes(contract.address()).await?;
            Ok((node_id, pool, stakes))
        };
        let (node_id, pool, stakes) = read.await.map_err(|error| chain::failure(&error))?;
        let (mut now, mut requests) = (Vec::new(), Vec::new());
        let mut left = Left {
            node_id,
            withdrawn: Frost(0),
            requested: Frost(0),
            payable_from: None,
            stake_of_others: Frost(pool.wal_balance),
        };
        for view in stakes.iter().filter(|view| view.stake.node_id == node_id) {
            let principal = view.principal().0;
            match view.exit {
                Exit::Now => {
                    now.push(view.stake.id);
                    left.withdrawn.0 += principal;
                }
                Exit::ByRequest { payable_from } => {
                    requests.push(view.stake.id);
                    left.requested.0 += principal;
                    left.payable_from = left.payable_from.max(Some(payable_from));
                }
                Exit::Requested { payable_from } => {
                    left.payable_from = left.payable_from.max(Some(payable_from));
                }
            }
            let own = principal.saturating_add(view.rewards.0);
            let others = left.stake_of_others.0.saturating_sub(own);
            left.stake_of_others = Frost(others);
        }
        let count = now.len() + requests.len();
        if count > STAKES_PER_TRANSACTION_MAX {
            let message = format!(
                "the account has {count} stakes with the node, more than the {STAKES_PER_TRANSACTION_MAX} of one transaction; \
                 take some out with walrus-admin unstake"
            );
            return Err(Failure::new(message, REFUSED));
        }
        if count > 0 {
            self.confirm(&left)?;
            let call = Call::withdraw(now).then(Call::request_withdrawal(requests));
            let executed = contract.execute(&call).await;
            executed.map_err(|error| chain::failure(&error))?;
        }
        report(self.json, &left, || left.text(count))
    }

    /// Asks, unless that was declined.
    fn confirm(&self, left: &Left) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::new("nobody can be asked: add --yes", REFUSED));
        }
        let amount = left.withdrawn + left.requested;
        eprint!(
            "Take {amount} of stake away from the node, so that it leaves the committee? [y/N] "
        );
        let mut answer = String::new();
        let read = stdin.lock().read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::new("nothing was sent", REFUSED))
        }
    }
}

impl Left {
    fn text(&self, count: usize) -> String {
        let mut lines = Vec::new();
        if count == 0 {
            lines.push("No stake of this account is left to take away".to_owned());
        }
        if self.withdrawn.0 > 0 {
            lines.push(format!("Paid out: {}", self.withdrawn));
        }
        if self.requested.0 > 0 {
            lines.push(format!("Leaving: {}", self.requested));
        }
        if let Some(epoch) = self.payable_from {
            lines.push(format!(
                "From epoch {epoch} on it is paid out: walrus-admin withdraw"
            ));
        }
        // Less is what rounding leaves of rewards; no stake is so small.
        if self.stake_of_others.0 >= FROST_PER_WAL {
            lines.push(format!(
                "Others have {} of stake with the node, which may keep it in the committee",
                self.stake_of_others
            ));
        }
        lines.push(
            "Keep the node running until `walrus-node status` says that it can be turned off"
                .to_owned(),
        );
        lines.join("\n")
    }
}
