//! The part of the command line that is about proposals.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use walrus_core::{BlobId, Frost, ObjectId, SuiAddress};
use walrus_sui::reader::NodeRef;
use walrus_terminal::{RpcArgs, parse};

use super::{NodeArgs, SendArgs};

/// Options of `proposals`.
#[derive(Debug, Args)]
pub(crate) struct ProposalsArgs {
    /// The Governance object. Default: `governance_object` of the configuration
    #[arg(
        long,
        global = true,
        value_name = "OBJECT_ID",
        env = "WALRUS_GOVERNANCE"
    )]
    pub governance: Option<ObjectId>,
    /// What to do.
    #[command(subcommand)]
    pub command: ProposalsCommand,
}

/// What can be done with proposals.
#[derive(Debug, Subcommand)]
pub(crate) enum ProposalsCommand {
    /// List proposals that can still change, or all
    List(ListArgs),
    /// Show a proposal: text, votes, what is missing, what happens next
    Show(ShowArgs),
    /// Make a proposal; its deposit is paid
    New(NewArgs),
    /// Compare the package of an upgrade with what the proposal names, module by module
    Check(CheckArgs),
    /// Open a vote; a node first attests what is staked with the nodes, as the vote needs it
    Open(OpenArgs),
    /// Vote as a node, or with stake
    Vote(VoteArgs),
    /// Take the votes of stake back, or make stake that voted stake again
    Unlock(UnlockArgs),
    /// Count the votes when the voting is over, or settle a proposal that expired
    Close(NumberArgs),
    /// Queue a proposal that passed
    Queue(NumberArgs),
    /// Execute a queued proposal
    Execute(ExecuteArgs),
    /// Take an own proposal back
    Cancel(NumberArgs),
    /// Object to the execution of a proposal that passed, for a node
    Object(ObjectArgs),
    /// Follow a proposal, or all, until nothing can happen any more
    Watch(WatchArgs),
    /// Show the rules of proposals
    Rules(RpcArgs),
    /// Show who approves which upgrade of the governance package itself
    Approvals(ApprovalsArgs),
    /// Approve an upgrade of the governance package itself, for a node that handed its authority
    /// over
    ApproveUpgrade(ApproveUpgradeArgs),
}

/// Options of `proposals list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Also list proposals that are over
    #[arg(long)]
    pub all: bool,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `proposals show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// A proposal to send something about.
#[derive(Debug, Args)]
pub(crate) struct NumberArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `proposals new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// What is proposed.
    #[command(subcommand)]
    pub kind: NewKind,
}

/// What can be proposed.
#[derive(Debug, Subcommand)]
pub(crate) enum NewKind {
    /// To upgrade package `walrus`
    Upgrade(NewUpgradeArgs),
    /// To burn the commission of a node
    Slash(NewSlashArgs),
    /// To advise nodes how to vote on prices and capacity
    Advice(NewAdviceArgs),
    /// To change the rules of proposals
    Rules(NewRulesArgs),
    /// To say something
    Text(NewTextArgs),
}

/// What every new proposal has.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("body").required(true).args(["text", "text_file", "blob"]))]
pub(crate) struct BodyArgs {
    /// Title, at most 200 bytes
    #[arg(long)]
    pub title: String,
    /// Text, at most 4096 bytes
    #[arg(long)]
    pub text: Option<String>,
    /// File with the text, at most 4096 bytes
    #[arg(long, value_name = "FILE")]
    pub text_file: Option<PathBuf>,
    /// Blob that holds the text
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub blob: Option<BlobId>,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// A package, and how to build it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PackageArgs {
    /// The package: a build, as `scripts/move build` or `sui move build` writes it, a folder with
    /// sources, which are built, or the name of a version inside this program. Default: the newest
    /// one inside this program
    #[arg(long, value_name = "PATH")]
    pub package: Option<PathBuf>,
    /// What builds sources
    #[arg(long, value_name = "COMPILER", value_enum, default_value_t)]
    pub compiler: CompilerArg,
    /// Checkout of this project whose pinned compiler is used. Default: the one that this program
    /// was built in
    #[arg(long, value_name = "FOLDER")]
    pub toolchain: Option<PathBuf>,
}

/// What builds sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompilerArg {
    /// The compiler that this project pins; needs Rust and Node
    #[default]
    Pinned,
    /// The `sui` found on the PATH
    Sui,
}

/// Options of `proposals new upgrade`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["digest", "package"]))]
pub(crate) struct NewUpgradeArgs {
    /// Digest of the new package, in hex
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub digest: Option<[u8; 32]>,
    /// The new package.
    #[command(flatten)]
    pub package: PackageArgs,
    /// Title and text.
    #[command(flatten)]
    pub body: BodyArgs,
}

/// Options of `proposals new slash`.
#[derive(Debug, Args)]
pub(crate) struct NewSlashArgs {
    /// The node whose commission is burnt
    #[arg(long, value_name = "NODE")]
    pub candidate: NodeRef,
    /// Title and text.
    #[command(flatten)]
    pub body: BodyArgs,
}

