//! Several full nodes that have to agree on what matters: whom to pay, how much, and who stores.
//!
//! One full node can invent the state of the contracts, and everything that is paid follows that
//! state. With a quorum, the package, the prices, the type of WAL and the committees count only if
//! as many full nodes say the same.

use std::{fmt, sync::Arc};

use futures::future::join_all;
use sui_sdk_types::StructTag;
use walrus_core::{Epoch, Frost, ObjectId};

use super::{ContractIds, ContractState, committee, read_wal_type, state};
use crate::{
    committee::{Committee, Committees},
    error::SuiError,
    rpc::{SuiRpc, backoff},
};

/// How often the full nodes are asked before they count as disagreeing: around changes of epochs,
/// one may be behind.
const READS_MAX: u32 = 5;

/// What the full nodes have to agree on, read in one go.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) state: Arc<ContractState>,
    pub(super) committees: Arc<Committees>,
    pub(super) wal_type: StructTag,
}

/// The part of what a full node says in which it has to agree with others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Essence {
    package: ObjectId,
    original_package: ObjectId,
    epoch: Epoch,
    n_shards: u16,
    storage_price: Frost,
    write_price: Frost,
    wal_type: StructTag,
    /// Of this epoch, the one before and the next.
    committees: (Committee, Option<Committee>, Option<Committee>),
}

impl Essence {
    fn of(agreed: &Agreed) -> Self {
        let (state, prices) = (&agreed.state, agreed.state.prices());
        Self {
            package: state.system.package_id,
            original_package: state.original_package,
            epoch: state.epoch(),
            n_shards: state.n_shards.get(),
            storage_price: prices.storage_per_unit,
            write_price: prices.write_per_unit,
            wal_type: agreed.wal_type.clone(),
            committees: (
                agreed.committees.current.clone(),
                agreed.committees.previous.clone(),
                agreed.committees.next.clone(),
            ),
        }
    }

    /// The first thing in which `other` differs.
    fn difference(&self, other: &Self) -> String {
        fn differ<T: PartialEq + fmt::Display>(what: &str, a: &T, b: &T) -> Option<String> {
            (a != b).then(|| format!("{what} {a} and {b}"))
        }
        differ("package", &self.package, &other.package)
            .or_else(|| {
                differ(
                    "first package",
                    &self.original_package,
                    &other.original_package,
                )
            })
            .or_else(|| differ("epoch", &self.epoch, &other.epoch))
            .or_else(|| differ("number of shards", &self.n_shards, &other.n_shards))
            .or_else(|| {
                differ(
                    "price of storage (in FROST)",
                    &self.storage_price.0,
                    &other.storage_price.0,
                )
            })
            .or_else(|| {
                differ(
                    "price of writing (in FROST)",
                    &self.write_price.0,
                    &other.write_price.0,
                )
            })
            .or_else(|| differ("WAL", &self.wal_type, &other.wal_type))
            .unwrap_or_else(|| "another committee".to_owned())
    }
}

/// Reads from all full nodes until `quorum` of them say the same.
pub(super) async fn read(
    rpc: &SuiRpc,
    ids: ContractIds,
    quorum: usize,
) -> Result<Agreed, SuiError> {
    let mut attempt = 0;
    loop {
        let nodes = rpc.each();
        let answers = join_all(nodes.iter().map(|node| read_one(node, ids))).await;
        let mut said = Vec::new();
        let mut refusals = Vec::new();
        for (node, answer) in nodes.iter().zip(answers) {
            match answer {
                Ok(agreed) => said.push((node.active_url(), Essence::of(&agreed), agreed)),
                Err(error) => refusals.push(error.to_string()),
            }
        }
        let agree =
            |essence: &Essence| said.iter().filter(|(_, other, _)| other == essence).count();
        if let Some(index) = said
            .iter()
            .position(|(_, essence, _)| agree(essence) >= quorum)
        {
            return Ok(said.swap_remove(index).2);
        }
        attempt += 1;
        if attempt >= READS_MAX {
            if let Some((first, rest)) = said.split_first() {
                let differing = rest.iter().find(|(_, essence, _)| *essence != first.1);
                refusals.extend(differing.map(|(url, essence, _)| {
                    format!("{} and {url} say: {}", first.0, first.1.difference(essence))
                }));
            }
            return Err(SuiError::NoQuorum {
                needed: quorum,
                asked: nodes.len(),
                why: refusals.join("; "),
            });
        }
        tokio::time::sleep(backoff(attempt)).await;
    }
}

async fn read_one(rpc: &SuiRpc, ids: ContractIds) -> Result<Agreed, SuiError> {
    let state = state::read(rpc, ids).await?;
    let committees = committee::read(rpc, &state).await?;
    let wal_type = read_wal_type(rpc, state.original_package).await?;
    Ok(Agreed {
        state: Arc::new(state),
        committees: Arc::new(committees),
        wal_type,
    })
}
