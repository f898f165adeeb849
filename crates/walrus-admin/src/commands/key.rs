//! Keys of nodes: key files, and `walrus-admin rotate-key`.

use std::path::Path;

use anyhow::Context as _;
use walrus_core::{NetworkKeyPair, NetworkPublicKey, ProtocolKeyPair};
use walrus_sui::contract::Call;

use crate::{
    args::RotateKeyArgs,
    context::{Context, Moment, OwnNode},
    send::SendPlan,
};

/// Reads the key with which a node signs.
pub(super) fn protocol_key(path: &Path) -> anyhow::Result<ProtocolKeyPair> {
    ProtocolKeyPair::from_key_file(&read(path)?)
        .with_context(|| format!("{} is no key file of a node's signatures", path.display()))
}

/// Reads the key of a node's TLS certificate.
pub(super) fn network_key(path: &Path) -> anyhow::Result<NetworkPublicKey> {
    let key = NetworkKeyPair::from_key_file(&read(path)?)
        .with_context(|| format!("{} is no key file of a node's certificate", path.display()))?;
    Ok(key.public())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Sets the key with which a node signs from the next committee on.
pub(crate) async fn run(context: &Context, args: RotateKeyArgs) -> anyhow::Result<()> {
    let key = protocol_key(&args.protocol_key)?;
    let sending = context.sending(&args.node.send).await?;
    let reader = sending.reader();
    let node = OwnNode::find(reader, sending.sender(), args.node.node.as_ref()).await?;
    let moment = Moment::read(reader).await?;
    let proof = reader.prove_possession(&key, sending.sender()).await?;

    let epoch = moment.info.epoch;
    let selected = reader
        .contract_state()
        .await?
        .staking_inner
        .next_committee
        .is_some();
    let first = if selected { epoch + 2 } else { epoch + 1 };
    let title = node.title();
    let mut plan = SendPlan::new(format!(
        "The key of {title} becomes {}. Committees verify its signatures with it from {} on.",
        key.public(),
        moment.epoch(first)
    ));
    if selected {
        plan = plan.warn(format!(
            "the committee of epoch {} is selected with the present key, but the node is listed with the new one \
             then; it is better to wait until epoch {} has begun",
            epoch + 1,
            epoch + 1
        ));
    }
    if args.node.send.serialize_unsigned {
        plan = plan.warn(format!(
            "the proof of possession is of epoch {epoch}: the transaction fails after it"
        ));
    }
    let call = Call::rotate_key(node.cap.id, key.public(), proof);
    let success = format!("{title} signs with the new key from epoch {first} on");
    sending.send_and_report(&call, plan, &success).await
}
