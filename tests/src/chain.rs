//! The contracts on a bare executor: no sockets, no signatures of accounts, one transaction after
//! another.
//!
//! [`Chain`] executes and keeps objects, [`Ptb`] is a transaction in the making, [`Walrus`] a
//! deployment with nodes whose keys the test holds.

mod ptb;
mod receipt;
mod wal;
mod walrus;

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use sui_localnet::execution::{
    ChainEnv, Engine, Executed, Mode, ObjectSource,
    limits::REFERENCE_GAS_PRICE,
    system::{self, GenesisConfig},
};
use sui_sdk_types::{
    Address, Digest, GasPayment, Object, Owner, StructTag, Transaction, TransactionExpiration,
    TransactionKind, TypeTag,
};
use walrus_contracts::types::DynamicField;
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::ids::{account_address, object_address, object_id};

pub use self::{
    ptb::{Argument, Ptb, result},
    receipt::{Failure, Gas, Receipt},
    walrus::{
        BlobSpec, Certificate, EPOCH_MS, Ids, MAX_EPOCHS_AHEAD, NODE_STAKE, Node, NodeSpec,
        OPERATORS, STAKERS, Walrus, register_blob, register_candidate,
    },
};

/// The time of genesis, in ms since 1970: always the same, so that object ids are.
pub const GENESIS_MS: u64 = 1_700_000_000_000;
/// SUI of every account at genesis, in MIST.
const GENESIS_MIST: u64 = 1_000_000_000_000_000;
/// Most that one transaction may cost, in MIST.
const GAS_BUDGET: u64 = 10_000_000_000;

/// A chain in memory.
pub struct Chain {
    objects: Objects,
    engine: Engine,
    env: ChainEnv,
    now_ms: u64,
    checkpoints: u64,
    transactions: u64,
    /// The SUI coin with which an account pays for gas.
    gas_coins: BTreeMap<SuiAddress, Address>,
}

#[derive(Default)]
struct Objects(BTreeMap<Address, Object>);

impl ObjectSource for Objects {
    fn object(&self, id: &Address) -> Option<Object> {
        self.0.get(id).cloned()
    }

    /// Nothing that the tests do is received twice.
    fn was_received(&self, _: &Address, _: u64) -> bool {
        false
    }
}

impl Chain {
    /// A chain on which each of the accounts has SUI.
    pub fn new(accounts: &[SuiAddress]) -> Self {
        let (_, genesis) = system::genesis(&GenesisConfig {
            accounts: accounts
                .iter()
                .map(|account| (account_address(*account), GENESIS_MIST))
                .collect(),
        });
        let mut chain = Self {
            objects: Objects::default(),
            engine: Engine::new(),
            env: ChainEnv {
                epoch: 0,
                epoch_start_ms: GENESIS_MS,
                reference_gas_price: REFERENCE_GAS_PRICE,
                chain_id: Digest::new([7; 32]),
            },
            now_ms: GENESIS_MS,
            checkpoints: 0,
            transactions: 0,
            gas_coins: BTreeMap::new(),
        };
        chain.apply(&genesis);
        // Genesis tells no time: the first checkpoint after it does.
        chain.advance_clock(0);
        for account in accounts {
            let coin = chain.owned(*account, &StructTag::gas_coin())[0];
            chain.gas_coins.insert(*account, object_address(coin));
        }
        chain
    }

    /// Time of the chain's clock, in ms since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Lets time pass.
    pub fn advance_clock(&mut self, ms: u64) {
        self.now_ms += ms;
        self.checkpoints += 1;
        let (_, executed) =
            system::commit_prologue(&self.objects, &self.env, self.checkpoints, self.now_ms);
        self.apply(&executed);
    }

    /// Executes a transaction. A failed one costs gas and changes nothing else.
    ///
    /// # Errors
    ///
    /// What the transaction failed with.
    pub fn execute(&mut self, sender: SuiAddress, ptb: Ptb) -> Result<Receipt, Failure> {
        let executed = self.run(sender, ptb, Mode::Commit)?;
        self.apply(&executed);
        Receipt::new(&executed)
    }

