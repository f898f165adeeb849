//! A chain of objects in memory, and a builder of transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sui_localnet::execution::{
    ChainEnv, Engine, Executed, InputError, Mode, ObjectSource,
    system::{self, GenesisConfig},
};
use sui_sdk_types::{
    Address, Argument, ChangedObject, Command, Digest, ExecutionError, ExecutionStatus, GasPayment,
    IdOperation, Identifier, Input, MoveCall, Object, ObjectIn, ObjectOut, ObjectReference, Owner,
    ProgrammableTransaction, Publish, SharedInput, SplitCoins, StructTag, Transaction,
    TransactionEffects, TransactionEffectsV2, TransactionExpiration, TransactionKind,
    TransferObjects, TypeTag, Version,
};

/// The account that acts in most tests.
pub(crate) const ALICE: Address = Address::from_static("0xa11ce");
/// Another account.
pub(crate) const BOB: Address = Address::from_static("0xb0b");
/// Balance of every coin at genesis.
pub(crate) const COIN: u64 = 100_000_000_000;
pub(crate) const PRICE: u64 = 1_000;
pub(crate) const BUDGET: u64 = 10_000_000_000;
pub(crate) const CLOCK: Address = Address::from_static("0x6");

/// Live objects, and the object versions that were received.
#[derive(Default)]
pub(crate) struct Store(
    pub(crate) BTreeMap<Address, Object>,
    pub(crate) BTreeSet<(Address, Version)>,
);

impl ObjectSource for Store {
    fn object(&self, id: &Address) -> Option<Object> {
        self.0.get(id).cloned()
    }

    fn was_received(&self, id: &Address, version: Version) -> bool {
        self.1.contains(&(*id, version))
    }
}

pub(crate) struct Chain {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) env: ChainEnv,
    pub(crate) genesis: (Transaction, Executed),
    nonce: u64,
}

impl Chain {
    /// A chain where Alice and Bob have five coins each.
    pub(crate) fn new() -> Self {
        let accounts = [ALICE, BOB]
            .iter()
            .flat_map(|owner| [(*owner, COIN); 5])
            .collect();
        let config = GenesisConfig { accounts };
        let genesis = system::genesis(&config);
        let env = ChainEnv {
            epoch: 0,
            epoch_start_ms: 1_700_000_000_000,
            reference_gas_price: PRICE,
            chain_id: Digest::new([7; 32]),
        };
        let mut chain = Self {
            store: Store::default(),
            engine: Engine::new(),
            env,
            genesis: genesis.clone(),
            nonce: 0,
        };
        chain.apply(&genesis.1);
        chain
    }

    pub(crate) fn apply(&mut self, executed: &Executed) {
        check_consistency(executed);
        for id in &executed.removed {
            self.store.0.remove(id);
        }
        for object in &executed.written {
            self.store.0.insert(object.object_id(), object.clone());
        }
    }

    pub(crate) fn object(&self, id: Address) -> &Object {
        self.store
            .0
            .get(&id)
            .unwrap_or_else(|| panic!("no object {id}"))
    }

    pub(crate) fn reference(&self, id: Address) -> ObjectReference {
        let object = self.object(id);
        ObjectReference::new(id, object.version(), object.digest())
    }

    pub(crate) fn owned_by(&self, owner: Address) -> impl Iterator<Item = &Object> {
        self.store
            .0
            .values()
            .filter(move |object| *object.owner() == Owner::Address(owner))
    }

    /// Coins of SUI of an account, smallest id first.
    pub(crate) fn coins(&self, owner: Address) -> Vec<Address> {
        self.owned_by(owner)
            .filter(|object| {
                object
                    .as_struct()
                    .is_some_and(|coin| *coin.object_type() == StructTag::gas_coin())
            })
            .map(Object::object_id)
            .collect()
    }

    pub(crate) fn balance(&self, coin: Address) -> u64 {
        let contents = self.object(coin).as_struct().unwrap().contents();
        u64::from_le_bytes(contents[32..40].try_into().unwrap())
    }

