//! `walrus-admin authorize`.

use anyhow::{bail, ensure};
use walrus_contracts::types::Authorized;
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    ObjectOwner,
    contract::{Call, NodeRight, Proof},
};

use super::commission::pool;
use crate::{
    args::{AuthorizeArgs, Right},
    context::{Context, title},
    send::{SendPlan, Sending},
};

/// Hands a right on.
pub(crate) async fn run(context: &Context, args: AuthorizeArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.node.send).await?;
    let pool = pool(&sending, args.node.node.as_ref()).await?;
    let (right, present, name) = match args.right {
        Right::Commission => (
            NodeRight::Commission,
            pool.commission_receiver,
            "the right to collect the commission of",
        ),
        Right::Governance => (
            NodeRight::Governance,
            pool.governance_authorized,
            "the right to vote in governance for",
        ),
    };
    let what = format!("{name} {}", title(&pool));
    let (to, receiver) = receiver(&sending, args.address, args.object).await?;
    ensure!(
        to != present,
        "{what} is in the hands of {receiver} already"
    );
    let proof = Proof::find(sending.reader(), &present, sending.sender(), &what).await?;
    let plan = SendPlan::new(format!("Give {what} to {receiver}.")).warn(
        "it takes effect at once; from then on only the receiver can hand the right on or back",
    );
    let call = Call::authorize(pool.id, right, proof, to);
    let success = format!("{what} is in the hands of {receiver}");
    sending.send_and_report(&call, plan, &success).await
}

/// Who gets a right, and the same in words.
pub(super) async fn receiver(
    sending: &Sending,
    address: Option<SuiAddress>,
    object: Option<ObjectId>,
) -> anyhow::Result<(Authorized, String)> {
    match (address, object) {
        (Some(address), _) => Ok((Authorized::Address(address), format!("account {address}"))),
        (None, Some(object)) => {
            let owner = owner_of(sending, object).await?;
            Ok((Authorized::ObjectId(object), owner))
        }
        (None, None) => bail!("give the receiver with --address or --object"),
    }
}

/// Describes who gets a right that goes with an object. Objects that everybody can use are refused.
async fn owner_of(sending: &Sending, object: ObjectId) -> anyhow::Result<String> {
    let found = sending.reader().rpc().object(object).await?;
    match found.owner {
        ObjectOwner::Address(owner) | ObjectOwner::ConsensusAddress { owner, .. } => Ok(format!(
            "whoever owns object {object} (now account {owner})"
        )),
        ObjectOwner::Shared { .. } => {
            bail!("object {object} is shared: everybody could use it, and so have the right")
        }
        ObjectOwner::Immutable => {
            bail!("object {object} is immutable: everybody could use it, and so have the right")
        }
        ObjectOwner::Object(parent) => bail!(
            "object {object} is inside object {parent}: no transaction can use it, so the right would be lost"
        ),
    }
}