    /// Executes a transaction as if, and returns what its last command returns first.
    ///
    /// # Errors
    ///
    /// What the transaction failed with.
    ///
    /// # Panics
    ///
    /// When the last command does not return a `T`.
    pub fn inspect<T: DeserializeOwned>(
        &mut self,
        sender: SuiAddress,
        ptb: Ptb,
    ) -> Result<T, Failure> {
        let mode = Mode::Simulate {
            checks: false,
            mock_gas: false,
        };
        let executed = self.run(sender, ptb, mode)?;
        Receipt::new(&executed)?;
        let output = executed.command_outputs.last();
        let (_, bytes) = output
            .and_then(|output| output.returned.first())
            .expect("the last command returns something");
        Ok(bcs::from_bytes(bytes).expect("the test names the type that is returned"))
    }

    fn run(&mut self, sender: SuiAddress, ptb: Ptb, mode: Mode) -> Result<Executed, Failure> {
        let programmable = ptb.resolve(&self.engine, &self.objects);
        let gas = &self.objects.0[&self.gas_coins[&sender]];
        self.transactions += 1;
        let transaction = Transaction {
            kind: TransactionKind::ProgrammableTransaction(programmable),
            sender: account_address(sender),
            gas_payment: GasPayment {
                objects: vec![sui_sdk_types::ObjectReference::new(
                    gas.object_id(),
                    gas.version(),
                    gas.digest(),
                )],
                owner: account_address(sender),
                price: REFERENCE_GAS_PRICE,
                // Makes otherwise equal transactions different.
                budget: GAS_BUDGET + self.transactions,
            },
            expiration: TransactionExpiration::None,
        };
        self.engine
            .execute(&self.objects, &self.env, &transaction, mode)
            .map_err(|error| Failure::refused(&error))
    }

    fn apply(&mut self, executed: &Executed) {
        for id in &executed.removed {
            self.objects.0.remove(id);
        }
        for object in &executed.written {
            self.objects.0.insert(object.object_id(), object.clone());
        }
    }
}

/// Reads.
impl Chain {
    /// Whether the object exists and is neither wrapped nor deleted.
    pub fn exists(&self, id: ObjectId) -> bool {
        self.objects.0.contains_key(&object_address(id))
    }

    /// The contents of an object.
    ///
    /// # Panics
    ///
    /// When there is none, or it is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, id: ObjectId) -> T {
        let bytes = self
            .contents(id)
            .unwrap_or_else(|| panic!("no object {id}"));
        bcs::from_bytes(bytes).unwrap_or_else(|error| panic!("object {id}: {error}"))
    }

    /// The value of a dynamic field, whose name has the given type; `None` if there is no such
    /// field.
    ///
    /// # Panics
    ///
    /// When it is not a `V`.
    pub fn field<N: Serialize + DeserializeOwned, V: DeserializeOwned>(
        &self,
        parent: ObjectId,
        name_type: &TypeTag,
        name: &N,
    ) -> Option<V> {
        let name = bcs::to_bytes(name).expect("names can be encoded");
        let id = object_address(parent).derive_dynamic_child_id(name_type, &name);
        let bytes = self.contents(object_id(id))?;
        let field: DynamicField<N, V> =
            bcs::from_bytes(bytes).unwrap_or_else(|error| panic!("field {id}: {error}"));
        Some(field.value)
    }

    /// Objects of a type that an account owns, smallest id first.
    pub fn owned(&self, owner: SuiAddress, type_: &StructTag) -> Vec<ObjectId> {
        let owner = Owner::Address(account_address(owner));
        let objects = self.objects.0.values();
        let owned = objects.filter(|object| {
            *object.owner() == owner
                && object
                    .as_struct()
                    .is_some_and(|object| object.object_type() == type_)
        });
        owned.map(|object| object_id(object.object_id())).collect()
    }

    fn contents(&self, id: ObjectId) -> Option<&[u8]> {
        let object = self.objects.0.get(&object_address(id))?;
        Some(object.as_struct()?.contents())
    }
}
