//! StateService: what an address or object holds now.

use prost::Message;
use sui_rpc::proto::sui::rpc::{v2 as proto, v2::state_service_server::StateService};
use sui_sdk_types::{Address, TypeTag};
use tonic::{Request, Response, Status};

use super::{Rpc, errors, masks, paging, parse};
use crate::ledger::TypeFilter;

mod coins;
mod fields;

const OWNED_MASK: &str = "object_id,version,object_type";

impl Rpc {
    fn balances_page(
        &self,
        request: &proto::ListBalancesRequest,
    ) -> Result<proto::ListBalancesResponse, Status> {
        let owner: Address = parse::required("owner", request.owner.as_deref())?;
        let limit = paging::size(
            request.page_size,
            paging::PAGE_SIZE_DEFAULT,
            paging::PAGE_SIZE_MAX,
        );
        let query = ["balances".to_owned(), owner.to_string()];
        let cursor = paging::cursor(&query, request.page_token.as_deref())?;
        let after = cursor.map(|cursor| String::from_utf8_lossy(&cursor).into_owned());

        let balances = self.ledger().balances(&owner, None)?;
        let mut rest = balances
            .into_iter()
            .filter(|(coin_type, _)| after.as_ref().is_none_or(|after| coin_type > after));
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let mut response = proto::ListBalancesResponse::default();
        if rest.next().is_some() {
            response.next_page_token = page
                .last()
                .map(|(coin_type, _)| paging::token(&query, coin_type.as_bytes()));
        }
        response.balances = page
            .into_iter()
            .map(|(coin_type, sum)| balance(coin_type, sum))
            .collect();
        Ok(response)
    }

    fn owned_page(
        &self,
        request: proto::ListOwnedObjectsRequest,
    ) -> Result<proto::ListOwnedObjectsResponse, Status> {
        let mask = masks::read_mask::<proto::Object>(request.read_mask, OWNED_MASK)?;
        let owner: Address = parse::required("owner", request.owner.as_deref())?;
        let filter = parse::optional("object_type", request.object_type.as_deref())?
            .unwrap_or(TypeFilter::Any);
        let limit = paging::size(
            request.page_size,
            paging::PAGE_SIZE_DEFAULT,
            paging::PAGE_SIZE_MAX,
        );
        let query = ["owned".to_owned(), owner.to_string(), format!("{filter:?}")];
        let cursor = paging::cursor(&query, request.page_token.as_deref())?;
        let page = self
            .ledger()
            .owned_objects(&owner, &filter, cursor.as_deref(), limit)?;

        let renderer = self.renderer();
        let mut response = proto::ListOwnedObjectsResponse::default();
        let mut bytes = 0;
        let mut more = page.more;
        let mut last = None;
        for entry in page.entries {
            if bytes > paging::PAGE_BYTES_MAX {
                more = true;
                break;
            }
            last = Some(entry.cursor);
            // A transaction may have taken the object between the two reads; the listing goes on
            // without it.
            if let Some(object) = self.ledger().object(&entry.id)? {
                let rendered = renderer.object(&object, &mask);
                bytes += rendered.encoded_len();
                response.objects.push(rendered);
            }
        }
        if more {
            response.next_page_token = last.map(|cursor| paging::token(&query, &cursor));
        }
        Ok(response)
    }
}

#[tonic::async_trait]
impl StateService for Rpc {
    async fn get_balance(
        &self,
        request: Request<proto::GetBalanceRequest>,
    ) -> Result<Response<proto::GetBalanceResponse>, Status> {
        let request = request.into_inner();
        let owner: Address = parse::required("owner", request.owner.as_deref())?;
        let coin_type: TypeTag = parse::required("coin_type", request.coin_type.as_deref())?;
        self.answer(move |rpc| {
            let balances = rpc.ledger().balances(&owner, Some(&coin_type))?;
            let coin_type = coin_type.to_string();
            let sum = balances.get(&coin_type).copied().unwrap_or(0);
            let mut response = proto::GetBalanceResponse::default();
            response.balance = Some(balance(coin_type, sum));
            Ok(response)
        })
        .await
    }

    async fn list_balances(
        &self,
        request: Request<proto::ListBalancesRequest>,
    ) -> Result<Response<proto::ListBalancesResponse>, Status> {
        let request = request.into_inner();
        self.answer(move |rpc| rpc.balances_page(&request)).await
    }

    async fn list_owned_objects(
        &self,
        request: Request<proto::ListOwnedObjectsRequest>,
    ) -> Result<Response<proto::ListOwnedObjectsResponse>, Status> {
        let request = request.into_inner();
        self.answer(move |rpc| rpc.owned_page(request)).await
    }

    async fn list_dynamic_fields(
        &self,
        request: Request<proto::ListDynamicFieldsRequest>,
    ) -> Result<Response<proto::ListDynamicFieldsResponse>, Status> {
        self.answer(move |rpc| rpc.dynamic_fields(request.into_inner()))
            .await
    }

    async fn get_coin_info(
        &self,
        request: Request<proto::GetCoinInfoRequest>,
    ) -> Result<Response<proto::GetCoinInfoResponse>, Status> {
        let request = request.into_inner();
        let coin_type: TypeTag = parse::required("coin_type", request.coin_type.as_deref())?;
        self.coin_info(&coin_type)?
            .map(Response::new)
            .ok_or_else(|| errors::not_found(format!("Coin type {coin_type} not found")))
    }
}

/// A balance held entirely in coin objects.
fn balance(coin_type: String, sum: u64) -> proto::Balance {
    let mut balance = proto::Balance::default();
    balance.coin_type = Some(coin_type);
    balance.balance = Some(sum);
    balance.address_balance = Some(0);
    balance.coin_balance = Some(sum);
    balance
}
