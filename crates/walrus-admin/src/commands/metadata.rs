//! `walrus-admin set-metadata`.

use walrus_contracts::types::NodeMetadata;
use walrus_sui::contract::{Call, NodeChanges};

use super::key;
use crate::{
    args::SetMetadataArgs,
    context::{Context, OwnNode},
    send::SendPlan,
};

/// Changes what a node says about itself.
pub(crate) async fn run(context: &Context, args: SetMetadataArgs) -> anyhow::Result<()> {
    let network_public_key = args
        .network_key
        .as_deref()
        .map(key::network_key)
        .transpose()?;
    let sending = context.sending(&args.node.send).await?;
    let reader = sending.reader();
    let node = OwnNode::find(reader, sending.sender(), args.node.node.as_ref()).await?;
    let old = reader.node_metadata(&node.pool).await?;
    let new = changed(&old, &args);
    let changes = NodeChanges {
        name: args.name.clone(),
        network_address: args.network_address.clone(),
        network_public_key,
        metadata: (new != old).then_some(new),
    };
    let title = node.title();
    let plan = SendPlan::new(format!(
        "{title} changes {}, at once.",
        names(&args).join(", ")
    ));
    let call = Call::set_node_info(node.cap.id, changes)?;
    let success = format!("{title} is changed");
    sending.send_and_report(&call, plan, &success).await
}

/// The metadata with the changes asked for. The contract only knows the whole of it.
fn changed(old: &NodeMetadata, args: &SetMetadataArgs) -> NodeMetadata {
    let mut new = old.clone();
    let texts = [
        (&mut new.description, &args.description.description),
        (&mut new.image_url, &args.description.image_url),
        (&mut new.project_url, &args.description.project_url),
    ];
    for (text, change) in texts {
        if let Some(change) = change {
            text.clone_from(change);
        }
    }
    let fields = &mut new.extra_fields.contents;
    fields.retain(|(key, _)| !args.remove_extra.contains(key));
    for (key, value) in &args.extra {
        match fields.iter_mut().find(|(present, _)| present == key) {
            Some((_, present)) => present.clone_from(value),
            None => fields.push((key.clone(), value.clone())),
        }
    }
    new
}

/// What changes, in words.
fn names(args: &SetMetadataArgs) -> Vec<String> {
    let quoted = |what: &str, value: &Option<String>| {
        value
            .as_ref()
            .map(|value| format!("its {what} to {value:?}"))
    };
    let description = &args.description;
    [
        quoted("name", &args.name),
        quoted("network address", &args.network_address),
        args.network_key
            .as_ref()
            .map(|_| "the key of its certificate".to_owned()),
        quoted("description", &description.description),
        quoted("image", &description.image_url),
        quoted("home page", &description.project_url),
    ]
    .into_iter()
    .flatten()
    .chain(
        args.extra
            .iter()
            .map(|(key, value)| format!("its field {key:?} to {value:?}")),
    )
    .chain(
        args.remove_extra
            .iter()
            .map(|key| format!("its field {key:?} to nothing")),
    )
    .collect()
}
