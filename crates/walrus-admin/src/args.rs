//! The command line: what can be asked for, and how it is spelled.

mod proposals;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_sui::reader::NodeRef;
use walrus_terminal::{
    GlobalArgs, RpcArgs, completion::CompletionArgs, man::ManArgs, parse, table::TableArgs,
};

pub(crate) use self::proposals::{
    ApprovalsArgs, ApproveUpgradeArgs, BodyArgs, CheckArgs, ChoiceArg, CompilerArg, DelegateArgs,
    ExecuteArgs, ListArgs, NewArgs, NewKind, NewRulesArgs, NumberArgs, ObjectArgs, OpenArgs,
    PackageArgs, ProposalsArgs, ProposalsCommand, RevokeArgs, ShowArgs, UnlockArgs, VoteArgs,
    WatchArgs,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Operate storage nodes, stake WAL, vote.
///
/// Every command that changes something shows first what it will do and asks. Amounts have a unit,
/// as in 12.5WAL or 250000FROST (1 WAL = 10^9 FROST).
#[derive(Debug, Parser)]
#[command(name = "walrus-admin", version = VERSION, propagate_version = true)]
#[command(after_help = walrus_terminal::exit::HELP)]
pub(crate) struct Cli {
    /// Options that go with every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a storage node
    Register(RegisterArgs),
    /// Stake WAL with nodes
    Stake(StakeArgs),
    /// Take stake out: what can leave at once is paid out, the rest is announced
    Unstake(UnstakeArgs),
    /// Pay out stake whose withdrawal is due
    Withdraw(WithdrawArgs),
    /// List the stake of an account, its rewards, and when it can leave
    Stakes(StakesArgs),
    /// List the nodes that can be staked with
    Pools(PoolsArgs),
    /// List the nodes of a committee, with their votes
    Committee(CommitteeArgs),
    /// Vote on the prices of storage
    SetPrice(SetPriceArgs),
    /// Set the capacity of a node
    SetCapacity(SetCapacityArgs),
    /// Set the commission rate of a node, from two epochs later on
    SetCommission(SetCommissionArgs),
    /// Change what a node says about itself
    SetMetadata(SetMetadataArgs),
    /// Change the key with which a node signs, from the next committee on
    RotateKey(RotateKeyArgs),
    /// Collect the commission of a node
    CollectCommission(NodeArgs),
    /// Hand a right over a node on to another account or object
    Authorize(AuthorizeArgs),
    /// Show where the epoch stands, or move it on
    Epoch(EpochArgs),
    /// Read, make, check, vote on and execute proposals
    Proposals(ProposalsArgs),
    /// Hand the authority of a node in package walrus over to the governance
    Delegate(DelegateArgs),
    /// Take the authority of a node back from the governance
    Revoke(RevokeArgs),
    /// Send a transaction that was signed elsewhere
    Submit(SubmitArgs),
    /// Print a shell completion script
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command
    Man(ManArgs),
}

/// How a transaction is sent.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sending")]
pub(crate) struct SendArgs {
    /// Show what would happen and what gas it would cost; send nothing
    #[arg(long, conflicts_with = "serialize_unsigned")]
    pub dry_run: bool,
    /// Print the transaction as base64 of its BCS, for others to sign; send nothing
    #[arg(long)]
    pub serialize_unsigned: bool,
    /// Account the transaction is of, instead of the wallet's active address
    #[arg(long, value_name = "ADDRESS")]
    pub sender: Option<SuiAddress>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

impl SendArgs {
    /// Whether the transaction is only shown, so that no key is needed.
    pub(crate) fn sends_nothing(&self) -> bool {
        self.dry_run || self.serialize_unsigned
    }
}

/// A node that the account operates.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node, by name, ID, or a beginning that fits no other; without it the only one the
    /// account operates
    #[arg(long, value_name = "NODE")]
    pub node: Option<NodeRef>,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// Name of the node
    #[arg(long)]
    pub name: String,
    /// Public address of its API
    #[arg(long, value_name = "HOST:PORT")]
    pub network_address: String,
    /// Key file with which the node signs (BLS)
    #[arg(long, value_name = "FILE")]
    pub protocol_key: PathBuf,
    /// Key file of the node's TLS certificate (P-256)
    #[arg(long, value_name = "FILE")]
    pub network_key: PathBuf,
    /// Vote on the price of storing 1 MiB of encoded data for one epoch
    #[arg(long, value_name = "AMOUNT")]
    pub storage_price: Frost,
    /// Vote on the price of writing 1 MiB of encoded data
    #[arg(long, value_name = "AMOUNT")]
    pub write_price: Frost,
    /// Capacity, such as 1.5TB or 2TiB
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub capacity: u64,
    /// Share of the rewards that the operator keeps, such as 5%
    #[arg(long, value_name = "SHARE", value_parser = parse::rate, default_value = "0%")]
    pub commission: u16,
    /// Description for people.
    #[command(flatten)]
    pub description: DescriptionArgs,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// What a node says about itself to people.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DescriptionArgs {
    /// Description for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Image for people
    #[arg(long, value_name = "URL")]
    pub image_url: Option<String>,
    /// Home page of the operator
    #[arg(long, value_name = "URL")]
    pub project_url: Option<String>,
}

/// Options of `stake`.
#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    /// Amount for each node, or one amount for every node in turn
    #[arg(required = true, value_name = "AMOUNT")]
    pub amounts: Vec<Frost>,
    /// Nodes to stake with: names, IDs, or beginnings of them that fit one node only
    #[arg(long = "node", required = true, value_name = "NODE")]
    pub nodes: Vec<NodeRef>,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `unstake`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(false).args(["stakes", "node"]))]