    /// A transaction of `sender` that pays with the first coin.
    pub(crate) fn transaction(&mut self, sender: Address, ptb: Ptb) -> Transaction {
        let gas = self.coins(sender)[0];
        self.paid_by(sender, &[gas], ptb)
    }

    pub(crate) fn paid_by(&mut self, sender: Address, gas: &[Address], ptb: Ptb) -> Transaction {
        self.nonce += 1;
        Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs: ptb.inputs,
                commands: ptb.commands,
            }),
            sender,
            gas_payment: GasPayment {
                objects: gas.iter().map(|id| self.reference(*id)).collect(),
                owner: sender,
                price: PRICE,
                // Makes otherwise equal transactions different.
                budget: BUDGET + self.nonce,
            },
            expiration: TransactionExpiration::None,
        }
    }

    pub(crate) fn try_execute(&self, transaction: &Transaction) -> Result<Executed, InputError> {
        self.engine
            .execute(&self.store, &self.env, transaction, Mode::Commit)
    }

    /// Executes and keeps the outcome, success or failure.
    pub(crate) fn execute(&mut self, sender: Address, ptb: Ptb) -> Executed {
        let receiving: Vec<_> = ptb.receiving().collect();
        let transaction = self.transaction(sender, ptb);
        let executed = self.try_execute(&transaction).expect("inputs are fine");
        self.apply(&executed);
        let changed = |id: &Address| {
            let changes = &effects(&executed).changed_objects;
            changes.iter().any(|change| change.object_id == *id)
        };
        let received = receiving.into_iter().filter(|(id, _)| changed(id));
        self.store.1.extend(received);
        executed
    }

    /// Executes what must succeed.
    pub(crate) fn succeed(&mut self, sender: Address, ptb: Ptb) -> Executed {
        let executed = self.execute(sender, ptb);
        assert_eq!(
            *status(&executed),
            ExecutionStatus::Success,
            "{:?}",
            executed.failure_detail
        );
        executed
    }

    /// Executes what must fail; returns error and position of the failed command.
    pub(crate) fn fail(&mut self, sender: Address, ptb: Ptb) -> (ExecutionError, Option<u64>) {
        match status(&self.execute(sender, ptb)) {
            ExecutionStatus::Failure { error, command } => (error.clone(), *command),
            ExecutionStatus::Success => panic!("the transaction succeeds"),
        }
    }

    /// Executes a call whose results are wanted, without keeping anything.
    pub(crate) fn inspect(&mut self, ptb: Ptb) -> Executed {
        let transaction = self.transaction(ALICE, ptb);
        let mode = Mode::Simulate {
            checks: true,
            mock_gas: false,
        };
        let executed = self
            .engine
            .execute(&self.store, &self.env, &transaction, mode);
        executed.expect("inputs are fine")
    }

    /// Publishes a package of Alice and returns its id and the effects.
    pub(crate) fn publish(&mut self, package: &Package) -> (Address, Executed) {
        let mut ptb = Ptb::default();
        let cap = ptb.command(Command::Publish(package.command()));
        ptb.transfer(&[cap], ALICE);
        let executed = self.succeed(ALICE, ptb);
        (package_of(&executed), executed)
    }

    /// A chain with the fixture package; its id.
    pub(crate) fn with_objects() -> (Self, Address) {
        let mut chain = Self::new();
        let (package, _) = chain.publish(&Package::objects());
        (chain, package)
    }

    /// The only object of a type (`module::Name`) of a package.
    pub(crate) fn only(&self, package: Address, module: &str, name: &str) -> Address {
        let found: Vec<_> = self.of_type(package, module, name);
        assert_eq!(found.len(), 1, "objects of type {module}::{name}");
        found[0]
    }

    pub(crate) fn of_type(&self, package: Address, module: &str, name: &str) -> Vec<Address> {
        let is_type = |tag: &StructTag| {
            *tag.address() == package
                && tag.module().as_str() == module
                && tag.name().as_str() == name
        };
        self.store
            .0
            .values()
            .filter(|object| {
                object
                    .as_struct()
                    .is_some_and(|object| is_type(object.object_type()))
            })
            .map(Object::object_id)
            .collect()
    }
}

