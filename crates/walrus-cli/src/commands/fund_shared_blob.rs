//! `walrus fund-shared-blob`.

use clap::Args;
use serde::Serialize;
use walrus_core::{Frost, ObjectId};
use walrus_sui::contract::Call;

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::{
    args::parse,
    output::{print_json, print_text},
};

/// Options of `fund-shared-blob`.
#[derive(Debug, Args)]
pub(crate) struct FundSharedBlobArgs {
    /// Shared blob, whoever shared it
    #[arg(long, value_name = "OBJECT_ID")]
    pub shared_blob_obj_id: ObjectId,
    /// WAL to add, such as 1.5WAL; a bare number is in FROST
    #[arg(long, value_name = "AMOUNT", value_parser = parse::frost)]
    pub amount: Frost,
}

/// The JSON result.
#[derive(Serialize)]
struct FundResult {
    amount: Frost,
    #[serde(flatten)]
    sent: Sent,
}

/// Adds WAL to what a shared blob has for its extensions.
pub(crate) async fn run(context: &Context, args: FundSharedBlobArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let shared = client.reader().shared_blob(args.shared_blob_obj_id).await?;
    let call = Call::fund_shared_blob(shared.id, args.amount);
    let (_, sent) = send(&client, &call).await?;
    if context.json() {
        let amount = args.amount;
        return print_json(&FundResult { amount, sent });
    }
    let funds = Frost(shared.funds.value.saturating_add(args.amount.0));
    print_text(&format!(
        "Success: shared blob {} has {funds} for extensions\n{}",
        shared.id,
        sent.lines()
    ))
}
