//! The subsidies for nodes.

use sui_sdk_types::TypeTag;
use walrus_contracts::types::{WalrusSubsidies, WalrusSubsidiesInnerV1};
use walrus_core::ObjectId;

use super::{
    SuiReader,
    state::{dynamic_field_id, field_value},
};
use crate::{deployment::ContractRefs, error::SuiError, ids::object_id};

/// The WalrusSubsidies object as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SubsidiesState {
    /// The object; names the package to call.
    pub subsidies: WalrusSubsidies,
    /// What it holds.
    pub inner: WalrusSubsidiesInnerV1,
}

impl SuiReader {
    /// The WalrusSubsidies object `id`.
    pub async fn subsidies(&self, id: ObjectId) -> Result<SubsidiesState, SuiError> {
        let object = self.rpc().object(id).await?;
        let tag = object
            .type_
            .as_ref()
            .filter(|_| object.is("walrus_subsidies", "WalrusSubsidies"));
        let Some(tag) = tag else {
            return Err(SuiError::unexpected_type(
                id,
                "a WalrusSubsidies object",
                object.type_.as_ref(),
            ));
        };
        let original_package = object_id(*tag.address());
        let subsidies = object.decode("WalrusSubsidies")?;
        let key = ContractRefs::tag_of(original_package, "walrus_subsidies", "SubsidiesInnerKey");
        // The key is an empty struct: one zero byte.
        let field = dynamic_field_id(id, &TypeTag::from(key), &0u8);
        let field = self.rpc().object(field).await?;
        let inner = field_value::<u8, WalrusSubsidiesInnerV1>(&field, "WalrusSubsidiesInnerV1")?;
        Ok(SubsidiesState { subsidies, inner })
    }
}
