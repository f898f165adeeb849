//! Coins and balances of accounts.

use futures::{StreamExt as _, TryStreamExt as _};
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, Digest, ObjectReference, StructTag, TypeTag};
use walrus_core::SuiAddress;

use super::{ObjectOwner, SuiRpc, object::PAGE_MAX, owner};
use crate::{error::SuiError, ids::account_address};

const COIN_MASK: &str = "object_id,version,digest,owner,object_type,balance";

/// A coin of an account, as a full node tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coin {
    /// The object at its newest version.
    pub(crate) reference: ObjectReference,
    /// What it holds, in its smallest unit.
    pub(crate) balance: u64,
}

impl SuiRpc {
    /// Coins of `coin_type` that `owner` can spend, at most `limit`. What a full node says besides
    /// is left out.
    pub(crate) async fn coins(
        &self,
        owner: SuiAddress,
        coin_type: &StructTag,
        limit: usize,
    ) -> Result<Vec<Coin>, SuiError> {
        let type_ = StructTag::coin(TypeTag::from(coin_type.clone()));
        let request = proto::ListOwnedObjectsRequest::default()
            .with_owner(account_address(owner).to_string())
            .with_object_type(type_.to_string())
            .with_page_size(PAGE_MAX)
            .with_read_mask(FieldMask::from_str(COIN_MASK));
        let objects: Vec<proto::Object> = self
            .call("ListOwnedObjects", |client| {
                client
                    .list_owned_objects(request.clone())
                    .take(limit)
                    .boxed()
                    .try_collect()
            })
            .await?;
        let mut coins = Vec::with_capacity(objects.len());
        for object in &objects {
            coins.extend(coin(object, owner, &type_)?);
        }
        Ok(coins)
    }

    /// Sum of all coins of `coin_type` that `owner` has, in the coin's smallest unit.
    pub async fn balance(&self, owner: SuiAddress, coin_type: &StructTag) -> Result<u64, SuiError> {
        Ok(self.balances(owner, coin_type).await?.balance())
    }

    /// The part of [`SuiRpc::balance`] that is not in coins.
    pub(crate) async fn balance_outside_coins(
        &self,
        owner: SuiAddress,
        coin_type: &StructTag,
    ) -> Result<u64, SuiError> {
        Ok(self.balances(owner, coin_type).await?.address_balance())
    }

    async fn balances(
        &self,
        owner: SuiAddress,
        coin_type: &StructTag,
    ) -> Result<proto::Balance, SuiError> {
        let request = proto::GetBalanceRequest::default()
            .with_owner(account_address(owner).to_string())
            .with_coin_type(coin_type.to_string());
        let response = self
            .call("GetBalance", |mut client| {
                let request = request.clone();
                async move { client.state_client().get_balance(request).await }
            })
            .await?;
        Ok(response.into_inner().balance.unwrap_or_default())
    }
}

/// The coin that an answer tells of; `None` if it is none that `account` can simply spend.
fn coin(
    object: &proto::Object,
    account: SuiAddress,
    type_: &StructTag,
) -> Result<Option<Coin>, SuiError> {
    let invalid = |reason: String| SuiError::decode("a coin", reason);
    let id: Address = object
        .object_id()
        .parse()
        .map_err(|error| invalid(format!("object_id: {error}")))?;
    let digest: Digest = object
        .digest()
        .parse()
        .map_err(|error| invalid(format!("digest of {id}: {error}")))?;
    let owner =
        owner(object.owner()).map_err(|reason| invalid(format!("owner of {id}: {reason}")))?;
    let found: StructTag = object
        .object_type()
        .parse()
        .map_err(|error| invalid(format!("type of {id}: {error}")))?;
    if owner != ObjectOwner::Address(account) || found != *type_ {
        return Ok(None);
    }
    Ok(Some(Coin {
        reference: ObjectReference::new(id, object.version(), digest),
        balance: object.balance(),
    }))
}
