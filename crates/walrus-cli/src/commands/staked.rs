//! Stake in JSON, as existing scripts read it.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_contracts::types::{StakedWal, StakedWalState};
use walrus_core::{Epoch, Frost, ObjectId};

/// A stake.
#[serde_as]
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StakeObject {
    #[serde_as(as = "DisplayFromStr")]
    id: ObjectId,
    state: StakeState,
    #[serde_as(as = "DisplayFromStr")]
    node_id: ObjectId,
    principal: Frost,
    activation_epoch: Epoch,
}

/// Whether it leaves.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum StakeState {
    Staked,
    Withdrawing { withdraw_epoch: Epoch },
}

impl From<&StakedWal> for StakeObject {
    fn from(stake: &StakedWal) -> Self {
        Self {
            id: stake.id,
            state: match stake.state {
                StakedWalState::Staked => StakeState::Staked,
                StakedWalState::Withdrawing { withdraw_epoch } => {
                    StakeState::Withdrawing { withdraw_epoch }
                }
            },
            node_id: stake.node_id,
            principal: Frost(stake.principal.value),
            activation_epoch: stake.activation_epoch,
        }
    }
}

/// Several of them.
pub(crate) fn objects<'a>(stakes: impl IntoIterator<Item = &'a StakedWal>) -> Vec<StakeObject> {
    stakes.into_iter().map(StakeObject::from).collect()
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::Balance;

    use super::*;

    #[test]
    fn stakes_have_the_known_shape() {
        let mut stake = StakedWal {
            id: ObjectId([1; 32]),
            state: StakedWalState::Staked,
            node_id: ObjectId([2; 32]),
            principal: Balance { value: 5 },
            activation_epoch: 3,
        };
        let staked = objects([&stake]);
        stake.state = StakedWalState::Withdrawing { withdraw_epoch: 7 };
        insta::assert_json_snapshot!("stake_json", (staked, objects([&stake])));
    }
}
