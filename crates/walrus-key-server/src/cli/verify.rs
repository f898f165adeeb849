//! `walrus-key-server verify`

use clap::Args;
use walrus_client::key_servers::{KeyServers, Settings};
use walrus_core::{ObjectId, text::printable};
use walrus_sui::SuiRpc;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The registered key server
    #[arg(value_name = "ID")]
    server: ObjectId,
    /// A full node of the network
    #[arg(long, value_name = "URL")]
    rpc: String,
}

impl Verify {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let rpc = SuiRpc::new([&self.rpc]).map_err(Failure::input)?;
        let servers = KeyServers::new(rpc, Settings::default()).map_err(Failure::running)?;
        let known = servers
            .verify(self.server)
            .await
            .map_err(|error| Failure::running(format!("key server {}: {error}", self.server)))?;
        let (name, url) = (printable(&known.name), printable(&known.url));
        println!("{name} at {url} has the key {}", known.public_key);
        Ok(())
    }
}
