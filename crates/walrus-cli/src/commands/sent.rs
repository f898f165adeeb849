//! Sending a transaction, and what is told of it.

use serde::Serialize;
use walrus_client::WalrusClient;
use walrus_core::Frost;
use walrus_sui::{
    Executed, Unrecorded,
    contract::{Call, Receipt},
};

use crate::output::format::Sui;

/// A transaction in JSON.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    /// Its digest.
    pub(crate) tx_digest: String,
    /// WAL paid, in FROST.
    #[serde(skip_serializing_if = "is_nothing")]
    pub(crate) cost: Frost,
    /// Gas paid, in MIST; negative if storage was given back.
    pub(crate) gas_mist: i128,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_nothing(cost: &Frost) -> bool {
    cost.0 == 0
}

impl From<&Receipt> for Sent {
    fn from(receipt: &Receipt) -> Self {
        Self {
            tx_digest: receipt.digest.to_string(),
            cost: receipt.cost,
            gas_mist: receipt.gas_mist,
        }
    }
}

impl Sent {
    /// The last lines of a result in text.
    pub(crate) fn lines(&self) -> String {
        let cost = match self.cost {
            Frost(0) => String::new(),
            cost => format!("Cost (excluding gas): {cost}\n"),
        };
        format!(
            "{cost}Gas: {}\nTransaction: {}",
            Sui(self.gas_mist),
            self.tx_digest
        )
    }
}

/// Executes a call in the name of the wallet.
pub(crate) async fn send(client: &WalrusClient, call: &Call) -> anyhow::Result<(Executed, Sent)> {
    let paid = client.contract()?.submit(call, &Unrecorded).await?;
    client.reader().refresh().await;
    let sent = Sent::from(&Receipt::of(&paid));
    Ok((paid.executed, sent))
}
