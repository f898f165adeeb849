//! Where objects come from: the transactions that made them.

use walrus_core::ObjectId;

use crate::{
    error::SuiError,
    rpc::{Executed, ObjectOwner, SuiRpc},
};

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

/// The transaction that created the shared object `id`. The full node must still have its first
/// version.
pub(super) async fn created_with(rpc: &SuiRpc, id: ObjectId) -> Result<Executed, SuiError> {
    let object = rpc.object(id).await?;
    let ObjectOwner::Shared { initial_version } = object.owner else {
        return Err(SuiError::InvalidInput(format!(
            "object {id} is not shared, so nothing says when it was made"
        )));
    };
    rpc.writer_of(id, Some(initial_version)).await
}
