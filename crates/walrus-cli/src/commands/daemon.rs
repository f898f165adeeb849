//! `walrus daemon`: an aggregator and a publisher in one.

use clap::Args;

use super::{
    context::Context,
    publisher::{self, PublishArgs},
    serving::{ReadArgs, ServeArgs, serve},
};

/// Options of `daemon`.
#[derive(Debug, Args)]
pub(crate) struct DaemonArgs {
    /// Addresses and bounds.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// What is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// What is stored, and by whom.
    #[command(flatten)]
    pub store: PublishArgs,
}

/// Serves blobs, and stores what it is sent.
pub(crate) async fn run(context: &Context, args: DaemonArgs) -> anyhow::Result<()> {
    let gateway = publisher::start(context, &args.serve, Some(&args.read), &args.store).await?;
    serve(context, "daemon", gateway).await
}
