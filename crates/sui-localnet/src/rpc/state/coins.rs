//! Facts about coin types: metadata, treasury, regulation.

use serde::Deserialize;
use sui_rpc::proto::sui::rpc::{
    v2 as proto,
    v2::{coin_treasury::SupplyState, regulated_coin_metadata::CoinRegulatedState},
};
use sui_sdk_types::{Address, Identifier, Object, Owner, StructTag, TypeTag};
use tonic::Status;

use crate::{chain::SUI_SUPPLY, ledger::StoreError, rpc::Rpc};

const SUI_DECIMALS: u32 = 9;

/// `0x2::coin::CoinMetadata<T>`.
#[derive(Deserialize)]
struct CoinMetadata {
    id: Address,
    decimals: u8,
    name: String,
    symbol: String,
    description: String,
    icon_url: Option<String>,
}

/// `0x2::coin::TreasuryCap<T>`.
#[derive(Deserialize)]
struct TreasuryCap {
    id: Address,
    total_supply: u64,
}

/// `0x2::coin::RegulatedCoinMetadata<T>`.
#[derive(Deserialize)]
struct RegulatedCoinMetadata {
    id: Address,
    coin_metadata_object: Address,
    deny_cap_object: Address,
}

impl Rpc {
    /// What is known of a coin type; `None` when the chain has no record of it.
    pub(super) fn coin_info(
        &self,
        coin_type: &TypeTag,
    ) -> Result<Option<proto::GetCoinInfoResponse>, Status> {
        let mut response = proto::GetCoinInfoResponse::default();
        response.coin_type = Some(coin_type.to_string());
        if *coin_type == TypeTag::from(StructTag::sui()) {
            response.metadata = Some(sui_metadata());
            response.treasury = Some(treasury(None, SUI_SUPPLY, Some(SupplyState::Fixed)));
            return Ok(Some(response));
        }
        if let Some(object) = self.coin_record("CoinMetadata", coin_type)? {
            response.metadata = decode::<CoinMetadata>(&object).map(metadata);
        }
        if let Some(object) = self.coin_record("TreasuryCap", coin_type)? {
            // A treasury nobody can use any more leaves the supply as it is.
            let state = matches!(object.owner(), Owner::Immutable).then_some(SupplyState::Fixed);
            response.treasury = decode::<TreasuryCap>(&object)
                .map(|cap| treasury(Some(cap.id), cap.total_supply, state));
        }
        if let Some(object) = self.coin_record("RegulatedCoinMetadata", coin_type)? {
            response.regulated_metadata = decode::<RegulatedCoinMetadata>(&object)
                .as_ref()
                .map(regulated);
        }
        let known = response.metadata.is_some()
            || response.treasury.is_some()
            || response.regulated_metadata.is_some();
        Ok(known.then_some(response))
    }

    fn coin_record(&self, name: &str, coin_type: &TypeTag) -> Result<Option<Object>, StoreError> {
        let identifier =
            |name: &str| Identifier::new(name).expect("names of framework types are identifiers");
        let tag = StructTag::new(
            Address::TWO,
            identifier("coin"),
            identifier(name),
            vec![coin_type.clone()],
        );
        match self.ledger().coin_record(&tag)? {
            Some(id) => self.ledger().object(&id),
            None => Ok(None),
        }
    }
}

fn decode<T: for<'de> Deserialize<'de>>(object: &Object) -> Option<T> {
    bcs::from_bytes(object.as_struct()?.contents()).ok()
}

fn sui_metadata() -> proto::CoinMetadata {
    let mut metadata = proto::CoinMetadata::default();
    metadata.decimals = Some(SUI_DECIMALS);
    metadata.name = Some("Sui".to_owned());
    metadata.symbol = Some("SUI".to_owned());
    metadata.description = Some(String::new());
    metadata
}

fn metadata(source: CoinMetadata) -> proto::CoinMetadata {
    let mut metadata = proto::CoinMetadata::default();
    metadata.id = Some(source.id.to_string());
    metadata.decimals = Some(source.decimals.into());
    metadata.name = Some(source.name);
    metadata.symbol = Some(source.symbol);
    metadata.description = Some(source.description);
    metadata.icon_url = source.icon_url;
    metadata
}

fn treasury(id: Option<Address>, supply: u64, state: Option<SupplyState>) -> proto::CoinTreasury {
    let mut treasury = proto::CoinTreasury::default();
    treasury.id = id.map(|id| id.to_string());
    treasury.total_supply = Some(supply);
    treasury.supply_state = state.map(Into::into);
    treasury
}

fn regulated(source: &RegulatedCoinMetadata) -> proto::RegulatedCoinMetadata {
    let mut metadata = proto::RegulatedCoinMetadata::default();
    metadata.id = Some(source.id.to_string());
    metadata.coin_metadata_object = Some(source.coin_metadata_object.to_string());
    metadata.deny_cap_object = Some(source.deny_cap_object.to_string());
    metadata.set_coin_regulated_state(CoinRegulatedState::Regulated);
    metadata
}
