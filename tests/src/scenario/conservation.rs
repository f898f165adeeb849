//! Where all WAL is.

use std::str::FromStr as _;

use sui_sdk_types::TypeTag;
use walrus_contracts::types::{EmptyStruct, ObjectField};
use walrus_core::{FROST_PER_WAL, Frost, ObjectId};
use walrus_sui::ids::{object_address, object_id};

use super::Scenario;
use crate::contracts::{admin, operator, pauper, user};

/// All WAL there ever was.
const INITIAL_SUPPLY: Frost = Frost(5_000_000_000 * FROST_PER_WAL);

impl Scenario {
    /// Notes that an amount must have been burnt.
    pub fn burn(&mut self, amount: Frost) {
        self.burnt = Frost(self.burnt.0 + amount.0);
    }

    /// Asserts that no WAL was made or lost: what everybody holds is the supply, and what is
    /// missing in the supply was burnt for a reason.
    ///
    /// # Panics
    ///
    /// When it is not so.
    pub async fn assert_conserved(&self) {
        let supply = self.supply().await;
        assert_eq!(supply.0, INITIAL_SUPPLY.0 - self.burnt.0, "the supply");
        assert_eq!(self.holdings().await, supply, "what everybody holds");
    }

    /// Supply of WAL by its treasury.
    async fn supply(&self) -> Frost {
        let reader = &self.network.reader;
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

    /// WAL in accounts, stakes, pools, what is paid for storage, and deposits of proposals.
    async fn holdings(&self) -> Frost {
        let reader = &self.network.reader;
        let governance = reader.governance(self.governance).await.expect("it exists");
        let mut sum = governance.governance.forfeited.value;
        for view in reader.proposals(&governance).await.expect("proposals") {
            sum += view.proposal.deposit.value;
        }
        let operators = (0..self.operators).map(operator);
        for account in [admin(), user(), pauper()].into_iter().chain(operators) {
            sum += self.balance(&account).await.0;
            let address = account.address();
            let free = reader.owned_stake(address).await.expect("stake");
            sum += free.iter().map(|stake| stake.principal.value).sum::<u64>();
            let locked = reader.owned_voting_stake(&governance, address).await;
            let locked = locked.expect("locked stake");
            sum += locked
                .iter()
                .map(|stake| stake.staked_wal.principal.value)
                .sum::<u64>();
        }
        let ids: Vec<ObjectId> = self
            .nodes
            .iter()
            .map(|id| id.parse().expect("an ID"))
            .collect();
        for pool in reader.staking_pools(&ids).await.expect("pools") {
            sum += pool.rewards_pool.value + pool.commission.value;
        }
        let state = reader.contract_state().await.expect("the contracts");
        let ring = &state.system_inner.future_accounting.ring_buffer;
        sum += ring
            .iter()
            .map(|epoch| epoch.rewards_to_distribute.value)
            .sum::<u64>();
        Frost(sum)
    }
}
