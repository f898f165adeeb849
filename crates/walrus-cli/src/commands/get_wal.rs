//! `walrus get-wal`.

use anyhow::{Context as _, ensure};
use clap::Args;
use rand::seq::SliceRandom as _;
use serde::Serialize;
use walrus_core::{Frost, ObjectId};
use walrus_sui::contract::exchange_for_wal;

use super::context::Context;
use crate::output::{format::Sui, print_json, print_text};

/// Options of `get-wal`.
#[derive(Debug, Args)]
pub(crate) struct GetWalArgs {
    /// Exchange to use; without it one of the configuration's, at random
    #[arg(long, value_name = "OBJECT_ID")]
    pub exchange_id: Option<ObjectId>,
    /// SUI to exchange, in MIST
    #[arg(long, value_name = "MIST", default_value_t = 500_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub amount: u64,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GetWalResult {
    /// MIST given.
    amount_sui: u64,
    /// FROST received.
    amount_wal: Frost,
    tx_digest: String,
    gas_mist: i128,
}

/// Exchanges SUI for WAL, on networks that have an exchange for that.
pub(crate) async fn run(context: &Context, args: GetWalArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let known = &client.config().exchange_objects;
    let id = match args.exchange_id {
        Some(id) => id,
        None => *known.choose(&mut rand::thread_rng()).context(
            "no exchange is known: give --exchange-id, or the configuration key `exchange_objects` (a local network has \
             WAL for every account: `walrus-localnet fund`)",
        )?,
    };
    let exchange = client.reader().exchange(id).await?;
    let wal = exchange
        .wal_for(args.amount)
        .context("the exchange does not have that much WAL")?;
    let stock = Frost(exchange.exchange.wal.value);
    ensure!(
        wal.0 > 0,
        "{} is worth less than one FROST",
        Sui(args.amount.into())
    );
    ensure!(
        wal <= stock,
        "the exchange has only {stock}, {wal} are wanted"
    );
    let contract = client.contract()?;
    let program = exchange_for_wal(&exchange, args.amount, contract.address());
    let executed = contract.executor().run(&program).await?;
    if context.json() {
        return print_json(&GetWalResult {
            amount_sui: args.amount,
            amount_wal: wal,
            tx_digest: executed.digest.to_string(),
            gas_mist: executed.gas_mist,
        });
    }
    print_text(&format!(
        "Success: exchanged {} for {wal}\nGas: {}\nTransaction: {}",
        Sui(args.amount.into()),
        Sui(executed.gas_mist),
        executed.digest
    ))
}
