//! The System and Staking objects and the values they keep in dynamic fields.

use serde::{Serialize, de::DeserializeOwned};
use sui_sdk_types::TypeTag;
use walrus_contracts::types::{DynamicField, Staking, StakingInnerV1, System, SystemStateInnerV1};
use walrus_core::{NShards, ObjectId};

use crate::{
    deployment::{ContractIds, ContractRefs, ContractState},
    error::SuiError,
    ids::{object_address, object_id},
    rpc::{ObjectData, SuiRpc, backoff},
};

/// How often to read again when an epoch change or upgrade happened between two reads.
const INCONSISTENT_READS_MAX: u32 = 5;

/// Reads until both objects are of the same epoch.
pub(super) async fn read(rpc: &SuiRpc, ids: ContractIds) -> Result<ContractState, SuiError> {
    let mut attempt = 0;
    loop {
        let result = read_once(rpc, ids).await;
        attempt += 1;
        match result {
            Ok(Some(state)) => return Ok(state),
            Ok(None) | Err(SuiError::ObjectNotFound(_)) if attempt < INCONSISTENT_READS_MAX => {
                // A wrong ID will not become right: only the dynamic fields may be moving.
                if let Err(error @ SuiError::ObjectNotFound(id)) = result
                    && (id == ids.system_object || id == ids.staking_object)
                {
                    return Err(error);
                }
                tokio::time::sleep(backoff(attempt)).await;
            }
            Ok(None) => {
                return Err(SuiError::decode(
                    "System and Staking",
                    "they never were of the same epoch",
                ));
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_once(rpc: &SuiRpc, ids: ContractIds) -> Result<Option<ContractState>, SuiError> {
    let outer = rpc
        .objects(&[ids.system_object, ids.staking_object])
        .await?;
    let [system_object, staking_object] = &outer[..] else {
        return Err(SuiError::decode(
            "System and Staking",
            "wrong number of objects",
        ));
    };
    expect_type(system_object, "system", "System", "a Walrus System object")?;
    expect_type(
        staking_object,
        "staking",
        "Staking",
        "a Walrus Staking object",
    )?;
    let system: System = system_object.decode("System")?;
    let staking: Staking = staking_object.decode("Staking")?;

    let fields = [
        dynamic_field_id(system.id, &TypeTag::U64, &system.version),
        dynamic_field_id(staking.id, &TypeTag::U64, &staking.version),
    ];
    let inner = rpc.objects(&fields).await?;
    let [system_field, staking_field] = &inner[..] else {
        return Err(SuiError::decode(
            "System and Staking",
            "wrong number of objects",
        ));
    };
    let system_inner: SystemStateInnerV1 =
        field_value::<u64, _>(system_field, "SystemStateInnerV1")?;
    let staking_inner: StakingInnerV1 = field_value::<u64, _>(staking_field, "StakingInnerV1")?;
    if system_inner.committee.epoch != staking_inner.epoch {
        return Ok(None);
    }
    let n_shards = NShards::new(staking_inner.n_shards)
        .ok_or_else(|| SuiError::decode("the Staking object", "it has no shards"))?;
    let original_package = system_object
        .type_
        .as_ref()
        .map(|tag| object_id(*tag.address()))
        .ok_or_else(|| SuiError::unexpected_type(system.id, "a Walrus System object", None))?;
    Ok(Some(ContractState {
        system,
        system_inner,
        staking,
        staking_inner,
        original_package,
        n_shards,
    }))
}

fn expect_type(
    object: &ObjectData,
    module: &str,
    name: &str,
    expected: &'static str,
) -> Result<(), SuiError> {
    if object.is(module, name) {
        Ok(())
    } else {
        Err(SuiError::unexpected_type(
            object.id,
            expected,
            object.type_.as_ref(),
        ))
    }
}

/// ID of the object that holds a dynamic field of `parent`.
pub(crate) fn dynamic_field_id<N: Serialize>(
    parent: ObjectId,
    name_type: &TypeTag,
    name: &N,
) -> ObjectId {
    let name = bcs::to_bytes(name).expect("names of dynamic fields are plain values");
    object_id(object_address(parent).derive_dynamic_child_id(name_type, &name))
}

/// The value a dynamic field object holds.
pub(crate) fn field_value<N: DeserializeOwned, V: DeserializeOwned>(
    field: &ObjectData,
    what: &'static str,
) -> Result<V, SuiError> {
    let field: DynamicField<N, V> = field.decode(what)?;
    Ok(field.value)
}

/// The value of an `extended_field::ExtendedField` with ID `parent`.
pub(super) async fn extended_field<V: DeserializeOwned>(
    rpc: &SuiRpc,
    original_package: ObjectId,
    parent: ObjectId,
    what: &'static str,
) -> Result<V, SuiError> {
    let key = ContractRefs::tag_of(original_package, "extended_field", "Key");
    // The key is an empty struct: one zero byte.
    let id = dynamic_field_id(parent, &TypeTag::from(key), &0u8);
    field_value::<u8, V>(&rpc.object(id).await?, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dynamic_field_has_known_id() {
        let mut parent = [0; 32];
        parent[31] = 1;
        assert_eq!(
            dynamic_field_id(ObjectId(parent), &TypeTag::U64, &4u64).to_string(),
            "0x5d88d1c34fbf840f81f3eb31a65e456b34375de98aef98a731826be6ed6d3cf5"
        );
    }
}
