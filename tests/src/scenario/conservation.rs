//! No WAL is made or lost.

use walrus_core::{FROST_PER_WAL, Frost, ObjectId};

use super::Scenario;
use crate::{
    contracts::{admin, operator, pauper, user},
    holdings,
};

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
        let supply = holdings::supply(&self.network.reader).await;
        assert_eq!(supply.0, INITIAL_SUPPLY.0 - self.burnt.0, "the supply");
        assert_eq!(self.holdings().await, supply, "what everybody holds");
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
        let accounts = [admin(), user(), pauper()].into_iter().chain(operators);
        let accounts: Vec<_> = accounts.map(|account| account.address()).collect();
        sum += holdings::of_accounts(reader, &accounts).await.0;
        for account in accounts {
            let locked = reader.owned_voting_stake(&governance, account).await;
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
        sum += holdings::of_pools(reader, &ids).await.0;
        sum += holdings::paid_ahead(reader).await.0;
        Frost(sum)
    }
}
