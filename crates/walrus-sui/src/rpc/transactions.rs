//! What transactions of the past did.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use walrus_core::ObjectId;

use super::{Executed, SuiRpc, executed};
use crate::{TransactionDigest, error::SuiError, ids::object_address};

const TRANSACTION_MASK: &str = "digest,checkpoint,effects.status,effects.gas_used,effects.changed_objects,\
                                events.events.event_type,events.events.contents";

impl SuiRpc {
    /// The transaction that wrote a version of `id`, the latest without a version.
    pub(crate) async fn writer_of(
        &self,
        id: ObjectId,
        version: Option<u64>,
    ) -> Result<Executed, SuiError> {
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
    pub(crate) async fn checkpoint_of_last_change(&self, id: ObjectId) -> Result<u64, SuiError> {
        self.writer_of(id, None)
            .await?
            .checkpoint
            .ok_or_else(|| SuiError::decode("a transaction", "it is in no checkpoint yet"))
    }
}
