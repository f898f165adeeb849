//! Where all WAL is.

use std::str::FromStr as _;

use sui_sdk_types::TypeTag;
use walrus_contracts::types::{EmptyStruct, ObjectField};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_sui::{
    SuiReader,
    ids::{object_address, object_id},
};

/// Supply of WAL by its treasury.
///
/// # Panics
///
/// When it cannot be read.
pub async fn supply(reader: &SuiReader) -> Frost {
    let wal = reader.wal_type().await.expect("the type of WAL");
    let key = format!(
        "0x2::dynamic_object_field::Wrapper<{}::wal::TreasuryCapKey>",
        wal.address()
    );
    let key = TypeTag::from_str(&key).expect("a type");
    let treasury = object_address(reader.treasury().await.expect("a treasury"));
    // An empty struct is one zero byte.
    let field = object_id(treasury.derive_dynamic_child_id(&key, &[0]));
    let field = reader.rpc().object(field).await.expect("the field");
    let field: ObjectField<EmptyStruct> = field.decode("the field").expect("its layout");
    let cap = reader.rpc().object(field.value).await.expect("the child");
    let (_, supply): (ObjectId, u64) = cap.decode("TreasuryCap").expect("its layout");
    Frost(supply)
}

/// WAL in coins and stakes of accounts.
///
/// # Panics
///
/// When it cannot be read.
pub async fn of_accounts(reader: &SuiReader, accounts: &[SuiAddress]) -> Frost {
    let mut sum = 0;
    for &account in accounts {
        sum += reader.wal_balance(account).await.expect("a balance").0;
        let stakes = reader.owned_stake(account).await.expect("stake");
        sum += stakes
            .iter()
            .map(|stake| stake.principal.value)
            .sum::<u64>();
    }
    Frost(sum)
}

/// Rewards and commission in the pools of nodes.
///
/// # Panics
///
/// When they cannot be read.
pub async fn of_pools(reader: &SuiReader, nodes: &[ObjectId]) -> Frost {
    let pools = reader.staking_pools(nodes).await.expect("pools");
    Frost(
        pools
            .iter()
            .map(|pool| pool.rewards_pool.value + pool.commission.value)
            .sum(),
    )
}

/// What is paid for storage in this epoch and all later ones.
///
/// # Panics
///
/// When it cannot be read.
pub async fn paid_ahead(reader: &SuiReader) -> Frost {
    let state = reader.contract_state().await.expect("the contracts");
    let epochs = &state.system_inner.future_accounting.ring_buffer;
    Frost(
        epochs
            .iter()
            .map(|epoch| epoch.rewards_to_distribute.value)
            .sum(),
    )
}
