//! `walrus-admin submit`.

use anyhow::Context as _;
use walrus_sui::OfflineTransaction;
use walrus_terminal::output::{print_json, print_text};

use crate::{args::SubmitArgs, context::Context, send::Sent};

/// Sends a transaction that was signed elsewhere.
pub(crate) async fn run(context: &Context, args: SubmitArgs) -> anyhow::Result<()> {
    let transaction: OfflineTransaction = args.transaction.parse()?;
    let reader = context.reader(&args.rpc)?;
    let executed = transaction
        .execute(reader.rpc(), &args.signature)
        .await
        .with_context(|| {
            format!(
                "cannot execute transaction {} of {}",
                transaction.digest(),
                transaction.sender()
            )
        })?;
    let sent = Sent::of(&executed);
    if context.json() {
        print_json(&sent)
    } else {
        print_text(&format!("Success: executed\n{}", sent.lines()))
    }
}
