//! Attributes of blobs, and blobs inside of shared objects.

use sui_sdk_types::TypeTag;
use walrus_contracts::types::{Blob, Metadata, SharedBlob};
use walrus_core::ObjectId;

use super::{
    SuiReader,
    state::{dynamic_field_id, field_value},
};
use crate::{error::SuiError, rpc::ObjectData};

/// Names and values that an owner attaches to a blob object, in order.
pub type Attributes = Vec<(String, String)>;

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

    /// A shared blob.
    pub async fn shared_blob(&self, id: ObjectId) -> Result<SharedBlob, SuiError> {
        let object = self.rpc().object(id).await?;
        if object.is("shared_blob", "SharedBlob") {
            object.decode("SharedBlob")
        } else {
            Err(SuiError::unexpected_type(
                id,
                "a shared blob",
                object.type_.as_ref(),
            ))
        }
    }

    /// The attributes of a blob object in the order of their last change; `None` if none were ever
    /// set.
    pub async fn blob_attributes(&self, blob: ObjectId) -> Result<Option<Attributes>, SuiError> {
        let mut found = self.attributes_of_blobs(&[blob]).await?;
        Ok(found.pop().flatten())
    }

    /// The attributes of several blob objects, in the order of `blobs`.
    pub async fn attributes_of_blobs(
        &self,
        blobs: &[ObjectId],
    ) -> Result<Vec<Option<Attributes>>, SuiError> {
        let name = ATTRIBUTES_FIELD.to_vec();
        let name_type = TypeTag::Vector(Box::new(TypeTag::U8));
        let ids: Vec<ObjectId> = blobs
            .iter()
            .map(|blob| dynamic_field_id(*blob, &name_type, &name))
            .collect();
        let fields = self.rpc().try_objects(&ids).await?;
        let attributes = |field: &ObjectData| -> Result<Attributes, SuiError> {
            let value: Metadata = field_value::<Vec<u8>, Metadata>(field, "blob attributes")?;
            Ok(value.metadata.contents)
        };
        fields
            .iter()
            .map(|field| field.as_ref().map(attributes).transpose())
            .collect()
    }
}
