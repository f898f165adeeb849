//! `walrus node-admin`: what operators do with their nodes, as existing scripts spell it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::{ArgGroup, Args, Subcommand};
use serde::{Deserialize, Serialize};
use walrus_client::WalrusClient;
use walrus_contracts::{
    packages::{CompiledPackage, package_digest},
    types::{Authorized, StakingPool},
};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_files::input::read_at_most;
use walrus_sui::{
    contract::{Call, NodeRight, Proof},
    reader::NodeRef,
};

use super::{
    context::Context,
    sent::{Sent, send},
};
use crate::{
    args::{Choice, OneOf, parse},
    output::{path_text, print_json, print_text},
};

/// Largest build of a package that is read, in bytes.
const BUILD_BYTES_MAX: u64 = 16 << 20;

/// Options of `node-admin`.
#[derive(Debug, Args)]
pub(crate) struct NodeAdminArgs {
    /// What to do
    #[command(subcommand)]
    pub command: NodeAdminCommand,
}

/// What can be done with a node.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeAdminCommand {
    /// Collect the commission of a node
    CollectCommission(NodeArgs),
    /// Vote for an upgrade of the contracts, as the node's governance account
    VoteForUpgrade(VoteArgs),
    /// Give the right to collect the commission to somebody else, at once
    SetCommissionAuthorized(AuthorizedArgs),
    /// Give the right to vote for the node to somebody else, at once
    SetGovernanceAuthorized(AuthorizedArgs),
    /// Print the digest of a package that was built
    PackageDigest(PackageArgs),
}

/// A node.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Name, ID, or a beginning that fits no other
    #[arg(long, value_name = "NODE")]
    pub node_id: NodeRef,
}

/// A package.
#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    /// What `sui move build --dump-bytecode-as-base64` writes for the package
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    pub package_path: PathBuf,
}

/// Options of `vote-for-upgrade`.
#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Object that counts the votes
    #[arg(long, value_name = "OBJECT_ID")]
    pub upgrade_manager_object_id: ObjectId,
    /// The package.
    #[command(flatten)]
    pub package: PackageArgs,
}

/// Options of `set-…-authorized`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("receiver").required(true).args(["address", "object"]))]
pub(crate) struct AuthorizedArgs {
    /// The node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Who gets it.
    #[command(flatten)]
    pub receiver: OneOf<ReceiverOptions>,
}

/// Who gets a right.
#[derive(Debug, Args)]
pub(crate) struct ReceiverOptions {
    /// The account that gets the right
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SuiAddress>,
    /// The object whose owner gets the right
    #[arg(long, value_name = "OBJECT_ID")]
    object: Option<ObjectId>,
}

impl Choice for ReceiverOptions {
    type Value = Authorized;

    fn given(self) -> Option<Authorized> {
        let account = self.address.map(Authorized::Address);
        account.or(self.object.map(Authorized::ObjectId))
    }
}

/// The JSON result of `collect-commission`.
#[derive(Serialize)]
struct CollectResult {
    collected: Frost,
    #[serde(flatten)]
    sent: Sent,
}

/// The JSON result of `package-digest`.
#[derive(Serialize)]
struct DigestResult {
    digest: String,
}

/// What the compiler writes.
#[derive(Deserialize)]
struct Build {
    modules: Vec<String>,
    dependencies: Vec<String>,
}

/// Does what the operator asks for.
pub(crate) async fn run(context: &Context, args: NodeAdminArgs) -> anyhow::Result<()> {
    match args.command {
        NodeAdminCommand::CollectCommission(node) => collect(context, &node).await,
        NodeAdminCommand::VoteForUpgrade(args) => vote(context, &args).await,
        NodeAdminCommand::SetCommissionAuthorized(args) => {
            authorize(context, NodeRight::Commission, &args).await
        }
        NodeAdminCommand::SetGovernanceAuthorized(args) => {
            authorize(context, NodeRight::Governance, &args).await
        }
        NodeAdminCommand::PackageDigest(args) => show_digest(context, &args.package_path),
    }
}

async fn pool(client: &WalrusClient, node: &NodeArgs) -> anyhow::Result<StakingPool> {
    let id = client.reader().node_id(&node.node_id).await?;
    Ok(client.reader().staking_pool(id).await?)
}

