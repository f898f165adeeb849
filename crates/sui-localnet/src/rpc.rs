//! The `sui.rpc.v2` services over the ledger and the executor.

mod epoch;
pub(crate) mod errors;
mod filter;
mod ledger;
mod masks;
mod names;
mod packages;
mod paging;
pub(crate) mod parse;
mod peers;
mod position;
mod render;
mod resolve;
mod scan;
mod signatures;
mod state;
mod streams;
mod subscription;
mod transactions;

use std::sync::Arc;

use peers::Peers;
use render::Renderer;
use sui_rpc::proto::sui::rpc::v2::{
    ledger_service_server::LedgerServiceServer,
    move_package_service_server::MovePackageServiceServer, name_service_server::NameServiceServer,
    signature_verification_service_server::SignatureVerificationServiceServer,
    state_service_server::StateServiceServer,
    subscription_service_server::SubscriptionServiceServer,
    transaction_execution_service_server::TransactionExecutionServiceServer,
};
use tonic::{Response, Status, service::Routes};

use crate::{
    chain::Chain,
    ledger::{Ledger, Tip},
};

/// Largest request message: a transaction at its size limit with room for signatures and encoding.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Simulations that one address may wait for.
const SIMULATIONS_EACH_MAX: usize = 256;
/// List streams that one address may have open.
const LIST_STREAMS_EACH_MAX: usize = 128;

/// Implements every service; cheap to clone.
#[derive(Clone)]
pub(crate) struct Rpc {
    chain: Arc<Chain>,
    list_streams: Arc<Peers>,
    simulations: Arc<Peers>,
}

impl Rpc {
    pub(crate) fn new(chain: Arc<Chain>) -> Self {
        Self {
            chain,
            list_streams: Peers::new("List streams", LIST_STREAMS_EACH_MAX),
            simulations: Peers::new("simulations", SIMULATIONS_EACH_MAX),
        }
    }

    /// All services as routes `/{package.Service}/{Method}`.
    pub(crate) fn routes(&self) -> Routes {
        macro_rules! service {
            ($server:ident) => {
                $server::new(self.clone()).max_decoding_message_size(REQUEST_BYTES_MAX)
            };
        }
        Routes::new(service!(LedgerServiceServer))
            .add_service(service!(StateServiceServer))
            .add_service(service!(TransactionExecutionServiceServer))
            .add_service(service!(MovePackageServiceServer))
            .add_service(service!(SubscriptionServiceServer))
            .add_service(service!(SignatureVerificationServiceServer))
            .add_service(service!(NameServiceServer))
    }

    /// Answers from the ledger on a thread that may wait for the disk.
    async fn answer<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, Status> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let rpc = self.clone();
        ambient::run_blocking(move || read(&rpc))
            .await
            .map_err(|_| errors::defect())?
            .map(Response::new)
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn ledger(&self) -> &Ledger {
        self.chain.ledger()
    }

    fn renderer(&self) -> Renderer<'_> {
        Renderer::new(self.chain.ledger(), self.chain.engine())
    }

    fn tip(&self) -> Result<Tip, Status> {
        self.ledger()
            .tip()
            .ok_or_else(|| errors::internal("the chain has no genesis"))
    }
}
