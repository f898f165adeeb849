//! `walrus-admin register`.

use anyhow::bail;
use serde::Serialize;
use walrus_contracts::types::NodeMetadata;
use walrus_sui::contract::{Call, NodeDescription, NodeVotes};
use walrus_terminal::format::{Capacity, Rate};

use super::key;
use crate::{
    args::RegisterArgs,
    context::Context,
    send::{SendPlan, Sent},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    name: String,
    node_id: String,
    node_capability: String,
    #[serde(flatten)]
    sent: Sent,
}

/// Registers a node.
pub(crate) async fn run(context: &Context, args: RegisterArgs) -> anyhow::Result<()> {
    let node = NodeDescription {
        name: args.name,
        network_address: args.network_address,
        metadata: NodeMetadata {
            image_url: args.description.image_url.unwrap_or_default(),
            project_url: args.description.project_url.unwrap_or_default(),
            description: args.description.description.unwrap_or_default(),
            ..NodeMetadata::default()
        },
        protocol_key: key::protocol_key(&args.protocol_key)?,
        network_public_key: key::network_key(&args.network_key)?,
        commission_rate: args.commission,
        votes: NodeVotes {
            storage_price: args.storage_price,
            write_price: args.write_price,
            node_capacity: args.capacity,
        },
    };
    let sending = context.sending(&args.send).await?;
    let (reader, sender) = (sending.reader(), sending.sender());
    let key = node.protocol_key.public();
    if let Some(cap) = reader.find_node_cap(sender, key).await? {
        bail!(
            "account {sender} has registered a node with this key already: node {}, capability {}",
            cap.node_id,
            cap.id
        );
    }
    let registration = node.registration(reader, sender).await?;
    let mut plan = SendPlan::new(sentence(&node));
    if args.send.serialize_unsigned {
        let epoch = reader.epoch_info().await?.epoch;
        plan = plan.warn(format!(
            "the proof of possession is of epoch {epoch}: the transaction fails after it"
        ));
    }
    let call = Call::register_node(registration)?;
    let Some(executed) = sending.send(&call, plan).await? else {
        return Ok(());
    };
    let registered = sending.contract()?.registered_node(&executed).await?;
    let report = Registered {
        name: node.name,
        node_id: registered.node_id.to_string(),
        node_capability: registered.cap.id.to_string(),
        sent: Sent::of(&executed),
    };
    sending.report(&report, || {
        format!(
            "Success: registered node {:?}\nNode ID: {}\nNode capability: {}\n{}",
            report.name,
            report.node_id,
            report.node_capability,
            report.sent.lines()
        )
    })
}

fn sentence(node: &NodeDescription) -> String {
    format!(
        "Node {:?} at {} is registered with a commission of {}, prices of {} for storing and {} for writing a MiB, \
         and a capacity of {}.",
        node.name,
        node.network_address,
        Rate(node.commission_rate),
        node.votes.storage_price,
        node.votes.write_price,
        Capacity(node.votes.node_capacity),
    )
}