pub(crate) struct UnstakeArgs {
    /// Stakes to take out; `walrus-admin stakes` lists them
    #[arg(value_name = "STAKE_ID")]
    pub stakes: Vec<ObjectId>,
    /// All stake with this node
    #[arg(long, value_name = "NODE")]
    pub node: Option<NodeRef>,
    /// Only a part of the one stake
    #[arg(long, value_name = "AMOUNT", conflicts_with = "node")]
    pub amount: Option<Frost>,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `withdraw`.
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// Stakes to pay out; all whose announced withdrawal is due without any
    #[arg(value_name = "STAKE_ID")]
    pub stakes: Vec<ObjectId>,
    /// How to send.
    #[command(flatten)]
    pub send: SendArgs,
}

/// Options of `stakes`.
#[derive(Debug, Args)]
pub(crate) struct StakesArgs {
    /// Owner, instead of the active address of the wallet
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<SuiAddress>,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `pools`.
#[derive(Debug, Args)]
pub(crate) struct PoolsArgs {
    /// Also list nodes that nobody staked with
    #[arg(long)]
    pub all: bool,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `committee`.
#[derive(Debug, Args)]
pub(crate) struct CommitteeArgs {
    /// The committee of the next epoch, once it is selected
    #[arg(long)]
    pub next: bool,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `set-price`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("price").required(true).multiple(true).args(["storage", "write"]))]
pub(crate) struct SetPriceArgs {
    /// Price of storing 1 MiB of encoded data for one epoch
    #[arg(long, value_name = "AMOUNT")]
    pub storage: Option<Frost>,
    /// Price of writing 1 MiB of encoded data
    #[arg(long, value_name = "AMOUNT")]
    pub write: Option<Frost>,
    /// Compute the prices in force anew from all votes; else that happens with the next epoch
    #[arg(long)]
    pub apply: bool,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `set-capacity`.
#[derive(Debug, Args)]
pub(crate) struct SetCapacityArgs {
    /// Capacity, such as 1.5TB or 2TiB
    #[arg(value_name = "SIZE", value_parser = parse::size)]
    pub capacity: u64,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `set-commission`.
#[derive(Debug, Args)]
pub(crate) struct SetCommissionArgs {
    /// Share of the rewards that the operator keeps, such as 5%
    #[arg(value_name = "SHARE", value_parser = parse::rate)]
    pub rate: u16,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `set-metadata`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "network_address", "network_key", "description", "image_url", "project_url", "extra", "remove_extra"]))]
pub(crate) struct SetMetadataArgs {
    /// Name of the node
    #[arg(long)]
    pub name: Option<String>,
    /// Public address of its API
    #[arg(long, value_name = "HOST:PORT")]
    pub network_address: Option<String>,
    /// Key file of the node's TLS certificate (P-256)
    #[arg(long, value_name = "FILE")]
    pub network_key: Option<PathBuf>,
    /// Description for people.
    #[command(flatten)]
    pub description: DescriptionArgs,
    /// Sets a field of one's own; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse::key_value)]
    pub extra: Vec<(String, String)>,
    /// Removes a field of one's own; may be repeated
    #[arg(long, value_name = "KEY")]
    pub remove_extra: Vec<String>,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    /// Key file with which the node will sign (BLS)
    #[arg(long, value_name = "FILE")]
    pub protocol_key: PathBuf,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Options of `authorize`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("receiver").required(true).args(["address", "object"]))]