/// A compiled package.
#[derive(Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) modules: Vec<String>,
    pub(crate) dependencies: Vec<Address>,
    pub(crate) digest: [u8; 32],
}

impl Package {
    fn read(path: &Path) -> Self {
        let json = std::fs::read_to_string(path).unwrap_or_else(|error| {
            panic!("{}: {error}; run ./scripts/move build", path.display())
        });
        serde_json::from_str(&json).unwrap()
    }

    /// The fixture package of most tests.
    pub(crate) fn objects() -> Self {
        Self::fixture("objects")
    }

    /// A fixture package.
    pub(crate) fn fixture(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/move");
        Self::read(&folder.join(format!("{name}.json")))
    }

    /// A package of the repository.
    pub(crate) fn built(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../move/build");
        Self::read(&directory.join(format!("{name}.json")))
    }

    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.modules
            .iter()
            .map(|module| STANDARD.decode(module).unwrap())
            .collect()
    }

    pub(crate) fn command(&self) -> Publish {
        Publish {
            modules: self.bytes(),
            dependencies: self.dependencies.clone(),
        }
    }
}

/// Inputs and commands in the making.
#[derive(Clone, Default)]
pub(crate) struct Ptb {
    pub(crate) inputs: Vec<Input>,
    pub(crate) commands: Vec<Command>,
}

impl Ptb {
    pub(crate) fn input(&mut self, input: Input) -> Argument {
        self.inputs.push(input);
        Argument::Input(u16::try_from(self.inputs.len() - 1).unwrap())
    }

    pub(crate) fn pure<T: serde::Serialize>(&mut self, value: &T) -> Argument {
        self.input(Input::Pure(bcs::to_bytes(value).unwrap()))
    }

    pub(crate) fn owned(&mut self, chain: &Chain, id: Address) -> Argument {
        self.input(Input::ImmutableOrOwned(chain.reference(id)))
    }

    pub(crate) fn shared(&mut self, chain: &Chain, id: Address, mutable: bool) -> Argument {
        let Owner::Shared(version) = *chain.object(id).owner() else {
            panic!("{id} is not shared");
        };
        self.input(Input::Shared(SharedInput::new(id, version, mutable)))
    }

    fn receiving(&self) -> impl Iterator<Item = (Address, u64)> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Receiving(reference) => Some((*reference.object_id(), reference.version())),
            _ => None,
        })
    }

    pub(crate) fn command(&mut self, command: Command) -> Argument {
        self.commands.push(command);
        Argument::Result(u16::try_from(self.commands.len() - 1).unwrap())
    }

    pub(crate) fn call(
        &mut self,
        package: Address,
        function: &str,
        arguments: &[Argument],
    ) -> Argument {
        self.call_generic(package, function, Vec::new(), arguments)
    }

    /// `function` is `module::name`.
    pub(crate) fn call_generic(
        &mut self,
        package: Address,
        function: &str,
        type_arguments: Vec<TypeTag>,
        arguments: &[Argument],
    ) -> Argument {
        let (module, function) = function.split_once("::").unwrap();
        self.command(Command::MoveCall(MoveCall {
            package,
            module: Identifier::new(module).unwrap(),
            function: Identifier::new(function).unwrap(),
            type_arguments,
            arguments: arguments.to_vec(),
        }))
    }

    pub(crate) fn split(&mut self, coin: Argument, amounts: &[u64]) -> Argument {
        let amounts = amounts.iter().map(|amount| self.pure(amount)).collect();
        self.command(Command::SplitCoins(SplitCoins { coin, amounts }))
    }

    pub(crate) fn transfer(&mut self, objects: &[Argument], to: Address) {
        let address = self.pure(&to);
        let objects = objects.to_vec();
        self.command(Command::TransferObjects(TransferObjects {
            objects,
            address,
        }));
    }
}

