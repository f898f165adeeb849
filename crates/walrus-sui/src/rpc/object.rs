//! Objects as full nodes answer them.

use futures::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, Digest, StructTag};
use walrus_core::{ObjectId, SuiAddress};

use super::SuiRpc;
use crate::{
    error::SuiError,
    ids::{account_address, object_address, object_id, sui_address},
};

/// Objects asked for in one request.
const BATCH_MAX: usize = 50;
/// Objects on one page of a list.
pub(super) const PAGE_MAX: u32 = 500;
const MASK: &str = "object_id,version,digest,owner,object_type,contents";

/// Who owns an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectOwner {
    /// An account.
    Address(SuiAddress),
    /// Another object: this one is a dynamic field or a child.
    Object(ObjectId),
    /// Everybody may use it in a transaction.
    Shared {
        /// Version at which it became shared.
        initial_version: u64,
    },
    /// Nobody can change it.
    Immutable,
    /// An account, with versions assigned by consensus.
    ConsensusAddress {
        /// The account.
        owner: SuiAddress,
        /// Version at which it became so.
        start_version: u64,
    },
}

impl ObjectOwner {
    /// True if only `account` can use the object.
    pub fn is_account(&self, account: SuiAddress) -> bool {
        match self {
            Self::Address(owner) | Self::ConsensusAddress { owner, .. } => *owner == account,
            _ => false,
        }
    }
}

/// A Move object: reference, owner, type and BCS contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectData {
    /// The object.
    pub id: ObjectId,
    /// Its current version.
    pub version: u64,
    /// Digest of this version.
    pub digest: Digest,
    /// Its owner.
    pub owner: ObjectOwner,
    /// Its type; `None` for a package.
    pub type_: Option<StructTag>,
    /// BCS of its Move value; empty for a package.
    pub contents: Vec<u8>,
}

impl ObjectData {
    /// True if the type is `module::name` of whatever package and without type arguments.
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.type_
            .as_ref()
            .is_some_and(|tag| tag.module().as_str() == module && tag.name().as_str() == name)
    }

    /// Decodes the contents. `what` names the expected type in errors.
    pub fn decode<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, SuiError> {
        bcs::from_bytes(&self.contents)
            .map_err(|error| SuiError::decode(format!("{what} object {}", self.id), error))
    }
}

impl SuiRpc {
    /// Reads one object.
    pub async fn object(&self, id: ObjectId) -> Result<ObjectData, SuiError> {
        let mut found = self.try_objects(&[id]).await?;
        found.pop().flatten().ok_or(SuiError::ObjectNotFound(id))
    }

    /// Reads objects that must all exist, in the order of `ids`.
    pub async fn objects(&self, ids: &[ObjectId]) -> Result<Vec<ObjectData>, SuiError> {
        let found = self.try_objects(ids).await?;
        found
            .into_iter()
            .zip(ids)
            .map(|(object, id)| object.ok_or(SuiError::ObjectNotFound(*id)))
            .collect()
    }

    /// Reads objects in the order of `ids`; `None` for those that do not exist.
    pub async fn try_objects(&self, ids: &[ObjectId]) -> Result<Vec<Option<ObjectData>>, SuiError> {
        let mut objects = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH_MAX) {
            objects.extend(self.object_batch(batch).await?);
        }
        Ok(objects)
    }

    async fn object_batch(&self, ids: &[ObjectId]) -> Result<Vec<Option<ObjectData>>, SuiError> {
        let requests = ids
            .iter()
            .map(|id| proto::GetObjectRequest::new(&object_address(*id)))
            .collect();
        let request = proto::BatchGetObjectsRequest::default()
            .with_requests(requests)
            .with_read_mask(FieldMask::from_str(MASK));
        let response = self
            .call("BatchGetObjects", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().batch_get_objects(request).await }
            })
            .await?
            .into_inner();
        if response.objects.len() != ids.len() {
            return Err(SuiError::decode(
                "the answer to BatchGetObjects",
                format!(
                    "{} objects instead of {}",
                    response.objects.len(),
                    ids.len()
                ),
            ));
        }
        response
            .objects
            .into_iter()
            .map(|result| match result.to_result() {
                Ok(object) => object_data(&object).map(Some),
                Err(status) if status.code == i32::from(tonic::Code::NotFound) => Ok(None),
                Err(status) => {
                    let status = tonic::Status::new(tonic::Code::from(status.code), status.message);
                    Err(self.failed("BatchGetObjects", status))
                }
            })
            .collect()
    }

    /// All objects of `type_` that `owner` owns. `type_` may leave out type arguments.
    pub async fn owned_objects(
        &self,
        owner: SuiAddress,
        type_: &str,
    ) -> Result<Vec<ObjectData>, SuiError> {
        let request = proto::ListOwnedObjectsRequest::default()
            .with_owner(account_address(owner).to_string())
            .with_object_type(type_)
            .with_page_size(PAGE_MAX)
            .with_read_mask(FieldMask::from_str(MASK));
        let objects: Vec<proto::Object> = self
            .call("ListOwnedObjects", |client| {
                client
                    .list_owned_objects(request.clone())
                    .boxed()
                    .try_collect()
            })
            .await?;
        objects.iter().map(object_data).collect()
    }
}

/// Checks and converts an object of an answer that was asked for with [`MASK`].
fn object_data(object: &proto::Object) -> Result<ObjectData, SuiError> {
    let invalid = |reason: String| SuiError::decode("an object", reason);
    let id: Address = object
        .object_id()
        .parse()
        .map_err(|error| invalid(format!("object_id: {error}")))?;
    let digest = object
        .digest()
        .parse()
        .map_err(|error| invalid(format!("digest of {id}: {error}")))?;
    let owner =
        owner(object.owner()).map_err(|reason| invalid(format!("owner of {id}: {reason}")))?;
    let type_ = match object.object_type() {
        "package" => None,
        text => Some(
            text.parse()
                .map_err(|error| invalid(format!("type of {id}: {error}")))?,
        ),
    };
    Ok(ObjectData {
        id: object_id(id),
        version: object.version(),
        digest,
        owner,
        type_,
        contents: object.contents().value().to_vec(),
    })
}

pub(crate) fn owner(owner: &proto::Owner) -> Result<ObjectOwner, String> {
    use sui_sdk_types::Owner;
    let owner = Owner::try_from(owner).map_err(|error| error.to_string())?;
    Ok(match owner {
        Owner::Address(address) => ObjectOwner::Address(sui_address(address)),
        Owner::Object(address) => ObjectOwner::Object(object_id(address)),
        Owner::Shared(initial_version) => ObjectOwner::Shared { initial_version },
        Owner::Immutable => ObjectOwner::Immutable,
        Owner::ConsensusAddress {
            start_version,
            owner,
        } => ObjectOwner::ConsensusAddress {
            owner: sui_address(owner),
            start_version,
        },
        _ => return Err("unknown kind of owner".to_owned()),
    })
}
