//! Attributes of blobs, and blobs inside of shared objects.

use sui_sdk_types::TypeTag;
use walrus_contracts::types::{Blob, Metadata, SharedBlob};
use walrus_core::ObjectId;

use super::{
    SuiReader,
    state::{dynamic_field_id, field_value},
};
use crate::error::SuiError;

/// Name of the dynamic field with a blob's attributes.
const ATTRIBUTES_FIELD: &[u8] = b"metadata";

impl SuiReader {
    /// The blob that object `id` is or, if it is a shared blob, holds.
    pub async fn blob_in(&self, id: ObjectId) -> Result<Blob, SuiError> {
        let object = self.rpc().object(id).await?;
        if object.is("blob", "Blob") {
            object.decode("Blob")
        } else if object.is("shared_blob", "SharedBlob") {
            Ok(object.decode::<SharedBlob>("SharedBlob")?.blob)
        } else {
            let expected = "a Walrus blob or shared blob";
            Err(SuiError::unexpected_type(
                id,
                expected,
                object.type_.as_ref(),
            ))
        }
    }

    /// The attributes of a blob object in the order of their last change; `None` if none were ever set.
    pub async fn blob_attributes(
        &self,
        blob: ObjectId,
    ) -> Result<Option<Vec<(String, String)>>, SuiError> {
        let name = ATTRIBUTES_FIELD.to_vec();
        let id = dynamic_field_id(blob, &TypeTag::Vector(Box::new(TypeTag::U8)), &name);
        let Some(field) = self.rpc().try_objects(&[id]).await?.pop().flatten() else {
            return Ok(None);
        };
        let attributes: Metadata = field_value::<Vec<u8>, Metadata>(&field, "blob attributes")?;
        Ok(Some(attributes.metadata.contents))
    }
}