/// Options of `proposals new advice`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["storage_price", "write_price", "capacity"]))]
pub(crate) struct NewAdviceArgs {
    /// Price of storing 1 MiB of encoded data for one epoch
    #[arg(long, value_name = "AMOUNT")]
    pub storage_price: Option<Frost>,
    /// Price of writing 1 MiB of encoded data
    #[arg(long, value_name = "AMOUNT")]
    pub write_price: Option<Frost>,
    /// Capacity of the whole system
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub capacity: Option<u64>,
    /// Title and text.
    #[command(flatten)]
    pub body: BodyArgs,
}

/// Options of `proposals new rules`: those that are not given stay.
#[derive(Debug, Args)]
pub(crate) struct NewRulesArgs {
    /// What a proposer leaves until the vote is over
    #[arg(long, value_name = "AMOUNT")]
    pub deposit: Option<Frost>,
    /// Epochs between a proposal and its vote
    #[arg(long, value_name = "N")]
    pub discussion_epochs: Option<u32>,
    /// Whole epochs of voting
    #[arg(long, value_name = "N")]
    pub voting_epochs: Option<u32>,
    /// Epochs between queueing and execution
    #[arg(long, value_name = "N")]
    pub delay_epochs: Option<u32>,
    /// Epochs in which a proposal can be executed
    #[arg(long, value_name = "N")]
    pub execution_epochs: Option<u32>,
    /// Part of all weight that must vote
    #[arg(long, value_name = "SHARE", value_parser = parse::rate)]
    pub quorum: Option<u16>,
    /// Part of yes and no that yes must exceed
    #[arg(long, value_name = "SHARE", value_parser = parse::rate)]
    pub threshold: Option<u16>,
    /// Part of yes and no above which no costs the deposit
    #[arg(long, value_name = "SHARE", value_parser = parse::rate)]
    pub forfeit: Option<u16>,
    /// Title and text.
    #[command(flatten)]
    pub body: BodyArgs,
}

/// Options of `proposals new text`.
#[derive(Debug, Args)]
pub(crate) struct NewTextArgs {
    /// Title and text.
    #[command(flatten)]
    pub body: BodyArgs,
}

/// Options of `proposals check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// The package to compare.
    #[command(flatten)]
    pub package: PackageArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChoiceArg {
    /// For it
    Yes,
    /// Against it
    No,
    /// Counts for the quorum only
    Abstain,
}

/// Options of `proposals open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `proposals vote`.
#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// What to say
    #[arg(value_name = "CHOICE")]
    pub choice: ChoiceArg,
    /// Why, at most 512 bytes
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Vote with all stake of the account, for itself, instead of as a node
    #[arg(long, conflicts_with_all = ["node", "stake"])]
    pub all_stake: bool,
    /// Vote with this stake; may be repeated
    #[arg(long, value_name = "STAKE_ID", conflicts_with = "node")]
    pub stake: Vec<ObjectId>,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `proposals unlock`.
#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// Stake that voted; all that is free again without any
    #[arg(value_name = "VOTING_STAKE_ID")]
    pub stakes: Vec<ObjectId>,
    /// Take votes back that still count
    #[arg(long, requires = "stakes")]
    pub retract: bool,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `proposals execute`.
#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// The package of an upgrade.
    #[command(flatten)]
    pub package: PackageArgs,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `proposals object`.
#[derive(Debug, Args)]
pub(crate) struct ObjectArgs {
    /// The proposal
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `proposals approvals`.
#[derive(Debug, Args)]
pub(crate) struct ApprovalsArgs {
    /// The package whose digest to show, too.
    #[command(flatten)]
    pub package: PackageArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `proposals approve-upgrade`.
#[derive(Debug, Args)]
pub(crate) struct ApproveUpgradeArgs {
    /// Digest of the new package, in hex
    #[arg(long, value_name = "HEX", value_parser = digest, conflicts_with = "package")]
    pub digest: Option<[u8; 32]>,
    /// The new package.
    #[command(flatten)]
    pub package: PackageArgs,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `proposals watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The proposal; all that can still change without it
    #[arg(value_name = "NUMBER")]
    pub number: Option<u64>,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub interval: u64,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `delegate`.
#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    /// The Governance object. Default: `governance_object` of the configuration
    #[arg(long, value_name = "OBJECT_ID", env = "WALRUS_GOVERNANCE")]
    pub governance: Option<ObjectId>,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `revoke`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("receiver").required(true).args(["address", "object"]))]
pub(crate) struct RevokeArgs {
    /// The Governance object. Default: `governance_object` of the configuration
    #[arg(long, value_name = "OBJECT_ID", env = "WALRUS_GOVERNANCE")]
    pub governance: Option<ObjectId>,
    /// The account that gets the authority back
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<SuiAddress>,
    /// The object whose owner gets the authority back
    #[arg(long, value_name = "OBJECT_ID")]
    pub object: Option<ObjectId>,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    let expected = || format!("`{text}` is no digest: it has 64 hex digits");
    let text = text.strip_prefix("0x").unwrap_or(text);
    let bytes = hex::decode(text).map_err(|_| expected())?;
    bytes.try_into().map_err(|_| expected())
}
