//! `walrus get-blob-attribute`, `set-blob-attribute`, `remove-blob-attribute-fields` and
//! `remove-blob-attribute`.

use anyhow::{bail, ensure};
use clap::Args;
use serde::Serialize;
use walrus_client::WalrusClient;
use walrus_core::{ObjectId, text::printable};
use walrus_sui::contract::{Attributes, Call};

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::{
    args::RpcArgs,
    output::{print_json, print_text},
};

/// Options of `get-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct GetAttributeArgs {
    /// Blob object or shared blob, whoever owns it
    #[arg(value_name = "OBJECT_ID")]
    pub object_id: ObjectId,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `set-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct SetAttributeArgs {
    /// Blob object of the wallet
    #[arg(value_name = "OBJECT_ID")]
    pub object_id: ObjectId,
    /// Name and value; may be repeated
    #[arg(long = "attr", required = true, num_args = 2, value_names = ["KEY", "VALUE"])]
    pub attributes: Vec<String>,
}

/// Options of `remove-blob-attribute-fields`.
#[derive(Debug, Args)]
pub(crate) struct RemoveFieldsArgs {
    /// Blob object of the wallet
    #[arg(value_name = "OBJECT_ID")]
    pub object_id: ObjectId,
    /// Names of the attributes
    #[arg(long, required = true, num_args = 1.., value_name = "KEY")]
    pub keys: Vec<String>,
}

/// Options of `remove-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct RemoveAttributeArgs {
    /// Blob object of the wallet
    #[arg(value_name = "OBJECT_ID")]
    pub object_id: ObjectId,
}

/// The JSON result of `get-blob-attribute`: the Move value, as it is on chain.
#[derive(Serialize)]
struct AttributeResult {
    attribute: Option<MetadataValue>,
}

#[derive(Serialize)]
struct MetadataValue {
    metadata: Pairs,
}

#[derive(Serialize)]
struct Pairs {
    contents: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    key: String,
    value: String,
}

impl From<Option<Attributes>> for AttributeResult {
    fn from(attributes: Option<Attributes>) -> Self {
        let pair = |(key, value)| Pair { key, value };
        Self {
            attribute: attributes.map(|attributes| MetadataValue {
                metadata: Pairs {
                    contents: attributes.into_iter().map(pair).collect(),
                },
            }),
        }
    }
}

/// Shows attributes.
pub(crate) async fn get(context: &Context, args: GetAttributeArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let blob = client.reader().blob_in(args.object_id).await?;
    let attributes = client.reader().blob_attributes(blob.id).await?;
    if context.json() {
        return print_json(&AttributeResult::from(attributes));
    }
    print_text(&text(&attributes.unwrap_or_default()))
}

fn text(attributes: &Attributes) -> String {
    if attributes.is_empty() {
        return "No attributes".to_owned();
    }
    let lines: Vec<String> = attributes
        .iter()
        .map(|(key, value)| format!("{}: {}", printable(key), printable(value)))
        .collect();
    lines.join("\n")
}

/// Sets attributes.
pub(crate) async fn set(context: &Context, args: SetAttributeArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let pairs = args.attributes.chunks(2);
    let attributes: Attributes = pairs
        .filter_map(|pair| match pair {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect();
    check_own(&client, args.object_id).await?;
    let count = attributes.len();
    let call = Call::set_attributes(args.object_id, attributes);
    change(context, &client, &call, &format!("set {}", fields(count))).await
}

/// Removes some attributes.
pub(crate) async fn remove_fields(context: &Context, args: RemoveFieldsArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    check_own(&client, args.object_id).await?;
    let present = client.reader().blob_attributes(args.object_id).await?;
    let present = present.unwrap_or_default();
    for key in &args.keys {
        ensure!(
            present.iter().any(|(known, _)| known == key),
            "blob object {} has no attribute `{}`; nothing was removed",
            args.object_id,
            printable(key)
        );
    }
    let count = args.keys.len();
    let call = Call::remove_attributes(args.object_id, args.keys);
    change(
        context,
        &client,
        &call,
        &format!("removed {}", fields(count)),
    )
    .await
}

/// Removes all attributes.
pub(crate) async fn remove(context: &Context, args: RemoveAttributeArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    check_own(&client, args.object_id).await?;
    let Some(present) = client.reader().blob_attributes(args.object_id).await? else {
        bail!("blob object {} has no attributes", args.object_id);
    };
    let call = Call::take_attributes(args.object_id);
    change(
        context,
        &client,
        &call,
        &format!("removed {}", fields(present.len())),
    )
    .await
}

fn fields(count: usize) -> String {
    match count {
        1 => "1 attribute".to_owned(),
        count => format!("{count} attributes"),
    }
}

/// Only the owner of a blob object can change what it is labelled with.
async fn check_own(client: &WalrusClient, id: ObjectId) -> anyhow::Result<()> {
    let owner = client.contract()?.address();
    let object = client.reader().rpc().object(id).await?;
    ensure!(
        !object.is("shared_blob", "SharedBlob"),
        "object {id} is a shared blob: nobody can change its attributes"
    );
    // Whatever else it is, this says so.
    client.reader().blob(id).await?;
    ensure!(
        object.owner.is_account(owner),
        "blob object {id} is not owned by {owner}"
    );
    Ok(())
}

async fn change(
    context: &Context,
    client: &WalrusClient,
    call: &Call,
    done: &str,
) -> anyhow::Result<()> {
    let (_, sent): (_, Sent) = send(client, call).await?;
    if context.json() {
        return print_json(&sent);
    }
    print_text(&format!("Success: {done}\n{}", sent.lines()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_the_shape_of_the_move_value() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let some = vec![pair("content-type", "image/png"), pair("name", "a\u{1b}")];
        assert_eq!(text(&some), "content-type: image/png\nname: a\\u{1b}");
        let json = |attributes| serde_json::to_string(&AttributeResult::from(attributes)).unwrap();
        assert_eq!(
            json(Some(some[..1].to_vec())),
            r#"{"attribute":{"metadata":{"contents":[{"key":"content-type","value":"image/png"}]}}}"#
        );
        assert_eq!(json(None), r#"{"attribute":null}"#);
    }
}
