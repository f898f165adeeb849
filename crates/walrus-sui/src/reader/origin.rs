//! Where objects come from: the transactions that made them.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use walrus_core::ObjectId;

use crate::{
    TransactionDigest,
    error::SuiError,
    executor::{Executed, executed},
    ids::object_address,
    rpc::{ObjectOwner, SuiRpc},
};

const TRANSACTION_MASK: &str =
    "digest,checkpoint,effects.status,effects.gas_used,effects.changed_objects";

/// The object of type `module::name` that publishing `package` created.
pub(super) async fn created_with_package(
    rpc: &SuiRpc,
    package: ObjectId,
    module: &str,
    name: &str,
) -> Result<ObjectId, SuiError> {
    // A package never changes: its last transaction is its first.
    let published = rpc.writer_of(package, None).await?;
    published.only_created(module, name)
}

/// The transaction that created the shared object `id`. The full node must still have its first version.
pub(super) async fn created_with(rpc: &SuiRpc, id: ObjectId) -> Result<Executed, SuiError> {
    let object = rpc.object(id).await?;
    let ObjectOwner::Shared { initial_version } = object.owner else {
        return Err(SuiError::InvalidInput(format!(
            "object {id} is not shared, so nothing says when it was made"
        )));
    };
    rpc.writer_of(id, Some(initial_version)).await
}

impl SuiRpc {
    /// The transaction that wrote a version of `id`, the latest without a version.
    async fn writer_of(&self, id: ObjectId, version: Option<u64>) -> Result<Executed, SuiError> {
        let mut request = proto::GetObjectRequest::new(&object_address(id))
            .with_read_mask(FieldMask::from_str("previous_transaction"));
        request.version = version;
        let object = self
            .call("GetObject", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_object(request).await }
            })
            .await?;
        let digest = object.get_ref().object().previous_transaction().to_owned();
        self.effects(digest).await
    }

    /// What a transaction did; `None` if this chain has not executed it.
    pub async fn transaction(
        &self,
        digest: TransactionDigest,
    ) -> Result<Option<Executed>, SuiError> {
        match self.effects(digest.to_string()).await {
            Err(SuiError::Rpc { status, .. }) if status.code() == tonic::Code::NotFound => Ok(None),
            result => result.map(Some),
        }
    }

    async fn effects(&self, digest: String) -> Result<Executed, SuiError> {
        let mut request = proto::GetTransactionRequest::default();
        request.digest = Some(digest);
        request.read_mask = Some(FieldMask::from_str(TRANSACTION_MASK));
        let transaction = self
            .call("GetTransaction", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_transaction(request).await }
            })
            .await?;
        executed(transaction.get_ref().transaction())
    }

    /// The checkpoint that holds the last transaction that wrote `id`.
    pub(super) async fn checkpoint_of_last_change(&self, id: ObjectId) -> Result<u64, SuiError> {
        self.writer_of(id, None)
            .await?
            .checkpoint
            .ok_or_else(|| SuiError::decode("a transaction", "it is in no checkpoint yet"))
    }
}
