//! `walrus aggregator`.

use clap::Args;
use walrus_gateway::Gateway;
use walrus_terminal::RpcArgs;

use super::{
    context::Context,
    serving::{ReadArgs, ServeArgs, serve},
};

/// Options of `aggregator`.
#[derive(Debug, Args)]
pub(crate) struct AggregatorArgs {
    /// Addresses and bounds.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// What is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Serves blobs over HTTP.
pub(crate) async fn run(context: &Context, args: AggregatorArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let gateway = Gateway::start(client, args.serve.options(Some(&args.read)), None).await?;
    serve(context, "aggregator", gateway).await
}
