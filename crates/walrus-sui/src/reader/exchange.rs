//! Exchanges of SUI and WAL.

use walrus_contracts::types::Exchange;
use walrus_core::{Frost, ObjectId};

use super::SuiReader;
use crate::{error::SuiError, ids::object_id};

/// An exchange as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeState {
    /// The object.
    pub exchange: Exchange,
    /// The package that has its functions.
    pub package: ObjectId,
}

impl ExchangeState {
    /// The WAL that `mist` are worth here; `None` beyond all there is.
    pub fn wal_for(&self, mist: u64) -> Option<Frost> {
        let rate = self.exchange.rate;
        let frost = u128::from(mist) * u128::from(rate.wal) / u128::from(rate.sui.max(1));
        u64::try_from(frost).ok().map(Frost)
    }
}

impl SuiReader {
    /// The exchange `id`.
    pub async fn exchange(&self, id: ObjectId) -> Result<ExchangeState, SuiError> {
        let object = self.rpc().object(id).await?;
        let tag = object.type_.as_ref();
        let Some(tag) = tag.filter(|_| object.is("wal_exchange", "Exchange")) else {
            return Err(SuiError::unexpected_type(
                id,
                "an exchange of SUI and WAL",
                object.type_.as_ref(),
            ));
        };
        Ok(ExchangeState {
            package: object_id(*tag.address()),
            exchange: object.decode("Exchange")?,
        })
    }
}