async fn collect(context: &Context, node: &NodeArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let (reader, sender) = (client.reader(), client.contract()?.address());
    let pool = pool(&client, node).await?;
    let what = format!("the commission of node {:?}", pool.node_info.name);
    let proof = Proof::find(reader, &pool.commission_receiver, sender, &what).await?;
    let commission = reader.commission(&pool).await?;
    let collected = commission.collectable;
    ensure!(
        collected.0 > 0,
        "node {:?} has no commission to collect now; more can be collected after the voting of the epoch has ended",
        pool.node_info.name
    );
    let (_, sent) = send(&client, &Call::collect_commission(pool.id, proof)).await?;
    if context.json() {
        return print_json(&CollectResult { collected, sent });
    }
    print_text(&format!(
        "Success: collected {collected} of commission\n{}",
        sent.lines()
    ))
}

async fn vote(context: &Context, args: &VoteArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let pool = pool(&client, &args.node).await?;
    let package = read_build(&args.package.package_path)?;
    let linked = package.linked(&client.reader().links().await?)?;
    let contract = client.contract()?;
    let manager = args.upgrade_manager_object_id;
    let transaction = contract
        .vote_for_upgrade(manager, pool.id, linked.digest)
        .await?;
    let digest = hex::encode(linked.digest);
    if context.json() {
        return print_json(&serde_json::json!({
            "digest": digest,
            "txDigest": transaction.to_string(),
        }));
    }
    print_text(&format!(
        "Success: node {:?} votes for the package with digest {digest}\nTransaction: {transaction}",
        pool.node_info.name
    ))
}

async fn authorize(
    context: &Context,
    right: NodeRight,
    args: &AuthorizedArgs,
) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let (reader, sender) = (client.reader(), client.contract()?.address());
    let pool = pool(&client, &args.node).await?;
    let present = match right {
        NodeRight::Commission => &pool.commission_receiver,
        NodeRight::Governance => &pool.governance_authorized,
    };
    let to = args.receiver.0;
    if let Authorized::ObjectId(object) = to {
        let owner = reader.rpc().object(object).await?.owner;
        ensure!(
            matches!(
                owner,
                walrus_sui::ObjectOwner::Address(_)
                    | walrus_sui::ObjectOwner::ConsensusAddress { .. }
            ),
            "object {object} is not owned by an account: everybody or nobody could use it"
        );
    }
    let what = format!("this right over node {:?}", pool.node_info.name);
    let proof = Proof::find(reader, present, sender, &what).await?;
    let (_, sent) = send(&client, &Call::authorize(pool.id, right, proof, to)).await?;
    if context.json() {
        return print_json(&sent);
    }
    print_text(&format!(
        "Success: only the receiver can hand the right on or back from now on\n{}",
        sent.lines()
    ))
}

fn show_digest(context: &Context, path: &Path) -> anyhow::Result<()> {
    let digest = hex::encode(read_build(path)?.digest);
    if context.json() {
        return print_json(&DigestResult { digest });
    }
    print_text(&digest)
}

/// Reads what a build of package `walrus` has written.
fn read_build(path: &Path) -> anyhow::Result<CompiledPackage> {
    let text = read_at_most(path, BUILD_BYTES_MAX)
        .with_context(|| format!("cannot read {}", path_text(path)))?;
    parse_build(&text).with_context(|| {
        format!(
            "{} is no build of a package: it should be the JSON that `sui move build --dump-bytecode-as-base64` writes",
            path_text(path)
        )
    })
}

fn parse_build(text: &[u8]) -> anyhow::Result<CompiledPackage> {
    let build: Build = serde_json::from_slice(text)?;
    ensure!(!build.modules.is_empty(), "it has no modules");
    let modules: Vec<Vec<u8>> = build
        .modules
        .iter()
        .map(|module| BASE64_STANDARD.decode(module))
        .collect::<Result<_, _>>()?;
    let dependencies: Vec<[u8; 32]> = build
        .dependencies
        .iter()
        .map(|id| Ok(id.parse::<ObjectId>()?.0))
        .collect::<anyhow::Result<_>>()?;
    Ok(CompiledPackage {
        name: "walrus",
        digest: package_digest(&modules, &dependencies),
        modules,
        dependencies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_read_and_digested() {
        let dependency = ObjectId([2; 32]).to_string();
        let text = format!(r#"{{"modules":["AQID"],"dependencies":["{dependency}"],"digest":[]}}"#);
        let package = parse_build(text.as_bytes()).unwrap();
        assert_eq!(package.modules, [vec![1, 2, 3]]);
        assert_eq!(package.digest, package_digest(&[vec![1, 2, 3]], &[[2; 32]]));
        for text in [
            "",
            "[]",
            r#"{"modules":[],"dependencies":[]}"#,
            r#"{"modules":["%"],"dependencies":[]}"#,
        ] {
            assert!(parse_build(text.as_bytes()).is_err(), "{text}");
        }
    }
}
