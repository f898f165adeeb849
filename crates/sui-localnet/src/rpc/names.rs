//! NameService: this chain has no name registry.

use sui_rpc::proto::sui::rpc::{v2 as proto, v2::name_service_server::NameService};
use tonic::{Request, Response, Status};

use super::{Rpc, errors};

const NO_NAMES: &str = "SuiNS not configured for this network";

#[tonic::async_trait]
impl NameService for Rpc {
    async fn lookup_name(
        &self,
        _request: Request<proto::LookupNameRequest>,
    ) -> Result<Response<proto::LookupNameResponse>, Status> {
        Err(errors::unimplemented(NO_NAMES))
    }

    async fn reverse_lookup_name(
        &self,
        _request: Request<proto::ReverseLookupNameRequest>,
    ) -> Result<Response<proto::ReverseLookupNameResponse>, Status> {
        Err(errors::unimplemented(NO_NAMES))
    }
}