pub(crate) fn effects(executed: &Executed) -> &TransactionEffectsV2 {
    let TransactionEffects::V2(effects) = &executed.effects else {
        panic!("effects are of version 2");
    };
    effects
}

pub(crate) fn status(executed: &Executed) -> &ExecutionStatus {
    &effects(executed).status
}

pub(crate) fn change(executed: &Executed, id: Address) -> &ChangedObject {
    effects(executed)
        .changed_objects
        .iter()
        .find(|change| change.object_id == id)
        .unwrap_or_else(|| panic!("{id} did not change"))
}

/// Ids of objects that the transaction created, packages excluded.
pub(crate) fn created(executed: &Executed) -> Vec<Address> {
    effects(executed)
        .changed_objects
        .iter()
        .filter(|change| {
            change.id_operation == IdOperation::Created
                && matches!(change.output_state, ObjectOut::ObjectWrite { .. })
        })
        .map(|change| change.object_id)
        .collect()
}

/// Id of the package that the transaction published.
pub(crate) fn package_of(executed: &Executed) -> Address {
    effects(executed)
        .changed_objects
        .iter()
        .find(|change| matches!(change.output_state, ObjectOut::PackageWrite { .. }))
        .expect("a package was published")
        .object_id
}

/// Result `index` of command `command`, decoded.
pub(crate) fn returned<T: serde::de::DeserializeOwned>(
    executed: &Executed,
    command: usize,
    index: usize,
) -> T {
    assert_eq!(
        *status(executed),
        ExecutionStatus::Success,
        "{:?}",
        executed.failure_detail
    );
    bcs::from_bytes(&executed.command_outputs[command].returned[index].1).unwrap()
}

/// What must hold of every outcome: effects, objects and digests agree.
pub(crate) fn check_consistency(executed: &Executed) {
    let effects = effects(executed);
    let mut written = executed
        .written
        .iter()
        .map(|object| (object.object_id(), object))
        .collect::<BTreeMap<_, _>>();
    let mut removed: Vec<_> = executed.removed.clone();
    let mut ids = effects
        .changed_objects
        .iter()
        .map(|change| change.object_id);
    assert!(
        ids.clone().zip(ids.by_ref().skip(1)).all(|(a, b)| a < b),
        "sorted by id"
    );
    for change in &effects.changed_objects {
        if let ObjectIn::Exist {
            version,
            digest,
            owner,
        } = &change.input_state
        {
            let before = executed
                .inputs
                .iter()
                .find(|object| object.object_id() == change.object_id)
                .expect("changed objects were loaded");
            assert_eq!(
                (before.version(), before.digest(), *before.owner()),
                (*version, *digest, *owner)
            );
        }
        match &change.output_state {
            ObjectOut::NotExist => {
                assert!(removed.contains(&change.object_id));
                removed.retain(|id| *id != change.object_id);
            }
            ObjectOut::ObjectWrite { digest, owner } => {
                let object = written
                    .remove(&change.object_id)
                    .expect("written objects are returned");
                assert_eq!((object.digest(), *object.owner()), (*digest, *owner));
                assert_eq!(object.version(), effects.lamport_version);
                assert_eq!(object.previous_transaction(), effects.transaction_digest);
            }
            ObjectOut::PackageWrite { version, digest } => {
                let object = written
                    .remove(&change.object_id)
                    .expect("packages are returned");
                assert_eq!((object.version(), object.digest()), (*version, *digest));
            }
            _ => panic!("unknown output state"),
        }
    }
    assert!(
        written.is_empty(),
        "written but not in the effects: {:?}",
        written.keys()
    );
    assert!(
        removed.is_empty(),
        "removed but not in the effects: {removed:?}"
    );
    assert_eq!(
        effects.events_digest,
        executed
            .events
            .as_ref()
            .map(sui_sdk_types::TransactionEvents::digest)
    );
    let bytes = bcs::to_bytes(&executed.effects).unwrap();
    assert_eq!(
        bcs::from_bytes::<TransactionEffects>(&bytes).unwrap(),
        executed.effects
    );
}