pub(crate) struct AuthorizeArgs {
    /// The right
    #[arg(value_name = "RIGHT")]
    pub right: Right,
    /// The account that gets the right
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<SuiAddress>,
    /// The object whose owner gets the right
    #[arg(long, value_name = "OBJECT_ID")]
    pub object: Option<ObjectId>,
    /// The node, and how to send.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Rights over a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Right {
    /// To collect the commission
    Commission,
    /// To vote for the node in governance
    Governance,
}

/// Options of `epoch`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct EpochArgs {
    /// What to do; shows the state without it
    #[command(subcommand)]
    pub command: Option<EpochCommand>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// What can be done with an epoch.
#[derive(Debug, Subcommand)]
pub(crate) enum EpochCommand {
    /// Do the next step that anybody may do: end the voting, or start the next epoch
    Advance(SendArgs),
    /// Attest that a node holds its shards of the current epoch
    SyncDone(NodeArgs),
}

/// Options of `submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The transaction, as --serialize-unsigned prints it
    #[arg(value_name = "BASE64")]
    pub transaction: String,
    /// Its signature; may be repeated
    #[arg(long, required = true, value_name = "BASE64")]
    pub signature: Vec<String>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["walrus-admin"], args].concat())
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        let id = ObjectId([1; 32]).to_string();
        for args in [
            &["stake", "5", "--node", &id][..],
            &["stake", "5WAL"],
            &["stake", "--node", &id],
            &["stake", "0.0000000001WAL", "--node", &id],
            &["unstake"],
            &["unstake", &id, "--node", &id],
            &["set-price"],
            &["set-price", "--storage", "1e3FROST"],
            &["set-commission", "5"],
            &["set-commission", "100.01%"],
            &["set-capacity", "1.5"],
            &["set-metadata"],
            &["set-metadata", "--extra", "novalue"],
            &["authorize", "commission"],
            &["authorize", "commission", "--address", &id, "--object", &id],
            &["authorize", "everything", "--address", &id],
            &["withdraw", "--dry-run", "--serialize-unsigned"],
            &["epoch", "stop"],
            &["submit", "AAAA"],
            &["proposals", "vote", "1", "maybe"],
            &[
                "proposals",
                "vote",
                "1",
                "yes",
                "--all-stake",
                "--node",
                &id,
            ],
            &["proposals", "new", "text", "--title", "t"],
            &[
                "proposals",
                "new",
                "upgrade",
                "--title",
                "t",
                "--text",
                "x",
                "--digest",
                "12",
            ],
            &["proposals", "new", "advice", "--title", "t", "--text", "x"],
            &["proposals", "unlock", "--retract"],
            &["proposals", "watch", "--interval", "0"],
            &["proposals", "approve-upgrade", "--digest", "12"],
            &["revoke"],
        ] {
            let error = parse(args).expect_err("must be refused");
            assert_eq!(error.exit_code(), 2, "{args:?}");
        }
    }

    #[test]
    fn what_is_right_is_taken() {
        let id = ObjectId([1; 32]).to_string();
        for args in [
            &["stake", "12.5WAL", "--node", &id, "--yes"][..],
            &["stake", "1WAL", "2WAL", "--node", &id, "--node", &id],
            &["unstake", &id, "--amount", "1WAL"],
            &["unstake", "--node", &id],
            &["withdraw", "--json"],
            &["set-price", "--write", "20000FROST", "--apply"],
            &["epoch"],
            &["epoch", "advance", "-y"],
            &["proposals", "list", "--governance", &id],
            &[
                "proposals",
                "vote",
                "1",
                "yes",
                "--reason",
                "because",
                "--stake",
                &id,
            ],
            &[
                "proposals",
                "new",
                "advice",
                "--title",
                "t",
                "--text",
                "x",
                "--write-price",
                "1FROST",
            ],
            &["revoke", "--address", &id],
            &[
                "epoch",
                "sync-done",
                "--node",
                &id,
                "--serialize-unsigned",
                "--sender",
                &id,
            ],
        ] {
            if let Err(error) = parse(args) {
                panic!("{args:?}: {error}");
            }
        }
    }
}
